"""Pictures from files that may come from anywhere, and datasets that are folders of them."""

import io
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.arrays import TEST_SHARE, Raw, datasets
from misread.data.dataset import Dataset
from misread.data.parts import folds
from misread.errors import DataError, needs_extra
from misread.files import quiet
from misread.images import Images
from misread.memory import Budget, allow
from misread.seeds import derive

FORMATS = ("PNG", "JPEG", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
DEEP = "/**"  # behind the name of a folder
_UNREAD = (".bmp", ".webp", ".gif", ".heic", ".heif", ".avif", ".jp2", ".jfif", ".jpe", ".pgm")
PHOTO_FORMATS = (*FORMATS, "BMP", "WEBP")
PHOTO_SUFFIXES = (*SUFFIXES, ".bmp", ".webp")
_ORIENTATION = 0x0112  # EXIF's number for it
# Its values: mirrored first or not, then so many quarter turns counter-clockwise.
_UPRIGHT = {
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (1, True),
    6: (3, False),
    7: (3, True),
    8: (1, False),
}
_STRIP = 256  # rows
LARGEST_PX = 100_000_000  # of one picture: 10,000 × 10,000, as a scanner makes them


def read_picture(path: Path, formats: tuple[str, ...] = FORMATS) -> npt.NDArray[np.uint8]:
    """Read a picture; formats, result and errors as in `decode_picture`."""
    try:
        allow(path.stat().st_size, str(path))
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}); give the path of a picture."
        raise DataError(msg) from None
    return decode_picture(content, str(path), formats=formats)


