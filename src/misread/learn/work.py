"""Runs: what a worker makes of an order, and the folder that results.

A worker reads and writes no folder of a study: what it needs comes with the order, and what it made
goes back as the contents of files, which the study's own process writes. So it does not matter on
which machine the worker is.
"""

import hashlib
import importlib
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from types import ModuleType
from typing import Any

import numpy as np

from misread.data.dataset import Dataset
from misread.data.parts import split, stratified_subset
from misread.data.sources import load
from misread.errors import PlanError, StudyError
from misread.files import arrays_to_bytes, csv_to_bytes, read_arrays, readable_json
from misread.images import Images
from misread.images.corrupt import corrupt, parse_corruption
from misread.images.operations import OPERATIONS
from misread.learn.policy import Slice
from misread.learn.recipe import Run
from misread.store import RunFolder
from misread.workers.pool import Report


@dataclass(frozen=True)
class Corrupted:
    """A slice that is all of *confirm* in a corruption, whose `name` is as in "fog@5"."""

    name: str


@dataclass(frozen=True)
class Order:
    """All that a worker needs for a run, wherever it is.

    `stored` holds the files of a run that is trained already, `RunFolder.trained_files`; without
    them it is trained. `slices` is None to leave *confirm* closed; else it and every slice are
    read. `preview` and `compared` are as in a `Task`.
    """

    run: Run
    slices: tuple[Slice | Corrupted, ...] | None = None
    preview: tuple[Slice, ...] = ()
    compared: bool = False
    stored: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """What is to be brought about in a run folder; what is there already is left alone.

    `slices` is None until the plan is locked: without it the worker trains and reads *select*, and
    *confirm* stays closed. `preview` names the operations and sizes under which the target classes
    of *select* are read for the preview. `compared`: the result also tells what a comparison asks,
    the number of parameters and the accuracy on *fit*.
    """

    folder: RunFolder
    run: Run
    slices: tuple[Slice | Corrupted, ...] | None = None
    preview: tuple[Slice, ...] = ()
    compared: bool = False

    @property
    def name(self) -> str:
        """Arm and seed, for people."""
        return f"{self.run.arm} seed {self.run.seed}"

    def order(self) -> Order:
        """Return what is left to do, for a worker anywhere."""
        return Order(
            self.run,
            None if self.is_read else self.slices,
            () if self.is_previewed else self.preview,
            self.compared,
            self.folder.trained_files(),
        )

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


@lru_cache(maxsize=15)
def corrupted_confirm(dataset: str, size: int | None, corruption: str) -> Images:
    """Return *confirm* of a dataset corrupted, `uint8 [N,28,28]`; kept, for all models read it.

    A smaller *confirm* is a part of the whole: each image looks as it does there.

    Raises
    ------
    DataError
        If its images are not of MNIST's kind.
    """
    test = load(dataset)[1]
    ids_N = stratified_subset(test.labels_N, size)
    return corrupt(test.images[ids_N], parse_corruption(corruption), ids_N)


def select_ids_of(run: Run, train: Dataset) -> tuple[Any, Any]:
    """Return the ids of *fit* and *select* of a run within the training set."""
    fit_ids, select_ids = split(train.labels_N, run.select_fold)
    fit_ids = fit_ids[stratified_subset(train.labels_N[fit_ids], run.fit_size)]
    select_ids = select_ids[stratified_subset(train.labels_N[select_ids], run.select_size)]
    return fit_ids, select_ids


def prepare() -> None:
    """Make this process ready to work, once: load Keras, which takes seconds, with one thread."""
    _trainer().set_up_backend()


def work(order: Order, report: Report) -> None:
    """Do what is ordered, in a worker.

    Reports `Progress`, and what was made as dicts of file name and content, in the order in which
    the files must be written: `config.json` as training begins, the files of a trained run, those
    of a preview, and last the readings of *confirm* with `result.json`.
    """
    prepare()
    trainer = _trainer()
    run = order.run
    fit, select, confirm = parts_of(run)
    files = dict(order.stored)
    if not files:
        report(files := {"config.json": readable_json(run.model_dump(mode="json"))})
        report(trained := _train(run, fit, select, report))
        files = files | trained
        report(Progress(run.arm, run.seed, "trained"))
    # Just trained or resumed, what reads is the stored model: one path, one result.
    model = trainer.from_bytes(files["model.keras"])
    if order.preview:
        report({"preview.npz": arrays_to_bytes(_read_slices(model, run, select, order.preview))})
    if order.slices is not None:
        probs_NK = trainer.read(model, confirm.images)
        arrays = _readings(confirm.labels_N, probs_NK)
        arrays |= _read_slices(model, run, confirm, order.slices)
        files["predictions.npz"] = arrays_to_bytes(arrays)
        accuracy = float((arrays["predictions"][0] == confirm.labels_N).mean())
        names = ("config.json", "history.csv", "select.npz", "predictions.npz")
        result = {
            "arm": run.arm,
            "seed": run.seed,
            "accuracy": accuracy,
            "slices": [piece.name for piece in order.slices],
            **(_compared(model, fit) if order.compared else {}),
            "sha256": {name: hashlib.sha256(files[name]).hexdigest() for name in names},
        }
        report({"predictions.npz": files["predictions.npz"], "result.json": readable_json(result)})
        report(Progress(run.arm, run.seed, "read", accuracy=accuracy))


def _train(run: Run, fit: Dataset, select: Dataset, report: Report) -> dict[str, bytes]:
    """Train and read *select*; return the files of a trained run in the order of writing."""
    trainer = _trainer()
    measures: list[dict[str, float]] = []
    began = time.perf_counter()
    model, epochs = trainer.fit(
        run.recipe,
        run.policy,
        run.seed,
        fit,
        select,
        on_epoch=lambda e: report(Progress(run.arm, run.seed, "epoch", e.epoch, e.select_accuracy)),
        on_measure=measures.append,
    )
    took = {
        "train_seconds": time.perf_counter() - began,
        "epoch_seconds": [epoch.seconds for epoch in epochs],
        "epoch_cpu_seconds": [epoch.cpu_seconds for epoch in epochs],
    }
    content = trainer.to_bytes(model)
    probs_MK = trainer.read(trainer.from_bytes(content), select.images)
    _, ids_M = select_ids_of(run, load(run.dataset)[0])
    readings = {"ids": ids_M, **_readings(select.labels_N, probs_MK)}
    return {
        "environment.json": readable_json(environment() | took),
        "history.csv": csv_to_bytes([epoch.row for epoch in epochs]),
        **({"measures.csv": csv_to_bytes(measures)} if measures else {}),
        "model.keras": content,
        "select.npz": arrays_to_bytes(readings),
    }


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


def _read_slices(
    model: Any, run: Run, part: Dataset, slices: tuple[Slice | Corrupted, ...]
) -> dict[str, Any]:
    """Read each slice; see `RunFolder.predictions` for the arrays."""
    trainer = _trainer()
    arrays: dict[str, Any] = {"slice_names": np.array([piece.name for piece in slices], dtype="U")}
    for number, piece in enumerate(slices):
        if isinstance(piece, Corrupted):
            ids_M = np.arange(len(part))
            images = corrupted_confirm(run.dataset, run.confirm_size, piece.name)
        else:
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
