"""Groups of images that are not independent, and the counts of an error over them.

Images of one group (of one writer, of one patient) are not independent: what misleads a model in
one of them may do so in all. A group is what is drawn, so its images count together.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import FloatArray, IntArray
from misread.judge.events import Events, Gap, gap_of, gather, joined, sum_rows, total_rows
from misread.judge.layout import GroupSizes, Layout
from misread.judge.values import plain_values


class Groups(NamedTuple):
    """The group of each image, numbered from 0, and how alike its images are: see `Layout`."""

    codes_N: IntArray
    design_effect: float | FloatArray = math.inf

    def of(self, chosen: npt.NDArray[np.generic]) -> "Groups":
        """Return the groups of the chosen images."""
        return self._replace(codes_N=self.codes_N[chosen])


class Joint(NamedTuple):
    """Sums over seeds and groups of one side of C errors; ``held`` is of what is held out."""

    squares_C: FloatArray  # over groups, the squared sum over all seeds, of what all read
    full_C: FloatArray  # squared sums of what all read
    held_C: FloatArray  # squared sums held out
    both_C: FloatArray  # their product
    sized_CS: FloatArray  # over groups, what all read times the group's size
    held_sized_C: FloatArray  # sums held out times the weight that the seed has read of the group
    full_by_held_C: FloatArray  # sums of what all read times the weight held out
    held_by_full_C: FloatArray  # the other way round


class GroupCounts(NamedTuple):
    """Gaps of either kind of image over groups, their product, joint sums of each side.

    A group with gaps of both kinds is gone or new by their signs, and neither where these differ.
    """

    full: Gap  # over groups
    held: Gap  # over groups
    both_C: FloatArray  # product of both gaps
    full_by_held_C: FloatArray  # gap times the size of the other kind
    held_by_full_C: FloatArray  # the other way round
    changed_C: IntArray  # groups with a gap of any kind
    gone_C: IntArray  # with one below 0
    new_C: IntArray  # with one above 0
    sides: tuple[Joint, ...]
    tenth_C: FloatArray  # sum over tenths and groups of the squared gap held out
    tenth_sized_C: FloatArray  # sum of that gap times its weight


def group_codes(name: str, values: npt.ArrayLike, n_images: int) -> IntArray:
    """Return the group of each image as a number from 0 on; JudgeError if N are not given."""
    groups = plain_values(name, values)
    if groups.shape != (n_images,):
        have = f"{groups.size:,} values" if groups.ndim == 1 else f"shape {groups.shape}"
        msg = f"{name} have {have} for {n_images:,} images; give one group per image."
        raise JudgeError(msg)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def groups_or_none(groups_N: npt.ArrayLike | None, n_images: int) -> Groups | None:
    """Return groups whose images may be alike in any degree; None where none are known."""
    return None if groups_N is None else Groups(group_codes("groups", groups_N, n_images))


def signed_events(halves: list[tuple[Events, Events]], layout: Layout) -> tuple[Events, Events]:
    """Return the events of both sides with the weights and signs that make a gap."""
    if layout.paired:
        return halves[0]
    n_before, n_after = layout.n_seeds
    pools = []
    for kind in (0, 1):
        parts = []
        for number, side in enumerate(halves):
            events, sign = side[kind], 2 * number - 1
            weight = (
                np.full(events.error_E.size, (n_after, n_before)[number])
                if kind == 0
                else layout.weights_N[number][events.image_E]
            )
            parts.append(events._replace(value_E=sign * weight * events.value_E))
        pools.append(Events(*(np.concatenate(both) for both in zip(*parts, strict=True))))
    return pools[0], pools[1]


def count_groups(
    sizes: GroupSizes, layout: Layout, halves: list[tuple[Events, Events]], n_errors: int
) -> GroupCounts:
    """Count C errors over groups of images; `halves` are the events of each side, by kind."""
    n_units, n_tenths = sizes.part_U.size, layout.n_tenths
    signed = signed_events(halves, layout)
    full, held = (
        gather(kind.error_E, sizes.unit_N[kind.image_E], kind.value_E, n_units) for kind in signed
    )
    tenth_C = tenth_sized_C = np.zeros(n_errors)
    if layout.shared:
        held_out = signed[1]
        unit_E = sizes.unit_N[held_out.image_E] * n_tenths + layout.tenth_N[held_out.image_E]
        nested = gather(held_out.error_E, unit_E, held_out.value_E, n_units * n_tenths)
        gap = gap_of(nested, n_errors, sizes.tenth_U.ravel())
        tenth_C, tenth_sized_C = gap.squares_C, gap.linear_C
    meets = bool((sizes.full_U * sizes.held_U).any())
    zero_C = np.zeros(n_errors)
    both_C = full_by_held_C = held_by_full_C = zero_C
    either = np.zeros((3, n_errors), dtype=np.int64)
    if meets:
        row, at_full, at_held = joined(full, held, n_units)
        both_C = total_rows(row, at_full * at_held, n_errors)
        full_by_held_C = total_rows(full.error_P, full.sum_P * sizes.held_U[full.unit_P], n_errors)
        held_by_full_C = total_rows(held.error_P, held.sum_P * sizes.full_U[held.unit_P], n_errors)
        sign = np.sign(at_full) + np.sign(at_held)
        overlap = (at_full != 0) & (at_held != 0)
        either = np.array([
            sum_rows(row, overlap, n_errors),
            sum_rows(row, overlap & (sign <= 0), n_errors),
            sum_rows(row, overlap & (sign >= 0), n_errors),
        ])  # fmt: skip
    full_gap, held_gap = gap_of(full, n_errors, sizes.full_U), gap_of(held, n_errors, sizes.held_U)
    sides = []
    for number, (one, other) in enumerate(halves):
        n = layout.n_seeds[number]
        weight_N: IntArray = layout.weights_N[number]
        tables = [
            gather(part.error_E, sizes.unit_N[part.image_E] * n + part.seed_E, value, n_units * n)
            for part, value in (
                (one, one.value_E),
                (other, other.value_E * weight_N[other.image_E]),
            )
        ]
        f, h = tables
        unit_F, seed_F = np.divmod(f.unit_P, n)
        unit_H, seed_H = np.divmod(h.unit_P, n)
        read_U = sizes.seed_unit[number]
        sized = total_rows(f.error_P * n + seed_F, f.sum_P * sizes.full_U[unit_F], n_errors * n)
        products = (zero_C, zero_C, zero_C)
        if meets:
            row, left, right = joined(f, h, n_units * n)
            products = (
                total_rows(row, left * right, n_errors),
                total_rows(f.error_P, f.sum_P * read_U[seed_F, unit_F], n_errors),
                total_rows(h.error_P, h.sum_P * sizes.full_U[unit_H], n_errors),
            )
        squares_C = full_gap.squares_C
        if not layout.paired:
            alone = gather(one.error_E, sizes.unit_N[one.image_E], one.value_E, n_units)
            squares_C = total_rows(alone.error_P, alone.sum_P.astype(float) ** 2, n_errors)
        held_C = total_rows(h.error_P, h.sum_P.astype(float) ** 2, n_errors)
        held_sized_C = total_rows(h.error_P, h.sum_P * read_U[seed_H, unit_H], n_errors)
        sides.append(
            Joint(
                squares_C,
                total_rows(f.error_P, f.sum_P.astype(float) ** 2, n_errors),
                held_C,
                products[0],
                sized.reshape(n_errors, n),
                held_sized_C,
                products[1],
                products[2],
            )
        )
    return GroupCounts(
        full_gap,
        held_gap,
        both_C,
        full_by_held_C,
        held_by_full_C,
        full_gap.changed_C + held_gap.changed_C - either[0],
        full_gap.gone_C + held_gap.gone_C - either[1],
        full_gap.new_C + held_gap.new_C - either[2],
        tuple(sides),
        tenth_C,
        tenth_sized_C,
    )
