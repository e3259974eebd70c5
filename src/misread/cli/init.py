"""`misread init`: a study's file, with comments, to begin with."""

import shlex
from pathlib import Path

import click

from misread.cli.options import say
from misread.data.sources import load
from misread.errors import StudyError
from misread.files import write_atomic, write_json
from misread.learn.recipe import RECIPES
from misread.study.file import load_study
from misread.study.schema import study_schema

_HEAD = """\
{schema}# {name}: a study. Every setting is in docs/study.md; all mistakes are said at once.
#
#   misread run {name}.toml --smoke     a first look in under a minute, which proves nothing
#   misread run {name}.toml             the study itself; killed, it goes on where it was

title = "{name}"
# question = "What is asked, in a sentence?"
dataset = "{data}"
seeds = [1, 2, 3, 4, 5]         # one training per arm and seed; five or more tell what chance does
{target}
# fit_size = 10000              # train on fewer images
# corruptions = ["fog@5"]       # also hold every arm to this (images of MNIST's kind)
"""
_OURS = """\
recipe = "quick"                # {recipes}; or a table [recipe] of its settings

# Arms that the policy below makes; the baseline comes by itself.
arms = ["policy", "both"]       # also "one-sided" and "swapped", its controls

# What the treated arm does to training images of the two classes of the target.
[policy]
true = ["dilate"]               # dilate, erode, mark, cut, lean
predicted = ["erode"]
probability = 0.25
size_px = [2, 3]
"""
_OTHERS = """\

[trainer]                       # docs/trainer.md
call = "{trainer}"

# Settings that all arms share; the trainer finds them in lesson.settings.
[recipe]
epochs = 5

[arms.baseline]

[arms.treated]                  # what this arm does differently: any settings of your trainer
treatment = true
"""
_TAIL = """
[judge]                         # what counts as proof; these are the defaults
alpha = 0.05
reduction = 0.3                 # the smallest reduction of the target worth having
# both_directions = true        # the reverse of the target is a target too

[judge.margins]                 # the most harm that counts as none, as shares
accuracy = 0.001
recall = 0.005
cell = 0.005
slice = 0.01

# [adaptive]                    # look at planned numbers of seeds, and stop what is settled
# looks = [5, 10, 15, 20]
"""


@click.command()
@click.argument("name")
@click.option(
    "--data",
    default="mnist",
    show_default=True,
    metavar="SOURCE",
    help="Dataset; `misread data list` shows how to name one.",
)
@click.option("--target", metavar="cat:dog", help="Cell to reduce, TRUE:PREDICTED in class names.")
@click.option("--trainer", metavar="module:name", help="Your own trainer; see docs/trainer.md.")
@click.option("--schema", is_flag=True, help="Write study.schema.json beside it, for editors.")
def init(name: str, data: str, target: str | None, trainer: str | None, schema: bool) -> None:
    """Write NAME.toml, a study with comments that runs as it is."""
    if not Path(name).name:
        msg = f"{name!r} is no name of a study; write for example misread init mine."
        raise StudyError(msg)
    path = Path(name).with_suffix(".toml")
    if path.exists():
        msg = f"{path} exists; choose another name, or remove it first."
        raise StudyError(msg)
    train, test = load(data)
    classes = ", ".join(train.class_names[:12]) + (", …" if train.n_classes > 12 else "")
    line = f'target = "{target}"' if target else f'# target = "{":".join(train.class_names[:2])}"'
    about = f"# TRUE:PREDICTED; classes: {classes}"
    if trainer and not target:
        line, about = f'target = "{":".join(train.class_names[:2])}"', f"{about}; choose yours"
    text = _HEAD.format(
        name=path.stem,
        data=data,
        target=f"{line:<32}{about}",
        schema="#:schema ./study.schema.json\n" if schema else "",
    )
    middle = (
        _OTHERS.format(trainer=trainer) if trainer else _OURS.format(recipes=", ".join(RECIPES))
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (text + middle + _TAIL).encode())
    try:
        load_study(str(path))
    except StudyError:
        path.unlink()
        raise
    if schema:
        write_json(path.with_name("study.schema.json"), study_schema())
    written = f", write {trainer} (docs/trainer.md)" if trainer else ""
    say(
        f"Written: {path}, on {len(train):,} images of {train.n_classes} classes to learn from and "
        f"{len(test):,} to confirm on. Look at it{written}, then: misread run "
        f"{shlex.quote(str(path))} --smoke"
    )
