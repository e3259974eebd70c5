"""Trainers with scikit-learn: a network and a random forest, on images as rows of numbers.

misread run examples/scikit_learn_mlp.toml
misread run examples/scikit_learn_forest.toml
"""

import joblib
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier


def rows(images):
    """Return images as rows of numbers from 0 to 1, `[N, H·W]`."""
    return images.reshape(len(images), -1) / 255


def mlp(lesson):
    """Train a network; `hidden` and `alpha` are settings of the study's arms."""
    model = MLPClassifier(
        (lesson.settings["hidden"],),
        alpha=lesson.settings.get("alpha", 1e-4),
        max_iter=lesson.settings.get("epochs", 30),
        random_state=lesson.seed,
    )
    return keep(model.fit(rows(lesson.images), lesson.labels), lesson.folder)


def forest(lesson):
    """Train a random forest; every setting of an arm is one of scikit-learn's."""
    model = RandomForestClassifier(random_state=lesson.seed, **lesson.settings)
    return keep(model.fit(rows(lesson.images), lesson.labels), lesson.folder)


def keep(model, folder):
    """Store a model and return what reads with it."""
    joblib.dump(model, folder / "model.joblib")
    return lambda images: model.predict_proba(rows(images))


def load(folder):
    """Return what reads with the model in a folder."""
    model = joblib.load(folder / "model.joblib")
    return lambda images: model.predict_proba(rows(images))
