"""Augmentation: images are moved and bent as far as the recipe says, the same in every arm."""

import numpy as np
import pytest
from pydantic import ValidationError

from misread.data.mnist import load_mnist
from misread.learn.augment import Augment

ALL = Augment(shift_px=2, rotate_deg=12, scale=0.12, shear=0.15, elastic_px=1)


@pytest.fixture(scope="module")
def images():
    return load_mnist()[0].images[:300]


def blob(n, height=28, width=28):
    """Return n images of a bright square of 4×4 px in the middle."""
    images = np.zeros((n, height, width), np.uint8)
    images[:, height // 2 - 2 : height // 2 + 2, width // 2 - 2 : width // 2 + 2] = 200
    return images


def centre(images):
    """Return the centre of mass of each image, (y, x) in px from the middle of the image."""
    mass = images.astype(float).reshape(len(images), *images.shape[1:3])
    total = mass.sum((1, 2))
    places = [np.arange(size) - (size - 1) / 2 for size in images.shape[1:3]]
    return np.stack(
        [(mass.sum(2) * places[0]).sum(1) / total, (mass.sum(1) * places[1]).sum(1) / total], 1
    )


def test_nothing_asked_changes_nothing(images):
    assert np.array_equal(Augment().apply(images, 1, 0), images)


def test_the_same_draw_for_a_seed_and_an_epoch(images):
    assert np.array_equal(ALL.apply(images, 1, 0), ALL.apply(images, 1, 0))
    assert not np.array_equal(ALL.apply(images, 1, 0), ALL.apply(images, 1, 1))
    assert not np.array_equal(ALL.apply(images, 1, 0), ALL.apply(images, 2, 0))


def test_what_is_drawn_does_not_depend_on_the_images(images):
    # A policy that changed some of them leaves the distortion of the others as it was.
    changed = images.copy()
    changed[::2] = 0
    assert np.array_equal(ALL.apply(changed, 1, 0)[1::2], ALL.apply(images, 1, 0)[1::2])


def test_shift_moves_by_up_to_its_size():
    moved = centre(Augment(shift_px=3).apply(blob(2000), 0, 0))
    assert sorted(np.unique(moved.round(3))) == [-3, -2, -1, 0, 1, 2, 3]
    assert moved.std(0) == pytest.approx(2, rel=0.05)


def test_a_shift_alone_is_the_shift_among_others(images):
    # Copying and interpolating at whole places are the same; a turn of nothing takes the long way.
    alone = Augment(shift_px=2).apply(images, 4, 1)
    among = Augment(shift_px=2, rotate_deg=1e-9).apply(images, 4, 1)
    assert np.array_equal(alone, among)
    assert not np.array_equal(alone, images)


def test_rotation_turns_about_the_centre():
    bar = np.zeros((400, 29, 29), np.uint8)
    bar[:, 14, 4:25] = 255
    turned = Augment(rotate_deg=90).apply(bar, 0, 0)
    assert np.abs(centre(turned)).max() < 0.3
    ys, _ = np.nonzero(turned.max(0) > 100)
    assert ys.min() <= 5
    assert ys.max() >= 23  # some stand nearly upright
    ink = turned.astype(float).sum((1, 2))
    assert np.median(ink) == pytest.approx(21 * 255, rel=0.02)


def test_scale_and_shear_keep_the_centre():
    for augment in (Augment(scale=0.3), Augment(shear=0.5)):
        assert np.abs(centre(augment.apply(blob(200), 0, 0))).max() < 0.3
    areas = Augment(scale=0.3).apply(blob(2000), 0, 0).astype(float).sum((1, 2)) / (16 * 200)
    assert areas.min() < 0.65
    assert areas.max() > 1.5


def test_elastic_displacement_has_its_standard_deviation():
    maps = Augment(elastic_px=1.5)._maps(np.random.default_rng(0), 400, 28, 28)
    rest = Augment()._maps(np.random.default_rng(0), 400, 28, 28)
    displacement = maps - rest
    assert displacement.std((0, 2, 3)) == pytest.approx([1.5, 1.5], rel=0.05)
    steps = np.diff(displacement, axis=3)
    assert steps.std() < 1.5 / 4 * 1.2  # smooth: neighbours move together


@pytest.mark.parametrize("shape", [(5, 28, 28, 1), (5, 20, 32, 3), (0, 28, 28), (5, 9, 7)])
def test_shapes_are_kept(shape):
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert ALL.apply(images, 0, 0).shape == shape
    assert ALL.apply(images, 0, 0).dtype == np.uint8


@pytest.mark.parametrize(
    "wrong",
    [{"shift_px": -1}, {"shift_px": 0.5}, {"scale": 1}, {"elastic_smooth_px": 0}, {"rotation": 3}],
)
def test_what_is_not_allowed(wrong):
    with pytest.raises(ValidationError):
        Augment(**wrong)
