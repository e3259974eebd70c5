"""Two sides brought together: the same images, classes, seeds and slices, or a clear refusal."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.classes import is_number, listed, shown, united
from misread.judge.collateral import Margins
from misread.judge.predictions import Predictions, seeds_in_words
from misread.judge.readings import SliceReadings
from misread.judge.verdict import Verdict, judge

AskedCell = str | tuple[Any, Any]


class Pair(NamedTuple):
    """Two sides with the same images in the same order, the same classes and the same slices.

    Attributes
    ----------
    before, after : Predictions
        Row s of both is the same seed where they are paired.
    paired : bool
        Whether seeds are compared in pairs.
    notes : tuple of str
        What a reader of the verdict should know of how the two were brought together.
    """

    before: Predictions
    after: Predictions
    paired: bool
    notes: tuple[str, ...]


def align(before: Predictions, after: Predictions, *, paired: bool | None = None) -> Pair:
    """Bring two sides together.

    Images are matched by their ids, or by position where a side has none. Seeds are paired when
    both sides name the same ones, or when a side has no names and the counts agree.

    Parameters
    ----------
    before, after : Predictions
        The two sides.
    paired : bool, optional
        True asks for pairs where the names of the seeds differ but their numbers agree; False
        asks for none.

    Returns
    -------
    Pair
        In the order of `before`.

    Raises
    ------
    JudgeError
        If images, labels, groups, classes or slices are not the same, or seeds cannot be paired as
        asked.
    """
    names = united("before", before.class_names, "after", after.class_names)
    before, after = before.recoded(names), after.recoded(names)
    if before.slices.keys() != after.slices.keys():
        one = before.slices.keys() ^ after.slices.keys()
        side = "before" if one & before.slices.keys() else "after"
        msg = (
            f"slice “{shown(min(one))}” is there {side} only; both sides must have read the same "
            "slices: add it to the other side or drop it."
        )
        raise JudgeError(msg)
    after, pairs, notes = _seeds_together(before, after, paired=paired)
    slices = {
        name: _images_together(part, after.slices[name], f"slice “{shown(name)}”: ")
        for name, part in before.slices.items()
    }
    after = replace(_images_together(before, after, ""), slices=slices)
    before, after = _groups_together(before, after)
    if (before.ids is None) != (after.ids is None):
        side = "before" if before.ids is None else "after"
        notes = (*notes, f"There are no ids {side}, so images are matched by position.")
    return Pair(before, after, pairs, notes)


def judge_predictions(
    before: Predictions,
    after: Predictions,
    *,
    cells: Sequence[AskedCell],
    margins: Margins = Margins(),  # noqa: B008 — frozen
    alpha: float = 0.05,
    reduction: float = 0.3,
    arm: str = "after",
    paired: bool | None = None,
    exploratory: str = "",
) -> Verdict:
    """Judge one fix from the predictions before and after it.

    Parameters
    ----------
    before, after : Predictions
        The two sides, in any order of images and seeds.
    cells : sequence of str or pair
        The confusions that the fix was to reduce: ``"4:9"``, ``"cat:dog"``, ``(4, 9)``.
    margins, alpha, reduction, arm : optional
        As in `misread.judge.verdict.judge`.
    paired : bool, optional
        As in `align`.
    exploratory : str
        As in `misread.judge.verdict.judge`.

    Returns
    -------
    Verdict
        All of the evidence. Its images are positions in `before`; tables are in the order of ids.

    Raises
    ------
    JudgeError
        If the sides do not fit together or an option is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat(["cat", "dog"], 4000)
    >>> right = np.tile(labels, (5, 1))
    >>> wrong = right.copy()
    >>> wrong[:, :400] = "dog"
    >>> before, after = (Predictions.from_arrays(labels, read) for read in (wrong, right))
    >>> judge_predictions(before, after, cells=["cat:dog"]).verdict
    'REDUCED'
    """
    pair = align(before, after, paired=paired)
    before, after = pair.before, pair.after
    disputed = [side.disputed_N for side in (before, after) if side.disputed_N is not None]
    return judge(
        before.labels_N,
        before.preds_SN,
        after.preds_SN,
        cells=[cell_of(cell, before.class_names) for cell in cells],
        n_classes=len(before.class_names),
        class_names=before.class_names,
        margins=margins,
        alpha=alpha,
        reduction=reduction,
        slices=[
            SliceReadings(
                name, part.labels_N, part.preds_SN, after.slices[name].preds_SN, part.groups
            )
            for name, part in before.slices.items()
        ],
        disputed_N=np.logical_or.reduce(disputed) if disputed else None,
        arm=arm,
        seeds=_plain(before.seeds) if pair.paired else None,
        paired=pair.paired,
        exploratory=exploratory,
        groups_N=before.groups,
    )


def cell_of(cell: AskedCell, class_names: tuple[str, ...]) -> tuple[int, int]:
    """Return a cell as codes; a name may itself hold a colon.

    Parameters
    ----------
    cell : str or pair
        ``"TRUE:PREDICTED"`` in class names, or a pair of class names or numbers. A number that is
        no class name is a position among them.
    class_names : tuple of str
        All classes.

    Returns
    -------
    tuple of int
        Codes of the true and of the predicted class.

    Raises
    ------
    JudgeError
        If it names no two different classes.
    """
    place = {name: code for code, name in enumerate(class_names)}
    if isinstance(cell, str):
        parts = cell.split(":")
        ways = [(":".join(parts[:k]), ":".join(parts[k:])) for k in range(1, len(parts))]
        known = [way for way in ways if place.keys() >= {*way}] or ways[:1]
        if not known:
            msg = f"cell {cell!r} is not of the form TRUE:PREDICTED; write it as in 4:9."
            raise JudgeError(msg)
        if len(known) > 1:
            msg = (
                f"cell {cell!r} can be read as {known[0][0]}→{known[0][1]} and as "
                f"{known[1][0]}→{known[1][1]}; rename a class, or give a pair in Python."
            )
            raise JudgeError(msg)
        asked: tuple[Any, ...] = tuple(name.strip() for name in known[0])
        if not place.keys() >= {*asked} and place.keys() >= {*known[0]}:
            asked = known[0]
    else:
        asked = tuple(cell)
    if len(asked) != 2:
        msg = f"cell {cell!r} does not name two classes; give for example (4, 9)."
        raise JudgeError(msg)
    codes = []
    for name in asked:
        code = place.get(str(name))
        if code is None and not isinstance(name, str) and name in range(len(class_names)):
            code = int(name)
        if code is None:
            msg = (
                f"cell {_told(cell)}: there is no class {str(name)!r}; the classes are "
                f"{listed(class_names)}: choose among them."
            )
            raise JudgeError(msg)
        codes.append(code)
    if codes[0] == codes[1]:
        msg = f"cell {_told(cell)} names one class twice; a confusion has two classes, as in 4:9."
        raise JudgeError(msg)
    return codes[0], codes[1]


def _plain(seeds: tuple[str, ...] | None) -> tuple[int | str, ...] | None:
    """Return the seeds as numbers, where all are such."""
    if seeds is None or not all(is_number(seed) for seed in seeds):
        return seeds
    return tuple(int(seed) for seed in seeds)


def _told(cell: AskedCell) -> str:
    return repr(cell if isinstance(cell, str) else ":".join(str(name) for name in cell))


def _seeds_together(
    before: Predictions, after: Predictions, *, paired: bool | None
) -> tuple[Predictions, bool, tuple[str, ...]]:
    """Return `after` in the seed order of `before`, whether they are pairs, and what to say."""
    same_count = before.n_seeds == after.n_seeds
    told = f"There are {seeds_in_words(before)} before and {seeds_in_words(after)} after"
    seeds, others = before.seeds, after.seeds
    overlap = unsure = False
    if seeds is None or others is None:
        pairs = same_count
        unsure = seeds is not others and before.n_seeds > 1
    elif {*seeds} == {*others}:
        after = after.with_rows([others.index(seed) for seed in seeds])
        pairs = True
    else:
        pairs = before.n_seeds == after.n_seeds == 1
        overlap = not {*seeds}.isdisjoint(others)
    if paired and not pairs and (overlap or not same_count):
        msg = (
            f"{told}, which cannot be paired; drop those without a partner, or leave the pairing "
            "out."
        )
        raise JudgeError(msg)
    if paired is not None:
        return after, paired, ()
    if not pairs:
        return after, False, (f"{told}: compared unpaired, all of one with all of the other.",)
    return after, True, (f"{told}: paired in this order.",) if unsure else ()


def _images_together(before: Predictions, after: Predictions, where: str) -> Predictions:
    """Return `after` in the image order of `before`; both must hold the same labels."""
    ids, others = before.ids, after.ids
    if ids is not None and others is not None:
        after = _by_id(ids, others, after, where)
    elif before.n_images != after.n_images:
        msg = (
            f"{where}there are {before.n_images:,} images before and {after.n_images:,} after; "
            "both sides must read the same images."
        )
        raise JudgeError(msg)
    differ = np.flatnonzero(before.labels_N != after.labels_N)
    if differ.size:
        first, names = int(differ[0]), before.class_names
        labels = [shown(names[side.labels_N[first]]) for side in (before, after)]
        which = f"id {shown(ids[first])}" if ids is not None else f"image {first} (from 0)"
        msg = (
            f"{where}the labels before and after disagree on {differ.size:,} of "
            f"{before.n_images:,} images, for example {which}: {labels[0]} "
            f"and {labels[1]}; both sides must read the same images"
            + (" under the same label." if ids is not None else " in the same order, or give ids.")
        )
        raise JudgeError(msg)
    return after


def _groups_together(
    before: Predictions, after: Predictions, where: str = ""
) -> tuple[Predictions, Predictions]:
    """Return both sides with the groups that either has; slices too."""
    one, other = before.groups, after.groups
    if one is not None and other is not None:
        differ = np.flatnonzero(one.astype(np.str_) != other.astype(np.str_))
        if differ.size:
            first = int(differ[0])
            which = f"image {first} (from 0)"
            if before.ids is not None:
                which = f"id {shown(before.ids[first])}"
            msg = (
                f"{where}the groups before and after disagree on {differ.size:,} of "
                f"{before.n_images:,} images, for example {which}: {shown(one[first])} and "
                f"{shown(other[first])}; an image belongs to one group: correct them, or leave "
                "them out on one side."
            )
            raise JudgeError(msg)
    both = one if one is not None else other
    pairs = {
        name: _groups_together(part, after.slices[name], f"slice “{shown(name)}”: ")
        for name, part in before.slices.items()
    }
    return (
        replace(before, groups=both, slices={name: pair[0] for name, pair in pairs.items()}),
        replace(after, groups=both, slices={name: pair[1] for name, pair in pairs.items()}),
    )


def _by_id(
    ids: npt.NDArray[Any], others: npt.NDArray[Any], after: Predictions, where: str
) -> Predictions:
    if ids.dtype.kind != others.dtype.kind:  # as texts, signed and unsigned compare exactly too
        ids, others = ids.astype(np.str_), others.astype(np.str_)
    if np.array_equal(ids, others):
        return after
    order = np.argsort(others, kind="stable")
    place = np.searchsorted(others, ids, sorter=order).clip(max=others.size - 1)
    images = order[place]
    missing = ids[others[images] != ids]
    extra = others.size - (ids.size - missing.size)
    if missing.size or extra:
        parts = []
        if missing.size:
            parts.append(f"{missing.size:,} of {ids.size:,} ids before are not there after, for "
                         f"example {shown(missing[0])}")  # fmt: skip
        if extra:
            example = others[~np.isin(others, ids)][0]
            parts.append(f"{extra:,} of {others.size:,} ids after are not there before, for "
                         f"example {shown(example)}")  # fmt: skip
        msg = f"{where}{', and '.join(parts)}; both sides must read the same images."
        raise JudgeError(msg)
    return replace(
        after,
        labels_N=after.labels_N[images],
        preds_SN=after.preds_SN[:, images],
        ids=ids,
        disputed_N=None if after.disputed_N is None else after.disputed_N[images],
        groups=None if after.groups is None else after.groups[images],
        slices={},
    )
