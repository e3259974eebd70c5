"""What limits an answer: the split of its variance, and the ceiling of the cell."""

import numpy as np
import pytest

from arrays import verdict_of
from misread.judge import Predictions, judge

LABELS_N = np.repeat([0, 1], [1200, 200])


def arms(rng, *, seed=0.0, n_seeds=12):
    chance_N = rng.beta(0.3, 2.7, LABELS_N.size)
    sides = []
    for _ in range(2):
        factor_S1 = 1 + seed * rng.standard_normal((n_seeds, 1))
        wrong = rng.random((n_seeds, LABELS_N.size)) < np.clip(chance_N * factor_S1, 0, 1)
        sides.append(np.where(wrong, 1 - LABELS_N, LABELS_N))
    return sides


def test_the_split_adds_up_and_endless_seeds_leave_the_images():
    cell = verdict_of(LABELS_N, *arms(np.random.default_rng(1), seed=0.5), cells=[(0, 1)]).cells[0]
    limits = cell.limits
    assert limits.seeds + limits.images + limits.rest == pytest.approx(1)
    assert limits.seeds > 0.5  # trainings differ by half, images are alike in both arms
    assert limits.se_endless_seeds < limits.se_endless_images < limits.se


def test_with_held_out_images_it_is_the_pooled_variance():
    sides = arms(np.random.default_rng(2))
    fold_N = np.arange(LABELS_N.size) % 8
    held = (fold_N >= 4) | (np.arange(12)[:, None] % 4 == fold_N)
    parts = [Predictions.from_arrays(LABELS_N, side, held_out_SN=held) for side in sides]
    cell = judge(*parts, cells=["0:1"]).cells[0]
    assert cell.effect.n_held > 0
    assert cell.limits.se == pytest.approx(cell.effect.se, rel=0.5)


def test_nothing_is_said_of_what_hardly_changed():
    before, _ = arms(np.random.default_rng(3))
    assert verdict_of(LABELS_N, before, before, cells=[(0, 1)]).cells[0].limits is None


def test_a_majority_steadies_what_flickers():
    before = np.tile(LABELS_N, (10, 1))
    before[:3, :10] = 1  # in three of ten seeds
    before[:9, 20] = 1  # in nine
    after = np.tile(LABELS_N, (10, 1))
    limits = verdict_of(LABELS_N, before, after, cells=[(0, 1)]).cells[0].limits
    assert limits.steadying == pytest.approx(1 - 1 / 3.9)