def decode_picture(
    content: bytes, what: str, largest_px: int = LARGEST_PX, formats: tuple[str, ...] = FORMATS
) -> npt.NDArray[np.uint8]:
    """Unpack the content of a picture in one of the formats, which Pillow names so.

    It is `uint8 [H,W]` where it is grey, also where its three channels are equal; else `[H,W,3]`,
    red first, upright as its EXIF note says. What is transparent shows white paper; 16 bits become
    8. Its header is looked at before anything is unpacked, since a file of a kilobyte may claim a
    picture of a terabyte. DataError if it is damaged, too large, or no such picture; `what` names
    it there.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  arrays need no pictures

    try:
        with warnings.catch_warnings(), quiet(), io.BytesIO(content) as file:
            warnings.simplefilter("ignore")  # that it is large, or that its notes are odd
            with Image.open(file, formats=formats) as header:
                n_px = header.width * header.height
    except UnidentifiedImageError:
        names = f"{', '.join(formats[:-1])} or {formats[-1]}"
        msg = f"{what} is no {names} picture; give one, or take it out."
        raise DataError(msg) from None
    except Image.DecompressionBombError:
        n_px = largest_px + 1
    except Exception as error:  # noqa: BLE001
        # A damaged header lets that library raise nearly anything.
        msg = f"{what} cannot be read as a picture ({type(error).__name__}); save it anew as PNG."
        raise DataError(msg) from None
    if n_px > largest_px:
        msg = (
            f"{what} has more pixels than the {largest_px / 1e6:,.0f} million that are allowed; "
            "make it smaller."
        )
        raise DataError(msg)
    try:
        with warnings.catch_warnings(), quiet():  # as libtiff does itself
            warnings.simplefilter("ignore")  # also what opening says
            with Image.open(io.BytesIO(content), formats=formats) as file:
                return _bytes_of(file)
    except Exception:  # noqa: BLE001  as above
        msg = f"{what} is damaged, or not of 8 or 16 bits a channel; save it anew as PNG."
        raise DataError(msg) from None


def _bytes_of(file: Any) -> npt.NDArray[np.uint8]:
    """Return an open picture `uint8 [H,W]` where it is grey, else `[H,W,3]`, on white paper.

    It is upright as its EXIF note says. A strip at a time, so that it takes little more than its
    own size.
    """
    if file.mode in ("I", "F") and not (file.mode == "I" and file.format == "PNG"):
        msg = "more than 16 bits a channel"
        raise ValueError(msg)
    file.load()  # which turns a TIFF upright already
    note = _orientation(file)
    is_deep = file.mode.startswith("I")
    has_cover = file.has_transparency_data
    mode = "RGBA" if has_cover else "L" if file.mode in ("1", "L") else "RGB"
    pixels = np.asarray(file if is_deep else file.convert(mode))
    shape = pixels.shape[:2] if is_deep or pixels.ndim == 2 else (*pixels.shape[:2], 3)
    whole = np.empty(shape, np.uint8)
    for start in range(0, len(pixels), _STRIP):
        strip = pixels[start : start + _STRIP]
        if is_deep:
            strip = np.rint(strip / 257)
        elif has_cover:
            cover = strip[..., 3:].astype(np.float32) / 255
            strip = np.rint(strip[..., :3] * cover + 255 * (1 - cover))
        whole[start : start + _STRIP] = strip
    is_grey = whole.ndim == 3 and all(
        (whole[start : start + _STRIP] == whole[start : start + _STRIP, :, :1]).all()
        for start in range(0, len(whole), _STRIP)
    )
    turns, is_mirrored = _UPRIGHT.get(note, (0, False))
    picture = whole[..., 0] if is_grey else whole
    return np.ascontiguousarray(np.rot90(picture[:, ::-1] if is_mirrored else picture, turns))


def _orientation(file: Any) -> int:
    try:
        return int(file.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  a damaged note says nothing
        return 1


def load_folder(name: str, place: str) -> tuple[Dataset, Dataset]:
    """Return a dataset of a folder of pictures, with a subfolder for each class.

    The subfolders may lie in two folders `train` and `test`; hidden ones are none. All pictures
    have one size; they are in colour if one of them is. Pictures in deeper folders belong to the
    class above them where the name ends in ``/**``; else they are refused. DataError if there is no
    class, a picture cannot be read or lies deeper, or sizes differ.
    """
    folder = path_at(place.removesuffix(DEEP), "folder", Path.is_dir)
    inner = [path.name for path in _folders(folder)]
    split = {"train", "test"} <= {*inner}
    homes = [folder / part for part in ("train", "test")] if split else [folder]
    budget = Budget(str(folder))
    left_out = [f"folder {name}" for name in inner if split and name not in ("train", "test")]
    parts = []
    for home in homes:
        paths, others = _pictures(home, deep=place.endswith(DEEP))
        left_out += others
        files = np.array([path.relative_to(folder).as_posix() for _, path in paths])
        parts.append(_read_classes(paths, budget)._replace(files=files))
    if len({part.images.ndim for part in parts}) > 1:
        parts = [
            part._replace(images=_in_colour(part.images)) if part.images.ndim == 3 else part
            for part in parts
        ]
    return datasets(name, *parts, left_out=tuple(left_out))


def path_at(place: str, noun: str, is_there: Callable[[Path], bool]) -> Path:
    """Return the path of a place; DataError if it is not a file or a folder, as `noun` says."""
    path = Path(place)
    if not is_there(path):
        msg = f"{path.absolute()} is no {noun}; give the path of one that exists."
        raise DataError(msg)
    return path


def _folders(folder: Path) -> list[Path]:
    """Return the subfolders, without those that systems hide."""
    inner = (path for path in folder.iterdir() if not path.name.startswith((".", "__")))
    return sorted(path for path in inner if path.is_dir())


def _pictures(folder: Path, *, deep: bool) -> tuple[list[tuple[str, Path]], list[str]]:
    """Return the class and the path of each picture, class by class, and what else lies there.

    DataError if a picture lies where it belongs to no class, or is of a kind that is not read.
    """
    pairs: list[tuple[str, Path]] = []
    others: list[Path] = [path for path in folder.iterdir() if path.is_file()]
    for subfolder in _folders(folder):
        files = sorted(path for path in subfolder.rglob("*") if path.is_file())
        for path in files:
            inner = path.relative_to(subfolder).parts
            if any(part.startswith((".", "__")) for part in inner):
                continue
            if path.suffix.lower() in SUFFIXES and (deep or len(inner) == 1):
                pairs.append((subfolder.name, path))
            else:
                others.append(path)
    lost = [path for path in others if path.suffix.lower() in (*SUFFIXES, *_UNREAD)]
    if lost:
        msg = (
            f"{folder} has {len(lost):,} pictures that are in no class folder, deeper, or of "
            f"another kind than {', '.join(SUFFIXES)}, as {lost[0].relative_to(folder)}; move or "
            f"convert them, or name the folder with {DEEP} behind it to read deeper ones."
        )
        raise DataError(msg)
    if not pairs:
        msg = (
            f"{folder} has no subfolders with pictures ({', '.join(SUFFIXES)}); make one for each "
            "class."
        )
        raise DataError(msg)
    hidden = {".ds_store", "thumbs.db", "desktop.ini"}
    rest = sorted(path.name for path in others if path.name.lower() not in hidden)
    return pairs, [f"{len(rest):,} other files, as {rest[0]}"] if rest else []


def _read_classes(paths: list[tuple[str, Path]], budget: Budget) -> Raw:
    """Return pictures by their class and path, which have one size."""
    pictures: list[Images] = []
    for _, path in paths:
        picture = read_picture(path)
        first = pictures[0] if pictures else picture
        if picture.shape[:2] != first.shape[:2]:
            sizes = " and ".join(f"{p.shape[1]}×{p.shape[0]} px" for p in (first, picture))
            msg = f"{paths[0][1]} and {path} differ in size, {sizes}; bring all pictures to one."
            raise DataError(msg)
        if not pictures or (picture.ndim > first.ndim and all(p.ndim == 2 for p in pictures)):
            budget.take(2 * math.prod(picture.shape) * len(paths))
        pictures.append(picture)
    if any(picture.ndim == 3 for picture in pictures):
        pictures = [_in_colour(picture) if picture.ndim == 2 else picture for picture in pictures]
    return Raw(np.stack(pictures), np.array([name for name, _ in paths]))


def _in_colour(images: Images) -> Images:
    """Give grey pictures `[…,H,W]` three equal channels, in the last axis."""
    return np.repeat(images[..., np.newaxis], 3, axis=-1)


def read_photo(path: Path) -> npt.NDArray[np.uint8]:
    """Read a photo as `uint8 [H,W,3]`, red first, upright as its EXIF note says.

    DataError if it is missing, damaged, too large, or no PNG, JPEG, TIFF, BMP or WebP picture.
    """
    picture = read_picture(path, PHOTO_FORMATS)
    return _in_colour(picture) if picture.ndim == 2 else picture


def load_paper(name: str, place: str) -> tuple[Dataset, Dataset]:
    """Return the digits of labelled photos as a training and a test set; see `read_crops`.

    A photo is one pen, one light and mostly one hand, so it goes into one of them whole: a fifth of
    each class's photos, at least one, is the test set. Of a class with a single photo it is a fifth
    of the digits.
    """
    whole = read_crops(name, place)
    held_out_N = _held_out(whole)
    return whole.take(np.flatnonzero(~held_out_N)), whole.take(np.flatnonzero(held_out_N))


def _held_out(whole: Dataset) -> npt.NDArray[np.bool_]:
    """Return which digits are of the test set."""
    held_out_N: npt.NDArray[np.bool_] = folds(whole.labels_N, TEST_SHARE) == 0
    for label in range(whole.n_classes):
        ids = np.flatnonzero(whole.labels_N == label)
        photos_M = np.asarray(whole.groups_N)[ids]
        photos = derive(0, "photos", label).permutation(np.unique(photos_M))
        if len(photos) > 1:
            test = photos[: max(1, round(len(photos) / TEST_SHARE))]
            held_out_N[ids] = np.isin(photos_M, test)
    return held_out_N


def read_crops(name: str, place: str) -> Dataset:
    """Return the digits of labelled photos as a dataset: a subfolder of photos for each class.

    Every digit that is found in a photo has the class of its folder, so that a page full of fours
    in `4/` gives as many images; a photo is a group. DataError if there is no such folder, a photo
    cannot be read, or no digit is found in one.
    """
    with needs_extra():
        from misread.images.page import find_digits  # noqa: PLC0415  it needs OpenCV

    folder = Path(place)
    paths = sorted(p for p in folder.glob("*/*") if p.suffix.lower() in PHOTO_SUFFIXES)
    if not paths:
        msg = (
            f"{folder} has no subfolders with photos ({', '.join(PHOTO_SUFFIXES)}); make one for "
            "each class."
        )
        raise DataError(msg)
    names = tuple(sorted({path.parent.name for path in paths}))
    images, labels, groups = [], [], []
    for group, path in enumerate(paths):
        digits = find_digits(read_photo(path)).images
        if not len(digits):
            msg = f"no digit was found in {path}; take it out, or photograph it anew."
            raise DataError(msg)
        images.append(digits)
        labels += [names.index(path.parent.name)] * len(digits)
        groups += [group] * len(digits)
    return Dataset(
        name,
        np.concatenate(images),
        np.array(labels, np.int64),
        names,
        groups_N=np.array(groups, np.int64),
        group_noun="photo",
    )
