"""Predictions from long tables, with one row per seed and image: CSV, Parquet, data frames.

A column becomes codes into its distinct values, one column at a time, so that twenty seeds on a
million images need little memory and no sorting; the order of the rows never matters.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from misread.errors import DataError
from misread.judge.classes import AnyIntArray, class_list, in_order, listed, shown, united
from misread.judge.predictions import Predictions

NEEDED = ("id", "label", "prediction")
KNOWN = ("seed", *NEEDED, "slice", "disputed", "group")
CLEAN = "clean"

_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(\.0*)?")
_INT64 = r"^(0|-?[1-9][0-9]{0,17})$"  # others, such as 007, stay as they are written
_FRACTION = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf)", re.IGNORECASE
)


class Column(NamedTuple):
    """R values as codes `codes_R` into the distinct `values`, which are sorted."""

    codes_R: AnyIntArray
    values: npt.NDArray[Any]

    @property
    def names(self) -> list[str]:
        """The distinct values as strings."""
        return [str(value) for value in self.values.tolist()]


def from_columns(columns: Collection[str], column: Callable[[str], pl.Series]) -> Predictions:
    """Return predictions from the columns of a long table.

    Parameters
    ----------
    columns : collection of str
        Names of all columns: ``id``, ``label``, ``prediction``, and where there are several models
        ``seed``; optional are ``slice`` (rows with ``clean`` or nothing are the evaluation set;
        without such rows all are, and each slice is a view of them) ``disputed`` (0 or 1) and
        ``group`` (writer, patient).
    column : callable
        Returns a column by its name.

    Returns
    -------
    Predictions
        Images in the order of their ids, seeds in the order of their names.

    Raises
    ------
    DataError
        If a column or a value is missing, or seeds and images are not crossed exactly once.
    """
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        msg = (
            f"there is no column {listed([repr(name) for name in missing])}; the columns are: "
            f"{listed(list(columns)) or 'none'}. Needed are seed, id, label, prediction, and "
            "allowed are slice, disputed and group: rename the columns."
        )
        raise DataError(msg)
    ids = coded("id", column("id"))
    seeds = coded("seed", column("seed")) if "seed" in columns else None
    label, prediction = (_classes(name, column(name)) for name in ("label", "prediction"))
    united("in the column `label`", in_order(label.names), "in `prediction`",
           in_order(prediction.names))  # fmt: skip
    names = class_list({*label.names, *prediction.names})
    disputed = _flags(column("disputed")) if "disputed" in columns else None
    groups = coded("group", column("group")) if "group" in columns else None
    table = _Table(
        ids, seeds, _onto(label, names), _onto(prediction, names), disputed, groups, names
    )
    if "slice" not in columns:
        return table.predictions(None)
    views = coded("slice", column("slice").cast(pl.String).fill_null(""))
    clean_R = np.isin(views.codes_R, [k for k, v in enumerate(views.names) if v in ("", CLEAN)])
    whole = table.predictions(clean_R if clean_R.any() else None)
    for code, name in enumerate(views.names):
        if name not in ("", CLEAN):
            part = table.predictions(views.codes_R == code, f"slice “{shown(name)}”: ")
            whole = whole.with_slice(name, part)
    return whole


def from_frame(frame: Any) -> Predictions:
    """Return predictions from a long data frame of pandas or polars.

    Parameters
    ----------
    frame : DataFrame
        Any object with ``columns`` and columns by name that numpy understands; the columns are
        those of `from_columns`.

    Returns
    -------
    Predictions
        As `from_columns`.

    Raises
    ------
    DataError
        As `from_columns`.
    """
    return from_columns([str(name) for name in frame.columns], lambda name: _series(frame[name]))


def coded(name: str, series: pl.Series) -> Column:
    """Return a column as codes into its distinct values, without nulls.

    Raises
    ------
    DataError
        If a value is missing, or the column holds neither whole numbers nor text.
    """
    if not series.len():
        msg = "the table has no rows; give one per seed and image."
        raise DataError(msg)
    if series.dtype.is_float() or series.dtype == pl.Decimal:
        series = series.cast(pl.Float64).fill_nan(None)
    if series.null_count():
        first = series.is_null().arg_max()
        msg = (
            f"column `{name}` has {series.null_count():,} of {series.len():,} values missing, the "
            f"first in data row {(first or 0) + 1:,}; fill or drop these rows."
        )
        raise DataError(msg)
    if series.dtype.is_float():
        wrong = series.filter((series != series.round()) | (series.abs() >= 2**53))
        if len(wrong):
            msg = (
                f"column `{name}` holds {shown(wrong[0])!r}; allowed are whole numbers or names: "
                "take the arg max of scores first."
            )
            raise DataError(msg)
        series = series.cast(pl.Int64)
    if series.dtype == pl.Boolean:
        series = series.cast(pl.UInt8)
    if series.dtype.is_integer() and not str(series.dtype).endswith("128"):
        return _whole_numbers(series)
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object, pl.Null):
        msg = f"column `{name}` is of type {series.dtype}; allowed are whole numbers or names."
        raise DataError(msg)
    return _texts(series.cast(pl.String))


def _whole_numbers(series: pl.Series) -> Column:
    """Code whole numbers: through a table where they lie close together, else through ranks."""
    low, high = int(series.min()), int(series.max())  # type: ignore[arg-type]
    if high - low > series.len() + 2**16:
        values = series.unique().sort()
        codes = (series.rank("dense") - 1).to_numpy()
        return Column(codes.astype(np.min_scalar_type(len(values))), values.to_numpy())
    present = np.zeros(high - low + 1, np.bool_)
    for chunk in series.get_chunks():
        present[_offsets(chunk, low)] = True
    distinct = np.flatnonzero(present)
    table: AnyIntArray = np.zeros(len(present), np.min_scalar_type(len(distinct)))
    table[distinct] = np.arange(len(distinct))
    codes_R: AnyIntArray = np.empty(series.len(), table.dtype)
    start = 0
    for chunk in series.get_chunks():
        codes_R[start : start + len(chunk)] = table[_offsets(chunk, low)]
        start += len(chunk)
    values_V: npt.NDArray[Any] = distinct.astype(np.uint64 if high >= 2**63 else np.int64)
    values_V += low
    return Column(codes_R, values_V)


def _offsets(chunk: pl.Series, low: int) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Return numbers less the smallest; what overflows comes out right when read as unsigned."""
    numbers = chunk.to_numpy()
    offsets: npt.NDArray[np.unsignedinteger[Any]] = (numbers - numbers.dtype.type(low)).view(
        f"u{numbers.dtype.itemsize}"
    )
    return offsets


