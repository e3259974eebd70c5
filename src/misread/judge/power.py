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
from typing import TypeVar

import numpy as np
from scipy import special, stats

from misread import wording
from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.changed import changed_share
from misread.judge.checks import fraction
from misread.judge.parts import crossed
from misread.judge.pilot import Pilot
from misread.judge.variance import combined

HOPELESS, DOUBTFUL = 0.2, 0.5
"""Below .2 a study finds nothing four times in five, and where it does find the effect, it shows it
more than twice as large as it is (Gelman & Carlin 2014, *Perspectives on Psychological Science* 9;
at .5 it is 1.4 times); below .5 it is worse than a coin."""

TARGET = 0.8
SEEDS = (3, 5, 7, 10, 15, 20, 30, 50)
REDUCTIONS = (0.1, 0.2, 0.3, 0.5, 0.7)
MOST_SEEDS, MOST_IMAGES = 1_000, 10_000_000  # beyond this a number is no advice

_N_RATES, _N_VARIANCES = 9, 24  # points of the average: more change the power by less than .01

T = TypeVar("T")


class PowerRow(Frozen):
    """The power with this many seeds, for each of the answer's `reductions`."""

    n_seeds: int
    power: tuple[float, ...]


class PowerAnswer(Frozen):
    """What a design can show of a reduction of one cell, and what would do.

    Attributes
    ----------
    cell, source : str
        The cell, as in ``4→9``, and where its rate comes from.
    rate, errors_per_seed : float
        Share of class i's images read as j before, and the images per seed that this makes.
    reduction, alpha, target : float
        The relative reduction asked about, the level of the two-sided test, the power asked for.
    n_seeds, n_images : int
        The design: paired seeds, images of class i.
    power, power_range : float, tuple of float or None
        The chance that this design finds the reduction; and at both ends of what the pilot leaves
        open (80%), the lower first; None where nothing is known of that.
    smallest_relative, smallest_absolute : float or None
        The reduction that this design finds with the power asked for, as a share of the errors and
        of class i's images; None where not even a fall to zero would be found.
    seeds_needed, images_needed : int or None
        How many would do while the other stays; None where no number does.
    seeds_range, images_range : tuple of (int or None) or None
        The same at both ends, the fewer first.
    both_needed : tuple of int or None
        Seeds and images that would do together, both raised by the same factor, at most 100.
    reductions, table : tuple of float, tuple of PowerRow
        The power over seeds × reductions with these images.
    assumptions, sentence : tuple of str, str
        What was taken for granted; the answer in one sentence.
    hopeless : bool
        Whether the power is below .2.
    """

    cell: str
    source: str
    rate: float
    errors_per_seed: float
    reduction: float
    alpha: float
    target: float
    n_seeds: int
    n_images: int
    power: float
    power_range: tuple[float, float] | None
    smallest_relative: float | None
    smallest_absolute: float | None
    seeds_needed: int | None
    seeds_range: wording.Range | None
    images_needed: int | None
    images_range: wording.Range | None
    both_needed: tuple[int, int] | None
    reductions: tuple[float, ...]
    table: tuple[PowerRow, ...]
    assumptions: tuple[str, ...]
    hopeless: bool
    sentence: str

    def __repr__(self) -> str:
        return f"PowerAnswer({self.sentence})"

    @property
    def warning(self) -> str:
        """What to say before a study of this design trains; "" where its power is .5 or more."""
        if self.power >= DOUBTFUL:
            return ""
        fate = "is all but hopeless" if self.hopeless else "will more likely miss than find it"
        return f"This plan {fate}: {self.sentence}"


