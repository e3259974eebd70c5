"""What a study could show: a table for the terminal, and a figure that fits a slide."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.judge import Pilot, PowerAnswer, power_of, smallest_found
from misread.judge.planner import power_told
from misread.show import style
from misread.show.table import Table

_COLOURS = (style.SKY, style.BLUE, style.GREEN, style.ORANGE, style.PURPLE, style.VERMILLION)
_SEEDS = (3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50)
_SEEDS_DRAWN = (5, 10, 20, 40)
_TIMES = (0.5, 0.6, 0.7, 0.85, 1, 1.4, 2, 2.8, 4, 5.6, 8, 16)
_TICKS = (0.5, 1, 2, 4, 8, 16)


def power_table(answer: PowerAnswer) -> Table:
    """Return the power over seeds × reductions; the design's row and the asked column marked."""
    heads = (
        f"−{100 * reduction:g}%{' *' if reduction == answer.reduction else ''}"
        for reduction in answer.reductions
    )
    rows = tuple(
        (
            f"{'* ' if row.n_seeds == answer.n_seeds else ''}{row.n_seeds}",
            *map(power_told, row.power),
        )
        for row in answer.table
    )
    title = f"Power to find a fall of {answer.cell}"
    return Table(title, ("seeds", *heads), rows, f"{answer.n_images:,} images; * as asked", "r")


def smallest_sentence(answer: PowerAnswer) -> str:
    """Return the smallest reduction that the design finds, in a sentence."""
    if answer.smallest_relative is None:
        return f"Not even a fall to zero is found with power {power_told(answer.target)}."
    images = answer.errors_per_seed * answer.smallest_relative
    return (
        f"Smallest fall found with power {power_told(answer.target)}: "
        f"{answer.smallest_relative:.0%} ({images:.1f} errors a seed)."
    )


@style.styled
def power_figure(answer: PowerAnswer, pilot: Pilot) -> Figure:
    """Draw what a study could show.

    Data: `answer` and the pilot behind it. Left: the power against the number of seeds, a line for
    each reduction, the present design marked. Right: the smallest reduction found with the wanted
    power, against the images of the class, a line for each number of seeds.
    """
    sheet = style.Sheet(
        13.0,
        5.75,
        answer.sentence.partition("; more ")[0].removesuffix("."),
        f"Pilot: {answer.source}, {answer.rate:.2%} of the class. Two-sided test at "
        f"{answer.alpha:.3g} over paired seeds and images.",
    )
    power, smallest = power_told(answer.power), answer.smallest_relative
    for left, head, own, dashed in (
        (0.85, f"power with {answer.n_images:,} images", power, power_told(answer.target)),
        (
            7.55,
            f"smallest fall found with power {power_told(answer.target)}",
            "none" if smallest is None else f"−{smallest:.0%}",
            f"−{answer.reduction:.0%}",
        ),
    ):
        sheet.text(left, 0.05, head, fontsize=13, fontweight="bold")
        told = f"○ this design: {own} · dashed: {dashed}, as asked"
        sheet.text(left, 0.32, told, fontsize=11, color=style.MUTED)
    _draw_power(sheet.axes(0.85, 0.75, 4.9, 4.25), answer, pilot)
    _draw_smallest(sheet.axes(7.55, 0.75, 4.2, 4.25), answer, pilot)
    return sheet.figure


def _draw_power(axes: Axes, answer: PowerAnswer, pilot: Pilot) -> None:
    seeds = sorted({*_SEEDS, answer.n_seeds})
    axes.grid(visible=True, axis="y")
    axes.axhline(answer.target, color=style.INK, lw=1.3, ls=(0, (4, 2)))
    ends = []
    for colour, reduction in zip(_COLOURS, answer.reductions, strict=False):
        asked = reduction == answer.reduction
        power = [power_of(pilot, reduction, n, answer.n_images, answer.alpha) for n in seeds]
        axes.plot(seeds, power, "-", color=colour, lw=3.6 if asked else 2)
        ends.append((seeds[-1], power[-1], f"−{100 * reduction:g}%", colour, asked))
    _label_ends(axes, ends)
    axes.plot([answer.n_seeds], [answer.power], "o", ms=11, mfc="white", mec=style.INK, mew=2.2)
    axes.set_xscale("log")
    axes.set_xticks([3, 5, 10, 20, 50], ["3", "5", "10", "20", "50"])
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("seeds, log scale", fontsize=12)
    axes.tick_params(labelsize=11.5)


def _draw_smallest(axes: Axes, answer: PowerAnswer, pilot: Pilot) -> None:
    ends, missing = [], []
    images = [max(2, round(answer.n_images * times)) for times in _TIMES]
    axes.grid(visible=True, axis="y")
    axes.axhline(answer.reduction, color=style.INK, lw=1.3, ls=(0, (4, 2)))
    for colour, n_seeds in zip(_COLOURS[1:], sorted({*_SEEDS_DRAWN, answer.n_seeds}), strict=False):
        found = [
            (n, smallest)
            for n in images
            if (smallest := smallest_found(pilot, n_seeds, n, answer.target, answer.alpha))
        ]
        own = n_seeds == answer.n_seeds
        if not found:
            missing.append(wording.count(n_seeds, "seed"))
            continue
        axes.plot(*zip(*found, strict=True), "-", color=colour, lw=3.6 if own else 2)
        ends.append((*found[-1], wording.count(n_seeds, "seed"), colour, own))
    _label_ends(axes, ends)
    if missing:
        axes.text(
            0.03,
            0.03,
            f"{wording.listed(missing)}: not even a fall to zero",
            transform=axes.transAxes,
            fontsize=11.5,
            color=style.MUTED,
        )
    if answer.smallest_relative is not None:
        axes.plot(
            [answer.n_images],
            [answer.smallest_relative],
            "o",
            ms=11,
            mfc="white",
            mec=style.INK,
            mew=2.2,
        )
    axes.set_xscale("log")
    ticks = [max(2, round(answer.n_images * times)) for times in _TICKS]
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
    axes.set_xlim(ticks[0] * 0.9, ticks[-1] * 1.08)
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", "−20%", "−40%", "−60%", "−80%", "−100%"])
    axes.set_xlabel("images of the class, log scale", fontsize=12)
    axes.tick_params(labelsize=11.5)


def _label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str, bool]]) -> None:
    """Write the name of each line (x, y, name, colour, bold) at its right end, none over another.

    The axes run from 0 to 1.02 upwards.
    """
    lowest = 0.0
    for x, y, name, colour, bold in sorted(ends, key=lambda end: end[1]):
        lowest = max(y, lowest + 0.055) if lowest else y
        axes.annotate(
            name,
            (x, y),
            xytext=(1.02, lowest),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize=12,
            color=colour,
            fontweight="bold" if bold else "normal",
            annotation_clip=False,
        )
