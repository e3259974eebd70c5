"""Verdicts as assertions: what a model's own test suite is told, and when it fails."""

import re
import runpy
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from misread.errors import JudgeError
from misread.judge import Margins
from misread.judge.predictions import Predictions
from misread.testing import UndeterminedWarning, assert_no_harm, assert_reduced

LABELS_N = np.repeat([4, 9, 0], [1000, 1000, 1000])
WIDE = Margins(accuracy=0.02, recall=0.03, cell=0.03)


def with_errors(*n_wrong, labels_N=LABELS_N):
    """Return a row per number: so many fours read as nines, other ones in each row."""
    rows = np.tile(labels_N, (len(n_wrong), 1))
    for s, n in enumerate(n_wrong):
        rows[s, 7 * s : 7 * s + n] = 9
    return rows


def wide(frame_type, rows):
    return frame_type({f"seed {s}": row for s, row in enumerate(rows)})


def long(frame_type, rows):
    n_seeds, n_images = rows.shape
    return frame_type(
        {
            "seed": np.repeat(np.arange(n_seeds), n_images),
            "id": np.tile(np.arange(n_images), n_seeds),
            "label": np.tile(LABELS_N, n_seeds),
            "prediction": rows.ravel(),
        }
    )


def saved(folder, rows):
    path = folder / f"{len(list(folder.iterdir()))}.npz"
    np.savez(path, labels=LABELS_N, predictions=rows)
    return path


def test_a_grown_confusion_fails_and_the_message_says_what_grew():
    with pytest.raises(AssertionError) as caught:
        assert_no_harm(with_errors(5), with_errors(80), ["4:9"], labels=LABELS_N)
    told = str(caught.value)
    first, blank, word, *_ = told.splitlines()
    assert first == "4→9, recall of 4 and accuracy got worse."
    assert (blank, word) == ("", "HARM, these two models only · after")
    assert "5.0 → 80.0 of 1,000 images" in told
    assert "says nothing about training" in told
    assert re.search(r"recall of 4 +harmed +99.50% → 92.00%", told)


def test_a_new_error_or_two_is_no_harm():
    verdict = assert_no_harm(
        with_errors(5), with_errors(7), ["4:9"], labels=LABELS_N, margins=WIDE, undetermined="fail"
    )
    assert verdict.cells[0].p_value > 0.05
    assert verdict.cells[0].mcnemar_midp == verdict.cells[0].p_value


@pytest.mark.parametrize("choice", ["fail", "warn", "ok"])
def test_what_cannot_be_told_is_told_as_asked(choice):
    def call():
        return assert_no_harm(
            with_errors(5), with_errors(9), ["4:9"], labels=LABELS_N, undetermined=choice
        )

    open_ = r"Whether anything got worse is open: 4→9 may have grown by up to 8\.8 images per seed"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if choice == "ok":
            assert call().verdict != "HARM"
        elif choice == "fail":
            with pytest.raises(AssertionError, match=open_ + r" \(margin 0.50%: 5.0\)"):
                call()
        else:
            with pytest.raises(UndeterminedWarning, match=open_):
                call()


def test_the_warning_points_at_the_caller():
    with pytest.warns(UndeterminedWarning) as caught:
        assert_no_harm(with_errors(5), with_errors(9), ["4:9"], labels=LABELS_N)
    assert caught[0].filename == __file__


