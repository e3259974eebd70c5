"""The figure of who wrote what is misread: kinds of writers, and in how few writers errors are."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from misread import wording
from misread.images import Images
from misread.judge.permutation import Concentration
from misread.show import style
from misread.show.figures.shape import key, rates
from misread.show.slices import concentration_sentence, sampling_units, true_name, writers_sentence
from misread.study.evidence import NOT_PLANNED, Evidence
from misread.study.slices import Slices, Writer, WriterSlices

MOST = 12  # writers whose images are drawn
_IMAGES = 4  # of one writer
_TILE, _WIDE, _TALL, _ROW = 0.86, 2.55, 2.2, 1.0


@style.styled
def writers(evidence: Evidence) -> Figure:
    """Draw rates by kind of writer, in how few writers errors are, and the writers of the target.

    Data: `slices.json`.
    """
    return writers_figure(
        evidence.sliced, evidence.confirm.images, evidence.plan.exploratory or NOT_PLANNED
    )


@style.styled
def writers_figure(sliced: Slices, images: Images, warning: str) -> Figure:
    """Draw slices by writer. Arguments as in `shape.shape_figure`."""
    written = sliced.written
    if written is None:
        return style.Sheet(9, 0.3, writers_sentence(sliced), warning=warning).figure
    shown = written.writers[:MOST]
    n_rows = -(-len(shown) // 3)
    sheet = style.Sheet(
        13.1,
        3.75 + (0.45 + n_rows * (_ROW + 0.2) if shown else 0),
        writers_sentence(sliced),
        f"Left: share misread by kind of writer, with {wording.level(sliced.alpha)} intervals "
        f"over {sampling_units(sliced)}. Right: share of the baseline's errors in the k writers "
        "with "
        "most, found (line) and if the same errors fell on images by chance (grey: the mean, and "
        "95 of 100 such draws).",
        warning,
    )
    if written.cell:
        key(sheet, sliced.arms, 0.35, 0.12)
    for left, strata, told in (
        (0.75, written.cell, f"{sliced.cell_name}, of class {true_name(sliced)}"),
        (3.95, written.all, "all errors"),
    ):
        sheet.text(left - 0.4, 0.42, told, fontsize=12.5, fontweight="bold")
        if strata:
            axes = sheet.axes(left, 0.8, _WIDE, _TALL)
            top = 1.08 * max(arm.high for each in strata for arm in each.arms)
            rates(axes, strata, sliced.arms, top)
            names = [f"{written.groups[s.stratum]}\n{s.n_images:,} images" for s in strata]
            axes.set_xticks([s.stratum for s in strata], names)
    _concentrations(sheet, sliced, written)
    if shown:
        _people(sheet, sliced, shown, images)
    return sheet.figure


def _concentrations(sheet: style.Sheet, sliced: Slices, written: WriterSlices) -> None:
    for left, found, told in (
        (7.25, written.cell_concentration, sliced.cell_name),
        (10.25, written.all_concentration, "all errors"),
    ):
        sheet.text(left - 0.35, 0.42, told, fontsize=12.5, fontweight="bold")
        if found is None:
            sheet.text(left - 0.35, 0.8, "no errors", color=style.MUTED)
            continue
        _curve(sheet.axes(left, 0.8, _WIDE - 0.1, _TALL), found)


def _curve(axes: Axes, found: Concentration) -> None:
    places = range(1, len(found.share_K) + 1)
    axes.fill_between(
        places,
        [100 * v for v in found.low_K],
        [100 * v for v in found.high_K],
        color=style.FAINT,
        alpha=0.45,
        lw=0,
    )
    axes.plot(places, [100 * v for v in found.chance_K], color=style.MUTED, lw=1.4, ls=(0, (4, 3)))
    marker = "o" if len(found.share_K) < 20 else ""
    axes.plot(
        places,
        [100 * v for v in found.share_K],
        color=style.VERMILLION,
        lw=2.2,
        marker=marker,
        ms=4,
    )
    axes.axhline(50, color=style.FAINT, lw=1)
    axes.set_ylim(0, 103)
    axes.set_xlim(0.5, max(len(found.share_K), 2) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter("{x:g}%")
    axes.set_xlabel(f"writers, of {found.n_groups:,}")
    expected = wording.number(found.half_chance, decimals=1)
    told = f"half: {wording.count(found.half, 'writer')},\nby chance {expected}"
    axes.annotate(
        told,
        (0.97, 0.06),
        xycoords="axes fraction",
        ha="right",
        fontsize=10,
        color=style.INK,
    )


def _people(sheet: style.Sheet, sliced: Slices, shown: tuple[Writer, ...], images: Images) -> None:
    concentrated = sliced.written.cell_concentration if sliced.written else None
    down = 3.85
    told = concentration_sentence(concentrated, sliced.cell_name)
    sheet.text(0.35, down, f"{told}.", fontsize=12.5, fontweight="bold")
    for number, writer in enumerate(shown):
        row, column = divmod(number, 3)
        left, top = 0.35 + column * 4.2, down + 0.45 + row * (_ROW + 0.2)
        drawn = writer.images[: _IMAGES if len(shown) < 4 else 2]
        for place, image in enumerate(drawn):
            sheet.image(left + place * (_TILE + 0.06), top, _TILE, images[image])
        lines = (
            f"writer {writer.writer}",
            writer.group,
            f"{len(writer.images)} of {wording.count(writer.n_images, 'image')}",
            f"{wording.images(writer.errors_per_seed)} errors a seed",
        )
        at = left + len(drawn) * (_TILE + 0.06) + 0.08
        for line, text in enumerate(filter(None, lines)):
            weight = "normal" if line else "bold"
            sheet.text(at, top + 0.02 + 0.2 * line, text, fontsize=10, fontweight=weight)
