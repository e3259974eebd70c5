"""Long tables, a row per seed and image, as arrays; the order of the rows never matters."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.judge.checks import BoolArray
from misread.judge.classes import AnyIntArray, class_list, in_order, short, short_list, united
from misread.judge.columns import (
    Column,
    class_column,
    codes_into,
    flag_column,
    whole_column,
)

NEEDED = ("id", "label", "prediction")
KNOWN = ("seed", *NEEDED, "slice", "disputed", "group")
CLEAN = "clean"


class TablePart(NamedTuple):
    """The readings of one slice, `name` "" for the evaluation set itself."""

    name: str
    labels_N: AnyIntArray
    preds_SN: AnyIntArray
    ids: npt.NDArray[Any]
    disputed_N: BoolArray | None
    groups: npt.NDArray[Any] | None


class LongTable(NamedTuple):
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

    def parts(self) -> Iterator[TablePart]:
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

    def _part(self, name: str, chosen_R: BoolArray | None) -> TablePart:
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
        return TablePart(name, label_N, crossed(self.prediction_R), ids, disputed_N, groups)

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


def long_table(columns: Collection[str], column: Callable[[str], Column]) -> LongTable:
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
    LongTable
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
    label, prediction = (class_column(name, column(name)) for name in ("label", "prediction"))
    united("in the column `label`", in_order(label.names), "in `prediction`",
           in_order(prediction.names))  # fmt: skip
    names = class_list({*label.names, *prediction.names})
    disputed_R = flag_column(column("disputed")) if "disputed" in columns else None
    return LongTable(
        names,
        None if seeds is None else tuple(seeds.names),
        ids.codes_R if seeds is None else seeds.codes_R,
        ids,
        codes_into(label, names),
        codes_into(prediction, names),
        column("slice") if "slice" in columns else None,
        disputed_R,
        column("group") if "group" in columns else None,
    )


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
