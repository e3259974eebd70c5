"""The share of images that a fix changes on balance: where few change, no test can reject."""

from functools import lru_cache

import numpy as np
import scipy

from misread.judge.checks import FloatArray, IntArray
from misread.judge.pilot import Pilot

_MOST_SEEDS = 50  # with more, hardly an image more changes


def changed_share(pilot: Pilot, reduction: float, n_seeds: int) -> float:
    """Return the share of images that change on balance; as in the pilot where it saw both arms."""
    share, in_pilot = (
        _changed_evenly(pilot, reduction, min(n or 1, _MOST_SEEDS))
        for n in (n_seeds, pilot.n_seeds)
    )
    return share if pilot.changed is None else min(share * pilot.changed / in_pilot, 1.0)


@lru_cache(maxsize=4096)
def _changed_evenly(pilot: Pilot, reduction: float, n_seeds: int) -> float:
    """Return the share of images that a fix changes if it acts on all alike.

    Each image has its own chance of the error, drawn from the beta distribution that has the
    pilot's rate and variance between images.
    """
    chance_P, weight_P = _chances(pilot.rate, pilot.spread.image)
    after_P, shared = chance_P * (1 - reduction), pilot.spread.shared
    gone_P = (1 - shared) * chance_P * (1 - after_P) + shared * (chance_P - after_P)
    new_P = (1 - shared) * after_P * (1 - chance_P)
    times = np.arange(n_seeds + 1)[:, None]
    balanced_P = (_binomial(times, n_seeds, gone_P) * _binomial(times, n_seeds, new_P)).sum(axis=0)
    return float(((1 - balanced_P) * weight_P).sum() / weight_P.sum())


@lru_cache(maxsize=256)
def _chances(rate: float, variance: float) -> tuple[FloatArray, FloatArray]:
    """Return chances of the error, and the weight of each, by rate and share between images."""
    size = 1 / max(variance, 1e-4) - 1
    edge = (np.arange(300) + 0.5) / 300  # dense where the errors are, among the few hard images
    chance_P = scipy.special.betaincinv(rate * size, (1 - rate) * size, 1 - edge**3)
    return chance_P, 3 * edge**2


def _binomial(times: IntArray, size: int, chance_P: FloatArray) -> FloatArray:
    """Return binomial probabilities; scipy's own overflow where a chance is nearly 0."""
    with np.errstate(invalid="ignore"):  # 0 times the logarithm of 0
        log = np.where(times > 0, times * scipy.special.xlogy(1.0, chance_P), 0.0)
        left = size - times
        log += np.where(left > 0, left * scipy.special.xlog1py(1.0, -chance_P), 0.0)
    out: FloatArray = (scipy.special.binom(size, times) * np.exp(log)).astype(np.float64)
    return out
