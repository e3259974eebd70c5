"""The command line: the only place that prints, prompts or sets exit codes.

A command's module is loaded when the command is called, so that `misread --help` stays light.
"""

import errno
import importlib
import io
import itertools
import sys
from typing import Any

import click

from misread import __version__
from misread.errors import MisreadError, StudyError, needs_extra
from misread.wording import visible

# By module: each command, and the sentence that sums it up in `misread --help`.
COMMANDS = {
    "demo": {"demo": "Judge and show a real study's readings, in seconds."},
    "study": {
        "run": "Run or resume a study, to its findings and report.",
        "errors": "Find what the baseline of a study keeps misreading.",
        "preview": "Show what the augmentation of a study does to images.",
        "report": "Draw the figures and the report of a finished study anew.",
    },
    "init": {"init": "Write a study's file, with comments, to begin with."},
    "judge": {"judge": "Judge predictions after a fix against those before it."},
    "view": {"view": "Open a page live: draw, drop a photo, flag an image."},
    "explain": {"explain": "Show what the models of a study look at."},
    "fix": {"fix": "Search for a fix, and write the study that proves it."},
    "export": {"export": "Put a finished study where people keep their runs."},
    "labels": {"labels": "Rank labels that are worth a second look."},
    "atlas": {"atlas": "Split each confusion by how many seeds make it."},
    "slices": {"slices": "Break a study down by the shape and the writers of its images."},
    "power": {"power": "Say how many seeds and images a reduction needs."},
    "calibrate": {"calibrate": "Try the judge on studies whose answer is known."},
    "data": {"data": "List, show and check datasets."},
    "transfer": {"transfer": "Judge the fixes of a study on other data."},
    "corruptions": {"corruptions": "Judge the fixes of a study on corrupted images."},
    "read": {"read": "Read the digits in photos of paper."},
}


class _LazyCommand(click.Command):
    """A command by name, before its module is loaded."""

    def __init__(self, module: str, name: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self._module = module

    def load(self) -> click.Command:
        """Return the command itself."""
        module = importlib.import_module(f"misread.cli.{self._module}")
        command: click.Command = getattr(module, str(self.name))
        return command


class _Commands(click.Group):
    """Commands that are loaded when called; our errors in one sentence with exit code 2."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        for before, text in itertools.pairwise(args):
            option, equals, value = text.partition("=")
            if not (value if equals and option.startswith("--") else text).strip():
                place = option.strip() or before
                msg = f"after {place} the name is empty; name what is meant, or leave it out."
                raise StudyError(msg)
        return name, command.load() if isinstance(command, _LazyCommand) else command, rest

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # an old code page has no arrow and no minus
        try:
            with needs_extra():
                return super().invoke(ctx)
        except MisreadError as error:
            click.echo(f"misread: {visible(str(error))}", err=True)
            sys.exit(2)
        except OSError as error:
            if error.errno == errno.EPIPE or error.filename is None:
                raise
            reason = error.strerror or type(error).__name__
            place = visible(str(error.filename)).replace("\n", " ")
            click.echo(f"misread: {place}: {reason}; name another place.", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            click.echo(
                "\nStopped. Nothing finished is lost: run the same command again to go on.",
                err=True,
            )
            sys.exit(130)


@click.group(
    cls=_Commands,
    commands=[
        _LazyCommand(module, *command)
        for module, commands in COMMANDS.items()
        for command in commands.items()
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def main() -> None:
    """Trials for classifier fixes.

    Find what an image classifier keeps misreading, try targeted fixes, and learn, with statistics
    over training seeds and images, whether a fix worked and what it broke.
    """
