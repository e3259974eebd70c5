"""The figures of what is confused: a matrix for each arm, and those of all arms beside another."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.judge.checks import FloatArray
from misread.judge.classes import Cell
from misread.show import draw, style, words
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence


@style.styled
def confusion_matrices(evidence: Evidence) -> Figure:
    """Draw the baseline's mean errors per seed, and by how much each arm changes them.

    On the diagonal stands the recall of the arm itself. The target cell has a dashed outline; a
    change that holds up over all cells (`held_up`) has a solid frame, the others are pale.
    """
    arms, target = evidence.arms, words.target_name(evidence)
    n_columns = min(3, len(arms))
    room = _room(evidence.confirm.class_names)
    side, left, gap, block = 4.6, 0.75 + room, 0.55 + room, 5.55 + room
    base_KK = _mean_counts(evidence, BASELINE)
    off_KK = ~np.eye(len(base_KK), dtype=bool)
    errors = base_KK[evidence.target]
    rank = 1 + int((base_KK[off_KK] > errors).sum())
    sheet = style.Sheet(
        max(left + n_columns * (side + gap), 9.5),
        -(-len(arms) // n_columns) * block + 0.35,
        f"The baseline makes {wording.images(base_KK[off_KK].sum())} errors a seed in "
        f"{len(evidence.confirm):,} images; {wording.images(errors)} of them are {target}, "
        f"{words.rank_phrase(rank)} of all confusions",
        "First: the baseline's mean errors per seed. Then: how many more (orange) or fewer (blue) "
        "each arm makes. Rows: true class; columns: what was read; on the diagonal: recall in %. "
        f"Dashed: the target {target}. {_held_sentence(evidence)}",
        evidence.plan.exploratory,
    )
    changes = {
        arm: _mean_counts(evidence, arm)
        - _mean_counts(evidence, BASELINE, len(evidence.predictions[arm]))
        for arm in evidence.treated_arms
    }
    reach = max([float(np.abs(c_KK[off_KK]).max()) for c_KK in changes.values()] or [0.0]) or 1.0
    corners = draw.places(len(arms), n_columns, left, 0, (side + gap, block))
    for arm, (at, down) in zip(arms, corners, strict=True):
        axes = sheet.axes(at, down + 0.62 + room, side, side)
        if arm == BASELINE:
            head = f"{arm}: errors per seed"
            _baseline(axes, evidence, base_KK * off_KK)
        else:
            net = wording.images(float(changes[arm][off_KK].sum()), sign=True)
            head = f"{arm}: {net} errors in all"
            _changes(axes, evidence, arm, changes[arm] * off_KK, reach)
        sheet.text(at, down, head, size=13, bold=True)
        draw.cell_frame(axes, evidence.target, dashed=True)
        if at == left:
            axes.set_ylabel("true class")
    return sheet.figure


def _held_sentence(evidence: Evidence) -> str:
    if not evidence.treated_arms:
        return ""
    n_held = sum(len(verdict.held_up) for verdict in evidence.verdicts.values())
    n_cells = evidence.confirm.n_classes * (evidence.confirm.n_classes - 1)
    if not n_held:
        return f"No change of a cell holds up over all {n_cells:,}: the numbers may all be chance."
    return (
        f"Framed: {wording.count(n_held, 'change')} that "
        f"{'holds' if n_held == 1 else 'hold'} up over all {n_cells:,} cells (exploratory); the "
        "pale ones may be chance."
    )


def _mean_counts(evidence: Evidence, arm: str, n_seeds: int | None = None) -> FloatArray:
    """Return the mean confusion counts of an arm's first seeds, by default of all."""
    mean_KK: FloatArray = evidence.counts(arm)[:n_seeds].mean(axis=0)
    return mean_KK


def _recall(evidence: Evidence, arm: str) -> FloatArray:
    """Return the mean recall of each class in per cent."""
    labels_N, n_classes = evidence.confirm.labels_N, evidence.confirm.n_classes
    n_images_K = np.maximum(1, np.bincount(labels_N, minlength=n_classes))
    recall_K: FloatArray = 100 * (np.diagonal(_mean_counts(evidence, arm)) / n_images_K)
    return recall_K


