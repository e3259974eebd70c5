"""What people read: help, messages, tables. Fast: nothing here trains."""

import json
import re
import shutil

import click
import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def files(tmp_path):
    """Small files, good and bad, to be named on the command line."""
    rng = np.random.default_rng(0)
    labels = np.arange(2000) % 10
    before = np.tile(labels, (5, 1))
    before[:, labels == 4] = np.where(rng.random((5, 200)) < 0.3, 9, 4)
    after = np.tile(labels, (5, 1))
    np.savez(tmp_path / "before.npz", labels=labels, predictions=before)
    np.savez(tmp_path / "after.npz", labels=labels, predictions=after, other=before)
    np.savez(tmp_path / "probs.npz", labels=labels, probs=np.eye(10)[after])
    np.savez(tmp_path / "nan.npz", labels=labels, probs=np.full((5, 2000, 10), np.nan))
    np.savez(tmp_path / "short.npz", labels=labels[:-1], predictions=after[:, :-1])
    np.savez(tmp_path / "no_labels.npz", predictions=after)
    np.savez(tmp_path / "pickle.npz", labels=labels, predictions=np.array([None] * 2000))
    np.save(tmp_path / "array.npy", labels)
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "bad.toml").write_text(
        'title = "T"\ndataset = "mnist"\nseeds = [1]\ncolour = 2\n[arms.a]\n'
    )
    recipe = (
        '[recipe]\nmodel = "dense"\nepochs = 1\nbatch_size = 128\nschedule = "constant"\n'
        "learning_rate = 0.001\n"
    )
    for name, rest in COMPARISONS.items():
        (tmp_path / f"{name}.toml").write_text(f'title = "T"\nseeds = [1]\n{recipe}{rest}\n')
    return tmp_path


COMPARISONS = {
    "misspelt": "[arms.a]\nhiden = [8]",
    "no_layers": "[arms.a]\nactivation = 'relu'",
    "too_few_rates": "[arms.a]\nhidden = [8, 8]\ndropouts = [0.1]",
    "no_such_activation": "[arms.a]\nhidden = [8]\nactivation = 'step'",
    "cnn_with_layers": "[arms.a]\nmodel = 'cnn'\nhidden = [8]",
    "no_table": "[arms]\na = 1",
    "no_such_arm": "[arms.a]\nhidden = [8]\n[[claims]]\ntext = 'C'\nbetter = 'b'\nthan = 'a'",
    "half_a_claim": "[arms.a]\nhidden = [8]\n[[claims]]\ntext = 'C'\nbetter = 'a'",
    "setting": "[colour]\n[arms.a]\nhidden = [8]",
    "no_arms": "[arms]",
}

REFUSED = {
    "an unknown study": "run four-ten",
    "an unknown arm": "run four-nine --arms bothh",
    "an unknown recipe": "run four-nine --recipe slow",
    "seeds that are no numbers": "run four-nine --seeds a,b",
    "seeds that run backwards": "run four-nine --seeds 42,9-1",
    "more seeds than anyone trains": "run four-nine --seeds 1-999999999",
    "seeds twice": "run four-nine --seeds 1,1",
    "no epochs": "run four-nine --epochs 0",
    "no jobs": "run four-nine --jobs 0",
    "an unknown setting": "run {tmp}/bad.toml",
    "a study file that is missing": "run {tmp}/nowhere.toml",
    "a comparison where a trial is needed": "errors dense-four",
    "a recipe for a comparison": "run dense-four --recipe quick",
    "an arm that a comparison has not": "run dense-four --arms exp5",
    **{f"a comparison: {name}": f"run {{tmp}}/{name}.toml" for name in COMPARISONS},
    "a folder that is a file": "errors four-nine --out {tmp}/text.npz",
    "no study in the folder": "report {tmp}",
    "a folder for a study": "errors {tmp}",
    "a report of a file": "report {tmp}/text.npz",
    "an unknown command": "runn four-nine",
    "a missing argument": "run",
    "gate without a cell": "judge {tmp}/before.npz {tmp}/after.npz --gate",
    "a cell that is none": "judge {tmp}/before.npz {tmp}/after.npz --cell 49",
    "a cell of one class": "judge {tmp}/before.npz {tmp}/after.npz --cell 4:4",
    "a cell with no such class": "judge {tmp}/before.npz {tmp}/after.npz --cell 44:9",
    "a reading with no such class": "judge {tmp}/before.npz {tmp}/after.npz --cell 4:44",
    "a missing file": "judge {tmp}/nowhere.npz {tmp}/after.npz --cell 4:9",
    "no archive": "judge {tmp}/text.npz {tmp}/after.npz --cell 4:9",
    "a single array": "judge {tmp}/array.npy {tmp}/after.npz --cell 4:9",
    "pickled objects": "judge {tmp}/pickle.npz {tmp}/after.npz --cell 4:9",
    "no labels": "judge {tmp}/no_labels.npz {tmp}/after.npz --cell 4:9",
    "no such arm": "judge {tmp}/before.npz#both {tmp}/after.npz --cell 4:9",
    "NaN": "judge {tmp}/nan.npz {tmp}/after.npz --cell 4:9",
    "two ways to print": "judge {tmp}/before.npz {tmp}/after.npz --cell 4:9 --json --markdown",
    "no pictures": "atlas {tmp}/before.npz --images {tmp}/nowhere.npz",
    "no readings to calibrate by": "calibrate --readings {tmp}/nowhere.npz#baseline",
    "figures of no page": "report four-nine --figures {tmp}",
    "data of a study": "labels {tmp} --data nonsense",
    "an arm of a file": "labels {tmp}/before.npz --arm both",
    "a margin above one": "judge {tmp}/before.npz {tmp}/after.npz --margin cell=200%",
    "different images": "judge {tmp}/short.npz {tmp}/after.npz --cell 4:9",
}


