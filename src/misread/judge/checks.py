"""Arrays that the statistics accept, and one clear sentence where they are something else."""

import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.classes import shape_of, short, short_list

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

# How files write that a value is missing; a class may be called “none”.
MISSING = frozenset(
    {"", "nan", "-nan", "na", "n/a", "#na", "#n/a", "<na>", "nat", "null", "nil", "none", "missing"}
)
_WHOLE_TEXT = re.compile(r"(0|-?[1-9][0-9]{0,17})(\.0*)?")  # 007 stays as it is written

_AXES = {1: "one axis [images]", 2: "two axes [seeds, images]"}


def whole_numbers(name: str, values: npt.ArrayLike, n_axes: int) -> IntArray:
    """Return `values` as int64 with 1 axis ``[images]`` or 2 ``[seeds, images]``.

    Raises
    ------
    JudgeError
        If the axes differ, the array is empty, or a number is missing or not whole.
    """
    return class_numbers(name, values, n_axes).astype(np.int64)


def class_numbers(name: str, values: npt.ArrayLike, n_axes: int) -> npt.NDArray[Any]:
    """Return `values` as `whole_numbers` does, but in their own integer type, however narrow.

    Twenty trainings on a million images are 160 MB as int64 and 20 MB as uint8; whoever computes
    with the numbers widens them first.
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
    """Return `codes` when all lie in ``0 … n_classes − 1``.

    Raises
    ------
    JudgeError
        If one lies outside.
    """
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= n_classes:
        msg = (
            f"{name} holds class {low if low < 0 else high}; allowed are 0 to {n_classes - 1}: "
            "correct it or raise n_classes."
        )
        raise JudgeError(msg)
    return codes


def same_images(name: str, labels_N: IntArray, preds_SN: npt.NDArray[Any]) -> None:
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
    array = np.asarray(values)
    if array.shape != (n_images,):
        msg = f"{name} has {array.size:,} values; it needs {n_images:,}, one per image."
        raise JudgeError(msg)
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        msg = f"{name} holds values other than true and false; give 1 or 0 for every image."
        raise JudgeError(msg)
    return array.astype(np.bool_)


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


def refuse_codes(name: str, array: npt.NDArray[Any], n_axes: int, n_classes: int) -> None:
    """Refuse an array that holds no codes of classes, 0 to ``n_classes − 1``.

    Raises
    ------
    JudgeError
        If its axes, its type or a value are others, or it is empty.
    """
    if array.ndim != n_axes or not array.size or array.dtype.kind not in "iu":
        need = "one whole number per image [N]" if n_axes == 1 else "whole numbers [S,N]"
        msg = f"{name} are {array.dtype} {shape_of(array)}; give {need}, at least one."
        raise JudgeError(msg)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n_classes:
        msg = (
            f"{name} hold class {low if low < 0 else high}; allowed are 0 to {n_classes - 1}: "
            "correct it or give a class name more."
        )
        raise JudgeError(msg)


def refuse_other_length(name: str, n_given: int, n_needed: int, unit: str) -> None:
    """Refuse a list that has not one entry per unit.

    Raises
    ------
    JudgeError
        If the numbers differ.
    """
    if n_given != n_needed:
        msg = f"{name}: {n_given:,} given and {n_needed:,} needed; give one per {unit}."
        raise JudgeError(msg)


def refuse_repeats(name: str, values: Sequence[Any] | npt.NDArray[Any]) -> None:
    """Refuse a list in which an entry stands twice; one that ascends costs next to nothing.

    Raises
    ------
    JudgeError
        With an example.
    """
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


def plain_values(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return whole numbers, or names as texts without blanks around them; any axes.

    Booleans, whole floats and texts such as ``4.0`` are whole numbers, bytes are UTF-8.

    Raises
    ------
    JudgeError
        If a value is missing, a fraction, or neither number nor text; `name` begins the message.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        msg = f"{name}: rows of unequal length; give one value per image in every row."
        raise JudgeError(msg) from error
    if array.dtype.kind == "O":
        array = _of_objects(name, array)
    if array.dtype.kind == "S":
        array = texts_of(name, array)
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind == "f":
        return _whole(name, array.astype(np.float64))
    if array.dtype.kind in "iu":
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind != "U":
        msg = f"{name} are {array.dtype} values; allowed are whole class numbers or class names."
        raise JudgeError(msg)
    distinct, code_R = np.unique(array, return_inverse=True)
    plain = plain_texts([str(text) for text in distinct.tolist()])
    bad = [k for k, text in enumerate(plain.tolist()) if is_missing(text)]
    if bad:
        refuse_missing_at(name, np.isin(code_R.reshape(array.shape), bad), str(distinct[bad[0]]))
    if plain.dtype.kind == "U" and plain.tolist() == distinct.tolist():
        return array
    plain_R: npt.NDArray[Any] = plain[code_R.reshape(array.shape)]
    return plain_R


def plain_texts(texts: Sequence[str]) -> npt.NDArray[Any]:
    """Return texts without blanks around them, or the whole numbers that all of them write."""
    stripped = [text.strip().strip("\ufeff") for text in texts]
    matches = [_WHOLE_TEXT.fullmatch(text) for text in stripped]
    if stripped and all(matches) and any(match and match[2] for match in matches):
        return np.array([int(match[1]) for match in matches if match], np.int64)
    return np.array(stripped, np.str_)


def is_missing(value: object) -> bool:
    """Say whether a value stands for none; the text “none” may be the name of a class."""
    if isinstance(value, str):
        return value.casefold() in MISSING - {"none"}
    return str(value).casefold() in MISSING


def refuse_missing_at(name: str, missing: BoolArray, text: str = "") -> None:
    """Refuse values of which some are missing, written as `text`."""
    if missing.any():
        first = [int(axis) for axis in np.argwhere(missing)[0]]
        written = f" (written {short(text)!r})" if text else ""
        msg = (
            f"{name} lack {int(missing.sum()):,} of {missing.size:,} values{written}, the first at "
            f"{first}; give one for every image, or drop the image everywhere."
        )
        raise JudgeError(msg)


def _of_objects(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return objects of one kind, such as those of pandas, as numbers, texts or bytes."""
    entries = array.ravel().tolist()
    missing = [not isinstance(entry, (str, bytes)) and is_missing(entry) for entry in entries]
    refuse_missing_at(name, np.array(missing, np.bool_).reshape(array.shape))
    kinds = {type(entry) if isinstance(entry, (str, bytes)) else None for entry in entries}
    if len(kinds) > 1:
        msg = f"{name} hold both numbers and texts, or texts and bytes; give one kind."
        raise JudgeError(msg)
    try:
        plain = np.array(entries) if entries else np.array([], np.str_)
    except ValueError:
        plain = array
    if plain.shape != (len(entries),):
        msg = f"{name} are objects; allowed are whole class numbers or class names."
        raise JudgeError(msg)
    return plain.reshape(array.shape)


