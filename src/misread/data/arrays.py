"""Training and test set from arrays of any kind: pixels to bytes, labels to classes.

Every source passes this way, so that all mean the same by it:

- pixels: bytes as they are; other numbers linearly from the narrowest of the ranges 0–1, −1–1, 0–16
  and 0–255 that holds all of them to 0–255;
- shapes: `[N,H,W]`, `[N,H,W,C]`, `[N,C,H,W]`, or flat `[N,P]`, which must be squares;
- classes: the labels that occur, in order, with the names that the source has for them;
- where a source has no test set, a fifth of each class, the same on every machine.
"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.parts import folds
from misread.errors import DataError, JudgeError
from misread.images import Images
from misread.judge.values import class_labels

TEST_SHARE = 5  # one image in five, where a source has no test set of its own
RANGES = ((0, 1), (-1, 1), (0, 16), (0, 255))
_CHANNELS = (1, 2, 3, 4)


class Raw(NamedTuple):
    """One part of a source as it is stored: N images of any numbers, N labels, names or numbers.

    `files` has the path of each image's own file, where it has one.
    """

    images: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    files: npt.NDArray[np.str_] | None = None


def datasets(
    name: str,
    *parts: Raw,
    class_names: tuple[str, ...] | None = None,
    left_out: tuple[str, ...] = (),
) -> tuple[Dataset, Dataset]:
    """Make the training and the test set of a source, whose arrays are read-only.

    Without a second part, a fifth of each class of the first becomes the test set (`parts.folds`).
    `class_names` are of the classes that whole-number labels stand for, by default the labels that
    occur; `left_out` says what else is there and was not read. DataError if shapes, numbers or
    labels do not fit.
    """
    titles = [f"{name}, {part}" for part in ("train", "test")]
    images = [_shaped(title, raw.images) for title, raw in zip(titles, parts, strict=False)]
    labels = [_labels(title, raw.labels) for title, raw in zip(titles, parts, strict=False)]
    for title, images_N, labels_N in zip(titles, images, labels, strict=False):
        if len(images_N) != len(labels_N) or not len(labels_N):
            msg = (
                f"{title}: {len(images_N):,} images and {len(labels_N):,} labels; give one label "
                "per image, and at least one image."
            )
            raise DataError(msg)
    shapes = [list(images_N.shape[1:]) for images_N in images]
    if shapes[0] != shapes[-1]:
        differing = " and ".join(map(str, shapes))
        msg = f"{name}: training and test images have shapes {differing}; give them one size."
        raise DataError(msg)
    if labels[0].dtype.kind != labels[-1].dtype.kind:
        msg = f"{name}: the labels of one part are numbers, of the other names; give one kind."
        raise DataError(msg)
    pixels = _bytes(titles, images)
    codes, names = _codes(name, labels, class_names)
    origins: list[Any] = [raw.files for raw in parts]
    if len(parts) == 1:
        held_out_N = folds(codes[0], TEST_SHARE) == 0
        whole = pixels[0], codes[0], np.arange(len(codes[0])) if origins[0] is None else origins[0]
        pixels, codes, origins = ([of[~held_out_N], of[held_out_N]] for of in whole)
    for images_N, codes_N in zip(pixels, codes, strict=True):
        images_N.flags.writeable = codes_N.flags.writeable = False
    train, test = (
        Dataset(title, images_N, codes_N, names, origins_N=origins_N)
        for title, images_N, codes_N, origins_N in zip(titles, pixels, codes, origins, strict=True)
    )
    return replace(train, left_out=left_out), test


def _shaped(what: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return images as `[N,H,W]`, or `[N,H,W,C]` of more than one channel."""
    shape = values.shape
    if values.dtype.kind not in "buif" or values.ndim not in (2, 3, 4) or 0 in shape[1:]:
        msg = (
            f"{what}: images are {values.dtype} of shape {list(shape)}; allowed are numbers "
            "[N,H,W], [N,H,W,C], or flat [N,P]."
        )
        raise DataError(msg)
    if values.ndim == 2:
        side = math.isqrt(shape[1])
        if side * side != shape[1]:
            msg = (
                f"{what}: flat images have {shape[1]} pixels, which is no square; store them as "
                "[N,H,W] or [N,H,W,C]."
            )
            raise DataError(msg)
        return values.reshape(len(values), side, side)
    if values.ndim == 3:
        return values
    if shape[3] not in _CHANNELS and shape[1] in (1, 3):
        values = np.moveaxis(values, 1, 3)
    if values.shape[3] not in _CHANNELS:
        msg = f"{what}: images of shape {list(shape)} have no axis of 1 to 4 channels; give one."
        raise DataError(msg)
    return values[..., 0] if values.shape[3] == 1 else values


