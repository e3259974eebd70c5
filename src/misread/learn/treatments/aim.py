"""The aim of training: how much an image counts, what it is to be read as, what pushes against it.

With nothing treated an aim is plain: each image counts once, as its label, with nothing added.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Labels

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Aim:
    """What each of N training images is to teach a model of K classes.

    Attributes
    ----------
    weights_N : ndarray of float32
        What each image counts in the loss; 1 in the mean.
    teacher_NK : ndarray of float32
        Probabilities of a teacher, each row 1 or, without one, 0.
    teacher_share : float
        How much of the target is the teacher's, 0 to 1; the label has the rest.
    push_KK : ndarray of float32
        Added to the logits of an image in training, a row for each label.
    """

    weights_N: Floats32
    teacher_NK: Floats32
    teacher_share: float
    push_KK: Floats32

    @classmethod
    def plain(cls, n_images: int, n_classes: int) -> Self:
        """Return the aim of a training without treatments."""
        nothing_NK = np.zeros((n_images, n_classes), np.float32)
        push_KK = np.zeros((n_classes, n_classes), np.float32)
        return cls(np.ones(n_images, np.float32), nothing_NK, 0.0, push_KK)

    @property
    def is_plain(self) -> bool:
        """Whether nothing is treated."""
        return bool((self.weights_N == 1).all()) and not (self.teacher_share or self.push_KK.any())

    def targets(self, labels_N: Labels, smoothing: float) -> Floats32:
        """Return the probabilities `[N,K]` that are aimed at, labels smoothed by a share."""
        n_classes = self.teacher_NK.shape[1]
        labels_NK = np.eye(n_classes, dtype=np.float32)[labels_N]
        smooth, share = np.float32(smoothing), np.float32(self.teacher_share)
        labels_NK = labels_NK * (1 - smooth) + smooth / np.float32(n_classes)
        targets_NK: Floats32 = (1 - share) * labels_NK + share * self.teacher_NK
        return targets_NK
