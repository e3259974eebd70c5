"""Gradients of a margin by the pixels of an image, for Keras models on TensorFlow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from misread.images import Floats


def margin_gradients(model: Any) -> Callable[[Floats, tuple[int, int]], Floats]:
    """Return (pixels in [0, 1], cell) → gradients of the cell's margin, in the pixels' shape.

    The margin is log p(true) − log p(predicted), which is the difference of their logits.
    """

    def gradients(pixels: Floats, cell: tuple[int, int]) -> Floats:
        inputs = pixels if pixels.ndim == 4 else pixels[..., np.newaxis]
        watched = tf.Variable(inputs.astype(np.float32))
        with tf.GradientTape() as tape:
            logs = tf.math.log(tf.maximum(model(watched, training=False), 1e-30))
            lead = tf.reduce_sum(logs[:, cell[0]] - logs[:, cell[1]])
        by_pixel: Floats = tape.gradient(lead, watched).numpy().astype(np.float64)
        return by_pixel.reshape(pixels.shape)

    return gradients
