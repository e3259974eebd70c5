"""Readings of an arm in one state of the images, and in the mean over all corruptions."""

import numpy as np

from misread.data.dataset import Labels
from misread.files import Frozen
from misread.judge import Effect
from misread.judge.effects import effects
from misread.judge.means import Mean, mean_over, mean_ratio
from misread.judge.pair import Pair, with_groups
from misread.study.accuracy import Accuracy, accuracy
from misread.study.arms import BASELINE
from misread.study.runs import Readings


class ArmOn(Frozen):
    """Accuracy and errors of an arm on *confirm* in one state."""

    accuracy: Accuracy  # its interval is over groups too where the plan knows them
    cell: float  # share of the target's true class that is read as the other one
    change: Effect | None  # growth of the error rate against the baseline's; None for that


class ArmMean(Frozen):
    """Accuracy and errors of an arm in the mean over all corruptions, each counting as much.

    `corruption_error` is the mean over the corruptions of the error rate relative to the baseline's
    on the same one: the mean corruption error of Hendrycks & Dietterich (2019), 1 for the baseline.
    None there, and where the baseline reads a corruption without any error.
    """

    accuracy: Mean
    change: Mean | None  # growth of the error rate against the baseline; None for that
    corruption_error: Mean | None


def arm_on(
    labels_N: Labels,
    read: dict[str, Readings],
    arm: str,
    target: tuple[int, int],
    alpha: float,
    groups_N: Labels | None = None,
) -> ArmOn:
    """Return how an arm reads one state of the images, from `uint8 [S,N]` of each arm.

    Seed s is the same one in every arm. With `groups_N`, the group (writer) of each image,
    intervals hold over groups too.
    """
    wrong_SN = (read[arm] != labels_N).astype(np.int64)
    none_SN = np.broadcast_to(labels_N, wrong_SN.shape)  # against no error: the rate itself
    errors = _growth(labels_N, none_SN, read[arm], alpha, groups_N)
    change = None
    if arm != BASELINE:
        before_SN = read[BASELINE][: len(wrong_SN)]
        change = _growth(labels_N, before_SN, read[arm], alpha, groups_N)
    return ArmOn(
        accuracy=accuracy(1 - wrong_SN.mean(axis=1), errors),
        cell=float((read[arm][:, labels_N == target[0]] == target[1]).mean()),
        change=change,
    )


def _growth(
    labels_N: Labels,
    before_SN: Readings,
    after_SN: Readings,
    alpha: float,
    groups_N: Labels | None,
) -> Effect:
    """Return the growth of the error rate, as the judge has it."""
    pair = with_groups(Pair(labels_N, before_SN, after_SN, ()), groups_N)
    return effects(pair.count_wrong(), alpha)[0]


def arm_mean(
    labels_N: Labels,
    read: dict[str, Readings],
    arm: str,
    alpha: float,
    groups_N: Labels | None = None,
) -> ArmMean:
    """Return how an arm reads in the mean over C corruptions; `read` has `uint8 [C,S,N]` of each.

    Other parameters as in `arm_on`. The corruptions of an image are averaged before any variance
    is taken, for they are of one image.
    """
    wrong_CSN = read[arm] != labels_N
    accuracy = mean_over(1 - wrong_CSN.mean(axis=0), alpha, groups_N)
    if arm == BASELINE:
        return ArmMean(accuracy=accuracy, change=None, corruption_error=None)
    before_CSN = read[BASELINE][:, : wrong_CSN.shape[1]] != labels_N
    return ArmMean(
        accuracy=accuracy,
        change=mean_over(wrong_CSN.mean(axis=0) - before_CSN.mean(axis=0), alpha, groups_N),
        corruption_error=mean_ratio(wrong_CSN, before_CSN, alpha, groups_N),
    )
