"""The search for the confusion on *select*, and what is left of it on *confirm*.

References
----------
Clopper & Pearson (1934), The use of confidence or fiducial limits, *Biometrika* 26.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy
from pydantic import ConfigDict, Field

from misread.data.dataset import Dataset
from misread.errors import StudyError
from misread.files import Frozen, Record
from misread.judge import Pilot, pilot_from_counts, two_way
from misread.judge.checks import BoolArray
from misread.judge.confusion import CellRank, class_metrics, confusion_counts, rank_cells
from misread.learn.views import Part, View
from misread.store import RunFolder
from misread.study.plan import TargetFrom
from misread.study.questions import Cell
from misread.study.study import Study
from misread.wording import percent


class ErrorImage(Record):
    """An image behind a cell: id in the training set, seed, and what the model thought."""

    id: int
    seed: int
    prob_label: float
    prob_reading: float


class ErrorCell(CellRank):
    """A row of `errors.json`."""

    model_config = ConfigDict(extra="allow")
    images: tuple[ErrorImage, ...]


class Errors(Record):
    """`errors.json`, as `errors_on_select` returns it."""

    study: str
    smoke: bool
    seeds: tuple[int, ...]
    n_images_per_seed: tuple[int, ...]
    accuracy: tuple[float, ...]
    cells: tuple[ErrorCell, ...] = Field(min_length=1)


def errors_on_select(
    study: Study,
    n_classes: int,
    folders: Sequence[RunFolder],
    explores_N: BoolArray | None = None,
) -> dict[str, Any]:
    """Return what the baseline models, one run per seed, misread on *select*, for `errors.json`.

    Accuracy per seed; `cells`, every directed cell in rank order as `CellRank`, each with the
    `images` behind it: id in the training set, seed, probability of the label and of the reading.
    With `explores_N` only those images of the training set are looked at.
    """
    counts, accuracies = [], []
    images: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for folder in folders:
        read = folder.select()
        kept: Any = slice(None) if explores_N is None else explores_N[read["ids"]]
        ids_M, labels_M = read["ids"][kept], read["labels"][kept].astype(int)
        predictions_M, probs_MK = read["predictions"][0, kept].astype(int), read["probs"][0, kept]
        counts.append(confusion_counts(labels_M, predictions_M, n_classes))
        accuracies.append(class_metrics(counts[-1]).accuracy)
        for place in np.flatnonzero(labels_M != predictions_M):
            cell = (int(labels_M[place]), int(predictions_M[place]))
            images.setdefault(cell, []).append(
                {
                    "id": int(ids_M[place]),
                    "seed": folder.seed,
                    "prob_label": round(float(probs_MK[place, cell[0]]), 4),
                    "prob_reading": round(float(probs_MK[place, cell[1]]), 4),
                }
            )
    cells = [
        cell.model_dump(mode="json") | {"images": images.get((cell.true, cell.predicted), [])}
        for cell in rank_cells(np.stack(counts))
    ]
    return {
        "study": study.name,
        "smoke": study.smoke,
        "part": "select",
        "seeds": [folder.seed for folder in folders],
        "n_images_per_seed": [int(count_KK.sum()) for count_KK in counts],
        "accuracy": accuracies,
        "cells": cells,
    }


class Target(NamedTuple):
    """A cell to reduce, where it comes from, and its row in `errors.json`."""

    cell: Cell
    source: TargetFrom
    on_select: dict[str, Any]


def target_of(study: Study, errors: dict[str, Any]) -> Target:
    """Return the target: that of the study's file, or the top cell on *select*.

    StudyError if the file names classes that the dataset does not have.
    """
    cells = {(cell["true"], cell["predicted"]): cell for cell in errors["cells"]}
    if study.target is None:
        cell, row = next(iter(cells.items()))
        return Target(cell, TargetFrom.SELECT, row)
    if study.target not in cells:
        msg = (
            f"the target {study.target[0]}:{study.target[1]} is no cell of {study.dataset!r}, "
            f"whose classes are 0 to {max(true for true, _ in cells)}; name another one."
        )
        raise StudyError(msg)
    return Target(study.target, TargetFrom.FILE, cells[study.target])


def cell_on_confirm(study: Study, cell: Cell, confirm: Dataset) -> tuple[str, int]:
    """Return the name of a cell and how many images of its true class *confirm* has.

    Only the labels are looked at. StudyError if the dataset has no such classes.
    """
    if max(cell) >= confirm.n_classes:
        msg = (
            f"the cell {cell[0]}:{cell[1]} is none of {study.dataset!r}, whose classes are 0 to "
            f"{confirm.n_classes - 1}; name another one."
        )
        raise StudyError(msg)
    name = "→".join(confirm.class_names[k] for k in cell)
    return name, int((confirm.labels_N == cell[0]).sum())


def pilot_on_select(errors: dict[str, Any], cell: Cell) -> Pilot:
    """Return what `errors.json` says of a cell; JudgeError if it holds no such error."""
    known = [c for c in errors["cells"] if (c["true"], c["predicted"]) == cell and c["rate"]]
    n_errors = round(known[0]["mean"] * known[0]["n_seeds"]) if known else 0
    n_readings = round(n_errors / known[0]["rate"]) if known else sum(errors["n_images_per_seed"])
    source = "the baseline's errors on select" + (" in a smoke run" if errors["smoke"] else "")
    return pilot_from_counts(n_errors, n_readings, len(errors["seeds"]), source)


def preview_views(study: Study, cell: Cell) -> tuple[View, ...]:
    """Return the target classes under every operation and size of every dose, size 1 included.

    The slices that the study's file names are among them.
    """
    policies = list(study.policy.resolve(cell).values()) if study.policy else []
    sizes = range(1, 1 + max((policy.size_px[1] for policy in policies), default=0))
    names = {name for policy in policies for name in policy.operation_names}
    pairs = {(name, size) for name in names for size in sizes} | set(study.slices)
    return tuple(
        View(operation=name, size_px=size, label=label, part=Part.SELECT)
        for name, size in sorted(pairs)
        for label in cell
    )


class Rate(Frozen):
    """A rate of errors with its interval; shares of the class's images, 0 to 1."""

    rate: float
    low: float
    high: float