def texts_of(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return bytes as texts in UTF-8, and anything else written out; without blanks around it."""
    try:
        text: npt.NDArray[Any] = (
            np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array.astype(np.str_)
        )
    except UnicodeDecodeError:
        msg = f"{name} are bytes that are no text in UTF-8; store them as text."
        raise JudgeError(msg) from None
    stripped: npt.NDArray[Any] = np.char.strip(text)
    return stripped


def _whole(name: str, array: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    for wrong, what in (
        (~np.isfinite(array), "NaN or infinite"),
        ((array != np.rint(array)) | (np.abs(array) >= 2**53), "no whole number"),
    ):
        if wrong.any():
            first = [int(axis) for axis in np.argwhere(wrong)[0]]
            msg = (
                f"{name} hold {int(wrong.sum()):,} of {array.size:,} values that are {what}, the "
                f"first at {first}; give a class for every image."
            )
            raise JudgeError(msg)
    return array.astype(np.int64)


class Labels(NamedTuple):
    """Labels `[N]`; of how many columns they were the arg max, 0 where of none; and a note."""

    labels_N: npt.NDArray[Any]
    n_columns: int = 0
    notes: tuple[str, ...] = ()


def class_labels(values: npt.ArrayLike) -> Labels:
    """Return labels `[N]`, whole numbers or names.

    Also taken are `[N,1]`, and one-hot rows `[N,K]`.

    Raises
    ------
    JudgeError
        If they are something else.
    """
    labels = plain_values("labels", values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and is_one_hot(labels):
        note = f"The labels are one-hot, of {labels.shape[1]} columns: that of the 1 is the class."
        return Labels(labels.argmax(axis=1), labels.shape[1], (note,))
    if labels.ndim != 1 or not labels.size:
        msg = f"labels have shape {shape_of(labels)}; give one per image [N], at least one."
        raise JudgeError(msg)
    return Labels(labels)


def is_one_hot(array: npt.NDArray[Any]) -> bool:
    """Say whether the last axis holds a single 1 and otherwise zeros throughout."""
    if array.dtype.kind not in "iu" or array.shape[-1] < 2 or not array.size:
        return False
    return bool(((array == 0) | (array == 1)).all() and (array.sum(axis=-1) == 1).all())


def class_readings(values: npt.ArrayLike, n_images: int) -> npt.NDArray[Any]:
    """Return predicted classes `[S,N]`; also taken are `[N]`, `[N,1]` and `[S,N,1]`.

    Raises
    ------
    JudgeError
        If they are something else.
    """
    preds = plain_values("predictions", values)
    if preds.ndim == 3 and preds.shape[2] == 1:
        preds = preds[:, :, 0]
    if preds.ndim == 2 and preds.shape == (n_images, 1):
        preds = preds[:, 0]
    if preds.ndim == 1:
        preds = preds[np.newaxis]
    if preds.ndim != 2 or not preds.size:
        msg = (
            f"predictions have shape {shape_of(preds)}; give one axis [images] or two [seeds, "
            "images]; scores [S,N,K] as `probs` or by from_scores."
        )
        raise JudgeError(msg)
    return preds


def column_names(
    class_names: Sequence[Any] | npt.NDArray[Any] | None, n_columns: int
) -> tuple[str, ...]:
    """Return the names of the classes that columns of scores stand for.

    Raises
    ------
    JudgeError
        If there are more or fewer names than columns.
    """
    if class_names is None:
        return tuple(map(str, range(n_columns)))
    names = tuple(map(str, plain_values("class names", [*class_names]).ravel().tolist()))
    if len(names) != n_columns:
        msg = (
            f"there are {len(names):,} class names ({short_list(names)}) and {n_columns:,} columns "
            "of scores; give one name per column, in their order."
        )
        raise JudgeError(msg)
    return names


def refuse_misspelt(kind: str, names: Collection[str], known: Collection[str]) -> None:
    """Refuse a name that is a known one but for its capitals: it would be left out in silence.

    Raises
    ------
    JudgeError
        That says how it must be written.
    """
    for name in names:
        plain = name.strip().casefold()
        if name not in known and plain in known and plain not in names:
            msg = f"there is {kind} {short(name)!r}; did you mean {plain!r}? Rename it."
            raise JudgeError(msg)
