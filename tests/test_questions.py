"""The studies behind docs/questions.md, what they are asked beside, and the page."""

import json

import pytest

from misread.comparison import Comparison, ComparisonPlan, load_any

STUDIES = ("activations", "widths", "dropout")


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_loads_and_can_be_shrunk(name):
    study = load_any(name)
    assert isinstance(study, Comparison)
    assert len(study.seeds) >= 5
    assert study.claims
    assert study.axis
    run = study.run(next(iter(study.arms)), 42, 0, ("a", "b"))
    assert (run.fit_size, run.confirm_size) == (10_000, None)
    small = load_any(name, smoke=True)
    assert (set(small.epochs.values()), len(small.seeds)) == ({1}, 1)
    assert small.run(next(iter(study.arms)), 42, 0, ("a", "b")).confirm_size == 2000


def test_they_ask_what_they_are_to_ask():
    activations, widths, dropout = (load_any(name).arms for name in STUDIES)
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
    for arm in load_any(name).arms.values():
        recipe = arm.recipe
        rates = {recipe.input_dropout, *recipe.dropouts} - {0}
        place = {
            "activations": len(recipe.hidden),
            "widths": recipe.hidden[0],
            "dropout": max(rates, default=0.0),
        }[name]
        assert arm.at in (place, None)


def test_what_a_study_does_not_say_is_no_part_of_its_plan():
    study = load_any("dense-four").model_dump(mode="json")
    assert not {"axis", "fit_size"} & set(study)
    assert not {"series", "at"} & set(study["arms"]["exp1"])
    for name in STUDIES:
        plan = ComparisonPlan(study=load_any(name), dataset_sha256=("a", "b"), select_folds={42: 0})
        assert ComparisonPlan.model_validate(plan.model_dump(mode="json")) == plan


def test_a_study_with_fewer_images_is_no_smoke_run(tmp_path):
    from misread.steps import move_smoke_run_aside

    folder = tmp_path / "study"
    for size, moved in ((None, False), (2000, True)):
        (folder / "arms/a/seed_1").mkdir(parents=True, exist_ok=True)
        config = {"fit_size": 10_000, "confirm_size": size}
        (folder / "arms/a/seed_1/config.json").write_text(json.dumps(config))
        move_smoke_run_aside(folder, lambda _: None)
        assert folder.exists() != moved
