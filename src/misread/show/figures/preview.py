"""The figure of what a policy makes of images, drawn before any arm is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from misread import wording
from misread.data.dataset import Dataset
from misread.data.parts import folds
from misread.images import Ids, Images
from misread.images.operations import OPERATIONS
from misread.images.shape import ink
from misread.show import style
from misread.study.answer import plural
from misread.study.evidence import Evidence

N_EXAMPLES = 4  # of each class
_TILE, _LEFT = 1.12, 2.0
_ACROSS, _DOWN = _TILE + 0.16, _TILE + 0.08
_PLATE = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.9}
Column = tuple[str, int]  # operation and size in px


def preview(evidence: Evidence) -> Figure:
    """Draw what the policy's operations make of *select* images of the target's two classes.

    Data: `preview`, and the training images in the tenths that were held out; see `preview_figure`.
    """
    held_out = list(set(evidence.plan.select_folds.values()))
    ids = np.flatnonzero(np.isin(folds(evidence.train.labels_N), held_out))
    return preview_figure(
        evidence.train,
        evidence.target,
        evidence.preview,
        ids=ids,
        warning=evidence.plan.exploratory,
    )


@style.styled
def preview_figure(
    train: Dataset,
    target: tuple[int, int],
    preview_numbers: Mapping[str, Any],
    *,
    ids: Ids | None = None,
    warning: str = "",
) -> Figure:
    """Draw four originals per class, by rank of ink, beside every operation and size.

    `preview_numbers` are those of `preview.json`: `operations` (one entry per operation, size and
    class) and `shares` (one per arm and dose). Examples are chosen from the training images `ids`;
    None: from all.
    """
    entries = preview_numbers["operations"]
    columns = sorted({(entry["operation"], entry["size_px"]) for entry in entries})
    block = N_EXAMPLES * _DOWN + 1.89
    doses = _doses(preview_numbers["shares"])
    sheet = style.Sheet(
        max(_LEFT + (len(columns) + 1) * _ACROSS + 0.25, 9.5),
        0.5 + 2 * block + 0.3 + 0.3 * len(doses),
        _title(train, target, preview_numbers),
        "Training images of both classes, from the least ink to the most, under each operation. "
        "Below: mean ink and stroke thickness, and what the baseline misreads of select, changed "
        "like this.",
        warning,
    )
    heads = ["as it is", *(f"{operation} {size_px} px" for operation, size_px in columns)]
    for number, head in enumerate(heads):
        at = _LEFT + number * _ACROSS + _TILE / 2
        sheet.text(at, 0.05, head, size=12, bold=True, ha="center")
    for part, label in enumerate(target):
        down, name = 0.42 + part * block, train.class_names[label]
        sheet.text(0.35, down, name, size=min(34, 190 / len(name)), bold=True)
        for row, image in enumerate(_examples(train, label, ids)):
            _row(sheet, image, columns, down + row * _DOWN)
        of_class = {(e["operation"], e["size_px"]): e for e in entries if e["label"] == label}
        other = train.class_names[target[1 - part]]
        _captions(sheet, of_class, columns, other, down + N_EXAMPLES * _DOWN + 0.08)
    for line, text in enumerate(doses):
        sheet.text(0.35, 0.5 + 2 * block + 0.3 * line, text, size=11.5)
    return sheet.figure


def _row(sheet: style.Sheet, image: Images, columns: Sequence[Column], down: float) -> None:
    """Draw an image as it is and under every operation."""
    sheet.image(_LEFT, down, _TILE, image)
    for number, (operation, size_px) in enumerate(columns, start=1):
        at = _LEFT + number * _ACROSS
        altered = OPERATIONS[operation](image[np.newaxis], size_px)[0]
        sheet.image(at, down, _TILE, altered)
        if np.array_equal(altered, image):
            look: dict[str, Any] = {"ha": "center", "va": "baseline", "bbox": _PLATE}
            middle, below = at + _TILE / 2, down + 0.96 * _TILE
            sheet.text(middle, below, "no change", size=8.5, colour=style.MUTED, **look)


def _captions(
    sheet: style.Sheet,
    entries: Mapping[Column, Mapping[str, Any]],
    columns: Sequence[Column],
    other: str,
    down: float,
) -> None:
    """Write the numbers of a class below its images; bold: misread half as often again."""
    rows = [
        ("ink", "ink", wording.percent),
        ("stroke", "thickness", _pixels),
        ("misread", "error", wording.percent),
        (f"read as {other}", "as_target", wording.percent),
    ]
    if entries[columns[0]].get("loop_before") is not None:  # not of an earlier version
        rows.append(("with a loop", "loop", wording.percent))
    for line, (name, key, words_of) in enumerate(rows):
        y = down + 0.27 * line
        sheet.text(_LEFT - 0.18, y, name, colour=style.MUTED, ha="right")
        unit = "_px" if key == "thickness" else ""
        before = entries[columns[0]][f"{key}_before{unit}"]
        for number, column in enumerate([None, *columns]):
            value = entries[column][f"{key}_after{unit}"] if column else before
            start = entries[column][f"{key}_before{unit}"] if column else before
            worse = key in ("error", "as_target") and value > 1.5 * start
            colour = style.VERMILLION if worse else style.INK
            at = _LEFT + number * _ACROSS + _TILE / 2
            sheet.text(at, y, words_of(value), bold=worse, colour=colour, ha="center")


def _pixels(size_px: float) -> str:
    return f"{wording.number(size_px, decimals=1)} px"


def _examples(train: Dataset, label: int, ids: Ids | None) -> Images:
    """Return a few images of a class, spread over how much ink they have."""
    pool = np.arange(len(train)) if ids is None else ids
    pool = pool[train.labels_N[pool] == label]
    order = pool[np.argsort(ink(train.images[pool]), kind="stable")]
    shares = np.linspace(0.03, 0.97, N_EXAMPLES)
    chosen: Images = train.images[order[(shares * (len(order) - 1)).astype(int)]]
    return chosen


def _doses(shares: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line per dose: which arms, and the share of draws that change an image."""
    by_dose: dict[tuple[int, ...], list[Mapping[str, Any]]] = {}
    for share in shares:
        by_dose.setdefault(tuple(share["size_px"]), []).append(share)
    lines = []
    for (low, high), of_dose in by_dose.items():
        values = [share["changed_share"]["all"] for share in of_dose if share["changed_share"]]
        if not values:
            continue
        few, many = wording.percent(min(values)), wording.percent(max(values))
        span = few if few == many else f"{few} to {many}"
        sizes = f"{low} px" if low == high else f"{low} to {high} px"
        arms = wording.listed([share["arm"] for share in of_dose])
        lines.append(f"Dose {sizes} ({arms}): {span} of the draws change the image.")
    return lines


def _title(train: Dataset, target: tuple[int, int], preview_numbers: Mapping[str, Any]) -> str:
    entries, title = preview_numbers["operations"], "No arm draws these operations"
    if preview_numbers["shares"]:
        first = preview_numbers["shares"][0]
        entries = [e for e in entries if e["size_px"] <= first["size_px"][1]]
        share = wording.percent(first["changed_share"].get("all", 0.0))
        title = f"{first['arm']}: {share} of the draws change the image"
    worst = max(entries, key=lambda e: e["as_target_after"] - e["as_target_before"])
    view = f"{worst['operation']} {worst['size_px']} px"
    before, after = worst["as_target_before"], worst["as_target_after"]
    if after <= before:
        return title
    name = plural(train.class_names[worst["label"]])
    read = train.class_names[next(k for k in target if k != worst["label"])]
    return (
        f"{title}; {name} {wording.treated(view)} are read "
        f"as {read} in {wording.percent(after)} instead of {wording.percent(before)}"
    )
