"""`misread power`: how many seeds and images, before anything is trained."""

from pathlib import Path
from typing import Any

import click

from misread.cli.options import (
    alpha_option,
    figure_option,
    is_given,
    json_option,
    say,
    say_json,
    share,
    share_option,
    stdout,
)
from misread.errors import DataError, StudyError
from misread.judge import (
    Pilot,
    align,
    cell_of,
    pilot_from_errors,
    pilot_from_rate,
    pilot_of,
    plan_power,
)
from misread.readers.read import read_predictions
from misread.show.figures.power import power_figure, power_table, smallest_sentence
from misread.show.style import write_png
from misread.study.baseline import baseline_pilot, planned_answer
from misread.study.folder import study_folder


@click.command()
@click.argument("pilot", required=False)
@click.argument("after", required=False)
@click.option("--cell", metavar="4:9", help="Confusion to plan for [default: a study's target].")
@click.option("--rate", callback=share, metavar="0.8%", help="Instead of PILOT: errors per image.")
@click.option(
    "--errors", type=click.FloatRange(0, min_open=True), help="Instead of PILOT: errors a seed."
)
@click.option("--images", type=click.IntRange(2), help="Images of the true class in the study.")
@click.option(
    "--seeds", type=click.IntRange(1), help="Seeds of the study [default: PILOT's, or 10]."
)
@share_option("--reduction", default="0.3", help="Share of the errors to go.")
@share_option("--power", "target", default="0.8", help="Power to reach.")
@alpha_option
@figure_option("Draw the power of designs into this file.")
@json_option
def power(
    pilot: str | None,
    after: str | None,
    cell: str | None,
    rate: float | None,
    errors: float | None,
    images: int | None,
    figure: Path | None,
    as_json: bool,
    seeds: int | None,
    **design: Any,
) -> None:
    """Say how many seeds and images a reduction needs, and what the present ones could show.

    PILOT holds predictions of the present model, as `misread judge` reads them; with AFTER, those
    of a fix that was tried. PILOT may be a study or its folder: then the baseline's errors on
    *select* count, and *confirm* stays closed. Without PILOT, give --rate, or --errors, with
    --images.
    """
    values = {"PILOT": pilot, "--rate": rate, "--errors": errors}
    sources = [source for source, value in values.items() if value is not None]
    if len(sources) != 1:
        msg = (
            f"the present errors come from {' and '.join(sources) or 'nowhere'}; give one of "
            "PILOT, --rate and --errors."
        )
        raise StudyError(msg)
    planned = None
    if pilot is None:
        known, name = _from_numbers(sources[0], rate, errors, images, cell)
    elif (folder := study_folder(pilot)) is None:
        known, name = _from_files(pilot, after, cell)
    elif after is not None:
        msg = f"{pilot} is a study and {after} comes after it; give two files of predictions."
        raise StudyError(msg)
    else:
        known, name, n_confirm, design["held"] = baseline_pilot(folder, cell)
        images = images or n_confirm
        planned = None if _asks_otherwise() else planned_answer(folder)
    answer = planned or plan_power(known, cell=name, n_seeds=seeds, n_images=images, **design)
    if figure is not None:
        write_png(figure, power_figure(answer, known))
    if as_json:
        say_json(answer.model_dump_json(indent=2))
        return
    say(answer.sentence)
    say(smallest_sentence(answer))
    if answer.safe:
        say(answer.safe.sentence)
    stdout().print(power_table(answer))
    for line in answer.assumptions:
        say(f"- {line}")
    if figure is not None:
        say(f"Written: {figure}.")


def _asks_otherwise() -> bool:
    """Say whether an option asks for another design than a study's own plan."""
    return any(map(is_given, ("cell", "images", "seeds", "reduction", "target", "alpha")))


def _from_numbers(
    option: str, rate: float | None, errors: float | None, images: int | None, cell: str | None
) -> tuple[Pilot, str]:
    """Return what a rate, or a number of errors among images, tells of a cell, and its name."""
    if images is None:
        msg = f"{option} without --images; give the number of images of the true class."
        raise StudyError(msg)
    if errors is not None and errors >= images:
        msg = (
            f"--errors is {errors:g} and --images {images:,}; give the errors a seed among the "
            "images of the true class, fewer than these."
        )
        raise StudyError(msg)
    share = errors / images if errors is not None else rate or 0.0
    return pilot_from_rate(share), "the cell" if cell is None else cell.replace(":", "→")


def _from_files(before: str, after: str | None, cell: str | None) -> tuple[Pilot, str]:
    """Return what files of predictions tell of a cell, and its name."""
    if cell is None:
        msg = f"{before} without --cell; name the confusion, as in --cell 4:9."
        raise StudyError(msg)
    sides = [read_predictions(source) for source in (before, after) if source is not None]
    pair = align(sides[0], sides[-1])
    if not pair.paired:
        msg = (
            f"{before} and {after} are not of the same seeds; a plan from both arms needs "
            "pairs: give PILOT alone."
        )
        raise DataError(msg)
    names = pair.class_names
    true, predicted = cell_of(cell, names)
    of_class = pair.of_class(true)
    if not of_class.labels_N.size:
        msg = f"{before} has no image of class {names[true]}; name a cell of its classes."
        raise DataError(msg)
    name = f"{names[true]}→{names[predicted]}"
    if after is not None:
        return pilot_of(pair, (true, predicted)), name
    groups_N = of_class.groups and of_class.groups.codes_N
    return pilot_from_errors(of_class.before_SN == predicted, groups_N), name
