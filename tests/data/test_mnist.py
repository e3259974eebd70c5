import gzip
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from misread.data import mnist
from misread.data.dataset import Dataset, to_float
from misread.data.mnist import disputed_ids, load_mnist, read_idx
from misread.data.parts import folds, split, stratified_subset
from misread.data.sources import load
from misread.errors import DataError, StudyError


def test_mnist_is_whole():
    train, test = load_mnist()
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert np.bincount(test.labels_N).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip


def test_disputed_ids_are_those_most_people_do_not_read_as_labelled(shared_data):
    import json

    votes = json.loads((shared_data / "mnist-meta" / "mnist_mturk.json").read_text())
    assert disputed_ids() == [v["id"] for v in votes if v["mturk"]["given"] < 3]
    assert len(disputed_ids()) == 15
    _, test = load_mnist()
    assert np.flatnonzero(test.disputed_N).tolist() == disputed_ids()
    labels = {v["id"]: v["given_original_label"] for v in votes}
    assert all(test.labels_N[i] == labels[i] for i in disputed_ids())


@pytest.mark.parametrize(("part", "number"), [("train", 0), ("test", 1)])
def test_writers_are_those_of_qmnist(shared_data, part, number):
    dataset = load_mnist()[number]
    with gzip.open(shared_data / "mnist-meta" / f"qmnist-{part}-labels.tsv.gz", "rt") as table:
        rows = [line.split() for line in table][: len(dataset)]
    assert [int(row[0]) for row in rows] == dataset.labels_N.tolist()
    assert [int(row[2]) for row in rows] == dataset.groups_N.tolist()


def test_no_writer_is_in_both_parts():
    train, test = load_mnist()
    assert not set(train.groups_N) & set(test.groups_N)


@pytest.fixture
def broken(tmp_path):
    """A copy of the smallest embedded file, to be broken."""
    name = "t10k-labels-idx1-ubyte"
    path = tmp_path / f"{name}.gz"
    shutil.copy(mnist.FOLDER / path.name, path)
    return path, mnist.RAW_SHA256[name]


def test_truncated_gzip(broken):
    path, sha256 = broken
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be read as a gzip file"):
        read_idx(path, sha256)


def test_wrong_hash(broken):
    path, sha256 = broken
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(DataError, match=r"has SHA-256 .* but must have"):
        read_idx(path, sha256)
    assert read_idx(path).shape == (10_000,)  # without a hash to hold it to, it is well formed


def test_a_gzip_file_of_several_parts_is_no_shorter_idx_file(broken):
    """Only the first part of such a file is read, so its header cannot agree."""
    path, _ = broken
    raw = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(raw[:5000]) + gzip.compress(raw[5000:]))
    with pytest.raises(DataError, match=r"truncated or damaged|its size is not"):
        read_idx(path)


def test_a_gzip_file_may_claim_any_size(broken):
    path, sha256 = broken
    path.write_bytes(path.read_bytes()[:-4] + b"\xff\xff\xff\xff")
    with pytest.raises(DataError, match="cannot be read as a gzip file"):
        read_idx(path, sha256)


def test_the_identity_of_mnist_stays():
    """Plans hold these: another hash would make every study another one."""
    assert [part.sha256 for part in load_mnist()] == [
        "fc30b55971f250c50fdd9f4575adc48b73f2415edc5e937aff5e4bf5acfd38c8",
        "b65ab79a3823abadd2c2f39bf12d113cb0157d2d5274a488932f2cd8469b6965",
    ]


@pytest.mark.parametrize("cut", [1, 500])
def test_data_shorter_than_the_header_says(broken, cut):
    path, _ = broken
    path.write_bytes(gzip.decompress(path.read_bytes())[:-cut])
    with pytest.raises(DataError, match=r"truncated or damaged|its size is not"):
        read_idx(path)


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x08\x03\x00", b"PK\x03\x04 no idx"])
def test_no_idx_file(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DataError, match="IDX file of unsigned bytes begins with 000008"):
        read_idx(path)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_idx(tmp_path / "x")


IMAGES = np.zeros((3, 4, 4), dtype=np.uint8)
LABELS = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("images", "labels", "extra", "message"),
    [
        (IMAGES.astype(float), LABELS, {}, "must be uint8"),
        (IMAGES[0], LABELS, {}, "must be uint8"),
        (IMAGES, LABELS[:2], {}, "one label per image"),
        (IMAGES, LABELS / 2, {}, "must be integers"),
        (IMAGES, LABELS + 1, {}, "labels run from 1 to 2"),
        (IMAGES, LABELS - 1, {}, "labels run from -1 to 0"),
        (IMAGES, LABELS, {"groups_N": LABELS[:1]}, "groups of shape"),
    ],
)
def test_a_dataset_refuses_what_does_not_fit(images, labels, extra, message):
    with pytest.raises(DataError, match=message):
        Dataset("toy", images, labels, ("a", "b"), **extra)


def test_identity_is_content():
    one = Dataset("a", IMAGES, LABELS, ("a", "b"))
    assert one.sha256 == Dataset("b", IMAGES.copy(), LABELS.copy(), ("a", "b")).sha256
    assert one.sha256 != Dataset("a", IMAGES + 1, LABELS, ("a", "b")).sha256
    assert one.sha256 != Dataset("a", IMAGES, LABELS[::-1].copy(), ("a", "b")).sha256


def test_to_float_scales_to_one_and_adds_a_channel():
    scaled = to_float(np.array([[[0, 255]]], dtype=np.uint8))
    assert scaled.shape == (1, 1, 2, 1)
    assert scaled.dtype == np.float32
    assert scaled.ravel().tolist() == [0, 1]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=300))
def test_folds_deal_every_class_evenly(labels):
    labels_N = np.array(labels)
    folds_N = folds(labels_N)
    assert np.ptp(np.bincount(folds_N, minlength=10)) <= 1
    for label in set(labels):
        assert np.ptp(np.bincount(folds_N[labels_N == label], minlength=10)) <= 1


def test_ten_seeds_read_every_training_image_once():
    labels_N = load_mnist()[0].labels_N
    seen = np.concatenate([split(labels_N, fold)[1] for fold in range(10)])
    assert np.sort(seen).tolist() == list(range(60_000))


def test_fit_and_select_do_not_overlap():
    fit, select = split(load_mnist()[0].labels_N, 3)
    assert len(fit) == 54_000
    assert not set(fit) & set(select)


def test_a_fold_that_is_not_there():
    with pytest.raises(DataError, match="choose one from 0 to 9"):
        split(LABELS, 10)


@given(st.integers(5, 100), st.integers(5, 100))
def test_subsets_are_nested_and_keep_every_class(small, large):
    labels_N = np.repeat(np.arange(5), [40, 30, 20, 10, 5])
    small, large = sorted((small, large))
    inner, outer = stratified_subset(labels_N, small), stratified_subset(labels_N, large)
    assert set(inner) <= set(outer)
    assert set(labels_N[inner]) == set(range(5))


def test_an_unknown_dataset():
    with pytest.raises(StudyError, match="choose one of mnist"):
        load("cifar")
