"""Whole-number counts of an error from which its effect follows, kept sparse.

A scan of K classes has K(K−1) directed confusions, most of which never occur. They are counted
from the readings that are wrong, so that the cost grows with the images and the errors, and never
with K².
"""

from typing import NamedTuple

import numpy as np

from misread.judge.checks import BoolArray, FloatArray, IntArray
from misread.judge.classes import AnyIntArray
from misread.judge.events import (
    NO_EVENTS,
    Events,
    Gap,
    by_seed,
    events_of,
    gap_of,
    gather,
    sum_rows,
)
from misread.judge.groups import GroupCounts, Groups, count_groups, signed_events
from misread.judge.layout import HeldOut, Layout, layout_of


class Side(NamedTuple):
    """Sums over readings of one side of C errors; of after minus before where seeds are paired.

    A reading is weighed as in `Layout`; its value is that times 1 or −1.

    Attributes
    ----------
    full_CS, held_CS : ndarray of int64
        Per seed, the sum of values: of images that all read (unweighed), and of the others.
    squares_C : ndarray of int64
        Sum of the squared values held out.
    linear_C : ndarray of int64
        Sum of value times weight held out.
    """

    full_CS: IntArray
    held_CS: IntArray
    squares_C: IntArray
    linear_C: IntArray


class Counts(NamedTuple):
    """Whole-number counts behind the effects of C errors.

    Attributes
    ----------
    layout : Layout
        Who read what, by part.
    part_C : ndarray of int64
        The part on whose images each error can happen.
    before_CS, after_CT : ndarray of int64
        Errors of each seed among the images that all read.
    held_before_CS, held_after_CT : ndarray of int64
        Errors of each seed among the others that count, unweighed.
    discordant_C : ndarray of int64
        Readings of images that all read that are the error in one arm only; 0 where unpaired.
    squares_before_C, squares_after_C : ndarray of int64
        Sum over those images of the squared times of either arm; 0 where paired.
    sides : tuple of Side
        After minus before where paired, else before and after.
    full, held : Gap
        Over images.
    groups : GroupCounts or None
        Where groups are known.
    """

    layout: Layout
    part_C: IntArray
    before_CS: IntArray
    after_CT: IntArray
    held_before_CS: IntArray
    held_after_CT: IntArray
    discordant_C: IntArray
    squares_before_C: IntArray
    squares_after_C: IntArray
    sides: tuple[Side, ...]
    full: Gap
    held: Gap
    groups: GroupCounts | None = None

    @property
    def n_seeds(self) -> tuple[int, int]:
        """Seeds before and after."""
        return self.layout.n_seeds

    @property
    def paired(self) -> bool:
        """Say whether seeds are paired."""
        return self.layout.paired

    @property
    def scale(self) -> int:
        """Pairs of readings behind an image's gap: S where seeds are paired, else S·T."""
        n_before, n_after = self.n_seeds
        return n_before if self.paired else n_before * n_after

    @property
    def n_full_C(self) -> IntArray:
        """Images that all seeds have read."""
        return self.layout.full.n_images_P[self.part_C]

    @property
    def n_held_C(self) -> IntArray:
        """Images that some seeds have read."""
        return self.layout.held.n_images_P[self.part_C]

    @property
    def n_images_C(self) -> IntArray:
        """Images that all seeds have read; those that some have where there are none."""
        n_full_C: IntArray = np.where(self.n_full_C > 0, self.n_full_C, self.n_held_C)
        return n_full_C

    def images_of(self, w_C: FloatArray) -> IntArray:
        """Return the images of either kind that count where what all read has the weight w."""
        return np.where(w_C > 0, self.n_full_C, 0) + np.where(w_C < 1, self.n_held_C, 0)


def count_differences(diff_SN: IntArray, groups: Groups | None = None) -> Counts:
    """Count one matrix of −1, 0 and 1: error after minus error before, paired seeds."""
    part_N = np.zeros(diff_SN.shape[1], dtype=np.int64)
    return count_by_part(part_N, 1, diff_SN < 0, diff_SN > 0, paired=True, groups=groups)


