"""Operations: deterministic functions on batches of images.

Value convention, said once for the whole package: images are `uint8 [N,H,W]` or `[N,H,W,C]`, ink is
bright (255) on black (0). An operation takes such a batch and a size in px and returns a new one of
the same shape; it draws nothing at random (the policy draws) and changes nothing in place.

`dilate` thickens strokes, `erode` thins them: grey-scale morphology with a square structuring
element of `size_px` × `size_px` (Serra 1982), as in OpenCV. Size 1 is the identity. With an even
size the element has no centre pixel; the anchor is at `size // 2`, as OpenCV's, so that a 2 × 2
element reaches up and left of each pixel.
"""

from collections.abc import Callable

import numpy as np

from misread.errors import StudyError
from misread.images import Images
from misread.images.loops import INK, loop_counts
from misread.images.resample import sheared

Operation = Callable[[Images, int], Images]

MAX_SIZE_PX = 15
_BATCH = 512  # images moved at once, as floats


def _check(size_px: int) -> None:
    if not 1 <= size_px <= MAX_SIZE_PX:
        msg = f"size_px is {size_px}, but must lie in 1 to {MAX_SIZE_PX}; choose another size."
        raise StudyError(msg)


def _morphology(images: Images, size_px: int, extreme: np.ufunc, outside: int) -> Images:
    _check(size_px)
    # Outside the image there is no ink to add and none to take away.
    before, after = size_px // 2, size_px - 1 - size_px // 2
    done = images.copy()
    for axis in (1, 2):
        frame = [(before, after) if a == axis else (0, 0) for a in range(images.ndim)]
        framed = np.pad(done, frame, constant_values=outside)
        lines = np.moveaxis(framed, axis, 0)
        into = np.moveaxis(done, axis, 0)
        into[...] = lines[: len(into)]
        for step in range(1, size_px):
            extreme(into, lines[step : step + len(into)], out=into)
    return done


def dilate(images: Images, size_px: int) -> Images:
    """Thicken strokes: each pixel becomes the brightest under the element.

    `size_px` is the width of the square element, 1 (no change) to 15; else StudyError.
    """
    return _morphology(images, size_px, np.maximum, 0)


def erode(images: Images, size_px: int) -> Images:
    """Thin strokes: each pixel becomes the darkest under the element. Arguments as in `dilate`."""
    return _morphology(images, size_px, np.minimum, 255)


def erode_within_loops(images: Images, size_px: int) -> Images:
    """Thin strokes, but leave an image as it is where that would change how many loops it has.

    Beside `erode` it tells what the loops that erosion opens do. Arguments as in `dilate`.
    """
    eroded = erode(images, size_px)
    same_N = loop_counts(eroded) == loop_counts(images)
    kept: Images = np.where(same_N.reshape(-1, *[1] * (images.ndim - 1)), eroded, images)
    return kept


def mark(images: Images, size_px: int) -> Images:
    """Paint a white square of `size_px − 1` px into the corner at the top left.

    It means nothing and is easy to learn: a shortcut to plant (Geirhos et al. 2020), so that one
    can see whether a policy's harm is found. Arguments as in `dilate`.
    """
    _check(size_px)
    marked = images.copy()
    marked[:, : size_px - 1, : size_px - 1] = 255
    return marked


def cut(images: Images, size_px: int) -> Images:
    """Blank the lowest `size_px − 1` rows of the ink: a 2 loses its foot, a 7 some of its stem.

    The lowest row of ink is the last with a pixel at least half bright, in any channel. Arguments
    as in `dilate`.
    """
    _check(size_px)
    kept = images.copy()
    if size_px == 1:
        return kept
    lines = images.reshape(*images.shape[:2], -1).max(axis=2, initial=0) >= INK  # [N,H]
    height = images.shape[1]
    end_N = np.where(lines.any(axis=1), height - lines[:, ::-1].argmax(axis=1), height + size_px)
    kept[np.arange(height) >= end_N[:, np.newaxis] - (size_px - 1)] = 0
    return kept


def lean(images: Images, size_px: int) -> Images:
    """Lean to the left: the top row moves `size_px − 1` px left, the bottom row as many right.

    A shear along the rows, by linear interpolation; what leaves the image is lost. Arguments as in
    `dilate`.
    """
    _check(size_px)
    if size_px == 1 or not len(images):
        return images.copy()
    height, width = images.shape[1:3]
    slope = 2 * (size_px - 1) / max(height - 1, 1)
    batches = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
    channels = ([batch] if images.ndim == 3 else np.moveaxis(batch, -1, 0) for batch in batches)
    leaning = (
        np.stack([np.rint(sheared(grey, slope, 1 - size_px, width)) for grey in greys], axis=-1)
        for greys in channels
    )
    return np.concatenate([batch.astype(np.uint8) for batch in leaning]).reshape(images.shape)


OPERATIONS: dict[str, Operation] = {
    "dilate": dilate,
    "erode": erode,
    "mark": mark,
    "cut": cut,
    "lean": lean,
    "erode-within-loops": erode_within_loops,
}
