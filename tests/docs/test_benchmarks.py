"""Benchmarks run, their page is what they found, and a run takes little room."""

import json
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.show import study_figures
from misread.show.style import Sheet

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


def test_everyday_measures_and_keeps_to_the_contract(
    script, project, rehearsal, tmp_path, monkeypatch, capsys
):
    """What it times in processes of their own runs in this one."""
    monkeypatch.syspath_prepend(str(project / "benchmarks"))
    import everyday

    one = {"preview": study_figures.FIGURES["preview"]}  # with images, which it draws in two ways
    monkeypatch.setattr(study_figures, "FIGURES", one)

    def in_this_process(*arguments):
        assert arguments[0] in ("-c", "-m")
        return lambda: run(arguments[1], list(arguments[2:]))

    def run(program, arguments):
        if program == "misread":
            assert CliRunner().invoke(main, arguments).exit_code == 0
            return
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["-c", *arguments])
            patch.setattr(Sheet, "image", Sheet.image)  # which one of them changes
            with suppress(SystemExit):
                exec(program, {})  # noqa: S102  of our own

    monkeypatch.setattr(everyday, "process", in_this_process)
    command = ["benchmarks/everyday.py", "--quick", "--study", str(rehearsal)]
    monkeypatch.setattr(sys, "argv", [*command, "--json", str(tmp_path / "x.json")])
    everyday.main()
    printed = capsys.readouterr().out
    result = json.loads((tmp_path / "x.json").read_text("utf-8"))
    assert result["quick"]
    assert result["command"] == "python benchmarks/everyday.py --quick"
    assert {"cores", "processor", "system", "Python"} <= set(result["machine"])
    section = script.section(result)
    for table in result["tables"]:
        assert table["title"] in printed
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