def count_nothing(
    part_N: IntArray,
    n_seeds: tuple[int, int],
    *,
    paired: bool,
    groups: Groups | None = None,
    held: HeldOut | None = None,
) -> Counts:
    """Count errors that no reading of either arm makes, one per part of the images `part_N`."""
    n_parts = int(part_N.max()) + 1
    layout = _layout(part_N, n_parts, n_seeds, paired=paired, groups=groups, held=held)
    return count(layout, np.arange(n_parts), NO_EVENTS, NO_EVENTS)


def count_by_part(
    part_N: IntArray,
    n_parts: int,
    before_SN: BoolArray,
    after_TN: BoolArray,
    *,
    paired: bool,
    groups: Groups | None = None,
    held: HeldOut | None = None,
) -> Counts:
    """Count one error per part of the images, as per class.

    Parameters
    ----------
    part_N : ndarray of int, shape [N]
        Part that an image belongs to, 0 to ``n_parts − 1``.
    n_parts : int
        C.
    before_SN, after_TN : ndarray of bool, shape [S, N] and [T, N]
        Which readings are the error.
    paired : bool
        Whether row s of both is the same seed.
    groups : Groups, optional
        Groups of images that are not independent.
    held : HeldOut, optional
        Which readings count; by default all.

    Returns
    -------
    Counts
        One entry per part.
    """
    n_seeds = len(before_SN), len(after_TN)
    layout = _layout(part_N, n_parts, n_seeds, paired=paired, groups=groups, held=held)
    before, after = (events_of(flags_SN, part_N) for flags_SN in (before_SN, after_TN))
    return count(layout, np.arange(n_parts), before, after)


def count_by_cell(
    labels_N: AnyIntArray,
    before_SN: AnyIntArray,
    after_TN: AnyIntArray,
    n_classes: int,
    *,
    paired: bool,
    groups: Groups | None = None,
    held: HeldOut | None = None,
) -> tuple[IntArray, IntArray, Counts]:
    """Count every directed confusion that occurs.

    Parameters
    ----------
    labels_N : ndarray of int, shape [N]
        True classes.
    before_SN, after_TN : ndarray of int, shape [S, N] and [T, N]
        Predicted classes.
    n_classes : int
        K.
    paired, groups, held : bool, Groups, HeldOut
        As in `count_by_part`.

    Returns
    -------
    true_C, predicted_C : ndarray of int64
        The C cells, in ascending order.
    counts : Counts
        One entry per cell.
    """
    events = []
    for number, preds_SN in enumerate((before_SN, after_TN)):
        wrong_SN = preds_SN != labels_N
        if held is not None:
            wrong_SN &= held[number]
        seed_E, image_E = np.nonzero(wrong_SN)
        cell_E = labels_N[image_E].astype(np.int64) * n_classes + preds_SN[seed_E, image_E]
        events.append((cell_E, seed_E, image_E))
    cells_C = np.unique(np.concatenate([np.unique(cell_E) for cell_E, *_ in events]))
    true_C, predicted_C = np.divmod(cells_C, n_classes)
    part_N, n_seeds = labels_N.astype(np.int64), (len(before_SN), len(after_TN))
    layout = _layout(part_N, n_classes, n_seeds, paired=paired, groups=groups, held=held)
    before, after = (
        Events(np.searchsorted(cells_C, cell_E), seed_E, image_E, np.ones_like(seed_E))
        for cell_E, seed_E, image_E in events
    )
    return true_C, predicted_C, count(layout, true_C, before, after)


