"""One side of a comparison: labels, and what each seed read.

Whatever comes in, as arrays, frames, files or models, becomes `Predictions`: who has read what
stands there, and is checked there once. Classes are codes inside and names outside: ``"4"``,
``"cat"``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import (
    BoolArray,
    flags,
    refuse_codes,
    refuse_other_length,
    refuse_other_shape,
    refuse_repeats,
)
from misread.judge.classes import AnyIntArray, codes_of, seeds_in_words, shape_of, short, union_of
from misread.judge.columns import Column, coded
from misread.judge.frames import long_frame, wide_frame
from misread.judge.groups import group_codes
from misread.judge.tables import long_table
from misread.judge.values import (
    class_labels,
    class_readings,
    coded_classes,
    column_names,
    names_of,
    plain_values,
)


@dataclass(frozen=True)
class Predictions:
    """Readings of N images by S seeds of one arm.

    Attributes
    ----------
    labels_N : ndarray of int, shape [N]
        True classes as codes, 0 to K − 1.
    preds_SN : ndarray of int, shape [S, N]
        Predicted classes as codes, of any integer type.
    class_names : tuple of str
        K names; the position is the code.
    seeds : tuple of str or None
        Names of the S rows; None when they have none.
    ids : ndarray or None
        N whole numbers or strings, each once; None when images are known by position only.
    disputed_N : ndarray of bool or None
        Images whose label is disputed.
    slices : mapping of str to Predictions
        Views of the same or of altered images, read by the same S models.
    groups : ndarray or None
        The group (writer, patient) of each image, N whole numbers or strings; None where images
        are independent or nothing is known of it.
    notes : tuple of str
        Sentences on how the input was understood, where that could be meant otherwise.
    in_file_order : bool
        False where a table's seeds list the images in several orders, so that only ids say which
        image is which.
    held_out_SN : ndarray of bool or None
        Which images each seed has not learnt, shape [S, N]; other readings do not count. None
        where no seed has learnt any.
    sure_SN : ndarray of float or None
        Probability of each predicted class, shape [S, N]; None where it is not known.

    Raises
    ------
    JudgeError
        If the parts do not fit together, or there is nothing to judge.
    """

    labels_N: AnyIntArray
    preds_SN: AnyIntArray
    class_names: tuple[str, ...]
    seeds: tuple[str, ...] | None = None
    ids: npt.NDArray[Any] | None = None
    disputed_N: BoolArray | None = None
    slices: "Mapping[str, Predictions]" = field(default_factory=lambda: MappingProxyType({}))
    groups: npt.NDArray[Any] | None = None
    notes: tuple[str, ...] = ()
    in_file_order: bool = True
    held_out_SN: BoolArray | None = None
    sure_SN: npt.NDArray[np.floating[Any]] | None = None

    def __post_init__(self) -> None:
        refuse_codes("labels", self.labels_N, 1, len(self.class_names))
        refuse_codes("predictions", self.preds_SN, 2, len(self.class_names))
        if self.preds_SN.shape[1] != self.n_images:
            shapes = (
                f"predictions are {shape_of(self.preds_SN)} and labels {shape_of(self.labels_N)}"
            )
            msg = f"{shapes}; give predictions [S,N], with a row per seed and a column per label."
            raise JudgeError(msg)
        refuse_repeats("class names", self.class_names)
        if self.seeds is not None:
            refuse_other_length("seeds", len(self.seeds), self.n_seeds, "row of predictions")
            refuse_repeats("seeds", self.seeds)
        if self.ids is not None:
            refuse_other_length("ids", self.ids.size, self.n_images, "image")
            refuse_repeats("ids", self.ids)
        flags("disputed", self.disputed_N, self.n_images)
        if self.groups is not None:
            group_codes("groups", self.groups, self.n_images)
        if self.held_out_SN is not None:
            refuse_other_shape("held_out", self.held_out_SN, self.preds_SN.shape)
        if self.sure_SN is not None and self.sure_SN.shape != self.preds_SN.shape:
            msg = f"sure_SN is {shape_of(self.sure_SN)}; give one per reading, [S,N]."
            raise JudgeError(msg)
        for name, view in self.slices.items():
            kinds = {(side.class_names, side.seeds, side.n_seeds) for side in (self, view)}
            if len(kinds) > 1:
                msg = f"slice “{short(name)}” has other classes or seeds; add it by with_slice."
                raise JudgeError(msg)

    def __repr__(self) -> str:
        sizes = f"{self.n_seeds} seeds, {self.n_images:,} images, {len(self.class_names)} classes"
        return f"Predictions({sizes})"

    @property
    def n_seeds(self) -> int:
        """The number of seeds S."""
        return int(self.preds_SN.shape[0])

    @property
    def n_images(self) -> int:
        """The number of images N."""
        return int(self.labels_N.size)

    @property
    def image_ids(self) -> npt.NDArray[Any]:
        """The ids of the images `[N]`, or their places from 0 where they have none."""
        return np.arange(self.n_images) if self.ids is None else self.ids

    @classmethod
    def from_arrays(
        cls,
        labels_N: npt.ArrayLike,
        preds_SN: npt.ArrayLike,
        *,
        class_names: Sequence[Any] | None = None,
        seeds: Sequence[Any] | None = None,
        ids: npt.ArrayLike | None = None,
        disputed_N: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
        held_out_SN: npt.ArrayLike | None = None,
    ) -> "Predictions":
        """Return predictions from arrays of class numbers or of class names.

        Parameters
        ----------
        labels_N : array_like, shape [N], [N, 1] or [N, K]
            True classes: whole numbers or names; one-hot rows stand for the column of their 1.
        preds_SN : array_like, shape [S, N], [N], [S, N, 1] or [N, 1]
            Predicted classes, never scores; ``[N]`` is one seed.
        class_names : sequence, optional
            K names; class numbers are then positions in it. By default the classes that occur,
            and of numbers below 1,000 also those between.
        seeds, ids : sequence, optional
            Names of the rows; names of the images.
        disputed_N : array_like of bool, shape [N], optional
            Images whose label is disputed.
        groups : array_like of int or str, shape [N], optional
            The group (writer, patient) of each image.
        held_out_SN : array_like of bool, shape [S, N], optional
            Which images each seed has not learnt, as in cross-validation; by default all.

        Returns
        -------
        Predictions
            With the smallest type of whole numbers that holds the classes.

        Raises
        ------
        JudgeError
            If the parts do not fit, or a value is missing or no class.
        """
        labels, n_columns, notes = class_labels(labels_N)
        preds = class_readings(preds_SN, labels.size)
        if n_columns:
            class_names = column_names(class_names, n_columns)
        names, labels, preds = coded_classes(labels, preds, class_names)
        return cls(
            labels,
            preds,
            names,
            None if seeds is None else names_of("seeds", seeds),
            None if ids is None else plain_values("ids", ids).ravel(),
            None if disputed_N is None else flags("disputed", disputed_N, labels.size),
            groups=None if groups is None else plain_values("groups", groups),
            notes=notes,
            held_out_SN=None if held_out_SN is None else np.atleast_2d(np.asarray(held_out_SN)),
        )

    @classmethod
    def from_frame(cls, frame: Any, labels_N: npt.ArrayLike | None = None) -> "Predictions":
        """Return predictions from a data frame of pandas or polars, long or wide.

        Parameters
        ----------
        frame : DataFrame
            Long: a row per seed and image, with the columns ``id``, ``label``, ``prediction`` and,
            where there are several models, ``seed``; optional are ``slice`` (``clean`` or nothing
            is the evaluation set), ``disputed`` (0 or 1), ``group`` (writer, patient) and
            ``held_out`` (0 or 1; a row that is not there is 0). Wide, with `labels_N`: a row per
            image and a column per seed, which is its name, and perhaps ``id``. The index of pandas
            is the id where there is no such column. Lazy frames of polars are collected.
        labels_N : array_like, shape [N], optional
            True classes of a wide frame; with an index in the order of theirs, else by position.

        Returns
        -------
        Predictions
            Images and seeds in the order of the frame; where the seeds of a long frame list the
            images in several orders, in that of their ids and names.

        Raises
        ------
        DataError
            If a column or a value is missing, or seeds and images are not crossed exactly once.
        JudgeError
            If labels are given for a frame that has a column of them.
        """
        if labels_N is None:
            names, column = long_frame(frame)
            return cls.from_columns(names, lambda name: coded(name, column(name)))
        labels_N, preds_SN, seeds, ids = wide_frame(frame, labels_N)
        return cls.from_arrays(labels_N, preds_SN, seeds=seeds, ids=ids)

    @classmethod
    def from_columns(
        cls, columns: Collection[str], column: Callable[[str], Column]
    ) -> "Predictions":
        """Return predictions from the columns of a long table, as in `judge.tables.long_table`."""
        long = long_table(columns, column)
        parts = list(long.parts())
        sides = [
            cls(*p[1:3], long.class_names, long.seeds, *p[3:5], groups=p.groups,
                in_file_order=p.in_file_order, held_out_SN=p.held_out_SN)
            for p in parts
        ]  # fmt: skip
        side = sides[0]
        for part, view in zip(parts[1:], sides[1:], strict=True):
            side = side.with_slice(part.name, view)
        return side.of_seeds(parts[0].seed_order)

    def recoded(self, names: tuple[str, ...]) -> "Predictions":
        """Return the same predictions with codes into `names`, which hold all class names."""
        if names == self.class_names:
            return self
        codes_K = codes_of(np.array(self.class_names), names)
        codes_K = codes_K.astype(np.min_scalar_type(len(names)))
        labels_N, preds_SN = codes_K[self.labels_N], codes_K[self.preds_SN]
        slices = {name: part.recoded(names) for name, part in self.slices.items()}
        return _copy(self, labels_N=labels_N, preds_SN=preds_SN, class_names=names, slices=slices)

    def of_seeds(self, rows: Sequence[int]) -> "Predictions":
        """Return the predictions of these rows, in this order."""
        if list(rows) == list(range(self.n_seeds)):
            return self
        taken = self._parts_at(("preds_SN", "held_out_SN", "sure_SN"), np.asarray(rows))
        seeds = self.seeds and tuple(self.seeds[row] for row in rows)
        slices = {name: part.of_seeds(rows) for name, part in self.slices.items()}
        return _copy(self, **taken, seeds=seeds, slices=slices)

    def of_images(self, places: npt.NDArray[Any]) -> "Predictions":
        """Return the predictions on the images at these places, in this order, without slices."""
        names = ("labels_N", "ids", "disputed_N", "groups", "preds_SN", "held_out_SN", "sure_SN")
        return _copy(self, **self._parts_at(names, (..., places)), slices={})

    def _parts_at(self, names: Collection[str], where: Any) -> dict[str, npt.NDArray[Any] | None]:
        """Return by name what stands in these arrays `where` says."""
        parts = ((name, getattr(self, name)) for name in names)
        return {name: None if part is None else part[where] for name, part in parts}

    def without_groups(self) -> "Predictions":
        """Return the same predictions as if images were independent."""
        slices = {name: part.without_groups() for name, part in self.slices.items()}
        return _copy(self, groups=None, slices=slices)

    def with_slice(self, name: str, part: "Predictions") -> "Predictions":
        """Return the same predictions with a slice more, as read by the same models.

        Raises
        ------
        JudgeError
            If the name is taken, or other seeds read it.
        """
        if name in {*self.slices, "", "clean"}:
            msg = (
                f"one more slice is called “{short(name)}”; allowed is a new name other than "
                "“clean”, which is the evaluation set itself: rename it."
            )
            raise JudgeError(msg)
        if part.n_seeds != self.n_seeds or (
            part.seeds is not None and self.seeds is not None and {*part.seeds} != {*self.seeds}
        ):
            msg = (
                f"slice “{short(name)}” was read by "
                f"{seeds_in_words(part.seeds, part.n_seeds)} and the rest by "
                f"{seeds_in_words(self.seeds, self.n_seeds)}; the same models must read both."
            )
            raise JudgeError(msg)
        if part.seeds is not None and self.seeds is not None:
            part = part.of_seeds([part.seeds.index(seed) for seed in self.seeds])
        where = f"in slice “{short(name)}”"
        names = union_of("in the rest", self.class_names, where, part.class_names)
        side = self.recoded(names)
        part = _copy(part.recoded(names), seeds=self.seeds, slices={})
        return _copy(side, slices={**side.slices, name: part})

    def with_view(
        self, name: str, preds_SM: AnyIntArray, places_M: npt.NDArray[Any] | None = None
    ) -> "Predictions":
        """Return the same predictions with a slice of some of their own images, altered.

        Parameters
        ----------
        name : str
            What was done to the images, for example ``erode 2 px``.
        preds_SM : ndarray of int, shape [S, M]
            Predicted classes as codes, with the seeds in the order of the rest.
        places_M : ndarray of int, shape [M], optional
            Places of the images among the N, each once; by default all.

        Raises
        ------
        JudgeError
            If the name is taken, or shapes or classes do not fit.
        """
        places = np.arange(self.n_images) if places_M is None else places_M
        part = self.of_images(places)
        part = replace(part, preds_SN=preds_SM, ids=places, disputed_N=None, sure_SN=None)
        return self.with_slice(name, part)


def _copy(side: Predictions, **parts: Any) -> Predictions:
    """Return a copy with other parts that are known to fit, and so are not checked again."""
    other = copy(side)
    vars(other).update(parts)
    return other
