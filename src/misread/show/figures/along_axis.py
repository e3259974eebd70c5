"""Figures of a comparison whose arms lie along an axis: depth, width, rate."""

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread.show import style
from misread.show.draw import limits_of, scaled
from misread.study.axis import Answers, Inside, Together
from misread.study.differences import Compared
from misread.wording import count, number, percent

FloatArray = npt.NDArray[np.float64]

_MARKS = (
    (style.BLUE, "o"),
    (style.VERMILLION, "D"),
    (style.GREEN, "s"),
    (style.PURPLE, "^"),
    (style.ORANGE, "v"),
)


def draw_along(compared: Compared, answers: Answers) -> dict[str, Figure]:
    """Draw every figure that the study has data for, by name."""
    figures = {"along_axis": along_axis(compared, answers)}
    if answers.inside:
        figures["inside"] = inside_networks(answers)
    if answers.together is not None:
        figures["together"] = together_figure(compared, answers.together)
    return figures


@style.styled
def along_axis(compared: Compared, answers: Answers) -> Figure:
    """Draw accuracy and time per step of every arm along the axis.

    Data: `accuracy` (mean, interval over seeds and images, seeds) and `seconds_per_epoch` over the
    steps of an epoch; a line per series. Where one arm alone stands at the
    beginning of the axis, a dashed line goes on from it.
    """
    outcome, study = answers.outcome, compared.plan.study
    order = sorted(answers.at, key=lambda arm: outcome.arms[arm].accuracy.mean)
    told = [
        f"{percent(outcome.arms[arm].accuracy.mean)} ({outcome.arms[arm].label})"
        for arm in (order[0], order[-1])
    ]
    sheet = style.Sheet(
        14.2,
        6.1,
        f"Accuracy runs from {told[0]} to {told[1]}",
        f"{count(len(outcome.seeds), 'seed')}, {answers.fit_size:,} training images, "
        f"{outcome.n_images:,} confirm images. Left: mean and {1 - outcome.alpha:.0%} interval "
        "over seeds and images, the errors on a logarithmic scale; small dots: seeds. Right: "
        "processor time of one core, mean and range of seeds.",
        outcome.exploratory,
    )
    panels = []
    for left, name in ((1.0, "accuracy on the confirm images"), (8.2, "milliseconds per step")):
        sheet.text(left, 0, name, fontsize=14, fontweight="bold")
        axes = sheet.axes(left, 0.45, 5.5, 4.75)
        axes.grid(visible=True)
        style.bare(axes, keep="bottom")
        axes.tick_params(labelsize=12)
        axes.set_xlabel(study.axis, fontsize=12)
        panels.append(axes)
    places = sorted(set(answers.at.values()))
    is_wide = places[0] > 0 and places[-1] / places[0] >= 16
    shown = [
        np.array([*arm.accuracy.per_seed, arm.accuracy.low, arm.accuracy.high]).clip(0, 1)
        for arm in (outcome.arms[name] for name in answers.at)
    ]
    limits = limits_of([scaled(values, "accuracy") for values in shown])
    panels[0].set_ylim(*limits)
    panels[0].set_yticks(*_round_accuracies(limits))
    names = list(dict.fromkeys(answers.series.values()))
    for place, series in enumerate(names):
        arms = [arm for arm in answers.at if answers.series[arm] == series]
        # Beside each other: many series may stand at one place of the axis.
        aside = (
            0.0 if is_wide else 0.011 * (place - (len(names) - 1) / 2) * (places[-1] - places[0])
        )
        _series(panels, answers, arms, aside, _MARKS[place % len(_MARKS)])
    for axes in panels:
        if is_wide:
            axes.set_xscale("log", base=2)
            axes.minorticks_off()
        axes.set_xticks(*_named(places, is_wide=is_wide))
    panels[1].set_ylim(bottom=0)
    panels[0].legend(frameon=False, fontsize=12, loc="best")
    return sheet.figure


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


def _series(
    panels: list[Axes], answers: Answers, arms: list[str], aside: float, mark: tuple[str, str]
) -> None:
    colour, marker = mark
    outcome, name = answers.outcome, answers.series[arms[0]]
    at = [answers.at[arm] + aside for arm in arms]
    for arm, place in zip(arms, at, strict=True):
        own = outcome.arms[arm].accuracy
        seeds_S = scaled(np.array(own.per_seed), "accuracy")
        panels[0].plot([place] * seeds_S.size, seeds_S, "o", ms=4, color=colour, alpha=0.4, mew=0)
        ends = scaled(np.array([own.low, own.high]).clip(0, 1), "accuracy")
        panels[0].vlines(place, *ends, color=colour, lw=2.2)
    means = scaled(np.array([outcome.arms[arm].accuracy.mean for arm in arms]), "accuracy")
    panels[0].plot(at, means, marker=marker, color=colour, lw=2, ms=8, label=name)
    times = [
        [1000 * (value or 0.0) / answers.steps[arm] for value in per_seed]
        for arm, per_seed in ((arm, outcome.arms[arm].seconds_per_epoch.per_seed) for arm in arms)
    ]
    panels[1].vlines(at, list(map(min, times)), list(map(max, times)), color=colour, lw=2.2)
    mean_times = [float(np.mean(own)) for own in times]
    panels[1].plot(at, mean_times, marker=marker, color=colour, lw=2, ms=8, label=name)
    if len(arms) == 1 and answers.at[arms[0]] == min(answers.at.values()):
        for axes, value in ((panels[0], means[0]), (panels[1], mean_times[0])):
            axes.axhline(value, color=colour, lw=1.4, ls=(0, (4, 3)))


