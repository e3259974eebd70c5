"""A trainer with a Keras model of one's own, with a layer that Keras does not know.

misread run examples/own_keras.toml
"""

import keras
import numpy as np


class Bright(keras.layers.Layer):
    """Multiply every image by a number that is learnt."""

    def build(self, _shape):
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

    def call(self, images):
        return images * self.factor


def scaled(images):
    """Return images with values from 0 to 1."""
    return images.astype("float32") / 255


def network(n_classes, width):
    """Return the network, untrained."""
    layers = [
        keras.layers.Flatten(),
        Bright(),
        keras.layers.Dense(width, "relu"),
        keras.layers.Dense(n_classes, "softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(lesson):
    """Train the network; with `flip` among an arm's settings, on mirrored images too."""
    keras.utils.set_random_seed(lesson.seed)
    images, labels = scaled(lesson.images), lesson.labels
    if lesson.settings.get("flip"):
        images, labels = np.concatenate([images, images[:, :, ::-1]]), np.concatenate([labels] * 2)
    model = network(len(lesson.class_names), lesson.settings["width"])

    def report(epoch, logs):
        watched = model.evaluate(scaled(lesson.select.images), lesson.select.labels_N, verbose=0)
        lesson.on_epoch(
            {
                "epoch": epoch + 1,
                "loss": logs["loss"],
                "accuracy": logs["accuracy"],
                "select_loss": watched[0],
                "select_accuracy": watched[1],
            }
        )

    tell = keras.callbacks.LambdaCallback(on_epoch_end=report)
    model.fit(images, labels, epochs=lesson.settings["epochs"], callbacks=[tell], verbose=2)
    model.save(lesson.folder / "own.keras")
    return reader(model)


def load(folder):
    """Return what reads with the model in a folder."""
    path, known = folder / "own.keras", {"Bright": Bright}
    return reader(keras.saving.load_model(path, custom_objects=known))


def reader(model):
    """Return what reads with a model."""
    return lambda images: model.predict(scaled(images), verbose=0)
