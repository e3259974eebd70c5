"""Digits on paper: found in a photo, in reading order, each as MNIST has it.

A digit is a group of connected strokes of about the size that most marks of the page have; specks,
long lines and what is cut off at the edge are none.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from misread.data.convention import to_convention
from misread.data.dataset import Dataset, Images
from misread.data.ink import Ink, Mask, Picture, ink_of
from misread.data.parts import folds
from misread.data.pictures import FORMATS, SUFFIXES, read_picture, upright
from misread.data.raw import TEST_SHARE
from misread.errors import DataError

PHOTO_FORMATS = (*FORMATS, "BMP", "WEBP")
PHOTO_SUFFIXES = (*SUFFIXES, ".bmp", ".webp")
WORKING_PX = 2000  # longer side; larger photos are shrunk
_LEAST_PX = 400  # smaller pictures are enlarged


@dataclass(frozen=True)
class Digit:
    """One digit of a page.

    Attributes
    ----------
    image : numpy.ndarray
        `uint8 [28,28]`, as MNIST has it.
    box : tuple of int
        Left, top, width and height on the photo, upright and in its full size, in px.
    line : int
        In which line of the page it stands, from 1.
    """

    image: Picture
    box: tuple[int, int, int, int]
    line: int


@dataclass(frozen=True)
class Page:
    """A photo with the digits that were found, in reading order.

    Attributes
    ----------
    photo : numpy.ndarray
        `uint8 [H,W,3]`, upright, at most 2,000 px on its longer side.
    scale : float
        Size of `photo` as a share of the file's.
    ink : Ink
        How the digits were found.
    digits : tuple of Digit
        The digits.
    """

    photo: Picture
    scale: float
    ink: Ink
    digits: tuple[Digit, ...]

    @property
    def images(self) -> Images:
        """`uint8 [N,28,28]`."""
        images = [digit.image for digit in self.digits]
        return np.stack(images) if images else np.zeros((0, 28, 28), np.uint8)


def read_photo(path: Path) -> Picture:
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


def find_digits(photo: Picture) -> Page:
    """Find the digits in a photo.

    Parameters
    ----------
    photo
        `uint8 [H,W,3]`, red first: ink of any colour on paper, or chalk on a board.
    """
    longest = max(photo.shape[:2])
    scale = min(1.0, WORKING_PX / longest) if longest > _LEAST_PX else _LEAST_PX / longest
    small = photo
    if scale != 1:
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = tuple(max(1, round(side * scale)) for side in photo.shape[1::-1])
        small = np.asarray(cv2.resize(photo, size, interpolation=way), np.uint8)
    ink = ink_of(small)
    parts, boxes = _components(ink.mask)
    digits = []
    for number, line in enumerate(_lines(_groups(parts, boxes)), 1):
        for members in line:
            box = _union(boxes[list(members)])
            own = _box_on_photo(parts, members, box, ink, scale)
            if not (ink.tilt_deg and _is_cut(own, photo)):  # turned, its edge lies inside
                digits.append(Digit(_crop(ink, parts, members, box), own, number))
    return Page(small, scale, ink, tuple(digits))


def load_paper(name: str, place: str) -> tuple[Dataset, Dataset]:
    """Return the digits of labelled photos as a training and a test set; see `read_crops`."""
    whole = read_crops(name, place)
    held_out_N = folds(whole.labels_N, TEST_SHARE) == 0
    return whole.take(np.flatnonzero(~held_out_N)), whole.take(np.flatnonzero(held_out_N))


def read_crops(name: str, place: str) -> Dataset:
    """Return the digits of labelled photos as a dataset: a subfolder of photos for each class.

    Every digit that is found in a photo has the class of its folder, so that a page full of fours
    in `4/` gives as many images; a photo is a group.

    Raises
    ------
    DataError
        If there is no such folder, a photo cannot be read, or no digit is found in one.
    """
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
        found = find_digits(read_photo(path)).images
        if not len(found):
            msg = f"no digit was found in {path}; take it out, or photograph it anew."
            raise DataError(msg)
        images.append(found)
        labels += [names.index(path.parent.name)] * len(found)
        groups += [group] * len(found)
    return Dataset(
        name,
        np.concatenate(images),
        np.array(labels, np.int64),
        names,
        groups_N=np.array(groups, np.int64),
    )


# --- from ink to digits ---------------------------------------------------------------------------

Boxes = npt.NDArray[np.int64]  # [M,4]: left, top, right, bottom, the last two not included


def _components(mask: Mask) -> tuple[npt.NDArray[np.int32], Boxes]:
    """Return the number of each pixel's connected piece, and the box of each piece; 0 is paper."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    boxes = stats[:, :4].astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    return np.asarray(parts, np.int32), boxes


