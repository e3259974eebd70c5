"""One effect from paired readings, held against both seeds and images.

``diff_SN[s, n]`` is 1 where seed s makes the error on image n after the fix only, −1 where it
made it before only, 0 where nothing changed. Seeds (trainings) and images are both samples, so
``diff = effect + seed + image + noise``. Where images come in groups, such as those of one writer,
the groups are a third sample: what is drawn is a group, and its images with it.

References
----------
Wilson (1927), Probable inference, the law of succession, and statistical inference, *JASA* 22.
Holm (1979), A simple sequentially rejective multiple test procedure, *Scand. J. Statistics* 6.
Benjamini & Hochberg (1995), Controlling the false discovery rate, *JRSS B* 57.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict
from scipy import special, stats

from misread.errors import JudgeError
from misread.judge.checks import BoolArray, FloatArray, fraction
from misread.judge.counts import Counts, count_differences
from misread.judge.groups import Groups, group_codes
from misread.judge.two_models import images_only
from misread.judge.variance import (
    FEW_SEEDS,
    differences,
    least_p,
    terms_of,
    variance_of,
    zero_event_bound,
)

Status = Literal["safe", "harmed", "undetermined"]


@dataclass(frozen=True, slots=True)
class Effect:
    """A mean change of an error rate and how far it can be trusted.

    Attributes
    ----------
    estimate : float
        Mean of ``diff_SN``, −1 to 1; positive means more errors after.
    se, df : float or None
        Standard error and degrees of freedom; None where the answer is exact and has neither.
    low, high : float
        Two-sided ``1 − alpha`` interval, within −1 to 1.
    p_value, alpha : float
        Two-sided p-value of no effect, and the level of the interval.
    n_seeds, n_images : int
        Seeds (of the arm with fewer) and images behind it.
    method, note : str
        What was computed; what it cannot say ("" when nothing needs saying).

    Notes
    -----
    A plain dataclass: a scan of 1,000 classes makes a million of them.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    estimate: float
    se: float | None
    df: float | None
    low: float
    high: float
    p_value: float
    alpha: float
    n_seeds: int
    n_images: int
    method: str
    note: str = ""


def two_way(
    diff_SN: npt.ArrayLike, alpha: float = 0.05, groups_N: npt.ArrayLike | None = None
) -> Effect:
    """Return the mean of `diff_SN` with an interval and a p-value over seeds and images.

    The variance is the crossed random-effects one (the quasi-F of Clark 1973; the same as the
    two-way clustering of Cameron, Gelbach & Miller 2011) with Satterthwaite's (1946) degrees of
    freedom. On the side away from 0 the interval is wider: a larger change would come of more
    events and so vary more, and the interval asks each value by the variance that it would have
    (the score idea of Wilson 1927, here for a sum of events of unequal size). Exact answers stand
    at the edges:

    * nothing changed: p = 1 and ± the zero-event bound, never a false [0, 0];
    * so few images changed that a sign-flip test over images could not reach `alpha`: p is at least
      that test's smallest mid-p value, and the interval holds 0 and is never narrower than the
      zero-event bound on either side, for a t interval from a handful of events is too short;
    * everything changed the same way: the variance as if one reading had not, and an interval no
      narrower than twice the zero-event bound;
    * one seed: images only, mid-p McNemar (Fagerland, Lydersen & Laake 2013) and the interval of
      Bonett & Price (2012). The note says that this says nothing about training.

    With groups the sums over the images of a group stand where images stood
    (`misread.judge.variance.terms_of`), also at the edges: groups that changed are counted, and
    in the zero-event bound each group counts as one image (`judge` knows more of how alike the
    images of a group are, and so can have a nearer far side). Copies of an image, each image a
    group with its copies, give the same as the images without copies; groups of one image each
    give the same as no groups.

    Parameters
    ----------
    diff_SN : array_like of −1, 0, 1, shape [S, N]
        Error after minus error before, per paired seed and image; positive is worse.
    alpha : float
        Between 0 and 1; the interval covers ``1 − alpha``.
    groups_N : array_like of int or str, shape [N], optional
        The group (writer, patient) of each image.

    Returns
    -------
    Effect
        In the unit of `diff_SN`: a share of the N images.

    Raises
    ------
    JudgeError
        If the matrix is empty or holds other values, or alpha is out of range, or groups do not
        fit.
    """
    checked_SN = differences(diff_SN)
    groups = None
    if groups_N is not None:
        groups = Groups(group_codes("groups", groups_N, checked_SN.shape[1]))
    return effects(count_differences(checked_SN, groups), alpha)[0]


