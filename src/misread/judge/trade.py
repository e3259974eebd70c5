"""Falls that are trades: the reverse rises as a moved boundary would make it.

A constant added to the logit of the true class i lowers i→j and raises j→i. How much the one costs
of the other is read off the baseline's own curve; the arm is held against that. (A constant for
each seed, chosen so that the baseline's errors equal the arm's, and a test of the reverses, is
chosen by three errors a seed: nine of ten trades could not be told.)
"""

from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from misread.files import Frozen
from misread.judge.checks import FloatArray
from misread.judge.counts import Counts
from misread.judge.measure import measure, rates_of
from misread.judge.terms import (
    VARIANCES,
    Terms,
    bessel_of,
    estimates,
    seed_shares,
    weights_of,
)
from misread.judge.variance import combined, terms_of


class Bargain(StrEnum):
    """Answers to whether a target fell at the cost of its reverse."""

    LEARNED = "learned"
    TRADED = "traded"
    OPEN = "cannot be told"


class Leans(NamedTuple):
    """Shifts of logit i at which a reading changes, seed by seed.

    Attributes
    ----------
    gaps : tuple of ndarray of float64
        Of each seed, over the images of class i that it reads: ``z_j − z_i`` where j leads the
        other classes, else −inf. Read as j where the shift is smaller.
    backs : tuple of ndarray of float64
        Of each seed, over the images of class j that it reads: ``max z − z_i`` over the other
        classes. Read as i where the shift is larger.
    """

    gaps: tuple[FloatArray, ...]
    backs: tuple[FloatArray, ...]


def logits_of(probs_NK: npt.NDArray[np.floating]) -> FloatArray:
    """Return logits up to a constant per image; a probability of 0 has none, and takes 1e-8."""
    return np.log(np.maximum(probs_NK.astype(np.float64), 1e-8))


def gaps_of(logits_NK: FloatArray, true: int, predicted: int) -> FloatArray:
    """Return the shifts of logit `true` below which its images are read as `predicted`."""
    others_NK = logits_NK.copy()
    others_NK[:, true] = -np.inf
    leads_N = others_NK.argmax(axis=1) == predicted
    return np.where(leads_N, logits_NK[:, predicted] - logits_NK[:, true], -np.inf)


def backs_of(logits_NK: FloatArray, true: int) -> FloatArray:
    """Return the shifts of logit `true` above which images of another class are read as it."""
    others_NK = logits_NK.copy()
    others_NK[:, true] = -np.inf
    return np.asarray(others_NK.max(axis=1) - logits_NK[:, true])


def shift_for(gaps: tuple[FloatArray, ...], n_errors: float) -> float:
    """Return the one constant that leaves all seeds together `n_errors` errors i→j.

    Between the two readings that enclose it; their mean on the scale of logits.
    """
    every = np.sort(np.concatenate(gaps))[::-1]
    every = every[np.isfinite(every)]
    n_left = int(np.clip(round(n_errors), 0, every.size))
    if not every.size:
        return 0.0
    if n_left == 0:
        return float(every[0]) + 1e-6
    if n_left == every.size:
        return float(every[-1]) - 1e-6
    return float(every[n_left - 1] + every[n_left]) / 2


class Trade(Frozen):
    """The fall of a target, held against its reverse.

    Attributes
    ----------
    answer : {"learned", "traded", "cannot be told"}
        *learned*: the reverse is surely lower than a moved boundary would make it; *traded*: it is
        not, and so surely that a fix at no price is excluded.
    excess, low, high : float
        Change of the reverse less what the fall of the target costs on the baseline's curve, a
        share of class j's images; 0 is a moved boundary, below is better.
    price : float
        What the fall of the target costs on that curve.
    p_value : float
        Of the excess being 0.
    """

    answer: Bargain
    excess: float
    low: float
    high: float
    price: float
    p_value: float


