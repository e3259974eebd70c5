"""The dense networks: layers, parameters, probabilities, one step, dropout, what goes on inside.

Trains for real, in this process; Keras loads once for the module.
"""

import numpy as np
import pytest
from pydantic import ValidationError

from misread.data.mnist import load_mnist
from misread.learn.recipe import RECIPES, Recipe
from misread.study.file import load_study

STUDY = load_study("dense-four")
PARAMETERS = {"exp1": 101_770, "exp2": 235_146, "exp3": 235_146, "exp4": 567_434}
LAYERS = {
    "exp1": [128],
    "exp2": [256, 128],
    "exp3": [256, 0.3, 128, 0.2],
    "exp4": [512, 0.3, 256, 0.2, 128],
}
SMALL = Recipe(
    model="dense",
    hidden=(16, 8),
    epochs=1,
    batch_size=128,
    schedule="constant",
    learning_rate=1e-3,
)


def changed(**changes):
    return Recipe(**(SMALL.model_dump() | changes))


def first(n):
    return load_mnist()[0].take(np.arange(n))


def build(trainer, recipe, seed=0):
    return trainer.build(recipe, (28, 28, 1), 10, seed)


def weights_of(model):
    return [np.asarray(weight) for weight in model.get_weights()]


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(weights_of(one), weights_of(two), strict=True))


@pytest.mark.parametrize("arm", PARAMETERS)
def test_the_four_networks_are_the_documented_ones(trainer, arm):
    model = build(trainer, STUDY.arms[arm].recipe)
    assert model.count_params() == PARAMETERS[arm]
    image, flat, *hidden, last = model.layers
    assert (image.batch_shape, type(flat).__name__) == ((None, 28, 28, 1), "Flatten")
    found = [getattr(layer, "units", None) or layer.rate for layer in hidden]
    assert found == LAYERS[arm]
    assert {layer.activation.__name__ for layer in hidden if hasattr(layer, "units")} == {"relu"}
    assert (last.units, last.activation.__name__) == (10, "softmax")


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "gelu"])
def test_any_depth_and_activation(trainer, activation):
    recipe = changed(hidden=(5, 4, 3, 2), activation=activation, input_dropout=0.2)
    layers = build(trainer, recipe).layers
    assert [type(layer).__name__ for layer in layers[1:3]] == ["Flatten", "Dropout"]
    assert [layer.units for layer in layers[3:]] == [5, 4, 3, 2, 10]
    assert {layer.activation.__name__ for layer in layers[3:-1]} == {activation}


def test_no_hidden_layer_is_softmax_regression(trainer):
    assert build(trainer, changed(hidden=())).count_params() == 7850


def test_the_output_is_a_probability_per_class(trainer):
    probs_NK = trainer.read(build(trainer, STUDY.arms["exp4"].recipe), first(700).images)
    assert probs_NK.shape == (700, 10)
    assert (probs_NK >= 0).all()
    assert probs_NK.sum(axis=1) == pytest.approx(np.ones(700), abs=1e-5)


@pytest.mark.parametrize("arm", PARAMETERS)
def test_one_step_lowers_the_loss(trainer, arm):
    batch = first(128)
    before = trainer.read(build(trainer, STUDY.arms[arm].recipe, 1), batch.images)
    loss = -np.log(before[np.arange(128), batch.labels_N]).mean()
    recipe = Recipe(**(STUDY.arms[arm].recipe.model_dump() | {"epochs": 1}))
    _, epochs = trainer.fit(recipe, None, 1, batch, batch)
    assert epochs[0].select_loss < loss


def test_golden_numbers_of_one_optimiser_step(trainer):
    batch = first(128)
    model, epochs = trainer.fit(SMALL, None, 42, batch, batch)
    got = {
        "loss": epochs[0].loss,
        "select_loss": epochs[0].select_loss,
        "hidden_1": float(np.abs(weights_of(model)[0]).sum()),
        "hidden_2": float(np.abs(weights_of(model)[2]).sum()),
    }
    assert got == pytest.approx(GOLDEN, rel=2e-4), (
        f"one step gives {got}. If you meant to change initial weights, batch order, optimiser or "
        "loss, set GOLDEN to that and say so in CHANGELOG (all runs change); if not, it is a bug."
    )


GOLDEN = {"loss": 2.32904, "select_loss": 2.30103, "hidden_1": 539.845, "hidden_2": 30.4163}


