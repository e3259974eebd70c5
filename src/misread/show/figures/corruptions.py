"""The figures and the table of corruptions: what they look like, and what they do to each arm."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.data.dataset import Dataset
from misread.images.corrupt import Spec, corrupt
from misread.images.mnist_c import CORRUPTIONS
from misread.judge import Effect
from misread.judge.means import Mean
from misread.show import draw, style
from misread.show.table import Frame, Table
from misread.show.verdict import status, verdict_word
from misread.study.arms import BASELINE
from misread.study.corruptions import CLEAN, Corruptions
from misread.study.study import SMOKE

Value = tuple[float, float, float]  # with the ends of its interval


@style.styled
def corruption_images(part: Dataset, specs: Sequence[Spec]) -> Figure:
    """Draw the first image of each class of `part`, `uint8 [N,28,28]`, clean and corrupted."""
    ids = np.array([int(np.argmax(part.labels_N == k)) for k in range(min(part.n_classes, 12))])
    size, left = 0.6, 4.3
    step = size + 0.05
    sheet = style.Sheet(
        left + len(ids) * step + 0.3,
        0.1 + (len(specs) + 1) * step + 0.15,
        "What else may be wrong with a digit: the corruptions of MNIST-C",
        "The first test image of each class. The number is the severity, 1 to 5, where there are "
        "several. Bright is drawn dark, as ink.",
    )
    rows = [(CLEAN, "as it is", part.images[ids])]
    rows += [
        (spec.name, CORRUPTIONS[spec.kind].what, corrupt(part.images[ids], spec, ids))
        for spec in specs
    ]
    for row, (name, effect, images) in enumerate(rows):
        down = 0.1 + row * step
        sheet.text(0.35, down + 0.1, name, size=12, bold=True)
        sheet.text(0.35, down + 0.34, effect, size=10, colour=style.MUTED)
        draw.tiles(sheet, images, len(ids), (left, down), size, step)
    return sheet.figure


# --- table and sentences --------------------------------------------------------------------------


def corruption_table(corruptions: Corruptions, arm: str) -> Table:
    """Return how an arm reads: clean, each corruption, and the mean of these; and what it harms."""
    result, verdict = corruptions.robustness, corruptions.verdicts[arm]
    rows = [_row(corruptions, arm, name) for name in result.rows if result.rows[name][arm].change]
    n_rows = len(rows)
    mean, before = result.means[arm], result.means[BASELINE]
    corrupted = [of_arm for name, of_arm in result.rows.items() if name != CLEAN]
    if mean.change is not None:
        cells = [float(np.mean([row[a].cell for row in corrupted])) for a in (BASELINE, arm)]
        items = [item for item in verdict.collateral if item.slice_name]
        harmed = sum(item.status == "harmed" for item in items)
        rows.append(
            (
                f"mean of the {len(corrupted)}",
                _arrow(before.accuracy.estimate, mean.accuracy.estimate),
                _gain(mean.change),
                _arrow(*cells),
                f"{harmed}/{len(items)}",
            )
        )
    heads = ("", "accuracy, %", f"change, pp ({wording.level(result.alpha)})", f"{result.cell}, %")
    return Table(
        status(verdict.verdict, f"{arm}: {verdict_word(verdict)}"),
        (*heads, "harmed"),
        tuple(rows),
        unbroken=frozenset({0}),
        rules=frozenset({0, n_rows - 1}),
        frame=Frame.LIGHT,
    )


def _row(corruptions: Corruptions, arm: str, name: str) -> tuple[str, ...]:
    before, after = (corruptions.robustness.rows[name][one] for one in (BASELINE, arm))
    items = corruptions.items(arm, name)
    harmed = sum(item.status == "harmed" for item in items)
    return (
        name,
        _arrow(before.accuracy.mean, after.accuracy.mean),
        _gain(after.change) if after.change else "",
        _arrow(before.cell, after.cell),
        f"{harmed}/{len(items)}" if items else "",
    )


def _arrow(before: float, after: float) -> str:
    return f"{100 * before:.2f} → {100 * after:.2f}"


def _gain(change: Effect | Mean) -> str:
    """Return a growth of the error rate as a change of the accuracy, in percentage points."""
    gain, least, most = (
        wording.number(-100 * value, decimals=2, sign=True)
        for value in (change.estimate, change.high, change.low)
    )
    return f"{gain} ({least} to {most})"


def error_sentence(corruptions: Corruptions, arm: str) -> str:
    """Return the mean corruption error in a sentence."""
    ratio = corruptions.robustness.means[arm].corruption_error
    if ratio is None:
        return f"{arm}: the baseline reads a corruption without error, so that there is no ratio."
    return (
        f"{arm}: its errors are in the mean over the corruptions "
        f"{100 * ratio.estimate:.1f}% of the baseline's ({100 * ratio.low:.1f} to "
        f"{100 * ratio.high:.1f}; {wording.p_value(ratio.p_value)})."
    )


def worse_on(corruptions: Corruptions, arm: str) -> list[str]:
    """Return the corruptions on which an arm is shown to read less than the baseline.

    The whole interval lies on one side of 0; nothing is corrected for the number of corruptions.
    """
    return [name for name, change in _changes(corruptions, arm) if change.low > 0]


def better_on(corruptions: Corruptions, arm: str) -> list[str]:
    """Return the corruptions on which an arm is shown to read more; as `worse_on`."""
    return [name for name, change in _changes(corruptions, arm) if change.high < 0]


def _changes(corruptions: Corruptions, arm: str) -> list[tuple[str, Effect]]:
    """Return the change of an arm's error rate on each corruption."""
    changes = ((name, of_arm[arm].change) for name, of_arm in corruptions.robustness.rows.items())
    return [(name, change) for name, change in changes if name != CLEAN and change]


