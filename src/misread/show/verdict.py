"""One verdict as rows and words: every rendering of it is made from these.

A summary holds plain text without line breaks or control characters; what a rendering must escape,
it escapes itself.
"""

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from misread import wording
from misread.judge.effects import Status
from misread.judge.items import Item
from misread.judge.limits import Limits
from misread.judge.looks import Settled
from misread.judge.targets import CellResult
from misread.judge.verdict import Decision, Verdict
from misread.show.cells import cell_table, target_table
from misread.show.table import Table, Tone, Toned
from misread.study.answer import settling_of

_STATUSES: tuple[Status, ...] = ("harmed", "undetermined", "safe", "scanned")
_TONES: dict[Status | Decision, Tone] = {
    "harmed": Tone.BAD,
    "undetermined": Tone.OPEN,
    "safe": Tone.PLAIN,
    "scanned": Tone.PLAIN,
    "REDUCED": Tone.GOOD,
    "NOT SHOWN": Tone.OPEN,
    "UNDERPOWERED": Tone.OPEN,
    "HARM": Tone.BAD,
}


@dataclass(frozen=True)
class VerdictSummary:
    """All that a rendering of one verdict says; "", and tables without rows, where it is silent."""

    arm: str  # and against what, where that was named
    decision: str  # REDUCED, NOT SHOWN, UNDERPOWERED or HARM
    word: str  # the decision with what limits it, as in "REDUCED, collateral undetermined"
    warnings: tuple[str, ...]  # probable mistakes in the readings; they stand before everything
    exploratory: str  # why it is not confirmed: the sentence that must come first
    reason: str
    settled: str  # the planned look at which it was judged, and what that saved
    targets: Table  # change of each target cell
    behind: Table  # the images behind each, and its standing among all cells
    broken: str  # numbers of harmed, undetermined and safe items, and the accuracies
    items: Table  # the harmed and the undetermined, the worst first
    rest: str  # the numbers of those that are not in that table, as in "and 96 safe"
    n_safe: int
    safe: Table  # the safe items, where all are asked for
    slices: Table  # the number of items of each slice
    facts: tuple[tuple[str, str], ...]  # the question, and on what the answer rests
    caveats: tuple[str, ...]  # sentences on the limits of the numbers


def summary_of(verdict: Verdict, top: int | None = None) -> VerdictSummary:
    """Return the words and rows of a verdict, with the `top` items that are not safe, or all."""
    worst = worst_first((item for item in verdict.collateral if item.status in _STATUSES[:2]), top)
    rest = (item for item in verdict.collateral if item.status not in _STATUSES[:2])
    safe = list(rest) if top is None else []
    n_more = verdict.n_harmed + verdict.n_undetermined - sum(item.covers for item in worst)
    more = f"and {n_more:,} more that are not safe, " if n_more else ""
    why = wording.one_line(f"Exploratory: {verdict.exploratory_why}.")
    return VerdictSummary(
        arm=wording.one_line(" against ".join(filter(None, (verdict.arm, verdict.against)))),
        decision=verdict.verdict,
        word=verdict_word(verdict),
        warnings=tuple(wording.one_line(f"WARNING: {text}") for text in verdict.warnings),
        exploratory=why if verdict.exploratory else "",
        reason=wording.one_line(verdict.reason),
        settled=_settled(verdict.settled, verdict.alpha) if verdict.settled else "",
        targets=target_table(verdict.cells, verdict.alpha),
        behind=cell_table(verdict),
        broken="; ".join((status_counts(verdict), *_accuracies(verdict.collateral))),
        items=item_table(worst),
        rest=f"{more}and {verdict.n_safe:,} safe",
        n_safe=verdict.n_safe,
        safe=item_table(worst_first(safe)),
        slices=_slices(verdict.collateral),
        facts=_facts(verdict),
        caveats=_caveats(verdict),
    )


def status(kind: Status | Decision, text: str = "") -> str:
    """Return a cell with the tone of a status or a decision; by default that is its text too."""
    return Toned(text or kind, _TONES[kind])


def verdict_word(verdict: Verdict) -> str:
    """Return the verdict with its qualifier, as in "REDUCED, collateral undetermined"."""
    return ", ".join(filter(None, (verdict.verdict, verdict.qualifier)))


def status_counts(verdict: Verdict) -> str:
    """Return the number of items of each status, as in "1 harmed, 2 undetermined, 96 safe"."""
    return (
        f"{verdict.n_harmed:,} harmed, {verdict.n_undetermined:,} undetermined, "
        f"{verdict.n_safe:,} safe"
    )


def _accuracies(items: Iterable[Item]) -> list[str]:
    """Return the accuracy before and after in words; none where the verdict has no such item."""
    return [
        f"accuracy {wording.percent(item.before)} → {wording.percent(item.after)}"
        for item in items
        if item.kind == "accuracy" and not item.slice_name
    ]


def worst_first(items: Iterable[Item], top: int | None = None) -> list[Item]:
    """Return items, or the first `top`: the harmed, then the undetermined; each the worst first."""
    return sorted(items, key=_badness) if top is None else heapq.nsmallest(top, items, key=_badness)


