"""`misread judge`: a verdict from predictions alone."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import click

from misread.cli.options import json_option, say, say_json, stderr, stdout
from misread.errors import DataError, JudgeError
from misread.judge import Margins, Predictions
from misread.judge import judge as judge_sides
from misread.readers.read import read_predictions
from misread.show.render import verdict_markdown, verdict_table

_PATIENCE_SECONDS = 2


@click.command(short_help="Judge predictions after a fix against those before it.")
@click.argument("before")
@click.argument("after")
@click.option(
    "--cell",
    "cells",
    multiple=True,
    required=True,
    metavar="4:9",
    help="Target cell TRUE:PREDICTED, in class names; may be repeated.",
)
@click.option("--alpha", type=click.FloatRange(0, 0.5), default=0.05, show_default=True)
@click.option(
    "--reduction",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="Share of the errors that the fix was to remove, for power.",
)
@click.option(
    "--margin",
    "margins",
    multiple=True,
    metavar="KIND=SHARE",
    help="How much worse accuracy, recall, cell or slice may get, as in cell=.005.",
)
@click.option(
    "--slice",
    "slices",
    multiple=True,
    metavar="NAME=BEFORE,AFTER",
    help="A further slice, as both sides read it.",
)
@click.option("--unpaired", is_flag=True, help="Do not compare seeds in pairs.")
@click.option("--no-groups", is_flag=True, help="Take all images for independent.")
@json_option
@click.option("--markdown", is_flag=True, help="Print it as a pull request's comment.")
@click.option("--gate", is_flag=True, help="Exit with 1 unless the verdict is REDUCED.")
def judge(
    before: str,
    after: str,
    cells: tuple[str, ...],
    alpha: float,
    reduction: float,
    margins: tuple[str, ...],
    slices: tuple[str, ...],
    unpaired: bool,  # noqa: FBT001  click passes flags
    no_groups: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    markdown: bool,  # noqa: FBT001
    gate: bool,  # noqa: FBT001
) -> None:
    """Judge the predictions AFTER a fix against those BEFORE it; needs no training.

    Each side is one of:

    \b
    - an NPZ file with `labels` [N] and `predictions` [S,N] or `probs` [S,N,K]
      (FILE#ARM takes the array ARM instead), and optionally `seeds` [S],
      `ids` [N], `class_names` [K], `slice` [N], `disputed` [N], `groups` [N];
    - a CSV (also .csv.gz) or Parquet file with a row per seed and image:
      columns seed, id, label, prediction, optionally slice, disputed, group;
    - the folder of an arm of a study, as in runs/four-nine/arms/baseline.

    Images are matched by id where both sides have them, seeds by name. Groups
    say which images are not independent, such as those of one writer or
    patient: all intervals then hold over groups too.
    """  # noqa: D301  click reads the \b
    if as_json and markdown:
        msg = "--json and --markdown both say how to print the verdict; give one of them."
        raise JudgeError(msg)
    allowed = _margins(margins)
    with _patience("reading predictions"):
        sides = _read(before, after, slices)
    if no_groups:
        sides = sides[0].without_groups(), sides[1].without_groups()
    with _patience("judging"):
        verdict = judge_sides(
            *sides,
            cells=cells,
            margins=allowed,
            alpha=alpha,
            reduction=reduction,
            arm=after,
            paired=False if unpaired else None,
            on_note=lambda note: say(note, err=True),
        )
    if as_json:
        say_json(verdict.model_dump_json(indent=2))
    elif markdown:
        say(verdict_markdown(verdict), nl=False)
    else:
        stdout().print(verdict_table(verdict))
    if gate and verdict.verdict != "REDUCED":
        sys.exit(1)


def _read(before: str, after: str, slices: tuple[str, ...]) -> tuple[Predictions, Predictions]:
    """Read both sides, and add the slices that come in files of their own."""
    sides = [read_predictions(before), read_predictions(after)]
    for text in slices:
        name, equals, files = text.partition("=")
        sources = files.split(",")
        if not (name and equals and len(sources) == 2 and all(sources)):
            msg = f"slice {text!r} is not of the form NAME=BEFORE,AFTER; name two files."
            raise DataError(msg)
        sides = [
            side.with_slice(name, read_predictions(source))
            for side, source in zip(sides, sources, strict=True)
        ]
    return sides[0], sides[1]


def _margins(texts: tuple[str, ...]) -> Margins:
    margins: dict[str, float] = {}
    for text in texts:
        kind, _, share = text.partition("=")
        try:
            margins[kind] = float(share)
        except ValueError:
            margins[kind] = math.nan
        if kind not in Margins.model_fields or not 0 <= margins[kind] <= 1:
            kinds = ", ".join(Margins.model_fields)
            msg = (
                f"margin {text!r} is not of the form KIND=SHARE, with one of {kinds} and a share "
                "from 0 to 1; write it as in cell=.005."
            )
            raise JudgeError(msg)
    return Margins(**margins)


@contextmanager
def _patience(what: str) -> Iterator[None]:
    """Say on a terminal what is being done, once it takes long."""
    console = stderr()
    if not console.is_terminal:
        yield
        return
    status = console.status(what)
    timer = Timer(_PATIENCE_SECONDS, status.start)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()
