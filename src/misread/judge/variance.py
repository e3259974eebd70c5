"""The variance of a mean over seeds and images, and what too few events cannot tell.

References
----------
Satterthwaite (1946), An approximate distribution of estimates of variance components,
*Biometrics Bulletin* 2.
Clopper & Pearson (1934), The use of confidence or fiducial limits, *Biometrika* 26.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import FloatArray, IntArray, whole_numbers
from misread.judge.counts import Counts, count_differences
from misread.judge.parts import (
    Parts,
    by_group,
    by_image,
    units_of,
    weights_of,
)

FEW_SEEDS = 3  # with so many, how much trainings differ is hardly known
_TOO_FEW = 4  # seeds: their own df always count, and bound the others
_RAMP, _RAMP_HELD = 3.0, 6.0  # 3 · (seed − residual) / seed reaches 1 where seed is 1.5 times that


class MeanSquares(NamedTuple):
    """The three mean squares of a crossed layout with one value per (seed, image)."""

    seed: float
    image: float
    residual: float


class Components(NamedTuple):
    """Variances of one reading's difference: between seeds, between images, the rest; each ≥ 0."""

    seed: float
    image: float
    residual: float


def differences(diff_SN: npt.ArrayLike) -> IntArray:
    """Return `diff_SN` as int64 ``[seeds, images]``, checked to hold −1, 0 and 1 only."""
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
    counts = count_differences(diff_SN)
    parts = by_image(counts, weights_of(counts))
    return MeanSquares(
        *(float(p[0]) * diff_SN.size for p in (parts.seed, parts.image, parts.residual))
    )


def variance_of(counts: Counts, w_C: FloatArray) -> tuple[FloatArray, FloatArray, Parts]:
    """Return the variance of the pooled change, its degrees of freedom, and its parts.

    Seeds that hold out the same tenth lack the same images in training, and need not be independent
    of each other. Where there are such, error by error the larger variance counts: with seeds as
    what is drawn, or with tenths, whose seeds then count together. Held-out images lie within a
    tenth, so they add nothing beyond it.
    """
    return larger_of(ways_of(counts, w_C), w_C)


def ways_of(counts: Counts, w_C: FloatArray) -> list[Parts]:
    """Return the parts with seeds as what is drawn, and with tenths where seeds share them."""
    drawn = (False, True) if counts.layout.shared else (False,)
    return [parts_of(counts, w_C, tenths=tenths) for tenths in drawn]


def larger_of(ways: list[Parts], w_C: FloatArray) -> tuple[FloatArray, FloatArray, Parts]:
    """Return the larger variance of one or two ways, its degrees of freedom, and its parts."""
    parts, *others = ways
    variance_C, df_C = combined(parts)
    for other in others:
        other_C, other_df_C = combined(other)
        larger_C = (other_C > variance_C) & (w_C < 1)
        variance_C = np.where(larger_C, other_C, variance_C)
        df_C = np.where(larger_C, other_df_C, df_C)
        fields = {
            name: np.where(larger_C, getattr(other, name), value)
            for name, value in parts._asdict().items()
            if name != "n_seeds"
        }
        parts = parts._replace(**fields)
    return variance_C, df_C, parts


def parts_of(counts: Counts, w_C: FloatArray, *, tenths: bool = False) -> Parts:
    """Return the parts over seeds and images, or over seeds and groups of images.

    Groups take the place of images; error by error the larger variance counts, of images or of
    groups, components below 0 taken as 0: what chance makes of the groups shall not narrow what
    images alone would give.
    """
    parts = by_image(counts, w_C, tenths=tenths)
    sizes = counts.layout.groups
    if sizes is None:
        return parts
    grouped = by_group(counts, w_C, parts, tenths=tenths)
    by_images_C, by_groups_C = (
        np.maximum(p.seed + np.maximum(p.between, 0.0), p.within) for p in (parts, grouped)
    )
    some_C = by_images_C > 0  # else nothing varied: what rounding leaves of groups is nothing too
    chosen_C = units_of(counts, w_C) < counts.images_of(w_C)
    chosen_C &= (by_groups_C >= by_images_C) | ~some_C
    names = ("image", "residual", "image_held", "residual_held", "least_held")
    change = {
        name: np.where(chosen_C, getattr(grouped, name) * some_C, getattr(parts, name))
        for name in names
    }
    for name in ("df_image", "df_residual", "df_held"):
        change[name] = np.where(chosen_C, getattr(grouped, name), getattr(parts, name))
    return parts._replace(**change)


