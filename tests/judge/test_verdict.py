"""One verdict from predictions: what was planted must be found, and nothing else."""

import numpy as np
import numpy.typing as npt
import pytest

import misread.judge
from arrays import View, sides, verdict_of
from misread import wording
from misread.errors import JudgeError
from misread.judge import (
    Margins,
    Predictions,
    Verdict,
    align,
    judge,
    pilot_of,
    smallest_found,
    two_way,
)

Pair = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
LABELS_N = np.repeat([0, 1, 2], [1000, 900, 800])
LOOSE = Margins(accuracy=0.01, recall=0.02, cell=0.02, slice=0.02)


def readings(
    rng: np.random.Generator,
    rate: float,
    n_seeds: int = 10,
    labels_N: npt.NDArray[np.int64] = LABELS_N,
    *,
    true: int = 0,
    predicted: int = 1,
    others: float = 0.01,
):
    """Read class `true` as `predicted` at `rate`, images differing in difficulty."""
    difficulty_N = np.random.default_rng(9).gamma(0.3, 1 / 0.3, labels_N.size)
    draw_SN = rng.random((n_seeds, labels_N.size))
    preds_SN = np.tile(labels_N, (n_seeds, 1))
    preds_SN[(draw_SN < rate * difficulty_N) & (labels_N == true)] = predicted
    wrong_SN = (rng.random(preds_SN.shape) < others) & (labels_N != true)
    preds_SN[wrong_SN] = ((labels_N + 1) % 3 + 0 * preds_SN)[wrong_SN]
    return preds_SN


def slice_of(
    rng: np.random.Generator,
    before: float,
    after: float,
    name: str = "erode 2 px",
    n_seeds: int = 10,
):
    labels_M = np.zeros(1000, dtype=int)
    return View(
        name,
        labels_M,
        readings(rng, before, n_seeds, labels_M),
        readings(rng, after, n_seeds, labels_M),
    )


def by_name(verdict: Verdict):
    return {item.name: item for item in verdict.collateral}


@pytest.fixture(name="halved")
def _halved() -> Pair:
    rng = np.random.default_rng(1)
    return readings(rng, 0.04), readings(rng, 0.02)


def test_a_planted_half_is_reduced(halved: Pair):
    verdict = verdict_of(LABELS_N, *halved, cells=[(0, 1)], margins=LOOSE, seeds=range(10))
    assert (verdict.verdict, verdict.qualifier) == ("REDUCED", "")
    cell = verdict.cells[0]
    assert cell.before_images == pytest.approx(np.mean(cell.before_per_seed))
    assert cell.before_images == pytest.approx(40, rel=0.25)
    assert cell.after / cell.before == pytest.approx(0.5, abs=0.15)
    assert cell.effect.low <= -0.02 <= cell.effect.high
    assert cell.smallest_detectable_relative == pytest.approx(
        cell.smallest_detectable / cell.before
    )
    assert {item.status for item in verdict.collateral} == {"safe", "scanned"}
    assert verdict.seeds == tuple(range(10))
    assert verdict.reason.startswith("0→1 fell from ")
    assert verdict.reason.endswith(" other things stayed within their margins.")


def test_collateral_lists_everything_once(halved: Pair):
    view = slice_of(np.random.default_rng(2), 0.02, 0.02)
    verdict = verdict_of(
        LABELS_N, *halved, cells=[(0, 1)], slices=[view], class_names=["a", "b", "c"]
    )
    assert list(by_name(verdict)) == [
        "accuracy",
        "recall of a", "a→c",
        "recall of b", "b→a", "b→c",
        "recall of c", "c→a", "c→b", "all other cells",
        "erode 2 px · a", "erode 2 px · a→b",
    ]  # fmt: skip
    assert verdict.n_safe + verdict.n_harmed + verdict.n_undetermined == 7


def test_items_are_oriented_so_that_positive_is_worse(halved: Pair):
    before_SN, after_SN = halved
    items = by_name(verdict_of(LABELS_N, before_SN, after_SN, cells=[(0, 1)]))
    assert items["recall of 0"].after > items["recall of 0"].before
    assert items["recall of 0"].effect.estimate < 0
    right = [(preds_SN == LABELS_N).mean() for preds_SN in halved]
    accuracy = items["accuracy"]
    assert (accuracy.before, accuracy.after) == (pytest.approx(right[0]), pytest.approx(right[1]))
    assert accuracy.effect.estimate == pytest.approx(right[0] - right[1])
    own_N = LABELS_N == 1
    grown_SN = (after_SN[:, own_N] == 2).astype(int) - (before_SN[:, own_N] == 2)
    assert items["1→2"].effect == two_way(grown_SN)


