"""The figure of everything else: each collateral item against its margin, per arm."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.judge.items import Item
from misread.show import draw, style
from misread.study.evidence import Evidence

_MOST_CELLS, _LEAST_CELLS = 14, 3
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
    limits: tuple[float, float]
    margin: float

    @property
    def height(self) -> float:
        return _GROUP_HEAD + _ROW * len(self.names) + _GROUP_FOOT


@style.styled
def collateral(evidence: Evidence) -> Figure:
    """Draw what must not get worse: change of each error rate, its interval and its margin.

    Of the other confusions only those that are harmed or undetermined in some arm, or the three
    with the highest upper bound.
    """
    arms = evidence.treated_arms
    if not arms:
        title = "No arm was treated: nothing can have got worse"
        return style.Sheet(9, 0.3, title, warning=evidence.plan.exploratory).figure
    items: Items = {
        arm: {(item.kind, item.name): item for item in evidence.verdicts[arm].collateral}
        for arm in arms
    }
    groups = _groups(evidence, items)
    n_columns = min(4, len(arms))
    height = 0.75 + sum(group.height for group in groups)
    sheet = style.Sheet(
        max(_LABELS + n_columns * (_COLUMN + _GAP) + 0.2, 10.4),
        height * -(-len(arms) // n_columns) + 0.45,
        _title(evidence),
        "Change of each error rate in percentage points; right is worse. Dashed: the margin set "
        "before. Safe: the right end, of 95% on that side alone, lies left of it. Small grey dots: "
        "not asked to be safe, only looked at for harm. Confusions that are not drawn stand in the "
        "tables.",
        evidence.plan.exploratory,
    )
    draw.key(sheet, _LABELS, 0.12, draw.STATUS_MARKS)
    for start in range(0, len(arms), n_columns):
        down = 0.4 + height * (start // n_columns)
        _block(sheet, evidence, arms[start : start + n_columns], items, groups, down)
    return sheet.figure


def _block(
    sheet: style.Sheet,
    evidence: Evidence,
    arms: Sequence[str],
    items: Items,
    groups: Sequence[_Group],
    down: float,
) -> None:
    columns = {arm: _LABELS + along * (_COLUMN + _GAP) for along, arm in enumerate(arms)}
    for arm, at in columns.items():
        verdict = evidence.verdicts[arm]
        sheet.text(at, down, arm, size=13, bold=True)
        counts = f"{verdict.n_harmed} harmed, {verdict.n_undetermined} undetermined"
        colour = style.VERMILLION if verdict.n_harmed else style.MUTED
        sheet.text(at, down + 0.26, counts, size=10, colour=colour)
    down += 0.6
    for group in groups:
        title = f"{_TITLES[group.kind]} (margin {wording.number(100 * group.margin)} pp)"
        sheet.text(0.35, down + 0.04, title, size=11.5, bold=True)
        top, n = down + _GROUP_HEAD, len(group.names)
        for row, name in enumerate(group.names):
            y = top + _ROW * (row + 0.5)
            sheet.text(_LABELS - 0.12, y, name, size=10.5, ha="right", va="center")
        for arm, at in columns.items():
            axes = draw.row_axes(sheet, at, top, _COLUMN, _ROW * n, n)
            _forest(axes, [items[arm][group.kind, name] for name in group.names], group)
        down += group.height


def _forest(axes: Axes, items: Sequence[Item], group: _Group) -> None:
    low, high = (100 * limit for limit in group.limits)
    axes.set_xlim(low, high)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(visible=True, axis="x")
    axes.axvspan(100 * group.margin, high, color="#fdf1e8", lw=0, zorder=0)
    axes.axvline(0, color=style.FAINT, lw=1.2)
    axes.axvline(100 * group.margin, color=style.INK, lw=1.2, ls=draw.DASHED)
    for place, item in enumerate(items):
        colour, marker = style.STATUS_COLOURS[item.status], style.STATUS_MARKERS[item.status]
        ends = (100 * item.effect.low, 100 * _right_end(item))
        draw.interval(axes, place, ends, colour, width=2.2, limits=(low, high))
        at = [100 * item.effect.estimate]
        axes.plot(at, [place], marker, color=colour, ms=7, mec="white", mew=0.8, zorder=4)


def _right_end(item: Item) -> float:
    """Return the end that decides: for *safe* the one-sided one, for harm the interval's."""
    asked = item.upper is not None and item.status in {"safe", "undetermined"}
    return float(item.upper if asked and item.upper is not None else item.effect.high)


def _groups(evidence: Evidence, items: Items) -> list[_Group]:
    margins = evidence.plan.study.judge.margins
    first, *others = items.values()
    groups = []
    for kind in _TITLES:
        # A cell may be listed in one arm and be one of many unread ones in another.
        names = [name for of_kind, name in first if of_kind == kind]
        names = [name for name in names if all((kind, name) in of_arm for of_arm in others)]
        if kind == "cell":
            names = _worth_seeing(names, items)
        if names:
            margin: float = getattr(margins, kind)
            limits = _limits([items[arm][kind, name] for arm in items for name in names], margin)
            groups.append(_Group(kind, names, limits, margin))
    return groups


def _worth_seeing(names: Sequence[str], items: Items) -> list[str]:
    cells = {name: [of_arm["cell", name] for of_arm in items.values()] for name in names}
    ordered = sorted(names, key=lambda name: (-max(i.effect.high for i in cells[name]), name))
    open_or_bad = {"harmed", "undetermined"}
    unsafe = [name for name in ordered if any(i.status in open_or_bad for i in cells[name])]
    return (unsafe or ordered[:_LEAST_CELLS])[:_MOST_CELLS]


def _limits(items: Sequence[Item], margin: float) -> tuple[float, float]:
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
    numbers = [verdict.n_undetermined for verdict in verdicts.values()]
    few, many = min(numbers), max(numbers)
    n_items = next(iter(verdicts.values())).n_items
    if not many:
        return f"All {n_items} items stayed within their margins in every arm"
    return (
        "No arm is shown to have made anything worse; "
        f"{few if few == many else f'{few} to {many}'} of {n_items} items stay undetermined"
    )
