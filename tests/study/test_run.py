"""A study end to end: what its folder holds, what its numbers are counted from, what is refused.

`smoke` is trained by Keras; where it does not matter what trains, the stand-in does.
"""

import csv
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from commands import SMOKE, misread, stable_bytes
from misread.cli import main
from misread.study import run as study_run
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.run import Until, run_study
from misread.workers.processes import LocalPool
from standin import SMALL, small_study, work_here


def run(*args):
    return CliRunner().invoke(main, ["run", *map(str, args)])


def test_the_folder_is_as_the_contract_says(smoke):
    for arm in ("baseline", "documented", "both"):
        for seed in (42, 123):
            run = smoke / "arms" / arm / f"seed_{seed}"
            assert {path.name for path in run.iterdir()} - {"preview.npz"} == {
                "config.json", "history.csv", "select.npz", "predictions.npz", "model.keras",
                "environment.json", "result.json", "held_out.npz",
            }  # fmt: skip
            if arm != "baseline":
                assert (smoke / arm / f"comparison_seed_{seed}.json").is_file()
    for name in ("plan.json", "experiment_summary.json", "verdict.json", "errors.json"):
        assert json.loads((smoke / name).read_text())
    assert "Next: misread run four-nine, the whole of it" in (smoke / "report.html").read_text()
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
    held_out = {}
    for arm in ("baseline", "both"):
        parts = [
            np.load(smoke / "arms" / arm / f"seed_{s}" / "select.npz", allow_pickle=False)
            for s in (42, 123)
        ]
        hits, fours_held = (
            sum(int(where(part).sum()) for part in parts)
            for where in (
                lambda part: (part["labels"] == 4) & (part["predictions"][0] == 9),
                lambda part: part["labels"] == 4,
            )
        )
        held_out[arm] = hits / fours_held
    w = json.loads((smoke / "plan.json").read_text())["plan"]["pooled"]["weight"]
    before, after = (
        w * np.mean([(read(arm, s)["predictions"][0][fours] == 9).mean() for s in (42, 123)])
        + (1 - w) * held_out[arm]
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


@pytest.mark.usefixtures("no_figures")
def test_running_again_trains_nothing_and_changes_nothing(smoke, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(smoke, copy)
    models = {p: p.stat().st_mtime_ns for p in copy.rglob("model.keras")}
    assert len(models) == 6
    done = run(*SMOKE, "--out", copy)
    assert done.exit_code == 0, done.stderr
    (copy / "report.html").write_bytes((smoke / "report.html").read_bytes())
    assert stable_bytes(copy) == stable_bytes(smoke)
    assert models == {p: p.stat().st_mtime_ns for p in copy.rglob("model.keras")}


@pytest.mark.usefixtures("few_figures")
def test_the_report_is_made_anew_to_the_byte_without_errors_of_other_seeds(smoke, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(smoke, copy)
    shutil.rmtree(copy / "figures")
    assert CliRunner().invoke(main, ["report", str(copy)]).exit_code == 0
    before = stable_bytes(copy)
    options = ["--smoke", "--seeds", "42", "--out", str(copy)]
    done = CliRunner().invoke(main, ["errors", "four-nine", *options])
    assert done.exit_code == 0, done.stderr
    assert json.loads((copy / "errors.json").read_text())["seeds"] == [42]
    shutil.rmtree(copy / "figures")
    (copy / "report.html").unlink()
    done = CliRunner().invoke(main, ["report", str(copy)])
    assert done.exit_code == 0, done.stderr
    after = stable_bytes(copy)
    assert after.keys() == before.keys() > {"report.html", "figures/shape.png"}
    assert not {name for name, content in after.items() if content != before[name]}


def test_workers_start_before_the_data_are_loaded(tmp_path, monkeypatch):
    started = []

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalPool, "start", lambda _, n_jobs: started.append(n_jobs))
    monkeypatch.setattr(study_run, "load_parts", stop)
    for until, n_runs in ((Until.END, 10), (Until.ERRORS, 2)):
        with pytest.raises(KeyboardInterrupt):
            run_study(load_study("four-nine", smoke=True), tmp_path, until=until)
        assert started.pop() == n_runs


def test_another_question_in_the_same_folder_is_refused(small_toml, small):
    before = stable_bytes(small)
    done = run(small_toml, "--smoke", "--epochs", 2, "--out", small)
    assert done.exit_code == 2
    assert "holds a run with epochs 1 instead of 2; choose another folder with --out" in done.stderr
    assert stable_bytes(small) == before


def test_smoke_runs_never_mix_with_real_ones(small_toml, small, tmp_path, monkeypatch):
    """A smoke run with another seed in a folder of real runs would take its place."""
    shutil.copytree(small, tmp_path / "real")
    for path in (tmp_path / "real").glob("arms/*/*/config.json"):
        config = json.loads(path.read_text())
        path.write_text(json.dumps(config | dict.fromkeys(("fit_size", "select_size"), None)))
    before = stable_bytes(tmp_path / "real")
    work_here(monkeypatch)
    done = run(small_toml, "--smoke", "--seeds", 9, "--out", tmp_path / "real")
    assert done.exit_code == 2
    assert "fit_size None instead of 2000" in done.stderr
    assert stable_bytes(tmp_path / "real") == before


def test_backends_never_mix(smoke, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    done = run(*SMOKE, "--out", smoke)
    assert done.exit_code == 2
    assert "backend tensorflow instead of jax" in done.stderr


def test_a_backend_that_is_not_there(tmp_path):
    command = ("errors", "four-nine", "--train", "--smoke", "--seeds", 1, "--out", tmp_path)
    done = misread(*command, KERAS_BACKEND="nonsense")
    assert done.returncode == 2
    assert "Keras cannot start with KERAS_BACKEND=nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_damage_in_a_finished_run_is_found(small_toml, small, tmp_path):
    shutil.copytree(small, tmp_path / "copy")
    path = tmp_path / "copy" / "arms/policy/seed_1/predictions.npz"
    path.write_bytes(path.read_bytes()[:-1])
    done = run(small_toml, "--smoke", "--out", tmp_path / "copy")
    assert done.exit_code == 2
    assert "was altered or cut" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("no_figures")
def test_without_a_target_the_top_cell_on_select_is_taken(tmp_path, monkeypatch):
    study = small_study(tmp_path, SMALL.replace('target = "4:9"\n', ""))
    work_here(monkeypatch)
    done = run(study, "--smoke", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    errors = json.loads((tmp_path / "out" / "errors.json").read_text())
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())["plan"]
    assert plan["target_from"] == "select"
    assert plan["target"] == [errors["cells"][0]["true"], errors["cells"][0]["predicted"]]
    assert set(plan["policies"]["policy"]["operations"]) == {str(k) for k in plan["target"]}


def test_the_baseline_keeps_confirm_closed_until_the_plan_is_locked(
    small_toml, tmp_path, monkeypatch
):
    work_here(monkeypatch)
    command = [
        "errors",
        str(small_toml),
        "--train",
        "--smoke",
        "--seeds",
        "5",
        "--out",
        str(tmp_path),
    ]
    done = CliRunner().invoke(main, [*command, "--json"])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["seeds"] == [5]
    names = {path.name for path in tmp_path.rglob("*")}
    assert "select.npz" in names
    assert not names & {"predictions.npz", "result.json", "plan.json"}


@pytest.mark.usefixtures("no_figures")
def test_a_plan_with_more_slices_reads_them_and_is_exploratory(tmp_path, monkeypatch):
    work_here(monkeypatch)
    study = small_study(tmp_path, SMALL.replace("[1, 2]\narms", "[1]\narms"))
    command = (study, "--smoke", "--out", tmp_path / "out", "--arms")
    assert run(*command, "one-sided").exit_code == 0
    first = json.loads((tmp_path / "out/plan.json").read_text())
    done = run(*command, "one-sided,policy")
    assert done.exit_code == 0, done.stderr
    result = json.loads((tmp_path / "out/arms/baseline/seed_1/result.json").read_text())
    names = ["dilate 2 px · 4", "dilate 2 px · 9", "erode 2 px · 4", "erode 2 px · 9"]
    assert result["slices"] == [*names, *(f"{name} · select" for name in names)]
    plan = json.loads((tmp_path / "out/plan.json").read_text())
    assert plan["plan"]["replaces"] == [first["sha256"]]
    # a policy that differs from that of the stored runs is refused, and the plan stays
    study.write_text(study.read_text().replace("probability = 0.5", "probability = 0.4"))
    done = run(*command, "one-sided,policy")
    assert done.exit_code == 2
    assert "probability 0.5 instead of 0.4" in done.stderr
    assert json.loads((tmp_path / "out/plan.json").read_text()) == plan


@pytest.mark.usefixtures("no_figures")
def test_arms_that_need_fewer_slices_are_judged_beside_runs_that_hold_more(tmp_path, monkeypatch):
    work_here(monkeypatch)
    arms = "[arms.policy]\npolicy = 'policy'\n[arms.longer]\nepochs = 2\n"
    study = small_study(tmp_path, SMALL.replace('arms = ["policy"]\n', "") + arms)
    command = (study, "--smoke", "--out", tmp_path / "out", "--arms")
    assert run(*command, "policy").exit_code == 0
    done = run(*command, "longer")  # the baseline stays, and holds what only the policy asked
    assert done.exit_code == 0, done.stderr
    sides = {arm: list(it.side.slices) for arm, it in load_evidence(tmp_path / "out").runs.items()}
    assert sides == {"baseline": [], "longer": []}
