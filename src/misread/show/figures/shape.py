"""The figure of slices by shape: how often each fifth is misread, with what it looks like."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.images import Images
from misread.images.shape import MEASURES
from misread.judge.strata import Stratum
from misread.show import draw, style
from misread.show.slices import explained_sentence, fifth, limits, sampling_units, true_name
from misread.study.evidence import Evidence
from misread.study.slices import N_STRATA, NOT_PLANNED, ShapeSlices, Slices

_TILE, _ROW = 0.54, 1.86
_LEFT, _CELL, _RIGHT, _ALL = 2.55, 4.15, 7.75, 9.5
_WIDE, _TALL = 3.4, 1.1


def shape(evidence: Evidence) -> Figure:
    """Draw the target's rate and that of all errors in fifths by shape, of every arm."""
    return shape_figure(
        evidence.sliced, evidence.confirm.images, evidence.plan.exploratory or NOT_PLANNED
    )


@style.styled
def shape_figure(sliced: Slices, images: Images, warning: str) -> Figure:
    """Draw slices by shape; `images` are those of *confirm*."""
    name = true_name(sliced)
    sheet = style.Sheet(
        13.1,
        0.75 + _ROW * len(sliced.shape),
        explained_sentence(sliced),
        f"Share of the images that is misread, with {wording.level(sliced.alpha)} intervals over "
        f"{sampling_units(sliced)}, in fifths of each class by its own shape: a fifth has the same "
        f"mix of classes as all. The images are of class {name}, from the lowest and the highest "
        "2%. Measures in the order of how far one fifth holds more of the baseline's errors than "
        "chance.",
        warning,
    )
    draw.key(sheet, 0.35, 0.17, draw.arm_marks(sliced.arms))
    sheet.text(_CELL, 0.4, f"{sliced.cell_name}, of class {name}", size=12.5, bold=True)
    sheet.text(_ALL, 0.4, "all errors, of all classes", size=12.5, bold=True)
    top = highest_rate([stratum for slices in sliced.shape for stratum in slices.cell])
    top_of_all = highest_rate([stratum for slices in sliced.shape for stratum in slices.all])
    for row, slices in enumerate(sliced.shape):
        down = 0.78 + row * _ROW
        _row_head(sheet, sliced, slices, down)
        _images(sheet, slices, images, down)
        cell = sheet.axes(_CELL, down, _WIDE, _TALL)
        rates(cell, slices.cell, sliced.arms, top)
        _name_edges(cell, slices)
        whole = sheet.axes(_ALL, down, _WIDE - 0.2, _TALL)
        rates(whole, slices.all, sliced.arms, top_of_all)
        whole.set_xticks([])
        measure = MEASURES[slices.measure]
        for at, end, side in ((0, measure.low, "left"), (1, measure.high, "right")):
            look: dict[str, Any] = {"va": "top", "ha": side, "color": style.MUTED}
            whole.text(at, -0.08, end, transform=whole.transAxes, **look)
    return sheet.figure


def _row_head(sheet: style.Sheet, sliced: Slices, slices: ShapeSlices, down: float) -> None:
    sheet.text(0.35, down + 0.05, MEASURES[slices.measure].title, size=13, bold=True)
    ranked = {worst.measure: worst for worst in sliced.explained[sliced.baseline]}
    if worst := ranked.get(slices.measure):
        lines = (
            fifth(slices.measure, worst.stratum),
            f"({limits(slices, worst.stratum)}):",
            f"{wording.percent(worst.share)} of {sliced.cell_name},",
            f"by chance {wording.percent(worst.chance)}; {wording.p_value(worst.p_value)}",
        )
        for number, line in enumerate(lines):
            sheet.text(0.35, down + 0.31 + 0.19 * number, line, size=9.5, colour=style.MUTED)


def _images(sheet: style.Sheet, slices: ShapeSlices, images: Images, down: float) -> None:
    for left, chosen in ((_LEFT, slices.low[:4]), (_RIGHT, slices.high[:4])):
        draw.tiles(sheet, (images[n] for n in chosen), 2, (left, down), _TILE, _TILE)


def _name_edges(axes: Axes, slices: ShapeSlices) -> None:
    names = [wording.number(edge, decimals=1) for edge in slices.edges]
    axes.set_xticks([k - 0.5 for k in range(N_STRATA + 1)] if names else [], names)
    axes.tick_params(axis="x", pad=7)
    measure = MEASURES[slices.measure]
    axes.set_xlabel(f"{measure.title}, {'degrees' if measure.unit == '°' else measure.unit}")


def rates(axes: Axes, strata: Sequence[Stratum], arms: Sequence[str], top: float) -> None:
    """Draw every arm's rate in every stratum, beside one another, in per cent."""
    style.bare(axes, keep="bottom")
    axes.set_xlim(-0.5, max((stratum.stratum for stratum in strata), default=0) + 0.5)
    axes.set_ylim(0, 100 * top)
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter("{x:g}%")
    axes.grid(visible=True, axis="y")
    step = 0.7 / max(len(arms), 2)
    marks = draw.arm_marks(arms)
    dot: dict[str, Any] = {"ms": 5.5, "mec": "white", "mew": 0.5, "zorder": 4, "clip_on": False}
    for stratum in strata:
        if stratum.stratum:
            axes.axvline(stratum.stratum - 0.5, color=style.GRID, lw=1)
        for number, (rate, mark) in enumerate(zip(stratum.arms, marks, strict=True)):
            at = stratum.stratum + step * (number - (len(arms) - 1) / 2)
            axes.vlines(at, 100 * rate.low, 100 * rate.high, color=mark.colour, lw=1.5, alpha=0.55)
            axes.plot([at], [100 * rate.rate], mark.marker, color=mark.colour, **dot)


def highest_rate(strata: Sequence[Stratum]) -> float:
    """Return a rate above the interval of every arm in every stratum."""
    return 1.08 * max((arm.high for stratum in strata for arm in stratum.arms), default=1.0)
