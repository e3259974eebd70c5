"""How the variance splits into seeds, images and the rest."""

import numpy as np
import pytest

from misread.judge import variance_components


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


def test_what_cannot_be_estimated_is_none():
    for diff_SN in (np.zeros((5, 100)), np.eye(3, 100)):
        assert variance_components(diff_SN) is None


def test_one_seed_speaks_of_images_and_never_of_seeds():
    parts = variance_components(normal_rounded(np.random.default_rng(4), 1, 400, 0, 0))
    assert parts.seed == 0
    assert parts.image > 0