def _texts(series: pl.Series) -> Column:
    """Code texts through a hash table; texts that are all whole numbers become numbers."""
    if all(part.str.contains(_INT64).all() for part in (series.head(), series)):
        return _whole_numbers(series.cast(pl.Int64))
    codes = series.cast(pl.Categorical)
    distinct = codes.unique()
    places, values = distinct.to_physical().to_numpy(), distinct.cast(pl.String)
    order = values.arg_sort().to_numpy()
    small = np.min_scalar_type(len(values))
    table = np.zeros(int(places.max()) + 1, small)
    table[places[order]] = np.arange(len(values), dtype=small)
    ordered = values.to_numpy()[order].astype(np.str_)
    return Column(table[codes.to_physical().to_numpy()], ordered)


def _classes(name: str, series: pl.Series) -> Column:
    """Return a column of classes; texts such as 4.0 count as 4."""
    column = coded(name, series)
    if column.values.dtype.kind in "iu":
        return column
    names = column.names
    empty = np.flatnonzero([not text.strip() for text in names])
    if all(_FRACTION.fullmatch(text) for text in names if text.strip()):
        whole = [_WHOLE.fullmatch(text) for text in names]
        if all(whole):
            values = np.array([int(match[1]) for match in whole if match])
            found, place = np.unique(values, return_inverse=True)
            return Column(place.astype(column.codes_R.dtype)[column.codes_R], found)
        bad = [k for k, text in enumerate(names) if not _WHOLE.fullmatch(text)]
    else:
        bad = empty.tolist()
    if bad:
        rows = np.flatnonzero(np.isin(column.codes_R, bad))
        msg = (
            f"column `{name}` holds {shown(names[bad[0]])!r} or the like in {rows.size:,} of "
            f"{column.codes_R.size:,} rows, the first in data row {rows[0] + 1:,}; allowed are "
            "whole numbers or names: fill or drop these rows."
        )
        raise DataError(msg)
    return column


def _flags(series: pl.Series) -> npt.NDArray[np.bool_]:
    column = coded("disputed", series)
    true, false = ("1", "true"), ("0", "false")
    names = [name.lower() for name in column.names]
    wrong = [name for name in names if name not in (*true, *false)]
    if wrong:
        msg = f"column `disputed` holds {shown(wrong[0])!r}; allowed are 0 and 1."
        raise DataError(msg)
    flags: npt.NDArray[np.bool_] = np.array([name in true for name in names])[column.codes_R]
    return flags


def _onto(column: Column, names: Sequence[str]) -> AnyIntArray:
    """Return the codes of a column into `names`."""
    place = {name: code for code, name in enumerate(names)}
    table = np.array([place[n] for n in column.names], np.min_scalar_type(len(names)))
    codes: AnyIntArray = table[column.codes_R]
    return codes


