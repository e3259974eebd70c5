"""The studies behind docs/questions.md, what they are asked beside, and the page."""

import json
import sys
from itertools import combinations

import numpy as np
import pytest
from click.testing import CliRunner

from markdown_pages import blocks, rows_of
from misread.cli import main
from misread.judge import holm, two_way
from misread.show.markdown.axis import along, along_table, inside_table
from misread.show.study_figures import axis_figures
from misread.study.axis import (
    answer,
    ratio,
    read_together,
    together,
    together_by_size,
    without_dropout,
)
from misread.study.claims import standing
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.plan import Plan
from misread.study.study import Study
from misread.wording import listed, p_value, percent, points
from standin import rehearse

STUDIES = ("activations", "widths", "dropout")


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_loads_and_can_be_shrunk(name):
    study = load_study(name)
    assert isinstance(study, Study)
    assert len(study.seeds) >= 5
    assert study.claims
    assert study.axis
    run = study.run(next(iter(study.arms)), None, 42, 0, ("a", "b"))
    assert (run.fit_size, run.confirm_size) == (10_000, None)
    small = load_study(name, smoke=True)
    assert (set(small.epochs.values()), len(small.seeds)) == ({1}, 1)
    assert small.run(next(iter(study.arms)), None, 42, 0, ("a", "b")).confirm_size == 2000


def test_they_ask_what_they_are_to_ask():
    activations, widths, dropout = (load_study(name).arms for name in STUDIES)
    recipes = [arm.recipe for arm in activations.values()]
    assert {r.activation for r in recipes} == {"relu", "sigmoid", "tanh", "gelu"}
    assert {len(r.hidden) for r in recipes} >= {1, 6}
    assert all(recipe.measure for recipe in recipes)
    assert {arm.at for arm in widths.values()} >= {32, 100, 128, 200, 256, 500, 512, 2048}
    assert all(arm.recipe.hidden == (arm.at,) for arm in widths.values())
    rates = {arm.recipe.dropouts for arm in dropout.values()}
    assert {(0.3, 0.2), (0.2, 0.3), (0.7, 0.7), (0.7, 0.0), (0.0, 0.7), ()} <= rates
    assert {arm.recipe.input_dropout for arm in dropout.values()} >= {0, 0.3, 0.7}


@pytest.mark.parametrize("name", STUDIES)
def test_an_arm_stands_where_its_recipe_puts_it(name):
    for arm in load_study(name).arms.values():
        recipe = arm.recipe
        rates = {recipe.input_dropout, *recipe.dropouts} - {0}
        place = {
            "activations": len(recipe.hidden),
            "widths": recipe.hidden[0],
            "dropout": max(rates, default=0.0),
        }[name]
        assert arm.at in (place, None)


def test_what_a_study_does_not_say_is_no_part_of_its_plan():
    study = load_study("dense-four").model_dump(mode="json")
    assert not {"axis", "fit_size"} & set(study)
    assert not {"series", "at"} & set(study["arms"]["exp1"])
    for name in STUDIES:
        study = load_study(name)
        plan = Plan(
            study=study,
            policies=dict.fromkeys(study.arms),
            dataset_sha256=("a", "b"),
            select_folds={42: 0},
        )
        assert Plan.model_validate(plan.model_dump(mode="json")) == plan


def test_a_study_with_fewer_images_is_no_smoke_run(tmp_path):
    from misread.study.folder import move_smoke_run_aside

    folder = tmp_path / "study"
    for size, moved in ((None, False), (2000, True)):
        (folder / "arms/a/seed_1").mkdir(parents=True, exist_ok=True)
        run = load_study("widths").run("w32", None, 1, 0, ("a", "b"))
        run = run.model_copy(update={"arm": "a", "confirm_size": size})
        (folder / "arms/a/seed_1/config.json").write_text(run.model_dump_json())
        move_smoke_run_aside(folder, lambda _: None)
        assert folder.exists() != moved


# --- a small one ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two arms of `activations`, two seeds each, with the stand-in for a trainer."""
    folder = tmp_path_factory.mktemp("questions") / "activations"
    arms = ("relu-1", "sigmoid-4")
    rehearse(load_study("activations", smoke=True, arms=arms, seeds=(42, 123)), folder)
    assert CliRunner().invoke(main, ["report", str(folder)]).exit_code == 0
    return load_evidence(folder)


def test_it_draws_what_it_has_data_for(small):
    page = (small.folder / "report.html").read_text()
    assert "Along the axis: hidden layers" in page
    figures = axis_figures(small)
    assert set(figures) == {"along_axis", "inside"}  # nothing about dropout
    for name, figure in figures.items():
        assert (small.folder / "results" / f"{name}.png").exists()
        assert str(figure().get_label()) in page


