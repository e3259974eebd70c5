"""Options and helpers that commands share."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from misread.cli.progress import Bar
from misread.data import download
from misread.data.dataset import Dataset
from misread.data.sources import load
from misread.errors import StudyError
from misread.images import corrupt
from misread.study.file import builtin_studies

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def console(*, stderr: bool) -> Console:
    """Return a console on standard output or standard error."""
    return Console(stderr=stderr, soft_wrap=False)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def study_folder(source: str) -> Path | None:
    """Return the folder where `source` is one, or is the name of a study that ran here."""
    if Path(source).is_dir() and not list(Path(source).glob("seed_*")):  # those are readings
        return Path(source)
    return Path("runs") / source if source in builtin_studies() else None


def finished_study(source: str) -> Path:
    """Return the folder of a finished study, by that folder or by the study's name.

    Raises
    ------
    StudyError
        If there is none.
    """
    folder = study_folder(source)
    if folder is None or not (folder / "plan.json").exists():
        msg = f"{source!r} is no folder of a finished study; run `misread run` first, or name one."
        raise StudyError(msg)
    return folder


def load_with_bar(name: str, shown: Console) -> tuple[Dataset, Dataset]:
    """Load a dataset, with a bar while a file is fetched or images are corrupted for it."""
    done: dict[str, float] = {}

    def count(title: str, now: float, total: float | None, unit: str) -> None:
        if title not in done:
            bar.begin(title, total, unit)
            size = "of unknown size" if total is None else f"{total:,.1f}".removesuffix(".0")
            bar.say_elsewhere(f"{title}, {size} {unit}")
            bar.skip(now)  # of a file, a part may be there from before
        bar.advance(now - done.get(title, now))
        done[title] = now

    def on_fetch(file: str, now: int, total: int | None) -> None:
        count(f"fetching {file}", now / 1e6, total and total / 1e6, "MB")

    def on_corrupt(what: str, now: int, total: int) -> None:
        count(f"corrupting {what}", now, total, "images")

    with Bar(shown) as bar, download.watched(on_fetch), corrupt.watched(on_corrupt):
        return load(name)
