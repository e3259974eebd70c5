"""Edits by degrees: the open top of a digit is closed, a loop is opened; or any operation.

Of a loop nothing else is changed: a closing line has the thickness of the digit's strokes, an
opening takes ink away only above the loop.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy

from misread.errors import StudyError
from misread.images import Images
from misread.images.loops import INK, labelled_loops
from misread.images.operations import OPERATIONS
from misread.images.shape import stroke_thickness_px

Edit = Callable[[Images, float], Images | None]

DEGREES = (0.0, 0.25, 0.5, 0.75, 1.0)
LARGEST_PX = 5  # size of an operation at degree 1


def closed(image: Images, degree: float) -> Images | None:
    """Return a picture `uint8 [H,W]` whose open top is closed by a share, from both sides.

    `degree` 0 leaves it as it is, 1 closes it. None where there is no open top: two strokes side by
    side with no ink above the gap.
    """
    gap = _open_top(image)
    if gap is None:
        return None
    row, left, right = gap
    thickness = float(stroke_thickness_px(image[np.newaxis])[0])
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    along = (columns - left) / (right - left)
    within = (along >= 0) & (along <= 1) & (np.minimum(along, 1 - along) <= degree / 2)
    aside = np.abs(rows - row)
    strength = np.clip(thickness / 2 + 0.5 - aside, 0, 1) * 255 * within * (degree > 0)
    bridged: Images = np.maximum(image, strength.astype(np.uint8))
    return bridged


def opened(image: Images, degree: float) -> Images | None:
    """Return a picture whose uppermost loop is opened at the top by a share of its width.

    None where it has no loop; other arguments and results as in `closed`.
    """
    labels, n_holes = labelled_loops(image)
    if not n_holes:
        return None
    tops = scipy.ndimage.find_objects(labels)
    hole = min(range(n_holes), key=lambda number: tops[number][0].start)
    inside = labels == hole + 1
    columns = np.flatnonzero(inside.any(axis=0))
    width = max(1, round(degree * len(columns))) if degree else 0
    middle = (columns[0] + columns[-1] + 1) / 2
    cut = image.copy()
    for column in range(round(middle - width / 2), round(middle - width / 2) + width):
        if columns[0] <= column <= columns[-1]:
            cut[: int(np.flatnonzero(inside[:, column])[0]), column] = 0
    return cut


def edit_of(name: str) -> Edit:
    """Return an edit of loops, or an operation whose size is 1 px at degree 0 and 5 px at 1.

    StudyError if there is none of this name.
    """
    if name in EDITS:
        return EDITS[name]
    if name not in OPERATIONS:
        msg = f"there is no edit {name!r}; choose among {', '.join((*EDITS, *OPERATIONS))}."
        raise StudyError(msg)

    def edit(image: Images, degree: float) -> Images:
        size_px = 1 + round(degree * (LARGEST_PX - 1))
        edited: Images = OPERATIONS[name](image[np.newaxis], size_px)[0]
        return edited

    return edit


def by_degrees(images: Images, edit: Edit) -> tuple[Images, npt.NDArray[np.int64]]:
    """Return images at every degree, `[D,M,H,W]`, and the places of the M that could be edited."""
    edited, places = [np.empty((0, len(DEGREES), *images.shape[1:]), np.uint8)], []
    for place, image in enumerate(images):
        steps = [step for degree in DEGREES if (step := edit(image, degree)) is not None]
        if len(steps) == len(DEGREES):
            edited.append(np.stack(steps)[np.newaxis])
            places.append(place)
    return np.concatenate(edited).swapaxes(0, 1), np.array(places, dtype=np.int64)


def _open_top(image: Images) -> tuple[int, int, int] | None:
    """Return the row of the widest gap without ink above it, and the columns of its two strokes."""
    ink = image >= INK
    best: tuple[int, int, int] | None = None
    for row in np.flatnonzero(ink.any(axis=1)).tolist():
        for left, right in pairwise(np.flatnonzero(ink[row]).tolist()):
            is_free = not ink[:row, left + 1 : right].any()
            if right - left > 2 and is_free and (best is None or right - left > best[2] - best[1]):
                best = (row, left, right)
        if best is not None and row - best[0] > 2:
            break
    return best


EDITS: dict[str, Edit] = {"top closed": closed, "loop opened": opened}
