"""`misread atlas`: what every confusion is made of, from predictions alone."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from misread.cli.common import console

if TYPE_CHECKING:
    from misread.data.dataset import Images
    from misread.judge import Atlas, CellAtlas, Predictions


@click.command()
@click.argument("predictions")
@click.option("--cell", "cells", multiple=True, metavar="4:9", help="Only this confusion.")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Rows to print.")
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="The pictures: `images` uint8 [N,H,W] or [N,H,W,C], in the order of the predictions.",
)
@click.option("--figure", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def atlas(
    predictions: str,
    cells: tuple[str, ...],
    top: int,
    images: Path | None,
    figure: Path | None,
    as_json: bool,  # noqa: FBT001  click passes flags
) -> None:
    """Split every confusion in PREDICTIONS by how many seeds make it on the same image.

    PREDICTIONS is what `misread judge` reads: an NPZ, CSV or Parquet file, or the folder of an arm
    (runs/STUDY/arms/ARM). Hard-core images are misread so by at least 80% of the seeds, coin flips
    by 20 to 80%, flicker by fewer; images of disputed label stand apart.
    """
    from misread.data.readings import read_predictions
    from misread.judge import atlas as atlas_of

    side = read_predictions(predictions)
    pictures = None if images is None else _pictures(images, side.n_images)
    found = atlas_of(side.labels_N, side.preds_SN, side.disputed_N)
    shown = _chosen(found, cells, top, side)
    if figure is not None:
        _draw(figure, shown, side, pictures)
    if as_json:
        click.echo(_json(shown, side))
        return
    from misread.show.terminal import atlas_table

    console(stderr=False).print(atlas_table(shown, len(found), side))
    if figure is not None:
        click.echo(f"Written: {figure}.")


def _chosen(
    found: "Atlas", cells: tuple[str, ...], top: int, side: "Predictions"
) -> "list[CellAtlas]":
    from misread.judge import cell_atlas, cell_of

    asked = [cell_of(cell, side.class_names) for cell in cells]
    if not asked:
        return found[:top]
    return [cell_atlas(side.labels_N, side.preds_SN, *cell, side.disputed_N) for cell in asked]


def _pictures(path: Path, n_images: int) -> "Images":
    import numpy as np

    from misread.data.npz import Archive
    from misread.errors import DataError

    try:
        with Archive(path) as archive:
            found = archive.read("images") if "images" in archive.names else None
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as NPZ ({error}); write `images` with numpy.savez_compressed."
        raise DataError(msg) from None
    if (
        found is None
        or found.dtype != np.uint8
        or found.ndim not in (3, 4)
        or found.shape[0] != n_images
    ):
        had = "no array `images`" if found is None else f"{found.dtype} images {list(found.shape)}"
        msg = f"{path} holds {had}; needed are uint8 images [{n_images},H,W] or [{n_images},H,W,C]."
        raise DataError(msg)
    return found


def _draw(
    path: Path, shown: "list[CellAtlas]", side: "Predictions", pictures: "Images | None"
) -> None:
    from misread.files import write_atomic
    from misread.show.atlas import atlas_figure, cell_figure
    from misread.show.style import png

    drawn = (
        atlas_figure(shown, side.class_names)
        if pictures is None or not shown
        else cell_figure(shown[0], side, pictures)
    )
    write_atomic(path, png(drawn))


def _json(shown: "list[CellAtlas]", side: "Predictions") -> str:
    """Return the cells with the names of their classes, and images by id where they have one."""
    import json

    cells = []
    for cell in shown:
        told = cell.model_dump(mode="json")
        for group in ("hard_core", "coin_flip", "flicker", "undivided", "disputed"):
            for misread in told[group]:
                if side.ids is not None:
                    misread["id"] = side.ids[misread["image"]].item()
        names = {"true": side.class_names[cell.true], "predicted": side.class_names[cell.predicted]}
        cells.append(told | names)
    told = {"n_seeds": side.n_seeds, "n_images": side.n_images, "cells": cells}
    return json.dumps(told, indent=2, ensure_ascii=False)
