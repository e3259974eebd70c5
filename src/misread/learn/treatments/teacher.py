"""A teacher: the mean of helper models says beside the label how an image may be read."""

import numpy as np
from pydantic import Field

from misread.files import Frozen
from misread.learn.treatments.lab import Floats32, Lab


class Teacher(Frozen):
    """Distils helper models of the same tenth (Hinton, Vinyals & Dean 2015; 2011.09161).

    It steadies what differs between trainings; it cannot mend what all of them misread.

    Parameters
    ----------
    models
        Helpers whose mean is the teacher; they learn all of *fit*, or with `folds` each image is
        taught by those that did not learn it.
    share
        Share of the target that is the teacher's, 0 to 1.
    folds
        Folds inside *fit*; 0 for none.
    """

    models: int = Field(default=2, ge=1, le=10)
    share: float = Field(default=0.5, gt=0, le=1)
    folds: int = Field(default=0, ge=0, le=10)

    def probs(self, lab: Lab) -> Floats32:
        """Return the teacher's probabilities `[N,K]`."""
        if self.folds:
            votes = [lab.held_out_probs(f"teacher {n}", self.folds) for n in range(self.models)]
        else:
            votes = [lab.helper("teacher", n)(lab.fit.images) for n in range(self.models)]
        mean_NK: Floats32 = np.mean(votes, axis=0).astype(np.float32)
        return mean_NK
