"""Images from tables of numbers: a row per image, the pixels of a square, a column of classes."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from misread.data.arrays import Raw
from misread.errors import DataError, JudgeError
from misread.judge.checks import refuse_repeats
from misread.memory import allow

_CLASS = ("label", "class", "target")
_PIXEL = re.compile(r"[A-Za-z_]*[0-9]+([x_-][0-9]+)?")  # as in pixel12, 3x4, p7


def read_table(path: Path, label: str | None = None) -> tuple[Raw, str]:
    """Return the images of a CSV, and which column is the class: `label`, where that is known.

    DataError if it is no table of numbers, or its class is not clear.
    """
    import polars as pl  # noqa: PLC0415  half a second that other sources need not wait

    try:
        first = _first_line(path)
        separator = max(",;\t", key=first.count)
        heads = [head.strip().strip('"') for head in first.split(separator)]
        headed = any(re.search("[A-Za-z_]", word) for word in heads[:-1])  # a class may be a word
        names = heads if headed else [f"column_{k + 1}" for k in range(len(heads))]
        refuse_repeats("columns", names)
        with path.open("rb") as raw:
            n_rows = sum(chunk.count(b"\n") for chunk in iter(lambda: raw.read(2**24), b"")) + 1
        allow(path.stat().st_size + 16 * n_rows * len(names), str(path))
        table = pl.read_csv(
            path,
            glob=False,
            has_header=headed,
            new_columns=names,
            separator=separator,
            comment_prefix="#",
            infer_schema_length=None,
        )
        chosen = _label_column(table, label, headed=headed)
        return of_table(table, chosen), chosen
    except (pl.exceptions.PolarsError, OSError, ValueError, JudgeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        msg = f"{path} cannot be read as a table of numbers ({reason}); give a row per image."
        raise DataError(msg) from None


def _first_line(path: Path) -> str:
    """Return the first line of a CSV that is no comment; ValueError if that is blank."""
    with path.open("r", encoding="utf-8", errors="replace") as file:
        lines = (line for line in iter(lambda: file.readline(2**20), "") if line[0] != "#")
        first = next(lines, "").strip("\ufeff\r\n")
    if not first.strip():
        msg = "its first line is blank: remove it" if path.stat().st_size else "it is empty"
        raise ValueError(msg)
    return first


def _label_column(table: Any, label: str | None, *, headed: bool) -> str:
    """Return the column that is the class, `label` where the training set has said so.

    Nothing is guessed where two could be. ValueError if none or several can be.
    """
    names: list[str] = table.columns
    if label in names:
        return label
    if label is not None:
        msg = f"there is no column {label!r}, which is the class in the training set"
        raise ValueError(msg)
    if headed:
        known = [name for name in names if name.lower() in _CLASS]
        odd = known or [name for name in names if not _PIXEL.fullmatch(name)]
        if len(odd) == 1:
            return odd[0]
        what = f"several, {', '.join(odd[:3])}" if odd else "none"
        msg = f"of columns label, class or target it has {what}: call one label"
        raise ValueError(msg)
    ends = dict.fromkeys((names[0], names[-1]))
    can_be = [name for name in ends if 1 < table[name].n_unique() <= max(2, len(table) // 2)]
    if len(can_be) != 1:
        msg = "it has no names of columns, and the class may be the first or the last: name them"
        raise ValueError(msg)
    return can_be[0]


def of_table(table: Any, label: str) -> Raw:
    """Return flat images `[N,P]` and labels of a polars frame, whose column `label` is the class.

    ValueError if values are missing or there is no other column; PolarsError if there are words in
    it.
    """
    import polars as pl  # noqa: PLC0415  as above

    pixels = table.drop(label).cast(pl.Float32, strict=True)
    if not pixels.width or not pixels.height or sum(table.null_count().row(0)):
        msg = "values are missing"
        raise ValueError(msg)
    classes = table[label]
    if not classes.dtype.is_numeric():
        classes = classes.cast(pl.String)
    values = classes.to_numpy()
    return Raw(pixels.to_numpy(), values.astype(np.str_) if values.dtype.kind == "O" else values)
