"""Pictures from files that may come from anywhere, and datasets that are folders of them."""

import io
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.arrays import LARGEST_BYTES, TEST_SHARE, Raw, datasets
from misread.data.dataset import Dataset
from misread.data.parts import folds
from misread.errors import DataError, needs_extra
from misread.images import Images
from misread.seeds import derive

FORMATS = ("PNG", "JPEG", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
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
LARGEST_PX = 100_000_000  # of one picture: 10,000 × 10,000, as a scanner makes them


def read_picture(
    path: Path, largest_px: int = LARGEST_PX, formats: tuple[str, ...] = FORMATS
) -> npt.NDArray[np.uint8]:
    """Read a picture; arguments, result and errors as in `decode_picture`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}); give the path of a picture."
        raise DataError(msg) from None
    return decode_picture(content, str(path), largest_px, formats)


def decode_picture(
    content: bytes,
    what: str,
    largest_px: int = LARGEST_PX,
    formats: tuple[str, ...] = FORMATS,
) -> npt.NDArray[np.uint8]:
    """Unpack a picture: PNG, JPEG or TIFF.

    Its header is looked at before anything is unpacked, since a file of a kilobyte may claim a
    picture of a terabyte.

    Parameters
    ----------
    content
        The bytes of the file.
    what
        Its name in messages.
    largest_px
        The most pixels it may have.
    formats
        Formats that are allowed, as Pillow names them.

    Returns
    -------
    numpy.ndarray
        `uint8 [H,W]` where it is grey, also where its three channels are equal; else `[H,W,3]`,
        red first. What is transparent shows white paper; 16 bits become 8.

    Raises
    ------
    DataError
        If it is damaged, too large, or no such picture.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  arrays need no pictures

    try:
        with warnings.catch_warnings(), io.BytesIO(content) as file:
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
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=formats) as file:
            warnings.simplefilter("ignore")
            return _bytes_of(file)
    except Exception:  # noqa: BLE001  as above
        msg = f"{what} is damaged, or not of 8 or 16 bits a channel; save it anew as PNG."
        raise DataError(msg) from None


def _bytes_of(file: Any) -> npt.NDArray[np.uint8]:
    """Return an open picture `uint8 [H,W]` where it is grey, else `[H,W,3]`, on white paper."""
    if file.mode.startswith("I;16") or (file.mode == "I" and file.format == "PNG"):
        deep: npt.NDArray[np.uint8] = np.rint(np.asarray(file) / 257).astype(np.uint8)
        return deep
    if file.mode in ("I", "F"):
        msg = "more than 16 bits a channel"
        raise ValueError(msg)
    if file.has_transparency_data:
        pixels = np.asarray(file.convert("RGBA"))
        cover = pixels[..., 3:] / 255
        pixels = np.rint(pixels[..., :3] * cover + 255 * (1 - cover)).astype(np.uint8)
    else:
        pixels = np.asarray(file.convert("L" if file.mode in ("1", "L") else "RGB"))
    is_grey = pixels.ndim == 3 and (pixels == pixels[..., :1]).all()
    picture: npt.NDArray[np.uint8] = pixels[..., 0] if is_grey else pixels
    return picture


def upright(picture: npt.NDArray[np.uint8], path: Path) -> npt.NDArray[np.uint8]:
    """Turn a picture, `[H,W]` or `[H,W,C]`, as the EXIF note of its file `path` says."""
    from PIL import Image  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as header:
                note = header.getexif().get(_ORIENTATION, 1)
        except Exception:  # noqa: BLE001
            return picture  # a damaged note says nothing
    turns, is_mirrored = _UPRIGHT.get(note, (0, False))
    return np.rot90(picture[:, ::-1] if is_mirrored else picture, turns)


def load_folder(name: str, place: str) -> tuple[Dataset, Dataset]:
    """Return a dataset of a folder of pictures, with a subfolder for each class.

    The subfolders may lie in two folders `train` and `test`. All pictures have one size; they are
    in colour if one of them is.

    Raises
    ------
    DataError
        If there is no class, a picture cannot be read, or sizes differ.
    """
    folder = Path(place)
    if not folder.is_dir():
        msg = f"{folder.absolute()} is no folder; give one that exists."
        raise DataError(msg)
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        parts = [_read_classes(folder / part) for part in ("train", "test")]
    else:
        parts = [_read_classes(folder)]
    if len({part.images.ndim for part in parts}) > 1:
        parts = [Raw(_in_colour(part.images), part.labels) for part in parts]
    return datasets(name, *parts)


def _read_classes(folder: Path) -> Raw:
    """Return the pictures of a folder, class by class, each in the order of their names."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    paths = [
        path
        for subfolder in classes
        for path in sorted(subfolder.iterdir())
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    if not paths:
        msg = (
            f"{folder} has no subfolders with pictures ({', '.join(SUFFIXES)}); make one for each "
            "class."
        )
        raise DataError(msg)
    first = read_picture(paths[0])
    n_bytes = math.prod(first.shape) * len(paths)
    if n_bytes > LARGEST_BYTES:
        msg = (
            f"{folder} holds {len(paths):,} pictures that take {n_bytes / 2**30:,.1f} GB, and "
            f"{LARGEST_BYTES / 2**30:.0f} are allowed; make them smaller."
        )
        raise DataError(msg)
    pictures = [first]
    for path in paths[1:]:
        picture = read_picture(path)
        if picture.shape[:2] != first.shape[:2]:
            sizes = " and ".join(f"{p.shape[1]}×{p.shape[0]} px" for p in (first, picture))
            msg = f"{paths[0]} and {path} differ in size, {sizes}; bring all pictures to one."
            raise DataError(msg)
        pictures.append(picture)
    if any(picture.ndim == 3 for picture in pictures):
        pictures = [_in_colour(picture) if picture.ndim == 2 else picture for picture in pictures]
    return Raw(np.stack(pictures), np.array([path.parent.name for path in paths]))


def _in_colour(images: Images) -> Images:
    """Give grey pictures `[…,H,W]` three equal channels."""
    return np.repeat(images[..., np.newaxis], 3, axis=-1)


def read_photo(path: Path) -> npt.NDArray[np.uint8]:
    """Read a photo as `uint8 [H,W,3]`, red first, upright as its EXIF note says.

    Raises
    ------
    DataError
        If it is missing, damaged, too large, or no PNG, JPEG, TIFF, BMP or WebP picture.
    """
    picture = upright(read_picture(path, formats=PHOTO_FORMATS), path)
    if picture.ndim == 2:
        picture = np.repeat(picture[..., np.newaxis], 3, axis=2)
    return np.ascontiguousarray(picture)


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
    in `4/` gives as many images; a photo is a group.

    Raises
    ------
    DataError
        If there is no such folder, a photo cannot be read, or no digit is found in one.
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
