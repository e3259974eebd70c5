"""A study whose seeds are added look by look: who goes on, what is saved, and what stays the same.

The training is replaced by a machine that errs as it is told; everything else is real: plan, run
folders, looks, verdicts and pages.
"""

import json
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.data.dataset import Dataset
from misread.data.sources import KINDS, Kind
from misread.errors import StudyError
from misread.study.conclude import conclude
from misread.study.file import load_study
from misread.study.plan import load_plan
from misread.study.run import run_study
from misread.study.task import Note
from misread.study.transfer import run_transfer
from standin import work_here

STUDY = """
title = "Look by look"
dataset = "bars"
seeds = [42, 7]
arms = ["fix", "one-sided", "swapped"]
target = "0:1"
policy = {name = "fix", probability = 1, size_px = [2, 2], true = ["dilate"], predicted = ["erode"]}
recipe = "quick"
trainer = {call = "study.test_looks:trainer"}
judge = {margins = {accuracy = 0.02, recall = 0.03, cell = 0.03, slice = 0.03}}

[adaptive]
looks = [5, 7, 9]
"""
# Share of class 0 that is read as 1, and of class 1 read as 0: baseline, and what each arm makes.
RATES = {
    "baseline": (0.06, 0.01),
    "fix": (0.01, 0.01),  # removes it: settled at the first look
    "one-sided": (0.046, 0.01),  # a little: goes on for a while
    "swapped": (0.06, 0.12),  # harms
}
N = 1500


@cache
def bars():
    """Two classes of flat images, 0 dark and 1 bright; erosion and dilation leave them alone."""
    parts = []
    for n in (400, N):
        labels = np.tile([0, 1], n)
        images = np.repeat(np.uint8([40, 200])[labels], 16).reshape(-1, 4, 4)
        parts.append(Dataset("bars", images, labels.astype(np.int64), ("dark", "bright")))
    return tuple(parts)


@dataclass(frozen=True)
class Machine:
    """A model that errs at an arm's rates, on images that are hard for its seed."""

    rates: tuple[float, float]
    seed: int

    @property
    def n_parameters(self):
        return 2

    def __call__(self, images):
        labels = (images[:, 0, 0] > 100).astype(int)
        rng = np.random.default_rng([self.seed, len(images), round(1e4 * sum(self.rates))])
        hard = np.random.default_rng(len(images)).random(len(images)) ** 2 * 3
        wrong = rng.random(len(images)) < np.array(self.rates)[labels] * hard
        read = np.where(wrong, 1 - labels, labels)
        return np.eye(2, dtype=np.float32)[read] * 0.8 + 0.1


class Bars:
    """Makes such models; a `learn.trainer.Trainer`."""

    def prepare(self):
        pass

    def train(self, lesson):
        row = dict.fromkeys(("loss", "accuracy", "select_loss", "treated", "changed"), 0)
        lesson.on_epoch({"epoch": 1, "select_accuracy": 0.9, **row})
        stated = [*RATES[lesson.run.arm], lesson.run.seed]
        (lesson.folder / "machine.json").write_text(json.dumps(stated))
        lesson.facts["epoch_cpu_seconds"] = [0.0]

    def load(self, folder):
        *rates, seed = json.loads((folder / "machine.json").read_text())
        return Machine(tuple(rates), seed)

    def facts(self):
        return {"backend": "none"}


trainer = Bars()


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return the path of the study's TOML."""
    monkeypatch.setitem(KINDS, "bars", Kind("bars", "", "", "", lambda _name, _rest: bars()))
    path = tmp_path / "bars.toml"
    path.write_text(STUDY)
    monkeypatch.setenv("KERAS_BACKEND", "none")
    work_here(monkeypatch)
    return path


def seeds_of(folder, arm):
    return {int(p.name.removeprefix("seed_")) for p in (folder / "arms" / arm).iterdir()}


def test_an_arm_that_is_settled_gets_no_more_seeds(study, tmp_path):
    wanted, folder = load_study(str(study)), tmp_path / "out"
    assert wanted.seeds == (42, 7, 1, 2, 3, 4, 5, 6, 8)
    notes = []
    run_study(wanted, folder, on_report=notes.append)
    evidence = conclude(folder)
    settled = {arm: verdict.settled for arm, verdict in evidence.verdicts.items()}
    assert evidence.verdicts["fix"].verdict == "REDUCED"
    assert evidence.verdicts["swapped"].verdict == "HARM"
    assert (settled["fix"].look, settled["swapped"].look) == (1, 1)
    assert settled["one-sided"].look > 1
    n_last = settled["one-sided"].looks[settled["one-sided"].look - 1]
    assert seeds_of(folder, "fix") == seeds_of(folder, "swapped") == set(wanted.seeds[:5])
    assert seeds_of(folder, "one-sided") == set(wanted.seeds[:n_last])
    assert seeds_of(folder, "baseline") == set(wanted.seeds[:n_last])  # as long as any arm does
    assert evidence.saved == 4 * 9 - (5 + 5 + 2 * n_last)
    outcome = json.loads((folder / "verdict.json").read_text())
    assert outcome["saved"] == evidence.saved
    assert outcome["arms"]["fix"]["settled"]["why"] == "reduced"
    assert outcome["arms"]["fix"]["seeds"] == [42, 7, 1, 2, 3]
    texts = [note.text for note in notes if isinstance(note, Note)]
    assert "fix settled after 5 seeds: REDUCED; 4 of its 9 runs saved." in texts


