"""The images behind a cell: always misread, sometimes, rarely, or of disputed label.

A hard-core image asks for other data or another label, a coin flip for a steadier training, and
what is disputed cannot be mended at all: its share limits the best reduction still possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.files import Frozen, html_of
from misread.judge.checks import (
    BoolArray,
    IntArray,
    class_numbers,
    flags,
    same_images,
    whole_numbers,
)

_KINDS = ("hard-core", "coin-flip", "flicker", "disputed")
ONE_SEED = "one seed says nothing of chance: hard-core, coin-flip and flicker cannot be told apart"
FEW_SEEDS = "with fewer than 6 seeds no image can be flicker: one seed is already 20% of them"


class Misread(Frozen):
    """One image and the share of seeds that misread it.

    Attributes
    ----------
    image : int
        Index into the labels.
    share : float
        Above 0, at most 1.
    """

    image: int
    share: float


class CellAtlas(Frozen):
    """The images of one cell i→j in kinds that do not overlap.

    Attributes
    ----------
    true, predicted : int
        Classes i and j.
    n_seeds, n_images : int
        Trained models; images of class i.
    hard_core, coin_flip, flicker : tuple of Misread
        Undisputed images read as j in at least 80%, in 20 to 80%, in under 20% of the seeds; the
        largest share first. Empty where there is one seed.
    undivided : tuple of Misread
        Undisputed images read as j by the only seed; empty where there are several seeds.
    disputed : tuple of Misread
        Images ever read as j whose label is disputed.
    errors_per_seed : float
        Mean errors of the cell, in images.
    best_reduction : float or None
        The largest reduction that the labels allow: the share of the cell's errors, over all
        seeds, that are on undisputed images, 0 to 1; no training need reach it. None when there
        are no errors.
    note : str
        What so few seeds cannot tell; "" where nothing needs saying.
    """

    true: int
    predicted: int
    n_seeds: int
    n_images: int
    hard_core: tuple[Misread, ...]
    coin_flip: tuple[Misread, ...]
    flicker: tuple[Misread, ...]
    undivided: tuple[Misread, ...]
    disputed: tuple[Misread, ...]
    errors_per_seed: float
    best_reduction: float | None
    note: str

    @property
    def kinds(self) -> dict[str, tuple[Misread, ...]]:
        """The images by kind; with one seed "misread" stands for the three that it cannot tell."""
        if self.n_seeds == 1:
            return {"misread": self.undivided, "disputed": self.disputed}
        parts = (self.hard_core, self.coin_flip, self.flicker, self.disputed)
        return dict(zip(_KINDS, parts, strict=True))

    def placed(self, places_N: IntArray) -> "CellAtlas":
        """Return the same with image k called `places_N[k]`."""
        kinds = ("hard_core", "coin_flip", "flicker", "undivided", "disputed")
        return self.model_copy(
            update={
                kind: tuple(
                    Misread(image=int(places_N[m.image]), share=m.share)
                    for m in getattr(self, kind)
                )
                for kind in kinds
            }
        )

    def share_of_errors(self, kind: str) -> float | None:
        """Return the share of the cell's errors that a kind makes; None when there are none."""
        errors = sum(misread.share for misread in self.kinds[kind])
        return errors / self.errors_per_seed if self.errors_per_seed else None


