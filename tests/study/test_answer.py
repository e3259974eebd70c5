"""The answer in one line, the same in verdict.json, on the terminal and on the page."""

import json
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.cli.options import whole_numbers
from misread.judge import pilot_from_rate, plan_power
from misread.judge.trade import Bargain, Trade
from misread.study.answer import (
    alternatives_of,
    answer_of,
    item_in_words,
    next_step,
    settling_of,
    worst_item,
)
from misread.study.workload import Cost
from verdict_cases import cases


def test_the_answer_needs_no_glossary():
    found = cases()
    verdicts = {name: found[name] for name in ("harm-by-slice", "underpowered")}
    answer = answer_of(verdicts)
    assert answer.startswith("None of two fixes is shown to make 4s read as 9s rarer.")
    assert (
        "One does harm: harm-by-slice (4s thinned (erode 2 px) read as 9s, 0.57% → 2.47%)."
        in answer
    )
    assert answer_of({"after": found["reduced"]}).startswith("The fix makes 0s read as 1s rarer: ")
    both = answer_of({"a": found["reduced"], "b": found["not-shown"]})
    assert both.startswith("One of two fixes makes 0s read as 1s rarer: a ")
    assert answer_of({}) == ""
    undetermined = answer_of({"after": found["reduced-undetermined"]})
    assert "what it breaks is not known well enough" in undetermined


def bargained(answer):
    """Return the verdict on a fix that holds, with what the reverse says of it."""
    verdict = cases()["reduced"]
    trade = Trade(answer=answer, excess=0.0, low=-0.1, high=0.1, price=0.01, p_value=1.0)
    cell = verdict.cells[0].model_copy(update={"trade": trade})
    qualifier = {"traded": "traded for its reverse", "learned": ""}.get(answer, "perhaps traded")
    return verdict.model_copy(update={"cells": (cell,), "qualifier": qualifier})


def test_a_trade_does_not_read_as_a_fix():
    holds, traded, perhaps = map(bargained, Bargain)
    said = answer_of({"a": holds, "b": traded})
    assert said.startswith("One of two fixes makes 0s read as 1s rarer: a ")
    assert "b only trades them for 1s read as 0s: " in said
    alone = answer_of({"b": traded})
    assert alone.startswith("The fix is not shown to make 0s read as 1s rarer. It only trades them")
    assert "but it may only have traded them for 1s read as 0s: " in answer_of({"c": perhaps})


def test_of_two_directions_the_one_that_decides_is_named():
    verdict = cases()["reduced"]
    fell = verdict.cells[0]
    rise = {"estimate": 0.004, "low": 0.001, "high": 0.007}
    grew = fell.model_copy(
        update={
            "name": "1→0",
            "before": 0.001,
            "after": 0.005,
            "effect": replace(fell.effect, **rise),
            "p_value": 0.01,
        }
    )
    harm = verdict.model_copy(update={"verdict": "HARM", "cells": (fell, grew), "collateral": ()})
    assert "It does harm: a (1s read as 0s, 0.10% → 0.50%)." in answer_of({"a": harm})
    other = fell.model_copy(update={"name": "1→0", "p_value": 0.1})
    worse = fell.model_copy(update={"p_value": 0.15})
    open_ = verdict.model_copy(update={"verdict": "UNDERPOWERED", "cells": (worse, other)})
    assert "hint, and no more: a, 1s read as 0s, " in answer_of({"a": open_})


def test_the_worst_item_is_said_in_words():
    item = worst_item(cases()["harm-by-slice"])
    assert item is not None
    assert item_in_words(item) == "4s thinned (erode 2 px) read as 9s"


def test_what_is_open_has_a_next_command_with_its_cost():
    verdict = cases()["underpowered"]
    cell = verdict.cells[0].model_copy(update={"seeds_needed": 14})
    verdict = verdict.model_copy(update={"cells": (cell,), "verdict": "UNDERPOWERED"})
    cost = Cost({"baseline": 1, "both": 2}, {"baseline": 20.0, "both": 20.0})
    said = next_step("four-nine", {"both": verdict}, tuple(range(10)), cost)
    listed = re.search(r"--seeds ([\d,-]+)", said)
    assert listed is not None
    assert whole_numbers(None, None, listed.group(1)) == tuple(range(14))
    assert listed.group(1) == "0-13"
    assert "(8 trainings more, about 4 minutes of one core)" in said
    planned = plan_power(pilot_from_rate(0.01), cell="4→9", n_seeds=4, n_images=4000)
    instead = alternatives_of("four-nine", "runs/x", planned, (1, 2, 3), ["both"] * 6, cost)
    assert instead.startswith("Going on takes 6 trainings, about 4 minutes of one core. Instead: ")
    assert f"{2 * (planned.seeds_needed - 3)} trainings more, about " in instead
    assert "misread power runs/x --reduction 0." in instead
    assert next_step("four-nine", {"a": cases()["reduced"]}, (1,), None) == ""


@pytest.mark.usefixtures("no_figures")
def test_terminal_page_and_file_begin_alike(rehearsal):
    answer = json.loads((rehearsal / "verdict.json").read_text())["answer"]
    assert answer
    assert next(iter(json.loads((rehearsal / "verdict.json").read_text()))) == "answer"
    page = CliRunner().invoke(main, ["report", str(rehearsal)])
    assert page.exit_code == 0, page.output
    html = (rehearsal / "report.html").read_text()
    lead = re.search(r'<p class="lead">(.*?)</p>', html)
    assert lead is not None
    assert lead.group(1).rstrip(".") == answer.rstrip(".")


def test_open_items_are_said_with_what_would_settle_them():
    verdict = cases()["reduced-undetermined"]
    assert settling_of(verdict).count(" with ") >= 1
    assert settling_of(cases()["reduced"]) == ""
