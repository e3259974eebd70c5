"""The ink on a photo of paper: the light is divided out, the colour of the paper taken away.

Every step is an old and simple one: the paper is a large median, made smooth where nothing is
written; ink is the distance from it in CIELAB; ruled lines are what a long thin opening leaves
(Serra 1982), and a closing across them mends the strokes.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]

_SMALL_PX = 480  # the light changes slowly: it is measured on a small copy
_LEAST = 9.0  # ΔE; fainter marks are none, even on perfectly smooth paper
_OF_PEAK = 0.4  # a stroke's edge: so much of the darkest ink nearby
MAX_TILT_DEG = 10.0


@dataclass(frozen=True)
class Ink:
    """The ink of a photo, with the steps to it."""

    even: Picture  # [H,W,3]: the photo in even light, straightened; dark ink on white paper
    level: Levels  # [H,W], at least 0: distance from the paper, in ΔE, without lines
    mask: Mask  # [H,W], 1 where there is ink
    lines: Mask  # [H,W], 1 where a ruled line was taken away
    is_bright: bool  # the ink is bright on dark, as chalk is
    tilt_deg: float  # of the page on the photo, counter-clockwise positive
    back: npt.NDArray[np.float64]  # [2,3]: from a place (x, y) of these arrays to the photo's


def ink_of(photo: Picture) -> Ink:
    """Find the ink of a photo `uint8 [H,W,3]`, red first."""
    is_bright = _is_bright(photo)
    even = _even(255 - photo if is_bright else photo)
    level = _distance(even)
    threshold = _threshold(level)
    turn: npt.NDArray[np.float64] = np.eye(2, 3)
    tilt_deg = _tilt_deg(level > threshold)
    if abs(tilt_deg) >= 0.2:
        height, width = level.shape
        middle = (width / 2, height / 2)
        turn = np.asarray(cv2.getRotationMatrix2D(middle, -tilt_deg, 1), np.float64)
        even = _turned(even, turn, 1)
        level = _turned(level, turn, 0)
    level, lines = _without_lines(level, threshold)
    size = _odd(max(level.shape) / 40)
    nearby = cv2.dilate(level, np.ones((size, size), np.uint8))
    nearby = cv2.GaussianBlur(nearby, (0, 0), size / 3)
    mask = (level > np.maximum(threshold, _OF_PEAK * nearby)).astype(np.uint8)
    picture = np.rint(np.clip(even, 0, 1) * 255).astype(np.uint8)
    back = cv2.invertAffineTransform(turn)
    return Ink(picture, level, mask, lines, is_bright, tilt_deg, np.asarray(back, np.float64))


def shrunk(picture: npt.NDArray[Any], scale: float) -> npt.NDArray[Any]:
    """Return a picture at `scale` of its size (at most 1), at least one pixel on either side."""
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _odd(size: float) -> int:
    return max(3, round(size) | 1)


def _turned(picture: Levels, turn: npt.NDArray[np.float64], border: float) -> Levels:
    size = (picture.shape[1], picture.shape[0])
    moved = cv2.warpAffine(picture, turn, size, flags=cv2.INTER_LINEAR, borderValue=(border,) * 3)
    return np.asarray(moved, np.float32)


def _small(photo: Picture) -> Picture:
    scale = min(1.0, _SMALL_PX / max(photo.shape[:2]))
    return np.asarray(shrunk(photo, scale), np.uint8)


def _median(small: Picture) -> Levels:
    return cv2.medianBlur(small, min(255, _odd(max(small.shape) / 5))).astype(np.float32)


def _is_bright(photo: Picture) -> bool:
    """Say whether more marks are brighter than their paper than darker."""
    small = _small(photo)
    step = small.mean(axis=2) - _median(small).mean(axis=2)
    strong = max(20.0, 0.5 * float(np.percentile(np.abs(step), 99.5)))
    return int((step > strong).sum()) > 1.5 * int((step < -strong).sum())


def _even(photo: Picture) -> Levels:
    """Return the photo divided by its paper, `float32 [H,W,3]`; paper is 1."""
    small = _small(photo)
    paper = _median(small)
    colour = small.astype(np.float32)
    for _ in range(2):
        off = np.abs(colour - paper).max(axis=2)
        edge = max(12.0, 4 * 1.4826 * float(np.median(off)))
        ink = cv2.dilate((off > edge).astype(np.uint8), np.ones((3, 3), np.uint8))
        bare = np.asarray(1 - ink, np.float32)
        sigma = max(small.shape) / 40
        weight = cv2.GaussianBlur(bare, (0, 0), sigma)[..., np.newaxis]
        smooth = cv2.GaussianBlur(colour * bare[..., np.newaxis], (0, 0), sigma)
        trust = np.clip(weight * 4, 0, 1)  # where all is ink, the median has to do
        paper = trust * smooth / np.maximum(weight, 1e-3) + (1 - trust) * paper
    size = (photo.shape[1], photo.shape[0])
    light = cv2.resize(paper, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(photo / np.maximum(light, 8), 0, 1), np.float32)


def _distance(even: Levels) -> Levels:
    """Return the distance from the paper in CIELAB (ΔE of 1976), `float32 [H,W]`."""
    lab = cv2.cvtColor(cv2.GaussianBlur(even, (0, 0), 0.7), cv2.COLOR_RGB2LAB)
    # Cameras keep colour at half the resolution, and most of the noise is in it.
    colour = cv2.GaussianBlur(lab[..., 1:], (0, 0), 1.5)
    square = (100 - lab[..., 0]) ** 2 + (colour**2).sum(axis=2)
    return np.asarray(np.sqrt(square), np.float32)


def _threshold(level: Levels) -> float:
    """Return the level above which a pixel is no paper: six deviations above the median."""
    middle = float(np.median(level))
    return max(_LEAST, middle + 6 * 1.4826 * float(np.median(np.abs(level - middle))))


def _tilt_deg(mask: npt.NDArray[np.bool_]) -> float:
    """Return the tilt of the rows of a page: the angle at which their profile is sharpest.

    The angle at which the sums over rows differ most from one to the next (Postl 1986); 0 unless
    it is clearly better than none, for a few digits make no row.
    """
    scale = min(1.0, 700 / max(mask.shape))
    small = shrunk(mask.astype(np.float32), scale)
    if small.sum() < 20:
        return 0.0
    rows, columns = np.nonzero(small > 0.2)
    weights = small[rows, columns]

    def sharpness(angle_deg: float) -> float:
        slope = np.tan(np.radians(angle_deg))
        place = rows + slope * (columns - small.shape[1] / 2)
        profile = np.bincount(np.rint(place + small.shape[1]).astype(np.int64), weights=weights)
        return float((np.diff(profile) ** 2).sum())

    coarse = np.arange(-MAX_TILT_DEG, MAX_TILT_DEG + 0.01, 0.25)
    best = max(coarse, key=sharpness)
    best = max(best + np.arange(-0.25, 0.26, 0.05), key=sharpness)
    return float(best) if sharpness(best) > 1.25 * sharpness(0.0) else 0.0


def _without_lines(level: Levels, threshold: float) -> tuple[Levels, Mask]:
    """Return the level without ruled lines, and the mask of these lines."""
    across = _lines(level, threshold)
    down = np.ascontiguousarray(_lines(np.ascontiguousarray(level.T), threshold).T)
    lines = across | down
    if not lines.any():
        return level, lines
    thick = _thick(level)
    clean = level.copy()
    for mask, tall in ((across, (thick, 1)), (down, (1, thick))):
        # A stroke that crosses the line is high where the line is thin: it outlives the opening.
        opened = cv2.morphologyEx(level, cv2.MORPH_OPEN, np.ones(tall, np.uint8))
        clean = np.where(mask > 0, np.minimum(clean, opened), clean)
    others = level[(level > threshold) & (lines == 0)]
    dark = float(np.percentile(others, 75)) if others.size else 0.0
    ridge = (lines > 0) & (level > threshold) & (level >= cv2.dilate(level, np.ones((5, 5))))
    pale = float(np.median(level[ridge])) if ridge.any() else threshold
    if dark > 1.4 * pale:  # then what is clearly darker than the line is ink, however it runs
        clean = np.where(level > 1.3 * pale, level, clean)
    for mask, tall in ((across, (7, 1)), (down, (1, 7))):
        closed = cv2.morphologyEx(clean, cv2.MORPH_CLOSE, np.ones(tall, np.uint8))
        clean = np.where(mask > 0, np.maximum(clean, closed), clean)
    return clean.astype(np.float32), lines


def _thick(level: Levels) -> int:
    """Return a thickness that no line has, in px."""
    return _odd(max(level.shape) / 100)


def _lines(level: Levels, threshold: float) -> Mask:
    """Return the mask of long thin horizontal lines, `uint8 [H,W]`."""
    width = level.shape[1]
    # A line is thin: what a tall opening leaves is not one.
    tall = np.ones((_thick(level), 1), np.uint8)
    thin = level - cv2.morphologyEx(level, cv2.MORPH_OPEN, tall)
    mask = (thin > 0.7 * threshold).astype(np.uint8)
    whole = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 9), np.uint8))
    long = max(25, width // 20)
    runs = cv2.morphologyEx(whole, cv2.MORPH_OPEN, np.ones((1, long), np.uint8))
    linked = cv2.morphologyEx(runs, cv2.MORPH_CLOSE, np.ones((3, max(3, width // 8)), np.uint8))
    n_parts, parts, stats, _ = cv2.connectedComponentsWithStats(linked, connectivity=8)
    is_line = np.zeros(n_parts, bool)
    is_line[1:] = stats[1:, cv2.CC_STAT_WIDTH] > 0.35 * width
    lines = (is_line[parts] & (linked > 0)).astype(np.uint8)
    return np.asarray(cv2.dilate(lines, np.ones((3, 1), np.uint8)), np.uint8)
