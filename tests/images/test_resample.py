"""Pictures, shapes and operations without OpenCV: the same bytes as OpenCV's and scikit-image's."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.morphology import skeletonize

from misread.data.mnist import load_mnist
from misread.data.pictures import decode_picture
from misread.images.operations import MAX_SIZE_PX, OPERATIONS, lean
from misread.images.resample import enlarge, resized
from misread.images.thin import depths, skeletons

SIZES = ((28, 28), (32, 20), (7, 64), (28, 1))


@pytest.fixture(scope="module")
def digits():
    return load_mnist()[1].images[:400]


@pytest.fixture
def portable():
    """OpenCV without vector instructions: with them its bytes are those of the processor."""
    cv2.setUseOptimized(False)
    yield
    cv2.setUseOptimized(True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("name", ["dilate", "erode"])
def test_operations_are_opencvs(name, size, n_channels):
    images = np.random.default_rng(1).integers(0, 256, (20, *size, n_channels), np.uint8)
    kind = {"dilate": cv2.MORPH_DILATE, "erode": cv2.MORPH_ERODE}[name]
    for size_px in range(1, MAX_SIZE_PX + 1):
        element = np.ones((size_px, size_px), np.uint8)
        theirs = np.stack([cv2.morphologyEx(image, kind, element) for image in images])
        assert np.array_equal(OPERATIONS[name](images, size_px), theirs.reshape(images.shape))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_leaning_is_opencvs(size, n_channels):
    height, width = size
    images = np.random.default_rng(2).integers(0, 256, (600, *size, n_channels), np.uint8)
    for size_px in range(2, MAX_SIZE_PX + 1):
        slope = 2 * (size_px - 1) / max(height - 1, 1)
        matrix = np.array([[1, slope, -(size_px - 1)], [0, 1, 0]])
        theirs = np.stack([cv2.warpAffine(image, matrix, (width, height)) for image in images])
        assert np.array_equal(lean(images, size_px), theirs.reshape(images.shape)), size_px


def test_digits_brought_to_another_size_are_opencvs(digits):
    rng = np.random.default_rng(3)
    differs = 0
    for digit in digits:
        height, width = rng.integers(2, 200, 2).tolist()
        image = cv2.resize(digit, (width, height), interpolation=cv2.INTER_LINEAR)
        scale = 20 / max(height, width)
        new = max(1, round(height * scale)), max(1, round(width * scale))
        kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        theirs = cv2.resize(image, new[::-1], interpolation=kernel).reshape(new)
        ours = resized(image.reshape(height, width), *new)
        assert np.abs(ours.astype(int) - theirs).max() <= 1
        differs += np.count_nonzero(ours != theirs)
    assert differs <= 3  # halves, of 60,000 pixels: rounded there after sums of rounded products


def test_digits_at_four_times_their_size_are_opencvs(digits):
    ours = np.rint(enlarge(digits, 112, 112)).clip(0, 255).astype(np.uint8)
    theirs = np.stack([cv2.resize(d, (112, 112), interpolation=cv2.INTER_CUBIC) for d in digits])
    assert np.count_nonzero(ours != theirs) <= 20  # halves, of 5 million pixels
    assert np.count_nonzero((ours >= 128) != (theirs >= 128)) <= 1


def masks_of(digits):
    noise = np.random.default_rng(4).random((30, 110, 110)) < 0.7
    return np.pad(np.concatenate([enlarge(digits, 110, 110) >= 128, noise]), ((0,), (1,), (1,)))


def test_skeletons_are_scikit_images(digits):
    masks = masks_of(digits)
    assert np.array_equal(skeletons(masks), np.stack([skeletonize(mask) for mask in masks]))


@pytest.mark.usefixtures("portable")
def test_depths_are_opencvs(digits):
    masks = masks_of(digits)
    theirs = [cv2.distanceTransform(m.astype(np.uint8), cv2.DIST_L2, 5) for m in masks]
    assert np.array_equal(depths(masks), np.stack(theirs))


def test_nothing_in_nothing_out():
    nothing = np.zeros((0, 5, 5), bool)
    assert skeletons(nothing).shape == depths(nothing).shape == nothing.shape


# Of a transparent TIFF OpenCV multiplies by the transparency, which then counted twice.
KINDS = {
    "PNG": ("1", "L", "P", "RGB", "RGBA", "LA", "I;16"),
    "JPEG": ("1", "L", "RGB"),
    "TIFF": ("1", "L", "P", "RGB", "I;16"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
}


@pytest.mark.parametrize(
    ("kind", "mode"), [(k, mode) for k, modes in KINDS.items() for mode in modes]
)
def test_pictures_are_unpacked_as_by_opencv(kind, mode):
    rng = np.random.default_rng(5)
    if mode == "I;16":
        picture = Image.fromarray(rng.integers(0, 65536, (30, 40), np.uint16))
    else:
        picture = Image.fromarray(rng.integers(0, 256, (30, 40, 4), np.uint8)).convert(mode)
    content = io.BytesIO()
    picture.save(content, kind)
    theirs = cv2.imdecode(np.frombuffer(content.getvalue(), np.uint8), cv2.IMREAD_UNCHANGED)
    if theirs.dtype == np.uint16:
        theirs = np.rint(theirs / 257).astype(np.uint8)
    if theirs.ndim == 3 and theirs.shape[2] == 4:
        cover = theirs[..., 3:] / 255
        theirs = np.rint(theirs[..., :3] * cover + 255 * (1 - cover)).astype(np.uint8)
    if theirs.ndim == 3:
        is_grey = (theirs == theirs[..., :1]).all()
        theirs = theirs[..., 0] if is_grey else theirs[..., ::-1]
    assert np.array_equal(decode_picture(content.getvalue(), "it", formats=(kind,)), theirs)