def _layout(
    part_N: IntArray,
    n_parts: int,
    n_seeds: tuple[int, int],
    *,
    paired: bool,
    groups: Groups | None,
    held: HeldOut | None,
) -> Layout:
    layout = layout_of(
        part_N,
        n_parts,
        n_seeds,
        paired=paired,
        held=held,
        groups_N=None if groups is None else groups.codes_N,
    )
    return layout if groups is None else layout._replace(design_effect=groups.design_effect)


def count(layout: Layout, part_C: IntArray, before: Events, after: Events) -> Counts:
    """Return the counts of C errors.

    Parameters
    ----------
    layout : Layout
        Who reads what.
    part_C : ndarray of int
        The part of each error.
    before, after : Events
        The errors of each arm, each reading once, with values of 1. Readings that do not count are
        left out here.
    """
    n_errors = part_C.size
    n_before = layout.n_seeds[0]
    sides, totals = [], []
    split = []
    for number, (events, n) in enumerate(zip((before, after), layout.n_seeds, strict=True)):
        reads_SN = layout.reads_SN[0 if layout.paired else number]
        full_E = layout.full_N[events.image_E]
        held_E = reads_SN[events.seed_E, events.image_E] & (layout.weight_N[events.image_E] > 0)
        one, other = events.of(full_E), events.of(held_E)
        split.append((one, other))
        totals.append((by_seed(one, n_errors, n), by_seed(other, n_errors, n)))
    if layout.paired:
        pools = [_changes(split[0][k], split[1][k], layout, n_before) for k in (0, 1)]
        halves: list[tuple[Events, Events]] = [(pools[0], pools[1])]
    else:
        halves = split
    for (full, held), weight_N, n in zip(halves, layout.weights_N, layout.n_seeds, strict=False):
        weight_E = weight_N[held.image_E]
        value_E = held.value_E * weight_E
        sides.append(
            Side(
                by_seed(full, n_errors, n),
                by_seed(held._replace(value_E=value_E), n_errors, n),
                sum_rows(held.error_E, value_E**2, n_errors),
                sum_rows(held.error_E, value_E * weight_E, n_errors),
            )
        )
    n_images = layout.full_N.size
    full_G, held_G = signed_events(halves, layout)
    zero_C = np.zeros(n_errors, dtype=np.int64)
    squares_before_C = squares_after_C = discordant_C = zero_C
    if layout.paired:
        discordant_C = sum_rows(halves[0][0].error_E, np.ones_like(halves[0][0].error_E), n_errors)
    else:
        squares_before_C, squares_after_C = (
            gap.squares_C.astype(np.int64)
            for gap in (
                gap_of(gather(one.error_E, one.image_E, one.value_E, n_images), n_errors, None)
                for one, _ in split
            )
        )
    full_T = gather(full_G.error_E, full_G.image_E, full_G.value_E, n_images)
    held_T = gather(held_G.error_E, held_G.image_E, held_G.value_E, n_images)
    counts = Counts(
        layout,
        part_C,
        totals[0][0],
        totals[1][0],
        totals[0][1],
        totals[1][1],
        discordant_C,
        squares_before_C,
        squares_after_C,
        tuple(sides),
        gap_of(full_T, n_errors, None),
        gap_of(held_T, n_errors, layout.weight_N),
    )
    if layout.groups is None:
        return counts
    return counts._replace(groups=count_groups(layout.groups, layout, halves, n_errors))


def _changes(before: Events, after: Events, layout: Layout, n_seeds: int) -> Events:
    """Return what is an error in one arm only, 1 after and −1 before."""
    error_E, seed_E, image_E = (
        np.concatenate(both) for both in zip(before[:3], after[:3], strict=True)
    )
    value_E = np.repeat([-1, 1], [before.error_E.size, after.error_E.size])
    n_images = layout.full_N.size
    triple = gather(error_E, image_E * n_seeds + seed_E, value_E, n_images * n_seeds)
    kept_P = triple.sum_P != 0
    image_P, seed_P = np.divmod(triple.unit_P, n_seeds)
    return Events(triple.error_P, seed_P, image_P, triple.sum_P).of(kept_P)
