"""`misread read`: the digits in photos of paper, read by all seeds of an arm."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from misread.cli.options import console, study_folder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from misread.images import Images
    from misread.images.page import Page
    from misread.study.photos import Readers, Reading

WRITTEN = ".read.png"


@click.command(short_help="Read the digits in photos of paper.")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    metavar="STUDY",
    help="Study whose models read: a folder or a name [default: the newest finished in runs/].",
)
@click.option("--arm", default="baseline", show_default=True, help="Which arm of it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the pictures NAME.read.png [default: beside each photo].",
)
@click.option(
    "--crops",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Save each digit as the models see it, 28×28, in this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def read(
    photos: tuple[Path, ...],
    source: str | None,
    arm: str,
    out: Path | None,
    crops: Path | None,
    as_json: bool,  # noqa: FBT001  click passes flags
) -> None:
    """Find the digits in PHOTOS of paper, or of a blackboard, and read them.

    PHOTOS are PNG, JPEG, TIFF, BMP or WebP. Each digit is brought to the form of MNIST and read by
    every seed of an arm: the reading has the highest mean probability over seeds, its confidence;
    a reading below 90% is marked unsure. Beside each photo, NAME.read.png shows it all.
    """
    from misread.data.pictures import read_photo
    from misread.errors import StudyError
    from misread.files import write_atomic
    from misread.images.page import find_digits
    from misread.show.figures.photo import page_figure, reading_table, summary
    from misread.show.style import png

    given = list(dict.fromkeys(p for p in photos if not p.name.endswith(WRITTEN)))
    if not given:  # but pictures of an earlier time
        msg = f"{photos[0]} is what `misread read` wrote, and no photo; name the photo itself."
        raise StudyError(msg)
    readers = _readers(source, arm)
    shown = console(stderr=True)
    with shown.status("finding digits"):
        pages = [find_digits(read_photo(path)) for path in given]
    readings = _read(readers, pages)
    n_seeds = len(readers.seeds)
    told = f"Read by {n_seeds} model{'s' * (n_seeds > 1)}: {readers.folder.name}, {readers.arm}"
    written = []
    for path, stem, page, found in zip(given, _stems(given), pages, readings, strict=True):
        picture = (path.parent if out is None else out) / f"{stem}{WRITTEN}"
        figure = page_figure(path.name, page, found, told, readers.warning)
        write_atomic(picture, png(figure))
        written.append(picture)
        if crops is not None:
            _save(crops, stem, page.images, found)
    if as_json:
        click.echo(_json(readers, given, pages, readings, written))
        return
    if readers.warning:
        click.echo(f"Exploratory: {readers.warning}.")
    for path, found in zip(given, readings, strict=True):
        if found:
            console(stderr=False).print(reading_table(path.name, found))
            for line in sorted({reading.line for reading in found}):
                own = [reading.reading for reading in found if reading.line == line]
                click.echo(f"line {line}: {' '.join(own)}")
        else:
            click.echo(summary(path.name, found))
    click.echo(f"{told}. Written: {', '.join(map(str, written))}.")


def _readers(source: str | None, arm: str) -> "Readers":
    from misread.errors import StudyError
    from misread.study.photos import newest_study, readers_of

    if source is None:
        return readers_of(newest_study(Path("runs")), arm)
    folder = study_folder(source)
    if folder is None or not (folder / "plan.json").exists():
        msg = f"{source!r} is no folder of a finished study; run `misread run` first, or name one."
        raise StudyError(msg)
    return readers_of(folder, arm)


def _read(readers: "Readers", pages: "list[Page]") -> "list[list[Reading]]":
    """Return the readings of every page; all models read all pages at once, and say how far."""
    import numpy as np

    from misread.study.photos import readings_of

    ends = np.cumsum([len(page.digits) for page in pages]).tolist()
    if not ends or not ends[-1]:
        return [[] for _ in pages]
    probs_SNK = _probs(readers, np.concatenate([page.images for page in pages]))
    return [
        readings_of(page, probs_SNK[:, end - len(page.digits) : end], readers.class_names)
        for page, end in zip(pages, ends, strict=True)
    ]


def _probs(readers: "Readers", images: "Images") -> "npt.NDArray[np.float32]":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from misread.study.photos import read_images

    shown = console(stderr=True)
    n_models = len(readers.seeds)
    if not shown.is_terminal:
        shown.print(f"reading {len(images)} digits with {n_models} models", highlight=False)
    with Progress(
        TextColumn("reading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("models"),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    ) as bar:
        task = bar.add_task("", total=n_models)
        return read_images(
            readers, images, lambda done: bar.update(task, completed=done, refresh=True)
        )


def _stems(given: list[Path]) -> list[str]:
    """Return how each photo is called in what is written: all of them differ.

    By its stem; of photos that share it, by the name; of those that share that too, with a number.
    """
    stems = Counter(path.stem for path in given)
    wanted = [path.stem if stems[path.stem] == 1 else path.name for path in given]
    told: list[str] = []
    for name in wanted:
        own, number = name, 1
        while own in told or (own != name and own in wanted):
            number += 1
            own = f"{name}-{number}"
        told.append(own)
    return told


def _save(folder: Path, stem: str, images: "Images", found: "list[Reading]") -> None:
    import cv2

    from misread.files import write_atomic

    for image, reading in zip(images, found, strict=True):
        _, content = cv2.imencode(".png", image)
        name = f"{stem}-{reading.number:03d}-{reading.reading}.png"
        write_atomic(folder / name, content.tobytes())


def _json(
    readers: "Readers",
    given: list[Path],
    pages: "list[Page]",
    readings: "list[list[Reading]]",
    written: list[Path],
) -> str:
    import json

    told = {
        "study": str(readers.folder),
        "arm": readers.arm,
        "seeds": list(readers.seeds),
        "exploratory": readers.warning,
        "photos": [
            {
                "photo": str(path),
                "picture": str(picture),
                "tilt_deg": round(page.ink.tilt_deg, 2),
                "digits": [reading.model_dump(mode="json") for reading in found],
            }
            for path, page, found, picture in zip(given, pages, readings, written, strict=True)
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False)
