"""Figures of what a treatment did: to its target, to the counter-slices, to everything else."""

from collections import Counter
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.images import Images
from misread.images.operations import OPERATIONS
from misread.judge.collateral import Item
from misread.judge.targets import CellResult
from misread.show import style, words
from misread.study.evidence import Evidence, SliceEvidence

_NO_ARM = "No arm was treated: there is nothing to compare the baseline with"


@style.styled
def before_after(evidence: Evidence) -> Figure:
    """Draw what each arm was made for, how sure that is, and what it did when strokes differ.

    Data: `verdicts`. A row per treated arm. Left: the target cell's errors of each seed, before and
    after (thin, thicker where seeds coincide) and their mean (thick). Middle: the mean change with
    its interval over seeds and images; the grey band is what this study could not have found with
    80% power. Right: the counter-slices, the share of a class misread when its images are treated
    by an operation of the policy, before → after, coloured by status.
    """
    arms = evidence.treated_arms
    if not arms:
        return style.Sheet(9, 0.3, _NO_ARM, warning=evidence.plan.exploratory).figure
    slices = words.slices_to_show(evidence)
    line = 0.47 if len(slices) <= _ROOMY else 0.34
    row = max(1.75, line * len(slices) + 0.45)
    sheet = style.Sheet(
        14.0,
        _HEAD + row * len(arms) + 0.55,
        words.finding(evidence, arms[0]),
        f"{words.seed_count(evidence)}, {len(evidence.confirm):,} confirm images; "
        "each arm against the baseline trained from the same seeds.",
        evidence.plan.exploratory,
    )
    _column_heads(sheet, evidence)
    results = {arm: words.target_result(evidence, arm) for arm in arms}
    top = max(max(*r.before_per_seed, *r.after_per_seed) for r in results.values())
    reach = _reach(results)
    widest = max(
        [
            max(item.before, item.after)
            for arm in arms
            for piece, which in slices
            for name, item in words.slice_items(evidence, arm, piece).items()
            if name == which
        ]
        or [0.01]
    )
    for place, arm in enumerate(arms):
        down, tall = _HEAD + place * row, row - 0.45
        _row_head(sheet, evidence, arm, down)
        _slopes(sheet.axes(_SLOPES, down, 1.65, min(tall, 2.3)), results[arm], top)
        shown = [sheet.axes(_EFFECT, down, 2.35, min(tall, 2.3))]
        _effect(shown[0], results[arm], reach)
        if slices:
            shown.append(sheet.axes(_DUMBBELLS, down, 2.5, tall))
            _dumbbells(sheet, shown[1], evidence, arm, slices, widest, down)
        if place < len(arms) - 1:
            for axes in shown:
                axes.tick_params(labelbottom=False)
            sheet.rule(down + row - 0.2)
        else:
            shown[0].set_xlabel("← fewer    images per seed    more →")
            if slices:
                shown[1].set_xlabel("share of the class, in %")
    return sheet.figure


_HEAD = 1.0
_ROOMY = 5  # more counter-slices than these are labelled in one line each
_SLOPES, _EFFECT, _LABELS, _DUMBBELLS = 1.85, 4.25, 7.0, 9.35


def _column_heads(sheet: style.Sheet, evidence: Evidence) -> None:
    target = words.target_name(evidence)
    for at, title, what in (
        (_SLOPES, "What it is for", f"{target} errors per seed"),
        (_EFFECT, "How sure is that?", "grey: too small to find here"),
        (_LABELS, "What else it taught", "test images, strokes altered:"),
    ):
        sheet.text(at, 0.02, title, fontsize=14, fontweight="bold")
        sheet.text(at, 0.34, what, fontsize=11, color=style.MUTED)
    sheet.key(_DUMBBELLS, 0.43)


def _row_head(sheet: style.Sheet, evidence: Evidence, arm: str, down: float) -> None:
    verdict = evidence.verdicts[arm]
    sheet.text(0.35, down, arm, fontsize=14, fontweight="bold")
    sheet.text(
        0.35,
        down + 0.3,
        verdict.verdict,
        fontsize=11,
        fontweight="bold",
        color=style.VERDICT_COLOURS[verdict.verdict],
    )
    if verdict.qualifier:
        sheet.text(
            0.35,
            down + 0.52,
            verdict.qualifier.replace(", ", "\n").replace("collateral ", "collateral\n"),
            fontsize=9.5,
            color=style.MUTED,
        )


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
    for x, value, side in ((0, means[0], -1), (1, means[1], 1)):
        axes.annotate(
            wording.images(value),
            (x, value),
            xytext=(9 * side, 0),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="center",
            fontsize=12.5,
            fontweight="bold",
        )
    axes.set_xlim(-0.42, 1.42)
    axes.set_ylim(-0.03 * max(top, 1), max(top, 1) * 1.06)
    axes.set_xticks([0, 1], ["before", "after"])
    axes.set_yticks([])
    axes.axhline(0, color=style.GRID, lw=1.2, zorder=0)


def _reach(results: dict[str, CellResult]) -> float:
    """Return how far the effect axes go to either side, in images per seed.

    An interval that is wider than the errors themselves is cut, with an arrow.
    """
    ends = [0.5]
    for cell in results.values():
        rate = max(cell.before_images, cell.after_images, 3.0)
        wide = max(abs(cell.effect.low), abs(cell.effect.high)) * cell.n_images
        ends.append(max(min(wide, 1.5 * rate), 1.1 * abs(cell.effect.estimate) * cell.n_images))
    return 1.12 * max(ends)


