"""What the docs say is what the stored readings give."""

import re

import numpy as np
import pytest

from misread.judge import two_way
from misread.show import words

STUDY = "four-nine"


@pytest.fixture
def readings(project):
    return dict(np.load(project / "docs/results" / f"{STUDY}-readings.npz", allow_pickle=False))


@pytest.fixture
def pages(project):
    results = (project / "docs/results" / f"{STUDY}.md").read_text("utf-8")
    return {"README.md": (project / "README.md").read_text("utf-8"), "results": results}


ARMS = ("baseline", "documented", "one-sided", "swapped", "both")


def test_the_readings_are_those_of_at_least_ten_seeds(readings):
    from misread.data.mnist import load_mnist

    assert np.array_equal(readings["labels"], load_mnist()[1].labels_N)
    assert len(readings["seeds"]) >= 10
    for arm in ARMS:
        assert readings[arm].shape == (len(readings["seeds"]), 10_000)
        assert readings[arm].dtype == np.uint8


def row_of(page, arm):
    """Cells of the arm's row in the table of results."""
    line = re.search(rf"^\| {arm} \|.*$", page, re.MULTILINE)
    assert line, f"no row for {arm}"
    return [cell.strip().strip("*") for cell in line.group().strip("|").split("|")]


@pytest.mark.parametrize("name", ["README.md", "results"])
@pytest.mark.parametrize("arm", ARMS)
def test_the_table_is_what_the_readings_give(readings, pages, name, arm):
    labels_N, fours_N = readings["labels"], readings["labels"] == 4
    heads = row_of(pages[name], "Arm")
    row = dict(zip(heads, row_of(pages[name], arm), strict=True))
    assert row["Accuracy"] == f"{(readings[arm] == labels_N).mean():.2%}"
    errors = {a: (readings[a][:, fours_N] == 9).sum(axis=1).mean() for a in ("baseline", arm)}
    if arm == "baseline":
        assert row["4→9 per seed"] == f"{errors[arm]:.1f}"
    else:
        told = row["4→9 per seed"]
        assert told.startswith(f"{errors['baseline']:.1f} → {errors[arm]:.1f}")
        before, after = ((readings[a][:, fours_N] == 9).astype(int) for a in ("baseline", arm))
        effect = two_way(after - before)
        assert row["Interval, p"].startswith(words.interval(effect, int(fours_N.sum())))
    thin = (readings[f"erode 2 px · 4 {arm}"] == 9).mean()
    assert row["4→9, erode 2 px"] == words.percent(float(thin))


def test_every_picture_and_page_that_the_docs_name_is_there(project):
    for page in (project / "README.md", *sorted((project / "docs").rglob("*.md"))):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name} names {link}"


def test_python_in_the_readme_is_python(project):
    blocks = re.findall(
        r"```python\n(.*?)```", (project / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert blocks
    for block in blocks:
        compile(block, "README.md", "exec")


def test_the_example_of_the_readme_runs(project, readings):
    """The Python example, with the stored readings in place of a user's own."""
    blocks = re.findall(
        r"```python\n(.*?)```", (project / "README.md").read_text("utf-8"), re.DOTALL
    )
    (example,) = (block for block in blocks if "judge(" in block)
    own = readings["erode 2 px · 4 ids"]
    names = {
        "labels_N": readings["labels"],
        "before_SN": readings["baseline"],
        "after_SN": readings["documented"],
        "labels_M": readings["labels"][own],
        "before_SM": readings["erode 2 px · 4 baseline"],
        "after_SM": readings["erode 2 px · 4 documented"],
    }
    exec(example, names)  # noqa: S102  our own README
    assert names["verdict"].verdict == "HARM"
