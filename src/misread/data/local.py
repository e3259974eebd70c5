"""Datasets from files on disk: IDX, NPZ, HDF5, CSV; nothing in them is ever executed."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.arrays import Raw, datasets
from misread.data.child import check_hdf5
from misread.data.dataset import Dataset
from misread.data.mnist import read_idx
from misread.data.pictures import path_at
from misread.data.tables import read_table
from misread.errors import DataError, needs_extra
from misread.images import Images
from misread.judge.values import texts_of
from misread.memory import Budget
from misread.npz import Archive

# Names that the arrays of an archive may have: images and labels, of train and of test.
_SPELLINGS = (
    (("x_train", "y_train"), ("x_test", "y_test")),
    (("train_images", "train_labels"), ("test_images", "test_labels")),
    (("train/data", "train/target"), ("test/data", "test/target")),
    (("train/images", "train/labels"), ("test/images", "test/labels")),
    (("images", "labels"), None),
    (("x", "y"), None),
    (("data", "target"), None),
)


def load_idx(name: str, place: str) -> tuple[Dataset, Dataset]:
    """Return a dataset of IDX files, gzip-compressed or not.

    Training images are in the file whose name has "train" and "images" in it, test images in that
    with "t10k" or "test" instead; labels likewise. EMNIST's files, whose names begin with "emnist",
    hold images with rows and columns exchanged (Cohen et al. 2017), which is set right. DataError
    if a file is missing, damaged, or they do not fit together.
    """
    folder = path_at(place, "folder", Path.is_dir)
    listing = sorted(path for path in folder.iterdir() if path.is_file())
    parts: list[Raw] = []
    for part, words in (("train", ("train",)), ("test", ("t10k", "test"))):
        files = [_idx_file(folder, listing, words, kind) for kind in ("images", "labels")]
        if files[0] is None and part == "test":
            return datasets(name, parts[0])
        if files[0] is None or files[1] is None:
            lacking = "images" if files[0] is None else "labels"
            msg = (
                f"{folder} has no IDX file of {part} {lacking}; needed is {words[0]}-{lacking}-idx"
                f"{3 if lacking == 'images' else 1}-ubyte, or the same with .gz."
            )
            raise DataError(msg)
        images = read_idx(files[0])
        if files[0].name.startswith("emnist") and images.ndim == 3:
            images = images.swapaxes(1, 2)
        parts.append(Raw(images, read_idx(files[1])))
    return datasets(name, *parts)


def load_npz(name: str, place: str) -> tuple[Dataset, Dataset]:
    """Return a dataset of an NPZ archive; `_SPELLINGS` are the names its arrays may have.

    An array `class_names` names the classes that whole-number labels stand for. DataError if it is
    no archive, damaged, or holds something else.
    """
    path = path_at(place, "file", Path.is_file)
    try:
        with Archive(path) as archive:
            return _of_arrays(name, path, archive.names, archive.read)
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as NPZ ({error}); write it with numpy.savez_compressed."
        raise DataError(msg) from None


def read_images(
    path: Path, n_images: int, places_M: npt.NDArray[np.integer[Any]] | None = None
) -> Images:
    """Return the array `images` of an NPZ archive, `uint8 [N,H,W]` or `[N,H,W,C]`, N = `n_images`.

    With `places_M`, which ascend, only the images there; the others are never in memory together.
    DataError if it cannot be read, or holds something else.
    """
    try:
        with Archive(path) as archive:
            if "images" not in archive.names:
                held = "no array `images`"
            else:
                shape, dtype, _ = archive.header("images")
                held = f"{dtype} images {list(shape)}"
                if dtype == np.uint8 and len(shape) in (3, 4) and shape[0] == n_images:
                    if places_M is None:
                        return archive.read("images")
                    return _taken(archive.parts("images"), shape, places_M)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path} cannot be read as NPZ ({reason}); write `images` with numpy.savez."
        raise DataError(msg) from None
    msg = f"{path} holds {held}; needed are uint8 images [{n_images},H,W] or [{n_images},H,W,C]."
    raise DataError(msg)


def _taken(
    parts: Iterable[Images], shape: tuple[int, ...], places_M: npt.NDArray[np.integer[Any]]
) -> Images:
    """Return images at places that ascend, from an array that comes in parts."""
    size, n_read = math.prod(shape[1:]), 0
    taken, rest = [np.zeros((0, *shape[1:]), np.uint8)], np.zeros(0, np.uint8)
    stop = int(places_M[-1]) + 1 if places_M.size else 0
    for part in parts if stop and size else ():
        rest = np.concatenate([rest, part.ravel()])
        n_whole = len(rest) // size
        first, last = np.searchsorted(places_M, (n_read, n_read + n_whole))
        whole = rest[: n_whole * size].reshape(n_whole, *shape[1:])
        taken.append(whole[places_M[first:last] - n_read])
        rest, n_read = rest[n_whole * size :], n_read + n_whole
        if n_read >= stop:
            break
    return np.concatenate(taken)


@needs_extra()
def load_h5(name: str, place: str) -> tuple[Dataset, Dataset]:
    """Return a dataset of an HDF5 file, with arrays called as in an NPZ archive.

    Links to other files, and data stored in other files, are not followed. DataError if it is no
    HDF5 file, damaged, or holds something else.
    """
    import h5py  # noqa: PLC0415  only this source needs it

    path = path_at(place, "file", Path.is_file)
    budget = Budget(str(path))

    def read(key: str) -> npt.NDArray[Any]:
        array = file[key]
        if array.is_virtual or array.external:
            msg = f"its {key!r} lies in another file, which is never read"
            raise ValueError(msg)
        if array.shape is None:
            msg = f"its {key!r} holds nothing"
            raise ValueError(msg)
        is_text = h5py.check_string_dtype(array.dtype) is not None
        if not is_text and array.dtype.kind not in "buif":
            msg = f"its {key!r} is of type {array.dtype}, which is never read"
            raise ValueError(msg)
        budget.take_array(array.shape, array.dtype if array.dtype.itemsize else np.dtype("S64"))
        values: npt.NDArray[Any] = array.asstr()[()].astype(np.str_) if is_text else array[()]
        return values.T if "MATLAB_class" in array.attrs else values

    check_hdf5(path)
    try:
        if not h5py.is_hdf5(path):
            msg = f"{path} is no HDF5 file; write it with h5py."
            raise DataError(msg)
        with h5py.File(path, "r") as file:
            return _of_arrays(name, path, _h5_names(file), read)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).partition("\n")[0].partition(" (")[0]
        msg = f"{path} cannot be read as HDF5 ({reason}); save it again with h5py."
        raise DataError(msg) from None


def load_csv(name: str, place: str) -> tuple[Dataset, Dataset]:
    """Return a dataset of a table of numbers, a row per image: pixels of a square, and its class.

    The class is in the column `label`, `class` or `target` of a header, or in the only one that is
    not called as a pixel (letters and a number). Without a header it is in the first or the last
    column, whichever can be one. Columns are separated by commas, semicolons or tabs. The test set
    is in a file beside it: .tes beside .tra (UCI), or the same name with "test" for "train".
    DataError if it is no table of numbers.
    """
    path = path_at(place, "file", Path.is_file)
    beside = (
        path.with_suffix(".tes")
        if path.suffix == ".tra"
        else path.with_name(path.name.replace("train", "test"))
    )
    train, label = read_table(path)
    has_test = beside != path and beside.exists()
    return datasets(name, train, *([read_table(beside, label)[0]] if has_test else []))


def load_sklearn_digits(name: str = "sklearn-digits", _place: str = "") -> tuple[Dataset, Dataset]:
    """Return scikit-learn's 1,797 digits of 8×8 pixels: the test set of UCI's optdigits.

    DataError if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415  only this source needs it
    except ImportError:
        msg = f"{name} comes with scikit-learn, which is not installed; install scikit-learn."
        raise DataError(msg) from None
    digits = load_digits()
    return datasets(name, Raw(digits.images, digits.target))


