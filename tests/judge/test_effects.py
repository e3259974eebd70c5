"""The effect over seeds and images, its edges, and the small tests around it."""

import math
from dataclasses import replace
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.multitest import multipletests

from misread.errors import JudgeError
from misread.judge import benjamini_hochberg, holm, mcnemar_midp, noninferiority, two_way
from misread.judge.effects import Effect
from misread.judge.terms import crossed
from misread.judge.variance import (
    combined,
    mean_squares,
    zero_event_bound,
)


def flips(
    rng: np.random.Generator, n_seeds: int, n_images: int, gone: float = 0.1, new: float = 0.1
):
    """Independent gains and losses: no seed or image effects."""
    draw_SN = rng.random((n_seeds, n_images))
    return (draw_SN < new).astype(int) - (draw_SN > 1 - gone).astype(int)


def clustered(rng: np.random.Generator, n_seeds: int, n_images: int, rate: float = 0.04):
    """Seed and image effects in each arm, none between the arms: the null is true."""

    def arm() -> npt.NDArray[np.bool_]:
        logit_SN = (
            stats.logistic.ppf(rate)
            + rng.normal(0, 0.6, (n_seeds, 1))
            + difficulty_N
            + rng.normal(0, 1.0, n_images)
        )
        return rng.random((n_seeds, n_images)) < 1 / (1 + np.exp(-logit_SN))

    difficulty_N = rng.normal(0, 2.0, n_images)
    return arm().astype(int) - arm().astype(int)


def test_mean_squares_equal_an_explicit_analysis_of_variance():
    diff_SN = flips(np.random.default_rng(1), 4, 9, 0.3, 0.2)
    seed, image = (axis.ravel() for axis in np.indices(diff_SN.shape))
    seeds, images = np.eye(4)[seed][:, 1:], np.eye(9)[image][:, 1:]

    def left_over(*blocks: npt.NDArray[np.float64]) -> float:
        return sm.OLS(diff_SN.ravel(), sm.add_constant(np.hstack(blocks))).fit().ssr

    full = left_over(seeds, images)
    ms = mean_squares(diff_SN)
    assert ms.seed == pytest.approx((left_over(images) - full) / 3)
    assert ms.image == pytest.approx((left_over(seeds) - full) / 8)
    assert ms.residual == pytest.approx(full / 24)


def test_two_way_puts_the_mean_squares_together_as_written():
    diff_SN = flips(np.random.default_rng(2), 6, 40)
    diff_SN[:3, :20] = 1
    seed, image, residual = mean_squares(diff_SN)
    combined = seed + image - residual
    assert combined > residual
    used = seed * min(3 * (seed - residual) / seed, 1)  # by as much as seeds lie above the rest
    df = combined**2 / (used**2 / 5 + image**2 / 39 + residual**2 / 195)
    se = math.sqrt(combined / 240)
    effect = two_way(diff_SN, alpha=0.1)
    assert (effect.se, effect.df) == (pytest.approx(se), pytest.approx(df))
    quantile = stats.t.ppf(0.95, df)
    assert effect.low == pytest.approx(diff_SN.mean() - quantile * se)
    times_N = np.abs(diff_SN.sum(axis=0))
    event = (times_N**3).sum() / (times_N**2).sum() / 240
    # the upper end is the value that its own variance, one event per event further, just allows
    far = effect.high - diff_SN.mean()
    assert diff_SN.mean() > 0
    assert far**2 == pytest.approx(quantile**2 * (se**2 + event * far))
    assert far > zero_event_bound(40, 0.1)
    assert effect.p_value == pytest.approx(2 * stats.t.cdf(-diff_SN.mean() / se, df))


def test_variance_never_falls_below_the_residual():
    terms = (np.array([share / 50]) for share in (0.1, 0.2, 1.0))
    dfs = (np.array([float(df)]) for df in (4, 9, 36))
    variance, df = combined(crossed(*terms, tuple(dfs), n_seeds=5))
    assert variance[0] == pytest.approx(1 / 50)
    assert df[0] >= 1


def test_variance_is_that_of_two_way_clustering():
    """Cameron, Gelbach & Miller: by seed plus by image minus by reading, sandwich by sandwich."""
    rng = np.random.default_rng(3)
    diff_SN = clustered(rng, 12, 400)
    centred_SN = diff_SN - diff_SN.mean()
    by_seed = (centred_SN.sum(axis=1) ** 2).sum() * 12 / 11
    by_image = (centred_SN.sum(axis=0) ** 2).sum() * 400 / 399
    by_reading = (centred_SN**2).sum()
    sandwich = math.sqrt(by_seed + by_image - by_reading) / diff_SN.size
    assert two_way(diff_SN).se == pytest.approx(sandwich, rel=0.05)


