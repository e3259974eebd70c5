"""`misread atlas`: what every confusion is made of, from predictions alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from misread.cli.options import figure_option, file_option, json_option, print_json, say, stdout
from misread.errors import DataError
from misread.judge import CellAtlas, Predictions, cell_atlas, cell_of
from misread.judge import atlas as atlas_of
from misread.readers.pictures import pictures_of
from misread.readers.read import read_predictions
from misread.show.figures.atlas import atlas_figure, cell_figure
from misread.show.select import atlas_table
from misread.show.style import write_png
from misread.study.baseline import baseline_predictions
from misread.study.folder import study_folder


@click.command()
@click.argument("predictions")
@click.option("--cell", "cells", multiple=True, metavar="4:9", help="Only this; may be repeated.")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Rows to print.")
@file_option(
    "--images",
    "FILE.npz",
    "The pictures: `images` uint8 [N,H,W] or [N,H,W,C], in the order of the predictions.",
)
@figure_option("Draw the confusions, or the images of one, into this file.")
@json_option
def atlas(
    predictions: str,
    cells: tuple[str, ...],
    top: int,
    images: Path | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Split every confusion in PREDICTIONS by how many seeds make it on the same image.

    PREDICTIONS is what `misread judge` reads: an NPZ, CSV or Parquet file, or the folder of an arm
    (runs/STUDY/arms/ARM). Hard-core images are misread so by at least 80% of the seeds, coin flips
    by 20 to 80%, flicker by fewer; images of disputed label stand apart.

    PREDICTIONS may be a study or its folder, which knows its images: then the baseline's readings
    of *confirm* count, and those of *select* while *confirm* is closed.
    """
    folder, pictures, source, exploratory = study_folder(predictions), None, "", ""
    if folder is None:
        side = read_predictions(predictions)
        pictures = None if images is None else pictures_of(images, side)(None)
    elif images is not None:
        msg = f"{folder} is a study and knows its images; leave out --images."
        raise DataError(msg)
    else:
        baseline = baseline_predictions(folder)
        side, source, exploratory = baseline.predictions, baseline.source, baseline.exploratory
        pictures = baseline.images if len(cells) == 1 else None  # as many as one figure can show
    if images is not None and figure is None:
        msg = "--images are for the figure; say with --figure where to draw it."
        raise DataError(msg)
    whole = atlas_of(side.labels_N, side.preds_SN, side.disputed_N)
    named = [cell_of(cell, side.class_names) for cell in cells]
    chosen: Sequence[CellAtlas] = [
        cell_atlas(side.labels_N, side.preds_SN, *cell, side.disputed_N) for cell in named
    ]
    chosen = chosen or whole[:top]
    if figure is not None:
        drawn = (
            atlas_figure(chosen, side.class_names, warning=exploratory)
            if pictures is None or not chosen
            else cell_figure(chosen[0], side, pictures, exploratory)
        )
        write_png(figure, drawn)
    if as_json:
        print_json(_numbers(chosen, side))
        return
    if exploratory:
        say(f"Exploratory: {exploratory}.")
    if source:
        say(source)
    stdout().print(atlas_table(chosen, len(whole), side))
    if figure is not None:
        say(f"Written: {figure}.")


def _numbers(cells: Sequence[CellAtlas], side: Predictions) -> dict[str, Any]:
    """Return the cells with the names of their classes, and images by id where they have one."""
    listed = []
    for cell in cells:
        numbers = cell.model_dump(mode="json")
        for group in ("hard_core", "coin_flip", "flicker", "undivided", "disputed"):
            for misread in numbers[group]:
                if side.ids is not None:
                    misread["id"] = side.ids[misread["image"]].item()
        names = {"true": side.class_names[cell.true], "predicted": side.class_names[cell.predicted]}
        listed.append(numbers | names)
    return {"n_seeds": side.n_seeds, "n_images": side.n_images, "cells": listed}
