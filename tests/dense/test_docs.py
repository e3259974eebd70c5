"""What docs/results/dense-four.md says is what the stored readings give."""

import re

import numpy as np
import pytest

from markdown_pages import blocks
from misread.judge import holm, two_way
from misread.study.claims import standing
from misread.study.file import load_study
from misread.wording import number, p_value, percent, points

STUDY = load_study("dense-four")
ARMS = tuple(STUDY.arms)


@pytest.fixture(scope="module")
def readings(project):
    path = project / "docs/results/dense-four-readings.npz"
    read = dict(np.load(path, allow_pickle=False))
    longer = project / "docs/results/dense-four-long-readings.npz"
    if longer.exists():
        of_arm = re.compile(rf"^({'|'.join(ARMS)})\b")
        for name, array in np.load(longer, allow_pickle=False).items():
            read[of_arm.sub(r"\1-long", name)] = array
    assert path.stat().st_size < 200_000
    return read


@pytest.fixture(scope="module")
def page(project):
    return (project / "docs/results/dense-four.md").read_text("utf-8")


def rows_of(page, heads):
    """Cells of the rows of the first table that begins with these heads, by the first cell."""
    table = page[page.index(f"| {heads} |") :].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in table.split("\n")]
    return {row[0]: row for row in rows[2:]}


def part_of(page, late):
    """The block of a study; before there was one for longer training, both were in the first."""
    parts = blocks(page)
    return parts.get(f"dense-four{late}", parts["dense-four"])


def test_there_are_ten_seeds_and_the_whole_test_set(readings):
    from misread.data.mnist import load_mnist

    assert np.array_equal(readings["labels"], load_mnist()[1].labels_N)
    assert len(readings["seeds"]) >= 10
    for arm in ARMS:
        assert readings[arm].shape == (len(readings["seeds"]), 10_000)
        assert readings[arm].dtype == np.uint8


@pytest.fixture(params=["", "-long"], ids=["as documented", "trained longer"])
def training(request, page):
    """What an arm's readings are called, and the part of the page on it."""
    part = part_of(page, request.param)
    if request.param and "| Claim | Verdict |" not in part:
        _, part = part.split("epochs (10 seeds):")
    return request.param, part


def test_the_tables_of_networks(readings, training):
    late, part = training
    rows = rows_of(part, "Arm | Network")
    for arm in ARMS:
        accuracy_S = (readings[arm + late] == readings["labels"]).mean(axis=1)
        error = two_way((readings[arm + late] != readings["labels"]).astype(int))
        fit_S = readings[f"{arm}{late} fit"]
        assert rows[arm][3] == f"{percent(accuracy_S.mean())} ± {100 * accuracy_S.std(ddof=1):.2f}"
        assert rows[arm][4] == f"{100 - 100 * error.high:.2f} to {100 - 100 * error.low:.2f}%"
        assert rows[arm][5] == percent(fit_S.mean())
        assert rows[arm][6] == points((fit_S - accuracy_S).mean())


def test_the_verdicts_on_the_claims(readings, page, training):
    late, _ = training
    part = part_of(page, late)
    wrong = {arm: (readings[arm + late] != readings["labels"]).astype(int) for arm in ARMS}
    effects = [
        [two_way(wrong[than] - wrong[claim.better]) for than in claim.than]
        for claim in STUDY.claims
    ]
    corrected = iter(holm([effect.p_value for own in effects for effect in own]))
    is_new = "| Claim | Verdict |" in part
    rows = rows_of(part, "Claim | Verdict" if is_new else "Claim | After 10 epochs")
    for claim, own in zip(STUDY.claims, effects, strict=True):
        row = rows[claim.text]
        cell = f"**{row[1]}**: {row[2]}" if is_new else row[2 if late else 1]
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
    rows = rows_of(page, "Arm | Documented")
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
    told = rf"{n_agree} of 4 (documented accuracies )?lie where one more network of ours would"
    assert re.search(told, page)


def test_the_table_by_epoch(readings, page):
    late = "-long" if "exp1-long" in readings else ""
    for row in rows_of(part_of(page, late), "Epochs | exp1").values():
        for arm, cell in zip(ARMS, row[1:5], strict=True):
            accuracy_S = readings[f"{arm}{late} select"][:, int(row[0]) - 1]
            assert cell == percent(accuracy_S.mean())


def test_every_figure_is_there_and_named(project, page):
    named = set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", page))
    results = project / "docs/results"
    assert {str(path.relative_to(results)) for path in results.glob("dense-four*/*.png")} == named
    assert {f"dense-four/confusion_matrix_{arm}.png" for arm in ARMS} <= named