def test_dropout_is_at_work_in_training_and_at_rest_in_reading(trainer):
    batch = first(200)
    plain = build(trainer, changed(hidden=(64, 64)), 3)
    dropping = build(trainer, changed(hidden=(64, 64), dropouts=(0.3, 0.2), input_dropout=0.1), 3)
    assert same(plain, dropping)  # it changes no initial weight
    reading = trainer.read(dropping, batch.images)
    assert np.array_equal(reading, trainer.read(dropping, batch.images))
    assert np.array_equal(reading, trainer.read(plain, batch.images))
    images = batch.images[..., np.newaxis].astype(np.float32) / 255
    training = [np.asarray(dropping(images, training=True)) for _ in range(2)]
    assert not np.allclose(training[0], training[1])
    assert not np.allclose(training[0], reading)


def test_the_same_seed_gives_the_same_bits_however_many_steps_at_once(trainer, monkeypatch):
    fit, select = first(500), first(64)
    recipe = changed(hidden=(32, 16), dropouts=(0.3, 0.2), epochs=2)
    one, again, other = (trainer.fit(recipe, None, seed, fit, select) for seed in (5, 5, 6))
    assert same(one[0], again[0])
    assert one[1] == again[1]
    assert not same(one[0], other[0])
    monkeypatch.setattr("misread.learn.engine._steps_at_once", lambda *_: 1)
    slow = trainer.fit(recipe, None, 5, fit, select)
    assert same(one[0], slow[0])
    assert one[1][0].select_loss == slow[1][0].select_loss


# --- what goes on inside --------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "gelu"])
def test_gradients_are_those_that_training_uses(trainer, activation):
    tensorflow = pytest.importorskip("tensorflow")
    import keras

    from misread.learn.probe import measure

    recipe = changed(hidden=(32, 16, 8), activation=activation)
    batch = first(100)
    model, _ = trainer.fit(recipe, None, 1, batch, batch)
    found = measure(model.get_weights(), activation, batch.images, batch.labels_N)
    with tensorflow.GradientTape() as tape:
        probs_NK = model(batch.images[..., np.newaxis].astype(np.float32) / 255)
        losses_N = keras.losses.sparse_categorical_crossentropy(batch.labels_N, probs_NK)
        loss = tensorflow.reduce_mean(losses_N)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    assert found["loss"] == pytest.approx(float(loss), rel=1e-4)
    for layer in (1, 2, 3):
        norm = float(np.linalg.norm(gradients[2 * (layer - 1)]))
        assert found[f"gradient_norm_{layer}"] == pytest.approx(norm, rel=1e-3)
    inner = keras.Model(model.input, model.layers[3].output)
    values = np.asarray(inner(batch.images[..., np.newaxis].astype(np.float32) / 255))
    assert found["zero_share_2"] == pytest.approx((values == 0).mean(), abs=0.01)
    assert (found["zero_share_2"] > 0) == (activation == "relu")
    assert found["dead_share_2"] <= found["zero_share_2"]


def test_measuring_changes_nothing_and_begins_before_the_first_step(trainer):
    fit, select = first(300), first(64)
    rows = []
    measured = trainer.fit(
        changed(measure=True, epochs=2), None, 1, fit, select, on_measure=rows.append
    )
    plain = trainer.fit(changed(epochs=2), None, 1, fit, select, on_measure=rows.append)
    assert same(measured[0], plain[0])
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert rows[0]["loss"] > rows[2]["loss"]
    assert set(rows[0]) == {"epoch", "loss"} | {
        f"{name}_{layer}"
        for name in ("gradient_norm", "zero_share", "dead_share")
        for layer in (1, 2)
    }


# --- recipes --------------------------------------------------------------------------------------


def test_what_a_recipe_does_not_use_is_no_part_of_its_identity():
    assert set(RECIPES["documented"].model_dump()) == {
        "model", "epochs", "batch_size", "schedule", "learning_rate", "warmup", "dropout",
    }  # fmt: skip
    assert "measure" not in SMALL.model_dump()
    assert "dropout" not in SMALL.model_dump()
    for recipe in (SMALL, changed(measure=True), RECIPES["quick"]):
        assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    "changes",
    [{"dropout": 0.5}, {"dropouts": (0.1,)}, {"dropouts": (1.0, 0.0)}, {"hidden": (0,)}],
)
def test_what_a_dense_recipe_refuses(changes):
    with pytest.raises(ValidationError):
        changed(**changes)
