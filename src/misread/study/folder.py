"""The folder of a study: its workers, the tenth that a seed holds out, runs that may share it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from misread.data.parts import N_FOLDS
from misread.errors import PlanError, StudyError
from misread.files import Record, clear_errors, read_json
from misread.learn.recipe import Run
from misread.learn.work import preload, prepare, work
from misread.store import Config, Environment, RunFolder, locked
from misread.study.arithmetic import as_recorded, refuse_another_arithmetic
from misread.study.arms import BASELINE
from misread.study.file import builtin_studies, load_study
from misread.study.plan import load_plan
from misread.study.study import Study
from misread.study.task import Note, OnReport, Stage, Task
from misread.wording import listed, shortened
from misread.workers.machine import default_jobs
from misread.workers.pool import Pool, Workers
from misread.workers.processes import LocalPool
from misread.workers.ray_cluster import RayPool


class Executor(StrEnum):
    """The place where the runs of a study are done."""

    LOCAL = "local"
    RAY = "ray"


def study_folder(source: str) -> Path | None:
    """Return the folder that `source` is, or where the study of that name or file ran in runs/.

    StudyError if the folder of a file is another study's.
    """
    if Path(source).is_dir() and not list(Path(source).glob("seed_*")):  # those are of an arm
        return Path(source)
    if source.endswith(".toml") and Path(source).is_file():
        return _folder_of_file(source)
    if source in builtin_studies():
        return newest_folder(source)
    folder = Path("runs") / source
    is_name = Path(source).name == source and not Path(source).exists()
    return folder if is_name and folder.is_dir() else None


def _folder_of_file(source: str) -> Path:
    study = load_study(source)
    folder, _ = place_in_runs(study, is_builtin=False)
    if changed := _changed(study, folder):
        msg = (
            f"{folder} was made of another study than {source} ({listed(changed)} differ); "
            "name the folder that you mean."
        )
        raise StudyError(msg)
    return folder


def newest_folder(name: str) -> Path:
    """Return a study's folder in runs/: NAME, or the last of NAME-2, NAME-3 … that is there."""
    folder, number = Path("runs") / name, 2
    while (later := folder.with_name(f"{name}-{number}")).exists():
        newest, number = later, number + 1
    return folder if number == 2 else newest


def place_in_runs(study: Study, *, is_builtin: bool) -> tuple[Path, str]:
    """Return where a study runs by default, and why that is a new folder, "" where it is not.

    A built-in study whose file has changed since its folder was made takes the next one; NAME-2 of
    a file of one's own may be another study.
    """
    if not is_builtin:
        return Path("runs") / study.name, ""
    folder = newest_folder(study.name)
    changed = _changed(study, folder)
    if not changed:
        return folder, ""
    number = int(folder.name.removeprefix(f"{study.name}-") if folder.name != study.name else 1)
    place = folder.with_name(f"{study.name}-{number + 1}")
    return place, (
        f"{folder} was made before the file of {study.name} changed ({listed(changed)}); it stays "
        f"as it is, and this study takes {place}."
    )


def _changed(study: Study, folder: Path) -> list[str]:
    """Return what the file of a study says otherwise than the plan of a folder, options apart."""
    if not (folder / "plan.json").exists():
        return []
    there = load_plan(folder).study
    keys = ("title", "question", "policy", "target", "claims", "axis", "judge", "corruptions")
    changed = [key for key in keys if getattr(there, key) != getattr(study, key)]
    arms = [name for name in study.arms if name in there.arms]
    if any(study.arms[name].policy != there.arms[name].policy for name in arms):
        changed.append("arms")
    return changed


def finished_study(source: str) -> Path:
    """Return the folder of a finished study, its name or its file; StudyError if there is none."""
    folder = study_folder(source)
    if folder is None or not (folder / "plan.json").exists():
        msg = f"{source!r} is no folder of a finished study; run `misread run` first, or name one."
        raise StudyError(msg)
    return folder


@contextmanager
def workers_of(
    study: Study,
    folder: Path,
    runs: Sequence[RunFolder],
    *,
    jobs: int | None,
    executor: Executor,
    on_report: OnReport,
) -> Iterator[Workers]:
    """Hold a study's folder, freed of a smoke run, and give its workers.

    Where one of `runs` is left to do they begin to start at once, while the caller still loads and
    plans. StoreError if the folder is in use or cannot be written, StudyError if the executor is
    not there.
    """
    if not study.smoke:
        move_smoke_run_aside(folder, on_report)

    def take(task: Task, report: Any) -> None:
        if isinstance(report, dict):
            task.folder.write(report)
        else:
            on_report(report)

    trainer, log = study.trainer, folder / "workers.log"
    with locked(folder), as_recorded(folder):
        n_jobs, place = jobs or default_jobs(), str(log)
        pool: Pool = LocalPool(work, partial(prepare, trainer), n_jobs, log, preload(trainer))
        if executor == Executor.RAY:
            pool, place = RayPool(work, jobs), "the logs of Ray"
        with Workers(pool, take, lambda text: on_report(Note(text)), place) as workers:
            workers.start(len(runs))
            yield workers


