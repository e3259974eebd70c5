"""Skeletons of strokes and the way to their edge, on NumPy, a batch at a time.

The thinning is that of Zhang & Suen (1984) with the neighbourhoods that scikit-image removes, the
distance OpenCV's 5 × 5 chamfer (Borgefors 1986): the same bytes as theirs, held by a test, without
the weight of either.
"""

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.bool_]

_UNITS = 2**16  # of a pixel, as in OpenCV without vector instructions; with them it takes floats
_STEP, _DIAGONAL, _KNIGHT = (np.int32(round(length * _UNITS)) for length in (1, 1.4, 2.1969))
_FAR = np.int32(2**30)
# Clockwise from the top left, as bits of a neighbourhood's code.
_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
# Codes in which scikit-image departs from the paper's conditions -> the passes that remove them.
_DEPARTS = {
    0: (48, 129),
    1: (3, 6, 11, 12, 14, 131, 134, 161, 194, 198),
    2: (24, 26, 56, 96, 104, 108, 176, 192, 224),
    3: (10, 40, 130, 160),
}


def _passes() -> npt.NDArray[np.uint8]:
    """Return for each code the passes that remove its pixel, as bits: 1 the first, 2 the second."""
    codes = np.arange(256)
    ring = [(codes >> bit & 1).astype(np.bool_) for bit in range(8)]
    n_ink = np.sum(ring, axis=0)
    n_edges = np.sum([~ring[k] & ring[(k + 1) % 8] for k in range(8)], axis=0)
    is_edge = (n_edges == 1) & (n_ink >= 2) & (n_ink <= 6)
    _, up, _, right, _, down, _, left = ring
    first = is_edge & ~(up & right & down) & ~(right & down & left)
    second = is_edge & ~(up & right & left) & ~(up & down & left)
    passes: npt.NDArray[np.uint8] = (first + 2 * second).astype(np.uint8)
    for bits, departing in _DEPARTS.items():
        passes[list(departing)] = bits
    return passes


_PASSES = _passes()


def skeletons(masks_NHW: Masks) -> Masks:
    """Return the skeleton of each mask `[N,H,W]`, strokes of one pixel."""
    framed = np.pad(masks_NHW, ((0, 0), (1, 1), (1, 1))).astype(np.uint8)
    flat = framed.reshape(-1)
    steps = [rows * framed.shape[2] + columns for rows, columns in _RING]
    live = np.flatnonzero(flat)
    settled = 0
    while settled < 2:
        for bit in (1, 2):
            code = np.zeros(len(live), np.uint8)
            for place, step in enumerate(steps):
                code |= flat[live + step] << np.uint8(place)
            goes = (_PASSES[code] & bit).astype(np.bool_)
            flat[live[goes]] = 0
            live = live[~goes]
            settled = 0 if goes.any() else settled + 1
    return framed[:, 1:-1, 1:-1].astype(np.bool_)


def depths(masks_NHW: Masks) -> npt.NDArray[np.float32]:
    """Return each pixel's distance in px to the nearest outside its mask, `float32 [N,H,W]`."""
    n_images, height, width = masks_NHW.shape
    away = np.full((height + 4, n_images, width + 4), _FAR, np.int32)
    ramp = _STEP * np.arange(width, dtype=np.int32)
    inside = slice(2, width + 2)
    outside_HNW = ~masks_NHW.transpose(1, 0, 2)
    for rows, step in ((range(2, height + 2), 1), (range(height + 1, 1, -1), -1)):
        for row in rows:
            near, next_ = away[row - step], away[row - 2 * step]
            best = np.minimum(away[row][:, inside], near[:, inside] + _STEP)
            for shift in (-1, 1):
                across = slice(2 + shift, width + 2 + shift)
                twice = slice(2 + 2 * shift, width + 2 + 2 * shift)
                np.minimum(best, near[:, across] + _DIAGONAL, out=best)
                np.minimum(best, next_[:, across] + _KNIGHT, out=best)
                np.minimum(best, near[:, twice] + _KNIGHT, out=best)
            best[outside_HNW[row - 2]] = 0
            along = best[:, ::step]
            along[...] = np.minimum.accumulate(along - ramp, axis=1) + ramp
            away[row][:, inside] = best
    return (away[2:-2, :, inside].transpose(1, 0, 2) / _UNITS).astype(np.float32)
