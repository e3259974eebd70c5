"""From runs to a verdict on an arm, and how many seeds an adaptive study needs of each.

What was settled at which look is read off the complete runs, and kept nowhere else: a study that is
stopped at any moment goes on to the same result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.parts import stratified_subset
from misread.data.sources import load
from misread.judge import SliceReadings, Verdict, judge, judge_look
from misread.learn.policy import Slice
from misread.store import RunFolder
from misread.study.plan import Plan
from misread.study.study import BASELINE

Predictions = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ArmReadings:
    """What S seeds of an arm read: *confirm* as `[S,N]`, each slice of the plan as `[S,M]`.

    `corrupted` has *confirm* in each corruption of the plan, `[S,N]`.
    """

    preds_SN: Predictions
    slices: dict[Slice, Predictions]
    corrupted: dict[str, Predictions]

    def of_first(self, n_seeds: int) -> "ArmReadings":
        """Return the readings of the first seeds alone."""
        slices = {piece: own[:n_seeds] for piece, own in self.slices.items()}
        corrupted = {name: own[:n_seeds] for name, own in self.corrupted.items()}
        return ArmReadings(self.preds_SN[:n_seeds], slices, corrupted)


def confirm_of(plan: Plan) -> tuple[Dataset, npt.NDArray[np.int64]]:
    """Return *confirm* of a plan, and the places of its images in the test set."""
    _, test = load(plan.study.dataset)
    some_run = plan.study.run(BASELINE, None, plan.study.seeds[0], 0, plan.dataset_sha256)
    ids_N = stratified_subset(test.labels_N, some_run.confirm_size)
    return test.take(ids_N), ids_N


def groups_of(plan: Plan, confirm: Dataset) -> npt.NDArray[np.int64] | None:
    """Return the group of each image of *confirm*, None where the plan was locked without."""
    return confirm.groups_N if plan.grouped else None


def read_arm(plan: Plan, folder: Path, arm: str, n_seeds: int) -> ArmReadings:
    """Return what the first `n_seeds` runs of an arm read.

    Raises
    ------
    StoreError
        If a run is missing or damaged.
    """
    runs = [RunFolder(folder, arm, seed) for seed in plan.study.seeds[:n_seeds]]
    return readings_in(plan, [run.predictions() for run in runs])


def readings_in(plan: Plan, read: Sequence[Mapping[str, npt.NDArray[Any]]]) -> ArmReadings:
    """Return the readings in the `predictions.npz` of an arm's runs, one per seed."""

    def read_in(name: str) -> Predictions:
        numbers = [arrays["slice_names"].tolist().index(name) for arrays in read]
        own = zip(read, numbers, strict=True)
        return np.stack([arrays[f"slice_{n}_predictions"] for arrays, n in own])

    return ArmReadings(
        np.concatenate([arrays["predictions"] for arrays in read]),
        {piece: read_in(piece.name) for piece in plan.slices},
        {name: read_in(name) for name in plan.study.corruptions},
    )


def judge_arm(
    plan: Plan, confirm: Dataset, arm: str, before: ArmReadings, after: ArmReadings
) -> Verdict:
    """Return the verdict on a treated arm against the same seeds of the baseline.

    Parameters
    ----------
    plan
        Names the question; with looks in it the verdict is that of the look at which there are so
        many seeds.
    confirm
        The images that were read; their groups count where the plan says so.
    arm
        The treated arm; its policy says which slices gate it: every operation, up to its own
        largest size.
    before, after
        Readings of the baseline, with as many seeds or more, and of the arm.

    Returns
    -------
    Verdict
        All of the evidence.
    """
    spec, policy = plan.study.judge, plan.policies[arm]
    n_seeds, largest = len(after.preds_SN), policy.size_px[1] if policy else 0
    before = before.of_first(n_seeds)
    groups_N = groups_of(plan, confirm)
    asked: dict[str, Any] = {
        "cells": plan.cells,
        "n_classes": confirm.n_classes,
        "class_names": confirm.class_names,
        "margins": spec.margins,
        "alpha": spec.alpha,
        "reduction": spec.reduction,
        "slices": [
            SliceReadings(
                f"{piece.operation} {piece.size_px} px",
                confirm.labels_N[confirm.labels_N == piece.label],
                before_SM,
                after.slices[piece],
                None if groups_N is None else groups_N[confirm.labels_N == piece.label],
            )
            for piece, before_SM in before.slices.items()
            if piece.size_px <= largest
        ]
        + [
            SliceReadings(name, confirm.labels_N, before_SN, after.corrupted[name], groups_N)
            for name, before_SN in before.corrupted.items()
        ],
        "disputed_N": confirm.disputed_N,
        "arm": arm,
        "seeds": plan.study.seeds[:n_seeds],
        "exploratory": plan.exploratory,
        "groups_N": groups_N,
    }
    readings = (confirm.labels_N, before.preds_SN, after.preds_SN)
    if plan.study.adaptive is None:
        return judge(*readings, **asked)
    return judge_look(plan.study.adaptive, *readings, **asked)


def verdict_at(plan: Plan, folder: Path, arm: str, n_seeds: int) -> Verdict:
    """Return the verdict on an arm after so many seeds; errors as in `read_arm`."""
    before, after = (read_arm(plan, folder, name, n_seeds) for name in (BASELINE, arm))
    return judge_arm(plan, confirm_of(plan)[0], arm, before, after)


def seeds_needed(plan: Plan, folder: Path) -> dict[str, int]:
    """Return how many seeds count of each arm: all, or those up to the look that settled it.

    The baseline has as many as the arm that needed most. Errors as in `read_arm`.
    """
    study = plan.study
    if study.adaptive is None or not study.treated_arms:
        return dict.fromkeys(plan.policies, len(study.seeds))
    needed = {}
    for arm in study.treated_arms:
        for n_seeds in study.adaptive.looks:
            needed[arm] = n_seeds
            settled = verdict_at(plan, folder, arm, n_seeds).settled
            if settled and settled.why:
                break
    return {BASELINE: max(needed.values()), **needed}
