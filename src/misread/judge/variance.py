"""The variance of a mean over crossed seeds and images, and what too few events cannot tell.

References
----------
Clark (1973), The language-as-fixed-effect fallacy, *J. Verbal Learning and Verbal Behavior* 12.
Satterthwaite (1946), An approximate distribution of estimates of variance components,
*Biometrics Bulletin* 2.
Cameron, Gelbach & Miller (2011), Robust inference with multiway clustering, *JBES* 29.
Clopper & Pearson (1934), The use of confidence or fiducial limits, *Biometrika* 26.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.inputs import IntArray, whole_numbers


class MeanSquares(NamedTuple):
    """The three mean squares of a crossed layout with one value per (seed, image)."""

    seed: float
    image: float
    residual: float


def differences(diff_SN: npt.ArrayLike) -> IntArray:
    """Return `diff_SN` as int64 ``[seeds, images]`` after checking that it holds −1, 0 and 1 only.

    Raises
    ------
    JudgeError
        If the shape or a value is another.
    """
    checked_SN = whole_numbers("the matrix of differences", diff_SN, 2)
    if np.abs(checked_SN).max() > 1:
        msg = (
            f"the matrix of differences holds {checked_SN[np.abs(checked_SN) > 1][0]}; allowed are "
            "−1, 0 and 1: subtract the 0/1 errors before from those after."
        )
        raise JudgeError(msg)
    return checked_SN


def mean_squares(diff_SN: IntArray) -> MeanSquares:
    """Return the mean squares of the crossed analysis of variance, computed in whole numbers.

    An axis of length one has no variance to show: its mean square is 0.
    """
    n_seeds, n_images = diff_SN.shape
    size = n_seeds * n_images
    sums_S, sums_N = diff_SN.sum(axis=1), diff_SN.sum(axis=0)
    correction = int(sums_S.sum()) ** 2
    seed = n_seeds * int(sums_S @ sums_S) - correction
    image = n_images * int(sums_N @ sums_N) - correction
    residual = size * int(np.count_nonzero(diff_SN)) - correction - seed - image
    return MeanSquares(
        seed / size / max(n_seeds - 1, 1),
        image / size / max(n_images - 1, 1),
        residual / size / max((n_seeds - 1) * (n_images - 1), 1),
    )


def two_way_variance(ms: MeanSquares, n_seeds: int, n_images: int) -> tuple[float, float]:
    """Return variance of the mean and its degrees of freedom (Clark 1973; Satterthwaite 1946).

    ``V = (MS_seed + MS_image − MS_residual) / (S·N)``, never below ``MS_residual / (S·N)``.
    Subtracting a mean square can push Satterthwaite's df below one, where it is kept. With two
    seeds it is one: two trainings that happen to agree would otherwise borrow the images'
    degrees of freedom (simulated false-positive rate .12 at alpha = .05 under seed effects).
    """
    combined = max(ms.seed + ms.image - ms.residual, ms.residual)
    spread = (
        ms.seed**2 / max(n_seeds - 1, 1)
        + ms.image**2 / max(n_images - 1, 1)
        + ms.residual**2 / max((n_seeds - 1) * (n_images - 1), 1)
    )
    df = max(combined**2 / spread, 1.0) if spread > 0 and n_seeds != 2 else 1.0
    return combined / (n_seeds * n_images), df


def zero_event_bound(n_images: int, alpha: float) -> float:
    """Return the largest share of images that may change although none of `n_images` did.

    The exact upper limit ``1 − (alpha/2)^(1/N)`` of Clopper & Pearson (1934); for alpha = .05
    and one side this is the rule of three.
    """
    return float(-np.expm1(math.log(alpha / 2) / n_images))


def too_few_changed(diff_SN: IntArray, alpha: float) -> bool:
    """Say whether so few images changed on balance that no exact test could reach `alpha`.

    With k such images the smallest two-sided sign-flip p-value over images is ``2^(1 − k)``.
    """
    return 2.0 ** (1 - int(np.count_nonzero(diff_SN.sum(axis=0)))) > alpha