def test_the_answers_are_those_of_the_run_folders(small):
    found = answer(small)
    assert (found.fit_size, found.steps) == (2000, {"relu-1": 32, "sigmoid-4": 32})
    assert (found.at, found.together) == ({"relu-1": 1, "sigmoid-4": 4}, None)
    rows = [
        np.genfromtxt(
            small.folder / f"arms/sigmoid-4/seed_{seed}/measures.csv", delimiter=",", names=True
        )
        for seed in small.seeds
    ]
    for layer in range(4):
        norms_E = np.sqrt(np.prod([own[f"gradient_norm_{layer + 1}"] for own in rows], axis=0))
        assert found.inside["sigmoid-4"].gradient_norm[layer] == pytest.approx(norms_E)
    relu = found.inside["relu-1"]
    assert len(relu.zero_share) == 1
    assert 0 < relu.zero_share[0][0] < 1
    assert found.inside["sigmoid-4"].zero_share[0] == (0.0, 0.0)
    assert type(found).model_validate(json.loads(found.model_dump_json())) == found


def test_one_network_against_the_average_of_several(small):
    found = together(small, "relu-1", "sigmoid-4")
    labels_N = small.confirm.labels_N
    runs = [
        np.load(small.folder / f"arms/relu-1/seed_{seed}/predictions.npz") for seed in small.seeds
    ]
    mean_NK = np.mean([run["probs"][0].astype(float) for run in runs], axis=0)
    right_N = mean_NK.argmax(axis=1) == labels_N
    assert found.by_size[-1] == (pytest.approx(right_N.mean()),)
    assert [len(values) for values in found.by_size] == [2, 1]
    single_S = (small.predictions["sigmoid-4"] == labels_N).mean(axis=1)
    assert found.difference == pytest.approx(right_N.mean() - single_S.mean())
    effect = two_way((small.predictions["sigmoid-4"] != labels_N).astype(int) - ~right_N)
    assert (found.low, found.high) == (effect.low, effect.high)


# --- arithmetic -----------------------------------------------------------------------------------


def test_what_several_read_together():
    probs_SNK = np.array(
        [
            [[0.9, 0.1, 0.0], [0.4, 0.6, 0.0]],
            [[0.2, 0.3, 0.5], [0.4, 0.1, 0.5]],
            [[0.1, 0.8, 0.1], [0.5, 0.1, 0.4]],
        ]
    )
    assert read_together(probs_SNK).tolist() == [0, 0]  # by the mean, not by votes
    assert read_together(probs_SNK[1:]).tolist() == [1, 0]
    assert read_together(probs_SNK[[0]]).tolist() == [0, 1]
    by_size = together_by_size(probs_SNK, np.array([0, 0]))
    assert [len(values) for values in by_size] == [3, 3, 1]
    for size, values in enumerate(by_size, start=1):
        for value, chosen in zip(values, combinations(range(3), size), strict=True):
            mean_NK = sum(probs_SNK[row] for row in chosen)
            assert value == (mean_NK.argmax(axis=1) == 0).mean()


def test_a_ratio_is_paired():
    slow, fast = [1.0, 10.0, 100.0, 1000.0], [0.5, 5.1, 49.0, 500.0]
    found = ratio(slow, fast)
    assert found.low < 2 < found.high
    assert found.high / found.low < 1.2  # however far apart the pairs are from each other
    back = ratio(fast, slow)
    assert back.ratio == pytest.approx(1 / found.ratio)
    assert (back.low, back.high) == pytest.approx((1 / found.high, 1 / found.low))
    assert ratio([2.0], [1.0]).high == float("inf")


@pytest.mark.parametrize(
    ("study", "pair"), [("dropout", ("none", "falling")), ("widths", None), ("activations", None)]
)
def test_which_arms_tell_of_dropout_against_an_average(study, pair):
    class Plan:
        pass

    Plan.plan = Plan
    Plan.study = load_study(study)
    assert without_dropout(Plan) == pair


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script(project):
    sys.path.insert(0, str(project / "experiments"))
    try:
        import questions
    finally:
        sys.path.pop(0)
    return questions


@pytest.fixture(scope="module")
def page(project):
    return (project / "docs/questions.md").read_text("utf-8")


@pytest.mark.parametrize("name", STUDIES)
def test_the_page_is_what_the_stored_results_give(page, script, name):
    answers, block = script.load_answers(name), blocks(page)[name]
    for part in along(answers):
        lines = part.splitlines() if part.startswith("|") else [part]
        assert all(line in block for line in lines)
    outcome = answers.outcome
    rows = {row["Claim"]: row for row in rows_of(block, "Claim | Verdict")}
    assert list(rows) == [claim.text for claim in outcome.claims]
    for claim in outcome.claims:
        row = rows[claim.text]
        (test,) = claim.tests
        assert row["Verdict"] == claim.verdict
        assert f" {points(test.difference)} (" in row["Measured, with 95% interval"]
        assert f"{p_value(test.p_holm)}; ahead in {test.seeds_ahead} of " in "".join(row.values())
    assert script.powers_of_two(script.load_answers("widths")) in page


