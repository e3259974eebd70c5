"""Do the work of a worker: an `Order` comes in, the contents of files go out.

A worker reads and writes no folder of a study: what it needs comes with the order, and what it made
goes back as the contents of files, which the study's process writes. So it does not matter on which
machine the worker is.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from misread.data.dataset import Labels
from misread.errors import StudyError
from misread.files import Arrays, arrays_to_bytes, csv_to_bytes, readable_json
from misread.images import Ids
from misread.learn.call import logged, trainer_of
from misread.learn.environment import environment
from misread.learn.order import Order, Progress, Step
from misread.learn.recipe import Run, TrainerCall
from misread.learn.trainer import Lesson, Probs, Reader, Trainer, probabilities
from misread.learn.views import Part, RunParts, View, images_of, parts_of
from misread.npz import arrays_of
from misread.store import MODEL, model_files, unpack_model
from misread.workers.pool import Report

_NO_MODEL = b"This trainer keeps no model: it trains again whenever one is needed again.\n"


def preload(call: TrainerCall) -> str:
    """Return the module that workers with a trainer import first, "" for one that may do anything.

    Only TensorFlow is known to start no thread as it is imported.
    """
    is_known = call.is_ours and os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"
    return "misread.learn.preload" if is_known else ""


def prepare(call: TrainerCall) -> Trainer:
    """Make this process ready to work, once, and return its trainer."""
    trainer = trainer_of(call)
    trainer.prepare()
    return trainer


def work(order: Order, report: Report) -> None:
    """Do what is ordered, in a worker.

    Reports `Progress`, and what was made as dicts of file name and content, in the order in which
    the files must be written: `config.json` as training begins, the files of a trained run, those
    of a preview, and last `predictions.npz` with `result.json`.
    """
    run, files = order.run, dict(order.stored)
    trainer, parts = prepare(run.trainer), parts_of(run)
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as before:
        folder, start = Path(name), Path(before) if order.start else None
        unpack_model(order.start, Path(before))
        if files:
            reader = _stored_reader(trainer, files, run, parts, folder, start)
        else:
            report(files := {"config.json": readable_json(run.model_dump(mode="json"))})
            reader, trained = _train(trainer, run, parts, folder, report, start)
            report(trained)
            files |= trained
            report(Progress(run.arm, run.seed, Step.TRAINED))
        if order.repeat:
            report({"repeat.json": _repeat(trainer, run, parts, files)})
        if order.preview:
            arrays = _slices(_read(reader, run, parts, order.preview))
            report({"preview.npz": arrays_to_bytes(arrays)})
        if order.views:
            made, result = _read_confirm(reader, run, parts, order.views)
            result |= {"sha256": _hashes(files | made)}
            report(made | {"result.json": readable_json(result)})
            report(Progress(run.arm, run.seed, Step.READ, accuracy=result["accuracy"]))


def read_again(order: Order, report: Report) -> None:
    """Let a trained model read the views of an order, in a worker.

    Reports a `Progress` for each, and last the arrays of `predictions.npz`: as those of a run where
    the one view shows a whole set, else slices alone.
    """
    run = order.run
    trainer, parts = prepare(run.trainer), parts_of(run)
    with tempfile.TemporaryDirectory() as name:
        reader = _stored_reader(trainer, order.stored, run, parts, Path(name))

        def counted() -> Iterator[ViewReading]:
            for number, reading in enumerate(_read(reader, run, parts, order.views), start=1):
                yield reading
                report(Progress(run.arm, run.seed, Step.VIEWED, number))

        if len(order.views) == 1 and order.views[0].is_whole:
            *_, reading = counted()
            report(_whole(reading))
        else:
            report(_slices(counted()))


class ViewReading(NamedTuple):
    """A view as a model reads it: classes, places in their part, probabilities `[M,K]`."""

    view: View
    labels_M: Labels
    ids_M: Ids
    probs_MK: Probs


def _read(
    reader: Reader, run: Run, parts: RunParts, views: Sequence[View]
) -> Iterator[ViewReading]:
    """Read views one after another; all at once where the reader takes them so."""
    at_once = getattr(reader, "at_once", False)
    for together in [views] if at_once else [[view] for view in views]:
        viewed = [images_of(view, run, parts) for view in together]
        images = np.concatenate([part.images for part in viewed])
        ends = np.cumsum([len(part.images) for part in viewed])[:-1]
        probs = np.split(probabilities(reader, images, parts.fit.n_classes), ends)
        for view, part, probs_MK in zip(together, viewed, probs, strict=True):
            yield ViewReading(view, part.labels_M, part.ids_M, probs_MK)


def _train(
    trainer: Trainer,
    run: Run,
    parts: RunParts,
    folder: Path,
    report: Report,
    start: Path | None = None,
) -> tuple[Reader, dict[str, bytes]]:
    """Train and read *select*; return the reader and the files of a trained run, to be written."""
    history: list[Mapping[str, float]] = []
    measures: list[Mapping[str, float]] = []

    def on_epoch(row: Mapping[str, float]) -> None:
        history.append(row)
        number, accuracy = int(row["epoch"]), row.get("select_accuracy")
        report(Progress(run.arm, run.seed, Step.EPOCH, number, accuracy))

    lesson = Lesson(run, parts.fit, parts.select, folder, start, on_epoch, measures.append)
    began = time.perf_counter()
    with logged(run.trainer, report):
        trained = trainer.train(lesson)
        seconds = time.perf_counter() - began
        reader = trainer.load(folder) or trained
        (select,) = _read(reader, run, parts, (View(part=Part.SELECT),))
    if getattr(reader, "at_once", False):  # it trains when it first reads
        seconds = time.perf_counter() - began
    readings = _whole(select)
    if not history:
        accuracy = float((readings["predictions"][0] == readings["labels"]).mean())
        on_epoch({"epoch": 1, "select_accuracy": accuracy})
    model = model_files(folder) or {f"{MODEL}/none.txt": _NO_MODEL}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in model.items()}
    facts = {"train_seconds": seconds, **lesson.facts, "model_sha256": hashes}
    return reader, {
        "environment.json": readable_json(environment(trainer, run.trainer) | facts),
        "history.csv": csv_to_bytes(history),
        **({"measures.csv": csv_to_bytes(measures)} if measures else {}),
        **model,
        "select.npz": arrays_to_bytes({"ids": parts.select_ids_M, **readings}),
    }


def _repeat(trainer: Trainer, run: Run, parts: RunParts, files: Mapping[str, bytes]) -> bytes:
    """Train a run once more; return as JSON on how many images of *select* it reads otherwise."""
    with tempfile.TemporaryDirectory() as name:
        _, again = _train(trainer, run, parts, Path(name), lambda _report: None)
    one, two = (arrays_of(made["select.npz"]) for made in (files, again))
    return readable_json(
        {
            "arm": run.arm,
            "seed": run.seed,
            "images": int(one["labels"].size),
            "read_otherwise": int((one["predictions"] != two["predictions"]).sum()),
            "same_probabilities": bool(np.array_equal(one["probs"], two["probs"])),
        }
    )


def _stored_reader(
    trainer: Trainer,
    files: Mapping[str, bytes],
    run: Run,
    parts: RunParts,
    folder: Path,
    start: Path | None = None,
) -> Reader:
    """Return the model in the files of a run; a trainer that loads none is called once more."""
    lesson = Lesson(run, parts.fit, parts.select, folder, start)
    return _loaded(trainer, files, folder) or trainer.train(lesson)


def _loaded(trainer: Trainer, files: Mapping[str, bytes], folder: Path) -> Reader | None:
    """Return what a trainer makes of the model in the files of a run.

    StudyError if it fails, as on a file that is damaged or would execute code.
    """
    unpack_model(files, folder)
    try:
        return trainer.load(folder)
    except Exception as error:
        names = ", ".join(name for name in files if name.startswith(MODEL))
        reason = str(error).strip().partition("\n")[0]
        msg = (
            f"the stored model ({names}) cannot be loaded ({type(error).__name__}: {reason:.200}); "
            "bring an unaltered copy back, or train this run again in another folder."
        )
        raise StudyError(msg) from error


def stored_model(trainer: Trainer, files: Mapping[str, bytes]) -> Reader:
    """Return the model in the files of a run; StudyError if its trainer loads none."""
    with tempfile.TemporaryDirectory() as name:
        reader = _loaded(trainer, files, Path(name))
    if reader is None:
        msg = (
            "the trainer of this study keeps no model that could be loaded; give it a function "
            "load(folder), and train again."
        )
        raise StudyError(msg)
    return reader


def _whole(reading: ViewReading) -> Arrays:
    """Return what a model reads: labels `[N]`, predictions `[1,N]`, probs `[1,N,K]` in float16."""
    probs_NK = reading.probs_MK
    codes = np.min_scalar_type(probs_NK.shape[1] - 1)  # bytes, up to 256 classes
    return {
        "labels": reading.labels_M.astype(codes),
        "predictions": probs_NK.argmax(axis=1).astype(codes)[np.newaxis],
        "probs": probs_NK.astype(np.float16)[np.newaxis],
    }


def _slices(readings: Iterable[ViewReading]) -> Arrays:
    """Return what a model reads of views, each a slice; see `RunFolder.predictions`."""
    views: list[View] = []
    arrays: Arrays = {}
    for number, (view, _, ids_M, probs_MK) in enumerate(readings):
        codes = np.min_scalar_type(probs_MK.shape[1] - 1)
        views.append(view)
        arrays[f"slice_{number}_ids"] = ids_M
        arrays[f"slice_{number}_predictions"] = probs_MK.argmax(axis=1).astype(codes)
    return {
        "slice_names": np.array([view.name for view in views], dtype="U"),
        "slice_treatments": np.array([view.treatment for view in views], dtype="U"),
        "slice_views": np.array([view.model_dump_json() for view in views], dtype="U"),
        **arrays,
    }


def _read_confirm(
    reader: Reader, run: Run, parts: RunParts, views: Sequence[View]
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return `predictions.npz` and `held_out.npz`, and what `result.json` holds but for hashes.

    See `RunFolder.predictions`; with the accuracy on *fit* where a view asks for it.
    """
    slices = [view for view in views if not view.is_whole]
    slices.sort(key=lambda view: view.part == Part.SELECT)  # which is stable
    n_confirm = sum(view.part == Part.CONFIRM for view in slices)
    fit = [view for view in views if view == View(part=Part.FIT)]
    whole, *others = _read(reader, run, parts, [View(), *slices, *fit])
    arrays, confirm = _whole(whole), parts.confirm
    known = {"groups": confirm.groups_N, "disputed": confirm.disputed_N}
    arrays |= {name: values for name, values in known.items() if values is not None}
    arrays |= _slices(others[:n_confirm])
    made = {"predictions.npz": arrays_to_bytes(arrays)}
    if held_out := others[n_confirm : len(slices)]:
        made["held_out.npz"] = arrays_to_bytes(_slices(held_out))
    result = {
        "arm": run.arm,
        "seed": run.seed,
        "accuracy": float((arrays["predictions"][0] == confirm.labels_N).mean()),
        "slices": [view.name for view in slices],
        "parameters": int(getattr(reader, "n_parameters", 0)),  # 0: its trainer does not say
    }
    for reading in others[len(slices) :]:
        right_N = reading.probs_MK.argmax(axis=1) == reading.labels_M
        result["fit_accuracy"] = float(right_N.mean())
    return made, result


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    parts = ("select.npz", "predictions.npz", "held_out.npz")
    names = ("config.json", "history.csv", "measures.csv", *parts)
    return {name: hashlib.sha256(files[name]).hexdigest() for name in names if name in files}
