"""Probable mistakes in the readings of two sides, such as classes numbered otherwise."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.judge.checks import FloatArray
from misread.judge.classes import is_number, short_list
from misread.judge.pair import Pair

_HARDLY = 0.05  # of the way from chance to no error at all
_GAP = 20  # class numbers in a row that occur nowhere


def warnings_of(pair: Pair) -> tuple[str, ...]:
    """Return a sentence for each thing about the readings that is probably a mistake."""
    common, _ = pair.read_by_all()
    labels_N, class_names = common.labels_N, pair.class_names
    seeds = pair.seeds if common.n_seeds == pair.n_seeds else None
    n_classes = len(class_names)
    label_K = np.bincount(labels_N, minlength=n_classes)
    sentences: list[str] = []
    if np.array_equal(common.before_SN, common.after_TN):
        sentences.append(
            "before and after read every image alike; was one file given twice, or is what an arm "
            "sets not used?"
        )
    seen_K = label_K > 0
    for name, preds_SN in (("before", common.before_SN), ("after", common.after_TN)):
        count_SK = np.stack([np.bincount(row, minlength=n_classes) for row in preds_SN])
        right_S = (preds_SN == labels_N).mean(axis=1)
        sentences += _blind(name, label_K, count_SK, right_S, class_names)
        sentences += _by_chance(name, label_K, count_SK, right_S, seeds)
        seen_K |= count_SK.any(axis=0)
    return (*sentences, *_gaps(seen_K, class_names))


def _blind(
    name: str,
    label_K: npt.NDArray[Any],
    count_SK: npt.NDArray[Any],
    right_S: FloatArray,
    class_names: tuple[str, ...],
) -> Iterator[str]:
    """Yield that a side hardly ever predicts what the images are labelled as."""
    never_K = (label_K > 0) & ~count_SK.any(axis=0)
    if not right_S.any():
        yield f"No reading {name} is right: the classes of labels may be numbered otherwise."
    elif 2 * label_K[never_K].sum() >= label_K.sum():
        names = short_list([class_names[k] for k in np.flatnonzero(never_K)])
        yield (
            f"Of {int((label_K > 0).sum()):,} classes that occur, {int(never_K.sum()):,} are never "
            f"predicted {name} ({names}): labels and predictions may name the classes otherwise."
        )


def _by_chance(
    name: str,
    label_K: npt.NDArray[Any],
    count_SK: npt.NDArray[Any],
    right_S: FloatArray,
    seeds: Sequence[object] | None,
) -> Iterator[str]:
    """Yield which seeds read as if labels and predictions belonged to different images."""
    n_images = label_K.sum()
    chance_S = count_SK @ label_K / n_images**2
    bad = np.flatnonzero(right_S - chance_S < _HARDLY * (1 - chance_S))
    if not right_S.any() or not bad.size or chance_S[bad[0]] == 1 or (label_K > 0).sum() < 2:
        return
    rows = [str(s if seeds is None else seeds[int(s)]) for s in bad]
    which = f" (seeds {short_list(rows)})" if bad.size < right_S.size else ""
    right, chance = 100 * right_S[bad].mean(), 100 * chance_S[bad].mean()
    yield (
        f"Accuracy {name}{which} is {right:.1f}%, and {chance:.1f}% is what chance gives: labels "
        "and predictions may be in another order, or number the classes otherwise."
    )


def _gaps(seen_K: npt.NDArray[np.bool_], class_names: tuple[str, ...]) -> Iterator[str]:
    """Yield the class number that stands far from all others, as 255 does that means none."""
    if not all(map(is_number, class_names)):
        return
    numbers = np.array([int(name) for name in class_names])[seen_K]
    gaps = np.diff(numbers)
    if gaps.size and gaps.max() > max(_GAP, numbers.size):
        place = int(gaps.argmax())
        yield (
            f"No class number between {numbers[place]} and {numbers[place + 1]} occurs: "
            f"{numbers[place + 1]} may stand for a missing class."
        )