def test_swapping_the_arms_turns_reduced_into_harm(halved: Pair):
    forth = verdict_of(LABELS_N, *halved, cells=[(0, 1)], margins=LOOSE)
    back = verdict_of(LABELS_N, *halved[::-1], cells=[(0, 1)], margins=LOOSE)
    assert back.verdict == "HARM"
    assert " grew from " in back.reason
    assert back.cells[0].effect.estimate == -forth.cells[0].effect.estimate
    assert back.cells[0].p_value == forth.cells[0].p_value


def test_harm_in_a_slice_overrules_better_clean_data(halved: Pair):
    view = slice_of(np.random.default_rng(3), 0.014, 0.10)
    verdict = verdict_of(LABELS_N, *halved, cells=[(0, 1)], margins=LOOSE, slices=[view])
    assert verdict.verdict == "HARM"
    assert by_name(verdict)["erode 2 px · 0→1"].status == "harmed"
    assert verdict.cells[0].effect.high < 0
    assert "fell from" in verdict.reason
    assert "in the slice “erode 2 px” rose from 1." in verdict.reason


def test_the_reverse_cell_is_watched_in_the_predicted_class_s_slice(halved: Pair):
    rng = np.random.default_rng(4)
    labels_M = np.ones(500, dtype=int)
    read = [readings(rng, rate, 10, labels_M, true=1, predicted=0) for rate in (0.01, 0.2)]
    view = View("dilate 1 px", labels_M, *read)
    verdict = verdict_of(LABELS_N, *halved, cells=[(0, 1)], margins=LOOSE, slices=[view])
    assert by_name(verdict)["dilate 1 px · 1→0"].status == "harmed"
    assert verdict.verdict == "HARM"


def test_unknown_collateral_is_named_and_not_called_safe(halved: Pair):
    view = slice_of(np.random.default_rng(5), 0.02, 0.02)
    margins = LOOSE.model_copy(update={"slice": 0.0005})
    verdict = verdict_of(LABELS_N, *halved, cells=[(0, 1)], margins=margins, slices=[view])
    assert (verdict.verdict, verdict.qualifier) == ("REDUCED", "collateral undetermined")
    assert "1 of 7 other things are undetermined (erode 2 px · 0→1)" in verdict.reason


def test_too_few_seeds_are_underpowered_and_told_how_many_would_do():
    rng = np.random.default_rng(6)
    before_SN, after_SN = readings(rng, 0.006, 5), readings(rng, 0.0055, 5)
    verdict = verdict_of(LABELS_N, before_SN, after_SN, cells=[(0, 1)], margins=LOOSE)
    cell = verdict.cells[0]
    assert verdict.verdict == "UNDERPOWERED"
    assert cell.smallest_detectable > cell.reduction_abs == pytest.approx(0.3 * cell.before)
    assert cell.seeds_needed > 5
    assert f"takes {wording.about(cell.seeds_needed, 'seed')}" in verdict.reason


def test_with_power_and_no_effect_it_is_not_shown():
    rng = np.random.default_rng(7)
    before_SN, after_SN = readings(rng, 0.08), readings(rng, 0.08)
    verdict = verdict_of(LABELS_N, before_SN, after_SN, cells=[(0, 1)], margins=LOOSE)
    assert verdict.verdict == "NOT SHOWN"
    assert "a reduction of 30% would have been found" in verdict.reason


def test_identical_arms_show_nothing():
    """Many errors: the exact bound excludes the reduction. Few: it does not. None: no question."""
    rng = np.random.default_rng(8)
    for rate, expected in ((0.1, "NOT SHOWN"), (0.004, "UNDERPOWERED"), (0.0, "NOT SHOWN")):
        same_SN = readings(rng, rate)
        verdict = verdict_of(LABELS_N, same_SN, same_SN, cells=[(0, 1)], margins=LOOSE)
        assert verdict.verdict == expected
        assert verdict.cells[0].p_value == 1
        effect = verdict.cells[0].effect
        assert effect.low < 0 < effect.high or (effect.low == 0 < effect.high and not rate)


