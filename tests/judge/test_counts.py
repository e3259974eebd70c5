"""Counting sparsely gives what counting the obvious way gives; unpaired seeds; names and frames."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrays import View, numbers, verdict_of
from misread.errors import JudgeError
from misread.judge import Predictions, asymmetry, judge, two_way
from misread.judge.counts import count_by_cell, count_by_part
from misread.judge.effects import effects

CELLS = [(0, 1)]


def study(seed, n_seeds=(4, 4), n_images=60, n_classes=4):
    """Return labels, and readings of both arms of which a fifth is wrong."""
    rng = np.random.default_rng(seed)
    labels_N = rng.integers(n_classes, size=n_images)
    sides = [
        np.where(
            rng.random((n, n_images)) < 0.2, rng.integers(n_classes, size=(n, n_images)), labels_N
        )
        for n in n_seeds
    ]
    return labels_N, *sides


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 40), st.integers(2, 6))
def test_every_cell_counted_sparsely_equals_its_matrix_of_differences(seed, n_seeds, n, k):
    labels_N, before_SN, after_SN = study(seed, (n_seeds, n_seeds), n, k)
    true_C, predicted_C, moments = count_by_cell(labels_N, before_SN, after_SN, k, paired=True)
    for i, j, effect in zip(true_C, predicted_C, effects(moments), strict=True):
        own_N = labels_N == i
        diff_SN = (after_SN[:, own_N] == j).astype(int) - (before_SN[:, own_N] == j)
        assert effect == two_way(diff_SN), (i, j)
    seen = {
        (i, j)
        for preds_SN in (before_SN, after_SN)
        for row_N in preds_SN
        for i, j in zip(labels_N, row_N, strict=True)
        if i != j
    }
    assert seen == set(zip(true_C.tolist(), predicted_C.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_both_ways_of_counting_agree(seed, n_before, n_after, paired):
    n_after = n_before if paired else n_after
    labels_N, before_SN, after_TN = study(seed, (n_before, n_after))
    true_C, predicted_C, sparse = count_by_cell(labels_N, before_SN, after_TN, 4, paired=paired)
    for place, (i, j) in enumerate(zip(true_C, predicted_C, strict=True)):
        own_N = labels_N == i
        hits = before_SN[:, own_N] == j, after_TN[:, own_N] == j
        dense = count_by_part(*hits, paired=paired)
        for one, other in zip(numbers(sparse, place), numbers(dense, 0), strict=True):
            assert np.array_equal(one, other)


def variance_of_unpaired(before_SN, after_TN):
    """Return the variance of the difference of two crossed means, from the definitions."""
    parts = np.zeros(3)
    for y in (before_SN.astype(float), after_TN.astype(float)):
        n_seeds, n = y.shape
        rest = y - y.mean(0) - y.mean(1)[:, None] + y.mean()
        residual = (rest**2).sum() / (n_seeds - 1) / (n - 1) / n_seeds / n
        parts += [y.mean(1).var(ddof=1) / n_seeds, 0, residual]
    gap_N = after_TN.mean(0) - before_SN.mean(0)
    parts[1] = gap_N.var(ddof=1) / gap_N.size
    return max(parts[0] + parts[1] - parts[2], parts[2])


def test_unpaired_seeds_add_up_over_the_arms():
    labels_N, before_SN, after_TN = study(3, (6, 4), 400)
    own_N = labels_N == 0
    moments = count_by_part(before_SN[:, own_N] == 1, after_TN[:, own_N] == 1, paired=False)
    effect = effects(moments)[0]
    expected = variance_of_unpaired(before_SN[:, own_N] == 1, after_TN[:, own_N] == 1)
    assert effect.se**2 == pytest.approx(expected)
    rates = [(preds[:, own_N] == 1).mean() for preds in (before_SN, after_TN)]
    assert effect.estimate == pytest.approx(rates[1] - rates[0])


@pytest.mark.parametrize("n_seeds", [(5, 5), (10, 4), (3, 10)])
def test_unpaired_trainings_without_an_effect_are_seldom_told_apart(n_seeds):
    """Seeds differ, images differ, and the arms do not: at most 5% and what chance adds."""
    rng = np.random.default_rng(7)
    rejected = 0
    for _ in range(400):
        easy_N = rng.gamma(0.08, 0.4, size=982).clip(0, 0.9)
        sides = [
            rng.random((n, 982)) < (easy_N * rng.lognormal(0, 0.3, size=(n, 1))).clip(0, 1)
            for n in n_seeds
        ]
        moments = count_by_part(*sides, paired=False)
        rejected += effects(moments)[0].p_value <= 0.05
    assert rejected / 400 <= 0.08


def test_unequal_seeds_are_analysed_unpaired_and_said_to_be():
    labels_N, before_SN, after_TN = study(1, (5, 7), 3000)
    verdict = verdict_of(labels_N, before_SN, after_TN, cells=CELLS)
    assert (verdict.design, verdict.n_seeds_before, verdict.n_seeds_after) == (
        "unpaired seeds",
        5,
        7,
    )
    assert "the 5 seeds before and 7 after are not paired" in verdict.reason
    assert all("unpaired" in item.effect.method for item in verdict.collateral if item.effect.se)
    paired = verdict_of(labels_N, before_SN, after_TN[:5], cells=CELLS)
    forced = verdict_of(labels_N, before_SN, after_TN[:5], cells=CELLS, paired=False)
    assert (paired.design, forced.design) == ("paired seeds", "unpaired seeds")
    assert verdict_of(labels_N, before_SN[:1], after_TN[:1], cells=CELLS, paired=False).design == (
        "one seed each"
    )
    assert "one side has a single training" in (
        verdict_of(labels_N, before_SN[:1], after_TN, cells=CELLS).reason
    )


def test_class_names_stand_for_class_numbers():
    labels_N, before_SN, after_SN = study(2)
    names = np.array(["dog", "cat", "emu", "bat"])
    words = names[labels_N], names[before_SN], names[after_SN]
    by_number = verdict_of(labels_N, before_SN, after_SN, cells=CELLS, class_names=names.tolist())
    by_name = verdict_of(*words, cells=[("dog", "cat")], class_names=names.tolist())
    assert by_number == by_name
    assert by_name.cells[0].name == "dog→cat"
    sorted_names = verdict_of(*words, cells=[("dog", "cat")])
    assert sorted_names.class_names == ("bat", "cat", "dog", "emu")
    assert sorted_names.cells[0].effect == by_name.cells[0].effect


def test_names_that_are_unknown_or_mixed_with_numbers_are_refused():
    labels_N, before_SN, after_SN = study(2)
    names = np.array(["dog", "cat", "emu", "bat"])
    words = names[labels_N], names[before_SN], names[after_SN]
    with pytest.raises(JudgeError, match="no class 'cow'; the classes are bat, cat, dog, emu"):
        verdict_of(*words, cells=[("cow", "cat")])
    before = Predictions.from_arrays(labels_N, before_SN)
    after = Predictions.from_arrays(words[0], words[2])
    with pytest.raises(JudgeError, match=r"classes are numbers before .* and words after"):
        judge(before, after, cells=[("dog", "cat")])
    with pytest.raises(JudgeError, match="the class names lack bat, emu; they are cat, dog"):
        verdict_of(*words, cells=[("dog", "cat")], class_names=["cat", "dog"])


@pytest.mark.parametrize("library", [pd, pl])
def test_a_wide_frame_has_a_row_per_image_and_a_column_per_seed(library):
    labels_N, before_SN, after_SN = study(4)
    seeds = ["7", "1", "42", "3"]
    labels = library.Series(labels_N)
    before = Predictions.from_frame(
        library.DataFrame(dict(zip(seeds, before_SN, strict=True))), labels
    )
    mixed = [2, 0, 3, 1]
    after = Predictions.from_frame(
        library.DataFrame({seeds[s]: after_SN[s] for s in mixed}), labels
    )
    assert judge(before, after, cells=CELLS) == verdict_of(
        labels_N, before_SN, after_SN, cells=CELLS, seeds=seeds
    )
    other = Predictions.from_frame(
        library.DataFrame({f"{seeds[s]}9": after_SN[s] for s in mixed}), labels
    )
    assert judge(before, other, cells=CELLS).design == "unpaired seeds"
    with pytest.raises(JudgeError, match="has a column of labels; leave `labels_N` out"):
        Predictions.from_frame(library.DataFrame({"label": [0], "prediction": [1]}), [0])


def test_many_cells_that_nobody_reads_share_one_item():
    labels_N = np.repeat(np.arange(30), 200)
    before_SN = np.tile(labels_N, (4, 1))
    before_SN[:, :20] = 1
    verdict = verdict_of(labels_N, before_SN, np.tile(labels_N, (4, 1)), cells=CELLS)
    folded = [item for item in verdict.collateral if item.covers > 1]
    assert [item.name for item in folded] == [
        "0→ any of 28 never read",
        *(f"{k}→ any of 29 never read" for k in range(1, 30)),
    ]
    assert folded[0].effect.high == pytest.approx(1 - 0.025 ** (1 / 200))
    assert sum(item.covers for item in verdict.collateral) == 1 + 30 + 30 * 29 - 1 + 1  # all others
    assert verdict.n_items == 1 + 30 + 1  # that must be safe: accuracy, recalls, the reverse
    few = verdict_of(
        labels_N[:2000],
        before_SN[:, :2000],
        before_SN[:, :2000],
        cells=CELLS,
        class_names=range(10),
    )
    assert len(few.collateral) == 1 + 10 + 89 + 1  # small enough to list them all


def test_among_many_classes_chance_is_not_called_harm():
    """Two arms alike with 300 classes: some intervals lie above the margin, as they must."""
    rng = np.random.default_rng(6)
    labels_N = np.repeat(np.arange(300), 60)
    hard_N = rng.beta(0.5, 1, size=labels_N.size)
    other_N = (labels_N + rng.integers(1, 300, size=labels_N.size)) % 300
    sides = [np.where(rng.random((10, labels_N.size)) < hard_N, other_N, labels_N) for _ in "ba"]
    verdict = verdict_of(labels_N, *sides, cells=[(0, 1)])
    beyond = [item for item in verdict.collateral if item.effect.low > item.margin]
    assert beyond
    assert all(item.status == "undetermined" for item in beyond)
    assert verdict.n_harmed == 0
    sides[1][:, labels_N == 7] = 8
    worse = verdict_of(labels_N, *sides, cells=[(0, 1)])
    assert {i.name for i in worse.collateral if i.status == "harmed"} == {
        "accuracy",
        "recall of 7",
        "7→8",
    }


def test_asymmetry_is_held_against_images_too():
    labels_N = np.repeat([0, 1, 2], 500)
    preds_SN = np.tile(labels_N, (6, 1))
    preds_SN[:, :3] = 1  # the same three images in every seed: consistent, and only three
    few = asymmetry(labels_N, preds_SN, 0, 1)
    assert few.p_value >= 0.125
    preds_SN[:, :30] = 1
    many = asymmetry(labels_N, preds_SN, 0, 1)
    assert many.p_value < 0.001
    assert many.estimate == pytest.approx(30 / 1000)
    assert asymmetry(labels_N, preds_SN, 1, 0).estimate == -many.estimate
    assert asymmetry(labels_N, preds_SN, 0, 7) is None


def test_slices_may_be_unpaired_and_named_too():
    labels_N, before_SN, after_TN = study(5, (3, 4), 500)
    names = np.array(["a", "b", "c", "d"])
    view = View("dark", names[labels_N[:100]], names[before_SN[:, :100]], names[after_TN[:, :100]])
    verdict = verdict_of(
        names[labels_N], names[before_SN], names[after_TN], cells=[("a", "b")], slices=[view]
    )
    assert {item.name for item in verdict.collateral if item.kind == "slice"} >= {
        "dark · a",
        "dark · a→b",
        "dark · b→a",
    }
