"""A second model for the two classes: it decides where these two lead."""

import numpy as np

from misread.files import Frozen
from misread.learn.treatments.lab import Cell, Floats32, Lab, Reads


class Second(Frozen):
    """Trains a model on the images of the two classes alone, and asks it where these two lead.

    It gives these two classes all of a model; it cannot help where a third class leads.
    """

    def train(self, lab: Lab) -> Reads:
        """Return the second model; it knows all K classes and has met two."""
        return lab.helper("second model", 0, lab.fit.take(np.flatnonzero(lab.in_cell_N)))


def decide(probs_NK: Floats32, second_NK: Floats32, cell: Cell) -> Floats32:
    """Return the probabilities `[N,K]` with those of a cell's classes shared as the second says.

    Only where the two are the largest; their sum stays as it was, and so does every other class.
    """
    pair = list(cell)
    leading_N2 = np.sort(np.argsort(-probs_NK, axis=1, kind="stable")[:, :2], axis=1)
    asked_N = (leading_N2 == sorted(pair)).all(axis=1)
    decided_NK = probs_NK.copy()
    of_pair_M2 = second_NK[asked_N][:, pair].astype(np.float64)
    total_M = probs_NK[asked_N][:, pair].sum(axis=1)
    shares_M2 = of_pair_M2 / np.maximum(of_pair_M2.sum(axis=1, keepdims=True), 1e-12)
    decided_NK[np.ix_(asked_N, pair)] = (shares_M2 * total_M[:, np.newaxis]).astype(np.float32)
    return decided_NK
