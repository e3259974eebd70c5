"""Pooled evidence: images that all seeds read, images held out, and the weight of either.

With the variances σ²_s, σ²_n and σ²_e of one reading's difference (between seeds, between images,
the rest) the pooled change of S seeds that all read N images, and R readings of M held-out ones,
has the variance ::

    V(w) = σ²_s / S + w² · A + (1 − w)² · B
    A = σ²_n / N + σ²_e / (S · N)
    B = σ²_n · Σr² / R² + σ²_e / R

where r is how often an image was read (Σr² / R² is 1 / M where each was read equally often). It is
least at ``w = B / (A + B)``. Seeds count alike in
both, so they do not move w, and near its least V is flat: a w that is wrong by a quarter costs a
tenth of A or B. So w is taken from sizes and from what is known before the data, and kept.
"""

from typing import NamedTuple

import numpy as np

from misread.judge.layout import HeldOut
from misread.judge.pilot import TYPICAL, Pilot
from misread.judge.variance import Components, seeds_per_arm

N_FOLDS = 10
_USUAL = Pilot(source="usual", rate=0.01, spread=TYPICAL)
_REDUCTION = 0.3


class Extent(NamedTuple):
    """Images that S seeds have read."""

    n_seeds: int  # S, of each arm
    n_full: float  # images of the class that all seeds read
    tenth: float = 0.0  # held-out images of the class per seed
    n_folds: int = N_FOLDS  # so many seeds read other images, and further ones the same again

    @property
    def n_readings(self) -> float:
        """R, readings of held-out images by one arm."""
        return self.n_seeds * self.tenth

    @property
    def n_held(self) -> float:
        """M, held-out images that some seed has read."""
        return min(self.n_seeds, self.n_folds) * self.tenth

    @property
    def repeats(self) -> float:
        """Σr² / R², which is 1 / M where all were read equally often."""
        if not self.tenth:
            return 0.0
        times, more = divmod(self.n_seeds, self.n_folds)
        squares = more * (times + 1) ** 2 + (self.n_folds - more) * times**2
        return squares / (self.tenth * self.n_seeds**2)

    def weight_of(self, weight: float) -> float:
        """Return the weight of what all seeds read: 0 or 1 where there is one kind of image."""
        return (weight if self.tenth else 1.0) if self.n_full else 0.0

    def with_seeds(self, n_seeds: int) -> "Extent":
        """Return the same with other seeds."""
        return self._replace(n_seeds=n_seeds)

    def times_images(self, factor: float) -> "Extent":
        """Return the same with `factor` times the images of either kind, of more groups."""
        return self._replace(n_full=self.n_full * factor, tenth=self.tenth * factor)


class Held(NamedTuple):
    """Images of the class that a design holds out, and their weight.

    Attributes
    ----------
    share : float
        Held-out images of a seed for each image that all seeds read.
    weight : float
        Of what all seeds read, 0 to 1.
    n_folds : int
        As in `Extent`.
    """

    share: float = 0.0
    weight: float = 1.0
    n_folds: int = N_FOLDS

    def extent(self, n_seeds: int, n_images: float) -> Extent:
        """Return how much so many seeds read, on so many images that all of them read."""
        return Extent(n_seeds, n_images, self.share * n_images, self.n_folds)

    def total(self, n_seeds: int, n_images: int) -> int:
        """Return how many images count in all."""
        full = n_images if self.weight > 0 else 0
        return full + round(self.extent(n_seeds, n_images).n_held * (self.weight < 1))


class Split(NamedTuple):
    """Variance that seeds, images and the rest add to that of the pooled change."""

    seed: float
    image: float
    residual: float

    @property
    def total(self) -> float:
        """The variance."""
        return self.seed + self.image + self.residual


def split_of(components: Components, extent: Extent, weight: float) -> Split:
    """Return the split of the variance of one reading's difference; w is the `weight`."""
    full, held = of_each(extent, weight)
    return Split(
        components.seed / extent.n_seeds,
        components.image * (full[0] + held[0]),
        components.residual * (full[1] + held[1]),
    )


def of_each(extent: Extent, weight: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return what one unit of σ²_n and of σ²_e adds to V, of either kind of image."""
    full = held = (0.0, 0.0)
    if weight > 0:
        full = (weight**2 / extent.n_full, weight**2 / (extent.n_full * extent.n_seeds))
    if weight < 1:
        v = (1 - weight) ** 2
        held = (v * extent.repeats, v / extent.n_readings)
    return full, held


def best_weight(components: Components, extent: Extent) -> float:
    """Return the weight of what all seeds read, to a twentieth, from .2 to .8.

    0 or 1 where there is one kind of image only.
    """
    if not extent.tenth:
        return 1.0
    if not extent.n_full:
        return 0.0
    components = components._replace(seed=0.0)
    full = split_of(components, extent, 1.0).total
    held = split_of(components, extent, 0.0).total
    if full + held == 0:
        return float(np.clip(extent.n_full / (extent.n_full + extent.n_held), 0.2, 0.8))
    return float(np.clip(round(20 * held / (full + held)) / 20, 0.2, 0.8))


def extent_of(held: HeldOut | None, n_seeds: tuple[int, int], n_images: int) -> Extent:
    """Return how much two sides have read, as if every seed had held out as much.

    Of the seeds before and after the harmonic mean counts; `n_images` are of either kind.
    """
    seeds = seeds_per_arm(n_seeds)
    if held is None:
        return Extent(seeds, n_images)
    full_N = held.by_all_N
    readings = min(int(s[:, ~full_N].sum()) / len(s) for s in (held.before_SN, held.after_TN))
    n_some = int((held.by_some_N & ~full_N).sum())
    n_folds = max(round(n_some / readings), 1) if readings else N_FOLDS
    return Extent(seeds, int(full_N.sum()), readings, n_folds)


def usual_weight(held: HeldOut, n_seeds: tuple[int, int]) -> float:
    """Return the weight where no plan states one: by the sizes, for a usual error."""
    extent = extent_of(held, n_seeds, held.before_SN.shape[1])
    return best_weight(_USUAL.change(_REDUCTION), extent)
