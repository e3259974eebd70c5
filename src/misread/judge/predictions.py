"""One side of a comparison: labels, and what each seed read.

Whatever comes in, as arrays, frames, files or models, becomes `Predictions`: who has read what
stands there, and is checked there once. Classes are codes inside and names outside: ``"4"``,
``"cat"``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
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
    refuse_repeats,
)
from misread.judge.classes import (
    AnyIntArray,
    class_list,
    class_values,
    codes_of,
    shape_of,
    short,
    short_list,
    united,
)
from misread.judge.columns import Column, coded
from misread.judge.groups import group_codes
from misread.judge.tables import NEEDED, long_table


@dataclass(frozen=True)
class Predictions:
    """What S seeds of one arm read on N images.

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

    def __post_init__(self) -> None:
        refuse_codes("labels", self.labels_N, 1, len(self.class_names))
        refuse_codes("predictions", self.preds_SN, 2, len(self.class_names))
        if self.preds_SN.shape[1] != self.n_images:
            msg = (
                f"predictions are {shape_of(self.preds_SN)} and labels {shape_of(self.labels_N)}; "
                "give predictions [S,N], with a row per seed and a column per label."
            )
            raise JudgeError(msg)
        refuse_repeats("class names", self.class_names)
        if self.seeds is not None:
            refuse_other_length("seeds", len(self.seeds), self.n_seeds, "row of predictions")
            refuse_repeats("seeds", self.seeds)
        if self.ids is not None:
            refuse_other_length("ids", self.ids.size, self.n_images, "image")
            refuse_repeats("ids", self.ids)
        if self.disputed_N is not None:
            flags("disputed", self.disputed_N, self.n_images)
        if self.groups is not None:
            group_codes("groups", self.groups, self.n_images)
        for name, part in self.slices.items():
            if (part.class_names, part.seeds, part.n_seeds) != (
                self.class_names, self.seeds, self.n_seeds
            ):  # fmt: skip
                msg = (
                    f"slice “{short(name)}” has other classes or seeds than the rest; add it by "
                    "with_slice."
                )
                raise JudgeError(msg)

    @property
    def n_seeds(self) -> int:
        """The number of seeds S."""
        return int(self.preds_SN.shape[0])

    @property
    def n_images(self) -> int:
        """The number of images N."""
        return int(self.labels_N.size)

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
    ) -> "Predictions":
        """Return predictions from arrays of class numbers or of class names.

        Parameters
        ----------
        labels_N : array_like, shape [N]
            True classes: whole numbers or strings.
        preds_SN : array_like, shape [S, N] or [N]
            Predicted classes; ``[N]`` is one seed.
        class_names : sequence, optional
            K names; class numbers are then positions in it. By default the classes that occur,
            and of numbers below 1,000 also those between.
        seeds, ids : sequence, optional
            Names of the rows; names of the images.
        disputed_N : array_like of bool, shape [N], optional
            Images whose label is disputed.
        groups : array_like of int or str, shape [N], optional
            The group (writer, patient) of each image.

        Returns
        -------
        Predictions
            With the smallest type of whole numbers that holds the classes.

        Raises
        ------
        JudgeError
            If the parts do not fit, or a value is missing or no class.
        """
        labels = class_values("labels", labels_N)
        preds = class_values("predictions", preds_SN)
        if preds.ndim == 1:
            preds = preds[np.newaxis]
        if class_names is not None:
            names = tuple(str(name) for name in class_names)
            labels, preds = (
                codes_of(part, names) if part.dtype.kind == "U" else part
                for part in (labels, preds)
            )
        else:
            distinct = (name for part in (labels, preds) for name in np.unique(part).tolist())
            names = class_list({str(name) for name in distinct})
            labels, preds = codes_of(labels, names), codes_of(preds, names)
        if all(part.min() >= 0 and part.max() < len(names) for part in (labels, preds)):
            small = np.min_scalar_type(len(names))
            labels, preds = (part.astype(small, copy=False) for part in (labels, preds))
        return cls(
            labels,
            preds,
            names,
            None if seeds is None else tuple(str(seed) for seed in seeds),
            None if ids is None else class_values("ids", ids).ravel(),
            None if disputed_N is None else flags("disputed", disputed_N, labels.size),
            groups=None if groups is None else np.asarray(groups),
        )

    @classmethod
    def from_frame(cls, frame: Any, labels_N: npt.ArrayLike | None = None) -> "Predictions":
        """Return predictions from a data frame of pandas or polars, long or wide.

        Parameters
        ----------
        frame : DataFrame
            Long: a row per seed and image, with the columns ``id``, ``label``, ``prediction`` and,
            where there are several models, ``seed``; optional are ``slice`` (``clean`` or nothing
            is the evaluation set), ``disputed`` (0 or 1) and ``group`` (writer, patient). Wide,
            with `labels_N`: a row per image and a column per seed, which is its name.
        labels_N : array_like, shape [N], optional
            True classes of a wide frame.

        Returns
        -------
        Predictions
            Of a long frame with images in the order of their ids, seeds in that of their names.

        Raises
        ------
        DataError
            If a column or a value is missing, or seeds and images are not crossed exactly once.
        JudgeError
            If labels are given for a frame that has a column of them.
        """
        columns = [str(name) for name in frame.columns]
        if labels_N is None:
            return cls.from_columns(columns, lambda name: coded(name, frame[name]))
        if {*NEEDED[1:]} <= {*columns}:
            msg = "this frame has a column of labels; leave `labels_N` out."
            raise JudgeError(msg)
        return cls.from_arrays(labels_N, np.asarray(frame).T, seeds=columns)

    @classmethod
    def from_columns(
        cls, columns: Collection[str], column: Callable[[str], Column]
    ) -> "Predictions":
        """Return predictions from the columns of a long table, as in `judge.tables.long_table`."""
        long = long_table(columns, column)
        names, seeds = long.class_names, long.seeds
        whole, *slices = (
            (
                p.name,
                cls(p.labels_N, p.preds_SN, names, seeds, p.ids, p.disputed_N, groups=p.groups),
            )
            for p in long.parts()
        )
        side = whole[1]
        for name, part in slices:
            side = side.with_slice(name, part)
        return side

    def recoded(self, names: tuple[str, ...]) -> "Predictions":
        """Return the same predictions with codes into `names`, which hold all class names."""
        if names == self.class_names:
            return self
        place = {name: code for code, name in enumerate(names)}
        codes = [place[name] for name in self.class_names]
        codes_K = np.array(codes, dtype=np.min_scalar_type(len(names)))
        return _changed(
            self,
            labels_N=codes_K[self.labels_N],
            preds_SN=codes_K[self.preds_SN],
            class_names=names,
            slices={name: part.recoded(names) for name, part in self.slices.items()},
        )

    def of_seeds(self, rows: Sequence[int]) -> "Predictions":
        """Return the predictions of these rows, in this order."""
        if list(rows) == list(range(self.n_seeds)):
            return self
        return _changed(
            self,
            preds_SN=self.preds_SN[np.asarray(rows)],
            seeds=None if self.seeds is None else tuple(self.seeds[s] for s in rows),
            slices={name: part.of_seeds(rows) for name, part in self.slices.items()},
        )

    def of_images(self, places: npt.NDArray[Any]) -> "Predictions":
        """Return the predictions on the images at these places, in this order, without slices."""
        parts = (self.ids, self.disputed_N, self.groups)
        ids, disputed_N, groups = (None if part is None else part[places] for part in parts)
        return _changed(
            self,
            labels_N=self.labels_N[places],
            preds_SN=self.preds_SN[:, places],
            ids=ids,
            disputed_N=disputed_N,
            groups=groups,
            slices={},
        )

    def without_groups(self) -> "Predictions":
        """Return the same predictions as if images were independent."""
        slices = {name: part.without_groups() for name, part in self.slices.items()}
        return _changed(self, groups=None, slices=slices)

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
                f"slice “{short(name)}” was read by {seeds_in_words(part)} and the rest by "
                f"{seeds_in_words(self)}; the same models must read both."
            )
            raise JudgeError(msg)
        if part.seeds is not None and self.seeds is not None:
            part = part.of_seeds([part.seeds.index(seed) for seed in self.seeds])
        names = united(f"slice “{short(name)}”", self.class_names, "the rest", part.class_names)
        side, part = self.recoded(names), _changed(part.recoded(names), seeds=self.seeds, slices={})
        return _changed(side, slices={**side.slices, name: part})

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
        groups = None if self.groups is None else self.groups[places]
        part = Predictions(
            self.labels_N[places], preds_SM, self.class_names, ids=places, groups=groups
        )
        return self.with_slice(name, part)


def seeds_in_words(side: Predictions) -> str:
    """Return the seeds of a side for a message."""
    seeds = "seed" + "s" * (side.n_seeds > 1)
    which = side.seeds and f"{seeds} {short_list(side.seeds)}"
    return which or f"{side.n_seeds:,} unnamed {seeds}"


def _changed(side: Predictions, **parts: Any) -> Predictions:
    """Return a copy with other parts that are known to fit, and so are not checked again."""
    other = copy(side)
    vars(other).update(parts)
    return other
