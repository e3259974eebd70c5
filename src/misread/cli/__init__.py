"""The command line: the only place that prints, prompts or sets exit codes."""

import io
import sys
from typing import Any

import click

from misread import __version__
from misread.cli.atlas import atlas
from misread.cli.calibrate import calibrate
from misread.cli.corruptions import corruptions
from misread.cli.data import data
from misread.cli.judge import judge
from misread.cli.power import power
from misread.cli.read import read
from misread.cli.slices import slices
from misread.cli.study import errors, preview, report, run
from misread.cli.transfer import transfer
from misread.errors import MisreadError


class _Group(click.Group):
    """Turns our errors into one sentence and exit code 2; Ctrl-C into a hint and 130."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # an old code page has no arrow and no minus
        try:
            return super().invoke(ctx)
        except MisreadError as error:
            click.echo(f"misread: {error}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            click.echo(
                "\nStopped. Nothing finished is lost: run the same command again to go on.",
                err=True,
            )
            sys.exit(130)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Trials for classifier fixes.

    Find what an image classifier keeps misreading, try targeted fixes, and learn, with statistics
    over training seeds and images, whether a fix worked and what it broke.
    """


for command in (
    run,
    errors,
    preview,
    report,
    judge,
    atlas,
    slices,
    power,
    calibrate,
    data,
    transfer,
    corruptions,
    read,
):
    main.add_command(command)
