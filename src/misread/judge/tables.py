"""Long tables, a row per seed and image, as arrays; any library's columns will do.

A column becomes codes into its distinct values, one column at a time, so that twenty seeds on a
million images need little memory and no sorting; the order of the rows never matters.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.judge.checks import BoolArray
from misread.judge.classes import AnyIntArray, class_list, in_order, short, short_list, united

NEEDED = ("id", "label", "prediction")
KNOWN = ("seed", *NEEDED, "slice", "disputed", "group")
CLEAN = "clean"

_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(\.0*)?")
_PLAIN = re.compile(r"0|-?[1-9][0-9]{0,17}")  # others, such as 007, stay as they are written
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


class Part(NamedTuple):
    """The readings of one slice, `name` "" for the evaluation set itself."""

    name: str
    labels_N: AnyIntArray
    preds_SN: AnyIntArray
    ids: npt.NDArray[Any]
    disputed_N: BoolArray | None
    groups: npt.NDArray[Any] | None


class Table(NamedTuple):
    """A long table in codes; R rows."""

    class_names: tuple[str, ...]
    seeds: tuple[str, ...] | None
    seed_R: AnyIntArray
    ids: Column
    label_R: AnyIntArray
    prediction_R: AnyIntArray
    slices: Column | None
    disputed_R: BoolArray | None
    groups: Column | None

    def parts(self) -> Iterator[Part]:
        """Yield the evaluation set, and then each slice.

        Rows of the slice ``clean`` or without one are the evaluation set; without such rows all
        are, and each slice is a view of them.

        Raises
        ------
        DataError
            If a part does not hold each image once for each seed.
        """
        if self.slices is None:
            yield self._part("", None)
            return
        names = self.slices.names
        clean_R = np.isin(
            self.slices.codes_R, [k for k, name in enumerate(names) if name in ("", CLEAN)]
        )
        yield self._part("", clean_R if clean_R.any() else None)
        for code, name in enumerate(names):
            if name not in ("", CLEAN):
                yield self._part(name, self.slices.codes_R == code)

    def _part(self, name: str, chosen_R: BoolArray | None) -> Part:
        where = f"slice “{short(name)}”: " if name else ""
        chosen: Any = slice(None) if chosen_R is None else chosen_R
        image_R, ids = self.ids.codes_R[chosen], self.ids.values
        if chosen_R is not None:
            image_R, places = whole_column([image_R])
            ids = ids[places]
        n_seeds = 1 if self.seeds is None else len(self.seeds)
        size = n_seeds * len(ids)
        place_R = image_R.astype(np.min_scalar_type(max(size, 1)))
        if self.seeds is not None:
            place_R += self.seed_R[chosen].astype(place_R.dtype) * place_R.dtype.type(len(ids))
        self._refuse_gaps(place_R, ids, n_seeds, where)

        def crossed(values_R: npt.NDArray[Any]) -> npt.NDArray[Any]:
            value_SN = np.empty(place_R.size, values_R.dtype)
            value_SN[place_R] = values_R[chosen]
            return value_SN.reshape(n_seeds, -1)

        def per_image(values_R: npt.NDArray[Any], names: Sequence[str], what: str) -> Any:
            value_SN = crossed(values_R)
            _refuse_several(value_SN, ids, names, where, what)
            return value_SN[0].copy()

        label_N = per_image(self.label_R, self.class_names, "label")
        disputed_N = groups = None
        if self.disputed_R is not None:
            disputed_N = np.asarray(crossed(self.disputed_R).any(axis=0))
        if self.groups is not None:
            groups = self.groups.values[per_image(self.groups.codes_R, self.groups.names, "group")]
        return Part(name, label_N, crossed(self.prediction_R), ids, disputed_N, groups)

    def _refuse_gaps(
        self, place_R: AnyIntArray, ids: npt.NDArray[Any], n_seeds: int, where: str
    ) -> None:
        """Refuse a table that does not hold each image once for each seed."""
        seen = np.zeros(n_seeds * len(ids), np.bool_)
        seen[place_R] = True

        def reading(place: int) -> str:
            seed, image = divmod(place, len(ids))
            prefix = f"seed {short(self.seeds[seed])}, " if self.seeds else ""
            return f"{prefix}id {short(ids[image])}"

        n_twice, n_missing = place_R.size - int(seen.sum()), int((~seen).sum())
        if n_twice:
            times = np.bincount(place_R, minlength=seen.size)
            msg = (
                f"{where}rows that repeat {'a seed and ' if self.seeds else ''}an image: "
                f"{n_twice:,}, for example {reading(int(np.argmax(times > 1)))} ({times.max():,} "
                "rows); give each once"
                + ("." if self.seeds else ", or a column `seed` if there are several models.")
            )
            raise DataError(msg)
        if n_missing:
            msg = (
                f"{where}{n_missing:,} of {seen.size:,} readings are missing, for example "
                f"{reading(int(np.argmin(seen)))}; every seed must read every image: add these "
                "rows or drop the image everywhere."
            )
            raise DataError(msg)


def table(columns: Collection[str], column: Callable[[str], Column]) -> Table:
    """Return a long table in codes, reading a column at a time.

    Parameters
    ----------
    columns : collection of str
        Names of all columns: ``id``, ``label``, ``prediction``, and where there are several models
        ``seed``; optional are ``slice``, ``disputed`` (0 or 1) and ``group`` (writer, patient).
    column : callable
        Returns a column by its name, as `coded` does.

    Returns
    -------
    Table
        Images in the order of their ids, seeds in the order of their names.

    Raises
    ------
    DataError
        If a column or a value is missing, or a value is none that its column may hold.
    """
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        msg = (
            f"there is no column {short_list([repr(name) for name in missing])}; the columns are: "
            f"{short_list(list(columns)) or 'none'}. Needed are seed, id, label, prediction, and "
            "allowed are slice, disputed and group: rename the columns."
        )
        raise DataError(msg)
    ids = column("id")
    seeds = column("seed") if "seed" in columns else None
    label, prediction = (_classes(name, column(name)) for name in ("label", "prediction"))
    united("in the column `label`", in_order(label.names), "in `prediction`",
           in_order(prediction.names))  # fmt: skip
    names = class_list({*label.names, *prediction.names})
    disputed_R = _flags(column("disputed")) if "disputed" in columns else None
    return Table(
        names,
        None if seeds is None else tuple(seeds.names),
        ids.codes_R if seeds is None else seeds.codes_R,
        ids,
        _onto(label, names),
        _onto(prediction, names),
        column("slice") if "slice" in columns else None,
        disputed_R,
        column("group") if "group" in columns else None,
    )


def coded(name: str, values: Any) -> Column:
    """Return a column of any data frame as codes into its distinct values.

    Parameters
    ----------
    name : str
        Of the column; in ``slice`` nothing stands for the evaluation set.
    values : array_like
        A Series of pandas or polars, or anything that numpy understands.

    Returns
    -------
    Column
        Whole numbers stay such, also as texts; everything else becomes text.

    Raises
    ------
    DataError
        If a value is missing, or the column holds neither whole numbers nor text.
    """
    kind = str(getattr(values, "dtype", ""))
    array = np.array(list(values), object) if kind.endswith("128") else np.asarray(values)
    refuse_no_rows(len(array))
    if array.dtype.kind == "O":
        texts = [None if _is_missing(value) else value for value in array.tolist()]
        if name == "slice":
            texts = [text or "" for text in texts]
        refuse_missing(name, np.array([text is None for text in texts]))
        if any(isinstance(text, str) for text in texts):
            return text_column(list(map(str, texts)))
        array = np.asarray(texts) if not any(hasattr(t, "__len__") for t in texts) else array
        array = array.astype(np.float64) if "decimal" in kind.lower() else array
    if array.dtype.kind == "f":
        refuse_missing(name, np.isnan(array))
        refuse_fractions(name, array[(array != np.rint(array)) | (np.abs(array) >= 2**53)])
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "biuUM":
        msg = f"column `{name}` is of type {kind}; allowed are whole numbers or names."
        raise DataError(msg)
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


def refuse_no_rows(n_rows: int) -> None:
    """Refuse a table without rows."""
    if not n_rows:
        msg = "the table has no rows; give one per seed and image."
        raise DataError(msg)


def refuse_missing(name: str, missing_R: BoolArray) -> None:
    """Refuse a column with values missing."""
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


def _classes(name: str, column: Column) -> Column:
    """Return a column of classes; texts such as 4.0 count as 4."""
    if column.values.dtype.kind in "iu":
        return column
    names = column.names
    bad = [k for k, text in enumerate(names) if not text.strip()]
    if all(_FRACTION.fullmatch(text) for text in names if text.strip()):
        whole = [_WHOLE.fullmatch(text) for text in names]
        if all(whole):
            values = np.array([int(match[1]) for match in whole if match])
            distinct, place = np.unique(values, return_inverse=True)
            return Column(place.astype(column.codes_R.dtype)[column.codes_R], distinct)
        bad = [k for k, match in enumerate(whole) if not match]
    if bad:
        rows = np.flatnonzero(np.isin(column.codes_R, bad))
        msg = (
            f"column `{name}` holds {short(names[bad[0]])!r} or the like in {rows.size:,} of "
            f"{column.codes_R.size:,} rows, the first in data row {rows[0] + 1:,}; allowed are "
            "whole numbers or names: fill or drop these rows."
        )
        raise DataError(msg)
    return column


def _flags(column: Column) -> BoolArray:
    names = [name.lower() for name in column.names]
    wrong = [name for name in names if name not in ("1", "true", "0", "false")]
    if wrong:
        msg = f"column `disputed` holds {short(wrong[0])!r}; allowed are 0 and 1."
        raise DataError(msg)
    chosen: BoolArray = np.array([name in ("1", "true") for name in names])[column.codes_R]
    return chosen


def _onto(column: Column, names: Sequence[str]) -> AnyIntArray:
    """Return the codes of a column into `names`."""
    place = {name: code for code, name in enumerate(names)}
    code_V = np.array([place[n] for n in column.names], np.min_scalar_type(len(names)))
    codes: AnyIntArray = code_V[column.codes_R]
    return codes


def _refuse_several(
    value_SN: AnyIntArray, ids: npt.NDArray[Any], names: Sequence[str], where: str, what: str
) -> None:
    """Refuse labels, or groups, that differ between the rows of one image."""
    differ_N = np.zeros(value_SN.shape[1], np.bool_)
    for row_N in value_SN[1:]:
        differ_N |= row_N != value_SN[0]
    if differ_N.any():
        n = int(np.argmax(differ_N))
        several = short_list([names[k] for k in np.unique(value_SN[:, n])])
        msg = (
            f"{where}{int(differ_N.sum()):,} of {differ_N.size:,} images have several {what}s, "
            f"for example id {short(ids[n])}: {several}; give each image one {what}."
        )
        raise DataError(msg)
