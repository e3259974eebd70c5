"""Do the work of a worker: an `Order` comes in, the contents of files go out.

A worker reads and writes no folder of a study: what it needs comes with the order, and what it made
goes back as the contents of files, which the study's process writes. So it does not matter on which
machine the worker is.
"""

import hashlib
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from misread.files import (
    Arrays,
    arrays_to_bytes,
    csv_to_bytes,
    readable_json,
)
from misread.learn.recipe import Run
from misread.learn.trainer import Lesson, Reader, Trainer, trainer_named
from misread.learn.views import Part, RunParts, Shown, View, images_of, parts_of
from misread.store import model_files, unpack_model
from misread.workers.pool import Report


class Step(StrEnum):
    """How far a worker is with its order."""

    EPOCH = "epoch"
    TRAINED = "trained"
    VIEWED = "viewed"
    READ = "read"


@dataclass(frozen=True)
class Progress:
    """A step of a run that is done; `number` counts epochs or views, `accuracy` is in [0, 1]."""

    arm: str
    seed: int
    step: Step
    number: int = 0
    accuracy: float | None = None


@dataclass(frozen=True)
class Order:
    """All that a worker needs for a run, wherever it is.

    Attributes
    ----------
    run : Run
        The run.
    trainer : str
        What trains and reads, as in `trainer_named`.
    stored : mapping of str to bytes
        The files of a run that is trained already, `RunFolder.trained_files`; without them it is
        trained.
    preview : tuple of View
        What is read for `preview.npz`, if anything.
    views : tuple of View
        What is read for `predictions.npz`; none leaves *confirm* closed.
    """

    run: Run
    trainer: str
    stored: Mapping[str, bytes] = field(default_factory=dict)
    preview: tuple[View, ...] = ()
    views: tuple[View, ...] = ()


@dataclass(frozen=True)
class Rereading:
    """All that a worker needs to let a trained model read other views."""

    run: Run
    trainer: str
    stored: Mapping[str, bytes]
    views: tuple[View, ...]


def prepare(trainer: str) -> None:
    """Make this process ready to work, once."""
    trainer_named(trainer).prepare()


def work(order: Order, report: Report) -> None:
    """Do what is ordered, in a worker.

    Reports `Progress`, and what was made as dicts of file name and content, in the order in which
    the files must be written: `config.json` as training begins, the files of a trained run, those
    of a preview, and last `predictions.npz` with `result.json`.
    """
    trainer, run, files = trainer_named(order.trainer), order.run, dict(order.stored)
    trainer.prepare()
    parts = parts_of(run)
    if not files:
        report(files := {"config.json": readable_json(run.model_dump(mode="json"))})
        report(trained := _train(trainer, run, parts, report))
        files |= trained
        report(Progress(run.arm, run.seed, Step.TRAINED))
    if not (order.preview or order.views):
        return
    reader = stored_model(trainer, files)
    if order.preview:
        arrays = _read_slices(reader, run, parts, order.preview)
        report({"preview.npz": arrays_to_bytes(arrays)})
    if order.views:
        arrays = _read_confirm(reader, run, parts, order.views)
        files["predictions.npz"] = arrays_to_bytes(arrays)
        result = _result(order, reader, parts, arrays, files)
        report({"predictions.npz": files["predictions.npz"], "result.json": readable_json(result)})
        report(Progress(run.arm, run.seed, Step.READ, accuracy=result["accuracy"]))


def read_again(order: Rereading, report: Report) -> None:
    """Let a trained model read views, in a worker.

    Reports a `Progress` for each, and last the arrays of `predictions.npz`: as those of a run where
    the one view shows a whole set, else slices alone.
    """
    trainer, run = trainer_named(order.trainer), order.run
    trainer.prepare()
    reader, parts = stored_model(trainer, order.stored), parts_of(run)

    def on_view(number: int) -> None:
        report(Progress(run.arm, run.seed, Step.VIEWED, number))

    if len(order.views) == 1 and order.views[0].is_whole:
        report(_readings(reader, images_of(order.views[0], run, parts)))
        on_view(1)
    else:
        report(_read_slices(reader, run, parts, order.views, on_view))