def _badness(item: Item) -> tuple[int, float, str]:
    end = item.effect.low if item.status == "harmed" else item.effect.high
    return _STATUSES.index(item.status), item.margin - end, item.name


def item_table(items: Iterable[Item]) -> Table:
    """Return a row per item; the interval of its growth and its margin in percentage points."""
    rows = tuple(
        (
            wording.one_line(item.name),
            status(item.status),
            f"{wording.percent(item.before)} → {wording.percent(item.after)}",
            wording.interval(item.effect, 100, decimals=2),
            wording.number(100 * item.margin),
            wording.p_number(item.q_value),
        )
        for item in items
    )
    heads = ("Item", "Status", "Before → after", "Worse by", "Margin", "q")
    return Table("Growth of error rates, in percentage points", heads, rows)


def _slices(items: Sequence[Item]) -> Table:
    counts: dict[str, Counter[Status]] = {}
    for item in items:
        if item.kind == "slice":
            counts.setdefault(item.slice_name, Counter())[item.status] += item.covers
    rows = tuple(
        (wording.one_line(name), *(f"{of_slice[kind]:,}" for kind in _STATUSES))
        for name, of_slice in counts.items()
    )
    heads = ("Slice", *(kind.capitalize() for kind in _STATUSES))
    return Table("Items of each slice", heads, rows)


def _facts(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    margins = (f"{kind} {wording.number(100 * margin)}" for kind, margin in verdict.margins)
    alpha = verdict.settled.alpha if verdict.settled else verdict.alpha
    asked = (
        f"a reduction by {wording.number(100 * verdict.reduction, decimals=0)}%, α = {alpha:g}; "
        f"margins in points: {', '.join(margins)}"
    )
    seen = f"{_design(verdict)}, {wording.count(verdict.n_images, 'image')}"
    if verdict.n_groups is not None:
        groups = wording.count(verdict.n_groups, "group")
        seen += f" in {groups}; intervals hold over seeds, groups and images"
    ledger = verdict.ledger
    for_good = (
        f"{wording.count(len(ledger.broken), 'image')} broken, {len(ledger.mended):,} mended (in "
        "at least 80% of the seeds)"
    )
    limits = tuple(
        ("What limits it", _limits(cell, cell.limits)) for cell in verdict.cells if cell.limits
    )
    settling = (("To settle", wording.one_line(text)) for text in [settling_of(verdict)] if text)
    return (("Asked", asked), ("Seen", seen), *limits, ("For good", for_good), *settling)


def _limits(cell: CellResult, limits: Limits) -> str:
    """Return the split of a variance, what would be left of it, and the ceiling, in words."""
    se, seeds, images = (
        wording.number(share * cell.n_images, decimals=1)
        for share in (limits.se, limits.se_endless_seeds, limits.se_endless_images)
    )
    said = (
        f"{limits.images:.0%} of the variance is images, {limits.seeds:.0%} seeds, "
        f"{limits.rest:.0%} the rest; of a standard error of {se} endless seeds would leave "
        f"{seeds}, endless images {images}"
    )
    if cell.atlas_before.best_reduction is not None:
        said += f"; the labels allow −{cell.atlas_before.best_reduction:.0%} at most"
    if limits.steadying is not None and limits.steadying > 0:
        said += f", and a majority of the seeds alone brings −{limits.steadying:.0%}"
    return said


_WHY = {
    "": "from where it goes on",
    "harm": "by harm",
    "reduced": "by a reduction, with nothing open that more seeds would settle",
    "futile": "and given up",
    "last look": "at the last look",
}


def _settled(settled: Settled, level: float) -> str:
    """Return at which look an arm was settled, what was spent, and what it saved."""
    looks = settled.looks
    return (
        f"Settled at look {settled.look} of {len(looks)}, after {looks[settled.look - 1]} of at "
        f"most {looks[-1]} seeds, {_WHY[settled.why]}; the target is tested there at {level:.2g} "
        f"({settled.spent:.2g} of α = {settled.alpha:g} spent so far), everything else at "
        f"{settled.items_alpha:.2g}; {wording.count(settled.saved, 'run')} of this arm saved."
    )


def _design(verdict: Verdict) -> str:
    if verdict.design == "one seed each":
        return "one seed each"
    if verdict.design == "paired seeds":
        return wording.count(verdict.n_seeds, "paired seed")
    before = wording.count(verdict.n_seeds_before, "seed")
    return f"{before} before and {verdict.n_seeds_after:,} after, unpaired"


def _caveats(verdict: Verdict) -> tuple[str, ...]:
    notes: dict[str, list[str]] = {}
    for cell in verdict.cells:
        for sentence in filter(None, re.split(r"(?<=\.)\s+", cell.effect.note)):
            if sentence.rpartition(": ")[2].removesuffix(".") in verdict.reason:
                continue
            notes.setdefault(sentence, []).append(cell.name)
    everywhere = len(verdict.cells)
    return tuple(
        wording.one_line(note if len(names) == everywhere else f"{wording.listed(names)}: {note}")
        for note, names in notes.items()
    )
