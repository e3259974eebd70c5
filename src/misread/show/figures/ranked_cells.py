"""The figure of the baseline's most frequent confusions, ranked."""

from collections import Counter
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from misread import wording
from misread.show import draw, style, words
from misread.study.evidence import Evidence

N_RANKED = 15
_ROW, _HEAD, _SEEDS = 0.36, 0.5, 7.35


@style.styled
def ranked_cells(evidence: Evidence) -> Figure:
    """Draw the most frequent confusions of the baseline on *select*, and their ranks in the seeds.

    The target is marked, and added below where it is not among the first.
    """
    cells, name = evidence.errors["cells"], words.target_name(evidence)
    target = next(c for c in cells if (c["true"], c["predicted"]) == evidence.target)
    ranked = cells[:N_RANKED] + [c for c in cells[N_RANKED:] if c is target]
    height = _ROW * len(ranked)
    confirm = evidence.summary["target"]["confirm"]
    sheet = style.Sheet(
        12.6,
        height + 1.35,
        f"{name} is {words.rank_phrase(target['rank'])} of {len(cells)} confusions: "
        f"{wording.images(target['mean'])} errors a seed on select, in {target['seeds_present']} "
        f"of {wording.count(target['n_seeds'], 'seed')}",
        "The baseline on the held-out tenths of the training images (select). Dots: seeds; bar: "
        f"mean ± standard deviation. {name} there: {wording.percent(target['rate'])} of its class; "
        f"on confirm: {wording.percent(confirm['rate'])}.",
        evidence.plan.exploratory,
    )
    panels, heads = [], ((1.0, 6.2, "errors per seed"), (8.75, 3.3, "mean rank within a seed"))
    for left, width, head in heads:
        sheet.text(left, 0.05, head, size=12, bold=True)
        panels.append(draw.row_axes(sheet, left, _HEAD, width, height, len(ranked)))
        panels[-1].grid(visible=True, axis="x")
    sheet.text(_SEEDS, 0.05, "in seeds", size=12, bold=True)
    errors, ranks = panels
    for place, cell in enumerate(ranked):
        marked = cell is target
        colour = style.VERMILLION if marked else style.BLUE
        if marked:
            for axes in panels:
                axes.axhspan(place - 0.46, place + 0.46, color="#fdeee3", lw=0, zorder=0)
        _errors(errors, evidence.errors["seeds"], cell, place, colour)
        ranks.plot([cell["mean_rank"]], [place], "o", color=colour, ms=7)
        ranks.hlines(place, 1, cell["mean_rank"], color=colour, lw=1.4, alpha=0.45)
        label = words.cell_name(evidence, cell["true"], cell["predicted"])
        draw.row_label(errors, place, label, bold=marked, colour=colour if marked else style.INK)
        ink = colour if marked else style.MUTED
        seeds = f"{cell['seeds_present']} of {cell['n_seeds']}"
        sheet.text(_SEEDS, _HEAD + _ROW * (place + 0.5), seeds, colour=ink, va="center")
    chance = target["chance_rank"]
    ranks.axvline(chance, color=style.INK, lw=1.4, ls=(0, (4, 2)))
    draw.note(ranks, (chance, -0.5), f"chance: {chance:g}", (0, 4), ha="center", fontsize=10)
    ranks.set_xlim(0, max([chance * 1.12, *(cell["mean_rank"] * 1.05 for cell in ranked)]))
    errors.set_xlim(left=0)
    errors.set_xlabel("images per seed")
    ranks.set_xlabel("1 = most frequent")
    return sheet.figure


def _errors(axes: Axes, seeds: list[int], cell: dict[str, Any], place: int, colour: str) -> None:
    times = Counter(image["seed"] for image in cell["images"])
    equal: Counter[int] = Counter()  # equal counts stand one below the other
    dots: dict[str, Any] = {"ms": 4.6, "mfc": colour, "mec": "none", "alpha": 0.5, "clip_on": False}
    for amount in (times[seed] for seed in seeds):
        shift = 0.11 * ((equal[amount] + 1) // 2) * (-1 if equal[amount] % 2 else 1)
        equal[amount] += 1
        axes.plot([amount], [place + float(np.clip(shift, -0.4, 0.4))], "o", **dots)
    mean, sd = cell["mean"], cell["sd"] or 0.0
    draw.interval(axes, place, (max(0.0, mean - sd), mean + sd), colour, width=2.4)
    axes.plot([mean], [place], "|", color=colour, ms=15, mew=3)