def _union(boxes: Boxes) -> Boxes:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _box_on_photo(
    parts: npt.NDArray[np.int32], members: tuple[int, ...], box: Boxes, ink: Ink, scale: float
) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a digit on the photo as it was taken."""
    left, top, right, bottom = box.tolist()
    rows, columns = np.nonzero(np.isin(parts[top:bottom, left:right], members))
    places = np.stack([columns + left, rows + top], axis=1) + 0.5
    places = (places @ ink.back[:, :2].T + ink.back[:, 2]) / scale
    half = 0.5 / scale
    low = np.floor(places.min(axis=0) - half + 1e-6).astype(int)
    high = np.ceil(places.max(axis=0) + half - 1e-6).astype(int)
    x, y = (max(0, side) for side in low.tolist())
    return x, y, int(high[0]) - x, int(high[1]) - y


def _is_cut(box: tuple[int, int, int, int], photo: Picture) -> bool:
    left, top, wide, high = box
    height, width = photo.shape[:2]
    return min(left, top) <= 1 or left + wide >= width - 1 or top + high >= height - 1


def _groups(parts: npt.NDArray[np.int32], boxes: Boxes) -> dict[tuple[int, ...], Boxes]:
    """Return the pieces of each digit, with its box."""
    height, width = parts.shape
    areas = np.bincount(parts.ravel(), minlength=len(boxes))
    sizes = boxes[:, 2:] - boxes[:, :2]
    cut = (boxes[:, :2] <= 1).any(axis=1) | (boxes[:, 2:] >= np.array([width, height]) - 1).any(
        axis=1
    )
    huge = (sizes > 0.75 * np.array([width, height])).any(axis=1) & (len(boxes) > 2)
    usable = ~(cut | huge) & (sizes.max(axis=1) >= 5)
    usable[0] = False
    own = np.flatnonzero(usable)
    # Among several marks what spans a third of the photo is an edge of the paper or a shadow.
    longest = sizes[own].max(axis=1) / max(width, height)
    if ((longest > 0.015) & (longest < 0.35)).sum() >= 3:
        own = own[longest < 0.35]
    if not len(own):
        return {}
    typical = _typical(sizes[own])
    own = own[(sizes[own, 1] < 3 * typical) & (sizes[own, 0] < 3.5 * typical)]
    own = own[sizes[own].max(axis=1) > 0.1 * typical]
    joined = _joined(own, parts, boxes, areas, typical)
    groups = {}
    for members in joined:
        box = _union(boxes[list(members)])
        wide, high = int(box[2] - box[0]), int(box[3] - box[1])
        if max(high, 0.8 * wide) > 0.45 * typical and wide < 2.2 * high:
            groups[members] = box
    return groups


def _typical(sizes: npt.NDArray[np.int64]) -> float:
    """Return the height that most ink has: specks are many but small, dashes long but thin."""
    high = np.maximum(sizes[:, 1], 0.8 * sizes[:, 0])
    order = np.argsort(high)
    weight = np.cumsum(np.minimum(high, 4 * sizes.min(axis=1))[order] ** 2)
    return float(high[order][np.searchsorted(weight, weight[-1] / 2)])


def _joined(
    own: npt.NDArray[np.int64],
    parts: npt.NDArray[np.int32],
    boxes: Boxes,
    areas: npt.NDArray[np.int64],
    typical: float,
) -> list[tuple[int, ...]]:
    """Join small pieces, as the bar of a 5, to the digit next to them."""
    groups = {int(n): [int(n)] for n in own}
    reach = 0.22 * typical
    for piece in own[np.argsort(areas[own], kind="stable")].tolist():
        box = boxes[piece]
        best, nearest = None, reach
        for other, members in groups.items():
            if other == piece or areas[other] < areas[piece]:
                continue
            whole = _union(boxes[members])
            beside = box[0] >= whole[2] or box[2] <= whole[0]
            alone = box[3] - box[1] > 0.6 * typical or areas[other] < 1.5 * areas[piece]
            if beside and alone:  # a digit next to another one, as a 1
                continue
            gap = np.maximum(0, np.maximum(box[:2] - whole[2:], whole[:2] - box[2:])).max()
            both = _union(np.stack([box, whole]))
            fits = both[3] - both[1] < 1.4 * typical and both[2] - both[0] < 1.25 * typical
            if gap < nearest and fits:
                distance = _distance(parts, piece, members, both)
                if distance < nearest:
                    best, nearest = other, distance
        if best is not None and piece in groups:
            groups[best] += groups.pop(piece)
    return [tuple(sorted(members)) for members in groups.values()]


def _distance(parts: npt.NDArray[np.int32], piece: int, others: list[int], box: Boxes) -> float:
    """Return the distance between a piece and others, in px."""
    left, top, right, bottom = box.tolist()
    window = parts[top:bottom, left:right]
    away = cv2.distanceTransform((~np.isin(window, others)).astype(np.uint8), cv2.DIST_L2, 5)
    return float(away[window == piece].min())


def _lines(groups: dict[tuple[int, ...], Boxes]) -> list[list[tuple[int, ...]]]:
    """Return the digits line by line from above, and from left to right in each."""
    if not groups:
        return []
    heights = [box[3] - box[1] for box in groups.values()]
    reach = 0.6 * float(np.median(heights))
    lines: list[tuple[float, list[tuple[int, ...]]]] = []
    for members in sorted(groups, key=lambda m: int(groups[m][1] + groups[m][3])):
        middle = float(groups[members][1] + groups[members][3]) / 2
        if lines and middle - lines[-1][0] < reach:
            before, line = lines[-1]
            lines[-1] = (before + (middle - before) / (len(line) + 1), [*line, members])
        else:
            lines.append((middle, [members]))
    return [sorted(line, key=lambda m: int(groups[m][0])) for _, line in lines]


def _crop(ink: Ink, parts: npt.NDArray[np.int32], members: tuple[int, ...], box: Boxes) -> Picture:
    """Return a digit's ink as MNIST has it."""
    left, top, right, bottom = box.tolist()
    place = (slice(max(0, top - 3), bottom + 3), slice(max(0, left - 3), right + 3))
    own = np.isin(parts[place], members)
    near = cv2.dilate(own.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    level = ink.level[place]
    dark = float(np.percentile(level[own], 80))
    soft = np.clip((level / dark - 0.2) / 0.6, 0, 1) * near
    return to_convention(np.rint(255 * soft).astype(np.uint8))
