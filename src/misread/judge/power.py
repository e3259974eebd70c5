"""The chance that the judge's test finds a reduction: the one place that knows which test that is.

Bloom's (1995, *Evaluation Review* 19) minimum detectable effect takes the standard error as known
up to its degrees of freedom (Satterthwaite 1946, *Biometrics Bulletin* 2); with few seeds and rare
errors it is not, so the power is the test's own, averaged over the mean squares that a study may
find. Against simulated studies of 3 to 80 errors a seed it is within .05, and the more to the high
side the rarer the error (`tests/judge/test_power.py`).
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from misread.judge.counts import FloatArray
from misread.judge.detectable import fewest
from misread.judge.pilot import Pilot
from misread.judge.variance import Parts, combined

_N_RATES, _N_VARIANCES = 9, 24  # points of the average: more change the power by less than .01


def power_of(
    pilot: Pilot, reduction: float, n_seeds: int, n_images: int, alpha: float = 0.05
) -> float:
    """Return the chance that `two_way` finds a relative reduction at level `alpha`.

    The average, over what a study may meet, of the normal chance that the mean change exceeds the
    test's own bound: over the images drawn, which set how frequent the error is (a gamma with the
    images' variance; without it the power of rare errors is told too high), and over the seeds'
    mean square (a chi-square with S − 1 degrees of freedom). Each meeting of the two goes through
    the judge's own variance and degrees of freedom. The guard against too few changed images is
    the Poisson chance of enough of them.

    Parameters
    ----------
    pilot : Pilot
        What is known of the cell.
    reduction : float
        Above 0, at most 1.
    n_seeds, n_images : int
        The design; images of the true class, at least 2.
    alpha : float
        Level of the two-sided test.

    Returns
    -------
    float
        0 to 1. With one seed the test is about two models, and its power supposes large counts.
    """
    parts = pilot.change(reduction)
    effect = reduction * pilot.rate
    own_image = pilot.spread.image * pilot.rate * (1 - pilot.rate)
    uneven = max(parts.image - own_image * reduction**2, 0.0)  # the fix works unevenly on images
    factor_P, times_P = (
        grid.ravel()
        for grid in np.meshgrid(
            _rate_factors(own_image / n_images / pilot.rate**2), _seed_factors(n_seeds)
        )
    )
    size, several = n_seeds * n_images, float(n_seeds > 1)
    rest_P = parts.residual * factor_P / size
    seed_P = rest_P + parts.seed * factor_P**2 / n_seeds
    image_P = rest_P + parts.image * factor_P / n_images
    sd_P = np.sqrt(seed_P + uneven * factor_P / n_images)
    found_P = np.zeros_like(sd_P)
    bound_P = _bound(
        several * times_P * seed_P, image_P, several * rest_P, n_seeds, n_images, alpha
    )
    for direction in (1, -1):
        found_P += special.ndtr((direction * effect * factor_P - bound_P) / sd_P)
    least = math.ceil(-math.log2(alpha))  # changed images, see `variance.least_p`
    changed = n_images * _changed_share(pilot, reduction, min(n_seeds, 50))
    return float(found_P.mean() * stats.poisson.sf(least - 1, changed))


def _bound(
    seed_P: FloatArray,
    image_P: FloatArray,
    rest_P: FloatArray,
    n_seeds: int,
    n_images: int,
    alpha: float,
) -> FloatArray:
    """Return the least mean change that the judge calls significant, given its mean squares."""
    df_image = n_images - 1
    df_seed_P, df_image_P, df_rest_P = (
        np.full_like(seed_P, df)
        for df in (n_seeds - 1 or np.inf, df_image, (n_seeds - 1) * df_image or 1)
    )
    parts = Parts(seed_P, image_P, rest_P, df_seed_P, df_image_P, df_rest_P, n_seeds)
    variance_P, df_P = combined(parts)
    bound_P: FloatArray = np.asarray(-special.stdtrit(df_P, alpha / 2), dtype=np.float64)
    return bound_P * np.sqrt(variance_P)


@lru_cache(maxsize=1024)
def _seed_factors(n_seeds: int) -> tuple[float, ...]:
    """Return equally likely factors of mean 1 by which the seeds' mean square may miss."""
    if n_seeds == 1:
        return (1.0,)
    chances = (np.arange(_N_VARIANCES) + 0.5) / _N_VARIANCES
    return tuple((special.chdtri(n_seeds - 1, 1 - chances) / (n_seeds - 1)).tolist())


@lru_cache(maxsize=256)
def _rate_factors(variance: float) -> tuple[float, ...]:
    """Return equally likely factors of mean 1 by which a study's images are harder or easier."""
    if variance < 1e-6:
        return (1.0,)
    chances = (np.arange(_N_RATES) + 0.5) / _N_RATES
    factors = special.gammaincinv(1 / variance, chances)
    return tuple(np.maximum(factors / factors.mean(), 1e-6).tolist())


@lru_cache(maxsize=4096)
def _changed_share(pilot: Pilot, reduction: float, n_seeds: int) -> float:
    """Return the share of images whose errors over the seeds change on balance.

    Each image has its own chance of the error, drawn from the beta distribution that has the
    pilot's rate and variance between images.
    """
    size = 1 / max(pilot.spread.image, 1e-4) - 1
    edge = (np.arange(300) + 0.5) / 300  # dense where the errors are, among the few hard images
    weight_P = 3 * edge**2
    chance_P = special.betaincinv(pilot.rate * size, (1 - pilot.rate) * size, 1 - edge**3)
    after_P, shared = chance_P * (1 - reduction), pilot.spread.shared
    gone_P = (1 - shared) * chance_P * (1 - after_P) + shared * (chance_P - after_P)
    new_P = (1 - shared) * after_P * (1 - chance_P)
    times = np.arange(n_seeds + 1)[:, None]
    balanced_P = (_binomial(times, n_seeds, gone_P) * _binomial(times, n_seeds, new_P)).sum(axis=0)
    return float(((1 - balanced_P) * weight_P).sum() / weight_P.sum())


def _binomial(
    times: npt.NDArray[np.int64], size: int, chance_P: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return binomial probabilities; scipy's own overflow where a chance is nearly 0."""
    log = special.xlogy(times, chance_P) + special.xlog1py(size - times, -chance_P)
    out: npt.NDArray[np.float64] = special.binom(size, times) * np.exp(log)
    return out


def smallest_found(
    pilot: Pilot, n_seeds: int, n_images: int, target: float = 0.8, alpha: float = 0.05
) -> float | None:
    """Return the smallest relative reduction found with the power `target`, to a thousandth.

    None where not even a fall to zero would be found that often.
    """
    found = fewest(lambda n: power_of(pilot, n / 1000, n_seeds, n_images, alpha) >= target, 1, 1000)
    return None if found is None else found / 1000