class _Table(NamedTuple):
    """A long table in codes; R rows."""

    ids: Column
    seeds: Column | None
    label_R: AnyIntArray
    prediction_R: AnyIntArray
    disputed_R: npt.NDArray[np.bool_] | None
    groups: Column | None
    class_names: tuple[str, ...]

    def predictions(self, chosen_R: npt.NDArray[np.bool_] | None, where: str = "") -> Predictions:
        """Return the predictions of the chosen rows."""
        chosen: Any = slice(None) if chosen_R is None else chosen_R
        image_R, ids = self.ids.codes_R[chosen], self.ids.values
        if chosen_R is not None:
            image = _whole_numbers(pl.Series(image_R))
            image_R, ids = image.codes_R, ids[image.values]
        n_seeds = 1 if self.seeds is None else len(self.seeds.values)
        size = n_seeds * len(ids)
        place_R = image_R.astype(np.min_scalar_type(max(size, 1)))
        if self.seeds is not None:
            place_R += self.seeds.codes_R[chosen].astype(place_R.dtype) * place_R.dtype.type(
                len(ids)
            )
        self._crossed(place_R, ids, n_seeds, where)
        rows_SN = self._spread(self.prediction_R[chosen], place_R, n_seeds)
        label_SN = self._spread(self.label_R[chosen], place_R, n_seeds)
        self._agree(label_SN, ids, self.class_names, where)
        found = Predictions(
            label_SN[0].copy(),
            rows_SN,
            self.class_names,
            None if self.seeds is None else tuple(self.seeds.names),
            ids,
        )
        if self.groups is not None:
            group_SN = self._spread(self.groups.codes_R[chosen], place_R, n_seeds)
            self._agree(group_SN, ids, self.groups.names, where, "group")
            found = replace(found, groups=self.groups.values[group_SN[0]])
        if self.disputed_R is None:
            return found
        disputed_SN = self._spread(self.disputed_R[chosen], place_R, n_seeds)
        return replace(found, disputed_N=disputed_SN.any(axis=0))

    @staticmethod
    def _spread(values_R: npt.NDArray[Any], place_R: AnyIntArray, n_seeds: int) -> Any:
        spread = np.empty(values_R.size, values_R.dtype)
        spread[place_R] = values_R
        return spread.reshape(n_seeds, -1)

    def _crossed(
        self, place_R: AnyIntArray, ids: npt.NDArray[Any], n_seeds: int, where: str
    ) -> None:
        """Refuse a table that does not hold each image once for each seed."""
        seen = np.zeros(n_seeds * len(ids), np.bool_)
        seen[place_R] = True
        n_twice, n_missing = place_R.size - int(seen.sum()), int((~seen).sum())
        if n_twice:
            times = np.bincount(place_R, minlength=seen.size)
            at = self._told(int(np.argmax(times > 1)), ids)
            msg = (
                f"{where}rows that repeat {'a seed and ' if self.seeds else ''}an image: "
                f"{n_twice:,}, for example {at} ({times.max():,} rows); give each once"
                + ("." if self.seeds else ", or a column `seed` if there are several models.")
            )
            raise DataError(msg)
        if n_missing:
            at = self._told(int(np.argmin(seen)), ids)
            msg = (
                f"{where}{n_missing:,} of {seen.size:,} readings are missing, for example {at}; "
                "every seed must read every image: add these rows or drop the image everywhere."
            )
            raise DataError(msg)

    def _told(self, place: int, ids: npt.NDArray[Any]) -> str:
        seed, image = divmod(place, len(ids))
        return (
            f"seed {shown(self.seeds.names[seed])}, " if self.seeds else ""
        ) + f"id {shown(ids[image])}"

    @staticmethod
    def _agree(
        value_SN: AnyIntArray,
        ids: npt.NDArray[Any],
        names: Sequence[str],
        where: str,
        what: str = "label",
    ) -> None:
        """Refuse labels, or groups, that differ between the rows of one image."""
        differ_N = np.zeros(value_SN.shape[1], np.bool_)
        for row_N in value_SN[1:]:
            differ_N |= row_N != value_SN[0]
        if differ_N.any():
            n = int(np.argmax(differ_N))
            told = listed([names[k] for k in np.unique(value_SN[:, n])])
            msg = (
                f"{where}{int(differ_N.sum()):,} of {differ_N.size:,} images have several {what}s, "
                f"for example id {shown(ids[n])}: {told}; give each image one {what}."
            )
            raise DataError(msg)


def _series(values: Any) -> pl.Series:
    """Return a column of any data frame as one of polars."""
    if isinstance(values, pl.Series):
        return values
    array = np.asarray(values)
    if array.dtype.kind != "O":
        return pl.Series(array)
    known = [None if value is None or value != value else value for value in array.tolist()]  # noqa: PLR0124  NaN
    if any(isinstance(value, str) for value in known):
        known = [None if value is None else str(value) for value in known]
    try:
        return pl.Series(known)
    except (TypeError, pl.exceptions.PolarsError, OverflowError) as error:
        msg = f"a column holds values that are neither numbers nor names ({error}); mend it."
        raise DataError(msg) from None
