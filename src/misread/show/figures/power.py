"""The table and the figure of what a study could show."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.judge import Pilot, PowerAnswer, power_of, smallest_found
from misread.show import draw, style
from misread.show.table import Table

_COLOURS = (style.SKY, style.BLUE, style.GREEN, style.ORANGE, style.PURPLE, style.VERMILLION)
_SEEDS = (3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50)
_SEEDS_DRAWN = (5, 10, 20, 40)
_TIMES = (0.5, 0.6, 0.7, 0.85, 1, 1.4, 2, 2.8, 4, 5.6, 8, 16)
_TICKS = (0.5, 1, 2, 4, 8, 16)
_DESIGN: dict[str, Any] = {"ms": 11, "mfc": "white", "mec": style.INK, "mew": 2.2}


def power_table(answer: PowerAnswer) -> Table:
    """Return the power over seeds × reductions; the design's row and the asked column marked."""
    heads = (
        f"−{100 * reduction:g}%{' *' if reduction == answer.reduction else ''}"
        for reduction in answer.reductions
    )
    rows = []
    for row in answer.table:
        asked = "* " if row.n_seeds == answer.n_seeds else ""
        rows.append((f"{asked}{row.n_seeds}", *map(wording.chance, row.power)))
    title = f"Power to find a fall of {answer.cell}"
    note = f"{answer.n_images + answer.n_held:,} images; * as asked"
    return Table(title, ("seeds", *heads), tuple(rows), note, align="r")


def smallest_sentence(answer: PowerAnswer) -> str:
    """Return the smallest reduction that the design finds, in a sentence."""
    if answer.smallest_relative is None:
        return f"Not even a fall to zero is found with power {wording.chance(answer.target)}."
    images = answer.errors_per_seed * answer.smallest_relative
    return (
        f"Smallest fall found with power {wording.chance(answer.target)}: "
        f"{answer.smallest_relative:.0%} ({images:.1f} errors a seed)."
    )


@style.styled
def power_figure(answer: PowerAnswer, pilot: Pilot) -> Figure:
    """Draw what a study could show, with the present design marked.

    Left: power by seeds, a line for each reduction. Right: the smallest reduction found with the
    power asked for, by images of the class, a line for each number of seeds.
    """
    sheet = style.Sheet(
        13.0,
        5.75,
        answer.sentence.partition(", for more ")[0].removesuffix("."),
        f"Pilot: {answer.source}, {answer.rate:.2%} of the class. Two-sided test at "
        f"{answer.alpha:.3g} over paired seeds and images.",
    )
    power, smallest = wording.chance(answer.target), answer.smallest_relative
    fall = "none" if smallest is None else f"−{smallest:.0%}"
    for left, head, result, asked in (
        (0.85, f"power with {answer.n_images:,} images", wording.chance(answer.power), power),
        (7.55, f"smallest fall found with power {power}", fall, f"−{answer.reduction:.0%}"),
    ):
        sheet.text(left, 0.05, head, size=13, bold=True)
        note = f"○ this design: {result} · dashed: {asked}, as asked"
        sheet.text(left, 0.32, note, colour=style.MUTED)
    _draw_power(sheet.axes(0.85, 0.75, 4.9, 4.25), answer, pilot)
    _draw_smallest(sheet.axes(7.55, 0.75, 4.2, 4.25), answer, pilot)
    return sheet.figure


def _draw_power(axes: Axes, answer: PowerAnswer, pilot: Pilot) -> None:
    seeds = sorted({*_SEEDS, answer.n_seeds})
    ends = []
    for colour, reduction in zip(_COLOURS, answer.reductions, strict=False):
        asked = reduction == answer.reduction
        power = [
            power_of(pilot, reduction, n, answer.n_images, answer.alpha, answer.held) for n in seeds
        ]
        axes.plot(seeds, power, "-", color=colour, lw=3.6 if asked else 2)
        ends.append(draw.End(f"−{100 * reduction:g}%", colour, power[-1], asked))
    axes.plot([answer.n_seeds], [answer.power], "o", **_DESIGN)
    _finish(axes, answer.target, ends, "seeds, log scale")
    axes.set_xticks([3, 5, 10, 20, 50], ["3", "5", "10", "20", "50"])


def _draw_smallest(axes: Axes, answer: PowerAnswer, pilot: Pilot) -> None:
    ends, missing = [], []
    images = [max(2, round(answer.n_images * times)) for times in _TIMES]
    all_seeds = sorted({*_SEEDS_DRAWN, answer.n_seeds})
    design = (answer.target, answer.alpha, answer.held)
    for colour, n_seeds in zip(_COLOURS[1:], all_seeds, strict=False):
        name, asked = wording.count(n_seeds, "seed"), n_seeds == answer.n_seeds
        smallest = {n: smallest_found(pilot, n_seeds, n, *design) for n in images}
        points = {n: share for n, share in smallest.items() if share}
        if points:
            axes.plot(*zip(*points.items(), strict=True), color=colour, lw=3.6 if asked else 2)
            ends.append(draw.End(name, colour, points[max(points)], asked))
        else:
            missing.append(name)
    if missing:
        text = f"{wording.listed(missing)}: not even a fall to zero"
        look: dict[str, Any] = {"fontsize": 11.5, "color": style.MUTED}
        axes.text(0.03, 0.03, text, transform=axes.transAxes, **look)
    if answer.smallest_relative is not None:
        axes.plot([answer.n_images], [answer.smallest_relative], "o", **_DESIGN)
    _finish(axes, answer.reduction, ends, "images of the class, log scale")
    ticks = [max(2, round(answer.n_images * times)) for times in _TICKS]
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
    axes.set_xlim(ticks[0] * 0.9, ticks[-1] * 1.08)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", "−20%", "−40%", "−60%", "−80%", "−100%"])


def _finish(axes: Axes, asked: float, ends: list[draw.End], below: str) -> None:
    axes.grid(visible=True, axis="y")
    axes.axhline(asked, color=style.INK, lw=1.3, ls=(0, (4, 2)))
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(below, fontsize=12)
    axes.tick_params(labelsize=11.5)
    draw.name_ends(axes, ends, gap=0.054, size=12, aside_pt=7)
