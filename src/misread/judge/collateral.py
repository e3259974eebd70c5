"""Everything else that a fix changed: accuracy, recalls, other cells, slices, against a margin.

"Not significant" is not "no damage". Each item has an effect oriented so that positive is worse,
and a status from its interval against a margin set before (`noninferiority`).

*Safe* is the interval alone: the verdict needs every item to be safe, and intervals that all hold
need no correction (an intersection–union test, Berger 1982, *Technometrics* 24). *Harmed* is the
interval and a correction: the verdict is HARM when any item is harmed, and one of many will look so
by chance, so the q-value of Benjamini & Hochberg (1995) over the items of its kind must hold too.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from pydantic import ConfigDict, Field

from misread.files import Frozen
from misread.judge.checks import IntArray
from misread.judge.classes import Cell
from misread.judge.counts import Counts, count_by_cell, count_by_part, count_nothing
from misread.judge.effects import Effect, Status, benjamini_hochberg, effects, noninferiority
from misread.judge.pair import Pair

Kind = Literal["accuracy", "recall", "cell", "slice"]

MOST_LISTED = 20  # cells of one class that neither arm ever reads; more share one item


class Margins(Frozen):
    """How much worse each kind of item may get; fractions, 0 to 1, set before looking.

    Attributes
    ----------
    accuracy : float
        Loss of overall accuracy, a share of all images.
    recall : float
        Loss of recall of one class, a share of its images.
    cell : float
        Growth of another directed confusion i→j, a share of class i's images.
    slice : float
        Growth of an error rate in a slice, a share of the class's images in the slice.
    """

    accuracy: float = Field(default=0.001, ge=0, le=1)
    recall: float = Field(default=0.005, ge=0, le=1)
    cell: float = Field(default=0.005, ge=0, le=1)
    slice: float = Field(default=0.01, ge=0, le=1)


MARGINS = Margins()


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that must not get worse.

    Attributes
    ----------
    kind : {"accuracy", "recall", "cell", "slice"}
        Which margin holds.
    name : str
        For example ``accuracy``, ``recall of 4``, ``5→6``, ``erode 2 px · 4``,
        ``erode 2 px · 4→9``.
    slice_name : str
        The slice, "" outside slices.
    true, predicted : int or None
        Class i, and class j where the item is one confusion i→j.
    covers : int
        How many cells the item stands for: more than `MOST_LISTED` cells of a class that neither
        arm ever reads share one.
    before, after : float
        Rates, 0 to 1: right for accuracy and recall, wrong for cells and slices.
    before_images, after_images : float
        The same in images per seed.
    effect : Effect
        Growth of the error rate; positive is worse for every kind.
    q_value : float
        The p-value after Benjamini & Hochberg (1995) over all items of the kind; for cells, over
        all K(K−1), the targets among them.
    margin, status : float, str
        The growth that is allowed, and ``safe`` (the whole interval lies below it), ``harmed`` (the
        whole interval lies above it, and the q-value holds), or ``undetermined``.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Kind
    name: str
    slice_name: str
    true: int | None
    predicted: int | None
    covers: int
    before: float
    after: float
    before_images: float
    after_images: float
    effect: Effect
    q_value: float
    margin: float
    status: Status


class Question(NamedTuple):
    """One thing to measure: an error rate (no `predicted`) or the rate of one confusion."""

    kind: Kind
    true: int | None = None
    predicted: int | None = None
    slice_name: str = ""
    covers: int = 1

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
    """The effect, the number of images behind it, and the mean errors per seed."""

    question: Question
    effect: Effect
    n_images: int
    before: float
    after: float


class Scan(NamedTuple):
    """All items beside the targets, and each target's q-value among all K(K−1) cells."""

    items: list[Item]
    q_values: dict[Cell, float]


