"""The names at the top of the package, and what a notebook shows of them."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import misread
from misread.judge import pilot_from_counts

ASK = """
import sys
from misread import Predictions, judge_fix
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def sides():
    labels = np.arange(4000) % 4
    before = np.tile(labels, (5, 1))
    before[:, :400][:, labels[:400] == 1] = 2
    names = ["<b>", "cat", "dog", "cow"]
    return [
        misread.Predictions.from_arrays(labels, preds, class_names=names)
        for preds in (before, np.tile(labels, (5, 1)))
    ]


def test_every_name_is_there_and_typed():
    stub = Path(misread.__file__).with_suffix(".pyi").read_text()
    typed = {*re.findall(r" as (\w+)$|^def (\w+)", stub, re.MULTILINE)}
    typed = {imported or defined for imported, defined in typed}
    assert typed == set(misread.__all__) - {"__version__"}
    assert all(getattr(misread, name) for name in misread.__all__)
    assert set(misread.__all__) <= set(dir(misread))
    with pytest.raises(AttributeError, match="no attribute 'judge_it'; there are Arm, "):
        _ = misread.judge_it


def test_they_load_lazily():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert not {"matplotlib", "polars", "keras", "tensorflow", "rich"} & set(done.stdout.split())


def test_the_judge_does_not_collide_with_its_package():
    from misread import judge_fix
    from misread.judge import judge

    assert judge_fix is judge


def test_what_a_notebook_shows(sides):
    verdict = misread.judge_fix(*sides, cells=["cat:dog"])
    (found,) = misread.survey(sides[0], [sides[1]])
    power = misread.plan_power(
        pilot_from_counts(50, 5000, 5, "a test"),
        cell="cat→dog",
        n_seeds=5,
        n_images=1000,
        reduction=0.3,
    )
    atlas = misread.atlas(sides[0].labels_N, sides[0].preds_SN)
    study = misread.load_study("four-nine")
    for thing in (verdict, found, power, atlas, study):
        html = thing._repr_html_()
        assert "<table" in html
        assert "<b>cat" not in html
        assert "<script" not in html
        assert len(repr(thing)) < 400
    assert "&lt;b&gt;" in verdict._repr_html_()
    assert repr(sides[0]) == "Predictions(5 seeds, 4,000 images, 4 classes)"
    assert repr(verdict).startswith("Verdict(REDUCED")
    assert misread.Margins()._repr_html_() is None
