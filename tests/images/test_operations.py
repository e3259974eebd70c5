import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from misread.data.mnist import load_mnist
from misread.errors import StudyError
from misread.images.operations import MAX_SIZE_PX, OPERATIONS, dilate, erode
from misread.images.shape import ink, stroke_thickness_px

BATCHES = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9))


def by_scipy(name, images, size_px):
    """The same operation by another library: anchor at size // 2, no ink from outside."""
    size = (1, size_px, size_px)
    if name == "dilate":
        # scipy reflects the element for dilation, so that an even one leans the other way
        origin = (0, -1, -1) if size_px % 2 == 0 else 0
        return ndi.grey_dilation(images, size=size, mode="constant", cval=0, origin=origin)
    return ndi.grey_erosion(images, size=size, mode="constant", cval=255)


@pytest.mark.parametrize("size_px", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["dilate", "erode"])
def test_operations_agree_with_scipy_on_digits(name, size_px):
    images = load_mnist()[1].images[:300]
    ours = OPERATIONS[name](images, size_px)
    assert np.array_equal(ours, by_scipy(name, images, size_px))


@given(BATCHES, st.integers(1, MAX_SIZE_PX))
def test_dilate_only_adds_and_erode_only_removes(images, size_px):
    assert (dilate(images, size_px) >= images).all()
    assert (erode(images, size_px) <= images).all()


@given(BATCHES)
def test_size_one_changes_nothing(images):
    for operation in OPERATIONS.values():
        done = operation(images, 1)
        assert np.array_equal(done, images)
        assert done is not images


@given(BATCHES, st.integers(1, 4))
def test_one_is_the_other_on_the_negative_up_to_the_anchor(images, size_px):
    # Serra 1982: erosion is dilation of the background, with the element reflected.
    flipped = (255 - images)[:, ::-1, ::-1]
    if size_px % 2:
        assert np.array_equal(255 - dilate(flipped, size_px)[:, ::-1, ::-1], erode(images, size_px))


@given(BATCHES)
def test_batches_are_images_one_by_one(images):
    whole = dilate(images, 2)
    single = np.concatenate([dilate(image[np.newaxis], 2) for image in images])
    assert np.array_equal(whole, single)


def test_colour_images_keep_their_shape_and_channels_apart():
    images = np.zeros((2, 5, 5, 3), dtype=np.uint8)
    images[0, 2, 2, 1] = 200
    done = dilate(images, 3)
    assert done.shape == images.shape
    assert done[0, 1:4, 1:4, 1].tolist() == [[200] * 3] * 3
    assert not done[..., [0, 2]].any()


def test_input_is_left_alone_and_empty_batches_pass():
    images = load_mnist()[1].images[:2]
    copy = images.copy()
    erode(images, 2)
    assert np.array_equal(images, copy)
    assert dilate(images[:0], 2).shape == (0, 28, 28)


@pytest.mark.parametrize("size_px", [0, MAX_SIZE_PX + 1])
def test_sizes_out_of_range(size_px):
    with pytest.raises(StudyError, match=f"size_px is {size_px}"):
        dilate(load_mnist()[1].images[:1], size_px)


def bar(width):
    image = np.zeros((1, 28, 28), dtype=np.uint8)
    image[0, 4:24, 10 : 10 + width] = 255
    return image


@pytest.mark.parametrize("width", [1, 2, 3, 4, 6])
def test_thickness_of_a_bar_is_its_width(width):
    assert stroke_thickness_px(bar(width))[0] == pytest.approx(width, abs=0.5)


def test_thickness_follows_the_operations():
    images = load_mnist()[1].images[:100]
    thin, plain, thick = (
        stroke_thickness_px(batch).mean() for batch in (erode(images, 2), images, dilate(images, 2))
    )
    assert thin == pytest.approx(plain - 1, abs=0.3)
    assert thick == pytest.approx(plain + 1, abs=0.4)


def test_nothing_measured_on_nothing():
    empty = np.zeros((1, 28, 28), dtype=np.uint8)
    assert ink(empty)[0] == 0
    assert stroke_thickness_px(empty)[0] == 0
    assert ink(255 - empty)[0] == 1
