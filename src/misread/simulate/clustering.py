"""Clustering of errors in real readings, and in simulated studies of the same size."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.variance import mean_squares
from misread.seeds import derive
from misread.simulate.worlds import WORLDS, Design, draw


class Clustering(NamedTuple):
    """Clustering of the errors of a study; ratios of 1 mean none.

    Attributes
    ----------
    seed, image : float
        ``MS_seed / MS_residual`` and ``MS_image / MS_residual`` of after minus before.
    seed_before, image_before : float
        The same of the errors before.
    correlation : float
        Of the errors per seed before and after, −1 to 1.
    hardest : float
        Share of the errors before that the four hardest images make, 0 to 1.
    """

    seed: float
    image: float
    seed_before: float
    image_before: float
    correlation: float
    hardest: float


def clustering(before_SN: npt.NDArray[np.bool_], after_SN: npt.NDArray[np.bool_]) -> Clustering:
    """Return how errors `bool [S,N]` of paired seeds cluster, simulated or real.

    At least one is before, and one changed. The correlation is NaN where an arm makes equally many
    errors in every seed.
    """
    before, after = before_SN.astype(np.int64), after_SN.astype(np.int64)
    change, alone = mean_squares(after - before), mean_squares(before)
    per_seed = before.sum(axis=1), after.sum(axis=1)
    varies = all(np.ptp(counts) > 0 for counts in per_seed)
    per_image_N = np.sort(before.sum(axis=0))[::-1]
    return Clustering(
        _ratio(change.seed, change.residual),
        _ratio(change.image, change.residual),
        _ratio(alone.seed, alone.residual),
        _ratio(alone.image, alone.residual),
        float(np.corrcoef(*per_seed)[0, 1]) if varies else math.nan,
        float(per_image_N[:4].sum() / per_image_N.sum()),
    )


def _ratio(squares: float, residual: float) -> float:
    """Return a ratio of mean squares, infinite where all seeds misread the same images."""
    return squares / residual if residual else math.inf


class RealClusterings(NamedTuple):
    """Clustering of the errors of real readings, and the size of the studies."""

    rows: list[Clustering]  # one per cell and treated arm
    n_seeds: int  # per arm
    n_images: int  # of a class, as a median
    errors: float  # per seed before, as a median


def clusterings_of(
    labels_N: npt.NDArray[np.integer],
    before_SN: npt.NDArray[np.integer],
    arms: Sequence[npt.NDArray[np.integer]],
) -> RealClusterings:
    """Return how errors cluster in every directed cell with two or more errors per seed.

    The baseline's predictions and those of each arm are `[S,N]`, of the same seeds. JudgeError if
    no cell has two errors per seed.
    """
    rows, sizes, counts = [], [], []
    n_seeds = before_SN.shape[0]
    for true in np.unique(labels_N):
        of_class_N = labels_N == true
        for predicted in np.unique(labels_N):
            wrong_SM = before_SN[:, of_class_N] == predicted
            if predicted == true or n_seeds < 2 or wrong_SM.sum() < 2 * n_seeds:
                continue
            sizes.append(of_class_N.sum())
            counts.append(wrong_SM.sum() / n_seeds)
            changed = (arm[:, of_class_N] == predicted for arm in arms)
            rows += [clustering(wrong_SM, arm) for arm in changed if (arm != wrong_SM).any()]
    if not rows:
        msg = (
            "these readings have no cell with two errors per seed in two seeds or more; give "
            "readings with more errors or seeds, of a baseline and another arm."
        )
        raise JudgeError(msg)
    return RealClusterings(rows, n_seeds, int(np.median(sizes)), float(np.median(counts)))


def clusterings_simulated(
    real: RealClusterings, n_studies: int = 400, root: int = 1
) -> dict[str, list[Clustering]]:
    """Return, by world, how errors cluster in studies of the same size as the real ones."""
    design = Design(real.n_seeds, real.errors, n_images=real.n_images)
    rows: dict[str, list[Clustering]] = {}
    for world in WORLDS:
        rng = derive(root, f"clustering {world}")
        studies = (draw(world, design, rng) for _ in range(n_studies))
        rows[f"world “{world.name}”"] = [
            clustering(before, after)
            for before, after in studies
            if before.sum() >= 2 * real.n_seeds and (before != after).any()
        ]
    return rows
