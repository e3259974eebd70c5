"""One typed verdict from predictions: whether the fix worked, and what it broke.

The rules: HARM when a target cell grew or any collateral
item is harmed; REDUCED when every target cell shrank at the corrected level; UNDERPOWERED when
that was not shown and could not have been; NOT SHOWN when it could.
"""

import operator
from collections.abc import Sequence
from typing import Literal

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from misread.errors import JudgeError
from misread.judge.collateral import (
    Cell,
    Item,
    Margins,
    Readings,
    SliceReadings,
    answer,
    check_classes,
    check_readings,
    questions,
)
from misread.judge.inputs import flags, fraction, names_of
from misread.judge.reason import reason_for
from misread.judge.targets import CellResult, measure_cells

Decision = Literal["REDUCED", "NOT SHOWN", "UNDERPOWERED", "HARM"]


class Verdict(BaseModel):
    """The evidence on one treated arm against the baseline.

    Attributes
    ----------
    verdict : {"REDUCED", "NOT SHOWN", "UNDERPOWERED", "HARM"}
        The decision.
    qualifier : str
        What limits it: "collateral undetermined", "these two models only", both, or "".
    reason : str
        One sentence with the numbers that decided.
    arm : str
        Name of the treated arm.
    n_seeds, n_images : int
        Paired seeds; images of the whole evaluation set.
    seeds : tuple of int or None
        The seeds, where known.
    cells : tuple of CellResult
        The target cells in the order given.
    collateral : tuple of Item
        Accuracy, recalls, all other cells, all slice items; none is dropped.
    n_safe, n_harmed, n_undetermined : int
        How many items have each status.
    alpha, reduction, margins : float, float, Margins
        What was asked: the level, the relative reduction, and the allowed damage.
    exploratory, exploratory_why : bool, str
        Whether the result cannot count as confirmed, and why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Decision
    qualifier: str
    reason: str
    arm: str
    n_seeds: int
    n_images: int
    seeds: tuple[int, ...] | None
    cells: tuple[CellResult, ...]
    collateral: tuple[Item, ...]
    n_safe: int
    n_harmed: int
    n_undetermined: int
    alpha: float
    reduction: float
    margins: Margins
    exploratory: bool
    exploratory_why: str


def judge(
    labels_N: npt.ArrayLike,
    before_SN: npt.ArrayLike,
    after_SN: npt.ArrayLike,
    *,
    cells: Sequence[Cell],
    n_classes: int | None = None,
    class_names: Sequence[str] | None = None,
    margins: Margins = Margins(),  # noqa: B008 — frozen
    alpha: float = 0.05,
    reduction: float = 0.3,
    slices: Sequence[SliceReadings] = (),
    disputed_N: npt.ArrayLike | None = None,
    arm: str = "after",
    seeds: Sequence[int] | None = None,
    exploratory: str = "",
) -> Verdict:
    """Judge one fix: the target cells, everything else, and one decision.

    Parameters
    ----------
    labels_N : array_like of int, shape [N]
        True classes, 0 to K − 1.
    before_SN, after_SN : array_like of int, shape [S, N]
        Predicted classes of the baseline and of the treated arm; row s of both is the same seed.
    cells : sequence of (true, predicted)
        The confusions that the fix was to reduce, chosen on other data.
    n_classes : int, optional
        K; by default one more than the largest class seen.
    class_names : sequence of str, optional
        One per class; by default the class numbers.
    margins : Margins
        How much worse each collateral item may get.
    alpha : float
        Level of tests and intervals; Holm (1979) corrects the target cells.
    reduction : float
        The relative reduction asked about, 0 to 1, for power.
    slices : sequence of SliceReadings
        Named views with their own images, read by the same S models of each arm.
    disputed_N : array_like of bool, shape [N], optional
        Images whose label is disputed; target cells are reported with and without them.
    arm : str
        Name of the treated arm.
    seeds : sequence of int, optional
        The S seeds, for the record.
    exploratory : str
        Why the result cannot count as confirmed; "" when it can.

    Returns
    -------
    Verdict
        All of the evidence, frozen.

    Raises
    ------
    JudgeError
        If shapes do not fit, seeds cannot be paired, a value is not a class, a target class does
        not occur, or an option is out of range.

    Notes
    -----
    Effects are two-way over seeds and images (Clark 1973; Cameron, Gelbach & Miller 2011), see
    `misread.judge.inference.two_way`. Collateral statuses are not corrected for their number: an
    item needs its whole interval beyond a margin to be harmed, and more items can only make the
    verdict stricter.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat([0, 1], 4000)
    >>> before = np.tile(labels, (5, 1))
    >>> before[:, :400] = 1
    >>> judge(labels, before, np.tile(labels, (5, 1)), cells=[(0, 1)]).verdict
    'REDUCED'
    """
    readings = check_readings("", labels_N, before_SN, after_SN)
    parts = [
        (
            view.name,
            check_readings(f"slice “{view.name}”: ", view.labels_M, view.before_SM, view.after_SM),
        )
        for view in slices
    ]
    fraction("alpha", alpha)
    fraction("reduction", reduction)
    targets = _whole_cells(cells)
    if n_classes is None:
        largest = max(part.largest_class() for part in (readings, *(p for _, p in parts)))
        n_classes = max(largest, 1) + 1
    check_classes("", readings, n_classes)
    n_seeds, n_images = readings.before_SN.shape
    for name, part in parts:
        check_classes(f"slice “{name}”: ", part, n_classes)
        _same_seeds(f"slice “{name}”", part.before_SN.shape[0], n_seeds)
    if seeds is not None:
        _same_seeds("seeds", len(seeds), n_seeds)
        if len(set(seeds)) < n_seeds:
            msg = (
                f"seeds {list(seeds)} hold one twice; each must be a training of its own: drop it."
            )
            raise JudgeError(msg)
    names = names_of(class_names, n_classes)
    _check_cells(targets, readings, n_classes)
    results = measure_cells(
        readings,
        targets,
        names,
        alpha=alpha,
        reduction=reduction,
        disputed_N=None if disputed_N is None else flags("disputed", disputed_N, n_images),
    )
    asked = questions(readings, parts, targets, n_classes)
    items = [answer(question, names, margins, alpha) for question in asked]
    statuses = [item.status for item in items]
    decision = _decide(results, statuses, alpha)
    qualifiers = []
    if decision == "REDUCED" and "undetermined" in statuses:
        qualifiers.append("collateral undetermined")
    if n_seeds == 1:
        qualifiers.append("these two models only")
    return Verdict(
        verdict=decision,
        qualifier=", ".join(qualifiers),
        reason=reason_for(
            decision, results, items, alpha=alpha, reduction=reduction, n_seeds=n_seeds
        ),
        arm=arm,
        n_seeds=n_seeds,
        n_images=n_images,
        seeds=None if seeds is None else tuple(seeds),
        cells=tuple(results),
        collateral=tuple(items),
        n_safe=statuses.count("safe"),
        n_harmed=statuses.count("harmed"),
        n_undetermined=statuses.count("undetermined"),
        alpha=alpha,
        reduction=reduction,
        margins=margins,
        exploratory=bool(exploratory),
        exploratory_why=exploratory,
    )


def _decide(cells: Sequence[CellResult], statuses: Sequence[str], alpha: float) -> Decision:
    if "harmed" in statuses or any(cell.grew(alpha) for cell in cells):
        return "HARM"
    left = [cell for cell in cells if not cell.shrank(alpha)]
    if not left:
        return "REDUCED"
    return "UNDERPOWERED" if any(cell.hopeless(alpha) for cell in left) else "NOT SHOWN"


def _whole_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells as pairs of whole numbers, each once."""
    try:
        pairs = [(operator.index(true), operator.index(predicted)) for true, predicted in cells]
    except (TypeError, ValueError) as error:
        msg = f"cells {cells!r}; allowed are pairs of class numbers: give for example [(4, 9)]."
        raise JudgeError(msg) from error
    if not pairs:
        msg = "no cell was given; the judge needs at least one: give for example [(4, 9)]."
        raise JudgeError(msg)
    if len(set(pairs)) < len(pairs):
        msg = f"cells {pairs} name one confusion twice; name each once."
        raise JudgeError(msg)
    return pairs


def _check_cells(cells: Sequence[Cell], readings: Readings, n_classes: int) -> None:
    for true, predicted in cells:
        told = f"cell {true}→{predicted}"
        if true == predicted or not (0 <= true < n_classes and 0 <= predicted < n_classes):
            msg = (
                f"{told}; allowed are two different classes from 0 to {n_classes - 1}: correct it."
            )
            raise JudgeError(msg)
        if not (readings.labels_N == true).any():
            msg = f"{told}, and no image has the true class {true}; choose a class that occurs."
            raise JudgeError(msg)


def _same_seeds(what: str, n_given: int, n_seeds: int) -> None:
    if n_given != n_seeds:
        msg = (
            f"{what}: {n_given} seeds, and the main readings have {n_seeds}; the same models must "
            "read both, so give the same number."
        )
        raise JudgeError(msg)
