"""Two sides brought together: the same images, classes, seeds and slices, or a clear refusal."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.classes import is_number, seeds_in_words, short, union_of
from misread.judge.layout import HeldOut
from misread.judge.pair import Pair, with_groups
from misread.judge.pooled import usual_weight
from misread.judge.predictions import Predictions


def align(
    before: Predictions,
    after: Predictions,
    *,
    paired: bool | None = None,
    weight: float | None = None,
) -> Pair:
    """Bring two sides together.

    Images are matched by their ids, or by position where a side has none. Seeds are paired when
    both sides name the same ones, or when a side has no names and the counts agree. Groups count
    where either side knows them.

    Parameters
    ----------
    before, after : Predictions
        The two sides.
    paired : bool, optional
        True asks for pairs where the names of the seeds differ but their numbers agree; False
        asks for none.
    weight : float, optional
        Of what all seeds have read in every estimate, where seeds have held out images of their
        own, 0 to 1; by default as the sizes say (`misread.judge.pooled`).

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
    names = union_of("before", before.class_names, "after", after.class_names)
    before, after = before.recoded(names), after.recoded(names)
    missing = before.slices.keys() ^ after.slices.keys()
    if missing:
        side = "before" if missing & before.slices.keys() else "after"
        msg = (
            f"slice “{short(min(missing))}” is there {side} only; both sides must have read the "
            "same slices: add it to the other side or drop it."
        )
        raise JudgeError(msg)
    after, paired, notes = _pair_seeds(before, after, paired=paired)
    notes = (*dict.fromkeys((*before.notes, *after.notes)), *notes)
    if (before.ids is None) != (after.ids is None):
        side = "before" if before.ids is None else "after"
        if not (before.in_file_order and after.in_file_order):
            msg = (
                f"there are no ids {side}, and the other side's seeds list the images in several "
                "orders, so nobody knows which image is which; give ids on both sides."
            )
            raise JudgeError(msg)
        notes = (*notes, f"There are no ids {side}, so images are matched by position.")
    whole = _pair_images(before, after, paired=paired, weight=weight)
    if whole.held:
        weight = whole.held.weight
    slices = {}
    for name, part in before.slices.items():
        where = f"slice “{short(name)}”: "
        slices[name] = _pair_images(part, after.slices[name], where, paired=paired, weight=weight)
        if (slices[name].groups is None) != (whole.groups is None):
            it, they = ("no ", "") if whole.groups is not None else ("", "no ")
            msg = (
                f"slice “{short(name)}” has {it}groups of images and the evaluation set has "
                f"{they}groups; all intervals hold over groups or none does: give groups for both, "
                "or leave them out (--no-groups)."
            )
            raise JudgeError(msg)
    seeds = before.seeds if paired else None
    if seeds is not None and all(map(is_number, seeds)):
        return replace(whole, slices=slices, notes=notes, seeds=tuple(map(int, seeds)))
    return replace(whole, slices=slices, notes=notes, seeds=seeds)


def refuse_arrays(*sides: object) -> None:
    """Refuse anything but two `Predictions`; the JudgeError says how they are made."""
    if len(sides) != 2 or not all(isinstance(side, Predictions) for side in sides):
        msg = (
            "the judge takes two Predictions; make them of arrays by "
            "Predictions.from_arrays(labels_N, preds_SN), of a data frame by "
            "Predictions.from_frame(frame), and add slices by with_slice: "
            "judge(before, after, cells=[(4, 9)])."
        )
        raise JudgeError(msg)


def in_one_order(sides: Sequence[Predictions]) -> list[Predictions]:
    """Return sides with the classes of all and the images of the first one in its order.

    Seeds are in its order too where they have the same names. Errors as in `align`.
    """
    names = sides[0].class_names
    for side in sides[1:]:
        names = union_of("before", names, "after", side.class_names)
    before, *afters = (side.recoded(names) for side in sides)
    ordered = [before]
    for side in afters:
        after, *_ = _pair_seeds(before, side, paired=None)
        views = {
            name: _in_order_of(before.slices[name].image_ids, part.image_ids, part, "")
            for name, part in after.slices.items()
            if name in before.slices
        }
        if before.ids is not None and after.ids is not None:
            after = _in_order_of(before.ids, after.ids, after, "")
        ordered.append(replace(after, slices=views))
    return ordered


def _held_out(before: Predictions, after: Predictions, weight: float | None) -> HeldOut | None:
    """Return which readings count, where a side has learnt some of its images."""
    if weight is not None and not 0 <= weight <= 1:
        msg = f"weight is {weight}; allowed is 0 to 1, of what all seeds have read."
        raise JudgeError(msg)
    if before.held_out_SN is None and after.held_out_SN is None:
        return None
    sides = [
        np.ones(side.preds_SN.shape, dtype=np.bool_)
        if side.held_out_SN is None
        else side.held_out_SN.astype(np.bool_)
        for side in (before, after)
    ]
    if sides[0].all() and sides[1].all():
        return None
    held = HeldOut(sides[0], sides[1], 1.0 if weight is None else weight)
    if weight is None:
        held = held._replace(weight=usual_weight(held, (before.n_seeds, after.n_seeds)))
    return held


