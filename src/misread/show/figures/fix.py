"""The figure of a search: each candidate by errors of the target and of its reverse."""

from matplotlib.figure import Figure

from misread.show import draw, style
from misread.study.search import Search
from misread.wording import count, number


@style.styled
def candidates(search: Search) -> Figure:
    """Draw each candidate at the last rung that it reached: left is better, and so is down.

    What lies on the dashed line through the baseline has exchanged one error for the other.
    """
    last = search.rungs[-1]
    reached = {score.arm: score for rung in search.rungs for score in rung.arms}
    best = {score.arm for score in search.best}
    before = number(search.errors(last.baseline), decimals=1)
    title = (
        f"{search.best[0].arm} has {number(search.errors(search.best[0]), decimals=1)} errors "
        f"{search.targets_name} a seed, the baseline {before}"
        if best
        else f"No candidate lowers {search.targets_name} by more than it breaks"
    )
    sheet = style.Sheet(
        9.0,
        6.6,
        title,
        f"{count(len(reached), 'candidate')} on the {search.n_images:,} images of explore, which "
        "no proof counts. Filled: those that go to the proof. Dashed: as many errors in both "
        "directions together as the baseline. Named: the last rung; arrows: beyond the edge.",
        "a smoke run proves nothing" if search.smoke else "",
    )
    axes = sheet.axes(1.0, 0.3, 7.4, 5.3)
    base = last.baseline
    near = [base, *(s for s in reached.values() if s.target <= 3 * base.target + 1)]
    ends = [
        1.15 * max(value) + 0.5
        for value in zip(*((p.target, p.reverse) for p in near), strict=True)
    ]
    axes.set_xlim(0, ends[0])
    axes.set_ylim(0, ends[1])
    total = base.target + base.reverse
    axes.plot([0, total], [total, 0], color=style.MUTED, linestyle=draw.DASHED, linewidth=1)
    finalists = {score.arm for score in last.arms}
    for score in reached.values():
        colour = style.BLUE if score.arm in best else style.MUTED
        face = colour if score.arm in best else "white"
        far = score.target > ends[0] or score.reverse > ends[1]
        at = min(score.target, 0.985 * ends[0]), min(score.reverse, 0.985 * ends[1])
        axes.plot(*at, ">" if far else "o", color=colour, markerfacecolor=face, markersize=8)
        if score.arm in finalists:
            draw.note(axes, at, score.arm, (7, 4), fontsize=9, color=colour)
    axes.plot(base.target, base.reverse, "D", color=style.INK, markersize=9)
    draw.note(axes, (base.target, base.reverse), "baseline", (8, -12), fontsize=10)
    axes.set_xlabel(f"errors {search.target_name}, images a seed")
    axes.set_ylabel(f"errors {search.reverse_name}, images a seed")
    axes.grid(visible=True)
    return sheet.figure
