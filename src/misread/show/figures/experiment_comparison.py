"""The figure of a comparison: how well each arm reads, what differs, and which claims hold."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread.show import style
from misread.study.claims import ComparisonOutcome, Contrast, Verdict
from misread.study.differences import Compared
from misread.wording import count, listed, number, p_value, percent, points

VERDICT_COLOURS: dict[Verdict, str] = {
    "holds": style.BLUE,
    "does not hold": style.VERMILLION,
    "too small to tell here": style.VERDICT_COLOURS["UNDERPOWERED"],
}
_MARKERS: dict[Verdict, str] = {
    "holds": "o",
    "does not hold": "D",
    "too small to tell here": "s",
}


@style.styled
def experiment_comparison(compared: Compared) -> Figure:
    """Draw the accuracy of every arm with its cost, and the difference behind every claim.

    Data: `outcome`. Above: accuracy on *confirm* of each seed (dots), mean with its interval over
    seeds and images, and what is documented; beside it the gap to *fit*, parameters and time.
    Below: the difference of each claim with its interval, against 0, the margin and what is
    claimed. Without claims: every arm against the best.
    """
    outcome = compared.outcome
    row, gap = 0.62, 0.56
    lines = _lines(outcome)
    above = row * len(outcome.arms)
    below = gap * len(lines)
    sheet = style.Sheet(
        14.2,
        0.55 + above + (1.9 + below if lines else 0.4) + 0.25,
        headline(compared),
        f"{count(len(outcome.seeds), 'seed')}, {outcome.n_images:,} confirm images. Dots: seeds; "
        f"line: mean and {1 - outcome.alpha:.0%} interval over seeds and images; open diamond: "
        "documented accuracy of one network.",
        outcome.exploratory,
    )
    _accuracies(sheet, outcome, 0.45, row)
    if lines:
        _differences(sheet, outcome, lines, 0.45 + above + 1.15, gap)
    return sheet.figure


def headline(compared: Compared) -> str:
    """Return in one sentence which arm reads best and whether the next is shown to read less."""
    outcome, best = compared.outcome, compared.best
    accuracy = outcome.arms[best].accuracy.mean
    told = f"{best} ({outcome.arms[best].label}) reads best, {percent(accuracy)}"
    others = [pair for pair in outcome.differences if pair.better == best]
    if not others:
        return f"{best} reads {percent(accuracy)} of the confirm images"
    level = sorted(
        (pair.than for pair in others if pair.p_holm >= outcome.alpha), key=compared.arms.index
    )
    if not level:
        return f"{told}, and better than every other arm"
    if len(level) == len(others):
        return f"{told}, but is not shown to be better than any other arm"
    return f"{told}, but is not shown to be better than {listed(level)}"


class _Line(NamedTuple):
    """A line below: a claim or a part of one, with what was measured."""

    text: str
    names: str
    told: str
    verdict: Verdict | None
    test: Contrast | None = None
    claimed: float = 0.0
    part: Verdict | None = None


def _lines(outcome: ComparisonOutcome) -> list[_Line]:
    def line(test: Contrast, text: str = "", verdict: Verdict | None = None) -> _Line:
        told = f"{points(test.difference)}, {p_value(test.p_holm)}"
        return _Line(text, f"{test.better} − {test.than}", told, verdict, test)

    lines = []
    for claim in outcome.claims:
        if claim.arm is not None:
            own = outcome.arms[claim.arm].accuracy
            told = f"{100 * own.low:.2f} to {100 * own.high:.2f}%"
            lines.append(_Line(claim.text, claim.arm, told, claim.verdict))
            continue
        lines += [
            line(test, claim.text if place == 0 else "", claim.verdict)._replace(
                claimed=claim.at_least, part=part
            )
            for place, (test, part) in enumerate(zip(claim.tests, claim.parts, strict=True))
        ]
    if lines:
        return lines
    first = outcome.differences[0].better if outcome.differences else ""
    return [line(pair) for pair in outcome.differences if pair.better == first]


def _accuracies(sheet: style.Sheet, outcome: ComparisonOutcome, down: float, row: float) -> None:
    left, width = 3.3, 5.6
    arms = list(outcome.arms.items())
    axes = sheet.axes(left, down, width, row * len(arms))
    style.bare(axes, keep="bottom")
    axes.grid(visible=True, axis="x")
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_yticks([])
    axes.tick_params(labelsize=12)
    shown = [value for _, arm in arms for value in arm.accuracy.per_seed]
    shown += [arm.documented.accuracy for _, arm in arms if arm.documented]
    for place, (_, arm) in enumerate(arms):
        low, high = arm.accuracy.low, arm.accuracy.high
        seeds_S = np.array(arm.accuracy.per_seed)
        shift_S = 0.26 + 0.05 * (np.arange(seeds_S.size) % 3)
        axes.plot(
            100 * seeds_S, place + shift_S, "o", ms=5, color=style.SKY, mec="none", alpha=0.85
        )
        axes.hlines(place, 100 * low, 100 * high, color=style.BLUE, lw=3.2)
        axes.plot([100 * arm.accuracy.mean], [place], "o", ms=10, color=style.BLUE)
        if arm.documented:
            at = 100 * arm.documented.accuracy
            axes.plot([at], [place], "D", ms=9, mfc="white", mec=style.INK, mew=1.8, zorder=6)
    shown += [min(1.0, max(0.0, end)) for _, a in arms for end in (a.accuracy.low, a.accuracy.high)]
    room = 0.04 * (max(shown) - min(shown)) or 0.01
    axes.set_xlim(100 * (min(shown) - room), 100 * (max(shown) + room))
    axes.set_xlabel("accuracy on the confirm images, %", fontsize=12)
    heads = ("accuracy", "fit − confirm", "parameters", "s/epoch")
    columns = tuple(zip(heads, (9.95, 11.25, 12.5, 13.55), strict=True))
    for name, at in columns:
        sheet.text(at, 0, name, ha="right", fontsize=11.5, color=style.MUTED)
    for place, (name, arm) in enumerate(arms):
        at_y = down + row * (place + 0.5)
        sheet.text(0.35, at_y - 0.12, name, va="center", fontsize=13.5, fontweight="bold")
        sheet.text(0.35, at_y + 0.13, arm.label, va="center", fontsize=11, color=style.MUTED)
        cells = (
            percent(arm.accuracy.mean),
            points(arm.gap.mean or 0.0),
            f"{arm.parameters:,}",
            f"{arm.seconds_per_epoch.mean or 0.0:.2f}",
        )
        for text, (_, at) in zip(cells, columns, strict=True):
            bold = "bold" if at == columns[0][1] else "normal"
            sheet.text(at, at_y, text, ha="right", va="center", fontsize=12.5, fontweight=bold)


def _differences(
    sheet: style.Sheet,
    outcome: ComparisonOutcome,
    lines: list[_Line],
    down: float,
    row: float,
) -> None:
    left, width = 5.9, 5.0
    sheet.rule(down - 0.25)
    sheet.text(
        0.35,
        down - 0.08,
        "Which claims hold?" if outcome.claims else "Against the best",
        fontsize=14,
        fontweight="bold",
    )
    sheet.text(
        left,
        down - 0.03,
        f"difference of accuracies, points; grey: within the margin of "
        f"{number(100 * outcome.margin)}; tick: size that is claimed",
        fontsize=11,
        color=style.MUTED,
    )
    down += 0.4
    axes = sheet.axes(left, down, width, row * len(lines))
    style.bare(axes, keep="bottom")
    axes.grid(visible=True, axis="x")
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_yticks([])
    axes.tick_params(labelsize=12)
    axes.axvspan(-100 * outcome.margin, 100 * outcome.margin, color="#eef0f3", lw=0, zorder=0)
    axes.axvline(0, color=style.INK, lw=1.3)
    for at, line in enumerate(lines):
        at_y = down + row * (at + 0.5)
        colour = VERDICT_COLOURS[line.verdict] if line.verdict else style.BLUE
        if line.test is not None:
            own = (VERDICT_COLOURS[line.part], _MARKERS[line.part]) if line.part else (colour, "o")
            _interval(axes, at, line.test, line.claimed, own)
        sheet.text(0.35, at_y, line.text, va="center", fontsize=11.5)
        sheet.text(left - 0.15, at_y, line.names, ha="right", va="center", color=style.MUTED)
        is_first = bool(line.verdict and line.text)
        beside = left + width + 0.15
        sheet.text(beside, at_y - (0.1 if is_first else 0), line.told, va="center")
        if is_first:
            sheet.text(
                beside,
                at_y + 0.12,
                str(line.verdict),
                va="center",
                fontsize=12.5,
                fontweight="bold",
                color=colour,
            )


def _interval(axes: Axes, at: int, test: Contrast, claimed: float, mark: tuple[str, str]) -> None:
    colour, marker = mark
    axes.hlines(at, 100 * test.low, 100 * test.high, color=colour, lw=3.2)
    axes.plot([100 * test.difference], [at], marker, ms=9, color=colour)
    if claimed:
        axes.plot([100 * claimed] * 2, [at - 0.36, at + 0.36], color=style.INK, lw=2.6)
