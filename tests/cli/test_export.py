"""`misread export mlflow`, where the real library is installed; else the sentence that names it."""

import importlib.util

import pytest
from click.testing import CliRunner

from misread.cli import main


def export(folder, uri):
    done = CliRunner().invoke(main, ["export", "mlflow", str(folder), "--uri", uri])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is not None, reason="mlflow is installed")
def test_without_the_library_it_names_the_extra(rehearsal, tmp_path):
    done = export(rehearsal, f"sqlite:///{tmp_path}/ml.db")
    assert done.exit_code == 2
    assert "pip install 'misread[mlflow]'" in done.stderr


@pytest.mark.filterwarnings("ignore")
def test_a_study_in_the_store_of_mlflow(rehearsal, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/ml.db"
    assert export(rehearsal, uri).exit_code == 0
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("four-nine")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert len(runs) == 7
    assert "verdict.both" in runs["verdict"].data.tags
    assert runs["both seed 42"].data.params["model"] == "cnn"
    assert "accuracy_confirm" in runs["both seed 42"].data.metrics
    again = export(rehearsal, uri)
    assert (again.exit_code, "has the plan" in again.stderr) == (2, True)
