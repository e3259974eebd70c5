"""From complete runs to evidence: what was read, what it means, and the files that say so.

`load_evidence` gathers a study's folder into one object, which the figures and the report draw;
`conclude` writes the JSON files. Nothing here trains, and nothing here draws.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.sources import load
from misread.files import read_json, write_json
from misread.judge import (
    CellAtlas,
    ClassMetrics,
    Verdict,
    cell_atlas,
    class_metrics,
    confusion_counts,
    rank_cells,
)
from misread.learn.policy import Slice
from misread.store import RunFolder
from misread.study.outcome import StudyVerdict
from misread.study.plan import Plan, load_plan
from misread.study.preview import preview_numbers
from misread.study.select import Shrinkage, errors_on_select, shrinkage
from misread.study.slices import Slices, slice_up
from misread.study.study import BASELINE
from misread.study.verdict import ArmReadings, confirm_of, judge_arm, readings_in, seeds_needed

Predictions = npt.NDArray[np.uint8]
NOT_PLANNED = "slices by shape and by writer are in no plan"


@dataclass(frozen=True)
class SliceEvidence:
    """A counter-slice as every arm reads it.

    `ids_M` are positions in *confirm*; `predictions` maps each arm to `uint8 [S,M]`.
    """

    slice: Slice
    ids_M: npt.NDArray[np.int64]
    predictions: dict[str, Predictions]


@dataclass(frozen=True)
class Evidence:
    """All that a finished study knows.

    `predictions` maps each arm to `uint8 [S,N]`, `probs` to `float16 [S,N,K]`, rows in the order of
    `seeds`; `histories` to a list of epochs per seed. `confirm` holds the images that were read,
    and `confirm_ids_N` their places in the test set. `corrupted` maps each arm to its readings of
    the corruptions that the plan names, `uint8 [S,N]`.
    """

    folder: Path
    plan: Plan
    train: Dataset
    confirm: Dataset
    confirm_ids_N: npt.NDArray[np.int64]
    predictions: dict[str, Predictions]
    probs: dict[str, npt.NDArray[np.float16]]
    slices: tuple[SliceEvidence, ...]
    histories: dict[str, tuple[list[dict[str, float]], ...]]
    environment: dict[str, Any]
    train_seconds: dict[str, tuple[float, ...]]
    errors: dict[str, Any]
    preview: dict[str, Any]
    select_sizes_SK: npt.NDArray[np.int64]
    corrupted: dict[str, dict[str, Predictions]] = field(default_factory=dict)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, the baseline first."""
        return tuple(self.plan.policies)

    @property
    def treated_arms(self) -> tuple[str, ...]:
        """The arms other than the baseline."""
        return tuple(arm for arm in self.arms if arm != BASELINE)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in the order of all rows; an arm that was settled early has the first."""
        return self.plan.study.seeds[: len(self.predictions[BASELINE])]

    @property
    def n_runs(self) -> int:
        """How many runs there are, over all arms."""
        return sum(map(len, self.predictions.values()))

    @property
    def saved(self) -> int | None:
        """Runs that looks saved; None where there are no looks in the plan."""
        study = self.plan.study
        return len(study.seeds) * len(self.arms) - self.n_runs if study.adaptive else None

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each treated arm."""
        read = {
            arm: ArmReadings(
                own,
                {piece.slice: piece.predictions[arm] for piece in self.slices},
                self.corrupted.get(arm, {}),
            )
            for arm, own in self.predictions.items()
        }
        return {
            arm: judge_arm(self.plan, self.confirm, arm, read[BASELINE], read[arm])
            for arm in self.treated_arms
        }

    @cached_property
    def atlas(self) -> CellAtlas:
        """The target's images by how many baseline seeds misread them, on *confirm*."""
        preds_SN = self.predictions[BASELINE]
        return cell_atlas(
            self.confirm.labels_N, preds_SN, *self.plan.target, self.confirm.disputed_N
        )

    @cached_property
    def sliced(self) -> Slices:
        """The target broken down by shape and by writer, as it goes into `slices.json`."""
        return slice_up(
            self.confirm, self.predictions, self.plan.target, alpha=self.plan.study.judge.alpha
        )

    def shrinkage(self, true: int, predicted: int) -> Shrinkage:
        """Return a confusion's rate on *select* beside that on *confirm*."""
        cell = next(
            c for c in self.errors["cells"] if (c["true"], c["predicted"]) == (true, predicted)
        )
        times = Counter(image["seed"] for image in cell["images"])
        own_N = self.confirm.labels_N == true
        return shrinkage(
            words=f"{self.confirm.class_names[true]}→{self.confirm.class_names[predicted]}",
            errors_S=[times[seed] for seed in self.errors["seeds"]],
            images_S=self.select_sizes_SK[:, true].tolist(),
            confirm_SN=self.predictions[BASELINE][:, own_N] == predicted,
            chosen=self.plan.target_from == "select",
            alpha=self.plan.study.judge.alpha,
        )

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The baseline over seeds, as it goes into `experiment_summary.json`."""
        counts_SKK = np.stack([self.counts(BASELINE, s) for s in range(len(self.seeds))])
        metrics = [class_metrics(counts_KK) for counts_KK in counts_SKK]
        # All seeds read the same images here, so p-values over seeds alone would not hold.
        over_seeds_alone = {"p_rank", "q_rank", "asymmetry_p", "asymmetry_method"}
        cells = [
            cell.model_dump(mode="json", exclude=over_seeds_alone)
            for cell in rank_cells(counts_SKK)
        ]
        return {
            "study": self.plan.study.name,
            "smoke": self.plan.study.smoke,
            "exploratory": self.plan.exploratory,
            "plan_sha256": self.plan.sha256,
            "arm": BASELINE,
            "part": "confirm",
            "n_images": len(self.confirm),
            "seeds": list(self.seeds),
            "accuracy": _spread([metric.accuracy for metric in metrics]),
            "per_class": [
                {
                    "class": name,
                    "precision": _spread([metric.precision[k] for metric in metrics]),
                    "recall": _spread([metric.recall[k] for metric in metrics]),
                }
                for k, name in enumerate(self.confirm.class_names)
            ],
            "confusion_counts": counts_SKK.sum(axis=0).tolist(),
            "confusion_counts_per_seed": counts_SKK.tolist(),
            "ranked_cells": cells,
            "target": {
                "cell": list(self.plan.target),
                "from": self.plan.target_from,
                "select": self.plan.target_on_select,
                "shrinkage": self.shrinkage(*self.plan.target).model_dump(mode="json"),
                "confirm": next(
                    c for c in cells if (c["true"], c["predicted"]) == self.plan.target
                ),
            },
            "select": {
                "accuracy": _spread(self.errors["accuracy"]),
                "ranked_cells": [
                    {key: value for key, value in cell.items() if key != "images"}
                    for cell in self.errors["cells"]
                ],
            },
        }

    def counts(self, arm: str, row: int) -> npt.NDArray[np.int64]:
        """Return the confusion counts `[K,K]` of an arm's seed number `row` on *confirm*."""
        return confusion_counts(
            self.confirm.labels_N, self.predictions[arm][row], self.confirm.n_classes
        )

    def comparison(self, arm: str, row: int) -> dict[str, Any]:
        """Return before and after for one treated arm and seed, as in `comparison_seed_*.json`."""
        true, predicted = self.plan.target
        sides: dict[str, dict[str, Any]] = {}
        for side, name in (("before", BASELINE), ("after", arm)):
            counts_KK = self.counts(name, row)
            metrics = class_metrics(counts_KK)
            hit_N = (self.confirm.labels_N == true) & (self.predictions[name][row] == predicted)
            sides[side] = {
                "arm": name,
                "accuracy": metrics.accuracy,
                "target_cell": {
                    "errors": int(counts_KK[true, predicted]),
                    "rate": float(counts_KK[true, predicted] / counts_KK[true].sum()),
                    "images": self.confirm_ids_N[hit_N].tolist(),
                },
                "reverse_cell": {"errors": int(counts_KK[predicted, true])},
                "classes": {
                    self.confirm.class_names[k]: _of_class(metrics, k) for k in self.plan.target
                },
                "slices": {
                    piece.slice.name: self._slice_reading(piece, name, row) for piece in self.slices
                },
            }
        return {
            "study": self.plan.study.name,
            "smoke": self.plan.study.smoke,
            "exploratory": self.plan.exploratory,
            "plan_sha256": self.plan.sha256,
            "seed": self.seeds[row],
            "target": [true, predicted],
            **sides,
        }

    def _slice_reading(self, piece: SliceEvidence, arm: str, row: int) -> dict[str, Any]:
        label = piece.slice.label
        other = next(k for k in self.plan.target if k != label)
        read_M = piece.predictions[arm][row]
        return {
            "n_images": len(read_M),
            "errors": int((read_M != label).sum()),
            f"read_as_{other}": int((read_M == other).sum()),
        }


