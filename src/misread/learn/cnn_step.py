"""The CNN's training step written with TensorFlow's kernels: the same arithmetic, less overhead.

Keras spends a quarter of an epoch on what is not the network's arithmetic: an addition that spreads
the bias over every pixel, and its gradient; an Adam of ten small operations for each weight; the
way back to Python. Here the bias and the rectifier come after the pooling (the largest of four
rectified sums is the rectified sum of the largest), Adam is one kernel (Kingma & Ba 2015), and an
epoch is one graph. What comes out differs from Keras by rounding and by the dropout masks. The
graph is traced once in a worker and serves every run, arm and recipe of one image size.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from misread.data.dataset import Labels
from misread.images import Images
from misread.learn.recipe import Recipe, learning_rates
from misread.learn.treatments.aim import Aim
from misread.seeds import derive_int

BETAS = (0.9, 0.999)  # Adam's decay rates and ε, as in Keras
EPSILON = 1e-7


class CnnEngine:
    """Trains one model of `models.cnn` without batch normalisation; an `engine.Engine`."""

    def __init__(self, recipe: Recipe, model: Any, aim: Aim, seed: int) -> None:
        self.model, self._recipe, self._aim = model, recipe, aim
        self._rates = learning_rates(recipe, len(aim.weights_N))
        self._dropout_seed = derive_int(seed, "dropout")
        self._done = 0
        self._step = _step(model.input_shape[1:], model.output_shape[-1], recipe.channels)
        self._step.begin(model.get_weights())

    def epoch(
        self, images: Images, labels_N: Labels, order_N: npt.NDArray[np.int64]
    ) -> tuple[float, float]:
        """Take the steps of the next epoch; see `engine.Engine`."""
        n_images, size = len(order_N), self._recipe.batch_size
        bounds = np.append(np.arange(0, n_images, size), n_images).astype(np.int32)
        rates = self._rates[self._done :][: len(bounds) - 1]
        loss, right = self._step.epoch(
            images if images.ndim == 4 else images[..., np.newaxis],
            labels_N.astype(np.int32),
            order_N.astype(np.int32),
            bounds,
            np.int32(self._done),
            rates,
            np.float32(self._recipe.dropout),
            self._aim.targets(labels_N, self._recipe.label_smoothing),
            self._aim.weights_N,
            self._aim.push_KK,
            np.int32(self._dropout_seed),
        )
        self._done += len(rates)
        self.model.set_weights([weight.numpy() for weight in self._step.weights])
        return float(loss) / n_images, float(right) / n_images


@lru_cache(maxsize=1)
def _step(input_shape: tuple[int, int, int], n_classes: int, widths: tuple[int, ...]) -> "_Step":
    return _Step(input_shape, n_classes, widths)


class _Step:
    """Weights, Adam's moments, and the graph of an epoch, for images of one shape."""

    def __init__(
        self, input_shape: tuple[int, int, int], n_classes: int, widths: tuple[int, ...]
    ) -> None:
        height, width, channels = input_shape
        side = 2 ** len(widths)
        self._flat = (height // side) * (width // side) * widths[-1]
        shapes: list[tuple[int, ...]] = []
        for before, after in pairwise((channels, *widths)):
            shapes += [(3, 3, before, after), (after,)]
        shapes += [(self._flat, 128), (128,), (128, n_classes), (n_classes,)]
        self.weights, self._means, self._squares = (
            [tf.Variable(tf.zeros(shape)) for shape in shapes] for _ in range(3)
        )

    def begin(self, weights: list[npt.NDArray[np.float32]]) -> None:
        """Take these weights; Adam has seen nothing yet."""
        for variable, value in zip(self.weights, weights, strict=True):
            variable.assign(value)
        for moment in (*self._means, *self._squares):
            moment.assign(tf.zeros_like(moment))

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def epoch(
        self,
        images: Any,
        labels: Any,
        order: Any,
        bounds: Any,
        done: Any,
        rates: Any,
        dropout: Any,
        targets: Any,
        weights: Any,
        push: Any,
        seed: Any,
    ) -> Any:
        """Take a step for each batch `order[bounds[i]:bounds[i + 1]]`; everything is a tensor.

        Returns the sum of the losses and the number of images read right.
        """
        loss, right = tf.constant(0.0), tf.constant(0)
        for i in tf.range(tf.shape(rates)[0]):
            ids = order[bounds[i] : bounds[i + 1]]
            x = tf.cast(tf.gather(images, ids), tf.float32) / 255.0
            y = tf.gather(labels, ids)
            aim, weight, pushed = (
                tf.gather(*at) for at in ((targets, ids), (weights, ids), (push, y))
            )
            with tf.GradientTape() as tape:
                logits = self._logits(x, dropout, tf.stack([seed, done + i]))
                losses = tf.nn.softmax_cross_entropy_with_logits(aim, logits + pushed) * weight
                mean = tf.reduce_mean(losses)
            self._adam(tape.gradient(mean, self.weights), rates[i], done + i + 1)
            loss += tf.reduce_sum(losses)
            read = tf.argmax(logits, axis=1, output_type=tf.int32)
            right += tf.reduce_sum(tf.cast(read == y, tf.int32))
        return loss, right

    def _logits(self, x: Any, dropout: Any, seed: Any) -> Any:
        *convolutions, dense, dense_bias, last, last_bias = self.weights
        for kernel, bias in zip(convolutions[::2], convolutions[1::2], strict=True):
            largest = tf.nn.max_pool2d(tf.nn.conv2d(x, kernel, 1, "SAME"), 2, 2, "VALID")
            x = tf.nn.relu(tf.nn.bias_add(largest, bias))
        x = tf.nn.relu(
            tf.nn.bias_add(tf.matmul(tf.reshape(x, [-1, self._flat]), dense), dense_bias)
        )
        x = tf.nn.experimental.stateless_dropout(x, dropout, seed)
        return tf.nn.bias_add(tf.matmul(x, last), last_bias)

    def _adam(self, gradients: list[Any], rate: Any, number: Any) -> None:
        power = tf.cast(number, tf.float32)
        for weight, mean, square, gradient in zip(
            self.weights, self._means, self._squares, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=tf.pow(BETAS[0], power),
                beta2_power=tf.pow(BETAS[1], power),
                lr=rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                epsilon=EPSILON,
                grad=gradient,
            )
