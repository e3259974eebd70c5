"""The figure of `misread calibrate --adaptive`: bounds of the planned looks, and cost of rules."""

from collections.abc import Sequence

import scipy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread.judge.looks import SPENDING, Adaptive
from misread.show import draw, style
from misread.show.calibration import RuleSummary, share
from misread.simulate.calibrate import ALPHA
from misread.simulate.limits import LIMITS
from misread.simulate.stopping import REDUCTIONS, rules

_NAMES = {"cubic": "cubic", "obrien-fleming": "O'Brien–Fleming-like", "pocock": "Pocock-like"}
_TRUTHS = ("no effect", *(f"−{truth:.0%}" for truth in REDUCTIONS[1:]))
_TRUTH_COLOURS = (style.MUTED, style.ORANGE, style.BLUE)
_DOWN, _TALL = 0.85, 4.5


@style.styled
def adaptive(summaries: Sequence[RuleSummary], replicates: int) -> Figure:
    """Draw the bounds of the plans at each look, and what each rule costs in seeds and power."""
    fixed, planned = summaries[0], summaries[-1]
    sheet = style.Sheet(
        13.6,
        6.1,
        f"Planned looks take {planned.seeds[0]:.1f} of {fixed.seeds[0]:.0f} seeds where a fix does "
        f"nothing, {planned.seeds[1]:.1f} where it removes 30%",
        "Simulated studies in four worlds, 5, 8 and 30 errors a seed, "
        f"{replicates:,} of each kind. Two-sided {ALPHA:g} over all looks.",
    )
    left, right = 0.85, 6.9
    sheet.text(left, 0.05, "What a change must reach", size=13, bold=True)
    sheet.text(left, 0.32, "in standard errors, at each look", colour=style.MUTED)
    _draw_bounds(sheet.axes(left, _DOWN, 3.5, _TALL))
    sheet.text(right, 0.05, "Mean seeds of an arm until it is settled", size=13, bold=True)
    marks = [draw.Mark(*mark) for mark in zip(_TRUTHS, _TRUTH_COLOURS, strict=True)]
    draw.key(sheet, right, 0.41, marks)
    _draw_rules(sheet.axes(right, _DOWN, 3.7, _TALL), summaries)
    for at, head, values, limit in (
        (11.05, "false pos.,\nworst", [summary.worst for summary in summaries], LIMITS.single),
        (12.2, "power,\n−30%", [summary.power[0] for summary in summaries], 1.0),
    ):
        sheet.text(at, 0.2, head, colour=style.MUTED)
        for row, value in enumerate(values):
            down = _DOWN + _TALL * (row + 0.5) / len(summaries)
            colour = style.VERMILLION if value > limit else style.INK
            sheet.text(at, down, share(value), size=12, colour=colour, va="center")
    return sheet.figure


def _draw_bounds(axes: Axes) -> None:
    plan = Adaptive()
    axes.grid(visible=True, axis="y")
    for name, colour in zip(SPENDING, (style.BLUE, style.ORANGE, style.PURPLE), strict=True):
        levels = plan.model_copy(update={"spending": name}).levels(ALPHA)
        _draw_line(axes, plan.looks, levels, _NAMES[name], colour)
    rule = next(rule for rule in rules() if rule.name.startswith("anytime"))
    _draw_line(axes, rule.looks, rule.levels, "anytime-valid", style.GREEN)
    axes.axhline(_bound(ALPHA), color=style.INK, lw=1.3, ls=(0, (4, 2)))
    axes.text(plan.most, 1.9, f"one look at {ALPHA:g}", fontsize=11, ha="right", va="top")
    axes.set_xticks(plan.looks)
    axes.set_ylim(1.5, 4.6)
    axes.set_xlabel("seeds", fontsize=12)
    axes.tick_params(labelsize=11.5)
    axes.legend(frameon=False, fontsize=11, loc="upper right", handlelength=1.4)


def _draw_line(
    axes: Axes, looks: Sequence[int], levels: Sequence[float], name: str, colour: str
) -> None:
    dot = 4 if len(looks) > 5 else 7
    axes.plot(looks, [*map(_bound, levels)], "o-", color=colour, lw=2.2, ms=dot, label=name)


def _bound(level: float) -> float:
    """Return how many standard errors a two-sided test at `level` asks for."""
    return float(-scipy.special.ndtri(level / 2))


def _draw_rules(axes: Axes, summaries: Sequence[RuleSummary]) -> None:
    axes.grid(visible=True, axis="x")
    axes.set_ylim(len(summaries), 0)
    axes.set_xlim(0, summaries[0].seeds[0] * 1.05)
    places = [row + 0.5 for row in range(len(summaries))]
    for place, summary in zip(places, summaries, strict=True):
        ends = [min(summary.seeds), max(summary.seeds)]
        axes.plot(ends, [place] * 2, color=style.FAINT, lw=2)
        for seeds, colour in zip(summary.seeds, _TRUTH_COLOURS, strict=True):
            axes.plot([seeds], [place], "o", color=colour, ms=9)
    axes.set_yticks(places, [summary.rule for summary in summaries], fontsize=11.5)
    axes.get_yticklabels()[-1].set_fontweight("bold")
    axes.set_xlabel("seeds", fontsize=12)
    axes.tick_params(labelsize=11.5)
