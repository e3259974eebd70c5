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
from misread.judge import Predictions, Verdict, judge, judge_look
from misread.learn.policy import Slice
from misread.store import RunFolder
from misread.study.plan import Plan
from misread.study.study import BASELINE

Read = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ArmReadings:
    """What S seeds of an arm read: *confirm* as `[S,N]`, each slice of the plan as `[S,M]`.

    `corrupted` has *confirm* in each corruption of the plan, `[S,N]`.
    """

    preds_SN: Read
    slices: dict[Slice, Read]
    corrupted: dict[str, Read]

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

    def read_in(name: str) -> Read:
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
    baseline = side_of(plan, confirm, before.of_first(n_seeds), largest)
    treated = side_of(plan, confirm, after, largest)
    asked: dict[str, Any] = {
        "cells": [names_of(cell, confirm) for cell in plan.cells],
        "margins": spec.margins,
        "alpha": spec.alpha,
        "reduction": spec.reduction,
        "arm": arm,
        "exploratory": plan.exploratory,
    }
    if plan.study.adaptive is None:
        return judge(baseline, treated, **asked)
    return judge_look(plan.study.adaptive, baseline, treated, **asked)


def names_of(cell: tuple[int, int], data: Dataset) -> tuple[str, str]:
    """Return a cell in class names."""
    return data.class_names[cell[0]], data.class_names[cell[1]]


def side_of(plan: Plan, confirm: Dataset, arm: ArmReadings, largest: int) -> Predictions:
    """Return an arm's readings of *confirm* with the slices of operations up to a size in px.

    As in the arm's folder, one slice holds all classes that an operation was for.
    """
    side = clean_side(plan, confirm, arm.preds_SN)
    parts: dict[str, list[Slice]] = {}
    for piece in arm.slices:
        if piece.size_px <= largest:
            parts.setdefault(f"{piece.operation} {piece.size_px} px", []).append(piece)
    for name, pieces in parts.items():
        read_SM = np.concatenate([arm.slices[piece] for piece in pieces], axis=1)
        places = [np.flatnonzero(confirm.labels_N == piece.label) for piece in pieces]
        side = side.with_view(name, read_SM, np.concatenate(places))
    for name, read_SN in arm.corrupted.items():
        side = side.with_view(name, read_SN)
    return side


def clean_side(plan: Plan, confirm: Dataset, preds_SN: npt.NDArray[Any]) -> Predictions:
    """Return what the first S seeds of an arm read on *confirm*, as the judge takes it."""
    return Predictions.from_arrays(
        confirm.labels_N,
        preds_SN,
        class_names=confirm.class_names,
        seeds=plan.study.seeds[: len(preds_SN)],
        disputed_N=confirm.disputed_N,
        groups=groups_of(plan, confirm),
    )


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
