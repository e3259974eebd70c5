"""Runs: what a worker does in a run folder, and the folder that results."""

import importlib
import os
import platform
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import Any

import numpy as np

from misread.data.dataset import Dataset
from misread.data.parts import split, stratified_subset
from misread.data.sources import load
from misread.errors import PlanError, StudyError
from misread.learn.grid import Report
from misread.learn.ops import OPERATIONS
from misread.learn.recipe import Run
from misread.plan import Slice
from misread.store import (
    RunFolder,
    file_sha256,
    read_arrays,
    write_arrays,
    write_atomic,
    write_csv,
    write_json,
)


@dataclass(frozen=True)
class Task:
    """What a worker is to bring about in a run folder; what is there already is left alone.

    `slices` is None until the plan is locked: without it the worker trains and reads *select*, and
    *confirm* stays closed. `preview` names the operations and sizes under which the target classes
    of *select* are read for the preview. `compared`: the result also tells what a comparison asks,
    the number of parameters and the accuracy on *fit*.
    """

    folder: RunFolder
    run: Run
    slices: tuple[Slice, ...] | None = None
    preview: tuple[Slice, ...] = ()
    compared: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        trained_or_read = self.folder.is_trained if self.slices is None else self.is_read
        return trained_or_read and self.is_previewed

    @property
    def is_previewed(self) -> bool:
        """Whether every slice of the preview has been read."""
        path = self.folder.path / "preview.npz"
        if not self.preview or not path.exists():
            return not self.preview
        return {piece.name for piece in self.preview} <= set(
            read_arrays(path)["slice_names"].tolist()
        )

    @property
    def is_read(self) -> bool:
        """Whether *confirm* and every slice of the task have been read."""
        if self.slices is None or not self.folder.is_complete:
            return False
        return {piece.name for piece in self.slices} <= set(self.folder.result()["slices"])


@dataclass(frozen=True)
class Progress:
    """What a worker reports: an epoch done, or a step of a run finished."""

    arm: str
    seed: int
    step: str  # "epoch", "trained" or "read"
    epoch: int = 0
    accuracy: float | None = None


def parts_of(run: Run) -> tuple[Dataset, Dataset, Dataset]:
    """Return *fit*, *select* and *confirm* of a run.

    Raises
    ------
    PlanError
        If the dataset is no longer the one that the run was defined on.
    """
    train, confirm = load(run.dataset)
    if (train.sha256, confirm.sha256) != run.dataset_sha256:
        msg = (
            f"the dataset {run.dataset!r} is not the one that this study was begun with (its "
            "SHA-256 differs); bring that one back, or choose another folder with --out."
        )
        raise PlanError(msg)
    fit_ids, select_ids = select_ids_of(run, train)
    confirm_ids = stratified_subset(confirm.labels_N, run.confirm_size)
    return train.take(fit_ids), train.take(select_ids), confirm.take(confirm_ids)


def select_ids_of(run: Run, train: Dataset) -> tuple[Any, Any]:
    """Return the ids of *fit* and *select* of a run within the training set."""
    fit_ids, select_ids = split(train.labels_N, run.select_fold)
    fit_ids = fit_ids[stratified_subset(train.labels_N[fit_ids], run.fit_size)]
    select_ids = select_ids[stratified_subset(train.labels_N[select_ids], run.select_size)]
    return fit_ids, select_ids


