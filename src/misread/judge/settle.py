"""An arm judged at a planned look: the ordinary verdict, at that look's level, and what it settles.

An arm is settled when nothing that is to come is worth its runs:

* HARM: by the spending of both sides; harm is worth finding early.
* REDUCED: with no item left that more seeds would settle. An item is waited for where its interval,
  narrowed as the seeds to come could narrow it at most, would clear its margin.
* given up: neither was shown, the interval excludes the reduction asked about or the seeds to come
  would hardly show any, and no item is waited for that they would show to be harmed.
* the last look.

The targets spend α as the plan says. Everything else spends α of its own, by nearly equal levels
(`pocock`): an arm stops where its target says so, and "safe" must be sayable there. Such pairs of
plans for a first and a second question: Glimm, Maurer & Bretz (2010, *Statistics in Medicine* 29);
Tamhane, Mehta & Liu (2010, *Biometrics* 66).

All intervals of a verdict are at their look's level. Over the looks they are repeated confidence
intervals (Jennison & Turnbull 2000, chapter 9): all of one item's hold together with 1 − α.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import scipy

from misread.judge.align import align, refuse_arrays
from misread.judge.classes import NamedCell
from misread.judge.effects import Status
from misread.judge.forecast import PowerAnswer
from misread.judge.items import MARGINS, Gate, Item, Margins
from misread.judge.looks import Adaptive, Settled, Why, chance_left
from misread.judge.pair import Pair
from misread.judge.power import smallest_found
from misread.judge.predictions import Predictions
from misread.judge.reason import given_up_reason
from misread.judge.targets import CellResult, cells_of, pilot_of
from misread.judge.trade import Leans
from misread.judge.variance import components_of, zero_event_bound
from misread.judge.verdict import Verdict, judge_pair


def judge_look(
    adaptive: Adaptive,
    before: Predictions,
    after: Predictions,
    *,
    cells: Sequence[NamedCell],
    margins: Margins = MARGINS,
    alpha: float = 0.05,
    reduction: float = 0.3,
    arm: str = "after",
    exploratory: str = "",
    weight: float | None = None,
    gate: Gate = Gate.MEANT,
    planned: PowerAnswer | None = None,
    leans: Leans | None = None,
) -> Verdict:
    """Judge paired seeds at the look at which there are so many.

    Parameters
    ----------
    adaptive : Adaptive
        The planned looks.
    before, after : Predictions
        The baseline and the treated arm, of the same seeds.
    cells, margins : sequence, Margins
        As in `misread.judge.verdict.judge`.
    alpha : float
        Level over all looks.
    reduction, arm, exploratory, weight, gate, planned, leans
        As in `misread.judge.verdict.judge`.

    Returns
    -------
    Verdict
        At the look's levels; `settled` says whether the arm stops here, and why.

    Raises
    ------
    JudgeError
        As `judge`, and if no look has so many seeds.
    """
    refuse_arrays(before, after)
    pair = align(before, after, paired=True, weight=weight)
    number = adaptive.number(len(pair.after_TN))
    levels, items_levels = adaptive.levels(alpha), adaptive.items_levels(alpha)
    targets = cells_of(cells, pair)
    verdict = judge_pair(
        pair,
        targets,
        margins=margins,
        alpha=levels[number],
        items_alpha=items_levels[number],
        reduction=reduction,
        arm=arm,
        exploratory=exploratory,
        gate=gate,
        planned=planned,
        leans=leans,
    )
    seeds = adaptive.looks[number], adaptive.most
    outlooks = [
        _outlook(cell, pair, seeds, levels[-1] / len(targets), alpha)
        for cell in verdict.cells
        if not cell.shrank(levels[number])
    ]
    known = [outlook for outlook in outlooks if outlook is not None]
    least = min(known, key=lambda outlook: (not outlook.excluded, outlook.chance), default=None)
    narrowing = math.sqrt(adaptive.looks[number] / adaptive.most)
    effect = verdict.design_effect or 1.0
    waits = {_outcome(item, narrowing, items_levels[-1], effect) for item in verdict.collateral}
    why = _why(verdict, adaptive, number, least, waits)
    settled = Settled(
        look=number + 1,
        looks=adaptive.looks,
        alpha=alpha,
        spent=adaptive.spent(alpha)[number],
        items_alpha=items_levels[number],
        futility=adaptive.futility,
        why=why,
        chance=least.chance if least and not least.excluded and why in {"", "futile"} else None,
    )
    changed: dict[str, Any] = {"settled": settled}
    if why == "futile" and least is not None:
        changed["verdict"] = "UNDERPOWERED" if least.hopeless else "NOT SHOWN"
        changed["reason"] = given_up_reason(
            verdict.cells,
            alpha=levels[number],
            reduction=verdict.reduction,
            chance=None if least.excluded else least.chance,
            n_left=settled.saved,
            most=adaptive.most,
            hopeless=least.hopeless,
        )
    return verdict.model_copy(update=changed)


class _Outlook(NamedTuple):
    """Prospects of a target."""

    chance: float  # that the seeds to come still show a reduction
    excluded: bool  # the interval lies above the reduction asked about already
    hopeless: bool  # all the seeds would be too few for it


def _outlook(
    cell: CellResult, pair: Pair, seeds: tuple[int, int], level: float, alpha: float
) -> _Outlook | None:
    """Return what is left for a target; None where too few images changed to tell.

    `seeds` are those so far and at the last look, at which the target has this level.
    """
    (components,) = components_of(pair.count_cell(cell.true, cell.predicted), alpha)
    if components is None:
        return None
    asked, change = cell.reduction_abs, cell.effect.estimate
    chance = chance_left(components, cell.n_images, change, asked, seeds, level)
    excluded = cell.effect.low > -asked
    if excluded or not 0 < cell.before < 1:
        return _Outlook(chance, excluded, hopeless=False)
    pilot = pilot_of(pair, (cell.true, cell.predicted))
    least = smallest_found(pilot, seeds[1], cell.n_images, alpha=level)
    return _Outlook(chance, excluded, least is None or least * cell.before > asked)


def _why(
    verdict: Verdict,
    adaptive: Adaptive,
    number: int,
    least: _Outlook | None,
    waits: set[Status],
) -> Why:
    """Return why an arm stops at a look, "" where it goes on."""
    if number == len(adaptive.looks) - 1:
        return "last look"
    if verdict.verdict == "HARM":
        return "harm"
    if verdict.verdict == "REDUCED":
        return "" if waits & {"safe", "harmed"} else "reduced"
    hardly = least is not None and (least.chance < adaptive.futility or least.excluded)
    hardly = hardly and adaptive.futility > 0
    return "futile" if hardly and "harmed" not in waits else ""


def _outcome(item: Item, narrowing: float, level: float, design_effect: float) -> Status:
    """Return what an undetermined item would be after the last look, if its change stayed.

    The seeds to come narrow an interval as their square root, at most: images do not grow.
    """
    if item.status in {"safe", "harmed"}:
        return "undetermined"  # nothing to wait for
    effect = item.effect
    reach = -float(scipy.special.ndtri(level / 2)) * (effect.se or 0.0) * narrowing
    if effect.estimate >= 0:
        n_alone = effect.n_images / design_effect
        reach = max(reach, float(zero_event_bound(n_alone, level)))
    if effect.estimate + reach < item.margin:
        return "undetermined" if item.status == "scanned" else "safe"
    return "harmed" if effect.estimate - reach > item.margin else "undetermined"
