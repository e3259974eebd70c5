"""Everything else that a fix changed: accuracy, recalls, other cells, slices, against a margin.

"Not significant" is not "no damage". Each item has an effect oriented so that positive is worse.

*Safe* is asked for where it is meant: of accuracy, of every recall, of the reverse of each target,
of the targets and their reverses in every slice, and of all other cells together, as one item whose
growth is that of the cell that may have grown most. The verdict needs every one of these to be
safe, so none is corrected for the others (an intersection–union test, Berger 1982, *Technometrics*
24), and as one-sided claims they use the upper end of the 1 − 2·alpha interval (Schuirmann 1987,
*J. Pharmacokinetics and Biopharmaceutics* 15), never below the zero-event bound over the estimate:
more events must not be safer than none.

*Harmed* is asked of everything that is measured: the lower end of the 1 − alpha interval lies above
the margin, and, for one of many will look so by chance, the q-value of Benjamini & Hochberg (1995)
over the items of its kind is at most alpha.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import NamedTuple

import numpy as np

from misread.judge.classes import Cell
from misread.judge.counts import Counts, count_by_cell
from misread.judge.effects import Effect, benjamini_hochberg, effects, noninferiority
from misread.judge.items import Gate, Item, Kind, Margins
from misread.judge.measure import measure, rates_of, upper_of
from misread.judge.pair import Pair
from misread.judge.safety import Known, known_of, settle, settle_together

OTHERS = "all other cells"  # as one item
MOST_LISTED = 20  # cells of one class that neither arm ever reads; more share one item


class Question(NamedTuple):
    """One thing to measure: an error rate (no `predicted`) or the rate of one confusion."""

    kind: Kind
    true: int | None = None
    predicted: int | None = None
    slice_name: str = ""
    covers: int = 1

    def must_be_safe(self, both_ways: Collection[Cell]) -> bool:
        """Say whether it must be safe, given the targets and their reverses."""
        if self.kind == "slice":
            return self.predicted is not None
        return self.kind != "cell" or (self.true, self.predicted) in both_ways

    def name(self, names: Sequence[str]) -> str:
        """Return what reports call it; `names` has one name per class."""
        if self.true is None:
            return self.kind
        cell = names[self.true]
        if self.predicted is not None:
            cell += f"→{names[self.predicted]}"
        elif self.kind == "cell":
            cell += f"→ any of {self.covers} never read"
        prefix = {"recall": "recall of ", "slice": f"{self.slice_name} · "}
        return prefix.get(self.kind, "") + cell


class Answer(NamedTuple):
    """The effect, its upper end for *safe*, its images, and the error rates before and after."""

    question: Question
    effect: Effect
    upper: float
    n_images: int
    before: float
    after: float
    known: Callable[[], Known]  # what its interval is made of


class Scan(NamedTuple):
    """All items beside the targets, and each target's q-value among all K(K−1) cells."""

    items: list[Item]
    q_values: dict[Cell, float]


def measure_collateral(
    pair: Pair, cells: Sequence[Cell], *, margins: Margins, alpha: float, gate: Gate = Gate.MEANT
) -> Scan:
    """Measure accuracy, every recall, every other directed cell, and what each slice asks.

    The target `cells` are not collateral outside slices; a slice is asked for the error rate of
    every class in it, and for the rate of each target and of its reverse. `alpha` is of the
    intervals, and of the correction over the items of a kind; `gate` says which items must be safe.
    The items come in a fixed order: accuracy; class by class its recall, its cells (those that
    neither arm reads share one item where they are many); all other cells as one; then the slices.
    """
    both_ways = {*cells, *((j, i) for i, j in cells)}

    def items_of(answers: Sequence[Answer]) -> list[Item]:
        return [
            _item(
                answer,
                pair.class_names,
                margins,
                alpha,
                q_value,
                gate,
                must=gate == Gate.EVERYTHING or answer.question.must_be_safe(both_ways),
            )
            for answer, q_value in zip(answers, _q_values(answers), strict=True)
        ]

    of_class: dict[int | None, list[Item]] = {}
    q_values = {}
    recalls, scanned = _by_class(pair, "recall", "", alpha), _by_cell(pair, cells, alpha)
    for item in (*items_of(recalls), *items_of(scanned)):
        if item.kind == "cell" and (item.true, item.predicted) in cells:
            q_values[item.true, item.predicted] = item.q_value
        else:
            of_class.setdefault(item.true, []).append(item)
    sliced = [a for name, part in pair.slices.items() for a in _of_slice(name, part, cells, alpha)]
    listed = list(chain.from_iterable(of_class.values()))
    items = [
        *items_of(_answers([Question("accuracy")], pair.count_wrong(), alpha)),
        *(replace(i, settling=None) if i.status == "scanned" else i for i in listed),
        *_together([item for item in listed if item.status == "scanned"]),
        *items_of(sliced),
    ]
    return Scan(items, {cell: q_values[cell] for cell in cells})


