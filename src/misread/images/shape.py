"""Measures of a picture of a character: ink, stroke thickness, slant and size.

The measures of Morpho-MNIST (Castro, Tan, Kainz, Konukoglu & Glocker 2019, *JMLR* 20:178). Bright
ink on black; of colours the brightest channel counts.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.images import Floats, Images
from misread.images.resample import enlarge, sheared
from misread.images.thin import Masks, depths, skeletons

_INK = 128  # a pixel at least half bright is ink
_SCALE = 4  # where strokes of one and two pixels can be told apart
_OUTSIDE = 0.02  # share of the ink that may lie outside the height, and outside the width
_FLAT_PX2 = 1e-6  # vertical spread; what is left of a single row is rounding
_THREADS = 2
_CHUNK = 100  # images measured at once: 5 MB of their pixels at four times the size


class Measure(NamedTuple):
    """A measure in words: its title, its unit, and names for its low and its high end."""

    title: str
    unit: str
    low: str
    high: str


MEASURES = {
    "thickness_px": Measure("stroke thickness", "px", "thinnest", "thickest"),
    "slant_deg": Measure("slant", "°", "most left-leaning", "most right-leaning"),
    "area_px": Measure("ink area", "px²", "lightest", "heaviest"),
    "length_px": Measure("stroke length", "px", "shortest", "longest"),
    "height_px": Measure("height", "px", "lowest", "tallest"),
    "width_px": Measure("width", "px", "narrowest", "widest"),
}


def ink(images: Images) -> Floats:
    """Return the mean brightness of each image, `[N]` in [0, 1], of `uint8 [N,H,W]`."""
    mean_N: Floats = images.reshape(len(images), -1).mean(axis=1) / 255
    return mean_N


def stroke_thickness_px(images: Images) -> Floats:
    """Return the mean stroke thickness of each image, `[N]` in px; 0 where there is no ink.

    Twice the mean distance to the background along the skeleton (Zhang & Suen 1984), less half a
    pixel on either side, as in Morpho-MNIST (Castro et al. 2019); measured at four times the size.
    """
    return _by_chunks(lambda grey: _strokes(_four_fold(grey)), _grey(images))[:, 1]


def shapes(images: Images) -> dict[str, Floats]:
    """Return each of `MEASURES`, `[N]`, of images `[N,H,W]` or `[N,H,W,C]`; NaN without ink.

    As Castro et al. (2019) define them, thickness as in `stroke_thickness_px`:

    * `area_px`: pixels that are at least half bright, counted at four times the size;
    * `length_px`: length of the skeleton, a diagonal step counted as √2;
    * `slant_deg`: the angle to the vertical of the axis along which the ink is sheared
      horizontally, from its second moments, −90 to 90; above 0 leans to the right, as "/" does;
    * `height_px`, `width_px`: of the parallelogram along that slant that holds 98% of the ink in
      either direction, so the width is what it would be had the character stood upright.
    """
    columns = ("area_px", "thickness_px", "length_px", "slant_deg", "height_px", "width_px")
    measured = dict(zip(columns, _by_chunks(_strokes_and_box, _grey(images)).T, strict=True))
    empty_N = measured["area_px"] == 0
    return {name: np.where(empty_N, np.nan, measured[name]) for name in MEASURES}


def _grey(images: Images) -> Images:
    return images.max(axis=-1) if images.ndim == 4 else images


def _by_chunks(measure: Callable[[Images], Floats], grey: Images) -> Floats:
    """Return the measures of images, a row for each, some at a time, on two threads."""
    chunks = [grey[start : start + _CHUNK] for start in range(0, max(len(grey), 1), _CHUNK)]
    with ThreadPoolExecutor(_THREADS) as threads:
        return np.concatenate([*threads.map(measure, chunks)])


def _four_fold(grey: Images) -> Floats:
    return enlarge(grey, _SCALE * grey.shape[1], _SCALE * grey.shape[2])


def _strokes_and_box(grey: Images) -> Floats:
    large = _four_fold(grey)
    return np.hstack([_strokes(large), _parallelograms(grey, large)])


def _strokes(large: Floats) -> Floats:
    """Return area, mean thickness and length of each image's strokes, `[N,3]`."""
    masks = np.pad(np.rint(large) >= _INK, ((0, 0), (1, 1), (1, 1)))
    rows, columns = (np.flatnonzero(masks.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if rows.size:  # the rest is paper in all of them
        masks = masks[:, rows[0] - 1 : rows[-1] + 2, columns[0] - 1 : columns[-1] + 2]
    lines = skeletons(masks)
    n_line = np.maximum(lines.sum(axis=(1, 2)), 1)
    depth_N = np.where(lines, depths(masks), 0).sum(axis=(1, 2), dtype=np.float64) / n_line
    area_N = masks.sum(axis=(1, 2)) / _SCALE**2
    thickness_N = np.where(area_N > 0, (2 * depth_N - 1) / _SCALE, 0)
    return np.stack([area_N, thickness_N, _length(lines) / _SCALE], axis=1)


def _length(lines: Masks) -> Floats:
    beside = (lines[:, :, 1:] & lines[:, :, :-1], lines[:, 1:] & lines[:, :-1])
    across = (lines[:, 1:, 1:] & lines[:, :-1, :-1], lines[:, 1:, :-1] & lines[:, :-1, 1:])
    straight_N, diagonal_N = (sum(p.sum(axis=(1, 2)) for p in pairs) for pairs in (beside, across))
    length_N: Floats = straight_N + np.sqrt(2) * diagonal_N
    return length_N


def _parallelograms(grey: Images, large: Floats) -> Floats:
    """Return slant in degrees, height and width in px of each image, `[N,3]`."""
    # Upright again, at four times the size: each row is moved by its distance from the middle.
    pairs = zip(grey.astype(np.float64), large.clip(0).astype(np.float32), strict=True)
    return np.array([_parallelogram(image, four_fold) for image, four_fold in pairs]).reshape(-1, 3)


def _parallelogram(image: Floats, large: npt.NDArray[np.float32]) -> tuple[float, float, float]:
    rows_H, columns_W = image.sum(axis=1), image.sum(axis=0)
    if not rows_H.any():
        return np.nan, np.nan, np.nan
    y_H, x_W = (
        np.arange(ink_P.size) - (ink_P * np.arange(ink_P.size)).sum() / ink_P.sum()
        for ink_P in (rows_H, columns_W)
    )
    tall = float((rows_H * y_H**2).sum())
    has_height = tall > _FLAT_PX2 * rows_H.sum()
    shear = float(y_H @ image @ x_W) / tall if has_height else 0.0
    n_rows, n_columns = large.shape
    room = math.ceil(abs(shear) * n_rows) + 1
    moved_px = room + shear * n_rows / 2
    (upright,) = sheared(large[np.newaxis], -shear, moved_px, n_columns + 2 * room)
    return (
        float(np.degrees(np.arctan(-shear))),
        _extent(rows_H),
        _extent(upright.sum(axis=0, dtype=np.float64)) / _SCALE,
    )


def _extent(ink_P: Floats) -> float:
    """Return the px that hold the ink of a profile but for half of `_OUTSIDE` at either end."""
    below_E = np.concatenate([[0.0], ink_P.cumsum()]) / ink_P.sum()
    low, high = np.interp([_OUTSIDE / 2, 1 - _OUTSIDE / 2], below_E, np.arange(below_E.size))
    return float(high - low)
