"""Classes from scores: the column with the largest, or of a single column its threshold."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import DataError


class Scored(NamedTuple):
    """Classes that scores stand for, of `n_columns` classes, and how they were understood.

    `sure` has the largest score of each where all could be probabilities, else None.
    """

    preds: npt.NDArray[Any]
    n_columns: int
    notes: tuple[str, ...] = ()
    sure: npt.NDArray[np.float16] | None = None


def scored(what: str, parts: Iterable[npt.NDArray[Any]], shape: tuple[int, ...]) -> Scored:
    """Return the classes of scores of any axes, of which the last has a column per class.

    They come in parts `[R,K]`, so that they need not fit into memory; `shape` is that of the whole,
    and `what` their name in messages, by which logits are known. A single column holds the
    probability of class 1, as of a sigmoid. DataError if they are no numbers, one is NaN or
    infinite, or most rows have no largest score.
    """
    rows, tops, n_rows, n_ties = [], [], 0, 0
    for part in parts:
        if part.dtype.kind not in "fiu" or not part.shape[-1]:
            msg = f"{what} is {part.dtype} with shape {list(shape)}; give numbers [S,N,K]."
            raise DataError(msg)
        wrong = np.isnan(part).any(axis=1) | np.isposinf(part).any(axis=1)
        if wrong.any():
            place = np.unravel_index(n_rows + int(np.argmax(wrong)), shape[:-1])
            msg = (
                f"{what} holds NaN or infinity, first at {[int(axis) for axis in place]}; mend the "
                "model or drop the image."
            )
            raise DataError(msg)
        if shape[-1] == 1:
            rows.append(_beyond_threshold(what, part[:, 0]))
        else:
            best_R = part.argmax(axis=1)
            top_R = np.take_along_axis(part, best_R[:, np.newaxis], axis=1)
            n_ties += int(((part == top_R).sum(axis=1) > 1).sum())
            rows.append(best_R.astype(np.min_scalar_type(shape[-1])))
            if part.dtype.kind == "f" and part.min() >= 0 and top_R.max() <= 1:
                tops.append(top_R[:, 0].astype(np.float16))
        n_rows += len(part)
    if 2 * n_ties > n_rows:
        msg = (
            f"{what} has no single largest score in {n_ties:,} of {n_rows:,} rows; mend the scores."
        )
        raise DataError(msg)
    notes = []
    if shape[-1] == 1:
        notes.append(f"The single column of {what} was taken for the probability of class 1.")
    if n_ties:
        notes.append(
            f"In {n_ties:,} of {n_rows:,} readings several classes have the largest score; the "
            "first of them counts."
        )
    preds = np.concatenate(rows).reshape(shape[:-1])
    sure = np.concatenate(tops).reshape(preds.shape) if len(tops) == len(rows) else None
    return Scored(preds, max(shape[-1], 2), tuple(notes), sure)


def _beyond_threshold(what: str, score_R: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return class 1 where a sigmoid is beyond a half, or a logit beyond zero."""
    if "logit" in what:
        return (score_R > 0).astype(np.uint8)
    if score_R.min() < 0 or score_R.max() > 1:
        msg = (
            f"{what} has one column, from {score_R.min():g} to {score_R.max():g}, and is no "
            "probability of class 1; give a column per class, or call them logits."
        )
        raise DataError(msg)
    return (score_R > 0.5).astype(np.uint8)