def test_several_cells_must_all_shrink_after_holm(halved: Pair):
    verdict = verdict_of(LABELS_N, *halved, cells=[(0, 1), (1, 2)], margins=LOOSE)
    first, second = verdict.cells
    assert first.shrank(0.05)
    assert not second.shrank(0.05)
    assert verdict.verdict in {"NOT SHOWN", "UNDERPOWERED"}
    assert first.p_holm == pytest.approx(2 * first.p_value)
    assert {"0→1", "1→2"}.isdisjoint(by_name(verdict))


def test_the_corrected_level_decides_and_power_is_told_at_it():
    rng = np.random.default_rng(13)
    mild = readings(rng, 0.02), readings(rng, 0.013)
    own_SN = [(preds_SN[:, :1000] == 1).astype(int) for preds_SN in mild]
    alpha = 1.5 * two_way(own_SN[1] - own_SN[0]).p_value
    alone = verdict_of(LABELS_N, *mild, cells=[(0, 1)], alpha=alpha).cells[0]
    among = verdict_of(LABELS_N, *mild, cells=[(0, 1), (1, 2)], alpha=alpha).cells[0]
    assert alone.shrank(alpha)
    assert not among.shrank(alpha)
    pilot = pilot_of(align(*sides(LABELS_N, *mild)), (0, 1))
    least = smallest_found(pilot, 10, 1000, alpha=alpha / 2)
    assert among.smallest_detectable_relative == least > alone.smallest_detectable_relative


def test_one_pair_of_models_is_labelled(halved: Pair):
    verdict = verdict_of(LABELS_N, halved[0][:1], halved[1][:1], cells=[(0, 1)], margins=LOOSE)
    assert "these two models only" in verdict.qualifier
    assert "says nothing about training them again" in verdict.reason
    assert verdict.cells[0].mcnemar_midp == verdict.cells[0].p_value
    for one, many in ((slice(1), slice(None)), (slice(None), slice(1))):
        sides = halved[0][one], halved[1][many]
        verdict = verdict_of(LABELS_N, *sides, cells=[(0, 1)], margins=LOOSE)
        assert "this one model only" in verdict.qualifier, "one against many is no proof of many"
    many = verdict_of(LABELS_N, *halved, cells=[(0, 1)], margins=LOOSE)
    assert many.qualifier == ""
    assert many.cells[0].mcnemar_midp is None
    three = verdict_of(LABELS_N, halved[0][:3], halved[1][:3], cells=[(0, 1)], margins=LOOSE)
    assert "with 3 seeds only" in three.reason


def test_disputed_images_are_also_left_out(halved: Pair):
    disputed_N = np.zeros(LABELS_N.size, dtype=bool)
    disputed_N[:400] = True
    cell = verdict_of(LABELS_N, *halved, cells=[(0, 1)], disputed_N=disputed_N).cells[0]
    left_SN = [(preds_SN[:, 400:1000] == 1).astype(int) for preds_SN in halved]
    assert cell.effect_undisputed == two_way(left_SN[1] - left_SN[0])
    assert cell.effect.n_images == 1000
    assert verdict_of(LABELS_N, *halved, cells=[(0, 1)]).cells[0].effect_undisputed is None


def test_the_worst_harm_is_named_first_and_the_others_counted(halved: Pair):
    rng = np.random.default_rng(12)
    views = [slice_of(rng, 0.01, 0.06, "thick"), slice_of(rng, 0.01, 0.3, "thin")]
    before_SN, after_SN = halved
    verdict = verdict_of(LABELS_N, after_SN, after_SN, cells=[(0, 1)], margins=LOOSE, slices=views)
    assert verdict.n_harmed == 4
    assert ", and the share of 0 misread in the slice “thin” rose" in verdict.reason
    assert verdict.reason.endswith("(margin 2%), and 3 other items were harmed.")
    better = verdict_of(LABELS_N, before_SN, after_SN, cells=[(0, 1)], margins=LOOSE, slices=views)
    assert ", but the share of 0 misread" in better.reason


def test_words_do_not_promise_more_than_all_errors_gone(halved: Pair):
    verdict = verdict_of(LABELS_N, halved[0][:2], halved[1][:2], cells=[(0, 1)], margins=LOOSE)
    assert verdict.cells[0].effect.low == -verdict.cells[0].before
    assert "95% interval −100% to" in verdict.reason


def test_no_effect_is_seldom_called_reduced():
    rng = np.random.default_rng(10)
    labels_N = np.repeat([0, 1], [300, 20])
    verdicts = [
        verdict_of(
            labels_N,
            readings(rng, 0.05, 5, labels_N),
            readings(rng, 0.05, 5, labels_N),
            cells=[(0, 1)],
        ).verdict
        for _ in range(150)
    ]
    assert verdicts.count("REDUCED") / 150 < 0.06


