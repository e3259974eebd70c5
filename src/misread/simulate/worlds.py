"""Studies with a known answer: simulated readings of two arms, with or without a true effect.

In every world the log odds that seed s of arm a makes the error on image n are ::

    intercept[a] + difficulty[n] + shared[s] + seed[a, s] + image[a, n]

with independent normal terms. ``difficulty`` is common to both arms, and so wide on the scale of
log odds that a few images make most of the errors. ``shared`` is what a seed does to both arms of
a pair; where seeds are not paired, each training has its own. ``seed`` and ``image`` are what a
training, or an image, does in one arm only: the clustering that a test must survive.

Where images come in groups, as those of one writer do, a `WriterWorld` adds what a group's images
share in both arms, ``hand[g]``, and what they share in one arm only, ``writer[a, g]``.

Without an effect the two arms are exchangeable. With one, the intercept of the treated arm is moved
until its expected rate is ``1 − reduction`` times the baseline's. Seeds and images are drawn anew
in every study: the truth is the effect in their populations.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from misread.errors import JudgeError
from misread.judge.checks import BoolArray, IntArray
from misread.judge.pooled import N_FOLDS

# The trapezoid rule on a normal density: exact to 1e-9 for every spread that occurs here.
_NODES = np.linspace(-9, 9, 3001)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


@dataclass(frozen=True)
class World:
    """How readings cluster: standard deviations on the scale of log odds, each 0 or more.

    Attributes
    ----------
    name : str
        For tables.
    seed : float
        Shift of all images of one training of one arm.
    shared : float
        Shift of all images that both arms of a paired seed share.
    image : float
        Shift of one image in all trainings of one arm.
    difficulty : float
        Spread of the images' difficulty, common to both arms.
    """

    name: str
    seed: float = 0.0
    shared: float = 0.0
    image: float = 0.0
    difficulty: float = 8.0

    @property
    def spread(self) -> float:
        """Standard deviation of all terms together."""
        return math.hypot(self.seed, self.shared, self.image, self.difficulty)


# Fitted to real readings: see `misread.simulate.clustering` and docs/calibration.md.
WORLDS = (
    World("no clustering"),
    World("seeds", seed=0.7, shared=0.9),
    World("images", image=1.3),
    World("seeds and images", seed=0.7, shared=0.9, image=1.3),
)


@dataclass(frozen=True)
class WriterWorld(World):
    """A world whose images are of writers, with the cluster sizes of `FOURS`.

    Attributes
    ----------
    writer : float
        Shift of all images of one writer in all trainings of one arm.
    hand : float
        Spread of the writers' difficulty, common to both arms.
    """

    writer: float = 0.0
    hand: float = 0.0

    @property
    def spread(self) -> float:
        """Standard deviation of all terms together."""
        return math.hypot(super().spread, self.writer, self.hand)


# How many writers wrote one, two, three … of the 982 fours in MNIST's test set.
FOURS = (73, 72, 37, 27, 12, 3, 4, 5, 4, 6, 7, 7, 11)

# The first is as real writers are (see docs/method.md); the second is what the judge must survive.
WRITER_WORLDS = (
    WriterWorld("writers", seed=0.7, shared=0.9, image=0.9, difficulty=6.6, hand=4.2, writer=0.9),
    WriterWorld("strong writers", seed=0.7, shared=0.9, difficulty=4.0, hand=4.0, writer=3.0),
)


@dataclass(frozen=True)
class Design:
    """How many trainings read how many images, how often they err, and the truth.

    Attributes
    ----------
    n_seeds : int
        Trainings of each arm, at least 1.
    errors : float
        Expected errors per training of the baseline, above 0 and below `n_images`.
    reduction : float
        True relative reduction of the error rate, below 1; 0 means no effect.
    paired : bool
        Whether seed s of both arms shares its ``shared`` term.
    n_images : int
        Images of the true class that all trainings read; MNIST's test set has 982 fours.
    n_select : int
        Images of it that are dealt into tenths, of which each training reads the one that it has
        held out; MNIST's training set has 5,842.
    """

    n_seeds: int
    errors: float
    reduction: float = 0.0
    paired: bool = True
    n_images: int = 982
    n_select: int = 0

    @property
    def n_all(self) -> int:
        """Images of either kind."""
        return self.n_images + self.n_select

    @property
    def effect(self) -> float:
        """True change of the error rate, a share of the images; negative is better."""
        return -self.reduction * self.errors / self.n_images


def draw(world: World, design: Design, rng: np.random.Generator) -> tuple[BoolArray, BoolArray]:
    """Return one simulated study: which readings are errors before and after.

    Parameters
    ----------
    world : World
        How readings cluster.
    design : Design
        Size, error rate and truth.
    rng : numpy.random.Generator
        Worlds of one size take the same draws, so that they differ in their clustering only.

    Returns
    -------
    before_SN, after_SN : ndarray of bool, shape [S, N]
        The error of each training on each image; `read_by` says which of them it reads.

    Raises
    ------
    JudgeError
        If the design has no seed or image, or its rates are not between 0 and 1.
    """
    n_seeds, n_images = design.n_seeds, design.n_all
    before = design.errors / max(design.n_images, 1)
    after = before * (1 - design.reduction)
    if min(n_seeds, n_images) < 1 or not 0 < after <= before < 1:
        msg = (
            f"a design of {n_seeds} seeds and {n_images} images with {design.errors:g} errors, "
            f"reduced by {design.reduction:g}; it needs at least one seed and one image, fewer "
            "errors than images and a reduction from 0 to below 1: change it."
        )
        raise JudgeError(msg)
    intercepts = [_intercept(rate, world.spread) for rate in (before, after)]
    shared = rng.standard_normal((2, n_seeds, 1))
    if design.paired:
        shared[1] = shared[0]
    log_odds = (
        np.reshape(intercepts, (2, 1, 1))
        + world.difficulty * rng.standard_normal(n_images)
        + world.image * rng.standard_normal((2, 1, n_images))
        + world.seed * rng.standard_normal((2, n_seeds, 1))
        + world.shared * shared
    )
    if isinstance(world, WriterWorld):
        groups_N = writers_of(n_images)
        hand_G, writer_AG = np.split(rng.standard_normal((3, groups_N.max() + 1)), [1])
        log_odds += (world.hand * hand_G + world.writer * writer_AG)[:, np.newaxis, groups_N]
    errors = rng.random((2, n_seeds, n_images)) * (1 + np.exp(-log_odds)) < 1
    return errors[0], errors[1]


def read_by(design: Design) -> BoolArray:
    """Return which images each training reads without having learnt them, ``[S, N]``."""
    fold_N = np.concatenate([np.full(design.n_images, -1), np.arange(design.n_select) % N_FOLDS])
    reads_SN: BoolArray = (fold_N < 0) | (np.arange(design.n_seeds)[:, None] % N_FOLDS == fold_N)
    return reads_SN


def writers_of(n_images: int) -> IntArray:
    """Return the writer of each image, with the cluster sizes of `FOURS` over and over."""
    sizes = np.repeat(np.arange(1, len(FOURS) + 1), FOURS)
    times = -(-n_images // int(sizes.sum()))
    sizes = np.tile(sizes, times)
    groups_N: IntArray = np.repeat(np.arange(sizes.size), sizes)[:n_images]
    return groups_N


@cache
def _intercept(rate: float, spread: float) -> float:
    """Return the m for which ``expit(m + spread · Z)``, Z standard normal, has mean `rate`."""
    low, high = -80.0, 80.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        mean = float(_WEIGHTS @ (1 / (1 + np.exp(-middle - spread * _NODES))))
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2
