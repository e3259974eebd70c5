"""What the commands share."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from misread.data.dataset import Dataset


T = TypeVar("T")
R = TypeVar("R")


def console(*, stderr: bool) -> "Console":
    """Return a console on standard output or standard error."""
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=False)


def study_folder(source: str) -> Path | None:
    """Return the folder where `source` is one, or is the name of a study that ran here."""
    from misread.study.file import builtin_studies

    if Path(source).is_dir() and not list(Path(source).glob("seed_*")):  # those are readings
        return Path(source)
    return Path("runs") / source if source in builtin_studies() else None


def load_shown(name: str, shown: "Console") -> "tuple[Dataset, Dataset]":
    """Load a dataset; what must be fetched or done for it first has a bar, or a line elsewhere."""
    from misread.data.sources import is_remote, load, origin

    if origin(name) != name:
        load_shown(origin(name), shown)
        return _corrupt_shown(name, shown)
    if not is_remote(name):
        return load(name)
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from misread.data.download import watched

    with Progress(
        TextColumn("fetching {task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    ) as bar:
        tasks: dict[str, int] = {}

        def on_fetch(file: str, there: int, total: int | None) -> None:
            if file not in tasks:
                tasks[file] = bar.add_task(file, total=total)
                if not shown.is_terminal:
                    size = "of unknown size" if total is None else f"{total / 1e6:,.1f} MB"
                    shown.print(f"fetching {file}, {size}", highlight=False, markup=False)
            bar.update(tasks[file], completed=there, total=total)  # type: ignore[arg-type]

        with watched(on_fetch):
            return load(name)


def _corrupt_shown(name: str, shown: "Console") -> "tuple[Dataset, Dataset]":
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from misread.data.sources import load
    from misread.images.corrupt import watched

    with Progress(
        TextColumn("corrupting {task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("images, left"),
        TimeRemainingColumn(),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def on_done(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        with watched(on_done):
            return load(name)


def side_by_side(work: Callable[[T], R], todo: Sequence[T], jobs: int) -> Iterator[R]:
    """Yield what `work` makes of each, in the order in which they end; in `jobs` processes."""
    import concurrent.futures as cf
    import multiprocessing as mp
    import signal

    if min(jobs, len(todo)) <= 1:
        yield from map(work, todo)
        return
    pool = cf.ProcessPoolExecutor(
        min(jobs, len(todo)),
        mp.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),  # Ctrl-C is the parent's to handle
    )
    try:
        for future in cf.as_completed([pool.submit(work, one) for one in todo]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
