"""Counts of an error from which its effect follows, taken once and kept sparse.

A scan of K classes has K(K−1) directed confusions, most of which never occur. They are counted
from the readings that are wrong, so that the cost grows with the images and the errors, and never
with K².
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.judge.checks import BoolArray, FloatArray, IntArray
from misread.judge.classes import AnyIntArray
from misread.judge.groups import Events, GroupCounts, Groups, count_groups, units_of

_NONE = np.zeros(0, dtype=np.int64)
_NO_EVENTS = Events(_NONE, _NONE, _NONE, _NONE)


class Counts(NamedTuple):
    """Counts behind the effects of C errors, each read on its own images by both arms.

    Attributes
    ----------
    n_images_C : ndarray of int64
        Images on which the error can happen.
    before_CS, after_CT : ndarray of int64
        Errors of each seed of either arm, in images.
    paired : bool
        Whether seed s is the same training in both arms (then S = T).
    discordant_C : ndarray of int64
        Readings (seed, image) that are the error in one arm only; 0 where seeds are not paired.
    changed_C : ndarray of int64
        Images whose share of seeds with the error differs between the arms.
    squares_C : ndarray of int64
        Sum over images of ``(S · times after − T · times before)²``, or of
        ``(times after − times before)²`` where seeds are paired.
    cubes_C : ndarray of int64
        The same with the cube of the distance from 0.
    squares_before_C, squares_after_C : ndarray of int64
        Sum over images of the squared times; 0 where seeds are paired.
    groups : GroupCounts or None
        The same over groups of images, where groups are known.
    """

    n_images_C: IntArray
    before_CS: IntArray
    after_CT: IntArray
    paired: bool
    discordant_C: IntArray
    changed_C: IntArray
    squares_C: IntArray
    cubes_C: IntArray
    squares_before_C: IntArray
    squares_after_C: IntArray
    groups: GroupCounts | None = None

    @property
    def n_seeds(self) -> tuple[int, int]:
        """Seeds before and after."""
        return self.before_CS.shape[1], self.after_CT.shape[1]

    @property
    def event_C(self) -> FloatArray:
        """What one image adds to the mean when it changes, weighted by its share of the variance.

        The third moment of the images over their second, as a share of the images; 0 where none
        changed. The same of groups, where that is more.
        """
        n_before, n_after = self.n_seeds
        scale_C = self.n_images_C * (n_before if self.paired else n_before * n_after)
        event_C: FloatArray = self.cubes_C / np.maximum(self.squares_C, 1) / scale_C
        if self.groups is None:
            return event_C
        group_C = self.groups.cubes_C / np.maximum(self.groups.squares_C, 1) / scale_C
        return np.maximum(event_C, group_C)

    @property
    def units_C(self) -> IntArray:
        """What is drawn: groups where they are known, else images."""
        return self.n_images_C if self.groups is None else self.groups.n_C

    @property
    def independent_C(self) -> FloatArray:
        """Independent images that would tell as much where nothing changed."""
        return self.n_images_C.astype(float) if self.groups is None else self.groups.independent_C

    @property
    def changed_units_C(self) -> IntArray:
        """Groups that changed on balance where they are known, else images."""
        return self.changed_C if self.groups is None else self.groups.changed_C


def count_differences(diff_SN: IntArray, groups: Groups | None = None) -> Counts:
    """Count one matrix of −1, 0 and 1: error after minus error before, paired seeds."""
    part_N = np.zeros(diff_SN.shape[1], dtype=np.int64)
    return count_by_part(part_N, 1, diff_SN < 0, diff_SN > 0, paired=True, groups=groups)


def count_nothing(
    part_N: IntArray, n_seeds: tuple[int, int], *, paired: bool, groups: Groups | None = None
) -> Counts:
    """Count errors that no reading of either arm makes, one per part of the images `part_N`."""
    n_images_C = np.bincount(part_N)
    n_cells = n_images_C.size
    before_CS, after_CT = (np.zeros((n_cells, n), dtype=np.int64) for n in n_seeds)
    zeros = (np.zeros(n_cells, dtype=np.int64),) * 6
    counted = groups and count_groups(
        units_of(part_N, groups.codes_N, n_cells),
        np.arange(n_cells),
        (_NO_EVENTS,) if paired else (_NO_EVENTS, _NO_EVENTS),
        n_seeds[:1] if paired else n_seeds,
        groups.design_effect,
    )
    return Counts(n_images_C, before_CS, after_CT, paired, *zeros, groups=counted)


def count_by_part(
    part_N: IntArray,
    n_parts: int,
    before_SN: BoolArray,
    after_TN: BoolArray,
    *,
    paired: bool,
    groups: Groups | None = None,
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

    Returns
    -------
    Counts
        One entry per part.
    """

    def count(values_N: npt.NDArray[np.generic]) -> IntArray:
        # Weights are float64: exact up to 2^53, far beyond any count here.
        summed = np.bincount(part_N, weights=values_N, minlength=n_parts)
        return summed.astype(np.int64)

    n_before, n_after = before_SN.shape[0], after_TN.shape[0]
    times_before_N, times_after_N = before_SN.sum(axis=0), after_TN.sum(axis=0)
    gap_N = (
        times_after_N - times_before_N
        if paired
        else n_before * times_after_N - n_after * times_before_N
    )
    zero_C = np.zeros(n_parts, dtype=np.int64)
    counted = None
    if groups is not None:
        sides: tuple[npt.NDArray[np.generic], ...] = (before_SN, after_TN)
        if paired:
            sides = (after_TN.astype(np.int8) - before_SN,)
        counted = count_groups(
            units_of(part_N, groups.codes_N, n_parts),
            np.arange(n_parts),
            tuple(_events(part_N, values_SN) for values_SN in sides),
            (n_before,) if paired else (n_before, n_after),
            groups.design_effect,
        )
    return Counts(
        n_images_C=np.bincount(part_N, minlength=n_parts).astype(np.int64),
        before_CS=np.stack([count(row_N) for row_N in before_SN], axis=1),
        after_CT=np.stack([count(row_N) for row_N in after_TN], axis=1),
        paired=paired,
        discordant_C=count((before_SN ^ after_TN).sum(axis=0)) if paired else zero_C,
        changed_C=count(gap_N != 0),
        squares_C=count(gap_N**2),
        cubes_C=count(np.abs(gap_N) ** 3),
        squares_before_C=zero_C if paired else count(times_before_N**2),
        squares_after_C=zero_C if paired else count(times_after_N**2),
        groups=counted,
    )


