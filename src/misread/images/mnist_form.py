"""MNIST's convention: any grey digit in a box of 20×20, its centre of mass in the middle of 28×28.

As LeCun, Cortes & Burges describe their set: the digit's bounding box is brought to 20 pixels on
its longer side, the aspect ratio kept, with grey levels from anti-aliasing; then the box is moved
by whole pixels so that its centre of mass lies at pixel (14, 14) of 28×28. Ink is bright on black.
"""

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.images import Images
from misread.images.resample import resized

SIZE_PX = 28
BOX_PX = 20
CENTRE_PX = 14  # of mass in MNIST: 13.5 to 14.5, measured on all 70,000 images
_INK = 1 / 8  # of the brightest pixel; fainter ones, as JPEG leaves them, do not stretch the box


def to_convention(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Bring one digit `uint8 [H,W]`, ink bright on black, to MNIST's convention, `uint8 [28,28]`.

    Its brightest ink is 255 before it is resized; without ink it is black. DataError if it is no
    grey image of bytes.

    >>> placed = to_convention(np.full((9, 3), 90, np.uint8))
    >>> rows, columns = np.nonzero(placed)
    >>> rows.min(), rows.max(), columns.min(), columns.max(), placed.max()
    (np.int64(4), np.int64(23), np.int64(11), np.int64(17), np.uint8(255))
    """
    if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
        msg = (
            f"an image is {image.dtype} of shape {list(image.shape)}, but only uint8 [H,W] can be "
            "brought to MNIST's convention; convert it first."
        )
        raise DataError(msg)
    placed = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    brightest = int(image.max())
    if not brightest:
        return placed
    rows, columns = (_extent(image.max(axis=axis), brightest) for axis in (1, 0))
    box = image[rows, columns]
    box = np.rint(box * (255 / brightest)).astype(np.uint8)
    scale = BOX_PX / max(box.shape)
    height, width = (max(1, round(side * scale)) for side in box.shape)
    if scale != 1:
        box = resized(box, height, width)
    top, left = _corner(box.sum(axis=1)), _corner(box.sum(axis=0))
    placed[top : top + height, left : left + width] = box
    return placed


def all_to_convention(images: Images) -> Images:
    """Bring digits `[N,H,W]`, or the mean of the channels of `[N,H,W,C]`, to MNIST's convention.

    Each by itself, `uint8 [N,28,28]`.
    """
    if images.ndim == 4:
        images = np.rint(images.mean(axis=-1)).astype(np.uint8)
    placed = [to_convention(image) for image in images]
    return np.array(placed, np.uint8).reshape(-1, SIZE_PX, SIZE_PX)


def ink_bright(images: Images) -> Images:
    """Return images `uint8 [N,H,W]` or `[N,H,W,C]` with bright ink, inverted where it was dark.

    Ink is dark where most of the outermost pixels of all images together are bright: a data set has
    one kind of paper, and the edge of a picture is paper.
    """
    edge = np.concatenate(
        [side.ravel() for side in (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])]
    )
    return 255 - images if edge.size and np.median(edge) > 127 else images


def _extent(brightest_L: npt.NDArray[np.uint8], brightest: int) -> slice:
    """Return which lines hold ink, with one line of its soft edge on either side if there is one.

    Without that line a fifth of MNIST's own images would not come back as they are.
    """
    lines = np.flatnonzero(brightest_L > brightest * _INK)
    first, last = int(lines[0]), int(lines[-1])
    first -= bool(first and brightest_L[first - 1])
    last += bool(last + 1 < len(brightest_L) and brightest_L[last + 1])
    return slice(first, last + 1)


def _corner(ink: npt.NDArray[np.uint64]) -> int:
    """Return the first line of a box on one axis, from its mass along it; the box stays inside."""
    centre = float((ink * np.arange(len(ink))).sum() / ink.sum())
    return min(max(round(CENTRE_PX - centre), 0), SIZE_PX - len(ink))
