"""A real study end to end, through the command line, killed and resumed."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SMALL = """
title = "Small"
seeds = [1, 2]
arms = ["policy"]
target = "4:9"
policy = {probability = 0.5, size_px = [2, 2], true = ["dilate"], predicted = ["erode"]}
"""


def misread(*args, **options):
    command = [sys.executable, "-m", "misread", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def stable_bytes(folder: Path) -> dict[str, bytes]:
    """Every file that must not depend on when and how often the study was begun."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in {"environment.json", "model.keras", "workers.log", ".lock"}
        and path.name != "report.html"  # it names seconds and machine
    }


def test_the_folder_is_as_the_contract_says(smoke):
    for arm in ("baseline", "documented", "one-sided", "swapped", "both"):
        for seed in (42, 123):
            run = smoke / "arms" / arm / f"seed_{seed}"
            assert {path.name for path in run.iterdir()} - {"preview.npz"} == {
                "config.json", "history.csv", "select.npz", "predictions.npz", "model.keras",
                "environment.json", "result.json",
            }  # fmt: skip
            if arm != "baseline":
                assert (smoke / arm / f"comparison_seed_{seed}.json").is_file()
    for name in ("plan.json", "experiment_summary.json", "verdict.json", "errors.json"):
        assert json.loads((smoke / name).read_text())
    assert (smoke / "report.html").is_file()
    assert list((smoke / "figures").glob("*.png"))


def test_every_output_says_that_it_was_a_smoke_run(smoke):
    for path in [
        *(smoke / n for n in ("experiment_summary.json", "verdict.json", "errors.json")),
        *smoke.glob("*/comparison_seed_*.json"),
    ]:
        assert json.loads(path.read_text())["smoke"] is True
    assert "smoke" in json.loads((smoke / "plan.json").read_text())["plan"]["exploratory"]
    assert "smoke run" in (smoke / "report.html").read_text()
    for verdict in json.loads((smoke / "verdict.json").read_text())["arms"].values():
        assert "smoke" in verdict["exploratory_why"]


def test_the_numbers_agree_with_the_readings(smoke):
    """Recount by hand, from the readings alone, what the JSON files say."""
    from misread.data.mnist import load_mnist
    from misread.data.parts import stratified_subset

    def read(arm, seed):
        path = smoke / "arms" / arm / f"seed_{seed}" / "predictions.npz"
        return np.load(path, allow_pickle=False)

    labels = read("baseline", 42)["labels"]
    assert labels.shape == (2000,)
    summary = json.loads((smoke / "experiment_summary.json").read_text())
    accuracy = [float((read("baseline", s)["predictions"][0] == labels).mean()) for s in (42, 123)]
    assert summary["accuracy"]["per_seed"] == accuracy
    assert summary["accuracy"]["mean"] == pytest.approx(np.mean(accuracy))
    for seed in (42, 123):
        comparison = json.loads((smoke / "both" / f"comparison_seed_{seed}.json").read_text())
        for side, arm in (("before", "baseline"), ("after", "both")):
            predictions = read(arm, seed)["predictions"][0]
            hit = (labels == 4) & (predictions == 9)
            assert comparison[side]["target_cell"]["errors"] == hit.sum()
            ids = comparison[side]["target_cell"]["images"]
            assert (load_mnist()[1].labels_N[ids] == 4).all()
            assert ids == stratified_subset(load_mnist()[1].labels_N, 2000)[hit].tolist()
            right = ((labels == 9) & (predictions == 9)).sum()
            nine = comparison[side]["classes"]["9"]
            assert nine["recall"] == pytest.approx(right / (labels == 9).sum())
            assert nine["precision"] == pytest.approx(right / (predictions == 9).sum())
    verdict = json.loads((smoke / "verdict.json").read_text())["arms"]["both"]
    fours = labels == 4
    before, after = (
        np.mean([(read(arm, s)["predictions"][0][fours] == 9).mean() for s in (42, 123)])
        for arm in ("baseline", "both")
    )
    assert verdict["cells"][0]["effect"]["estimate"] == pytest.approx(after - before)


def test_slices_are_read_from_treated_images(smoke, trainer):
    from misread.data.mnist import load_mnist
    from misread.data.parts import stratified_subset
    from misread.images.operations import erode

    run = smoke / "arms" / "documented" / "seed_42"
    arrays = np.load(run / "predictions.npz", allow_pickle=False)
    number = arrays["slice_names"].tolist().index("erode 2 px · 4")
    test = load_mnist()[1]
    confirm = test.take(stratified_subset(test.labels_N, 2000))
    ids = arrays[f"slice_{number}_ids"]
    assert (confirm.labels_N[ids] == 4).all()
    assert len(ids) == (confirm.labels_N == 4).sum()
    model = trainer.load(run / "model.keras")
    again = trainer.read(model, erode(confirm.images[ids], 2)).argmax(axis=1)
    assert np.array_equal(arrays[f"slice_{number}_predictions"], again)


