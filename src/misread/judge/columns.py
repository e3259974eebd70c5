"""Columns of tables as codes into their distinct values; any library's columns will do.

One column at a time, so that twenty seeds on a million images need little memory and no sorting.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.judge.checks import BoolArray
from misread.judge.classes import AnyIntArray, short
from misread.judge.values import MISSING, is_missing, plain_texts

_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(\.0*)?")  # a class, where all are numbers
_PLAIN = re.compile(r"0|-?[1-9][0-9]{0,17}")  # others, such as 007, stay as they are written
_FRACTION = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf)", re.IGNORECASE
)


class Column(NamedTuple):
    """R values as codes `codes_R` into the distinct `values`, which are sorted."""

    codes_R: AnyIntArray
    values: npt.NDArray[Any]

    def with_values(self, place_V: AnyIntArray, values: npt.NDArray[Any]) -> "Column":
        """Return the column in which value v is ``values[place_V[v]]``."""
        return Column(place_V.astype(self.codes_R.dtype)[self.codes_R], values)

    @property
    def names(self) -> list[str]:
        """The distinct values as strings."""
        return [str(value) for value in self.values.tolist()]


def coded(name: str, values: Any) -> Column:
    """Return a column of any data frame as codes into its distinct values.

    A Series of pandas or polars, or anything that numpy understands; in the column ``slice``
    nothing stands for the evaluation set. Whole numbers stay such, also as texts; everything else
    becomes text.

    Raises
    ------
    DataError
        If a value is missing, or the column holds neither whole numbers nor text.
    """
    kind = str(getattr(values, "dtype", ""))
    array = np.array(list(values), object) if "128" in kind else np.asarray(values)
    missing_R = np.zeros(len(array), np.bool_)
    if array.dtype.kind == "O":
        entries = [None if _is_missing(value) else value for value in array.tolist()]
        if name == "slice":
            entries = ["" if entry is None else entry for entry in entries]
        refuse_missing(name, np.array([entry is None for entry in entries]))
        entries = [e.decode("utf-8", "replace") if isinstance(e, bytes) else e for e in entries]
        if any(isinstance(entry, str) for entry in entries):
            return text_column(list(map(str, entries)))
        array = np.asarray(entries) if not any(hasattr(e, "__len__") for e in entries) else array
        array = array.astype(np.float64) if "decimal" in kind.lower() else array
    elif array.dtype.kind == "f":
        missing_R = np.isnan(array)
    refuse_missing(name, missing_R)
    if array.dtype.kind == "f":
        refuse_fractions(name, array[(array != np.rint(array)) | (np.abs(array) >= 2**53)])
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "biuUSM":
        msg = f"column `{name}` is of type {kind}; allowed are whole numbers or names."
        raise DataError(msg)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind in "UM":
        return text_column(array.astype(np.str_).tolist())
    return whole_column([array.astype(np.uint8) if array.dtype.kind == "b" else array])


def whole_column(chunks: Sequence[AnyIntArray]) -> Column:
    """Code whole numbers: through a table where they lie close together, else by sorting."""
    low, high = min(int(c.min()) for c in chunks), max(int(c.max()) for c in chunks)
    n_rows = sum(map(len, chunks))
    if high - low > n_rows + 2**16:
        values, codes_R = np.unique(np.concatenate(chunks), return_inverse=True)
        return Column(codes_R.astype(np.min_scalar_type(len(values))), values)

    def offsets(chunk: AnyIntArray) -> npt.NDArray[Any]:
        """Return numbers less the smallest; what overflows comes out right read as unsigned."""
        return (chunk - chunk.dtype.type(low)).view(f"u{chunk.dtype.itemsize}")

    present = np.zeros(high - low + 1, np.bool_)
    for chunk in chunks:
        present[offsets(chunk)] = True
    distinct = np.flatnonzero(present)
    place_V: AnyIntArray = np.zeros(len(present), np.min_scalar_type(len(distinct)))
    place_V[distinct] = np.arange(len(distinct))
    values_V: npt.NDArray[Any] = distinct.astype(np.uint64 if high >= 2**63 else np.int64)
    values_V += low
    return Column(np.concatenate([place_V[offsets(chunk)] for chunk in chunks]), values_V)


def text_column(texts: list[str]) -> Column:
    """Code texts; those that are all whole numbers in plain writing become numbers."""
    place: dict[str, int] = {}
    code_R = np.fromiter((place.setdefault(text, len(place)) for text in texts), np.int64)
    values: npt.NDArray[Any] = np.array(list(place), np.str_)
    if all(map(_PLAIN.fullmatch, place)):
        values = values.astype(np.int64)
    order = np.argsort(values, kind="stable")
    rank_V = np.empty(len(values), np.min_scalar_type(len(values)))
    rank_V[order] = np.arange(len(values))
    return Column(rank_V[code_R], values[order])


def tidied(name: str, column: Column, missing: frozenset[str] = MISSING) -> Column:
    """Return a column of texts without blanks around them; numbers written 4.0 become numbers.

    DataError if a text stands for a missing value, which in ``slice`` is the evaluation set.
    """
    if column.values.dtype.kind in "iu":
        return column
    texts = ["" if name == "slice" and is_missing(text) else text for text in column.names]
    plain = plain_texts(texts)
    bad = [k for k, text in enumerate(plain.tolist()) if str(text).casefold() in missing]
    bad = [] if name == "slice" else bad
    if bad:
        rows = np.flatnonzero(np.isin(column.codes_R, bad))
        msg = (
            f"column `{name}` holds {short(column.names[bad[0]])!r} or the like in {rows.size:,} "
            f"of {column.codes_R.size:,} rows, the first in data row {rows[0] + 1:,}, as for a "
            "missing value; fill or drop these rows."
        )
        raise DataError(msg)
    values, place = np.unique(plain, return_inverse=True)
    if all(map(_PLAIN.fullmatch, map(str, values.tolist()))):
        values = values.astype(np.int64)
        order = np.argsort(values)
        values, place = values[order], np.argsort(order)[place]
    return column.with_values(place, values)


def refuse_missing(name: str, missing_R: BoolArray) -> None:
    """Refuse a column without rows or with values missing."""
    if not missing_R.size:
        msg = "the table has no rows; give one per seed and image."
        raise DataError(msg)
    if missing_R.any():
        msg = (
            f"column `{name}` has {np.count_nonzero(missing_R):,} of {missing_R.size:,} values "
            f"missing, the first in data row {int(missing_R.argmax()) + 1:,}; fill or drop these "
            "rows."
        )
        raise DataError(msg)


def refuse_fractions(name: str, wrong: Any) -> None:
    """Refuse a column of which `wrong` are no whole numbers."""
    if len(wrong):
        msg = (
            f"column `{name}` holds {short(wrong[0])!r}; allowed are whole numbers or names: "
            "take the arg max of scores first."
        )
        raise DataError(msg)


def _is_missing(value: Any) -> bool:
    return not isinstance(value, str) and str(value).lower() in {"none", "nan", "<na>", "nat"}


def class_column(name: str, column: Column) -> Column:
    """Return a column of classes; where all are numbers, 007 counts as 7."""
    if column.values.dtype.kind in "iu":
        return column
    names = column.names
    if not all(map(_FRACTION.fullmatch, names)):
        return column
    whole = [_WHOLE.fullmatch(text) for text in names]
    refuse_fractions(name, [text for text, match in zip(names, whole, strict=True) if not match])
    values = np.array([int(match[1]) for match in whole if match])
    distinct, place = np.unique(values, return_inverse=True)
    return column.with_values(place, distinct)


def flag_column(name: str, column: Column) -> BoolArray:
    """Return the flags of a column of 0 and 1, true and false, yes and no."""
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    values = [known.get(value.lower()) for value in column.names]
    if None in values:
        wrong = column.names[values.index(None)].lower()
        msg = f"column `{name}` holds {short(wrong)!r}; allowed are 0 and 1."
        raise DataError(msg)
    chosen_R: BoolArray = np.array(values, np.bool_)[column.codes_R]
    return chosen_R


def codes_into(column: Column, names: Sequence[str]) -> AnyIntArray:
    """Return the codes of a column into `names`."""
    place = {name: code for code, name in enumerate(names)}
    code_V = np.array([place[n] for n in column.names], np.min_scalar_type(len(names)))
    code_R: AnyIntArray = code_V[column.codes_R]
    return code_R
