"""Trainers of one's own: examples, what is refused, what is kept, what is never run."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from commands import PLAIN
from misread.cli import main
from misread.errors import MisreadError, PlanError, RunError, StudyError
from misread.files import read_json
from misread.learn.recipe import TrainerCall
from misread.study.arms import Arm
from misread.study.conclude import conclude
from misread.study.file import load_study
from misread.study.run import run_study
from misread.study.study import Study
from misread.study.task import Note
from standin import work_here

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HEAD = """
title = "Small"
dataset = "sklearn-digits"
target = "8:1"
seeds = [1, 2]
"""


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("scikit_learn_mlp", "sklearn"),
        ("scikit_learn_forest", "sklearn"),
        ("command", "sklearn"),
        ("own_keras", "keras"),
        ("pytorch", "torch"),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_examples_run(name, needs, tmp_path, monkeypatch):
    pytest.importorskip(needs)
    work_here(monkeypatch)
    epochs = None if name in {"command", "scikit_learn_forest"} else 2
    study = load_study(str(EXAMPLES / f"{name}.toml"), seeds=(1, 2), epochs=epochs)
    notes = []
    run_study(study, tmp_path, on_report=notes.append)
    texts = [note.text for note in notes if isinstance(note, Note)]
    assert any("with the same probabilities" in text for text in texts), texts
    evidence = conclude(tmp_path)
    assert {arm: runs.preds_SN.shape for arm, runs in evidence.runs.items()} == dict.fromkeys(
        study.arms, (2, 360)
    )
    config = read_json(tmp_path / "arms" / list(study.arms)[1] / "seed_1" / "config.json")
    assert config["settings"] == study.arms[list(study.arms)[1]].settings
    assert config["recipe"] is None


def written(folder, code, more=""):
    """Write a trainer and a study with it; return the path of the study."""
    name = f"trainer_{abs(hash((code, str(folder)))):x}"
    (folder / f"{name}.py").write_text(f"import numpy as np\n{code}")
    path = folder / "small.toml"
    arms = "[arms.baseline]\nlevel = 1\n[arms.fix]\nlevel = 2\n"
    path.write_text(f'{HEAD}{more}[trainer]\ncall = "{name}:train"\n{arms}')
    return path


def run_here(path, folder, monkeypatch, **options):
    work_here(monkeypatch)
    notes = []
    run_study(load_study(str(path), **options), folder, on_report=notes.append)
    return [note.text for note in notes if isinstance(note, Note)]


UNIFORM = "lambda images: np.full((len(images), 10), 0.1)"


@pytest.mark.parametrize(
    ("reader", "error", "sentence"),
    [
        (
            "lambda images: np.ones((len(images), 9)) / 9",
            StudyError,
            r"float64 \[144, 9\]; it must",
        ),
        ("lambda images: ['a'] * len(images)", StudyError, "a probability for each image"),
        ("None", StudyError, "gave back None, which cannot be called"),
        (
            "lambda images: np.full((len(images), 10), np.nan)",
            RunError,
            "NaN or infinity for 144 images",
        ),
        ("lambda images: np.ones((len(images), 10))", RunError, "add up to 1"),
        ("1 / 0", RunError, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_a_trainer_gives_back_is_checked_at_the_first_run(
    reader, error, sentence, tmp_path, monkeypatch
):
    path = written(tmp_path, f"def train(lesson):\n    print('so far')\n    return {reader}\n")
    with pytest.raises(error, match=sentence):
        run_here(path, tmp_path / "out", monkeypatch)
    log = (tmp_path / "out" / "arms" / "baseline" / "seed_1" / "trainer.log").read_text()
    assert log.startswith("so far\n")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('call = "nowhere:train"', "there is no trainer nowhere:train"),
        ('call = "json:dumped"', "has no attribute 'dumped'"),
        ('call = "json"', "write it as in package.module:name"),
        ('call = "math:pi"', "must be a function of a lesson"),
        ('command = ["true"]', "must name {folder}"),
        ('command = ["true", "{folder}", "{arms}"]', "and no other such word"),
        ('command = ["no-such-program", "{folder}"]', "there is no program 'no-such-program'"),
        ('command = ["true", "{folder}"]', "left no readable probs.npy"),
        ('command = ["x", "{folder}"]\ncall = "a:b"', "give one of them"),
        ('cal = "a:b"', "'trainer.cal' is no setting; allowed there are call, command"),
    ],
)
def test_a_trainer_that_is_none(table, sentence, tmp_path, monkeypatch):
    path = tmp_path / "small.toml"
    path.write_text(f"{HEAD}[trainer]\n{table}\n[arms.baseline]\n[arms.fix]\nx = 1\n")
    with pytest.raises(MisreadError) as caught:
        run_here(path, tmp_path / "out", monkeypatch)
    assert sentence in str(caught.value)


def test_a_trainer_that_does_not_repeat_itself_is_said_to(tmp_path, monkeypatch):
    code = """
def train(lesson):
    probs = np.random.default_rng().dirichlet(np.ones(10), 2000)
    return lambda images: probs[: len(images)]
