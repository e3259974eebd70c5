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
from misread.judge.terms import (
    VARIANCES,
    Terms,
    by_group,
    by_image,
    terms_where,
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
    """Return `diff_SN` as int64 ``[S, N]``; JudgeError unless it holds −1, 0 and 1 only."""
    checked_SN = whole_numbers("the matrix of differences", diff_SN, 2)
    if np.abs(checked_SN).max() > 1:
        msg = (
            f"the matrix of differences holds {checked_SN[np.abs(checked_SN) > 1][0]}; allowed are "
            "−1, 0 and 1: subtract the 0/1 errors before from those after."
        )
        raise JudgeError(msg)
    return checked_SN


def mean_squares(diff_SN: IntArray) -> MeanSquares:
    """Return the mean squares of the crossed analysis of variance; 0 for an axis of length one."""
    counts = count_differences(diff_SN)
    terms = by_image(counts, weights_of(counts))
    return MeanSquares(*(float(term_C[0]) * diff_SN.size for term_C in terms[:3]))


def variance_of(counts: Counts, w_C: FloatArray) -> tuple[FloatArray, FloatArray, Terms]:
    """Return the variance of the pooled change, its degrees of freedom, and its terms.

    Seeds that hold out the same tenth lack the same images in training, and need not be independent
    of each other. Where there are such, error by error the larger variance counts: with seeds as
    what is drawn, or with tenths, whose seeds then count together.
    """
    terms = terms_of(counts, w_C)
    variance_C, df_C = combined(terms)
    if not counts.layout.shared:
        return variance_C, df_C, terms
    others = terms_of(counts, w_C, tenths=True)
    other_C, other_df_C = combined(others)
    larger_C = (other_C > variance_C) & (w_C < 1)
    return (
        np.where(larger_C, other_C, variance_C),
        np.where(larger_C, other_df_C, df_C),
        terms_where(larger_C, others, terms),
    )


def terms_of(counts: Counts, w_C: FloatArray, *, tenths: bool = False) -> Terms:
    """Return the terms over seeds and images, or over seeds and groups of images.

    Error by error the larger variance counts, components below 0 taken as 0: what chance makes of
    the groups shall not narrow what images alone would give.
    """
    terms = by_image(counts, w_C, tenths=tenths)
    if counts.layout.groups is None:
        return terms
    grouped = by_group(counts, w_C, terms, tenths=tenths)
    by_images_C, by_groups_C = (
        np.maximum(of.seed + np.maximum(of.between, 0.0), of.within) for of in (terms, grouped)
    )
    some_C = by_images_C > 0  # else nothing varied: what rounding leaves of groups is nothing too
    fewer_C = units_of(counts, w_C) < counts.images_of(w_C)
    larger_C = fewer_C & ((by_groups_C >= by_images_C) | ~some_C)
    scaled = {name: getattr(grouped, name) * some_C for name in VARIANCES}
    return terms_where(larger_C, grouped._replace(**scaled), terms)


def combined(terms: Terms) -> tuple[FloatArray, FloatArray]:
    """Return variance of the mean and its degrees of freedom (Satterthwaite 1946).

    ``V = seed + between``, never below what single readings add. Where something is held out, ``V =
    max(seed, within) + max(between, 0)``, which lies higher where either is small by chance
    (docs/method.md); without, it is left as it was, so that old plans keep their judgement. The
    seeds' df count from where theirs exceeds that of single readings, wholly from 1.5 times on (1.2
    times where something is held out). With two to four seeds they always count, and df is at most
    (S − 1)².
    """
    within, between = terms.within, terms.between
    pooled = np.maximum(terms.seed, within) + np.maximum(between, 0.0)
    crossed = terms.seed + terms.image - terms.residual + terms.image_held - terms.residual_held
    crossed = np.maximum(crossed, within)
    variance = np.where(terms.least_held > 0, pooled, crossed)
    seed = terms.seed
    if terms.n_seeds > _TOO_FEW:
        above = np.maximum(seed - within, 0.0)
        share = np.divide(above, seed, out=np.zeros_like(seed), where=seed > 0)
        ramp = np.where(terms.least_held > 0, _RAMP_HELD, _RAMP)
        seed = seed * np.minimum(ramp * share, 1.0)
    spread = (
        seed**2 / terms.df_seed
        + terms.image**2 / terms.df_image
        + terms.residual**2 / terms.df_residual
        + (terms.image_held - terms.residual_held) ** 2 / terms.df_held
        + terms.least_held**2 / terms.df_held
    )
    df = np.divide(variance**2, spread, out=np.full_like(variance, 1.0), where=spread > 0)
    if 1 < terms.n_seeds <= _TOO_FEW:
        df = np.minimum(df, (terms.n_seeds - 1) ** 2)
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

    They are those of one image also where groups count. Where only held-out images are read, all
    that is not the seeds' is the rest; where seeds are not paired, those of both arms add up, for
    `seeds_per_arm` seeds each. None where so few images changed that no test at level `alpha` by
    sign flips could reject: then no variance can be estimated.
    """
    n_seeds, w_C = seeds_per_arm(counts.n_seeds), weights_of(counts)
    terms, n_C = terms_of(counts, w_C), counts.n_full_C
    known_C = (units_of(counts, w_C) > 1) & (least_p(changed_of(counts, w_C)) <= alpha)
    seed_C = np.maximum(terms.seed - terms.within, 0.0) * (n_seeds if n_seeds > 1 else 0)
    scale_C = np.where(w_C > 0, w_C, 1.0) ** 2
    image_C = np.maximum(terms.image - terms.residual, 0.0) * n_C / scale_C
    readings_C = counts.layout.held.total_P[counts.part_C]
    if not counts.paired:
        readings_C = counts.n_held_C
    rest_C = np.where(
        w_C > 0, terms.residual * n_seeds * n_C / scale_C, terms.least_held * readings_C
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

    The exact upper limit ``1 − (alpha/2)^(1/N)`` of Clopper & Pearson (1934).
    """
    bound: FloatArray = -np.expm1(np.log(alpha / 2) / np.asarray(n_images, dtype=np.float64))
    return bound


def least_p(n_changed: npt.ArrayLike) -> FloatArray:
    """Return the smallest two-sided mid-p value of sign flips over so many images, 2^(−k)."""
    least: FloatArray = 2.0 ** -np.asarray(n_changed, dtype=np.float64)
    return least
