"""A plan that is changed once *confirm* is open: every page and line says so first."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.data.mnist import load_mnist
from misread.files import file_sha256, write_arrays, write_csv, write_json
from misread.learn.views import parts_of
from misread.seeds import derive
from misread.show import study_figures as plots
from misread.show import target as tables
from misread.show.study_figures import FIGURES, Drawn
from misread.store import RunFolder
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.plan import Plan, counter_slices, lock
from misread.study.select import errors_on_select, planned_power, preview_views, target_of

WHY = "the plan was changed after the confirm images had been opened"


def misreading(labels_N, rng):
    """Return readings of which one in a hundred is a nine."""
    return np.where(rng.random(labels_N.size) < 0.01, 9, labels_N).astype(np.uint8)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study as `misread run` leaves it, with made-up readings of all real images."""
    folder = tmp_path_factory.mktemp("finished") / "study"
    study = load_study("four-nine", seeds=(42, 123), arms=("documented",))
    train, test = load_mnist()
    hashes = (train.sha256, test.sha256)
    target = (4, 9)
    policies = study.policies(target)
    slices = tuple(counter_slices([p for p in policies.values() if p], target))
    folds = {42: 0, 123: 1}
    rng = derive(0, "exploratory tests")
    runs = {}

    def readings(part, ids):
        read = misreading(part.labels_N[ids], rng)[np.newaxis]
        probs = np.zeros((*read.shape, 10), np.float16)
        return {"labels": part.labels_N[ids].astype(np.uint8), "predictions": read, "probs": probs}

    def views(part, ids, pieces):
        arrays = {
            "slice_names": np.array([piece.name for piece in pieces]),
            "slice_treatments": np.array([piece.treatment for piece in pieces]),
            "slice_views": np.array([piece.model_dump_json() for piece in pieces]),
        }
        for number, piece in enumerate(pieces):
            own = np.flatnonzero(part.labels_N[ids] == piece.label)
            arrays[f"slice_{number}_ids"] = own
            arrays[f"slice_{number}_predictions"] = misreading(part.labels_N[ids][own], rng)
        return arrays

    for arm, policy in policies.items():
        for seed in study.seeds:
            own = RunFolder(folder, arm, seed)
            run = study.run(arm, policy, seed, folds[seed], hashes)
            ids = parts_of(run).select_ids_M
            write_json(own.path / "config.json", run.model_dump(mode="json"))
            write_json(
                own.path / "environment.json",
                {
                    "python": "3", "platform": "p", "machine": "m", "backend": "tensorflow",
                    "threads": 1, "versions": {}, "train_seconds": 1.0,
                },
            )  # fmt: skip
            write_csv(own.path / "history.csv", [{"epoch": 1, "loss": 0.1}])
            (own.path / "model.keras").write_bytes(b"")
            write_arrays(own.path / "select.npz", {"ids": ids, **readings(train, ids)})
            write_arrays(own.path / "preview.npz", views(train, ids, preview_views(study, target)))
            runs[own] = run
    errors = errors_on_select(study, 10, [run for run in runs if run.arm == "baseline"])
    every = np.arange(len(test))
    plan = Plan(
        study=study,
        target=target,
        target_from=target_of(study, errors).source,
        target_on_select=errors["cells"][0],
        policies=policies,
        slices=slices,
        dataset_sha256=hashes,
        select_folds=folds,
        planned_power=planned_power(study, errors, target, test),
    )
    assert lock(plan, folder).exploratory == ""
    for own in runs:
        write_arrays(
            own.path / "predictions.npz", readings(test, every) | views(test, every, slices)
        )
        result = {
            "arm": own.arm,
            "seed": own.seed,
            "accuracy": 0.99,
            "slices": [piece.name for piece in slices],
            "sha256": {"predictions.npz": file_sha256(own.path / "predictions.npz")},
        }
        write_json(own.path / "result.json", result)
    return folder


@pytest.fixture
def told(finished, tmp_path, project, monkeypatch):
    """Run the study with this alpha, and return its folder and what was printed."""
    monkeypatch.setattr(
        plots, "draw_figures", lambda _: dict.fromkeys(FIGURES, Drawn(b"", "a figure's title"))
    )
    builtin = (project / "src/misread/studies/four-nine.toml").read_text("utf-8")

    def run(alpha):
        path = tmp_path / "four-nine.toml"
        path.write_text(builtin.replace("alpha = 0.05", f"alpha = {alpha}"), "utf-8")
        done = CliRunner().invoke(
            main,
            ["run", str(path), "--seeds", "42,123", "--arms", "documented", "--jobs", "1",
             "--out", str(finished)],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        return finished, done

    return run


def visible(html):
    """Return the first line that a reader of the page sees."""

    body = html.partition("<body>")[2]
    return re.sub(r"<[^>]+>", "", body).strip().splitlines()[0]


def test_a_changed_plan_is_the_first_thing_that_is_said(told):
    folder, done = told(0.05)
    assert load_evidence(folder).plan.exploratory == ""
    assert visible((folder / "report.html").read_text("utf-8")) == "Fours read as nines"
    assert "xploratory:" not in done.output
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    assert (verdict["exploratory"], verdict["arms"]["documented"]["exploratory"]) == ("", False)
    evidence = load_evidence(folder)
    page = (folder / "report.html").read_text("utf-8")
    assert evidence.plan.planned_power.sentence in page
    found = evidence.shrinkage(4, 9)
    assert found.sentence in page
    summary = json.loads((folder / "experiment_summary.json").read_text("utf-8"))
    assert summary["target"]["shrinkage"] == found.model_dump(mode="json")

    folder, done = told(0.1)
    evidence = load_evidence(folder)
    assert evidence.plan.exploratory == WHY
    assert visible((folder / "report.html").read_text("utf-8")) == f"Exploratory: {WHY}."
    assert done.stdout.splitlines()[0] == f"Exploratory: {WHY}."
    assert done.stdout.count("Exploratory") == 1
    assert f"exploratory: {WHY}" in done.stderr
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    assert verdict["exploratory"] == verdict["arms"]["documented"]["exploratory_why"] == WHY
    assert verdict["arms"]["documented"]["exploratory"] is True
    assert tables.study_markdown(evidence).splitlines()[0] == f"**Exploratory: {WHY}.**"
    summary = json.loads((folder / "experiment_summary.json").read_text("utf-8"))
    assert summary["exploratory"] == WHY

    drawn = CliRunner().invoke(main, ["report", str(folder)])
    assert drawn.exit_code == 0
    assert visible((folder / "report.html").read_text("utf-8")) == f"Exploratory: {WHY}."
    table = CliRunner().invoke(main, ["atlas", str(folder), "--top", "1"])
    assert table.stdout.splitlines()[0] == f"Exploratory: {WHY}."
