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
        altered, places = [], []
        for left in range(0, width - _PATCH_PX + 1, _STEP_PX):
            place = slice(top, top + _PATCH_PX), slice(left, left + _PATCH_PX)
            empty = images.copy()
            empty[(slice(None), *place)] = 0
            altered.append(empty)
            places.append(place)
        lead_PN = margin(reads(np.concatenate(altered)), cell).reshape(len(places), n)
        for place, lead_N in zip(places, lead_PN, strict=True):
            total_NHW[(slice(None), *place)] += (whole_N - lead_N)[:, np.newaxis, np.newaxis]
            times_HW[place] += 1
    return total_NHW / np.maximum(times_HW, 1)


def input_gradient(gradients: Gradients, images: Images, cell: Cell) -> Floats:
    """Return input × gradient of the margin, `[N,H,W]`; channels are added up."""
    pixels = images.astype(np.float64) / 255
    return _flat(pixels * gradients(pixels, cell))


def integrated(gradients: Gradients, images: Images, cell: Cell) -> Floats:
    """Return integrated gradients of the margin from an empty image, `[N,H,W]`.

    The sum over an image is about its margin less that of the empty image.
    """
    pixels = images.astype(np.float64) / 255
    shares = (np.arange(_STEPS) + 0.5) / _STEPS
    mean = np.mean([gradients(share * pixels, cell) for share in shares], axis=0)
    return _flat(pixels * mean)


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


def _flat(maps: Floats) -> Floats:
    return maps.sum(axis=3) if maps.ndim == 4 else maps
