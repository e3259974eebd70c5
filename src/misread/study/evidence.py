"""Evidence: all that is known of a finished study, gathered from its folder.

The figures and the report draw it, `conclude` writes the JSON files. Nothing here trains, and
nothing here draws.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.errors import PlanError
from misread.files import read_json
from misread.judge import (
    CellAtlas,
    Verdict,
    cell_atlas,
    class_metrics,
    confusion_counts,
    rank_cells,
)
from misread.judge.trade import Leans
from misread.learn.views import Parts, View, load_parts
from misread.store import RunFolder
from misread.study.accuracy import spread
from misread.study.arms import BASELINE
from misread.study.claims import ComparisonOutcome, compare
from misread.study.plan import Plan, TargetFrom, load_plan
from misread.study.preview import Preview
from misread.study.questions import Cell
from misread.study.runs import ArmRuns, Readings, leans_of, load_arm
from misread.study.select import Errors, Shrinkage, shrinkage
from misread.study.slices import Slices, slice_up
from misread.study.verdict import judge_arm, seeds_needed


@dataclass(frozen=True)
class SliceEvidence:
    """A counter-slice as every arm reads it: images of one class, `label`, under an operation.

    `ids_M` are positions in *confirm*; `predictions` maps each arm to `uint8 [S,M]`.
    """

    view: View
    label: int
    ids_M: npt.NDArray[np.int64]
    predictions: dict[str, Readings]


@dataclass(frozen=True)
class Evidence:
    """All that is known of a finished study.

    Attributes
    ----------
    folder, plan, parts : Path, Plan, Parts
        The folder, the locked plan, and the images.
    runs : mapping of str to ArmRuns
        The finished runs of every arm, the baseline first; an arm that was settled early has the
        first seeds.
    errors, preview : dict
        `errors.json` and `preview.json`; empty where no target is asked for.
    """

    folder: Path
    plan: Plan
    parts: Parts
    runs: dict[str, ArmRuns]
    errors: dict[str, Any]
    preview: dict[str, Any]

    @property
    def train(self) -> Dataset:
        """The training set."""
        return self.parts.train

    @property
    def confirm(self) -> Dataset:
        """The images that were read."""
        return self.parts.confirm

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, in the order of the plan."""
        return tuple(self.runs)

    @property
    def treated_arms(self) -> tuple[str, ...]:
        """The arms other than the baseline."""
        return tuple(arm for arm in self.arms if arm != BASELINE)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in the order of all rows; an arm that was settled early has the first."""
        return next(iter(self.runs.values())).seeds

    @property
    def target(self) -> Cell:
        """The target, (true, predicted); PlanError if none is asked for."""
        if self.plan.target is None:
            msg = f"{self.folder} holds a study of accuracies, which has no target; choose another."
            raise PlanError(msg)
        return self.plan.target

    @property
    def n_runs(self) -> int:
        """Number of runs of all arms."""
        return sum(len(runs.seeds) for runs in self.runs.values())

    @property
    def saved(self) -> int | None:
        """Runs that looks saved; None where there are no looks in the plan."""
        study = self.plan.study
        return len(study.seeds) * len(self.arms) - self.n_runs if study.adaptive else None

    @property
    def predictions(self) -> dict[str, Readings]:
        """The predictions of every arm on *confirm*, `[S,N]`."""
        return {arm: runs.preds_SN for arm, runs in self.runs.items()}

    @cached_property
    def slices(self) -> tuple[SliceEvidence, ...]:
        """The counter-slices as every arm reads them."""
        ids = next(iter(self.runs.values())).ids
        return tuple(
            SliceEvidence(
                view, view.label, ids[view], {arm: r.views[view] for arm, r in self.runs.items()}
            )
            for view in self.plan.slices
            if view.label is not None
        )

    @property
    def histories(self) -> dict[str, tuple[list[dict[str, float]], ...]]:
        """The epochs of every arm, seed by seed."""
        return {arm: runs.histories for arm, runs in self.runs.items()}

    @property
    def environment(self) -> dict[str, Any]:
        """Versions and machine of the first run."""
        first = next(iter(self.runs.values())).environments[0]
        return {key: value for key, value in first.items() if not key.endswith("_seconds")}

    @property
    def train_seconds(self) -> dict[str, tuple[float, ...]]:
        """Seconds of training of every arm, seed by seed."""
        return {
            arm: tuple(float(machine["train_seconds"]) for machine in runs.environments)
            for arm, runs in self.runs.items()
        }

    def counts(self, arm: str) -> npt.NDArray[np.int64]:
        """Return the confusion counts of an arm on *confirm*, `[S,K,K]`."""
        labels_N, n_classes = self.confirm.labels_N, self.confirm.n_classes
        return np.stack([confusion_counts(labels_N, r, n_classes) for r in self.predictions[arm]])

    @property
    def best(self) -> str:
        """The arm with the highest mean accuracy."""
        return max(self.arms, key=lambda arm: self.accuracies.arms[arm].accuracy.mean)

    def wrong(self, arm: str) -> npt.NDArray[np.int64]:
        """Return which readings of an arm are wrong, 0 or 1, `[S,N]`."""
        return self.runs[arm].wrong_SN(self.confirm.labels_N)

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each treated arm; empty where no target is asked for."""
        if self.plan.target is None:
            return {}
        before = self.runs[BASELINE].evidence
        return {
            arm: judge_arm(self.plan, arm, before, self.runs[arm].evidence, leans=self.leans)
            for arm in self.treated_arms
        }

    @cached_property
    def leans(self) -> Leans | None:
        """The baseline's readings as its boundary moves; None if unknown."""
        return leans_of(self.runs[BASELINE], self.plan, self.parts)

    @cached_property
    def accuracies(self) -> ComparisonOutcome:
        """The outcome of the accuracies of the arms, as in `comparison.json`."""
        return compare(self.plan, self.confirm, self.runs)

    @cached_property
    def atlas(self) -> CellAtlas:
        """The target's images by how many baseline seeds misread them, on *confirm*."""
        preds_SN = self.predictions[BASELINE]
        return cell_atlas(self.confirm.labels_N, preds_SN, *self.target, self.confirm.disputed_N)

    @cached_property
    def sliced(self) -> Slices:
        """The target broken down by shape and by writer, as it goes into `slices.json`."""
        return slice_up(
            self.confirm, self.predictions, self.target, alpha=self.plan.study.judge.alpha
        )

    @cached_property
    def select_sizes_SK(self) -> npt.NDArray[np.int64]:
        """Numbers of images of each class that the baseline read on *select*, `[S,K]`."""
        runs = [RunFolder(self.folder, BASELINE, seed) for seed in self.errors["seeds"]]
        n_classes = self.confirm.n_classes
        return np.stack([np.bincount(r.select()["labels"], minlength=n_classes) for r in runs])

    def shrinkage(self, true: int, predicted: int) -> Shrinkage:
        """Return a confusion's rate on *select* beside that on *confirm*."""
        cell = next(
            c for c in self.errors["cells"] if (c["true"], c["predicted"]) == (true, predicted)
        )
        times = Counter(image["seed"] for image in cell["images"])
        of_class_N = self.confirm.labels_N == true
        return shrinkage(
            words=f"{self.confirm.class_names[true]}→{self.confirm.class_names[predicted]}",
            errors_S=[times[seed] for seed in self.errors["seeds"]],
            images_S=self.select_sizes_SK[:, true].tolist(),
            confirm_SN=self.predictions[BASELINE][:, of_class_N] == predicted,
            chosen=self.plan.target_from == TargetFrom.SELECT,
            alpha=self.plan.study.judge.alpha,
        )

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The baseline over seeds, as it goes into `experiment_summary.json`."""
        counts_SKK = self.counts(BASELINE)
        metrics = [class_metrics(counts_KK) for counts_KK in counts_SKK]
        # All seeds read the same images here, so p-values over seeds alone would not hold.
        over_seeds_alone = {"p_rank", "q_rank", "asymmetry_p", "asymmetry_method"}
        cells = [
            cell.model_dump(mode="json", exclude=over_seeds_alone)
            for cell in rank_cells(counts_SKK)
        ]
        return {
            **self.plan.heading,
            "arm": BASELINE,
            "part": "confirm",
            "n_images": len(self.confirm),
            "seeds": list(self.seeds),
            "accuracy": spread([metric.accuracy for metric in metrics]).model_dump(),
            "per_class": [
                {
                    "class": name,
                    "precision": spread([metric.precision[k] for metric in metrics]).model_dump(),
                    "recall": spread([metric.recall[k] for metric in metrics]).model_dump(),
                }
                for k, name in enumerate(self.confirm.class_names)
            ],
            "confusion_counts": counts_SKK.sum(axis=0).tolist(),
            "confusion_counts_per_seed": counts_SKK.tolist(),
            "ranked_cells": cells,
            "target": {
                "cell": list(self.target),
                "from": self.plan.target_from,
                "select": self.plan.target_on_select,
                "shrinkage": self.shrinkage(*self.target).model_dump(mode="json"),
                "confirm": next(c for c in cells if (c["true"], c["predicted"]) == self.target),
            },
            "select": {
                "accuracy": spread(self.errors["accuracy"]).model_dump(),
                "ranked_cells": [
                    {key: value for key, value in cell.items() if key != "images"}
                    for cell in self.errors["cells"]
                ],
            },
        }


def load_evidence(folder: Path, seeds: tuple[int, ...] | None = None) -> Evidence:
    """Gather a finished study, or only some of its seeds, which are finished.

    StoreError if a run is missing or damaged, PlanError if the plan was altered.
    """
    plan = load_plan(folder)
    if seeds is not None:
        plan = plan.model_copy(update={"study": plan.study.model_copy(update={"seeds": seeds})})
    parts = load_parts(plan.study.dataset, plan.study.sizes["confirm_size"])
    needed = seeds_needed(plan, parts, folder)
    asks = plan.target is not None
    return Evidence(
        folder=folder,
        plan=plan,
        parts=parts,
        runs={arm: load_arm(plan, parts, folder, arm, n) for arm, n in needed.items()},
        errors=read_json(folder / "errors.json", Errors) if asks else {},
        preview=read_json(folder / "preview.json", Preview) if asks else {},
    )
