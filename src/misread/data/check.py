"""Check a dataset for what makes results worthless, before anything is trained on it."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.parts import N_FOLDS
from misread.wording import count

_DARK = 64  # where no pixel is brighter, numbers of 0 to 1 were probably stored as bytes
_SHOWN = 5  # images that a finding names


class Finding(NamedTuple):
    """The outcome of one check of a dataset.

    Attributes
    ----------
    check : str
        Name of the check.
    ok : bool
        True where the dataset is as it should be.
    result : str
        The outcome in words, with what to do where it is not ok.
    """

    check: str
    ok: bool
    result: str


def check_dataset(train: Dataset, test: Dataset) -> list[Finding]:
    """Look at both sets for what makes results worthless: doubles, gaps, empty images.

    That the files are whole, and shapes, types and label ranges fit, was checked as they were read.
    """
    left_out = f"left out: {'; '.join(train.left_out)}; what was read is " if train.left_out else ""
    digests = _digests(train), _digests(test)
    return [
        Finding("files and shapes", ok=True, result=f"{left_out}whole; {image_words(train)}"),
        _classes(train, test),
        _between(test, *digests),
        _contradictions(train, test, *digests),
        _constant(train, test),
        _brightness(train, test),
    ]


def image_words(part: Dataset) -> str:
    """Return the shape of an image in words, as in "28×28 px, grey, 10 classes"."""
    height, width = part.images.shape[1:3]
    colour = "grey" if part.images.ndim == 3 else f"{part.images.shape[3]} channels"
    return f"{width}×{height} px, {colour}, {part.n_classes:,} classes"


def class_counts(part: Dataset) -> npt.NDArray[np.int64]:
    """Return how many images each class has, `int64 [K]`."""
    return np.bincount(part.labels_N, minlength=part.n_classes)


def _digests(part: Dataset) -> list[bytes]:
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in part.images]


def _named(part: Dataset, ids: Sequence[int] | npt.NDArray[np.int64]) -> str:
    """Return how images are called in their source: by file, or by row, from 0."""
    origins_N = np.arange(len(part)) if part.origins_N is None else part.origins_N
    first = ", ".join(map(str, origins_N[ids[:_SHOWN]]))
    rows = "" if origins_N.dtype.kind == "U" else "row " if len(ids) == 1 else "rows "
    return rows + first + ", …" * (len(ids) > _SHOWN)


def _classes(train: Dataset, test: Dataset) -> Finding:
    least = int(class_counts(train).min())
    absent = [
        f"{name} has no {part} image"
        for part, dataset in (("training", train), ("test", test))
        for name, count in zip(dataset.class_names, class_counts(dataset), strict=True)
        if not count
    ]
    if absent:
        result = f"{absent[0]}; add some, or leave that class out of both sets"
        return Finding("classes", ok=False, result=result)
    if least < N_FOLDS:
        name = train.class_names[int(class_counts(train).argmin())]
        result = (
            f"{name} has {least} training images, and each of the {N_FOLDS} tenths needs one; add "
            "some, or leave that class out"
        )
        return Finding("classes", ok=False, result=result)
    return Finding(
        "classes", ok=True, result=f"all in both sets, each with {least:,} or more to fit"
    )


def _between(test: Dataset, of_train: list[bytes], of_test: list[bytes]) -> Finding:
    seen = set(of_train)
    ids = np.flatnonzero([digest in seen for digest in of_test])
    if not len(ids):
        return Finding("test images in the training set", ok=True, result="none")
    result = (
        f"{len(ids):,} of {len(test):,} test images are training images too, pixel by pixel "
        f"(test: {_named(test, ids)}); take them out of one set"
    )
    return Finding("test images in the training set", ok=False, result=result)


def _contradictions(
    train: Dataset, test: Dataset, of_train: list[bytes], of_test: list[bytes]
) -> Finding:
    labels: dict[bytes, set[int]] = {}
    for dataset, digests in ((train, of_train), (test, of_test)):
        for digest, label in zip(digests, dataset.labels_N.tolist(), strict=True):
            labels.setdefault(digest, set()).add(label)
    n_against, named = 0, []
    for part, dataset, digests in (("training", train, of_train), ("test", test, of_test)):
        against = [n for n, digest in enumerate(digests) if len(labels[digest]) > 1]
        if against:
            n_against += len(against)
            named.append(f"{part}: {_named(dataset, against)}")
    if named:
        result = (
            f"{count(n_against, 'image')} under several labels ({'; '.join(named)}); take them out "
            "or settle on one"
        )
        return Finding("equal images", ok=False, result=result)
    twice = len(of_train) + len(of_test) - len(labels)
    return Finding("equal images", ok=True, result=f"{twice:,}, none under several labels")


def _constant(train: Dataset, test: Dataset) -> Finding:
    found = []
    for part, dataset in (("training", train), ("test", test)):
        flat = dataset.images.reshape(len(dataset), -1)
        ids = np.flatnonzero(flat.max(axis=1) == flat.min(axis=1))
        if len(ids):
            found.append(f"{len(ids):,} in the {part} set ({_named(dataset, ids)})")
    if found:
        result = f"of one colour are {' and '.join(found)}; look at them and take them out"
        return Finding("empty images", ok=False, result=result)
    return Finding("empty images", ok=True, result="none")


def _brightness(train: Dataset, test: Dataset) -> Finding:
    brightest = {"training": int(train.images.max()), "test": int(test.images.max())}
    for part, most in brightest.items():
        if most < _DARK:
            result = (
                f"no pixel of the {part} set is brighter than {most} of 255; scale them to 0–255"
            )
            return Finding("brightness", ok=False, result=result)
    words = f"the brightest pixel has {max(brightest.values())} of 255"
    return Finding("brightness", ok=True, result=words)
