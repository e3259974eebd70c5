"""Predictions from models and scores, and files from predictions.

Nothing here imports a framework: a model is anything with ``predict``, and scores are anything that
numpy can read. For PyTorch, give the logits of each seed on the same images::

    scores_SNK = [model(images).detach().cpu().numpy() for model in models]
    side = from_scores(labels, scores_SNK)
"""

import inspect
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.files import Arrays, arrays_to_bytes, write_atomic
from misread.judge.classes import shape_of
from misread.judge.predictions import Predictions
from misread.judge.values import column_names
from misread.readers.scores import Scored, scored


def from_models(
    models: Sequence[Any],
    images: Any,
    labels: npt.ArrayLike,
    *,
    seeds: Sequence[Any] | None = None,
    ids: npt.ArrayLike | None = None,
    class_names: Sequence[Any] | None = None,
) -> Predictions:
    """Let models read images.

    Parameters
    ----------
    models : sequence
        One per seed, such as Keras models or scikit-learn estimators: ``predict(images)`` returns
        scores ``[N, K]``, of which the largest counts, or classes ``[N]``.
    images : array_like
        What the models take, N images.
    labels : array_like, shape [N]
        True classes: where the models return scores, their columns, or names from `class_names`.
    seeds, ids, class_names : sequence, optional
        As in `Predictions.from_arrays`.

    Returns
    -------
    Predictions
        Ready to be judged or written.

    Raises
    ------
    DataError
        If there is no model, or one returns something else.
    JudgeError
        If the parts do not fit together.
    """
    if not len(models):
        msg = "there are no models; give one per seed."
        raise DataError(msg)
    rows = [_read(model, images, number) for number, model in enumerate(models)]
    return _side(labels, rows, class_names=class_names, seeds=seeds, ids=ids)


def from_scores(
    labels: npt.ArrayLike,
    scores_SNK: Any,
    *,
    seeds: Sequence[Any] | None = None,
    ids: npt.ArrayLike | None = None,
    class_names: Sequence[Any] | None = None,
) -> Predictions:
    """Take the class with the largest score; logits and probabilities give the same.

    Parameters
    ----------
    labels : array_like, shape [N]
        True classes: columns of the scores, or names from `class_names`.
    scores_SNK : array_like, shape [S, N, K], or a sequence of S arrays [N, K]
        Scores of each seed on each image; ``[N, K]`` is one seed.
    seeds, ids, class_names : sequence, optional
        As in `Predictions.from_arrays`.

    Returns
    -------
    Predictions
        Ready to be judged or written.

    Raises
    ------
    DataError
        If the shape is another, or a score is NaN.
    JudgeError
        If the parts do not fit together.

    Examples
    --------
    >>> from_scores([0, 1], [[[2.0, -1.0], [0.5, 0.1]]]).preds_SN.tolist()
    [[0, 0]]
    """
    whole = getattr(scores_SNK, "ndim", 0) == 2
    parts = [scores_SNK] if whole else list(scores_SNK)
    rows = [_scored(f"scores of seed {s}", _array(scores)) for s, scores in enumerate(parts)]
    return _side(labels, rows, class_names=class_names, seeds=seeds, ids=ids)


def _side(
    labels: npt.ArrayLike,
    rows: Sequence[Scored],
    *,
    class_names: Sequence[Any] | None,
    **names: Any,
) -> Predictions:
    """Return one side of what each seed read, all on the same images and classes."""
    if len({(row.preds.shape, row.n_columns) for row in rows}) != 1:
        msg = "the seeds have scores for different images or classes; give [S,N,K], at least one."
        raise DataError(msg)
    if rows[0].n_columns:
        class_names = column_names(class_names, rows[0].n_columns)
    side = Predictions.from_arrays(
        labels, np.stack([row.preds for row in rows]), class_names=class_names, **names
    )
    notes = dict.fromkeys(note for row in rows for note in row.notes)
    return replace(side, notes=(*side.notes, *notes))


