"""Digits on a photo of paper, in reading order, each in MNIST's form.

A digit is a group of connected strokes of about the size that most marks of the page have; specks,
long lines and what is cut off at the edge are none.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from misread.images import Images
from misread.images.ink import Ink, Picture, ink_of
from misread.images.mnist_form import to_convention
from misread.images.strokes import Box, Members, Parts, lines_of

WORKING_PX = 2000  # longer side; larger photos are shrunk
_LEAST_PX = 400  # smaller pictures are enlarged


@dataclass(frozen=True)
class Digit:
    """One digit of a page."""

    image: Picture  # [28,28], as MNIST has it
    box: tuple[int, int, int, int]  # left, top, width, height on the upright photo in full size, px
    line: int  # its line on the page, from 1


@dataclass(frozen=True)
class Page:
    """A photo and the digits on it."""

    photo: Picture  # [H,W,3], upright, at most 2,000 px on its longer side
    scale: float  # size of `photo` as a share of the file's
    ink: Ink
    digits: tuple[Digit, ...]  # in reading order

    @property
    def images(self) -> Images:
        """`uint8 [N,28,28]`."""
        images = [digit.image for digit in self.digits]
        return np.stack(images) if images else np.zeros((0, 28, 28), np.uint8)


def find_digits(photo: Picture) -> Page:
    """Find the digits in a photo `uint8 [H,W,3]`, red first: ink on paper, or chalk on a board."""
    longest = max(photo.shape[:2])
    scale = min(1.0, WORKING_PX / longest) if longest > _LEAST_PX else _LEAST_PX / longest
    small = photo
    if scale != 1:
        kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = tuple(max(1, round(side * scale)) for side in photo.shape[1::-1])
        small = np.asarray(cv2.resize(photo, size, interpolation=kernel), np.uint8)
    ink = ink_of(small)
    parts, lines = lines_of(ink.mask)
    digits = []
    for number, line in enumerate(lines, 1):
        for members, box in line:
            place = _box_on_photo(parts, members, box, ink, scale)
            if not (ink.tilt_deg and _is_cut(place, photo)):  # turned, its edge lies inside
                digits.append(Digit(_crop(ink, parts, members, box), place, number))
    return Page(small, scale, ink, tuple(digits))


def _box_on_photo(
    parts: Parts, members: Members, box: Box, ink: Ink, scale: float
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


def _crop(ink: Ink, parts: Parts, members: Members, box: Box) -> Picture:
    """Return a digit's ink as MNIST has it."""
    left, top, right, bottom = box.tolist()
    place = (slice(max(0, top - 3), bottom + 3), slice(max(0, left - 3), right + 3))
    mask = np.isin(parts[place], members)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    near &= mask | (parts[place] == 0)  # not the ink of a neighbour
    level = ink.level[place]
    dark = float(np.percentile(level[mask], 80))
    soft = np.clip((level / dark - 0.2) / 0.6, 0, 1) * near
    return to_convention(np.rint(255 * soft).astype(np.uint8))
