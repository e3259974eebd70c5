"""Engines, which train a model for one epoch: Keras' own `fit`, or for the CNN a step of ours."""

from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from misread.data.dataset import Labels, to_float
from misread.images import Images
from misread.learn.recipe import Recipe, learning_rates
from misread.learn.treatments.aim import Aim


class Engine(Protocol):
    """Trains `model`, one epoch at a time."""

    model: Any

    def epoch(
        self, images: Images, labels_N: Labels, order_N: npt.NDArray[np.int64]
    ) -> tuple[float, float]:
        """Take the optimiser's steps of the next epoch; return loss and accuracy.

        Both are means over the images, `uint8 [N,H,W]` or `[N,H,W,C]`, as they were met in the
        order of `order_N`: with dropout, before each step.
        """
        ...


def engine_for(recipe: Recipe, model: Any, aim: Aim, seed: int) -> Engine:
    """Return the engine that trains, in place, a model that `models.build` made for a recipe."""
    is_ours = recipe.model == "cnn" and not recipe.batch_norm
    if is_ours and keras.backend.backend() == "tensorflow":
        from misread.learn.cnn_step import CnnEngine  # noqa: PLC0415  it loads TensorFlow

        return CnnEngine(recipe, model, aim, seed)
    return KerasEngine(recipe, model, aim)


class KerasEngine:
    """Keras' own `fit`."""

    def __init__(self, recipe: Recipe, model: Any, aim: Aim) -> None:
        self.model, self._recipe, self._aim = model, recipe, aim
        n_images = len(aim.weights_N)
        plain = _loss(recipe, model.output_shape[-1])
        model.compile(
            optimizer=keras.optimizers.Adam(_schedule(recipe, n_images)),
            loss=plain if aim.is_plain else _aimed,
            metrics=["accuracy" if aim.is_plain else accuracy],
            steps_per_execution=_steps_at_once(recipe, n_images),
        )

    def epoch(
        self, images: Images, labels_N: Labels, order_N: npt.NDArray[np.int64]
    ) -> tuple[float, float]:
        """Take the steps of the next epoch; see `Engine`."""
        aim, more = self._aim, {}
        y = labels_N
        if not aim.is_plain:
            targets_NK = aim.targets(labels_N, self._recipe.label_smoothing)
            y = np.concatenate([targets_NK, aim.push_KK[labels_N]], axis=1)
            more = {"sample_weight": aim.weights_N[order_N]}
        history = self.model.fit(
            to_float(images[order_N]),
            y[order_N],
            batch_size=self._recipe.batch_size,
            shuffle=False,
            verbose=0,
            **more,
        ).history
        return float(history["loss"][0]), float(history["accuracy"][0])


def accuracy(aims: Any, probs: Any) -> Any:
    """Return whether each reading `[B]` is what its `Aim` leans to most."""
    ops, n_classes = keras.ops, probs.shape[-1]
    return ops.equal(ops.argmax(aims[:, :n_classes], axis=-1), ops.argmax(probs, axis=-1))


def _aimed(aims: Any, probs: Any) -> Any:
    """Return the cross-entropy `[B]` of an `Aim`: targets and pushes side by side, `[B,2K]`."""
    ops, n_classes = keras.ops, probs.shape[-1]
    logits = ops.log(ops.maximum(probs, 1e-7)) + aims[:, n_classes:]
    log_probs = logits - ops.logsumexp(logits, axis=-1, keepdims=True)
    return -ops.sum(aims[:, :n_classes] * log_probs, axis=-1)


def _steps_at_once(recipe: Recipe, n_images: int) -> int:
    """Return how many optimiser steps run between two looks back at Python.

    A step of a dense network takes a millisecond, so that the way to it would take as long. What
    comes out is the same. Other backends than TensorFlow do it one by one, or unroll them all.
    """
    if recipe.model != "dense" or keras.backend.backend() != "tensorflow":
        return 1
    return -(-n_images // recipe.batch_size)


def _schedule(recipe: Recipe, n_images: int) -> Any:
    if recipe.schedule == "constant":
        return recipe.learning_rate
    rates = learning_rates(recipe, n_images)

    class Table(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            place = keras.ops.minimum(keras.ops.cast(step, "int32"), len(rates) - 1)
            return keras.ops.take(keras.ops.convert_to_tensor(rates), place)

        def get_config(self) -> dict[str, Any]:
            return {}

    return Table()


def _loss(recipe: Recipe, n_classes: int) -> Any:
    if not recipe.label_smoothing:
        return keras.losses.SparseCategoricalCrossentropy()
    whole = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)

    def smoothed(labels: Any, probs: Any) -> Any:
        return whole(keras.ops.one_hot(keras.ops.reshape(labels, (-1,)), n_classes), probs)

    return smoothed
