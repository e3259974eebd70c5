"""Figures of what is confused: confusion matrices, and the most frequent confusions ranked."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from misread import wording
from misread.show import style, words
from misread.study.evidence import Evidence
from misread.study.study import BASELINE

FloatArray = npt.NDArray[np.float64]

N_RANKED = 15


@style.styled
def confusion_matrices(evidence: Evidence) -> Figure:
    """Draw the baseline's mean errors per seed, and by how much each arm changes them.

    Data: `predictions` on *confirm*, counted per seed and averaged. Off the diagonal: images per
    seed, for treated arms the difference to the baseline. On the diagonal, small: recall in per
    cent, of the arm itself. The target cell has a dashed outline; a change that holds up after
    Benjamini & Hochberg (1995) over all cells (`held_up`) has a solid frame, the others are pale.
    """
    n_columns = min(3, len(evidence.arms))
    n_rows = -(-len(evidence.arms) // n_columns)
    room = 0.085 * max(0, max(map(len, evidence.confirm.class_names)) - 2)  # for long names
    side, left, gap, block = 4.6, 0.75 + room, 0.55 + room, 5.55 + room
    base_KK = _mean_counts(evidence, BASELINE)
    true, predicted = evidence.plan.target
    off_KK = ~np.eye(len(base_KK), dtype=bool)
    place = 1 + int((base_KK[off_KK] > base_KK[true, predicted]).sum())
    title = (
        f"The baseline makes {wording.images(base_KK[off_KK].sum())} errors a seed in "
        f"{len(evidence.confirm):,} images; {wording.images(base_KK[true, predicted])} of them are "
        f"{words.target_name(evidence)}"
        f", {_place(place)} of all confusions"
    )
    sheet = style.Sheet(
        max(left + n_columns * (side + gap), 9.5),
        n_rows * block + 0.35,
        title,
        "First: the baseline's mean errors per seed. Then: how many more (orange) or fewer (blue) "
        "each arm makes. Rows: true class; columns: what was read; on the diagonal: recall in %. "
        f"Dashed: the target {words.target_name(evidence)}. {_told_held(evidence)}",
        evidence.plan.exploratory,
    )
    changes = {
        arm: _mean_counts(evidence, arm)
        - _mean_counts(evidence, BASELINE, len(evidence.predictions[arm]))
        for arm in evidence.treated_arms
    }
    reach = max([float(np.abs(c[off_KK]).max()) for c in changes.values()] or [0.0]) or 1.0
    for number, arm in enumerate(evidence.arms):
        down, along = divmod(number, n_columns)
        at_x, at_y = left + along * (side + gap), down * block
        axes = sheet.axes(at_x, at_y + 0.62 + room, side, side)
        if arm == BASELINE:
            sheet.text(at_x, at_y, f"{arm}: errors per seed", fontsize=13, fontweight="bold")
            top = float(base_KK[off_KK].max()) or 1.0
            _matrix(axes, evidence, arm, base_KK, (0.0, top), sign=False)
        else:
            net = wording.images(float(changes[arm][off_KK].sum()), sign=True)
            told = f"{arm}: {net} errors in all"
            sheet.text(at_x, at_y, told, fontsize=13, fontweight="bold")
            _matrix(axes, evidence, arm, changes[arm], (-reach, reach), sign=True)
        if along == 0:
            axes.set_ylabel("true class")
    return sheet.figure


def held_up(evidence: Evidence, arm: str) -> dict[tuple[int, int], float]:
    """Return the cells of *confirm* whose change holds up in an arm, with their q-values.

    Of all K(K−1) cells, after Benjamini & Hochberg (1995) at the study's level; exploratory.
    """
    verdict = evidence.verdicts[arm]
    scanned = [(cell.true, cell.predicted, cell.q_value) for cell in verdict.cells]
    scanned += [
        (item.true, item.predicted, item.q_value)
        for item in verdict.collateral
        if item.kind == "cell" and item.true is not None and item.predicted is not None
    ]
    return {(i, j): q for i, j, q in sorted(scanned) if q <= verdict.alpha}


def _told_held(evidence: Evidence) -> str:
    if not evidence.treated_arms:
        return ""
    n_held = sum(len(held_up(evidence, arm)) for arm in evidence.treated_arms)
    n_cells = len(evidence.confirm.class_names) * (len(evidence.confirm.class_names) - 1)
    if not n_held:
        return f"No change of a cell holds up over all {n_cells:,}: the numbers may all be chance."
    return (
        f"Framed: {wording.count(n_held, 'change')} that "
        f"{'holds' if n_held == 1 else 'hold'} up over all {n_cells:,} cells (exploratory); the "
        "pale ones may be chance."
    )


def _mean_counts(evidence: Evidence, arm: str, n_seeds: int | None = None) -> FloatArray:
    """Return the mean confusion counts of an arm's first seeds, by default of all."""
    rows = range(n_seeds or len(evidence.predictions[arm]))
    counts_SKK = np.stack([evidence.counts(arm, row) for row in rows])
    mean_KK: FloatArray = counts_SKK.mean(axis=0)
    return mean_KK


