"""Studies with a known answer: simulated readings of two arms, with or without a true effect.

In every world the log odds that seed s of arm a makes the error on image n are ::

    intercept[a] + difficulty[n] + shared[s] + seed[a, s] + image[a, n]

with independent normal terms. ``difficulty`` is common to both arms, and so wide on the scale of
log odds that a few images make most of the errors. ``shared`` is what a seed does to both arms of
a pair; where seeds are not paired, each training has its own. ``seed`` and ``image`` are what a
training, or an image, does in one arm only: the clustering that a test must survive. Trainings that
hold out the same tenth f can share ``fold[a, f]`` and ``part[a, f, n]``: what both have not learnt.

Where images come in groups, as those of one writer do, a `WriterWorld` adds what a group's images
share in both arms, ``hand[g]``, and what they share in one arm only, ``writer[a, g]``.

Without an effect the two arms are exchangeable. With one, the intercept of the treated arm is moved
until its expected rate is ``1 − reduction`` times the baseline's. Seeds and images are drawn anew
in every study: the truth is the effect in their populations.
"""

import math
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
import scipy

from misread.errors import JudgeError
from misread.judge.checks import BoolArray, IntArray
from misread.judge.pooled import N_FOLDS

# The trapezoid rule on a normal density: exact to 1e-9 for every spread that occurs here.
_NODES = np.linspace(-9, 9, 3001)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


@dataclass(frozen=True)
class World:
    """Clustering of readings: standard deviations on the scale of log odds, each 0 or more."""

    name: str  # for tables
    seed: float = 0.0  # shift of one training of one arm
    shared: float = 0.0  # shift that both arms of a paired seed share
    image: float = 0.0  # shift of one image in one arm
    difficulty: float = 8.0  # spread of the images' difficulty, common to both arms
    # Not in the names of random streams: where these do nothing, studies are those of before.
    treated_seed: float | None = field(default=None, repr=False)  # `seed` of the treated arm
    fold: float = field(default=0.0, repr=False)  # shift of those that hold out one tenth
    part: float = field(default=0.0, repr=False)  # shift of one image in these
    tail: float = field(default=0.0, repr=False)  # df of a t-distributed difficulty; 0: normal

    def seed_of(self, arm: int) -> float:
        """Return the shift of single trainings of arm 0 or 1."""
        return self.seed if self.treated_seed is None or arm == 0 else self.treated_seed

    def spread(self, arm: int) -> float:
        """Return the standard deviation of all normal terms but a writer's hand in arm 0 or 1."""
        tenths, images = math.hypot(self.fold, self.part), 0.0 if self.tail else self.difficulty
        return math.hypot(self.seed_of(arm), self.shared, self.image, tenths, images)

    @property
    def hands(self) -> tuple[tuple[float, float], ...]:
        """Shares of the writers, and the spread of their difficulty."""
        return ((1.0, 0.0),)


# Fitted to real readings: see `misread.simulate.clustering` and docs/calibration.md.
WORLDS = (
    World("no clustering"),
    World("seeds", seed=0.7, shared=0.9),
    World("images", image=1.3),
    World("seeds and images", seed=0.7, shared=0.9, image=1.3),
)


@dataclass(frozen=True)
class WriterWorld(World):
    """A world whose images are of writers, with the cluster sizes of `FOURS`."""

    writer: float = 0.0  # shift of all images of one writer in one arm
    hand: float = 0.0  # spread of the writers' difficulty, common to both arms
    few: float = field(default=1.0, repr=False)  # share of the writers who have a hand

    def spread(self, arm: int) -> float:
        """Return the standard deviation of all normal terms but a writer's hand in arm 0 or 1."""
        return math.hypot(super().spread(arm), self.writer)

    @property
    def hands(self) -> tuple[tuple[float, float], ...]:
        """Shares of the writers, and the spread of their difficulty."""
        return ((self.few, self.hand), (1 - self.few, 0.0))


# How many writers wrote one, two, three … of the 982 fours in MNIST's test set.
FOURS = (73, 72, 37, 27, 12, 3, 4, 5, 4, 6, 7, 7, 11)

# The first is as real writers are (see docs/method.md); the second is what the judge must survive.
WRITER_WORLDS = (
    WriterWorld("writers", seed=0.7, shared=0.9, image=0.9, difficulty=6.6, hand=4.2, writer=0.9),
    WriterWorld("strong writers", seed=0.7, shared=0.9, difficulty=4.0, hand=4.0, writer=3.0),
)

# None of these was fitted to anything, nor is the judge: what it was not made for.
OTHER_WORLDS = (
    World("unequal spread between arms", seed=0.3, shared=0.7, image=0.9, treated_seed=1.3),
    World("heavy-tailed difficulty", seed=0.7, shared=0.9, image=1.3, tail=3),
    World("a part of the errors from the tenth", 0.5, 0.9, 1.3, fold=0.5, part=0.7),
    WriterWorld("errors in few writers", 0.7, 0.9, 0.9, 5.0, hand=9.0, writer=1.2, few=0.1),
    WriterWorld(
        "unequal spread, writers", 0.3, 0.7, 0.9, 6.6, hand=4.2, writer=0.9, treated_seed=1.1
    ),
    WriterWorld("heavy tails, writers", 0.7, 0.9, 0.9, 6.0, hand=3.5, writer=0.9, tail=3),
    World("strong tenths", seed=0.3, shared=0.6, image=0.9, fold=0.8, part=1.0),
)


