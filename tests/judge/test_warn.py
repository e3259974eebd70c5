"""Readings that look wrong as they came in are a warning on the first line, never silence."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from misread.errors import JudgeError
from misread.judge import Predictions, Verdict, align, judge
from misread.judge.collateral import measure_collateral
from misread.judge.survey import survey
from misread.show.render import verdict_markdown, verdict_text
from misread.show.survey import survey_markdown, survey_warnings
from misread.show.words import alarm_lines

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 10, 300)
READ = np.where(RNG.random((3, 300)) < 0.9, LABELS, RNG.integers(0, 10, (3, 300)))


def verdict(before, after=READ, labels=LABELS):
    sides = (Predictions.from_arrays(labels, part) for part in (before, after))
    return judge(*sides, cells=[(4, 9)])


def test_good_readings_raise_no_alarm():
    good = verdict(READ, after=np.where(READ == 3, LABELS, READ))
    assert good.warnings == ()
    assert good.model_dump(mode="json")["warnings"] == []


@pytest.mark.parametrize(
    ("before", "labels", "words"),
    [
        ((READ + 1) % 10, LABELS, "Accuracy before is 0.9%"),
        (READ[:, ::-1], LABELS, "10.3% is what chance gives"),
        (np.vstack([READ[:2], READ[2:, ::-1]]), LABELS, "Accuracy before (seeds 2) is"),
        (READ * 0, LABELS, "Of 10 classes that occur, 9 are never predicted before"),
        (READ + 10, LABELS, "No reading before is right"),
        (READ, np.where(LABELS == 3, 255, LABELS), "No class number between 9 and 255 occurs"),
    ],
)
def test_what_is_probably_a_mistake_stands_first(before, labels, words):
    found = verdict(before, labels=labels)
    assert any(words in text for text in found.warnings), found.warnings
    assert verdict_text(found).startswith("WARNING: ")
    assert verdict_markdown(found).startswith("**WARNING: ")


def test_each_side_of_a_survey_has_a_name():
    sides = [Predictions.from_arrays(LABELS, READ)] * 3
    with pytest.raises(JudgeError, match="names: 2 given and 3 needed; give one per side"):
        survey(sides[0], sides[1:])


def test_without_a_cell_the_same_alarms_stand_first():
    sides = [Predictions.from_arrays(LABELS, preds) for preds in (READ, READ + 10)]
    (found,) = survey(sides[0], [sides[1]])
    assert found.warnings == judge(*sides, cells=["4:9"]).warnings
    (line,) = survey_warnings([found])
    assert line.startswith("WARNING: No reading after is right")
    assert survey_markdown([found]).startswith(f"**{line}**")


def test_the_alarms_of_a_study_are_said_once_with_their_arms():
    side = Predictions.from_arrays(LABELS, READ)
    alike = judge(side, side, cells=["4:9"])
    lines = alarm_lines(
        SimpleNamespace(
            verdicts={"one": alike, "two": alike, "good": verdict(LABELS[None].repeat(3, 0))}
        )
    )
    (line,) = lines
    assert line.startswith("WARNING: one and two: before and after read every image")


@pytest.mark.parametrize(
    ("labels", "preds", "words"),
    [
        (["Cat", "dog"], [["cat", "dog"]], "is called 'Cat' .* and 'cat'"),
        (["07", "08"], [["7", "8"]], "is called '07' .* and '7'"),
        (["cat", "dog"], [[0, 1]], "words of the labels"),
        (["cat", "dog"], [["chat", "chien"]], "no class of the labels"),
        (["cat", "none"], [["cat", "cat"]], "'none' stands only among the labels"),
    ],
)
def test_classes_that_do_not_meet_are_refused(labels, preds, words):
    with pytest.raises(JudgeError, match=words):
        Predictions.from_arrays(labels, preds)


def test_of_very_many_classes_what_hardly_changed_shares_an_item():
    rng = np.random.default_rng(0)
    labels = np.arange(12_500) % 2500
    before, after = (
        np.where(rng.random((5, labels.size)) < 0.7, labels, rng.integers(2500, size=labels.size))
        for _ in range(2)
    )
    before[:, 4] = 9
    sides = [Predictions.from_arrays(labels, part) for part in (before, after)]
    found = judge(*sides, cells=["4:9"])
    written = json.dumps(found.model_dump(mode="json"), indent=2)
    assert len(written) < 2e6
    (others,) = (item for item in found.collateral if item.name.startswith("any of 6,2"))
    scan = measure_collateral(align(*sides), [(4, 9)], margins=found.margins, alpha=found.alpha)
    listed = {item.name for item in found.collateral}
    folded = [item for item in scan.items if item.kind == "cell" and item.name not in listed]
    assert others.covers == sum(item.covers for item in folded)
    assert others.upper == max(item.upper for item in folded)
    assert min(item.effect.p_value for item in folded) >= 0.05
    n_cells = sum(item.covers for item in found.collateral if item.kind == "cell")
    assert n_cells == 2500 * 2499  # less the target, and one for all others together
    assert found.n_items == 1 + 2500 + 1  # accuracy, recalls, all other cells
    assert Verdict.model_validate_json(written) == found
