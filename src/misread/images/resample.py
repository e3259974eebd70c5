"""Images at another size, and sheared along their rows, as OpenCV makes them.

Written on NumPy, so that measures and pictures need no OpenCV and do not depend on the kernels that
it takes on a processor: OpenCV 5 itself gives other bytes with and without its vector instructions.
tests/images/test_resample.py holds both to the same bytes.
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from misread.images import Floats, Images

Floats32 = npt.NDArray[np.float32]

_A = np.float32(-0.75)  # of Keys' cubic kernel, as in OpenCV
_SLIVER = 1e-3  # a share of a pixel that area means leave out


def enlarge(images_NHW: npt.NDArray[np.uint8 | np.float32], height: int, width: int) -> Floats:
    """Return images `float64 [N,height,width]` by cubic interpolation, edges repeated; not cut off.

    Keys (1981), with a = −0.75 and the grid at the pixels' centres. At four times the size all
    weights are sums of powers of two, so that the result is exact and does not depend on the order
    of the sums.
    """
    rows, columns = (
        _cubic_weights(images_NHW.shape[1], height),
        _cubic_weights(images_NHW.shape[2], width),
    )
    large: Floats = rows @ (images_NHW.astype(np.float64) @ columns.T)
    return large


def resized(image: Images, height: int, width: int) -> Images:
    """Return an image `uint8 [height,width]`: area means where it shrinks, else cubic.

    Area means shrink without aliasing; they would enlarge to blocks.
    """
    if height > image.shape[0] or width > image.shape[1]:
        large: Images = np.rint(enlarge(image[np.newaxis], height, width)[0].clip(0, 255))
        return large.astype(np.uint8)
    if image.shape == (2 * height, 2 * width):  # OpenCV rounds halves up there, else to even
        sums = image.reshape(height, 2, width, 2).sum(axis=(1, 3), dtype=np.uint16)
        halved: Images = ((sums + 2) >> 2).astype(np.uint8)
        return halved
    tall, wide = _area_weights(image.shape[0], height), _area_weights(image.shape[1], width)
    lines = np.zeros((image.shape[0], width), np.float32)
    for column, weights_R in zip(image.T.astype(np.float32), wide.T, strict=True):
        lines += column[:, np.newaxis] * weights_R
    small = np.zeros((height, width), np.float32)
    for line, weights_R in zip(lines, tall.T, strict=True):
        small += weights_R[:, np.newaxis] * line
    return np.rint(small).astype(np.uint8)


def sheared(
    images_NHW: npt.NDArray[np.uint8 | np.float32], slope: float, shift_px: float, width: int
) -> Floats32:
    """Return images `float32 [N,H,width]`, row y moved by `slope` · y + `shift_px` to the right.

    By linear interpolation, black around.
    """
    height, old_width = images_NHW.shape[1:]
    rows = np.arange(height)[:, np.newaxis]
    moved_H1 = np.float32(-slope) * rows.astype(np.float32) + np.float32(-shift_px)
    at_HW = np.arange(width, dtype=np.float32) + moved_H1
    left_HW = np.floor(at_HW)
    share_HW = at_HW - left_HW
    place_HW = left_HW.astype(np.int64).clip(-2, old_width) + 2  # two black columns on either side
    framed = np.pad(images_NHW.astype(np.float32), ((0, 0), (0, 0), (2, 2)))
    left = framed[:, rows, place_HW]
    right = framed[:, rows, place_HW + 1]
    right -= left
    right *= share_HW
    right += left
    return right


@lru_cache(maxsize=256)
def _cubic_weights(old: int, new: int) -> Floats:
    """Return the weight of each old pixel in each new one, `[new,old]`."""
    at = ((np.arange(new) + 0.5) * (old / new) - 0.5).astype(np.float32)
    first = np.floor(at)
    x = at - first
    one = np.float32(1)
    before = ((_A * (x + one) - 5 * _A) * (x + one) + 8 * _A) * (x + one) - 4 * _A
    left, right = (((_A + 2) * d - (_A + 3)) * d * d + one for d in (x, one - x))
    weights = np.zeros((new, old))
    for step, weights_R in enumerate((before, left, right, one - before - left - right), -1):
        places_R = (first.astype(np.int64) + step).clip(0, old - 1)
        np.add.at(weights, (np.arange(new), places_R), weights_R)
    return weights


@lru_cache(maxsize=256)
def _area_weights(old: int, new: int) -> Floats32:
    """Return the share of each old pixel in each new one, `float32 [new,old]`."""
    scale = old / new
    weights = np.zeros((new, old), np.float32)
    for row, begin in enumerate(scale * np.arange(new)):
        end, cell = begin + scale, min(scale, old - begin)
        last = min(math.floor(end), old - 1)
        first = min(math.ceil(begin), last)
        if first - begin > _SLIVER:
            weights[row, first - 1] = (first - begin) / cell
        weights[row, first:last] = 1 / cell
        if end - last > _SLIVER:
            weights[row, last] = min(end - last, 1.0, cell) / cell
    return weights
