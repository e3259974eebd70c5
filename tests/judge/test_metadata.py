"""Slices from a table beside the images: what was planted comes first, and chance stays chance."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.errors import DataError
from misread.judge import Predictions, align
from misread.judge.metadata import by_metadata
from misread.readers.convert import write_predictions
from misread.readers.metadata import read_metadata

N = 2000


@pytest.fixture(scope="module")
def planted():
    """Dark images (a number) are misread; camera and weather have nothing to do with it."""
    rng = np.random.default_rng(3)
    labels = np.arange(N) % 4
    light = rng.random(N)
    columns = {
        "light": [f"{value:.4f}" for value in light],
        "camera": rng.choice(["a", "b", "c"], N).tolist(),
        "weather": ["", *rng.choice(["sun", "rain"], N - 1).tolist()],
        "street": [f"s{n}" for n in rng.integers(0, 60, N)],
    }
    chance = np.where(light < 0.2, 0.3, 0.02)
    sides = []
    for scale in (1.0, 0.4):
        wrong = rng.random((5, N)) < chance * scale
        ids = [f"im{n}" for n in range(N)]
        preds = np.where(wrong, (labels + 1) % 4, labels)
        sides.append(Predictions.from_arrays(labels, preds, ids=ids, seeds=range(5)))
    return sides, columns


def test_what_was_planted_comes_first(planted):
    (before, after), columns = planted
    first, *others = by_metadata(align(before, after), columns)
    assert first.column == "light"
    assert first.names[first.worst.stratum] == "lowest fifth"
    assert first.explanation.q_value < 0.01
    assert first.worst.arms[1].change.high < 0
    assert {one.column for one in others} == {"camera", "weather", "street"}
    assert all(one.explanation.q_value > 0.01 for one in others)
    street = next(one for one in others if one.column == "street")
    assert street.names[-1] == "others"
    weather = next(one for one in others if one.column == "weather")
    assert sum(stratum.n_images for stratum in weather.strata) == N - 1


def test_one_cell_alone(planted):
    (before, after), columns = planted
    first, *_ = by_metadata(align(before, after), columns, cell=(2, 3))
    assert first.column == "light"
    assert sum(stratum.n_images for stratum in first.strata) == N // 4


def test_from_the_command_line(planted, tmp_path):
    sides, columns = planted
    for side, name in zip(sides, ("before", "after"), strict=True):
        write_predictions(side, tmp_path / f"{name}.npz")
    order = np.random.default_rng(0).permutation(N)
    lines = [",".join(["id", *columns])]
    lines += [",".join([f"im{n}", *(columns[c][n] for c in columns)]) for n in order]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines))
    files = [str(tmp_path / f"{name}.npz") for name in ("before", "after")]
    done = CliRunner().invoke(main, ["judge", *files, "--metadata", str(table)])
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert "4 columns looked through" in words
    assert words.index("light") < words.index("camera")
    done = CliRunner().invoke(main, ["judge", *files, "--metadata", str(table), "--json"])
    assert json.loads(done.stdout)[0]["column"] == "light"
    gated = ["judge", *files, "--cell", "2:3", "--metadata", str(table), "--gate", "--json"]
    assert CliRunner().invoke(main, gated).exit_code == 2
    table.write_text("\n".join(lines[:-1]))
    done = CliRunner().invoke(main, ["judge", *files, "--metadata", str(table)])
    assert (done.exit_code, "has no row for 1 images" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no column"),
        ("id\n0\n", "there is no column"),
        ("id,a\n0,1\n0,1\n1,2\n", "an image twice"),
        ("a\n1\n", "1 rows for 2 images"),
        ("a,b\n1\n", "line 2 has another number of fields"),
    ],
)
def test_tables_that_are_refused(text, sentence, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_metadata(path, Predictions.from_arrays([0, 1], [[0, 1]]))
