"""Loops of a picture of a character: parts of the ground that ink encloses.

Bright ink on black; a pixel at least half bright is ink. Ground meets along the sides of pixels,
ink at their corners too.
"""

import numpy as np
import numpy.typing as npt
import scipy

from misread.images import Images

INK = 128


def loop_counts(images: Images) -> npt.NDArray[np.int64]:
    """Return how many loops each image `[N,H,W]` or `[N,H,W,C]` has; the brightest channel counts.

    An array `[N]`.
    """
    grey = images.max(axis=-1) if images.ndim == 4 else images
    return np.array([labelled_loops(image)[1] for image in grey], dtype=np.int64)


def labelled_loops(image: Images) -> tuple[npt.NDArray[np.int32], int]:
    """Return the loops of an image `[H,W]` as labels from 1, 0 elsewhere, and their number."""
    ground = np.pad(image < INK, 1, constant_values=True)
    labels, n_parts = scipy.ndimage.label(ground)  # numbered from the top left: 1 is outside
    return np.maximum(labels - 1, 0)[1:-1, 1:-1].astype(np.int32), n_parts - 1
