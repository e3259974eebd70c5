"""The mean of any value that each seed has of each image, with an interval over both.

For what is no single error: a mean over several readings of an image, or a ratio of two rates.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from misread.errors import JudgeError
from misread.judge.checks import BoolArray, FloatArray, IntArray, fraction
from misread.judge.groups import group_codes
from misread.judge.terms import Terms, crossed
from misread.judge.variance import combined


class Mean(NamedTuple):
    """A mean with its two-sided ``1 − alpha`` interval and the p-value of its being 0."""

    estimate: float
    low: float
    high: float
    p_value: float


def mean_over(
    values_SN: FloatArray,
    alpha: float = 0.05,
    groups_N: npt.ArrayLike | None = None,
) -> Mean:
    """Return the mean of a crossed layout with an interval over seeds and images.

    The variance and its degrees of freedom are those of `two_way` (Clark 1973; Satterthwaite 1946),
    without its exact edges: a handful of events is too few for this. With groups the larger
    variance counts, of images or of groups. Without any variance the interval is the mean, and the
    p-value 1.

    Parameters
    ----------
    values_SN : ndarray of float, shape [S, N]
        One value for each seed and image, in any unit; differences where two arms are compared.
    alpha : float
        Between 0 and 1.
    groups_N : ndarray of int, shape [N], optional
        The group (writer, patient) of each image.

    Raises
    ------
    JudgeError
        If there are no values, groups do not fit, or alpha is out of range.
    """
    fraction("alpha", alpha)
    if values_SN.ndim != 2 or not values_SN.size:
        msg = f"values of shape {values_SN.shape}; needed is one for each seed and image: [S, N]."
        raise JudgeError(msg)
    n_images = values_SN.shape[1]
    ways = [_terms(values_SN, np.arange(n_images))]
    if groups_N is not None:
        codes_N = group_codes("groups", groups_N, n_images)
        if codes_N.max() + 1 < n_images:
            ways.insert(0, _terms(values_SN, codes_N))  # where both are alike, groups count
    variance, df = (float(of[0]) for of in combined(max(ways, key=_floored)))
    mean = float(values_SN.mean())
    if not variance:
        return Mean(mean, mean, mean, 1.0)
    se = math.sqrt(variance)
    half = -float(scipy.special.stdtrit(df, alpha / 2)) * se
    p_value = 2 * float(scipy.special.stdtr(df, -abs(mean) / se))
    return Mean(mean, mean - half, mean + half, p_value)


def _floored(terms: Terms) -> float:
    """Return the variance with no component below 0."""
    above = np.maximum(terms.image - terms.residual, 0.0)
    return float(np.maximum(terms.seed + above, terms.residual)[0])


def _terms(values_SN: FloatArray, codes_N: IntArray) -> Terms:
    """Return the terms of the variance of a mean over seeds and groups of an image or more."""
    (n_seeds, n_images), size_G = values_SN.shape, np.bincount(codes_N).astype(np.float64)
    mean = values_SN.mean()
    seed_S, image_N = values_SN.mean(axis=1) - mean, values_SN.mean(axis=0) - mean
    rest_SN = values_SN - mean - seed_S[:, np.newaxis] - image_N
    image_G = np.bincount(codes_N, weights=image_N)
    rest_SG = np.stack([np.bincount(codes_N, weights=rest_N) for rest_N in rest_SN])
    bessel = size_G.size / max(size_G.size - 1, 1)  # for the one mean that was estimated
    df_group = max((size_G**2).sum() ** 2 / (size_G**4).sum() - 1, 1.0)
    df_seed, df_rest = n_seeds - 1 or np.inf, max((n_seeds - 1) * df_group, 1.0)
    image = float(image_G @ image_G) * bessel / n_images**2
    rest = float((rest_SG**2).sum()) * bessel / (n_images**2 * n_seeds * max(n_seeds - 1, 1))
    seed = float(seed_S @ seed_S) / (n_seeds * df_seed)
    return crossed(seed, image, rest, (df_seed, df_group, df_rest), n_seeds)


def mean_ratio(
    after_GSN: BoolArray,
    before_GSN: BoolArray,
    alpha: float = 0.05,
    groups_N: npt.ArrayLike | None = None,
) -> Mean | None:
    """Return the mean over G kinds of readings of the rate of an error after to that before.

    The interval is that of the linear part (the delta method): each reading moves a ratio by its
    own error after, less the ratio times its own before, over the rate before. The p-value is that
    of the ratio's being 1; None where a kind has no error before.

    Parameters
    ----------
    after_GSN, before_GSN : ndarray of bool, shape [G, S, N]
        Which readings are the error, the same seeds and images on both sides.
    alpha, groups_N : float, ndarray
        As in `mean_over`, which also says what is a JudgeError.
    """
    rate_G = before_GSN.mean(axis=(1, 2))
    if not rate_G.all():
        return None
    ratio_G = after_GSN.mean(axis=(1, 2)) / rate_G
    moved_SN = np.zeros(after_GSN.shape[1:])
    for after_SN, before_SN, rate, ratio in zip(
        after_GSN, before_GSN, rate_G, ratio_G, strict=True
    ):
        moved_SN += (after_SN - ratio * before_SN) / rate
    ratio = float(ratio_G.mean())
    mean = mean_over(moved_SN / len(rate_G) + ratio - 1, alpha, groups_N)
    return Mean(ratio, mean.low + 1, mean.high + 1, mean.p_value)