class Shrinkage(Frozen):
    """Rates of a confusion where it was looked for and where it is confirmed."""

    cell: str  # as in "4→9"
    select: Rate
    confirm: Rate
    shrinkage: float | None  # confirm over select, less 1; None where the rate on select is 0
    overlap: bool  # of the intervals
    chosen: bool  # whether the cell was taken because it led on *select*

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        rates = f"{percent(self.select.rate)} on select and {percent(self.confirm.rate)} on confirm"
        sentence = f"{self.cell} came out at {rates}"
        if self.shrinkage is not None:
            sentence += f" (shrinkage {f'{self.shrinkage:+.0%}'.replace('-', '−')})"
        sentence += (
            "; the intervals overlap, so chance alone can make the difference."
            if self.overlap
            else "; the intervals do not overlap."
        )
        if self.chosen:
            return (
                f"{sentence} It was taken because it led on select, and what leads has had luck on "
                "its side: some shrinkage is to be expected. The test images are also another draw."
            )
        return (
            f"{sentence} It was not chosen by these numbers but named in the study file. The test "
            "images are another draw than the training images."
        )


def shrinkage(
    *,
    words: str,
    errors_S: Sequence[int],
    images_S: Sequence[int],
    confirm_SN: npt.NDArray[np.bool_],
    chosen: bool,
    alpha: float = 0.05,
) -> Shrinkage:
    """Compare a confusion's rate on *select* with that on *confirm*.

    `errors_S` and `images_S` are the errors and images of the true class that each seed read on
    *select*, other images in every seed (up to ten seeds; more read some tenths again, and the
    interval is then too short). `confirm_SN` says whether each seed makes the error on each
    *confirm* image of the class, `chosen` whether the cell was taken because it led on *select*.

    The intervals cover 1 − alpha: on *select* the outer ends of a t interval over seeds and of
    Clopper & Pearson (1934) over images, because seeds may happen to agree; on *confirm* `two_way`.
    Neither goes below 0.
    """
    rates_S = np.asarray(errors_S) / np.asarray(images_S)
    n_errors, n_images = sum(errors_S), sum(images_S)
    rate = n_errors / n_images
    beta, t = scipy.stats.beta, scipy.stats.t
    low = beta.ppf(alpha / 2, n_errors, n_images - n_errors + 1) if n_errors else 0.0
    high = beta.ppf(1 - alpha / 2, n_errors + 1, max(n_images - n_errors, 0.5))
    if len(rates_S) > 1:
        error = rates_S.std(ddof=1) / np.sqrt(len(rates_S))
        half = t.ppf(1 - alpha / 2, len(rates_S) - 1) * error
        low, high = min(low, rate - half), max(high, rate + half)
    select = Rate(rate=rate, low=max(float(low), 0.0), high=min(float(high), 1.0))
    effect = two_way(confirm_SN.astype(np.int64), alpha)
    confirm = Rate(rate=effect.estimate, low=max(effect.low, 0.0), high=effect.high)
    return Shrinkage(
        cell=words,
        select=select,
        confirm=confirm,
        shrinkage=confirm.rate / rate - 1 if rate else None,
        overlap=select.low <= confirm.high and confirm.low <= select.high,
        chosen=chosen,
    )
