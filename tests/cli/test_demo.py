import shlex

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main

FILES = ("before.npz", "after.npz")


def test_the_demo_is_answered_and_its_next_commands_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "misread-demo" / "demo.html").read_text("utf-8")
    assert page.count("<svg role=") == 2, "the images of the cell, before and after"
    assert page.count("background-image: url(data:image/png;base64,") == 1, "and all to click"
    assert "UNDERPOWERED" in done.output
    following = done.output.partition("Type next:\n")[2].splitlines()
    assert len(following) == 3
    for command in following:
        assert command.strip() in page
        name, *words = shlex.split(command)
        assert name == "misread"
        assert CliRunner().invoke(main, words).exit_code == 0, command


def test_a_folder_has_a_name(tmp_path, monkeypatch):
    """An unset variable in a script is not the folder that one happens to be in."""
    monkeypatch.chdir(tmp_path)
    for command in (
        ["demo", "--out", ""],
        ["init", "mine", "--target="],
        ["fix", "four-nine", "--recipe", ""],
        ["judge", "before.npz", "after.npz", "--label-column", " "],
        ["errors", ""],
        ["run", ""],
        ["judge", "before.npz", ""],
        ["data", "check", " "],
    ):
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 2, command
        assert "the name is empty; name what" in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_the_readings_are_those_of_the_results_page(name, project, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(project / "tools"))
    import demo

    demo.main(tmp_path)
    kept = project / "src/misread/studies/demo" / name
    with np.load(kept) as ours, np.load(tmp_path / name) as made:
        assert set(ours.files) == set(made.files)
        assert all(np.array_equal(ours[key], made[key]) for key in ours.files)