def _bytes(titles: list[str], parts: list[npt.NDArray[Any]]) -> list[Images]:
    """Return the pixels of all parts as bytes, by one rule for all of them."""
    if all(part.dtype == np.uint8 for part in parts):
        return [np.ascontiguousarray(part) for part in parts]
    spans = [_span(title, part) for title, part in zip(titles, parts, strict=False)]
    if spans[0] != spans[-1]:
        words = " and ".join(
            f"{title.rpartition(', ')[2]} {low} to {high}"
            for title, (low, high) in zip(titles, spans, strict=False)
        )
        name = titles[0].rpartition(", ")[0]
        msg = f"{name}: pixels of {words} lie in different ranges; scale both alike."
        raise DataError(msg)
    bottom, top = spans[0]
    return [_scaled(part, bottom, top) for part in parts]


def _span(title: str, part: npt.NDArray[Any]) -> tuple[int, int]:
    """Return the range of the pixels of a part; that of bytes is known."""
    low, high = float(part.min()), float(part.max())
    fitting = [span for span in RANGES if span[0] <= low and high <= span[1]]
    if not fitting:  # NaN fits nowhere
        msg = (
            f"{title}: pixels run from {low:g} to {high:g}; allowed are bytes, or numbers within "
            "0–1, −1–1, 0–16 or 0–255: scale them."
        )
        raise DataError(msg)
    return (0, 255) if part.dtype == np.uint8 else fitting[0]


def _scaled(part: npt.NDArray[Any], bottom: int, top: int) -> Images:
    brightness = part.astype(np.float32)
    brightness -= bottom
    brightness *= 255 / (top - bottom)
    return np.rint(brightness, out=brightness).astype(np.uint8)


def _labels(what: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return labels as `[N]` whole numbers or names."""
    try:
        labels, n_columns, _ = class_labels(values)
    except JudgeError as error:
        msg = f"{what}: {error}"
        raise DataError(msg) from None
    if n_columns:
        msg = f"{what}: {labels.size:,} labels are one-hot; take their arg max first."
        raise DataError(msg)
    if labels.dtype.kind == "U":
        try:  # names that are all numbers are in the order of numbers
            numbers = labels.astype(np.int64)
        except (ValueError, OverflowError):
            return labels
        if (numbers.astype(np.str_) != labels).any():
            return labels
        labels = numbers
    if odd := [label for label in (int(labels.min()), int(labels.max())) if not 0 <= label < 2**31]:
        msg = f"{what}: a label is {odd[0]}; allowed are whole numbers of 0 or more, or names."
        raise DataError(msg)
    return labels.astype(np.int64)


def _codes(
    name: str, labels: list[npt.NDArray[Any]], class_names: tuple[str, ...] | None
) -> tuple[list[npt.NDArray[np.int64]], tuple[str, ...]]:
    """Return each part's labels as codes, and the names of the classes."""
    if class_names is not None and labels[0].dtype.kind != "U":
        codes = [labels_N.astype(np.int64) for labels_N in labels]
        return codes, class_names  # a Dataset checks the range
    values_K, n_labels = np.unique(np.concatenate(labels)), sum(map(len, labels))
    if len(values_K) < 2 or 2 * len(values_K) > n_labels + 2:
        msg = (
            f"{name}: {n_labels:,} labels hold {len(values_K):,} different values; needed are two "
            "classes or more, of several images each."
        )
        raise DataError(msg)
    codes = [np.searchsorted(values_K, labels_N).astype(np.int64) for labels_N in labels]
    return codes, tuple(map(str, values_K.tolist()))
