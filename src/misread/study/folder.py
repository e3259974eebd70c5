"""Steps that every kind of study takes: what it reports, folds, and folders that never mix."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from misread.data.parts import N_FOLDS
from misread.errors import PlanError
from misread.files import clear_errors, read_json
from misread.learn.recipe import Recipe, Run
from misread.learn.work import Task, prepare, work
from misread.store import RunFolder, locked
from misread.workers.machine import default_jobs
from misread.workers.pool import Pool, Workers
from misread.workers.processes import LocalPool
from misread.workers.ray_cluster import RayPool


@dataclass(frozen=True)
class Stage:
    """A stage that begins: its title and its tasks, for the progress bar."""

    title: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Note:
    """A sentence for people about something that was done."""

    text: str


OnReport = Callable[[Any], None]  # receives Stage, Note and runs.Progress


EXECUTORS = ("local", "ray")


class AnyStudy(Protocol):
    """A study of any kind, as far as its workers need to know it."""

    @property
    def smoke(self) -> bool:
        """Whether everything is shrunk."""

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """The seeds that every arm has for certain."""

    @property
    def epochs(self) -> dict[str, int]:
        """Epochs of a run of each arm, the first arm first."""


@contextmanager
def at_work(
    study: AnyStudy,
    folder: Path,
    *,
    jobs: int | None,
    executor: str,
    on_report: OnReport,
    first_arm_only: bool = False,
) -> Iterator[Workers]:
    """Hold a study's folder, freed of a smoke run, and give its workers.

    Where a run is left to do they begin to start at once, while the caller still loads and plans.

    Raises
    ------
    StoreError
        If the folder is in use or cannot be written.
    StudyError
        If the executor is not there.
    """
    if not study.smoke:
        move_smoke_run_aside(folder, on_report)

    def take(task: Task, report: Any) -> None:
        if isinstance(report, dict):
            task.folder.write(report)
        else:
            on_report(report)

    def note(text: str) -> None:
        on_report(Note(text))

    with locked(folder):
        pool, log = _pool(executor, jobs, folder / "workers.log")
        with Workers(pool, take, note, log) as workers:
            workers.start(_left_to_do(study, folder, first_arm_only=first_arm_only))
            yield workers


def _pool(executor: str, jobs: int | None, log: Path) -> tuple[Pool, str]:
    if executor == "ray":
        return RayPool(work, jobs), "the logs of Ray"
    return LocalPool(work, prepare, jobs or default_jobs(), log), str(log)


def _left_to_do(study: AnyStudy, folder: Path, *, first_arm_only: bool) -> int:
    """Return how many runs are not there yet, as far as a look at the folder tells."""
    arms = list(study.epochs)[: 1 if first_arm_only else None]
    runs = [RunFolder(folder, arm, seed) for arm in arms for seed in study.first_seeds]
    return sum(not (run.is_trained if first_arm_only else run.is_complete) for run in runs)


def move_smoke_run_aside(folder: Path, on_report: OnReport) -> None:
    """Give a real study the place of a smoke run, whose results prove nothing but are kept."""
    configs = sorted(folder.glob("arms/*/*/config.json"))
    if not configs or any(read_json(path)["confirm_size"] is None for path in configs):
        return
    with locked(folder):
        pass  # nobody works there
    number = 1
    while (aside := folder.with_name(f"{folder.name}.smoke-{number}")).exists():
        number += 1
    with clear_errors(folder):
        folder.rename(aside)
    on_report(Note(f"{folder} held a smoke run; it was moved aside to {aside}."))


def select_folds(seeds: tuple[int, ...], folder: Path) -> dict[int, int]:
    """Return the held-out tenth of each seed: that of the folder's runs, else the next in turn."""
    folds: dict[int, int] = {}
    for seed in seeds:
        for path in sorted(folder.glob(f"arms/*/seed_{seed}/config.json"))[:1]:
            folds[seed] = int(read_json(path)["select_fold"])
    counts = [list(folds.values()).count(fold) for fold in range(N_FOLDS)]
    for seed in seeds:
        if seed not in folds:
            folds[seed] = counts.index(min(counts))
            counts[folds[seed]] += 1
    return {seed: folds[seed] for seed in seeds}


def refuse_another_study(
    folder: Path, wanted: Run, recipes: Mapping[str, Recipe] | None = None
) -> None:
    """Refuse to mix: every run of a folder has the same data, recipe, sizes and Keras backend.

    Parameters
    ----------
    folder
        Of the study.
    wanted
        One of the runs that are asked for.
    recipes
        Recipe of each arm, where every arm has its own; what other arms have is left alone.

    Raises
    ------
    PlanError
        If it holds a run that differs.
    """
    shared = ("dataset_sha256", "recipe", "fit_size", "select_size", "confirm_size")
    asked = wanted.model_dump(mode="json")
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    for path in sorted(folder.glob("arms/*/seed_*/config.json")):
        there = read_json(path)
        if recipes is not None:
            own = recipes.get(there["arm"])
            asked["recipe"] = own.model_dump(mode="json") if own else there["recipe"]
        if any(there[key] != asked[key] for key in shared):
            _refuse(path.parent, {k: there[k] for k in shared}, {k: asked[k] for k in shared})
        environment = path.with_name("environment.json")
        if environment.exists() and (used := read_json(environment)["backend"]) != backend:
            _refuse(path.parent, {"backend": used}, {"backend": backend})


def refuse_another_run(task: Task) -> None:
    """Refuse to take up a run that was begun differently.

    Raises
    ------
    PlanError
        If there is one.
    """
    there, wanted = task.folder.config(), task.run.model_dump(mode="json")
    if there is not None and there != wanted:
        _refuse(task.folder.path, there, wanted)


def _refuse(path: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    flat = _flat(there)
    differences = [
        f"{key} {_short(flat.get(key))} instead of {_short(value)}"
        for key, value in _flat(wanted).items()
        if flat.get(key) != value
    ]
    msg = (
        f"{path} holds a run with {', '.join(differences[:3])}; choose another folder "
        "with --out, or delete that one."
    )
    raise PlanError(msg)


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= inner if isinstance(inner, dict) else {key: inner}
    return flat


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "…"
