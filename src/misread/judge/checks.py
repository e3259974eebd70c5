"""What the judge accepts: checked arrays in, one clear sentence when they are not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.classes import classes, codes_of, in_order

AXES = {1: "one axis [images]", 2: "two axes [seeds, images]"}

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def whole_numbers(name: str, values: npt.ArrayLike, n_axes: int) -> IntArray:
    """Return `values` as int64 after checking its axes, its size and its numbers.

    Parameters
    ----------
    name : str
        How messages call the array, for example ``labels``.
    values : array_like
        Whole numbers of any numeric type.
    n_axes : int
        1 for ``[images]``, 2 for ``[seeds, images]``.

    Returns
    -------
    ndarray of int64
        The same numbers.

    Raises
    ------
    JudgeError
        If the axes differ, the array is empty, or a number is missing or not whole.
    """
    return class_numbers(name, values, n_axes).astype(np.int64)


def class_numbers(name: str, values: npt.ArrayLike, n_axes: int) -> IntArray:
    """Return `values` as `whole_numbers` does, but in their own integer type, however narrow.

    Twenty trainings on a million images are 160 MB as int64 and 20 MB as uint8; whoever computes
    with the numbers widens them first.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        msg = f"{name}: rows of unequal length; give an array with {AXES[n_axes]}."
        raise JudgeError(msg) from error
    if array.ndim != n_axes:
        msg = f"{name} has shape {array.shape}; it needs {AXES[n_axes]}: reshape it."
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


def encode(
    arrays: Sequence[tuple[str, Any]], class_names: Sequence[str] | None
) -> tuple[list[Any], tuple[str, ...] | None]:
    """Return arrays of class names as arrays of class numbers; numbers stay as they are.

    Parameters
    ----------
    arrays : sequence of (str, array_like)
        What messages call each array, and the array; a frame has one row per image and one column
        per seed.
    class_names : sequence of str or None
        The names, in the order of their numbers; by default those that occur, sorted.

    Returns
    -------
    list
        The arrays in their order, as numbers ``[seeds, images]`` or ``[images]``.
    tuple of str or None
        The names; None where there are none.

    Raises
    ------
    JudgeError
        If some arrays hold names and others numbers, or a name is none of `class_names`.
    """
    plain = [(name, _plain(values)) for name, values in arrays]
    worded = [name for name, values in plain if _is_text(values)]
    if not worded:
        known = None if class_names is None else tuple(class_names)
        return [values for _, values in plain], known
    if len(worded) < len(plain):
        other = next(name for name, _ in plain if name not in worded)
        msg = (
            f"{worded[0]} holds names and {other} holds numbers; give both as names or as numbers."
        )
        raise JudgeError(msg)
    texts = [classes(name, values) for name, values in plain]
    if class_names is None:
        names = in_order({str(name) for values in texts for name in np.unique(values).tolist()})
    else:
        names = tuple(class_names)
    return [codes_of(values, names) for values in texts], names


def _plain(values: Any) -> Any:
    """Return a frame as an array with one row per seed, and anything else as it is."""
    return np.asarray(values).T if hasattr(values, "columns") else values


def _is_text(values: Any) -> bool:
    """Say whether an array holds texts; objects count when every one of them is a text."""
    try:
        array = np.asarray(values)
    except ValueError:
        return False  # ragged: refused later, in words
    if array.dtype.kind == "O":
        return array.size > 0 and all(isinstance(value, str) for value in array.flat)
    return array.dtype.kind in "UT"


def seed_names(values: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a frame, which are its seeds; None for an array."""
    columns = getattr(values, "columns", None)
    return None if columns is None else tuple(str(column) for column in columns)


def classes_within(name: str, classes: IntArray, n_classes: int) -> IntArray:
    """Return `classes` when all lie in ``0 … n_classes − 1``.

    Raises
    ------
    JudgeError
        If one lies outside.
    """
    low, high = int(classes.min()), int(classes.max())
    if low < 0 or high >= n_classes:
        wrong = low if low < 0 else high
        msg = (
            f"{name} holds class {wrong}; allowed are 0 to {n_classes - 1}: "
            "correct it or raise n_classes."
        )
        raise JudgeError(msg)
    return classes


def same_images(name: str, labels_N: IntArray, preds_SN: IntArray) -> None:
    """Refuse predictions that read another number of images than there are labels.

    Raises
    ------
    JudgeError
        If the two differ.
    """
    if preds_SN.shape[-1] != labels_N.size:
        msg = (
            f"{name} reads {preds_SN.shape[-1]} images and there are {labels_N.size} labels; "
            "both must be the same images in the same order."
        )
        raise JudgeError(msg)


def flags(name: str, values: npt.ArrayLike | None, n_images: int) -> BoolArray:
    """Return `values` as one boolean per image; ``None`` means that no image is flagged.

    Raises
    ------
    JudgeError
        If the length is not `n_images` or a value is neither 0 nor 1.
    """
    if values is None:
        return np.zeros(n_images, dtype=np.bool_)
    flags_N = whole_numbers(name, values, 1)
    if flags_N.size != n_images or not np.isin(flags_N, (0, 1)).all():
        msg = (
            f"{name} has {flags_N.size} values; it needs {n_images} values, one per image, "
            "each true or false."
        )
        raise JudgeError(msg)
    return flags_N.astype(np.bool_)


def fraction(name: str, value: float) -> float:
    """Return `value` when it lies strictly between 0 and 1.

    Raises
    ------
    JudgeError
        If it does not.
    """
    if not 0 < value < 1:
        msg = f"{name} is {value}; allowed is a fraction between 0 and 1: give for example 0.05."
        raise JudgeError(msg)
    return float(value)


def names_of(class_names: Sequence[str] | None, n_classes: int) -> tuple[str, ...]:
    """Return one name per class, by default its number.

    Raises
    ------
    JudgeError
        If there are more or fewer names than classes.
    """
    if class_names is None:
        return tuple(str(k) for k in range(n_classes))
    if len(class_names) != n_classes:
        msg = f"{len(class_names)} class names for {n_classes} classes; give one name per class."
        raise JudgeError(msg)
    return tuple(class_names)