def test_what_is_said_in_short_is_what_the_stored_results_give(page, script):
    activations, widths, dropout = map(script.load_answers, STUDIES)
    text = " ".join(page.split())
    said = {"holds": "holds", "does not hold": "does not hold"}
    by_depth = {
        (activations.series[test.better], activations.series[test.than], verdict): []
        for verdict in ("holds", "does not hold", "too small to tell here")
        for claim in activations.outcome.claims
        for test in claim.tests
    }
    for claim in activations.outcome.claims:
        for test in claim.tests:
            names = activations.series[test.better], activations.series[test.than]
            by_depth[*names, claim.verdict].append(f"{activations.at[test.better]:g}")
    assert by_depth["ReLU", "sigmoid", "holds"] == ["1", "2", "4", "6"]
    for other, first in (("tanh", "holds"), ("GELU", "does not hold")):
        assert by_depth["ReLU", other, first] == ["1"]
        assert by_depth["ReLU", other, "too small to tell here"] == ["6"]
    inside = {row[0]: row for row in inside_table(activations).rows}
    ratios = [f"{row[3]} ({name})" for name, row in inside.items()]
    zeros = inside["ReLU"][5].split(" → ")
    assert f"is before training {listed(ratios)}." in text
    assert f"{zeros[0]} are exactly 0 before training and {zeros[1]} after it" in text
    first, *_, last = along_table(widths).rows
    ends = [row[1].split()[0] for row in (first, last)]
    cost = last[-1].split()[0]
    assert f"goes from {ends[0]} to {ends[1]} and a step takes {cost} times as long" in text
    for words in ("neither shown to be better nor worse", "neither shown to be slower nor faster"):
        assert text.count(words) == 2
        assert words in script.powers_of_two(widths)
    for claim in dropout.outcome.claims[:3]:
        verdict = said.get(claim.verdict, "cannot be told")
        assert f"“{claim.text}” {verdict} ({points(claim.tests[0].difference)})" in text
    arms = dropout.outcome.arms
    best = max(arms.values(), key=lambda arm: arm.accuracy.mean)
    assert f"of the {len(arms)} networks has “{best.label}”, {percent(best.accuracy.mean)};" in text
    gaps = [points(arms[name].gap.mean) for name in ("none", "falling")]
    assert f"is {gaps[0]} without dropout and {gaps[1]} with .3 and .2." in text


@pytest.mark.parametrize("name", STUDIES)
def test_the_stored_results_are_of_the_built_in_study(script, name):
    found, study = script.load_answers(name), load_study(name)
    assert found.planned_seeds == study.seeds
    assert found.outcome.seeds == study.seeds[: len(found.outcome.seeds)]
    assert found.outcome.exploratory == ""
    assert found.fit_size == study.fit_size
    assert [(arm, own.label) for arm, own in found.outcome.arms.items()] == [
        (arm, study.label(arm)) for arm in study.arms
    ]
    assert [(c.text, c.at_least) for c in found.outcome.claims] == [
        (c.text, c.at_least) for c in study.claims
    ]


@pytest.mark.parametrize("name", STUDIES)
def test_the_verdicts_follow_from_the_stored_seeds(script, name):
    outcome = script.load_answers(name).outcome
    tests = [test for claim in outcome.claims for test in claim.tests]
    assert [test.p_holm for test in tests] == pytest.approx(holm([t.p_value for t in tests]))
    for claim in outcome.claims:
        for test, part in zip(claim.tests, claim.parts, strict=True):
            own, other = (
                np.array(outcome.arms[arm].accuracy.per_seed) for arm in (test.better, test.than)
            )
            assert test.difference == pytest.approx((own - other).mean())
            assert test.seeds_ahead == (own > other).sum()
            worth = claim.at_least or outcome.margin
            certain = test.p_holm < outcome.alpha
            verdict = standing(test.low, test.high, claim.at_least, worth, certain=certain)
            assert verdict == part == claim.verdict  # each of these claims has one part


def test_what_a_power_of_two_adds_is_found_where_it_is_there(script):
    found = script.load_answers("widths")
    log_A = np.log2(list(found.at.values()))
    two_A = np.array([found.series[arm] == "power of two" for arm in found.at])
    smooth_A = 0.9 + 0.01 * log_A - 0.0004 * log_A**2
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        values_AS = smooth_A[:, np.newaxis] + rng.normal(0, 0.0005, (len(log_A), 6))
        mean, low, high = script.beyond_width(found, values_AS + 0.01 * two_A[:, np.newaxis])
        assert mean == pytest.approx(0.01, abs=0.002)
        covered.append(low < 0.01 < high)
    assert 0.91 < np.mean(covered) < 0.985
