"""Tasks: the work that is to be done in run folders, and the reports of a study on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from misread.files import read_arrays
from misread.learn.order import Order, Progress
from misread.learn.recipe import Run
from misread.learn.views import Part, View, views_in
from misread.store import RunFolder
from misread.study.arms import BASELINE
from misread.study.study import Study


@dataclass(frozen=True)
class Task:
    """A run that is to be done in a run folder; what is there already is left alone."""

    folder: RunFolder
    run: Run
    views: tuple[View, ...] = ()  # () while no plan is locked: *confirm* stays closed
    preview: tuple[View, ...] = ()  # views of *select* for the preview
    repeat: bool = False  # trained once more, to see that its seed gives the same
    start: RunFolder | None = None  # the baseline's trained run that training goes on from

    @property
    def name(self) -> str:
        """Arm and seed, for people."""
        return f"{self.run.arm} seed {self.run.seed}"

    def order(self) -> Order:
        """Return what is left to do, for a worker anywhere."""
        return Order(
            self.run,
            self.folder.trained_files(),
            {} if self.start is None else self.start.trained_files(),
            () if self.is_previewed else self.preview,
            () if self.is_read else self.views,
            self.repeat and not self.is_repeated,
        )

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left to do."""
        is_through = self.is_read if self.views else self.folder.is_trained
        return is_through and self.is_previewed and self.is_repeated

    @property
    def is_repeated(self) -> bool:
        """Return whether it was trained once more, where that is asked for."""
        return not self.repeat or (self.folder.path / "repeat.json").exists()

    @property
    def is_previewed(self) -> bool:
        """Return whether every view of the preview has been read."""
        path = self.folder.path / "preview.npz"
        if not self.preview or not path.exists():
            return not self.preview
        return set(self.preview) <= set(views_in(read_arrays(path), Part.SELECT))

    @property
    def is_read(self) -> bool:
        """Return whether *confirm* and every view of the task have been read."""
        if not self.views or not self.folder.is_complete:
            return False
        slices = {view.name for view in self.views if not view.is_whole}
        return slices <= set(self.folder.result()["slices"])


def start_of(study: Study, folder: Path, arm: str, seed: int) -> RunFolder | None:
    """Return the baseline's run that an arm's training goes on from; None where it begins anew."""
    goes_on = study.arms[arm].treatments.goes_on
    return RunFolder(folder, BASELINE, seed) if goes_on else None


@dataclass(frozen=True)
class Stage:
    """A stage that begins: its title and its tasks, for the progress bar."""

    title: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Note:
    """A sentence for people about something that was done."""

    text: str


OnReport = Callable[[Stage | Note | Progress], None]
