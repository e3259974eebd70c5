"""Architectures. Each builder returns an uncompiled Keras model whose randomness is seeded.

Initial weights come from the stream "weights", dropout masks from "dropout": the same seed gives
the same model in every arm.
"""

from collections.abc import Callable
from typing import Any

import keras

from misread.errors import StudyError
from misread.learn.recipe import Recipe
from misread.seeds import derive_int


def cnn(recipe: Recipe, input_shape: tuple[int, int, int], n_classes: int, seed: int) -> Any:
    """Build the CNN of the study: two convolutions, one hidden dense layer, softmax.

    Parameters
    ----------
    recipe
        Names the dropout rate.
    input_shape
        (height, width, channels); 28×28×1 gives 421,642 parameters with ten classes.
    n_classes
        Width of the softmax.
    seed
        The seed of the run.

    Returns
    -------
    keras.Model
        Takes `float32 [B,H,W,C]` in [0, 1], returns probabilities `[B,K]`.
    """

    def weights(layer: int) -> Any:
        return keras.initializers.GlorotUniform(seed=derive_int(seed, "weights", layer))

    layers = keras.layers
    image = keras.Input(input_shape)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", kernel_initializer=weights(0))(
        image
    )
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu", kernel_initializer=weights(1))(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu", kernel_initializer=weights(2))(x)
    x = layers.Dropout(recipe.dropout, seed=derive_int(seed, "dropout"))(x)
    probs = layers.Dense(n_classes, activation="softmax", kernel_initializer=weights(3))(x)
    return keras.Model(image, probs, name="cnn")


def dense(recipe: Recipe, input_shape: tuple[int, int, int], n_classes: int, seed: int) -> Any:
    """Build a stack of dense layers on the flattened image, each with its dropout, and a softmax.

    Arguments and result as in `cnn`; 28×28×1 and ten classes give 101,770 parameters with one
    hidden layer of 128. A layer begins with the same weights whatever the dropout is.
    """

    def weights(layer: int) -> Any:
        return keras.initializers.GlorotUniform(seed=derive_int(seed, "weights", layer))

    layers = keras.layers
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

MODELS: dict[str, Builder] = {"cnn": cnn, "dense": dense}


def build(recipe: Recipe, input_shape: tuple[int, int, int], n_classes: int, seed: int) -> Any:
    """Build the model that a recipe names; arguments as in `cnn`.

    Raises
    ------
    StudyError
        If images of this size are too small for the architecture.
    """
    height, width, _ = input_shape
    if recipe.model == "cnn" and min(height, width) < 4:
        msg = (
            f"images are {height}×{width} px, but the model {recipe.model!r} pools twice and needs "
            "at least 4×4; enlarge them."
        )
        raise StudyError(msg)
    return MODELS[recipe.model](recipe, input_shape, n_classes, seed)
