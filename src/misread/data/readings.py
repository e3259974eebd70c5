"""Predictions from files that anyone can make."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.npz import arrays_of
from misread.errors import DataError


def read_predictions(source: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Read labels and predictions from an NPZ file.

    Parameters
    ----------
    source
        Path of an NPZ with `labels` `[N]` and `predictions` `[S,N]`, or `probs` `[S,N,K]`; with
        `PATH#NAME` the array `NAME` `[S,N]` stands for `predictions`. `[N]` is taken as `[1,N]`.

    Returns
    -------
    labels_N, predictions_SN
        As they are in the file; their values are checked by the judge.

    Raises
    ------
    DataError
        If the file is missing, no NPZ, holds pickles, or lacks an array.
    """
    path_text, _, wanted = source.partition("#")
    path = Path(path_text)
    try:
        arrays = arrays_of(path.read_bytes())
    except FileNotFoundError:
        msg = f"{path} does not exist; give the path of an NPZ file."
        raise DataError(msg) from None
    except (OSError, ValueError) as error:
        msg = (
            f"{path} cannot be read as NPZ ({error}); write it with "
            "numpy.savez_compressed(path, labels=…, predictions=…)."
        )
        raise DataError(msg) from None
    name = wanted or next((n for n in ("predictions", "probs") if n in arrays), "predictions")
    missing = [n for n in ("labels", name) if n not in arrays]
    if missing:
        msg = (
            f"{path} has no array {missing[0]!r}; it has {', '.join(arrays) or 'none'}. It needs "
            "`labels` [N] and `predictions` [S,N] or `probs` [S,N,K]; FILE#NAME takes another one."
        )
        raise DataError(msg)
    values = arrays[name]
    if name == "probs":
        if values.ndim not in (2, 3) or not np.isfinite(values).all():
            msg = (
                f"{path}: `probs` has shape {values.shape} and must be [S,N,K] without NaN or "
                "infinity; give probabilities per seed, image and class."
            )
            raise DataError(msg)
        values = values.argmax(axis=-1)
    return arrays["labels"], values[np.newaxis] if values.ndim == 1 else values
