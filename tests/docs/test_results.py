"""What the docs say is what the stored readings give."""

import re

import numpy as np
import pytest
from scipy import stats

from arrays import verdict_of
from markdown_pages import blocks
from misread import wording

STUDY = "four-nine"


@pytest.fixture
def readings(project):
    return dict(np.load(project / "docs/results" / f"{STUDY}-readings.npz", allow_pickle=False))


@pytest.fixture
def pages(project):
    results = (project / "docs/results" / f"{STUDY}.md").read_text("utf-8")
    return {"README.md": (project / "README.md").read_text("utf-8"), "results": results}


HEADS_OF_README = (
    *("Arm", "Accuracy", "4→9 per seed", "Interval, p", "4→9, erode 2 px", "Verdict"),
)
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
    heads = HEADS_OF_README if name == "README.md" else row_of(pages[name], "Arm")
    row = dict(zip(heads, row_of(pages[name], arm), strict=True))
    assert row["Accuracy"] == f"{(readings[arm] == labels_N).mean():.2%}"
    errors = {a: (readings[a][:, fours_N] == 9).sum(axis=1).mean() for a in ("baseline", arm)}
    if arm == "baseline":
        assert row["4→9 per seed"] == f"{errors[arm]:.1f}"
    else:
        told = row["4→9 per seed"]
        assert told.startswith(f"{errors['baseline']:.1f} → {errors[arm]:.1f}")
        (cell,) = verdict_of(
            labels_N,
            readings["baseline"],
            readings[arm],
            cells=[(4, 9)],
            groups_N=readings.get("groups"),
        ).cells
        assert row["Interval, p"].startswith(wording.interval(cell.effect, cell.n_images))
    thin = (readings[f"erode 2 px · 4 {arm}"] == 9).mean()
    assert row["4→9, erode 2 px"] == wording.percent(float(thin))


def test_what_is_said_of_the_documented_result_is_what_the_readings_give(readings, pages):
    """The prose above the results: does 99.25% reproduce, and does 4→9 fall to zero."""
    page = " ".join(pages["results"].split())
    accuracy_S = (readings["baseline"] == readings["labels"]).mean(axis=1)
    n_seeds, mean, sd = len(accuracy_S), accuracy_S.mean(), accuracy_S.std(ddof=1)
    # The documented figure is itself a mean of three seeds.
    half = stats.t.ppf(0.975, n_seeds - 1) * sd * (1 / n_seeds + 1 / 3) ** 0.5
    answer = "Yes" if mean - half <= 0.9925 <= mean + half else "No"
    assert (
        f"Does 99.25% reproduce? {answer}.** The baseline reads {mean:.2%} ± {100 * sd:.2f}" in page
    )
    assert f"lies with 95% in {mean - half:.2%} to {mean + half:.2%}" in page
    before_S, after_S = (
        (readings[arm][:, readings["labels"] == 4] == 9).sum(axis=1)
        for arm in ("baseline", "documented")
    )
    assert (
        f"In {(after_S == 0).sum()} of {n_seeds} seeds to zero.** The baseline makes "
        f"{before_S.mean():.1f} such errors a seed ({before_S.min()} to {before_S.max()}), the "
        f"documented policy {after_S.mean():.1f} ({after_S.min()} to {after_S.max()})"
    ) in page


def test_every_block_is_of_a_study_and_the_page_names_its_command(project):
    pages = (project / "README.md", *sorted((project / "docs").rglob("*.md")))
    n_blocks = 0
    for page in pages:
        text = page.read_text("utf-8")
        for name in blocks(text):
            n_blocks += 1
            command = f"misread report runs/{name} --markdown {page.relative_to(project)}"
            assert command in text or page.name == "README.md"
    assert n_blocks >= 6


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
