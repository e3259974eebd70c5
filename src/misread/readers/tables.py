"""Predictions from tables that polars reads: its columns as codes, in little memory.

What a long table must hold stands in `misread.judge.tables`.
"""

from collections.abc import Callable, Collection

import numpy as np
import polars as pl

from misread.errors import DataError
from misread.judge.predictions import Predictions
from misread.judge.tables import (
    Column,
    refuse_fractions,
    refuse_missing,
    refuse_no_rows,
    whole_column,
)

_PLAIN = r"^(0|-?[1-9][0-9]{0,17})$"  # others, such as 007, stay as they are written


def from_columns(columns: Collection[str], column: Callable[[str], pl.Series]) -> Predictions:
    """Return predictions from the columns of a long table, a row per seed and image.

    Parameters
    ----------
    columns : collection of str
        Names of all columns, as in `misread.judge.tables.table`.
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

    def coded(name: str) -> Column:
        series = column(name)
        if name == "slice":
            series = series.cast(pl.String).fill_null("")
        return _coded(name, series)

    return Predictions.from_columns(columns, coded)


def _coded(name: str, series: pl.Series) -> Column:
    """Return a column as codes, as `misread.judge.tables.coded` does."""
    refuse_no_rows(series.len())
    if series.dtype.is_float() or series.dtype == pl.Decimal:
        series = series.cast(pl.Float64).fill_nan(None)
    if series.null_count():
        refuse_missing(name, series.is_null().to_numpy())
    if series.dtype.is_float():
        refuse_fractions(name, series.filter((series != series.round()) | (series.abs() >= 2**53)))
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
    low, high = int(series.min()), int(series.max())  # type: ignore[arg-type]
    if high - low > series.len() + 2**16:  # ranks take less memory than sorting places
        values = series.unique().sort()
        codes = (series.rank("dense") - 1).to_numpy()
        return Column(codes.astype(np.min_scalar_type(len(values))), values.to_numpy())
    return whole_column([chunk.to_numpy() for chunk in series.get_chunks()])


def _texts(series: pl.Series) -> Column:
    """Code texts through a hash table; texts that are all whole numbers become numbers."""
    if all(part.str.contains(_PLAIN).all() for part in (series.head(), series)):
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