def test_select_is_a_tenth_that_rotates_and_was_not_trained_on(smoke):
    ids = {}
    for seed in (42, 123):
        baseline = smoke / "arms" / "baseline" / f"seed_{seed}"
        treated = smoke / "arms" / "both" / f"seed_{seed}"
        own = np.load(baseline / "select.npz", allow_pickle=False)["ids"]
        assert np.array_equal(own, np.load(treated / "select.npz", allow_pickle=False)["ids"])
        assert len(own) == pytest.approx(1000, abs=5)
        ids[seed] = set(own.tolist())
    assert not ids[42] & ids[123]


def test_errors_count_what_select_says(smoke):
    errors = json.loads((smoke / "errors.json").read_text())
    wrong = 0
    for seed in (42, 123):
        arrays = np.load(smoke / "arms/baseline" / f"seed_{seed}" / "select.npz")
        wrong += int((arrays["labels"] != arrays["predictions"][0]).sum())
    assert sum(len(cell["images"]) for cell in errors["cells"]) == wrong
    assert len(errors["cells"]) == 90
    means = [cell["mean"] for cell in errors["cells"]]
    assert means == sorted(means, reverse=True)


def test_history_has_a_row_an_epoch(smoke):
    with (smoke / "arms/both/seed_42/history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1"]
    assert int(rows[0]["treated"]) >= int(rows[0]["changed"]) > 0


def test_running_again_does_nothing_and_changes_nothing(smoke):
    before = stable_bytes(smoke) | {"report": (smoke / "report.html").read_bytes()}
    models = {p: p.stat().st_mtime_ns for p in smoke.rglob("model.keras")}
    done = misread("run", "four-nine", "--smoke", "--out", smoke)
    assert done.returncode == 0, done.stderr
    assert before == stable_bytes(smoke) | {"report": (smoke / "report.html").read_bytes()}
    assert models == {p: p.stat().st_mtime_ns for p in smoke.rglob("model.keras")}


def test_the_report_can_be_made_anew_to_the_byte(smoke):
    page = (smoke / "report.html").read_bytes()
    figures = {p.name: p.read_bytes() for p in (smoke / "figures").iterdir()}
    done = misread("report", smoke)
    assert done.returncode == 0, done.stderr
    assert (smoke / "report.html").read_bytes() == page
    assert {p.name: p.read_bytes() for p in (smoke / "figures").iterdir()} == figures


def test_errors_of_other_seeds_do_not_get_into_the_report(smoke, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(smoke, copy)
    done = misread("errors", "four-nine", "--smoke", "--seeds", "42", "--out", copy)
    assert done.returncode == 0, done.stderr
    assert json.loads((copy / "errors.json").read_text())["seeds"] == [42]
    done = misread("report", copy)
    assert done.returncode == 0, done.stderr
    for name in ("errors.json", "preview.json", "figures/ranked_cells.png", "report.html"):
        assert (copy / name).read_bytes() == (smoke / name).read_bytes(), name


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small study, and what it comes to when nothing disturbs it, on one worker."""
    folder = tmp_path_factory.mktemp("small")
    study = folder / "small.toml"
    study.write_text(SMALL)
    done = misread("run", study, "--smoke", "--jobs", 1, "--out", folder / "whole")
    assert done.returncode == 0, done.stderr
    return study, folder / "whole"


def kill_when(study, out, ready, sig):
    """Start the study, send `sig` as soon as `ready(out)`, and wait for the end of all workers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "misread", "run", study, "--smoke", "--jobs", "2", "--out", out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not ready(out) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, process.communicate()
    os.kill(process.pid, sig)  # the study alone: its workers must end by themselves
    told = process.communicate(timeout=60)[1]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        alive = subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True).stdout
        if not alive:
            return process.returncode, told
        time.sleep(0.1)
    pytest.fail("workers outlive their study")
    return None


