"""Labels of a study's images, or of a file's, that are worth a second look."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.sources import load
from misread.errors import DataError, JudgeError
from misread.images import Images
from misread.judge.labels import Suspects, suspect_labels
from misread.learn.views import Part, load_parts
from misread.npz import Archive
from misread.readers.read import read_predictions
from misread.store import RunFolder
from misread.study.plan import load_plan


class Questioned(NamedTuple):
    """Labels worth a second look, and the images that they are of."""

    suspects: Suspects  # the ranking; its images are places among `ids`
    ids: Sequence[object]
    class_names: tuple[str, ...]
    n_seeds: int
    images: Images | None  # where they are known
    about: str  # which images were read by which models, for people
    disputed_N: npt.NDArray[np.bool_] | None  # where that is known already


def labels_of_study(folder: Path, arm: str, part: Part) -> Questioned:
    """Question the labels of a finished study: of *select*, the training images, or of *confirm*.

    DataError if the arm has no finished runs.
    """
    plan, of_select = load_plan(folder), part == Part.SELECT
    parts = load_parts(plan.study.dataset, plan.study.sizes["confirm_size"])
    runs = [RunFolder(folder, arm, seed) for seed in plan.study.seeds]
    done = [run for run in runs if (run.is_trained if of_select else run.is_complete)]
    if not done:
        msg = f"{folder} has no finished runs of the arm {arm!r}; run the study first."
        raise DataError(msg)
    data = parts.train if of_select else parts.confirm
    probs_SNK = np.zeros((len(done), len(data), data.n_classes), np.float32)
    held_SN = np.zeros(probs_SNK.shape[:2], bool)
    for row, run in enumerate(done):
        arrays = run.select() if of_select else run.predictions()
        places = arrays["ids"] if of_select else np.arange(len(data))
        probs_SNK[row, places] = arrays["probs"][0]
        held_SN[row, places] = True
    return Questioned(
        suspect_labels(data.labels_N, probs_SNK, held_SN),
        range(len(data)) if of_select else parts.confirm_ids_N.tolist(),
        data.class_names,
        len(done),
        data.images,
        f"{part.value} of {plan.study.dataset}, as {arm} reads it",
        data.disputed_N,
    )


def labels_of_file(source: str, dataset: str | None) -> Questioned:
    """Question the labels of a file of predictions; `dataset` has its images as its test set.

    DataError if the file cannot be read, or the data set has other labels.
    """
    side = read_predictions(source)
    probs_SNK = _probs(Path(source), side.labels_N, len(side.class_names))
    if probs_SNK is None or len(probs_SNK) != side.n_seeds:
        probs_SNK = np.eye(len(side.class_names), dtype=np.float32)[side.preds_SN]
    data: Dataset | None = load(dataset)[1] if dataset else None
    if data is not None and not np.array_equal(data.labels_N, side.labels_N):
        msg = f"the test images of {dataset} have other labels than {source}; give its own data."
        raise DataError(msg)
    return Questioned(
        suspect_labels(side.labels_N.astype(np.int64), probs_SNK, side.held_out_SN),
        side.image_ids.tolist(),
        side.class_names,
        side.n_seeds,
        None if data is None else data.images,
        source,
        side.disputed_N if data is None else data.disputed_N,
    )


def _probs(
    path: Path, labels_N: npt.NDArray[np.integer], n_classes: int
) -> npt.NDArray[np.floating] | None:
    """Return the probabilities `[S,N,K]` of an NPZ that has them in the order of its labels."""
    if path.suffix != ".npz" or not path.is_file():
        return None
    try:
        with Archive(path) as archive:
            if "probs" not in archive.names:
                return None
            probs = np.asarray(archive.read("probs"))
    except (ValueError, OSError, JudgeError):
        return None
    probs = probs[np.newaxis] if probs.ndim == 2 else probs
    return probs if probs.shape[1:] == (labels_N.size, n_classes) else None
