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
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from misread.errors import JudgeError
from misread.judge.checks import FloatArray, fraction
from misread.judge.counts import Counts, count_differences
from misread.judge.groups import groups_or_none
from misread.judge.measure import Measured, measure
from misread.judge.terms import units_of
from misread.judge.variance import FEW_SEEDS, changed_of, differences

Status = Literal["safe", "harmed", "undetermined", "scanned"]


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
        Seeds (of the arm with fewer), and images that all of them read, or where there are none,
        images that some read.
    n_held : int
        Images beside or in place of those, that only the seeds read which had not learnt them.
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
    n_held: int = 0

    def within(self, before: float) -> "Effect":
        """Return the same with an interval that ends where the parameter does.

        An error that is made at the rate `before` cannot fall by more, nor rise beyond one. An end
        that lies there means "all of them".
        """
        return replace(self, low=max(self.low, 0.0 - before), high=min(self.high, 1 - before))


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
    groups = groups_or_none(groups_N, checked_SN.shape[1])
    return effects(count_differences(checked_SN, groups), alpha)[0]


def effects(counts: Counts, alpha: float = 0.05) -> list[Effect]:
    """Return the effects behind counts, all at once: `two_way` for each, sparse and vectorised.

    Where seeds are not paired, the variance adds up over the arms. JudgeError if alpha, of
    intervals that cover ``1 − alpha``, is not between 0 and 1.
    """
    fraction("alpha", alpha)
    m = measure(counts, alpha)
    one_each = counts.n_seeds == (1, 1)
    held_C = np.where(m.weight_C < 1, counts.n_held_C, 0)
    columns = (m.estimate_C, m.se_C, m.df_C, m.low_C, m.high_C, m.p_C, counts.n_images_C, held_C)
    rows = zip(
        *(column_C.tolist() for column_C in columns),
        _methods(counts, m),
        _notes(counts, m),
        m.unchanged_C.tolist(),
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
            n_seeds=min(counts.n_seeds),
            n_images=n_images,
            n_held=n_held,
            method=method,
            note=note,
        )
        for estimate, se, df, low, high, p_value, n_images, n_held, method, note, unchanged in rows
    ]


def _methods(counts: Counts, m: Measured) -> list[str]:
    """Return the name of the method behind each effect."""
    pairs = "" if counts.paired else "unpaired "
    words = []
    units_C, images_C = units_of(counts, m.weight_C), counts.images_of(m.weight_C)
    for unchanged, n, n_images, w in zip(m.unchanged_C, units_C, images_C, m.weight_C, strict=True):
        held = "" if w == 1 else " held out" if w == 0 else " read by all or held out"
        groups = f"{n:,} groups" if n < n_images else ""
        if unchanged and groups:
            word = f"zero-event bound over images{held} in {groups}"
        elif unchanged:
            word = f"exact zero-event bound over images{held}"
        elif counts.n_seeds == (1, 1) and groups:
            word = f"mid-p sign test over {groups}, Bonett–Price interval by design effect"
        elif counts.n_seeds == (1, 1):
            word = "mid-p McNemar over images, Bonett–Price interval"
        elif groups:
            word = f"three-way over {pairs}seeds, {groups} and images{held}, Satterthwaite t"
        else:
            word = f"two-way over {pairs}seeds and images{held}, Satterthwaite t"
        words.append(word)
    return words


def _notes(counts: Counts, m: Measured) -> list[str]:
    """Return what each effect cannot say."""
    about_seeds, one_each = _about_seeds(*counts.n_seeds), counts.n_seeds == (1, 1)
    notes = []
    for unchanged, constant, few, n_changed, n, n_images in zip(
        m.unchanged_C, m.constant_C, m.few_C, changed_of(counts, m.weight_C),
        units_of(counts, m.weight_C), counts.images_of(m.weight_C), strict=True,
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


def benjamini_hochberg(p_values: Sequence[float], n_more: int = 0) -> list[float]:
    """Return q-values for an exploratory scan, in the given order (Benjamini & Hochberg 1995).

    `n_more` further tests have a p-value of 1 and need not be written out.

    Raises
    ------
    JudgeError
        If one is not between 0 and 1.
    """
    p_P = _probabilities(p_values)
    order = np.argsort(p_P, kind="stable")  # those of 1 come last, and never lower a quotient
    quotients_P = p_P[order] * ((p_P.size + n_more) / np.arange(1, p_P.size + 1))
    q_P = np.empty_like(p_P)
    q_P[order] = np.minimum(np.minimum.accumulate(quotients_P[::-1])[::-1], 1.0)
    return [float(q) for q in q_P]


def _probabilities(p_values: Sequence[float]) -> FloatArray:
    p_P = np.asarray(p_values, dtype=np.float64)
    if not ((p_P >= 0) & (p_P <= 1)).all():
        msg = f"p-values {list(p_values)}; each must lie between 0 and 1: drop what was not tested."
        raise JudgeError(msg)
    return p_P


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
