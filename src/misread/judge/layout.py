"""Predictions that count, by seed and image, and the sizes that are known before any error.

Images are of two kinds. Those that all seeds of both arms have read (*confirm*) are a crossed
layout. The others (*held out*: a seed reads the tenth that it was not trained on) are read by some
seeds. Each kind is counted by itself, so that the weight of either comes in only with the variance
(`judge.variance`), and without images of the second kind everything is as it was without them.

Held-out readings are weighed by whole numbers. Where seeds are paired, each reading counts once and
an image as often as it was read in both arms. Where they are not, a reading after counts as often
as its image was read before, and the other way round, so that each image gives a difference of its
own two rates, and an image that one arm alone has read counts for nothing.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.judge.checks import BoolArray, FloatArray, IntArray


class HeldOut(NamedTuple):
    """Readings that count, where a seed has not read every image without having learnt it."""

    before_SN: BoolArray
    after_TN: BoolArray  # which readings count, of either arm
    weight: float  # as in `Layout`

    @property
    def by_all_N(self) -> BoolArray:
        """Images that all seeds of both arms read."""
        return np.logical_and(self.before_SN.all(axis=0), self.after_TN.all(axis=0))

    @property
    def by_some_N(self) -> BoolArray:
        """Images that some seed of each arm reads."""
        return np.logical_and(self.before_SN.any(axis=0), self.after_TN.any(axis=0))

    def of(self, chosen: npt.NDArray[np.generic]) -> "HeldOut":
        """Return the same of the chosen images."""
        return self._replace(before_SN=self.before_SN[:, chosen], after_TN=self.after_TN[:, chosen])


class Sizes(NamedTuple):
    """Sizes of P parts in one kind of image, before any error is known."""

    n_images_P: IntArray  # images that count
    total_P: IntArray  # how often images were read; unpaired, before times after
    squares_P: IntArray  # sum of the squared weights of images
    seeds_P: tuple[IntArray, ...]  # of each side [P,S], the weights of what a seed has read
    readings_P: tuple[IntArray, ...]  # of each side, the sum of the squared weights of readings


class GroupSizes(NamedTuple):
    """The groups of P parts; a group counts its images of the part only.

    ``full`` is of the images that all seeds read, ``held`` of the others; sums are over groups.
    """

    unit_N: IntArray  # the group within its part of each image
    full_U: IntArray  # images that all seeds read
    held_U: IntArray  # weights of the others
    part_U: IntArray  # a group's part
    n_full_P: IntArray  # groups with images that all seeds read
    n_held_P: IntArray  # groups with others
    n_P: IntArray  # groups with any
    full_P: FloatArray  # sum of full²
    held_P: FloatArray  # sum of held²
    both_P: FloatArray  # sum of full · held
    fourth_P: FloatArray  # [5,P]: sums of full⁴, full³·held, full²·held², full·held³, held⁴
    joint_P: tuple[FloatArray, ...]  # of each side, over seeds and groups: squared weights held out
    joint_both_P: tuple[FloatArray, ...]  # of each side, the same of full · held
    seed_unit: tuple[IntArray, ...]  # of each side [S,U], the weight that a seed read of a group
    tenth_P: FloatArray  # sum over tenths and groups of the squared weights held out
    tenth_U: IntArray  # [U,T]: weight of a group in a tenth, where seeds share tenths; else empty


class Layout(NamedTuple):
    """Readings that count, by seed and image: all that can be known before there is an error.

    `design_effect` is how many times groups widen the variance over images of what changed, 1 or
    more; an array has one per error. It is infinite where it is not known.
    """

    paired: bool  # row s of both arms is the same seed, or is taken as one
    n_seeds: tuple[int, int]  # before and after
    full_N: BoolArray  # images that all seeds of both arms have read
    weight_N: IntArray  # weight of an image that not all have read; 0 where it does not count
    weights_N: tuple[IntArray, ...]  # of each side, the weight of one such reading
    reads_SN: tuple[BoolArray, ...]  # of each side, which readings count
    tenths_S: tuple[IntArray, ...]  # of each side, a number for what a seed holds out
    tenth_N: IntArray  # that number for those that read a held-out image; −1 where there is none
    full: Sizes  # of the images that all have read
    held: Sizes  # of the others
    groups: GroupSizes | None = None
    weight: float = 1.0  # of what all seeds read in an estimate, 0 to 1
    design_effect: float | FloatArray = math.inf

    @property
    def shared(self) -> bool:
        """Say whether seeds hold out the same images in twos or more, in more than one tenth.

        Not where tenths overlap: then nothing can be taken together.
        """
        repeated = any(1 < np.unique(part).size < part.size for part in self.tenths_S)
        return repeated and bool(((self.tenth_N >= 0) | (self.weight_N == 0)).all())

    @property
    def n_tenths(self) -> int:
        """Different sets of images held out, in all sides."""
        return max(int(part.max()) for part in self.tenths_S) + 1


def layout_of(
    part_N: IntArray,
    n_seeds: tuple[int, int],
    *,
    paired: bool,
    held: HeldOut | None = None,
    groups_N: IntArray | None = None,
) -> Layout:
    """Return which readings count, where image n is of the part ``part_N[n]``, such as its class.

    Where seeds are paired, what one of a pair has not read does not count.
    """
    n_parts = int(part_N.max(initial=0)) + 1

    def count(values_N: npt.NDArray[np.generic]) -> IntArray:
        # Weights are float64: exact up to 2^53, far beyond any count here.
        summed = np.bincount(part_N, weights=values_N, minlength=n_parts)
        return summed.astype(np.int64)

    n_images, sides = part_N.size, n_seeds[:1] if paired else n_seeds
    full_N = np.ones(n_images, dtype=np.bool_)
    weight_N = np.zeros(n_images, dtype=np.int64)
    sides_SN: tuple[BoolArray, ...] = tuple(
        np.broadcast_to(np.ones(1, dtype=np.bool_), (n, n_images)) for n in sides
    )
    weights_N = tuple(weight_N for _ in sides)
    if held is not None:
        full_N = held.by_all_N
        sides_SN = (held.before_SN, held.after_TN)
        if paired:
            sides_SN = (held.before_SN & held.after_TN,)
        times_N = [side_SN.sum(axis=0) for side_SN in sides_SN]
        weight_N = np.where(full_N, 0, times_N[0] if paired else times_N[0] * times_N[1])
        weights_N = (np.ones_like(weight_N),) if paired else (times_N[1], times_N[0])
    some_N = weight_N > 0
    seeds_P, readings_P = [], []
    for side_SN, of_side_N in zip(sides_SN, weights_N, strict=True):
        if held is None:
            seeds_P.append(np.zeros((n_parts, len(side_SN)), dtype=np.int64))
            readings_P.append(np.zeros(n_parts, dtype=np.int64))
            continue
        weighed_N = np.where(some_N, of_side_N, 0)
        seeds_P.append(np.stack([count(row_N * weighed_N) for row_N in side_SN], axis=1))
        readings_P.append(count(side_SN.sum(axis=0) * weighed_N**2))
    n_full_P = count(full_N)
    tenths_S = _alike([side_SN[:, ~full_N] for side_SN in sides_SN])
    layout = Layout(
        paired,
        n_seeds,
        full_N,
        weight_N,
        weights_N,
        sides_SN,
        tenths_S,
        _tenth_of(sides_SN, tenths_S, some_N),
        Sizes(n_full_P, n_full_P, n_full_P, (), ()),
        Sizes(
            count(some_N), count(weight_N), count(weight_N**2), tuple(seeds_P), tuple(readings_P)
        ),
        weight=held.weight if held else 1.0,
    )
    if groups_N is None:
        return layout
    return layout._replace(groups=_group_sizes(layout, part_N, groups_N))


def _alike(reads: list[BoolArray]) -> tuple[IntArray, ...]:
    """Return a number for each row of each side; an empty one has one to itself."""
    known: dict[bytes | int, int] = {}
    codes = []
    for reads_SM in reads:
        rows = [row.tobytes() if row.any() else len(known) for row in np.packbits(reads_SM, axis=1)]
        codes.append(np.array([known.setdefault(row, len(known)) for row in rows]))
    return tuple(codes)


def _tenth_of(
    sides_SN: tuple[BoolArray, ...], tenths_S: tuple[IntArray, ...], held_N: BoolArray
) -> IntArray:
    """Return the tenth of each held-out image; −1 where its readers hold out different ones."""
    tenth_N = np.full(held_N.size, -1, dtype=np.int64)
    clash_N = np.zeros(held_N.size, dtype=np.bool_)
    for side_SN, codes_S in zip(sides_SN, tenths_S, strict=True):
        for row_N, code in zip(side_SN, codes_S.tolist(), strict=True):
            of_side_N = row_N & held_N
            clash_N |= of_side_N & (tenth_N >= 0) & (tenth_N != code)
            tenth_N[of_side_N] = code
    return np.where(clash_N, -1, tenth_N)


def _group_sizes(layout: Layout, part_N: IntArray, groups_N: IntArray) -> GroupSizes:
    counts_N = layout.full_N | (layout.weight_N > 0)
    key_N = part_N.astype(np.int64) * (int(groups_N.max()) + 1) + groups_N
    key_U = np.unique(key_N[counts_N])
    unit_N = np.minimum(np.searchsorted(key_U, key_N), max(key_U.size - 1, 0))
    n_units, n_parts = key_U.size, layout.full.n_images_P.size
    part_U = key_U // (int(groups_N.max()) + 1)

    def by_unit(values_N: npt.NDArray[np.generic]) -> IntArray:
        values_N = np.where(counts_N, values_N, 0)
        return np.bincount(unit_N, weights=values_N, minlength=n_units).astype(np.int64)

    full_U, held_U = by_unit(layout.full_N), by_unit(layout.weight_N)
    f, h = full_U.astype(np.float64), held_U.astype(np.float64)

    def by_part(values_U: npt.NDArray[np.generic]) -> FloatArray:
        return np.bincount(part_U, weights=values_U, minlength=n_parts).astype(np.float64)

    held_N = layout.weight_N > 0
    seed_unit = tuple(
        np.stack([by_unit(row_N * np.where(held_N, of_side_N, 0)) for row_N in side_SN])
        for side_SN, of_side_N in zip(layout.reads_SN, layout.weights_N, strict=True)
    )
    tenth_U = np.zeros((n_units, 0), dtype=np.int64)
    if layout.shared:
        key_N = unit_N * layout.n_tenths + layout.tenth_N
        size = n_units * layout.n_tenths
        tenth_U = np.bincount(key_N[held_N], weights=layout.weight_N[held_N], minlength=size)
        tenth_U = tenth_U.astype(np.int64).reshape(n_units, layout.n_tenths)
    return GroupSizes(
        unit_N=unit_N,
        full_U=full_U,
        held_U=held_U,
        part_U=part_U,
        n_full_P=by_part(full_U > 0).astype(np.int64),
        n_held_P=by_part(held_U > 0).astype(np.int64),
        n_P=by_part(np.ones(n_units)).astype(np.int64),
        full_P=by_part(f**2),
        held_P=by_part(h**2),
        both_P=by_part(f * h),
        fourth_P=np.stack([by_part(f ** (4 - k) * h**k) for k in range(5)]),
        joint_P=tuple(by_part((part.astype(float) ** 2).sum(axis=0)) for part in seed_unit),
        joint_both_P=tuple(by_part(f * part.sum(axis=0)) for part in seed_unit),
        seed_unit=seed_unit,
        tenth_P=by_part((tenth_U.astype(float) ** 2).sum(axis=1)),
        tenth_U=tenth_U,
    )
