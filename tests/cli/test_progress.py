"""The progress bar: what it counts, and when it says that how much time is left."""

import io
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from misread.cli import progress
from misread.cli.progress import Bar, StudyBar, load_with_bar
from misread.learn.order import Progress, Step
from misread.study.task import Note, Stage


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds

    @staticmethod
    def strftime(_: str) -> str:
        return "12:00:00"


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def console_to(file, *, terminal):
    return Console(file=file, force_terminal=terminal, width=100, color_system=None)


@pytest.fixture
def bar():
    with Bar(console_to(io.StringIO(), terminal=False)) as bar:
        yield bar


def lines_of(bar):
    return [line.removeprefix("[12:00:00] ") for line in bar._console.file.getvalue().splitlines()]


def test_time_left_follows_from_what_was_done_by_this_process(bar, clock):
    bar.begin("reading", 40, "models")
    assert bar.left == "time left unknown"
    bar.skip(20)  # done long ago: it says nothing of how long a model takes
    assert bar.left == "time left unknown"
    clock.seconds += 60
    bar.advance(5)
    assert (bar.count, bar.left) == ("25 of 40 models", "about 3 min left")
    clock.seconds += 24
    bar.advance(14)
    assert bar.left == "about 4 s left"


def test_no_time_is_left_only_where_nothing_is_left_to_do(bar, clock):
    bar.begin("reading", 1000, "models")
    clock.seconds += 1
    bar.advance(999)
    assert bar.left == "about 1 s left"
    bar.advance(1)
    assert bar.left == ""


def test_an_end_that_is_not_known_has_no_time_left(bar, clock):
    bar.begin("fetching a.arff", None, "MB")
    clock.seconds += 1
    bar.advance(0.25)
    assert (bar.count, bar.left) == ("0.2 MB", "time left unknown")


def test_a_line_for_each_tenth_where_there_is_no_terminal(bar, clock):
    bar.begin("reading", 100, "models")
    for _ in range(100):
        clock.seconds += 2
        bar.advance(1, "baseline seed 42")
    lines = lines_of(bar)
    assert len(lines) == 10
    assert lines[0] == "reading: 10 of 100 models, baseline seed 42, about 3 min left"
    assert lines[-1] == "reading: 100 of 100 models, baseline seed 42"


def test_what_is_done_at_once_fills_no_log(bar, clock):
    bar.begin("reading", 100, "models")
    for _ in range(100):
        clock.seconds += 0.01
        bar.advance(1)
    assert lines_of(bar) == []


def test_on_a_terminal_there_is_a_bar_that_goes_away_and_no_lines(clock):
    file = io.StringIO()
    with Bar(console_to(file, terminal=True)) as bar:
        bar.begin("reading", 4, "models")
        clock.seconds += 60
        bar.advance(1)
        bar._bar.refresh()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    assert "reading" in shown
    assert "1 of 4 models, about 3 min left" in shown
    assert "[12:00:00]" not in shown
    assert file.getvalue().endswith("\x1b[1A\x1b[2K"), "the bar is still there"


def test_corrupting_says_how_many_images_there_are():
    file = io.StringIO()
    train, test = load_with_bar("corrupted:brightness@3", console_to(file, terminal=False))
    assert (len(train), len(test)) == (60_000, 10_000)
    assert "corrupting brightness@3, train, 60,000 images" in file.getvalue()
    assert "corrupting brightness@3, test, 10,000 images" in file.getvalue()


# --- a study --------------------------------------------------------------------------------------


def task(arm, seed, *, trained=False, read=False):
    """Return a task of two epochs as the bar of a study looks at it."""
    return SimpleNamespace(
        name=f"{arm} seed {seed}",
        run=SimpleNamespace(epochs=2),
        folder=SimpleNamespace(is_trained=trained),
        is_read=read,
        is_done=read,
    )


def study_bar(n_runs, *, last_step=Step.READ, at_most=""):
    return StudyBar(console_to(io.StringIO(), terminal=False), [2] * n_runs, last_step, at_most)


def train(bar, arm, seed):
    for epoch in (1, 2):
        bar.on_report(Progress(arm, seed, Step.EPOCH, epoch, 0.9))
    bar.on_report(Progress(arm, seed, Step.TRAINED))


def test_a_run_that_is_trained_and_not_read_yet_is_counted_as_such(clock):
    with study_bar(4) as bar:
        bar.on_report(Stage("training the baseline", (task("baseline", 1), task("baseline", 2))))
        clock.seconds += 30
        train(bar, "baseline", 1)
        train(bar, "baseline", 2)
        assert bar.count == "0 of 4 runs complete, 2 more trained"
        bar.on_report(Progress("baseline", 1, Step.READ, accuracy=0.95))
        assert bar.count == "1 of 4 runs complete, 1 more trained"
    assert lines_of(bar) == [
        "training the baseline: 2 of 2 runs to do",
        "baseline seed 1 trained; 0 of 4 runs complete, 1 more trained, about 2 min left",
        "baseline seed 2 trained; 0 of 4 runs complete, 2 more trained, about 60 s left",
        f"baseline seed 1 read, accuracy 95.00%; {bar.count}, about 42 s left",
    ]


def test_time_is_left_until_the_last_run_is_read(clock):
    with study_bar(1) as bar:
        bar.on_report(Stage("training the arms", (task("both", 1),)))
        clock.seconds += 20
        train(bar, "both", 1)
        assert bar.left == "about 10 s left"
        bar.on_report(Progress("both", 1, Step.READ, accuracy=0.95))
    assert lines_of(bar)[-1] == "both seed 1 read, accuracy 95.00%; 1 of 1 runs complete"


def test_runs_that_were_there_before_say_nothing_of_the_time(clock):
    with study_bar(2, at_most="at most ") as bar:
        there = task("baseline", 1, trained=True, read=True)
        bar.on_report(Stage("training the arms", (there, task("both", 1))))
        assert bar.count == "1 of at most 2 runs complete"
        assert bar.left == "time left unknown"
        clock.seconds += 20
        bar.on_report(Progress("both", 1, Step.EPOCH, 1, 0.9))
        assert bar.left == "at most about 40 s left"


def test_a_run_that_begins_anew_takes_its_epochs_back(clock):
    with study_bar(1) as bar:
        bar.on_report(Stage("training the arms", (task("both", 1),)))
        clock.seconds += 20
        bar.on_report(Progress("both", 1, Step.EPOCH, 2, 0.9))
        bar.on_report(Note("both seed 1: its worker was killed; it is tried again."))
        bar.on_report(Progress("both", 1, Step.EPOCH, 1, 0.9))
        assert bar.left == "about 40 s left"
    assert lines_of(bar)[-1].startswith("both seed 1: its worker was killed")


def test_where_a_study_stops_before_its_arms_a_trained_run_is_complete(clock):
    with study_bar(2, last_step=Step.TRAINED) as bar:
        bar.on_report(Stage("training the baseline", (task("baseline", 1, trained=True),)))
        assert bar.count == "1 of 2 runs complete"
        clock.seconds += 20
        train(bar, "baseline", 2)
        assert (bar.count, bar.left) == ("2 of 2 runs complete", "")
