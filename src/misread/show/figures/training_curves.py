"""The figure of training: loss and accuracy by epoch, every arm, every seed."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.show import style, words
from misread.show.figures.scales import limits_of, scaled, ticks
from misread.study.evidence import Evidence
from misread.study.study import BASELINE

FloatArray = npt.NDArray[np.float64]


@style.styled
def training_curves(evidence: Evidence) -> Figure:
    """Draw loss and accuracy by epoch, on the training images and on *select*.

    Data: `histories`; a line is the mean over seeds, the band runs from the lowest to the highest
    seed. One column per arm; the baseline's *select* line is repeated in grey.
    """
    n_columns = min(5, len(evidence.arms))
    n_blocks = -(-len(evidence.arms) // n_columns)
    panel, gap, left, block = 2.35, 0.3, 0.95, 4.75
    finals = {
        arm: _history(evidence, arm, "select_accuracy")[:, -1].mean() for arm in evidence.arms
    }
    lowest, highest = min(finals.values()), max(finals.values())
    n_epochs = min(len(rows) for own in evidence.histories.values() for rows in own)
    title = (
        f"After {wording.count(n_epochs, 'epoch')} the arms read {wording.percent(lowest)} to "
        f"{wording.percent(highest)} of select rightly"
        if len(finals) > 1
        else f"After {wording.count(n_epochs, 'epoch')} {wording.percent(lowest)} of select is "
        "read "
        "rightly"
    )
    sheet = style.Sheet(
        max(left + n_columns * (panel + gap) + 0.9, 8.0),
        n_blocks * block + 0.1,
        title,
        f"Line: mean of {words.seed_count(evidence)}; band: lowest to highest seed. "
        "Training is measured with dropout and augmentation at work, select without, so that "
        "training may look the worse of the two.",
        evidence.plan.exploratory,
    )
    limits = {
        name: limits_of([_scaled(evidence, arm, key) for arm in evidence.arms for key in keys])
        for name, keys in _CURVES.items()
    }
    for place, arm in enumerate(evidence.arms):
        down, along = divmod(place, n_columns)
        at = left + along * (panel + gap)
        sheet.text(at, down * block, arm, fontsize=12.5, fontweight="bold")
        for row, (name, keys) in enumerate(_CURVES.items()):
            axes = sheet.axes(at, down * block + 0.35 + row * 2.0, panel, 1.75)
            axes.grid(visible=True)
            style.bare(axes, keep="bottom")
            axes.set_ylim(*limits[name])
            axes.set_yticks(*ticks(name, limits[name]))
            is_last = along == n_columns - 1 or place == len(finals) - 1
            _curves(axes, evidence, arm, keys, label=is_last)
            if along == 0:
                axes.set_ylabel(name)
            else:
                axes.tick_params(labelleft=False)
            if row == 0:
                axes.tick_params(labelbottom=False)
            else:
                axes.set_xlabel("epoch")
    return sheet.figure


_CURVES = {"loss": ("loss", "select_loss"), "accuracy": ("accuracy", "select_accuracy")}


def _curves(
    axes: Axes, evidence: Evidence, arm: str, keys: tuple[str, str], *, label: bool
) -> None:
    if arm != BASELINE:
        base_E = _scaled(evidence, BASELINE, keys[1]).mean(axis=0)
        axes.plot(
            np.arange(1, base_E.size + 1), base_E, color=style.FAINT, lw=1.6, ls=(0, (2, 1.5))
        )
    ends = []
    for key, colour, name in zip(
        keys, (style.ORANGE, style.BLUE), ("training", "select"), strict=True
    ):
        values_SE = _scaled(evidence, arm, key)
        epochs_E = np.arange(1, values_SE.shape[1] + 1)
        mean_E = values_SE.mean(axis=0)  # on this scale the geometric mean
        axes.fill_between(
            epochs_E, values_SE.min(axis=0), values_SE.max(axis=0), color=colour, alpha=0.22, lw=0
        )
        axes.plot(
            epochs_E, mean_E, color=colour, lw=2.2, marker="o", ms=4.5 if len(mean_E) < 4 else 0
        )
        ends.append((mean_E[-1], name, colour))
    last = len(ends and mean_E)
    marks = sorted({1, *np.linspace(1, last, min(last, 5)).round().astype(int).tolist()})
    axes.set_xticks(marks)
    axes.set_xlim(0.5 if last == 1 else 1 - 0.03 * last, last + (0.5 if last == 1 else 0.03 * last))
    if label:
        low, high = axes.get_ylim()
        (first, *_), (second, *_) = ends
        # Names that would touch are pushed apart.
        push = max(0.0, 0.11 * (high - low) - abs(first - second)) / 2
        sides = (1, -1) if first >= second else (-1, 1)
        for (value, name, colour), side in zip(ends, sides, strict=True):
            axes.annotate(
                name,
                (1, float(np.clip(value + side * push, low, high))),
                xycoords=("axes fraction", "data"),
                xytext=(5, 0),
                textcoords="offset points",
                color=colour,
                va="center",
                fontweight="bold",
                annotation_clip=False,
            )


def _history(evidence: Evidence, arm: str, key: str) -> FloatArray:
    """Return one column of the histories as `[S,E]`, cut to the shortest seed."""
    rows = evidence.histories[arm]
    n_epochs = min(len(own) for own in rows)
    return np.array([[row[key] for row in own[:n_epochs]] for own in rows])


def _scaled(evidence: Evidence, arm: str, key: str) -> FloatArray:
    """Return a column of the histories on the axis, `[S,E]`."""
    return scaled(_history(evidence, arm, key), key)
