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
    """C effects as arrays."""

    estimate_C: FloatArray  # the pooled change
    full_C: FloatArray  # that of images that all seeds read
    held_C: FloatArray  # that of the others
    se_C: FloatArray  # standard error
    df_C: FloatArray  # its degrees of freedom
    low_C: FloatArray  # ends of the two-sided interval
    high_C: FloatArray
    p_C: FloatArray  # two-sided p-value
    bound_C: FloatArray  # as much as can have changed where nothing was seen to change
    unchanged_C: BoolArray  # nothing changed
    constant_C: BoolArray  # nothing varied
    few_C: BoolArray  # too few units changed for a t interval
    terms: Terms
    weight_C: FloatArray  # of what all seeds read


def independent_images(counts: Counts, w_C: FloatArray) -> FloatArray:
    """Return how many images, each on its own and of one weight, tell as much where none changed.

    One image moves the estimate by w/N or by (1 − w)/M, so that N + M images without an event tell
    as much as ``1 / max(w/N, (1 − w)/M)``; N and M are what the design effect of groups leaves of
    them.
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


def event_size(counts: Counts, w_C: FloatArray) -> FloatArray:
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
    variance_C, df_C, terms = variance_of(counts, w_C)
    n, total_C = min(counts.n_seeds), np.maximum(counts.layout.held.total_P[counts.part_C], 1)
    units_C = np.maximum(units_of(counts, w_C), 1)
    floor_C = np.maximum(w_C / n / units_C, (1 - w_C) / total_C) ** 2
    none_C = variance_C < 1e-9 * floor_C  # seeds are no whole numbers: what rounding leaves is none
    unchanged_C = none_C & (estimate_C == 0)
    constant_C = none_C & ~unchanged_C
    if constant_C.any() and counts.n_seeds != (1, 1):  # as if a single reading had not changed
        image_C = floor_C * (w_C > 0)
        variance_C, df_C = combined(
            terms._replace(
                seed=np.where(constant_C, floor_C, terms.seed),
                image=np.where(constant_C, image_C, terms.image),
                residual=np.where(constant_C, image_C, terms.residual),
            )
        )
    m = Measured(
        estimate_C,
        full_C,
        held_C,
        np.sqrt(variance_C),
        df_C,
        low_C=estimate_C,
        high_C=estimate_C,
        p_C=np.ones(w_C.size),
        bound_C=zero_event_bound(independent_images(counts, w_C), alpha),
        unchanged_C=unchanged_C,
        constant_C=constant_C,
        few_C=np.zeros(w_C.size, dtype=np.bool_),
        terms=terms,
        weight_C=w_C,
    )
    if counts.n_seeds == (1, 1):
        p_C, low_C, high_C = images_only(counts, alpha)
        low_C, high_C = np.minimum(low_C, estimate_C), np.maximum(high_C, estimate_C)
        m = m._replace(p_C=p_C, low_C=low_C, high_C=high_C)
    else:
        m = _two_way(counts, m, alpha)
    return m._replace(
        p_C=np.where(unchanged_C, 1.0, m.p_C),
        low_C=np.maximum(np.where(unchanged_C, -m.bound_C, m.low_C), -1.0),
        high_C=np.minimum(np.where(unchanged_C, m.bound_C, m.high_C), 1.0),
    )


def _two_way(counts: Counts, m: Measured, alpha: float) -> Measured:
    """Return effects with p-values and intervals, and where too few units changed for these."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p_C = 2 * scipy.special.stdtr(m.df_C, -np.abs(m.estimate_C) / m.se_C)
    t_C = -scipy.special.stdtrit(m.df_C, alpha / 2)
    shift_C = t_C**2 * event_size(counts, m.weight_C) / 2
    far_C = shift_C + np.sqrt(shift_C**2 + (t_C * m.se_C) ** 2)
    wide_C = np.where(m.constant_C, 2 * m.bound_C, 0.0)
    near_C = np.maximum(t_C * m.se_C, wide_C)
    far_C = np.maximum(far_C, np.maximum(wide_C, m.bound_C))  # nothing tells more than no event
    low_C = m.estimate_C - np.where(m.estimate_C < 0, far_C, near_C)
    high_C = m.estimate_C + np.where(m.estimate_C > 0, far_C, near_C)
    least_C = least_p(changed_of(counts, m.weight_C))
    few_C = ~m.unchanged_C & (least_C > alpha)
    few_low_C = np.minimum(np.minimum(low_C, m.estimate_C - m.bound_C), 0)
    few_high_C = np.maximum(np.maximum(high_C, m.estimate_C + m.bound_C), 0)
    return m._replace(
        p_C=np.where(few_C, np.maximum(p_C, least_C), p_C),
        low_C=np.where(few_C, few_low_C, low_C),
        high_C=np.where(few_C, few_high_C, high_C),
        few_C=few_C,
    )


def rates_of(counts: Counts) -> tuple[FloatArray, FloatArray]:
    """Return the pooled error rates before and after, weighed as the change is."""
    w_C = weights_of(counts)
    n_C, total_C = np.maximum(counts.n_full_C, 1), counts.layout.held.total_P[counts.part_C]
    held = counts.held_before_CS, counts.held_after_CT
    if not counts.paired:
        held = counts.sides[0].held_CS, counts.sides[1].held_CS
    before_C, after_C = (
        w_C * full_CS.sum(axis=1) / (n * n_C)
        + (1 - w_C) * held_CS.sum(axis=1) / np.maximum(total_C, 1)
        for full_CS, held_CS, n in zip(
            (counts.before_CS, counts.after_CT), held, counts.n_seeds, strict=True
        )
    )
    return before_C, after_C


def upper_of(measured: Measured) -> FloatArray:
    """Return the upper end that *safe* is judged by, at least the zero-event bound above.

    The interval's end can lie nearer where changes cancel by chance: fewer events would be less
    safe.
    """
    return np.maximum(measured.high_C, measured.estimate_C + measured.bound_C)


def design_effect(counts: Counts) -> float:
    """Return how many times groups widen the variance over images of what changed, 1 or more.

    `counts` are of being read wrongly, one error per class; infinite where too few changed to tell.
    """
    w_C = weights_of(counts)
    changed_C = counts.full.changed_C * (w_C > 0) + counts.held.changed_C * (w_C < 1)
    if changed_C.sum() < _LEAST_CHANGED:
        return math.inf
    return widening(counts) or math.inf


def widening(counts: Counts) -> float | None:
    """Return the design effect however few changed; None without groups or any variance.

    The sum of squares between groups over that between images, within classes, pooled over them.
    """
    w_C, sizes = weights_of(counts), counts.layout.groups
    if sizes is None:
        return None
    images = by_image(counts, w_C)
    size_C = counts.n_images_C.astype(np.float64) ** 2
    n_groups = sizes.n_full_P[counts.part_C], sizes.n_held_P[counts.part_C]
    sums = []
    for terms, n_drawn in (
        (images, (counts.n_full_C, counts.n_held_C)),
        (by_group(counts, w_C, images), n_groups),
    ):  # without n / (n − 1), for the mean that was estimated
        full_C, held_C = (np.maximum(n - 1, 1) / np.maximum(n, 1) for n in n_drawn)
        sums.append(float((size_C * (terms.image * full_C + terms.image_held * held_C)).sum()))
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