def test_every_message_is_one_clear_sentence(files, snapshot):
    told = {}
    for name, command in REFUSED.items():
        done = run(*command.format(tmp=files).split())
        assert done.exit_code == 2, (name, done.output)
        assert "Traceback" not in done.output
        own = "Error: " not in done.output  # click adds how to call the command
        assert len(done.output.splitlines()) == 1 or not own, (name, done.output)
        assert done.output.startswith("misread: ") or not own
        told[name] = re.sub(r"[^\s']*" + re.escape(files.name), "TMP", done.output).splitlines()[-1]
    assert told == snapshot


def test_the_judge_needs_only_predictions(files):
    done = run("judge", files / "before.npz", files / "after.npz", "--cell", "4:9")
    assert done.exit_code == 0
    assert done.output.startswith("REDUCED")
    assert "4→9" in done.output


def test_the_judge_takes_probabilities_and_named_arrays(files):
    plain, probs, other = (
        json.loads(run("judge", files / "before.npz", after, "--cell", "4:9", "--json").output)
        for after in (
            files / "after.npz",
            files / "probs.npz",
            f"{files}/after.npz#other",
        )
    )
    assert plain["cells"] == probs["cells"]
    assert other["cells"][0]["effect"]["estimate"] == 0


def test_the_gate(files):
    command = ("judge", files / "before.npz", "--cell", "4:9", "--gate")
    assert run(*command[:2], files / "after.npz", *command[2:]).exit_code == 0
    assert run(*command[:2], files / "before.npz", *command[2:]).exit_code == 1


@pytest.mark.parametrize("command", ["", "run", "errors", "preview", "report", "judge"])
def test_help(command, snapshot):
    done = run(*command.split(), "--help")
    assert done.exit_code == 0
    assert done.output == snapshot


def test_every_command_is_summed_up_in_a_whole_sentence():
    """Each on one line of a terminal of 80 columns, and none cut off."""
    listed = run("--help").output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == sorted(main.commands)
    for line in listed:
        assert line.endswith(".")
        assert not line.endswith("..")
        assert len(line) <= 80


def test_the_list_of_commands_says_what_they_say_themselves():
    context = click.Context(main)
    for name, door in main.commands.items():
        _, command, _ = main.resolve_command(context, [name])
        assert command.name == name
        assert command is not door


def test_the_docs_name_only_options_that_exist(project):
    """Every `misread …` line in the docs parses: command and options exist."""
    pages = [project / "README.md", *sorted((project / "docs").rglob("*.md"))]
    lines = [
        line.strip().removeprefix("$ ")
        for page in pages
        for block in re.findall(r"```(?:bash|console|sh)\n(.*?)```", page.read_text(), re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip().removeprefix("$ ").startswith("misread ")
    ]
    assert lines
    for line in lines:
        words = line.split("#", 1)[0].split() if " #" in line else line.split()
        name = words[1]
        if name.startswith("-"):
            continue
        _, command, _ = main.resolve_command(click.Context(main), [name])
        if isinstance(command, click.Group) and words[2] in command.commands:
            command = command.commands[words[2]]
        known = {option for param in command.params for option in param.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_nothing_is_coloured_off_the_terminal(small_toml, small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "small")
    done = run("errors", small_toml, "--smoke", "--out", folder)
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert "4→9" in done.output or "→" in done.output


@pytest.mark.usefixtures("few_figures")
def test_json_is_json_alone(small_toml, small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "small")
    done = run("run", small_toml, "--smoke", "--json", "--out", folder)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((folder / "verdict.json").read_text())
    assert "Smoke run" in done.stderr


def test_commands_print_only_in_ways_that_cannot_steer_a_terminal(project):
    """`say`, `say_json` and our consoles make visible what class names and paths may hold."""
    modules = set((project / "src/misread/cli").glob("*.py"))
    may_echo = {path for path in modules if path.name in ("__init__.py", "options.py")}
    assert not [p.name for p in modules - may_echo if "click.echo" in p.read_text("utf-8")]