def test_a_reduction_is_held():
    before, after = with_errors(40, 44, 38, 41, 45), with_errors(3, 2, 4, 3, 2)
    verdict = assert_reduced(before, after, "4:9", labels=LABELS_N)
    assert verdict.verdict == "REDUCED"
    with pytest.raises(AssertionError, match="it is not shown that 4→9 was reduced") as caught:
        assert_reduced(before, before, "4:9", labels=LABELS_N)
    assert "NOT SHOWN · after" in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda rows, _: {"labels": LABELS_N, "side": rows},
        lambda rows, _: {"labels": LABELS_N.astype(str), "side": rows.astype(str)},
        lambda rows, _: {"labels": LABELS_N, "side": wide(pd.DataFrame, rows)},
        lambda rows, _: {"labels": LABELS_N, "side": wide(pl.DataFrame, rows)},
        lambda rows, _: {"side": long(pd.DataFrame, rows)},
        lambda rows, _: {"side": long(pl.DataFrame, rows)},
        lambda rows, _: {"side": Predictions.from_arrays(LABELS_N, rows)},
        lambda rows, folder: {"side": saved(folder, rows)},
        lambda rows, folder: {"side": str(saved(folder, rows))},
    ],
    ids=["ints", "texts", "wide", "wide-pl", "long", "long-pl", "predictions", "path", "str"],
)
def test_every_kind_of_side_gives_the_same_verdict(make, tmp_path):
    rows = with_errors(5, 7, 6), with_errors(6, 6, 6)
    before, after = (make(row_SN, tmp_path) for row_SN in rows)
    verdict = assert_no_harm(
        before["side"],
        after["side"],
        [("4", "9"), "9:4"],
        labels=before.get("labels"),
        margins=WIDE,
        undetermined="ok",
    )
    assert [cell.name for cell in verdict.cells] == ["4→9", "9→4"]
    assert verdict.cells[0].before_per_seed == (5, 7, 6)
    assert verdict.cells[0].after_per_seed == (6, 6, 6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"labels": None}, r"ndarray, has no labels; give them as labels=\[N\]"),
        ({"before": "file.npz"}, "a str, has labels of its own; leave `labels` out"),
        ({"cells": "4:9"}, "give a list of them"),
        ({"cells": (4, 9)}, "give a list of them"),
        ({"undetermined": "maybe"}, "allowed are 'fail', 'warn' and 'ok'"),
    ],
)
def test_misuse_is_an_error_and_no_failed_assertion(change, told):
    given = {
        "before": with_errors(5),
        "after": with_errors(5),
        "cells": ["4:9"],
        "labels": LABELS_N,
    }
    with pytest.raises(JudgeError, match=told):
        assert_no_harm(**given | change)


def test_training_again_seldom_raises_an_alarm(project):
    """Ten baselines of four-nine, each against each other: the number that docs/judge.md gives."""
    with np.load(project / "docs/results/four-nine-readings.npz") as kept:
        labels_N, reads_SN = kept["labels"], kept["baseline"]
    alarms = 0
    pairs = [(i, j) for i in range(10) for j in range(10) if i != j]
    for i, j in pairs:
        try:
            assert_no_harm(reads_SN[i], reads_SN[j], ["4:9"], labels=labels_N, undetermined="ok")
        except AssertionError:
            alarms += 1
    page = " ".join((project / "docs/judge.md").read_text("utf-8").split())
    assert f"raised a false alarm in {alarms} of {len(pairs)} comparisons" in page
    assert alarms / len(pairs) < 0.05


def test_no_test_runner_comes_along():
    command = "import misread.testing, sys; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


@pytest.fixture(scope="module")
def model_repository(project, tmp_path_factory):
    """Return a copy of docs/examples with predictions made as its workflow makes them."""
    folder = tmp_path_factory.mktemp("repository") / "model"
    shutil.copytree(project / "docs/examples", folder)
    subprocess.run([sys.executable, "predict.py", "candidate.npz"], cwd=folder, check=True)
    return folder


def test_the_example_passes_on_the_same_model(model_repository):
    example = runpy.run_path(str(model_repository / "test_no_new_confusion.py"))
    example["test_no_new_confusion"]()  # a warning would be an error here


def test_the_example_fails_on_a_worse_model(model_repository):
    path = model_repository / "candidate.npz"
    arrays = dict(np.load(path))
    hit_SN = (arrays["labels"] == 1) & (np.random.default_rng(0).random((3, 897)) < 0.3)
    np.savez(path, **arrays | {"predictions": np.where(hit_SN, 9, arrays["predictions"])})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=model_repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.search(r"AssertionError: 1→9.* got worse\.", done.stdout)
    assert "testing.py" not in done.stdout, "the failure points at the model's own test"
