"""The answer of a study in one line, in words that need no glossary, and what to do next."""

import math
from collections.abc import Mapping, Sequence

from misread import wording
from misread.judge import PowerAnswer, Verdict
from misread.judge.items import Item
from misread.judge.targets import CellResult
from misread.judge.trade import Bargain
from misread.study.arms import BASELINE
from misread.study.workload import Cost

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_HINT = 0.2  # a fall with a larger p-value hints at nothing
_NAMED = 3  # items that are open, of which it is said what would settle them
_MOST_SEEDS = 100  # a command with more seeds is no advice


def plural(name: str) -> str:
    """Return a class name for several images, as in "4s" and "images of cat"."""
    return f"{name}s" if len(name) == 1 else f"images of {name}"


def misread_as(true: str, predicted: str) -> str:
    """Return a confusion in words, as in "4s read as 9s"."""
    return f"{plural(true)} {_read_as(predicted)}"


def _read_as(predicted: str) -> str:
    return f"read as {plural(predicted).removeprefix('images of ')}"


def answer_of(verdicts: Mapping[str, Verdict]) -> str:
    """Return what a study found, answer first; "" where no arm was treated.

    Terminal, page and `verdict.json` begin with it.
    """
    if not verdicts:
        return ""
    target = " and ".join(map(_words, next(iter(verdicts.values())).cells))
    fell = [arm for arm, verdict in verdicts.items() if verdict.verdict == "REDUCED"]
    reduced = [arm for arm in fell if not verdicts[arm].qualifier]
    traded = [arm for arm in fell if _is_trade(verdicts[arm])]
    unsure = [arm for arm in fell if arm not in (*reduced, *traded)]
    harmful = [arm for arm, verdict in verdicts.items() if verdict.verdict == "HARM"]
    n_arms = len(verdicts)
    sentences = []
    if rarer := reduced or unsure:
        but = "" if reduced else f", but {_unsure([verdicts[arm] for arm in unsure])}"
        sentences.append(
            f"{_makes(len(rarer), n_arms)} {target} rarer{but}: {_rates(verdicts, rarer)}."
        )
    else:
        which = "The fix is" if n_arms == 1 else f"None of {_number(n_arms)} fixes is"
        sentences.append(f"{which}{' not' * (n_arms == 1)} shown to make {target} rarer.")
    if traded:
        back = _reversed(verdicts[traded[0]].cells[0])
        does = "It only trades" if n_arms == 1 else f"{wording.listed(traded)} only trade"
        does += "s" if n_arms > 1 == len(traded) else ""
        sentences.append(f"{does} them for {back}: {_rates(verdicts, traded)}.")
    if harmful:
        does = "It does harm" if n_arms == 1 else f"{_number(len(harmful)).capitalize()} do harm"
        does = does.replace("One do ", "One does ")
        harms = "; ".join(_harm(arm, verdicts[arm]) for arm in harmful)
        sentences.append(f"{does}: {harms}.")
    if not (rarer or traded) and (hint := _hint(verdicts)):
        sentences.append(hint)
    return " ".join(sentences)


def _words(cell: CellResult) -> str:
    return misread_as(*cell.name.split("→"))


def _reversed(cell: CellResult) -> str:
    return misread_as(*reversed(cell.name.split("→")))


def _is_trade(verdict: Verdict) -> bool:
    return any(cell.trade and cell.trade.answer == Bargain.TRADED for cell in verdict.cells)


def _unsure(verdicts: list[Verdict]) -> str:
    """Return why falls that were shown are no fixes yet."""
    cells = [cell for verdict in verdicts for cell in verdict.cells]
    why = ["what it breaks is not known well enough"] * any(v.n_undetermined for v in verdicts)
    if any(cell.trade and cell.trade.answer == Bargain.OPEN for cell in cells):
        why.append(f"it may only have traded them for {_reversed(cells[0])}")
    return " and ".join(why) or "it is about these models only"


def worst_item(verdict: Verdict) -> Item | None:
    """Return the item that is harmed most, else the one that is furthest from being safe."""
    for status in ("harmed", "undetermined"):
        items = [item for item in verdict.collateral if item.status == status]
        if items:
            return max(items, key=lambda item: (item.effect.estimate - item.margin, item.name))
    return None


def item_in_words(item: Item) -> str:
    """Return what an item is, without a glossary, as in "4s thinned (erode 2 px) read as 9s"."""
    if item.kind == "accuracy" or item.true is None:
        return "accuracy" if item.kind == "accuracy" else "some other confusion"
    name = item.name.removeprefix("recall of ").removeprefix(f"{item.slice_name} · ")
    true, _, predicted = name.partition("→")
    treated = f"{plural(true)} {wording.treated(item.slice_name)}".strip()
    return f"{treated} {_read_as(predicted) if predicted else 'read wrongly'}"


