"""What the dense networks are given: shapes, range, types, labels, parts that do not overlap."""

import numpy as np
import pytest

from misread.data.dataset import to_float
from misread.data.mnist import load_mnist
from misread.data.parts import N_FOLDS, split
from misread.learn.views import parts_of
from misread.study.file import load_study

CLASSES = set(range(10))


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


def run_of(mnist, fold, *, smoke=False):
    study = load_study("dense-four", smoke=smoke)
    return study.run("exp1", None, study.seeds[0], fold, (mnist[0].sha256, mnist[1].sha256))


def test_shapes_types_and_labels(mnist):
    for part, n_images in zip(mnist, (60_000, 10_000), strict=True):
        assert part.images.shape == (n_images, 28, 28)
        assert part.images.dtype == np.uint8
        assert part.labels_N.shape == (n_images,)
        assert np.issubdtype(part.labels_N.dtype, np.integer)
        assert set(part.labels_N.tolist()) == CLASSES
        assert part.class_names == tuple("0123456789")


def test_pixels_are_scaled_to_0_and_1_and_nothing_else(mnist):
    some = mnist[1].images[:1000]
    scaled = to_float(some)
    assert scaled.shape == (1000, 28, 28, 1)
    assert scaled.dtype == np.float32
    assert (scaled.min(), scaled.max()) == (0.0, 1.0)
    assert np.array_equal(np.rint(scaled[..., 0] * 255).astype(np.uint8), some)


def test_the_networks_see_784_numbers_in_reading_order(mnist, trainer):
    model = trainer.build(load_study("dense-four").arms["exp1"].recipe, (28, 28, 1), 10, 0)
    assert model.layers[1].output.shape == (None, 784)
    flat = np.asarray(model.layers[1](to_float(mnist[1].images[:3])))
    assert np.array_equal(flat, mnist[1].images[:3].reshape(3, 784).astype(np.float32) / 255)


def test_no_image_is_in_two_parts(mnist):
    fit, select, confirm, *_ = parts_of(run_of(mnist, 3))
    assert (len(fit), len(select), len(confirm)) == (54_000, 6_000, 10_000)
    fit_ids, select_ids = split(mnist[0].labels_N, 3)
    assert not set(fit_ids.tolist()) & set(select_ids.tolist())
    assert np.array_equal(fit.images, mnist[0].images[fit_ids])
    assert np.array_equal(select.images, mnist[0].images[select_ids])
    assert np.array_equal(confirm.images, mnist[1].images)
    contents = [{image.tobytes() for image in part.images} for part in (fit, select, confirm)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not contents[one] & contents[other]


def test_every_training_image_is_held_out_once(mnist):
    held_out = np.concatenate([split(mnist[0].labels_N, fold)[1] for fold in range(N_FOLDS)])
    assert np.array_equal(np.sort(held_out), np.arange(60_000))


@pytest.mark.parametrize("smoke", [False, True])
def test_classes_are_in_the_same_proportion_everywhere(mnist, smoke):
    shares_K = np.bincount(mnist[0].labels_N) / 60_000
    assert shares_K.min() > 0.09  # MNIST is nearly balanced …
    assert shares_K.max() < 0.113
    fit, select, *_ = parts_of(run_of(mnist, 0, smoke=smoke))
    for part in (fit, select):  # … and its parts are as MNIST is
        own_K = np.bincount(part.labels_N, minlength=10) / len(part)
        assert np.abs(own_K - shares_K).max() < 1.5 / len(part) + 1e-12
