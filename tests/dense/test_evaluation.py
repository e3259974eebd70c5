"""What comes out of a comparison: files, numbers against scikit-learn, curves, accuracy, claims."""

import csv
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn import metrics

from misread.cli import main
from misread.errors import PlanError
from misread.judge import holm, two_way
from misread.show import study_figures
from misread.study.claims import standing
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.plan import load_plan, load_target_plan
from standin import work_here

ARMS = ("exp1", "exp2", "exp3", "exp4")
SEEDS = (42, 123)
FIGURES = {
    "sample_digits", "experiment_comparison", "sample_predictions",
    *(f"{kind}_{arm}" for kind in ("confusion_matrix", "training_curves") for arm in ARMS),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(request, tmp_path_factory):
    """A short real run of the four: few images, but enough epochs to learn something."""
    request.getfixturevalue("trainer")
    folder = tmp_path_factory.mktemp("dense") / "dense-four"
    with pytest.MonkeyPatch.context() as patch:
        work_here(patch)
        done = run_in(folder)
    assert "exp4" in done.stdout
    return folder


def run_in(folder):
    command = ["run", "dense-four", "--smoke", "--epochs", "6", "--out", str(folder)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def found(folder):
    return json.loads((folder / "comparison.json").read_text())


def read(folder, arm, seed):
    path = folder / "arms" / arm / f"seed_{seed}" / "predictions.npz"
    return dict(np.load(path, allow_pickle=False))


def stable_bytes(folder):
    """Every file that must not depend on when and how often the study was begun."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in {"environment.json", "model.keras", "workers.log", ".lock"}
        and path.name not in {"comparison.json", "report.html"}  # seconds
        and path.name != "experiment_comparison.png"
    }


def test_every_file_is_written(folder):
    for arm in ARMS:
        for seed in SEEDS:
            run = folder / "arms" / arm / f"seed_{seed}"
            assert {path.name for path in run.iterdir()} == {
                "config.json", "history.csv", "select.npz", "predictions.npz", "model.keras",
                "environment.json", "result.json",
            }  # fmt: skip
    assert {path.stem for path in (folder / "results").glob("*.png")} == FIGURES
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in (folder / "results").iterdir())
    page = (folder / "report.html").read_text()
    assert page.count("<svg role=") == len(FIGURES)
    assert "://" not in page  # nothing from elsewhere
    assert "smoke run" in page


def test_the_plan_is_a_comparison_and_says_that_it_was_a_smoke_run(folder):
    plan = load_plan(folder)
    assert plan.study == load_study("dense-four", smoke=True, epochs=6)
    assert "smoke" in plan.exploratory
    with pytest.raises(PlanError, match="holds a study of accuracies, which has no target"):
        load_target_plan(folder)


@pytest.mark.parametrize("arm", ARMS)
def test_metrics_are_those_of_scikit_learn(folder, found, arm):
    own = found["arms"][arm]
    rows = [read(folder, arm, seed) for seed in SEEDS]
    labels_N, preds_SN = rows[0]["labels"], [row["predictions"][0] for row in rows]
    accuracy_S = [metrics.accuracy_score(labels_N, preds_N) for preds_N in preds_SN]
    assert own["accuracy"]["per_seed"] == pytest.approx(accuracy_S)
    assert own["accuracy"]["mean"] == pytest.approx(np.mean(accuracy_S))
    assert own["accuracy"]["sd"] == pytest.approx(np.std(accuracy_S, ddof=1))
    for row, preds_N in enumerate(preds_SN):
        scores = metrics.precision_recall_fscore_support(labels_N, preds_N, zero_division=np.nan)
        for k in range(10):
            for name, score in zip(("precision", "recall"), scores[:2], strict=True):
                assert own["per_class"][k][name]["per_seed"][row] == pytest.approx(score[k])
    counts_KK = sum(metrics.confusion_matrix(labels_N, preds_N) for preds_N in preds_SN)
    assert np.array_equal(own["confusion_counts"], counts_KK)


def test_the_gap_is_measured_with_dropout_at_rest(folder, found, trainer):
    from misread.learn.recipe import Run
    from misread.learn.views import parts_of

    run = folder / "arms/exp3/seed_42"
    fit, _, confirm, *_ = parts_of(
        Run.model_validate(json.loads((run / "config.json").read_text()))
    )
    model = trainer.load(run / "model.keras")
    fit_accuracy, accuracy = (
        (trainer.read(model, part.images).argmax(axis=1) == part.labels_N).mean()
        for part in (fit, confirm)
    )
    own = found["arms"]["exp3"]
    assert own["fit_accuracy"]["per_seed"][0] == pytest.approx(fit_accuracy)
    assert own["gap"]["per_seed"][0] == pytest.approx(fit_accuracy - accuracy)
    assert own["parameters"] == model.count_params() == 235_146


def test_curves_are_finite_and_complete(folder):
    for arm in ARMS:
        for seed in SEEDS:
            with (folder / "arms" / arm / f"seed_{seed}" / "history.csv").open() as file:
                rows = list(csv.DictReader(file))
            assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
            values = np.array([[float(value) for value in row.values()] for row in rows])
            assert np.isfinite(values).all()
            assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_they_learn_to_read(found):
    for arm in ARMS:
        assert found["arms"][arm]["accuracy"]["mean"] > 0.87, arm  # of 2,000 images, 6 epochs
        assert 0 < found["arms"][arm]["seconds_per_epoch"]["mean"] < 60


def test_differences_are_those_of_the_judge(folder, found):
    wrong = {}
    for arm in ARMS:
        rows = [read(folder, arm, seed) for seed in SEEDS]
        wrong[arm] = np.stack([(r["predictions"][0] != r["labels"]).astype(int) for r in rows])
    assert len(found["differences"]) == 6
    for pair in found["differences"]:
        effect = two_way(wrong[pair["than"]] - wrong[pair["better"]])
        assert pair["difference"] == pytest.approx(effect.estimate)
        assert pair["difference"] >= 0  # the better one first
        assert (pair["low"], pair["high"]) == pytest.approx((effect.low, effect.high))
        assert pair["p_value"] == pytest.approx(effect.p_value)
    corrected = holm([pair["p_value"] for pair in found["differences"]])
    assert [pair["p_holm"] for pair in found["differences"]] == pytest.approx(corrected)
    tests = [test for claim in found["claims"] for test in claim["tests"]]
    assert [t["p_holm"] for t in tests] == pytest.approx(holm([t["p_value"] for t in tests]))
    assert [claim["verdict"] for claim in found["claims"][1:]] == [
        "too small to tell here"
    ] * 4  # 2 seeds, 2,000 images


@pytest.mark.parametrize(
    ("low", "high", "claimed", "worth", "certain", "verdict"),
    [
        (0.002, 0.004, 0.0, 0.001, True, "holds"),
        (0.002, 0.004, 0.0, 0.001, False, "too small to tell here"),
        (0.0002, 0.0004, 0.0, 0.001, True, "holds"),
        (-0.002, 0.0009, 0.0, 0.001, True, "does not hold"),
        (-0.004, -0.002, 0.0, 0.001, True, "does not hold"),
        (-0.002, 0.002, 0.0, 0.001, True, "too small to tell here"),
        (0.002, 0.004, 0.0125, 0.0125, True, "does not hold"),
        (0.002, 0.014, 0.0125, 0.0125, True, "too small to tell here"),
        (0.013, 0.014, 0.0125, 0.0125, True, "holds"),
    ],
)
def test_when_a_claim_holds(low, high, claimed, worth, certain, verdict):
    assert standing(low, high, claimed, worth, certain=certain) == verdict


def test_documented_accuracies_stand_beside_a_prediction_interval(found):
    for arm, value in zip(ARMS, (0.9731, 0.9686, 0.9811, 0.9812), strict=True):
        own = found["arms"][arm]
        accuracy_S = np.array(own["accuracy"]["per_seed"])
        # Two seeds: one degree of freedom, t = 12.7; sd √(1 + 1/2).
        half = 12.7062 * accuracy_S.std(ddof=1) * 1.5**0.5
        assert own["documented"]["accuracy"] == value
        assert own["documented"]["low"] == pytest.approx(accuracy_S.mean() - half, abs=1e-5)
        assert own["documented"]["high"] == pytest.approx(accuracy_S.mean() + half, abs=1e-5)


def test_a_part_is_run_again_to_the_same_bytes(folder, tmp_path, monkeypatch):
    """What was lost is made anew; what is there stays; nothing differs in the end."""
    work_here(monkeypatch)
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    (again / "arms/exp4/seed_42/result.json").unlink()  # killed while reading
    shutil.rmtree(again / "arms/exp1/seed_123")  # killed while training
    drawn = {"sample_predictions", "confusion_matrix_exp1"}
    for name in drawn:
        (again / "results" / f"{name}.png").unlink()
    whole = study_figures.figures_of
    some = lambda evidence: {name: whole(evidence)[name] for name in drawn}  # noqa: E731
    monkeypatch.setattr(study_figures, "figures_of", some)
    models = {p: p.stat().st_mtime_ns for p in again.rglob("model.keras")}
    run_in(again)
    assert stable_bytes(again) == stable_bytes(folder)
    assert all(path.stat().st_mtime_ns == then for path, then in models.items())


def test_folders_never_mix(folder):
    before = (folder / "plan.json").read_bytes()
    options = ["--smoke", "--out", str(folder)]
    done = CliRunner().invoke(main, ["run", "dense-four", "--epochs", "5", *options])
    assert done.exit_code == 2
    assert "epochs 6 instead of 5" in done.output
    assert CliRunner().invoke(main, ["run", "four-nine", *options]).exit_code == 2
    assert (folder / "plan.json").read_bytes() == before


def test_some_arms_alone():
    study = load_study("dense-four", arms=("exp2", "exp1"), seeds=(5,))
    assert list(study.arms) == ["exp2", "exp1"]
    assert [claim.text for claim in study.claims] == [
        "A single hidden layer reaches about 97%",
        "Deeper alone hurts",
    ]
    assert study.epochs == {"exp2": 10, "exp1": 10}


@pytest.mark.usefixtures("no_figures")
def test_one_seed_says_what_it_can(folder, tmp_path):
    again = tmp_path / "one"
    shutil.copytree(folder, again)
    (again / "plan.json").unlink()
    options = f"--smoke --epochs 6 --seeds 42 --arms exp1,exp2 --json --out {again}"
    done = CliRunner().invoke(main, ["run", "dense-four", *options.split()])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == json.loads((again / "comparison.json").read_text())
    page = (again / "report.html").read_bytes()
    assert CliRunner().invoke(main, ["report", str(again)]).exit_code == 0
    assert (again / "report.html").read_bytes() == page
    outcome = load_evidence(again).accuracies
    assert outcome.arms["exp1"].accuracy.sd is None
    assert outcome.arms["exp1"].documented.agrees is None
    assert "says nothing about training" in outcome.differences[0].note
