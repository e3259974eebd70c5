"""docs/originals.md names only what is there."""

import re

import click
import pytest

from misread.cli import main
from misread.show.study_figures import ARM_FIGURES, COMPARISON_FIGURES, FIGURES
from misread.study.file import builtin_studies

FIGURES_OF_ARMS = {f"{name}_exp{number}" for name in ARM_FIGURES for number in range(1, 5)}


@pytest.fixture(scope="module")
def words(project):
    return re.findall(r"`([^`\n]+)`", (project / "docs/originals.md").read_text("utf-8"))


def test_every_command_is_one(words, project):
    commands = [word.split() for word in words if word.startswith("misread ")]
    assert len(commands) >= 8
    for _, name, subject, *rest in commands:
        _, command, _ = main.resolve_command(click.Context(main), [name])
        assert subject in builtin_studies() or (project / subject).exists() or subject == "PHOTO"
        known = {option for param in command.params for option in param.opts}
        assert {word for word in rest if word.startswith("--")} <= known


def test_every_file_is_there(words, project):
    paths = [w for w in words if re.match(r"(tests|docs|notebooks|src)/\S+\.\w+$", w)]
    assert len(paths) >= 3
    for path in paths:
        assert (project / path).exists(), path


def test_every_figure_is_drawn(words):
    drawn = {*FIGURES, *COMPARISON_FIGURES, *FIGURES_OF_ARMS}
    named = [word for word in words if re.match(r"(figures|results)/\w+\.png$", word)]
    assert len(named) >= 8
    for path in named:
        assert path.partition("/")[2].removesuffix(".png") in drawn, path
