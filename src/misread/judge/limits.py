"""Limits of an answer: the shares of its variance that are of seeds, of images, and the rest.

The components come from the images that all seeds read, where seeds and images can be told apart.
From them follows what endless seeds, or endless images, would leave of the standard error. The
ceiling is what the images behind the cell allow at all.
"""

import math

from misread.files import Frozen
from misread.judge.atlas import CellAtlas
from misread.judge.counts import Counts
from misread.judge.layout import HeldOut
from misread.judge.pooled import extent_of, split_of
from misread.judge.variance import components_of

_ENDLESS = 10**6


class Limits(Frozen):
    """Limits of one effect, in shares of the class's images.

    Attributes
    ----------
    seeds, images, rest : float
        Shares of the variance, together 1.
    se, se_endless_seeds, se_endless_images : float
        The standard error that these make, and what would be left of it with endless seeds on these
        images, or with endless images read by these seeds.
    steadying : float or None
        The relative reduction that a majority of the seeds would bring, with no better training; 0
        to 1, below 0 where it would make more. None without errors before, or with one seed.
    """

    seeds: float
    images: float
    rest: float
    se: float
    se_endless_seeds: float
    se_endless_images: float
    steadying: float | None


def limits_of(
    counts: Counts, held: HeldOut | None, n_images: int, atlas: CellAtlas
) -> Limits | None:
    """Return what limits an effect, one error; None where too little changed to tell.

    `n_images` are of the class, of either kind, and `atlas` is of the cell before.
    """
    (components,) = components_of(counts)
    if components is None:
        return None
    extent = extent_of(held, counts.n_seeds, n_images)
    weight = extent.weight_of(held.weight) if held else 1.0
    split = split_of(components, extent, weight)
    if not split.total:
        return None
    endless = (
        extent.with_seeds(_ENDLESS * extent.n_folds),
        extent.times_images(float(_ENDLESS)),
    )
    left = [math.sqrt(split_of(components, other, weight).total) for other in endless]
    return Limits(
        seeds=split.seed / split.total,
        images=split.image / split.total,
        rest=split.residual / split.total,
        se=math.sqrt(split.total),
        se_endless_seeds=left[0],
        se_endless_images=left[1],
        steadying=_steadying(atlas),
    )


def _steadying(atlas: CellAtlas) -> float | None:
    if atlas.n_seeds == 1 or not atlas.errors_per_seed:
        return None
    misread = (m for images in atlas.kinds.values() for m in images)
    return 1 - sum(m.share > 0.5 for m in misread) / atlas.errors_per_seed