@dataclass(frozen=True)
class Design:
    """Trainings, the images that they read, the rate of their errors, and the truth."""

    n_seeds: int  # of each arm, or of the baseline, 1 or more
    errors: float  # expected per training of the baseline, below `n_images`
    reduction: float = 0.0  # true relative one, below 1; 0 means no effect
    paired: bool = True  # seed s of both arms shares its ``shared`` term
    n_images: int = 982  # that all trainings read; MNIST's test set has 982 fours
    n_select: int = 0  # dealt into tenths, one read by a training; MNIST trains on 5,842
    n_after: int = 0  # trainings of the treated arm, not paired; 0 for as many

    @property
    def n_arms(self) -> tuple[int, int]:
        """Trainings of either arm."""
        return self.n_seeds, self.n_after or self.n_seeds

    @property
    def n_all(self) -> int:
        """Images of either kind."""
        return self.n_images + self.n_select

    @property
    def effect(self) -> float:
        """True change of the error rate, a share of the images; negative is better."""
        return -self.reduction * self.errors / self.n_images


def draw(world: World, design: Design, rng: np.random.Generator) -> tuple[BoolArray, BoolArray]:
    """Return one simulated study: which readings, `bool [S,N]` and `[T,N]`, are errors.

    Before and after, for each training and image; `read_by` says which images a training reads.
    Worlds of one size take the same draws from `rng`, so that they differ in their clustering only.
    JudgeError if the design has no seed or image, or its rates are not between 0 and 1.
    """
    n_seeds, n_images = max(design.n_arms), design.n_all
    before = design.errors / max(design.n_images, 1)
    after = before * (1 - design.reduction)
    if min(*design.n_arms, n_images) < 1 or not 0 < after <= before < 1:
        msg = (
            f"a design of {n_seeds} seeds and {n_images} images with {design.errors:g} errors, "
            f"reduced by {design.reduction:g}; it needs at least one seed and one image, fewer "
            "errors than images and a reduction from 0 to below 1: change it."
        )
        raise JudgeError(msg)
    intercepts = [_intercept(rate, world, arm) for arm, rate in enumerate((before, after))]
    shared = rng.standard_normal((2, n_seeds, 1))
    if design.paired:
        shared[1] = shared[0]
    log_odds = (
        np.reshape(intercepts, (2, 1, 1))
        + _difficulty(world, n_images, rng)
        + world.image * rng.standard_normal((2, 1, n_images))
        + np.reshape([world.seed_of(arm) for arm in range(2)], (2, 1, 1))
        * rng.standard_normal((2, n_seeds, 1))
        + world.shared * shared
    )
    if isinstance(world, WriterWorld):
        groups_N = writers_of(n_images)
        hand_G, writer_AG = np.split(rng.standard_normal((3, groups_N.max() + 1)), [1])
        if world.few < 1:
            hand_G = hand_G * (rng.random(hand_G.shape) < world.few)
        log_odds += (world.hand * hand_G + world.writer * writer_AG)[:, np.newaxis, groups_N]
    if world.fold or world.part:
        fold_S = np.arange(n_seeds) % N_FOLDS
        log_odds += world.fold * rng.standard_normal((2, N_FOLDS, 1))[:, fold_S]
        log_odds += world.part * rng.standard_normal((2, N_FOLDS, n_images))[:, fold_S]
    log_odds = np.maximum(log_odds, -700)  # below, exp overflows; there is no error anyway
    errors = rng.random((2, n_seeds, n_images)) * (1 + np.exp(-log_odds)) < 1
    n_before, n_after = design.n_arms
    return errors[0, :n_before], errors[1, :n_after]


def _difficulty(world: World, n_images: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return what each image adds to the log odds in both arms."""
    if not world.tail:
        return world.difficulty * rng.standard_normal(n_images)
    return world.difficulty * math.sqrt(1 - 2 / world.tail) * rng.standard_t(world.tail, n_images)


def read_by(design: Design, arm: int = 0) -> BoolArray:
    """Return which images each training of an arm reads without having learnt them, ``[S, N]``."""
    fold_N = np.concatenate([np.full(design.n_images, -1), np.arange(design.n_select) % N_FOLDS])
    seeds_S = np.arange(design.n_arms[arm])
    reads_SN: BoolArray = (fold_N < 0) | (seeds_S[:, np.newaxis] % N_FOLDS == fold_N)
    return reads_SN


def writers_of(n_images: int) -> IntArray:
    """Return the writer of each image, with the cluster sizes of `FOURS` over and over."""
    sizes = np.repeat(np.arange(1, len(FOURS) + 1), FOURS)
    times = -(-n_images // int(sizes.sum()))
    sizes = np.tile(sizes, times)
    groups_N: IntArray = np.repeat(np.arange(sizes.size), sizes)[:n_images]
    return groups_N


@cache
def _intercept(rate: float, world: World, arm: int) -> float:
    """Return the intercept that gives the images of an arm this mean chance of an error."""
    low, high = -80.0, 80.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(middle, world, arm) < rate else (low, middle)
    return (low + high) / 2


def _chance(intercept: float, world: World, arm: int) -> float:
    """Return the mean of ``expit`` over all terms of the log odds."""
    middles_Q: npt.NDArray[np.floating] = np.zeros(1)
    if world.tail:  # equally likely values of the difficulty
        quantiles_Q = scipy.special.stdtrit(world.tail, (np.arange(2000) + 0.5) / 2000)
        middles_Q = world.difficulty * math.sqrt(1 - 2 / world.tail) * quantiles_Q
    step = 10 if world.tail else 1  # of the nodes
    nodes, weights = _NODES[::step], _WEIGHTS[::step] / _WEIGHTS[::step].sum()
    mean = 0.0
    for share, hand in world.hands:
        spread = math.hypot(world.spread(arm), hand)
        odds_QX = intercept + middles_Q[:, np.newaxis] + spread * nodes
        mean += share * float((1 / (1 + np.exp(-odds_QX)) @ weights).mean())
    return mean
