"""`misread read`: the digits in photos of paper, read by all seeds of an arm."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from PIL import Image
from rich.console import Console

from misread.cli.options import (
    folder_option,
    json_option,
    print_json,
    say,
    stderr,
    stdout,
    trust_option,
)
from misread.cli.progress import Bar
from misread.data.pictures import read_photo
from misread.errors import StudyError
from misread.files import path_in, write_atomic
from misread.images.page import Page, find_digits
from misread.show.figures.photo import page_figure, reading_table, summary
from misread.show.style import write_png
from misread.study.folder import finished_study, refuse_untrusted
from misread.study.photos import DigitReading, Readers, newest_study, read_pages, readers_of

_ENDING = ".read.png"  # of the pictures that are written


class _Photo(NamedTuple):
    """A photo, its page, what was read on it, and the name of what is written on it."""

    path: Path
    page: Page
    readings: list[DigitReading]
    stem: str


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    metavar="STUDY",
    help="Study whose models read: a folder or a name [default: the newest finished in runs/].",
)
@click.option("--arm", default="baseline", show_default=True, help="Arm whose models read.")
@folder_option("--out", "Folder of the pictures NAME.read.png [default: beside each photo].")
@folder_option("--crops", "Save each digit as the models see it, 28×28, in this folder.")
@trust_option
@json_option
def read(
    photos: tuple[Path, ...],
    source: str | None,
    arm: str,
    out: Path | None,
    crops: Path | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Find the digits in PHOTOS of paper, or of a blackboard, and read them.

    PHOTOS are PNG, JPEG, TIFF, BMP or WebP. Each digit is brought to the form of MNIST and read by
    every seed of an arm: the reading has the highest mean probability over seeds, its confidence;
    a reading below 90% is marked unsure. Beside each photo, NAME.read.png shows it all.
    """
    paths = list(dict.fromkeys(path for path in photos if not path.name.endswith(_ENDING)))
    if not paths:
        msg = f"{photos[0]} is what `misread read` wrote, and no photo; name the photo itself."
        raise StudyError(msg)
    study = newest_study(Path("runs")) if source is None else finished_study(source)
    refuse_untrusted(study, trusted=trust)
    readers = readers_of(study, arm)
    console = stderr()
    with console.status("finding digits"):
        pages = [find_digits(read_photo(path)) for path in paths]
    readings = _read(readers, pages, console)
    readable = [_Photo(*one) for one in zip(paths, pages, readings, _stems(paths), strict=True)]
    n_seeds = len(readers.seeds)
    sentence = f"Read by {n_seeds} model{'s' * (n_seeds > 1)}: {readers.folder.name}, {readers.arm}"
    pictures = []
    for photo in readable:
        picture = (out or photo.path.parent) / f"{photo.stem}{_ENDING}"
        figure = page_figure(photo.path.name, photo.page, photo.readings, sentence, readers.warning)
        pictures.append(write_png(picture, figure))
        if crops is not None:
            _save_digits(crops, photo)
    if as_json:
        print_json(_numbers(readers, readable, pictures))
        return
    if readers.warning:
        say(f"Exploratory: {readers.warning}.")
    for photo in readable:
        _print(photo)
    say(f"{sentence}. Written: {', '.join(map(str, pictures))}.")


def _read(readers: Readers, pages: list[Page], console: Console) -> list[list[DigitReading]]:
    """Let all models read all pages, with a bar."""
    with Bar(console) as bar:
        if n_digits := sum(len(page.digits) for page in pages):
            n_models = len(readers.seeds)
            bar.begin("reading", n_models, "models")
            bar.say_elsewhere(f"reading {n_digits} digits with {n_models} models")
        return read_pages(readers, pages, lambda: bar.advance(1))


def _stems(paths: Sequence[Path]) -> list[str]:
    """Return a name for what is written on each photo; all names differ.

    Its stem; for photos that share it, the file's name; for those that share that too, a number
    behind it.
    """
    shared = Counter(path.stem for path in paths)
    names = [path.stem if shared[path.stem] == 1 else path.name for path in paths]
    stems: list[str] = []
    for name in names:
        stem, number = name, 1
        while stem in stems or (stem != name and stem in names):
            number += 1
            stem = f"{name}-{number}"
        stems.append(stem)
    return stems


def _save_digits(folder: Path, photo: _Photo) -> None:
    for image, reading in zip(photo.page.images, photo.readings, strict=True):
        content = io.BytesIO()
        Image.fromarray(image).save(content, "PNG")
        name = f"{photo.stem}-{reading.number:03d}-{reading.reading}.png"
        write_atomic(path_in(folder, name), content.getvalue())


def _print(photo: _Photo) -> None:
    if not photo.readings:
        say(summary(photo.path.name, ()))
        return
    stdout().print(reading_table(photo.path.name, photo.readings))
    for line in sorted({reading.line for reading in photo.readings}):
        digits = [reading.reading for reading in photo.readings if reading.line == line]
        say(f"line {line}: {' '.join(digits)}")


def _numbers(
    readers: Readers, photos: Sequence[_Photo], pictures: Sequence[Path]
) -> dict[str, Any]:
    return {
        "study": str(readers.folder),
        "arm": readers.arm,
        "seeds": list(readers.seeds),
        "exploratory": readers.warning,
        "photos": [
            {
                "photo": str(photo.path),
                "picture": str(picture),
                "tilt_deg": round(photo.page.ink.tilt_deg, 2),
                "digits": [reading.model_dump(mode="json") for reading in photo.readings],
            }
            for photo, picture in zip(photos, pictures, strict=True)
        ],
    }
