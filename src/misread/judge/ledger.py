"""The images that a fix broke, and those that it mended, in nearly all seeds."""

import numpy as np
import numpy.typing as npt

from misread.files import Frozen
from misread.judge.checks import IntArray, class_numbers, same_images


class Ledger(Frozen):
    """Images that changed for good between two arms; tuples of their indices, ascending.

    Attributes
    ----------
    broken : tuple of int
        Right in at least 80% of the seeds before, wrong in at least 80% after.
    mended : tuple of int
        Wrong in at least 80% before, right in at least 80% after.
    """

    broken: tuple[int, ...]
    mended: tuple[int, ...]

    def placed(self, places_N: IntArray) -> "Ledger":
        """Return the same with image k called `places_N[k]`."""
        sides = ([int(places_N[k]) for k in side] for side in (self.broken, self.mended))
        return Ledger(broken=tuple(next(sides)), mended=tuple(next(sides)))


def ledger(labels_N: npt.ArrayLike, before_SN: npt.ArrayLike, after_SN: npt.ArrayLike) -> Ledger:
    """List the images that a fix consistently broke and consistently mended.

    Parameters
    ----------
    labels_N, before_SN, after_SN : array_like of int, shape [N], [S, N] and [T, N]
        True classes, and those that either arm predicts.

    Returns
    -------
    Ledger
        Image indices; consistent means in at least 80% of the seeds.

    Raises
    ------
    JudgeError
        If shapes do not fit.
    """
    labels = class_numbers("labels", labels_N, 1)
    often = []
    for name, values in (("predictions before", before_SN), ("predictions after", after_SN)):
        preds = class_numbers(name, values, 2)
        same_images(name, labels, preds)
        wrong_N = sum((read_N != labels for read_N in preds), np.zeros(labels.size, np.int64))
        often += [5 * wrong_N <= len(preds), 5 * wrong_N >= 4 * len(preds)]
    right_before, wrong_before, right_after, wrong_after = often
    return Ledger(
        broken=tuple(np.flatnonzero(right_before & wrong_after).tolist()),
        mended=tuple(np.flatnonzero(wrong_before & right_after).tolist()),
    )