def _answers(questions: Sequence[Question], counts: Counts, alpha: float) -> list[Answer]:
    """Return an answer for each question that images were read for; counts are in their order."""
    upper_C = upper_of(measure(counts, min(2 * alpha, 0.5)))
    every = cache(partial(known_of, counts, alpha))  # for what is open only
    columns = zip(
        questions,
        effects(counts, alpha),
        upper_C.tolist(),
        counts.n_images_C.tolist(),
        *(rate_C.tolist() for rate_C in rates_of(counts)),
        (partial(_one_of, every, place) for place in range(len(questions))),
        strict=True,
    )
    answers = (Answer(*row) for row in columns)
    return [answer for answer in answers if answer.n_images]


def _one_of(every: Callable[[], list[Known]], place: int) -> Known:
    return every()[place]


def _together(scanned: Sequence[Item]) -> list[Item]:
    """Return all cells that are not harmed as one item: that which may have grown most."""
    if not scanned:
        return []
    worst = max(scanned, key=lambda item: item.upper or 0.0)
    safe = (worst.upper or 0.0) < worst.margin
    return [
        replace(
            worst,
            name=OTHERS,
            true=None,
            predicted=None,
            covers=1,
            status="safe" if safe else "undetermined",
            settling=settle_together([item.settling for item in scanned if item.settling]),
        )
    ]


def _by_class(pair: Pair, kind: Kind, slice_name: str, alpha: float) -> list[Answer]:
    """Return the error rate of each class that occurs."""
    present, part_N = np.unique(pair.labels_N, return_inverse=True)
    questions = [Question(kind, true, None, slice_name) for true in present.tolist()]
    return _answers(questions, pair.count_wrong(part_N), alpha)


def _of_slice(name: str, part: Pair, cells: Sequence[Cell], alpha: float) -> Iterator[Answer]:
    """Yield class by class the error rate, and the target cells and their reverses."""
    both_ways = sorted({*cells, *((j, i) for i, j in cells)})
    for answer in _by_class(part, "slice", name, alpha):
        yield answer
        for i, j in both_ways:
            if i == answer.question.true:
                yield from _answers([Question("slice", i, j, name)], part.count_cell(i, j), alpha)


def _by_cell(pair: Pair, cells: Sequence[Cell], alpha: float) -> list[Answer]:
    """Return an answer for every directed cell of the classes that occur, in their order."""
    n_classes = len(pair.class_names)
    true_C, predicted_C, counts = count_by_cell(
        pair.labels_N,
        pair.before_SN,
        pair.after_TN,
        n_classes,
        paired=pair.paired,
        groups=pair.groups,
        held=pair.held,
    )
    read = list(zip(true_C.tolist(), predicted_C.tolist(), strict=True))
    answers = _answers([Question("cell", i, j) for i, j in read], counts, alpha)
    present, part_N = np.unique(pair.labels_N, return_inverse=True)
    none_SN, none_TN = np.zeros_like(pair.before_SN, bool), np.zeros_like(pair.after_TN, bool)
    nothing = pair.count(none_SN, none_TN, part_N)
    seen, n_read = set(read), Counter(i for i, _ in read)
    for answer in _answers([Question("cell", true) for true in present.tolist()], nothing, alpha):
        true = answer.question.true
        listed = [j for i, j in cells if i == true and (i, j) not in seen]
        n_others = n_classes - 1 - n_read[true] - len(listed)
        if n_others > MOST_LISTED:
            question = Question("cell", true, covers=n_others)
            answers.append(answer._replace(question=question))
        else:
            others = (j for j in range(n_classes) if j != true and (true, j) not in seen)
            listed += [j for j in others if j not in listed]
        answers += [answer._replace(question=Question("cell", true, j)) for j in listed]
    return sorted(answers, key=_place)


def _place(answer: Answer) -> tuple[float, float]:
    """Return the place of a cell: by class, then by predicted class, the shared item last."""
    _, true, predicted, *_ = answer.question
    return true or 0, math.inf if predicted is None else predicted


def _q_values(answers: Sequence[Answer]) -> list[float]:
    """Return the p-values of all items of a kind after Benjamini & Hochberg (1995)."""
    more = sum(answer.question.covers - 1 for answer in answers)
    return benjamini_hochberg([answer.effect.p_value for answer in answers], more)


def _item(
    answer: Answer,
    names: Sequence[str],
    margins: Margins,
    alpha: float,
    q_value: float,
    gate: Gate,
    *,
    must: bool,
) -> Item:
    """Return the item behind an answer, with its status."""
    question, effect, upper, n_images, before, after, known = answer
    margin: float = getattr(margins, question.kind)
    status = noninferiority(effect, margin)
    if gate == Gate.MEANT and status != "harmed":
        status = "safe" if upper < margin else "undetermined"
    if status == "harmed" and q_value > alpha:
        status = "undetermined"  # among so many items one such interval is to be expected
    settling = None
    if status == "undetermined":
        settling = settle(effect.estimate, effect.low, upper, margin, known(), alpha)
    if not must and status != "harmed":
        status = "scanned"
    effect = effect.within(before)
    if question.kind in {"accuracy", "recall"}:
        before, after = 1 - before, 1 - after
    return Item(
        kind=question.kind,
        name=question.name(names),
        slice_name=question.slice_name,
        true=question.true,
        predicted=question.predicted,
        covers=question.covers,
        before=before,
        after=after,
        before_images=before * n_images,
        after_images=after * n_images,
        effect=effect,
        q_value=q_value,
        margin=margin,
        status=status,
        upper=upper,
        settling=settling,
    )
