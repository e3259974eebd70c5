"""The share of images that a fix changes on balance: of few the judge's test cannot speak."""

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
    size = 1 / max(pilot.spread.image, 1e-4) - 1
    edge = (np.arange(300) + 0.5) / 300  # dense where the errors are, among the few hard images
    weight_P = 3 * edge**2
    chance_P = scipy.special.betaincinv(pilot.rate * size, (1 - pilot.rate) * size, 1 - edge**3)
    after_P, shared = chance_P * (1 - reduction), pilot.spread.shared
    gone_P = (1 - shared) * chance_P * (1 - after_P) + shared * (chance_P - after_P)
    new_P = (1 - shared) * after_P * (1 - chance_P)
    times = np.arange(n_seeds + 1)[:, None]
    balanced_P = (_binomial(times, n_seeds, gone_P) * _binomial(times, n_seeds, new_P)).sum(axis=0)
    return float(((1 - balanced_P) * weight_P).sum() / weight_P.sum())


def _binomial(times: IntArray, size: int, chance_P: FloatArray) -> FloatArray:
    """Return binomial probabilities; scipy's own overflow where a chance is nearly 0."""
    log = scipy.special.xlogy(times, chance_P) + scipy.special.xlog1py(size - times, -chance_P)
    out: FloatArray = scipy.special.binom(size, times) * np.exp(log)
    return out
