"""Options and consoles that commands share."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from misread import wording

_PATIENCE_SECONDS = 2
_LARGEST_LEVEL = 0.5  # of a test
_LONGEST_SPAN = 10_000  # of seeds

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
trust_option = click.option(
    "--trust",
    is_flag=True,
    help="Run the trainer that the study names, where it is not ours: its models need its code.",
)


def folder_option(name: str, text: str) -> Callable[[Command], Command]:
    """Return an option that takes a folder."""
    return click.option(name, type=click.Path(path_type=Path), metavar="DIR", help=text)


def reading_options(folder: str) -> Callable[[Command], Command]:
    """Return the options of commands that let a study's models read, into `folder` by default."""

    def add(command: Command) -> Command:
        place = f"Folder of the readings [default: {folder}/ in that of the study]."
        workers = "Worker processes [default: what fits]."
        jobs = click.option("--jobs", type=click.IntRange(1), help=workers)
        return folder_option("--out", place)(jobs(trust_option(json_option(command))))

    return add


def file_option(
    option: str, metavar: str, text: str, name: str = ""
) -> Callable[[Command], Command]:
    """Return an option that takes a file, as the argument `name` or as the option is called."""
    names = [option, name] if name else [option]
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option(*names, type=kind, metavar=metavar, help=text)


def is_given(name: str) -> bool:
    """Return whether someone has typed the option that the command takes as argument `name`."""
    source = click.get_current_context().get_parameter_source(name)
    return source == ParameterSource.COMMANDLINE


def figure_option(text: str) -> Callable[[Command], Command]:
    """Return an option that takes the file of a figure."""
    return file_option("--figure", "FILE.png", text)


def names(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Any:
    """Return the names in "a,b"; a callback of click's, as are those below."""
    return text and tuple(name.strip() for name in text.split(","))


def whole_numbers(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Any:
    """Return the numbers in "42,123,456" or "42,1-10"."""
    numbers: list[int] = []
    for part in text.split(",") if text else ():
        span = re.fullmatch(r"\s*(\d{1,18})(?:-(\d{1,18}))?\s*", part)
        first, last = (int(span[1]), int(span[2] or span[1])) if span else (0, -1)
        if not 0 <= last - first < _LONGEST_SPAN:
            msg = (
                f"{text!r} is not a list of whole numbers; write them as in 42,123,456 or 42,1-10."
            )
            raise click.BadParameter(msg)
        numbers += range(first, last + 1)
    return tuple(numbers) or None


def share(_ctx: click.Context, _param: click.Parameter, text: str | None) -> float | None:
    """Return the share that "0.008" or "0.8%" names, between 0 and 1."""
    if text is not None and not 0 < fraction_of(text) < 1:
        msg = f"{text!r} is not a share between 0 and 1; write it as in 0.008 or 0.8%."
        raise click.BadParameter(msg)
    return None if text is None else fraction_of(text)


def fraction_of(text: str) -> float:
    """Return the number that "0.008" or "0.8%" names; NaN for what is none."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return math.nan


def _level(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
    """Return the level that "0.05" or "5%" names."""
    if not 0 < fraction_of(text) <= _LARGEST_LEVEL:
        msg = f"{text!r} is not a level above 0 and up to {_LARGEST_LEVEL}; write it as 0.05 or 5%."
        raise click.BadParameter(msg)
    return fraction_of(text)


share_option = partial(click.option, callback=share, metavar="SHARE", show_default=True)
alpha_option = share_option(
    "--alpha", callback=_level, default="0.05", help="Level of the two-sided test."
)


_STUDY_OPTIONS = (
    click.option(
        "--seeds",
        callback=whole_numbers,
        metavar="42,123,1-10",
        help="Seeds of the runs; each holds out another tenth, in this order.",
    ),
    click.option("--recipe", metavar="NAME", help="Recipe: quick, documented or strong."),
    click.option(
        "--data",
        "dataset",
        metavar="SOURCE",
        help="Dataset in place of the study's; `misread data list` shows how to name one.",
    ),
    click.option("--epochs", type=click.IntRange(1), help="Epochs, instead of the recipe's."),
    folder_option("--out", "Folder of the study [default: runs/STUDY]."),
    click.option(
        "--jobs",
        type=click.IntRange(1),
        help="Runs at the same time; each takes a core and up to 2 GiB of memory [default: what "
        "fits].",
    ),
    click.option("--smoke", is_flag=True, help="Shrink everything to see that it works."),
    json_option,
)


def study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that runs a study."""
    for option in reversed(_STUDY_OPTIONS):
        command = option(command)
    return command


class _Plain(Console):
    """A console that prints whatever comes from data as text: no markup, nothing unseen."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, soft_wrap=False, markup=False, emoji=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of anything, of which the text is made visible."""
        for segment in super().render(renderable, options):
            plain = segment.control or segment.text.isprintable()
            yield segment if plain else segment._replace(text=wording.visible(segment.text))


def stdout() -> Console:
    """Return a console on standard output."""
    return _Plain()


def stderr() -> Console:
    """Return a console on standard error."""
    return _Plain(stderr=True)


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print text; what comes from data in it cannot steer a terminal."""
    click.echo(wording.visible(text), err=err, nl=nl)


def say_json(text: str) -> None:
    """Print JSON; signs that nobody sees are escaped, so that nothing in it is lost."""
    plain = (s if s.isprintable() or s == "\n" else json.dumps(s)[1:-1] for s in text.rstrip("\n"))
    click.echo(text.rstrip("\n") if text.isascii() else "".join(plain))


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    say_json(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def patience(what: str) -> Iterator[None]:
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
