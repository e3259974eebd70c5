"""Files that follow from the code: the command line's page, the modules, outputs, the schema."""

import re
import sys

import pytest


@pytest.fixture
def generated(project, monkeypatch):
    monkeypatch.syspath_prepend(str(project / "tools"))
    import generated

    return generated


@pytest.fixture
def small_project(generated, tmp_path, monkeypatch):
    """A project with two modules, whose generated files are all out of date."""
    for name in ("docs/figures", "src/misread", "tests"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "tests/test_architecture.py").write_text('ORDER = ("b", "a")\n')
    for name in ("__init__", "a", "b"):
        (tmp_path / f"src/misread/{name}.py").write_text(f'"""What {name}\nis | was.\n\nMore."""\n')
    planning = f"# Planning\n\n{generated.BEGIN}old\n{generated.END}\nafter\n"
    (tmp_path / "docs/PLANNING.md").write_text(planning)
    (tmp_path / "docs/page.md").write_text(
        "```console\n$ misread --version\nmisread, version 0\n$ misread judge\n$ echo $?\n0\n```\n"
    )
    monkeypatch.setattr(generated, "PROJECT", tmp_path)
    return tmp_path


def ran(generated, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["generated.py", *arguments])
    return generated.main()


def test_the_check_finds_every_old_file_and_writes_none(
    generated, small_project, monkeypatch, capsys
):
    kept = {path: path.read_text() for path in small_project.glob("docs/*.md")}
    assert ran(generated, monkeypatch, "--check") == 1
    said = capsys.readouterr().out
    for name in ("cli.md", "PLANNING.md", "verdict.schema.json", "page.md"):
        assert f"docs/{name}: out of date; run python tools/generated.py." in said
    assert {path: path.read_text() for path in small_project.glob("docs/*.md")} == kept
    assert ran(generated, monkeypatch) == 0
    assert "docs/page.md: written." in capsys.readouterr().out
    assert ran(generated, monkeypatch, "--check") == 0
    assert capsys.readouterr().out == ""


def test_modules_stand_in_the_order_of_imports(generated, small_project, monkeypatch):
    ran(generated, monkeypatch)
    page = (small_project / "docs/PLANNING.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert [re.search(r"`(.*?)`", row)[1] for row in rows] == ["misread", "misread.b", "misread.a"]
    assert rows[1].endswith(r"| What b is \| was. |")
    assert page.endswith("\nafter\n")


def test_every_command_is_on_its_page(generated, small_project, monkeypatch):
    ran(generated, monkeypatch)
    page = (small_project / "docs/cli.md").read_text()
    for name in ("run", "judge", "power"):
        assert f"\n$ misread {name} --help\nUsage: misread {name} " in page


def test_what_a_command_prints_stands_below_it(generated, small_project, monkeypatch):
    ran(generated, monkeypatch)
    lines = (small_project / "docs/page.md").read_text().splitlines()
    assert re.match(r"misread, version [1-9]|misread, version 0\.", lines[2])
    assert lines[3] == "$ misread judge"
    assert lines[-3:] == ["$ echo $?", "2", "```"]


def test_the_pages_with_outputs_are_found(generated, project):
    names = {path.name for path in generated.generators(project)}
    assert {"atlas.md", "data.md", "judge.md", "power.md"} <= names


def test_what_cannot_be_generated_is_refused(generated):
    with pytest.raises(LookupError, match="once each"):
        generated.with_modules("# Planning\n")
    with pytest.raises(ValueError, match="only misread"):
        generated.with_outputs("```console\n$ misread --version\n$ ls\n```\n")


def test_the_tests_that_the_pages_name_are_there(project):
    named = 0
    for page in (project / "docs").glob("*.md"):
        for path, name in re.findall(r"\b(tests/[\w/]+\.py)(?:::(\w+))?", page.read_text("utf-8")):
            assert f"def {name or 'test_'}" in (project / path).read_text("utf-8"), page.name
            named += 1
    assert named > 10