@style.styled
def inside_networks(answers: Answers) -> Figure:
    """Draw gradient norms and zero activations of each layer through training.

    Data: `inside` of the arm of each series that lies furthest along the axis; light to dark: from
    the first hidden layer to the last.
    """
    furthest: dict[str, str] = {}
    for arm in sorted(set(answers.inside) & set(answers.at), key=lambda name: answers.at[name]):
        furthest[answers.series[arm]] = arm
    order = [name for name in dict.fromkeys(answers.series.values()) if name in furthest]
    starts = [
        f"{number_of(answers.inside[furthest[name]].gradient_norm[0][0])} ({name})"
        for name in order
    ]
    n_layers = max(len(answers.inside[arm].gradient_norm) for arm in furthest.values())
    panel, gap, left = 2.75, 0.3, 1.15
    sheet = style.Sheet(
        max(left + len(order) * (panel + gap) + 0.4, 9.0),
        6.7,
        f"Before training, the gradient at the first of {n_layers} layers has a norm of "
        + ", ".join(starts),
        f"Mean of {count(len(answers.outcome.seeds), 'seed')}, on the same 500 images of fit with "
        f"dropout at rest; light to dark: layers 1 to {n_layers}.",
        answers.outcome.exploratory,
    )
    norms = [np.array(answers.inside[arm].gradient_norm) for arm in furthest.values()]
    limits = limits_of([np.log10(np.maximum(own, 1e-30)) for own in norms])
    for place, name in enumerate(order):
        along = left + place * (panel + gap)
        sheet.text(along, 0, name, fontsize=14, fontweight="bold")
        found = answers.inside[furthest[name]]
        above = sheet.axes(along, 0.4, panel, 2.9)
        below = sheet.axes(along, 3.55, panel, 2.3)
        _layers(above, below, found)
        above.set_ylim(10 ** limits[0], 10 ** limits[1])
        below.set_ylim(-0.02, 1.02)
        below.set_xlabel("epoch", fontsize=12)
        above.tick_params(labelbottom=False, labelleft=place == 0)
        below.tick_params(labelleft=place == 0)
        if place == 0:
            above.set_ylabel("gradient norm", fontsize=12)
            below.set_ylabel("share of activations that are 0", fontsize=11)
    return sheet.figure


def number_of(value: float) -> str:
    """Return a norm of any size, as in "0.21" or "3.1e-06"."""
    return number(value) if value >= 0.005 else f"{value:.1e}"


def _layers(above: Axes, below: Axes, found: Inside) -> None:
    n_layers = len(found.gradient_norm)
    shades = [
        mpl.colors.to_hex(colour)
        for colour in mpl.colormaps["viridis_r"](np.linspace(0.12, 1, max(2, n_layers)))
    ]
    for axes in (above, below):
        axes.grid(visible=True)
        style.bare(axes, keep="bottom")
        axes.tick_params(labelsize=11)
    above.set_yscale("log")
    above.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    above.minorticks_off()
    n_epochs = len(found.gradient_norm[0])
    for axes in (above, below):
        axes.set_xticks(range(0, n_epochs, -(-n_epochs // 7)))
    for layer in range(n_layers):
        for axes, rows in ((above, found.gradient_norm), (below, found.zero_share)):
            values_E = rows[layer]
            axes.plot(range(len(values_E)), values_E, color=shades[layer], lw=2.4)


@style.styled
def together_figure(compared: Compared, found: Together) -> Figure:
    """Draw the accuracy of the average of k networks, without and with dropout.

    Data: `by_size` and `single_by_size`; dots: every choice of k of the seeds, line: their mean.
    """
    study, seeds = compared.plan.study, len(compared.seeds)
    labels = {arm: study.label(arm) for arm in (found.members, found.single)}
    all_members, one = found.by_size[-1][0], float(np.mean(found.single_by_size[0]))
    sheet = style.Sheet(
        10.2,
        5.6,
        f"The average of {seeds} networks ({labels[found.members]}) reads "
        f"{percent(all_members)}, one network ({labels[found.single]}) {percent(one)}",
        f"Mean of the probabilities; {len(compared.confirm):,} confirm images. Dots: every choice "
        "of so many seeds; line: their mean; dashed: one network with dropout.",
        compared.outcome.exploratory,
    )
    axes = sheet.axes(1.0, 0.2, 8.6, 4.6)
    axes.grid(visible=True)
    style.bare(axes, keep="bottom")
    axes.tick_params(labelsize=12)
    rows = ((found.members, found.by_size), (found.single, found.single_by_size))
    for (arm, by_size), (colour, marker), shift in zip(rows, _MARKS, (-0.05, 0.05), strict=False):
        for size, values in enumerate(by_size, start=1):
            at = [size + shift] * len(values)
            axes.plot(at, [100 * v for v in values], "o", ms=5, color=colour, alpha=0.35, mew=0)
        means = [100 * float(np.mean(values)) for values in by_size]
        sizes = [size + shift for size in range(1, len(means) + 1)]
        axes.plot(sizes, means, marker=marker, color=colour, lw=2.2, ms=8, label=labels[arm])
    axes.axhline(100 * one, color=_MARKS[1][0], lw=1.4, ls=(0, (4, 3)))
    axes.set_xticks(range(1, seeds + 1))
    axes.set_xlabel("networks averaged", fontsize=12)
    axes.set_ylabel("accuracy on the confirm images, %", fontsize=12)
    axes.legend(frameon=False, fontsize=12, loc="lower right")
    return sheet.figure
