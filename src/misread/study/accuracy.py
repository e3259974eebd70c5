"""Accuracy of an arm over its seeds, with an interval, and beside what others document."""

from collections.abc import Sequence

import numpy as np
import scipy

from misread.files import Frozen
from misread.images import Floats
from misread.judge import Effect


class Spread(Frozen):
    """Mean and standard deviation over seeds (ddof 1; None with one seed), and each seed."""

    mean: float | None
    sd: float | None
    per_seed: tuple[float | None, ...]


class Accuracy(Frozen):
    """Accuracy of an arm, with an interval over seeds and images (`judge.two_way` of its errors).

    All are shares in [0, 1]; `sd` is over seeds (ddof 1; None with one seed).
    """

    mean: float
    sd: float | None
    low: float
    high: float
    per_seed: tuple[float, ...]


class Documented(Frozen):
    """An accuracy that someone else reports of one model, and where one more of ours would lie.

    `low` to `high` is the 95% prediction interval over seeds on the same test images (Student's t);
    None with one seed.
    """

    accuracy: float
    low: float | None
    high: float | None

    @property
    def agrees(self) -> bool | None:
        """Return whether the documented accuracy lies within; None where that is not known."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.accuracy <= self.high


def accuracy(accuracy_S: Floats, errors: Effect) -> Accuracy:
    """Return the accuracy of S seeds with the interval of their error rate."""
    return Accuracy(
        mean=float(accuracy_S.mean()),
        sd=_sd(accuracy_S),
        low=1 - errors.high,
        high=min(1 - errors.low, 1.0),
        per_seed=tuple(accuracy_S.tolist()),
    )


def spread(values: Sequence[float | None]) -> Spread:
    """Return mean and standard deviation over seeds of what is known (None: 0/0)."""
    known = [value for value in values if value is not None]
    mean = float(np.mean(known)) if known else None
    return Spread(mean=mean, sd=_sd(np.array(known)), per_seed=tuple(values))


def _sd(values: Floats) -> float | None:
    return float(values.std(ddof=1)) if values.size > 1 else None


def documented_as(value: float, accuracy_S: Floats) -> Documented:
    """Return where one more network would lie with 95%: the prediction interval of Student's t."""
    n_seeds, sd = accuracy_S.size, _sd(accuracy_S)
    if sd is None:
        return Documented(accuracy=value, low=None, high=None)
    half = float(scipy.stats.t.ppf(0.975, n_seeds - 1)) * sd * (1 + 1 / n_seeds) ** 0.5
    mean = float(accuracy_S.mean())
    return Documented(accuracy=value, low=mean - half, high=mean + half)
