"""Figures made of images: which ones are misread, and what a policy makes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from misread.data.dataset import Dataset, Ids, Images
from misread.data.parts import folds
from misread.evidence import Evidence
from misread.learn.ops import OPERATIONS
from misread.measures import ink
from misread.show import style, words
from misread.study import BASELINE

MOST_IMAGES = 48  # in misread_images; the rest is counted
N_EXAMPLES = 4  # of each class, in preview
_TILE, _COLUMNS = 1.18, 9


@style.styled
def misread_images(evidence: Evidence) -> Figure:
    """Draw the *confirm* images that any model reads as the target cell says, the worst first.

    Data: `predictions` and `disputed_N` of *confirm*. Below each image a row of squares per arm and
    a square per seed: orange where it is read as the target's predicted class, grey with the class
    where it is read as another, empty where it is read rightly. Images whose label is disputed
    stand apart, in a dashed frame.
    """
    true, predicted = evidence.plan.target
    own_N = evidence.confirm.labels_N == true
    hits = {arm: (read_SN == predicted) & own_N for arm, read_SN in evidence.predictions.items()}
    base_N = hits[BASELINE].sum(axis=0)
    total_N = sum(hit_SN.sum(axis=0) for hit_SN in hits.values())
    ids = np.flatnonzero(total_N)
    ids = ids[np.lexsort((ids, -total_N[ids], -base_N[ids]))]
    disputed_N = evidence.confirm.disputed_N
    doubt = np.zeros(len(ids), dtype=bool) if disputed_N is None else disputed_N[ids]
    arms = evidence.arms[:6]
    strip = 0.115 * len(arms) + 0.08
    block = _TILE + 0.26 + strip + 0.22
    groups = [
        (title, group)
        for title, group in (
            ("", ids[~doubt][:MOST_IMAGES]),
            ("Disputed: people do not agree on this label", ids[doubt][:_COLUMNS]),
        )
        if len(group)
    ]
    left = 1.45
    height = sum(-(-len(g) // _COLUMNS) * block + (0.45 if t else 0) for t, g in groups)
    always = int((base_N[ids] == len(evidence.seeds)).sum())
    name, read = (evidence.confirm.class_names[k] for k in (true, predicted))
    title = (
        f"{words.count(len(ids), 'image')} of {int(own_N.sum()):,} are read as {read} by some "
        f"model of some arm; {always} by every seed of the baseline"
        if len(ids)
        else f"No model of any arm reads a {name} as {read}"
    )
    n_left_out = len(ids) - sum(len(group) for _, group in groups)
    sheet = style.Sheet(
        left + _COLUMNS * (_TILE + 0.14) + 0.3,
        height + 0.1,
        title,
        f"Test images of class {name}, by how many baseline seeds misread them. A square per seed "
        f"({len(evidence.seeds)}); orange: read as {read}, grey: as another class, pale: rightly."
        + (f" {words.count(n_left_out, 'rarer image')} not shown." if n_left_out else ""),
        evidence.plan.exploratory,
    )
    down = 0.0
    for heading, group in groups:
        if heading:
            sheet.text(0.35, down, heading, fontsize=12.5, fontweight="bold", color=style.PURPLE)
            down += 0.45
        for start in range(0, len(group), _COLUMNS):
            _strip_labels(sheet, arms, down + _TILE + 0.26)
            for along, n in enumerate(group[start : start + _COLUMNS].tolist()):
                at = left + along * (_TILE + 0.14)
                axes = sheet.image(at, down, _TILE, evidence.confirm.images[n])
                if heading:
                    style.frame(axes, style.PURPLE, dashed=True)
                sheet.text(at, down + _TILE + 0.045, f"#{n}", fontsize=9, color=style.MUTED)
                squares = sheet.axes(at, down + _TILE + 0.26, _TILE, 0.115 * len(arms))
                _strip(squares, evidence, arms, n)
            down += block
    return sheet.figure


def _strip_labels(sheet: style.Sheet, arms: Sequence[str], down: float) -> None:
    for place, arm in enumerate(arms):
        sheet.text(1.35, down + 0.115 * (place + 0.5), arm, fontsize=7.5, ha="right", va="center")


def _strip(axes: Axes, evidence: Evidence, arms: Sequence[str], n: int) -> None:
    true, predicted = evidence.plan.target
    n_seeds = len(evidence.seeds)
    axes.set_xlim(0, max(n_seeds, 10))
    axes.set_ylim(len(arms), 0)
    axes.axis("off")
    for row, arm in enumerate(arms):
        for s, read in enumerate(evidence.predictions[arm][:, n].tolist()):
            colour = {true: "#eef0f3", predicted: style.VERMILLION}.get(read, "#8a919d")
            axes.add_patch(Rectangle((s + 0.06, row + 0.08), 0.88, 0.84, color=colour, lw=0))
            name = evidence.confirm.class_names[read]
            if read not in (true, predicted) and len(name) == 1 and n_seeds <= 12:
                axes.text(
                    s + 0.5, row + 0.54, name, ha="center", va="center", fontsize=5.5, color="white"
                )


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
                axes = sheet.image(
                    left + (number + 1) * (tile + gap), down + row * (tile + 0.08), tile, done
                )
                if np.array_equal(done, image):
                    _unchanged(axes)
        below = down + N_EXAMPLES * (tile + 0.08) + 0.08
        own = {(e["operation"], e["size_px"]): e for e in entries if e["label"] == label}
        _captions(sheet, own, columns, other, below, left, tile + gap, tile)
    for line, text in enumerate(doses):
        sheet.text(0.35, 0.5 + 2 * block + 0.3 * line, text, fontsize=11.5)
    return sheet.figure


def _unchanged(axes: Axes) -> None:
    axes.text(
        0.5,
        0.04,
        "no change",
        transform=axes.transAxes,
        ha="center",
        fontsize=8.5,
        color=style.MUTED,
        bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.9},
    )


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
            words.percent(first["ink_before"]),
            f"{words.number(first['thickness_before_px'], decimals=1)} px",
            words.percent(first["error_before"]),
            words.percent(first["as_target_before"]),
        ]
    ]
    colours = [[style.INK] * 4]
    for column in columns:
        entry = own[column]
        texts.append(
            [
                words.percent(entry["ink_after"]),
                f"{words.number(entry['thickness_after_px'], decimals=1)} px",
                words.percent(entry["error_after"]),
                words.percent(entry["as_target_after"]),
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
        few, many = words.percent(min(values)), words.percent(max(values))
        told = few if few == many else f"{few} to {many}"
        sizes = f"{low} px" if low == high else f"{low} to {high} px"
        arms = words.listed([share["arm"] for share in own])
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
    share = words.percent(first["changed_share"].get("all", 0.0))
    title = f"{first['arm']}: {share} of the draws change the image"
    before, after = worst["as_target_before"], worst["as_target_after"]
    if after > before:
        title += (
            f"; {words.plural(name)} {words.treated(worst['operation'], worst['size_px'])} are "
            f"read as {read} in {words.percent(after)} instead of {words.percent(before)}"
        )
    return title
