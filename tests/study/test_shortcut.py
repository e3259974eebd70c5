"""Shortcuts that a policy teaches: the counter-slices show them, the clean test set does not.

Trained for real, on few images: a study's own way is too long for a test.
"""

import numpy as np
import pytest

from arrays import View, verdict_of
from misread.data.mnist import load_mnist
from misread.images.operations import OPERATIONS
from misread.judge.collateral import Margins
from misread.learn.policy import Policy
from misread.learn.recipe import RECIPES
from misread.study.plan import counter_slices

SEEDS = (0, 1, 2)
N_FIT, N_CONFIRM = 3000, 2000
# Of models that learn from so few images no change below five points says anything.
MARGINS = Margins(accuracy=0.05, recall=0.05, cell=0.05, slice=0.05)
TARGET = (4, 9)
# A quarter of the usual channels learns the shortcut as well, in a third of the time.
RECIPE = RECIPES["quick"].model_copy(update={"channels": (8, 16)})


def trained(trainer, policy):
    """Return a model of each seed."""
    fit = load_mnist()[0].take(np.arange(N_FIT))
    select = fit.take(np.arange(50))
    return [trainer.fit(RECIPE, policy, seed, fit, select)[0] for seed in SEEDS]


@pytest.fixture(scope="module")
def baseline(trainer):
    return trained(trainer, None)


def verdict_on(trainer, baseline, policy):
    """Train with a policy, and judge it with its counter-slices."""
    confirm = load_mnist()[1].take(np.arange(N_CONFIRM))
    models = {"baseline": baseline, "policy": trained(trainer, policy)}

    def readings(images):
        return {
            arm: np.stack([trainer.read(model, images).argmax(axis=1) for model in own])
            for arm, own in models.items()
        }

    slices = []
    for piece in counter_slices([policy], TARGET):
        ids_M = np.flatnonzero(confirm.labels_N == piece.label)
        read = readings(OPERATIONS[piece.operation](confirm.images[ids_M], piece.size_px))
        slices.append(View(piece.name, confirm.labels_N[ids_M], read["baseline"], read["policy"]))
    clean = readings(confirm.images)
    return verdict_of(
        confirm.labels_N,
        clean["baseline"],
        clean["policy"],
        cells=[TARGET],
        slices=slices,
        margins=MARGINS,
    )


@pytest.fixture(scope="module")
def planted(trainer, baseline):
    # Two white pixels at the edge, on half of the fours: nothing that a reader would look at.
    policy = Policy(operations={4: ("mark",)}, probability=0.5, size_px=(2, 3))
    return verdict_on(trainer, baseline, policy)


def harmed(verdict):
    return {item.name for item in verdict.collateral if item.status == "harmed"}


def test_a_planted_shortcut_is_caught_by_the_counter_slices(planted):
    assert planted.verdict == "HARM"
    assert any("mark 3 px · 9" in name for name in harmed(planted)), harmed(planted)


def test_the_clean_test_set_does_not_show_it(planted):
    assert all("mark" in name for name in harmed(planted)), harmed(planted)


def test_stroke_thickness_as_a_label_is_caught(trainer, baseline):
    # The documented policy, at a dose that so few images can show: thin fours become nines.
    policy = Policy(operations={4: ("dilate",), 9: ("erode",)}, probability=0.5, size_px=(2, 3))
    verdict = verdict_on(trainer, baseline, policy)
    assert verdict.verdict == "HARM"
    assert any("erode" in name and "· 4" in name for name in harmed(verdict)), harmed(verdict)


def test_the_mark_is_a_corner_and_size_one_is_nothing():
    images = load_mnist()[1].images[:5]
    assert np.array_equal(OPERATIONS["mark"](images, 1), images)
    marked = OPERATIONS["mark"](images, 3)
    assert (marked != images).any(axis=0).sum() == 4
    assert (marked[:, :2, :2] == 255).all()
