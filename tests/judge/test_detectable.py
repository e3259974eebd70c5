"""How much these seeds and images could have shown."""

import numpy as np
import numpy.typing as npt
import pytest

from misread.judge import (
    Components,
    detectable,
    images_for,
    seeds_for,
    two_way,
    variance_components,
)


def normal_rounded(
    rng: np.random.Generator, n_seeds: int, n_images: int, seed_sd: float, image_sd: float
):
    """−1, 0, 1 with known effects: P(1) − P(−1) moves with seed and image."""
    shift_SN = rng.normal(0, seed_sd, (n_seeds, 1)) + rng.normal(0, image_sd, n_images)
    draw_SN = rng.random((n_seeds, n_images))
    up_SN, down_SN = np.clip(0.25 + shift_SN / 2, 0, 0.5), np.clip(0.25 - shift_SN / 2, 0, 0.5)
    return (draw_SN < up_SN).astype(int) - (draw_SN > 1 - down_SN).astype(int)


def test_components_recover_what_was_planted():
    diff_SN = normal_rounded(np.random.default_rng(1), 60, 600, seed_sd=0.1, image_sd=0.15)
    parts = variance_components(diff_SN)
    assert parts.seed == pytest.approx(0.01, rel=0.4)
    assert parts.image == pytest.approx(0.0225, rel=0.25)
    assert parts.residual == pytest.approx(0.5, rel=0.1)


def test_components_are_never_negative():
    """Seeds that agree more than chance would give a negative moment estimate."""
    row_N = np.repeat([-1, 0, 1], 8)
    diff_SN = np.random.default_rng(5).permuted(np.tile(row_N, (6, 1)), axis=1)
    parts = variance_components(diff_SN)
    assert parts.seed == 0
    assert parts.image >= 0
    assert parts.residual > 0


def test_the_smallest_detectable_change_is_found_four_times_in_five():
    rng = np.random.default_rng(2)
    n_seeds, n_images, rate = 10, 300, 0.03

    def difference(fall: float) -> npt.NDArray[np.int64]:
        before_SN = rng.random((n_seeds, n_images)) < rate + fall / 2
        after_SN = rng.random((n_seeds, n_images)) < rate - fall / 2
        return after_SN.astype(int) - before_SN.astype(int)

    parts = [variance_components(difference(0)) for _ in range(30)]
    fall = np.mean([detectable(part, n_seeds, n_images) for part in parts])
    found = np.mean([two_way(difference(fall)).p_value <= 0.05 for _ in range(200)])
    assert 0.65 < found < 0.95


def test_seeds_needed_is_the_least_that_suffices():
    diff_SN = normal_rounded(np.random.default_rng(3), 5, 200, 0.05, 0.0)
    parts = variance_components(diff_SN)
    needed = seeds_for(parts, 200, 0.03)
    assert detectable(parts, needed, 200) <= 0.03 < detectable(parts, needed - 1, 200)


def test_images_needed_is_the_least_that_suffices():
    diff_SN = normal_rounded(np.random.default_rng(3), 8, 200, 0.0, 0.2)
    parts = variance_components(diff_SN)
    needed = images_for(parts, 8, 0.03)
    assert detectable(parts, 8, needed) <= 0.03 < detectable(parts, 8, needed - 1)


def test_no_number_of_seeds_mends_images_that_differ():
    """Sixteen images of a hundred change for good in every seed: only more images would do."""
    diff_SN = np.zeros((5, 100))
    diff_SN[:, :8], diff_SN[:, 8:16] = 1, -1
    parts = variance_components(diff_SN)
    assert seeds_for(parts, 100, 0.05) is None
    assert images_for(parts, 5, 0.05) > 100


def test_no_number_of_images_mends_seeds_that_differ():
    diff_SN = np.repeat([[1], [-1], [0], [1], [-1], [1]], 40, axis=1)
    parts = variance_components(diff_SN)
    assert images_for(parts, 6, 0.1) is None
    assert seeds_for(parts, 40, 0.1) > 6


def test_more_of_either_always_helps():
    parts = Components(0.001, 0.02, 0.3)
    falls = [detectable(parts, n, 500) for n in (3, 5, 10, 20, 40)]
    assert falls == sorted(falls, reverse=True)
    assert detectable(parts, 5, 1000) < detectable(parts, 5, 500)


def test_what_cannot_be_estimated_is_none():
    for diff_SN in (np.zeros((5, 100)), np.eye(3, 100)):
        assert variance_components(diff_SN) is None


def test_one_seed_speaks_of_images_and_never_of_seeds():
    diff_SN = normal_rounded(np.random.default_rng(4), 1, 400, 0, 0)
    parts = variance_components(diff_SN)
    assert parts.seed == 0
    assert detectable(parts, 1, 400) > 0
    assert images_for(parts, 1, 0.01) > 400