def _pair_seeds(
    before: Predictions, after: Predictions, *, paired: bool | None
) -> tuple[Predictions, bool, tuple[str, ...]]:
    """Return `after` in the seed order of `before`, whether they are pairs, and what to say."""
    same_count = before.n_seeds == after.n_seeds
    seeds_of = [seeds_in_words(side.seeds, side.n_seeds) for side in (before, after)]
    there_are = f"There are {seeds_of[0]} before and {seeds_of[1]} after"
    seeds, others = before.seeds, after.seeds
    overlap = unsure = False
    if seeds is None or others is None:
        pairs = same_count
        unsure = seeds is not others and before.n_seeds > 1
    elif {*seeds} == {*others}:
        after = after.of_seeds([others.index(seed) for seed in seeds])
        pairs = True
    else:
        pairs = before.n_seeds == after.n_seeds == 1
        overlap = not {*seeds}.isdisjoint(others)
    if paired and not pairs and (overlap or not same_count):
        msg = (
            f"{there_are}, which cannot be paired; drop those without a partner, or leave the "
            "pairing out."
        )
        raise JudgeError(msg)
    if before.n_seeds == after.n_seeds == 1:  # there is nothing to pair but the images
        return after, True, ()
    if paired is not None:
        return after, paired, ()
    if not pairs:
        return after, False, (f"{there_are}: compared unpaired, all of one with all of the other.",)
    return after, True, (f"{there_are}: paired in this order.",) if unsure else ()


def _pair_images(
    before: Predictions,
    after: Predictions,
    where: str = "",
    *,
    paired: bool,
    weight: float | None,
) -> Pair:
    """Return both sides in the image order of `before`; they must hold the same labels."""
    if before.ids is not None and after.ids is not None:
        after = _in_order_of(before.ids, after.ids, after, where)
    elif before.n_images != after.n_images:
        msg = (
            f"{where}there are {before.n_images:,} images before and {after.n_images:,} after; "
            "both sides must read the same images."
        )
        raise JudgeError(msg)
    names = before.class_names
    differ = np.flatnonzero(before.labels_N != after.labels_N)
    if differ.size:
        labels = [short(names[side.labels_N[differ[0]]]) for side in (before, after)]
        how = "in the same order, or give ids." if before.ids is None else "under the same label."
        msg = (
            f"{where}the labels before and after disagree on {differ.size:,} of "
            f"{before.n_images:,} images, for example {_image(before, differ[0])}: {labels[0]} "
            f"and {labels[1]}; both sides must read the same images {how}"
        )
        raise JudgeError(msg)
    flagged = [side.disputed_N for side in (before, after) if side.disputed_N is not None]
    pair = Pair(
        before.labels_N,
        before.preds_SN,
        after.preds_SN,
        names,
        paired,
        disputed_N=np.logical_or.reduce(flagged) if flagged else None,
        held=_held_out(before, after, weight),
    )
    if not pair.read_N.any():
        msg = (
            f"{where}no image was held out by {'a pair of seeds' if paired else 'seeds'} before "
            "and after, so no reading counts on both sides; let both hold out the same images."
        )
        raise JudgeError(msg)
    return with_groups(pair, _common_groups(before, after, where))


def _common_groups(before: Predictions, after: Predictions, where: str) -> npt.NDArray[Any] | None:
    """Return the groups that either side has."""
    one, other = before.groups, after.groups
    if one is None or other is None:
        return other if one is None else one
    if one.dtype.kind != other.dtype.kind:
        one, other = one.astype(np.str_), other.astype(np.str_)
    differ = np.flatnonzero(one != other)
    if differ.size:
        msg = (
            f"{where}the groups before and after disagree on {differ.size:,} of "
            f"{before.n_images:,} images, for example {_image(before, differ[0])}: "
            f"{short(one[differ[0]])} and {short(other[differ[0]])}; an image belongs to one "
            "group: correct them, or leave them out on one side."
        )
        raise JudgeError(msg)
    return before.groups


def _image(side: Predictions, place: int) -> str:
    return f"image {place} (from 0)" if side.ids is None else f"id {short(side.ids[place])}"


def _in_order_of(
    ids: npt.NDArray[Any], others: npt.NDArray[Any], after: Predictions, where: str
) -> Predictions:
    """Return `after`, which has the ids `others`, in the order of `ids`."""
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
                         f"example {short(missing[0])}")  # fmt: skip
        if extra:
            example = others[~np.isin(others, ids)][0]
            parts.append(f"{extra:,} of {others.size:,} ids after are not there before, for "
                         f"example {short(example)}")  # fmt: skip
        msg = f"{where}{', and '.join(parts)}; both sides must read the same images."
        raise JudgeError(msg)
    return after.of_images(images)
