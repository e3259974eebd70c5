"""Distortion of the target's classes alone: moved and bent afresh in each epoch."""

import numpy as np

from misread.images import Images
from misread.learn.augment import Augment
from misread.learn.treatments.lab import Lab


class Distort(Augment):
    """Moves and bends the images of the two classes; settings as in `learn.augment`.

    It teaches that place and slant do not matter; it cannot teach what no distortion makes.
    """

    def of(self, lab: Lab, images: Images, epoch: int) -> Images:
        """Return the images `[N,H,W(,C)]` of an epoch, those of the two classes distorted."""
        distorted = images.copy()
        chosen = np.flatnonzero(lab.in_cell_N)
        distorted[chosen] = self.apply(images[chosen], lab.seed, epoch)
        return distorted