def work(task: Task, report: Report) -> None:
    """Bring about what the task asks, in a worker process; writes `result.json` last."""
    trainer = _trainer()
    trainer.set_up_backend()
    folder, run = task.folder, task.run
    fit, select, confirm = parts_of(run)
    if not folder.is_trained:
        write_json(folder.path / "config.json", run.model_dump(mode="json"))
        measures: list[dict[str, float]] = []
        began = time.perf_counter()
        model, epochs = trainer.fit(
            run.recipe,
            run.policy,
            run.seed,
            fit,
            select,
            on_epoch=lambda e: report(
                Progress(run.arm, run.seed, "epoch", e.epoch, e.select_accuracy)
            ),
            on_measure=measures.append,
        )
        seconds = time.perf_counter() - began
        took = {
            "train_seconds": seconds,
            "epoch_seconds": [epoch.seconds for epoch in epochs],
            "epoch_cpu_seconds": [epoch.cpu_seconds for epoch in epochs],
        }
        write_json(folder.path / "environment.json", environment() | took)
        write_csv(folder.path / "history.csv", [epoch.row for epoch in epochs])
        if measures:
            write_csv(folder.path / "measures.csv", measures)
        write_atomic(folder.model, trainer.to_bytes(model))
        # Just trained or resumed, what reads is the stored model: one path, one result.
        model = trainer.load(folder.model)
        probs_MK = trainer.read(model, select.images)
        _, ids_M = select_ids_of(run, load(run.dataset)[0])
        write_arrays(
            folder.path / "select.npz", {"ids": ids_M, **_readings(select.labels_N, probs_MK)}
        )
        report(Progress(run.arm, run.seed, "trained"))
    else:
        model = trainer.load(folder.model)
    if not task.is_previewed:
        write_arrays(folder.path / "preview.npz", _read_slices(model, select, task.preview))
    if task.slices is not None and not task.is_read:
        folder.reopen()
        probs_NK = trainer.read(model, confirm.images)
        arrays = _readings(confirm.labels_N, probs_NK) | _read_slices(model, confirm, task.slices)
        write_arrays(folder.path / "predictions.npz", arrays)
        accuracy = float((arrays["predictions"][0] == confirm.labels_N).mean())
        names = ("config.json", "history.csv", "select.npz", "predictions.npz")
        result = {
            "arm": run.arm,
            "seed": run.seed,
            "accuracy": accuracy,
            "slices": [piece.name for piece in task.slices],
            **(_compared(model, fit) if task.compared else {}),
            "sha256": {name: file_sha256(folder.path / name) for name in names},
        }
        write_json(folder.path / "result.json", result)
        report(Progress(run.arm, run.seed, "read", accuracy=accuracy))


def _trainer() -> ModuleType:
    """Return `learn.train`; Keras loads here, in workers only."""
    try:
        return importlib.import_module("misread.learn.train")
    except (ImportError, ValueError) as error:
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        msg = (
            f"Keras cannot start with KERAS_BACKEND={backend} ({error}); install that library, or "
            "choose one of tensorflow, jax, torch that is installed."
        )
        raise StudyError(msg) from None


def _compared(model: Any, fit: Dataset) -> dict[str, Any]:
    probs_NK = _trainer().read(model, fit.images)
    return {
        "parameters": int(model.count_params()),
        "fit_accuracy": float((probs_NK.argmax(axis=1) == fit.labels_N).mean()),
    }


def _readings(labels_N: Any, probs_NK: Any) -> dict[str, Any]:
    codes = np.min_scalar_type(probs_NK.shape[1] - 1)  # bytes, up to 256 classes
    return {
        "labels": labels_N.astype(codes),
        "predictions": probs_NK.argmax(axis=1).astype(codes)[np.newaxis],
        "probs": probs_NK.astype(np.float16)[np.newaxis],
    }


def _read_slices(model: Any, part: Dataset, slices: tuple[Slice, ...]) -> dict[str, Any]:
    """Read each slice; see `RunFolder.predictions` for the arrays."""
    trainer = _trainer()
    arrays: dict[str, Any] = {"slice_names": np.array([piece.name for piece in slices], dtype="U")}
    for number, piece in enumerate(slices):
        ids_M = np.flatnonzero(part.labels_N == piece.label)
        images = OPERATIONS[piece.operation](part.images[ids_M], piece.size_px)
        probs_MK = trainer.read(model, images)
        predictions_M = probs_MK.argmax(axis=1).astype(np.min_scalar_type(probs_MK.shape[1] - 1))
        arrays |= {f"slice_{number}_ids": ids_M, f"slice_{number}_predictions": predictions_M}
    return arrays


def environment() -> dict[str, Any]:
    """Return what may explain a difference between machines: versions, platform, processor."""
    packages = ("misread", "keras", "tensorflow", "torch", "jax", "numpy", "opencv-python-headless")
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    import keras  # noqa: PLC0415  loaded already: this runs in a worker

    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "backend": keras.backend.backend(),
        "threads": 1,
        "versions": versions,
    }
