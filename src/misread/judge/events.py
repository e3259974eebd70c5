"""Errors as sparse events, gathered by image or by group of images, and sums of what changed."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.judge.checks import BoolArray, FloatArray, IntArray


class Events(NamedTuple):
    """Readings that are an error: which error, seed and image, and 1 or −1 for each of E."""

    error_E: IntArray
    seed_E: IntArray
    image_E: IntArray
    value_E: IntArray

    def of(self, kept_E: BoolArray) -> "Events":
        """Return some of them."""
        return Events(*(part[kept_E] for part in self))


class Gap(NamedTuple):
    """Sums over images, or over groups, of what changed on balance in C errors.

    An image has the sum of its values after less that before. Of images that all read, that is
    ``S · times after − T · times before``, or without the S and T where seeds are paired.
    """

    squares_C: FloatArray  # sum of the squares
    cubes_C: FloatArray  # sum of the cubes of the distance from 0
    linear_C: FloatArray  # sum of the product with the weight of the image or the size of the group
    changed_C: IntArray  # how many are not 0
    gone_C: IntArray  # how many are below 0
    new_C: IntArray  # how many are above 0


class Sparse(NamedTuple):
    """Distinct (error, unit) and the sum of the values of each."""

    error_P: IntArray
    unit_P: IntArray
    sum_P: IntArray


def gather(error_E: IntArray, unit_E: IntArray, value_E: IntArray, n_units: int) -> Sparse:
    """Return the sum of the values of each error and unit."""
    key_E = error_E * n_units + unit_E
    order = np.argsort(key_E, kind="stable")
    key_E, value_E = key_E[order], value_E[order]
    if not key_E.size:
        return Sparse(key_E, key_E, value_E)
    first = np.ones(key_E.size, dtype=np.bool_)
    np.not_equal(key_E[1:], key_E[:-1], out=first[1:])
    start = np.flatnonzero(first)
    error_P, unit_P = np.divmod(key_E[start], n_units)
    return Sparse(error_P, unit_P, np.add.reduceat(value_E, start))


def per_image(events: Events, n_images: int) -> Sparse:
    """Return the sum of the values of each error and image."""
    return gather(events.error_E, events.image_E, events.value_E, n_images)


def by_seed(events: Events, n_errors: int, n_seeds: int) -> IntArray:
    """Return the sum of the values of each error and seed, ``[C, S]``."""
    key_E = events.error_E * n_seeds + events.seed_E
    return sum_rows(key_E, events.value_E, n_errors * n_seeds).reshape(n_errors, n_seeds)


def sum_rows(row_E: IntArray, value_E: npt.NDArray[np.generic], size: int) -> IntArray:
    """Return whole sums by row."""
    return np.bincount(row_E, weights=value_E, minlength=size).astype(np.int64)


def total_rows(row_P: IntArray, value_P: npt.NDArray[np.generic], size: int) -> FloatArray:
    """Return sums by row; float64 is exact up to 2^53."""
    sums: FloatArray = np.bincount(row_P, weights=value_P, minlength=size).astype(np.float64)
    return sums


def gap_of(sparse: Sparse, n_errors: int, weight_U: IntArray | None = None) -> Gap:
    """Return what changed on balance; `weight_U` are the units' weights or sizes."""
    row, value = sparse.error_P, sparse.sum_P.astype(np.float64)
    weight = np.ones_like(value) if weight_U is None else weight_U[sparse.unit_P]
    return Gap(
        total_rows(row, value**2, n_errors),
        total_rows(row, np.abs(value) ** 3, n_errors),
        total_rows(row, value * weight, n_errors),
        sum_rows(row, value != 0, n_errors),
        sum_rows(row, value < 0, n_errors),
        sum_rows(row, value > 0, n_errors),
    )


def joined(one: Sparse, other: Sparse, n_units: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return the rows and both sums where two sparse tables meet."""
    key_P, key_Q = (part.error_P * n_units + part.unit_P for part in (one, other))
    at_P = np.searchsorted(key_Q, key_P)
    at_P = np.minimum(at_P, max(key_Q.size - 1, 0))
    same_P = key_Q[at_P] == key_P if key_Q.size else np.zeros(key_P.size, dtype=np.bool_)
    return one.error_P[same_P], one.sum_P[same_P], other.sum_P[at_P[same_P]]


def events_of(flags_SN: BoolArray, part_N: IntArray) -> Events:
    """Return the readings that are true; the error of each is its image's part."""
    seed_E, image_E = np.nonzero(flags_SN)
    return Events(part_N[image_E], seed_E, image_E, np.ones(seed_E.size, dtype=np.int64))
