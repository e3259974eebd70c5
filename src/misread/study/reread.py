"""The trained models of a study read other images: what is there already is not read again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from misread.errors import StoreError
from misread.files import read_json
from misread.learn.work import prepare
from misread.workers.machine import default_jobs
from misread.workers.pool import Job, Work, Workers
from misread.workers.processes import LocalPool

EXPLORATORY = "these data were chosen after the plan had been locked"


class ToRead(Job, Protocol):
    """A model, and the file of what it is to read."""

    @property
    def model(self) -> Path:
        """The stored model."""

    @property
    def path(self) -> Path:
        """Where its readings belong."""


def read_all(
    tasks: Sequence[ToRead],
    work: Work,
    take: Callable[[Any, Any], None],
    here: Path,
    jobs: int | None,
    on_note: Callable[[str], None],
) -> None:
    """Do every task that has no file yet, in worker processes.

    Parameters
    ----------
    tasks
        What is to be read.
    work
        What a worker does with one.
    take
        Called with a task and with each of its reports.
    here
        Folder of the workers' log, which stays only where something failed.
    jobs
        Worker processes; None takes what fits.
    on_note
        Called with a sentence for people when a reading is tried again or fails.

    Raises
    ------
    RunError
        If models could not be read; all others were.
    StoreError
        If a model is missing.
    """
    todo = [task for task in tasks if not task.path.exists()]
    for task in todo:
        if not task.model.exists():
            msg = f"{task.model} does not exist; finish the study first, or bring its models back."
            raise StoreError(msg)
    log = here / "workers.log"
    pool = LocalPool(work, prepare, jobs or default_jobs(), log)
    with Workers(pool, take, on_note, str(log)) as workers:
        workers.run(todo)
    log.unlink(missing_ok=True)


def refuse_others(here: Path, stated: dict[str, Any]) -> None:
    """Refuse to mix: the readings of a folder are of one study and one content.

    Raises
    ------
    StoreError
        If `source.json` in the folder states another one.
    """
    path = here / "source.json"
    if not path.exists():
        return
    there = read_json(path)
    differing = [k for k in ("source_sha256", "plan_sha256") if there.get(k) != stated[k]]
    if differing:
        what = "data" if "source_sha256" in differing else "models"
        msg = (
            f"{here} holds readings of other {what} under this name; delete it, or choose another "
            "folder with --out."
        )
        raise StoreError(msg)
