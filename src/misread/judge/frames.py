"""Data frames of pandas and polars as columns by name, whatever their index."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import refuse_misspelt, refuse_repeats
from misread.judge.columns import coded, tidied
from misread.judge.tables import KNOWN, NEEDED
from misread.judge.values import MISSING_CLASS

Columns = tuple[list[str], Callable[[str], Any]]  # names, and what returns a column by its name


def long_frame(frame: Any) -> Columns:
    """Return the columns of a long frame; without a column ``id`` the index of pandas is one.

    A plain count from 0 on is one only where there is no column ``seed``. JudgeError if two columns
    have one name.
    """
    names, column, index = _opened(frame)
    if (
        "id" in names
        or index is None
        or ("seed" in names and np.array_equal(index, np.arange(len(index))))
    ):
        return names, column
    return [*names, "id"], lambda name: index if name == "id" else column(name)


def wide_frame(
    frame: Any, labels_N: npt.ArrayLike
) -> tuple[npt.ArrayLike, npt.NDArray[Any], list[str], npt.ArrayLike | None]:
    """Return labels `[N]`, readings `[S,N]`, and names of seeds and images of a wide frame.

    Labels with an index of pandas come in the order of its rows.

    JudgeError if it has a column of labels, or labels have another index; DataError if a value is
    missing or no class.
    """
    names, column, index = _opened(frame)
    if {*NEEDED} <= {*names}:
        msg = "this frame has a column of labels; leave `labels_N` out."
        raise JudgeError(msg)
    seeds = [name for name in names if name != "id"]
    known = [name for name in seeds if name in KNOWN]
    if known or not seeds:
        has = f"a column {known[0]!r}" if known else "no column of a seed"
        msg = (
            f"a wide frame has a row per image and a column per seed; this one has {has}: drop it."
        )
        raise JudgeError(msg)
    rows = [tidied(name, coded(name, column(name)), MISSING_CLASS) for name in seeds]
    ids = column("id") if "id" in names else index
    if index is not None and hasattr(labels_N, "reindex"):
        labels_N = _in_order_of(index, labels_N)
    return labels_N, np.stack([row.values[row.codes_R] for row in rows]), seeds, ids


def _opened(frame: Any) -> tuple[*Columns, Any]:
    """Return the columns of a frame, and the index of pandas or None."""
    if hasattr(frame, "collect"):
        frame = frame.collect()
    index: Any = frame.index if hasattr(frame, "reset_index") else None
    levels = [name for name in getattr(index, "names", ()) if name in KNOWN]
    if levels:
        frame = frame.reset_index(level=levels)
        index = frame.index if len(levels) < index.nlevels else None
    names = [str(name).strip() for name in frame.columns]
    refuse_repeats("columns", names)
    refuse_misspelt("a column", names, KNOWN)
    label_of = dict(zip(names, frame.columns, strict=True))
    return names, lambda name: frame[label_of[name]], index


def _in_order_of(index: Any, labels: Any) -> Any:
    """Return labels, which have an index of pandas, in the order of another one."""
    if index.equals(labels.index):
        return labels
    if not (index.is_unique and labels.index.is_unique and {*index} == {*labels.index}):
        msg = (
            "the labels have another index than the frame; give both the same, or labels as an "
            "array where their rows are in the same order."
        )
        raise JudgeError(msg)
    return labels.reindex(index)