@dataclass(frozen=True, eq=False)
class Atlas(Sequence[CellAtlas]):
    """Every cell that occurs, most errors first; a cell is made when it is asked for.

    Attributes
    ----------
    n_seeds : int
        Trained models.
    true_C, predicted_C : ndarray of int64
        Classes i and j of each cell; ties go by class.
    n_images_C, errors_C : ndarray of int64
        Images of class i, and the cell's errors over all seeds.
    start_C : ndarray of int64, shape [C + 1]
        First place of the images of each cell.
    image_P, times_P, disputed_P : ndarray of int64, int64 and bool
        An image of a cell, how many seeds misread it so, and whether its label is disputed; most
        often misread first.
    """

    n_seeds: int
    true_C: IntArray
    predicted_C: IntArray
    n_images_C: IntArray
    errors_C: IntArray
    start_C: IntArray
    image_P: IntArray
    times_P: IntArray
    disputed_P: BoolArray

    def __repr__(self) -> str:
        return f"Atlas({len(self)} cells, {self.n_seeds} seeds)"

    def _repr_html_(self) -> str | None:
        return html_of(self)

    def __len__(self) -> int:
        """Return the number of cells that occur."""
        return self.true_C.size

    @overload
    def __getitem__(self, place: int) -> CellAtlas: ...
    @overload
    def __getitem__(self, place: slice) -> list[CellAtlas]: ...
    def __getitem__(self, place: int | slice) -> CellAtlas | list[CellAtlas]:
        """Return the cell of a rank, from 0."""
        if isinstance(place, slice):
            return [self._cell(c) for c in range(*place.indices(len(self)))]
        return self._cell(range(len(self))[place])

    def _cell(self, c: int) -> CellAtlas:
        of_cell = slice(self.start_C[c], self.start_C[c + 1])
        return _cell_atlas(
            (int(self.true_C[c]), int(self.predicted_C[c])),
            (self.n_seeds, int(self.n_images_C[c])),
            self.image_P[of_cell],
            self.times_P[of_cell],
            self.disputed_P[of_cell],
        )


def atlas(
    labels_N: npt.ArrayLike, preds_SN: npt.ArrayLike, disputed_N: npt.ArrayLike | None = None
) -> Atlas:
    """Split the images of every cell by how often one arm misreads them.

    Parameters
    ----------
    labels_N, preds_SN : array_like of int, shape [N] and [S, N]
        True classes, and predicted ones, a row per seed; 0 or more.
    disputed_N : array_like of bool, shape [N], optional
        Images whose label is disputed.

    Returns
    -------
    Atlas
        A sequence of `CellAtlas`: the cells that any seed reads, most errors first.

    Raises
    ------
    JudgeError
        If shapes do not fit, or a number is no class.

    Examples
    --------
    >>> cell = atlas([4, 4, 4], [[9, 9, 4]] * 4 + [[9, 4, 4]] * 6)[0]
    >>> [(name, len(images)) for name, images in cell.kinds.items()]
    [('hard-core', 1), ('coin-flip', 1), ('flicker', 0), ('disputed', 0)]
    """
    labels, preds, disputed = _checked(labels_N, preds_SN, disputed_N)
    n_seeds, n_images = preds.shape
    lowest, n_classes = min(labels.min(), preds.min()), 1 + int(max(labels.max(), preds.max()))
    if lowest < 0 or n_classes**2 * n_images >= 2**63:
        msg = (
            f"classes run from {lowest} to {n_classes - 1}; allowed are small numbers from 0 on: "
            "encode them."
        )
        raise JudgeError(msg)
    keys = []  # of wrong readings alone, so that the cost never grows with K²
    for read_N in preds:
        image = np.flatnonzero(read_N != labels)
        cell = labels[image] * n_classes + read_N[image].astype(np.int64)
        keys.append(cell * n_images + image)
    key_P, times_P = _count_keys(np.concatenate(keys))
    cell_P, image_P = np.divmod(key_P, n_images)
    start_C = np.flatnonzero(np.diff(cell_P, prepend=-1))
    errors_C = np.add.reduceat(times_P, start_C) if start_C.size else times_P
    rank_C = np.empty_like(start_C)
    by_errors_C = np.argsort(-errors_C, kind="stable")
    rank_C[by_errors_C] = np.arange(start_C.size)
    sizes_C = np.diff(start_C, append=key_P.size)
    order = np.argsort(np.repeat(rank_C, sizes_C) * (n_seeds + 1) - times_P, kind="stable")
    true_C, predicted_C = np.divmod(cell_P[start_C][by_errors_C], n_classes)
    return Atlas(
        n_seeds=n_seeds,
        true_C=true_C,
        predicted_C=predicted_C,
        n_images_C=np.bincount(labels, minlength=n_classes)[true_C],
        errors_C=errors_C[by_errors_C],
        start_C=np.concatenate([[0], np.cumsum(sizes_C[by_errors_C])]),
        image_P=image_P[order],
        times_P=times_P[order],
        disputed_P=disputed[image_P[order]],
    )


