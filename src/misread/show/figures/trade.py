"""The figure of a trade: what each arm did to a target and its reverse, and what a shift would."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from misread import wording
from misread.judge import CellResult, Item
from misread.judge.trade import Bargain, Leans, shift_for
from misread.show import draw, style, words
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence

_MOST = 1.5  # times the baseline's errors, where the curve begins
_STEPS = 60
_ROOM = 2.5  # times the highest arm, up to where the curve is seen


def has_trade(evidence: Evidence) -> bool:
    """Return True where there is a curve to draw, and an arm beside it."""
    leans = evidence.leans
    return leans is not None and bool(leans.gaps) and bool(_both_ways(evidence))


@style.styled
def trade(evidence: Evidence) -> Figure:
    """Draw the target against its reverse: every arm, and the baseline with a moved boundary.

    The curve is the baseline's as a constant is added to the logit of the true class
    (`Evidence.leans`): an arm on it moved the boundary, one below it learned something.
    """
    cells = evidence.target, evidence.target[::-1]
    there, back = (words.cell_name(evidence, *cell) for cell in cells)
    arms = _both_ways(evidence)
    sheet = style.Sheet(
        8.6,
        5.6,
        _finding({arm: target for arm, (target, _) in arms.items()}, there, back),
        f"Line: the baseline, the boundary between the two moved by more or less. On it a fall of "
        f"{there} is a trade for {back}, below it is none. Bars: "
        f"{1 - evidence.plan.study.judge.alpha:.0%} intervals of the change.",
        evidence.plan.exploratory,
    )
    axes = sheet.axes(1.0, 0.5, 7.2, 4.4)
    marks = draw.arm_marks((BASELINE, *arms))
    draw.key(sheet, 1.0, 0.2, marks)
    origin = np.array([rate.before for rate in next(iter(arms.values()))])
    if evidence.leans is not None:
        axes.plot(*(100 * (origin + _moved(evidence.leans)).T), color=style.FAINT, lw=2.4, zorder=1)
    axes.plot(*(100 * origin), marker=marks[0].marker, color=marks[0].colour, ms=9, ls="")
    for mark, ways in zip(marks[1:], arms.values(), strict=True):
        x, y = (100 * rate.after for rate in ways)
        ends = [
            100 * np.maximum([rate.before + end for end in (rate.effect.low, rate.effect.high)], 0)
            for rate in ways
        ]
        for line in ((ends[0], [y, y]), ([x, x], ends[1])):
            axes.plot(*line, color=mark.colour, lw=1.1, alpha=0.6, zorder=2)
        axes.plot([x], [y], mark.marker, color=mark.colour, ms=9, zorder=3)
    axes.set_xlim(left=0)
    highest = max(item.before + max(item.effect.high, 0) for _, item in arms.values())
    axes.set_ylim(0, 100 * _ROOM * highest)  # the curve goes on, to all of the class
    axes.grid(visible=True)
    axes.set_xlabel(f"{there}, % of the class")
    axes.set_ylabel(f"{back}, % of the class")
    return sheet.figure


def _both_ways(evidence: Evidence) -> dict[str, tuple[CellResult, Item]]:
    """Return by arm the target and its reverse, where that is an item of its own."""
    return {
        arm: (verdict.cells[0], item)
        for arm, verdict in evidence.verdicts.items()
        for item in verdict.collateral
        if item.kind == "cell" and (item.predicted, item.true) == evidence.target
    }


def _finding(targets: dict[str, CellResult], there: str, back: str) -> str:
    """Return which arms learned, which traded, and of which it cannot be told."""
    by_answer: dict[Bargain, list[str]] = {}
    for arm, target in targets.items():
        if target.trade is not None:
            by_answer.setdefault(target.trade.answer, []).append(arm)
    said = [
        phrase.format(wording.listed(by_answer[answer]))
        for answer, phrase in (
            (Bargain.LEARNED, "{} learned, and paid nothing"),
            (Bargain.TRADED, f"{{}} traded {there} for {back}"),
            (Bargain.OPEN, f"whether {{}} traded {there} for {back} cannot be told"),
        )
        if answer in by_answer
    ]
    if not said:
        return f"No arm lowered {there}, so none can have traded it for {back}"
    sentence = "; ".join(said)
    return sentence.replace("whether", "Whether", 1) if sentence.startswith("whether") else sentence


def _moved(leans: Leans) -> npt.NDArray[np.float64]:
    """Return the change of both rates along the curve, `[Q,2]`."""
    n_errors = sum(int((gaps > 0).sum()) for gaps in leans.gaps)
    shifts = [shift_for(leans.gaps, n) for n in np.linspace(_MOST * n_errors, 0, _STEPS)]
    return np.array(
        [
            (
                np.mean([np.mean(gaps > shift) - np.mean(gaps > 0) for gaps in leans.gaps]),
                np.mean([np.mean(backs < shift) - np.mean(backs < 0) for backs in leans.backs]),
            )
            for shift in shifts
        ]
    )
