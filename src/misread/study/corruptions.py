"""Robustness of the arms of a study: its trained models read *confirm* corrupted in fifteen ways.

In the folder of the corruptions every severity has one of its own, `mnist-c` where each corruption
is as strong as there, in which `reread` keeps what the models have read; beside it::

    readings.npz        all of it: labels [N], seeds [S], corruptions [C], of each arm [S,N] and,
                        corrupted, [C,S,N]
    verdict.json        the judge's verdict on each treated arm
    corruptions.json    written last: how well each arm reads

The judge is called once for each arm, with clean *confirm* as the study itself read it and the
corruptions as slices, so that each has its items: safe, harmed or undetermined.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from misread.data.dataset import Dataset
from misread.errors import StoreError, StudyError
from misread.files import Arrays, Frozen, read_json, write_arrays, write_json
from misread.images.corrupt import corrupt, mnist_c
from misread.judge import Item, Predictions, Verdict
from misread.learn.views import View, load_parts, views_in
from misread.store import locked
from misread.study.arms import BASELINE
from misread.study.plan import Plan, load_target_plan
from misread.study.reread import EXPLORATORY, NO_CALLS, Calls, judge_again, reread
from misread.study.robustness import ArmMean, ArmOn, arm_mean, arm_on
from misread.study.runs import load_arm
from misread.study.verdict import StudyVerdict, seeds_needed

CLEAN = "clean"


class Robustness(Frozen):
    """Accuracies and errors of a study's arms on corrupted images; `corruptions.json`."""

    study: str
    smoke: bool
    exploratory: str
    plan_sha256: str
    dataset_sha256: tuple[str, str]
    corruptions: tuple[str, ...]  # with their severities, as in "fog@5"
    cell: str  # name of the target
    n_images: int  # of *confirm*
    n_class: int  # those of them of the target's true class
    seeds: tuple[int, ...]  # of the baseline; an arm that was settled early has the first of them
    alpha: float  # of all intervals
    rows: dict[str, dict[str, ArmOn]]  # "clean" and each corruption → each arm, the baseline first
    means: dict[str, ArmMean]  # of each arm, over all corruptions


@dataclass(frozen=True)
class Corruptions:
    """Readings of corrupted images by a study's models: numbers, verdicts, and their folder."""

    folder: Path
    robustness: Robustness
    outcome: StudyVerdict

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each treated arm."""
        return self.outcome.arms

    def items(self, arm: str, corruption: str) -> list[Item]:
        """Return what the judge says of an arm on one corruption, class by class."""
        return [item for item in self.verdicts[arm].collateral if item.slice_name == corruption]


def run_corruptions(
    folder: Path,
    out: Path,
    severity: int | None = None,
    *,
    jobs: int | None = None,
    calls: Calls = NO_CALLS,
) -> Corruptions:
    """Let every model of a study read *confirm* corrupted, and judge each arm; resumable.

    `severity`, 1 to 5, is of those corruptions that have several; None takes that of MNIST-C for
    each. Each has a folder below `out`. StudyError if there
    is no such severity, DataError if the images are not of MNIST's kind; else errors as in
    `run_transfer`.
    """
    if severity is not None and not 1 <= severity <= 5:
        msg = f"there is no severity {severity}; choose one from 1 to 5."
        raise StudyError(msg)
    plan = load_target_plan(folder)
    study = plan.study
    parts = load_parts(study.dataset, study.sizes["confirm_size"])
    corrupt(parts.confirm.images[:0], mnist_c()[0])  # other images are refused before all work
    names = tuple(spec.name for spec in mnist_c(severity))
    place = (out / ("mnist-c" if severity is None else f"severity-{severity}")).resolve()
    stated = {
        "corruptions": list(names),
        "source_sha256": list(plan.dataset_sha256),
        "plan_sha256": plan.sha256,
    }
    needed = seeds_needed(plan, parts, folder)
    with locked(place):
        views = tuple(View(corruption=name) for name in names)
        at = folder.resolve()
        read = reread(plan, needed, at, views, place, stated, jobs=jobs, calls=calls)
        clean = {
            arm: load_arm(plan, parts, folder, arm, n_seeds).side for arm, n_seeds in needed.items()
        }
        return _conclude(plan, parts.confirm, clean, read, place)


def load_corruptions(place: Path) -> Corruptions:
    """Return the finished readings of a severity; StoreError if they are unfinished or damaged."""
    try:
        return Corruptions(
            place,
            Robustness.model_validate(read_json(place / "corruptions.json")),
            StudyVerdict.model_validate(read_json(place / "verdict.json")),
        )
    except ValidationError:
        msg = f"{place} is of another version; run `misread corruptions` again."
        raise StoreError(msg) from None


def _conclude(
    plan: Plan,
    confirm: Dataset,
    clean: dict[str, Predictions],
    read: dict[str, list[Arrays]],
    place: Path,
) -> Corruptions:
    names = tuple(view.corruption for view in views_in(read[BASELINE][0]))
    files = [f"slice_{number}_predictions" for number in range(len(names))]
    corrupted = {  # [C,S,N]
        arm: np.array([[run[file] for run in runs] for file in files]) for arm, runs in read.items()
    }
    preds = {arm: side.preds_SN for arm, side in clean.items()}
    labels_N, seeds = confirm.labels_N, plan.study.seeds[: clean[BASELINE].n_seeds]
    arrays = {
        "labels": labels_N.astype(np.min_scalar_type(confirm.n_classes - 1)),
        "seeds": np.array(seeds),
        "corruptions": np.array(names, dtype="U"),
        **preds,
        **{f"{arm} corrupted": read_CSN for arm, read_CSN in corrupted.items()},
    }
    write_arrays(place / "readings.npz", arrays)
    sides = {arm: replace(side, slices={}) for arm, side in clean.items()}
    for arm, read_CSN in corrupted.items():  # every corruption is a slice in place of the study's
        for name, preds_SN in zip(names, read_CSN, strict=True):
            sides[arm] = sides[arm].with_view(name, preds_SN)
    write_json(place / "verdict.json", judge_again(plan, sides).model_dump(mode="json"))
    alpha, groups_N = plan.study.judge.alpha, clean[BASELINE].groups
    true, predicted = plan.cells[0]
    states = {CLEAN: preds}
    for c, name in enumerate(names):
        states[name] = {arm: read_CSN[c] for arm, read_CSN in corrupted.items()}
    robustness = Robustness(
        **plan.heading | {"exploratory": plan.exploratory or EXPLORATORY},
        dataset_sha256=plan.dataset_sha256,
        corruptions=names,
        cell=f"{confirm.class_names[true]}→{confirm.class_names[predicted]}",
        n_images=len(confirm),
        n_class=int((labels_N == true).sum()),
        seeds=seeds,
        alpha=alpha,
        rows={
            name: {
                arm: arm_on(labels_N, state, arm, (true, predicted), alpha, groups_N)
                for arm in state
            }
            for name, state in states.items()
        },
        means={arm: arm_mean(labels_N, corrupted, arm, alpha, groups_N) for arm in corrupted},
    )
    write_json(place / "corruptions.json", robustness.model_dump(mode="json"))
    return load_corruptions(place)