"""
    path = written(tmp_path, code)
    texts = run_here(path, tmp_path / "out", monkeypatch)
    assert any("does not repeat itself" in text for text in texts), texts
    assert (tmp_path / "out/arms/fix/seed_2/model/none.txt").exists()
    with monkeypatch.context() as other:
        other.setattr(sys, "argv", ["misread"])
        assert run_here(path, tmp_path / "out", other) == [texts[-1]]


def test_settings_images_and_folder_are_as_the_page_says(tmp_path, monkeypatch):
    code = f"""
def train(lesson):
    assert lesson.images.dtype == np.uint8 and lesson.images.shape[1:] == (8, 8)
    assert len(lesson.images) == len(lesson.labels) and lesson.class_names == tuple("0123456789")
    assert lesson.settings == {{"level": 1 if lesson.arm == "baseline" else 2}}
    assert not list(lesson.folder.iterdir()) or (lesson.folder / "mine").read_text() == "kept"
    (lesson.folder / "mine").write_text("kept")
    return {UNIFORM}
"""
    path = written(tmp_path, code)
    run_here(path, tmp_path / "out", monkeypatch)
    assert (tmp_path / "out/arms/fix/seed_1/model/mine").read_text() == "kept"
    path.write_text(path.read_text().replace("level = 1", "level = 3"))
    with pytest.raises(PlanError, match="level 1 instead of 3"):
        run_here(path, tmp_path / "out", monkeypatch)


def test_a_trainer_that_changed_midway_is_said_to(tmp_path, monkeypatch):
    path = written(tmp_path, f"def train(lesson):\n    return {UNIFORM}\n")
    run_here(path, tmp_path / "out", monkeypatch, seeds=(1,))
    (module,) = tmp_path.glob("trainer_*.py")
    module.write_text(module.read_text() + "\n# better\n")
    texts = run_here(path, tmp_path / "out", monkeypatch)
    assert any("its runs are of 2 versions" in text for text in texts), texts


def uniform(_lesson):
    return lambda images: np.full((len(images), 10), 0.1)


def test_in_python_a_function_is_handed_over(tmp_path, monkeypatch):
    work_here(monkeypatch)
    arms = {"baseline": Arm(settings={"x": 1}), "fix": Arm(settings={"x": 2})}
    study = Study(
        name="mine",
        title="Mine",
        dataset="sklearn-digits",
        seeds=(1, 2),
        arms=arms,
        target=(8, 1),
        trainer=TrainerCall(call="a:b"),
    )
    plan = run_study(study, tmp_path, trainer=uniform)
    assert plan.study.trainer.call.endswith("test_trainer:uniform")
    with pytest.raises(StudyError, match="workers cannot import the trainer"):
        run_study(study, tmp_path, trainer=lambda _lesson: None)


def misread(*arguments):
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


def test_only_what_trains_runs_a_trainer(tmp_path, monkeypatch):
    marks = tmp_path / "marks"
    code = f"""
import pathlib
pathlib.Path({str(marks)!r}).write_text("!")
def train(lesson):
    return {UNIFORM}
"""
    path, folder = written(tmp_path, code), tmp_path / "out"
    run_here(path, folder, monkeypatch)
    conclude(folder)
    assert marks.read_text()
    marks.unlink()
    for module in [name for name in sys.modules if name.startswith("trainer_")]:
        del sys.modules[module]
    arm = folder / "arms/baseline"
    for arguments in (
        ("errors", folder),
        ("preview", folder),
        ("errors", path, "--out", folder),
        ("report", folder),
        ("judge", arm, folder / "arms/fix", "--cell", "8:1"),
        ("judge", arm, folder / "arms/fix"),
        ("atlas", folder),
        ("slices", folder),
        ("labels", folder),
        ("power", folder, "--cell", "8:1"),
        ("data", "show", "sklearn-digits", "--figure", tmp_path / "x.png"),
    ):
        done = misread(*arguments)
        assert done.exit_code == 0 or arguments[0] in ("slices", "power", "preview"), done.output
        assert not marks.exists(), arguments
    for arguments in (("corruptions", folder), ("transfer", folder, "--data", "mnist")):
        done = misread(*arguments)
        assert (done.exit_code, "add --trust" in done.stderr) == (2, True), done.output
        assert not marks.exists(), arguments
    done = misread("errors", path, "--seeds", "1,2,3", "--out", folder)
    assert "1 of 3 runs of the baseline are not trained yet" in done.stderr
    assert not marks.exists()
    done = misread("errors", path, "--seeds", "1,2,3", "--out", folder, "--train")
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("Trainer: trainer_")
    assert marks.exists()


def test_without_keras_and_tensorflow(tmp_path):
    for name in ("keras", "tensorflow"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('absent')")
    done = subprocess.run(
        [
            *(sys.executable, "-c", PLAIN, "run", str(EXAMPLES / "command.toml")),
            *("--seeds", "1", "--out", str(tmp_path / "out"), "--jobs", "1"),
        ],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=1100,
    )
    assert done.returncode == 0, done.stderr
    assert "Trainer: python command.py --out {folder} in" in done.stderr.splitlines()[0]
    log = tmp_path / "out/arms/all/seed_1/trainer.log"
    assert log.read_text() == "training all with seed 1\n"
    assert (tmp_path / "out/report.html").exists()
