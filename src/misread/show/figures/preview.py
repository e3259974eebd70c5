"""The figure of what a policy makes of images, drawn before any arm is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from misread import wording
from misread.data.dataset import Dataset
from misread.data.parts import folds
from misread.images import Ids, Images
from misread.images.operations import OPERATIONS
from misread.images.shape import ink
from misread.show import style, words
from misread.study.evidence import Evidence

N_EXAMPLES = 4  # of each class
_PLATE = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.9}


def preview(evidence: Evidence) -> Figure:
    """Draw what the policy's operations make of *select* images of the target's two classes.

    Data: `preview`, and the training images in the tenths that were held out; see `preview_figure`.
    """
    held_out = list(set(evidence.plan.select_folds.values()))
    ids = np.flatnonzero(np.isin(folds(evidence.train.labels_N), held_out))
    return preview_figure(
        evidence.train,
        evidence.plan.target,
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
    """Draw originals beside every operation and size, with what it changes.

    Parameters
    ----------
    train
        The training set; with ten seeds *select* has been all of it.
    target
        The target cell; its two classes are shown.
    preview_numbers
        As in `preview.json`: `operations` (one entry per operation, size and class) and `shares`
        (one per arm and dose).
    ids
        The training images to choose examples from; None: all.
    warning
        Why the result proves nothing ("": it may).

    Returns
    -------
    Figure
        Four examples per class, from the least ink to the most, chosen by rank alone.
    """
    entries = preview_numbers["operations"]
    columns = sorted({(e["operation"], e["size_px"]) for e in entries})
    tile, gap, left = 1.12, 0.16, 2.0
    block = N_EXAMPLES * (tile + 0.08) + 1.62
    doses = _doses(preview_numbers["shares"])
    sheet = style.Sheet(
        max(left + (len(columns) + 1) * (tile + gap) + 0.25, 9.5),
        0.5 + 2 * block + 0.3 + 0.3 * len(doses),
        _preview_title(train, target, preview_numbers),
        "Training images of both classes, from the least ink to the most, under each operation. "
        "Below: mean ink and stroke thickness, and what the baseline misreads of select, changed "
        "like this.",
        warning,
    )
    for number, (operation, size) in enumerate([("as it is", None), *columns]):
        at = left + number * (tile + gap)
        text = operation if size is None else f"{operation} {size} px"
        sheet.text(at + tile / 2, 0.05, text, fontsize=12, fontweight="bold", ha="center")
    for part, label in enumerate(target):
        down = 0.42 + part * block
        other = train.class_names[target[1 - part]]
        pictures = _examples(train, label, ids)
        sheet.text(
            0.35,
            down,
            train.class_names[label],
            fontsize=min(34, 190 / len(train.class_names[label])),
            fontweight="bold",
        )
        for row, image in enumerate(pictures):
            sheet.image(left, down + row * (tile + 0.08), tile, image)
            for number, (operation, size) in enumerate(columns):
                done = OPERATIONS[operation](image[np.newaxis], size)[0]
                at, top = left + (number + 1) * (tile + gap), down + row * (tile + 0.08)
                sheet.image(at, top, tile, done)
                if np.array_equal(done, image):
                    sheet.text(
                        at + tile / 2,
                        top + 0.96 * tile,
                        "no change",
                        ha="center",
                        va="baseline",
                        fontsize=8.5,
                        color=style.MUTED,
                        bbox=_PLATE,
                    )
        below = down + N_EXAMPLES * (tile + 0.08) + 0.08
        own = {(e["operation"], e["size_px"]): e for e in entries if e["label"] == label}
        _captions(sheet, own, columns, other, below, left, tile + gap, tile)
    for line, text in enumerate(doses):
        sheet.text(0.35, 0.5 + 2 * block + 0.3 * line, text, fontsize=11.5)
    return sheet.figure


def _captions(
    sheet: style.Sheet,
    own: Mapping[tuple[str, int], Mapping[str, Any]],
    columns: Sequence[tuple[str, int]],
    other: str,
    down: float,
    left: float,
    step: float,
    tile: float,
) -> None:
    first = own[columns[0]]
    names = ("ink", "stroke", "misread", f"read as {other}")
    texts = [
        [
            wording.percent(first["ink_before"]),
            f"{wording.number(first['thickness_before_px'], decimals=1)} px",
            wording.percent(first["error_before"]),
            wording.percent(first["as_target_before"]),
        ]
    ]
    colours = [[style.INK] * 4]
    for column in columns:
        entry = own[column]
        texts.append(
            [
                wording.percent(entry["ink_after"]),
                f"{wording.number(entry['thickness_after_px'], decimals=1)} px",
                wording.percent(entry["error_after"]),
                wording.percent(entry["as_target_after"]),
            ]
        )
        colours.append(
            [
                style.INK,
                style.INK,
                *(
                    style.VERMILLION
                    if entry[f"{key}_after"] > 1.5 * entry[f"{key}_before"]
                    else style.INK
                    for key in ("error", "as_target")
                ),
            ]
        )
    for line, name in enumerate(names):
        y = down + 0.27 * line
        sheet.text(left - 0.18, y, name, fontsize=11, ha="right", color=style.MUTED)
        for number, (column_texts, column_colours) in enumerate(zip(texts, colours, strict=True)):
            colour = column_colours[line]
            sheet.text(
                left + number * step + tile / 2,
                y,
                column_texts[line],
                fontsize=11,
                ha="center",
                color=colour,
                fontweight="bold" if colour == style.VERMILLION else "normal",
            )


def _examples(train: Dataset, label: int, ids: Ids | None) -> Images:
    """Return a few images of a class, spread over how much ink they have."""
    own = (
        np.flatnonzero(train.labels_N == label)
        if ids is None
        else ids[train.labels_N[ids] == label]
    )
    order = own[np.argsort(ink(train.images[own]), kind="stable")]
    shares = np.linspace(0.03, 0.97, N_EXAMPLES)
    chosen: npt.NDArray[np.uint8] = train.images[order[(shares * (len(order) - 1)).astype(int)]]
    return chosen


def _doses(shares: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line per dose: which arms, and the share of draws that change an image."""
    by_dose: dict[tuple[int, ...], list[Mapping[str, Any]]] = {}
    for share in shares:
        by_dose.setdefault(tuple(share["size_px"]), []).append(share)
    lines = []
    for (low, high), own in by_dose.items():
        values = [share["changed_share"]["all"] for share in own if share["changed_share"]]
        if not values:
            continue
        few, many = wording.percent(min(values)), wording.percent(max(values))
        told = few if few == many else f"{few} to {many}"
        sizes = f"{low} px" if low == high else f"{low} to {high} px"
        arms = wording.listed([share["arm"] for share in own])
        lines.append(f"Dose {sizes} ({arms}): {told} of the draws change the image.")
    return lines


def _preview_title(
    train: Dataset, target: tuple[int, int], preview_numbers: Mapping[str, Any]
) -> str:
    first = preview_numbers["shares"][0]
    worst = max(
        (e for e in preview_numbers["operations"] if e["size_px"] <= first["size_px"][1]),
        key=lambda e: e["as_target_after"] - e["as_target_before"],
    )
    other = next(k for k in target if k != worst["label"])
    name, read = train.class_names[worst["label"]], train.class_names[other]
    share = wording.percent(first["changed_share"].get("all", 0.0))
    title = f"{first['arm']}: {share} of the draws change the image"
    before, after = worst["as_target_before"], worst["as_target_after"]
    if after > before:
        title += (
            f"; {words.plural(name)} "
            f"{words.operation_phrase(worst['operation'], worst['size_px'])} are "
            f"read as {read} in {wording.percent(after)} instead of {wording.percent(before)}"
        )
    return title