def effects(counts: Counts, alpha: float = 0.05) -> list[Effect]:
    """Return the effects behind counts, all at once: `two_way` for each, sparse and vectorised.

    Parameters
    ----------
    counts : Counts
        Of C errors. Where seeds are not paired, the variance adds up over the arms
        (`misread.judge.variance.unpaired_terms`).
    alpha : float
        Between 0 and 1; the intervals cover ``1 − alpha``.

    Returns
    -------
    list of Effect
        One per error, in their order.

    Raises
    ------
    JudgeError
        If alpha is out of range.
    """
    fraction("alpha", alpha)
    n_before, n_after = counts.n_seeds
    n_C = counts.n_images_C
    before_C, after_C = counts.before_CS.sum(axis=1), counts.after_CT.sum(axis=1)
    estimate_C = (n_before * after_C - n_after * before_C) / (n_before * n_after * n_C)
    bound_C = zero_event_bound(counts.independent_C, alpha)
    terms = terms_of(counts)
    variance_C, df_C = variance_of(terms)
    one_each = n_before == n_after == 1
    few_C = np.zeros(n_C.size, dtype=np.bool_)
    unchanged_C = (variance_C == 0) & (estimate_C == 0)
    constant_C = (variance_C == 0) & ~unchanged_C
    if constant_C.any() and not one_each:  # as if a single reading had not changed
        floor_C = 1 / (min(n_before, n_after) * counts.units_C.astype(np.float64)) ** 2
        seed, image, residual = (np.where(constant_C, floor_C, term) for term in terms[:3])
        variance_C, df_C = variance_of(terms._replace(seed=seed, image=image, residual=residual))
    se_C = np.sqrt(variance_C)
    if one_each:
        p_C, low_C, high_C = images_only(counts, alpha)
        low_C, high_C = np.minimum(low_C, estimate_C), np.maximum(high_C, estimate_C)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            p_C = 2 * special.stdtr(df_C, -np.abs(estimate_C) / se_C)
        t_C = -special.stdtrit(df_C, alpha / 2)
        near_C = t_C * se_C
        shift_C = t_C**2 * counts.event_C / 2
        far_C = shift_C + np.sqrt(shift_C**2 + near_C**2)
        wide_C = np.where(constant_C, 2 * bound_C, 0.0)
        near_C = np.maximum(near_C, wide_C)
        far_C = np.maximum(far_C, np.maximum(wide_C, bound_C))  # nothing tells more than no event
        low_C = estimate_C - np.where(estimate_C < 0, far_C, near_C)
        high_C = estimate_C + np.where(estimate_C > 0, far_C, near_C)
        few_C = ~unchanged_C & (least_p(counts.changed_units_C) > alpha)
        p_C = np.where(few_C, np.maximum(p_C, least_p(counts.changed_units_C)), p_C)
        low_C = np.where(few_C, np.minimum(np.minimum(low_C, estimate_C - bound_C), 0), low_C)
        high_C = np.where(few_C, np.maximum(np.maximum(high_C, estimate_C + bound_C), 0), high_C)
    p_C = np.where(unchanged_C, 1.0, p_C)
    low_C = np.where(unchanged_C, -bound_C, low_C)
    high_C = np.where(unchanged_C, bound_C, high_C)
    rows = zip(
        estimate_C.tolist(),
        se_C.tolist(),
        df_C.tolist(),
        np.maximum(low_C, -1.0).tolist(),
        np.minimum(high_C, 1.0).tolist(),
        p_C.tolist(),
        n_C.tolist(),
        _methods(counts, unchanged_C),
        _notes(counts, unchanged_C, constant_C, few_C),
        unchanged_C.tolist(),
        strict=True,
    )
    return [
        Effect(
            estimate=estimate,
            se=None if unchanged else se,
            df=None if unchanged or one_each else df,
            low=low,
            high=high,
            p_value=p_value,
            alpha=alpha,
            n_seeds=min(n_before, n_after),
            n_images=n_images,
            method=method,
            note=note,
        )
        for estimate, se, df, low, high, p_value, n_images, method, note, unchanged in rows
    ]


