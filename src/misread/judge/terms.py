"""Terms that seeds, images, groups and single readings add to the variance of a pooled mean.

The estimate is ``w · mean over what all seeds read + (1 − w) · mean over what some have read``. Its
variance is that of a sum of weighted readings that hang together by seed and by image (or by group
of images): what seeds add, plus what images add, less what single readings add, for they are in
both (Cameron, Gelbach & Miller 2011). Of the images that all have read the three are the mean
squares of a crossed layout (Clark 1973), of the others the plain sums. Where a held-out image is
read once, what images add and what readings add are the same and fall out: then the seeds' own
variance holds all that varies beside the images that all read.

References
----------
Cameron, Gelbach & Miller (2011), Robust inference with multiway clustering, *JBES* 29.
Clark (1973), The language-as-fixed-effect fallacy, *J. Verbal Learning and Verbal Behavior* 12.
Welch (1947), The generalization of Student's problem when several different population variances
are involved, *Biometrika* 34.
Carter, Schnepel & Steigerwald (2017), Asymptotic behavior of a t-test robust to cluster
heterogeneity, *Review of Economics and Statistics* 99.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.judge.checks import BoolArray, FloatArray, IntArray
from misread.judge.counts import Counts, Side
from misread.judge.groups import Joint

AnySums = FloatArray | IntArray


class Terms(NamedTuple):
    """Terms of seeds, images and single readings in the variance of C means, each with its df.

    ``image`` and ``residual`` are of what all seeds read, ``image_held`` and ``residual_held`` of
    the other images; with groups, of groups. `least_held` is below which what is held out cannot
    vary: its residual where seeds are paired, else what images add (the difficulty of an image is
    in the residual of either arm, and cancels).
    """

    seed: FloatArray
    image: FloatArray
    residual: FloatArray
    image_held: FloatArray
    residual_held: FloatArray
    least_held: FloatArray
    df_seed: FloatArray
    df_image: FloatArray
    df_residual: FloatArray
    df_held: FloatArray  # of both held-out terms
    n_seeds: int  # of the arm with fewer, but more than one

    @property
    def within(self) -> FloatArray:
        """The terms of single readings: no variance lies below it."""
        return self.residual + self.least_held

    @property
    def between(self) -> FloatArray:
        """The terms of images beyond those of single readings; it can fall below 0."""
        return self.image - self.residual + self.image_held - self.residual_held


VARIANCES = Terms._fields[:6]


def terms_where(condition_C: BoolArray, one: Terms, other: Terms) -> Terms:
    """Return the terms of `one` where the condition holds, else those of `other`."""
    columns = {
        name: np.where(condition_C, value, getattr(other, name))
        for name, value in one._asdict().items()
        if name != "n_seeds"
    }
    return other._replace(**columns)


def about(
    mean_C: FloatArray, squares_C: AnySums, linear_C: AnySums, sizes_C: AnySums
) -> FloatArray:
    """Return sums of squares about a mean, of values that count by size."""
    spread_C: FloatArray = squares_C - 2 * mean_C * linear_C + mean_C**2 * sizes_C
    return spread_C


def crossed(
    seed: npt.ArrayLike,
    image: npt.ArrayLike,
    residual: npt.ArrayLike,
    dfs: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    n_seeds: int,
) -> Terms:
    """Return the terms of a crossed layout alone, in which nothing is held out."""
    seed_C, image_C, rest_C, *df = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (seed, image, residual, *dfs))
    )
    zero_C = np.zeros_like(seed_C)
    held = zero_C, zero_C, zero_C
    return Terms(seed_C, image_C, rest_C, *held, df[0], df[1], df[2], zero_C + 1, n_seeds)


def weights_of(counts: Counts) -> FloatArray:
    """Return the weight of what all seeds read, error by error: 0 or 1 where there is one kind.

    Where one arm has one seed and the other more, only what all read counts: how trainings of the
    one differ is not known, and more images would only hide that (docs/method.md).
    """
    full_C, held_C = counts.n_full_C > 0, counts.n_held_C > 0
    if min(counts.n_seeds) == 1 < max(counts.n_seeds):
        held_C &= ~full_C
    return np.where(held_C, np.where(full_C, counts.layout.weight, 0.0), 1.0)


def estimates(counts: Counts, w_C: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the pooled change, and that of either kind of image (0 where there is none)."""
    full_C = counts.full.linear_C / (counts.scale * np.maximum(counts.n_full_C, 1))
    held_C = np.zeros(w_C.size)
    for side, total_C, sign in sides_of(counts):
        held_C += sign * side.held_CS.sum(axis=1) / np.maximum(total_C, 1)
    return w_C * full_C + (1 - w_C) * held_C, full_C, held_C


