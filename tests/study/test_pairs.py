"""The studies of other pairs: their operations, and a verdict in both directions."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from arrays import verdict_of
from markdown_pages import blocks, hold_target
from misread import wording
from misread.cli import main
from misread.data.mnist import load_mnist
from misread.images.operations import cut, lean
from misread.show.target import results_markdown
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.plan import load_plan
from standin import work_here

STUDY = """
title = "Both ways"
recipe = "quick"
seeds = [1, 2]
arms = ["policy", "policy-firm"]
target = "2:7"
trainer = {call = "standin:trainer"}
policy = {probability = 0.5, size_px = [2, 2], true = ["cut"], doses = {firm = [3, 3]}}
judge = {both_directions = true}
"""


def of_class(label, n_images=200):
    train, _ = load_mnist()
    return train.images[train.labels_N == label][:n_images]


@pytest.mark.parametrize("size_px", [1, 2, 4, 15])
def test_cut_takes_the_lowest_rows_of_ink_and_nothing_else(size_px):
    images = of_class(2)
    for image, done in zip(images, cut(images, size_px), strict=True):
        last = np.flatnonzero((image >= 128).any(axis=1))[-1]
        kept = last + 1 - (size_px - 1) if size_px > 1 else len(image)
        assert np.array_equal(done[: max(kept, 0)], image[: max(kept, 0)])
        assert not done[max(kept, 0) :].any()


def test_cut_leaves_an_image_without_ink_as_it_is():
    faint = np.full((1, 5, 5), 100, dtype=np.uint8)
    assert np.array_equal(cut(faint, 3), faint)


def test_cut_takes_colour_as_one_image():
    image = np.zeros((1, 6, 4, 3), dtype=np.uint8)
    image[0, 1:5, 1, 2] = 255  # ink in one channel
    image[0, 4, 2, 0] = 50
    done = cut(image, 2)
    assert done[0, 1:4, 1, 2].tolist() == [255] * 3
    assert not done[0, 4:].any()


def slant_of(images):
    """The slope of a line through each image's ink, px to the right per px upwards."""
    down, right = np.mgrid[: images.shape[1], : images.shape[2]]
    slopes = []
    for image in images:
        weights = image.astype(np.float64)
        fitted = np.polyfit(down.ravel(), right.ravel(), 1, w=np.sqrt(weights.ravel()))
        slopes.append(-fitted[0])
    return np.array(slopes)


@pytest.mark.parametrize("size_px", [2, 3, 4])
def test_lean_tilts_every_digit_to_the_left_by_what_it_says(size_px):
    images = of_class(5)
    change = slant_of(lean(images, size_px)) - slant_of(images)
    assert np.median(change) == pytest.approx(-2 * (size_px - 1) / 27, rel=0.1)
    assert (change < 0).mean() > 0.99


def test_lean_moves_the_top_row_left_and_the_bottom_row_right():
    image = np.zeros((1, 28, 28), dtype=np.uint8)
    image[0, :, 14] = 255
    done = lean(image, 4)[0]
    assert done[0].argmax() == 11
    assert done[27].argmax() == 17


@pytest.mark.parametrize(("name", "target"), [("two-seven", (2, 7)), ("three-five", (3, 5))])
def test_the_studies_ask_in_both_directions_with_ten_seeds(name, target):
    study = load_study(name)
    assert study.target == target
    assert study.judge.both_directions
    assert len(study.seeds) == 10


def test_what_both_studies_argue_from_holds_on_the_baseline_errors_it_names():
    """Twos read as sevens have a narrow foot: the readings of *select* that the page reports."""
    page = json.loads((Path(__file__).parents[2] / "docs/results/pairs.json").read_text())
    images = load_mnist()[0].images
    ids = page["two-seven"]["argument"]["2→7"]["images"]
    feet = []
    for group in (images[ids], of_class(2, 2000)):
        lines = [np.flatnonzero((image >= 128).any(axis=1)) for image in group]
        parts = [
            (i[n[-1] - 3 : n[-1] + 1] >= 128).any(0) for i, n in zip(group, lines, strict=True)
        ]
        feet.append([np.ptp(np.flatnonzero(part)) for part in parts])
    assert np.mean(feet[0]) < 0.7 * np.mean(feet[1])
    assert stats.mannwhitneyu(*feet).pvalue < 1e-6


@pytest.mark.usefixtures("no_figures")
def test_a_study_is_judged_in_both_directions_and_each_arm_up_to_its_own_dose(
    tmp_path, monkeypatch
):
    work_here(monkeypatch)
    (tmp_path / "ways.toml").write_text(STUDY)
    out = tmp_path / "out"
    command = ["run", str(tmp_path / "ways.toml"), "--smoke", "--out", str(out)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "2→7; 7→2" in done.stdout
    page = (out / "report.html").read_text("utf-8")
    assert ">2→7; 7→2</th>" in page
    assert "Errors 2→7 and 7→2 per seed" in page
    table = results_markdown(load_evidence(out)).splitlines()[2:6]
    assert "| 2→7; 7→2 per seed |" in table[0]
    assert [row.split(" | ")[2].count("; ") for row in table] == [1, 0, 1, 1]
    assert load_plan(out).cells == ((2, 7), (7, 2))
    arms = json.loads((out / "verdict.json").read_text())["arms"]
    for verdict in arms.values():
        assert [cell["name"] for cell in verdict["cells"]] == ["2→7", "7→2"]
        assert verdict["cells"][0]["p_holm"] >= verdict["cells"][0]["effect"]["p_value"]
        assert not [i for i in verdict["collateral"] if i["name"] == "7→2"]
    asked = {arm: {i["slice_name"] for i in v["collateral"]} - {""} for arm, v in arms.items()}
    assert asked["policy"] == {"cut 2 px"}
    assert asked["policy-firm"] == {"cut 2 px", "cut 3 px"}


def test_a_study_that_asks_one_direction_is_the_study_it_was():
    dumped = load_study("four-nine").model_dump(mode="json")
    assert "both_directions" not in dumped["judge"]


@pytest.mark.parametrize("name", ["two-seven", "three-five"])
def test_the_page_says_what_the_readings_beside_it_say(name):
    results = Path(__file__).parents[2] / "docs/results"
    page = (results / "pairs.md").read_text("utf-8")
    with np.load(results / "pairs" / f"{name}-readings.npz") as kept:
        arrays = {key: kept[key] for key in kept.files}
    target = load_study(name).target
    block = blocks(page)[name]
    if "## Seed by seed" in block:
        hold_target(block, arrays, (target, target[::-1]))
        return
    arms = [arm for arm in arrays if arm not in {"labels", "groups", "seeds", "baseline"}]
    assert len(arms) >= 3
    for arm in arms:
        verdict = verdict_of(
            arrays["labels"],
            arrays["baseline"],
            arrays[arm],
            cells=[target, target[::-1]],
            class_names=range(10),
            groups_N=arrays["groups"],
        )
        told = [
            f"{wording.images(c.before_images)} → {wording.images(c.after_images)}"
            for c in verdict.cells
        ]
        p_values = [wording.p_number(cell.p_holm) for cell in verdict.cells]
        accuracy = wording.percent(float((arrays[arm] == arrays["labels"]).mean()))
        rows = [line for line in page.splitlines() if line.startswith(f"| {arm} |")]
        (row,) = [r for r in rows if told[0] in r and told[1] in r and f"| {accuracy} |" in r]
        cells = [cell.strip() for cell in row.split("|")]
        assert (cells[6], cells[9]) == tuple(p_values)
