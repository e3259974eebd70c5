"""Architectures. Each builder returns an uncompiled Keras model whose randomness is seeded.

Initial weights come from the stream "weights", dropout masks from "dropout": the same seed gives
the same model in every arm.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from misread.errors import StudyError
from misread.learn.recipe import Recipe
from misread.seeds import derive_int


def cnn(recipe: Recipe, input_shape: tuple[int, int, int], n_classes: int, seed: int) -> Any:
    """Build the CNN of the study: convolutions and poolings, one hidden dense layer, softmax.

    `input_shape` is (height, width, channels); 28×28×1 gives 421,642 parameters with ten classes.
    The model takes `float32 [B,H,W,C]` in [0, 1] and returns probabilities `[B,K]`.
    """
    layers, weights = keras.layers, _weights(seed)
    image = x = keras.Input(input_shape)
    for place, width in enumerate(recipe.channels):
        first = {"padding": "same", "kernel_initializer": weights(place)}
        if recipe.batch_norm:
            x = layers.Conv2D(width, 3, use_bias=False, **first)(x)
            x = layers.Activation("relu")(layers.BatchNormalization()(x))
        else:
            x = layers.Conv2D(width, 3, activation="relu", **first)(x)
        x = layers.MaxPooling2D()(x)
    n_convolutions = len(recipe.channels)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu", kernel_initializer=weights(n_convolutions))(x)
    x = layers.Dropout(recipe.dropout, seed=derive_int(seed, "dropout"))(x)
    last = weights(n_convolutions + 1)
    probs = layers.Dense(n_classes, activation="softmax", kernel_initializer=last)(x)
    return keras.Model(image, probs, name="cnn")


def lenet5(_: Recipe, input_shape: tuple[int, int, int], n_classes: int, seed: int) -> Any:
    """Build LeNet-5 (LeCun et al. 1998) with a softmax at its end and every map connected.

    Arguments and result as in `cnn`; 28×28×1 and ten classes give 61,706 parameters.
    """
    layers, weights = keras.layers, _weights(seed)

    def settings(place: int) -> dict[str, Any]:
        return {"activation": "tanh", "kernel_initializer": weights(place)}

    image = keras.Input(input_shape)
    x = layers.AveragePooling2D(2)(layers.Conv2D(6, 5, padding="same", **settings(0))(image))
    x = layers.AveragePooling2D(2)(layers.Conv2D(16, 5, **settings(1))(x))
    x = layers.Dense(120, **settings(2))(layers.Flatten()(x))
    x = layers.Dense(84, **settings(3))(x)
    probs = layers.Dense(n_classes, activation="softmax", kernel_initializer=weights(4))(x)
    return keras.Model(image, probs, name="lenet5")


def dense(recipe: Recipe, input_shape: tuple[int, int, int], n_classes: int, seed: int) -> Any:
    """Build a stack of dense layers on the flattened image, each with its dropout, and a softmax.

    Arguments and result as in `cnn`; 28×28×1 and ten classes give 101,770 parameters with one
    hidden layer of 128. A layer begins with the same weights whatever the dropout is.
    """
    layers, weights = keras.layers, _weights(seed)
    image = keras.Input(input_shape)
    x = layers.Flatten()(image)
    if recipe.input_dropout:
        x = layers.Dropout(recipe.input_dropout, seed=derive_int(seed, "input dropout"))(x)
    for place, width in enumerate(recipe.hidden):
        x = layers.Dense(width, activation=recipe.activation, kernel_initializer=weights(place))(x)
        rate = recipe.dropouts[place] if recipe.dropouts else 0.0
        if rate:
            x = layers.Dropout(rate, seed=derive_int(seed, "dropout", place))(x)
    last = weights(len(recipe.hidden))
    probs = layers.Dense(n_classes, activation="softmax", kernel_initializer=last)(x)
    return keras.Model(image, probs, name="dense")


Builder = Callable[[Recipe, tuple[int, int, int], int, int], Any]

MODELS: dict[str, Builder] = {"cnn": cnn, "lenet5": lenet5, "dense": dense}


def build(recipe: Recipe, input_shape: tuple[int, int, int], n_classes: int, seed: int) -> Any:
    """Build the model that a recipe names; arguments as in `cnn`.

    StudyError if images of this size are too small for the architecture.
    """
    height, width, _ = input_shape
    least = {"cnn": 2 ** len(recipe.channels), "lenet5": 12, "dense": 1}[recipe.model]
    if min(height, width) < least:
        msg = (
            f"images are {height}×{width} px, but the model {recipe.model!r} pools them away and "
            f"needs at least {least}×{least}; enlarge them."
        )
        raise StudyError(msg)
    return MODELS[recipe.model](recipe, input_shape, n_classes, seed)


def multiplications(model: Any) -> int:
    """Return how many multiplications of its weights a model does to read one image.

    Those of convolutions and dense layers; all else of these networks is a small part.
    """
    total = 0
    for layer in model.layers:
        if getattr(layer, "kernel", None) is not None:
            places = layer.output.shape[1:-1]  # of a convolution; none of a dense layer
            total += int(np.prod((*layer.kernel.shape, *places)))
    return total


def _weights(seed: int) -> Callable[[int], Any]:
    """Return (place of a layer) → what its weights begin with."""
    return lambda place: keras.initializers.GlorotUniform(seed=derive_int(seed, "weights", place))
