"""What docs/results/dense-four.md says is what the stored readings give."""

import re

import numpy as np
import pytest

from misread.judge import holm, two_way
from misread.study.claims import standing
from misread.study.comparison import load_any
from misread.wording import number, p_value, percent, points

STUDY = load_any("dense-four")
ARMS = tuple(STUDY.arms)


@pytest.fixture(scope="module")
def readings(project):
    path = project / "docs/results/dense-four-readings.npz"
    assert path.stat().st_size < 200_000
    return dict(np.load(path, allow_pickle=False))


@pytest.fixture(scope="module")
def page(project):
    return (project / "docs/results/dense-four.md").read_text("utf-8")


def rows_of(page, head):
    """Cells of the rows of the first table after the heading."""
    table = page[page.index(head) :].split("\n\n| ", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in table.split("\n")]


def test_there_are_ten_seeds_and_the_whole_test_set(readings):
    from misread.data.mnist import load_mnist

    assert np.array_equal(readings["labels"], load_mnist()[1].labels_N)
    assert len(readings["seeds"]) >= 10
    for arm in ARMS:
        assert readings[arm].shape == (len(readings["seeds"]), 10_000)
        assert readings[arm].dtype == np.uint8


LATE = (("", "## The four networks", 1), ("-long", "epochs (10 seeds):", 2))


@pytest.fixture(params=LATE, ids=["as documented", "trained longer"])
def training(request, readings):
    if f"exp1{request.param[0]}" not in readings:
        pytest.skip("the page tells of no longer training")
    return request.param


def test_the_tables_of_networks(readings, page, training):
    late, head, _ = training
    rows = {row[0]: row for row in rows_of(page, head)[2:]}
    for arm in ARMS:
        accuracy_S = (readings[arm + late] == readings["labels"]).mean(axis=1)
        error = two_way((readings[arm + late] != readings["labels"]).astype(int))
        fit_S = readings[f"{arm}{late} fit"]
        assert rows[arm][3] == f"{percent(accuracy_S.mean())} ± {100 * accuracy_S.std(ddof=1):.2f}"
        assert rows[arm][4] == f"{100 - 100 * error.high:.2f} to {100 - 100 * error.low:.2f}%"
        assert rows[arm][5] == percent(fit_S.mean())
        assert rows[arm][6] == points((fit_S - accuracy_S).mean())


def test_the_verdicts_on_the_claims(readings, page, training):
    late, _, column = training
    wrong = {arm: (readings[arm + late] != readings["labels"]).astype(int) for arm in ARMS}
    effects = [
        [two_way(wrong[than] - wrong[claim.better]) for than in claim.than]
        for claim in STUDY.claims
    ]
    corrected = iter(holm([effect.p_value for own in effects for effect in own]))
    rows = {row[0]: row for row in rows_of(page, "# Four dense")[2:]}
    for claim, own in zip(STUDY.claims, effects, strict=True):
        cell = rows[claim.text][column]
        words = set()
        for than, effect in zip(claim.than, own, strict=True):
            p = next(corrected)
            told = (
                f"{claim.better} − {than} {points(effect.estimate)} "
                f"({number(100 * effect.low, sign=True)} to "
                f"{number(100 * effect.high, sign=True)}, {p_value(p)}; "
            )
            assert told in cell
            worth = claim.at_least or STUDY.judge.margin
            words.add(standing(effect.low, effect.high, claim.at_least, worth, certain=p < 0.05))
        if claim.arm:
            error = two_way(wrong[claim.arm])
            words = {standing(1 - error.high, 1 - error.low, claim.at_least, claim.at_least)}
        if "does not hold" in words:
            words = {"does not hold"}
        verdict = words.pop() if len(words) == 1 else "too small to tell here"
        assert cell.startswith(f"**{verdict}**")


def test_the_documented_accuracies(readings, page):
    from scipy import stats

    n_agree = 0
    rows = {row[0]: row for row in rows_of(page, "## Do the documented")[2:]}
    for arm in ARMS:
        accuracy_S = (readings[arm] == readings["labels"]).mean(axis=1)
        low, high = stats.t(
            accuracy_S.size - 1, accuracy_S.mean(), accuracy_S.std(ddof=1) * (1 + 1 / 10) ** 0.5
        ).interval(0.95)
        inside = low <= STUDY.arms[arm].documented <= high
        n_agree += inside
        assert rows[arm][1] == f"{100 * STUDY.arms[arm].documented:.2f}%"
        assert rows[arm][3] == f"{100 * low:.2f} to {100 * high:.2f}%"
        assert rows[arm][4] == ("yes" if inside else "no")
    assert f"{n_agree} of 4 lie where one more network of ours would" in page


def test_the_table_by_epoch(readings, page):
    late = "-long" if "exp1-long" in readings else ""
    for row in rows_of(page, "## Does the number of epochs")[2:]:
        for arm, cell in zip(ARMS, row[1:5], strict=True):
            accuracy_S = readings[f"{arm}{late} select"][:, int(row[0]) - 1]
            assert cell == percent(accuracy_S.mean())


def test_every_figure_is_there_and_named(project, page):
    named = set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", page))
    assert {path.name for path in (project / "docs/results/dense-four").glob("*.png")} == {
        name.removeprefix("dense-four/") for name in named
    }
    assert {f"dense-four/confusion_matrix_{arm}.png" for arm in ARMS} <= named
