"""Effects of counts as arrays: estimate, interval and p-value over seeds, images and groups.

References
----------
Wilson (1927), Probable inference, the law of succession, and statistical inference, *JASA* 22.
Korn & Graubard (1998), Confidence intervals for proportions with small expected number of positive
counts estimated from survey data, *Survey Methodology* 24.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy

from misread.judge.checks import BoolArray, FloatArray, IntArray
from misread.judge.classes import AnyIntArray
from misread.judge.counts import Counts, count_by_part
from misread.judge.groups import Groups
from misread.judge.layout import HeldOut
from misread.judge.terms import (
    Terms,
    by_group,
    by_image,
    estimates,
    units_of,
    weights_of,
)
from misread.judge.two_models import images_only
from misread.judge.variance import changed_of, combined, least_p, variance_of, zero_event_bound

_LEAST_CHANGED = 5  # images; with fewer, nothing tells how alike those of a group are


class Measured(NamedTuple):
    """C effects as arrays.

    Attributes
    ----------
    estimate_C, full_C, held_C : ndarray of float64
        The pooled change, and that of either kind of image.
    se_C, df_C, low_C, high_C, p_C : ndarray of float64
        Standard error, degrees of freedom, two-sided interval and p-value.
    bound_C : ndarray of float64
        The zero-event bound: as much as can have changed where nothing was seen to change.
    unchanged_C, constant_C, few_C : ndarray of bool
        Nothing changed; nothing varied; too few units changed for a t interval.
    parts : Terms
        What the variance is made of.
    weight_C : ndarray of float64
        The weight of what all seeds read.
    """

    estimate_C: FloatArray
    full_C: FloatArray
    held_C: FloatArray
    se_C: FloatArray
    df_C: FloatArray
    low_C: FloatArray
    high_C: FloatArray
    p_C: FloatArray
    bound_C: FloatArray
    unchanged_C: BoolArray
    constant_C: BoolArray
    few_C: BoolArray
    parts: Terms
    weight_C: FloatArray


def alone_of(counts: Counts, w_C: FloatArray) -> FloatArray:
    """Return how many images, each on its own and of one weight, tell as much where none changed.

    One image moves the estimate by w/N or by (1 − w)/M. Whatever rates the two kinds have, the
    largest weighted mean of them that N + M images without an event allow is that of the kind in
    which one image weighs more: the exact bound of ``1 / max(w/N, (1 − w)/M)`` images. N and M are
    what the design effect of groups leaves of them.
    """
    full_C, held_C = (n.astype(np.float64) for n in (counts.n_full_C, counts.n_held_C))
    sizes = counts.layout.groups
    if sizes is not None:
        full_C, held_C = (
            np.clip(n_C / counts.layout.design_effect, n_P[counts.part_C], n_C)
            for n_C, n_P in ((full_C, sizes.n_full_P), (held_C, sizes.n_held_P))
        )
    share_C = np.maximum(w_C / np.maximum(full_C, 1e-300), (1 - w_C) / np.maximum(held_C, 1e-300))
    return 1 / share_C


def event_of(counts: Counts, w_C: FloatArray) -> FloatArray:
    """Return what one image adds to the mean when it changes, weighted by its part of the variance.

    The third moment of the images over their second; the same of groups, where that is more.
    """
    full_C = w_C / np.maximum(counts.n_full_C, 1) / counts.scale
    held_C = (1 - w_C) / np.maximum(counts.layout.held.total_P[counts.part_C], 1)
    pools = [(counts.full, counts.held)]
    if counts.groups is not None:
        pools.append((counts.groups.full, counts.groups.held))
    event_C = np.zeros(w_C.size)
    for full, held in pools:
        third_C = full_C**3 * full.cubes_C + held_C**3 * held.cubes_C
        second_C = full_C**2 * full.squares_C + held_C**2 * held.squares_C
        moment_C = np.divide(third_C, second_C, out=np.zeros(w_C.size), where=second_C > 0)
        event_C = np.maximum(event_C, moment_C)
    return event_C


def measure(counts: Counts, alpha: float = 0.05) -> Measured:
    """Return C effects, with intervals that cover 1 − alpha."""
    w_C = weights_of(counts)
    estimate_C, full_C, held_C = estimates(counts, w_C)
    variance_C, df_C, parts = variance_of(counts, w_C)
    bound_C = zero_event_bound(alone_of(counts, w_C), alpha)
    units_C = units_of(counts, w_C)
    n, total_C = min(counts.n_seeds), np.maximum(counts.layout.held.total_P[counts.part_C], 1)
    floor_C = np.maximum(w_C / n / np.maximum(units_C, 1), (1 - w_C) / total_C) ** 2
    none_C = variance_C < 1e-9 * floor_C  # seeds are no whole numbers: what rounding leaves is none
    unchanged_C = none_C & (estimate_C == 0)
    constant_C = none_C & ~unchanged_C
    if constant_C.any() and counts.n_seeds != (1, 1):  # as if a single reading had not changed
        full_C = floor_C * (w_C > 0)
        variance_C, df_C = combined(
            parts._replace(
                seed=np.where(constant_C, floor_C, parts.seed),
                image=np.where(constant_C, full_C, parts.image),
                residual=np.where(constant_C, full_C, parts.residual),
            )
        )
    se_C = np.sqrt(variance_C)
    if counts.n_seeds == (1, 1):
        p_C, low_C, high_C = images_only(counts, alpha)
        low_C, high_C = np.minimum(low_C, estimate_C), np.maximum(high_C, estimate_C)
        few_C = np.zeros(w_C.size, dtype=np.bool_)
    else:
        p_C, low_C, high_C, few_C = _two_way(
            counts, w_C, alpha, estimate_C, se_C, df_C, bound_C, constant_C, unchanged_C
        )
    p_C = np.where(unchanged_C, 1.0, p_C)
    low_C = np.where(unchanged_C, -bound_C, low_C)
    high_C = np.where(unchanged_C, bound_C, high_C)
    return Measured(
        estimate_C,
        full_C,
        held_C,
        se_C,
        df_C,
        np.maximum(low_C, -1.0),
        np.minimum(high_C, 1.0),
        p_C,
        bound_C,
        unchanged_C,
        constant_C,
        few_C,
        parts,
        w_C,
    )


def _two_way(
    counts: Counts,
    w_C: FloatArray,
    alpha: float,
    estimate_C: FloatArray,
    se_C: FloatArray,
    df_C: FloatArray,
    bound_C: FloatArray,
    constant_C: BoolArray,
    unchanged_C: BoolArray,
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """Return p-value, low, high, and where too few units changed for a t interval."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p_C = 2 * scipy.special.stdtr(df_C, -np.abs(estimate_C) / se_C)
    t_C = -scipy.special.stdtrit(df_C, alpha / 2)
    near_C = t_C * se_C
    shift_C = t_C**2 * event_of(counts, w_C) / 2
    far_C = shift_C + np.sqrt(shift_C**2 + near_C**2)
    wide_C = np.where(constant_C, 2 * bound_C, 0.0)
    near_C = np.maximum(near_C, wide_C)
    far_C = np.maximum(far_C, np.maximum(wide_C, bound_C))  # nothing tells more than no event
    low_C = estimate_C - np.where(estimate_C < 0, far_C, near_C)
    high_C = estimate_C + np.where(estimate_C > 0, far_C, near_C)
    least_C = least_p(changed_of(counts, w_C))
    few_C = ~unchanged_C & (least_C > alpha)
    p_C = np.where(few_C, np.maximum(p_C, least_C), p_C)
    low_C = np.where(few_C, np.minimum(np.minimum(low_C, estimate_C - bound_C), 0), low_C)
    high_C = np.where(few_C, np.maximum(np.maximum(high_C, estimate_C + bound_C), 0), high_C)
    return p_C, low_C, high_C, few_C


