"""The aim of training: weights of images, soft labels, and offsets of the logits in the loss.

With nothing treated an aim is plain: each image counts once, as its label, with nothing added.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from misread.data.dataset import Labels
from misread.learn.treatments.lab import Floats32


@dataclass(frozen=True)
class Aim:
    """The lesson of each of N training images for a model of K classes."""

    weights_N: Floats32  # by how much each image counts in the loss; 1 in the mean
    teacher_NK: Floats32  # probabilities of a teacher; each row sums to 1, or to 0 without one
    teacher_share: float  # of the target, 0 to 1; the label has the rest
    push_KK: Floats32  # added to the logits of an image in training, a row for each label

    @classmethod
    def plain(cls, n_images: int, n_classes: int) -> Self:
        """Return the aim of a training without treatments."""
        nothing_NK = np.zeros((n_images, n_classes), np.float32)
        push_KK = np.zeros((n_classes, n_classes), np.float32)
        return cls(np.ones(n_images, np.float32), nothing_NK, 0.0, push_KK)

    @property
    def is_plain(self) -> bool:
        """Return whether nothing is treated."""
        return bool((self.weights_N == 1).all()) and not (self.teacher_share or self.push_KK.any())

    def targets(self, labels_N: Labels, smoothing: float) -> Floats32:
        """Return the probabilities `[N,K]` that are aimed at, labels smoothed by a share."""
        n_classes = self.teacher_NK.shape[1]
        labels_NK = np.eye(n_classes, dtype=np.float32)[labels_N]
        smooth, share = np.float32(smoothing), np.float32(self.teacher_share)
        labels_NK = labels_NK * (1 - smooth) + smooth / np.float32(n_classes)
        targets_NK: Floats32 = (1 - share) * labels_NK + share * self.teacher_NK
        return targets_NK
