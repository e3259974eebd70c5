"""Contract 7: nothing finished is ever lost. Kill a study at any moment, run the same command
again, and it goes on to the same result.

Wherever it does not matter what trains, the stand-in does; one training by Keras is killed too.
"""

import json
import multiprocessing as mp
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from commands import begin, kill_when, stable_bytes
from misread.cli import main
from misread.errors import StoreError
from misread.files import UNFINISHED
from misread.learn.order import Progress
from misread.study import folder as study_folder
from misread.study.conclude import conclude
from misread.study.file import load_study
from misread.study.run import run_study
from misread.study.task import Note
from misread.workers.processes import LocalPool
from standin import work_here


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


class Disk:
    """Counts the files that are moved to their places, and stops before one of them."""

    def __init__(self, monkeypatch):
        self.n_files, self.last = 0, -1
        move = Path.replace

        def replace(path, target):
            if path.name.endswith(UNFINISHED):
                if self.n_files == self.last:
                    raise Killed
                self.n_files += 1
            return move(path, target)

        monkeypatch.setattr(Path, "replace", replace)


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def page(folder, monkeypatch):
    """Return the page of a finished study as `misread report` writes it, but for its figures."""
    with tempfile.TemporaryDirectory() as elsewhere, monkeypatch.context() as patch:
        patch.chdir(elsewhere)
        shutil.copytree(folder, "small")
        assert CliRunner().invoke(main, ["report", "small"]).exit_code == 0
        return Path("small/report.html").read_bytes()


def finished(folder):
    """Return the times of all files that may never be written again."""
    there = times(folder)
    is_trained = {path.parent for path in there if path.name == "select.npz"}
    return {
        path: then
        for path, then in there.items()
        if path.name == "plan.json"
        or path.with_name("result.json") in there
        or (
            path.parent in is_trained
            and path.name not in {"predictions.npz", "held_out.npz", "preview.npz"}
        )
        or (path.parent.name == "model" and path.parent.parent in is_trained)
    }


def test_killed_before_any_file_it_goes_on_to_the_same_bytes(small_toml, tmp_path, monkeypatch):
    """Every moment: before the first file, the second, … of a study, to the last."""
    work_here(monkeypatch)
    disk, study = Disk(monkeypatch), load_study(str(small_toml), smoke=True, seeds=(1,))
    run_study(study, tmp_path / "whole")
    whole = stable_bytes(tmp_path / "whole")
    moment, n_finished = 0, []
    while True:
        folder = tmp_path / str(moment)
        disk.n_files, disk.last = 0, moment
        try:
            run_study(study, folder)
        except Killed:
            left = finished(folder)
            disk.last = -1
            run_study(study, folder)
            now = times(folder)
            assert {path: now[path] for path in left} == left
        assert stable_bytes(folder) == whole, moment
        if disk.last == moment:
            break
        n_finished.append(len(left))
        moment += 1
        shutil.rmtree(folder)
    assert moment > 2 * 7
    assert n_finished == sorted(n_finished)


def test_killed_while_it_concludes_it_comes_to_the_same_conclusions(small, tmp_path, monkeypatch):
    disk, whole = Disk(monkeypatch), stable_bytes(small)
    shutil.copytree(small / "arms", tmp_path / "arms")
    for name in ("plan.json", "errors.json"):
        shutil.copy(small / name, tmp_path)
    for moment in (0, 3, 6):
        disk.n_files, disk.last = 0, moment
        with pytest.raises(Killed):
            conclude(tmp_path)
    disk.last = -1
    conclude(tmp_path)
    assert stable_bytes(tmp_path) == whole


