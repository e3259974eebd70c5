"""What is laid over the image of a digit: clouds, a dotted line, a zigzag.

As in MNIST-C (Mu & Gilmer 2019); see `misread.images.mnist_c`.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Streams = Sequence[np.random.Generator]

SIZE_PX = 28
ROWS = 27  # in which a line may begin or end: the last one is left out, as in MNIST-C
_CLOUDS_PX = 256  # the map of which fog takes a corner


def clouds(streams: Streams, decay: float) -> npt.NDArray[np.float32]:
    """Return clouds `float32 [N,256,256]` from 0 to 1: diamonds and squares, wrapped around.

    At each halving of the grid a new point is the mean of four neighbours and a uniform deviation,
    whose range falls by the square of `decay`: the diamond-square algorithm of Fournier, Fussell &
    Carpenter (1982).
    """
    grid = np.zeros((len(streams), 1, 1), np.float32)
    reach = 100.0
    while (side := grid.shape[1]) < _CLOUDS_PX:
        chance = np.stack([rng.random((3, side, side), np.float32) for rng in streams], axis=1)
        chance -= np.float32(0.5)
        chance *= np.float32(2 * reach**2)
        below = grid + np.roll(grid, -1, axis=1)
        right = grid + np.roll(grid, -1, axis=2)
        quarter = np.float32(0.25)
        centre = (below + np.roll(below, -1, axis=2)) * quarter + chance[0]
        finer = np.empty((len(streams), 2 * side, 2 * side), np.float32)
        finer[:, ::2, ::2] = grid
        finer[:, 1::2, 1::2] = centre
        finer[:, ::2, 1::2] = (centre + np.roll(centre, 1, axis=1) + right) * quarter + chance[1]
        finer[:, 1::2, ::2] = (centre + np.roll(centre, 1, axis=2) + below) * quarter + chance[2]
        grid, reach = finer, reach / decay
    grid -= grid.min(axis=(1, 2), keepdims=True)
    grid /= grid.max(axis=(1, 2), keepdims=True)
    return grid


def _line(left: float, top: float, right: float, bottom: float) -> Floats:
    """Return a soft line of 2.3 px on either side in `float64 [28,28]`, cut off at its ends."""
    columns, rows = np.arange(SIZE_PX), np.arange(SIZE_PX)[:, np.newaxis]
    slope = (bottom - top) / (right - left)
    away = np.clip(np.abs(rows - (slope * (columns - left) + top)), 0, 2.3 - 1e-10)
    line: Floats = np.clip(np.log(1 - away / 2.3) + 1, 0, 1)
    line[:, : math.floor(left)] = 0
    line[:, math.ceil(right) :] = 0
    return line


@lru_cache(maxsize=ROWS**2)
def dotted(first: int, last: int) -> Floats:
    """Return a dotted line from row `first` on the left to row `last` on the right."""
    line = _line(0, first, SIZE_PX - 1, last)
    line[:, np.arange(SIZE_PX) % 4 < 2] = 0
    return line


@lru_cache(maxsize=ROWS * 10)
def zigzag(row: int, rise: int) -> Floats:
    """Return a zigzag from column 2 to 25 that begins at `row` and rises by `rise` px."""
    left, right, step = 2, 25, 2.0
    angle = math.atan(rise / (right - left))
    length = (right - left) / math.cos(angle)
    corners = [(0.0, 0.0)]
    corners += [
        ((2 * n + 1) * step, (-1) ** n * step)
        for n in range(int((length - step) // (2 * step)) + 1)
    ]
    reached = 2 * step * (length // (2 * step))
    if length != reached:
        corners.append((length, corners[-1][1] / (2 * (length - reached))))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = (np.array(corners) @ turn.T + [left, row]).tolist()
    pieces = [_line(*one, *other) for one, other in pairwise(points)]
    line: Floats = np.clip(np.sum(pieces, axis=0), 0, 1)
    return line
