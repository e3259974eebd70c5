import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from misread.errors import JudgeError, PlanError, StudyError
from misread.files import write_json
from misread.images.operations import OPERATIONS
from misread.learn.policy import CONTROLS
from misread.store import RunFolder
from misread.study.arms import BASELINE
from misread.study.file import builtin_studies, load_study
from misread.study.folder import select_folds
from misread.study.plan import Plan, counter_slices, load_plan, lock
from misread.study.questions import cell_in, parse_cell
from misread.study.select import target_of

HASHES = ("a", "b")


def test_four_nine_is_what_was_documented():
    study = load_study("four-nine")
    assert study.seeds == (42, 123, 456)
    assert list(study.arms) == ["baseline", "documented", "one-sided", "swapped", "both"]
    assert study.target == (4, 9)
    policies = study.policies((4, 9))
    documented = policies["documented"]
    assert documented.operations == {4: ("dilate",), 9: ("erode",)}
    assert (documented.probability, documented.size_px) == (0.12, (1, 2))
    assert policies[BASELINE] is None
    assert all(policies[name] == make(documented, (4, 9)) for name, make in CONTROLS.items())


def test_every_arm_has_a_second_dose():
    study = load_study("four-nine", arms=("documented-firm", "both-firm"))
    policies = study.policies((4, 9))
    assert list(policies) == ["baseline", "documented-firm", "both-firm"]
    assert policies["documented-firm"].size_px == (2, 3)


def test_options_replace_the_file():
    study = load_study("four-nine", seeds=(7,), arms=("both",), recipe="documented", epochs=2)
    assert (study.seeds, list(study.arms)) == ((7,), ["baseline", "both"])
    assert (study.recipe_name, study.recipe.epochs, study.recipe.batch_size) == (
        "documented",
        2,
        128,
    )


def test_smoke_shrinks():
    study = load_study("four-nine", smoke=True)
    run = study.run("baseline", None, 42, 0, HASHES)
    assert (study.recipe.epochs, study.seeds) == (1, (42, 123))
    assert (run.fit_size, run.confirm_size) == (2000, 2000)


def test_slices_are_every_target_class_under_every_operation_that_changes_something():
    policies = list(load_study("four-nine").policy.resolve((4, 9)).values())
    literal = [policy for policy in policies if policy.size_px == (1, 2)]
    assert [piece.name for piece in counter_slices(literal, (4, 9))] == [
        "dilate 2 px · 4", "dilate 2 px · 9", "erode 2 px · 4", "erode 2 px · 9",
    ]  # fmt: skip
    assert len(counter_slices(policies, (4, 9))) == 8
    one_sided = CONTROLS["one-sided"](literal[0], (4, 9))
    assert [p.name for p in counter_slices([one_sided], (4, 9))] == [
        "dilate 2 px · 4",
        "dilate 2 px · 9",
    ]


def test_arms_share_everything_but_the_policy():
    study = load_study("four-nine")
    runs = [
        study.run(arm, policy, 42, 3, HASHES).model_dump(exclude={"arm", "policy"})
        for arm, policy in study.policies((4, 9)).items()
    ]
    assert all(run == runs[0] for run in runs)


POLICY = '{probability = 0.1, size_px = [1, 2], true = ["dilate"]}'


def write_study(path, **changes):
    lines = {"title": '"T"', "seeds": "[1, 2]", "arms": '["policy"]', "policy": POLICY} | changes
    path.write_text("\n".join(f"{key} = {value}" for key, value in lines.items() if value))
    return str(path)


def test_a_study_of_ones_own(tmp_path):
    study = load_study(write_study(tmp_path / "mine.toml"))
    assert (study.name, study.target, study.recipe_name) == ("mine", None, "quick")
    assert study.policies((3, 5))["policy"].operations == {3: ("dilate",)}