def work_through(
    title: str,
    tasks: Sequence[Task],
    folder: Path,
    workers: Workers,
    on_report: OnReport,
    *,
    mix_arithmetic: bool = False,
) -> None:
    """Do what is left of the tasks; those that go on from the baseline come after it.

    PlanError if runs in the folder were trained with another arithmetic than this machine has;
    RunError if runs failed, when all others are done.
    """
    on_report(Stage(title, tuple(tasks)))
    if not (mix_arithmetic or all(task.folder.is_trained for task in tasks)):
        refuse_another_arithmetic(folder)
    left = [task for task in tasks if not task.is_done]
    workers.run([task for task in left if task.start is None])
    workers.run([task for task in left if task.start is not None])


def move_smoke_run_aside(folder: Path, on_report: OnReport) -> None:
    """Give a real study the place of a smoke run, whose results prove nothing but are kept."""
    configs = sorted(folder.glob("arms/*/*/config.json"))
    if not configs or any(read_json(path, Config)["confirm_size"] is None for path in configs):
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
            folds[seed] = int(read_json(path, Config)["select_fold"])
    counts = [list(folds.values()).count(fold) for fold in range(N_FOLDS)]
    for seed in seeds:
        if seed not in folds:
            folds[seed] = counts.index(min(counts))
            counts[folds[seed]] += 1
    return {seed: folds[seed] for seed in seeds}


def refuse_another_study(study: Study, folder: Path, dataset_sha256: tuple[str, str]) -> None:
    """Refuse to mix: every run of a folder has the data, sizes, recipes and backend of the study.

    PlanError if one differs; what arms have that the study does not name is left alone.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow") if study.trainer.is_ours else None
    asked: dict[str, Any] = {"dataset_sha256": list(dataset_sha256)} | study.sizes
    ways = {name: arm.way for name, arm in study.arms.items()}
    shared = study.asks_target and all(way == ways[BASELINE] for way in ways.values())
    common = ways[BASELINE] if shared else None
    for path in sorted(folder.glob("arms/*/seed_*/config.json")):
        there = read_json(path, Config)
        there["settings"] = there.get("settings", {})
        expected = asked | ways.get(there["arm"], common or {})
        if (same := {key: there.get(key) for key in expected}) != expected:
            _refuse(path.parent, same, expected)
        environment = path.with_name("environment.json")
        known = read_json(environment, Environment) if environment.exists() else {}
        used = known.get("backend", backend)
        if backend is not None and used != backend:
            _refuse(path.parent, {"backend": used}, {"backend": backend})


def refuse_another_run(task: Task) -> None:
    """Refuse, by a PlanError, to take up a run that was begun differently."""
    there = task.folder.config()
    if there is None:
        return
    try:
        if Run.model_validate(there).model_dump() == task.run.model_dump():
            return
    except ValidationError:
        pass
    _refuse(task.folder.path, there, task.run.model_dump(mode="json"))


class Repeat(Record):
    """`repeat.json`: the outcome of training a run once more."""

    arm: str
    seed: int
    images: int
    read_otherwise: int
    same_probabilities: bool


def refuse_untrusted(folder: Path, *, trusted: bool) -> None:
    """Refuse, by a StudyError, that another trainer's code reads, unless that is trusted."""
    trainer = load_plan(folder).study.trainer
    if not (trainer.is_ours or trusted):
        msg = (
            f"the models of {folder} are read by the trainer {trainer.text}, which is code of "
            "whoever made that study; add --trust if you know it."
        )
        raise StudyError(msg)


def repeat_sentence(folder: Path) -> str:
    """Return a sentence on the run that was trained twice; "" where none was."""
    paths = sorted(folder.glob("arms/*/seed_*/repeat.json"))
    if not paths:
        return ""
    repeat = read_json(paths[0], Repeat)
    run = f"Seed {repeat['seed']} of {repeat['arm']}, trained twice, read"
    if repeat["same_probabilities"]:
        return f"{run} all {repeat['images']:,} select images with the same probabilities."
    return (
        f"{run} {repeat['read_otherwise']:,} of {repeat['images']:,} select images as another "
        "class the second time: this trainer does not repeat itself, so a run that is lost comes "
        "back a little different. Let every random choice come from the seed."
    )


def trainer_versions(folder: Path, arms: Iterable[str]) -> int:
    """Return by how many versions of its trainer's source a study's runs were trained."""
    paths = [path for arm in arms for path in folder.glob(f"arms/{arm}/*/environment.json")]
    return len({read_json(path, Environment).get("trainer_sha256") for path in paths})


def _refuse(path: Path, there: dict[str, Any], asked: dict[str, Any]) -> None:
    flat = _flat(there)
    differences = [
        f"{key} {shortened(str(flat.get(key)), 40)} instead of {shortened(str(value), 40)}"
        for key, value in _flat(asked).items()
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
