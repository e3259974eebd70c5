"""Long tables, a row per seed and image, as arrays.

Images and seeds stand in the order of the rows; where the seeds list the images in several orders,
ids and names are sorted, and a position says nothing.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.judge.checks import BoolArray, refuse_misspelt
from misread.judge.classes import AnyIntArray, class_list, refuse_disjoint, short, short_list
from misread.judge.columns import (
    Column,
    class_column,
    codes_into,
    flag_column,
    tidied,
    whole_column,
)
from misread.judge.values import MISSING_CLASS

NEEDED = ("label", "prediction")
KNOWN = ("seed", "id", *NEEDED, "slice", "disputed", "group", "held_out")
CLEAN = "clean"


class TablePart(NamedTuple):
    """The readings of one slice, `name` "" for the evaluation set itself."""

    name: str
    labels_N: AnyIntArray
    preds_SN: AnyIntArray
    ids: npt.NDArray[Any] | None
    disputed_N: BoolArray | None
    groups: npt.NDArray[Any] | None
    in_file_order: bool
    seed_order: list[int]
    held_out_SN: BoolArray | None


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
    has_ids: bool
    held_out_R: BoolArray | None

    def parts(self) -> Iterator[TablePart]:
        """Yield the evaluation set, and then each slice; DataError if one lacks a reading.

        Rows of the slice ``clean`` or without one are the evaluation set; without such rows all
        are.
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
        is_read = self._refuse_gaps(place_R, ids, n_seeds, where)
        row_SN = np.empty(size, np.min_scalar_type(size))
        row_SN[place_R] = np.arange(place_R.size, dtype=row_SN.dtype)
        row_SN = row_SN.reshape(n_seeds, -1)
        if self.held_out_R is not None:  # a reading that is not there has another seed's row
            row_N = np.empty(len(ids), row_SN.dtype)
            row_N[image_R] = np.arange(place_R.size, dtype=row_SN.dtype)
            row_SN = np.where(is_read, row_SN, row_N)
        image_order, seed_order = (np.argsort(row_SN.min(axis=axis)) for axis in (0, 1))
        in_order = all((row[image_order][1:] > row[image_order][:-1]).all() for row in row_SN)
        in_order &= self.held_out_R is None
        if in_order:
            row_SN, ids = row_SN[:, image_order], ids[image_order]

        def crossed(values_R: npt.NDArray[Any]) -> npt.NDArray[Any]:
            value_SN: npt.NDArray[Any] = values_R[chosen][row_SN]
            return value_SN

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
        if not all((row_SN[b] > row_SN[a]).all() for a, b in pairwise(seed_order)):
            seed_order = np.arange(n_seeds)
        return TablePart(
            name,
            label_N,
            crossed(self.prediction_R),
            ids if self.has_ids else None,
            disputed_N,
            groups,
            in_order,
            seed_order.tolist(),
            None if self.held_out_R is None else crossed(self.held_out_R) & is_read,
        )

    def _refuse_gaps(
        self, place_R: AnyIntArray, ids: npt.NDArray[Any], n_seeds: int, where: str
    ) -> BoolArray:
        """Return which readings there are; DataError for one that is there twice, or gaps.

        With a column that says what a seed has held out, it need not have read every image.
        """
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
        if n_missing and self.held_out_R is None:
            msg = (
                f"{where}{n_missing:,} of {seen.size:,} readings are missing, for example "
                f"{reading(int(np.argmin(seen)))}; every seed must read every image: add these "
                "rows, drop the image everywhere, or say in a column `held_out` what a seed was to "
                "read."
            )
            raise DataError(msg)
        return seen.reshape(n_seeds, -1)


def long_table(columns: Collection[str], column: Callable[[str], Column]) -> LongTable:
    """Return a long table in codes, reading one column at a time by `column`.

    Needed are the columns ``label`` and ``prediction``, and where there are several models
    ``seed``; allowed are ``id`` (without it an image is known by its place among the rows of its
    seed), ``slice``, ``disputed`` (0 or 1), ``group`` (writer, patient) and ``held_out`` (0 or 1,
    where seeds have learnt some of the images).

    Raises
    ------
    DataError
        If a column or a value is missing, or a value is none that its column may hold.
    JudgeError
        If labels and predictions have no classes in common, or a column is nearly called as one
        that counts.
    """
    refuse_misspelt("a column", columns, KNOWN)
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        msg = (
            f"there is no column {short_list([repr(name) for name in missing])}; the columns are: "
            f"{short_list(list(columns)) or 'none'}. Needed are seed, id, label, prediction, and "
            "allowed are slice, disputed, group and held_out: rename the columns."
        )
        raise DataError(msg)
    strange = [name for name in columns if name not in KNOWN]
    if "id" not in columns and strange:
        msg = (
            f"there is no column 'id', and {short_list([repr(name) for name in strange])} may say "
            "which image is which: call that column id, or leave it out where every seed lists the "
            "images in the same order."
        )
        raise DataError(msg)

    def tidy(name: str) -> Column | None:
        return tidied(name, column(name)) if name in columns else None

    seeds, slices, ids = tidy("seed"), tidy("slice"), tidy("id")
    label, prediction = (
        class_column(name, tidied(name, column(name), MISSING_CLASS))
        for name in ("label", "prediction")
    )
    refuse_disjoint(label.names, prediction.names)
    names = class_list({*label.names, *prediction.names})
    disputed, held_out = tidy("disputed"), tidy("held_out")
    places = ids or _places([part.codes_R for part in (seeds, slices) if part], label.codes_R.size)
    return LongTable(
        names,
        None if seeds is None else tuple(seeds.names),
        places.codes_R if seeds is None else seeds.codes_R,
        places,
        codes_into(label, names),
        codes_into(prediction, names),
        slices,
        None if disputed is None else flag_column("disputed", disputed),
        tidy("group"),
        ids is not None,
        None if held_out is None else flag_column("held_out", held_out),
    )


def _places(keys: Sequence[AnyIntArray], n_rows: int) -> Column:
    """Return the place of each row among those of the same keys, as of the same seed and slice."""
    key_R = np.zeros(n_rows, np.int64)
    for codes_R in keys:
        key_R = key_R * (int(codes_R.max()) + 1) + codes_R
    order = np.argsort(key_R, kind="stable")
    starts = np.flatnonzero(np.diff(key_R[order], prepend=-1))
    place_R = np.empty(n_rows, np.int64)
    place_R[order] = np.arange(n_rows) - np.repeat(starts, np.diff(starts, append=n_rows))
    return Column(place_R, np.arange(int(place_R.max()) + 1))


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