def test_agreement_everywhere_gives_p_one_and_an_honest_interval():
    for n_seeds in (1, 2, 5):
        effect = two_way(np.zeros((n_seeds, 982)))
        assert (effect.estimate, effect.p_value) == (0, 1)
        assert effect.high == -effect.low == pytest.approx(1 - 0.025 ** (1 / 982))
        assert effect.se is None


def test_zero_event_bound_is_clopper_pearson():
    assert zero_event_bound(100, 0.05) == pytest.approx(stats.beta.ppf(0.975, 1, 100))


def test_one_seed_speaks_of_images_only():
    diff_N = np.zeros(200)
    diff_N[:9], diff_N[9:11] = -1, 1
    effect = two_way(diff_N[np.newaxis])
    assert effect.p_value == mcnemar_midp(diff_N < 0, diff_N > 0)
    assert "nothing about training" in effect.note
    assert effect.low < effect.estimate < effect.high < 0.01


def test_one_seed_interval_is_bonett_and_price():
    """Their adjusted Wald interval: one more image changed each way, two more images."""
    diff_N = np.array([1] * 7 + [-1] * 1 + [0] * 13)
    centre, spread = 8 / 23 - 2 / 23, math.sqrt((8 / 23 + 2 / 23 - (6 / 23) ** 2) / 23)
    effect = two_way(diff_N[np.newaxis])
    assert effect.low == pytest.approx(centre - 1.959964 * spread, rel=1e-5)
    assert effect.high == pytest.approx(centre + 1.959964 * spread, rel=1e-5)


def test_no_variance_between_seeds():
    """Every seed the same: what is left is a t test over images."""
    diff_N = np.repeat([-1, 0, 1], [12, 80, 2])
    effect = two_way(np.tile(diff_N, (5, 1)))
    over_images = stats.ttest_1samp(diff_N, 0)
    assert effect.p_value == pytest.approx(over_images.pvalue)
    assert effect.df == pytest.approx(93)


def test_no_variance_between_images():
    """Every image the same: what is left is a t test over seeds."""
    effect = two_way(np.tile([[-1], [0], [0], [-1], [-1], [-1]], (1, 50)))
    over_seeds = stats.ttest_1samp([-1, 0, 0, -1, -1, -1], 0)
    assert effect.p_value == pytest.approx(over_seeds.pvalue)
    assert effect.df == pytest.approx(5)


def test_everything_changed_the_same_way_is_not_certainty():
    everything = -np.ones((3, 50))
    effect = two_way(everything)
    assert effect.low == -1
    assert -1 + 3.7 / 50 < effect.high < 0
    everything[1, 7] = 0  # one reading did not change: hardly another finding
    almost = two_way(everything)
    assert effect.se == pytest.approx(almost.se, rel=0.05)
    assert 0 < effect.p_value == pytest.approx(almost.p_value, rel=0.5)


@pytest.mark.parametrize("n_changed", [1, 4])
def test_a_handful_of_images_proves_nothing(n_changed: int):
    """Ten seeds agree, but on four images sign flips cannot go below a mid-p of 2^−4 = .0625."""
    diff_SN = np.zeros((10, 982))
    diff_SN[:, :n_changed] = -1
    diff_SN[0, 0] = 0
    effect = two_way(diff_SN)
    assert effect.p_value >= 2.0**-n_changed
    assert effect.low <= effect.estimate - zero_event_bound(982, 0.05)
    assert effect.high >= 0
    assert "too few" in effect.note


def test_one_event_is_not_known_better_than_none():
    one_SN = np.zeros((5, 100))
    one_SN[2, 3] = 1
    assert two_way(one_SN).high > two_way(np.zeros((5, 100))).high


def test_two_seeds_have_one_degree_of_freedom():
    """Also when they happen to agree, which would lend them the images' degrees of freedom."""
    row_N = np.repeat([-1, 0, 1], [20, 270, 10])
    diff_SN = np.random.default_rng(4).permuted(np.tile(row_N, (2, 1)), axis=1)
    effect = two_way(diff_SN)
    assert effect.df == 1
    assert effect.p_value > 0.05
    assert "hardly known" in effect.note


def test_three_seeds_have_four_degrees_of_freedom_at_most():
    row_N = np.repeat([-1, 0, 1], [40, 250, 10])
    diff_SN = np.random.default_rng(4).permuted(np.tile(row_N, (3, 1)), axis=1)
    assert two_way(diff_SN).df <= 4


def test_seeds_that_vary_less_than_chance_cost_no_degrees_of_freedom():
    row_N = np.repeat([-1, 0, 1], [40, 250, 10])
    diff_SN = np.random.default_rng(4).permuted(np.tile(row_N, (5, 1)), axis=1)
    assert mean_squares(diff_SN).seed == pytest.approx(0)  # every seed changes as many
    assert two_way(diff_SN).df > 100


