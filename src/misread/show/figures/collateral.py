"""The figure of everything else: each collateral item against its margin, per arm."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.judge.collateral import Item
from misread.show import style
from misread.study.evidence import Evidence

_MOST_CELLS = 14
_LEAST_CELLS = 3
_ROW, _COLUMN, _LABELS, _GAP = 0.27, 2.5, 2.45, 0.28
_GROUP_HEAD, _GROUP_FOOT = 0.34, 0.38
_TITLES = {
    "accuracy": "Accuracy",
    "recall": "Recall",
    "slice": "Counter-slices",
    "cell": "Other confusions",
}


Items = dict[str, dict[tuple[str, str], Item]]  # by arm; then by kind and name


class _Group(NamedTuple):
    """Items of one kind with the axis that they share."""

    kind: str
    names: list[str]
    low: float
    high: float
    margin: float

    @property
    def height(self) -> float:
        return _GROUP_HEAD + _ROW * len(self.names) + _GROUP_FOOT


@style.styled
def collateral(evidence: Evidence) -> Figure:
    """Draw what must not get worse: change of each error rate, its interval and its margin.

    Data: the `collateral` items of `verdicts`, in percentage points, positive is worse. Accuracy,
    every recall and every counter-slice; of the other confusions those that are not safe in some
    arm, at least the three with the highest upper bound.
    """
    arms = evidence.treated_arms
    if not arms:
        title = "No arm was treated: nothing can have got worse"
        return style.Sheet(9, 0.3, title, warning=evidence.plan.exploratory).figure
    items: Items = {
        arm: {(i.kind, i.name): i for i in evidence.verdicts[arm].collateral} for arm in arms
    }
    groups = _groups(evidence, items)
    n_columns = min(4, len(arms))
    blocks = [arms[start : start + n_columns] for start in range(0, len(arms), n_columns)]
    block = 0.75 + sum(group.height for group in groups)
    n_shown = sum(len(group.names) for group in groups)
    sheet = style.Sheet(
        max(_LABELS + n_columns * (_COLUMN + _GAP) + 0.2, 10.4),
        block * len(blocks) + 0.45,
        _title(evidence),
        "Change of each error rate in percentage points with its interval; right is worse. "
        "Dashed: the margin set before. Safe: the whole interval lies left of it. "
        f"{n_shown} of {evidence.verdicts[arms[0]].n_items} items are drawn; the others, "
        "confusions with lower upper ends, stand in the tables.",
        evidence.plan.exploratory,
    )
    sheet.key(_LABELS, 0.12, before=False)
    for number, own in enumerate(blocks):
        _block(sheet, evidence, own, items, groups, 0.4 + number * block)
    return sheet.figure


def _block(
    sheet: style.Sheet,
    evidence: Evidence,
    arms: Sequence[str],
    items: Items,
    groups: Sequence[_Group],
    down: float,
) -> None:
    for along, arm in enumerate(arms):
        verdict = evidence.verdicts[arm]
        at = _LABELS + along * (_COLUMN + _GAP)
        sheet.text(at, down, arm, fontsize=13, fontweight="bold")
        told = f"{verdict.n_harmed} harmed, {verdict.n_undetermined} undetermined"
        colour = style.VERMILLION if verdict.n_harmed else style.MUTED
        sheet.text(at, down + 0.26, told, fontsize=10, color=colour)
    down += 0.6
    for group in groups:
        title = f"{_TITLES[group.kind]} (margin {wording.number(100 * group.margin)} pp)"
        sheet.text(0.35, down + 0.04, title, fontsize=11.5, fontweight="bold")
        tall = _ROW * len(group.names)
        for line, name in enumerate(group.names):
            y = down + _GROUP_HEAD + _ROW * (line + 0.5)
            sheet.text(_LABELS - 0.12, y, name, fontsize=10.5, ha="right", va="center")
        for along, arm in enumerate(arms):
            at = _LABELS + along * (_COLUMN + _GAP)
            axes = sheet.axes(at, down + _GROUP_HEAD, _COLUMN, tall)
            _forest(axes, [items[arm][group.kind, name] for name in group.names], group)
        down += group.height


def _forest(axes: Axes, items: Sequence[Item], group: _Group) -> None:
    style.bare(axes, keep="bottom")
    axes.set_xlim(100 * group.low, 100 * group.high)
    axes.set_ylim(len(items) - 0.5, -0.5)
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5)
    axes.grid(visible=True, axis="x")
    axes.axvspan(100 * group.margin, 100 * group.high, color="#fdf1e8", lw=0, zorder=0)
    axes.axvline(0, color=style.FAINT, lw=1.2)
    axes.axvline(100 * group.margin, color=style.INK, lw=1.2, ls=(0, (3, 2)))
    for place, item in enumerate(items):
        colour = style.STATUS_COLOURS[item.status]
        low, high = 100 * max(item.effect.low, group.low), 100 * min(item.effect.high, group.high)
        axes.plot([low, high], [place, place], color=colour, lw=2.2)
        for is_cut, bound, marker in (
            (item.effect.low < group.low, group.low, "<"),
            (item.effect.high > group.high, group.high, ">"),
        ):
            if is_cut:
                axes.plot([100 * bound], [place], marker, color=colour, ms=6, clip_on=False)
        axes.plot(
            [100 * item.effect.estimate],
            [place],
            style.STATUS_MARKERS[item.status],
            color=colour,
            ms=7,
            mec="white",
            mew=0.8,
            zorder=4,
        )


def _groups(evidence: Evidence, items: Items) -> list[_Group]:
    margins = evidence.plan.study.judge.margins
    first = next(iter(items.values()))
    groups = []
    for kind in _TITLES:
        names = [  # a cell may be listed in one arm and be one of many unread ones in another
            name
            for of_kind, name in first
            if of_kind == kind and all((kind, name) in own for own in items.values())
        ]
        if kind == "cell":
            names = _worth_seeing(names, items)
        if not names:
            continue
        own = [items[arm][kind, name] for arm in items for name in names]
        margin: float = getattr(margins, kind)
        low, high = _axis(own, margin)
        groups.append(_Group(kind, names, low, high, margin))
    return groups


def _worth_seeing(names: Sequence[str], items: Items) -> list[str]:
    def highest(name: str) -> float:
        return max(own["cell", name].effect.high for own in items.values())

    ordered = sorted(names, key=lambda name: (-highest(name), name))
    open_ones = [
        name
        for name in ordered
        if any(own["cell", name].status != "safe" for own in items.values())
    ]
    return (open_ones or ordered[:_LEAST_CELLS])[:_MOST_CELLS]


def _axis(items: Sequence[Item], margin: float) -> tuple[float, float]:
    """Return an axis that shows every estimate; intervals far wider than most are cut."""
    least = max(margin, 1e-4)
    estimates = [item.effect.estimate for item in items]
    lows, highs = [item.effect.low for item in items], [item.effect.high for item in items]
    low = min(-1.5 * least, 1.15 * min(estimates), float(np.quantile(lows, 0.1)))
    high = max(1.8 * least, 1.15 * max(estimates), float(np.quantile(highs, 0.9)))
    return 1.03 * low, 1.03 * high


def _title(evidence: Evidence) -> str:
    verdicts = evidence.verdicts
    harmful = [
        f"{arm} ({wording.count(v.n_harmed, 'item')})" for arm, v in verdicts.items() if v.n_harmed
    ]
    if harmful:
        return f"Something got worse under {wording.listed(harmful)}"
    few = min(v.n_undetermined for v in verdicts.values())
    many = max(v.n_undetermined for v in verdicts.values())
    n_items = next(iter(verdicts.values())).n_items
    if not many:
        return f"All {n_items} items stayed within their margins in every arm"
    told = f"{few}" if few == many else f"{few} to {many}"
    return (
        f"No arm is shown to have made anything worse; {told} of {n_items} items stay undetermined"
    )
