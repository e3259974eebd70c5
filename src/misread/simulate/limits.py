"""Limits that a calibrated judge must keep, and those missed beyond Monte-Carlo error."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import scipy

from misread.simulate.calibrate import Outcome

CHANCE = 0.05  # what is left to chance when a limit is said to be missed


class Allowed(NamedTuple):
    """Rates that a calibrated judge may have with `least_seeds` seeds or more, at alpha = .05."""

    single: float = 0.065
    mean: float = 0.055
    coverage: float = 0.93
    least_seeds: int = 5


LIMITS = Allowed()


class Miss(NamedTuple):
    """A rate beyond its limit.

    It is `sure` where chance cannot explain it: an exact binomial test of the limit at `CHANCE`,
    with Bonferroni's correction for all the rates looked at. Only then is the limit missed.
    """

    what: str  # which rate, and where
    value: float
    error: float  # Monte-Carlo standard error
    limit: float  # what is allowed
    sure: bool


class Summary(NamedTuple):
    """The extremes that the limits are about, of designs with enough seeds for them."""

    worst: Outcome  # with the most false positives
    mean: float  # false positives on average
    mean_error: float  # its Monte-Carlo standard error
    least: Outcome  # with the lowest coverage, null or not
    thresholds: tuple[float, float]  # of false positives and of coverage that are surely misses
    misses: tuple[Miss, ...]  # rates beyond their limits, surely or not

    @property
    def failed(self) -> bool:
        """True where a limit is surely missed."""
        return any(miss.sure for miss in self.misses)


def summarise(outcomes: Sequence[Outcome]) -> Summary | None:
    """Return what the limits are about, of all settings of one way to pair seeds.

    None when no design without an effect has `LIMITS.least_seeds` seeds.
    """
    within = [o for o in outcomes if o.n_seeds >= LIMITS.least_seeds]
    null = [o for o in within if not o.reduction]
    if not null:
        return None
    mean = math.fsum(o.rate for o in null) / len(null)
    mean_error = math.sqrt(math.fsum(standard_error(o.rate, o) ** 2 for o in null)) / len(null)
    above, _ = beyond_chance(null[0].replicates, len(null))
    _, below = beyond_chance(null[0].replicates, len(within))
    misses = [
        Miss(
            f"false positives, {o.words}",
            o.rate,
            standard_error(o.rate, o),
            LIMITS.single,
            o.rate >= above,
        )
        for o in null
        if o.rate > LIMITS.single
    ]
    if mean > LIMITS.mean:
        sure = mean - LIMITS.mean > 3 * mean_error
        misses.append(Miss("false positives, average", mean, mean_error, LIMITS.mean, sure))
    misses += [
        Miss(f"coverage, {o.words}", rate, standard_error(rate, o), LIMITS.coverage, rate <= below)
        for o in within
        if (rate := o.coverage) < LIMITS.coverage
    ]
    return Summary(
        worst=max(null, key=lambda o: o.rate),
        mean=mean,
        mean_error=mean_error,
        least=min(within, key=lambda o: o.coverage),
        thresholds=(above, below),
        misses=tuple(misses),
    )


def standard_error(rate: float, outcome: Outcome) -> float:
    """Return the Monte-Carlo standard error of a rate."""
    return math.sqrt(rate * (1 - rate) / outcome.replicates)


def beyond_chance(replicates: int, n_rates: int) -> tuple[float, float]:
    """Return the false positives and the coverage, as rates, that chance cannot explain.

    Of `n_rates` rates, for Bonferroni's correction, each of so many replicates.
    """
    level = CHANCE / n_rates
    above = float(scipy.stats.binom.isf(level, replicates, LIMITS.single)) + 1
    below = float(scipy.stats.binom.ppf(level, replicates, LIMITS.coverage)) - 1
    return above / replicates, below / replicates
