import shutil
from pathlib import Path

from click.testing import CliRunner

from misread.cli import main
from misread.study.file import load_study
from misread.study.folder import place_in_runs, study_folder


def test_a_builtin_study_whose_file_changed_takes_the_next_folder(rehearsal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = load_study("four-nine", smoke=True, arms=("documented", "both"))
    first, second = Path("runs/four-nine"), Path("runs/four-nine-2")
    assert place_in_runs(study, is_builtin=True) == (first, "")
    shutil.copytree(rehearsal, first)
    assert place_in_runs(study, is_builtin=True) == (first, "")
    fewer = load_study("four-nine", smoke=True, arms=("documented",), seeds=(1, 2))
    assert place_in_runs(fewer, is_builtin=True) == (first, "")  # options are no change of the file
    changed = study.model_copy(update={"target": (4, 7)})
    place, why = place_in_runs(changed, is_builtin=True)
    assert place == second
    assert "target" in why
    assert "four-nine-2" in why
    assert place_in_runs(changed, is_builtin=False) == (first, "")
    shutil.copytree(rehearsal, second)
    assert study_folder("four-nine") == second
    (tmp_path / "four-nine.toml").touch()
    assert study_folder("four-nine.toml") == second
    assert place_in_runs(study, is_builtin=True) == (second, "")
    assert place_in_runs(changed, is_builtin=True)[0] == Path("runs/four-nine-3")


def test_an_empty_name_is_not_the_working_directory(rehearsal, monkeypatch):
    monkeypatch.chdir(rehearsal)
    for command in ("atlas", "power", "report", "labels"):
        done = CliRunner().invoke(main, [command, ""])
        assert done.exit_code == 2, command
        assert "misread: the name is empty; name a study" in done.output
