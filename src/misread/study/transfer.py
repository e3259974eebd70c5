"""Does a fix carry over? The trained models of a study read other data, and the judge compares.

Nothing is trained, and the study's folder is only read. In the folder of the transfer each source
has one of its own::

    arms/<arm>/seed_<seed>/predictions.npz    what a model read, as in a study
    readings.npz                              all of it: labels [N], seeds [S], each arm [S,N];
                                              one that was settled early has the first seeds
    verdict.json                              the judge's verdict on each treated arm, as in a study
    transfer.json                             written last: what was read, and how well

A model of MNIST reads every image but corrupted ones in MNIST's convention (`data.convention`); a
model of other data reads images of its own shape as they are. Images that a study trained on are
left out, corrupted copies of them too.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from misread.data.dataset import Dataset
from misread.data.sources import load, origin, slug
from misread.errors import DataError, StoreError
from misread.files import read_arrays, read_json, write_arrays, write_json
from misread.images.mnist_form import all_to_convention, ink_bright
from misread.judge import Predictions, Verdict, judge
from misread.learn.work import prepare
from misread.store import RunFolder, locked
from misread.study.outcome import StudyVerdict
from misread.study.plan import Plan, load_plan
from misread.study.reread import EXPLORATORY, read_all, refuse_others
from misread.study.study import BASELINE
from misread.study.verdict import names_of, seeds_needed
from misread.workers.pool import Report


@dataclass(frozen=True)
class Reading:
    """What a worker is to do: let one model read one source. What it reads belongs into `path`."""

    model: Path
    path: Path
    study_dataset: str
    source: str
    arm: str
    seed: int

    @property
    def name(self) -> str:
        """Arm and seed, for people."""
        return f"{self.arm} seed {self.seed}"

    def order(self) -> "Reading":
        """Return what a worker of this machine needs: all of it."""
        return self


@dataclass(frozen=True)
class Transfer:
    """What the models of a study read in one source.

    Attributes
    ----------
    source, n_images, sha256 : str, int, tuple of str
        The data, how many of its images were read, and the hashes of its two parts.
    folder : Path
        Where all of it is.
    accuracy : mapping of str to list of float
        Accuracy of each arm, seed by seed.
    equal : float or None
        Share of readings that equal those of *confirm*, where the source is the study's own: what
        the convention changes in images that follow it already.
    outcome : StudyVerdict
        The verdict on each treated arm.
    """

    source: str
    n_images: int
    sha256: tuple[str, str]
    folder: Path
    accuracy: dict[str, list[float]]
    equal: float | None
    outcome: StudyVerdict

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each treated arm."""
        return self.outcome.arms


def unseen(study_dataset: str, source: str) -> Dataset:
    """Return all images of a source that a study did not train on, as its models take them.

    Raises
    ------
    DataError
        If classes or shapes are not those of the study.
    """
    own, (train, test) = load(study_dataset)[0], load(source)
    seen = load(origin(study_dataset))[0].sha256  # in whatever way: a corrupted copy is seen too
    pairs = zip((train, test), load(origin(source)), strict=True)
    parts = [part for part, clean in pairs if clean.sha256 != seen]
    unknown = [name for name in train.class_names if name not in own.class_names]
    if unknown:
        msg = (
            f"{source} has a class {unknown[0]!r}, which the models of {study_dataset} do not "
            f"know; their classes are {', '.join(own.class_names[:12])}: choose other data."
        )
        raise DataError(msg)
    images = np.concatenate([part.images for part in parts])
    if in_convention(study_dataset, source):
        images = all_to_convention(ink_bright(images))
    elif images.shape[1:] != own.images.shape[1:]:
        msg = (
            f"{source} has images {list(images.shape[1:])}, and the models of {study_dataset} take "
            f"{list(own.images.shape[1:])}; bring them to that shape."
        )
        raise DataError(msg)
    codes_K = np.array([own.class_names.index(name) for name in train.class_names])
    labels_N = codes_K[np.concatenate([part.labels_N for part in parts])]
    return Dataset(source, images, labels_N, own.class_names)


def in_convention(study_dataset: str, source: str) -> bool:
    """Say whether a study's models read a source in MNIST's convention: those of MNIST do.

    Corrupted images are read as they are: to be off the convention is what is wrong with some.
    """
    return origin(study_dataset) == "mnist" and origin(source) == source


