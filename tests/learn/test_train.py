"""Training for real, in this process; Keras loads once for the module."""

import json
import zipfile

import numpy as np
import pytest

from misread.data.mnist import load_mnist
from misread.errors import StudyError
from misread.learn.augment import Augment
from misread.learn.policy import CONTROLS, Policy, apply_draw
from misread.learn.recipe import RECIPES, Recipe, learning_rates
from misread.learn.treatments.aim import Aim
from misread.study.file import load_study

POLICY = Policy(operations={4: ("dilate",), 9: ("erode",)}, probability=0.12, size_px=(1, 2))
DOCUMENTED = RECIPES["documented"]
ONE_CYCLE = Recipe(epochs=3, batch_size=64, schedule="one-cycle", learning_rate=3e-3, dropout=0.3)
ONE_STEP = DOCUMENTED.model_copy(update={"epochs": 1, "dropout": 0.0})


def first(n):
    train = load_mnist()[0]
    return train.take(np.arange(n))


def weights_of(model):
    return [np.asarray(w) for w in model.get_weights()]


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(weights_of(one), weights_of(two), strict=True))


def test_the_documented_network_has_its_parameters(trainer):
    model = trainer.build(DOCUMENTED, (28, 28, 1), 10, 0)
    assert model.count_params() == 421_642
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    assert kinds == [
        "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    assert model.layers[7].rate == 0.5
    assert model.output_shape == (None, 10)


def test_each_architecture_is_what_its_study_says_and_costs_at_most_four_times_the_cnn(trainer):
    from misread.learn.models import multiplications

    study = load_study("architectures")
    models = {arm: trainer.build(it.recipe, (28, 28, 1), 10, 0) for arm, it in study.arms.items()}
    parameters = {"baseline": 421_642, "softmax": 7_850, "dense": 235_146, "lenet5": 61_706}
    assert {arm: models[arm].count_params() for arm in parameters} == parameters
    assert multiplications(models["softmax"]) == 7_840
    most = 4 * multiplications(models["baseline"])
    assert all(multiplications(model) <= most for model in models.values())
    kinds = [type(layer).__name__ for layer in models["batch-norm"].layers]
    assert kinds.count("BatchNormalization") == 2
    assert sum(type(layer).__name__ == "Conv2D" for layer in models["three"].layers) == 3


def test_documented_and_quick_recipes_are_what_the_docs_say():
    assert (DOCUMENTED.epochs, DOCUMENTED.batch_size, DOCUMENTED.learning_rate) == (10, 128, 1e-3)
    quick = RECIPES["quick"]
    assert (quick.epochs, quick.batch_size, quick.schedule) == (1, 32, "one-cycle")
    assert (quick.learning_rate, quick.dropout, quick.label_smoothing) == (5e-3, 0.1, 0.05)
    assert quick.augment == Augment(shift_px=1)


def test_golden_numbers_of_one_optimiser_step(trainer):
    batch = first(128)
    model, epochs = trainer.fit(ONE_STEP, None, 42, batch, batch)
    got = {
        "loss": epochs[0].loss,
        "select_loss": epochs[0].select_loss,
        "conv1": float(np.abs(weights_of(model)[0]).sum()),
        "dense": float(np.abs(weights_of(model)[4]).sum()),
    }
    assert got == pytest.approx(GOLDEN, rel=2e-4), (
        f"one step gives {got}. If you meant to change initial weights, batch order, optimiser or "
        "loss, set GOLDEN to that and say so in CHANGELOG (all runs change); if not, it is a bug."
    )


GOLDEN = {"loss": 2.29693, "select_loss": 2.19454, "conv1": 20.2008, "dense": 8602.83}


def test_a_step_lowers_the_loss(trainer):
    batch = first(128)
    _, epochs = trainer.fit(ONE_STEP, None, 1, batch, batch)
    assert epochs[0].select_loss < epochs[0].loss


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(trainer):
    fit, select = first(512), first(64)
    recipe = DOCUMENTED.model_copy(update={"epochs": 2})
    runs = [trainer.fit(recipe, POLICY, seed, fit, select) for seed in (5, 5, 6)]
    assert same(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]
    assert not same(runs[0][0], runs[2][0])


def test_arms_differ_by_their_policy_alone(trainer):
    # Before the first augmented image is met, all arms are the same model.
    fit, select = first(512), first(64)
    untouched = Policy(operations={4: ("dilate",)}, probability=0.5, size_px=(1, 1))
    recipe = DOCUMENTED.model_copy(update={"epochs": 1})
    baseline, idle, treated = (
        trainer.fit(recipe, policy, 5, fit, select)
        for policy in (None, untouched, CONTROLS["both"](POLICY, (4, 9)))
    )
    assert idle[1][0].treated > 0
    assert idle[1][0].changed == 0
    assert same(baseline[0], idle[0])
    assert treated[1][0].changed > 0
    assert not same(baseline[0], treated[0])


def test_history_counts_what_the_replay_gives(trainer):
    fit = first(1000)
    recipe = DOCUMENTED.model_copy(update={"epochs": 2})
    _, epochs = trainer.fit(recipe, POLICY, 9, fit, first(64))
    for epoch in epochs:
        again = apply_draw(fit.images, POLICY.draw(fit.labels_N, 9, epoch.epoch - 1))
        assert epoch.changed == (again != fit.images).any(axis=(1, 2)).sum()


def test_one_cycle_rises_then_falls():
    quick = ONE_CYCLE
    rates = learning_rates(quick, 54_000)
    assert len(rates) == 3 * 844
    assert rates[0] == pytest.approx(3e-3 / 25, rel=0.01)
    assert max(rates) == pytest.approx(3e-3, rel=0.01)
    assert int(np.argmax(rates)) / len(rates) == pytest.approx(0.3, abs=0.01)
    assert rates[-1] < 1e-6
    assert np.array_equal(learning_rates(DOCUMENTED, 54_000), np.full(4220, 1e-3, np.float32))


@pytest.mark.parametrize(
    "recipe",
    [
        DOCUMENTED,
        ONE_CYCLE.model_copy(update={"label_smoothing": 0.1}),
        DOCUMENTED.model_copy(update={"channels": (8, 16, 16)}),
    ],
    ids=["documented", "one-cycle, smoothed", "three convolutions"],
)
def test_our_step_is_that_of_keras(trainer, recipe):
    # Without dropout, whose masks differ; the last batch is a smaller one.
    from misread.learn.cnn_step import CnnEngine
    from misread.learn.engine import KerasEngine

    batch = first(200)
    recipe = recipe.model_copy(update={"dropout": 0.0, "epochs": 2})
    orders = [np.random.default_rng(epoch).permutation(200) for epoch in range(2)]
    trained = {}
    for engine in (KerasEngine, CnnEngine):
        model = trainer.build(recipe, (28, 28, 1), 10, 7)
        aim = Aim.plain(200, 10)
        arguments = (recipe, model, aim) if engine is KerasEngine else (recipe, model, aim, 7)
        running = engine(*arguments)
        told = [running.epoch(batch.images, batch.labels_N, order) for order in orders]
        trained[engine] = (told, trainer.read(model, batch.images))
    (told, read), (own_told, own_read) = trained.values()
    assert np.array(own_told) == pytest.approx(np.array(told), rel=1e-4)
    assert own_read == pytest.approx(read, abs=2e-4)
    assert told[1][0] < told[0][0]


def test_one_traced_step_serves_every_recipe(trainer):
    from misread.learn import cnn_step

    fit, select = first(300), first(64)
    alone = trainer.fit(ONE_STEP, None, 4, fit, select)
    step = cnn_step._step((28, 28, 1), 10, (32, 64))
    traced = step.epoch.experimental_get_tracing_count()
    other = DOCUMENTED.model_copy(update={"epochs": 1, "batch_size": 50, "label_smoothing": 0.1})
    trainer.fit(other, POLICY, 5, first(333), select)
    after = trainer.fit(ONE_STEP, None, 4, fit, select)
    assert cnn_step._step((28, 28, 1), 10, (32, 64)) is step
    assert step.epoch.experimental_get_tracing_count() <= traced + 1  # the first sizes change once
    assert same(alone[0], after[0])
    assert alone[1] == after[1]


def test_dropout_changes_what_is_learnt_and_not_what_is_read(trainer):
    fit, select = first(300), first(64)
    recipes = [ONE_STEP.model_copy(update={"dropout": rate}) for rate in (0.0, 0.5)]
    without, with_dropout = (trainer.fit(recipe, None, 4, fit, select) for recipe in recipes)
    assert not same(without[0], with_dropout[0])
    assert with_dropout[1][0].loss > without[1][0].loss
    assert np.array_equal(
        trainer.read(with_dropout[0], select.images), trainer.read(with_dropout[0], select.images)
    )


def test_what_a_recipe_does_not_use_is_no_part_of_it():
    plain = DOCUMENTED.model_dump(mode="json")
    assert {"augment", "label_smoothing", "measure"}.isdisjoint(plain)
    moved = DOCUMENTED.model_copy(update={"augment": Augment(shift_px=1)})
    assert Recipe(**moved.model_dump(mode="json")) == moved


def test_a_short_real_training_reads_digits(trainer):
    fit, select = first(4000), first(64)
    recipe = RECIPES["quick"].model_copy(update={"epochs": 2})
    model, _ = trainer.fit(recipe, None, 3, fit, select)
    test = load_mnist()[1]
    probs_NK = trainer.read(model, test.images[:2000])
    assert probs_NK.shape == (2000, 10)
    assert probs_NK.sum(axis=1) == pytest.approx(np.ones(2000), abs=1e-5)
    assert (probs_NK.argmax(axis=1) == test.labels_N[:2000]).mean() > 0.9


def test_a_stored_model_reads_the_same_and_runs_no_code(trainer, tmp_path):
    model, _ = trainer.fit(ONE_STEP, None, 1, first(128), first(64))
    path = tmp_path / "model.keras"
    model.save(path)
    images = load_mnist()[1].images[:100]
    assert np.array_equal(trainer.read(trainer.load(path), images), trainer.read(model, images))

    import keras

    evil = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
    evil.save(tmp_path / "evil.keras")
    with pytest.raises(ValueError, match=r"[Ll]ambda"):
        trainer.load(tmp_path / "evil.keras")
    with zipfile.ZipFile(path) as archive:
        assert "optimizer" not in json.loads(archive.read("config.json")).get("compile_config", {})


def test_images_too_small_for_the_network(trainer):
    with pytest.raises(StudyError, match="at least 4×4"):
        trainer.build(DOCUMENTED, (3, 28, 1), 10, 0)


def test_nothing_to_read(trainer):
    model = trainer.build(DOCUMENTED, (28, 28, 1), 10, 0)
    assert trainer.read(model, np.zeros((0, 28, 28), np.uint8)).shape == (0, 10)


def test_an_epoch_is_a_row(trainer):
    assert list(trainer.Epoch(1, 0.5, 0.9, 0.4, 0.9, 0, 0, 1.5, 1.4).row) == [
        "epoch", "loss", "accuracy", "select_loss", "select_accuracy", "treated", "changed",
    ]  # fmt: skip