MOMENTS = {
    "as training begins": lambda out: list(out.glob("arms/*/*/config.json")),
    "as the first model is stored": lambda out: list(out.glob("arms/*/*/model.keras")),
    "as the plan is locked": lambda out: (out / "plan.json").exists(),
    "as the first run is complete": lambda out: list(out.glob("arms/*/*/result.json")),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(small, tmp_path, moment):
    study, whole = small
    code, _ = kill_when(study, tmp_path, MOMENTS[moment], signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not (tmp_path / "verdict.json").exists()
    finished = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("result.json")}
    done = misread("run", study, "--smoke", "--jobs", 2, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert {p: p.stat().st_mtime_ns for p in finished} == finished  # nothing done twice
    assert stable_bytes(tmp_path) == stable_bytes(whole)


def test_a_killed_worker_costs_one_run_which_is_tried_again(small, tmp_path):
    study, whole = small
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "misread",
            "run",
            study,
            "--smoke",
            "--jobs",
            "2",
            "--out",
            tmp_path,
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("arms/*/*/config.json")):  # a worker trains
        assert time.monotonic() < deadline
        time.sleep(0.02)
    children = ["pgrep", "-P", str(process.pid), "-f", "spawn_main"]
    for pid in subprocess.run(children, capture_output=True, text=True).stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    told = process.communicate(timeout=300)[1]
    assert process.returncode == 0, told
    assert "its worker was killed by SIGKILL (out of memory?); it is tried again." in told
    assert stable_bytes(tmp_path) == stable_bytes(whole)


def die_in_policy_seed_1(order, report):
    """A run that takes its worker along, every time."""
    from misread.learn.work import prepare, work

    if (order.run.arm, order.run.seed) == ("policy", 1):
        os.kill(os.getpid(), signal.SIGKILL)
    prepare()
    work(order, report)


def nothing():
    """Start at once: a worker that is about to die needs no Keras."""


def test_a_run_that_always_dies_is_told_and_the_others_are_done(small, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from misread.cli import main
    from misread.study import folder as steps

    study, whole = small
    for arm in ("baseline", "policy"):
        for seed in (1, 2):
            if (arm, seed) != ("policy", 1):
                shutil.copytree(
                    whole / f"arms/{arm}/seed_{seed}", tmp_path / f"arms/{arm}/seed_{seed}"
                )
    (tmp_path / "arms/policy/seed_2/result.json").unlink()  # trained, but *confirm* is unread
    command = ["run", str(study), "--smoke", "--jobs", "1", "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(steps, "work", die_in_policy_seed_1)
        patch.setattr(steps, "prepare", nothing)
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
    done = misread(*command)
    assert done.returncode == 0, done.stderr
    assert stable_bytes(tmp_path) == stable_bytes(whole)


def test_a_finished_study_starts_no_worker(small, monkeypatch):
    from misread.study.file import load_study
    from misread.study.run import run_study
    from misread.workers.processes import LocalPool

    study, whole = small

    def refuse(*_: object) -> None:
        pytest.fail("a worker was started")

    monkeypatch.setattr(LocalPool, "start", refuse)
    assert run_study(load_study(str(study), smoke=True), whole) is not None


def test_workers_start_before_the_data_are_loaded(tmp_path, monkeypatch):
    from misread.study import run as trial
    from misread.study.file import load_study
    from misread.workers.processes import LocalPool

    started = []

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalPool, "start", lambda _, n_jobs: started.append(n_jobs))
    monkeypatch.setattr(trial, "load", stop)
    for until, n_runs in (("all", 10), ("errors", 2)):
        with pytest.raises(KeyboardInterrupt):
            trial.run_study(load_study("four-nine", smoke=True), tmp_path, until=until)
        assert started.pop() == n_runs


def test_ctrl_c_says_how_to_go_on(small, tmp_path):
    code, told = kill_when(small[0], tmp_path, MOMENTS["as training begins"], signal.SIGINT)
    assert code == 130
    assert "0 of 4 runs complete." in told
    assert "Stopped. Nothing finished is lost: run the same command again to go on." in told
    assert "Traceback" not in told


def test_another_question_in_the_same_folder_is_refused(small):
    study, whole = small
    before = stable_bytes(whole)
    done = misread("run", study, "--smoke", "--epochs", 2, "--out", whole)
    assert done.returncode == 2
    assert "holds a run with epochs 1 instead of 2; choose another folder with --out" in done.stderr
    assert stable_bytes(whole) == before


def test_a_full_run_moves_a_smoke_run_aside(small, tmp_path):
    study, whole = small
    shutil.copytree(whole, tmp_path / "small")
    code, told = None, ""
    process = subprocess.Popen(
        [sys.executable, "-m", "misread", "run", study, "--out", tmp_path / "small"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    moved = tmp_path / "small.smoke-1"
    while not (moved.exists() and (tmp_path / "small/.lock").exists()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1]
    code = process.returncode
    assert (tmp_path / "small.smoke-1" / "verdict.json").exists()
    assert "moved aside" in told
    assert code in (130, -signal.SIGINT)


def test_smoke_runs_never_mix_with_real_ones(small, tmp_path):
    """A smoke run with another seed in a folder of real runs would take its place."""
    study, whole = small
    shutil.copytree(whole, tmp_path / "real")
    for path in (tmp_path / "real").glob("arms/*/*/config.json"):
        config = json.loads(path.read_text())
        path.write_text(json.dumps(config | dict.fromkeys(("fit_size", "select_size"), None)))
    before = stable_bytes(tmp_path / "real")
    done = misread("run", study, "--smoke", "--seeds", 9, "--out", tmp_path / "real")
    assert done.returncode == 2
    assert "fit_size None instead of 2000" in done.stderr
    assert stable_bytes(tmp_path / "real") == before


def test_backends_never_mix(small):
    study, whole = small
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = misread("run", study, "--smoke", "--out", whole, env=environment)
    assert done.returncode == 2
    assert "backend tensorflow instead of jax" in done.stderr


def test_a_backend_that_is_not_there(tmp_path):
    environment = os.environ | {"KERAS_BACKEND": "nonsense"}
    done = misread(
        "errors", "four-nine", "--smoke", "--seeds", 1, "--out", tmp_path, env=environment
    )
    assert done.returncode == 2
    assert "Keras cannot start with KERAS_BACKEND=nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_damage_in_a_finished_run_is_found(small, tmp_path):
    study, whole = small
    shutil.copytree(whole, tmp_path / "copy")
    path = tmp_path / "copy" / "arms/policy/seed_1/predictions.npz"
    path.write_bytes(path.read_bytes()[:-1])
    done = misread("run", study, "--smoke", "--out", tmp_path / "copy")
    assert done.returncode == 2
    assert "is not the file that its result.json describes" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_target_the_top_cell_on_select_is_taken(tmp_path):
    study = tmp_path / "found.toml"
    study.write_text(SMALL.replace('target = "4:9"\n', ""))
    done = misread("run", study, "--smoke", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    errors = json.loads((tmp_path / "out" / "errors.json").read_text())
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())["plan"]
    assert plan["target_from"] == "select"
    assert plan["target"] == [errors["cells"][0]["true"], errors["cells"][0]["predicted"]]
    assert set(plan["policies"]["policy"]["operations"]) == {str(k) for k in plan["target"]}


def test_the_baseline_keeps_confirm_closed_until_the_plan_is_locked(tmp_path):
    done = misread("errors", "four-nine", "--smoke", "--seeds", 5, "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seeds"] == [5]
    names = {path.name for path in tmp_path.rglob("*")}
    assert "select.npz" in names
    assert not names & {"predictions.npz", "result.json", "plan.json"}


def test_a_plan_with_more_slices_reads_them_and_is_exploratory(tmp_path):
    study = tmp_path / "small.toml"
    study.write_text(SMALL.replace("[1, 2]\narms", "[1]\narms"))
    command = ("run", study, "--smoke", "--jobs", 1, "--out", tmp_path / "out", "--arms")
    assert misread(*command, "one-sided").returncode == 0
    first = json.loads((tmp_path / "out/plan.json").read_text())
    done = misread(*command, "one-sided,policy")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out/arms/baseline/seed_1/result.json").read_text())
    assert result["slices"] == [
        "dilate 2 px · 4", "dilate 2 px · 9", "erode 2 px · 4", "erode 2 px · 9",
    ]  # fmt: skip
    plan = json.loads((tmp_path / "out/plan.json").read_text())
    assert plan["plan"]["replaces"] == [first["sha256"]]
    # a policy that differs from that of the stored runs is refused, and the plan stays
    study.write_text(study.read_text().replace("0.5", "0.4"))
    done = misread(*command, "one-sided,policy")
    assert done.returncode == 2
    assert "probability 0.5 instead of 0.4" in done.stderr
    assert json.loads((tmp_path / "out/plan.json").read_text()) == plan


def test_a_full_disk_ends_a_study_with_one_sentence(tiny_disk):
    done = misread("errors", "four-nine", "--smoke", "--seeds", 5, "--out", tiny_disk / "study")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"misread: {tiny_disk}/study/arms/baseline/seed_5/model.keras cannot be written: the disk "
        "is full; free some space and run the same command again. What was finished is kept."
    )
    left = {path.name for path in (tiny_disk / "study/arms/baseline/seed_5").iterdir()}
    assert left == {"config.json", "environment.json", "history.csv"}
