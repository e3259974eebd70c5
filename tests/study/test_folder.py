import shutil
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.errors import StudyError
from misread.study.file import load_study
from misread.study.folder import place_in_runs, study_folder

BUILTIN = Path(str(resources.files("misread"))) / "studies"


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
    shutil.copy(BUILTIN / "four-nine.toml", tmp_path)
    assert study_folder("four-nine.toml") == first  # of a file of one's own, never NAME-2
    assert place_in_runs(study, is_builtin=True) == (second, "")
    assert place_in_runs(changed, is_builtin=True)[0] == Path("runs/four-nine-3")


def test_a_file_does_not_take_the_folder_of_another_study(rehearsal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(rehearsal, Path("runs/four-nine"))
    text = (BUILTIN / "four-nine.toml").read_text()
    changed = text.replace('"4:9"', '"4:7"')
    assert changed != text
    Path("four-nine.toml").write_text(changed)
    with pytest.raises(StudyError, match=r"made of another study than four-nine.toml \(target"):
        study_folder("four-nine.toml")


def test_a_study_of_ones_own_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/mine", "runs/mine-2", "runs/here", "here/seed_1", "runs/a/b"):
        Path(folder).mkdir(parents=True)
    assert study_folder("mine") == Path("runs/mine")  # never mine-2, which may be another study
    assert [study_folder(name) for name in ("yours", "a/b", "here", "mine.toml")] == [None] * 4


def test_an_empty_name_is_not_the_working_directory(rehearsal, monkeypatch):
    monkeypatch.chdir(rehearsal)
    for command in ("atlas", "power", "report", "labels"):
        done = CliRunner().invoke(main, [command, ""])
        assert done.exit_code == 2, command
        assert "the name is empty; name " in done.output
