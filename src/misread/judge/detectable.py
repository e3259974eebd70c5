"""How small a reduction these seeds and images could show, and how many would do.

Variance components come from the crossed mean squares of an observed ``diff_SN`` (method of
moments, floored at 0). The minimum detectable effect is Bloom's (1995, *Evaluation Review* 19):
``(t[1 − alpha/2] + t[power]) · se`` with Satterthwaite's (1946) degrees of freedom.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from misread.judge.checks import fraction
from misread.judge.counts import Moments, of_differences
from misread.judge.variance import MeanSquares, differences, least_p, parts_of, two_way_variance

MOST = 1_000_000  # seeds or images: beyond this a number is no advice


class Components(NamedTuple):
    """Variances of one reading's difference: between seeds, between images, the rest; each ≥ 0."""

    seed: float
    image: float
    residual: float


def variance_components(diff_SN: npt.ArrayLike, alpha: float = 0.05) -> Components | None:
    """Split the variance of `diff_SN` into seeds, images and residual, each floored at 0.

    Parameters
    ----------
    diff_SN : array_like of −1, 0, 1, shape [S, N]
        Error after minus error before. With one seed all variance counts as the images' own.
    alpha : float
        The level of the test to come; decides how few changed images are too few.

    Returns
    -------
    Components or None
        None when so few images changed that no variance can be estimated.

    Raises
    ------
    JudgeError
        If the matrix is empty or holds other values.
    """
    fraction("alpha", alpha)
    return components_of(of_differences(differences(diff_SN)), alpha)[0]


def components_of(moments: Moments, alpha: float = 0.05) -> tuple[Components | None, int, int]:
    """Return the components behind one error's moments, and the design that they speak of.

    Where seeds are not paired, the components of both arms add up and the number of seeds per arm
    is the harmonic mean of the two, so that the design stands for a paired one of equal variance
    (with fewer degrees of freedom than it has: the answer is on the careful side).

    Where groups of images count (`misread.judge.variance.parts_of`), a group stands for an image:
    the design is seeds × groups of one size, so many as would tell as much as these.

    Parameters
    ----------
    moments : Moments
        Of one error.
    alpha : float
        The level of the test to come.

    Returns
    -------
    Components or None
        As `variance_components`.
    n_seeds, n_units : int
        Seeds per arm; images, or groups of one size in their place.
    """
    found, n_seeds, n_units = all_components(moments, alpha)
    return found[0], n_seeds, n_units[0]


def all_components(
    moments: Moments, alpha: float = 0.05
) -> tuple[list[Components | None], int, list[int]]:
    """Return the same as `components_of` for each of C errors."""
    n_before, n_after = moments.before_CS.shape[1], moments.after_CT.shape[1]
    n_seeds = round(2 * n_before * n_after / (n_before + n_after))
    parts = parts_of(moments)
    known_C = (moments.units_C > 1) & (least_p(moments.changed_units_C) <= alpha)
    units_C = np.rint(parts.df_image).astype(np.int64) + 1
    rows = zip(known_C, units_C.tolist(), *(p.tolist() for p in parts[:3]), strict=True)
    found = [
        Components(
            max(seed - residual, 0.0) * n_seeds if n_seeds > 1 else 0.0,
            max(image - residual, 0.0) * n_units,
            residual * n_seeds * n_units,
        )
        if known
        else None
        for known, n_units, seed, image, residual in rows
    ]
    return found, n_seeds, units_C.tolist()


def seeds_for(
    parts: Components,
    n_images: int,
    reduction_abs: float,
    alpha: float = 0.05,
    power: float = 0.8,
    *,
    least: int = 2,
) -> int | None:
    """Return the fewest seeds, from `least` on, that show a change on so many images.

    None when no number suffices.
    """
    return fewest(lambda n: detectable(parts, n, n_images, alpha, power) <= reduction_abs, least)


def images_for(
    parts: Components,
    n_seeds: int,
    reduction_abs: float,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Return the fewest images that show a change with so many seeds; None when none suffice."""
    return fewest(lambda n: detectable(parts, n_seeds, n, alpha, power) <= reduction_abs, 2)


def detectable(
    parts: Components, n_seeds: int, n_images: int, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the minimum detectable change (Bloom 1995) of a design with known variances.

    Parameters
    ----------
    parts : Components
        Variances of one reading.
    n_seeds, n_images : int
        The design, each at least 1.
    alpha, power : float
        Level of the two-sided test and the chance of finding the change, 0 to 1.

    Returns
    -------
    float
        A share of the images.
    """
    expected = MeanSquares(
        parts.residual + n_images * parts.seed if n_seeds > 1 else 0.0,
        parts.residual + n_seeds * parts.image if n_images > 1 else 0.0,
        parts.residual if n_seeds > 1 and n_images > 1 else 0.0,
    )
    variance, df = two_way_variance(expected, n_seeds, n_images)
    quantiles = float(special.stdtrit(df, power)) - float(special.stdtrit(df, alpha / 2))
    return quantiles * math.sqrt(variance)


def fewest(enough: Callable[[int], bool], least: int, most: int = MOST) -> int | None:
    """Return the least number that is enough, by doubling and halving; None beyond `most`."""
    high = least
    while not enough(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return max(high, least)
