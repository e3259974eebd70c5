"""The figures of a comparison whose arms lie along an axis: depth, width, rate."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread.judge.checks import FloatArray
from misread.show import draw, style
from misread.study.axis import Answers, Together
from misread.study.evidence import Evidence
from misread.wording import count, number, percent

_COLOURS = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE)
_MARKS = tuple(zip(_COLOURS, "oDs^v", strict=True))
_DASHED = (0, (4, 3))


@style.styled
def along_axis(evidence: Evidence, answers: Answers) -> Figure:
    """Draw accuracy and time per step of every arm along the axis, a line per series.

    Where one arm alone stands at the beginning of the axis, a dashed line goes on from it.
    """
    outcome = answers.outcome
    order = sorted(answers.at, key=lambda arm: outcome.arms[arm].accuracy.mean)
    worst, best = (
        f"{percent(outcome.arms[arm].accuracy.mean)} ({outcome.arms[arm].label})"
        for arm in (order[0], order[-1])
    )
    sheet = style.Sheet(
        14.2,
        6.1,
        f"Accuracy runs from {worst} to {best}",
        f"{count(len(outcome.seeds), 'seed')}, {answers.fit_size:,} training images, "
        f"{outcome.n_images:,} confirm images. Left: mean and {1 - outcome.alpha:.0%} interval "
        "over seeds and images, the errors on a logarithmic scale; small dots: seeds. Right: "
        "processor time of one core, mean and range of seeds.",
        outcome.exploratory,
    )
    heads = ((1.0, "accuracy on the confirm images"), (8.2, "milliseconds per step"))
    accuracy, times = panels = [
        _panel(sheet, left, 5.5, 4.75, head, evidence.plan.study.axis) for left, head in heads
    ]
    standings = [outcome.arms[arm].accuracy for arm in answers.at]
    limits = draw.limits_of([_accuracy(s.per_seed, s.low, s.high) for s in standings])
    accuracy.set_ylim(*limits)
    accuracy.set_yticks(*_round_accuracies(limits))
    places = sorted(set(answers.at.values()))
    is_wide = places[0] > 0 and places[-1] / places[0] >= 16
    names = list(dict.fromkeys(answers.series.values()))
    # Beside each other: many series may stand at one place of the axis.
    step = 0.0 if is_wide else 0.011 * (places[-1] - places[0])
    for place, series in enumerate(names):
        arms = [arm for arm in answers.at if answers.series[arm] == series]
        at = {arm: answers.at[arm] + step * (place - (len(names) - 1) / 2) for arm in arms}
        mark = _MARKS[place % len(_MARKS)]
        means = _accuracies(accuracy, answers, at, mark), _times(times, answers, at, mark)
        if len(arms) == 1 and answers.at[arms[0]] == places[0]:
            for axes, mean in zip(panels, means, strict=True):
                axes.axhline(mean[0], color=mark[0], lw=1.4, ls=_DASHED)
    for axes in panels:
        if is_wide:
            axes.set_xscale("log", base=2)
            axes.minorticks_off()
        axes.set_xticks(*_named(places, is_wide=is_wide))
    times.set_ylim(bottom=0)
    if any(names):
        accuracy.legend(frameon=False, fontsize=12, loc="best")
    return sheet.figure


def _panel(
    sheet: style.Sheet, left: float, width: float, height: float, head: str, below: str
) -> Axes:
    sheet.text(left, 0, head, size=14, bold=True)
    axes = sheet.axes(left, 0.45, width, height)
    axes.grid(visible=True)
    style.bare(axes, keep="bottom")
    axes.tick_params(labelsize=12)
    axes.set_xlabel(below, fontsize=12)
    return axes


def _named(places: list[float], *, is_wide: bool) -> tuple[list[float], list[str]]:
    """Return places of ticks and their names; of two that would touch one hangs lower."""
    kept: dict[float, str] = {}
    for place in places:
        last = max(kept, default=None)
        if is_wide and last is not None and place / last < 1.1:
            kept[last] += f"\n{place:g}"
        elif is_wide and last is not None and place / last < 1.5 and "\n" not in kept[last]:
            kept[place] = f"\n{place:g}"
        else:
            kept[place] = f"{place:g}"
    return list(kept), list(kept.values())


def _round_accuracies(limits: tuple[float, float]) -> tuple[list[float], list[str]]:
    """Return places on the axis of accuracies that do not touch, the roundest first."""
    tens, fives, ones = range(10, 100, 10), range(15, 100, 10), range(91, 100)
    halves = [half / 2 for half in range(181, 200)]
    kept: dict[float, str] = {}
    for value in (*tens, *fives, *ones, *halves):
        place = -float(np.log10(1 - value / 100))
        near = any(abs(place - other) < 0.085 * (limits[1] - limits[0]) for other in kept)
        if limits[0] <= place <= limits[1] and not near:
            kept[place] = f"{value:g}%"
    return list(kept), list(kept.values())


def _accuracy(per_seed: Sequence[float], *ends: float) -> FloatArray:
    """Return accuracies as they stand on their axis."""
    return draw.scaled(np.array([*per_seed, *ends]).clip(0, 1), "accuracy")


def _accuracies(
    axes: Axes, answers: Answers, at: Mapping[str, float], mark: tuple[str, str]
) -> FloatArray:
    """Draw the accuracies of a series, and return their means on the axis."""
    colour, marker = mark
    standings = [answers.outcome.arms[arm].accuracy for arm in at]
    for place, standing in zip(at.values(), standings, strict=True):
        seeds_S = _accuracy(standing.per_seed)
        axes.plot([place] * seeds_S.size, seeds_S, "o", ms=4, color=colour, alpha=0.4, mew=0)
        axes.vlines(place, *_accuracy((), standing.low, standing.high), color=colour, lw=2.2)
    means = _accuracy([standing.mean for standing in standings])
    name = answers.series[next(iter(at))]
    axes.plot([*at.values()], means, marker=marker, color=colour, lw=2, ms=8, label=name)
    return means


def _times(
    axes: Axes, answers: Answers, at: Mapping[str, float], mark: tuple[str, str]
) -> FloatArray:
    """Draw the milliseconds of a step of a series, and return their means."""
    colour, marker = mark
    times = [1000 * step_seconds(answers, arm) for arm in at]
    places = [*at.values()]
    axes.vlines(places, [t.min() for t in times], [t.max() for t in times], color=colour, lw=2.2)
    means = np.array([times_S.mean() for times_S in times])
    axes.plot(places, means, marker=marker, color=colour, lw=2, ms=8)
    return means


def step_seconds(answers: Answers, arm: str) -> FloatArray:
    """Return the processor seconds of a step of training, `[S]`."""
    seconds_S = answers.outcome.arms[arm].seconds_per_epoch.per_seed
    return np.array([value or 0.0 for value in seconds_S]) / answers.steps[arm]


def measured_series(answers: Answers) -> dict[str, list[str]]:
    """Return the arms of each series that were measured inside, along the axis."""
    arms = sorted(answers.inside.keys() & answers.at, key=lambda arm: (answers.at[arm], arm))
    by_series = {
        name: [arm for arm in arms if answers.series[arm] == name]
        for name in answers.series.values()
    }
    return {name: series for name, series in by_series.items() if series}


@style.styled
def inside(answers: Answers) -> Figure:
    """Draw gradient norms and zero activations of each layer through training.

    Of each series only the arm that lies furthest along the axis.
    """
    furthest = {name: answers.inside[s[-1]] for name, s in measured_series(answers).items()}
    starts = [f"{norm_number(it.gradient_norm[0][0])} ({name})" for name, it in furthest.items()]
    n_layers = max(len(layers.gradient_norm) for layers in furthest.values())
    width, gap, left = 2.75, 0.3, 1.15
    sheet = style.Sheet(
        max(left + len(furthest) * (width + gap) + 0.4, 9.0),
        6.7,
        f"Before training, the gradient at the first of {n_layers} layers has a norm of "
        + ", ".join(starts),
        f"Mean of {count(len(answers.outcome.seeds), 'seed')}, on the same 500 images of fit with "
        f"dropout at rest; light to dark: layers 1 to {n_layers}.",
        answers.outcome.exploratory,
    )
    norms = [np.array(layers.gradient_norm) for layers in furthest.values()]
    low, high = draw.limits_of([np.log10(np.maximum(norm, 1e-30)) for norm in norms])
    for place, (name, layers) in enumerate(furthest.items()):
        along = left + place * (width + gap)
        sheet.text(along, 0, name, size=14, bold=True)
        above, below = (
            _layers(sheet.axes(along, down, width, height), rows)
            for down, height, rows in (
                (0.4, 2.9, layers.gradient_norm),
                (3.55, 2.3, layers.zero_share),
            )
        )
        above.set_yscale("log")
        above.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        above.minorticks_off()
        above.set_ylim(10**low, 10**high)
        below.set_ylim(-0.02, 1.02)
        below.set_xlabel("epoch", fontsize=12)
        above.tick_params(labelbottom=False, labelleft=place == 0)
        below.tick_params(labelleft=place == 0)
        if place == 0:
            above.set_ylabel("gradient norm", fontsize=12)
            below.set_ylabel("share of activations that are 0", fontsize=11)
    return sheet.figure


def norm_number(value: float) -> str:
    """Return a norm of any size, as in "0.21" or "3.1e-06"."""
    return number(value) if value >= 0.005 else f"{value:.1e}"


def _layers(axes: Axes, rows: Sequence[Sequence[float]]) -> Axes:
    """Draw a curve for each layer by epoch."""
    axes.grid(visible=True)
    style.bare(axes, keep="bottom")
    axes.tick_params(labelsize=11)
    n_epochs = len(rows[0])
    axes.set_xticks(range(0, n_epochs, -(-n_epochs // 7)))
    shades = mpl.colormaps["viridis_r"](np.linspace(0.12, 1, max(2, len(rows))))
    for values_E, shade in zip(rows, shades, strict=False):
        axes.plot(range(len(values_E)), values_E, color=mpl.colors.to_hex(shade), lw=2.4)
    return axes


@style.styled
def together(evidence: Evidence, pair: Together) -> Figure:
    """Draw the accuracy of the average of k networks, without and with dropout."""
    study, n_seeds = evidence.plan.study, len(evidence.seeds)
    members, single = study.label(pair.members), study.label(pair.single)
    one = float(np.mean(pair.single_by_size[0]))
    sheet = style.Sheet(
        10.2,
        5.6,
        f"The average of {n_seeds} networks ({members}) reads {percent(pair.by_size[-1][0])}, one "
        f"network ({single}) {percent(one)}",
        f"Mean of the probabilities; {len(evidence.confirm):,} confirm images. Dots: every choice "
        "of so many seeds; line: their mean; dashed: one network with dropout.",
        evidence.accuracies.exploratory,
    )
    axes = sheet.axes(1.0, 0.2, 8.6, 4.6)
    axes.grid(visible=True)
    style.bare(axes, keep="bottom")
    axes.tick_params(labelsize=12)
    for name, by_size, (colour, marker), shift in (
        (members, pair.by_size, _MARKS[0], -0.05),
        (single, pair.single_by_size, _MARKS[1], 0.05),
    ):
        dots: dict[str, Any] = {"ms": 5, "color": colour, "alpha": 0.35, "mew": 0}
        sizes = [size + shift for size in range(1, len(by_size) + 1)]
        for at, values in zip(sizes, by_size, strict=True):
            axes.plot([at] * len(values), [100 * value for value in values], "o", **dots)
        means = [100 * float(np.mean(values)) for values in by_size]
        axes.plot(sizes, means, marker=marker, color=colour, lw=2.2, ms=8, label=name)
    axes.axhline(100 * one, color=_MARKS[1][0], lw=1.4, ls=_DASHED)
    axes.set_xticks(range(1, n_seeds + 1))
    axes.set_xlabel("networks averaged", fontsize=12)
    axes.set_ylabel("accuracy on the confirm images, %", fontsize=12)
    axes.legend(frameon=False, fontsize=12, loc="lower right")
    return sheet.figure
