"""The change of an error relative to its rate before, by the delta method over seeds and images.

With ``R = rate after / rate before``, R moves to first order as ``(A − R·B) / rate before`` does, A
and B being the readings of either arm. All parts of a variance are quadratic forms Q, so those of
A − R·B follow from the ones of A, of B and of D = A − B::

    Q(A − R·B) = (1 − R) · Q(A) + R(R − 1) · Q(B) + R · Q(D)

which at R = 1 is that of D: the relative and the absolute test ask the same.

References
----------
Fieller (1954), Some problems in interval estimation, *JRSS B* 16.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy

from misread.judge.checks import BoolArray, FloatArray
from misread.judge.counts import Counts
from misread.judge.measure import Measured
from misread.judge.parts import Parts, estimates
from misread.judge.variance import larger_of, ways_of

_LARGEST = 100.0  # ratios beyond are as good as infinite


class Relative(NamedTuple):
    """Relative changes, −1 to infinity, with intervals; NaN where there is no error before."""

    change_C: FloatArray
    low_C: FloatArray
    high_C: FloatArray


class Three(NamedTuple):
    """Counts of the change, of the errors after alone and of those before alone."""

    change: Counts
    after: Counts
    before: Counts


def _mixed(parts: tuple[Parts, ...], ratio_C: FloatArray) -> Parts:
    """Return the parts of A − R·B from those of the change, of A and of B."""
    factors = (ratio_C, 1 - ratio_C, ratio_C * (ratio_C - 1))

    def mixed(name: str) -> FloatArray:
        terms = (f * getattr(p, name) for f, p in zip(factors, parts, strict=True))
        return np.maximum(sum(terms, np.zeros_like(ratio_C)), 0.0)

    return parts[0]._replace(
        seed=mixed("seed"),
        image=mixed("image"),
        residual=mixed("residual"),
        image_held=mixed("image_held"),
        residual_held=mixed("residual_held"),
        least_held=mixed("least_held"),
    )


def relative(three: Three, measured: Measured, alpha: float = 0.05) -> Relative:
    """Return relative changes with the ratios that the judge's test does not reject.

    Each ratio R is tested by the variance of A − R·B that it would have itself (Fieller 1954), not
    by that of the estimate: the plain delta method covers .87 to .94 where errors are few. It asks
    what the absolute change asks, so both hold 0 together. The lower end is −1, all errors, where
    no ratio is too small; the upper end is infinite where none is too large, and never nearer than
    what no event at all after would leave open.

    Parameters
    ----------
    three : Three
        Of C errors.
    measured : Measured
        The absolute changes at the same level.
    alpha : float
        The intervals cover 1 − alpha.
    """
    w_C = measured.weight_C
    after_C = estimates(three.after, w_C)[0]
    before_C = after_C - measured.estimate_C
    some_C = before_C > 0
    ratio_C = np.divide(after_C, before_C, out=np.full_like(before_C, np.nan), where=some_C)
    ways = list(zip(*(ways_of(counts, w_C) for counts in three), strict=True))

    def rejects(r_C: FloatArray) -> BoolArray:
        variance_C, df_C, _ = larger_of([_mixed(parts, r_C) for parts in ways], w_C)
        reach_C = -scipy.special.stdtrit(df_C, alpha / 2) * np.sqrt(variance_C)
        beyond_C: BoolArray = np.abs(after_C - r_C * before_C) > reach_C
        return beyond_C

    inner = np.where(some_C, ratio_C, 1.0)
    low_C = _end(rejects, inner, np.zeros_like(inner))
    high_C = _end(rejects, inner, np.full_like(inner, _LARGEST) + inner)
    high_C = np.where(high_C >= _LARGEST, np.inf, high_C)
    least_C = np.divide(measured.bound_C, before_C, out=np.full_like(inner, np.inf), where=some_C)
    high_C = np.maximum(high_C, least_C)
    open_C = measured.p_C > alpha
    low_C = np.where(open_C, np.minimum(low_C, 1.0), low_C)
    high_C = np.where(open_C, np.maximum(high_C, 1.0), high_C)
    nan_C = np.where(some_C, 0.0, np.nan)
    return Relative(ratio_C - 1, low_C - 1 + nan_C, high_C - 1 + nan_C)


def _end(
    rejects: Callable[[FloatArray], BoolArray], inner_C: FloatArray, outer_C: FloatArray
) -> FloatArray:
    """Return how far the ratios reach that are not rejected, from the estimate outwards."""
    free_C = ~rejects(outer_C)
    kept_C, lost_C = inner_C.copy(), outer_C.copy()
    for _ in range(50):
        middle_C = (kept_C + lost_C) / 2
        out_C = rejects(middle_C)
        kept_C, lost_C = np.where(out_C, kept_C, middle_C), np.where(out_C, middle_C, lost_C)
    return np.where(free_C, outer_C, kept_C)
