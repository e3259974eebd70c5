"""One thing that must not get worse: what it is, its margin, its status."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field

from misread import wording
from misread.files import Frozen
from misread.judge.effects import Effect, Status

Kind = Literal["accuracy", "recall", "cell", "slice"]
MOST_ALIKE = 1000  # items of one kind, slice and status; what changed less shares one
_PLURAL = {"accuracy": "accuracies", "recall": "recalls", "cell": "cells", "slice": "rates"}


class Gate(StrEnum):
    """Items that must be safe for plain REDUCED.

    Plans made before pooled evidence ask it of everything, by the two-sided interval alone.
    """

    MEANT = "meant"
    EVERYTHING = "everything"


class Margins(Frozen):
    """Growth that each kind of item may have at most; fractions, 0 to 1, set before looking.

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


class Settling(Frozen):
    """Seeds or images that would settle an open item, if its estimate stayed as it is.

    Attributes
    ----------
    becomes : {"safe", "harmed"}
        What it would be: by the side of the margin that the estimate lies on.
    seeds, images : int or None
        How many in all would do while the other stays; None where no such number would, up to 200
        seeds and 100 times the images.
    """

    becomes: Literal["safe", "harmed"]
    seeds: int | None
    images: int | None

    @property
    def words(self) -> str:
        """The same in words, as in "safe with about 14 seeds or about 2,400 images"."""
        ways = [wording.about(self.seeds, "seed")] if self.seeds else []
        ways += [wording.about(self.images, "image")] if self.images else []
        return f"{self.becomes} with {' or '.join(ways) or 'more seeds and images together'}"


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
        How many things the item stands for: more than `MOST_LISTED` cells of a class that neither
        arm ever reads share one, and so do those of more than `MOST_ALIKE` alike, see `fold`.
    before, after : float
        Rates, 0 to 1: right for accuracy and recall, wrong for cells and slices.
    before_images, after_images : float
        The same times the images that all seeds have read (some, where there are none): images per
        seed.
    effect : Effect
        Growth of the error rate; positive is worse for every kind.
    q_value : float
        The p-value after Benjamini & Hochberg (1995) over all items of the kind; for cells, over
        all K(K−1), the targets among them.
    margin, status : float, str
        The growth that is allowed, and ``safe`` (`upper` lies below it), ``harmed`` (the whole
        interval lies above it, and the q-value holds), or ``undetermined``; ``scanned`` where it
        need not be safe, and is not harmed.
    upper : float or None
        The growth is smaller than this, at level alpha; None in older records.
    settling : Settling or None
        What would settle it, where it is undetermined; None in older records.
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
    upper: float | None = None
    settling: Settling | None = None


def fold(items: Sequence[Item]) -> tuple[Item, ...]:
    """Return items; of more than `MOST_ALIKE` of one kind, slice and status the rest share one.

    Those with the smallest p stay. The others have the item of that which may have grown most, so
    that its bound holds for each, with their number. Nothing that is harmed is folded.
    """
    alike: dict[tuple[str, str, str], list[int]] = {}
    for place, item in enumerate(items):
        if item.status != "harmed":
            alike.setdefault((item.kind, item.slice_name, item.status), []).append(place)
    shared: dict[int, Item | None] = {}
    for places in alike.values():
        if len(places) > MOST_ALIKE:
            places.sort(key=lambda place: items[place].effect.p_value)
            rest = sorted(places[MOST_ALIKE:])
            shared |= dict.fromkeys(rest)
            shared[rest[-1]] = _one_for([items[place] for place in rest])
    left = (shared.get(place, item) for place, item in enumerate(items))
    return tuple(item for item in left if item is not None)


def _one_for(items: Sequence[Item]) -> Item:
    """Return that of these items which may have grown most, with their number."""
    worst = max(items, key=lambda item: item.upper or 0.0)
    n_all = sum(item.covers for item in items)
    name = f"any of {n_all:,} other {_PLURAL[worst.kind]}"
    if worst.slice_name:
        name = f"{worst.slice_name} · {name}"
    return replace(worst, name=name, true=None, predicted=None, covers=n_all)
