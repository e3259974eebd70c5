"""Figures and tables of corruptions: what they look like, and what they do to each arm."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table

from misread.corruptions import Corruptions
from misread.data.corrupted import Spec, corrupt
from misread.data.corruptions import CORRUPTIONS
from misread.data.dataset import Dataset
from misread.robustness import CLEAN, ArmOn
from misread.show import style, words
from misread.show.verdicts import verdict_style
from misread.study import BASELINE, SMOKE

_COLOURS = (style.INK, style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE)


@style.styled
def corruption_sheet(part: Dataset, specs: Sequence[Spec]) -> Figure:
    """Draw the first image of each class, clean and in every corruption.

    Parameters
    ----------
    part
        Images `uint8 [N,28,28]` of a test set.
    specs
        A row for each.
    """
    ids = np.array([int(np.argmax(part.labels_N == k)) for k in range(min(part.n_classes, 12))])
    size, gap, left = 0.6, 0.05, 4.3
    sheet = style.Sheet(
        left + len(ids) * (size + gap) + 0.3,
        0.1 + (len(specs) + 1) * (size + gap) + 0.15,
        "What else may be wrong with a digit: the corruptions of MNIST-C",
        "The first test image of each class. The number is the severity, 1 to 5, where there are "
        "several. Bright is drawn dark, as ink.",
    )
    rows = [(CLEAN, "as it is", part.images[ids])]
    rows += [
        (spec.name, CORRUPTIONS[spec.kind].what, corrupt(part.images[ids], spec, ids))
        for spec in specs
    ]
    for row, (name, what, images) in enumerate(rows):
        down = 0.1 + row * (size + gap)
        sheet.text(0.35, down + 0.1, name, fontsize=12, fontweight="bold")
        sheet.text(0.35, down + 0.34, what, fontsize=10, color=style.MUTED)
        for column, image in enumerate(images):
            sheet.image(left + column * (size + gap), down, size, image)
    return sheet.figure


Row = tuple[str, str, str, str, str]  # name, accuracy, change, target, harmed


def rows(found: Corruptions, arm: str) -> list[Row]:
    """Return in words how an arm reads: clean, each corruption, and the mean of these.

    Accuracy and the rate of the target are before → after in per cent, the change is that of the
    accuracy in percentage points with its interval; last, how many of the judge's items are harmed.
    """
    told = []
    for name, own in found.told.rows.items():
        before, after = own[BASELINE], own[arm]
        change = after.change
        if change is None:
            continue
        items = found.items(arm, name)
        harmed = sum(item.status == "harmed" for item in items)
        told.append(
            (
                name,
                _arrow(before.accuracy.mean, after.accuracy.mean),
                _gained(change.estimate, change.low, change.high),
                _arrow(before.cell, after.cell),
                f"{harmed} of {len(items)}" if items else "",
            )
        )
    corrupted = [own for name, own in found.told.rows.items() if name != CLEAN]
    mean, before_mean = found.told.means[arm], found.told.means[BASELINE]
    items = [item for item in found.verdicts[arm].collateral if item.slice_name]
    if mean.change is not None:
        told.append(
            (
                f"mean of the {len(corrupted)}",
                _arrow(before_mean.accuracy.estimate, mean.accuracy.estimate),
                _gained(*mean.change[:3]),
                _arrow(
                    *(float(np.mean([own[a].cell for own in corrupted])) for a in (BASELINE, arm))
                ),
                f"{sum(item.status == 'harmed' for item in items)} of {len(items)}",
            )
        )
    return told


def corruption_table(found: Corruptions, arm: str) -> Table:
    """Return how an arm reads corrupted images as a table for the terminal."""
    verdict = found.verdicts[arm]
    told = ", ".join(filter(None, (verdict.verdict, verdict.qualifier)))
    style_of = verdict_style(verdict.verdict)
    table = Table(
        title=f"{arm}: {told}", title_style=style_of, box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("", no_wrap=True)
    level = words.level(found.told.alpha)
    for heading in ("accuracy, %", f"change, pp ({level})", f"{found.told.cell}, %", "harmed"):
        table.add_column(heading, justify="right", no_wrap=True)
    own = rows(found, arm)
    for place, row in enumerate(own):
        table.add_row(*row, end_section=place in (0, len(own) - 2))
    return table


def corruption_error(found: Corruptions, arm: str) -> str:
    """Return the mean corruption error in a sentence."""
    ratio = found.told.means[arm].corruption_error
    if ratio is None:
        return f"{arm}: the baseline reads a corruption without error, so that there is no ratio."
    return (
        f"{arm}: its errors are in the mean over the corruptions "
        f"{words.number(100 * ratio.estimate, decimals=1)}% of the baseline's "
        f"({words.number(100 * ratio.low, decimals=1)} to "
        f"{words.number(100 * ratio.high, decimals=1)}; {words.p_value(ratio.p_value)})."
    )


def worse(found: Corruptions, arm: str, *, better: bool = False) -> list[str]:
    """Return the corruptions on which an arm is shown to read less (or more) than the baseline.

    The whole interval lies on one side of 0; nothing is corrected for the number of corruptions.
    """
    names = []
    for name, own in found.told.rows.items():
        change = own[arm].change
        if name != CLEAN and change and (change.high < 0 if better else change.low > 0):
            names.append(name)
    return names


def headline(found: Corruptions) -> str:
    """Return in one sentence which arms are shown to read corrupted images less well."""
    brittle = [
        arm for arm in found.verdicts if (change := found.told.means[arm].change) and change.low > 0
    ]
    if brittle:
        return f"Corrupted images are read less well after {words.listed(brittle)}"
    return "No arm is shown to read corrupted images less well than the baseline"


@style.styled
def corruption_figure(found: Corruptions) -> Figure:
    """Draw how well each arm reads each corruption, and by how much it differs from the baseline.

    On the left accuracy, on the right its change, both with intervals over seeds and images.
    """
    told, arms = found.told, list(found.told.means)
    names, row = [*told.rows, "mean"], 0.42
    left, wide, gap = 1.85, 3.6, 0.45
    height = row * len(names)
    sheet = style.Sheet(
        left + 2 * (wide + gap) + 0.1,
        1.0 + height + 0.75,
        headline(found),
        f"{words.count(len(told.seeds), 'seed')} of each arm, {told.n_images:,} test images clean "
        f"and in each corruption; {words.level(told.alpha)} intervals over seeds and images. The "
        "mean is that of the corruptions.",
        SMOKE if told.smoke else "",
    )
    at = left - 1.5
    for arm, colour in zip(arms, _COLOURS, strict=False):
        sheet.text(at, 0.02, "●", fontsize=11, color=colour)
        sheet.text(at + 0.2, 0.05, arm, fontsize=11)
        at += 0.45 + 0.085 * len(arm)
    accuracy = sheet.axes(left, 0.55, wide, height)
    change = sheet.axes(left + wide + gap, 0.55, wide, height)
    for axes in (accuracy, change):
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks([])
        style.bare(axes, keep="bottom")
        axes.axhline(0.5, color=style.GRID, lw=1.2)
        axes.axhline(len(names) - 1.5, color=style.GRID, lw=1.2)
    change.axvline(0, color=style.FAINT, lw=1.2)
    accuracy.set_xlabel("accuracy, %")
    change.set_xlabel("← worse   against the baseline, in points   better →")
    for place, name in enumerate(names):
        style.row_label(accuracy, place, name, bold=name in (CLEAN, "mean"))
        for number, (arm, colour) in enumerate(zip(arms, _COLOURS, strict=False)):
            height_of = place + 0.7 * ((number + 0.5) / len(arms) - 0.5)
            if name == "mean":
                mean = told.means[arm]
                _bar(accuracy, height_of, mean.accuracy[:3], colour)
                moved = mean.change[:3] if mean.change else None
            else:
                own: ArmOn = told.rows[name][arm]
                standing = own.accuracy
                _bar(accuracy, height_of, (standing.mean, standing.low, standing.high), colour)
                effect = own.change
                moved = (effect.estimate, effect.low, effect.high) if effect else None
            if moved:
                _bar(change, height_of, (-moved[0], -moved[2], -moved[1]), colour)
    return sheet.figure


def _bar(axes: Axes, place: float, value: tuple[float, float, float], colour: str) -> None:
    middle, low, high = (100 * v for v in value)
    axes.plot([low, high], [place, place], color=colour, lw=1.6)
    axes.plot([middle], [place], "o", ms=3.6, color=colour)


def _arrow(before: float, after: float) -> str:
    return " → ".join(words.percent(share).removesuffix("%") for share in (before, after))


def _gained(estimate: float, low: float, high: float) -> str:
    """Return a growth of the error rate as a change of the accuracy, in percentage points."""
    gain, least, most = (
        words.number(-100 * value, decimals=2, sign=True) for value in (estimate, high, low)
    )
    return f"{gain} ({least} to {most})"
