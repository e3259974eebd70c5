"""The variance of a mean over crossed seeds and images, and what too few events cannot tell.

References
----------
Clark (1973), The language-as-fixed-effect fallacy, *J. Verbal Learning and Verbal Behavior* 12.
Satterthwaite (1946), An approximate distribution of estimates of variance components,
*Biometrics Bulletin* 2.
Welch (1947), The generalization of Student's problem when several different population variances
are involved, *Biometrika* 34.
Cameron, Gelbach & Miller (2011), Robust inference with multiway clustering, *JBES* 29.
Clopper & Pearson (1934), The use of confidence or fiducial limits, *Biometrika* 26.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import FloatArray, IntArray, whole_numbers
from misread.judge.counts import Counts, count_differences
from misread.judge.groups import GroupCounts

FEW_SEEDS = 3  # with so many, how much trainings differ is hardly known
_TOO_FEW = 4  # seeds: their own df always count, and bound the others
_RAMP = 3.0  # 3 · (MS_seed − MS_residual) / MS_seed reaches 1 where MS_seed is 1.5 times the other


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


class Terms(NamedTuple):
    """What seeds, images and the rest add to the variance of a mean, each with its df.

    The mean squares over S·N of a paired layout; arrays over C errors. `n_seeds` is the number of
    seeds, of the arm with fewer (but more than one) where they are not paired.
    """

    seed: FloatArray
    image: FloatArray
    residual: FloatArray
    df_seed: FloatArray
    df_image: FloatArray
    df_residual: FloatArray
    n_seeds: int


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
    terms = paired_terms(count_differences(diff_SN))
    return MeanSquares(*(float(term[0]) * diff_SN.size for term in terms[:3]))


def paired_terms(counts: Counts) -> Terms:
    """Return the terms for paired seeds: the mean squares of after minus before, over S·N."""
    sums_CS = counts.after_CT - counts.before_CS
    return _crossed(sums_CS, counts.n_images_C, counts.squares_C, counts.discordant_C)


def unpaired_terms(counts: Counts) -> Terms:
    """Return the terms for seeds that are other trainings in either arm, on the same images.

    Seeds and residual of both arms add up, with Welch's (1947) degrees of freedom; images are
    those of the difference of the arms' shares, since both arms read the same. An arm of one seed
    adds nothing: what is said then holds for that one model.
    """
    n_before, n_after = counts.n_seeds
    before, after = (
        _crossed(sums, counts.n_images_C, squares_C, sums.sum(axis=1))
        for sums, squares_C in (
            (counts.before_CS, counts.squares_before_C),
            (counts.after_CT, counts.squares_after_C),
        )
    )
    n_C = counts.n_images_C
    total_C = n_before * counts.after_CT.sum(axis=1) - n_after * counts.before_CS.sum(axis=1)
    spread_C = (n_C * counts.squares_C - total_C**2) / (n_C * np.maximum(n_C - 1, 1))
    return Terms(
        before.seed + after.seed,
        spread_C / (n_before * n_after) ** 2 / n_C,
        before.residual + after.residual,
        _welch(before.seed, before.df_seed, after.seed, after.df_seed),
        before.df_image,
        _welch(before.residual, before.df_residual, after.residual, after.df_residual),
        min((n for n in counts.n_seeds if n > 1), default=1),
    )


def terms_of(counts: Counts) -> Terms:
    """Return the terms of the variance over seeds and images, or over seeds and groups of images.

    Groups take the place of images (two-way clustering on seeds and groups, Cameron, Gelbach &
    Miller 2011; Clark's quasi-F with groups for images): a group has the sum over its images of
    what deviates from the mean, so that groups of all sizes count as in a ratio of means. The
    degrees of freedom are those of their effective number. Error by error the larger variance
    counts, of images or of groups, components below 0 taken as 0: what chance makes of the groups
    shall not narrow what images alone would give.
    """
    terms = paired_terms(counts) if counts.paired else unpaired_terms(counts)
    groups = counts.groups
    if groups is None:
        return terms
    over_groups = _group_terms(counts, groups, terms)
    by_images_C, by_groups_C = (
        np.maximum(t.seed + np.maximum(t.image - t.residual, 0.0), t.residual)
        for t in (terms, over_groups)
    )
    some_C = by_images_C > 0  # else nothing varied: what rounding leaves of groups is nothing too
    chosen_C = (groups.n_C < counts.n_images_C) & ((by_groups_C >= by_images_C) | ~some_C)
    image, residual, df_image, df_residual = (
        np.where(chosen_C, group, image)
        for group, image in (
            (over_groups.image * some_C, terms.image),
            (over_groups.residual * some_C, terms.residual),
            (over_groups.df_image, terms.df_image),
            (over_groups.df_residual, terms.df_residual),
        )
    )
    return terms._replace(
        image=image, residual=residual, df_image=df_image, df_residual=df_residual
    )


def _group_terms(counts: Counts, groups: GroupCounts, terms: Terms) -> Terms:
    """Return the terms with groups in the place of images."""
    sides: tuple[IntArray, ...] = (counts.before_CS, counts.after_CT)
    if counts.paired:
        sides = (counts.after_CT - counts.before_CS,)
    n_C = counts.n_images_C.astype(np.float64)
    n_before, n_after = counts.n_seeds
    gap_C, scale = sides[0].sum(axis=1), n_before
    if not counts.paired:
        gap_C = n_before * sides[1].sum(axis=1) - n_after * gap_C
        scale = n_before * n_after
    again_C = groups.n_C / np.maximum(groups.n_C - 1, 1)  # for the one mean that was estimated
    df_C = np.maximum(groups.effective_C - 1, 1.0)
    residuals = []
    for sums_CS, of_groups in zip(sides, groups.sums, strict=True):
        n_seeds, total_C = sums_CS.shape[1], sums_CS.sum(axis=1)
        seed_C = n_seeds * (sums_CS**2).sum(axis=1) - total_C**2
        with_size_C = n_seeds * (sums_CS * of_groups.sized_CS).sum(axis=1)
        with_size_C -= total_C * of_groups.sized_CS.sum(axis=1)
        squares_C = n_C * (n_seeds * of_groups.joint_C - of_groups.squares_C)
        squares_C += groups.sizes_C / n_C * seed_C - 2 * with_size_C
        scale_C = (n_seeds * n_C) ** 2 * n_C * max(n_seeds - 1, 1)
        residual_C = np.maximum(squares_C, 0.0) / scale_C * again_C
        residuals.append((residual_C, np.maximum((n_seeds - 1) * df_C, 1.0)))
    mean_C = gap_C / n_C
    spread_C = groups.squares_C - 2 * mean_C * groups.sized_C + mean_C**2 * groups.sizes_C
    residual_C, df_residual_C = residuals[0]
    if not counts.paired:
        df_residual_C = _welch(*residuals[0], *residuals[1])
        residual_C = residual_C + residuals[1][0]
    return terms._replace(
        image=np.maximum(spread_C, 0.0) * again_C / (scale * n_C) ** 2,
        residual=residual_C,
        df_image=df_C,
        df_residual=df_residual_C,
    )


def _crossed(sums_CS: IntArray, n_C: IntArray, squares_C: IntArray, ones_C: IntArray) -> Terms:
    """Return mean squares over S·N from seed sums, squared image sums and squared values."""
    n_seeds = sums_CS.shape[1]
    size_C = n_seeds * n_C
    correction_C = sums_CS.sum(axis=1) ** 2
    seed_C = n_seeds * (sums_CS**2).sum(axis=1) - correction_C
    image_C = n_C * squares_C - correction_C
    residual_C = size_C * ones_C - correction_C - seed_C - image_C
    df_image_C = np.maximum(n_C - 1, 1).astype(np.float64)
    df_seed_C = np.full_like(df_image_C, n_seeds - 1 or np.inf)  # one seed: no such axis
    df_residual_C = np.maximum((n_seeds - 1) * (n_C - 1), 1).astype(np.float64)
    scale_C = size_C.astype(np.float64) ** 2
    return Terms(
        seed_C / scale_C / df_seed_C,
        image_C / scale_C / df_image_C,
        residual_C / scale_C / df_residual_C,
        df_seed_C,
        df_image_C,
        df_residual_C,
        n_seeds,
    )


def _welch(
    one: FloatArray, df_one: FloatArray, other: FloatArray, df_other: FloatArray
) -> FloatArray:
    """Return the degrees of freedom of the sum of two independent variances."""
    spread = one**2 / df_one + other**2 / df_other
    both: FloatArray = np.divide(
        (one + other) ** 2, spread, out=np.ones_like(one), where=spread > 0
    )
    return both


def variance_of(terms: Terms) -> tuple[FloatArray, FloatArray]:
    """Return variance of the mean and its degrees of freedom (Clark 1973; Satterthwaite 1946).

    ``V = seed + image − residual``, never below the residual. In the degrees of freedom the seeds
    count as far as the variance uses them: not where their mean square lies below the residual's,
    wholly from 1.5 times on, and in proportion between. With two to four seeds
    they always count, and the degrees of freedom are at most (S − 1)²: trainings that happen to
    agree would otherwise borrow those of the images. Subtracting a mean square can push
    Satterthwaite's df below one, where it is kept. docs/calibration.md holds what came of this.
    """
    variance = np.maximum(terms.seed + terms.image - terms.residual, terms.residual)
    seed = terms.seed
    if terms.n_seeds > _TOO_FEW:
        above = np.maximum(seed - terms.residual, 0.0)
        share = np.divide(above, seed, out=np.zeros_like(seed), where=seed > 0)
        seed = seed * np.minimum(_RAMP * share, 1.0)
    spread = (
        seed**2 / terms.df_seed
        + terms.image**2 / terms.df_image
        + terms.residual**2 / terms.df_residual
    )
    df = np.divide(variance**2, spread, out=np.ones_like(variance), where=spread > 0)
    if 1 < terms.n_seeds <= _TOO_FEW:
        df = np.minimum(df, (terms.n_seeds - 1) ** 2)
    return variance, np.maximum(df, 1.0)


def components_of(counts: Counts, alpha: float = 0.05) -> list[Components | None]:
    """Return the variance components of each of C errors (method of moments, floored at 0).

    They are those of one image also where groups count: so many images, in groups as now, have
    the variance that these components give. Where seeds are not paired, those of both arms add up,
    for `seeds_per_arm` seeds each. None where so few images changed that a test at level `alpha`
    by sign flips could not reject: then no variance can be estimated.
    """
    n_seeds, terms = seeds_per_arm(counts), terms_of(counts)
    known_C = (counts.units_C > 1) & (least_p(counts.changed_units_C) <= alpha)
    rows = zip(known_C, counts.n_images_C.tolist(), *(t.tolist() for t in terms[:3]), strict=True)
    return [
        Components(
            max(seed - residual, 0.0) * n_seeds if n_seeds > 1 else 0.0,
            max(image - residual, 0.0) * n_images,
            residual * n_seeds * n_images,
        )
        if known
        else None
        for known, n_images, seed, image, residual in rows
    ]


def seeds_per_arm(counts: Counts) -> int:
    """Return the seeds of a paired design of the same variance: the harmonic mean of both arms'."""
    n_before, n_after = counts.n_seeds
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
