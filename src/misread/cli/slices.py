"""`misread slices`: which images a study misreads, by their shape and by who wrote them."""

from pathlib import Path

import click

from misread.cli.options import (
    file_option,
    folder_option,
    json_option,
    print_json,
    say,
    stderr,
    stdout,
)
from misread.errors import StudyError
from misread.images import Images
from misread.images.shape import MEASURES
from misread.judge import align, cell_of
from misread.judge.metadata import ColumnSlices, by_metadata
from misread.readers.metadata import read_metadata
from misread.readers.read import read_predictions
from misread.show.figures.shape import shape_figure
from misread.show.figures.writers import writers_figure
from misread.show.slices import (
    changes_sentence,
    concentration_sentences,
    explained_sentence,
    explained_table,
    rates_table,
    writers_table,
)
from misread.show.style import write_png
from misread.show.survey import metadata_table
from misread.show.table import terminal_table
from misread.study.conclude import slices_as_json
from misread.study.evidence import Evidence, load_evidence
from misread.study.folder import finished_study
from misread.study.slices import NOT_PLANNED, Slices, slice_up

_BY = {measure.partition("_")[0]: measure for measure in MEASURES}


@click.command()
@click.argument("study")
@click.option("--cell", metavar="4:9", help="Confusion to explain [default: the study's target].")
@click.option("--arm", help="Whose errors are explained [default: the baseline's].")
@click.option(
    "--by", metavar="MEASURE", help="Measure to show in full [default: the first of the ranking]."
)
@file_option(
    "--metadata",
    "FILE.csv",
    "Columns beside the images of confirm (by id): where the cell's errors are, ranked.",
)
@folder_option("--figures", "Draw shape.png and writers.png there.")
@json_option
def slices(
    study: str,
    cell: str | None,
    arm: str | None,
    by: str | None,
    metadata: Path | None,
    figures: Path | None,
    as_json: bool,
) -> None:
    """Say which images of *confirm* a finished STUDY misreads, by their shape and their writers.

    STUDY is the folder of a finished study, or its name. No model is asked again. Images are dealt
    into fifths of their own class by stroke thickness, slant, ink area, stroke length, height and
    width (the measures of Morpho-MNIST), and by kind of writer where the data name writers. A
    table of what else is known of the images (--metadata) is looked through in the same way, for
    the baseline against --arm or the first other arm. All of it is exploratory.
    """
    folder = finished_study(study)
    if by is not None and by not in _BY:
        msg = f"--by is {by!r}; allowed are {', '.join(_BY)}: name one of them."
        raise StudyError(msg)
    with stderr().status("reading the study and measuring its images"):
        evidence = load_evidence(folder)
        if arm is not None and arm not in evidence.arms:
            msg = f"there is no arm {arm!r} in {folder}; its arms are {', '.join(evidence.arms)}."
            raise StudyError(msg)
        target = evidence.target
        chosen = cell_of(cell, evidence.confirm.class_names) if cell else target
        alpha = evidence.plan.study.judge.alpha
        sliced = (
            evidence.sliced
            if chosen == target
            else slice_up(evidence.confirm, evidence.predictions, chosen, alpha=alpha)
        )
        by_column = () if metadata is None else _by_column(evidence, metadata, sliced, arm)
    warning = evidence.plan.exploratory or NOT_PLANNED
    written = [] if figures is None else _draw(figures, sliced, evidence.confirm.images, warning)
    if as_json:
        metadata_json = (
            {"metadata": [one.model_dump(mode="json") for one in by_column]} if by_column else {}
        )
        print_json({**slices_as_json(evidence, sliced), **metadata_json})
        return
    compared = _compared(evidence, arm)
    arm = arm or sliced.baseline
    say(f"Exploratory: {warning}.")
    console = stdout()
    if (explained := explained_table(sliced, arm)).rows:
        console.print(explained)
    say(f"{explained_sentence(sliced, arm)}.")
    measure = _BY[by] if by else sliced.shape[0].measure
    if not by and sliced.explained[arm]:
        measure = sliced.explained[arm][0].measure
    console.print(rates_table(sliced, measure))
    if sliced.written and sliced.written.cell:
        console.print(writers_table(sliced))
    for sentence in (changes_sentence(sliced), *concentration_sentences(sliced)):
        say(f"{sentence}.")
    if by_column:
        console.print(terminal_table(metadata_table(by_column, compared, sliced.cell_name)))
    if written:
        say(f"Written: {' and '.join(map(str, written))}.")


def _compared(evidence: Evidence, arm: str | None) -> tuple[str, str]:
    """Return the baseline and the arm that a table beside the images is looked through for."""
    first, *others = evidence.arms
    return first, arm if arm in others else (others or [first])[0]


def _by_column(
    evidence: Evidence, path: Path, sliced: Slices, arm: str | None
) -> tuple[ColumnSlices, ...]:
    """Return error rates of the cell by the columns of a table beside the images of *confirm*."""
    names = _compared(evidence, arm)
    sides = [read_predictions(str(evidence.folder / "arms" / name)) for name in names]
    pair = align(*sides)
    columns = read_metadata(path, sides[0])
    return by_metadata(pair, columns, names=names, cell=sliced.cell, alpha=sliced.alpha)


def _draw(folder: Path, sliced: Slices, images: Images, warning: str) -> list[Path]:
    return [
        write_png(folder / f"{name}.png", draw(sliced, images, warning))
        for name, draw in (("shape", shape_figure), ("writers", writers_figure))
    ]