def exchange_of(leans: Leans, fall: float) -> float | None:
    """Return how much the reverse of the baseline rises for each part by which its target falls.

    A share of class j over a share of class i; None where the baseline has no such error. The shift
    matches a relative `fall` of a hundredth at least, for a curve has no slope between two
    readings.
    """
    gaps, backs = leans
    n_errors = sum(int((seed > 0).sum()) for seed in gaps)
    if not n_errors:
        return None
    left = min(round(n_errors * (1 - max(fall, 0.01))), n_errors - 1)
    shift = shift_for(gaps, left)
    cost = np.mean([np.mean(seed < shift) - np.mean(seed < 0) for seed in backs])
    gain = np.mean([np.mean(seed > 0) - np.mean(seed > shift) for seed in gaps])
    return float(cost / gain) if gain > 0 else None


def trade_of(target: Counts, reverse: Counts, leans: Leans, alpha: float) -> Trade | None:
    """Return whether a fall of the target was learned or traded for its reverse.

    Along the baseline's own curve a fall of the target by one part costs `exchange` parts of the
    reverse. So ``change of the reverse + exchange · change of the target`` is 0 for a boundary that
    was only moved. Both changes are of other images and of the same seeds: what seeds add is summed
    seed by seed, so that a training that leans cancels, and what images add is the sum of both.
    None where the target did not fall, seeds are no pairs, or the baseline has no such error.
    """
    w_C, w_reverse_C = weights_of(target), weights_of(reverse)
    change, before = float(estimates(target, w_C)[0][0]), rates_of(target)[0][0]
    if change >= 0 or not target.paired or not before:
        return None
    exchange = exchange_of(leans, min(-change / before, 1.0))
    if exchange is None:
        return None
    price = -exchange * change
    terms, excess = _summed(((reverse, w_reverse_C, 1.0), (target, w_C, exchange)))
    variance_C, df_C = combined(terms)
    se = float(np.sqrt(variance_C[0]))
    half = -float(scipy.special.stdtrit(df_C[0], alpha / 2)) * se if se else 0.0
    measured = measure(reverse, alpha)
    if measured.few_C[0] or measured.unchanged_C[0]:  # so few events show no variance
        half = max(half, float(measured.bound_C[0]))
    low, high = excess - half, excess + half
    answer = Bargain.OPEN
    if high < 0:
        answer = Bargain.LEARNED
    elif low > -price:
        answer = Bargain.TRADED
    p_value = 2 * float(scipy.special.stdtr(df_C[0], -abs(excess) / se)) if se else 1.0
    return Trade(answer=answer, excess=excess, low=low, high=high, price=price, p_value=p_value)


def _summed(sums: tuple[tuple[Counts, FloatArray, float], ...]) -> tuple[Terms, float]:
    """Return the terms of a weighted sum of changes of other images by the same seeds, and the sum.

    `sums` are counts of one error each, paired, the weight of what all read, and a factor.
    """
    terms = [terms_of(counts, w_C) for counts, w_C, _ in sums]
    added: dict[str, Any] = {}
    for name in VARIANCES:
        scaled = (k**2 * getattr(of, name) for of, (_, _, k) in zip(terms, sums, strict=True))
        added[name] = sum(scaled, np.zeros(1))
    for name in ("df_image", "df_residual", "df_held"):
        added[name] = np.min([getattr(of, name) for of in terms], axis=0)
    moved_CS, weight_CS = np.zeros((1, 1)), np.zeros((1, 1))
    value = 0.0
    for counts, w_C, k in sums:
        moved_of_CS, share_CS = seed_shares(counts, 0, w_C)
        moved_CS, weight_CS = moved_CS + k * moved_of_CS, weight_CS + share_CS / len(sums)
        value += k * float(estimates(counts, w_C)[0][0])
    bessel_C, added["df_seed"] = bessel_of(weight_CS)
    added["seed"] = (moved_CS**2).sum(axis=1) * bessel_C
    return terms[0]._replace(**added), value
