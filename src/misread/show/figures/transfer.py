"""The figures and the table of a transfer: what a fix does on data that no model has seen."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.data.sources import load, slug
from misread.images.mnist_form import all_to_convention, ink_bright
from misread.judge import CellResult, Verdict
from misread.show import draw, style
from misread.show.table import Table
from misread.show.verdict import status
from misread.study.arms import BASELINE
from misread.study.study import SMOKE
from misread.study.transfer import Transfer

_LEFT, _WIDE, _GAP, _ROW = 1.75, 2.55, 0.42, 0.78
_MOST_CLASSES = 12


def transfer_table(transfer: Transfer) -> Table:
    """Return a row for the baseline and for each arm, with a further one for each other cell."""
    first = next(iter(transfer.verdicts.values()))
    target = first.cells[0]
    title = (
        f"{transfer.source}: {wording.count(len(transfer.outcome.seeds), 'seed')}, "
        f"{transfer.n_images:,} images, {target.n_images:,} of class "
        f"{first.class_names[target.true]}"
    )
    share = {arm: wording.percent(float(np.mean(x))) for arm, x in transfer.accuracy.items()}
    before = wording.images(target.before_images)
    rows: list[tuple[str, ...]] = [(BASELINE, "", share[BASELINE], before, "", "", "")]
    for arm, verdict in transfer.verdicts.items():
        cell, *others = verdict.cells
        harmed = f"{verdict.n_harmed} of {verdict.n_items}"
        rows.append((arm, status(verdict.verdict), share[arm], *_moved(cell), harmed))
        for other in others:
            after, *moved = _moved(other)
            after = f"{wording.images(other.before_images)} → {after}"
            rows.append(("", f"and {other.name}", "", after, *moved, ""))
    heads = ("accuracy", f"{target.name} a seed", "change, with its interval", "p", "harmed")
    return Table(
        title, ("arm", "verdict", *heads), tuple(rows), align="ll", unbroken=frozenset({0, 1})
    )


def _moved(cell: CellResult) -> tuple[str, str, str]:
    """Return errors a seed after the fix, their change with its interval, and the p-value."""
    change = wording.images(cell.effect.estimate * cell.n_images, sign=True)
    return (
        wording.images(cell.after_images),
        f"{change} ({wording.interval(cell.effect, cell.n_images)})",
        wording.p_number(cell.p_holm),
    )


@style.styled
def transfer_figure(home: Mapping[str, Verdict], transfers: Sequence[Transfer]) -> Figure:
    """Draw how each arm changes the target cell, on *confirm* of the study and on other data.

    `home` holds the study's own verdict on each arm; of the transfers, the study's own data are
    left out.
    """
    others = [transfer for transfer in transfers if transfer.equal is None]
    columns = [("confirm", "the study itself", home)]
    for transfer in others:
        accuracy = wording.percent(float(np.mean(transfer.accuracy[BASELINE])))
        note = f"baseline accuracy {accuracy}"
        columns.append((slug(transfer.source), note, transfer.verdicts))
    arms, first = list(home), next(iter(home.values()))
    sheet = style.Sheet(
        _LEFT + len(columns) * (_WIDE + _GAP) + 0.2,
        1.15 + _ROW * len(arms) + 0.75,
        _title(others, arms[0]) if others else "The study's own data, read again in its convention",
        f"Change of the share of {first.cells[0].name} against the baseline, with "
        f"{wording.level(first.alpha)} intervals over {wording.count(first.n_seeds, 'seed')} and "
        "images; each set has a scale of its own. Written: the verdict there.",
        "" if first.exploratory_why != SMOKE else SMOKE,
    )
    for place, (name, note, verdicts) in enumerate(columns):
        at = _LEFT + place * (_WIDE + _GAP)
        cell = next(iter(verdicts.values())).cells[0]
        sheet.text(at, 0, name, size=13, bold=True)
        share = f"{cell.n_images:,} images, of which {cell.before:.2%} misread so"
        sheet.text(at, 0.3, share, size=9.5, colour=style.MUTED)
        sheet.text(at, 0.5, note, size=9.5, colour=style.MUTED)
        axes = draw.row_axes(sheet, at, 0.85, _WIDE, _ROW * len(arms), len(arms))
        _changes(axes, [verdicts[arm] for arm in arms])
        if place == 0:
            for row, arm in enumerate(arms):
                draw.row_label(axes, row, arm, bold=True)
    return sheet.figure


def _title(transfers: Sequence[Transfer], arm: str) -> str:
    """Return in one sentence on which of the data an arm is shown to reduce the target."""
    cells = {slug(t.source): (t.verdicts[arm].cells[0], t.verdicts[arm].alpha) for t in transfers}
    name = transfers[0].verdicts[arm].cells[0].name
    fell = [source for source, (cell, alpha) in cells.items() if cell.shrank(alpha)]
    others = wording.listed([source for source in cells if source not in fell])
    if not fell:
        return f"{arm} is not shown to reduce {name} on {others}"
    reduces = f"{arm} reduces {name} on {wording.listed(fell)}"
    return f"{reduces}; that is not shown on {others}" if others else reduces


def _changes(axes: Axes, verdicts: Sequence[Verdict]) -> None:
    effects = [verdict.cells[0].effect for verdict in verdicts]
    reach = 115 * max(max(abs(e.low), abs(e.high)) for e in effects) or 1
    axes.set_xlim(-reach, reach)
    axes.axvline(0, color=style.FAINT, lw=1.2)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("← fewer   points   more →")
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    for place, (verdict, effect) in enumerate(zip(verdicts, effects, strict=True)):
        colour, word = style.VERDICT_COLOURS[verdict.verdict], verdict.verdict
        draw.interval(axes, place, (100 * effect.low, 100 * effect.high), colour)
        axes.plot([100 * effect.estimate], [place], "o", ms=8, color=colour)
        at = (0, place + 0.33)
        axes.text(*at, word, fontsize=9, color=colour, ha="center", va="center", bbox=plate)


@style.styled
def convention_figure(sources: Sequence[str]) -> Figure:
    """Draw the first image of each class of each source, as it is and in MNIST's convention."""
    size, left = 0.82, 2.2
    step, block = size + 0.1, 2 * size + 0.5
    trains = [(slug(source), load(source)[0]) for source in sources]
    n_columns = min(max(train.n_classes for _, train in trains), _MOST_CLASSES)
    sheet = style.Sheet(
        left + n_columns * step + 0.3,
        0.1 + len(sources) * block,
        "Other data, as found and in MNIST's convention",
        "Above: the first training image of each class. Below: its box brought to 20×20 px, the "
        "aspect ratio kept, its centre of mass in the middle of 28×28. Bright is drawn dark.",
    )
    for row, (name, train) in enumerate(trains):
        down = 0.1 + row * block
        height, width = train.images.shape[1:3]
        sheet.text(0.35, down + 0.2, name, size=13, bold=True)
        sheet.text(0.35, down + 0.47, f"{width}×{height} px", size=10, colour=style.MUTED)
        sheet.text(0.35, down + size + 0.3, "28×28 px", size=10, colour=style.MUTED)
        n_classes = min(train.n_classes, _MOST_CLASSES)
        ids = [int(np.argmax(train.labels_N == k)) for k in range(n_classes)]
        brought, below = all_to_convention(ink_bright(train.images)[ids]), down + size + 0.06
        draw.tiles(sheet, train.images[ids], n_columns, (left, down), size, step)
        draw.tiles(sheet, brought, n_columns, (left, below), size, step)
    return sheet.figure
