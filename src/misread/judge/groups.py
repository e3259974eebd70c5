"""Groups of images that are not independent, and the counts of an error over them.

Images of one group (of one writer, of one patient) are not independent: what misleads a model in
one of them may do so in all. A group is what is drawn, so its images count together.

References
----------
Korn & Graubard (1998), Confidence intervals for proportions with small expected number of positive
counts estimated from survey data, *Survey Methodology* 24.
Carter, Schnepel & Steigerwald (2017), Asymptotic behavior of a t-test robust to cluster
heterogeneity, *Review of Economics and Statistics* 99.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import BoolArray, FloatArray, IntArray
from misread.judge.classes import AnyIntArray
from misread.judge.values import plain_values

_LEAST_CHANGED = 5  # with fewer, sign flips over images tell nothing at .05 either


class Groups(NamedTuple):
    """The group of each image, and how alike the images of a group are.

    Attributes
    ----------
    codes_N : ndarray of int64
        Groups, numbered from 0 on.
    design_effect : float or ndarray of float64
        As `design_effect` returns it; an array has one per error. Infinite where it is not known.
    """

    codes_N: IntArray
    design_effect: float | FloatArray = math.inf

    def of(self, chosen: npt.NDArray[np.generic]) -> "Groups":
        """Return the groups of the chosen images."""
        return self._replace(codes_N=self.codes_N[chosen])


class GroupSums(NamedTuple):
    """One matrix of values [seeds, images], summed over the images of each group.

    Attributes
    ----------
    squares_C : ndarray of float64
        Sum over groups of the squared sum over all seeds.
    joint_C : ndarray of float64
        Sum over groups and seeds of the squared sum.
    sized_CS : ndarray of float64
        Per seed, the sum over groups of sum times size.
    """

    squares_C: FloatArray
    joint_C: FloatArray
    sized_CS: FloatArray


class GroupCounts(NamedTuple):
    """Counts over the groups behind C errors; a group counts its images of the error only.

    Attributes
    ----------
    n_C : ndarray of int64
        Groups.
    sizes_C : ndarray of float64
        Sum of the squared sizes.
    effective_C : ndarray of float64
        So many groups of one size would tell as much of how groups differ: (Σm²)² / Σm⁴ of their
        sizes m (Carter, Schnepel & Steigerwald 2017, for images that go together in each group).
    independent_C : ndarray of float64
        Independent images that would tell as much where nothing changed; see `independent_images`.
    changed_C, gone_C, new_C : ndarray of int64
        Groups whose errors changed on balance, became fewer, became more.
    squares_C, cubes_C : ndarray of float64
        Sum over groups of the square, and of the cube of the distance from 0, of their change, as
        in `misread.judge.counts.Counts`.
    sized_C : ndarray of float64
        Sum over groups of change times size.
    sums : tuple of GroupSums
        Of after minus before where seeds are paired, else of before and of after.
    """

    n_C: IntArray
    sizes_C: FloatArray
    effective_C: FloatArray
    independent_C: FloatArray
    changed_C: IntArray
    gone_C: IntArray
    new_C: IntArray
    squares_C: FloatArray
    cubes_C: FloatArray
    sized_C: FloatArray
    sums: tuple[GroupSums, ...]


class Events(NamedTuple):
    """Readings that count: the error, the seed, the image, and 1 or −1 for each of E."""

    error_E: IntArray
    seed_E: IntArray
    image_E: IntArray
    value_E: IntArray


class Units(NamedTuple):
    """Images that are dealt into parts (such as classes) and in each part into groups.

    Attributes
    ----------
    unit_N : ndarray of int64
        Which group of which part an image belongs to, 0 to U − 1.
    size_U, part_U : ndarray of int64
        Images of each, and the part that it lies in.
    n_parts : int
        Parts.
    """

    unit_N: IntArray
    size_U: IntArray
    part_U: IntArray
    n_parts: int

    def power_sums(self, exponent: int) -> FloatArray:
        """Return for each part the sum over its groups of a power of their sizes."""
        sizes = self.size_U.astype(np.float64) ** exponent
        return _sum_rows(self.part_U, sizes, self.n_parts)


def group_codes(name: str, values: npt.ArrayLike, n_images: int) -> IntArray:
    """Return the group of each image as a number from 0 on, whatever groups are called.

    Raises
    ------
    JudgeError
        If there is not one whole number or name per image.
    """
    groups = plain_values(name, values)
    if groups.shape != (n_images,):
        have = f"{groups.size:,} values" if groups.ndim == 1 else f"shape {groups.shape}"
        msg = f"{name} have {have} for {n_images:,} images; give one group per image."
        raise JudgeError(msg)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def units_of(part_N: AnyIntArray, groups_N: IntArray, n_parts: int) -> Units:
    """Return the groups within each part of the images."""
    n_groups = int(groups_N.max()) + 1
    key_N = part_N.astype(np.int64) * n_groups + groups_N
    if n_parts * n_groups <= 4 * key_N.size + 2**16:  # a table is faster than sorting
        size_T = np.bincount(key_N, minlength=n_parts * n_groups)
        key_U = np.flatnonzero(size_T)
        place_T = np.cumsum(size_T > 0) - 1
        return Units(place_T[key_N], size_T[key_U], key_U // n_groups, n_parts)
    key_U, unit_N, size_U = np.unique(key_N, return_inverse=True, return_counts=True)
    return Units(unit_N, size_U, key_U // n_groups, n_parts)


def count_groups(
    units: Units,
    part_C: IntArray,
    sides: tuple[Events, ...],
    n_seeds: tuple[int, ...],
    design_effect: float | FloatArray,
) -> GroupCounts:
    """Count C errors over groups of images.

    Parameters
    ----------
    units : Units
        Groups in parts.
    part_C : ndarray of int
        The part on whose images each error can happen.
    sides : tuple of Events
        Of after minus before where seeds are paired, else the errors before and those after.
    n_seeds : tuple of int
        Seeds of each side.
    design_effect : float or ndarray of float64
        As in `Groups`.

    Returns
    -------
    GroupCounts
        One entry per error.
    """
    n_errors, n_units = part_C.size, units.size_U.size
    sums, keys, totals = [], [], []
    for events, n in zip(sides, n_seeds, strict=True):
        unit_E = units.unit_N[events.image_E]
        pair_E = events.error_E * n_units + unit_E
        # Sorted together with their signs: far faster than sorting places.
        key_E = 2 * (pair_E * n + events.seed_E) + (events.value_E > 0)
        key_E.sort()
        triple_T, sum_T = _sum_runs(key_E >> 1, 2 * (key_E & 1) - 1)
        pair_T = triple_T // n
        seed_T, row_T = triple_T - pair_T * n, pair_T // n_units
        sized_T = sum_T * units.size_U[pair_T - row_T * n_units]
        pair_P, sum_P = _sum_runs(pair_T, sum_T)
        sums.append(
            GroupSums(
                _sum_rows(pair_P // n_units, sum_P**2, n_errors),
                _sum_rows(row_T, sum_T**2, n_errors),
                _sum_rows(row_T * n + seed_T, sized_T, n_errors * n).reshape(n_errors, n),
            )
        )
        keys.append(pair_P)
        totals.append(sum_P)
    pair_P, gap_P = keys[0], totals[0]
    if len(sides) == 2:
        gaps = (-n_seeds[1] * totals[0], n_seeds[0] * totals[1])
        both_P = np.concatenate(keys)
        order = np.argsort(both_P, kind="stable")  # merges what is in order already
        pair_P, gap_P = _sum_runs(both_P[order], np.concatenate(gaps)[order])
    row_P = pair_P // n_units

    def count(values_P: npt.NDArray[np.generic]) -> IntArray:
        return _sum_rows(row_P, values_P, n_errors).astype(np.int64)

    n_C = np.bincount(units.part_U, minlength=units.n_parts)[part_C]
    sizes_C = units.power_sums(2)[part_C]
    return GroupCounts(
        n_C=n_C,
        sizes_C=sizes_C,
        effective_C=sizes_C**2 / units.power_sums(4)[part_C],
        independent_C=independent_images(units.power_sums(1)[part_C], n_C, design_effect),
        changed_C=count(gap_P != 0),
        gone_C=count(gap_P < 0),
        new_C=count(gap_P > 0),
        squares_C=_sum_rows(row_P, gap_P**2, n_errors),
        cubes_C=_sum_rows(row_P, np.abs(gap_P) ** 3, n_errors),
        sized_C=_sum_rows(row_P, gap_P * units.size_U[pair_P % n_units], n_errors),
        sums=tuple(sums),
    )


def independent_images(
    n_images_C: npt.ArrayLike, n_groups_C: npt.ArrayLike, design_effect: float | FloatArray
) -> FloatArray:
    """Return how many independent images tell as much as these in their groups.

    Where nothing changed, nothing shows how alike the images of a group are. The exact bounds then
    take as many images as the design effect leaves, N over it (Korn & Graubard 1998), known from
    all that changed in the same readings. Where nothing is known of it, a group counts as one
    image. Never fewer than the groups, never more than the images.
    """
    n_C = np.asarray(n_images_C, dtype=np.float64)
    left_C: FloatArray = np.clip(n_C / design_effect, n_groups_C, n_C)
    return left_C


def design_effect(
    labels_N: AnyIntArray, groups_N: IntArray, before_SN: BoolArray, after_TN: BoolArray
) -> float:
    """Return how much wider groups make the variance over images of what changed, 1 or more.

    The sum of squares between groups over that between images, of the change of the error rate
    of each image, within classes and pooled over them.

    Parameters
    ----------
    labels_N, groups_N : ndarray of int, shape [N]
        True class and group of each image.
    before_SN, after_TN : ndarray of bool, shape [S, N] and [T, N]
        Which readings are wrong.

    Returns
    -------
    float
        1 where images of a group are like any others; infinite where too few changed to tell.
    """
    gap_N = after_TN.mean(axis=0) - before_SN.mean(axis=0)
    if np.count_nonzero(gap_N) < _LEAST_CHANGED:
        return math.inf
    part_N = np.unique(labels_N, return_inverse=True)[1]
    n_C = np.bincount(part_N)
    gap_N -= (np.bincount(part_N, weights=gap_N) / n_C)[part_N]
    units = units_of(part_N, groups_N, n_C.size)
    between = float((np.bincount(units.unit_N, weights=gap_N) ** 2).sum())
    within = float((gap_N**2).sum())
    return max(between / within, 1.0) if within else math.inf


def _sum_runs(key_E: IntArray, value_E: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct keys of an ascending list, and the sum of the values of each."""
    first = np.ones(key_E.size, dtype=np.bool_)
    np.not_equal(key_E[1:], key_E[:-1], out=first[1:])
    start = np.flatnonzero(first)
    if not start.size:
        return key_E, value_E
    return key_E[start], np.add.reduceat(value_E, start)


def _sum_rows(row_P: IntArray, values_P: npt.NDArray[np.generic], size: int) -> FloatArray:
    """Return sums by row; float64 is exact up to 2^53."""
    summed = np.bincount(row_P, weights=values_P, minlength=size)
    return summed.astype(np.float64, copy=False)