def _texts(values_KK: FloatArray, sign: str, target: Cell) -> dict[Cell, str]:
    """Return the numbers of all cells off the diagonal that are not 0.0, and of the target."""
    texts = {}
    for i, j in np.argwhere(~np.eye(len(values_KK), dtype=bool)).tolist():
        text = f"{values_KK[i, j]:{sign}.1f}".replace("-", wording.MINUS)
        if text.strip("+−0.") or (i, j) == target:
            texts[i, j] = text
    return texts


def _baseline(axes: Axes, evidence: Evidence, errors_KK: FloatArray) -> None:
    # The square root lets small counts show beside large ones.
    shades_KK = np.sqrt(errors_KK / (float(errors_KK.max()) or 1.0))
    draw.matrix(
        axes,
        shades_KK,
        _texts(errors_KK, "", evidence.target),
        _recall(evidence, BASELINE),
        evidence.confirm.class_names,
        colours=style.ERRORS_MAP,
        size=_size(errors_KK, 9.5),
    )


def _changes(
    axes: Axes, evidence: Evidence, arm: str, changes_KK: FloatArray, reach: float
) -> None:
    held = set(evidence.verdicts[arm].held_up)
    texts = _texts(changes_KK, "+", evidence.target)
    shades_KK = 0.45 * (changes_KK / reach)  # what may be chance is pale
    for cell in held:
        shades_KK[cell] = changes_KK[cell] / reach
    draw.matrix(
        axes,
        shades_KK,
        texts,
        _recall(evidence, arm),
        evidence.confirm.class_names,
        colours=style.CHANGE_MAP,
        lowest=-1.15,
        size=_size(changes_KK, 9.5),
        bold=held,
        faint=texts.keys() - held,
    )
    for cell in held:
        draw.cell_frame(axes, cell)


def _size(values_KK: FloatArray, most: float) -> float:
    """Return the size of the numbers in points: smaller where there are many classes."""
    return max(4.0, min(most, 10 * most / len(values_KK)))


def _room(names: tuple[str, ...]) -> float:
    """Return the room that long names of classes take, in inches."""
    return 0.085 * max(0, max(map(len, names)) - 2)


@style.styled
def confusion_matrix(evidence: Evidence, arm: str) -> Figure:
    """Draw the mean errors per seed of an arm on *confirm*; the three most frequent are framed."""
    names = evidence.confirm.class_names
    mean_KK, n_classes = _mean_counts(evidence, arm), len(names)
    errors_KK = mean_KK * ~np.eye(n_classes, dtype=bool)
    order = np.argsort(-errors_KK, axis=None, kind="stable")[:3]
    top = [divmod(cell, n_classes) for cell in order.tolist() if errors_KK.flat[cell] > 0]
    most = [f"{names[i]} as {names[j]} ({wording.images(errors_KK[i, j])})" for i, j in top]
    side, left, room = 8.2, 1.35 + _room(names), _room(names)
    sheet = style.Sheet(
        left + side + 0.4,
        side + 1.25 + room,
        f"{arm} misreads {wording.images(float(errors_KK.sum()))} of {len(evidence.confirm):,} "
        f"images a seed{f', most often {wording.listed(most)}' if most else ''}",
        f"{evidence.plan.study.label(arm)}: mean of {wording.count(len(evidence.seeds), 'seed')} "
        "on the confirm images. Rows: true class; columns: what was read; on the diagonal: recall "
        "in %.",
        evidence.plan.exploratory,
    )
    axes = sheet.axes(left, 0.75 + room, side, side)
    size = _size(errors_KK, 15.0)
    draw.matrix(
        axes,
        np.sqrt(errors_KK / (float(errors_KK.max()) or 1.0)),
        _texts(errors_KK, "", (-1, -1)),
        100 * np.diagonal(mean_KK) / np.maximum(1.0, mean_KK.sum(axis=1)),
        names,
        colours=style.ERRORS_MAP,
        size=size,
    )
    axes.tick_params(labelsize=max(7.0, size))
    axes.set_ylabel("true class", fontsize=13)
    sheet.text(left + side / 2, 0, "read as", size=13, colour=style.MUTED, ha="center")
    for cell in top:
        draw.cell_frame(axes, cell)
    return sheet.figure