def rates_of(counts: Counts) -> tuple[FloatArray, FloatArray]:
    """Return the pooled error rates before and after, weighed as the change is."""
    w_C = weights_of(counts)
    n_before, n_after = counts.n_seeds
    n_C, total_C = np.maximum(counts.n_full_C, 1), counts.layout.held.total_P[counts.part_C]
    if counts.paired:
        held = (counts.held_before_CS, counts.held_after_CT)
    else:
        held = (counts.sides[0].held_CS, counts.sides[1].held_CS)
    before_C, after_C = (
        w_C * full_CS.sum(axis=1) / (n * n_C)
        + (1 - w_C) * held_CS.sum(axis=1) / np.maximum(total_C, 1)
        for full_CS, held_CS, n in (
            (counts.before_CS, held[0], n_before),
            (counts.after_CT, held[1], n_after),
        )
    )
    return before_C, after_C


def upper_of(measured: Measured) -> FloatArray:
    """Return the upper end that *safe* is judged by: what no event at all would leave is in it.

    The interval's own end can lie nearer where a few changes cancel by chance; then fewer events
    would be less safe. With the zero-event bound above the estimate, *safe* is monotone.
    """
    return np.maximum(measured.high_C, measured.estimate_C + measured.bound_C)


def design_effect(counts: Counts) -> float:
    """Return how many times groups widen the variance over images of what changed, 1 or more.

    `counts` are of being read wrongly, one error per class. It is 1 where images of a group are
    like any others, and infinite where too few changed to tell.
    """
    w_C = weights_of(counts)
    changed_C = counts.full.changed_C * (w_C > 0) + counts.held.changed_C * (w_C < 1)
    if changed_C.sum() < _LEAST_CHANGED:
        return math.inf
    return widening(counts) or math.inf


def widening(counts: Counts) -> float | None:
    """Return the design effect however few changed; None without groups or any variance.

    The sum of squares between groups over that between images, within classes and pooled over
    them.
    """
    w_C, sizes = weights_of(counts), counts.layout.groups
    if sizes is None:
        return None
    images = by_image(counts, w_C)
    sums = []
    for part, n_full_C, n_held_C in (
        (images, counts.n_full_C, counts.n_held_C),
        (
            by_group(counts, w_C, images),
            sizes.n_full_P[counts.part_C],
            sizes.n_held_P[counts.part_C],
        ),
    ):  # without n / (n − 1), for the mean that was estimated
        full_C, held_C = (np.maximum(n - 1, 1) / np.maximum(n, 1) for n in (n_full_C, n_held_C))
        size_C = counts.n_images_C.astype(np.float64) ** 2
        sums.append(float((size_C * (part.image * full_C + part.image_held * held_C)).sum()))
    within, between = sums
    return max(between / within, 1.0) if within > 0 else None


def groups_of(
    part_N: AnyIntArray,
    codes_N: IntArray,
    before_SN: BoolArray,
    after_TN: BoolArray,
    *,
    paired: bool = True,
    held: HeldOut | None = None,
) -> Groups:
    """Return the groups `codes_N` of images, and how alike their images are.

    By which readings `[S,N]` and `[T,N]` are wrong, within the parts `part_N` of the images.
    """
    counts = count_by_part(
        before_SN,
        after_TN,
        np.unique(part_N, return_inverse=True)[1],
        paired=paired,
        groups=Groups(codes_N),
        held=held,
    )
    return Groups(codes_N, design_effect(counts))
