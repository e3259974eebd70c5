"""Benchmarks run, their page is what they found, and a run takes little room."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import benchmarks

    return benchmarks


@pytest.fixture
def small_project(project, tmp_path):
    """A project with one benchmark and its result."""
    for name in ("benchmarks/results/everyday.json", "benchmarks/everyday.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / name, tmp_path / name)
    return tmp_path


def test_the_page_is_what_the_results_give(script, project):
    page = (project / "docs/benchmarks.md").read_text("utf-8")
    assert page == script.page(), 'run make bench ARGS="--render"'
    for name in script.names():
        assert f"`python benchmarks/{name}.py`" in page


def test_a_result_is_needed_of_every_benchmark_and_not_of_a_quick_try(script, small_project):
    assert "## Every day" in script.page(small_project)
    path = script.result_of("everyday", small_project)
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"quick": True}))
    with pytest.raises(ValueError, match="of a quick try"):
        script.page(small_project)
    path.unlink()
    with pytest.raises(ValueError, match="does not exist; run make bench"):
        script.page(small_project)


def test_the_check_finds_an_old_page(script, small_project, monkeypatch, capsys):
    (small_project / "docs").mkdir()
    own = script.page
    monkeypatch.setattr(script, "PROJECT", small_project)
    monkeypatch.setattr(script, "names", lambda _=None: ["everyday"])
    monkeypatch.setattr(script, "page", lambda: own(small_project))
    monkeypatch.setattr(sys, "argv", ["benchmarks.py", "--check"])
    assert script.main() == 1
    assert "out of date" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["benchmarks.py", "--render"])
    assert script.main() == 0
    monkeypatch.setattr(sys, "argv", ["benchmarks.py", "--check"])
    assert script.main() == 0


def test_everyday_measures_and_keeps_to_the_contract(script, project, rehearsal, tmp_path):
    command = ["benchmarks/everyday.py", "--quick", "--study", rehearsal]
    command += ["--json", tmp_path / "x.json"]
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "x.json").read_text("utf-8"))
    assert result["quick"]
    assert result["command"] == "python benchmarks/everyday.py --quick"
    assert {"cores", "processor", "system", "Python"} <= set(result["machine"])
    section = script.section(result)
    for table in result["tables"]:
        assert table["title"] in done.stdout
        assert f"### {table['title']}" in section
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
    runs = len(list(rehearsal.glob("arms/*/seed_*")))
    assert result["tables"][-1]["n"] == f"Mean of {runs} runs"


def test_a_run_takes_little_room(smoke):
    """Weights are float32 without an optimiser, probabilities float16: nothing is kept twice."""
    parameters = 421_642
    for run in smoke.glob("arms/*/seed_*"):
        assert (run / "model.keras").stat().st_size < 4 * parameters + 50_000
        for name in ("predictions.npz", "select.npz"):
            with np.load(run / name, allow_pickle=False) as arrays:
                n_images, n_classes = arrays["probs"].shape[1:]
                assert arrays["probs"].dtype == np.float16
            # A probability takes two bytes; label, reading and the slices share what is left.
            assert (run / name).stat().st_size < (2 * n_classes + 4) * n_images
