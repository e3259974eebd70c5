"""Figures and tables of a transfer: what a fix does on data that no model has seen."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.data.sources import load, slug
from misread.images.mnist_form import all_to_convention, ink_bright
from misread.judge import Verdict
from misread.show import draw, style
from misread.show.table import Table
from misread.show.target import verdicts_table
from misread.study.study import BASELINE, SMOKE
from misread.study.transfer import Transfer


def transfer_table(found: Transfer) -> Table:
    """Return the verdicts on one source."""
    first = next(iter(found.verdicts.values()))
    cell = first.cells[0]
    title = (
        f"{found.source}: {wording.count(len(found.outcome.seeds), 'seed')}, "
        f"{found.n_images:,} images, {cell.n_images:,} of class {first.class_names[cell.true]}"
    )
    accuracy = {arm: float(np.mean(shares)) for arm, shares in found.accuracy.items()}
    return verdicts_table(title, cell.name, found.verdicts, accuracy, cell.before_images)


def headline(found: Sequence[Transfer], arm: str) -> str:
    """Return in one sentence on which of the data an arm is shown to reduce the target."""
    name = found[0].verdicts[arm].cells[0].name
    fell = [
        slug(each.source)
        for each in found
        if each.verdicts[arm].cells[0].shrank(each.verdicts[arm].alpha)
    ]
    others = [slug(each.source) for each in found if slug(each.source) not in fell]
    if not fell:
        return f"{arm} is not shown to reduce {name} on {wording.listed(others)}"
    told = f"{arm} reduces {name} on {wording.listed(fell)}"
    return f"{told}; that is not shown on {wording.listed(others)}" if others else told


@style.styled
def transfer_figure(home: Mapping[str, Verdict], found: Sequence[Transfer]) -> Figure:
    """Draw how each arm changes the target cell, on *confirm* of the study and on other data.

    Parameters
    ----------
    home
        The study's own verdict on each arm: the first column.
    found
        A column for each; the study's own data are left out.
    """
    others = [each for each in found if each.equal is None]
    columns: list[tuple[str, str, Mapping[str, Verdict]]] = [("confirm", "", home)]
    columns += [
        (slug(each.source), wording.percent(float(np.mean(each.accuracy[BASELINE]))), each.verdicts)
        for each in others
    ]
    arms, first = list(home), next(iter(home.values()))
    left, wide, gap, row = 1.75, 2.55, 0.42, 0.78
    sheet = style.Sheet(
        left + len(columns) * (wide + gap) + 0.2,
        1.15 + row * len(arms) + 0.75,
        headline(others, arms[0])
        if others
        else "The study's own data, read again in its convention",
        f"Change of the share of {first.cells[0].name} against the baseline, "
        f"with {wording.level(first.alpha)} intervals over {wording.count(first.n_seeds, 'seed')} "
        "and images; "
        "each set has a scale of its own. Written: the verdict there.",
        "" if first.exploratory_why != SMOKE else SMOKE,
    )
    for place, (name, accuracy, verdicts) in enumerate(columns):
        at = left + place * (wide + gap)
        cell = next(iter(verdicts.values())).cells[0]
        sheet.text(at, 0, name, fontsize=13, fontweight="bold")
        told = f"{cell.n_images:,} images, of which {cell.before:.2%} misread so"
        sheet.text(at, 0.3, told, fontsize=9.5, color=style.MUTED)
        of_all = f"baseline accuracy {accuracy}" if accuracy else "the study itself"
        sheet.text(at, 0.5, of_all, fontsize=9.5, color=style.MUTED)
        axes = sheet.axes(at, 0.85, wide, row * len(arms))
        _changes(axes, arms, verdicts, labelled=place == 0)
    return sheet.figure


def _changes(
    axes: Axes, arms: Sequence[str], verdicts: Mapping[str, Verdict], *, labelled: bool
) -> None:
    effects = {arm: verdicts[arm].cells[0].effect for arm in arms}
    reach = 115 * max(max(abs(e.low), abs(e.high)) for e in effects.values()) or 1
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.axvline(0, color=style.FAINT, lw=1.2)
    style.bare(axes, keep="bottom")
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("← fewer   points   more →")
    for place, arm in enumerate(arms):
        effect, verdict = effects[arm], verdicts[arm]
        colour = style.VERDICT_COLOURS[verdict.verdict]
        axes.plot([100 * effect.low, 100 * effect.high], [place, place], color=colour, lw=2.6)
        axes.plot([100 * effect.estimate], [place], "o", ms=8, color=colour)
        axes.text(
            0,
            place + 0.33,
            verdict.verdict,
            fontsize=9,
            color=colour,
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
        if labelled:
            draw.row_label(axes, place, arm, bold=True)


@style.styled
def convention_figure(sources: Sequence[str]) -> Figure:
    """Draw the first image of each class of each source, as found and in MNIST's convention."""
    size, gap, left = 0.82, 0.1, 2.2
    n_columns = max(load(source)[0].n_classes for source in sources)
    sheet = style.Sheet(
        left + min(n_columns, 12) * (size + gap) + 0.3,
        0.1 + len(sources) * (2 * size + 0.5),
        "Other data, as found and in MNIST's convention",
        "Above: the first training image of each class. Below: its box brought to 20×20 px, the "
        "aspect ratio kept, its centre of mass in the middle of 28×28. Bright is drawn dark.",
    )
    for row, source in enumerate(sources):
        train = load(source)[0]
        down = 0.1 + row * (2 * size + 0.5)
        height, width = train.images.shape[1:3]
        sheet.text(0.35, down + 0.2, slug(source), fontsize=13, fontweight="bold")
        sheet.text(0.35, down + 0.47, f"{width}×{height} px", fontsize=10, color=style.MUTED)
        sheet.text(0.35, down + size + 0.3, "28×28 px", fontsize=10, color=style.MUTED)
        ids = [int(np.argmax(train.labels_N == k)) for k in range(min(train.n_classes, 12))]
        bright = ink_bright(train.images)[ids]
        for column, (image, placed) in enumerate(
            zip(train.images[ids], all_to_convention(bright), strict=True)
        ):
            at = left + column * (size + gap)
            sheet.image(at, down, size, image)
            sheet.image(at, down + size + 0.06, size, placed)
    return sheet.figure