def run_transfer(
    folder: Path,
    source: str,
    out: Path,
    *,
    jobs: int | None = None,
    on_report: Callable[[Reading], None] = lambda _: None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Transfer:
    """Let every model of a study read a source, and judge each arm; resumable model by model.

    Parameters
    ----------
    folder
        Of the finished study.
    source
        Name of the data, as in `data.sources`.
    out
        Folder of the transfer; the source has one below it.
    jobs
        Worker processes; None takes what fits. Results do not depend on it.
    on_report
        Called with each `Reading` that is there, also with those of an earlier try.
    on_note
        Called with a sentence for people when a reading is tried again or fails.

    Raises
    ------
    RunError
        If models could not be read; all others were.
    StoreError
        If a model is missing, or `out` cannot be written or is in use.
    DataError
        If the source cannot be read, or has other classes than the study.
    PlanError
        If the study's plan was altered.
    """
    plan = load_plan(folder)
    data = unseen(plan.study.dataset, source)
    here = (out / slug(source)).resolve()
    hashes = tuple(part.sha256 for part in load(source))
    stated = {
        "source": source,
        "source_sha256": list(hashes),
        "plan_sha256": plan.sha256,
        "n_images": len(data),
    }
    needed = seeds_needed(plan, folder)
    tasks = readings_of(plan, folder.resolve(), source, here, needed)
    with locked(here):
        refuse_others(here, stated)
        write_json(here / "source.json", stated)
        for task in tasks:
            if task.path.exists():
                on_report(task)

        def take(task: Reading, arrays: Any) -> None:
            write_arrays(task.path, arrays)
            on_report(task)

        read_all(tasks, read_source, take, here, jobs, on_note)
        return _conclude(plan, folder, data, here, stated, needed)


def readings_of(
    plan: Plan, folder: Path, source: str, here: Path, needed: dict[str, int]
) -> list[Reading]:
    """Return what is to be read, an arm after the other; `needed` has the seeds of each."""
    return [
        Reading(
            RunFolder(folder, arm, seed).model,
            RunFolder(here, arm, seed).path / "predictions.npz",
            plan.study.dataset,
            source,
            arm,
            seed,
        )
        for arm in plan.policies
        for seed in plan.study.seeds[: needed[arm]]
    ]


def read_source(task: Reading, report: Report) -> None:
    """Let one model read its source, in a worker; reports the arrays of `predictions.npz`."""
    prepare()
    trainer = importlib.import_module("misread.learn.train")
    data = unseen(task.study_dataset, task.source)
    probs_NK = trainer.read(trainer.load(task.model), data.images)
    codes = np.min_scalar_type(data.n_classes - 1)
    read_N = probs_NK.argmax(axis=1).astype(codes)
    report({"labels": data.labels_N.astype(codes), "predictions": read_N[np.newaxis]})


def load_transfers(folder: Path, out: Path) -> list[Transfer]:
    """Return every finished transfer of a study that is in `out`, in the order of their names.

    Raises
    ------
    StoreError
        If there is none, or a file is damaged.
    """
    plan = load_plan(folder)
    found = []
    for path in sorted(out.glob("*/transfer.json")):
        told = read_json(path)
        if told["plan_sha256"] == plan.sha256:
            found.append(_transfer(path.parent, told))
    if not found:
        msg = f"{out} holds no finished transfer of {folder}; run `misread transfer` first."
        raise StoreError(msg)
    return found


def _conclude(
    plan: Plan,
    folder: Path,
    data: Dataset,
    here: Path,
    stated: dict[str, Any],
    needed: dict[str, int],
) -> Transfer:
    seeds, spec = plan.study.seeds[: needed[BASELINE]], plan.study.judge
    read: dict[str, npt.NDArray[Any]] = {
        arm: np.concatenate(
            [
                read_arrays(RunFolder(here, arm, seed).path / "predictions.npz")["predictions"]
                for seed in seeds[: needed[arm]]
            ]
        )
        for arm in plan.policies
    }
    labels_N = data.labels_N.astype(np.min_scalar_type(data.n_classes - 1))
    write_arrays(here / "readings.npz", {"labels": labels_N, "seeds": np.array(seeds), **read})

    def side(arm: str, n_seeds: int) -> Predictions:
        return Predictions.from_arrays(
            data.labels_N,
            read[arm][:n_seeds],
            class_names=data.class_names,
            seeds=seeds[:n_seeds],
        )

    outcome = StudyVerdict(
        study=plan.study.name,
        smoke=plan.smoke,
        exploratory=plan.exploratory or EXPLORATORY,
        plan_sha256=plan.sha256,
        seeds=seeds,
        arms={
            arm: judge(
                side(BASELINE, needed[arm]),
                side(arm, needed[arm]),
                cells=[names_of(cell, data) for cell in plan.cells],
                margins=spec.margins,
                alpha=spec.alpha,
                reduction=spec.reduction,
                arm=arm,
                exploratory=plan.exploratory or EXPLORATORY,
            )
            for arm in plan.study.treated_arms
        },
    )
    write_json(here / "verdict.json", outcome.model_dump(mode="json"))
    told = stated | {
        "study": plan.study.name,
        "accuracy": {
            arm: (own == data.labels_N).mean(axis=1).tolist() for arm, own in read.items()
        },
        "equal_to_confirm": _equal(plan, folder, stated, read),
    }
    write_json(here / "transfer.json", told)
    return _transfer(here, told)


def _equal(
    plan: Plan, folder: Path, stated: dict[str, Any], read: dict[str, npt.NDArray[Any]]
) -> float | None:
    if stated["source_sha256"] != list(plan.dataset_sha256) or plan.smoke:
        return None
    shares = [
        (row == RunFolder(folder, arm, seed).predictions()["predictions"][0]).mean()
        for arm, own in read.items()
        for seed, row in zip(plan.study.seeds[: len(own)], own, strict=True)
    ]
    return float(np.mean(shares))


def _transfer(here: Path, told: dict[str, Any]) -> Transfer:
    try:
        outcome = StudyVerdict.model_validate(read_json(here / "verdict.json"))
    except ValidationError:
        msg = f"{here / 'verdict.json'} is of another version; run `misread transfer` again."
        raise StoreError(msg) from None
    return Transfer(
        source=told["source"],
        n_images=told["n_images"],
        sha256=(told["source_sha256"][0], told["source_sha256"][1]),
        folder=here,
        accuracy=told["accuracy"],
        equal=told["equal_to_confirm"],
        outcome=outcome,
    )
