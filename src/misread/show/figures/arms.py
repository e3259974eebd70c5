"""Figures of one arm of a comparison: what it confuses, and how it was trained."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from misread.show import style
from misread.show.figures.scales import limits_of, scaled, ticks
from misread.study.differences import Compared
from misread.wording import count, images, listed, number, percent

FloatArray = npt.NDArray[np.float64]


@style.styled
def confusion_matrix(compared: Compared, arm: str) -> Figure:
    """Draw the mean errors per seed of an arm on *confirm*.

    Data: `counts(arm)` averaged over seeds. Off the diagonal: images per seed; on it: recall in per
    cent. The three most frequent confusions are outlined.
    """
    names = compared.confirm.class_names
    mean_KK: FloatArray = compared.counts(arm).mean(axis=0)
    n_classes = len(names)
    errors_KK = mean_KK * ~np.eye(n_classes, dtype=bool)
    order = np.argsort(-errors_KK, axis=None, kind="stable")[:3]
    top = [(int(c // n_classes), int(c % n_classes)) for c in order if errors_KK.flat[c] > 0]
    told = [f"{names[i]} as {names[j]} ({images(errors_KK[i, j])})" for i, j in top]
    room = 0.085 * max(0, max(map(len, names)) - 2)
    side, left = 8.2, 1.35 + room
    sheet = style.Sheet(
        left + side + 0.4,
        side + 1.25 + room,
        f"{arm} misreads {images(float(errors_KK.sum()))} of {len(compared.confirm):,} images a "
        f"seed" + (f", most often {listed(told)}" if told else ""),
        f"{compared.plan.study.label(arm)}: mean of {count(len(compared.seeds), 'seed')} on the "
        "confirm images. Rows: true class; columns: what was read; on the diagonal: recall in %.",
        compared.plan.exploratory,
    )
    axes = sheet.axes(left, 0.75 + room, side, side)
    largest = float(errors_KK.max()) or 1.0
    axes.imshow(np.sqrt(errors_KK / largest), cmap=style.ERRORS_MAP, vmin=0, vmax=1.15)
    size = max(5.0, min(15.0, 150 / n_classes))
    for i in range(n_classes):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, color="#eceef2", lw=0))
        recall = f"{100 * mean_KK[i, i] / max(1.0, mean_KK[i].sum()):.1f}"
        axes.text(i, i, recall, ha="center", va="center", fontsize=0.9 * size, color=style.MUTED)
        for j in range(n_classes):
            text = f"{errors_KK[i, j]:.1f}"
            if i == j or text == "0.0":
                continue
            colour = "white" if errors_KK[i, j] > 0.85 * largest else style.INK
            axes.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)
    for i, j in top:
        axes.add_patch(
            Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, ec=style.INK, lw=2.4, clip_on=False)
        )
    axes.set_xticks(range(n_classes), names)
    axes.set_yticks(range(n_classes), names)
    axes.tick_params(
        top=True, labeltop=True, bottom=False, labelbottom=False, labelsize=max(7.0, size)
    )
    if max(map(len, names)) > 2:
        axes.tick_params(axis="x", labelrotation=60)
    axes.set_ylabel("true class", fontsize=13)
    sheet.text(left + side / 2, 0, "read as", ha="center", fontsize=13, color=style.MUTED)
    style.bare(axes)
    return sheet.figure


@style.styled
def training_curves(compared: Compared, arm: str) -> Figure:
    """Draw loss and accuracy of an arm by epoch, and where it ends on *fit* and *confirm*.

    Data: `histories`, line: mean over seeds (on this scale), band: lowest to highest seed; marks:
    `fit_accuracy` and `accuracy` of the outcome. All arms share their axes.
    """
    outcome = compared.outcome.arms[arm]
    n_epochs = len(compared.histories[arm][0])
    select_SE = scaled(_column(compared, arm, "select_loss"), "loss")
    lowest = 1 + int(select_SE.mean(axis=0).argmin())
    when = (
        f"; the loss on select was lowest after {count(lowest, 'epoch')}"
        if lowest < n_epochs
        else ""
    )
    sheet = style.Sheet(
        13.4,
        5.3,
        f"{arm} reads {percent(outcome.fit_accuracy.mean)} of what it was trained on and "
        f"{percent(outcome.accuracy.mean)} of the confirm images, "
        f"{number(abs(100 * (outcome.gap.mean or 0.0)))} points apart{when}",
        f"{outcome.label}, {count(len(compared.seeds), 'seed')}; line: mean, band: lowest to "
        "highest seed. Training: while it learns, dropout at work; the others: dropout at rest.",
        compared.plan.exploratory,
    )
    for place, (name, keys) in enumerate(_CURVES.items()):
        left = 1.0 + place * 6.3
        sheet.text(left, 0, name, fontsize=14, fontweight="bold")
        axes = sheet.axes(left, 0.4, 4.6, 4.1)
        axes.grid(visible=True)
        style.bare(axes, keep="bottom")
        every = [scaled(_column(compared, a, k), k) for a in compared.arms for k in keys]
        if name == "accuracy":
            every += [scaled(np.array(_ends(compared, a)), name) for a in compared.arms]
        limits = limits_of(every)
        axes.set_ylim(*limits)
        axes.set_yticks(*ticks(name, limits))
        axes.tick_params(labelsize=12)
        axes.set_xlabel("epoch", fontsize=12)
        marks = [
            _curve(axes, compared, arm, key, colour)
            for key, colour in zip(keys, (style.ORANGE, style.BLUE), strict=True)
        ]
        told = [("training", style.ORANGE, marks[0]), ("select", style.BLUE, marks[1])]
        if name == "accuracy":
            ends = scaled(np.array(_ends(compared, arm)), name)
            for end, marker, what, colour in zip(
                ends.tolist(), "sD", ("fit", "confirm"), (style.VERMILLION, style.INK), strict=True
            ):
                axes.plot([n_epochs], [end], marker, ms=9, color=colour, clip_on=False, zorder=5)
                told.append((what, colour, end))
        _name_ends(axes, told)
    return sheet.figure


_CURVES = {"loss": ("loss", "select_loss"), "accuracy": ("accuracy", "select_accuracy")}


def _ends(compared: Compared, arm: str) -> tuple[float, float]:
    outcome = compared.outcome.arms[arm]
    return float(outcome.fit_accuracy.mean or 0), outcome.accuracy.mean


def _column(compared: Compared, arm: str, key: str) -> FloatArray:
    return np.array([[row[key] for row in own] for own in compared.histories[arm]])


def _curve(axes: Axes, compared: Compared, arm: str, key: str, colour: str) -> float:
    values_SE = scaled(_column(compared, arm, key), key)
    n_epochs = values_SE.shape[1]
    epochs_E = np.arange(1, n_epochs + 1)
    mean_E = values_SE.mean(axis=0)
    low_E, high_E = values_SE.min(axis=0), values_SE.max(axis=0)
    axes.fill_between(epochs_E, low_E, high_E, color=colour, alpha=0.22, lw=0)
    axes.plot(epochs_E, mean_E, color=colour, lw=2.6, marker="o", ms=5 if n_epochs < 4 else 0)
    marks = sorted({1, *np.linspace(1, n_epochs, min(n_epochs, 6)).round().astype(int).tolist()})
    axes.set_xticks(marks)
    room = 0.5 if n_epochs == 1 else 0.03 * n_epochs
    axes.set_xlim(1 - room, n_epochs + room)
    return float(mean_E[-1])


def _name_ends(axes: Axes, told: list[tuple[str, str, float]]) -> None:
    """Name what ends where, beside the axes; names that would touch are pushed apart."""
    low, high = axes.get_ylim()
    least = 0.062 * (high - low)
    told = sorted(told, key=lambda item: item[2])
    places = [place for _, _, place in told]
    for _ in range(200):
        for one in range(len(places) - 1):
            push = (least - (places[one + 1] - places[one])) / 2
            if push > 0:
                places[one] -= push
                places[one + 1] += push
    for (name, colour, _), place in zip(told, places, strict=True):
        axes.annotate(
            name,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(10, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=13,
            fontweight="bold",
            annotation_clip=False,
        )
