"""The mean of any value that each seed has of each image, with an interval over both.

For what is no single error: a mean over several readings of an image, or a ratio of two rates.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from misread.errors import JudgeError
from misread.judge.inputs import fraction
from misread.judge.variance import MeanSquares, two_way_variance


class Mean(NamedTuple):
    """A mean with its two-sided ``1 − alpha`` interval and the p-value of its being 0."""

    estimate: float
    low: float
    high: float
    p_value: float


def mean_over(values_SN: npt.NDArray[np.float64], alpha: float = 0.05) -> Mean:
    """Return the mean of a crossed layout with an interval over seeds and images.

    The variance and its degrees of freedom are those of `two_way` (Clark 1973; Satterthwaite
    1946), without what that does at its edges: a handful of events is too few for this.

    Parameters
    ----------
    values_SN : ndarray of float, shape [S, N]
        One value for each seed and image, in any unit; differences where two arms are compared.
    alpha : float
        Between 0 and 1.

    Returns
    -------
    Mean
        In the unit of the values. Without any variance the interval is the mean itself, and the
        p-value 1.

    Raises
    ------
    JudgeError
        If there are no values, or alpha is out of range.
    """
    fraction("alpha", alpha)
    if values_SN.ndim != 2 or not values_SN.size:
        msg = f"values of shape {values_SN.shape}; needed is one for each seed and image: [S, N]."
        raise JudgeError(msg)
    n_seeds, n_images = values_SN.shape
    mean = float(values_SN.mean())
    seed_S, image_N = values_SN.mean(axis=1) - mean, values_SN.mean(axis=0) - mean
    rest_SN = values_SN - mean - seed_S[:, np.newaxis] - image_N
    squares = MeanSquares(
        n_images * float(seed_S @ seed_S) / max(n_seeds - 1, 1),
        n_seeds * float(image_N @ image_N) / max(n_images - 1, 1),
        float((rest_SN**2).sum()) / max((n_seeds - 1) * (n_images - 1), 1),
    )
    variance, df = two_way_variance(squares, n_seeds, n_images)
    if not variance:
        return Mean(mean, mean, mean, 1.0)
    se = math.sqrt(variance)
    half = -float(special.stdtrit(df, alpha / 2)) * se
    p_value = 2 * float(special.stdtr(df, -abs(mean) / se))
    return Mean(mean, mean - half, mean + half, p_value)


def mean_ratio(
    after_GSN: npt.NDArray[np.bool_], before_GSN: npt.NDArray[np.bool_], alpha: float = 0.05
) -> Mean | None:
    """Return the mean over G groups of readings of the rate of an error after to that before.

    The interval is that of the linear part (the delta method): each reading moves a ratio by its
    own error after, less the ratio times its own before, over the rate before.

    Parameters
    ----------
    after_GSN, before_GSN : ndarray of bool, shape [G, S, N]
        Which readings are the error, the same seeds and images on both sides.
    alpha : float
        Between 0 and 1.

    Returns
    -------
    Mean or None
        Its p-value is that of the ratio's being 1; None where a group has no error before.

    Raises
    ------
    JudgeError
        As in `mean_over`.
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
    found = mean_over(moved_SN / len(rate_G) + ratio - 1, alpha)
    return Mean(ratio, found.low + 1, found.high + 1, found.p_value)
