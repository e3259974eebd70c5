"""One effect from paired readings, held against both seeds and images.

``diff_SN[s, n]`` is 1 where seed s makes the error on image n after the fix only, −1 where it
made it before only, 0 where nothing changed. Seeds (trainings) and images are both samples, so
``diff = effect + seed + image + noise``.

References
----------
Bonett & Price (2012), Adjusted Wald confidence interval for a difference of binomial proportions
based on paired data, *J. Educational and Behavioral Statistics* 37.
Fagerland, Lydersen & Laake (2013), The McNemar test for binary matched-pairs data: mid-p and
asymptotic are better than exact conditional, *BMC Medical Research Methodology* 13:91.
Holm (1979), A simple sequentially rejective multiple test procedure, *Scand. J. Statistics* 6.
Benjamini & Hochberg (1995), Controlling the false discovery rate, *JRSS B* 57.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from scipy import special, stats

from misread.errors import JudgeError
from misread.judge.inputs import IntArray, flags, fraction, whole_numbers
from misread.judge.variance import (
    differences,
    mean_squares,
    too_few_changed,
    two_way_variance,
    zero_event_bound,
)

Status = Literal["safe", "harmed", "undetermined"]


class Effect(BaseModel):
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
        How many of each the effect rests on.
    method, note : str
        What was computed; what it cannot say ("" when nothing needs saying).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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


def two_way(diff_SN: npt.ArrayLike, alpha: float = 0.05) -> Effect:
    """Return the mean of `diff_SN` with an interval and a p-value over seeds and images.

    The variance is the crossed random-effects one (the quasi-F of Clark 1973; the same as the
    two-way clustering of Cameron, Gelbach & Miller 2011) with Satterthwaite's (1946) degrees of
    freedom. Exact answers stand at the edges:

    * nothing changed: p = 1 and ± the zero-event bound, never a false [0, 0];
    * so few images changed that an exact sign-flip test over images could not reach `alpha`: p is
      at least that test's smallest, and the interval holds 0 and is never narrower than the
      zero-event bound on either side, for a t interval from a handful of events is too short;
    * everything changed the same way: the larger sign test p-value of seeds and images;
    * one seed: images only, mid-p McNemar (Fagerland, Lydersen & Laake 2013) and the interval of
      Bonett & Price (2012). The note says that this says nothing about training.

    Parameters
    ----------
    diff_SN : array_like of −1, 0, 1, shape [S, N]
        Error after minus error before, per paired seed and image; positive is worse.
    alpha : float
        Between 0 and 1; the interval covers ``1 − alpha``.

    Returns
    -------
    Effect
        In the unit of `diff_SN`: a share of the N images.

    Raises
    ------
    JudgeError
        If the matrix is empty or holds other values, or alpha is out of range.
    """
    matrix_SN = differences(diff_SN)
    fraction("alpha", alpha)
    n_seeds, n_images = matrix_SN.shape
    estimate = float(matrix_SN.mean())
    bound = zero_event_bound(n_images, alpha)
    se: float | None = None
    df: float | None = None
    notes = [_about_seeds(n_seeds)]
    variance, freedom = two_way_variance(mean_squares(matrix_SN), n_seeds, n_images)
    if not matrix_SN.any():
        p_value, half, method = 1.0, bound, "exact zero-event bound over images"
        notes.append("Nothing changed on any image.")
    elif n_seeds == 1:
        p_value, low, high = _images_only(matrix_SN[0], alpha)
        return Effect(
            estimate=estimate,
            se=math.sqrt(variance),
            df=None,
            low=min(low, estimate),
            high=max(high, estimate),
            p_value=p_value,
            alpha=alpha,
            n_seeds=1,
            n_images=n_images,
            method="mid-p McNemar over images, Bonett–Price interval",
            note=notes[0],
        )
    elif variance == 0:
        p_value, half = max(2.0 ** (1 - n_seeds), 2.0 ** (1 - n_images)), 2 * bound
        method = "sign tests over seeds and images"
        notes.append("Every image changed in every seed.")
    else:
        se, df = math.sqrt(variance), freedom
        p_value = float(2 * special.stdtr(df, -abs(estimate) / se))
        half = -float(special.stdtrit(df, alpha / 2)) * se
        method = "two-way over seeds and images, Satterthwaite t"
    low, high = estimate - half, estimate + half
    if matrix_SN.any() and too_few_changed(matrix_SN, alpha):
        n_changed = int(np.count_nonzero(matrix_SN.sum(axis=0)))
        p_value = max(p_value, min(1.0, 2.0 ** (1 - n_changed)))
        low, high = min(low, estimate - bound, 0.0), max(high, estimate + bound, 0.0)
        notes.append(
            f"Only {n_changed} of {n_images} images changed on balance: too few for a t interval, "
            "so exact bounds over images widen it."
        )
    return Effect(
        estimate=estimate,
        se=se,
        df=df,
        low=max(low, -1.0),
        high=min(high, 1.0),
        p_value=p_value,
        alpha=alpha,
        n_seeds=n_seeds,
        n_images=n_images,
        method=method,
        note=" ".join(filter(None, notes)),
    )


def _about_seeds(n_seeds: int) -> str:
    if n_seeds == 1:
        return "One seed: this is about these two models and says nothing about training."
    if n_seeds <= 3:
        return f"Only {n_seeds} seeds: how much trainings differ is hardly known."
    return ""


def _images_only(diff_N: IntArray, alpha: float) -> tuple[float, float, float]:
    """Return p-value, low and high for one pair of models."""
    p_value = mcnemar_midp(diff_N < 0, diff_N > 0)
    size = diff_N.size + 2
    worse = (int(np.count_nonzero(diff_N > 0)) + 1) / size
    better = (int(np.count_nonzero(diff_N < 0)) + 1) / size
    centre = worse - better
    half = -float(special.ndtri(alpha / 2)) * math.sqrt((worse + better - centre**2) / size)
    return p_value, max(centre - half, -1.0), min(centre + half, 1.0)


def mcnemar_midp(before_N: npt.ArrayLike, after_N: npt.ArrayLike) -> float:
    """Return the two-sided mid-p McNemar p-value for two models on the same images.

    Recommended over the exact and the asymptotic test by Fagerland, Lydersen & Laake (2013). It
    compares these two trained models and says nothing about training them again.

    Parameters
    ----------
    before_N, after_N : array_like of bool, shape [N]
        Whether each model makes the error on each image.

    Returns
    -------
    float
        0 to 1; exactly 1 when the two models agree on every image.

    Raises
    ------
    JudgeError
        If the two differ in length or hold anything but true and false.
    """
    errors_before_N = whole_numbers("errors before", before_N, 1)
    after_flags_N = flags("errors after", after_N, errors_before_N.size)
    before_flags_N = flags("errors before", errors_before_N, errors_before_N.size)
    gone = int(np.count_nonzero(before_flags_N & ~after_flags_N))
    new = int(np.count_nonzero(~before_flags_N & after_flags_N))
    n_discordant, fewer = gone + new, min(gone, new)
    if n_discordant == 0:
        return 1.0
    at_fewer = float(stats.binom.pmf(fewer, n_discordant, 0.5))
    if gone == new:
        return 1 - at_fewer / 2
    return 2 * float(stats.binom.cdf(fewer, n_discordant, 0.5)) - at_fewer


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
    corrected: list[float] = corrected_P.tolist()
    return corrected


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return q-values for an exploratory scan, in the given order (Benjamini & Hochberg 1995).

    Raises
    ------
    JudgeError
        If one is not between 0 and 1.
    """
    p_P = _probabilities(p_values)
    corrected: list[float] = stats.false_discovery_control(p_P).tolist() if p_P.size else []
    return corrected


def _probabilities(p_values: Sequence[float]) -> npt.NDArray[np.float64]:
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