# --- the figure -----------------------------------------------------------------------------------


@style.styled
def corruption_figure(corruptions: Corruptions) -> Figure:
    """Draw accuracy, its change and that of the target's rate in each corruption, for each arm."""
    result, arms = corruptions.robustness, list(corruptions.robustness.means)
    names = [*result.rows, "mean"]
    left, wide, gap, height = 1.85, 3.2, 0.35, 0.42 * len(names)
    grouped = any(verdict.n_groups for verdict in corruptions.verdicts.values())
    sheet = style.Sheet(
        left + 3 * (wide + gap),
        0.55 + height + 0.7,
        _title(corruptions),
        f"{wording.count(len(result.seeds), 'seed')} of each arm, {result.n_images:,} test images "
        f"clean and in each corruption; {wording.level(result.alpha)} intervals over "
        f"{'seeds, groups and images' if grouped else 'seeds and images'}. The mean is that of the "
        "corruptions.",
        SMOKE if result.smoke else "",
    )
    marks = draw.arm_marks(arms)
    draw.key(sheet, left - 1.5, 0.12, marks)
    panels = [
        draw.row_axes(sheet, at, 0.55, wide, height, len(names))
        for at, _ in draw.places(3, 3, left, 0, (wide + gap, 0))
    ]
    accuracy, change, target = panels
    for axes in panels:
        axes.axhline(0.5, color=style.GRID, lw=1.2)
        axes.axhline(len(names) - 1.5, color=style.GRID, lw=1.2)
    for axes in (change, target):
        axes.axvline(0, color=style.FAINT, lw=1.2)
    accuracy.set_xlabel("accuracy, %")
    change.set_xlabel("← worse   change, points   better →")
    target.set_xlabel(f"← fewer   {result.cell}, points of its class   more →")
    for place, name in enumerate(names):
        draw.row_label(accuracy, place, name, bold=name in {CLEAN, "mean"})
        for number, mark in enumerate(marks):
            at = place + 0.7 * ((number + 0.5) / len(marks) - 0.5)
            for axes, value in zip(panels, _values(corruptions, name, mark.name), strict=True):
                if value:
                    _bar(axes, at, value, mark)
    return sheet.figure


def _title(corruptions: Corruptions) -> str:
    """Return in one sentence which arms are shown to read corrupted images less well."""
    means = {arm: corruptions.robustness.means[arm].change for arm in corruptions.verdicts}
    brittle = [arm for arm, change in means.items() if change and change.low > 0]
    if brittle:
        return f"Corrupted images are read less well after {wording.listed(brittle)}"
    none = "In the mean over corruptions no arm is shown to read less well"
    single = [arm for arm in corruptions.verdicts if worse_on(corruptions, arm)]
    verb = "does" if len(single) == 1 else "do"
    return f"{none}; on single ones {wording.listed(single)} {verb}" if single else none


def _values(corruptions: Corruptions, name: str, arm: str) -> list[Value | None]:
    """Return accuracy, its growth, and growth of the target's rate, each with its interval."""
    target: Effect | None = None
    change: Effect | Mean | None
    if name == "mean":
        mean = corruptions.robustness.means[arm]
        accuracy, change = mean.accuracy[:3], mean.change
    else:
        row = corruptions.robustness.rows[name][arm]
        accuracy, change = (row.accuracy.mean, row.accuracy.low, row.accuracy.high), row.change
        if change:
            cell = corruptions.verdicts[arm].cells[0]
            of_cell = {(i.true, i.predicted): i.effect for i in corruptions.items(arm, name)}
            target = cell.effect if name == CLEAN else of_cell[cell.true, cell.predicted]
    return [
        accuracy,
        (-change.estimate, -change.high, -change.low) if change else None,
        (target.estimate, target.low, target.high) if target else None,
    ]


def _bar(axes: Axes, place: float, value: Value, mark: draw.Mark) -> None:
    middle, low, high = (100 * part for part in value)
    draw.interval(axes, place, (low, high), mark.colour, width=1.6)
    axes.plot([middle], [place], mark.marker, ms=3.6, color=mark.colour)