def _methods(counts: Counts, unchanged_C: BoolArray) -> list[str]:
    """Return the name of the method behind each effect."""
    one_each = counts.n_seeds == (1, 1)
    pairs = "" if counts.paired else "unpaired "
    usual = (
        "mid-p McNemar over images, Bonett–Price interval"
        if one_each
        else f"two-way over {pairs}seeds and images, Satterthwaite t"
    )
    methods = ["exact zero-event bound over images" if same else usual for same in unchanged_C]
    if counts.groups is None:
        return methods
    rows = zip(methods, unchanged_C, counts.groups.n_C, counts.n_images_C, strict=True)
    usual = (
        "mid-p sign test over {n:,} groups, Bonett–Price interval by design effect"
        if one_each
        else f"three-way over {pairs}seeds, {{n:,}} groups and images, Satterthwaite t"
    )
    exact = "zero-event bound over images in {n:,} groups"
    return [
        method if n == n_images else (exact if same else usual).format(n=n)
        for method, same, n, n_images in rows
    ]


def _notes(
    counts: Counts, unchanged_C: BoolArray, constant_C: BoolArray, few_C: BoolArray
) -> list[str]:
    """Return what each effect cannot say."""
    about_seeds, one_each = _about_seeds(*counts.n_seeds), counts.n_seeds == (1, 1)
    notes = []
    for unchanged, constant, few, n_changed, n, n_images in zip(
        unchanged_C, constant_C, few_C, counts.changed_units_C, counts.units_C, counts.n_images_C,
        strict=True,
    ):  # fmt: skip
        unit = "images" if n == n_images else "groups"
        about = ""
        if unchanged:
            about = "Nothing changed on any image."
        elif few:
            about = (
                f"Only {n_changed} of {n} {unit} changed on balance: too few for a t "
                f"interval, so exact bounds over {unit} widen it."
            )
        elif constant and not one_each:
            about = "Every image changed in every seed; the variance is as if one had not."
        notes.append(" ".join(filter(None, (about_seeds, about))))
    return notes


def _about_seeds(n_before: int, n_after: int) -> str:
    if n_before == n_after == 1:
        return "One seed: this is about these two models and says nothing about training."
    if min(n_before, n_after) == 1:
        return "One side has one seed: this holds for that model and not for training it again."
    if min(n_before, n_after) <= FEW_SEEDS:
        return f"Only {min(n_before, n_after)} seeds: how much trainings differ is hardly known."
    return ""


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for a planned family, in the given order (Holm 1979).

    Raises
    ------
    JudgeError
        If one is not between 0 and 1.
    """
    p_P = _probabilities(p_values)
    order = np.argsort(p_P)
    steps = np.maximum.accumulate(p_P[order] * np.arange(p_P.size, 0, -1))
    corrected_P = np.empty_like(p_P)
    corrected_P[order] = np.minimum(steps, 1.0)
    return [float(p) for p in corrected_P]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return q-values for an exploratory scan, in the given order (Benjamini & Hochberg 1995).

    Raises
    ------
    JudgeError
        If one is not between 0 and 1.
    """
    p_P = _probabilities(p_values)
    q_values: list[float] = stats.false_discovery_control(p_P).tolist() if p_P.size else []
    return q_values


def _probabilities(p_values: Sequence[float]) -> FloatArray:
    if not all(0 <= p <= 1 for p in p_values):
        msg = f"p-values {list(p_values)}; each must lie between 0 and 1: drop what was not tested."
        raise JudgeError(msg)
    return np.asarray(p_values, dtype=np.float64)


def noninferiority(effect: Effect, margin: float) -> Status:
    """Say whether `effect` (positive = worse) stays below `margin`.

    "Not significant" is not "no damage": *safe* needs the interval's upper end below the margin,
    *harmed* its lower end above; anything between is *undetermined*. A two-sided 95% interval
    makes this a one-sided test at 2.5%, the usual choice for non-inferiority.

    Raises
    ------
    JudgeError
        If the margin is negative or not finite.
    """
    if not 0 <= margin < math.inf:
        msg = f"the margin is {margin}; allowed is a share of 0 or more: give for example 0.005."
        raise JudgeError(msg)
    if effect.high < margin:
        return "safe"
    return "harmed" if effect.low > margin else "undetermined"
