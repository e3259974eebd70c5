"""Progress of a study: a bar on a terminal, a line per finished run elsewhere."""

import time
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from misread.learn import work as runs
from misread.study.folder import Note, Stage

_TITLES = {
    "baseline": "training the baseline",
    "preview": "reading the augmented images",
    "arms": "training the arms",
}


class Watched(Protocol):
    """A study of any kind, as far as its progress goes."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds."""

    @property
    def epochs(self) -> dict[str, int]:
        """Epochs of a run of each arm, the first arm first."""


class Watch:
    """Shows how far a study is; its `on_report` takes what `run_study` reports.

    Parameters
    ----------
    study
        The study that runs: its arms × seeds × epochs are the whole.
    console
        Where to write. On a terminal that is a bar with time left; elsewhere plain lines.
    baseline_only
        Whether the study stops when its baseline is trained: then a trained run is complete.
    """

    def __init__(self, study: Watched, console: Console, *, baseline_only: bool = False) -> None:
        self._console = console
        epochs = list(study.epochs.values())[: 1 if baseline_only else None]
        looks = getattr(getattr(study, "adaptive", None), "looks", None)
        n_seeds = looks[0] if looks and baseline_only else len(study.seeds)
        self._at_most = "at most " if looks and not baseline_only else ""
        self._n_runs = n_seeds * len(epochs)
        self._total = n_seeds * sum(epochs)
        self._complete: set[tuple[str, int]] = set()
        self._last_step = "trained" if baseline_only else "read"
        self._epochs: dict[tuple[str, int], int] = {}
        self._here = 0  # epochs trained by this process, for the time left
        self._began = time.monotonic()
        self._accuracy = ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("epoch"),
            MofNCompleteColumn(),
            TextColumn("· {task.fields[runs]} · {task.fields[accuracy]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._total, runs="", accuracy="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def told(self) -> str:
        """How far it is, as in "3 of 15 runs complete"."""
        return f"{len(self._complete)} of {self._at_most}{self._n_runs} runs complete"

    def on_report(self, report: Any) -> None:
        """Take what `run_study` reports."""
        if isinstance(report, Note):
            self._line(report.text)
        elif isinstance(report, Stage):
            self._begin(report)
        elif isinstance(report, runs.Progress):
            self._step(report)
        self._bar.update(
            self._task,
            completed=sum(self._epochs.values()),
            runs=f"{len(self._complete)}/{self._n_runs} runs",
            accuracy=self._accuracy,
        )

    def _begin(self, stage: Stage) -> None:
        for task in stage.tasks:
            key = (task.run.arm, task.run.seed)
            if task.folder.is_trained:
                self._epochs[key] = task.run.recipe.epochs
            if task.is_read or (task.folder.is_trained and self._last_step == "trained"):
                self._complete.add(key)
        title = _TITLES.get(stage.title, stage.title)
        self._bar.update(self._task, description=title)
        todo = sum(not task.is_done for task in stage.tasks)
        if todo and not self._console.is_terminal:
            self._line(f"{title}: {todo} of {len(stage.tasks)} runs to do")

    def _step(self, report: runs.Progress) -> None:
        key = (report.arm, report.seed)
        if report.step == "epoch":
            self._epochs[key] = report.epoch
            self._here += 1
        elif report.step == self._last_step:
            self._complete.add(key)
        if report.accuracy is not None:
            part = "select" if report.step == "epoch" else "confirm"
            self._accuracy = f"{report.arm} {report.seed}: {report.accuracy:.2%} on {part}"
        if report.step in {"trained", "read"} and not self._console.is_terminal:
            accuracy = "" if report.accuracy is None else f", accuracy {report.accuracy:.2%}"
            self._line(
                f"{report.arm} seed {report.seed} {report.step}{accuracy}; "
                f"{len(self._complete)}/{self._n_runs} runs complete, {self._left()}"
            )

    def _left(self) -> str:
        todo = self._total - sum(self._epochs.values())
        if not self._here:
            return "time left unknown"
        seconds = (time.monotonic() - self._began) / self._here * todo
        return (
            f"{self._at_most}about {seconds / 60:.0f} min left"
            if seconds >= 90
            else f"{self._at_most}about {seconds:.0f} s left"
        )

    def _line(self, text: str) -> None:
        self._console.print(
            f"[{time.strftime('%H:%M:%S')}] {text}", highlight=False, markup=False, soft_wrap=True
        )