def _effect(axes: Axes, cell: CellResult, reach: float) -> None:
    style.bare(axes, keep="bottom")
    effect, n = cell.effect, cell.n_images
    low, high, estimate = effect.low * n, effect.high * n, effect.estimate * n
    if cell.smallest_detectable is not None:
        least = min(cell.smallest_detectable * n, reach)
        axes.axvspan(-least, least, color="#eff1f4", lw=0, zorder=0)
    axes.axvline(0, color=style.INK, lw=1.2)
    if 0 < cell.reduction_abs * n < reach:
        axes.axvline(-cell.reduction_abs * n, color=style.BLUE, lw=1.3, ls=(0, (3, 2)))
        axes.annotate(
            "asked",
            (-cell.reduction_abs * n, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-3, -1),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=9,
            color=style.BLUE,
        )
    colour = style.INK
    axes.plot([max(low, -reach), min(high, reach)], [0, 0], color=colour, lw=3)
    for end, side in ((low, "<"), (high, ">")):
        if abs(end) > reach:
            axes.plot(
                [reach if side == ">" else -reach], [0], side, color=colour, ms=9, clip_on=False
            )
    axes.plot([estimate], [0], "o", color=colour, ms=11, mec="white", mew=1.5, zorder=5)
    told = wording.p_value(cell.p_holm) + (" after Holm" if cell.p_holm != effect.p_value else "")
    for text, lower, size, weight in (
        (
            f"{wording.images(estimate, sign=True)}  [{wording.interval(effect, n)}]",
            17,
            11.5,
            "bold",
        ),
        (told, 33, 10.5, "normal"),
    ):
        axes.annotate(
            text,
            (0.5, 0.56),
            xycoords="axes fraction",
            xytext=(0, -lower),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            fontweight=weight,
            bbox={"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none"},
        )
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-1.12, 0.88)
    axes.set_yticks([])


def _dumbbells(
    sheet: style.Sheet,
    axes: Axes,
    evidence: Evidence,
    arm: str,
    slices: list[tuple[SliceEvidence, words.Misreading]],
    widest: float,
    down: float,
) -> None:
    style.bare(axes, keep="bottom")
    axes.grid(visible=True, axis="x")
    axes.set_xlim(0, 100 * widest * 1.06 or 1)
    axes.set_ylim(len(slices) - 0.5, -0.5)
    axes.set_yticks([])
    height = axes.get_position().height * sheet.height / len(slices)
    for place, (piece, which) in enumerate(slices):
        item = words.slice_items(evidence, arm, piece).get(which)
        middle = down + (place + 0.5) * height
        harmed = item is not None and item.status == "harmed"
        if item:
            _dumbbell(axes, item, place)
        read, done = words.slice_label(evidence, piece, which)
        if len(slices) <= _ROOMY:
            sheet.image(_LABELS, middle - 0.19, 0.38, _example(evidence, piece))
            sheet.text(
                _LABELS + 0.47,
                middle - 0.19,
                read,
                fontsize=min(11.5, 190 / len(read)),
                fontweight="bold",
            )
            sheet.text(_LABELS + 0.47, middle + 0.02, done, fontsize=9.5, color=style.MUTED)
        else:
            sheet.image(_LABELS, middle - 0.14, 0.28, _example(evidence, piece))
            sheet.text(
                _LABELS + 0.36,
                middle,
                read,
                fontsize=min(10.5, 110 / len(read)),
                fontweight="bold",
                va="center",
            )
            what = f"{piece.slice.operation} {piece.slice.size_px} px"
            sheet.text(_LABELS + 1.4, middle, what, fontsize=9.5, color=style.MUTED, va="center")
        axes.annotate(
            _told(item) if item else words.NOT_ASKED,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=10.5,
            fontweight="bold" if harmed else "normal",
            color=style.VERMILLION if harmed else style.INK,
            annotation_clip=False,
        )


def _told(item: Item) -> str:
    before, after = wording.percent(item.before), wording.percent(item.after)
    return f"{before.removesuffix('%')} → {after}  {words.fold(item.after, item.before)}"


def _dumbbell(axes: Axes, item: Item, place: int) -> None:
    colour = style.STATUS_COLOURS[item.status]
    before, after = 100 * item.before, 100 * item.after
    axes.plot([before, after], [place, place], color=colour, lw=4.5, alpha=0.55, zorder=2)
    marker = style.STATUS_MARKERS[item.status]
    looks: dict[float, dict[str, Any]] = {
        before: {"marker": "o", "ms": 8, "mfc": "white", "mec": style.MUTED, "mew": 1.8}
    }
    looks[after] = {"marker": marker, "ms": 9.5, "mec": "white"}  # where nothing changed, this one
    for value, look in looks.items():
        axes.plot([value], [place], color=colour, ls="", clip_on=False, zorder=4, **look)


def _example(evidence: Evidence, piece: SliceEvidence) -> Images:
    """Return one image of the slice as the models see it: the one of median ink."""
    own = evidence.confirm.images[piece.ids_M]
    inks = own.reshape(len(own), -1).mean(axis=1)
    middle = int(np.argsort(inks, kind="stable")[len(own) // 2])
    one = own[middle : middle + 1]
    treated: Images = OPERATIONS[piece.slice.operation](one, piece.slice.size_px)
    return treated.reshape(own.shape[1:])