def test_every_operation_may_be_a_slice(tmp_path):
    named = [[name, 2] for name in OPERATIONS]
    study = load_study(write_study(tmp_path / "mine.toml", slices=json.dumps(named)))
    assert study.slices == tuple((name, 2) for name in OPERATIONS)


def test_a_study_that_names_no_arms_has_its_policy(tmp_path):
    study = load_study(write_study(tmp_path / "mine.toml", arms=""))
    assert list(study.arms) == ["baseline", "policy"]


def test_no_control_is_the_policy_by_another_name(tmp_path):
    study = load_study(write_study(tmp_path / "mine.toml"))
    assert list(study.policy.resolve((4, 9))) == ["policy", "swapped", "both"]
    with pytest.raises(StudyError, match="no arm 'one-sided'; choose among baseline, policy"):
        load_study(write_study(tmp_path / "mine.toml", arms='["one-sided"]'))


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"arms": ("bothh",)}, "there is no arm 'bothh'; choose among baseline, policy"),
        ({}, {"seeds": (1, 1)}, "seeds are \\[1, 1\\], but must be distinct"),
        ({}, {"seeds": (-1,)}, "whole numbers from 0 to 9,223,372,036,854,775,807"),
        ({}, {"seeds": (1, 2**63)}, "but must be distinct whole numbers from 0 to"),
        ({}, {"recipe": "slow"}, "there is no recipe 'slow'; choose one of documented, quick"),
        ({"dataset": '"cifar"'}, {}, "there is no dataset 'cifar'"),
        ({"target": '"4-9"'}, {}, "is not of the form TRUE:PREDICTED"),
        ({"colour": "1"}, {}, "'colour' is no setting; allowed there are title, question"),
        ({"judge": "{alpha = 2}"}, {}, "judge.alpha is 2"),
        ({"judge": "{alfa = 2}"}, {}, "'judge.alfa' is no setting; allowed there are alpha"),
        ({"dataset": "3", "target": '"a:b"'}, {}, "dataset is 3, but must be text in quotes"),
        ({"dataset": '"npz:x"', "target": '"a:b"', "seeds": "3"}, {}, "(?s)2 mist.*x is no file"),
        ({"title": ""}, {}, "'title' is missing"),
        ({"policy": ""}, {}, "'policy' is missing"),
        ({"title": "T"}, {}, "is no TOML file"),
        ({"seeds": "[]"}, {}, "seeds is .., but needs 1 or more"),
        ({"seeds": "42"}, {"smoke": True}, "seeds is 42; write it as in"),
        ({"arms": '"both"'}, {}, "arms is 'both'; write it as in"),
        ({"recipe": "3"}, {}, "recipe is 3; write it as in"),
        (
            {"recipe": "{epochs = 3}"},
            {},
            r"(?s)3 mistakes:.*'batch_size' is missing; add it.*'schedule' is missing",
        ),
        (
            {"colour": "1", "policy": '{true = ["dilat"], probability = 2, size_px = [2, 99]}'},
            {},
            r"(?s)4 mistakes:.*colour.*no operation 'dilat'.*probability is 2.*size_px.1 is 99",
        ),
        (
            {"colour": "1"},
            {"recipe": "slow"},
            r"(?s)2 mistakes:\n- 'colour' is no setting.*\n- there is no recipe 'slow'.* strong\.$",
        ),
        (
            {"colour": "1", "trainer": '"x"', "arms": '"both"'},
            {},
            r"(?s)3 mistakes:\n- 'colour' is no .*\n- arms is 'both'; .*\n- trainer is 'x'; write",
        ),
        (
            {"arms": "{baseline = 3, both = 4}", "colour": "1"},
            {},
            r"(?s)3 mistakes:.*arm baseline is 3; write.*arms.baseline\]\.\n.*arm both is 4; write",
        ),
        ({"name": '"x"'}, {}, "`name` does nothing: a study is named by its file; leave it out"),
        (
            {"name": '"x"', "smoke": "true", "recipe_name": '"x"', "seeds": '"a"', "arms": "3"}
            | {"policy": "3", "recipe": '"x"', "target": '"4-9"', "colour": "1", "judge": "{a = 1}"}
            | {"corruptions": '["frost", "snow"]', "slices": '[["x", 2], ["y", 2]]'},
            {"smoke": True, "adaptive": True},
            r"14 mistakes:(\n- .*(no |nothing|frost|snow|'x'|'y'|seeds|arms|4-9|policy).*){14}$",
        ),
        (
            {"arms": "{a = {hiden = 1}}", "recipe": "3", "policy": "3", "adaptive": "3"},
            {"smoke": True},
            r"(?s)4 mistakes:.*'hiden'",
        ),
        ({"target": "[4, 4]"}, {}, "two different classes"),
        ({"judge": "{reduction = 1.0}"}, {}, "judge.reduction is 1"),
        ({"policy": "{probability = 0.1, size_px = [1, 2]}"}, {}, "neither operations for `true`"),
        ({"policy": POLICY.replace("{", '{name = "../x", ')}, {}, "policy.name is '../x'"),
        ({"policy": POLICY.replace("{", '{name = "both", ')}, {}, "'both', which is taken"),
    ],
)
def test_what_a_study_refuses(tmp_path, changes, options, message):
    path = write_study(tmp_path / "mine.toml", **changes)
    with pytest.raises(StudyError, match=message) as caught:
        load_study(path, **options)
    assert ("\n" in str(caught.value)) == ("mistakes:" in str(caught.value))