def sides_of(counts: Counts) -> list[tuple[Side, IntArray, int]]:
    """Return each side with the sum of its weights held out, and its sign."""
    total_C = counts.layout.held.total_P[counts.part_C]
    if counts.paired:
        return [(counts.sides[0], total_C, 1)]
    return [(counts.sides[0], total_C, -1), (counts.sides[1], total_C, 1)]


def units_of(counts: Counts, w_C: FloatArray) -> IntArray:
    """Return how many are drawn, of images or, where they are known, of groups."""
    full_C, held_C = w_C > 0, w_C < 1
    sizes = counts.layout.groups
    if sizes is None:
        return counts.images_of(w_C)
    both, full, held = (n[counts.part_C] for n in (sizes.n_P, sizes.n_full_P, sizes.n_held_P))
    return np.where(full_C & held_C, both, np.where(full_C, full, held))


def by_image(counts: Counts, w_C: FloatArray, *, tenths: bool = False) -> Terms:
    """Return the terms with images as what is drawn."""
    held = counts.layout.held
    part_C, n_C = counts.part_C, np.maximum(counts.n_full_C, 1)
    of_full, of_held = w_C**2, (1 - w_C) ** 2
    n_drawn: tuple[int, ...] = counts.n_seeds
    if tenths:
        n_drawn = tuple(np.unique(code_S).size for code_S in counts.layout.tenths_S)
    seeds, residuals, single_C = [], [], np.zeros(w_C.size)
    for number, (side, total_C, _) in enumerate(sides_of(counts)):
        n = counts.n_seeds[number]
        seeds.append(_seed_part(counts, number, w_C))
        ones_C, squares_C = counts.discordant_C, counts.full.squares_C
        if not counts.paired:
            ones_C = side.full_CS.sum(axis=1)
            squares_C = (counts.squares_before_C, counts.squares_after_C)[number].astype(float)
        residuals.append(_residual(side.full_CS, n_C, squares_C, ones_C, n))
        mean_C = side.held_CS.sum(axis=1) / np.maximum(total_C, 1)
        plain_C = about(mean_C, side.squares_C, side.linear_C, held.readings_P[number][part_C])
        single_C += plain_C / np.maximum(total_C, 1.0) ** 2
    linear_C = counts.full.linear_C
    scale = float(counts.scale)
    image_C = n_C * counts.full.squares_C - linear_C**2
    image_C = image_C / (scale * n_C) ** 2 / np.maximum(n_C - 1, 1)
    held_n_C = np.maximum(counts.n_held_C, 1)
    bessel_C = held_n_C / np.maximum(held_n_C - 1, 1)
    held_total_C = np.maximum(held.total_P[part_C], 1)
    held_mean_C = estimates(counts, np.zeros(w_C.size))[2]
    gap_C = about(held_mean_C, counts.held.squares_C, counts.held.linear_C, held.squares_P[part_C])
    gap_C = gap_C / held_total_C.astype(float) ** 2 * bessel_C
    single_C *= bessel_C
    residual_held_C = gap_C if tenths else single_C  # an image lies within a tenth
    seed_C, df_seed_C = _tenth_part(counts, w_C) if tenths else added(seeds)
    residual_C, df_residual_C = added(residuals)
    return Terms(
        seed=seed_C,
        image=of_full * image_C,
        residual=of_full * residual_C,
        image_held=of_held * gap_C,
        residual_held=of_held * residual_held_C,
        least_held=of_held * (single_C if counts.paired else gap_C),
        df_seed=df_seed_C,
        df_image=np.maximum(n_C - 1.0, 1.0),
        df_residual=df_residual_C,
        df_held=np.maximum(held_n_C - 1.0, 1.0),
        n_seeds=min((n for n in n_drawn if n > 1), default=1),
    )