def measure_collateral(
    pair: Pair, cells: Sequence[Cell], *, margins: Margins, alpha: float
) -> Scan:
    """Measure accuracy, every recall, every other directed cell, and what each slice asks.

    Parameters
    ----------
    pair : Pair
        The evaluation set. Each of its slices is asked for the error rate of every class in it,
        and for the rate of each target cell and of its reverse.
    cells : sequence of (true, predicted)
        The targets, which are not collateral outside slices.
    margins : Margins
        What is allowed.
    alpha : float
        Level of the intervals, and of the correction over the items of a kind.

    Returns
    -------
    Scan
        The items in a fixed order: accuracy; class by class its recall, its cells (those that
        neither arm reads share one item where they are many); then the slices.
    """
    everything = count_errors(pair, np.zeros(pair.labels_N.size, dtype=np.int64), 1)

    def items_of(answers: Sequence[Answer]) -> list[Item]:
        return [
            _item(answer, pair.class_names, margins, alpha, q_value)
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
    items = [
        *items_of(_answers([Question("accuracy")], everything, alpha)),
        *chain.from_iterable(of_class.values()),
        *items_of(sliced),
    ]
    return Scan(items, {cell: q_values[cell] for cell in cells})


def count_errors(pair: Pair, part_N: IntArray, n_parts: int) -> Counts:
    """Count readings that are wrong, per part of the images."""
    wrong = pair.before_SN != pair.labels_N, pair.after_TN != pair.labels_N
    return count_by_part(part_N, n_parts, *wrong, paired=pair.paired, groups=pair.groups)


def count_cell(pair: Pair, true: int, predicted: int) -> Counts:
    """Count one confusion i→j, also where it never occurs."""
    part = pair.of_class(true)
    hits = part.before_SN == predicted, part.after_TN == predicted
    part_N = np.zeros(part.labels_N.size, dtype=np.int64)
    return count_by_part(part_N, 1, *hits, paired=part.paired, groups=part.groups)


def _answers(questions: Sequence[Question], counts: Counts, alpha: float) -> list[Answer]:
    """Return an answer for each question, whose counts stand in the same order."""
    return [
        Answer(*row)
        for row in zip(
            questions,
            effects(counts, alpha),
            counts.n_images_C.tolist(),
            counts.before_CS.mean(axis=1).tolist(),
            counts.after_CT.mean(axis=1).tolist(),
            strict=True,
        )
    ]


def _by_class(pair: Pair, kind: Kind, slice_name: str, alpha: float) -> list[Answer]:
    """Return the error rate of each class that occurs."""
    present, part_N = np.unique(pair.labels_N, return_inverse=True)
    questions = [Question(kind, true, None, slice_name) for true in present.tolist()]
    return _answers(questions, count_errors(pair, part_N, present.size), alpha)


def _of_slice(name: str, part: Pair, cells: Sequence[Cell], alpha: float) -> Iterator[Answer]:
    """Yield class by class the error rate, and the target cells and their reverses."""
    both_ways = sorted({*cells, *((j, i) for i, j in cells)})
    for answer in _by_class(part, "slice", name, alpha):
        yield answer
        for i, j in both_ways:
            if i == answer.question.true:
                yield from _answers([Question("slice", i, j, name)], count_cell(part, i, j), alpha)


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
    )
    read = list(zip(true_C.tolist(), predicted_C.tolist(), strict=True))
    answers = _answers([Question("cell", i, j) for i, j in read], counts, alpha)
    present, part_N = np.unique(pair.labels_N, return_inverse=True)
    nothing = count_nothing(part_N, pair.n_seeds, paired=pair.paired, groups=pair.groups)
    seen = set(read)
    for answer in _answers([Question("cell", true) for true in present.tolist()], nothing, alpha):
        true = answer.question.true
        never = [j for j in range(n_classes) if j != true and (true, j) not in seen]
        listed = [j for j in never if (true, j) in cells]
        others = [j for j in never if (true, j) not in cells]
        if len(others) > MOST_LISTED:
            question = Question("cell", true, covers=len(others))
            answers.append(answer._replace(question=question))
        else:
            listed += others
        answers += [answer._replace(question=Question("cell", true, j)) for j in listed]
    answers.sort(key=_place)
    return answers


def _place(answer: Answer) -> tuple[float, float]:
    """Return the place of a cell: by class, then by predicted class, the shared item last."""
    question = answer.question
    return (
        math.inf if question.true is None else question.true,
        math.inf if question.predicted is None else question.predicted,
    )


def _q_values(answers: Sequence[Answer]) -> list[float]:
    """Return the p-values of all items of a kind after Benjamini & Hochberg (1995)."""
    more = sum(answer.question.covers - 1 for answer in answers)
    p_values = [answer.effect.p_value for answer in answers] + [1.0] * more
    return benjamini_hochberg(p_values)[: len(answers)]


def _item(
    answer: Answer, names: Sequence[str], margins: Margins, alpha: float, q_value: float
) -> Item:
    """Return the item behind an answer, with its status."""
    question, effect, n_images, before, after = answer
    if question.kind in {"accuracy", "recall"}:
        before, after = n_images - before, n_images - after
    margin: float = getattr(margins, question.kind)
    status = noninferiority(effect, margin)
    if status == "harmed" and q_value > alpha:
        status = "undetermined"  # among so many items one such interval is to be expected
    return Item(
        kind=question.kind,
        name=question.name(names),
        slice_name=question.slice_name,
        true=question.true,
        predicted=question.predicted,
        covers=question.covers,
        before=before / n_images,
        after=after / n_images,
        before_images=before,
        after_images=after,
        effect=effect,
        q_value=q_value,
        margin=margin,
        status=status,
    )
