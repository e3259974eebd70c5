"""Arrays that the statistics accept, and one clear sentence where they are something else."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.classes import shape_of, short

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

_AXES = {1: "one axis [images]", 2: "two axes [seeds, images]"}


def whole_numbers(name: str, values: npt.ArrayLike, n_axes: int) -> IntArray:
    """Return `values` as int64 with 1 axis ``[images]`` or 2 ``[seeds, images]``.

    JudgeError if the axes differ, the array is empty, or a number is missing or not whole.
    """
    return class_numbers(name, values, n_axes).astype(np.int64)


def class_numbers(name: str, values: npt.ArrayLike, n_axes: int) -> npt.NDArray[Any]:
    """Return `values` as `whole_numbers` does, but in their own integer type, however narrow.

    Twenty trainings on a million images are 160 MB as int64 and 20 MB as uint8.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        msg = f"{name}: rows of unequal length; give an array with {_AXES[n_axes]}."
        raise JudgeError(msg) from error
    if array.ndim != n_axes:
        msg = f"{name} has shape {array.shape}; it needs {_AXES[n_axes]}: reshape it."
        raise JudgeError(msg)
    if array.size == 0:
        msg = f"{name} has shape {array.shape} and so no readings; give at least one image."
        raise JudgeError(msg)
    if array.dtype.kind not in "biuf":
        msg = f"{name} holds {array.dtype} values; only whole class numbers are allowed: encode it."
        raise JudgeError(msg)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        msg = f"{name} holds NaN or infinite values; every image needs a class: fill or drop them."
        raise JudgeError(msg)
    if array.dtype.kind == "f" and (array != np.rint(array)).any():
        msg = f"{name} holds fractions; only whole class numbers are allowed: take the arg max."
        raise JudgeError(msg)
    return array if array.dtype.kind in "iu" else array.astype(np.int64)


def classes_within(name: str, codes: IntArray, n_classes: int) -> IntArray:
    """Return `codes` when all lie in ``0 … n_classes − 1``; else JudgeError."""
    _refuse_beyond(f"{name} holds", codes, n_classes, "raise n_classes")
    return codes


def _refuse_beyond(start: str, codes: npt.NDArray[Any], n_classes: int, way: str) -> None:
    """Refuse codes that lie outside ``0 … n_classes − 1``; `way` says what else would do."""
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= n_classes:
        msg = (
            f"{start} class {low if low < 0 else high}; allowed are 0 to {n_classes - 1}: correct "
            f"it or {way}."
        )
        raise JudgeError(msg)


def same_images(name: str, labels_N: IntArray, preds_SN: npt.NDArray[Any]) -> None:
    """Refuse predictions that read another number of images than there are labels."""
    if preds_SN.shape[-1] != labels_N.size:
        msg = (
            f"{name} reads {preds_SN.shape[-1]} images and there are {labels_N.size} labels; "
            "both must be the same images in the same order."
        )
        raise JudgeError(msg)


def flags(name: str, values: npt.ArrayLike | None, n_images: int) -> BoolArray:
    """Return `values` as one boolean per image; ``None`` means that no image is flagged.

    JudgeError if the length is not `n_images` or a value is neither 0 nor 1.
    """
    if values is None:
        return np.zeros(n_images, dtype=np.bool_)
    array = np.asarray(values)
    if array.shape != (n_images,):
        msg = f"{name} has {array.size:,} values; it needs {n_images:,}, one per image."
        raise JudgeError(msg)
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        msg = f"{name} holds values other than true and false; give 1 or 0 for every image."
        raise JudgeError(msg)
    return array.astype(np.bool_)


def fraction(name: str, value: float, example: str = "0.05") -> float:
    """Return `value` when it lies strictly between 0 and 1; `example` is one, for the message."""
    if not 0 < value < 1:
        msg = (
            f"{name} is {value}; allowed is a fraction between 0 and 1: give for example {example}."
        )
        raise JudgeError(msg)
    return float(value)


def refuse_codes(name: str, array: npt.NDArray[Any], n_axes: int, n_classes: int) -> None:
    """Refuse an array that holds no codes of classes, 0 to ``n_classes − 1``.

    JudgeError if its axes, its type or a value are others, or it is empty.
    """
    if array.ndim != n_axes or not array.size or array.dtype.kind not in "iu":
        need = "one whole number per image [N]" if n_axes == 1 else "whole numbers [S,N]"
        msg = f"{name} are {array.dtype} {shape_of(array)}; give {need}, at least one."
        raise JudgeError(msg)
    _refuse_beyond(f"{name} hold", array, n_classes, "give a class name more")


def refuse_other_length(name: str, n_given: int, n_needed: int, unit: str) -> None:
    """Refuse a list that has not one entry per unit."""
    if n_given != n_needed:
        msg = f"{name}: {n_given:,} given and {n_needed:,} needed; give one per {unit}."
        raise JudgeError(msg)


def refuse_other_shape(name: str, array: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Refuse flags of another shape, or of which none is true."""
    if array.shape != shape or array.dtype.kind not in "biu" or not np.isin(array, (0, 1)).all():
        msg = (
            f"{name} are {array.dtype} {shape_of(array)}; give true or false for each reading, "
            f"{list(shape)}."
        )
        raise JudgeError(msg)
    if not array.any():
        msg = f"{name} are all false, so no reading counts; give true for what was not learnt."
        raise JudgeError(msg)


def refuse_repeats(name: str, values: Sequence[Any] | npt.NDArray[Any]) -> None:
    """Refuse a list in which an entry stands twice; one that ascends costs next to nothing."""
    array = np.asarray(values)
    if len(array) < 2 or (array[1:] > array[:-1]).all():
        return
    distinct, counts = np.unique(array, return_counts=True)
    if (counts > 1).any():
        msg = (
            f"{name} that occur more than once: {int((counts > 1).sum()):,}, for example "
            f"{short(distinct[counts > 1][0])} ({counts[counts > 1][0]:,} times); each must be "
            "there once."
        )
        raise JudgeError(msg)


def refuse_misspelt(kind: str, names: Collection[str], known: Collection[str]) -> None:
    """Refuse a name that is a known one but for its capitals: it would be left out in silence."""
    for name in names:
        plain = name.strip().casefold()
        if name not in known and plain in known and plain not in names:
            msg = f"there is {kind} {short(name)!r}; did you mean {plain!r}? Rename it."
            raise JudgeError(msg)
