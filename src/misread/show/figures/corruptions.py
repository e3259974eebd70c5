"""Figures and tables of corruptions: what they look like, and what they do to each arm."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.data.dataset import Dataset
from misread.images.corrupt import Spec, corrupt
from misread.images.mnist_c import CORRUPTIONS
from misread.judge import Effect
from misread.show import draw, style
from misread.show.table import Frame, Table
from misread.show.verdict import status, verdict_word
from misread.study.corruptions import Corruptions
from misread.study.robustness import CLEAN
from misread.study.study import BASELINE, SMOKE

Row = tuple[str, str, str, str, str]  # name, accuracy, change, target, harmed
Value = tuple[float, float, float]  # with the ends of its interval

_COLOURS = (style.INK, style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE)
_MARKERS = {"o": "●", "s": "■", "^": "▲"}  # a round of colours each
_LOOKS = tuple((colour, marker) for marker in _MARKERS for colour in _COLOURS)


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
                f"{harmed}/{len(items)}" if items else "",
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
                f"{sum(item.status == 'harmed' for item in items)}/{len(items)}",
            )
        )
    return told


def corruption_table(found: Corruptions, arm: str) -> Table:
    """Return how an arm reads corrupted images."""
    verdict = found.verdicts[arm]
    title = status(verdict.verdict, f"{arm}: {verdict_word(verdict)}")
    level = wording.level(found.told.alpha)
    heads = ("", "accuracy, %", f"change, pp ({level})", f"{found.told.cell}, %", "harmed")
    table = rows(found, arm)
    ends = frozenset({0, len(table) - 2})
    return Table(title, heads, tuple(table), unbroken=1, rules=ends, frame=Frame.LIGHT)


def corruption_error(found: Corruptions, arm: str) -> str:
    """Return the mean corruption error in a sentence."""
    ratio = found.told.means[arm].corruption_error
    if ratio is None:
        return f"{arm}: the baseline reads a corruption without error, so that there is no ratio."
    return (
        f"{arm}: its errors are in the mean over the corruptions "
        f"{100 * ratio.estimate:.1f}% of the baseline's ({100 * ratio.low:.1f} to "
        f"{100 * ratio.high:.1f}; {wording.p_value(ratio.p_value)})."
    )


def worse_on(found: Corruptions, arm: str) -> list[str]:
    """Return the corruptions on which an arm is shown to read less than the baseline.

    The whole interval lies on one side of 0; nothing is corrected for the number of corruptions.
    """
    return [name for name, change in _changes(found, arm) if change.low > 0]


def better_on(found: Corruptions, arm: str) -> list[str]:
    """Return the corruptions on which an arm is shown to read more; as `worse_on`."""
    return [name for name, change in _changes(found, arm) if change.high < 0]


def _changes(found: Corruptions, arm: str) -> list[tuple[str, Effect]]:
    """Return the change of an arm's error rate on each corruption."""
    changes = ((name, of_arm[arm].change) for name, of_arm in found.told.rows.items())
    return [(name, change) for name, change in changes if name != CLEAN and change]


def headline(found: Corruptions) -> str:
    """Return in one sentence which arms are shown to read corrupted images less well."""
    means = {arm: found.told.means[arm].change for arm in found.verdicts}
    brittle = [arm for arm, change in means.items() if change and change.low > 0]
    if brittle:
        return f"Corrupted images are read less well after {wording.listed(brittle)}"
    told = "In the mean over corruptions no arm is shown to read less well"
    single = [arm for arm in found.verdicts if worse_on(found, arm)]
    return f"{told}; on single ones {wording.listed(single)} {_does(single)}" if single else told


def _does(arms: Sequence[str]) -> str:
    return "does" if len(arms) == 1 else "do"


def _sampled(found: Corruptions) -> str:
    """Return over what the intervals hold."""
    grouped = any(verdict.n_groups for verdict in found.verdicts.values())
    return "seeds, groups and images" if grouped else "seeds and images"


