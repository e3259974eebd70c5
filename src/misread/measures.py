"""What can be measured on a picture of a character: ink and stroke thickness."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from misread.data.dataset import Images

_INK = 128  # a pixel at least half bright is ink


def ink(images: Images) -> npt.NDArray[np.float64]:
    """Return the mean brightness of each image, `[N]` in [0, 1], of `uint8 [N,H,W]`."""
    mean_N: npt.NDArray[np.float64] = images.reshape(len(images), -1).mean(axis=1) / 255
    return mean_N


def stroke_thickness_px(images: Images) -> npt.NDArray[np.float64]:
    """Return the mean stroke thickness of each image, in px.

    Twice the mean distance to the background along the skeleton (Zhang & Suen 1984), less half a
    pixel on either side, as in Morpho-MNIST (Castro et al. 2019); measured at four times the size,
    where strokes of one and two pixels can be told apart. 0 for an image without ink.

    Parameters
    ----------
    images
        `uint8 [N,H,W]`, or `[N,H,W,C]`, of which the brightest channel counts; bright ink on
        black.

    Returns
    -------
    numpy.ndarray
        `float64 [N]`.
    """
    from skimage import morphology  # noqa: PLC0415  takes a quarter of a second, for this alone

    skeletonize: Callable[..., npt.NDArray[np.bool_]] = morphology.skeletonize  # it has no types
    scale = 4
    thickness_N = np.zeros(len(images))
    for number, pixels in enumerate(images):
        image = pixels.max(axis=-1) if pixels.ndim == 3 else pixels
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        mask = large >= _INK
        if not mask.any():
            continue
        padded = np.pad(mask, 1)
        distance = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, 5)
        thickness_N[number] = (2 * distance[skeletonize(padded)].mean() - 1) / scale
    return thickness_N
