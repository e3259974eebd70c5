"""Progress of anything that is counted: a bar on a terminal, a line now and then elsewhere."""

import time
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from misread.learn.work import Progress as Work
from misread.learn.work import Step
from misread.study.run import Until
from misread.study.study import Study
from misread.study.task import Note, Stage

_LEAST_SECONDS = 5  # between two lines on the same count


class Bar:
    """A bar with the time left on a terminal; elsewhere a line for each tenth of what is counted.

    Parameters
    ----------
    console
        Where to write.
    """

    _at_most = ""  # before a time left that is an upper bound

    def __init__(self, console: Console) -> None:
        self._console = console
        self._title = self._unit = ""
        self._total = self._done = self._skipped = 0.0
        self._began = 0.0
        self._last_line = 0.0, 0.0  # when it was written, and how much was done then
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[words]}"),
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
        self._title, self._total, self._unit = title, total or 0, unit
        self._done = self._skipped = 0
        self._began = time.monotonic()
        self._last_line = self._began, 0
        self._task = self._bar.add_task(title, total=total, words="")
        self._bar.start()

    def skip(self, amount: float) -> None:
        """Count what was done before this process began."""
        self._skipped += amount
        self.advance(amount)

    def advance(self, amount: float, latest: str = "") -> None:
        """Count what has just been done; `latest` says what that was, for people."""
        self._done += amount
        words = ", ".join(filter(None, (self.count, latest, self.left)))
        self._bar.update(self._task, completed=self._done, description=self._title, words=words)
        self._tell(words)

    @property
    def count(self) -> str:
        """How much is done, as in "12 of 40 models"."""
        whole = f" of {_number(self._total)}" if self._total else ""
        return f"{_number(self._done)}{whole} {self._unit}"

    @property
    def left(self) -> str:
        """The time left in words, as in "about 3 min left"; "" where nothing is left to do."""
        todo, worked = self._total - self._done, self._done - self._skipped
        if self._total and todo <= 0:
            return ""
        if not self._total or worked <= 0:
            return "time left unknown"
        seconds = (time.monotonic() - self._began) / worked * todo
        if seconds >= 90:
            return f"{self._at_most}about {seconds / 60:.0f} min left"
        return f"{self._at_most}about {max(seconds, 1):.0f} s left"

    def say(self, text: str) -> None:
        """Write a line with the time of day; on a terminal it stays above the bar."""
        self._console.print(
            f"[{time.strftime('%H:%M:%S')}] {text}", highlight=False, markup=False, soft_wrap=True
        )

    def say_elsewhere(self, text: str) -> None:
        """Write a line where there is no bar."""
        if not self._console.is_terminal:
            self.say(text)

    def _tell(self, words: str) -> None:
        (when, done), now = self._last_line, time.monotonic()
        if self._done - done >= self._total / 10 and now - when >= _LEAST_SECONDS:
            self._last_line = now, self._done
            self.say_elsewhere(f"{self._title}: {words}")


class StudyBar(Bar):
    """A bar of a study, with a line for each run; `on_report` takes what `run_study` reports.

    Parameters
    ----------
    console
        Where to write.
    study
        The study that runs. Its epochs are counted, and the end of each run as one step more.
    until
        As in `run_study`: where the study stops before its arms, a trained run is complete.
    """

    def __init__(self, console: Console, study: Study, until: Until) -> None:
        super().__init__(console)
        self._last_step = Step.READ if until == Until.END else Step.TRAINED
        seeds = study.seeds if until == Until.END else study.first_seeds
        epochs = list(study.epochs.values())[: None if until == Until.END else 1]
        if len(seeds) > len(study.first_seeds):
            self._at_most = "at most "
        self._n_runs = len(seeds) * len(epochs)
        self._epochs: dict[tuple[str, int], int] = {}
        self._trained: set[tuple[str, int]] = set()
        self._complete: set[tuple[str, int]] = set()
        self.begin("", len(seeds) * (sum(epochs) + len(epochs)), "steps")

    @property
    def count(self) -> str:
        """How many runs are done, as in "3 of 15 runs complete, 2 more trained"."""
        n_more = len(self._trained - self._complete)
        more = f", {n_more} more trained" if n_more else ""
        return f"{len(self._complete)} of {self._at_most}{self._n_runs} runs complete{more}"

    def on_report(self, report: Any) -> None:
        """Take what `run_study` reports."""
        if isinstance(report, Note):
            self.say(report.text)
        elif isinstance(report, Stage):
            self._begin_stage(report)
        elif isinstance(report, Work):
            self._count_step(report)

    def _begin_stage(self, stage: Stage) -> None:
        self._title = stage.title
        for task in stage.tasks:
            key, is_trained = (task.run.arm, task.run.seed), task.folder.is_trained
            if is_trained and key not in self._trained:
                self.skip(task.run.recipe.epochs)
                self._trained.add(key)
            is_complete = is_trained if self._last_step == Step.TRAINED else task.is_read
            if is_complete and key not in self._complete:
                self.skip(1)
                self._complete.add(key)
        if n_left := sum(not task.is_done for task in stage.tasks):
            self.say_elsewhere(f"{self._title}: {n_left} of {len(stage.tasks)} runs to do")

    def _count_step(self, report: Work) -> None:
        key = (report.arm, report.seed)
        n_steps = int(report.step == self._last_step)
        if report.step == Step.EPOCH:
            n_steps = report.number - self._epochs.get(key, 0)  # below 0 where a run begins anew
            self._epochs[key] = report.number
        else:
            self._trained.add(key)
        if report.step == self._last_step:
            self._complete.add(key)
        read = "" if report.accuracy is None else f"{report.accuracy:.2%}"
        self.advance(n_steps, f"{report.arm} {report.seed}: {read}")
        if report.step != Step.EPOCH:
            accuracy = f", accuracy {read}" if read else ""
            state = ", ".join(filter(None, (self.count, self.left)))
            self.say_elsewhere(f"{report.arm} seed {report.seed} {report.step}{accuracy}; {state}")

    def _tell(self, words: str) -> None:
        """Tell nothing of a single epoch."""


def _number(amount: float) -> str:
    return f"{amount:,.1f}".removesuffix(".0")
