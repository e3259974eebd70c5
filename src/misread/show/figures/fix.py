"""The figure of a search: each candidate by errors of the target and of its reverse."""

from matplotlib.figure import Figure

from misread.show import draw, style
from misread.study.search import Search
from misread.wording import count, number


@style.styled
def candidates(search: Search) -> Figure:
    """Draw each candidate at the last rung that it reached: left is better, and so is down.

    Data: `target` and `reverse` of each `Score`. What lies on the dashed line through the baseline
    has exchanged one error for the other.
    """
    last = search.rungs[-1]
    reached = {score.arm: score for rung in search.rungs for score in rung.arms}
    best = {score.arm for score in search.best}
    title = (
        f"{search.best[0].arm} has {number(search.best[0].target, decimals=1)} errors "
        f"{search.target_name} a seed, the baseline {number(last.baseline.target, decimals=1)}"
        if best
        else f"No candidate lowers {search.target_name} by more than it breaks"
    )
    reverse = "→".join(reversed(search.target_name.split("→")))
    sheet = style.Sheet(
        9.0,
        6.6,
        title,
        f"{count(len(reached), 'candidate')} on the {search.n_images:,} images of explore, which "
        "no proof counts. Filled: those that go to the proof. Dashed: as many errors in both "
        "directions together as the baseline.",
        "a smoke run proves nothing" if search.smoke else "",
    )
    axes = sheet.axes(1.0, 1.5, 7.4, 4.4)
    base = last.baseline
    points = [*reached.values(), base]
    largest_x = max(p.target for p in points) * 1.12 + 0.5
    largest_y = max(p.reverse for p in points) * 1.12 + 0.5
    axes.set_xlim(0, largest_x)
    axes.set_ylim(0, largest_y)
    total = base.target + base.reverse
    axes.plot([0, total], [total, 0], color=style.MUTED, linestyle=draw.DASHED, linewidth=1)
    for score in reached.values():
        colour = style.BLUE if score.arm in best else style.MUTED
        face = colour if score.arm in best else "white"
        axes.plot(
            score.target, score.reverse, "o", color=colour, markerfacecolor=face, markersize=8
        )
        draw.note(axes, (score.target, score.reverse), score.arm, (7, 4), fontsize=9, color=colour)
    axes.plot(base.target, base.reverse, "D", color=style.INK, markersize=9)
    draw.note(axes, (base.target, base.reverse), "baseline", (8, -12), fontsize=10)
    axes.set_xlabel(f"errors {search.target_name}, images a seed")
    axes.set_ylabel(f"errors {reverse}, images a seed")
    axes.grid(visible=True)
    return sheet.figure