def combined(parts: Parts) -> tuple[FloatArray, FloatArray]:
    """Return variance of the mean and its degrees of freedom (Satterthwaite 1946).

    ``V = seed + between``, never below what single readings add. Where something is held out,
    ``V = max(seed, within) + max(between, 0)``, which lies higher where either is small by chance
    (docs/method.md); without, it is left as it was, so that old plans keep their judgement.

    In the degrees of freedom the seeds count as far as the variance uses them: not where theirs
    lies below that of single readings, wholly from 1.5 times on (1.2 times where something is held
    out), and in proportion between. With two to four seeds they always count, and the degrees of
    freedom are at most (S − 1)².
    """
    within, between = parts.within, parts.between
    pooled = np.maximum(parts.seed, within) + np.maximum(between, 0.0)
    crossed = parts.seed + parts.image - parts.residual + parts.image_held - parts.residual_held
    crossed = np.maximum(crossed, within)
    variance = np.where(parts.least_held > 0, pooled, crossed)
    seed = parts.seed
    if parts.n_seeds > _TOO_FEW:
        above = np.maximum(seed - within, 0.0)
        share = np.divide(above, seed, out=np.zeros_like(seed), where=seed > 0)
        ramp = np.where(parts.least_held > 0, _RAMP_HELD, _RAMP)
        seed = seed * np.minimum(ramp * share, 1.0)
    spread = (
        seed**2 / parts.df_seed
        + parts.image**2 / parts.df_image
        + parts.residual**2 / parts.df_residual
        + (parts.image_held - parts.residual_held) ** 2 / parts.df_held
        + parts.least_held**2 / parts.df_held
    )
    df = np.divide(variance**2, spread, out=np.full_like(variance, 1.0), where=spread > 0)
    if 1 < parts.n_seeds <= _TOO_FEW:
        df = np.minimum(df, (parts.n_seeds - 1) ** 2)
    return variance, np.maximum(df, 1.0)


def changed_of(counts: Counts, w_C: FloatArray) -> IntArray:
    """Return how many units, images or groups, changed on balance."""
    full_C, held_C = w_C > 0, w_C < 1
    if counts.groups is None:
        return counts.full.changed_C * full_C + counts.held.changed_C * held_C
    groups = counts.groups
    both_C = full_C & held_C
    one_C = np.where(full_C, groups.full.changed_C, groups.held.changed_C)
    return np.where(both_C, groups.changed_C, one_C)


def components_of(counts: Counts, alpha: float = 0.05) -> list[Components | None]:
    """Return the variance components of each of C errors (method of moments, floored at 0).

    They are those of one image also where groups count: so many images, in groups as now, have
    the variance that these components give. Seeds and images are told apart by what all seeds
    read; where only held-out images are, all that is not the seeds' is the rest. Where seeds are
    not paired, those of both arms add up, for `seeds_per_arm` seeds each. None where so few images
    changed that a test at level `alpha` by sign flips could not reject: then no variance can be
    estimated.
    """
    n_seeds, w_C = seeds_per_arm(counts.n_seeds), weights_of(counts)
    parts, n_C = parts_of(counts, w_C), counts.n_full_C
    known_C = (units_of(counts, w_C) > 1) & (least_p(changed_of(counts, w_C)) <= alpha)
    seed_C = np.maximum(parts.seed - parts.within, 0.0) * (n_seeds if n_seeds > 1 else 0)
    scale_C = np.where(w_C > 0, w_C, 1.0) ** 2
    image_C = np.maximum(parts.image - parts.residual, 0.0) * n_C / scale_C
    readings_C = counts.layout.held.total_P[counts.part_C]
    if not counts.paired:
        readings_C = counts.n_held_C
    rest_C = np.where(
        w_C > 0, parts.residual * n_seeds * n_C / scale_C, parts.least_held * readings_C
    )
    columns = (column_C.tolist() for column_C in (seed_C, image_C, rest_C))
    return [
        Components(*row) if known else None for known, *row in zip(known_C, *columns, strict=True)
    ]


def seeds_per_arm(n_seeds: tuple[int, int]) -> int:
    """Return the seeds of a paired design of the same variance: the harmonic mean of both arms'."""
    n_before, n_after = n_seeds
    return round(2 * n_before * n_after / (n_before + n_after))


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
    return components_of(count_differences(differences(diff_SN)), alpha)[0]


def zero_event_bound(n_images: npt.ArrayLike, alpha: float) -> FloatArray:
    """Return the largest share of images that may change although none of `n_images` did.

    The exact upper limit ``1 − (alpha/2)^(1/N)`` of Clopper & Pearson (1934); for alpha = .05
    and one side this is the rule of three.
    """
    bound: FloatArray = -np.expm1(np.log(alpha / 2) / np.asarray(n_images, dtype=np.float64))
    return bound


def least_p(n_changed: npt.ArrayLike) -> FloatArray:
    """Return the smallest two-sided mid-p value of sign flips over so many images, 2^(−k)."""
    least: FloatArray = 2.0 ** -np.asarray(n_changed, dtype=np.float64)
    return least
