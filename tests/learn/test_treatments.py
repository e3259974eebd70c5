"""Each treatment does what its sentence says, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from misread.data.dataset import Dataset
from misread.data.mnist import load_mnist
from misread.data.parts import stratified_subset
from misread.errors import StudyError
from misread.learn.recipe import RECIPES, Recipe, Run
from misread.learn.treatments import Treatments
from misread.learn.treatments.aim import Aim
from misread.learn.treatments.distort import Distort
from misread.learn.treatments.lab import Lab
from misread.learn.treatments.margin import Margin
from misread.learn.treatments.second import Second, decide
from misread.learn.treatments.shift import shifted
from misread.learn.treatments.teacher import Teacher
from misread.learn.treatments.weights import Weights, hardness
from misread.store import model_files, unpack_model
from misread.study.conclude import conclude
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.run import run_study
from standin import nearest_mean, small_study, work_here

CELL = (4, 9)
DENSE = Recipe(
    model="dense", hidden=(16,), epochs=2, batch_size=32, schedule="constant", learning_rate=3e-3
)


@pytest.fixture(scope="module")
def digits() -> tuple[Dataset, Dataset]:
    train = load_mnist()[0]
    ids = stratified_subset(train.labels_N, 1200)
    return train.take(ids[::2]), train.take(ids[1::2])


@pytest.fixture
def lab(digits) -> Lab:
    return Lab(digits[0], 7, CELL, nearest_mean)


def test_hard_images_of_the_two_classes_count_more_and_all_others_the_same(lab):
    labels_N = lab.fit.labels_N
    weights_N = Weights(true=2, hard=3).of(lab)
    assert weights_N.mean() == pytest.approx(1, abs=1e-5)
    assert len(set(weights_N[~lab.in_cell_N].tolist())) == 1
    hard_N = hardness(lab.held_out_probs("weights of hard images", 3), lab)
    fours = np.flatnonzero(labels_N == 4)
    order = fours[np.argsort(hard_N[fours], kind="stable")]
    assert weights_N[order[-1]] / weights_N[order[0]] > 2
    assert (np.diff(weights_N[order]) >= -1e-6).all()
    assert not hard_N[~lab.in_cell_N].any()


def test_a_margin_is_between_the_two_classes_alone():
    push_KK = Margin(true=1, predicted=2).push(10, CELL)
    assert push_KK[4, 9] == 1
    assert push_KK[9, 4] == 2
    assert np.count_nonzero(push_KK) == 2


def test_a_teacher_is_the_mean_of_models_that_learnt_this_fit(lab):
    probs_NK = Teacher(models=3).probs(lab)
    assert np.allclose(probs_NK.sum(axis=1), 1, atol=1e-5)
    mean = np.mean([lab.helper("teacher", n)(lab.fit.images) for n in range(3)], axis=0)
    assert np.allclose(probs_NK, mean)
    assert not np.allclose(probs_NK, Teacher(models=3, folds=2).probs(lab))


def test_a_second_model_decides_only_where_the_two_lead(lab):
    probs_NK = lab.helper("x", 0)(lab.fit.images)
    second_NK = Second().train(lab)(lab.fit.images)
    after_NK = decide(probs_NK, second_NK, CELL)
    leading = np.sort(np.argsort(-probs_NK, axis=1)[:, :2], axis=1)
    asked_N = (leading == [4, 9]).all(axis=1)
    assert 10 < asked_N.sum() < len(asked_N)
    assert (after_NK[~asked_N] == probs_NK[~asked_N]).all()
    others = [k for k in range(10) if k not in CELL]
    assert (after_NK[:, others] == probs_NK[:, others]).all()
    assert np.allclose(after_NK.sum(axis=1), 1, atol=1e-5)
    agrees = after_NK[asked_N][:, 4] > after_NK[asked_N][:, 9]
    assert (agrees == (second_NK[asked_N][:, 4] > second_NK[asked_N][:, 9])).all()


def test_a_shift_moves_the_log_odds_by_its_constant_and_trades(lab):
    probs_NK = lab.helper("x", 0)(lab.fit.images)
    after_NK = shifted(probs_NK, CELL, 0.7)
    odds = [
        np.log(p[:, 4].astype(float)) - np.log(p[:, 9].astype(float)) for p in (probs_NK, after_NK)
    ]
    assert np.allclose(odds[1] - odds[0], 0.7, atol=1e-3)

    def errors(p):
        read = p.argmax(axis=1)
        return [((lab.fit.labels_N == i) & (read == j)).sum() for i, j in (CELL, CELL[::-1])]

    curve = np.array([errors(shifted(probs_NK, CELL, logit)) for logit in (-2, -0.5, 0, 0.5, 2)])
    assert (np.diff(curve[:, 0]) <= 0).all()
    assert (np.diff(curve[:, 1]) >= 0).all()
    assert curve[0, 0] > curve[-1, 0]


def test_only_the_two_classes_are_distorted(lab):
    after = Distort(rotate_deg=15, shift_px=1).of(lab, lab.fit.images, 0)
    changed_N = (after != lab.fit.images).any(axis=(1, 2))
    assert changed_N[lab.in_cell_N].mean() > 0.95
    assert not changed_N[~lab.in_cell_N].any()


def test_a_helper_that_meets_an_image_of_another_part_is_refused(lab, digits):
    with pytest.raises(StudyError, match=f"{len(digits[1])} images that its run"):
        lab.helper("leak", 0, digits[1])


def test_both_engines_aim_at_the_same(digits, trainer):
    from misread.learn.engine import KerasEngine
    from misread.learn.models import build

    train = digits[0].take(np.arange(64))
    rng = np.random.default_rng(0)
    aim = Aim(
        np.linspace(0.5, 1.5, 64, dtype=np.float32),
        rng.dirichlet(np.ones(10), 64).astype(np.float32),
        0.4,
        Margin(true=1.5, predicted=0.5).push(10, CELL),
    )
    recipe = RECIPES["documented"].model_copy(
        update={"dropout": 0.0, "batch_size": 64, "epochs": 1}
    )
    losses, weights = [], []
    for make in (trainer.engine_for, lambda r, m, a, _: KerasEngine(r, m, a)):
        model = build(recipe, (28, 28, 1), 10, 3)
        engine = make(recipe, model, aim, 3)
        losses.append(engine.epoch(train.images, train.labels_N, np.arange(64)))
        weights.append(model.get_weights()[-1])
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-4)
    assert np.allclose(weights[0], weights[1], atol=1e-4)
    plain = replace(
        aim, weights_N=np.ones(64, np.float32), teacher_share=0.0, push_KK=0 * aim.push_KK
    )
    assert plain.is_plain
    assert not aim.is_plain


ARMS = {
    "weights": {"weights": {"true": 3.0}},
    "margin": {"margin": {"true": 2.0, "predicted": 2.0}},
    "teacher": {"teacher": {"models": 1}},
    "distort": {"distort": {"rotate_deg": 10}},
    "second": {"second": {}},
    "patch": {"patch": {"epochs": 0.5}},
    "shift": {"patch": {"epochs": 0}, "shift": {"logit": 1.0}},
    "again": {"again": 1},
    "placebo": {"margin": {"true": 2.0, "predicted": 2.0}, "classes": [2, 7]},
}
TOML = """
title = "Treatments"
dataset = "npz:{folder}/digits.npz"
seeds = [2]
target = "4:9"
slices = [["dilate", 2], ["erode", 2]]
[recipe]
channels = [4]
epochs = 1
batch_size = 32
schedule = "constant"
learning_rate = 3e-3
"""


def stated(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {stated(inner)}" for key, inner in value.items()) + "}"
    return str(value)


@pytest.mark.usefixtures("trainer", "no_figures")
def test_every_treatment_is_an_arm_of_a_study(tmp_path, monkeypatch):
    arms = "\n".join(
        f"[arms.{name}]\n" + "\n".join(f"{key} = {stated(value)}" for key, value in said.items())
        for name, said in ARMS.items()
    )
    path = small_study(tmp_path, TOML + arms.replace("{", "{{").replace("}", "}}"))
    work_here(monkeypatch)
    study = load_study(str(path))
    assert list(study.arms) == ["baseline", *ARMS]
    plan = run_study(study, tmp_path / "out")
    assert [view.name for view in plan.slices] == [
        "dilate 2 px · 4", "dilate 2 px · 9", "erode 2 px · 4", "erode 2 px · 9",
    ]  # fmt: skip
    conclude(tmp_path / "out")
    evidence = load_evidence(tmp_path / "out")
    clean = {arm: runs.preds_SN for arm, runs in evidence.runs.items()}
    for arm in ARMS:
        assert (clean[arm] != clean["baseline"]).any(), arm
    labels_N = evidence.parts.confirm.labels_N
    nines = {arm: ((labels_N == 4) & (read == 9)).sum() for arm, read in clean.items()}
    assert nines["shift"] < nines["baseline"]
    models = [
        (tmp_path / "out" / "arms" / arm / "seed_2" / "model.keras").read_bytes()
        for arm in ("baseline", "patch")
    ]
    assert models[0] != models[1]


def test_a_patch_of_no_length_keeps_the_weights(digits, tmp_path, trainer):
    keras = trainer.trainer
    run = Run(
        dataset="mnist",
        dataset_sha256=("", ""),
        arm="a",
        seed=5,
        select_fold=0,
        recipe=DENSE,
        policy=None,
    )

    def trained(name, treatments, start=None):
        folder = tmp_path / name
        folder.mkdir()
        lesson = trainer.Lesson(
            run.model_copy(update={"treatments": treatments, "target": CELL}),
            *digits, folder, start,
        )  # fmt: skip
        keras.train(lesson)
        return folder

    baseline = trained("baseline", Treatments())
    same = trained("same", Treatments(patch={"epochs": 0}), baseline)
    more = trained("more", Treatments(patch={"epochs": 0.25}), baseline)
    images = digits[1].images
    reads = [keras.load(folder)(images) for folder in (baseline, same, more)]
    assert (reads[0] == reads[1]).all()
    assert not np.allclose(reads[0], reads[2], atol=1e-4)
    with pytest.raises(StudyError, match="goes on from the baseline"):
        trained("none", Treatments(patch={}))
    both = trained("both", Treatments(second={}, shift={"logit": 0.5}))
    other = tmp_path / "unpacked"
    unpack_model(model_files(both), other)
    assert (keras.load(both)(images) == keras.load(other)(images)).all()
