"""The figure of `misread calibrate --adaptive`: bounds of the planned looks, and cost of rules."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import special

from misread.judge.looks import SPENDING, Adaptive
from misread.show import style
from misread.show.calibration import RuleSummary, share
from misread.simulate.calibrate import ALPHA
from misread.simulate.limits import LIMITS
from misread.simulate.stopping import REDUCTIONS, Rule, rules

_NAMES = {"cubic": "cubic", "obrien-fleming": "O'Brien–Fleming-like", "pocock": "Pocock-like"}
_TRUTH_COLOURS = (style.MUTED, style.ORANGE, style.BLUE)


@style.styled
def stopping_figure(found: Sequence[RuleSummary], replicates: int) -> Figure:
    """Draw the bounds of the plans, and what each rule costs.

    Data: `found`, and the bounds of `rules()`. Left: how many standard errors a change must reach
    at each look. Right: mean seeds of an arm under each truth, with false positives and power.
    """
    own, fixed = found[-1], found[0]
    sheet = style.Sheet(
        13.6,
        6.1,
        f"Planned looks take {own.seeds[0]:.1f} of {fixed.seeds[0]:.0f} seeds where a fix does "
        f"nothing, {own.seeds[1]:.1f} where it removes 30%",
        "Simulated studies in four worlds, 5, 8 and 30 errors a seed, "
        f"{replicates:,} of each kind. Two-sided {ALPHA:g} over all looks.",
    )
    sheet.text(0.85, 0.05, "What a change must reach", fontsize=13, fontweight="bold")
    sheet.text(0.85, 0.32, "in standard errors, at each look", fontsize=11, color=style.MUTED)
    _draw_bounds(sheet.axes(0.85, 0.85, 3.5, 4.5))
    left = 6.9
    sheet.text(
        left, 0.05, "Mean seeds of an arm until it is settled", fontsize=13, fontweight="bold"
    )
    told = ("no effect", *(f"−{truth:.0%}" for truth in REDUCTIONS[1:]))
    for place, (name, colour) in enumerate(zip(told, _TRUTH_COLOURS, strict=True)):
        sheet.text(left + 1.15 * place, 0.32, f"● {name}", fontsize=11, color=colour)
    axes = sheet.axes(left, 0.85, 3.7, 4.5)
    _draw_rules(axes, found)
    for at, head, values in (
        (11.05, "false pos.,\nworst", [one.worst for one in found]),
        (12.2, "power,\n−30%", [one.power[0] for one in found]),
    ):
        sheet.text(at, 0.2, head, fontsize=11, color=style.MUTED)
        for row, value in enumerate(values):
            bad = at < 12 and value > LIMITS.each
            down = 0.85 + 4.5 * (row + 0.5) / len(found)
            colour = style.VERMILLION if bad else style.INK
            sheet.text(at, down, share(value), fontsize=12, va="center", color=colour)
    return sheet.figure


def _draw_bounds(axes: Axes) -> None:
    adaptive = Adaptive()
    axes.grid(visible=True, axis="y")
    colours = dict(zip(SPENDING, (style.BLUE, style.ORANGE, style.PURPLE), strict=True))
    for name, colour in colours.items():
        plan = adaptive.model_copy(update={"spending": name})
        _line(axes, plan.looks, plan.levels(ALPHA), _NAMES[name], colour)
    rule: Rule = next(rule for rule in rules() if rule.name.startswith("anytime"))
    _line(axes, rule.looks, rule.levels, "anytime-valid", style.GREEN)
    axes.axhline(float(-special.ndtri(ALPHA / 2)), color=style.INK, lw=1.3, ls=(0, (4, 2)))
    axes.text(adaptive.most, 1.9, f"one look at {ALPHA:g}", fontsize=11, ha="right", va="top")
    axes.set_xticks(adaptive.looks)
    axes.set_ylim(1.5, 4.6)
    axes.set_xlabel("seeds", fontsize=12)
    axes.tick_params(labelsize=11.5)
    axes.legend(frameon=False, fontsize=11, loc="upper right", handlelength=1.4)


def _line(
    axes: Axes, looks: Sequence[int], levels: Sequence[float], name: str, colour: str
) -> None:
    bounds = [float(-special.ndtri(level / 2)) for level in levels]
    axes.plot(looks, bounds, "o-", color=colour, lw=2.2, ms=4 if len(looks) > 5 else 7, label=name)


def _draw_rules(axes: Axes, found: Sequence[RuleSummary]) -> None:
    axes.grid(visible=True, axis="x")
    axes.set_ylim(len(found), 0)
    axes.set_xlim(0, found[0].seeds[0] * 1.05)
    for row, one in enumerate(found):
        axes.plot([min(one.seeds), max(one.seeds)], [row + 0.5] * 2, color=style.FAINT, lw=2)
        for seeds, colour in zip(one.seeds, _TRUTH_COLOURS, strict=True):
            axes.plot([seeds], [row + 0.5], "o", color=colour, ms=9)
    names = [one.rule for one in found]
    axes.set_yticks([row + 0.5 for row in range(len(found))], names, fontsize=11.5)
    axes.get_yticklabels()[-1].set_fontweight("bold")
    axes.set_xlabel("seeds", fontsize=12)
    axes.tick_params(labelsize=11.5)
