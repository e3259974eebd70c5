"""`misread judge`: a verdict from predictions alone."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from misread import wording
from misread.cli.options import (
    alpha_option,
    file_option,
    fraction_of,
    is_given,
    json_option,
    patience,
    print_json,
    say,
    share_option,
    stdout,
)
from misread.errors import DataError, JudgeError
from misread.files import write_atomic
from misread.images import Ids, Images
from misread.judge import Margins, Predictions, Verdict, align, cell_of
from misread.judge import judge as judge_sides
from misread.judge.metadata import ColumnSlices, by_metadata
from misread.judge.survey import Survey, survey
from misread.readers.answers import read_answers, with_answers
from misread.readers.metadata import read_metadata
from misread.readers.pictures import pictures_of
from misread.readers.read import read_predictions
from misread.show.render import verdict_brief, verdict_markdown, verdict_table
from misread.show.survey import metadata_table, survey_markdown, survey_terminal
from misread.show.table import terminal_table


@click.command()
@click.argument("before")
@click.argument("afters", metavar="AFTER...", nargs=-1, required=True)
@click.option(
    "--cell",
    "cells",
    multiple=True,
    metavar="4:9",
    help="Target cell TRUE:PREDICTED, in class names; may be repeated. Without one, all that "
    "changed is told, as exploratory.",
)
@alpha_option
@share_option(
    "--reduction", default="0.3", help="Share of the errors that the fix was to remove, for power."
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
@click.option("--label-column", metavar="NAME", help="Column of a table with the true class.")
@click.option("--prediction-column", metavar="NAME", help="Column with the predicted class.")
@file_option(
    "--answers",
    "FILE.csv",
    "Answers about labels (id,answer): those wrong or unclear are disputed.",
)
@file_option(
    "--metadata", "FILE.csv", "Columns beside the images (by id): where the errors are, ranked."
)
@file_option(
    "--html",
    "PAGE.html",
    "Write a page to click through what is misread; it opens anywhere, offline.",
    name="page",
)
@file_option(
    "--images",
    "FILE.npz",
    "The pictures for --html: `images` uint8 [N,H,W] or [N,H,W,C], in the order of BEFORE.",
)
@click.option("--unpaired", is_flag=True, help="Do not compare seeds in pairs.")
@click.option("--no-groups", is_flag=True, help="Take all images for independent.")
@json_option
@click.option("--markdown", is_flag=True, help="Print it as a pull request's comment.")
@click.option("--gate", is_flag=True, help="Exit with 1 unless the verdict is REDUCED.")
def judge(before: str, afters: tuple[str, ...], cells: tuple[str, ...], **values: Any) -> None:
    """Judge the predictions AFTER a fix against those BEFORE it; needs no training.

    Without --cell it tells what changed, broke and improved; several AFTER are
    compared with one BEFORE, corrected for their number.

    Each side is one of:

    \b
    - an NPZ file with `labels` [N] and `predictions` [S,N] or `probs` [S,N,K]
      (FILE#ARM takes the array ARM instead), and optionally `seeds` [S],
      `ids` [N], `class_names` [K], `slice` [N], `disputed` [N], `groups` [N],
      `held_out` [S,N];
    - a CSV (also .csv.gz) or Parquet file with a row per seed and image:
      columns seed, id, label, prediction, optionally slice, disputed, group,
      held_out; y_true and y_pred, target and pred, and the like are known too;
    - the folder of an arm of a study, as in runs/four-nine/arms/baseline.

    Images are matched by id where both sides have them, seeds by name. Groups
    say which images are not independent, such as those of one writer or
    patient: all intervals then hold over groups too. `held_out` says which
    images a seed has not learnt, as in cross-validation: the others of its
    readings do not count.
    """  # noqa: D301  click reads the \b
    options = _Options(**values)
    _refuse_clashes(options, cells)
    with patience("reading predictions"):
        sides = _read((before, *afters), options)
        first = next(iter(sides.values()))
        pictures = pictures_of(options.images, first) if options.images else None
    by_column = _by_column(sides, cells, options)
    if by_column and options.as_json:
        print_json([one.model_dump(mode="json") for one in by_column])
        return
    if cells:
        _judge(sides, cells, options, pictures)
    else:
        _survey(sides, options, pictures)
    if by_column:
        what = cells[0] if cells else "Errors"
        stdout().print(terminal_table(metadata_table(by_column, ("before", "after"), what)))


@dataclass(frozen=True)
class _Options:
    """The options of the command."""

    alpha: float
    reduction: float
    margins: tuple[str, ...]
    slices: tuple[str, ...]
    label_column: str | None
    prediction_column: str | None
    answers: Path | None
    metadata: Path | None
    page: Path | None
    images: Path | None
    unpaired: bool
    no_groups: bool
    as_json: bool
    markdown: bool
    gate: bool

    @property
    def paired(self) -> bool | None:
        """As `judge` takes it."""
        return False if self.unpaired else None


def _by_column(
    sides: Mapping[str, Predictions], cells: tuple[str, ...], options: _Options
) -> tuple[ColumnSlices, ...]:
    """Return error rates by the columns beside the images; none where there is no such table."""
    if options.metadata is None:
        return ()
    before, after, *_ = sides.values()
    pair = align(before, after, paired=options.paired)
    columns = read_metadata(options.metadata, before)
    cell = cell_of(cells[0], pair.class_names) if cells else None
    with patience("looking through the columns"):
        return by_metadata(pair, columns, cell=cell, alpha=options.alpha)


_Pictures = Callable[[Ids | None], Images]


def _survey(
    sides: Mapping[str, Predictions], options: _Options, pictures: _Pictures | None
) -> None:
    """Print what changed, without a target."""
    before, *afters = sides.values()
    with patience("comparing"):
        surveys = survey(
            before,
            afters,
            names=tuple(sides),
            margins=_margins(options.margins),
            alpha=options.alpha,
            paired=options.paired,
            on_note=partial(say, err=True),
        )
    if options.page is not None:
        _write_page(options.page, sides, pictures, surveys=surveys)
    if options.as_json:
        print_json([one.model_dump(mode="json") for one in surveys])
    elif options.markdown:
        say(survey_markdown(surveys), nl=False)
    else:
        stdout().print(survey_terminal(surveys))


def _judge(
    sides: Mapping[str, Predictions],
    cells: tuple[str, ...],
    options: _Options,
    pictures: _Pictures | None,
) -> None:
    """Print a verdict on each treated side, at a level that is shared out among them."""
    (against, before), *afters = sides.items()
    with patience("judging"):
        verdicts = [
            judge_sides(
                before,
                after,
                cells=cells,
                margins=_margins(options.margins),
                alpha=options.alpha / len(afters),
                reduction=options.reduction,
                arm=name,
                against=against,
                paired=options.paired,
                on_note=partial(say, err=True),
            )
            for name, after in afters
        ]
    if options.page is not None:
        judging = shlex.join(("misread", "judge", *sides, "--cell", cells[0]))
        _write_page(options.page, sides, pictures, verdicts=verdicts, commands=[judging])
    if options.as_json:
        dumped = [verdict.model_dump(mode="json") for verdict in verdicts]
        print_json(dumped if len(dumped) > 1 else dumped[0])
    elif options.markdown:
        say("\n".join(map(verdict_markdown, verdicts)), nl=False)
    elif len(verdicts) == 1:
        stdout().print(verdict_table(verdicts[0]))
    else:
        level = wording.level(options.alpha)
        for verdict in verdicts:
            stdout().print(verdict_brief(verdict), "")
        stdout().print(
            f"Each of {len(verdicts)} at the level {options.alpha:g} / {len(verdicts)}, so that "
            f"all intervals together hold with {level}. One alone in full: misread judge "
            f"{shlex.join((against, verdicts[0].arm))} --cell {cells[0]}",
            markup=False,
        )
    if options.gate and any(verdict.verdict != "REDUCED" for verdict in verdicts):
        sys.exit(1)


def _write_page(
    path: Path,
    sides: Mapping[str, Predictions],
    pictures: _Pictures | None,
    *,
    verdicts: Sequence[Verdict] = (),
    surveys: Sequence[Survey] = (),
    commands: Sequence[str] = (),
) -> None:
    """Write the page, and say how large it is."""
    from misread.show.judged import Judged, judged_page  # noqa: PLC0415  with it comes matplotlib

    judged = Judged(
        sides,
        verdicts=verdicts,
        surveys=surveys,
        pictures=lambda part, places: None if part or pictures is None else pictures(places),
        commands=commands,
    )
    with patience("writing the page"):
        content = judged_page(judged).encode()
        write_atomic(path, content)
    say(f"Written: {path} ({wording.number(len(content) / 1e6, decimals=1)} MB).", err=True)


def _refuse_clashes(options: _Options, cells: tuple[str, ...]) -> None:
    """Raise JudgeError where options do not go together."""
    sentence = ""
    if options.as_json and options.markdown:
        sentence = "--json and --markdown both say how to print the verdict; give one of them."
    elif options.gate and not cells:
        sentence = "--gate needs the cell to be reduced: name it with --cell, as in 4:9."
    elif is_given("reduction") and not cells:
        sentence = "--reduction is of a cell; name it with --cell, as in 4:9, or leave it out."
    elif options.metadata and (options.gate or options.markdown):
        sentence = "--metadata is for a terminal or --json; leave out --gate and --markdown."
    elif options.images and not options.page:
        sentence = "--images are for the page; say with --html where to write it."
    elif options.page and options.page.suffix.lower() not in (".html", ".htm"):
        sentence = f"--html writes a page: {options.page} must end in .html or .htm."
    if sentence:
        raise JudgeError(sentence)


def _read(names: tuple[str, ...], options: _Options) -> dict[str, Predictions]:
    """Read all sides, and add the slices that come in files of their own.

    A side that is given twice has its number added to its name.
    """
    heads = {"label": options.label_column, "prediction": options.prediction_column}
    columns = {kind: name for kind, name in heads.items() if name}
    answers = read_answers(options.answers) if options.answers else {}

    def read(name: str) -> Predictions:
        side = read_predictions(name, columns=columns, on_note=partial(say, err=True))
        return side.without_groups() if options.no_groups else side

    distinct = [
        name if names.index(name) == k else f"{name} ({k + 1})" for k, name in enumerate(names)
    ]
    sides = {
        label: with_answers(read(name), answers)
        for label, name in zip(distinct, names, strict=True)
    }
    for text in options.slices:
        slice_name, equals, files = text.partition("=")
        sources = files.split(",")
        if not (slice_name and equals and len(sources) == len(names) and all(sources)):
            msg = (
                f"slice {text!r} is not of the form NAME=BEFORE,AFTER; name {len(names)} files, "
                "one of each side."
            )
            raise DataError(msg)
        for label, source in zip(distinct, sources, strict=True):
            sides[label] = sides[label].with_slice(slice_name, read(source))
    return sides


def _margins(texts: tuple[str, ...]) -> Margins:
    margins: dict[str, float] = {}
    for text in texts:
        kind, _, share = text.partition("=")
        margins[kind] = fraction_of(share)
        if kind not in Margins.model_fields or not 0 <= margins[kind] <= 1:
            kinds = ", ".join(Margins.model_fields)
            msg = (
                f"margin {text!r} is not of the form KIND=SHARE, with one of {kinds} and a share "
                "from 0 to 1; write it as in cell=.005 or cell=0.5%."
            )
            raise JudgeError(msg)
    return Margins(**margins)
