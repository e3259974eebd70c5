"""A patch: training goes on from the baseline's model for a while, with other treatments beside."""

from pydantic import Field

from misread.files import Frozen


class Patch(Frozen):
    """Goes on from the trained baseline of the same seed.

    It changes a finished model at little cost; it stays close to what the baseline reads.

    Parameters
    ----------
    epochs
        Length of the training; 0 leaves the weights as they are.
    learning_rate
        Constant; None takes a tenth of the recipe's.
    """

    epochs: float = Field(default=0.25, ge=0, le=10)
    learning_rate: float | None = Field(default=None, gt=0)
