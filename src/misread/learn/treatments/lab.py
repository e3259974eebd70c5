"""Helper models of a treatment, trained on images of the run's own *fit* alone.

A helper never meets an image that its run holds out, so that it cannot give away how that image is
to be read.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.parts import folds
from misread.errors import StudyError
from misread.images import Images
from misread.seeds import derive_int

Floats32 = npt.NDArray[np.float32]
Reads = Callable[[Images], Floats32]
Cell = tuple[int, int]


@dataclass(frozen=True)
class Lab:
    """Images and helper models of a run, for its treatments."""

    fit: Dataset  # N images of K classes
    seed: int
    cell: Cell  # the target, (true, predicted), or the classes in its place
    train: Callable[[Dataset, int], Reads]  # with the run's recipe, without treatments; and a seed

    def helper(self, purpose: str, number: int, data: Dataset | None = None) -> Reads:
        """Return a model trained on *fit*, or on a part of it, from weights of its own.

        StudyError if `data` holds images that are not in *fit*.
        """
        data = self.fit if data is None else data
        refuse_foreign(data, self.fit)
        return self.train(data, derive_int(self.seed, purpose, number))

    def held_out_probs(self, purpose: str, n_folds: int) -> Floats32:
        """Return the probabilities `[N,K]` of each image by a model that did not learn it."""
        probs_NK = np.zeros((len(self.fit), self.fit.n_classes), np.float32)
        fold_N = folds(self.fit.labels_N, n_folds)
        for fold in range(n_folds):
            rest, held_out = np.flatnonzero(fold_N != fold), np.flatnonzero(fold_N == fold)
            reads = self.helper(purpose, fold, self.fit.take(rest))
            probs_NK[held_out] = reads(self.fit.images[held_out])
        return probs_NK

    @property
    def in_cell_N(self) -> npt.NDArray[np.bool_]:
        """Return whether each image is of one of the two classes."""
        return np.isin(self.fit.labels_N, self.cell)


def refuse_foreign(data: Dataset, fit: Dataset) -> None:
    """Refuse, by a StudyError, images that are not among those of *fit*."""
    known = {image.tobytes() for image in fit.images}
    strange = sum(image.tobytes() not in known for image in data.images)
    if strange:
        msg = (
            f"a helper model was to learn {strange:,} images that its run holds out or does not "
            "have; allowed are images of the run's own fit: take them from there."
        )
        raise StudyError(msg)
