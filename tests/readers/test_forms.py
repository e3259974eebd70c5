"""One set of readings in every form: read as it was meant, or refused; never something else."""

import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from misread.cli import main
from misread.errors import JudgeError
from misread.judge import Predictions, judge
from misread.readers.read import read_predictions

PROJECT = Path(__file__).parents[2]
CASES = PROJECT / "tests" / "cases"
sys.path.insert(0, str(PROJECT / "tools"))
from forms import FORMS, ODDITIES, READ, REFUSED, outcome  # noqa: E402

NPZ = [form for form in FORMS if form not in ("csv.gz", "parquet")]


@given(st.sampled_from(NPZ), st.sampled_from(list(ODDITIES)), st.integers(0, 10**6))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_form_with_any_oddity(form, oddity, seed):
    what, sentence = outcome(form, oddity, seed)
    assert what != "wrong", f"{form}, {oddity}: {sentence}"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form):
    assert outcome(form, "plain numbers")[0] == READ
    assert outcome(form, "id is 'nan'")[0] == REFUSED


@pytest.mark.parametrize(
    ("before", "after", "cell", "values"),
    [
        ("ok_before.npz", "ok_after.npz", "4:9", (4.5, 1.75)),
        ("ok_before.csv", "ok_after.csv", "4:9", (4.5, 1.75)),
        ("f01_before.npz", "f01_after.npz", "4:9", (4.5, 1.75)),
        ("f02_before.npz", "f02_after.npz", "1:0", (6.75, 1.0)),
        ("f05_before.csv", "f05_after.csv", "eel:jay", (4.5, 1.75)),
        ("f05s_before.csv", "f05s_after.csv", "4:9", (4.5, 1.75)),
        ("f07_before.npz", "f07_after.csv", "4:9", None),
        ("f18_seed.csv", "ok_after.csv", "4:9", (4.5, 1.75)),
        ("f18_id.csv", "ok_after.csv", "4:9", (4.5, 1.75)),
        ("f19_onehot.npz", "ok_after.npz", "4:9", (4.5, 1.75)),
        ("f21.tsv", "ok_after.csv", "4:9", (4.5, 1.75)),
    ],
)
def test_what_people_have_gives_the_right_numbers(before, after, cell, values):
    sides = [read_predictions(CASES / name) for name in (before, after)]
    verdict = judge(*sides, cells=[cell])
    found = verdict.cells[0]
    if values is None:  # one side without ids: as if both had some, or none
        pure = judge(*(read_predictions(CASES / f"f07_{s}.npz") for s in ("before", "after")),
                     cells=[cell])  # fmt: skip
        assert found.p_holm == pure.cells[0].p_holm
        assert verdict.verdict == pure.verdict
    else:
        assert (found.before_images, found.after_images) == pytest.approx(values)
    assert verdict.warnings == ()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("f03_before.npz", "f03_after.npz", "words of the labels"),
        ("f04_before.npz", "f04_after.npz", "labels hold class 10"),
        ("f04n_before.npz", "f04n_after.npz", "11 class names"),
        ("f16.csv", "ok_after.csv", "columns that occur more than once"),
        ("f17_before.csv", "f17_after.csv", "'nan' or the like in 40 of 800 rows"),
    ],
)
def test_what_nobody_can_know_is_refused(before, after, words):
    arguments = ["judge", str(CASES / before), str(CASES / after), "--cell", "4:9"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert words in done.output
    assert done.output.count("\n") == 1


def test_the_pictures_of_a_table_are_those_of_its_rows():
    side = read_predictions(CASES / "f07_before.csv")
    lines = (CASES / "f07_before.csv").read_text().splitlines()[1 : side.n_images + 1]
    assert side.ids.tolist() == [line.split(",")[1] for line in lines]


def test_without_ids_images_must_have_one_order():
    labels, read = np.arange(6) % 3, np.arange(6) % 3
    frame = {
        "seed": [1] * 6 + [2] * 6,
        "id": [*range(6), *range(5, -1, -1)],
        "label": [*labels, *labels[::-1]],
        "prediction": [*read, *read[::-1]],
    }
    import polars as pl

    table = Predictions.from_frame(pl.DataFrame(frame))
    assert not table.in_file_order
    plain = Predictions.from_arrays(labels, [read, read])
    with pytest.raises(JudgeError, match="nobody knows which image is which"):
        judge(plain, table, cells=[(0, 1)])


def test_blank_lines_before_a_table_are_no_columns(tmp_path):
    text = (CASES / "ok_before.csv").read_text().replace(",", ";")
    (tmp_path / "blank.csv").write_text("\n\r\n" + text)
    read, plain = (read_predictions(p) for p in (tmp_path / "blank.csv", CASES / "ok_before.csv"))
    assert (read.preds_SN == plain.preds_SN).all()
