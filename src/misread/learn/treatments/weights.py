"""Weights of training images: by class, and by how hard the two classes are to tell apart."""

import numpy as np
from pydantic import Field

from misread.files import Frozen
from misread.learn.treatments.lab import Floats32, Lab


class Weights(Frozen):
    """Counts some images more than others.

    It moves training towards these images; it cannot help where they cannot be told apart.

    Parameters
    ----------
    true, predicted
        Weight of the images of either class of the cell, before all are scaled to a mean of 1.
    hard
        By how much a hard image of the two classes counts more: an image whose margin is 0 has the
        weight 1 + hard, one whose margin is 1 none of it. 0 trains no helpers.
    folds
        Models by folds inside *fit* that measure the margins.
    """

    true: float = Field(default=1, gt=0, le=100)
    predicted: float = Field(default=1, gt=0, le=100)
    hard: float = Field(default=0, ge=0, le=100)
    folds: int = Field(default=3, ge=2, le=10)

    def of(self, lab: Lab) -> Floats32:
        """Return the weight of each image `[N]`, 1 in the mean."""
        labels_N = lab.fit.labels_N
        weights_N = np.ones(len(labels_N))
        for label, weight in zip(lab.cell, (self.true, self.predicted), strict=True):
            weights_N[labels_N == label] = weight
        if self.hard:
            probs_NK = lab.held_out_probs("weights of hard images", self.folds)
            weights_N *= 1 + self.hard * hardness(probs_NK, lab)
        scaled_N: Floats32 = (weights_N / weights_N.mean()).astype(np.float32)
        return scaled_N


def hardness(probs_NK: Floats32, lab: Lab) -> Floats32:
    """Return how hard each image `[N]` is, 0 to 1: 1 less the margin of its class over the other.

    The margin is p(label) − p(other of the two), not below 0; images of other classes have 0.
    """
    true, predicted = lab.cell
    labels_N = lab.fit.labels_N
    label_N = probs_NK[np.arange(len(labels_N)), labels_N]
    other_N = np.where(labels_N == true, probs_NK[:, predicted], probs_NK[:, true])
    hard_N: Floats32 = np.where(lab.in_cell_N, 1 - np.maximum(label_N - other_N, 0), 0)
    return hard_N.astype(np.float32)