def test_one_image_alone():
    effect = two_way([[1], [1], [0], [1]])
    assert effect.p_value == 0.5
    assert effect.low <= 0
    assert effect.high == 1


@given(
    arrays(np.int8, st.tuples(st.integers(1, 6), st.integers(1, 12)), elements=st.integers(-1, 1)),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_order_of_seeds_and_images_is_nothing_and_swapping_arms_flips_the_sign(
    diff_SN: npt.NDArray[np.int8], random: Random
):
    seeds = random.sample(range(diff_SN.shape[0]), diff_SN.shape[0])
    images = random.sample(range(diff_SN.shape[1]), diff_SN.shape[1])
    effect = two_way(diff_SN)
    assert two_way(diff_SN[seeds][:, images]) == effect
    swapped = two_way(-diff_SN)
    assert swapped.estimate == -effect.estimate
    assert (swapped.low, swapped.high) == (
        pytest.approx(-effect.high, abs=1e-12),
        pytest.approx(-effect.low, abs=1e-12),
    )
    assert swapped.p_value == effect.p_value
    assert -1 <= effect.low <= effect.estimate <= effect.high <= 1
    assert 0 <= effect.p_value <= 1


@pytest.mark.parametrize("n_seeds", [5, 10])
def test_the_level_holds_where_a_naive_test_fails(n_seeds: int):
    rng = np.random.default_rng(20 + n_seeds)
    found = naive = 0
    for _ in range(400):
        diff_SN = clustered(rng, n_seeds, 300)
        found += two_way(diff_SN).p_value <= 0.05
        z = abs(diff_SN.mean()) / (diff_SN.std() / math.sqrt(diff_SN.size))
        naive += z > 1.96
    assert 0.005 < found / 400 < 0.08
    assert naive / 400 > 0.15


@pytest.mark.parametrize("n_seeds", [5, 10])
def test_intervals_cover_a_true_change(n_seeds: int):
    rng = np.random.default_rng(30)
    covered = 0
    for _ in range(300):
        effect = two_way(flips(rng, n_seeds, 200, gone=0.06, new=0.02))
        covered += effect.low <= -0.04 <= effect.high
    assert covered / 300 > 0.92


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        ([1, 0], "needs two axes"),
        (np.zeros((0, 3)), "no readings"),
        ([[2, 0]], "allowed are −1, 0 and 1"),
        ([[np.nan, 0]], "NaN"),
        ([[0.5, 0]], "fractions"),
        ([["a", "b"]], "whole class numbers"),
        ([[1, 0], [1]], "unequal length"),
    ],
)
def test_bad_matrices_are_refused_in_words(matrix: npt.ArrayLike, told: str):
    with pytest.raises(JudgeError, match=told):
        two_way(matrix)


def test_bad_alpha_is_refused():
    with pytest.raises(JudgeError, match="alpha is 5"):
        two_way(np.zeros((2, 3)), alpha=5)


def test_midp_mcnemar_gives_the_published_example():
    """Airway hyper-responsiveness, table 1 of Fagerland et al. (2013): 1, 1, 7, 12 children."""
    before_N = np.repeat([1, 1, 0, 0], [1, 1, 7, 12])
    after_N = np.repeat([1, 0, 1, 0], [1, 1, 7, 12])
    assert mcnemar_midp(before_N, after_N) == pytest.approx(0.0391, abs=5e-5)
    assert stats.binomtest(1, 8).pvalue == pytest.approx(0.0703, abs=5e-5)


def test_midp_mcnemar_edges():
    same_N = np.array([1, 0, 1])
    assert mcnemar_midp(same_N, same_N) == 1
    assert mcnemar_midp([1, 0], [0, 1]) == pytest.approx(0.75)
    with pytest.raises(JudgeError, match="one per image"):
        mcnemar_midp([1, 0], [1, 0, 1])


def test_holm_and_benjamini_hochberg_worked_by_hand():
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert holm(p_values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p_values) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    many = [*np.random.default_rng(0).random(50).tolist(), 0.5, 0.5, 1.0]
    assert holm(many) == pytest.approx(multipletests(many, method="holm")[1].tolist())
    assert benjamini_hochberg(many) == pytest.approx(
        multipletests(many, method="fdr_bh")[1].tolist()
    )
    assert holm([]) == benjamini_hochberg([]) == []
    with pytest.raises(JudgeError, match="between 0 and 1"):
        holm([0.5, float("nan")])


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(-0.01, 0.004, "safe"), (0.006, 0.02, "harmed"), (0.001, 0.006, "undetermined")],
)
def test_noninferiority_asks_the_whole_interval(low: float, high: float, status: str):
    effect = replace(two_way(np.zeros((2, 10))), low=low, high=high)
    assert isinstance(effect, Effect)
    assert noninferiority(effect, 0.005) == status
    with pytest.raises(JudgeError, match="margin"):
        noninferiority(effect, -0.1)
