"""One side of a comparison, whatever it came from: labels, and what each seed read.

Classes are codes here and names outside: ``"4"``, ``"cat"``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import BoolArray, flags
from misread.judge.classes import (
    AnyIntArray,
    class_list,
    classes,
    codes_of,
    listed,
    shape_of,
    shown,
    united,
)
from misread.judge.groups import group_codes


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
        n_axes = (("labels", self.labels_N, 1), ("predictions", self.preds_SN, 2))
        for name, array, n in n_axes:
            if array.ndim != n or not array.size or array.dtype.kind not in "iu":
                need = "one whole number per image [N]" if n == 1 else "whole numbers [S,N]"
                msg = f"{name} are {array.dtype} {shape_of(array)}; give {need}, at least one."
                raise JudgeError(msg)
            if array.min() < 0 or array.max() >= len(self.class_names):
                wrong = array.min() if array.min() < 0 else array.max()
                msg = (
                    f"{name} hold class {wrong}; allowed are 0 to {len(self.class_names) - 1}: "
                    "correct it or give a class name more."
                )
                raise JudgeError(msg)
        if self.preds_SN.shape[1] != self.n_images:
            msg = (
                f"predictions are {shape_of(self.preds_SN)} and labels {shape_of(self.labels_N)}; "
                "give predictions [S,N], with a row per seed and a column per label."
            )
            raise JudgeError(msg)
        _once("class names", self.class_names)
        if self.seeds is not None:
            _as_many("seeds", len(self.seeds), self.n_seeds, "row of predictions")
            _once("seeds", self.seeds)
        if self.ids is not None:
            _as_many("ids", len(self.ids), self.n_images, "image")
            _once("ids", self.ids)
        self._check_marks()
        for name, part in self.slices.items():
            if part.class_names != self.class_names or part.seeds != self.seeds:
                msg = f"slice “{shown(name)}” has other classes or seeds than the rest; align them."
                raise JudgeError(msg)
            _as_many(
                f"slice “{shown(name)}”: seeds", part.n_seeds, self.n_seeds, "seed of the rest"
            )

    def _check_marks(self) -> None:
        """Refuse disputed flags or groups that are not one per image."""
        if self.disputed_N is not None:
            flags("disputed", self.disputed_N, self.n_images)
        if self.groups is not None:
            group_codes("groups", self.groups, self.n_images)

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
        labels = classes("labels", labels_N)
        preds = classes("predictions", preds_SN)
        if preds.ndim == 1:
            preds = preds[np.newaxis]
        if class_names is not None:
            names = tuple(str(name) for name in class_names)
            labels, preds = (
                codes_of(part, names) if part.dtype.kind == "U" else part
                for part in (labels, preds)
            )
        else:
            found = [np.unique(labels), np.unique(preds)]
            names = class_list({str(name) for part in found for name in part.tolist()})
            labels, preds = codes_of(labels, names), codes_of(preds, names)
        small = np.min_scalar_type(len(names))
        outside = any(part.size and not 0 <= part.min() <= part.max() < len(names)
                      for part in (labels, preds))  # fmt: skip
        return cls(
            labels if outside else labels.astype(small, copy=False),
            preds if outside else preds.astype(small, copy=False),
            names,
            None if seeds is None else tuple(str(seed) for seed in seeds),
            None if ids is None else identities(ids),
            None if disputed_N is None else flags("disputed", disputed_N, labels.size),
            groups=None if groups is None else np.asarray(groups),
        )

    def recoded(self, names: tuple[str, ...]) -> "Predictions":
        """Return the same predictions with codes into `names`, which hold all class names."""
        if names == self.class_names:
            return self
        place = {name: code for code, name in enumerate(names)}
        small = np.min_scalar_type(len(names))
        codes_K = np.array([place[name] for name in self.class_names], dtype=small)
        return replace(
            self,
            labels_N=codes_K[self.labels_N],
            preds_SN=codes_K[self.preds_SN],
            class_names=names,
            slices={name: part.recoded(names) for name, part in self.slices.items()},
        )

    def with_rows(self, order: Sequence[int]) -> "Predictions":
        """Return the same predictions with the seeds in this order."""
        if list(order) == list(range(self.n_seeds)):
            return self
        return replace(
            self,
            preds_SN=self.preds_SN[np.asarray(order)],
            seeds=None if self.seeds is None else tuple(self.seeds[s] for s in order),
            slices={name: part.with_rows(order) for name, part in self.slices.items()},
        )

    def without_groups(self) -> "Predictions":
        """Return the same predictions as if images were independent."""
        slices = {name: part.without_groups() for name, part in self.slices.items()}
        return replace(self, groups=None, slices=slices)

    def with_slice(self, name: str, part: "Predictions") -> "Predictions":
        """Return the same predictions with a slice more, as read by the same models.

        Raises
        ------
        JudgeError
            If the name is taken, or other seeds read it.
        """
        if name in {*self.slices, "", "clean"}:
            msg = (
                f"one more slice is called “{shown(name)}”; allowed is a new name other than "
                "“clean”, which is the evaluation set itself: rename it."
            )
            raise JudgeError(msg)
        if part.n_seeds != self.n_seeds or (
            part.seeds is not None and self.seeds is not None and {*part.seeds} != {*self.seeds}
        ):
            msg = (
                f"slice “{shown(name)}” was read by {seeds_in_words(part)} and the rest by "
                f"{seeds_in_words(self)}; the same models must read both."
            )
            raise JudgeError(msg)
        if part.seeds is not None and self.seeds is not None:
            part = part.with_rows([part.seeds.index(seed) for seed in self.seeds])
        names = united(f"slice “{shown(name)}”", self.class_names, "the rest", part.class_names)
        own = self.recoded(names)
        part = replace(part.recoded(names), seeds=self.seeds, slices={})
        return replace(own, slices={**own.slices, name: part})


def identities(ids: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return ids of images as whole numbers or strings ``[N]``.

    Raises
    ------
    JudgeError
        If they are neither, or have another shape.
    """
    array = classes("ids", ids)
    if array.ndim != 1:
        msg = f"ids have shape {shape_of(array)}; give one per image [N]."
        raise JudgeError(msg)
    return array


def seeds_in_words(side: Predictions) -> str:
    """Return the seeds of a side for a message."""
    if side.seeds is None:
        return f"{side.n_seeds:,} unnamed seed{'s' * (side.n_seeds > 1)}"
    return f"seed{'s' * (side.n_seeds > 1)} {listed(side.seeds)}"


def _as_many(what: str, n_given: int, n_needed: int, each: str) -> None:
    if n_given != n_needed:
        msg = f"{what}: {n_given:,} given and {n_needed:,} needed; give one per {each}."
        raise JudgeError(msg)


def _once(what: str, names: Sequence[Any] | npt.NDArray[Any]) -> None:
    array = np.asarray(names)
    if len(array) < 2 or (array[1:] > array[:-1]).all():
        return
    values, counts = np.unique(array, return_counts=True)
    if (counts > 1).any():
        example = f"{shown(values[counts > 1][0])} ({counts[counts > 1][0]:,} times)"
        msg = (
            f"{what} that occur more than once: {int((counts > 1).sum()):,}, for example "
            f"{example}; each must be there once."
        )
        raise JudgeError(msg)