def _matrix(
    axes: Axes,
    evidence: Evidence,
    arm: str,
    values_KK: FloatArray,
    limits: tuple[float, float],
    *,
    sign: bool,
) -> None:
    names = evidence.confirm.class_names
    n_classes = len(names)
    shown_KK = values_KK.copy()
    np.fill_diagonal(shown_KK, 0.0)
    low, high = limits
    # The square root lets small counts show beside large ones; small changes are mostly noise.
    scaled_KK = shown_KK / high if sign else np.sqrt(shown_KK / high)
    drawn_KK = scaled_KK
    if sign:  # what may be chance is pale
        drawn_KK = 0.45 * scaled_KK
        for cell in held_up(evidence, arm):
            drawn_KK[cell] = scaled_KK[cell]
    axes.imshow(
        drawn_KK,
        cmap=style.CHANGE_MAP if sign else style.ERRORS_MAP,
        vmin=-1.15 if low < 0 else 0,
        vmax=1.15,
        interpolation="nearest",
    )
    recall_K = np.diagonal(_mean_counts(evidence, arm)) / np.maximum(
        1, np.bincount(evidence.confirm.labels_N, minlength=n_classes)
    )
    size = max(4.0, min(9.5, 95 / n_classes))
    held = held_up(evidence, arm) if sign else {}
    for i in range(n_classes):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, color="#eceef2", lw=0))
        recall = f"{100 * recall_K[i]:.1f}" if recall_K[i] < 1 else "100"
        axes.text(i, i, recall, ha="center", va="center", fontsize=0.82 * size, color="#7d8490")
        for j in range(n_classes):
            text = f"{values_KK[i, j]:{'+' if sign else ''}.1f}".replace("-", wording.MINUS)
            if i == j or not (text.strip("+−0.") or (i, j) == evidence.plan.target):
                continue
            strong, faint = abs(drawn_KK[i, j]) > 0.93, sign and (i, j) not in held
            axes.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                fontsize=size * min(1, 4 / len(text)),  # so that it stays within its frame
                fontweight="bold" if (i, j) in held else "normal",
                color="white" if strong else style.MUTED if faint else style.INK,
            )
    true, predicted = evidence.plan.target
    for i, j in held:
        axes.add_patch(
            Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, ec=style.INK, lw=2.6, zorder=5)
        )
    corner = (predicted - 0.5, true - 0.5)
    outline = Rectangle(corner, 1, 1, fill=False, ec=style.INK, lw=1.8, zorder=6)
    outline.set_linestyle((0, (2.2, 1.4)))
    axes.add_patch(outline)
    axes.set_xticks(range(n_classes), names)
    axes.set_yticks(range(n_classes), names)
    if max(map(len, names)) > 2:
        axes.tick_params(axis="x", labelrotation=60)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)
    style.bare(axes)