def cell_atlas(
    labels_N: npt.ArrayLike,
    preds_SN: npt.ArrayLike,
    true: int,
    predicted: int,
    disputed_N: npt.ArrayLike | None = None,
) -> CellAtlas:
    """Split the images of one cell by how often one arm misreads them.

    Parameters
    ----------
    labels_N, preds_SN : array_like of int, shape [N] and [S, N]
        True classes, and predicted ones, a row per seed.
    true, predicted : int
        The cell i→j.
    disputed_N : array_like of bool, shape [N], optional
        Images whose label is disputed.

    Returns
    -------
    CellAtlas
        Every image ever read as j is of exactly one kind.

    Raises
    ------
    JudgeError
        If shapes do not fit, the classes are the same, or class i does not occur.
    """
    labels, preds, disputed = _checked(labels_N, preds_SN, disputed_N)
    in_class = np.flatnonzero(labels == true)
    if true == predicted or not in_class.size:
        msg = (
            f"cell {true}→{predicted}: allowed are two different classes of which the first "
            "occurs among the labels; choose such a pair."
        )
        raise JudgeError(msg)
    times_M = (preds[:, in_class] == predicted).sum(axis=0)
    order = np.argsort(-times_M, kind="stable")[: np.count_nonzero(times_M)]
    image_P = in_class[order]
    sizes = (preds.shape[0], in_class.size)
    return _cell_atlas((true, predicted), sizes, image_P, times_M[order], disputed[image_P])


def _checked(
    labels_N: npt.ArrayLike, preds_SN: npt.ArrayLike, disputed_N: npt.ArrayLike | None
) -> tuple[IntArray, npt.NDArray[Any], BoolArray]:
    labels = whole_numbers("labels", labels_N, 1)
    preds = class_numbers("predictions", preds_SN, 2)
    same_images("predictions", labels, preds)
    return labels, preds, flags("disputed", disputed_N, labels.size)


def _count_keys(keys: IntArray) -> tuple[IntArray, IntArray]:
    """Return what `np.unique` with counts does, in less memory; sorts `keys` in place."""
    keys.sort()
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[first], np.diff(first, append=keys.size)


def _cell_atlas(
    cell: tuple[int, int],
    sizes: tuple[int, int],
    image_P: IntArray,
    times_P: IntArray,
    disputed_P: BoolArray,
) -> CellAtlas:
    """Return one cell from its images, the most often misread first; sizes are seeds, images."""
    n_seeds, several = sizes[0], sizes[0] > 1
    often_P, rare_P = 5 * times_P >= 4 * n_seeds, 5 * times_P < n_seeds

    def images(chosen_P: BoolArray) -> tuple[Misread, ...]:
        pairs = zip(image_P[chosen_P].tolist(), times_P[chosen_P].tolist(), strict=True)
        return tuple(Misread(image=image, share=times / n_seeds) for image, times in pairs)

    total = int(times_P.sum())
    return CellAtlas(
        true=cell[0],
        predicted=cell[1],
        n_seeds=n_seeds,
        n_images=sizes[1],
        hard_core=images(often_P & ~disputed_P & several),
        coin_flip=images(~often_P & ~rare_P & ~disputed_P & several),
        flicker=images(rare_P & ~disputed_P & several),
        undivided=images(~disputed_P & (not several)),
        disputed=images(disputed_P),
        errors_per_seed=total / n_seeds,
        best_reduction=int(times_P[~disputed_P].sum()) / total if total else None,
        note=ONE_SEED if n_seeds == 1 else FEW_SEEDS if n_seeds < 6 else "",
    )
