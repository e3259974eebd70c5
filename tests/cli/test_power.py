"""`misread power` as people use it, and the plan that is told its power before it trains."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.data.mnist import load_mnist
from misread.errors import PlanError
from misread.files import write_json
from misread.show.figures.power import power_figure
from misread.show.style import png
from misread.store import RunFolder
from misread.study.baseline import baseline_pilot
from misread.study.file import load_study
from misread.study.plan import Plan, load_plan, lock
from misread.study.planned import planned_power
from misread.study.run import _notes
from misread.study.task import Task

HASHES = ("0" * 64, "1" * 64)


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def power(*args):
    done = run("power", *args, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def errors_json(*, n_errors=30, smoke=False):
    """What ten seeds of four-nine leave on *select*, with one cell in place of ninety."""
    cell = {"true": 4, "predicted": 9, "mean": n_errors / 10, "rate": n_errors / 5842}
    cell |= {"rank": 1, "sd": 1.0, "seeds_present": 10, "mean_rank": 1.0, "chance_rank": 45.5}
    cell |= {"p_rank": 0.0, "q_rank": 0.0, "reverse_mean": 0.0, "asymmetry_p": 1.0}
    cell |= {"asymmetry_method": "", "images": []}
    return {
        "study": "four-nine",
        "smoke": smoke,
        "seeds": list(range(10)),
        "n_images_per_seed": [6000] * 10,
        "accuracy": [0.99] * 10,
        "cells": [cell | {"n_seeds": 10}],
    }


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(2000) % 10
    hard_N = rng.beta(0.3, 0.9, 2000)
    for name, share in (("pilot", 1.0), ("after", 0.6)):
        preds = np.tile(labels, (6, 1))
        preds[(rng.random((6, 2000)) < share * hard_N) & (labels == 4)] = 9
        np.savez(tmp_path / f"{name}.npz", labels=labels, predictions=preds)
    np.savez(tmp_path / "short.npz", labels=labels[:-6], predictions=preds[:, :-6])
    (tmp_path / "study").mkdir()
    write_json(tmp_path / "study" / "errors.json", errors_json())
    return tmp_path


def test_the_short_answer_comes_first(files):
    done = run("power", files / "pilot.npz", "--cell", "4:9")
    assert done.exit_code == 0
    first, second, *_ = done.output.splitlines()
    answer = power(files / "pilot.npz", "--cell", "4:9")
    assert first == answer["sentence"]
    assert first.startswith("6 seeds and 200 images find a fall of 4→9 by 30% (from ")
    assert second.startswith("Smallest fall found with power .80: ")
    assert "−30% *" in done.output
    assert "* 6" in done.output
    for line in answer["assumptions"]:
        assert f"- {line}" in done.output


def test_a_pilot_of_both_arms_and_another_design(files):
    answer = power(files / "pilot.npz", files / "after.npz", "--cell", "4:9", "--seeds", 12)
    assert answer["source"] == "readings of both arms"
    assert (answer["n_seeds"], answer["n_images"]) == (12, 200)
    more = power(files / "pilot.npz", files / "after.npz", "--cell", "4:9", "--images", 4000)
    assert more["n_images"] == 4000
    assert more["power"] > answer["power"]


def test_rates_in_any_writing_are_the_same():
    design = ("--images", 1000, "--seeds", 8)
    asked = [power(*given, *design) for given in (("--rate", "0.8%"), ("--rate", "0.008"))]
    counted = power("--errors", 8, *design, "--reduction", "30%")
    assert asked[0] == asked[1] == counted
    assert counted["rate"] == 0.008


def test_a_study_speaks_of_select_and_of_the_images_of_confirm(files):
    answer = power(files / "study")
    assert answer["source"] == "the baseline's errors on select"
    assert (answer["n_seeds"], answer["n_images"]) == (10, 982)
    assert answer["rate"] == pytest.approx(30 / 5842)
    held = baseline_pilot(files / "study", "4:9")[-1]
    study = load_study("four-nine", seeds=tuple(range(10)))
    told = planned_power(study, errors_json(), (4, 9), load_mnist()[1], held)
    assert json.loads(told.model_copy(update={"safe": None}).model_dump_json()) == answer


REFUSED = {
    "nothing given": "power",
    "two sources": "power {tmp}/pilot.npz --rate 1%",
    "a rate without images": "power --rate 1%",
    "a rate that is no share": "power --rate much --images 100",
    "a rate above one": "power --rate 200% --images 100",
    "more errors than images": "power --errors 200 --images 100",
    "no cell": "power {tmp}/pilot.npz",
    "no such class": "power {tmp}/pilot.npz --cell 44:9",
    "a cell without errors": "power {tmp}/pilot.npz --cell 9:4",
    "a reduction of everything": "power --rate 1% --images 100 --reduction 100%",
    "a power of nothing": "power --rate 1% --images 100 --power 0",
    "no alpha": "power --rate 1% --images 100 --alpha 0",
    "an alpha above a half": "power --rate 1% --images 100 --alpha 0.9",
    "an alpha that is no number": "power --rate 1% --images 100 --alpha nan",
    "a power without end": "power --rate 1% --images 100 --power inf",
    "an alpha of the judge": "judge {tmp}/pilot.npz {tmp}/after.npz --alpha 90%",
    "a reduction of the judge": "judge {tmp}/pilot.npz {tmp}/after.npz --reduction -inf",
    "other images after": "power {tmp}/pilot.npz {tmp}/short.npz --cell 4:9",
    "a missing file": "power {tmp}/nowhere.npz --cell 4:9",
    "a folder without a study": "power {tmp}",
    "a study that did not run here": "power four-nine",
    "a study's cell without errors": "power {tmp}/study --cell 9:4",
    "a study's cell that is none": "power {tmp}/study --cell 4:44",
    "a study and an after": "power {tmp}/study {tmp}/after.npz --cell 4:9",
}


def test_every_message_is_one_clear_sentence(files, snapshot, monkeypatch):
    monkeypatch.chdir(files)
    told = {}
    for name, command in REFUSED.items():
        done = run(*command.format(tmp=files).split())
        assert done.exit_code == 2, (name, done.output)
        assert "Traceback" not in done.output
        last = done.output.splitlines()[-1]
        assert last.startswith(("misread: ", "Error: ")), (name, done.output)
        told[name] = re.sub(r"[^\s']*" + re.escape(files.name), "TMP", last)
    assert told == snapshot


def test_help(snapshot):
    assert run("power", "--help").output == snapshot


def test_the_figure_is_the_same_bytes_and_says_the_finding(files):
    from misread.judge import pilot_from_rate, plan_power

    done = run("power", "--errors", 8, "--images", 982, "--figure", files / "a.png")
    assert done.exit_code == 0
    pilot = pilot_from_rate(8 / 982)
    figure = power_figure(plan_power(pilot, cell="the cell", n_images=982), pilot)
    assert (files / "a.png").read_bytes() == png(figure)
    assert figure.get_label() in done.output
    rare = pilot_from_rate(0.0005)
    hopeless = power_figure(plan_power(rare, cell="4→9", n_images=200), rare)
    assert "not even a fall to zero" in "".join(t.get_text() for t in hopeless.axes[1].texts)


# --- the plan ---------------------------------------------------------------------------------


def plan_of(answer):
    study = load_study("four-nine")
    return Plan(
        study=study,
        target=(4, 9),
        target_from="study file",
        target_on_select={"rank": 1},
        policies=study.policies((4, 9)),
        slices=(),
        dataset_sha256=HASHES,
        select_folds={42: 0, 123: 1, 456: 2},
        planned_power=answer,
    )


@pytest.fixture(scope="module")
def answer():
    told = planned_power(load_study("four-nine"), errors_json(), (4, 9), load_mnist()[1])
    assert told.warning
    return told


def test_two_directions_share_the_level_of_the_plan():
    study = load_study("four-nine")
    both = study.model_copy(
        update={"judge": study.judge.model_copy(update={"both_directions": True})}
    )
    one, two = (
        planned_power(asked, errors_json(), (4, 9), load_mnist()[1]) for asked in (study, both)
    )
    assert (one.alpha, two.alpha) == (0.05, 0.025)  # as the verdict's smallest detectable
    assert two.power < one.power


def test_a_plan_keeps_its_power_and_asks_the_same(answer, tmp_path):
    plan, plain = lock(plan_of(answer), tmp_path), plan_of(None)
    assert load_plan(tmp_path) == plan
    assert plan.planned_power == answer
    assert plan.question_sha256 == plain.question_sha256
    assert plan.sha256 != plain.sha256
    stored = json.loads((tmp_path / "plan.json").read_text())
    stored["plan"]["planned_power"]["power"] = 0.9
    write_json(tmp_path / "plan.json", stored)
    with pytest.raises(PlanError, match="altered"):
        load_plan(tmp_path)


def test_a_plan_from_before_there_was_a_planned_power_loads(answer, tmp_path):
    old = lock(plan_of(None), tmp_path)
    stored = json.loads((tmp_path / "plan.json").read_text())
    assert "planned_power" not in stored["plan"]
    write_json(tmp_path / "plan.json", stored)
    assert load_plan(tmp_path) == old
    assert lock(plan_of(answer), tmp_path) == old  # it asks the same, so it stays


def test_a_weak_plan_is_told_so_before_its_arms_train(answer, tmp_path):
    study = load_study("four-nine")
    folder = RunFolder(tmp_path, "baseline", 42)
    arms = [Task(folder, study.run("baseline", None, 42, 0, HASHES))]
    warning, safe, instead = _notes(plan_of(answer), arms)
    assert (warning, safe) == (answer.warning, answer.safe.short)
    assert instead.startswith("Going on takes 15 trainings. Instead: misread ")
    assert "misread errors" in instead
    strong = answer.model_copy(update={"power": 0.9, "hopeless": False})
    assert _notes(plan_of(strong), arms) == [answer.safe.short]
    assert _notes(plan_of(None), arms) == []
    smoke = plan_of(answer).model_copy(update={"study": load_study("four-nine", smoke=True)})
    assert _notes(smoke, arms) == []
    assert _notes(plan_of(answer), []) == []  # nothing is left to train


def test_a_target_without_errors_has_no_planned_power():
    assert planned_power(load_study("four-nine"), errors_json(), (9, 4), load_mnist()[1]) is None


def test_a_smoke_run_has_no_planned_power(rehearsal):
    plan = json.loads((rehearsal / "plan.json").read_text())["plan"]
    assert "planned_power" not in plan
    answer = power(rehearsal)
    assert answer["source"] == "the baseline's errors on select in a smoke run"
    assert answer["n_images"] < 250


def test_the_page_shows_what_the_command_prints(project, monkeypatch, tmp_path):
    """The same holds for the figure, as far as another machine draws the same bytes: not here."""
    page = (project / "docs/power.md").read_text("utf-8")
    command, told = re.search(r"```console\n\$ misread (.*?)\n(.*?)```", page, re.DOTALL).groups()
    monkeypatch.chdir(tmp_path)
    done = run(*command.split())
    assert [line.rstrip() for line in done.output.splitlines()] == told.splitlines()
    assert (tmp_path / command.split()[-1]).stat().st_size > 0