@style.styled
def ranked_cells(evidence: Evidence) -> Figure:
    """Draw the most frequent confusions of the baseline on *select*.

    Data: `errors["cells"]`: errors of each seed (dots), mean and standard deviation; in how many
    seeds the cell has an error; and beside it the mean rank within the seeds, with the rank that
    chance would give. The target is marked, and added below where it is not among the first.
    """
    cells = evidence.errors["cells"]
    target = evidence.plan.target
    shown = cells[:N_RANKED]
    shown += [c for c in cells[N_RANKED:] if (c["true"], c["predicted"]) == target]
    mark = next(c for c in cells if (c["true"], c["predicted"]) == target)
    row = 0.36
    height = row * len(shown)
    confirm = evidence.summary["target"]["confirm"]
    sheet = style.Sheet(
        12.6,
        height + 1.35,
        f"{words.target_name(evidence)} is {_place(mark['rank'])} of {len(cells)} confusions: "
        f"{wording.images(mark['mean'])} errors a seed on select, in {mark['seeds_present']} of "
        f"{wording.count(mark['n_seeds'], 'seed')}",
        f"The baseline on the held-out tenths of the training images (select). Dots: seeds; bar: "
        f"mean ± standard deviation. {words.target_name(evidence)} there: "
        f"{wording.percent(mark['rate'])} of its class; on confirm: "
        f"{wording.percent(confirm['rate'])}.",
        evidence.plan.exploratory,
    )
    errors = sheet.axes(1.0, 0.5, 6.2, height)
    ranks = sheet.axes(8.75, 0.5, 3.3, height)
    sheet.text(1.0, 0.05, "errors per seed", fontsize=12, fontweight="bold")
    sheet.text(7.35, 0.05, "in seeds", fontsize=12, fontweight="bold")
    sheet.text(8.75, 0.05, "mean rank within a seed", fontsize=12, fontweight="bold")
    names = [words.cell_name(evidence, c["true"], c["predicted"]) for c in shown]
    for axes, keep in ((errors, "bottom"), (ranks, "bottom")):
        style.bare(axes, keep=keep)
        axes.grid(visible=True, axis="x")
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_yticks([])
    for place, (cell, name) in enumerate(zip(shown, names, strict=True)):
        is_target = (cell["true"], cell["predicted"]) == target
        colour = style.VERMILLION if is_target else style.BLUE
        if is_target:
            for axes in (errors, ranks):
                axes.axhspan(place - 0.46, place + 0.46, color="#fdeee3", lw=0, zorder=0)
        _ranked_row(errors, evidence, cell, place, colour)
        ranks.plot([cell["mean_rank"]], [place], "o", color=colour, ms=7)
        ranks.hlines(place, 1, cell["mean_rank"], color=colour, lw=1.4, alpha=0.45)
        ink = colour if is_target else style.INK
        style.row_label(errors, place, name, bold=is_target, colour=ink)
        sheet.text(
            7.35,
            0.5 + row * (place + 0.5),
            f"{cell['seeds_present']} of {cell['n_seeds']}",
            va="center",
            color=colour if is_target else style.MUTED,
        )
    chance = mark["chance_rank"]
    ranks.axvline(chance, color=style.INK, lw=1.4, ls=(0, (4, 2)))
    ranks.annotate(
        f"chance: {chance:g}",
        (chance, -0.5),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=10,
        annotation_clip=False,
    )
    ranks.set_xlim(0, max([chance * 1.12, *(c["mean_rank"] * 1.05 for c in shown)]))
    errors.set_xlim(left=0)
    errors.set_xlabel("images per seed")
    ranks.set_xlabel("1 = most frequent")
    return sheet.figure


def _place(rank: int) -> str:
    return "the most frequent" if rank == 1 else f"number {rank}"


def _ranked_row(
    axes: Axes,
    evidence: Evidence,
    cell: dict[str, Any],
    place: int,
    colour: str,
) -> None:
    times = Counter(image["seed"] for image in cell["images"])
    counts_S = [times[seed] for seed in evidence.errors["seeds"]]
    # Equal counts stand one below the other.
    met: Counter[int] = Counter()
    for amount in counts_S:
        shift = 0.11 * ((met[amount] + 1) // 2) * (-1 if met[amount] % 2 else 1)
        met[amount] += 1
        axes.plot(
            [amount],
            [place + float(np.clip(shift, -0.4, 0.4))],
            "o",
            ms=4.6,
            mfc=colour,
            mec="none",
            alpha=0.5,
            clip_on=False,
        )
    sd = cell["sd"] or 0.0
    axes.hlines(place, max(0.0, cell["mean"] - sd), cell["mean"] + sd, color=colour, lw=2.4)
    axes.plot([cell["mean"]], [place], "|", color=colour, ms=15, mew=3)
