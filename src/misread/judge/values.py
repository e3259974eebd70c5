"""Arrays of any kind as whole numbers or names, in whatever way they are written."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import BoolArray
from misread.judge.classes import (
    AnyIntArray,
    class_list,
    codes_of,
    refuse_disjoint,
    shape_of,
    short,
    short_list,
)

# How files write that a value is missing.
MISSING = frozenset(
    {"", "nan", "-nan", "na", "n/a", "#na", "#n/a", "<na>", "nat", "null", "nil", "none", "missing"}
)
MISSING_CLASS = MISSING - {"none"}  # a class may be called so
_WHOLE_TEXT = re.compile(r"(0|-?[1-9][0-9]{0,17})(\.0*)?")  # 007 stays as it is written


def plain_values(
    name: str, values: npt.ArrayLike, missing: frozenset[str] = MISSING
) -> npt.NDArray[Any]:
    """Return whole numbers, or names as texts without blanks around them; any axes.

    Booleans, whole floats and texts such as ``4.0`` are whole numbers, bytes are UTF-8. JudgeError,
    which begins with `name`, if a value is missing, a fraction, or neither number nor text.
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
    bad = [k for k, text in enumerate(plain.tolist()) if str(text).casefold() in missing]
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


def names_of(
    what: str, names: Sequence[Any] | npt.NDArray[Any], missing: frozenset[str] = MISSING
) -> tuple[str, ...]:
    """Return names of seeds or classes as they are written, 11.0 as 11."""
    return tuple(map(str, plain_values(what, [*names], missing).ravel().tolist()))


def is_missing(value: object) -> bool:
    """Say whether a value stands for none."""
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
    """Return bytes as texts in UTF-8, and numbers written out; without blanks around them."""
    if array.dtype.kind not in "SUbiuf":
        msg = f"{name} are {array.dtype} values; allowed are texts."
        raise JudgeError(msg)
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
                f"first at {first}; give a value for every image."
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

    Also taken are `[N,1]`, and one-hot rows `[N,K]`; JudgeError if they are something else.
    """
    labels = plain_values("labels", values, MISSING_CLASS)
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

    JudgeError if they are something else.
    """
    preds = plain_values("predictions", values, MISSING_CLASS)
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

    JudgeError if there are more or fewer names than columns.
    """
    if class_names is None:
        return tuple(map(str, range(n_columns)))
    names = names_of("class names", class_names, MISSING_CLASS)
    if len(names) != n_columns:
        msg = (
            f"there are {len(names):,} class names ({short_list(names)}) and {n_columns:,} columns "
            "of scores; give one name per column, in their order."
        )
        raise JudgeError(msg)
    return names


def coded_classes(
    labels_N: npt.NDArray[Any], preds_SN: npt.NDArray[Any], class_names: Sequence[Any] | None
) -> tuple[tuple[str, ...], AnyIntArray, AnyIntArray]:
    """Return the names of all classes, and labels and predictions as codes, in a small type.

    JudgeError if a name is missing or strange to the others.
    """
    parts = labels_N, preds_SN
    if class_names is not None:
        names = names_of("class names", class_names, MISSING_CLASS)
        labels, preds = (codes_of(p, names) if p.dtype.kind == "U" else p for p in parts)
    else:
        of_labels, of_preds = ({*map(str, np.unique(p).tolist())} for p in parts)
        names = class_list(of_labels | of_preds)
        refuse_disjoint(of_labels, of_preds)
        labels, preds = (codes_of(p, names) for p in parts)
    if all(part.min() >= 0 and part.max() < len(names) for part in (labels, preds)):
        small = np.min_scalar_type(len(names))
        labels, preds = (part.astype(small, copy=False) for part in (labels, preds))
    return names, labels, preds