def _of_class(metrics: ClassMetrics, k: int) -> dict[str, float | None]:
    return {"precision": metrics.precision[k], "recall": metrics.recall[k]}


def _spread(values: list[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "sd": float(np.std(known, ddof=1)) if len(known) > 1 else None,
        "per_seed": values,
    }


def load_evidence(folder: Path) -> Evidence:
    """Gather a finished study.

    Raises
    ------
    StoreError
        If a run is missing or damaged.
    PlanError
        If the plan was altered.
    """
    plan = load_plan(folder)
    train, _ = load(plan.study.dataset)
    confirm, confirm_ids_N = confirm_of(plan)
    needed = seeds_needed(plan, folder)
    runs = {
        arm: [RunFolder(folder, arm, seed) for seed in plan.study.seeds[: needed[arm]]]
        for arm in plan.policies
    }
    arrays = {arm: [run.predictions() for run in own] for arm, own in runs.items()}
    read = {arm: readings_in(plan, own) for arm, own in arrays.items()}
    environments = {
        arm: [read_json(run.path / "environment.json") for run in own] for arm, own in runs.items()
    }
    slices = tuple(
        SliceEvidence(
            piece,
            np.flatnonzero(confirm.labels_N == piece.label),
            {arm: own.slices[piece] for arm, own in read.items()},
        )
        for piece in plan.slices
    )
    first = environments[BASELINE][0]
    errors = read_json(folder / "errors.json")
    return Evidence(
        folder=folder,
        plan=plan,
        train=train,
        confirm=confirm,
        confirm_ids_N=confirm_ids_N,
        predictions={arm: own.preds_SN for arm, own in read.items()},
        probs={a: np.concatenate([one["probs"] for one in own]) for a, own in arrays.items()},
        slices=slices,
        histories={arm: tuple(run.history() for run in own) for arm, own in runs.items()},
        environment={key: value for key, value in first.items() if not key.endswith("_seconds")},
        train_seconds={
            arm: tuple(float(e["train_seconds"]) for e in own) for arm, own in environments.items()
        },
        errors=errors,
        select_sizes_SK=np.stack(
            [
                np.bincount(
                    RunFolder(folder, BASELINE, seed).select()["labels"],
                    minlength=confirm.n_classes,
                )
                for seed in errors["seeds"]
            ]
        ),
        preview=read_json(folder / "preview.json"),
        corrupted={arm: own.corrupted for arm, own in read.items()},
    )


def slices_as_json(evidence: Evidence, sliced: Slices | None = None) -> dict[str, Any]:
    """Return what `slices.json` holds: the target's slices, or those of another confusion."""
    plan = evidence.plan
    return {
        "study": plan.study.name,
        "smoke": plan.study.smoke,
        "exploratory": plan.exploratory or NOT_PLANNED,
        "plan_sha256": plan.sha256,
        **(sliced or evidence.sliced).model_dump(mode="json"),
    }


def write_slices(evidence: Evidence) -> None:
    """Write `slices.json`, which needs no new reading.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    write_json(evidence.folder / "slices.json", slices_as_json(evidence))


def write_from_select(folder: Path, *, only_if_others: bool = False) -> None:
    """Write `errors.json` and `preview.json` of the seeds of the plan.

    With `only_if_others` only where `misread errors` or `preview` was asked of other seeds since:
    a report would show their rates as those of the study.

    Errors as in `load_evidence`.
    """
    plan = load_plan(folder)
    seeds = plan.study.seeds[: seeds_needed(plan, folder)[BASELINE]]
    if only_if_others and read_json(folder / "errors.json")["seeds"] == list(seeds):
        return
    folders = [RunFolder(folder, BASELINE, seed) for seed in seeds]
    write_json(folder / "errors.json", errors_on_select(plan.study, folders))
    write_json(folder / "preview.json", preview_numbers(plan.study, plan.target, folder))


def conclude(folder: Path) -> Evidence:
    """Write `preview.json`, `experiment_summary.json`, comparisons, `verdict.json`, `slices.json`.

    Errors as in `load_evidence`.
    """
    write_from_select(folder)
    plan = load_plan(folder)
    evidence = load_evidence(folder)
    write_json(folder / "experiment_summary.json", evidence.summary)
    for arm in evidence.treated_arms:
        for row, seed in enumerate(evidence.seeds[: len(evidence.predictions[arm])]):
            write_json(folder / arm / f"comparison_seed_{seed}.json", evidence.comparison(arm, row))
    outcome = StudyVerdict(
        study=plan.study.name,
        smoke=plan.study.smoke,
        exploratory=plan.exploratory,
        plan_sha256=plan.sha256,
        seeds=evidence.seeds,
        saved=evidence.saved,
        arms=evidence.verdicts,
    )
    write_json(folder / "verdict.json", outcome.model_dump(mode="json"))
    write_slices(evidence)
    return evidence
