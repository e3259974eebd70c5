"""Augmentation of a recipe: every image is moved and bent a little, afresh in each epoch.

It belongs to the recipe, so that every arm of a study has the same; what an arm does to some
classes is its policy. Draws come from a stream of their own ("distort"), so that two arms with the
same seed distort every image in the same way.

References
----------
Simard, Steinkraus & Platt (2003), Best practices for convolutional neural networks applied to
visual document analysis, *ICDAR*: affine and elastic distortions of MNIST.
"""

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from misread.errors import needs_extra
from misread.files import Frozen
from misread.images import Images
from misread.seeds import derive

Floats32 = npt.NDArray[np.float32]

_CHUNK = 2000  # images at once: bounds the memory of the displacement fields


class Augment(Frozen):
    """Distortions of images by at most so much; each draw is uniform and independent per image.

    Parameters
    ----------
    shift_px
        Largest shift along each axis, in whole px, each as likely: a fraction would blur.
    rotate_deg
        Largest rotation about the centre, either way, in degrees.
    scale
        Largest change of size, as a share: 0.1 draws factors of 0.9 to 1.1, per axis.
    shear
        Largest horizontal shear, as px per px of height.
    elastic_px
        Standard deviation of the elastic displacement along each axis, in px.
    elastic_smooth_px
        Standard deviation of the Gaussian that smooths it, in px.
    """

    shift_px: int = Field(default=0, ge=0, le=10)
    rotate_deg: float = Field(default=0, ge=0, le=180)
    scale: float = Field(default=0, ge=0, lt=1)
    shear: float = Field(default=0, ge=0, le=1)
    elastic_px: float = Field(default=0, ge=0, le=10)
    elastic_smooth_px: Annotated[float, Field(gt=0, le=20)] = 4.0

    def apply(self, images: Images, seed: int, epoch: int) -> Images:
        """Return the images as an epoch, from 0, of a run with this seed sees them.

        They are `uint8 [N,H,W]` or `[N,H,W,C]`; outside of them is black.
        """
        rng = derive(seed, "distort", epoch)
        if self == Augment(shift_px=self.shift_px):
            return _shifted(images, self._shifts(rng, len(images)))
        with needs_extra():
            import cv2  # noqa: PLC0415
        distorted = np.empty_like(images)
        for start in range(0, len(images), _CHUNK):
            chunk = images[start : start + _CHUNK]
            maps_N2HW = self._maps(rng, len(chunk), chunk.shape[1], chunk.shape[2])
            for image, (xs, ys), out in zip(
                chunk, maps_N2HW, distorted[start : start + _CHUNK], strict=True
            ):
                # OpenCV drops a single channel: the shape is that of the output.
                out[...] = cv2.remap(image, xs, ys, cv2.INTER_LINEAR).reshape(out.shape)
        return distorted

    def _shifts(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
        """Return the shift of each image to the right and down, `int64 [N,2]` in px."""
        return rng.integers(-self.shift_px, self.shift_px, (n, 2), endpoint=True)

    def _maps(self, rng: np.random.Generator, n: int, height: int, width: int) -> Floats32:
        """Return from where each pixel of each image is taken: x and y, `float32 [N,2,H,W]`."""
        shift_N2 = self._shifts(rng, n)
        angle_N = np.deg2rad(rng.uniform(-1, 1, n) * self.rotate_deg)
        scale_N2 = 1 + rng.uniform(-1, 1, (n, 2)) * self.scale
        shear_N = rng.uniform(-1, 1, n) * self.shear
        cos_N, sin_N = np.cos(angle_N), np.sin(angle_N)
        # Back from the new image to the old one: rotation, then shear, then size.
        rows_N22 = np.empty((n, 2, 2))
        rows_N22[:, 0, 0], rows_N22[:, 0, 1] = cos_N + shear_N * sin_N, -sin_N + shear_N * cos_N
        rows_N22[:, 1, 0], rows_N22[:, 1, 1] = sin_N, cos_N
        rows_N22 /= scale_N2[:, :, np.newaxis]
        centre_2 = np.array([(width - 1) / 2, (height - 1) / 2])
        grid_2HW = np.stack(
            np.meshgrid(np.arange(width) - centre_2[0], np.arange(height) - centre_2[1])
        )
        places_N2HW = np.einsum("nij,jhw->nihw", rows_N22, grid_2HW, optimize=True)
        places_N2HW += (centre_2 - shift_N2)[:, :, np.newaxis, np.newaxis]
        maps_N2HW: Floats32 = places_N2HW.astype(np.float32)
        if self.elastic_px:
            noise = rng.random((n, 2, height, width), dtype=np.float32) - np.float32(0.5)
            down, across = (_smoothing(size, self.elastic_smooth_px) for size in (height, width))
            field = down @ noise @ across.T
            maps_N2HW += field * np.float32(self.elastic_px * np.sqrt(12))
        return maps_N2HW


def _shifted(images: Images, shift_N2: npt.NDArray[np.int64]) -> Images:
    """Return the images moved by whole px; pictures of one shift are copied at once."""
    most = int(np.abs(shift_N2).max(initial=0))
    height, width = images.shape[1:3]
    margins = [(0, 0), (most, most), (most, most), (0, 0)][: images.ndim]
    padded, moved = np.pad(images, margins), np.empty_like(images)
    for right, down in np.unique(shift_N2, axis=0).tolist():
        hit_N = (shift_N2 == (right, down)).all(axis=1)
        rows, columns = slice(most - down, most - down + height), slice(most - right, None)
        moved[hit_N] = padded[hit_N, rows, columns][:, :, :width]
    return moved


def _smoothing(size: int, sd_px: float) -> Floats32:
    """Return the Gaussian smoothing of `size` independent values, which keeps their variance."""
    places = np.arange(size)
    weights = np.exp(-((places[:, np.newaxis] - places) ** 2) / (2 * sd_px**2))
    smoothing: Floats32 = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    return smoothing.astype(np.float32)