def write_predictions(predictions: Predictions, path: str | Path) -> None:
    """Write one side so that `misread judge` can read it: whole, or not at all.

    Parameters
    ----------
    predictions : Predictions
        One side; seeds and images without names are numbered in a table.
    path : str or Path
        Ends in .npz, .csv or .parquet.

    Raises
    ------
    DataError
        If it ends in something else.
    StoreError
        If it cannot be written.
    """
    path = Path(path)
    content = io.BytesIO()
    match path.suffix.lower():
        case ".npz":
            content.write(arrays_to_bytes(_npz_of(predictions)))
        case ".csv":
            _frame_of(predictions).write_csv(content)
        case ".parquet":
            _frame_of(predictions).write_parquet(content)
        case suffix:
            msg = f"{path} ends in {suffix!r}; allowed are .npz, .csv, .parquet: rename it."
            raise DataError(msg)
    write_atomic(path, content.getvalue())


def _read(model: Any, images: Any, number: int) -> Scored:
    """Return the classes that one model reads, without its progress bar."""
    predict = getattr(model, "predict", None)
    if predict is None:
        msg = f"model {number} ({type(model).__name__}) has no method `predict`; see from_scores."
        raise DataError(msg)
    quiet = "verbose" in inspect.signature(predict).parameters
    read = _array(predict(images, verbose=0) if quiet else predict(images))
    if read.ndim == 1:
        return Scored(read, 0)
    return _scored(f"what model {number} returns", read)


def _scored(what: str, scores_NK: npt.NDArray[Any]) -> Scored:
    if scores_NK.ndim != 2 or not scores_NK.size:
        msg = (
            f"{what} is {scores_NK.dtype} with shape {shape_of(scores_NK)}; allowed are scores "
            "[N,K] with a column per class, or classes [N]."
        )
        raise DataError(msg)
    return scored(what, [scores_NK], scores_NK.shape)


def _array(values: Any) -> npt.NDArray[Any]:
    """Return values as an array, also a tensor that still has its gradient or lies elsewhere."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


def _parts(side: Predictions) -> Iterator[tuple[str, Predictions]]:
    yield "clean", side
    yield from side.slices.items()


def _npz_of(side: Predictions) -> Arrays:
    parts = [part for _, part in _parts(side)]
    arrays: Arrays = {
        "labels": np.concatenate([part.labels_N for part in parts]),
        "predictions": np.concatenate([part.preds_SN for part in parts], axis=1),
        "class_names": np.array(side.class_names, np.str_),
    }
    if side.seeds is not None:
        arrays["seeds"] = np.array(side.seeds, np.str_)
    if any(part.ids is not None for part in parts):
        arrays["ids"] = np.concatenate([part.image_ids for part in parts])
    if any(part.disputed_N is not None for part in parts):
        arrays["disputed"] = np.concatenate([_disputed(part) for part in parts])
    if side.groups is not None:
        arrays["groups"] = np.concatenate([part.groups for part in parts])
    if side.slices:
        arrays["slice"] = np.concatenate(
            [np.full(part.n_images, name) for name, part in _parts(side)]
        )
    return arrays


def _frame_of(side: Predictions) -> Any:
    """Return the long table of a side, a row per slice, seed and image."""
    import polars as pl  # noqa: PLC0415  half a second that reading models need not wait

    seeds = side.seeds or tuple(str(s) for s in range(side.n_seeds))
    names = np.array(side.class_names, np.str_)
    has_disputed = any(part.disputed_N is not None for _, part in _parts(side))
    text_ids = any(part.image_ids.dtype.kind == "U" for _, part in _parts(side))
    frames = []
    for name, part in _parts(side):
        ids = part.image_ids.astype(np.str_) if text_ids else part.image_ids
        columns = {
            "seed": np.repeat(np.array(seeds, np.str_), part.n_images),
            "id": np.tile(ids, part.n_seeds),
            "label": np.tile(names[part.labels_N], part.n_seeds),
            "prediction": names[part.preds_SN].reshape(-1),
        }
        if has_disputed:
            columns["disputed"] = np.tile(_disputed(part).astype(np.uint8), part.n_seeds)
        if part.groups is not None:
            columns["group"] = np.tile(part.groups, part.n_seeds)
        if side.slices:
            columns["slice"] = np.full(part.preds_SN.size, name)
        frames.append(pl.DataFrame(columns))
    return pl.concat(frames)


def _disputed(part: Predictions) -> npt.NDArray[np.bool_]:
    return np.zeros(part.n_images, np.bool_) if part.disputed_N is None else part.disputed_N