def count_by_cell(
    labels_N: AnyIntArray,
    before_SN: AnyIntArray,
    after_TN: AnyIntArray,
    n_classes: int,
    *,
    paired: bool,
    groups: Groups | None = None,
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
    paired : bool
        Whether row s of both is the same seed.
    groups : Groups, optional
        Groups of images that are not independent.

    Returns
    -------
    true_C, predicted_C : ndarray of int64
        The cells i→j that either arm reads at least once, ascending.
    Counts
        One entry per cell.
    """
    seed_E, image_E, cell_E = _wrong(labels_N, before_SN, n_classes)
    seed_F, image_F, cell_F = _wrong(labels_N, after_TN, n_classes)
    cells_C = _distinct(cell_E, cell_F)
    at_E, at_F = np.searchsorted(cells_C, cell_E), np.searchsorted(cells_C, cell_F)
    n_cells, n_before, n_after = cells_C.size, before_SN.shape[0], after_TN.shape[0]
    before_CS, after_CT = (
        np.bincount(at * n_seeds + seed, minlength=n_cells * n_seeds).reshape(n_cells, n_seeds)
        for at, seed, n_seeds in ((at_E, seed_E, n_before), (at_F, seed_F, n_after))
    )
    discordant_C = np.zeros(n_cells, dtype=np.int64)
    weight_before, weight_after = n_after, n_before
    if paired:  # what both arms read alike cancels image by image, and is the most of it
        weight_before = weight_after = 1
        new_E = after_TN[seed_E, image_E] != before_SN[seed_E, image_E]
        new_F = before_SN[seed_F, image_F] != after_TN[seed_F, image_F]
        at_E, seed_E, image_E = at_E[new_E], seed_E[new_E], image_E[new_E]
        at_F, seed_F, image_F = at_F[new_F], seed_F[new_F], image_F[new_F]
        discordant_C = np.bincount(at_E, minlength=n_cells) + np.bincount(at_F, minlength=n_cells)
    n_images = labels_N.size
    pairs_E, times_E = np.unique(at_E * n_images + image_E, return_counts=True)
    pairs_F, times_F = np.unique(at_F * n_images + image_F, return_counts=True)
    pairs = _distinct(pairs_E, pairs_F)
    gap_P = np.zeros(pairs.size, dtype=np.int64)
    gap_P[np.searchsorted(pairs, pairs_E)] -= weight_before * times_E
    gap_P[np.searchsorted(pairs, pairs_F)] += weight_after * times_F

    def count(pairs_P: IntArray, values_P: npt.NDArray[np.generic]) -> IntArray:
        summed = np.bincount(pairs_P // n_images, weights=values_P, minlength=n_cells)
        return summed.astype(np.int64)

    true_C, predicted_C = np.divmod(cells_C, n_classes)
    zero_C = np.zeros(n_cells, dtype=np.int64)
    counted = None
    if groups is not None:
        before, after = (at_E, seed_E, image_E), (at_F, seed_F, image_F)
        if paired:
            signs = np.repeat([-1, 1], [at_E.size, at_F.size])
            at, seed, image = (np.concatenate(both) for both in zip(before, after, strict=True))
            sides: tuple[Events, ...] = (Events(at, seed, image, signs),)
        else:
            sides = tuple(Events(*side, np.ones_like(side[0])) for side in (before, after))
        counted = count_groups(
            units_of(labels_N, groups.codes_N, n_classes),
            true_C,
            sides,
            (n_before,) if paired else (n_before, n_after),
            groups.design_effect,
        )
    counts = Counts(
        n_images_C=np.bincount(labels_N, minlength=n_classes)[true_C],
        before_CS=before_CS,
        after_CT=after_CT,
        paired=paired,
        discordant_C=discordant_C,
        changed_C=count(pairs, gap_P != 0),
        squares_C=count(pairs, gap_P**2),
        cubes_C=count(pairs, np.abs(gap_P) ** 3),
        squares_before_C=zero_C if paired else count(pairs_E, times_E**2),
        squares_after_C=zero_C if paired else count(pairs_F, times_F**2),
        groups=counted,
    )
    return true_C, predicted_C, counts


def _events(part_N: IntArray, values_SN: npt.NDArray[np.generic]) -> Events:
    """Return the entries of a matrix that are not 0; the error of an entry is its image's part."""
    seed_E, image_E = np.nonzero(values_SN)
    return Events(part_N[image_E], seed_E, image_E, values_SN[seed_E, image_E].astype(np.int64))


def _wrong(
    labels_N: AnyIntArray, preds_SN: AnyIntArray, n_classes: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Return seed, image and cell of every reading that is wrong."""
    seed_E, image_E = np.nonzero(preds_SN != labels_N)
    cell_E = labels_N[image_E].astype(np.int64) * n_classes + preds_SN[seed_E, image_E]
    return seed_E, image_E, cell_E


def _distinct(one: IntArray, other: IntArray) -> IntArray:
    """Return what `np.union1d` does, by sorting: it is several times faster on long arrays."""
    both = np.sort(np.concatenate([one, other]))
    first = np.ones(both.size, dtype=np.bool_)
    np.not_equal(both[1:], both[:-1], out=first[1:])
    return both[first]