@style.styled
def corruption_figure(found: Corruptions) -> Figure:
    """Draw how well each arm reads each corruption, and how it differs from the baseline.

    On the left accuracy, then its change and that of the target's rate, all with intervals over
    seeds and images, and over groups where the plan knows them.
    """
    told, arms = found.told, list(found.told.means)
    names, row = [*told.rows, "mean"], 0.42
    left, wide, gap = 1.85, 3.2, 0.35
    height = row * len(names)
    sheet = style.Sheet(
        left + 3 * (wide + gap),
        0.55 + height + 0.7,
        headline(found),
        f"{wording.count(len(told.seeds), 'seed')} of each arm, {told.n_images:,} test images "
        "clean "
        f"and in each corruption; {wording.level(told.alpha)} intervals over {_sampled(found)}. "
        "The "
        "mean is that of the corruptions.",
        SMOKE if told.smoke else "",
    )
    looks = (_LOOKS * len(arms))[: len(arms)]
    at, down = left - 1.5, 0.02
    for arm, (colour, marker) in zip(arms, looks, strict=True):
        long = 0.45 + 0.085 * len(arm)
        if at + long > left + 3 * (wide + gap):
            at, down = left - 1.5, down + 0.24
        sheet.text(at, down, _MARKERS[marker], fontsize=11, color=colour)
        sheet.text(at + 0.2, down + 0.03, arm, fontsize=11)
        at += long
    panels = [sheet.axes(left + n * (wide + gap), 0.55, wide, height) for n in range(3)]
    accuracy, change, target = panels
    for axes in panels:
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks([])
        style.bare(axes, keep="bottom")
        axes.axhline(0.5, color=style.GRID, lw=1.2)
        axes.axhline(len(names) - 1.5, color=style.GRID, lw=1.2)
    for axes in (change, target):
        axes.axvline(0, color=style.FAINT, lw=1.2)
    accuracy.set_xlabel("accuracy, %")
    change.set_xlabel("← worse   change, points   better →")
    target.set_xlabel(f"← fewer   {told.cell}, points of its class   more →")
    for place, name in enumerate(names):
        draw.row_label(accuracy, place, name, bold=name in {CLEAN, "mean"})
        for number, (arm, look) in enumerate(zip(arms, looks, strict=True)):
            at = place + 0.7 * ((number + 0.5) / len(arms) - 0.5)
            read, moved, cell = _values(found, name, arm)
            _bar(accuracy, at, read, look)
            if moved:
                _bar(change, at, (-moved[0], -moved[2], -moved[1]), look)
            if cell:
                _bar(target, at, cell, look)
    return sheet.figure


def _values(found: Corruptions, name: str, arm: str) -> tuple[Value, Value | None, Value | None]:
    """Return accuracy, growth of the error rate and growth of the target, each with interval."""
    if name == "mean":
        mean = found.told.means[arm]
        return mean.accuracy[:3], mean.change[:3] if mean.change else None, None
    own = found.told.rows[name][arm]
    read = own.accuracy.mean, own.accuracy.low, own.accuracy.high
    if own.change is None:
        return read, None, None
    cell = found.verdicts[arm].cells[0]
    effects = [
        item.effect
        for item in found.items(arm, name)
        if (item.true, item.predicted) == (cell.true, cell.predicted)
    ]
    target = cell.effect if name == CLEAN else effects[0]
    return read, _value(own.change), _value(target)


def _value(effect: Effect) -> Value:
    return effect.estimate, effect.low, effect.high


def _bar(axes: Axes, place: float, value: Value, look: tuple[str, str]) -> None:
    colour, marker = look
    middle, low, high = (100 * v for v in value)
    axes.plot([low, high], [place, place], color=colour, lw=1.6)
    axes.plot([middle], [place], marker, ms=3.6, color=colour)


def _arrow(before: float, after: float) -> str:
    return f"{100 * before:.2f} → {100 * after:.2f}"


def _gained(estimate: float, low: float, high: float) -> str:
    """Return a growth of the error rate as a change of the accuracy, in percentage points."""
    gain, least, most = (
        wording.number(-100 * value, decimals=2, sign=True) for value in (estimate, high, low)
    )
    return f"{gain} ({least} to {most})"
