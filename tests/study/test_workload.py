"""What a study is about to train is said with its arithmetic."""

from misread.learn.views import load_parts
from misread.study.file import load_study
from misread.study.workload import workload


def test_the_work_is_said_with_its_arithmetic(tmp_path):
    study = load_study("fours-fixed")
    said = workload(study, load_parts(study.dataset, None), tmp_path, 2)
    assert said.startswith("15 trainings to do of 15: 3 arms × 5 seeds, epochs a training: ")
    assert (
        "baseline 1, documented 1 and affine-margin 3. 25 epochs of 30,000 images × about" in said
    )
    assert "min on one core" in said


def test_a_smoke_run_has_no_minutes(tmp_path):
    study = load_study("fours-fixed", smoke=True)
    said = workload(study, load_parts(study.dataset, 2000), tmp_path, 1)
    assert " trainings to do of " in said
    assert "min" not in said.partition("baseline")[2]
