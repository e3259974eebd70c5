"""Error rates of every arm by stratum: a part of the images that is known without a model.

The thinnest fifth of each class is one, or one kind of writers. Strata are looked through after the
readings are there, so what they show is exploratory.
"""

from collections.abc import Mapping

import numpy as np

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.checks import BoolArray, FloatArray, IntArray
from misread.judge.counts import count_by_part
from misread.judge.effects import Effect, benjamini_hochberg, effects
from misread.judge.groups import group_codes
from misread.judge.measure import groups_of


class ArmRate(Frozen):
    """The rate of an error that an arm makes in a stratum, with an interval; 0 to 1."""

    arm: str
    rate: float  # share of the images, mean over seeds
    low: float
    high: float
    change: Effect | None = None  # against the first arm, on the same seeds; None for that one
    q_value: float | None = None  # of the change, over all strata of the arm


class Stratum(Frozen):
    """A part of the images, and how often each arm errs there."""

    stratum: int  # its number
    n_images: int
    arms: tuple[ArmRate, ...]  # the one that the others are held against first


def quantile_strata(values_N: FloatArray, labels_N: IntArray, n_strata: int = 5) -> IntArray:
    """Return the quantile of each image among those of its own class, 0 for the lowest to Q − 1.

    Within the class, so that every stratum has the same mix of classes: fours are not thin because
    ones are thinner. Equal values share a stratum; an image without a value has −1.

    Parameters
    ----------
    values_N, labels_N : ndarray of float and of int, shape [N]
        The measure, NaN where there is none, and true classes.
    n_strata : int
        Q: 5 for fifths; JudgeError if it is below 2, or the shapes differ.

    Examples
    --------
    >>> quantile_strata(np.array([1.0, 2.0, 30.0, 10.0, 20.0]), np.array([0, 0, 1, 1, 1]), 2)
    array([0, 1, 1, 0, 0])
    """
    if n_strata < 2 or values_N.shape != labels_N.shape:
        msg = (
            f"{n_strata} strata for values {values_N.shape} and labels {labels_N.shape}; allowed "
            "are two strata or more and one value per label."
        )
        raise JudgeError(msg)
    stratum_N = np.full(labels_N.size, -1, dtype=np.int64)
    within = np.arange(1, n_strata) / n_strata
    for label in np.unique(labels_N):
        images = np.flatnonzero((labels_N == label) & ~np.isnan(values_N))
        if images.size:
            edges = np.quantile(values_N[images], within)
            stratum_N[images] = np.searchsorted(edges, values_N[images], side="left")
    return stratum_N


def rates_by_stratum(
    strata: Mapping[str, IntArray],
    wrong: Mapping[str, BoolArray],
    alpha: float = 0.05,
    groups_N: IntArray | None = None,
) -> dict[str, tuple[Stratum, ...]]:
    """Return how often each arm errs in every stratum, and what each changes against the first.

    By measure, strata without an image left out. JudgeError if shapes do not fit or alpha is out of
    range.

    Parameters
    ----------
    strata : mapping of str to ndarray of int, shape [N]
        Measure → the stratum of each image; −1 for images that count nowhere.
    wrong : mapping of str to ndarray of bool, shape [S, N]
        Arm → which readings are the error; the first arm is the one that others are held against.
        An arm with fewer seeds has the first seeds of that one.
    alpha : float
        Between 0 and 1; the intervals cover ``1 − alpha``.
    groups_N : ndarray of int, shape [N], optional
        Group (writer) of each image; intervals then hold over groups too.

    Examples
    --------
    >>> strata = {"size": np.array([0, 0, 1, 1])}
    >>> before, after = np.zeros((5, 4), bool), np.tile([False, True, False, False], (5, 1))
    >>> small, large = rates_by_stratum(strata, {"before": before, "after": after})["size"]
    >>> [(of.arm, of.rate) for of in small.arms], large.arms[1].change.estimate
    ([('before', 0.0), ('after', 0.5)], 0.0)
    """
    first = next(iter(wrong))
    n_images = wrong[first].shape[-1]
    refuse_misfits(strata, n_images)
    n_most = len(wrong[first])
    for arm, wrong_SN in wrong.items():
        if len(wrong_SN) > n_most or wrong_SN.shape[1:] != (n_images,):
            msg = (
                f"{arm} has readings {wrong_SN.shape} and {first} {wrong[first].shape}; give the "
                "same images, and no more seeds."
            )
            raise JudgeError(msg)
    codes_N = None if groups_N is None else group_codes("groups", groups_N, n_images)
    rows: dict[str, list[Stratum]] = {}
    for measure, stratum_N in strata.items():
        images = np.flatnonzero(stratum_N >= 0)
        numbers, place_M, n_C = np.unique(
            stratum_N[images], return_inverse=True, return_counts=True
        )
        codes_M = None if codes_N is None else codes_N[images]
        arms_C: list[list[ArmRate]] = [[] for _ in numbers]
        for arm, wrong_SN in wrong.items() if images.size else ():
            after_SM = wrong_SN[:, images]
            rates = _changes(place_M, np.zeros_like(after_SM), after_SM, codes_M, alpha)
            changes: list[Effect | None] = [None] * n_C.size
            if arm != first:
                before_SM = wrong[first][: len(after_SM), images]
                changes = list(_changes(place_M, before_SM, after_SM, codes_M, alpha))
            for arms, rate, change in zip(arms_C, rates, changes, strict=True):
                interval = {"low": max(rate.low, 0.0), "high": rate.high}
                arms.append(ArmRate(arm=arm, rate=rate.estimate, change=change, **interval))
        rows[measure] = [
            Stratum(stratum=stratum, n_images=n, arms=tuple(arms))
            for stratum, n, arms in zip(numbers.tolist(), n_C.tolist(), arms_C, strict=True)
        ]
    return _with_q_values(rows)


def _changes(
    stratum_M: IntArray,
    before_SM: BoolArray,
    after_SM: BoolArray,
    codes_M: IntArray | None,
    alpha: float,
) -> list[Effect]:
    """Return the change of one error in every stratum, over groups too where there are any."""
    groups = None
    if codes_M is not None:
        groups = groups_of(stratum_M, codes_M, before_SM, after_SM)
    return effects(count_by_part(before_SM, after_SM, stratum_M, paired=True, groups=groups), alpha)


def _with_q_values(rows: Mapping[str, list[Stratum]]) -> dict[str, tuple[Stratum, ...]]:
    """Return the same strata, each change corrected over all those of its arm."""
    strata = [stratum for of_measure in rows.values() for stratum in of_measure]
    n_arms = len(strata[0].arms) if strata else 0
    q_values = [
        iter(benjamini_hochberg([c.p_value for s in strata if (c := s.arms[a].change)]))
        for a in range(n_arms)
    ]

    def corrected(stratum: Stratum) -> Stratum:
        arms = (
            arm.model_copy(update={"q_value": next(q_values[a])}) if arm.change else arm
            for a, arm in enumerate(stratum.arms)
        )
        return stratum.model_copy(update={"arms": tuple(arms)})

    return {measure: tuple(map(corrected, of_measure)) for measure, of_measure in rows.items()}


def refuse_misfits(numbers: Mapping[str, IntArray], n_images: int) -> None:
    """Refuse strata or groups of another number of images than were read."""
    for name, number_N in numbers.items():
        if number_N.shape != (n_images,):
            msg = (
                f"{name} has shape {number_N.shape} and {n_images} images were read; give one "
                "number per image."
            )
            raise JudgeError(msg)