def test_other_data_are_read_by_the_models_that_there_are(study, tmp_path):
    folder = tmp_path / "out"
    run_study(load_study(str(study)), folder)
    home = conclude(folder)

    found = run_transfer(folder, "bars", tmp_path / "other")
    assert found.equal == 1
    assert found.outcome.seeds == home.seeds
    for arm, verdict in found.verdicts.items():
        assert verdict.seeds == home.seeds[: len(home.predictions[arm])]
        assert verdict.cells[0].after_per_seed == home.verdicts[arm].cells[0].after_per_seed
    assert len(found.verdicts["fix"].seeds) == 5 < len(found.outcome.seeds)


@pytest.mark.usefixtures("no_figures")
def test_every_page_says_at_which_look(study, tmp_path):
    done = CliRunner().invoke(main, ["run", str(study), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "Seeds were added until each verdict was settled" in " ".join(done.stdout.split())
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Settled at look 1 of 3, after 5 of at most 9 seeds" in page
    assert "4 runs of this arm saved" in page
    assert "Interval of its look" in page
    assert "--adaptive" in page
    atlas = CliRunner().invoke(main, ["atlas", str(tmp_path / "out")])
    assert "the baseline on confirm" in atlas.output


def test_stopped_anywhere_it_goes_on_to_the_same_result(study, tmp_path, monkeypatch):
    whole, wanted = tmp_path / "whole", load_study(str(study))
    run_study(wanted, whole)
    conclude(whole)
    for most in (3, 12, 22):
        cut = tmp_path / str(most)
        first = work_here(monkeypatch, most)
        with pytest.raises(KeyboardInterrupt):
            run_study(wanted, cut)
        second = work_here(monkeypatch)
        run_study(wanted, cut)
        conclude(cut)
        for name in ("plan.json", "verdict.json", "errors.json", "experiment_summary.json"):
            assert (cut / name).read_bytes() == (whole / name).read_bytes(), (most, name)
        third = work_here(monkeypatch)
        run_study(wanted, cut)
        assert third == []
        assert len(first) == most
        assert second


def test_the_plan_names_its_looks_and_others_make_it_exploratory(study, tmp_path):
    folder, fixed = tmp_path / "out", tmp_path / "fixed.toml"
    fixed.write_text(study.read_text().partition("[adaptive]")[0].replace("[42, 7]", "[42, 7, 1]"))
    run_study(load_study(str(fixed)), folder)
    assert load_plan(folder).exploratory == ""
    renamed = fixed.with_name("fixed.toml")
    plan = run_study(load_study(str(renamed), adaptive=True), folder)
    assert "changed after the confirm images had been opened" in plan.exploratory
    assert plan.study.adaptive.looks == (5, 10, 15, 20)
    assert all(verdict.exploratory for verdict in conclude(folder).verdicts.values())


def test_a_plan_says_nothing_of_looks_that_it_has_not(study):
    plan = run_study(load_study(str(study)), study.parent / "out")
    dumped = plan.model_dump(mode="json")
    assert dumped["study"]["adaptive"]["looks"] == [5, 7, 9]
    without = plan.model_copy(
        update={"study": plan.study.model_copy(update={"adaptive": None}), "planned_power": None}
    )
    old = without.model_dump(mode="json")
    assert not {"planned_power", "grouped"} & set(old)
    assert not {"adaptive", "corruptions"} & set(old["study"])
    assert without.question_sha256 != plan.question_sha256


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("looks = [3, 9]", "the first look is at 3 seeds"),
        ("looks = [5, 5]", "looks are \\[5, 5\\], but must be ascending"),
        ("looks = 5", "adaptive.looks is 5"),
        ('spending = "all"', "adaptive.spending is 'all'"),
        ("lookz = [5]", "'adaptive.lookz' is no setting; allowed there are looks, spending"),
        ("futility = 0.7", "adaptive.futility is 0.7"),
    ],
)
def test_what_looks_refuse(study, table, message):
    study.write_text(study.read_text().replace("looks = [5, 7, 9]", table))
    with pytest.raises(StudyError, match=message) as caught:
        load_study(str(study))
    assert "\n" not in str(caught.value)


def test_more_seeds_than_the_last_look_are_refused(study):
    with pytest.raises(StudyError, match="the last look is at 9 of 12 seeds"):
        load_study(str(study), seeds=tuple(range(12)))


def test_a_comparison_has_no_looks():
    done = CliRunner().invoke(main, ["run", "dense-four", "--adaptive"])
    assert done.exit_code == 2
    assert "looks need a target, and none is asked for; leave `adaptive` out" in done.output
