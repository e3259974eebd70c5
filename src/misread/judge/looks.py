"""Looks at a study that is not finished: seeds are added until the verdict is settled.

Who tests at .05 after every few seeds finds an effect that is not there far more often than one
time in twenty. So the error is spent: a function of the share of the seeds says how much of it may
be used up to each look, and each look's own level follows from what was left and from how alike the
looks are (Lan & DeMets 1983), by the recursion of Armitage, McPherson & Rowe (1969).

The mean change after n seeds has the variance ``image + rest / n``, and two looks have the earlier
one's covariance with the later one equal to the later one's variance. So the looks behave as
Brownian motion in ``1 / variance``, of which the seeds' share is the smallest fraction that can be:
images do not grow with the seeds. Planned by seeds, the looks are more alike than the levels
suppose, and the error stays below what was planned.

References
----------
Armitage, McPherson & Rowe (1969), Repeated significance tests on accumulating data, *JRSS A* 132.
O'Brien & Fleming (1979), A multiple testing procedure for clinical trials, *Biometrics* 35.
Pocock (1977), Group sequential methods in the design and analysis of clinical trials, *Biometrika*
64.
Lan, Simon & Halperin (1982), Stochastically curtailed tests in long-term clinical trials,
*Sequential Analysis* 1.
Lan & DeMets (1983), Discrete sequential boundaries for clinical trials, *Biometrika* 70.
Kim & DeMets (1987), Design and analysis of group sequential tests based on the type I error
spending rate function, *Biometrika* 74.
Jennison & Turnbull (2000), *Group Sequential Methods with Applications to Clinical Trials*.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal, Self

import numpy as np
import scipy
from pydantic import Field, model_validator

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.checks import FloatArray, fraction
from misread.judge.variance import Components

LEAST_SEEDS = 5  # at a first look: below, the judge hardly knows how much trainings differ
_FARTHEST = 9.0  # standard deviations: beyond it is nothing that would count

Spending = Literal["cubic", "obrien-fleming", "pocock"]
Why = Literal["", "harm", "reduced", "futile", "last look"]


def _cubic(share: float, alpha: float) -> float:
    """Kim & DeMets (1987), with the power 3."""
    return alpha * share**3


def _obrien_fleming(share: float, alpha: float) -> float:
    """Lan & DeMets (1983), two sides of alpha / 2 each; near O'Brien & Fleming's (1979) bounds."""
    return 4 * float(scipy.special.ndtr(scipy.special.ndtri(alpha / 4) / math.sqrt(share)))


def _pocock(share: float, alpha: float) -> float:
    """Lan & DeMets (1983), near the equal bounds of Pocock (1977)."""
    return alpha * math.log(1 + (math.e - 1) * share)


SPENDING: dict[Spending, Callable[[float, float], float]] = {
    "cubic": _cubic,
    "obrien-fleming": _obrien_fleming,
    "pocock": _pocock,
}


def boundaries(
    shares: Sequence[float], spending: Spending = "cubic", alpha: float = 0.05
) -> tuple[float, ...]:
    """Return how many standard errors a change must reach at each look, on either side.

    Parameters
    ----------
    shares : sequence of float
        Share of the information at each look, ascending, the last 1.
    spending : {"cubic", "obrien-fleming", "pocock"}
        How the error is spent.
    alpha : float
        Two-sided level over all looks, 0 to 1.

    Returns
    -------
    tuple of float
        Two-sided bounds of a normal statistic.

    Raises
    ------
    JudgeError
        If the shares do not ascend to 1, or alpha is out of range.

    Examples
    --------
    >>> [round(z, 3) for z in boundaries([0.25, 0.5, 0.75, 1], "obrien-fleming")]
    [4.333, 2.963, 2.359, 2.014]
    """
    fraction("alpha", alpha)
    if not shares or shares[0] <= 0 or shares[-1] != 1 or any(b <= a for a, b in pairwise(shares)):
        msg = (
            f"the shares of information are {list(shares)}; they must ascend from above 0 to 1: "
            "give for example [0.5, 1]."
        )
        raise JudgeError(msg)
    return _boundaries(tuple(shares), spending, alpha)


@lru_cache(maxsize=64)
def _boundaries(shares: tuple[float, ...], spending: Spending, alpha: float) -> tuple[float, ...]:
    bounds: list[float] = []
    spent = before = 0.0
    nodes_G, weights_G = np.polynomial.legendre.leggauss(201)
    at_G, mass_G = np.zeros(1), np.ones(1)  # where those not yet stopped are, in B = Z · √share
    for share in shares:
        to_spend = SPENDING[spending](share, alpha) - spent
        step = math.sqrt(share - before)
        bound = _bound(at_G, mass_G, to_spend, step, math.sqrt(share))
        bounds.append(bound)
        reach = min(bound, _FARTHEST) * math.sqrt(share)
        next_G = nodes_G * reach
        density_GG = np.exp(-(((next_G[:, None] - at_G) / step) ** 2) / 2)
        density_G = density_GG @ mass_G / (step * math.sqrt(2 * math.pi))
        at_G, mass_G = next_G, density_G * weights_G * reach
        spent, before = spent + to_spend, share
    return tuple(bounds)


def _bound(
    at_G: FloatArray, mass_G: FloatArray, to_spend: float, step: float, scale: float
) -> float:
    """Return the bound that so much of what is left exceeds."""

    def excess(bound: float) -> float:
        out_G = scipy.special.ndtr((at_G - bound * scale) / step)
        out_G = out_G + scipy.special.ndtr((-bound * scale - at_G) / step)
        return float(mass_G @ out_G) - to_spend

    return float(scipy.optimize.brentq(excess, 0.0, 40.0, xtol=1e-10))


class Adaptive(Frozen):
    """A plan of looks at a study, of the error spent at each, and of when it is given up.

    Attributes
    ----------
    looks : tuple of int
        Seeds of an arm at each look, ascending; the last is the most.
    spending : {"cubic", "obrien-fleming", "pocock"}
        How the error is spent over the share of the seeds.
    futility : float
        An arm is given up where the chance that the seeds to come would still show a reduction
        falls below this, or the interval excludes the reduction asked about; 0 never gives up. Not
        binding: the levels do not count on it.
    """

    looks: tuple[int, ...] = (5, 10, 15, 20)
    spending: Spending = "cubic"
    futility: float = Field(default=0.1, ge=0, lt=0.5)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        steps = pairwise((1, *self.looks))
        if not self.looks or any(later <= earlier for earlier, later in steps):
            msg = f"looks are {list(self.looks)}, but must be ascending numbers of seeds, 2 or more"
            raise ValueError(msg)
        return self

    @property
    def most(self) -> int:
        """Seeds of an arm that goes on to the end."""
        return self.looks[-1]

    def levels(self, alpha: float) -> tuple[float, ...]:
        """Return the two-sided level of each look, which together spend `alpha`."""
        bounds = boundaries([n / self.most for n in self.looks], self.spending, alpha)
        return tuple(round(2 * float(scipy.special.ndtr(-bound)), 12) for bound in bounds)

    def items_levels(self, alpha: float) -> tuple[float, ...]:
        """Return the level at each look of everything but the targets: nearly equal ones."""
        return self.model_copy(update={"spending": "pocock"}).levels(alpha)

    def spent(self, alpha: float) -> tuple[float, ...]:
        """Return how much of `alpha` is spent up to and with each look."""
        return tuple(SPENDING[self.spending](n / self.most, alpha) for n in self.looks)

    def number(self, n_seeds: int) -> int:
        """Return which look it is, from 0, at which an arm has so many seeds.

        Raises
        ------
        JudgeError
            If there is none.
        """
        if n_seeds not in self.looks:
            msg = (
                f"{n_seeds} seeds, and the plan looks at {', '.join(map(str, self.looks))}: judge "
                "only what was planned."
            )
            raise JudgeError(msg)
        return self.looks.index(n_seeds)


class Settled(Frozen):
    """The planned look at which an arm was judged, and what that settled.

    Attributes
    ----------
    look : int
        Number of the look, from 1.
    looks : tuple of int
        Seeds of an arm at each planned look.
    alpha, spent : float
        Level over all looks, and how much of it the targets have spent up to and with this one.
    items_alpha : float
        Level at this look of everything but the targets.
    futility : float
        The plan gives an arm up below this chance.
    why : {"", "harm", "reduced", "futile", "last look"}
        Why the arm stops here; "" where it goes on.
    chance : float or None
        The chance that the seeds to come still show a reduction; None where it was not asked, the
        interval excludes the reduction asked about, or too few images changed to tell.
    """

    look: int
    looks: tuple[int, ...]
    alpha: float
    spent: float
    items_alpha: float
    futility: float
    why: Why
    chance: float | None

    @property
    def saved(self) -> int:
        """Runs of the arm that were planned at most, and not needed."""
        return self.looks[-1] - self.looks[self.look - 1]


def chance_left(
    components: Components,
    n_images: int,
    change: float,
    asked: float,
    seeds: tuple[int, int],
    level: float,
) -> float:
    """Return the chance that the seeds to come still show a reduction at the last look, 0 to 1.

    The conditional power of Lan, Simon & Halperin (1982), in the information ``1 / variance`` that
    the components of the seeds so far give the present and the last look. `change` (negative where
    the rate fell) and the reduction `asked` about are shares of the images; `seeds` are those so
    far and at the last look, of the two-sided `level`. What the seeds to come show is taken to lie
    half way between what was seen and what was asked: what was asked alone never gives up a study
    that has no effect at all, and what was seen alone trusts a handful of seeds too far.
    """
    now, last = (
        components.seed / n + components.image / n_images + components.residual / (n * n_images)
        for n in seeds
    )
    if last <= 0:
        return 1.0
    gained = 1 / last - 1 / now
    expected = (asked - change) / 2
    score = -change / now + expected * gained + scipy.special.ndtri(level / 2) / math.sqrt(last)
    if gained <= 0:
        return float(score > 0)
    return float(scipy.special.ndtr(score / math.sqrt(gained)))
