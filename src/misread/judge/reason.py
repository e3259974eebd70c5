"""The verdict's reason: one plain sentence with the numbers that decided."""

from collections.abc import Sequence

from misread import wording
from misread.judge.items import Item
from misread.judge.targets import CellResult
from misread.judge.trade import Bargain


def reason_for(
    decision: str,
    cells: Sequence[CellResult],
    items: Sequence[Item],
    *,
    alpha: float,
    reduction: float,
    n_seeds: tuple[int, int],
    paired: bool,
) -> str:
    """Return the sentence behind `decision`: each target, and the worst item of those that matter.

    `reduction` is the relative one asked about; three seeds or fewer are said to be few.
    """
    if decision == "HARM":
        joint = "but" if any(cell.shrank(alpha) for cell in cells) else "and"
        ending = _harm(items, joint)
    elif decision == "REDUCED":
        ending = _collateral(items) + _bargain(cells[0])
    elif decision == "UNDERPOWERED":
        ending = _underpowered(cells, alpha, reduction, min(n_seeds))
    else:
        ending = _not_shown(cells, alpha, reduction)
    return f"{_cells_in_words(cells, alpha)}{ending}{_about_seeds(n_seeds, paired=paired)}."


def given_up_reason(
    cells: Sequence[CellResult],
    *,
    alpha: float,
    reduction: float,
    chance: float | None,
    n_left: int,
    most: int,
    hopeless: bool,
) -> str:
    """Return the sentence behind an arm that was given up at a look, of that level.

    `chance` is that the seeds to come, `n_left` of `most`, still show a reduction, None where the
    interval excludes it; `hopeless` where all of them would be too few for the one asked about.
    """
    asked = _minus(reduction)
    if chance is None:
        return (
            f"{_cells_in_words(cells, alpha)}: given up, for the {asked} asked about is excluded."
        )
    ending = (
        f", and {wording.count(most, 'seed')} would be too few to rely on for the {asked} asked "
        "about"
        if hopeless
        else f", though {wording.count(most, 'seed')} would have been enough for the {asked} asked "
        "about"
    )
    return (
        f"{_cells_in_words(cells, alpha)}: given up, for the chance that "
        f"{wording.count(n_left, 'more seed')} would still show a reduction is "
        f"{wording.chance(chance)}{ending}."
    )


def _cells_in_words(cells: Sequence[CellResult], alpha: float) -> str:
    return " and ".join(_cell_in_words(cell, alpha, several=len(cells) > 1) for cell in cells)


def _cell_in_words(cell: CellResult, alpha: float, *, several: bool) -> str:
    if cell.shrank(alpha):
        verb = "fell"
    elif cell.grew(alpha):
        verb = "grew"
    else:
        verb = "went"
    p_value = wording.p_value(cell.p_holm) + (" after Holm" if several else "")
    return (
        f"{cell.name} {verb} from {wording.images(cell.before_images)} to "
        f"{wording.images(cell.after_images)} images per seed ({_change(cell)}, {p_value})"
    )


def _change(cell: CellResult) -> str:
    """Return the change and its interval, relative to the rate before where there is one.

    An error cannot fall by more than all of it, so the words stop at −100%.
    """
    effect = cell.effect
    level = f"{wording.level(effect.alpha)} interval"
    if cell.before > 0:
        change, low, high = (
            wording.number(100 * max(value / cell.before, -1), decimals=0, sign=True) + "%"
            for value in (effect.estimate, effect.low, effect.high)
        )
        return f"{change}, {level} {low} to {high}"
    return f"{level} {wording.interval(effect, cell.n_images)} images"


def _harm(items: Sequence[Item], joint: str) -> str:
    harmed = sorted(
        (item for item in items if item.status == "harmed"),
        key=lambda item: item.margin - item.effect.low,
    )
    if not harmed:
        return ""
    more = len(harmed) - 1
    others = f", and {more} other {'item was' if more == 1 else 'items were'} harmed"
    return f", {joint} {_item_in_words(harmed[0])}{others if more else ''}"


def _item_in_words(item: Item) -> str:
    """Return what got worse, from which rate to which."""
    verb = "fell" if item.kind in {"accuracy", "recall"} else "rose"
    subject = item.name
    if item.kind == "accuracy":
        subject = "overall accuracy"
    elif item.kind == "slice":
        true, _, predicted = item.name.removeprefix(f"{item.slice_name} · ").partition("→")
        read = f"read as {predicted}" if predicted else "misread"
        subject = f"the share of {true} {read} in the slice “{item.slice_name}”"
    return (
        f"{subject} {verb} from {wording.percent(item.before)} to {wording.percent(item.after)} "
        f"(margin {100 * item.margin:g}%)"
    )


def _bargain(cell: CellResult) -> str:
    if cell.trade is None:
        return ""
    back = "→".join(reversed(cell.name.split("→")))
    return {
        Bargain.LEARNED: f"; it was learned, not traded for {back}",
        Bargain.TRADED: f"; it is a trade: {back} rose as if the boundary had only been moved",
        Bargain.OPEN: f"; whether it was learned or traded for {back} cannot be told",
    }[cell.trade.answer]


def _collateral(items: Sequence[Item]) -> str:
    asked = [item for item in items if item.status != "scanned"]
    n_items = sum(item.covers for item in asked)
    unknown = [item for item in items if item.status == "undetermined"]
    if not unknown:
        return f", and all {n_items} other things stayed within their margins"
    named = ", ".join(item.name for item in unknown[:3]) + (" and others" if unknown[3:] else "")
    n_unknown = sum(item.covers for item in unknown)
    return f", but {n_unknown} of {n_items} other things are undetermined ({named})"


def _underpowered(cells: Sequence[CellResult], alpha: float, reduction: float, n_seeds: int) -> str:
    cell = next(c for c in cells if c.hopeless(alpha))
    which = f" of {cell.name}" if len(cells) > 1 else ""
    few = ""
    if cell.few_changed(alpha):
        few = "too few of its images changed to know more than the errors before say: "
    if cell.forecast is None:
        return (
            f": {few}{wording.count(n_seeds, 'seed')} could not show the {_minus(reduction)}{which}"
        )
    return f": {few}{cell.forecast.short}"


def _not_shown(cells: Sequence[CellResult], alpha: float, reduction: float) -> str:
    cell = next(c for c in cells if not c.shrank(alpha))
    if cell.before == 0:
        return f": {cell.name} had no errors before, so there is nothing to reduce"
    if cell.few_changed(alpha):
        return (
            f": hardly an image changed, and the interval excludes a reduction of {reduction:.0%}"
        )
    return f": a reduction of {reduction:.0%} would have been found with 80% power, and none was"


def _about_seeds(n_seeds: tuple[int, int], *, paired: bool) -> str:
    fewest = min(n_seeds)
    if max(n_seeds) == 1:
        return "; this compares two trained models and says nothing about training them again"
    words = ""
    if not paired:
        words = f"; the {n_seeds[0]} seeds before and {n_seeds[1]} after are not paired"
    if fewest == 1:
        words += ", and one side has a single training"
    elif fewest <= 3:
        words += f"; with {fewest} seeds only, how much trainings differ is hardly known"
    return words


def _minus(reduction: float) -> str:
    return f"{wording.MINUS}{reduction:.0%}"
