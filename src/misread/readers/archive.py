"""Predictions from an NPZ archive: classes, or scores of any kind; nothing is ever executed."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.judge.checks import refuse_misspelt
from misread.judge.classes import shape_of
from misread.judge.predictions import Predictions
from misread.judge.values import class_labels, class_readings, column_names, is_one_hot, texts_of
from misread.npz import Archive
from misread.readers.scores import Scored, scored

SCORES = ("probs", "probabilities", "logits", "scores")
_OTHERS = ("labels", "seeds", "ids", "class_names", "disputed", "groups", "slice")
_ARRAYS = ("predictions", *SCORES, *_OTHERS, "held_out")
_NPZ_HINT = "write it with numpy.savez_compressed(path, labels=…, predictions=…)"


def read_npz(path: Path, arm: str) -> Predictions:
    """Return predictions of the array `arm`, or by default of that which is called so."""
    try:
        with Archive(path) as archive:
            refuse_misspelt("an array", archive.names, _ARRAYS)
            main = arm or next((n for n in ("predictions", *SCORES) if n in archive.names), "")
            missing = [n for n in ("labels", main) if n not in archive.names]
            if missing:
                msg = (
                    f"there is no array {missing[0] or 'predictions'!r}; {_there(archive)}. It "
                    "needs `labels` [N] and `predictions` [S,N] or `probs` [S,N,K]; FILE#ARM takes "
                    "another one."
                )
                raise DataError(msg)
            arrays = {name: archive.read(name) for name in _OTHERS if name in archive.names}
            held_out = archive.read("held_out") if "held_out" in archive.names else None
            labels = class_labels(arrays["labels"])
            arrays["labels"] = labels.labels_N
            read = _readings(archive, main, labels.labels_N.size)
    except (ValueError, OSError) as error:
        msg = f"cannot be read as NPZ ({error}); {_NPZ_HINT}."
        raise DataError(msg) from None
    n_images = arrays["labels"].shape[:1]
    for name, array in arrays.items():
        is_list = name in ("seeds", "class_names")
        if array.ndim != 1 or (array.shape != n_images and not is_list):
            needed = "a list" if is_list else f"{n_images[0]:,}, one per image"
            msg = f"`{name}` has shape {shape_of(array)}; give {needed}."
            raise DataError(msg)
    for n_columns in filter(None, (labels.n_columns, read.n_columns)):
        arrays["class_names"] = np.array([*column_names(arrays.get("class_names"), n_columns)])
    view_N = arrays.pop("slice", None)
    preds = class_readings(read.preds, n_images[0])
    if held_out is not None:
        arrays["held_out"] = np.atleast_2d(held_out)
    if read.sure is not None and np.atleast_2d(read.sure).shape == preds.shape:
        arrays["sure"] = np.atleast_2d(read.sure)
    side = (
        _from_npz(arrays, preds, slice(None))
        if view_N is None or preds.shape[1:] != n_images
        else _sliced(arrays, preds, texts_of("slice", view_N))
    )
    return replace(side, notes=(*labels.notes, *read.notes))


def _readings(archive: Archive, name: str, n_images: int) -> Scored:
    """Return predicted classes, or those of scores, which are read a part at a time if named so."""
    shape, dtype, _ = archive.header(name)
    array = None if name in SCORES else archive.read(name)
    if array is not None:
        is_column = shape[-1:] == (1,)
        by_image = not is_column and (len(shape) == 3 or shape[:1] == (n_images,))
        is_whole = dtype.kind != "f" or not (array != np.rint(array)).any()
        if is_whole and by_image and is_one_hot(array):
            return Scored(array.argmax(axis=-1), shape[-1])
        if is_whole and by_image and len(shape) == 3:
            msg = (
                f"`{name}` is {dtype} with shape {list(shape)}, and neither one class per image "
                "nor a probability per class; give classes [S,N], or `probs` [S,N,K]."
            )
            raise DataError(msg)
        if is_whole or not (is_column or by_image):
            return Scored(array, 0)
    if len(shape) not in (2, 3) or 0 in shape:
        msg = f"`{name}` has shape {list(shape)} and must be [S,N,K]; give a score per class."
        raise DataError(msg)
    if array is not None:
        return scored(f"`{name}`", [array.reshape(-1, shape[-1])], shape)
    with closing(archive.parts(name)) as parts:
        return scored(f"`{name}`", parts, shape)


def _there(archive: Archive) -> str:
    """Say which arrays an archive has; of many only those that could be predictions."""
    if "labels" in archive.names:
        n_labels = archive.header("labels").shape
        arms = [name for name in archive.names if archive.header(name).shape[1:2] == n_labels]
        if arms:
            return f"those with a column per label are: {', '.join(arms)}"
    return f"the arrays are: {', '.join(archive.names) or 'none'}"


def _sliced(
    arrays: dict[str, Any], preds_SN: npt.NDArray[Any], view_N: npt.NDArray[np.str_]
) -> Predictions:
    clean_N = np.isin(view_N, ("", "clean"))
    if "class_names" not in arrays:  # the same classes for all parts
        every = Predictions.from_arrays(arrays["labels"], preds_SN)
        arrays = {**arrays, "labels": every.labels_N, "class_names": every.class_names}
        preds_SN = every.preds_SN
    whole = _from_npz(arrays, preds_SN, clean_N if clean_N.any() else slice(None))
    for name in np.unique(view_N[~clean_N]).tolist():
        whole = whole.with_slice(name, _from_npz(arrays, preds_SN, view_N == name))
    return whole


def _from_npz(arrays: dict[str, Any], preds_SN: npt.NDArray[Any], chosen: Any) -> Predictions:
    per_image = (("ids", "ids"), ("disputed", "disputed_N"), ("groups", "groups"),
                 ("held_out", "held_out_SN"))  # fmt: skip
    side = Predictions.from_arrays(
        arrays["labels"][chosen],
        preds_SN[:, chosen] if preds_SN.ndim == 2 else preds_SN,
        class_names=arrays.get("class_names"),
        seeds=arrays.get("seeds"),
        **{as_: arrays[name][..., chosen] for name, as_ in per_image if name in arrays},
    )
    return replace(side, sure_SN=arrays["sure"][:, chosen]) if "sure" in arrays else side