def seed_shares(counts: Counts, number: int, w_C: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what each seed of a side adds to the change, and its share of the weight.

    A seed has the sum of its weighted readings less what their weights make of the mean.
    """
    side, total_C, _ = sides_of(counts)[number]
    n = counts.n_seeds[number]
    n_C = np.maximum(counts.n_full_C, 1)[:, np.newaxis]
    n_readings_C = np.maximum(total_C, 1)[:, np.newaxis]
    share_CS = counts.layout.held.seeds_P[number][counts.part_C] / n_readings_C
    full_CS = side.full_CS / (n * n_C)
    held_CS = side.held_CS / n_readings_C
    w = w_C[:, np.newaxis]
    moved_CS = w * (full_CS - full_CS.mean(axis=1, keepdims=True))
    moved_CS = moved_CS + (1 - w) * (held_CS - share_CS * held_CS.sum(axis=1, keepdims=True))
    return moved_CS, w / n + (1 - w) * share_CS


def _seed_part(counts: Counts, number: int, w_C: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what the seeds of a side add, and its degrees of freedom.

    S/(S − 1) becomes 1/(1 − Σ W²) where seeds have other shares W of the weight.
    """
    n = counts.n_seeds[number]
    if n == 1:  # there is no such axis
        return np.zeros(w_C.size), np.full(w_C.size, np.inf)
    if (w_C == 1).all():  # in whole numbers, so that the order of seeds and arms is nothing
        sums_CS = sides_of(counts)[number][0].full_CS
        squares_C = n * (sums_CS**2).sum(axis=1) - sums_CS.sum(axis=1) ** 2
        scale_C = (n * np.maximum(counts.n_full_C, 1)).astype(np.float64) ** 2
        return squares_C / scale_C / (n - 1), np.full(w_C.size, n - 1.0)
    moved_CS, weight_CS = seed_shares(counts, number, w_C)
    bessel_C, df_C = bessel_of(weight_CS)
    return (moved_CS**2).sum(axis=1) * bessel_C, np.where(w_C == 1, n - 1.0, df_C)


def _tenth_part(counts: Counts, w_C: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what tenths add, with all seeds of either arm that hold one out, and its df."""
    n_tenths = counts.layout.n_tenths
    added_CT, df_C = np.zeros((w_C.size, n_tenths)), np.full(w_C.size, np.inf)
    for number, (_, _, sign) in enumerate(sides_of(counts)):
        moved_CS, weight_CS = seed_shares(counts, number, w_C)
        together_ST = np.eye(n_tenths)[counts.layout.tenths_S[number]]
        bessel_C, df_side_C = bessel_of(weight_CS @ together_ST)
        added_CT += sign * np.sqrt(bessel_C)[:, np.newaxis] * (moved_CS @ together_ST)
        df_C = np.minimum(df_C, df_side_C)
    return (added_CT**2).sum(axis=1), df_C


def bessel_of(weight_CS: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the factor for the mean that was estimated, and the effective df of shares."""
    squares_C = (weight_CS**2).sum(axis=1)
    effective_C = squares_C**2 / (weight_CS**4).sum(axis=1)
    return 1 / np.maximum(1 - squares_C, 1e-9), np.maximum(effective_C - 1, 1.0)


def _residual(
    sums_CS: IntArray, n_C: IntArray, squares_C: FloatArray, ones_C: IntArray, n: int
) -> tuple[FloatArray, FloatArray]:
    """Return the residual mean square of a crossed layout over S·N, and its degrees of freedom."""
    correction_C = sums_CS.sum(axis=1) ** 2
    seed_C = n * (sums_CS**2).sum(axis=1) - correction_C
    image_C = n_C * squares_C - correction_C
    left_C = n * n_C * ones_C - correction_C - seed_C - image_C
    df_C = np.maximum((n - 1) * (n_C - 1), 1).astype(np.float64)
    return left_C / (n * n_C).astype(np.float64) ** 2 / df_C, df_C


def by_group(counts: Counts, w_C: FloatArray, terms: Terms, *, tenths: bool = False) -> Terms:
    """Return the terms with groups of images as what is drawn; unchanged where there are none."""
    groups, sizes = counts.groups, counts.layout.groups
    if groups is None or sizes is None:
        return terms
    part_C, v_C = counts.part_C, 1 - w_C
    held = counts.layout.held
    scale = float(counts.scale)
    n_C = np.maximum(counts.n_full_C, 1).astype(np.float64)
    held_C = np.maximum(held.total_P[part_C], 1).astype(np.float64)
    all_n, full_n, held_n = (n[part_C] for n in (sizes.n_P, sizes.n_full_P, sizes.n_held_P))
    bessel_full_C = full_n / np.maximum(full_n - 1, 1)
    bessel_held_C = held_n / np.maximum(held_n - 1, 1)
    bessel_C = all_n / np.maximum(all_n - 1, 1)
    full_C, of_held_C, of_both_C = (s[part_C] for s in (sizes.full_P, sizes.held_P, sizes.both_P))
    mean_C = counts.full.linear_C / n_C  # the change of all seeds' sum, per image
    held_mean_C = estimates(counts, np.zeros(w_C.size))[2]
    spread_C = about(mean_C, groups.full.squares_C, groups.full.linear_C, full_C)
    image_C = np.maximum(spread_C, 0.0) * bessel_full_C / (scale * n_C) ** 2
    spread_C = about(held_mean_C, groups.held.squares_C, groups.held.linear_C, of_held_C)
    gap_C = np.maximum(spread_C, 0.0) * bessel_held_C / held_C**2
    meet_C = groups.both_C - mean_C * groups.held_by_full_C - held_mean_C * groups.full_by_held_C
    meet_C = (meet_C + mean_C * held_mean_C * of_both_C) * bessel_C / (scale * n_C * held_C)
    residuals = []
    joint_held_C, joint_meet_C = np.zeros(w_C.size), np.zeros(w_C.size)
    fourth = sizes.fourth_P[:, part_C]
    df_C = np.maximum(_effective(full_C, fourth[0]) - 1, 1.0)
    df_held_C = np.maximum(_effective(of_held_C, fourth[4]) - 1, 1.0)
    sides = zip(groups.sides, sides_of(counts), strict=True)
    for number, (joint, (side, total_C, _)) in enumerate(sides):
        n = counts.n_seeds[number]
        rest_C = _joint_residual(side.full_CS, joint, full_C, n_C, n) * bessel_full_C
        residuals.append((rest_C, np.maximum((n - 1) * df_C, 1.0)))
        mean_side_C = side.held_CS.sum(axis=1) / np.maximum(total_C, 1)
        mean_full_C = side.full_CS.sum(axis=1) / (n * n_C)
        plain_C = about(
            mean_side_C, joint.held_C, joint.held_sized_C, sizes.joint_P[number][part_C]
        )
        joint_held_C += np.maximum(plain_C, 0.0) / held_C**2
        cross_C = joint.both_C - mean_full_C * joint.held_by_full_C
        cross_C = cross_C - mean_side_C * joint.full_by_held_C
        cross_C = cross_C + mean_full_C * mean_side_C * sizes.joint_both_P[number][part_C]
        joint_meet_C += cross_C / (n * n_C * held_C)
    residual_C, df_residual_C = added(residuals)
    joint_held_C *= bessel_held_C
    single_C = joint_held_C
    if tenths:  # what a group has within a tenth is in the tenth's own part
        plain_C = about(held_mean_C, groups.tenth_C, groups.tenth_sized_C, sizes.tenth_P[part_C])
        joint_held_C = np.maximum(plain_C, 0.0) / held_C**2 * bessel_held_C
    # Groups with images of both kinds: their product counts twice, with what is held out.
    meet_C, joint_meet_C = 2 * w_C * v_C * meet_C, 2 * w_C * v_C * joint_meet_C * bessel_C
    return terms._replace(
        image=w_C**2 * image_C,
        residual=w_C**2 * residual_C,
        image_held=v_C**2 * gap_C + meet_C,
        residual_held=v_C**2 * joint_held_C + joint_meet_C,
        least_held=v_C**2 * (single_C if counts.paired else gap_C),
        df_image=df_C,
        df_residual=df_residual_C,
        df_held=df_held_C,
    )


def _joint_residual(
    sums_CS: IntArray, joint: Joint, sizes_C: FloatArray, n_C: FloatArray, n: int
) -> FloatArray:
    """Return what seeds × groups add beyond seeds and groups, of what all seeds read."""
    total_C = sums_CS.sum(axis=1)
    seed_C = n * (sums_CS**2).sum(axis=1) - total_C**2
    with_size_C = n * (sums_CS * joint.sized_CS).sum(axis=1)
    with_size_C = with_size_C - total_C * joint.sized_CS.sum(axis=1)
    left_C = n_C * (n * joint.full_C - joint.squares_C)
    left_C = left_C + sizes_C / n_C * seed_C - 2 * with_size_C
    residual_C: FloatArray = np.maximum(left_C, 0.0) / ((n * n_C) ** 2 * n_C * max(n - 1, 1))
    return residual_C


def _effective(squares_C: FloatArray, fourth_C: FloatArray) -> FloatArray:
    """Return (Σm²)² / Σm⁴, the groups of one size that would tell as much."""
    one_C = np.ones_like(squares_C)
    return np.asarray(np.divide(squares_C**2, fourth_C, out=one_C, where=fourth_C > 0))


def added(pairs: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Return the sum of independent variances and its degrees of freedom (Welch 1947)."""
    if len(pairs) == 1:
        return pairs[0]
    (one, df_one), (other, df_other) = pairs
    spread = one**2 / df_one + other**2 / df_other
    df: FloatArray = np.divide((one + other) ** 2, spread, out=np.ones_like(one), where=spread > 0)
    return one + other, df