def test_studies_that_are_not_there():
    with pytest.raises(StudyError, match=r"choose one of .*dense-four.*four-nine"):
        load_study("four-ten")
    with pytest.raises(StudyError, match="path of a TOML file"):
        load_study("nowhere.toml")
    assert "four-nine" in builtin_studies()


@given(st.integers(0, 99), st.integers(0, 99))
def test_cells_round_trip(true, predicted):
    if true != predicted:
        assert parse_cell(f"{true}:{predicted}") == (true, predicted)
    else:
        with pytest.raises(StudyError, match="two classes"):
            parse_cell(f"{true}:{predicted}")


@pytest.mark.parametrize("text", ["", "4", "4:", ":9", "4->9", "a:b", "-4:9"])
def test_what_is_no_cell(text):
    with pytest.raises(StudyError, match="as in 4:9"):
        parse_cell(text)


def test_a_cell_goes_by_names_or_by_places():
    assert cell_in("cat:dog", ("ant", "cat", "dog")) == (1, 2)
    assert cell_in("0:2", ("ant", "cat", "dog")) == (0, 2)
    with pytest.raises(JudgeError, match="no class 'cow'"):
        cell_in("cat:cow", ("ant", "cat", "dog"))


def test_the_tenth_rotates_and_stays_with_its_seed(tmp_path):
    study = load_study("four-nine", seeds=tuple(range(100, 112)))
    folds = select_folds(study.seeds, tmp_path)
    assert list(folds.values()) == [*range(10), 0, 1]
    # a folder with runs keeps their tenths, and new seeds take the next in turn
    run = study.run("baseline", None, 42, 0, HASHES)
    write_json(RunFolder(tmp_path, "baseline", 42).path / "config.json", run.model_dump())
    assert select_folds((7, 42, 8), tmp_path) == {7: 1, 42: 0, 8: 2}


def plan_of(study):
    policies = study.policies((4, 9))
    return Plan(
        study=study,
        target=(4, 9),
        target_from="study file",
        target_on_select={"rank": 1},
        policies=policies,
        slices=tuple(counter_slices([p for p in policies.values() if p], (4, 9))),
        dataset_sha256=HASHES,
        select_folds={42: 0, 123: 1, 456: 2},
    )


