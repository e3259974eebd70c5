import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from misread.data.mnist import load_mnist
from misread.errors import DataError
from misread.images.mnist_form import all_to_convention, ink_bright, to_convention

IMAGES = load_mnist()[1].images


def test_mnist_is_as_its_own_convention_says():
    placed = all_to_convention(IMAGES)
    off_N = np.abs(placed.astype(int) - IMAGES).reshape(len(IMAGES), -1).max(axis=1)
    # A thousand have 254 for their brightest pixel; a few a fainter edge, or a box of 19.
    assert np.mean(off_N <= 1) >= 0.996
    assert np.mean(off_N == 0) > 0.89


def middle(image):
    weights = image / image.sum()
    return (weights.sum(axis=1) @ np.arange(28), weights.sum(axis=0) @ np.arange(28))


@given(st.integers(0, 9_999), st.floats(0.3, 5), st.integers(0, 9), st.integers(0, 9))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_size_and_place_make_no_difference(number, scale, down, right):
    large = cv2.resize(IMAGES[number], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    framed = np.pad(large, ((down, 9 - down), (right, 9 - right)))
    placed = to_convention(framed)
    rows, columns = np.nonzero(placed.any(axis=1))[0], np.nonzero(placed.any(axis=0))[0]
    assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    if min(rows[0], columns[0], 27 - rows[-1], 27 - columns[-1]) > 0:
        assert middle(placed) == pytest.approx((14, 14), abs=0.51)
    assert (placed == to_convention(large)).all(), "where it lay makes a difference"


def test_a_larger_digit_comes_back_as_it_was():
    large = np.stack([cv2.resize(image, None, fx=4, fy=4) for image in IMAGES[:200]])
    back = all_to_convention(large).astype(int)
    shifted = [np.abs(np.roll(back, s, axis=(1, 2)) - IMAGES[:200]).mean() for s in (0, 3)]
    assert shifted[0] < 12 < shifted[1] / 3, "grey levels apart, of 255"


def test_what_has_no_ink_is_black_and_one_pixel_is_a_box():
    assert not to_convention(np.zeros((5, 7), np.uint8)).any()
    assert (to_convention(np.full((1, 1), 3, np.uint8)) == 255).sum() == 400
    line = to_convention(np.full((300, 2), 255, np.uint8))
    assert (line.any(axis=1).sum(), line.any(axis=0).sum()) == (20, 1)


def test_faint_noise_does_not_stretch_the_box():
    noisy = np.pad(IMAGES[0], 6)
    clean = to_convention(noisy)
    noisy[0, 0] = noisy[-1, -1] = 20  # of 255
    assert (to_convention(noisy) == clean).all()


def test_a_digit_far_to_one_side_is_not_cut():
    image = np.zeros((40, 40), np.uint8)
    image[30:, 30:] = 255  # all the mass in a corner
    image[0, :] = image[:, 0] = 60  # thin arms that end far from it
    rows, columns = np.nonzero(to_convention(image))
    assert np.ptp(rows) == np.ptp(columns) == 19
    assert rows.max() < 28 > columns.max()


def test_dark_ink_on_bright_paper_becomes_bright_ink():
    assert (ink_bright(255 - IMAGES[:50]) == IMAGES[:50]).all()
    assert (ink_bright(IMAGES[:50]) == IMAGES[:50]).all()
    assert ink_bright(IMAGES[:0]).shape == (0, 28, 28)


def test_colour_counts_by_the_mean_of_its_channels():
    colour = np.repeat(IMAGES[:5, ..., np.newaxis], 3, axis=3)
    assert (all_to_convention(colour) == all_to_convention(IMAGES[:5])).all()


@pytest.mark.parametrize(
    "image", [np.zeros((2, 2)), np.zeros((2, 2, 3), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_other_arrays_are_refused(image):
    with pytest.raises(DataError, match=r"an image is .* only uint8 \[H,W\] can be brought"):
        to_convention(image)
