"""A cell i→j beside its reverse j→i: which of them leads, and what becomes of both together."""

import numpy as np

from misread.judge.classes import AnyIntArray, Cell
from misread.judge.counts import count_differences
from misread.judge.effects import Effect, effects
from misread.judge.groups import Groups
from misread.judge.measure import rates_of
from misread.judge.pair import Pair


def asymmetry(
    labels_N: AnyIntArray,
    preds_SN: AnyIntArray,
    true: int,
    predicted: int,
    *,
    alpha: float = 0.05,
    groups: Groups | None = None,
) -> Effect | None:
    """Return by how much one arm makes i→j more often than j→i.

    Bowker's (1948, *JASA* 43) question for one pair of classes, held against both seeds and images
    as `two_way` does: each image of i or j counts 1 where it is read as the other one, i→j with a
    plus, j→i with a minus.

    Parameters
    ----------
    labels_N : ndarray of int, shape [N]
        True classes.
    preds_SN : ndarray of int, shape [S, N]
        Predicted classes.
    true, predicted : int
        The cell i→j.
    alpha : float
        The interval covers ``1 − alpha``.
    groups : Groups, optional
        Groups of images that are not independent.

    Returns
    -------
    Effect or None
        Errors i→j less errors j→i, per image of either class; positive means that i→j leads. None
        where class j does not occur.
    """
    if not (labels_N == predicted).any():
        return None
    both_N = (labels_N == true) | (labels_N == predicted)
    labels, preds = labels_N[both_N], preds_SN[:, both_N]
    forth = ((labels == true) & (preds == predicted)).astype(np.int64)
    back = ((labels == predicted) & (preds == true)).astype(np.int64)
    return effects(count_differences(forth - back, groups and groups.of(both_N)), alpha)[0]


def both_ways(pair: Pair, cell: Cell, alpha: float) -> Effect | None:
    """Return the effect on both directions of a cell together."""
    true, predicted = cell
    if not (pair.labels_N == predicted).any():
        return None
    part = pair.of_images((pair.labels_N == true) | (pair.labels_N == predicted))
    other_N = np.where(part.labels_N == true, predicted, true)
    counts = part.count(part.before_SN == other_N, part.after_TN == other_N)
    return effects(counts, alpha)[0].within(float(rates_of(counts)[0][0]))
