"""Counts, rates and ranks of confusions over seeds."""

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from misread.errors import JudgeError
from misread.judge import class_metrics, confusion_counts, rank_cells


def stacked(*seeds: list[int]):
    """Three-class counts per seed with 100 right per class; each seed gives the six errors."""
    counts_SKK = np.full((len(seeds), 3, 3), 100)
    for counts_KK, errors in zip(counts_SKK, seeds, strict=True):
        counts_KK[~np.eye(3, dtype=bool)] = errors
    return counts_SKK


def test_counts_have_true_rows_and_predicted_columns():
    counts_KK = confusion_counts([0, 0, 1, 2, 2], [0, 1, 1, 0, 2], 3)
    assert counts_KK.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert counts_KK.dtype == np.int64


def test_metrics_are_none_where_nothing_is_divided():
    metrics = class_metrics([[3, 1, 0], [1, 5, 0], [0, 0, 0]])
    assert metrics.accuracy == 0.8
    assert metrics.precision == (0.75, 5 / 6, None)
    assert metrics.recall == (0.75, 5 / 6, None)
    assert class_metrics(np.zeros((2, 2))).accuracy is None


def test_cells_are_ranked_by_mean_errors_with_all_numbers():
    ranked = rank_cells(stacked([5, 0, 1, 0, 0, 2], [7, 0, 1, 0, 0, 0], [6, 0, 0, 1, 0, 1]))
    assert [(cell.true, cell.predicted) for cell in ranked] == [
        (0, 1), (2, 1), (1, 0), (1, 2), (0, 2), (2, 0),
    ]  # fmt: skip
    first = ranked[0]
    assert (first.rank, first.mean, first.sd, first.seeds_present) == (1, 6, 1, 3)
    assert first.rate == pytest.approx(18 / 318)
    assert (first.mean_rank, first.chance_rank) == (1, 3.5)
    assert first.reverse_mean == pytest.approx(2 / 3)
    assert first.p_rank == pytest.approx((1 / 6) ** 3)
    assert first.q_rank == pytest.approx(6 * (1 / 6) ** 3)
    over_seeds = stats.ttest_1samp([4, 6, 6], 0)
    assert first.asymmetry_p == pytest.approx(over_seeds.pvalue)
    assert first.asymmetry_method == "t over 3 seeds"


def test_rank_p_values_equal_full_enumeration_with_ties():
    counts_SKK = stacked([5, 2, 2, 0, 0, 1], [3, 0, 0, 0, 0, 4])
    errors_SC = counts_SKK[:, ~np.eye(3, dtype=bool)]
    ranks_SC = stats.rankdata(-errors_SC, axis=1)
    sums = [sum(pair) for pair in product(*ranks_SC)]
    cells = list(zip(*np.nonzero(1 - np.eye(3)), strict=True))
    for cell in rank_cells(counts_SKK):
        observed = ranks_SC[:, cells.index((cell.true, cell.predicted))].sum()
        assert cell.p_rank == pytest.approx(np.mean([s <= observed for s in sums]))


def test_few_seeds_fall_back_to_an_exact_test_that_says_so():
    first = rank_cells(stacked([9, 0, 1, 0, 0, 0]))[0]
    assert first.sd is None
    assert first.asymmetry_p == pytest.approx(stats.binomtest(9, 10).pvalue)
    assert "nothing about training" in first.asymmetry_method


def test_asymmetry_without_variance_does_not_divide_by_zero():
    first, *_, last = rank_cells(stacked(*[[4, 0, 0, 0, 0, 0]] * 5))
    assert first.asymmetry_p == pytest.approx(2 * 0.5**20)
    assert last.asymmetry_p == 1


def test_a_class_that_does_not_occur_has_no_rate():
    counts_SKK = stacked([1, 1, 1, 1, 0, 0])
    counts_SKK[:, 2] = 0
    assert {cell.rate for cell in rank_cells(counts_SKK) if cell.true == 2} == {None}


def test_shuffled_ranks_are_seldom_found():
    rng = np.random.default_rng(5)
    smallest = [
        min(cell.q_rank for cell in rank_cells(rng.poisson(2, (4, 4, 4)))) for _ in range(200)
    ]
    assert np.mean(np.array(smallest) <= 0.05) < 0.09


@pytest.mark.parametrize(
    ("labels", "preds", "told"),
    [
        ([0, 1], [0, 1, 1], "reads 3 images and there are 2 labels"),
        ([0, 1], [0, 3], "predictions holds class 3; allowed are 0 to 2"),
        ([0, -1], [0, 1], "labels holds class -1"),
        ([], [], "no readings"),
        ([0.5, 1], [0, 1], "fractions"),
    ],
)
def test_bad_readings_are_refused_in_words(labels: npt.ArrayLike, preds: npt.ArrayLike, told: str):
    with pytest.raises(JudgeError, match=told):
        confusion_counts(labels, preds, 3)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (np.zeros((3, 3)), "needs \\[seeds, true, predicted\\]"),
        (np.zeros((2, 3, 4)), "same K"),
        (np.zeros((2, 1, 1)), "at least 2"),
        (-np.ones((2, 3, 3)), "cannot be negative"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], "unequal size"),
    ],
)
def test_bad_counts_are_refused_in_words(counts: npt.ArrayLike, told: str):
    with pytest.raises(JudgeError, match=told):
        rank_cells(counts)
