"""What a study is about to train is said with its arithmetic."""

import math

import pytest

from misread.files import write_json
from misread.judge import pilot_from_rate, plan_power
from misread.learn.treatments import Treatments
from misread.learn.treatments.patch import Patch
from misread.learn.treatments.shift import Shift
from misread.learn.treatments.teacher import Teacher
from misread.learn.views import load_parts
from misread.store import RunFolder
from misread.study.answer import alternatives_of
from misread.study.file import load_study
from misread.study.workload import cost_of, left_of, workload


def test_the_work_is_said_with_its_arithmetic(tmp_path):
    study = load_study("fours-fixed")
    said = workload(study, load_parts(study.dataset, None), tmp_path, 2)
    assert said.startswith("15 trainings to do of 15: 3 arms × 5 seeds, epochs a training: ")
    assert (
        "baseline 1, documented 1 and affine-margin 3. 25 epochs of 30,000 images × about" in said
    )
    assert " minutes of one core, " in said


def test_a_smoke_run_has_no_minutes(tmp_path):
    study = load_study("fours-fixed", smoke=True)
    said = workload(study, load_parts(study.dataset, 2000), tmp_path, 1)
    assert " trainings to do of " in said
    assert "minute" not in said


def test_an_arm_that_only_shifts_a_logit_takes_no_minutes(tmp_path):
    study = load_study("fours-fixed")
    shifted = study.arms["baseline"].model_copy(
        update={"treatments": Treatments(patch=Patch(epochs=0), shift=Shift(logit=0.4))}
    )
    study = study.model_copy(update={"arms": {"shifted": shifted}})
    said = workload(study, load_parts(study.dataset, None), tmp_path, 1)
    assert said.startswith("5 trainings to do of 5: ")
    assert "minute" not in said


@pytest.fixture
def but_one_long_arm(tmp_path):
    """Return a folder of `fours-fixed` in which only the arm of most epochs is left to train."""
    study = load_study("fours-fixed")
    long = max(study.epochs, key=lambda arm: study.epochs[arm])
    for arm, n_epochs in study.epochs.items():
        for seed in study.seeds:
            if arm != long:
                place = RunFolder(tmp_path, arm, seed).path
                place.mkdir(parents=True)
                (place / "select.npz").touch()
                (place / "model.keras").touch()
                write_json(place / "environment.json", {"train_seconds": 20.0 * n_epochs})
    return study, tmp_path, long


def test_going_on_takes_the_minutes_that_were_said(but_one_long_arm):
    study, folder, long = but_one_long_arm
    said = workload(study, load_parts(study.dataset, None), folder, 1)
    left = len(study.seeds)
    minutes = math.ceil(study.epochs[long] * left * 20 / 60)
    assert study.epochs[long] > study.epochs["baseline"]
    assert said.startswith(f"{left} trainings to do of {left * len(study.arms)}: ")
    assert f"× about 20 s = about {minutes} minutes of one core" in said
    planned = plan_power(pilot_from_rate(0.001), cell="4→9", n_seeds=3, n_images=982)
    instead = alternatives_of(
        "fours-fixed", "x", planned, study.seeds, left_of(study, folder), cost_of(study, folder)
    )
    assert f"Going on takes {left} trainings, about {minutes} minutes of one core." in instead


def test_an_arm_takes_as_long_as_it_took(but_one_long_arm):
    study, folder, long = but_one_long_arm
    quick = next(arm for arm in study.arms if arm != long)
    for seed in study.seeds:
        place = RunFolder(folder, quick, seed).path
        write_json(place / "environment.json", {"train_seconds": 3.0 * study.epochs[quick]})
    cost = cost_of(study, folder)
    assert cost.seconds([quick]) == pytest.approx(3.0 * study.epochs[quick])
    assert cost.seconds([long]) < 20.0 * study.epochs[long]
    assert cost.words([quick, quick], " more").startswith("2 trainings more, about 1 minute of one")
    assert cost_of(study, folder / "elsewhere").words([long]) == "1 training"


def test_helpers_and_patches_take_what_they_took(but_one_long_arm):
    study, folder, _ = but_one_long_arm
    baseline = study.arms["baseline"]
    teacher, patch = Treatments(teacher=Teacher(models=3)), Treatments(patch=Patch(epochs=0.25))
    arms = {name: baseline.model_copy(update={"treatments": it}) for name, it in
            (("taught", teacher), ("patched", patch), ("other", patch))}  # fmt: skip
    study = study.model_copy(update={"arms": study.arms | arms})
    for arm, seconds in (("taught", 85.0), ("patched", 5.0)):
        place = RunFolder(folder, arm, study.seeds[0]).path
        place.mkdir(parents=True)
        (place / "select.npz").touch()
        (place / "model.keras").touch()
        write_json(place / "environment.json", {"train_seconds": seconds, "epoch_seconds": [5.0]})
    cost = cost_of(study, folder)
    assert cost.seconds(["taught"]) == pytest.approx(85.0)
    assert cost.seconds(["patched"]) == pytest.approx(5.0)
    assert 4.0 < cost.seconds(["other"]) < 6.0
