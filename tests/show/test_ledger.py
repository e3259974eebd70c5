"""What changed for good: the pictures and the table say what the judge says, whatever was read."""

import json

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from made_up import TARGET, changed, made_up
from misread.show import style
from misread.show.figures import confusion as charts
from misread.show.figures import ledger
from misread.show.report import report_html
from misread.show.study_figures import FIGURES, Drawn
from misread.show.target import held_table, ledger_table
from misread.study.arms import BASELINE
from show.test_report import Page

ARM = "documented"


def read_as(*, class_names=None, n_broken=20):
    """Return made-up evidence, five seeds: `ARM` breaks fours, four seeds reading each as a nine,
    and mends a three; one more four is broken and each seed that errs reads something else."""
    evidence = made_up(5, (ARM, "both"))
    labels_N = evidence.confirm.labels_N
    read = {arm: np.tile(labels_N, (5, 1)) for arm in evidence.arms}
    fours = np.flatnonzero(labels_N == 4)
    broken, scattered, mended = fours[:n_broken], fours[n_broken], np.flatnonzero(labels_N == 3)[0]
    read[ARM][:, broken] = 9
    read[ARM][np.arange(broken.size) % 5, broken] = 4
    read[ARM][:, scattered] = [4, 9, 7, 2, 6]
    read[BASELINE][:, mended] = 8
    # Places in the test set differ from those in the labels, as in a study of fewer images.
    ids_N = 16 * np.arange(len(evidence.confirm)) + 1
    evidence = changed(evidence, read, class_names, ids_N)
    return evidence, broken, scattered, mended


def page(evidence):
    """Return the report's text; its figures are not drawn."""
    drawn = dict.fromkeys(FIGURES, Drawn(b"", "a figure"))
    return " ".join(Page(report_html(evidence, drawn)).text)


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_the_table_is_the_judges_ledger():
    evidence, broken, scattered, mended = read_as()
    told = json.loads(evidence.verdicts[ARM].model_dump_json())["ledger"]
    assert told == {"broken": sorted([*broken.tolist(), scattered]), "mended": [mended]}
    rows = [row for row in ledger_table(evidence).rows if row[1] == ARM]
    for kind in ("broken", "mended"):
        numbers = {int(row[0].removeprefix("#")) for row in rows if row[2] == kind}
        assert numbers == set(evidence.parts.confirm_ids_N[told[kind]].tolist())
    assert {row[3:] for row in rows if row[2] == "mended"} == {
        ("3", "8 (5 of 5)", "3 (5 of 5)", "")
    }
    assert rows[0][3:] == ("4", "4 (5 of 5)", "9 (4 of 5)", "yes")
    text = page(evidence)
    assert all(" ".join(filter(None, row)) in text for row in rows)


def test_a_broken_image_is_never_shown_as_read_rightly():
    evidence, _, scattered, _ = read_as()
    (found,) = (c for c in ledger.changes(evidence, ARM) if c.place == scattered)
    assert (found.before, found.n_before) == (4, 5)
    assert (found.after, found.n_after) == (2, 1), "of equally frequent ones the smallest class"
    order = [3, 1, 4, 0, 2]
    read = {arm: preds_SN[order] for arm, preds_SN in evidence.predictions.items()}
    shuffled = changed(evidence, read)
    assert ledger.changes(shuffled, ARM) == ledger.changes(evidence, ARM)


def test_many_broken_images_hide_no_mended_one():
    evidence, broken, _, mended = read_as()
    told = texts(ledger.ledger(evidence))
    assert f"{ARM}: 21 broken, 1 mended (the first 16 of each are drawn)" in told
    assert f"#{evidence.parts.confirm_ids_N[mended]}, 3" in told
    drawn = [f"#{n}, 4" for n in evidence.parts.confirm_ids_N[broken]]
    assert [label in told for label in drawn] == [True] * 16 + [False] * 4
    assert "both: 0 broken, 1 mended" in told


def test_nothing_changed_is_said_in_words():
    evidence = made_up(5, (ARM, "both"))
    same = changed(evidence, dict.fromkeys(evidence.arms, evidence.predictions[BASELINE]))
    figure = ledger.ledger(same)
    assert figure.get_label() == "No arm changed an image for good"
    assert f"{ARM} and both: nothing broken, nothing mended" in texts(figure)
    assert ledger_table(same).rows == ()
    assert "No cell’s change holds up over all cells" in page(same)


def test_long_names_do_not_run_into_each_other():
    names = ("T-shirt/top", "Trouser", "Pullover", "Dress", "A coat with many buttons", "Sandal",
             "Shirt", "Sneaker", "Bag", "Ankle boot")  # fmt: skip
    evidence, *_ = read_as(class_names=names)
    figure = ledger.ledger(evidence)
    style.png(figure)
    boxes = [
        text.get_window_extent()
        for text in figure.texts
        if text.get_text().startswith(("A coat", "Ankle", "Bag", "Dress", "#"))
    ]
    assert len(boxes) > 3 * ledger.MOST_IMAGES
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:place])
        assert box.x1 <= figure.bbox.x1


def frames(axes, *, dashed):
    """Return the cells (row, column) with a frame."""
    return {
        (
            round(patch.get_y() + patch.get_height() / 2),
            round(patch.get_x() + patch.get_width() / 2),
        )
        for patch in axes.patches
        if isinstance(patch, Rectangle)
        and not patch.get_fill()
        and (patch.get_linestyle() != "solid") == dashed
    }


@pytest.mark.parametrize("n_broken", [0, 20])
def test_frames_and_table_mark_exactly_what_holds_up(n_broken):
    evidence, *_ = read_as(n_broken=n_broken)
    figure = charts.confusion_matrices(evidence)
    for axes, arm in zip(figure.axes, evidence.arms, strict=True):
        assert frames(axes, dashed=True) == {TARGET}
        if arm == BASELINE:
            assert not frames(axes, dashed=False)
            continue
        verdict = evidence.verdicts[arm]
        marked = {
            (found.true, found.predicted)
            for found in (*verdict.cells, *verdict.collateral)
            if getattr(found, "kind", "cell") == "cell" and found.q_value <= verdict.alpha
        }
        assert marked == ({TARGET} if n_broken and arm == ARM else set())
        assert frames(axes, dashed=False) == marked
        bold = {(t.get_position()[1], t.get_position()[0])
                for t in axes.texts if t.get_fontweight() == "bold"}  # fmt: skip
        assert bold == marked
    told = " ".join(texts(figure))
    assert ("Framed: 1 change that holds up" in told) == bool(n_broken)
    assert ("No change of a cell holds up" in told) == (not n_broken)
    assert [row[:2] for row in held_table(evidence).rows] == ([("4→9", ARM)] if n_broken else [])


def test_numbers_stay_within_their_frames():
    evidence, *_ = read_as()
    figure = charts.confusion_matrices(evidence)
    style.png(figure)
    axes = figure.axes[1]
    (bold,) = (text for text in axes.texts if text.get_fontweight() == "bold")
    assert len(bold.get_text()) > 4
    (frame,) = (
        patch.get_window_extent()
        for patch in axes.patches
        if not patch.get_fill() and patch.get_linestyle() == "solid"
    )
    box = bold.get_window_extent()
    assert frame.x0 < box.x0
    assert box.x1 < frame.x1
