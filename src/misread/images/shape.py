"""Measures of a picture of a character: ink, stroke thickness, slant and size.

The measures of Morpho-MNIST (Castro, Tan, Kainz, Konukoglu & Glocker 2019, *JMLR* 20:178). Bright
ink on black; of colours the brightest channel counts.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from misread.images import Floats, Images

Bools = npt.NDArray[np.bool_]

_INK = 128  # a pixel at least half bright is ink
_SCALE = 4  # where strokes of one and two pixels can be told apart
_OUTSIDE = 0.02  # share of the ink that may lie outside the height, and outside the width
_FLAT_PX2 = 1e-6  # vertical spread; what is left of a single row is rounding
_THREADS = 2


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
    """Return the mean stroke thickness of each image, in px.

    Twice the mean distance to the background along the skeleton (Zhang & Suen 1984), less half a
    pixel on either side, as in Morpho-MNIST (Castro et al. 2019); measured at four times the size,
    where strokes of one and two pixels can be told apart. 0 for an image without ink.

    Parameters
    ----------
    images
        `uint8 [N,H,W]`, or `[N,H,W,C]`, of which the brightest channel counts; bright ink on
        black.

    Returns
    -------
    numpy.ndarray
        `float64 [N]`.
    """
    return _strokes(_grey(images))[:, 1]


def shapes(images: Images) -> dict[str, Floats]:
    """Return every measure of `MEASURES` for each image; NaN for an image without ink.

    As Castro et al. (2019) define them, thickness as in `stroke_thickness_px`:

    * `area_px`: pixels that are at least half bright, counted at four times the size;
    * `length_px`: length of the skeleton, a diagonal step counted as √2;
    * `slant_deg`: the angle to the vertical of the axis along which the ink is sheared
      horizontally, from its second moments, −90 to 90; above 0 leans to the right, as "/" does;
    * `height_px`, `width_px`: of the parallelogram along that slant that holds 98% of the ink in
      either direction, so the width is what it would be had the character stood upright.

    Parameters
    ----------
    images
        `uint8 [N,H,W]`, or `[N,H,W,C]`.

    Returns
    -------
    dict
        Name of the measure → `float64 [N]`.
    """
    grey = _grey(images)
    area_N, thickness_N, length_N = _strokes(grey).T
    box = np.array([_parallelogram(image) for image in grey]).reshape(-1, 3)
    measured = {
        "thickness_px": thickness_N,
        "slant_deg": box[:, 0],
        "area_px": area_N,
        "length_px": length_N,
        "height_px": box[:, 1],
        "width_px": box[:, 2],
    }
    empty_N = area_N == 0
    return {name: np.where(empty_N, np.nan, values_N) for name, values_N in measured.items()}


def _grey(images: Images) -> Images:
    return images.max(axis=-1) if images.ndim == 4 else images


def _strokes(grey: Images) -> Floats:
    """Return area, mean thickness and length of each image's strokes, `[N,3]`."""
    from skimage import morphology  # noqa: PLC0415  takes a quarter of a second, for this alone

    skeletonize: Callable[..., Bools] = morphology.skeletonize  # it has no types

    def measure(image: Images) -> tuple[float, float, float]:
        large = cv2.resize(image, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_CUBIC)
        x, y, width, height = cv2.boundingRect((large >= _INK).astype(np.uint8))
        if width == 0:
            return 0.0, 0.0, 0.0
        mask = np.pad(large[y : y + height, x : x + width] >= _INK, 1)
        line = skeletonize(mask)
        distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
        thickness = (2 * distance[line].mean() - 1) / _SCALE
        return mask.sum() / _SCALE**2, thickness, _length(line) / _SCALE

    with ThreadPoolExecutor(_THREADS) as threads:
        return np.array(list(threads.map(measure, grey))).reshape(-1, 3)


def _length(line: Bools) -> float:
    straight = (line[:, 1:] & line[:, :-1]).sum() + (line[1:] & line[:-1]).sum()
    across = (line[1:, 1:] & line[:-1, :-1]).sum() + (line[1:, :-1] & line[:-1, 1:]).sum()
    return float(straight + np.sqrt(2) * across)


def _parallelogram(image: Images) -> tuple[float, float, float]:
    """Return slant in degrees, height and width in px of one image `[H,W]`."""
    moments = cv2.moments(image)
    if moments["m00"] == 0:
        return np.nan, np.nan, np.nan
    has_height = moments["mu02"] > _FLAT_PX2 * moments["m00"]
    shear = moments["mu11"] / moments["mu02"] if has_height else 0.0
    # Upright again, at four times the size: each row is moved by its distance from the middle.
    large = cv2.resize(
        image.astype(np.float32), None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_CUBIC
    ).clip(0)
    n_rows, n_columns = large.shape
    room = int(np.ceil(abs(shear) * n_rows)) + 1
    move = np.array([[1.0, -shear, room + shear * n_rows / 2], [0.0, 1.0, 0.0]])
    upright = cv2.warpAffine(large, move, (n_columns + 2 * room, n_rows))
    return (
        float(np.degrees(np.arctan(-shear))),
        _extent(image.sum(axis=1, dtype=np.float64)),
        _extent(upright.sum(axis=0, dtype=np.float64)) / _SCALE,
    )


def _extent(ink_P: Floats) -> float:
    """Return the px that hold the ink of a profile but for half of `_OUTSIDE` at either end."""
    below_E = np.concatenate([[0.0], ink_P.cumsum()]) / ink_P.sum()
    low, high = np.interp([_OUTSIDE / 2, 1 - _OUTSIDE / 2], below_E, np.arange(below_E.size))
    return float(high - low)
