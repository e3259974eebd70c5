"""The notebooks run from top to bottom, and are what their sources say."""

import ast
import importlib.util
import json
import sys
from pathlib import Path

import nbformat
import pytest

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = sorted((PROJECT / "notebooks").glob("*.py"))
NAMES = [source.stem for source in SOURCES]
MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def maker():
    """Return tools/notebooks.py as a module; it is no part of the package."""
    spec = importlib.util.spec_from_file_location(
        "make_notebooks", PROJECT / "tools" / "notebooks.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def cells_of(notebook):
    return [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]


def test_there_are_notebooks_and_each_has_its_source():
    assert {"fix_a_confusion", "judge_scikit_learn"} <= set(NAMES)
    made = sorted(path.stem for path in (PROJECT / "notebooks").glob("*.ipynb"))
    assert made == NAMES


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_the_committed_notebook_is_its_source(maker, source):
    assert cells_of(committed(source)) == cells_of(maker.read_source(source)), (
        f"{source.name} was changed; make the notebook again: make notebooks ARGS={source.stem}"
    )


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_the_committed_notebook_was_executed_from_top_to_bottom(source):
    notebook = committed(source)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data"}
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert source.with_suffix(".ipynb").stat().st_size < MOST_BYTES


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_nothing_in_the_committed_notebook_tells_the_time_or_the_machine(source):
    notebook = committed(source)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
    assert str(PROJECT) not in source.with_suffix(".ipynb").read_text("utf-8")


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_a_notebook_takes_from_misread_what_stands_at_its_top(source):
    nodes = [*ast.walk(ast.parse(source.read_text("utf-8")))]
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    assert {name for name in modules if name.partition(".")[0] == "misread"} == {"misread"}


def test_every_cell_of_one_runs(maker):
    """Shrunk: fewer seeds and images than in the committed one, the same cells and outputs.

    The others: `make notebooks ARGS="--quick"`, which `.ci/run` does too.
    """
    maker.check(PROJECT / "notebooks/mnist_classification.py")


def test_another_notebook_than_the_committed_one_is_refused(maker, tmp_path):
    source = notebook_of(tmp_path, "# %%\n1 + 1\n")
    maker.make(source, tmp_path)
    maker.check(source)
    source.write_text("# %%\nprint(2)\n", "utf-8")
    with pytest.raises(maker.NotebookError, match="run make notebooks ARGS=one"):
        maker.check(source)


def notebook_of(tmp_path, text):
    source = tmp_path / "one.py"
    source.write_text(text, "utf-8")
    return source


@pytest.mark.parametrize(
    ("cell", "told"),
    [("1 / 0", "ZeroDivisionError"), ("import sys\nprint('!', file=sys.stderr)", "standard error")],
)
def test_a_cell_that_fails_is_not_written(maker, tmp_path, cell, told):
    with pytest.raises(maker.NotebookError, match=told):
        maker.make(notebook_of(tmp_path, f"# %%\n{cell}\n"), tmp_path)
    assert not (tmp_path / "one.ipynb").exists()


def test_quick_changes_what_runs_and_not_what_is_written(maker, tmp_path):
    source = notebook_of(tmp_path, '# %% tags=["parameters"] quick="n = 2"\nn = 10\n\n# %%\nn\n')
    shown = []
    for quick in (False, True):
        notebook = json.loads(maker.make(source, tmp_path, quick=quick).read_text("utf-8"))
        assert "".join(notebook["cells"][0]["source"]) == "n = 10"
        shown.append("".join(notebook["cells"][1]["outputs"][0]["data"]["text/plain"]))
    assert shown == ["10", "2"]


def test_the_command_names_what_there_is(maker, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "nonsense"])
    assert maker.main() == 2
    assert "judge_scikit_learn" in capsys.readouterr().err