def test_the_verdict_survives_json(halved: Pair):
    verdict = verdict_of(LABELS_N, *halved, cells=[(0, 1)], exploratory="the plan was changed")
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
    assert (verdict.exploratory, verdict.exploratory_why) == (True, "the plan was changed")


def test_every_cell_and_slice_of_a_full_study_is_covered():
    rng = np.random.default_rng(11)
    labels_N = np.arange(10_000) % 10
    before_SN, after_SN = (
        np.where(rng.random((20, 10_000)) < 0.01, (labels_N + 5) % 10, labels_N) for _ in "ba"
    )
    views = [
        View(f"view {n}", labels_N[:1000], before_SN[:, :1000], after_SN[:, :1000])
        for n in range(20)
    ]
    verdict = verdict_of(labels_N, before_SN, after_SN, cells=[(4, 9)], slices=views)
    assert sum(item.covers for item in verdict.collateral) == 1 + 10 + 89 + 1 + 20 * 12


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": []}, "no cell was given"),
        ({"cells": ["0-1"]}, "not of the form TRUE:PREDICTED"),
        ({"cells": [(0, 0)]}, "two classes, as in 4:9"),
        ({"cells": [(0, 1), (0, 1)]}, "name each confusion once"),
        ({"cells": [(5, 1)]}, "there is no class '5'; the classes are 0, 1, 2"),
        ({"cells": [(5, 1)], "class_names": range(6)}, "no image has the true class 5"),
        ({"cells": [(0, 7)]}, "there is no class '7'"),
        ({"class_names": range(2)}, "hold class 2; allowed are 0 to 1"),
        ({"seeds": [1, 2]}, "2 given and 10 needed"),
        ({"seeds": [1] * 10}, "seeds that occur more than once: 1, for example 1"),
        ({"alpha": 0}, "alpha is 0"),
        ({"reduction": 30}, "reduction is 30"),
        ({"disputed_N": [True]}, "one per image"),
        ({"after_SN": np.zeros((9, 2700), int), "paired": True}, "10 unnamed .* cannot be paired"),
        ({"after_SN": np.zeros((10, 2699), int)}, r"are .10,2699. and labels .2700."),
        ({"after_SN": np.full((10, 2700), np.nan)}, "predictions hold .* NaN"),
        ({"slices": [View("thin", [0], [[0]], [[0]])]}, "“thin” was read by 1 unnamed seed"),
        ({"slices": [View("thin", [0], [[0], [9]], [[0]])]}, "hold class 9"),
    ],
)
def test_bad_input_is_refused_in_words(halved: Pair, change: dict[str, object], words: str):
    given = {"before_SN": halved[0], "after_SN": halved[1], "cells": [(0, 1)], **change}
    given.setdefault("class_names", range(3))
    with pytest.raises(JudgeError, match=words):
        verdict_of(LABELS_N, **given)


def test_what_earlier_versions_took_is_refused_with_the_new_place(halved: Pair):
    for call in (
        lambda: judge(LABELS_N, *halved, cells=[(0, 1)], n_classes=3),
        lambda: judge(*halved, cells=[(0, 1)]),
    ):
        with pytest.raises(JudgeError, match=r"Predictions\.from_arrays\(labels_N, preds_SN\)"):
            call()
    for name, place in (("SliceReadings", "with_slice"), ("judge_predictions", "`judge` takes")):
        with pytest.raises(ImportError, match=f"no {name} any more: .*{place}"):
            exec(f"from misread.judge import {name}")  # noqa: S102
    with pytest.raises(AttributeError, match="no attribute 'judges'"):
        misread.judge.judges  # noqa: B018


def test_a_view_takes_labels_and_groups_of_the_images_that_it_is_of():
    side = Predictions.from_arrays([0, 1, 0], [[0, 1, 1]], groups=["a", "b", "b"])
    view = side.with_view("dark", np.array([[1, 0]]), np.array([2, 1])).slices["dark"]
    assert view.labels_N.tolist() == [0, 1]
    assert view.groups.tolist() == ["b", "b"]
    assert view.ids.tolist() == [2, 1]
    with pytest.raises(JudgeError, match=r"are .1,3. and labels .2."):
        side.with_view("dark", side.preds_SN, np.array([2, 1]))


def test_margins_refuse_unknown_and_negative_values():
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Margins(cell=-0.1)
    with pytest.raises(ValueError, match="Extra inputs"):
        Margins(cells=0.1)
