"""The figure of what each arm was made for, how sure that is, and what else it taught."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.images import Images
from misread.images.operations import OPERATIONS
from misread.judge.items import Item
from misread.judge.targets import CellResult
from misread.show import draw, style, words
from misread.study.evidence import Evidence, SliceEvidence

_NO_ARM = "No arm was treated: there is nothing to compare the baseline with"
_HEAD = 1.0
_ROOMY = 5  # more counter-slices than these are labelled in one line
_SLOPES, _EFFECT, _LABELS, _DUMBBELLS = 1.85, 4.25, 7.0, 9.35
Slices = list[tuple[SliceEvidence, words.Misreading]]


@style.styled
def before_after(evidence: Evidence) -> Figure:
    """Draw what each arm was made for, how sure that is, and what it did when strokes differ.

    A row per treated arm. Left: the target's errors of each seed (thicker where seeds coincide) and
    their mean. Middle: the mean change with its interval; the grey band is what this study could
    not have found with 80% power. Right: the counter-slices, before → after, coloured by status.
    """
    arms = evidence.treated_arms
    if not arms:
        return style.Sheet(9, 0.3, _NO_ARM, warning=evidence.plan.exploratory).figure
    slices = words.slices_to_show(evidence)
    row = max(1.75, (0.47 if len(slices) <= _ROOMY else 0.34) * len(slices) + 0.45)
    sheet = style.Sheet(
        14.0,
        _HEAD + row * len(arms) + 0.55,
        words.finding(evidence, arms[0]),
        f"{words.seed_count(evidence)}, {words.evidence_images(evidence)}; "
        "each arm against the baseline trained from the same seeds.",
        evidence.plan.exploratory,
    )
    heads = [
        (_SLOPES, "What it is for", f"{words.target_name(evidence)} errors per seed"),
        (_EFFECT, "How sure is that?", "grey: too small to find here"),
        (_LABELS, "What else it taught", "test images, strokes altered:"),
    ]
    for at, title, note in heads if slices else heads[:2]:
        sheet.text(at, 0.02, title, size=14, bold=True)
        sheet.text(at, 0.34, note, colour=style.MUTED)
    if slices:
        draw.key(sheet, _DUMBBELLS, 0.43, (draw.BEFORE, *draw.STATUS_MARKS))
    cells = {arm: evidence.verdicts[arm].cells[0] for arm in arms}
    top = max(max(*cell.before_per_seed, *cell.after_per_seed) for cell in cells.values())
    items = {arm: _items(evidence, arm, slices) for arm in arms}
    rates = [(i.before, i.after) for of_arm in items.values() for i in of_arm if i is not None]
    reach, widest = _reach(cells.values()), max(map(max, rates), default=0.01)
    for place, (arm, cell) in enumerate(cells.items()):
        down, tall = _HEAD + place * row, row - 0.45
        _row_head(sheet, evidence, arm, down)
        _slopes(sheet.axes(_SLOPES, down, 1.65, min(tall, 2.3)), cell, top)
        effect = sheet.axes(_EFFECT, down, 2.35, min(tall, 2.3))
        _effect(effect, cell, reach)
        effect.set_xlabel("← fewer    images per seed    more →")
        panels = [effect]
        if slices:
            dumbbells = draw.row_axes(sheet, _DUMBBELLS, down, 2.5, tall, len(slices))
            dumbbells.grid(visible=True, axis="x")
            dumbbells.set_xlim(0, 100 * widest * 1.06 or 1)
            dumbbells.set_xlabel("share of the class, in %")
            _dumbbells(sheet, dumbbells, evidence, slices, items[arm], down)
            panels.append(dumbbells)
        if place < len(arms) - 1:
            for axes in panels:
                axes.set_xlabel("")
                axes.tick_params(labelbottom=False)
            sheet.rule(down + row - 0.2)
    return sheet.figure


def _items(evidence: Evidence, arm: str, slices: Slices) -> list[Item | None]:
    return [words.slice_items(evidence, arm, piece).get(what) for piece, what in slices]


def _row_head(sheet: style.Sheet, evidence: Evidence, arm: str, down: float) -> None:
    verdict = evidence.verdicts[arm]
    sheet.text(0.35, down, arm, size=14, bold=True)
    colour = style.VERDICT_COLOURS[verdict.verdict]
    sheet.text(0.35, down + 0.3, verdict.verdict, bold=True, colour=colour)
    lines = "\n".join(textwrap.wrap(verdict.qualifier, 16))
    if lines:
        sheet.text(0.35, down + 0.52, lines, size=9.5, colour=style.MUTED)


def _slopes(axes: Axes, cell: CellResult, top: int) -> None:
    style.bare(axes)
    pairs = Counter(zip(cell.before_per_seed, cell.after_per_seed, strict=True))
    for (before, after), times in sorted(pairs.items()):
        colour = (
            style.BLUE if after < before else style.VERMILLION if after > before else style.MUTED
        )
        axes.plot([0, 1], [before, after], color=colour, lw=0.9 + 0.9 * times, alpha=0.38)
    means = (cell.before_images, cell.after_images)
    axes.plot([0, 1], means, color=style.INK, lw=3.2, marker="o", ms=8, zorder=5, clip_on=False)
    for x, side in ((0, "right"), (1, "left")):
        look = {"ha": side, "va": "center", "fontsize": 12.5, "fontweight": "bold"}
        draw.note(axes, (x, means[x]), wording.images(means[x]), (18 * x - 9, 0), **look)
    axes.set_xlim(-0.42, 1.42)
    axes.set_ylim(-0.03 * max(top, 1), max(top, 1) * 1.06)
    axes.set_xticks([0, 1], ["before", "after"])
    axes.set_yticks([])
    axes.axhline(0, color=style.GRID, lw=1.2, zorder=0)


def _reach(cells: Iterable[CellResult]) -> float:
    """Return how far the effect axes go to either side, in images per seed.

    An interval that is wider than the errors themselves is cut, with an arrow.
    """
    ends = [0.5]
    for cell in cells:
        rate = max(cell.before_images, cell.after_images, 3.0)
        wide = max(abs(cell.effect.low), abs(cell.effect.high)) * cell.n_images
        ends.append(max(min(wide, 1.5 * rate), 1.1 * abs(cell.effect.estimate) * cell.n_images))
    return 1.12 * max(ends)


def _effect(axes: Axes, cell: CellResult, reach: float) -> None:
    style.bare(axes, keep="bottom")
    effect, n = cell.effect, cell.n_images
    if cell.before:
        least = reach if cell.smallest_detectable is None else cell.smallest_detectable * n
        axes.axvspan(-min(least, reach), min(least, reach), color="#eff1f4", lw=0, zorder=0)
    axes.axvline(0, color=style.INK, lw=1.2)
    if 0 < cell.reduction_abs * n < reach:
        axes.axvline(-cell.reduction_abs * n, color=style.BLUE, lw=1.3, ls=draw.DASHED)
        at, coords = (-cell.reduction_abs * n, 1.0), ("data", "axes fraction")
        look: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 9, "color": style.BLUE}
        draw.note(axes, at, "asked", (-3, -1), coords=coords, **look)
    ends = (effect.low * n, effect.high * n)
    draw.interval(axes, 0, ends, style.INK, width=3, limits=(-reach, reach), arrow=9)
    axes.plot(
        [effect.estimate * n], [0], "o", color=style.INK, ms=11, mec="white", mew=1.5, zorder=5
    )
    change = wording.images(effect.estimate * n, sign=True)
    p_value = wording.p_value(cell.p_holm)
    after_holm = " after Holm" if cell.p_holm != effect.p_value else ""
    for text, lower, size, weight in (
        (f"{change}  [{wording.interval(effect, n)}]", 17, 11.5, "bold"),
        (f"{p_value}{after_holm}", 33, 10.5, "normal"),
    ):
        look = {"ha": "center", "va": "center", "fontsize": size, "fontweight": weight}
        plate = {"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none"}
        at, offset = (0.5, 0.56), (0, -lower)
        draw.note(axes, at, text, offset, coords="axes fraction", bbox=plate, **look)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-1.12, 0.88)
    axes.set_yticks([])


def _dumbbells(
    sheet: style.Sheet,
    axes: Axes,
    evidence: Evidence,
    slices: Slices,
    items: Sequence[Item | None],
    down: float,
) -> None:
    height = axes.get_position().height * sheet.height / len(slices)
    for place, ((piece, misreading), item) in enumerate(zip(slices, items, strict=True)):
        _slice_label(sheet, evidence, piece, misreading, down + (place + 0.5) * height, len(slices))
        harmed = item is not None and item.status == "harmed"
        if item:
            _dumbbell(axes, item, place)
        text = _change(item) if item else words.NOT_ASKED
        weight, colour = ("bold", style.VERMILLION) if harmed else ("normal", style.INK)
        look = {"va": "center", "fontsize": 10.5, "fontweight": weight, "color": colour}
        draw.note(axes, (1, place), text, (6, 0), coords=("axes fraction", "data"), **look)


def _slice_label(
    sheet: style.Sheet,
    evidence: Evidence,
    piece: SliceEvidence,
    misreading: words.Misreading,
    middle: float,
    n_slices: int,
) -> None:
    """Write what a counter-slice asks beside one of its images, in two lines or in one."""
    name, done = words.slice_label(evidence, piece, misreading)
    example = _example(evidence, piece)
    if n_slices <= _ROOMY:
        sheet.image(_LABELS, middle - 0.19, 0.38, example)
        size = min(11.5, 190 / len(name))
        sheet.text(_LABELS + 0.47, middle - 0.19, name, size=size, bold=True)
        sheet.text(_LABELS + 0.47, middle + 0.02, done, size=9.5, colour=style.MUTED)
        return
    sheet.image(_LABELS, middle - 0.14, 0.28, example)
    size = min(10.5, 110 / len(name))
    sheet.text(_LABELS + 0.36, middle, name, size=size, bold=True, va="center")
    view = f"{piece.view.operation} {piece.view.size_px} px"
    sheet.text(_LABELS + 1.4, middle, view, size=9.5, colour=style.MUTED, va="center")


def _change(item: Item) -> str:
    before, after = wording.percent(item.before), wording.percent(item.after)
    return f"{before.removesuffix('%')} → {after}  {words.fold(item.after, item.before)}"


def _dumbbell(axes: Axes, item: Item, place: int) -> None:
    colour, marker = style.STATUS_COLOURS[item.status], style.STATUS_MARKERS[item.status]
    before, after = 100 * item.before, 100 * item.after
    axes.plot([before, after], [place, place], color=colour, lw=4.5, alpha=0.55, zorder=2)
    top: dict[str, Any] = {"ls": "", "clip_on": False, "zorder": 4}
    if before != after:  # else its mark lies below that of after
        axes.plot([before], [place], "o", ms=8, mfc="white", mec=style.MUTED, mew=1.8, **top)
    axes.plot([after], [place], marker, color=colour, ms=9.5, mec="white", **top)


def _example(evidence: Evidence, piece: SliceEvidence) -> Images:
    """Return one image of the slice as the models see it: the one of median ink."""
    images = evidence.confirm.images[piece.ids_M]
    inks = images.reshape(len(images), -1).mean(axis=1)
    middle = int(np.argsort(inks, kind="stable")[len(images) // 2])
    altered: Images = OPERATIONS[piece.view.operation](
        images[middle : middle + 1], piece.view.size_px
    )
    return altered.reshape(images.shape[1:])
