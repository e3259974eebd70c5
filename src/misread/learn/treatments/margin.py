"""A margin between the two classes: while learning, the rival's logit is higher than it is read."""

import numpy as np
from pydantic import Field

from misread.files import Frozen
from misread.learn.treatments.lab import Cell, Floats32


class Margin(Frozen):
    """Adds to the rival's logit for images of the two classes, in training only.

    An additive margin as in Wang et al. 2018 (*CosFace*), between two classes alone. It asks for a
    clearer lead over the rival; on one side alone it trades errors.

    Parameters
    ----------
    true, predicted
        Added to the logit of the rival for images of either class.
    """

    true: float = Field(default=1.0, ge=0, le=20)
    predicted: float = Field(default=1.0, ge=0, le=20)

    def push(self, n_classes: int, cell: Cell) -> Floats32:
        """Return what is added to the logits, `[K,K]`, a row for each label."""
        push_KK = np.zeros((n_classes, n_classes), np.float32)
        push_KK[cell] = self.true
        push_KK[cell[::-1]] = self.predicted
        return push_KK
