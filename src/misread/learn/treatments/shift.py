"""A shifted logit: the boundary between two classes moves, and nothing is learnt."""

import numpy as np
from pydantic import Field

from misread.files import Frozen
from misread.learn.treatments.lab import Cell, Floats32


class Shift(Frozen):
    """Adds a constant to the logit of the cell's true class whenever the model reads.

    It trades errors of one direction for the other; it cannot lower both.

    Parameters
    ----------
    logit
        The constant.
    """

    logit: float = Field(ge=-50, le=50)


def shifted(probs_NK: Floats32, cell: Cell, logit: float) -> Floats32:
    """Return the probabilities `[N,K]` after a constant on the logit of a cell's true class."""
    moved_NK = probs_NK.astype(np.float64)
    moved_NK[:, cell[0]] *= np.exp(logit)
    moved_NK /= moved_NK.sum(axis=1, keepdims=True)
    return moved_NK.astype(np.float32)
