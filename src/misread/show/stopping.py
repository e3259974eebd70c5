"""Rules for adding seeds, compared: tables for the terminal and the docs, and a figure."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import special

from misread.judge.looks import SPENDING, Adaptive
from misread.show import style
from misread.show.calibration import Part, share
from misread.simulate.calibrate import ALPHA
from misread.simulate.limits import LIMITS, beyond_chance
from misread.simulate.stopping import REDUCTIONS, Rule, Stopped, rules

_NAMES = {"cubic": "cubic", "obrien-fleming": "O'Brien–Fleming-like", "pocock": "Pocock-like"}
_TRUTH_COLOURS = (style.MUTED, style.ORANGE, style.BLUE)


class Summary(NamedTuple):
    """A rule over all kinds of study.

    Attributes
    ----------
    rule : str
        Its name.
    worst, mean : float
        False positives in the worst kind, and on average.
    coverage : float
        Of the intervals where it stopped, in the worst kind, null or not.
    power : tuple of float
        Mean power, for each true reduction.
    seeds : tuple of float
        Mean seeds of an arm: without an effect, then for each true reduction.
    """

    rule: str
    worst: float
    mean: float
    coverage: float
    power: tuple[float, ...]
    seeds: tuple[float, ...]


def summaries(outcomes: Sequence[Stopped]) -> list[Summary]:
    """Return each rule over all kinds of study, in the order of `outcomes`."""
    found = []
    for rule in dict.fromkeys(outcome.rule for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.rule == rule]
        of_truth = [[o for o in own if o.reduction == truth] for truth in REDUCTIONS]
        null = [o.rate for o in of_truth[0]]
        found.append(
            Summary(
                rule,
                max(null),
                sum(null) / len(null),
                min(o.coverage for o in own),
                tuple(sum(o.rate for o in part) / len(part) for part in of_truth[1:]),
                tuple(sum(o.mean_seeds for o in part) / len(part) for part in of_truth),
            )
        )
    return found


def by_rule(found: Sequence[Summary]) -> Part:
    """Return a row per rule."""
    truths = [f"−{truth:.0%}" for truth in REDUCTIONS[1:]]
    return Part(
        "Rules over all kinds: false positives (worst, mean), coverage (worst), mean power; seeds",
        (
            "Rule",
            "worst",
            "mean",
            "covered",
            *(f"{truth}" for truth in truths),
            "seeds",
            *(f"{truth}" for truth in truths),
        ),
        tuple(
            (
                one.rule,
                *map(share, (one.worst, one.mean, one.coverage, *one.power)),
                *(f"{seeds:.1f}" for seeds in one.seeds),
            )
            for one in found
        ),
    )


def by_world(outcomes: Sequence[Stopped]) -> Part:
    """Return a row per world and number of errors, of the plan's rule beside one look at all."""
    names = list(dict.fromkeys(outcome.rule for outcome in outcomes))
    cells = {(o.rule, o.world, o.errors, o.reduction): o for o in outcomes}
    rows = []
    for world, errors in dict.fromkeys((o.world, o.errors) for o in outcomes):
        row = [world, f"{errors:g}"]
        for truth in REDUCTIONS:
            fixed, own = (cells[name, world, errors, truth] for name in (names[0], names[-1]))
            row += [f"{share(fixed.rate)}/{share(own.rate)}", f"{own.mean_seeds:.1f}"]
        rows.append(tuple(row))
    truths = ["no effect", *(f"−{truth:.0%}" for truth in REDUCTIONS[1:])]
    heads = [head for truth in truths for head in (truth, "seeds")]
    return Part(
        f"Found by {names[0]} / by {names[-1]}, and mean seeds of the latter",
        ("World", "Errors", *heads),
        tuple(rows),
    )


def in_short(found: Sequence[Summary], replicates: int) -> str:
    """Return what came out, in sentences."""
    fixed, peeking, own = found[0], found[1], found[-1]
    saved = [1 - seeds / fixed.seeds[0] for seeds in own.seeds]
    lost = fixed.power[0] - own.power[0]
    return (
        f"Judged after {peeking.rule}, false positives reach {share(peeking.worst)} "
        f"({share(peeking.mean)} on average). As planned by --adaptive they are at most "
        f"{share(own.worst)} ({share(own.mean)} on average; limits {share(LIMITS.each)} and "
        f"{share(LIMITS.mean)}), and {saved[0]:.0%} of an arm's seeds are saved where there is no "
        f"effect, {saved[1]:.0%} at a true −{REDUCTIONS[1]:.0%}, {saved[2]:.0%} at "
        f"−{REDUCTIONS[2]:.0%}, for {share(lost)} of the power at −{REDUCTIONS[1]:.0%}. Each kind "
        f"of study was simulated {replicates:,} times."
    )


def failed(outcomes: Sequence[Stopped]) -> bool:
    """Say whether the plan's rule surely misses a limit of the calibration."""
    own = [outcome for outcome in outcomes if outcome.rule == outcomes[-1].rule]
    null = [outcome.rate for outcome in own if not outcome.reduction]
    above, _ = beyond_chance(own[0].replicates, len(null))
    _, below = beyond_chance(own[0].replicates, len(own))
    mean = sum(null) / len(null)
    return max(null) >= above or mean > LIMITS.mean or min(o.coverage for o in own) <= below


@style.styled
def stopping_figure(found: Sequence[Summary], replicates: int) -> Figure:
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


def _draw_rules(axes: Axes, found: Sequence[Summary]) -> None:
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
