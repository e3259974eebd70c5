"""What else the fix changed: every accuracy, recall, other cell and slice, against a margin.

"Not significant" is not "no damage". Each item has an effect oriented so that positive is worse,
and a status from its interval against a margin set before (`noninferiority`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from misread.errors import JudgeError
from misread.judge.inference import Effect, Status, noninferiority, two_way
from misread.judge.inputs import BoolArray, IntArray, classes_within, same_images, whole_numbers

Kind = Literal["accuracy", "recall", "cell", "slice"]
Cell = tuple[int, int]


class Margins(BaseModel):
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

    model_config = ConfigDict(frozen=True, extra="forbid")

    accuracy: float = Field(default=0.001, ge=0, le=1)
    recall: float = Field(default=0.005, ge=0, le=1)
    cell: float = Field(default=0.005, ge=0, le=1)
    slice: float = Field(default=0.01, ge=0, le=1)


@dataclass(frozen=True)
class SliceReadings:
    """The same images of one slice as read by both arms.

    Attributes
    ----------
    name : str
        What was done to the images, for example ``erode 2 px``.
    labels_M : array_like of int, shape [M]
        True classes.
    before_SM, after_SM : array_like of int, shape [S, M]
        Predicted classes by seed, in the seed order of the main readings.
    """

    name: str
    labels_M: npt.ArrayLike
    before_SM: npt.ArrayLike
    after_SM: npt.ArrayLike


class Readings(NamedTuple):
    """Checked labels ``[N]`` and predictions ``[S, N]`` of both arms."""

    labels_N: IntArray
    before_SN: IntArray
    after_SN: IntArray

    def of_class(self, true: int) -> "Readings":
        """Return the readings of the images of one true class."""
        own_N = self.labels_N == true
        return Readings(self.labels_N[own_N], self.before_SN[:, own_N], self.after_SN[:, own_N])

    def largest_class(self) -> int:
        """Return the largest class number that occurs."""
        return int(max(self.labels_N.max(), self.before_SN.max(), self.after_SN.max()))


class Item(BaseModel):
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
    before, after : float
        Rates, 0 to 1: right for accuracy and recall, wrong for cells and slices.
    before_images, after_images : float
        The same in images per seed.
    effect : Effect
        Growth of the error rate; positive is worse for every kind.
    margin, status : float, str
        The growth that is allowed, and ``safe``, ``harmed`` or ``undetermined``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    name: str
    slice_name: str
    true: int | None
    predicted: int | None
    before: float
    after: float
    before_images: float
    after_images: float
    effect: Effect
    margin: float
    status: Status


def check_readings(
    where: str, labels_N: npt.ArrayLike, before_SN: npt.ArrayLike, after_SN: npt.ArrayLike
) -> Readings:
    """Return readings that fit together; `where` starts the names in messages.

    Raises
    ------
    JudgeError
        If shapes differ, seeds cannot be paired, or a value is not a class number.
    """
    readings = Readings(
        whole_numbers(f"{where}labels", labels_N, 1),
        whole_numbers(f"{where}predictions before", before_SN, 2),
        whole_numbers(f"{where}predictions after", after_SN, 2),
    )
    same_images(f"{where}predictions before", readings.labels_N, readings.before_SN)
    same_images(f"{where}predictions after", readings.labels_N, readings.after_SN)
    n_before, n_after = readings.before_SN.shape[0], readings.after_SN.shape[0]
    if n_before != n_after:
        msg = (
            f"{where}predictions before have {n_before} seeds and those after {n_after}; seeds are "
            "compared in pairs, so both need the same: drop the ones without a partner."
        )
        raise JudgeError(msg)
    return readings


def check_classes(where: str, readings: Readings, n_classes: int) -> None:
    """Refuse readings with a class outside ``0 … n_classes − 1``.

    Raises
    ------
    JudgeError
        If one lies outside.
    """
    classes_within(f"{where}labels", readings.labels_N, n_classes)
    classes_within(f"{where}predictions before", readings.before_SN, n_classes)
    classes_within(f"{where}predictions after", readings.after_SN, n_classes)


class Question(NamedTuple):
    """One thing to measure: an error rate (no `predicted`) or the rate of one confusion."""

    kind: Kind
    readings: Readings
    true: int | None = None
    predicted: int | None = None
    slice_name: str = ""

    def errors(self, preds_SN: IntArray) -> BoolArray:
        """Return which readings are the error in question, as ``[seeds, images]``."""
        wrong_SN: BoolArray = (
            preds_SN != self.readings.labels_N
            if self.predicted is None
            else preds_SN == self.predicted
        )
        return wrong_SN

    def name(self, names: Sequence[str]) -> str:
        """Return how reports call it; `names` has one name per class."""
        if self.true is None:
            return self.kind
        cell = names[self.true] + ("" if self.predicted is None else f"→{names[self.predicted]}")
        prefix = {"recall": "recall of ", "slice": f"{self.slice_name} · "}
        return prefix.get(self.kind, "") + cell


def questions(
    readings: Readings,
    slices: Sequence[tuple[str, Readings]],
    cells: Sequence[Cell],
    n_classes: int,
) -> Iterator[Question]:
    """Yield accuracy, every recall, every other directed cell, and what each slice asks.

    Parameters
    ----------
    readings : Readings
        The evaluation set.
    slices : sequence of (name, Readings)
        Each asks, for every class in it, for the error rate, and for the rate of each target
        cell and of its reverse.
    cells : sequence of (true, predicted)
        The targets, which are not collateral outside slices.
    n_classes : int
        K.

    Yields
    ------
    Question
        In a fixed order.
    """
    yield Question("accuracy", readings)
    for true in _present(readings):
        own = readings.of_class(true)
        yield Question("recall", own, true)
        for predicted in range(n_classes):
            if predicted != true and (true, predicted) not in cells:
                yield Question("cell", own, true, predicted)
    both_ways = sorted({*cells, *((j, i) for i, j in cells)})
    for slice_name, part in slices:
        for true in _present(part):
            own = part.of_class(true)
            yield Question("slice", own, true, None, slice_name)
            for i, j in both_ways:
                if i == true:
                    yield Question("slice", own, i, j, slice_name)


def answer(question: Question, names: Sequence[str], margins: Margins, alpha: float) -> Item:
    """Return the measured item.

    Parameters
    ----------
    question : Question
        What to measure.
    names : sequence of str
        One per class.
    margins : Margins
        What is allowed.
    alpha : float
        Level of the interval.

    Returns
    -------
    Item
        With its status.
    """
    before_SN = question.errors(question.readings.before_SN)
    after_SN = question.errors(question.readings.after_SN)
    effect = two_way(growth(before_SN, after_SN), alpha)
    if question.kind in {"accuracy", "recall"}:
        before_SN, after_SN = ~before_SN, ~after_SN
    margin: float = getattr(margins, question.kind)
    return Item(
        kind=question.kind,
        name=question.name(names),
        slice_name=question.slice_name,
        true=question.true,
        predicted=question.predicted,
        before=float(before_SN.mean()),
        after=float(after_SN.mean()),
        before_images=float(before_SN.sum(axis=1).mean()),
        after_images=float(after_SN.sum(axis=1).mean()),
        effect=effect,
        margin=margin,
        status=noninferiority(effect, margin),
    )


def growth(before_SN: BoolArray, after_SN: BoolArray) -> IntArray:
    """Return error after minus error before: −1, 0 or 1."""
    return after_SN.astype(np.int64) - before_SN.astype(np.int64)


def _present(readings: Readings) -> list[int]:
    """Return the classes that occur among the labels, ascending."""
    return sorted(set(readings.labels_N.tolist()))
