"""The figure of a comparison: how well each arm reads, what differs, and which claims hold."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from misread.show import draw, style
from misread.study.claims import ComparisonOutcome, Contrast, Standing
from misread.study.evidence import Evidence
from misread.wording import count, listed, number, p_value, percent, points

CLAIM_MARKS: dict[Standing, tuple[str, str]] = {
    Standing.HOLDS: (style.BLUE, "o"),
    Standing.FAILS: (style.VERMILLION, "D"),
    Standing.OPEN: (style.VERDICT_COLOURS["UNDERPOWERED"], "s"),
}
_ACCURACIES, _COLUMNS = (3.3, 5.6), (9.95, 11.25, 12.5, 13.55)  # left and width; right ends
_DIFFERENCES = (5.9, 5.0)


@style.styled
def experiment_comparison(evidence: Evidence) -> Figure:
    """Draw the accuracy of every arm with its cost, and the difference behind every claim.

    Without claims: the difference of every arm to the best.
    """
    outcome = evidence.accuracies
    row, gap = 0.62, 0.56
    lines = _lines(outcome)
    above, below = row * len(outcome.arms), gap * len(lines)
    sheet = style.Sheet(
        14.2,
        0.55 + above + (1.9 + below if lines else 0.4) + 0.25,
        best_arm_sentence(evidence),
        f"{count(len(outcome.seeds), 'seed')}, {outcome.n_images:,} confirm images. Dots: seeds; "
        f"line: mean and {1 - outcome.alpha:.0%} interval over seeds and images; open diamond: "
        "documented accuracy of one network.",
        outcome.exploratory,
    )
    _accuracies(sheet, outcome, 0.45, row)
    if lines:
        _differences(sheet, outcome, lines, 0.45 + above + 1.15, gap)
    return sheet.figure


def best_arm_sentence(evidence: Evidence) -> str:
    """Return in one sentence which arm reads best and whether the next is shown to read less."""
    outcome, best = evidence.accuracies, evidence.best
    accuracy = percent(outcome.arms[best].accuracy.mean)
    others = [pair for pair in outcome.differences if pair.better == best]
    if not others:
        return f"{best} reads {accuracy} of the confirm images"
    lead = f"{best} ({outcome.arms[best].label}) reads best, {accuracy}"
    equal = [pair.than for pair in others if pair.p_holm >= outcome.alpha]
    if not equal:
        return f"{lead}, and better than every other arm"
    if len(equal) == len(others):
        return f"{lead}, but is not shown to be better than any other arm"
    names = listed(sorted(equal, key=evidence.arms.index))
    return f"{lead}, but is not shown to be better than {names}"


class _Line(NamedTuple):
    """A line below: a claim or a part of one, with what was measured."""

    text: str
    names: str
    result: str
    verdict: Standing | None
    test: Contrast | None = None
    claimed: float = 0.0
    part: Standing | None = None


def _lines(outcome: ComparisonOutcome) -> list[_Line]:
    lines = []
    for claim in outcome.claims:
        if claim.arm is not None:
            accuracy = outcome.arms[claim.arm].accuracy
            span = f"{100 * accuracy.low:.2f} to {100 * accuracy.high:.2f}%"
            lines.append(_Line(claim.text, claim.arm, span, claim.verdict))
        for place, (test, part) in enumerate(zip(claim.tests, claim.parts, strict=False)):
            text = "" if place else claim.text
            lines.append(_Line(text, *_measured(test), claim.verdict, test, claim.at_least, part))
    if lines or not outcome.differences:
        return lines
    best = outcome.differences[0].better
    against = [pair for pair in outcome.differences if pair.better == best]
    return [_Line("", *_measured(pair), None, pair) for pair in against]


def _measured(test: Contrast) -> tuple[str, str]:
    """Return the two arms of a difference, and what was measured."""
    return (
        f"{test.better} − {test.than}",
        f"{points(test.difference)}, {p_value(test.p_holm)}",
    )


def _accuracies(sheet: style.Sheet, outcome: ComparisonOutcome, down: float, row: float) -> None:
    left, width = _ACCURACIES
    arms = list(outcome.arms.items())
    axes = draw.row_axes(sheet, left, down, width, row * len(arms), len(arms))
    axes.grid(visible=True, axis="x")
    axes.tick_params(labelsize=12)
    axes.set_xlabel("accuracy on the confirm images, %", fontsize=12)
    heads = ("accuracy", "fit − confirm", "parameters", "s/epoch")
    for head, at in zip(heads, _COLUMNS, strict=True):
        sheet.text(at, 0, head, size=11.5, colour=style.MUTED, ha="right")
    dots: dict[str, Any] = {"ms": 5, "color": style.SKY, "mec": "none", "alpha": 0.85}
    diamond: dict[str, Any] = {"ms": 9, "mfc": "white", "mec": style.INK, "mew": 1.8, "zorder": 6}
    values = []
    for place, (name, arm) in enumerate(arms):
        accuracy, seeds_S = arm.accuracy, np.array(arm.accuracy.per_seed)
        ends = (100 * accuracy.low, 100 * accuracy.high)
        shift_S = 0.26 + 0.05 * (np.arange(seeds_S.size) % 3)
        axes.plot(100 * seeds_S, place + shift_S, "o", **dots)
        draw.interval(axes, place, ends, style.BLUE, width=3.2)
        axes.plot([100 * accuracy.mean], [place], "o", ms=10, color=style.BLUE)
        values += [*accuracy.per_seed, max(0.0, accuracy.low), min(1.0, accuracy.high)]
        if arm.documented:
            axes.plot([100 * arm.documented.accuracy], [place], "D", **diamond)
            values.append(arm.documented.accuracy)
        middle = down + row * (place + 0.5)
        sheet.text(0.35, middle - 0.12, name, size=13.5, bold=True, va="center")
        sheet.text(0.35, middle + 0.13, arm.label, colour=style.MUTED, va="center")
        cells = (
            percent(accuracy.mean),
            points(arm.gap.mean or 0.0),
            f"{arm.parameters:,}" if arm.parameters else "–",
            f"{arm.seconds_per_epoch.mean or 0.0:.2f}",
        )
        for cell, at in zip(cells, _COLUMNS, strict=True):
            bold = at == _COLUMNS[0]
            sheet.text(at, middle, cell, size=12.5, bold=bold, ha="right", va="center")
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or 0.01
    axes.set_xlim(100 * (low - room), 100 * (high + room))


def _differences(
    sheet: style.Sheet, outcome: ComparisonOutcome, lines: list[_Line], down: float, row: float
) -> None:
    left, width = _DIFFERENCES
    sheet.rule(down - 0.25)
    head = "Which claims hold?" if outcome.claims else "Against the best"
    sheet.text(0.35, down - 0.08, head, size=14, bold=True)
    margin = (
        "difference of accuracies, points; grey: within the margin of "
        f"{number(100 * outcome.margin)}; tick: size that is claimed"
    )
    sheet.text(left, down - 0.03, margin, colour=style.MUTED)
    down += 0.4
    axes = draw.row_axes(sheet, left, down, width, row * len(lines), len(lines))
    axes.grid(visible=True, axis="x")
    axes.tick_params(labelsize=12)
    axes.axvspan(-100 * outcome.margin, 100 * outcome.margin, color="#eef0f3", lw=0, zorder=0)
    axes.axvline(0, color=style.INK, lw=1.3)
    for place, line in enumerate(lines):
        middle = down + row * (place + 0.5)
        if line.test is not None:
            colour, marker = CLAIM_MARKS[line.part] if line.part else (style.BLUE, "o")
            ends = (100 * line.test.low, 100 * line.test.high)
            draw.interval(axes, place, ends, colour, width=3.2)
            axes.plot([100 * line.test.difference], [place], marker, ms=9, color=colour)
        if line.claimed and line.test is not None:
            at = [100 * line.claimed] * 2
            axes.plot(at, [place - 0.36, place + 0.36], color=style.INK, lw=2.6)
        sheet.text(0.35, middle, line.text, size=11.5, va="center")
        sheet.text(left - 0.15, middle, line.names, colour=style.MUTED, ha="right", va="center")
        beside, is_first = left + width + 0.15, bool(line.verdict and line.text)
        sheet.text(beside, middle - (0.1 if is_first else 0), line.result, va="center")
        if line.verdict and is_first:
            look: dict[str, Any] = {"size": 12.5, "bold": True, "va": "center"}
            colour = CLAIM_MARKS[line.verdict][0]
            sheet.text(beside, middle + 0.12, line.verdict, colour=colour, **look)