def item_rates(item: Item) -> str:
    """Return the rates before and after: of being right for accuracy, else of the error."""
    before, after = item.before, item.after
    if item.kind == "recall":
        before, after = 1 - before, 1 - after
    return f"{wording.percent(before)} → {wording.percent(after)}"


def settling_of(verdict: Verdict) -> str:
    """Return what would settle the items that are open, the furthest first.

    "" where none is, and for a verdict that they would not change.
    """
    if verdict.verdict == "HARM":
        return ""
    items = [item for item in verdict.collateral if item.status == "undetermined" and item.settling]
    items.sort(key=lambda item: (item.margin - (item.upper or 0.0), item.name))
    named = [f"{item.name}: {item.settling.words}" for item in items[:_NAMED] if item.settling]
    more = f"; and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return "; ".join(named) + more


def next_step(
    name: str, verdicts: Mapping[str, Verdict], seeds: tuple[int, ...], cost: Cost | None
) -> str:
    """Return the command that would decide what is open, with its cost; "" where nothing is.

    Without the cost of a training it says no minutes: the bytes of a page repeat.
    """
    needed = [
        cell.seeds_needed
        for verdict in verdicts.values()
        for cell in verdict.cells
        if verdict.verdict == "UNDERPOWERED" and cell.seeds_needed
    ]
    n_needed = max(needed, default=0)
    arms = (BASELINE, *verdicts)
    more = _more_seeds(name, n_needed, seeds, arms, cost or Cost({}, {}))
    return f"Next: {more}" if more else ""


def alternatives_of(
    name: str,
    folder: str,
    planned: PowerAnswer,
    seeds: tuple[int, ...],
    left: Sequence[str],
    cost: Cost,
) -> str:
    """Return what to do in the place of a plan that is all but hopeless, as commands with cost.

    `left` names the arm of each training that the plan would still take, `cost` is that of one of
    each arm, the baseline among them.
    """
    ways = []
    more = _more_seeds(name, planned.seeds_needed or 0, seeds, tuple(cost.epochs), cost)
    if more:
        ways.append(f"{more} finds it with power {wording.chance(planned.target)}")
    least = planned.smallest_relative
    if least is not None and planned.reduction < least <= 0.95:
        share = math.ceil(100 * least)
        ways.append(
            f"misread power {folder} --reduction 0.{share:02d} (no training) plans for the fall by "
            f"{share}% that these seeds do find, if a fix may be that strong"
        )
    ways.append(
        f"misread errors {folder} (no training) lists more frequent confusions, of which less is "
        "needed; name one as target in the study's file"
    )
    return f"Going on takes {cost.words(left)}. Instead: {'; or '.join(ways)}."


def _more_seeds(
    name: str, n_needed: int, seeds: tuple[int, ...], arms: Sequence[str], cost: Cost
) -> str:
    """Return the command that brings a study to so many seeds, with its cost; "" for no advice."""
    if not len(seeds) < n_needed <= _MOST_SEEDS:
        return ""
    free = (seed for seed in range(1, 10**6) if seed not in seeds)
    more = [next(free) for _ in range(n_needed - len(seeds))]
    listed = wording.spans((*seeds, *more))
    takes = cost.words([arm for _ in more for arm in arms], " more")
    return f"misread run {name} --seeds {listed} ({takes})"


def _number(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else f"{n:,}"


def _makes(n: int, n_arms: int) -> str:
    if n == n_arms:
        return "The fix makes" if n == 1 else f"All {_number(n)} fixes make"
    return f"{_number(n).capitalize()} of {_number(n_arms)} fixes {'makes' if n == 1 else 'make'}"


def _rates(verdicts: Mapping[str, Verdict], arms: list[str]) -> str:
    rates = {arm: wording.listed([_change(cell) for cell in verdicts[arm].cells]) for arm in arms}
    named = len(verdicts) > 1
    return ", ".join(f"{arm} {rate}" if named else rate for arm, rate in rates.items())


def _change(cell: CellResult) -> str:
    return f"{wording.percent(cell.before)} → {wording.percent(cell.after)}"


def _harm(arm: str, verdict: Verdict) -> str:
    item = worst_item(verdict)
    if item is None or item.status != "harmed":
        cell = max(verdict.cells, key=lambda cell: cell.effect.estimate)
        return f"{arm} ({_words(cell)}, {_change(cell)})"
    return f"{arm} ({item_in_words(item)}, {item_rates(item)})"


def _hint(verdicts: Mapping[str, Verdict]) -> str:
    fell = [
        (arm, cell)
        for arm, v in verdicts.items()
        for cell in v.cells
        if cell.effect.estimate < 0 and v.verdict != "HARM" and cell.p_value <= _HINT
    ]
    if not fell:
        return ""
    arm, cell = min(fell, key=lambda one: one[1].p_value)
    which = f" {_words(cell)}," if len(verdicts[arm].cells) > 1 else ""
    p_value = wording.p_value(cell.p_value)
    return f"The strongest hint, and no more: {arm},{which} {_change(cell)} ({p_value})."
