"""The figures of training: loss and accuracy by epoch, of all arms together and of each alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.judge.checks import FloatArray
from misread.show import draw, style, words
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence

History = Sequence[Sequence[Mapping[str, float]]]  # of each seed, of each epoch

_CURVES = {"loss": ("loss", "select_loss"), "accuracy": ("accuracy", "select_accuracy")}
_PARTS = (("training", style.ORANGE), ("select", style.BLUE))


def has_curves(evidence: Evidence) -> bool:
    """Return True where every run reports loss and accuracy by epoch, as ours do."""
    keys = {key for pair in _CURVES.values() for key in pair}
    every = (history for histories in evidence.histories.values() for history in histories)
    return all(keys <= {*history[0]} for history in every)


@style.styled
def training_curves(evidence: Evidence) -> Figure:
    """Draw loss and accuracy by epoch, on the training images and on *select*, a column per arm.

    The baseline's *select* line is repeated in grey.
    """
    histories = evidence.histories
    arms = evidence.arms
    n_columns = min(5, len(arms))
    panel, gap, left, block = 2.35, 0.3, 0.95, 4.75
    last = [_column(histories[arm], "select_accuracy")[:, -1].mean() for arm in arms]
    lowest, highest = (wording.percent(share) for share in (min(last), max(last)))
    lengths = {len(seed) for history in histories.values() for seed in history}
    epochs = wording.count(max(lengths), "epoch")
    epochs = epochs if len(lengths) == 1 else f"{min(lengths)} to {epochs}"
    sheet = style.Sheet(
        max(left + n_columns * (panel + gap) + 0.9, 8.0),
        -(-len(arms) // n_columns) * block + 0.1,
        f"After {epochs} the arms read {lowest} to {highest} of select rightly"
        if len(arms) > 1
        else f"After {epochs} {lowest} of select is read rightly",
        f"Line: mean of {words.seed_count(evidence)}; band: lowest to highest seed. "
        "Training is measured with dropout and augmentation at work, select without, so that "
        "training may look the worse of the two.",
        evidence.plan.exploratory,
    )
    limits = {
        name: draw.limits_of([_scaled(histories[arm], key) for arm in arms for key in keys])
        for name, keys in _CURVES.items()
    }
    corners = draw.places(len(arms), n_columns, left, 0, (panel + gap, block))
    for place, (arm, (at, down)) in enumerate(zip(arms, corners, strict=True)):
        sheet.text(at, down, arm, size=12.5, bold=True)
        for row, name in enumerate(_CURVES):
            axes = sheet.axes(at, down + 0.35 + row * 2.0, panel, 1.75)
            _set_scale(axes, name, limits[name])
            if arm != BASELINE:
                base_E = _scaled(histories[BASELINE], _CURVES[name][1]).mean(axis=0)
                epochs_E = np.arange(1, base_E.size + 1)
                axes.plot(epochs_E, base_E, color=style.FAINT, lw=1.6, ls=(0, (2, 1.5)))
            ends = _draw_parts(axes, histories[arm], name, n_ticks=5, width=2.2, dot=4.5)
            if place % n_columns == n_columns - 1 or place == len(arms) - 1:
                draw.name_ends(axes, ends, gap=0.11, size=11, aside_pt=5)
            if at == left:
                axes.set_ylabel(name)
            axes.tick_params(labelleft=at == left, labelbottom=row > 0)
            axes.set_xlabel("epoch" if row else "")
    return sheet.figure


@style.styled
def arm_curves(evidence: Evidence, arm: str) -> Figure:
    """Draw loss and accuracy of an arm by epoch, and where it ends on *fit* and *confirm*.

    All arms of a study share their axes.
    """
    outcome, history = evidence.accuracies.arms[arm], evidence.runs[arm].histories
    n_epochs = len(history[0])
    lowest = 1 + int(_scaled(history, "select_loss").mean(axis=0).argmin())
    lowest_loss = f"; the loss on select was lowest after {wording.count(lowest, 'epoch')}"
    sheet = style.Sheet(
        13.4,
        5.3,
        f"{arm} reads {wording.percent(outcome.fit_accuracy.mean)} of what it was trained on and "
        f"{wording.percent(outcome.accuracy.mean)} of the confirm images, "
        f"{wording.number(abs(100 * (outcome.gap.mean or 0.0)))} points apart"
        f"{lowest_loss if lowest < n_epochs else ''}",
        f"{outcome.label}, {wording.count(len(evidence.seeds), 'seed')}; line: mean, band: lowest "
        "to highest seed. Training: while it learns, dropout at work; the others: dropout at rest.",
        evidence.plan.exploratory,
    )
    for place, (name, keys) in enumerate(_CURVES.items()):
        left = 1.0 + place * 6.3
        sheet.text(left, 0, name, size=14, bold=True)
        axes = sheet.axes(left, 0.4, 4.6, 4.1)
        every = [_scaled(other, key) for other in evidence.histories.values() for key in keys]
        if name == "accuracy":
            every += [_ends(evidence, other) for other in evidence.arms]
        _set_scale(axes, name, draw.limits_of(every))
        axes.tick_params(labelsize=12)
        axes.set_xlabel("epoch", fontsize=12)
        ends = _draw_parts(axes, history, name, n_ticks=6, width=2.6, dot=5)
        if name == "accuracy":
            marks = (("fit", style.VERMILLION, "s"), ("confirm", style.INK, "D"))
            for (part, colour, marker), end in zip(marks, _ends(evidence, arm), strict=True):
                axes.plot([n_epochs], [end], marker, ms=9, color=colour, clip_on=False, zorder=5)
                ends.append(draw.End(part, colour, end))
        draw.name_ends(axes, ends, gap=0.062, size=13, aside_pt=10)
    return sheet.figure


def _set_scale(axes: Axes, name: str, limits: tuple[float, float]) -> None:
    axes.grid(visible=True)
    style.bare(axes, keep="bottom")
    axes.set_ylim(*limits)
    axes.set_yticks(*draw.scale_ticks(name, limits))


def _draw_parts(
    axes: Axes, history: History, name: str, *, n_ticks: int, width: float, dot: float
) -> list[draw.End]:
    """Draw a curve on the training images and one on *select*, and return their ends."""
    ends = []
    for key, (part, colour) in zip(_CURVES[name], _PARTS, strict=True):
        values_SE = _scaled(history, key)
        n_epochs = values_SE.shape[1]
        epochs_E = np.arange(1, n_epochs + 1)
        mean_E = values_SE.mean(axis=0)  # on this scale the geometric mean
        low_E, high_E = values_SE.min(axis=0), values_SE.max(axis=0)
        axes.fill_between(epochs_E, low_E, high_E, color=colour, alpha=0.22, lw=0)
        ms = dot if n_epochs < 4 else 0
        axes.plot(epochs_E, mean_E, color=colour, lw=width, marker="o", ms=ms)
        ends.append(draw.End(part, colour, mean_E[-1]))
    marks = np.linspace(1, n_epochs, min(n_epochs, n_ticks)).round().astype(int)
    axes.set_xticks(sorted({1, *marks.tolist()}))
    room = 0.5 if n_epochs == 1 else 0.03 * n_epochs
    axes.set_xlim(1 - room, n_epochs + room)
    return ends


def _ends(evidence: Evidence, arm: str) -> FloatArray:
    """Return the accuracy of an arm on *fit* and on *confirm*, on the axis."""
    outcome = evidence.accuracies.arms[arm]
    return draw.scaled(
        np.array([outcome.fit_accuracy.mean or 0, outcome.accuracy.mean]), "accuracy"
    )


def _column(history: History, key: str) -> FloatArray:
    """Return one column of a history as `[S,E]`, cut to the shortest seed."""
    n_epochs = min(map(len, history))
    return np.array([[row[key] for row in seed[:n_epochs]] for seed in history])


def _scaled(history: History, key: str) -> FloatArray:
    """Return a column of a history on the axis, `[S,E]`."""
    return draw.scaled(_column(history, key), key)
