"""The figure of slices by shape: how often each fifth is misread, with what it looks like."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.images import Images
from misread.images.shape import MEASURES
from misread.judge.strata import Stratum
from misread.show import style
from misread.show.slices import explained_sentence, fifth, limits, sampling_units, true_name
from misread.study.evidence import NOT_PLANNED, Evidence
from misread.study.slices import N_STRATA, ShapeSlices, Slices

MARKS = (
    (style.INK, "o"),
    (style.VERMILLION, "D"),
    (style.BLUE, "s"),
    (style.GREEN, "^"),
    (style.PURPLE, "v"),
    (style.ORANGE, "P"),
    (style.SKY, "X"),
)
_TILE, _ROW = 0.54, 1.86
_LEFT, _CELL, _RIGHT, _ALL = 2.55, 4.15, 7.75, 9.5
_WIDE, _TALL = 3.4, 1.1


@style.styled
def shape(evidence: Evidence) -> Figure:
    """Draw the target's rate and that of all errors in fifths by shape, every arm, with intervals.

    Data: `slices.json`. Beside each measure are images of the target's class from its low and its
    high end.
    """
    return shape_figure(
        evidence.sliced, evidence.confirm.images, evidence.plan.exploratory or NOT_PLANNED
    )


@style.styled
def shape_figure(sliced: Slices, images: Images, warning: str) -> Figure:
    """Draw slices by shape.

    Parameters
    ----------
    sliced
        What is drawn.
    images
        Those of *confirm*.
    warning
        Stands above everything.
    """
    name = true_name(sliced)
    sheet = style.Sheet(
        13.1,
        0.75 + _ROW * len(sliced.shape),
        explained_sentence(sliced),
        f"Share of the images that is misread, with {wording.level(sliced.alpha)} intervals over "
        f"{sampling_units(sliced)}, in fifths of each class by its own shape: a fifth has the "
        "same mix of "
        f"classes as all. The images are of class {name}, from the lowest and the highest 2%. "
        "Measures in the order of how far one fifth holds more of the baseline's errors than "
        "chance.",
        warning,
    )
    key(sheet, sliced.arms, 0.35, 0.12)
    for left, told in (
        (_CELL, f"{sliced.cell_name}, of class {name}"),
        (_ALL, "all errors, of all classes"),
    ):
        sheet.text(left, 0.4, told, fontsize=12.5, fontweight="bold")
    tops = [
        _top([s for own in sliced.shape for s in (own.cell if of_cell else own.all)])
        for of_cell in (True, False)
    ]
    for row, own in enumerate(sliced.shape):
        _row(sheet, sliced, own, images, 0.78 + row * _ROW, tops)
    return sheet.figure


def _row(
    sheet: style.Sheet,
    sliced: Slices,
    own: ShapeSlices,
    images: Images,
    down: float,
    tops: Sequence[float],
) -> None:
    measure = MEASURES[own.measure]
    sheet.text(0.35, down + 0.05, measure.title, fontsize=13, fontweight="bold")
    found = [each for each in sliced.explained[sliced.baseline] if each.measure == own.measure]
    for each in found:
        lines = (
            fifth(own.measure, each.stratum),
            f"({limits(own, each.stratum)}):",
            f"{wording.percent(each.share)} of {sliced.cell_name},",
            f"by chance {wording.percent(each.chance)}; {wording.p_value(each.p_value)}",
        )
        for number, line in enumerate(lines):
            sheet.text(0.35, down + 0.31 + 0.19 * number, line, fontsize=9.5, color=style.MUTED)
    for left, places in ((_LEFT, own.low), (_RIGHT, own.high)):
        for number, place in enumerate(places[:4]):
            across, below = number % 2, number // 2
            sheet.image(left + across * _TILE, down + below * _TILE, _TILE, images[place])
    cell = sheet.axes(_CELL, down, _WIDE, _TALL)
    rates(cell, own.cell, sliced.arms, tops[0])
    if own.edges:
        cell.set_xticks(
            [k - 0.5 for k in range(N_STRATA + 1)],
            [wording.number(edge, decimals=1) for edge in own.edges],
        )
    else:
        cell.set_xticks([])
    cell.tick_params(axis="x", pad=7)
    cell.set_xlabel(f"{measure.title}, {'degrees' if measure.unit == '°' else measure.unit}")
    whole = sheet.axes(_ALL, down, _WIDE - 0.2, _TALL)
    rates(whole, own.all, sliced.arms, tops[1])
    whole.set_xticks([])
    for at, told, side in ((0, measure.low, "left"), (1, measure.high, "right")):
        whole.text(at, -0.08, told, ha=side, va="top", color=style.MUTED, transform=whole.transAxes)


def rates(axes: Axes, strata: Sequence[Stratum], arms: Sequence[str], top: float) -> None:
    """Draw every arm's rate in every stratum, beside one another, in per cent."""
    style.bare(axes, keep="bottom")
    axes.set_xlim(-0.5, max((s.stratum for s in strata), default=0) + 0.5)
    axes.set_ylim(0, 100 * top)
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter("{x:g}%")
    axes.grid(visible=True, axis="y")
    step = 0.7 / max(len(arms), 2)
    for stratum in strata:
        if stratum.stratum:
            axes.axvline(stratum.stratum - 0.5, color=style.GRID, lw=1)
        for number, (each, (colour, marker)) in enumerate(
            zip(stratum.arms, (MARKS * len(arms))[: len(arms)], strict=True)
        ):
            at = stratum.stratum + step * (number - (len(arms) - 1) / 2)
            axes.vlines(at, 100 * each.low, 100 * each.high, color=colour, lw=1.5, alpha=0.55)
            axes.plot(
                [at], [100 * each.rate], marker, ms=5.5, color=colour, mec="white", mew=0.5,
                zorder=4, clip_on=False,
            )  # fmt: skip


def key(sheet: style.Sheet, arms: Sequence[str], left: float, down: float) -> None:
    """Explain the marks of the arms in one line."""
    axes = sheet.axes(left, down - 0.1, 12.0, 0.3)
    axes.axis("off")
    axes.set_xlim(0, 12.0)
    axes.set_ylim(-1, 1)
    at = 0.08
    for arm, (colour, marker) in zip(arms, MARKS * len(arms), strict=False):
        axes.plot([at], [0], marker, ms=7, color=colour)
        axes.text(at + 0.14, 0, arm, va="center", fontsize=10.5)
        at += 0.42 + 0.095 * len(arm)


def _top(strata: Sequence[Stratum]) -> float:
    return 1.08 * max((arm.high for each in strata for arm in each.arms), default=1.0)
