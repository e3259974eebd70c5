"""Which images make a cell: always misread, sometimes, rarely, or of disputed label.

A hard-core image asks for other data or another label, a coin flip for a steadier training, and
what is disputed cannot be mended at all: its share limits the best reduction still possible.
"""

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from misread.errors import JudgeError
from misread.judge.inputs import BoolArray, IntArray, flags, same_images, whole_numbers


class Misread(BaseModel):
    """One image and the share of seeds that misread it.

    Attributes
    ----------
    image : int
        Index into the labels.
    share : float
        Above 0, at most 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: int
    share: float


class CellAtlas(BaseModel):
    """The images of one cell i→j in four groups that do not overlap.

    Attributes
    ----------
    true, predicted : int
        Classes i and j.
    n_seeds, n_images : int
        Trained models; images of class i.
    hard_core, coin_flip, flicker : tuple of Misread
        Undisputed images read as j in at least 80%, in 20 to 80%, in under 20% of the seeds; the
        largest share first. With one seed every error is hard-core: nothing is known of chance.
    disputed : tuple of Misread
        Images ever read as j whose label is disputed.
    errors_per_seed : float
        Mean errors of the cell, in images.
    best_reduction : float or None
        Largest share of the errors that can go while the disputed ones stay, 0 to 1; None when
        there are no errors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    true: int
    predicted: int
    n_seeds: int
    n_images: int
    hard_core: tuple[Misread, ...]
    coin_flip: tuple[Misread, ...]
    flicker: tuple[Misread, ...]
    disputed: tuple[Misread, ...]
    errors_per_seed: float
    best_reduction: float | None


class Ledger(BaseModel):
    """What changed for good between two arms; tuples of image indices, ascending.

    Attributes
    ----------
    broken : tuple of int
        Right in at least 80% of the seeds before, wrong in at least 80% after.
    mended : tuple of int
        Wrong in at least 80% before, right in at least 80% after.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    broken: tuple[int, ...]
    mended: tuple[int, ...]


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
    labels_N : array_like of int, shape [N]
        True classes.
    preds_SN : array_like of int, shape [S, N]
        Predicted classes, one row per seed.
    true, predicted : int
        The cell i→j.
    disputed_N : array_like of bool, shape [N], optional
        Images whose label is disputed.

    Returns
    -------
    CellAtlas
        Every image ever read as j stands in exactly one group.

    Raises
    ------
    JudgeError
        If shapes do not fit, the classes are the same, or class i does not occur.
    """
    labels = whole_numbers("labels", labels_N, 1)
    preds = whole_numbers("predictions", preds_SN, 2)
    same_images("predictions", labels, preds)
    disputed = flags("disputed", disputed_N, labels.size)
    own_N = labels == true
    if true == predicted or not own_N.any():
        msg = (
            f"cell {true}→{predicted}: allowed are two different classes of which the first "
            "occurs among the labels; choose such a pair."
        )
        raise JudgeError(msg)
    n_seeds = preds.shape[0]
    times_N: IntArray = ((preds == predicted) & own_N).sum(axis=0)
    often_N, rare_N = 5 * times_N >= 4 * n_seeds, 5 * times_N < n_seeds

    def group(chosen_N: BoolArray) -> tuple[Misread, ...]:
        images = np.flatnonzero(chosen_N & (times_N > 0))
        images = images[np.argsort(-times_N[images], kind="stable")]
        return tuple(Misread(image=int(n), share=int(times_N[n]) / n_seeds) for n in images)

    total = int(times_N.sum())
    return CellAtlas(
        true=true,
        predicted=predicted,
        n_seeds=n_seeds,
        n_images=int(own_N.sum()),
        hard_core=group(often_N & ~disputed),
        coin_flip=group(~often_N & ~rare_N & ~disputed),
        flicker=group(rare_N & ~disputed),
        disputed=group(disputed),
        errors_per_seed=total / n_seeds,
        best_reduction=int(times_N[~disputed].sum()) / total if total else None,
    )


def ledger(labels_N: npt.ArrayLike, before_SN: npt.ArrayLike, after_SN: npt.ArrayLike) -> Ledger:
    """List the images that a fix consistently broke and consistently mended.

    Parameters
    ----------
    labels_N : array_like of int, shape [N]
        True classes.
    before_SN, after_SN : array_like of int, shape [S, N]
        Predicted classes of both arms; the numbers of seeds may differ.

    Returns
    -------
    Ledger
        Image indices; consistent means in at least 80% of the seeds.

    Raises
    ------
    JudgeError
        If shapes do not fit.
    """
    labels = whole_numbers("labels", labels_N, 1)
    before = whole_numbers("predictions before", before_SN, 2)
    after = whole_numbers("predictions after", after_SN, 2)
    same_images("predictions before", labels, before)
    same_images("predictions after", labels, after)
    right_before, wrong_before = _consistent(before == labels), _consistent(before != labels)
    right_after, wrong_after = _consistent(after == labels), _consistent(after != labels)
    return Ledger(
        broken=tuple(np.flatnonzero(right_before & wrong_after).tolist()),
        mended=tuple(np.flatnonzero(wrong_before & right_after).tolist()),
    )


def _consistent(happens_SN: BoolArray) -> BoolArray:
    """Return where something happens in at least 80% of the seeds."""
    consistent_N: BoolArray = 5 * happens_SN.sum(axis=0) >= 4 * happens_SN.shape[0]
    return consistent_N
