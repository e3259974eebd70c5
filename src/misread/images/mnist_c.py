"""The fifteen corruptions of MNIST-C: noise, blur, weather, and lines across a digit.

Source: Mu & Gilmer (2019), MNIST-C: A Robustness Benchmark for Computer Vision, and the code that
made it (google-research/mnist-c, Apache-2.0), of which these are the parameters; fog, spatter,
glass and motion blur come there from Hendrycks & Dietterich (2019), Benchmarking Neural Network
Robustness to Common Corruptions and Perturbations. What follows is written anew, on scikit-image
and OpenCV; docs/corruptions.md says where it differs.

A corruption takes images `float64 [N,28,28]` in [0, 1], 1 is ink, with a random stream for each, so
that an image looks the same whatever stands beside it. No label is ever seen.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from misread.images import Floats

Streams = Sequence[np.random.Generator]

SIZE_PX = 28
_ROWS = 27  # in which a line may begin or end: the last one is left out, as in MNIST-C
_CLOUDS_PX = 256  # the map of which fog takes a corner
_CENTRE_PX = (SIZE_PX - 1) / 2


class Corruption(NamedTuple):
    """A way of corrupting images.

    `apply` takes images `float64 [N,28,28]`, a random stream for each and the parameter, and
    returns images of the same shape; what lies outside of [0, 1] is cut off.
    """

    what: str  # a description for people
    apply: Callable[[Floats, Streams, Any], Floats]
    parameters: tuple[Any, ...] = (None,)  # one for each severity, from 1
    severity: int = 1  # the one that MNIST-C uses


def _shot_noise(images: Floats, streams: Streams, photons: int) -> Floats:
    pairs = zip(images, streams, strict=True)
    return np.stack([rng.poisson(image * photons) for image, rng in pairs]) / photons


def _impulse_noise(images: Floats, streams: Streams, share: float) -> Floats:
    chance = np.stack([rng.random((2, SIZE_PX, SIZE_PX)) for rng in streams])
    salt = (chance[:, 1] < 0.5).astype(np.float64)
    return np.where(chance[:, 0] < share, salt, images)


def _glass_blur(images: Floats, streams: Streams, parameter: tuple[float, int, int]) -> Floats:
    sigma, reach, times = parameter
    lines = np.arange(SIZE_PX - reach, reach, -1)
    shape = (times, lines.size, lines.size)
    swaps = np.stack([rng.random(shape) < 0.5 for rng in streams], axis=-1)
    steps = np.stack([rng.integers(-reach, reach, (2, *shape)) for rng in streams], axis=-1)
    # Pixel by pixel, since each step moves what the last one left; all images at once.
    pixels = np.floor(_gaussian(images, sigma) * 255).reshape(len(images), -1).T.copy()
    numbers = np.arange(len(images))
    for time, i, j in np.ndindex(shape):
        n = numbers[swaps[time, i, j]]
        across, down = steps[:, time, i, j, n]
        one = lines[i] * SIZE_PX + lines[j]
        other = one + down * SIZE_PX + across
        pixels[one, n], pixels[other, n] = pixels[other, n], pixels[one, n]
    return _gaussian(pixels.T.reshape(images.shape) / 255, sigma)


def _motion_blur(images: Floats, streams: Streams, parameter: tuple[int, float]) -> Floats:
    import cv2  # noqa: PLC0415  of the extra `train`, for this alone

    radius, sigma = parameter
    along = np.arange(2 * radius + 1)
    weights = np.exp(-(along**2) / (2 * sigma**2))
    weights /= weights.sum()
    blurred = np.empty_like(images)
    for number, (image, rng) in enumerate(zip(images, streams, strict=True)):
        angle = math.radians(rng.uniform(-45, 45))
        across = np.ceil(along * math.cos(angle) - 0.5).astype(np.int64)
        down = np.ceil(along * math.sin(angle) - 0.5).astype(np.int64)
        kernel = np.zeros((np.ptp(down) + 1, across[-1] + 1))
        np.add.at(kernel, (down - down.min(), across), weights)
        anchor = (0, int(-down.min()))
        blurred[number] = cv2.filter2D(
            image, -1, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE
        )
    return blurred


def _shear(images: Floats, streams: Streams, angle: float) -> Floats:
    # As scikit-image defined a shear in 2019; it has since become another matrix.
    signs = _signs(streams, 1)
    return _warped(images, signs, lambda s: [[1, -math.sin(s * angle)], [0, math.cos(s * angle)]])


def _scale(images: Floats, streams: Streams, factor: float) -> Floats:
    nothing = np.zeros((len(streams), 1), np.int64)
    return _warped(images, nothing, lambda _: [[1 / factor, 0], [0, 1 / factor]])


def _rotate(images: Floats, streams: Streams, angle: float) -> Floats:
    def matrix(sign: int) -> list[list[float]]:
        cos, sin = math.cos(sign * angle), math.sin(sign * angle)
        return [[cos, -sin], [sin, cos]]

    return _warped(images, _signs(streams, 1), matrix)


def _translate(images: Floats, streams: Streams, shift_px: int) -> Floats:
    moved = np.zeros_like(images)
    inner = slice(shift_px, None), slice(None, -shift_px)
    for number, (right, down) in enumerate(_signs(streams, 2)):
        rows, columns = (inner[::sign] for sign in (down, right))
        moved[number][rows[0], columns[0]] = images[number][rows[1], columns[1]]
    return moved


def _brightness(images: Floats, _streams: Streams, more: float) -> Floats:
    return images + more  # in grey, MNIST-C's way through HSV comes to this


def _stripe(images: Floats, _streams: Streams, _nothing: None) -> Floats:
    striped = images.copy()
    for columns in (slice(7), slice(21, None)):
        striped[:, :, columns] = 1 - striped[:, :, columns]
    return striped


def _fog(images: Floats, streams: Streams, parameter: tuple[float, float]) -> Floats:
    strength, decay = parameter
    brightest = images.max(axis=(1, 2), keepdims=True)
    batches = (streams[start : start + 50] for start in range(0, len(streams), 50))  # 13 MB each
    corners = np.concatenate([clouds(batch, decay)[:, :SIZE_PX, :SIZE_PX] for batch in batches])
    clouded: Floats = (images + strength * corners) * brightest / (brightest + strength)
    return clouded


def _spatter(
    images: Floats, streams: Streams, parameter: tuple[float, float, float, float, float]
) -> Floats:
    mean, spread, sigma, least, edge = parameter
    liquid = _gaussian(
        np.stack([rng.normal(mean, spread, (SIZE_PX, SIZE_PX)) for rng in streams]), sigma
    )
    mud = _gaussian((liquid > least).astype(np.float64), edge)
    mud[mud < 0.8] = 0
    return images * (1 - mud) + mud * 63 / 255


def _dotted_line(images: Floats, streams: Streams, _nothing: None) -> Floats:
    ends = [tuple(rng.integers(0, _ROWS, 2).tolist()) for rng in streams]
    return images + np.stack([dotted_line(first, last) for first, last in ends])


def _zigzag(images: Floats, streams: Streams, _nothing: None) -> Floats:
    starts = [(int(rng.integers(0, _ROWS)), int(rng.integers(-5, 5))) for rng in streams]
    return images + np.stack([zigzag_line(row, rise) for row, rise in starts])


def _canny_edges(images: Floats, _streams: Streams, _nothing: None) -> Floats:
    from skimage import feature  # noqa: PLC0415  takes a while to load, for these alone

    canny: Callable[..., npt.NDArray[np.bool_]] = feature.canny  # it has no types
    return np.stack([canny(image) for image in images]).astype(np.float64)


def _signs(streams: Streams, n_signs: int) -> npt.NDArray[np.int64]:
    """Return −1 or 1, `int64 [N,n_signs]`."""
    return np.stack([2 * rng.integers(0, 2, n_signs) - 1 for rng in streams])


def _warped(
    images: Floats, signs: npt.NDArray[np.int64], matrix: Callable[[int], list[list[float]]]
) -> Floats:
    """Return images seen through a matrix from new to old (x, y), the centre kept, black around."""
    from skimage import transform  # noqa: PLC0415  takes a while to load, for these alone

    affine: Callable[..., Any] = transform.AffineTransform  # they have no types
    warp: Callable[..., Floats] = transform.warp
    warped = np.empty_like(images)
    for sign in np.unique(signs).tolist():
        signed = signs[:, 0] == sign
        linear = np.array(matrix(sign))
        whole = np.eye(3)
        whole[:2, :2] = linear
        whole[:2, 2] = _CENTRE_PX * (1 - linear.sum(axis=1))
        # Images are the channels of one.
        moved = warp(np.moveaxis(images[signed], 0, -1), affine(matrix=whole))
        warped[signed] = np.moveaxis(moved, -1, 0)
    return warped


def _gaussian(images: Floats, sigma: float) -> Floats:
    """Return each image blurred, its edge repeated outwards."""
    blurred: Floats = scipy.ndimage.gaussian_filter(images, (0, sigma, sigma), mode="nearest")
    return blurred


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


def _soft_line(left: float, top: float, right: float, bottom: float) -> Floats:
    """Return a soft line of 2.3 px on either side in `float64 [28,28]`, cut off at its ends."""
    columns, rows = np.arange(SIZE_PX), np.arange(SIZE_PX)[:, np.newaxis]
    slope = (bottom - top) / (right - left)
    away = np.clip(np.abs(rows - (slope * (columns - left) + top)), 0, 2.3 - 1e-10)
    line: Floats = np.clip(np.log(1 - away / 2.3) + 1, 0, 1)
    line[:, : math.floor(left)] = 0
    line[:, math.ceil(right) :] = 0
    return line


@lru_cache(maxsize=_ROWS**2)
def dotted_line(first: int, last: int) -> Floats:
    """Return a dotted line from row `first` on the left to row `last` on the right."""
    line = _soft_line(0, first, SIZE_PX - 1, last)
    line[:, np.arange(SIZE_PX) % 4 < 2] = 0
    return line


@lru_cache(maxsize=_ROWS * 10)
def zigzag_line(row: int, rise: int) -> Floats:
    """Return a zigzag from column 2 to 25 that begins at `row` and rises by `rise` px."""
    left, right, step = 2, 25, 2.0
    angle = math.atan(rise / (right - left))
    length = (right - left) / math.cos(angle)
    corners = [(0.0, 0.0)]
    corners += [
        ((2 * n + 1) * step, (-1) ** n * step)
        for n in range(int((length - step) // (2 * step)) + 1)
    ]
    end = 2 * step * (length // (2 * step))
    if length != end:
        corners.append((length, corners[-1][1] / (2 * (length - end))))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = (np.array(corners) @ turn.T + [left, row]).tolist()
    pieces = [_soft_line(*one, *other) for one, other in pairwise(points)]
    line: Floats = np.clip(np.sum(pieces, axis=0), 0, 1)
    return line


CORRUPTIONS: dict[str, Corruption] = {
    "shot_noise": Corruption(
        "few photons: Poisson noise where there is ink", _shot_noise, (60, 25, 12, 5, 3), 5
    ),
    "impulse_noise": Corruption(
        "salt and pepper", _impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27), 4
    ),
    "glass_blur": Corruption(
        "as through frosted glass: pixels change places",
        _glass_blur,
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        1,
    ),
    "motion_blur": Corruption(
        "smeared to one side, up to 45° from the horizontal",
        _motion_blur,
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        1,
    ),
    "shear": Corruption("slanted to either side", _shear, (0.2, 0.4, 0.6, 0.8, 1.0), 2),
    "scale": Corruption("smaller", _scale, (0.9, 0.8, 0.7, 0.6, 0.5), 3),
    "rotate": Corruption("turned to either side", _rotate, (0.2, 0.4, 0.6, 0.8, 1.0), 2),
    "brightness": Corruption("brighter, the paper too", _brightness, (0.1, 0.2, 0.3, 0.4, 0.5), 5),
    "translate": Corruption("moved towards a corner", _translate, (1, 2, 3, 4, 5), 3),
    "stripe": Corruption("inverted but for the middle", _stripe),
    "fog": Corruption(
        "behind clouds", _fog, ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)), 5
    ),
    "spatter": Corruption(
        "spattered with mud",
        _spatter,
        (
            (0.65, 0.3, 4, 0.69, 0.6),
            (0.65, 0.3, 3, 0.68, 0.6),
            (0.65, 0.3, 2, 0.68, 0.5),
            (0.65, 0.3, 1, 0.65, 1.5),
            (0.67, 0.4, 1, 0.65, 1.5),
        ),
        4,
    ),
    "dotted_line": Corruption("a dotted line across", _dotted_line),
    "zigzag": Corruption("a zigzag across", _zigzag),
    "canny_edges": Corruption("edges alone (Canny)", _canny_edges),
}
