"""One typed verdict from predictions: whether the fix worked, and what it broke.

The rules: HARM when a target cell grew or any collateral
item is harmed; REDUCED when every target cell shrank at the corrected level; UNDERPOWERED when
that was not shown and could not have been; NOT SHOWN when it could.
"""

import operator
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.atlas import Ledger, ledger
from misread.judge.checks import encode, flags, fraction, names_of, seed_names
from misread.judge.collateral import Item, Margins, measure_collateral
from misread.judge.groups import Grouped
from misread.judge.looks import Settled
from misread.judge.readings import (
    Cell,
    Readings,
    SliceReadings,
    check_classes,
    check_readings,
    pair_seeds,
)
from misread.judge.reason import reason_for
from misread.judge.targets import CellResult, measure_cells

Design = Literal["paired seeds", "unpaired seeds", "one seed each"]
Decision = Literal["REDUCED", "NOT SHOWN", "UNDERPOWERED", "HARM"]


class Verdict(Frozen):
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
    design : {"paired seeds", "unpaired seeds", "one seed each"}
        How the trainings of the two arms are compared.
    n_seeds, n_seeds_before, n_seeds_after : int
        Trainings of the arm with fewer, of the baseline, and of the treated arm.
    n_images : int
        Images of the whole evaluation set.
    seeds : tuple of int or str, or None
        The paired seeds, where known.
    class_names : tuple of str
        Names of the K classes.
    cells : tuple of CellResult
        The target cells in the order given.
    collateral : tuple of Item
        Accuracy, recalls, all other cells, all slice items; none is dropped.
    n_safe, n_harmed, n_undetermined : int
        How many have each status, an item counted as often as it `covers`.
    ledger : Ledger
        Images that the fix consistently broke and mended, by their places in the labels.
    alpha, reduction, margins : float, float, Margins
        What was asked: the level, the relative reduction, and the allowed damage.
    exploratory, exploratory_why : bool, str
        Whether the result cannot count as confirmed, and why.
    settled : Settled or None
        The planned look at which the arm was judged; None where the seeds were fixed. `alpha` is
        then that look's own level.
    n_groups : int or None
        Groups (writers, patients) of the images, over which tests and intervals hold too; None
        where none were given.
    design_effect : float or None
        How many times larger groups make the variance over images of what changed, pooled over
        the classes, 1 or more; the exact bounds use it. None without groups, and where too few
        images changed to tell.
    """

    verdict: Decision
    qualifier: str
    reason: str
    arm: str
    design: Design
    n_seeds: int
    n_seeds_before: int
    n_seeds_after: int
    n_images: int
    seeds: tuple[int | str, ...] | None
    class_names: tuple[str, ...]
    cells: tuple[CellResult, ...]
    collateral: tuple[Item, ...]
    n_safe: int
    n_harmed: int
    n_undetermined: int
    ledger: Ledger
    alpha: float
    reduction: float
    margins: Margins
    exploratory: bool
    exploratory_why: str
    settled: Settled | None = None
    n_groups: int | None = None
    design_effect: float | None = None

    @property
    def n_items(self) -> int:
        """How many collateral items there are, each counted as often as it `covers`."""
        return self.n_safe + self.n_harmed + self.n_undetermined


def judge(
    labels_N: npt.ArrayLike,
    before_SN: npt.ArrayLike,
    after_SN: npt.ArrayLike,
    *,
    cells: Sequence[tuple[int | str, int | str]],
    n_classes: int | None = None,
    class_names: Sequence[str] | None = None,
    margins: Margins = Margins(),  # noqa: B008 — frozen
    alpha: float = 0.05,
    items_alpha: float | None = None,
    reduction: float = 0.3,
    slices: Sequence[SliceReadings] = (),
    disputed_N: npt.ArrayLike | None = None,
    arm: str = "after",
    seeds: Sequence[int | str] | None = None,
    paired: bool | None = None,
    exploratory: str = "",
    groups_N: npt.ArrayLike | None = None,
) -> Verdict:
    """Judge one fix: the target cells, everything else, and one decision.

    Parameters
    ----------
    labels_N : array_like of int or str, shape [N]
        True classes, 0 to K − 1, or their names.
    before_SN, after_SN : array_like of int or str, shape [S, N], or frame
        Predicted classes of the baseline and of the treated arm. A pandas or polars frame has one
        row per image and one column per seed, whose name is the seed.
    cells : sequence of (true, predicted)
        The confusions that the fix was to reduce, chosen on other data; class numbers or names.
    n_classes : int, optional
        K; by default one more than the largest class seen.
    class_names : sequence of str, optional
        One per class; by default the names in the labels, or the class numbers.
    margins : Margins
        How much worse each collateral item may get.
    alpha : float
        Level of tests and intervals; Holm (1979) corrects the target cells.
    items_alpha : float, optional
        Another level for everything but the targets, as at a planned look.
    reduction : float
        The relative reduction asked about, 0 to 1, for power.
    slices : sequence of SliceReadings
        Named views with their own images, read by the same S models of each arm.
    disputed_N : array_like of bool, shape [N], optional
        Images whose label is disputed; target cells are reported with and without them.
    arm : str
        Name of the treated arm.
    seeds : sequence of int or str, optional
        The S seeds of both arms, for the record; by default the columns of the frames.
    paired : bool, optional
        Whether the same row (of frames: the same column name) of both arms is the same seed: the
        same initial weights and batch order. By default, when both arms have the same seeds, or as
        many rows. Otherwise the analysis is unpaired, and the verdict says so.
    exploratory : str
        Why the result cannot count as confirmed; "" when it can.
    groups_N : array_like of int or str, shape [N], optional
        The group (writer, patient) of each image. Images of a group are not independent: with
        groups all tests and intervals hold over seeds, groups and images. Slices then give theirs.

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
    `misread.judge.effects.two_way`; groups take the place of images where they vary more.
    Collateral statuses are not corrected for their number: an item needs its whole interval beyond
    a margin to be harmed, and more items can only make the verdict stricter.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat([0, 1], 4000)
    >>> before = np.tile(labels, (5, 1))
    >>> before[:, :400] = 1
    >>> judge(labels, before, np.tile(labels, (5, 1)), cells=[(0, 1)]).verdict
    'REDUCED'
    """
    views = [("", labels_N, before_SN, after_SN)]
    views += [(f"slice “{v.name}”: ", v.labels_M, v.before_SM, v.after_SM) for v in slices]
    told = ("labels", "predictions before", "predictions after")
    arrays = [
        (f"{where}{name}", values)
        for where, *three in views
        for name, values in zip(told, three, strict=True)
    ]
    coded, found_names = encode(arrays, class_names)
    order, paired, named = pair_seeds(seed_names(before_SN), seed_names(after_SN), paired=paired)
    checked = []
    all_groups = _all_groups(groups_N, slices)
    for place, (where, *_) in enumerate(views):
        labels, before, after = coded[3 * place : 3 * place + 3]
        after = after if order is None else np.asarray(after)[order]
        own = all_groups[place]
        checked.append(check_readings(where, labels, before, after, paired=paired, groups_N=own))
    readings = checked[0]
    parts = [(view.name, part) for view, part in zip(slices, checked[1:], strict=True)]
    fraction("alpha", alpha)
    fraction("reduction", reduction)
    if n_classes is None:
        largest = max(part.largest_class() for part in (readings, *(p for _, p in parts)))
        n_classes = max(largest + 1, 2, len(found_names or ()))
    check_classes("", readings, n_classes)
    n_seeds_before, n_images = readings.before_SN.shape
    n_seeds_after = readings.after_SN.shape[0]
    n_seeds = min(n_seeds_before, n_seeds_after)
    for name, part in parts:
        check_classes(f"slice “{name}”: ", part, n_classes)
        _same_seeds(f"slice “{name}” before", part.before_SN.shape[0], n_seeds_before)
        _same_seeds(f"slice “{name}” after", part.after_SN.shape[0], n_seeds_after)
    seeds = named if seeds is None else tuple(seeds)
    if seeds is not None:
        _same_seeds("seeds", len(seeds), n_seeds)
        if len(set(seeds)) < n_seeds:
            msg = (
                f"seeds {list(seeds)} hold one twice; each must be a training of its own: drop it."
            )
            raise JudgeError(msg)
    names = names_of(found_names, n_classes)
    targets = _whole_cells(cells, names)
    _check_cells(targets, readings, n_classes)
    scan = measure_collateral(
        readings,
        parts,
        targets,
        names,
        margins=margins,
        alpha=alpha if items_alpha is None else items_alpha,
    )
    results = measure_cells(
        readings,
        targets,
        names,
        alpha=alpha,
        reduction=reduction,
        disputed_N=None if disputed_N is None else flags("disputed", disputed_N, n_images),
        q_values=scan.q_values,
    )
    items = scan.items
    n_of = Counter[str]()
    for item in items:
        n_of[item.status] += item.covers
    decision = _decide(results, n_of["harmed"], alpha)
    one_each = n_seeds_before == n_seeds_after == 1
    qualifiers = []
    if decision == "REDUCED" and n_of["undetermined"]:
        qualifiers.append("collateral undetermined")
    if one_each:
        qualifiers.append("these two models only")
    return Verdict(
        verdict=decision,
        qualifier=", ".join(qualifiers),
        reason=reason_for(
            decision,
            results,
            items,
            alpha=alpha,
            reduction=reduction,
            n_seeds=(n_seeds_before, n_seeds_after),
            paired=readings.paired,
        ),
        arm=arm,
        design=(
            "one seed each" if one_each else "paired seeds" if readings.paired else "unpaired seeds"
        ),
        n_seeds=n_seeds,
        n_seeds_before=n_seeds_before,
        n_seeds_after=n_seeds_after,
        n_images=n_images,
        seeds=seeds,
        class_names=names,
        cells=tuple(results),
        collateral=tuple(items),
        n_safe=n_of["safe"],
        n_harmed=n_of["harmed"],
        n_undetermined=n_of["undetermined"],
        ledger=ledger(readings.labels_N, readings.before_SN, readings.after_SN),
        alpha=alpha,
        reduction=reduction,
        margins=margins,
        exploratory=bool(exploratory),
        exploratory_why=exploratory,
        n_groups=readings.grouped and int(readings.grouped.codes_N.max()) + 1,
        design_effect=_finite(readings.grouped),
    )


def _all_groups(
    groups_N: npt.ArrayLike | None, slices: Sequence[SliceReadings]
) -> list[npt.ArrayLike | None]:
    """Return the groups of the main readings and of each slice: all have some, or none has."""
    for view in slices:
        if (groups_N is None) != (view.groups_M is None):
            it, they = ("no ", "") if view.groups_M is None else ("", "no ")
            msg = (
                f"slice “{view.name}” has {it}groups of images and the main readings have "
                f"{they}groups; all intervals hold over groups or none does: give groups for "
                "both, or leave them out (--no-groups)."
            )
            raise JudgeError(msg)
    return [groups_N, *(view.groups_M for view in slices)]


def _finite(grouped: Grouped | None) -> float | None:
    """Return the design effect of readings, where it is known."""
    known = grouped is not None and np.isfinite(grouped.design_effect)
    return float(grouped.design_effect) if grouped is not None and known else None


def _decide(cells: Sequence[CellResult], n_harmed: int, alpha: float) -> Decision:
    if n_harmed or any(cell.grew(alpha) for cell in cells):
        return "HARM"
    left = [cell for cell in cells if not cell.shrank(alpha)]
    if not left:
        return "REDUCED"
    return "UNDERPOWERED" if any(cell.hopeless(alpha) for cell in left) else "NOT SHOWN"


def _whole_cells(cells: Sequence[tuple[int | str, int | str]], names: Sequence[str]) -> list[Cell]:
    """Return the cells as pairs of class numbers, each once."""

    def number(value: int | str) -> int:
        if not isinstance(value, str):
            return operator.index(value)
        if value not in names:
            shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            msg = f"“{value}” is no class; the classes are {shown}: name two of them."
            raise JudgeError(msg)
        return list(names).index(value)

    try:
        pairs = [(number(true), number(predicted)) for true, predicted in cells]
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
