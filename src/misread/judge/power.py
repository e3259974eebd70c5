"""Power of the judge's test: what a design finds, how many seeds and images would do.

The one place that knows which test that is; the verdict and `misread power` both ask here. Bloom's
(1995, *Evaluation Review* 19) minimum detectable effect takes the standard error as known up to its
degrees of freedom (Satterthwaite 1946, *Biometrics Bulletin* 2); with few seeds and rare errors it
is not, so the power is the test's own, averaged over the mean squares that a study may find.
Against simulated studies of 3 to 80 errors a seed it is within .05, and the more to the high side
the rarer the error (`tests/judge/test_power.py`).
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import scipy

from misread.judge.changed import changed_share
from misread.judge.pilot import Pilot
from misread.judge.pooled import Held, of_each
from misread.judge.terms import Terms
from misread.judge.variance import combined

TARGET = 0.8
NONE_HELD = Held()
MOST_SEEDS, MOST_IMAGES = 1_000, 10_000_000  # beyond this a number is no advice

_N_RATES, _N_VARIANCES = 9, 24  # points of the average: more change the power by less than .01


def power_of(
    pilot: Pilot,
    reduction: float,
    n_seeds: int,
    n_images: int,
    alpha: float = 0.05,
    held: Held = NONE_HELD,
) -> float:
    """Return the chance that the judge's test finds a relative reduction at level `alpha`.

    The normal chance that the mean change exceeds the test's own bound, averaged over the images
    drawn, which set how frequent the error is (a gamma with the images' variance), and over the
    seeds' mean square (a chi-square with S − 1 degrees of freedom); times the Poisson chance that
    enough images change for the test to speak.

    Parameters
    ----------
    pilot : Pilot
        What is known of the cell.
    reduction : float
        Above 0, at most 1.
    n_seeds, n_images : int
        The design; images of the true class that all seeds read, at least 2.
    alpha : float
        Level of the two-sided test.
    held : Held
        What each seed has held out beside them.

    Returns
    -------
    float
        0 to 1. With one seed the test is about two models, and its power supposes large counts.
    """
    components, rate = pilot.change(reduction), pilot.rate
    extent = held.extent(n_seeds, n_images / pilot.design_effect)
    (image_full, rest_full), (image_held, rest_held) = of_each(extent, held.weight)
    image = pilot.spread.image * rate * (1 - rate)  # of the present model
    image = min(image, components.image / reduction**2)  # as far as the fix acts evenly on images
    uneven = max(components.image - image * reduction**2, 0.0)  # the fix works unevenly on images
    factor_P, times_P = (
        grid.ravel()
        for grid in np.meshgrid(
            _rate_factors(image * (image_full + image_held) / rate**2), _seed_factors(n_seeds)
        )
    )
    several = float(n_seeds > 1)
    rest_P = components.residual * rest_full * factor_P
    single_P = (components.image + components.residual) * rest_held * factor_P
    seed_P = components.seed * factor_P**2 / n_seeds
    away_P = (components.image * image_held + components.residual * rest_held) * factor_P
    true_P = seed_P + rest_P + components.residual * rest_held * factor_P
    sd_P = np.sqrt(true_P + uneven * (image_full + image_held) * factor_P)
    df_image, df_held = max(extent.n_full - 1, 1.0), max(extent.n_held - 1, 1.0)
    one_P = np.ones_like(sd_P)
    variance_P, df_P = combined(
        Terms(
            seed=several * times_P * (seed_P + rest_P + single_P),
            image=rest_P + components.image * image_full * factor_P,
            residual=several * rest_P,
            image_held=away_P,
            residual_held=single_P,
            least_held=single_P,
            df_seed=one_P * (n_seeds - 1 or np.inf),
            df_image=one_P * df_image,
            df_residual=one_P * max((n_seeds - 1) * df_image, 1.0),
            df_held=one_P * df_held,
            n_seeds=n_seeds,
        )
    )
    bound_P = -scipy.special.stdtrit(df_P, alpha / 2) * np.sqrt(variance_P)
    change_P = reduction * rate * factor_P
    sd_P = np.maximum(sd_P, 1e-30)  # nothing that differs: found for certain, or never
    chance_P = sum(scipy.special.ndtr((sign * change_P - bound_P) / sd_P) for sign in (1, -1))
    least = math.ceil(-math.log2(alpha))  # changed images, see `variance.least_p`
    changed = extent.n_full * changed_share(pilot, reduction, n_seeds) * (held.weight > 0)
    if held.weight < 1:
        times = max(round(extent.n_readings / extent.n_held), 1)
        changed += extent.n_held * changed_share(pilot, reduction, times)
    return float(np.mean(chance_P) * scipy.special.pdtrc(least - 1, changed))


def smallest_found(
    pilot: Pilot,
    n_seeds: int,
    n_images: int,
    target: float = TARGET,
    alpha: float = 0.05,
    held: Held = NONE_HELD,
) -> float | None:
    """Return the smallest relative reduction found with the power `target`, to a thousandth.

    None where not even a fall to zero would be found that often.
    """
    least = fewest(
        lambda n: power_of(pilot, n / 1000, n_seeds, n_images, alpha, held) >= target, 1, 1000
    )
    return None if least is None else least / 1000


def seeds_needed(
    pilot: Pilot,
    reduction: float,
    n_images: int,
    target: float = TARGET,
    alpha: float = 0.05,
    held: Held = NONE_HELD,
) -> int | None:
    """Return the fewest seeds that find a reduction on these images, at least 2, at most 1,000."""
    return fewest(
        lambda n: power_of(pilot, reduction, n, n_images, alpha, held) >= target, 2, MOST_SEEDS
    )


def images_needed(
    pilot: Pilot,
    reduction: float,
    n_seeds: int,
    target: float = TARGET,
    alpha: float = 0.05,
    held: Held = NONE_HELD,
) -> int | None:
    """Return the fewest images on which so many seeds find a reduction; None beyond 10 million.

    Images of either kind, in the proportion of the design.
    """
    n = fewest(
        lambda n: power_of(pilot, reduction, n_seeds, n, alpha, held) >= target, 2, MOST_IMAGES
    )
    return None if n is None else held.total(n_seeds, n)


def fewest(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """Return the least number that is enough, as all larger ones are; None beyond `most`."""
    number = least + bisect_left(range(least, most + 1), 1, key=enough)
    return number if number <= most else None


@lru_cache(maxsize=1024)
def _seed_factors(n_seeds: int) -> tuple[float, ...]:
    """Return equally likely factors of mean 1 by which the seeds' mean square may miss."""
    if n_seeds == 1:
        return (1.0,)
    chances = (np.arange(_N_VARIANCES) + 0.5) / _N_VARIANCES
    return tuple((scipy.special.chdtri(n_seeds - 1, 1 - chances) / (n_seeds - 1)).tolist())


@lru_cache(maxsize=256)
def _rate_factors(variance: float) -> tuple[float, ...]:
    """Return equally likely factors of mean 1 by which a study's images are harder or easier."""
    if variance < 1e-6:
        return (1.0,)
    chances = (np.arange(_N_RATES) + 0.5) / _N_RATES
    factors = scipy.special.gammaincinv(1 / min(variance, 1e4), chances)  # beyond, all would be 0
    return tuple(np.maximum(factors / factors.mean(), 1e-6).tolist())
