"""The figure of who wrote what is misread: kinds of writers, and in how few writers errors are."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from misread import wording
from misread.images import Images
from misread.judge.permutation import Concentration
from misread.show import draw, style
from misread.show.figures.shape import highest_rate, rates
from misread.show.slices import concentration_sentence, sampling_units, true_name, writers_sentence
from misread.study.evidence import Evidence
from misread.study.slices import NOT_PLANNED, Slices, Writer

MOST = 12  # writers whose images are drawn
_IMAGES = 4  # of one writer
_TILE, _WIDE, _TALL, _ROW = 0.86, 2.55, 2.2, 1.0


def writers(evidence: Evidence) -> Figure:
    """Draw rates by kind of writer, in how few writers errors are, and who wrote the target."""
    return writers_figure(
        evidence.sliced, evidence.confirm.images, evidence.plan.exploratory or NOT_PLANNED
    )


@style.styled
def writers_figure(sliced: Slices, images: Images, warning: str) -> Figure:
    """Draw slices by writer; `images` are those of *confirm*."""
    written = sliced.written
    if written is None:
        return style.Sheet(9, 0.3, writers_sentence(sliced), warning=warning).figure
    worst = written.writers[:MOST]
    n_rows = -(-len(worst) // 3)
    sheet = style.Sheet(
        13.1,
        3.75 + (0.45 + n_rows * (_ROW + 0.2) if worst else 0),
        writers_sentence(sliced),
        f"Left: share misread by kind of writer, with {wording.level(sliced.alpha)} intervals over "
        f"{sampling_units(sliced)}. Right: share of the baseline's errors in the k writers with "
        "most, found (line) and if the same errors fell on images by chance (grey: the mean, and "
        "95 of 100 such draws).",
        warning,
    )
    if written.cell:
        draw.key(sheet, 0.35, 0.17, draw.arm_marks(sliced.arms))
    for left, strata, head in (
        (0.75, written.cell, f"{sliced.cell_name}, of class {true_name(sliced)}"),
        (3.95, written.all, "all errors"),
    ):
        sheet.text(left - 0.4, 0.42, head, size=12.5, bold=True)
        if strata:
            axes = sheet.axes(left, 0.8, _WIDE, _TALL)
            rates(axes, strata, sliced.arms, highest_rate(strata))
            names = [f"{written.groups[s.stratum]}\n{s.n_images:,} images" for s in strata]
            axes.set_xticks([s.stratum for s in strata], names)
    for left, concentration, head in (
        (7.25, written.cell_concentration, sliced.cell_name),
        (10.25, written.all_concentration, "all errors"),
    ):
        sheet.text(left - 0.35, 0.42, head, size=12.5, bold=True)
        if concentration is None:
            sheet.text(left - 0.35, 0.8, "no errors", colour=style.MUTED)
        else:
            _curve(sheet.axes(left, 0.8, _WIDE - 0.1, _TALL), concentration)
    if worst:
        sentence = concentration_sentence(written.cell_concentration, sliced.cell_name)
        sheet.text(0.35, 3.85, f"{sentence}.", size=12.5, bold=True)
        corners = draw.places(len(worst), 3, 0.35, 4.3, (4.2, _ROW + 0.2))
        n_images = _IMAGES if len(worst) < 4 else 2
        for writer, corner in zip(worst, corners, strict=True):
            _writer(sheet, writer, images, n_images, corner)
    return sheet.figure


def _curve(axes: Axes, concentration: Concentration) -> None:
    it, n = concentration, len(concentration.share_K)
    low_K, high_K, chance_K, share_K = 100 * np.array(
        [it.low_K, it.high_K, it.chance_K, it.share_K]
    )
    numbers = range(1, n + 1)
    axes.fill_between(numbers, low_K, high_K, color=style.FAINT, alpha=0.45, lw=0)
    axes.plot(numbers, chance_K, color=style.MUTED, lw=1.4, ls=(0, (4, 3)))
    marker = "o" if n < 20 else ""
    axes.plot(numbers, share_K, color=style.VERMILLION, lw=2.2, marker=marker, ms=4)
    axes.axhline(50, color=style.FAINT, lw=1)
    axes.set_ylim(0, 103)
    axes.set_xlim(0.5, max(n, 2) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter("{x:g}%")
    axes.set_xlabel(f"writers, of {concentration.n_groups:,}")
    half = wording.count(concentration.half, "writer")
    expected = wording.number(concentration.half_chance, decimals=1)
    text = f"half: {half},\nby chance {expected}"
    axes.text(0.97, 0.06, text, ha="right", fontsize=10, transform=axes.transAxes)


def _writer(
    sheet: style.Sheet, writer: Writer, images: Images, n_images: int, corner: tuple[float, float]
) -> None:
    left, top = corner
    for image in writer.images[:n_images]:
        sheet.image(left, top, _TILE, images[image])
        left += _TILE + 0.06
    lines = (
        f"writer {writer.writer}",
        writer.group,
        f"{len(writer.images)} of {wording.count(writer.n_images, 'image')}",
        f"{wording.images(writer.errors_per_seed)} errors a seed",
    )
    for number, line in enumerate(filter(None, lines)):
        sheet.text(left + 0.08, top + 0.02 + 0.2 * number, line, size=10, bold=not number)