def _train(trainer: Trainer, run: Run, parts: RunParts, report: Report) -> dict[str, bytes]:
    """Train and read *select*; return the files of a trained run in the order of writing."""
    history: list[Mapping[str, float]] = []
    measures: list[Mapping[str, float]] = []

    def on_epoch(row: Mapping[str, float]) -> None:
        history.append(row)
        number, accuracy = int(row["epoch"]), row.get("select_accuracy")
        report(Progress(run.arm, run.seed, Step.EPOCH, number, accuracy))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lesson = Lesson(run, parts.fit, parts.select, folder, on_epoch, measures.append)
        began = time.perf_counter()
        facts = trainer.train(lesson)
        took = {"train_seconds": time.perf_counter() - began, **facts}
        model = model_files(folder)
    shown = images_of(View(part=Part.SELECT), run, parts)
    readings = {"ids": parts.select_ids_M, **_readings(stored_model(trainer, model), shown)}
    return {
        "environment.json": readable_json(environment(trainer) | took),
        "history.csv": csv_to_bytes(history),
        **({"measures.csv": csv_to_bytes(measures)} if measures else {}),
        **model,
        "select.npz": arrays_to_bytes(readings),
    }


def stored_model(trainer: Trainer, files: Mapping[str, bytes]) -> Reader:
    """Return the model in the files of a run: just trained or resumed, one path, one result."""
    with tempfile.TemporaryDirectory() as name:
        unpack_model(files, Path(name))
        return trainer.load(Path(name))


def _readings(reader: Reader, shown: Shown) -> Arrays:
    """Return what a model reads: labels `[N]`, predictions `[1,N]`, probs `[1,N,K]` in float16."""
    probs_NK = reader(shown.images)
    codes = np.min_scalar_type(probs_NK.shape[1] - 1)  # bytes, up to 256 classes
    return {
        "labels": shown.labels_M.astype(codes),
        "predictions": probs_NK.argmax(axis=1).astype(codes)[np.newaxis],
        "probs": probs_NK.astype(np.float16)[np.newaxis],
    }


def _read_confirm(reader: Reader, run: Run, parts: RunParts, views: tuple[View, ...]) -> Arrays:
    """Return the arrays of `predictions.npz`; see `RunFolder.predictions`."""
    confirm = parts.confirm
    arrays = _readings(reader, images_of(View(), run, parts))
    known = {"groups": confirm.groups_N, "disputed": confirm.disputed_N}
    arrays |= {name: values for name, values in known.items() if values is not None}
    slices = tuple(view for view in views if not view.is_whole)
    return arrays | _read_slices(reader, run, parts, slices)


def _read_slices(
    reader: Reader,
    run: Run,
    parts: RunParts,
    views: tuple[View, ...],
    on_view: Callable[[int], None] = lambda _: None,
) -> Arrays:
    """Read each view as a slice; see `RunFolder.predictions` for the arrays."""
    arrays: Arrays = {
        "slice_names": np.array([view.name for view in views], dtype="U"),
        "slice_treatments": np.array([view.treatment for view in views], dtype="U"),
        "slice_views": np.array([view.model_dump_json() for view in views], dtype="U"),
    }
    for number, view in enumerate(views):
        shown = images_of(view, run, parts)
        probs_MK = reader(shown.images)
        predictions_M = probs_MK.argmax(axis=1).astype(np.min_scalar_type(probs_MK.shape[1] - 1))
        arrays |= {f"slice_{number}_ids": shown.ids_M, f"slice_{number}_predictions": predictions_M}
        on_view(number + 1)
    return arrays


def _result(
    order: Order, reader: Reader, parts: RunParts, arrays: Arrays, files: Mapping[str, bytes]
) -> dict[str, Any]:
    """Return what `result.json` holds; the accuracy on *fit* where a view asks for it."""
    result: dict[str, Any] = {
        "arm": order.run.arm,
        "seed": order.run.seed,
        "accuracy": float((arrays["predictions"][0] == parts.confirm.labels_N).mean()),
        "slices": [view.name for view in order.views if not view.is_whole],
        "parameters": reader.n_parameters,
    }
    if View(part=Part.FIT) in order.views:
        read_N = reader(parts.fit.images).argmax(axis=1)
        result["fit_accuracy"] = float((read_N == parts.fit.labels_N).mean())
    names = ("config.json", "history.csv", "select.npz", "predictions.npz")
    result["sha256"] = {name: hashlib.sha256(files[name]).hexdigest() for name in names}
    return result


def environment(trainer: Trainer) -> dict[str, Any]:
    """Return what may explain a difference between machines: versions, platform, processor."""
    packages = ("misread", "keras", "tensorflow", "torch", "jax", "numpy", "opencv-python-headless")
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "threads": 1,
        "versions": versions,
        **trainer.facts(),
    }