def _idx_file(
    folder: Path, listing: Sequence[Path], words: tuple[str, ...], kind: str
) -> Path | None:
    """Return the file of a part and kind; the unpacked one where there is a packed one too."""
    pattern = re.compile(rf"(.*[-_.])?({'|'.join(words)})[-_.]{kind}[-_.]idx\d[-_.]ubyte(\.gz)?$")
    paths = [path for path in listing if pattern.fullmatch(path.name)]
    if len({path.name.removesuffix(".gz") for path in paths}) > 1:
        msg = (
            f"{folder} has several files of {words[0]} {kind}: {paths[0].name}, {paths[1].name}; "
            "give each dataset a folder of its own."
        )
        raise DataError(msg)
    return paths[0] if paths else None


def _of_arrays(
    name: str, path: Path, names: Sequence[str], read: Callable[[str], npt.NDArray[Any]]
) -> tuple[Dataset, Dataset]:
    """Make a dataset of the arrays of an archive, whichever of the `_SPELLINGS` it has."""
    keys = {key.lower(): key for key in names}
    for train, test in _SPELLINGS:
        if not keys.keys() >= set(train):
            continue
        taken = [train, *([test] if test is not None and keys.keys() >= set(test) else [])]
        parts = [_aligned(Raw(read(keys[x]), read(keys[y]))) for x, y in taken]
        classes = np.asarray(read(keys["class_names"]) if "class_names" in keys else [])
        if classes.ndim != 1:
            msg = f"{path}: class_names have {classes.ndim} axes; give a list of names."
            raise DataError(msg)
        used = {*(key for pair in taken for key in pair), "class_names"}
        rest = [f"array {keys[key]}" for key in keys if key not in used]
        named = tuple(map(str, texts_of("class names", classes).tolist()))
        return datasets(name, *parts, class_names=named or None, left_out=tuple(rest))
    if keys and keys.keys() <= {f"arr_{k}" for k in range(4)}:  # numpy.savez without names
        arrays = [read(keys[key]) for key in sorted(keys)]
        images = [array for array in arrays if array.ndim > 2]
        labels = [array for array in arrays if array.ndim <= 2]
        if len(images) == len(labels):
            return datasets(name, *map(Raw, images, labels))
    listed = ", ".join(list(names)[:8]) or "nothing"
    msg = (
        f"{path} holds {listed}; needed are x_train and y_train, with x_test and y_test, or images "
        "and labels."
    )
    raise DataError(msg)


def _aligned(raw: Raw) -> Raw:
    """Return images whose first axis counts them, where their last one does, as in MATLAB."""
    images, labels = raw.images, raw.labels.ravel() if 1 in raw.labels.shape else raw.labels
    n_labels = len(labels) if labels.ndim else 0
    if images.ndim > 1 and len(images) != n_labels and images.shape[-1] == n_labels:
        return Raw(np.moveaxis(images, -1, 0), labels)
    return Raw(images, labels)


def _h5_names(group: Any, within: str = "") -> list[str]:
    """Return the arrays of a file and of its groups, followed by hard links only."""
    import h5py  # noqa: PLC0415  as above

    names = []
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            continue
        if isinstance(group[key], h5py.Dataset):
            names.append(within + key)
        elif isinstance(group[key], h5py.Group) and not within:
            names += _h5_names(group[key], f"{key}/")
    return names
