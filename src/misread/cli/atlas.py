"""`misread atlas`: what every confusion is made of, from predictions alone."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from misread.cli.options import console, study_folder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from misread.data.dataset import Dataset
    from misread.images import Ids, Images
    from misread.judge import Atlas, CellAtlas, Predictions


class _Source(NamedTuple):
    """One side, its images where they are known, what must be said of it first, and what else."""

    side: "Predictions"
    pictures: "Images | None" = None
    warning: str = ""
    told: str = ""


@click.command(short_help="Split each confusion by how many seeds make it.")
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

    PREDICTIONS may be a study or its folder, which knows its images: then the baseline's readings
    of *confirm* count, and those of *select* while *confirm* is closed.
    """
    from misread.judge import atlas as atlas_of

    source = _source(predictions, images)
    side = source.side
    found = atlas_of(side.labels_N, side.preds_SN, side.disputed_N)
    shown = _chosen(found, cells, top, side)
    if figure is not None:
        # A study's own images are drawn where one cell is asked for.
        pictured = images is not None or len(cells) == 1
        _draw(figure, shown, source if pictured else source._replace(pictures=None))
    if as_json:
        click.echo(_json(shown, side))
        return
    from misread.show.terminal import atlas_table

    if source.warning:
        click.echo(f"Exploratory: {source.warning}.")
    if source.told:
        click.echo(source.told)
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

    from misread.errors import DataError
    from misread.npz import Archive

    try:
        with Archive(path) as archive:
            found = archive.read("images") if "images" in archive.names else None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path} cannot be read as NPZ ({reason}); write `images` with numpy.savez."
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


def _source(given: str, images: Path | None) -> _Source:
    from misread.errors import DataError
    from misread.readers.read import read_predictions

    folder = study_folder(given)
    if folder is None:
        side = read_predictions(given)
        return _Source(side, None if images is None else _pictures(images, side.n_images))
    if images is not None:
        msg = f"{folder} is a study and knows its images; leave out --images."
        raise DataError(msg)
    return _on_confirm(folder) or _on_select(folder)


def _on_confirm(folder: Path) -> _Source | None:
    """Return what the baseline read on *confirm*; None while the plan or a run is missing."""
    from itertools import takewhile

    import numpy as np

    from misread.data.parts import stratified_subset
    from misread.data.sources import load
    from misread.store import RunFolder
    from misread.study.plan import load_plan
    from misread.study.study import BASELINE

    if not (folder / "plan.json").exists():
        return None
    plan = load_plan(folder)
    runs = [RunFolder(folder, BASELINE, seed) for seed in plan.study.seeds]
    complete = list(takewhile(lambda run: run.is_complete, runs))
    if len(complete) < len(runs) and (plan.study.adaptive is None or not complete):
        return None  # a baseline with looks ends where the last arm is settled
    runs = complete
    _, test = load(plan.study.dataset)
    ids_N = stratified_subset(test.labels_N, runs[0].config()["confirm_size"])
    read_SN = np.concatenate([run.predictions()["predictions"] for run in runs])
    told = f"{folder}: the baseline on confirm."
    return _of(test, ids_N, read_SN)._replace(warning=plan.exploratory, told=told)


def _on_select(folder: Path) -> _Source:
    """Return what all baseline seeds read on *select*, each its own tenth, as one row."""
    import numpy as np

    from misread.data.sources import load
    from misread.errors import StudyError
    from misread.files import read_json
    from misread.store import RunFolder
    from misread.study.study import BASELINE, SMOKE

    if not (folder / "errors.json").exists():
        msg = f"{folder} holds no errors.json; run `misread errors STUDY` first, or give a file."
        raise StudyError(msg)
    errors = read_json(folder / "errors.json")
    runs = [RunFolder(folder, BASELINE, seed) for seed in errors["seeds"]]
    read = [run.select() for run in runs]
    train, _ = load(runs[0].config()["dataset"])
    ids_N = np.concatenate([part["ids"] for part in read])
    told = (
        f"{folder}: the baseline on select, {len(runs)} seed{'s' * (len(runs) > 1)}, each with "
        "images of its own: their errors together, in one row."
    )
    source = _of(train, ids_N, np.hstack([part["predictions"] for part in read]))
    return source._replace(warning=SMOKE if errors["smoke"] else "", told=told)


def _of(part: "Dataset", ids_N: "Ids", read_SN: "npt.NDArray[np.uint8]") -> _Source:
    import numpy as np

    from misread.judge import Predictions

    own = part.take(ids_N)
    unique = np.unique(ids_N).size == ids_N.size  # eleven seeds read a tenth twice
    side = Predictions(
        own.labels_N,
        read_SN,
        own.class_names,
        ids=ids_N if unique else None,
        disputed_N=own.disputed_N,
    )
    return _Source(side, own.images)


def _draw(path: Path, shown: "list[CellAtlas]", source: _Source) -> None:
    from misread.files import write_atomic
    from misread.show.figures.atlas import atlas_figure, cell_figure
    from misread.show.style import png

    side, pictures, warning, _ = source
    drawn = (
        atlas_figure(shown, side.class_names, warning=warning)
        if pictures is None or not shown
        else cell_figure(shown[0], side, pictures, warning)
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
