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
    Events,
    Gap,
    by_seed,
    events_of,
    gap_of,
    gather,
    per_image,
    sum_rows,
)
from misread.judge.groups import GroupCounts, Groups, count_groups, signed_events
from misread.judge.layout import HeldOut, Layout, layout_of


class Side(NamedTuple):
    """Sums over readings of one side of C errors; of after minus before where seeds are paired.

    A reading is weighed as in `Layout`; its value is that times 1 or −1.
    """

    full_CS: IntArray  # per seed, of images that all read, unweighed
    held_CS: IntArray  # per seed, of the others
    squares_C: IntArray  # sum of the squared values held out
    linear_C: IntArray  # sum of value times weight held out


class Counts(NamedTuple):
    """Whole-number counts behind the effects of C errors.

    ``held`` is of images that not all read. `sides` are after minus before where seeds are paired,
    else before and after.
    """

    layout: Layout
    part_C: IntArray  # the part on whose images an error can happen
    before_CS: IntArray  # errors of each seed among the images that all read
    after_CT: IntArray
    held_before_CS: IntArray  # errors of each seed among the others, unweighed
    held_after_CT: IntArray
    discordant_C: IntArray  # readings of the same images, an error in one arm only; 0 unpaired
    squares_before_C: IntArray  # over images that all read, squared times of the arm; 0 paired
    squares_after_C: IntArray
    sides: tuple[Side, ...]
    full: Gap  # over images
    held: Gap  # over images
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
    return count_by_part(diff_SN < 0, diff_SN > 0, paired=True, groups=groups)


def count_by_part(
    before_SN: BoolArray,
    after_TN: BoolArray,
    part_N: IntArray | None = None,
    *,
    paired: bool,
    groups: Groups | None = None,
    held: HeldOut | None = None,
) -> Counts:
    """Count one error per part of the images, as per class.

    `before_SN` and `after_TN` say which readings are the error, and `part_N` the part of each
    image, by default one for all. `held` says which readings count, by default all.
    """
    if part_N is None:
        part_N = np.zeros(before_SN.shape[1], dtype=np.int64)
    n_seeds = len(before_SN), len(after_TN)
    layout = _layout(part_N, n_seeds, paired=paired, groups=groups, held=held)
    return count(layout, events_of(before_SN, part_N), events_of(after_TN, part_N))


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
    """Count every directed confusion that occurs in readings `[S,N]` and `[T,N]`.

    Return the true and the predicted class of each of C cells, in ascending order, and their
    counts.
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
    layout = _layout(part_N, n_seeds, paired=paired, groups=groups, held=held)
    before, after = (
        Events(np.searchsorted(cells_C, cell_E), seed_E, image_E, np.ones_like(seed_E))
        for cell_E, seed_E, image_E in events
    )
    return true_C, predicted_C, count(layout, before, after, true_C)


def _layout(
    part_N: IntArray,
    n_seeds: tuple[int, int],
    *,
    paired: bool,
    groups: Groups | None,
    held: HeldOut | None,
) -> Layout:
    codes_N = None if groups is None else groups.codes_N
    layout = layout_of(part_N, n_seeds, paired=paired, held=held, groups_N=codes_N)
    return layout if groups is None else layout._replace(design_effect=groups.design_effect)


def count(layout: Layout, before: Events, after: Events, part_C: IntArray | None = None) -> Counts:
    """Return the counts of C errors of parts `part_C`, by default one of each part.

    The errors of each arm have a value of 1, each reading once; what does not count is left out.
    """
    if part_C is None:
        part_C = np.arange(layout.full.n_images_P.size)
    n_errors, n_images = part_C.size, layout.full_N.size
    sides, totals, split = [], [], []
    for number, (events, n) in enumerate(zip((before, after), layout.n_seeds, strict=True)):
        reads_SN = layout.reads_SN[0 if layout.paired else number]
        full_E = layout.full_N[events.image_E]
        held_E = reads_SN[events.seed_E, events.image_E] & (layout.weight_N[events.image_E] > 0)
        one, other = events.of(full_E), events.of(held_E)
        split.append((one, other))
        totals.append((by_seed(one, n_errors, n), by_seed(other, n_errors, n)))
    if layout.paired:
        full, held = (_changes(before, after, layout) for before, after in zip(*split, strict=True))
        halves = [(full, held)]
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
    signed = signed_events(halves, layout)
    squares_before_C = squares_after_C = discordant_C = np.zeros(n_errors, dtype=np.int64)
    if layout.paired:
        discordant_C = np.bincount(halves[0][0].error_E, minlength=n_errors)
    else:
        squares_before_C, squares_after_C = (
            gap_of(per_image(one, n_images), n_errors).squares_C.astype(np.int64)
            for one, _ in split
        )
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
        gap_of(per_image(signed[0], n_images), n_errors),
        gap_of(per_image(signed[1], n_images), n_errors, layout.weight_N),
    )
    if layout.groups is None:
        return counts
    return counts._replace(groups=count_groups(layout.groups, layout, halves, n_errors))


def _changes(before: Events, after: Events, layout: Layout) -> Events:
    """Return what is an error in one arm only, 1 after and −1 before."""
    error_E, seed_E, image_E = (
        np.concatenate(both) for both in zip(before[:3], after[:3], strict=True)
    )
    value_E = np.repeat([-1, 1], [before.error_E.size, after.error_E.size])
    n_images, n_seeds = layout.full_N.size, layout.n_seeds[0]
    triple = gather(error_E, image_E * n_seeds + seed_E, value_E, n_images * n_seeds)
    image_P, seed_P = np.divmod(triple.unit_P, n_seeds)
    return Events(triple.error_P, seed_P, image_P, triple.sum_P).of(triple.sum_P != 0)
