"""Progress of anything that is counted: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from misread.data.dataset import Dataset
from misread.data.sources import load
from misread.learn.order import Progress as RunProgress
from misread.learn.order import Step
from misread.study.reread import Calls, Rereading
from misread.study.task import Note, Stage
from misread.watch import watched

_LEAST_SECONDS = 5  # between two lines on the same count


class Bar:
    """A bar with the time left on a terminal; elsewhere a line for each tenth of the whole."""

    at_most = ""  # before a number or a time left that is an upper bound

    def __init__(self, console: Console) -> None:
        self._console = console
        self.title = self.unit = ""
        self.done = self.total = self._skipped = 0.0
        self._began = self._line_at = self._line_done = 0.0
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[words]}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, title: str, total: float | None, unit: str) -> None:
        """Begin to count up to `total`, or up to an end that is not known (None)."""
        self.title, self.total, self.unit = title, total or 0, unit
        self.done = self._skipped = self._line_done = 0.0
        self._began = self._line_at = time.monotonic()
        self._task = self._bar.add_task(title, total=total, words="")
        self._bar.start()

    def skip(self, amount: float) -> None:
        """Count what was done before this process began."""
        self._skipped += amount
        self.advance(amount)

    def advance(self, amount: float, latest: str = "") -> None:
        """Count what has just been done; `latest` says what that was, for people."""
        self.done += amount
        words = ", ".join(filter(None, (self.count, latest, self.left)))
        self._bar.update(self._task, completed=self.done, description=self.title, words=words)
        if self._is_line_due():
            self._line_at, self._line_done = time.monotonic(), self.done
            self.say_elsewhere(f"{self.title}: {words}")

    @property
    def count(self) -> str:
        """The amount that is done, as in "12 of 40 models"."""
        whole = f" of {_number(self.total)}" if self.total else ""
        return f"{_number(self.done)}{whole} {self.unit}"

    @property
    def left(self) -> str:
        """The time left in words, as in "about 3 min left"; "" where nothing is left to do."""
        todo, worked = self.total - self.done, self.done - self._skipped
        if self.total and todo <= 0:
            return ""
        if not self.total or worked <= 0:
            return "time left unknown"
        seconds = (time.monotonic() - self._began) / worked * todo
        about = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(seconds, 1):.0f} s"
        return f"{self.at_most}about {about} left"

    def say(self, text: str) -> None:
        """Write a line with the time of day; on a terminal it stays above the bar."""
        line = f"[{time.strftime('%H:%M:%S')}] {text}"
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def say_elsewhere(self, text: str) -> None:
        """Write a line where there is no bar."""
        if not self._console.is_terminal:
            self.say(text)

    def _is_line_due(self) -> bool:
        is_a_tenth = self.done - self._line_done >= self.total / 10
        return is_a_tenth and time.monotonic() - self._line_at >= _LEAST_SECONDS


class StudyBar(Bar):
    """A bar of a study, with a line for each run; `on_report` takes what `run_study` reports.

    It counts the `epochs` of each run, and its end as one step more; `last_step` completes a run.
    `at_most` is "at most " where looks may leave out runs, else "".
    """

    def __init__(
        self, console: Console, epochs: Sequence[int], last_step: Step, at_most: str
    ) -> None:
        super().__init__(console)
        self.at_most, self._n_runs, self._last_step = at_most, len(epochs), last_step
        self._epochs: dict[str, int] = {}
        self._planned: dict[str, int] = {}
        self._trained: set[str] = set()
        self._complete: set[str] = set()
        self.begin("", sum(epochs) + len(epochs), "steps")

    @property
    def count(self) -> str:
        """The runs that are done, as in "3 of 15 runs complete, 2 more trained"."""
        n_more = len(self._trained - self._complete)
        more = f", {n_more} more trained" if n_more else ""
        return f"{len(self._complete)} of {self.at_most}{self._n_runs} runs complete{more}"

    def on_report(self, report: Stage | Note | RunProgress) -> None:
        """Count or write what `run_study` reports."""
        if isinstance(report, Note):
            self.say(report.text)
        elif isinstance(report, Stage):
            self._begin_stage(report)
        else:
            self._count_step(report)

    def _begin_stage(self, stage: Stage) -> None:
        self.title = stage.title
        for task in stage.tasks:
            self._planned[task.name] = task.run.epochs
            is_trained = task.folder.is_trained
            if is_trained and task.name not in self._trained:
                self.skip(task.run.epochs)
                self._trained.add(task.name)
            is_complete = is_trained if self._last_step == Step.TRAINED else task.is_read
            if is_complete and task.name not in self._complete:
                self.skip(1)
                self._complete.add(task.name)
        if n_left := sum(not task.is_done for task in stage.tasks):
            self.say_elsewhere(f"{self.title}: {n_left} of {len(stage.tasks)} runs to do")

    def _count_step(self, report: RunProgress) -> None:
        run = f"{report.arm} seed {report.seed}"
        n_steps = int(report.step == self._last_step)
        if report.step == Step.EPOCH:
            n_steps = report.number - self._epochs.get(run, 0)  # below 0 where a run begins anew
            self._epochs[run] = report.number
        elif run not in self._trained:
            n_counted = self._epochs.get(run, 0)
            n_steps += max(self._planned.get(run, 0) - n_counted, 0)  # that nobody reported
            self._trained.add(run)
        if report.step == self._last_step:
            self._complete.add(run)
        accuracy = "" if report.accuracy is None else f"accuracy {report.accuracy:.2%}"
        self.advance(n_steps, ", ".join(filter(None, (run, accuracy))))
        if report.step != Step.EPOCH:
            words = ", ".join(filter(None, (f"{run} {report.step}", accuracy)))
            self.say_elsewhere(f"{words}; {', '.join(filter(None, (self.count, self.left)))}")

    def _is_line_due(self) -> bool:
        return False  # each run has a line


def counting_views(bar: Bar, title: str, unit: str) -> Calls:
    """Return calls that count the views that models have read."""
    n_read_by: dict[str, int] = {}

    def on_begin(n_views: int, n_before: int) -> None:
        bar.begin(title, n_views, unit)
        bar.skip(n_before)

    def on_view(reading: Rereading, n_read: int) -> None:
        bar.advance(n_read - n_read_by.get(reading.name, 0), reading.name)
        n_read_by[reading.name] = n_read

    return Calls(on_begin, on_view, bar.say)


def load_with_bar(name: str, console: Console) -> tuple[Dataset, Dataset]:
    """Load a dataset, with a bar while a file is fetched or images are corrupted for it."""
    with Bar(console) as bar:

        def on_count(title: str, now: float, total: float | None, unit: str) -> None:
            if title == bar.title:
                bar.advance(now - bar.done)
                return
            bar.begin(title, total, unit)
            size = "of unknown size" if total is None else f"{_number(total)} {unit}"
            bar.say_elsewhere(f"{title}, {size}")
            bar.skip(now)  # a part of the file may be from before

        with watched(on_count):
            return load(name)


def _number(amount: float) -> str:
    return f"{amount:,.1f}".removesuffix(".0")
