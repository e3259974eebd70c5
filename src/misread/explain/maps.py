"""Maps of a margin: what in an image speaks for one class against another.

References
----------
Zeiler & Fergus (2014), Visualizing and understanding convolutional networks, *ECCV*: occlusion.
Sundararajan, Taly & Yan (2017), Axiomatic attribution for deep networks, *ICML*: integrated
gradients.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import StudyError
from misread.images import Images

Cell = tuple[int, int]
Floats = npt.NDArray[np.float64]
Reads = Callable[[Images], npt.NDArray[np.float32]]
Gradients = Callable[[Floats, Cell], Floats]  # of the margin, by pixels in [0, 1]

_LEAST = 1e-7  # of a probability under a logarithm
_PATCH_PX, _STEP_PX = 4, 2
_STEPS = 24  # of the path of integrated gradients


class Method(StrEnum):
    """A way to make a map."""

    OCCLUSION = "occlusion"
    GRADIENT = "input-gradient"
    INTEGRATED = "integrated-gradients"


def margin(probs_NK: npt.NDArray[Any], cell: Cell) -> Floats:
    """Return the logit of a cell's true class less that of the other, `[N]`."""
    log_probs = np.log(np.maximum(probs_NK.astype(np.float64), _LEAST))
    lead_N: Floats = log_probs[:, cell[0]] - log_probs[:, cell[1]]
    return lead_N


def occlusion(reads: Reads, images: Images, cell: Cell) -> Floats:
    """Return for each pixel by how much the margin falls where a patch over it is made empty.

    The mean over the patches of 4×4 px, every 2 px, that cover a pixel, `[N,H,W]` for bright ink on
    black; above 0 speaks for the true class.
    """
    n, height, width = images.shape[:3]
    whole_N = margin(reads(images), cell)
    total_NHW, times_HW = np.zeros((n, height, width)), np.zeros((height, width))
    for top in range(0, height - _PATCH_PX + 1, _STEP_PX):
        rows = slice(top, top + _PATCH_PX)
        lefts = range(0, width - _PATCH_PX + 1, _STEP_PX)
        altered = np.stack([images] * len(lefts))
        for empty, left in zip(altered, lefts, strict=True):
            empty[:, rows, left : left + _PATCH_PX] = 0
        lead_PN = margin(reads(np.concatenate(altered)), cell).reshape(len(lefts), n)
        for left, lead_N in zip(lefts, lead_PN, strict=True):
            total_NHW[:, rows, left : left + _PATCH_PX] += (whole_N - lead_N)[:, None, None]
            times_HW[rows, left : left + _PATCH_PX] += 1
    return total_NHW / np.maximum(times_HW, 1)


def input_gradient(gradients: Gradients, images: Images, cell: Cell) -> Floats:
    """Return input × gradient of the margin, `[N,H,W]`; channels are added up."""
    return _by_input(gradients, images, cell, np.ones(1))


def integrated(gradients: Gradients, images: Images, cell: Cell) -> Floats:
    """Return integrated gradients of the margin from an empty image, `[N,H,W]`.

    The sum over an image is about its margin less that of the empty image.
    """
    return _by_input(gradients, images, cell, (np.arange(_STEPS) + 0.5) / _STEPS)


def maps_of(method: Method, reader: Any, images: Images, cell: Cell) -> Floats:
    """Return the maps `[N,H,W]` of a trained model.

    StudyError if the method needs gradients and the model gives none.
    """
    if method == Method.OCCLUSION:
        return occlusion(reader, images, cell)
    gradients = getattr(reader, "gradients", None)
    if gradients is None:
        msg = f"{method} needs gradients, and this model gives none; take {Method.OCCLUSION}."
        raise StudyError(msg)
    make = input_gradient if method == Method.GRADIENT else integrated
    return make(gradients, images, cell)


def _by_input(gradients: Gradients, images: Images, cell: Cell, shares: Floats) -> Floats:
    """Return images times the mean gradient at shares of them; channels are added up."""
    pixels = images.astype(np.float64) / 255
    maps: Floats = pixels * np.mean([gradients(part * pixels, cell) for part in shares], axis=0)
    return maps.sum(axis=3) if maps.ndim == 4 else maps