def test_a_plan_is_locked_once(tmp_path):
    plan = lock(plan_of(load_study("four-nine")), tmp_path)
    written = (tmp_path / "plan.json").read_bytes()
    assert plan.exploratory == ""
    assert lock(plan_of(load_study("four-nine")), tmp_path) == plan == load_plan(tmp_path)
    assert (tmp_path / "plan.json").read_bytes() == written


def test_a_plan_changed_before_confirm_is_just_the_plan(tmp_path):
    lock(plan_of(load_study("four-nine")), tmp_path)
    plan = lock(plan_of(load_study("four-nine", arms=("both",))), tmp_path)
    assert (plan.exploratory, plan.replaces) == ("", ())


def test_a_plan_changed_after_confirm_was_opened_is_exploratory(tmp_path):
    first = lock(plan_of(load_study("four-nine")), tmp_path)
    opened = tmp_path / "arms" / "baseline" / "seed_42" / "predictions.npz"
    opened.parent.mkdir(parents=True)
    opened.write_bytes(b"")
    plan = lock(plan_of(load_study("four-nine", arms=("both",))), tmp_path)
    assert "changed after the confirm images had been opened" in plan.exploratory
    assert plan.replaces == (first.sha256,)
    # asking the first question again does not make it unseen
    again = lock(plan_of(load_study("four-nine")), tmp_path)
    assert again.exploratory
    assert again.replaces == (first.sha256, plan.sha256)


def test_a_plan_altered_by_hand_is_found(tmp_path):
    lock(plan_of(load_study("four-nine")), tmp_path)
    stored = json.loads((tmp_path / "plan.json").read_text())
    stored["plan"]["study"]["judge"]["alpha"] = 0.2
    write_json(tmp_path / "plan.json", stored)
    with pytest.raises(PlanError, match="was altered"):
        load_plan(tmp_path)


def test_a_target_that_the_dataset_does_not_have():
    errors = {"cells": [{"true": i, "predicted": 1 - i} for i in (0, 1)]}
    study = load_study("four-nine")
    with pytest.raises(StudyError, match="4:9 is no cell of 'mnist', whose classes are 0 to 1"):
        target_of(study, errors)
    unnamed = study.model_copy(update={"target": None})
    assert target_of(unnamed, errors)[:2] == ((0, 1), "select")


MANY = """
title = "x"
seeds = [1, "a"]
target = "cat:dog"
fit_size = 3
[recipe]
model = "dense"
hidden = [0]
epochs = "x"
batch_size = 1.5
schedule = "zip"
learning_rate = -1
[arms.baseline]
drop = 1
[arms.b]
dropouts = [0.1, 2]
[judge]
alpha = 2
colour = 3
"""


def test_all_mistakes_are_said_at_once_and_in_our_words(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(MANY)
    with pytest.raises(StudyError) as caught:
        load_study(str(path))
    first, *lines = str(caught.value).splitlines()
    assert first == "study bad has 12 mistakes:"
    assert len(lines) == 12
    assert all(re.search(r"(correct it|no setting|choose among them)", line) for line in lines)
    assert not re.search(r"(?i)input |valid|parse|item", str(caught.value))
    assert "- arm b: dropouts.1 is 2, but must be below 1; correct it." in lines
    assert "- seeds.1 is 'a', but must be a whole number; correct it." in lines


def test_a_target_in_class_names(tmp_path):
    np.savez(
        tmp_path / "pets.npz", images=np.zeros((40, 4, 4), np.uint8), labels=["cat", "dog"] * 20
    )
    study = f'title = "Pets"\ndataset = "npz:{tmp_path}/pets.npz"\nseeds = [1]\npolicy = {POLICY}\n'
    path = tmp_path / "pets.toml"
    for target in ("dog:cat", " dog : cat"):
        path.write_text(study + f'target = "{target}"\n')
        assert load_study(str(path)).target == (1, 0)
    path.write_text(study + 'target = "dog:cow"\n')
    with pytest.raises(StudyError, match="no class 'cow'; the classes are cat, dog"):
        load_study(str(path))