def plan_power(
    pilot: Pilot,
    *,
    cell: str,
    n_seeds: int | None = None,
    n_images: int | None = None,
    reduction: float = 0.3,
    target: float = TARGET,
    alpha: float = 0.05,
) -> PowerAnswer:
    """Answer how many seeds and images a reduction needs, and what a design could show.

    Parameters
    ----------
    pilot : Pilot
        What is known of the cell.
    cell : str
        Its name, as in ``4→9``.
    n_seeds, n_images : int, optional
        The design; by default the pilot's own, and 10 seeds where it has none. Images are those of
        the true class.
    reduction, target, alpha : float
        The relative reduction asked about, the power asked for, the level; between 0 and 1.

    Returns
    -------
    PowerAnswer
        Seeds beyond 1,000 and images beyond 10 million are no advice and become None.

    Raises
    ------
    JudgeError
        If an argument is out of range, or neither side says how many images there are.
    """
    for name, value in (("the reduction", reduction), ("the power", target), ("alpha", alpha)):
        fraction(name, value)
    seeds = pilot.n_seeds or 10 if n_seeds is None else n_seeds
    images = pilot.n_images if n_images is None else n_images
    if images is None or images < 2 or seeds < 1:
        msg = (
            f"the design has {seeds} seeds and {'unknown' if images is None else images} images; "
            "allowed are at least 1 seed and 2 images of the true class: say how many."
        )
        raise JudgeError(msg)
    aim = {"alpha": alpha, "target": target}

    def raised(tenths: int) -> tuple[int, int]:
        return -(-seeds * tenths // 10), -(-images * tenths // 10)

    def at_ends(of: Callable[[Pilot], T]) -> tuple[T, T] | None:
        return pilot.ends and (of(pilot.ends[0]), of(pilot.ends[1]))

    def power(known: Pilot) -> float:
        return power_of(known, reduction, seeds, images, alpha)

    powers = at_ends(power)
    times = fewest(lambda n: power_of(pilot, reduction, *raised(n), alpha) >= target, 10, 1000)
    smallest = smallest_found(pilot, seeds, images, **aim)
    columns = tuple(sorted({*REDUCTIONS, reduction}))
    answer = PowerAnswer(
        cell=cell,
        source=pilot.source,
        rate=pilot.rate,
        errors_per_seed=pilot.rate * images,
        reduction=reduction,
        alpha=alpha,
        target=target,
        n_seeds=seeds,
        n_images=images,
        power=power(pilot),
        power_range=powers and (powers[1], powers[0]),
        smallest_relative=smallest,
        smallest_absolute=None if smallest is None else smallest * pilot.rate,
        seeds_needed=seeds_needed(pilot, reduction, images, **aim),
        seeds_range=at_ends(lambda known: seeds_needed(known, reduction, images, **aim)),
        images_needed=images_needed(pilot, reduction, seeds, **aim),
        images_range=at_ends(lambda known: images_needed(known, reduction, seeds, **aim)),
        both_needed=None if times is None else raised(times),
        reductions=columns,
        table=tuple(
            PowerRow(n_seeds=n, power=tuple(power_of(pilot, r, n, images, alpha) for r in columns))
            for n in sorted({*SEEDS, seeds})
        ),
        assumptions=_assumptions(pilot, seeds, alpha),
        hopeless=power(pilot) < HOPELESS,
        sentence="",
    )
    return answer.model_copy(update={"sentence": _sentence(answer)})


def power_of(
    pilot: Pilot, reduction: float, n_seeds: int, n_images: int, alpha: float = 0.05
) -> float:
    """Return the chance that `two_way` finds a relative reduction at level `alpha`.

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
        The design; images of the true class, at least 2.
    alpha : float
        Level of the two-sided test.

    Returns
    -------
    float
        0 to 1. With one seed the test is about two models, and its power supposes large counts.
    """
    parts, rate = pilot.change(reduction), pilot.rate
    n_independent = n_images / pilot.design_effect
    image = pilot.spread.image * rate * (1 - rate)  # of the present model
    uneven = max(parts.image - image * reduction**2, 0.0)  # the fix works unevenly on images
    factor_P, times_P = (
        grid.ravel()
        for grid in np.meshgrid(
            _rate_factors(image / n_independent / rate**2), _seed_factors(n_seeds)
        )
    )
    several = float(n_seeds > 1)
    rest_P = parts.residual * factor_P / (n_seeds * n_independent)
    seed_P = rest_P + parts.seed * factor_P**2 / n_seeds
    image_P = rest_P + parts.image * factor_P / n_independent
    sd_P = np.maximum(np.sqrt(seed_P + uneven * factor_P / n_independent), 1e-30)
    df_image = max(n_independent - 1, 1.0)
    dfs = (n_seeds - 1 or np.inf, df_image, max((n_seeds - 1) * df_image, 1.0))
    seen_P, rest_P = several * times_P * seed_P, several * rest_P
    variance_P, df_P = combined(crossed(seen_P, image_P, rest_P, dfs, n_seeds))
    bound_P = -special.stdtrit(df_P, alpha / 2) * np.sqrt(variance_P)
    change_P = reduction * rate * factor_P
    found_P = sum(special.ndtr((sign * change_P - bound_P) / sd_P) for sign in (1, -1))
    least = math.ceil(-math.log2(alpha))  # changed images, see `variance.least_p`
    changed = n_independent * changed_share(pilot, reduction, n_seeds)
    return float(np.mean(found_P) * stats.poisson.sf(least - 1, changed))


def smallest_found(
    pilot: Pilot, n_seeds: int, n_images: int, target: float = TARGET, alpha: float = 0.05
) -> float | None:
    """Return the smallest relative reduction found with the power `target`, to a thousandth.

    None where not even a fall to zero would be found that often.
    """
    found = fewest(lambda n: power_of(pilot, n / 1000, n_seeds, n_images, alpha) >= target, 1, 1000)
    return None if found is None else found / 1000


def seeds_needed(
    pilot: Pilot, reduction: float, n_images: int, target: float = TARGET, alpha: float = 0.05
) -> int | None:
    """Return the fewest seeds that find a reduction on these images, at least 2, at most 1,000."""
    return fewest(lambda n: power_of(pilot, reduction, n, n_images, alpha) >= target, 2, MOST_SEEDS)


def images_needed(
    pilot: Pilot, reduction: float, n_seeds: int, target: float = TARGET, alpha: float = 0.05
) -> int | None:
    """Return the fewest images on which so many seeds find a reduction; None beyond 10 million."""
    return fewest(lambda n: power_of(pilot, reduction, n_seeds, n, alpha) >= target, 2, MOST_IMAGES)


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
    return tuple((special.chdtri(n_seeds - 1, 1 - chances) / (n_seeds - 1)).tolist())


@lru_cache(maxsize=256)
def _rate_factors(variance: float) -> tuple[float, ...]:
    """Return equally likely factors of mean 1 by which a study's images are harder or easier."""
    if variance < 1e-6:
        return (1.0,)
    chances = (np.arange(_N_RATES) + 0.5) / _N_RATES
    factors = special.gammaincinv(1 / variance, chances)
    return tuple(np.maximum(factors / factors.mean(), 1e-6).tolist())


def _assumptions(pilot: Pilot, n_seeds: int, alpha: float) -> tuple[str, ...]:
    sentences = {
        f"Both arms use the same seeds and images; two-sided test at {alpha:.3g}.": True,
        "The fix makes the error rarer by the same factor on every image.": pilot.both is None,
        "One seed: the test compares two trained models and says nothing of training.": (
            n_seeds == 1
        ),
        **dict.fromkeys(pilot.notes, True),
        "Ranges: 80% for the variance seen in the pilot.": pilot.both is not None,
        "Ranges: 80% for the rate seen in the pilot, the rest taken as known.": (
            pilot.both is None and pilot.rate_range is not None
        ),
    }
    return tuple(sentence for sentence, holds in sentences.items() if holds)


def _sentence(answer: PowerAnswer) -> str:
    after = answer.errors_per_seed * (1 - answer.reduction)
    start = (
        f"{wording.count(answer.n_seeds, 'seed')} and {answer.n_images:,} images find a fall of "
        f"{answer.cell} by {answer.reduction:.0%} (from {answer.errors_per_seed:.1f} to "
        f"{after:.1f} errors a seed) with power {wording.chance(answer.power)}"
    )
    low, high = map(wording.chance, answer.power_range or (answer.power, answer.power))
    start += f" ({low} to {high})" if low != high else ""
    target = wording.chance(answer.target)
    if answer.power >= answer.target:
        return f"{start}; {target} was asked for."
    if answer.seeds_needed or answer.images_needed:
        needs = wording.what_would_do(
            answer.seeds_needed, answer.images_needed, answer.seeds_range, answer.images_range
        )
        return f"{start}; {target} takes {needs}."
    if answer.both_needed is None:
        return f"{start}; no number of seeds and images that can be had brings it to {target}."
    seeds, images = answer.both_needed
    return (
        f"{start}; {target} takes {wording.about(seeds, 'seed')} with "
        f"{wording.about(images, 'image')}, for neither alone would do."
    )
