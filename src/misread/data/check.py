"""Check a dataset for what makes results worthless, before anything is trained on it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.parts import N_FOLDS
from misread.wording import count

_DARK = 64  # where no pixel is brighter, numbers of 0 to 1 were probably stored as bytes
_SHOWN = 5  # images that a finding names


class Finding(NamedTuple):
    """The outcome of one check of a dataset."""

    check: str  # its name
    result: str  # the outcome in words, with what to do where it is not ok
    ok: bool = True  # the dataset is as it should be


_Sets = Mapping[str, Dataset]  # by its name in sentences: training, test


def check_dataset(train: Dataset, test: Dataset) -> list[Finding]:
    """Look at both sets for what makes results worthless: doubles, gaps, empty images.

    That the files are whole, and shapes, types and label ranges fit, was checked as they were read.
    """
    left_out = f"left out: {'; '.join(train.left_out)}; what was read is " if train.left_out else ""
    sets = {"training": train, "test": test}
    digests = {part: _digests(dataset) for part, dataset in sets.items()}
    return [
        Finding("files and shapes", f"{left_out}whole; {image_words(train)}"),
        _classes(sets),
        _between(sets, digests),
        _contradictions(sets, digests),
        _constant(sets),
        _brightness(sets),
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


def _classes(sets: _Sets) -> Finding:
    train = sets["training"]
    fewest, least = min(
        zip(train.class_names, class_counts(train), strict=True), key=lambda c: c[1]
    )
    absent = [
        f"{name} has no {part} image"
        for part, dataset in sets.items()
        for name, n_images in zip(dataset.class_names, class_counts(dataset), strict=True)
        if not n_images
    ]
    if absent:
        result = f"{absent[0]}; add some, or leave that class out of both sets"
        return Finding("classes", result, ok=False)
    if least < N_FOLDS:
        result = (
            f"{fewest} has {least} training images, and each of the {N_FOLDS} tenths needs one; "
            "add some, or leave that class out"
        )
        return Finding("classes", result, ok=False)
    return Finding("classes", f"all in both sets, each with {least:,} or more to fit")


def _between(sets: _Sets, digests: Mapping[str, list[bytes]]) -> Finding:
    test, seen = sets["test"], set(digests["training"])
    ids = np.flatnonzero([digest in seen for digest in digests["test"]])
    if not len(ids):
        return Finding("test images in the training set", "none")
    result = (
        f"{len(ids):,} of {len(test):,} test images are training images too, pixel by pixel "
        f"(test: {_named(test, ids)}); take them out of one set"
    )
    return Finding("test images in the training set", result, ok=False)


def _contradictions(sets: _Sets, digests: Mapping[str, list[bytes]]) -> Finding:
    labels: dict[bytes, set[int]] = {}
    for part, dataset in sets.items():
        for digest, label in zip(digests[part], dataset.labels_N.tolist(), strict=True):
            labels.setdefault(digest, set()).add(label)
    n_against, named = 0, []
    for part, dataset in sets.items():
        against = [n for n, digest in enumerate(digests[part]) if len(labels[digest]) > 1]
        if against:
            n_against += len(against)
            named.append(f"{part}: {_named(dataset, against)}")
    if named:
        result = (
            f"{count(n_against, 'image')} under several labels ({'; '.join(named)}); take them out "
            "or settle on one"
        )
        return Finding("equal images", result, ok=False)
    n_twice = sum(map(len, digests.values())) - len(labels)
    return Finding("equal images", f"{n_twice:,}, none under several labels")


def _constant(sets: _Sets) -> Finding:
    named = []
    for part, dataset in sets.items():
        flat = dataset.images.reshape(len(dataset), -1)
        ids = np.flatnonzero(flat.max(axis=1) == flat.min(axis=1))
        if len(ids):
            named.append(f"{len(ids):,} in the {part} set ({_named(dataset, ids)})")
    if named:
        result = f"of one colour are {' and '.join(named)}; look at them and take them out"
        return Finding("empty images", result, ok=False)
    return Finding("empty images", "none")


def _brightness(sets: _Sets) -> Finding:
    brightest = {part: int(dataset.images.max()) for part, dataset in sets.items()}
    for part, most in brightest.items():
        if most < _DARK:
            dark = f"no pixel of the {part} set is brighter than {most} of 255; scale them to 0–255"
            return Finding("brightness", dark, ok=False)
    return Finding("brightness", f"the brightest pixel has {max(brightest.values())} of 255")
