"""Held-out images in a plan: their weight, and which of them count.

Where its target or its arms were found on *explore*, *prove* alone counts as evidence
(`data.parts.prove_half`): what was tuned on one half of the writers is proven on the other.
"""

from collections.abc import Mapping
from typing import Any

from misread.data.dataset import Dataset
from misread.data.parts import N_FOLDS, prove_half
from misread.errors import JudgeError
from misread.judge import pilot_from_rate
from misread.judge.checks import BoolArray
from misread.judge.pooled import Extent, Held, best_weight
from misread.judge.power import NONE_HELD
from misread.learn.views import Parts
from misread.study.plan import Pooled
from misread.study.questions import Cell
from misread.study.select import pilot_on_select
from misread.study.study import Study


def searches(study: Study) -> bool:
    """Return whether only one half proves: the other one found the target, or the arms."""
    explored = study.target is None or study.judge.seen_before.explore
    return explored and study.judge.pooled


def explore_half(study: Study, train: Dataset) -> BoolArray | None:
    """Return which images of the training set a study finds its target on; None for all."""
    return ~prove_half(train) if searches(study) else None


def pooled_for(
    study: Study, cell: Cell, parts: Parts, errors: dict[str, Any], folds: Mapping[int, int]
) -> Pooled | None:
    """Return how held-out images are to count; None where the study leaves them out.

    The weight is the one of least variance for the reduction asked about, from the sizes and what
    the baseline shows on *select* (`misread.judge.pooled`).
    """
    if not study.judge.pooled:
        return None
    prove_only, seen = searches(study), study.judge.seen_before
    extent = extent_for(study, cell, parts, folds, prove_only=prove_only)
    weight = 0.0
    if not seen.confirm:
        try:
            pilot = pilot_on_select(errors, cell)
        except JudgeError:
            pilot = pilot_from_rate(0.01)
        weight = best_weight(pilot.change(study.judge.reduction), extent)
    return Pooled(weight=weight, prove_only=prove_only, seen_tenths=seen.tenths)


def held_for(
    study: Study,
    cell: Cell,
    parts: Parts,
    folds: Mapping[int, int],
    pooled: Pooled | None,
) -> Held:
    """Return by how much held-out images count, as the planner takes it."""
    if pooled is None:
        return NONE_HELD
    extent = extent_for(study, cell, parts, folds, prove_only=pooled.prove_only)
    return Held(extent.tenth / max(extent.n_full, 1), pooled.weight)


def extent_for(
    study: Study, cell: Cell, parts: Parts, folds: Mapping[int, int], *, prove_only: bool
) -> Extent:
    """Return how much of the true class all seeds of a study read; only labels are looked at."""
    counts_N = parts.train.labels_N == cell[0]
    if prove_only:
        counts_N &= prove_half(parts.train)
    n_held = int(counts_N.sum()) / N_FOLDS
    if (size := study.sizes["select_size"]) is not None:  # a smoke run
        n_held = min(n_held, size * counts_N.mean())
    unseen = sum(fold not in study.judge.seen_before.tenths for fold in folds.values())
    n_full = int((parts.confirm.labels_N == cell[0]).sum())
    return Extent(len(study.seeds), n_full, n_held * unseen / len(folds))
