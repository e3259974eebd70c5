"""Predictions from tables that polars reads: its columns as codes, in little memory.

What a long table must hold stands in `misread.judge.tables`.
"""

from collections.abc import Callable, Collection

import numpy as np
import polars as pl

from misread.judge.columns import Column, coded, refuse_missing, whole_column
from misread.judge.predictions import Predictions

_PLAIN = r"^(0|-?[1-9][0-9]{0,17})$"  # others, such as 007, stay as they are written


def from_columns(columns: Collection[str], column: Callable[[str], pl.Series]) -> Predictions:
    """Return predictions from the columns of a long table, a row per seed and image.

    `columns` names them, as in `misread.judge.tables.long_table`. Images come in the order of their
    ids, seeds in that of their names. DataError if a column or a value is missing, or seeds and
    images are not crossed exactly once.
    """
    return Predictions.from_columns(columns, lambda name: _coded(name, column(name)))


def _coded(name: str, series: pl.Series) -> Column:
    """Return a column as `misread.judge.columns.coded` does, texts through polars."""
    if name == "slice":
        series = series.cast(pl.String).fill_null("")
    if series.dtype.is_integer() and not series.null_count() and series.len():
        return coded(name, series) if series.dtype == pl.Int128 else _whole_numbers(series)
    if series.dtype != pl.String:
        return coded(name, series)
    refuse_missing(name, series.is_null().to_numpy())
    if all(part.str.contains(_PLAIN).all() for part in (series.head(), series)):
        return _whole_numbers(series.cast(pl.Int64))
    codes = series.cast(pl.Categorical)
    distinct = codes.unique()
    places, values = distinct.to_physical().to_numpy(), distinct.cast(pl.String)
    order = values.arg_sort().to_numpy()
    small = np.min_scalar_type(len(values))
    rank_V = np.zeros(int(places.max()) + 1, small)
    rank_V[places[order]] = np.arange(len(values), dtype=small)
    ordered = values.to_numpy()[order].astype(np.str_)
    return Column(rank_V[codes.to_physical().to_numpy()], ordered)


def _whole_numbers(series: pl.Series) -> Column:
    low, high = int(series.min()), int(series.max())  # type: ignore[arg-type]
    if high - low > series.len() + 2**16:  # far apart: ranks are faster than sorting places
        values = series.unique().sort().to_numpy()
        codes = (series.rank("dense") - 1).to_numpy()
        return Column(codes.astype(np.min_scalar_type(len(values))), values)
    return whole_column([chunk.to_numpy() for chunk in series.get_chunks()])