@pytest.mark.usefixtures("few_figures")
def test_killed_while_figures_and_report_are_written_they_come_out_the_same(
    small, tmp_path, monkeypatch
):
    whole, killed = tmp_path / "whole" / "small", tmp_path / "killed" / "small"
    for folder in (whole, killed):
        shutil.copytree(small, folder)
    monkeypatch.chdir(whole.parent)
    disk = Disk(monkeypatch)
    assert CliRunner().invoke(main, ["report", "small"]).exit_code == 0
    n_files = disk.n_files
    assert n_files > 3, "slices, figures, and the page last"
    monkeypatch.chdir(killed.parent)
    for moment in (0, n_files // 2, n_files - 1):
        disk.n_files, disk.last = 0, moment
        with pytest.raises(Killed):
            main(["report", "small"], standalone_mode=False)
    disk.last = -1
    assert CliRunner().invoke(main, ["report", "small"]).exit_code == 0
    assert stable_bytes(killed) == stable_bytes(whole)


@pytest.mark.usefixtures("no_figures")
def test_a_study_that_is_killed_takes_its_workers_along_and_goes_on(
    small_toml, small, tmp_path, monkeypatch
):
    """With one worker in place of two, to the same files and the same page."""
    code, _ = kill_when(
        lambda: list(tmp_path.glob("arms/*/*/config.json")),  # a worker trains
        signal.SIGKILL,
        *("run", small_toml, "--smoke", "--jobs", 2, "--out", tmp_path),
        STANDIN_SECONDS="30",
    )
    assert code == -signal.SIGKILL
    assert not (tmp_path / "plan.json").exists()
    run_study(load_study(str(small_toml), smoke=True), tmp_path, jobs=1)
    conclude(tmp_path)
    assert stable_bytes(tmp_path) == stable_bytes(small)
    assert page(tmp_path, monkeypatch) == page(small, monkeypatch)


@pytest.mark.usefixtures("trainer")
def test_a_real_training_that_is_killed_goes_on_to_the_same_bytes(smoke, tmp_path, monkeypatch):
    """With fewer arms, in one process and with a kill in between, as with all at once in two."""
    begun = tmp_path / "arms/baseline/seed_42/config.json"
    code, _ = kill_when(
        begun.exists,
        signal.SIGKILL,
        *("run", "four-nine", "--smoke", "--arms", "both", "--seeds", 42, "--jobs", 1),
        *("--out", tmp_path),
    )
    assert code == -signal.SIGKILL
    assert not (tmp_path / "plan.json").exists()
    work_here(monkeypatch)
    run_study(load_study("four-nine", smoke=True, arms=("both",), seeds=(42,)), tmp_path)
    for arm in ("baseline", "both"):
        there, here = (folder / "arms" / arm / "seed_42" for folder in (smoke, tmp_path))
        for name in ("config.json", "history.csv", "select.npz"):
            assert (here / name).read_bytes() == (there / name).read_bytes(), (arm, name)
        read, again = (np.load(folder / "predictions.npz") for folder in (there, here))
        for name in ("labels", "predictions", "probs", "disputed"):  # the slices are fewer
            assert np.array_equal(read[name], again[name]), (arm, name)


def test_ctrl_c_says_how_to_go_on(small_toml, tmp_path):
    code, said = kill_when(
        lambda: list(tmp_path.glob("arms/*/*/config.json")),
        signal.SIGINT,
        *("run", small_toml, "--smoke", "--jobs", 2, "--out", tmp_path),
        STANDIN_SECONDS="30",
    )
    assert code == 130
    assert "0 of 4 runs complete." in said
    assert "Stopped. Nothing finished is lost: run the same command again to go on." in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("no_figures")
def test_a_killed_worker_costs_one_run_which_is_tried_again(
    small_toml, small, tmp_path, monkeypatch
):
    monkeypatch.setenv("STANDIN_SECONDS", "0.2")
    notes, killed = [], []

    def on_report(report):
        if isinstance(report, Note):
            notes.append(report.text)
        elif isinstance(report, Progress) and not killed:
            killed.extend(mp.active_children())
            for worker in killed:
                worker.kill()

    run_study(load_study(str(small_toml), smoke=True), tmp_path, jobs=2, on_report=on_report)
    conclude(tmp_path)
    assert killed
    assert any(
        text.endswith("its worker was killed by SIGKILL (out of memory?); it is tried again.")
        for text in notes
    )
    assert stable_bytes(tmp_path) == stable_bytes(small)
    assert page(tmp_path, monkeypatch) == page(small, monkeypatch)


def die_in_policy_seed_1(order, report):
    """A run that takes its worker along, every time."""
    from misread.learn.work import work

    if (order.run.arm, order.run.seed) == ("policy", 1):
        os.kill(os.getpid(), signal.SIGKILL)
    work(order, report)


def test_a_run_that_always_dies_is_named_and_the_others_are_done(
    small_toml, small, tmp_path, monkeypatch
):
    shutil.copytree(small / "arms", tmp_path / "arms")
    shutil.rmtree(tmp_path / "arms/policy/seed_1")
    (tmp_path / "arms/policy/seed_2/result.json").unlink()  # trained, but *confirm* is unread
    command = ["run", str(small_toml), "--smoke", "--jobs", "1", "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(study_folder, "work", die_in_policy_seed_1)
        done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == (
        "misread: 1 of 2 runs failed, and 1 was done: policy seed 1 (its worker was killed "
        "by SIGKILL (out of memory?), in each of 3 tries). What the workers said is in "
        f"{tmp_path}/workers.log; mend that and run the same command again: it tries these again, "
        "and what was finished is kept."
    )
    assert (tmp_path / "arms/policy/seed_2/result.json").exists()
    assert not (tmp_path / "verdict.json").exists()
    work_here(monkeypatch)
    run_study(load_study(str(small_toml), smoke=True), tmp_path)
    conclude(tmp_path)
    assert stable_bytes(tmp_path) == stable_bytes(small)


def test_a_full_disk_ends_a_study_with_one_sentence_and_goes_on(
    small_toml, small, tiny_disk, tmp_path_factory, monkeypatch
):
    study, folder = load_study(str(small_toml), smoke=True), tiny_disk / "study"
    work_here(monkeypatch)
    with pytest.raises(StoreError, match="the disk is full; free some space and run") as caught:
        run_study(study, folder)
    message = str(caught.value)
    assert message.endswith("run the same command again. What was finished is kept.")
    assert "\n" not in message
    assert not list(folder.rglob(f"*{UNFINISHED}"))
    larger = tmp_path_factory.mktemp("larger") / "study"
    kept = finished(Path(shutil.copytree(folder, larger)))
    assert kept
    run_study(study, larger)
    conclude(larger)
    assert {path: then for path, then in times(larger).items() if path in kept} == kept
    assert stable_bytes(larger) == stable_bytes(small)


def test_a_study_on_a_full_disk_has_no_traceback(small_toml, tiny_disk, monkeypatch):
    work_here(monkeypatch)
    command = ["run", str(small_toml), "--smoke", "--out", str(tiny_disk / "study")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith(f"misread: {tiny_disk}/study/arms/")
    assert "Traceback" not in done.stderr


def test_a_finished_study_starts_no_worker_and_changes_nothing(small_toml, small, monkeypatch):
    def refuse(*_):
        pytest.fail("a worker was started")

    monkeypatch.setattr(LocalPool, "_spawn", refuse)
    before = times(small)
    assert run_study(load_study(str(small_toml), smoke=True), small) is not None
    assert {path: then for path, then in times(small).items() if path.name != "errors.json"} == {
        path: then for path, then in before.items() if path.name != "errors.json"
    }


def test_a_full_run_moves_a_smoke_run_aside(small_toml, small, tmp_path, monkeypatch):
    folder, notes = tmp_path / "small", []
    shutil.copytree(small, folder)
    kept = stable_bytes(folder)
    work_here(monkeypatch)
    for number in (1, 2):
        if number == 2:  # a smoke run in the same place again
            shutil.rmtree(folder)
            shutil.copytree(small, folder)
        run_study(load_study(str(small_toml)), folder, on_report=notes.append)
        aside = tmp_path / f"small.smoke-{number}"
        assert stable_bytes(aside) == kept
        assert f"{folder} held a smoke run; it was moved aside to {aside}." in [
            note.text for note in notes if isinstance(note, Note)
        ]
    config = json.loads((folder / "arms/baseline/seed_1/config.json").read_text())
    assert config["confirm_size"] is None


def test_two_at_once_do_not_disturb_each_other(small_toml, tmp_path):
    """The second is refused, the first goes on."""
    process = begin(
        *("run", small_toml, "--smoke", "--jobs", 1, "--out", tmp_path), STANDIN_SECONDS="30"
    )
    try:
        deadline = time.monotonic() + 900
        while not list(tmp_path.glob("arms/*/*/config.json")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(StoreError, match="in use by another misread process"):
            run_study(load_study(str(small_toml), smoke=True), tmp_path)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
