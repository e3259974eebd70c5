"""Arrays to the one door of the judge, for tests that make theirs by hand."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from misread.judge import Adaptive, Predictions, Verdict, judge, judge_look
from misread.judge.items import Gate


class View(NamedTuple):
    """A slice as both sides read it: labels [M], predictions [S,M], groups [M]."""

    name: str
    labels_M: Any
    before_SM: Any
    after_SM: Any
    groups_M: Any = None


def sides(
    labels_N: Any,
    before_SN: Any,
    after_SN: Any,
    *,
    slices: Any = (),
    disputed_N: Any = None,
    groups_N: Any = None,
    **given: Any,
) -> tuple[Predictions, Predictions]:
    """Return both sides; `given` as in `Predictions.from_arrays`."""
    given.setdefault("class_names", _names(labels_N, before_SN, after_SN))

    def side(preds_SN: Any, place: int) -> Predictions:
        whole = Predictions.from_arrays(
            labels_N, preds_SN, disputed_N=disputed_N, groups=groups_N, **given
        )
        for view in slices:
            part = Predictions.from_arrays(
                view.labels_M, view[place], class_names=given["class_names"], groups=view.groups_M
            )
            whole = whole.with_slice(view.name, part)
        return whole

    return side(before_SN, 2), side(after_SN, 3)


def verdict_of(labels_N: Any, before_SN: Any, after_SN: Any, **given: Any) -> Verdict:
    """Return the verdict on arrays."""
    made = {name: given.pop(name) for name in _OF_SIDES & given.keys()}
    return judge(*sides(labels_N, before_SN, after_SN, **made), **given)


def verdict_at_look(
    adaptive: Adaptive, labels_N: Any, before_SN: Any, after_SN: Any, **given: Any
) -> Verdict:
    """Return the verdict on arrays at a planned look."""
    made = {name: given.pop(name) for name in _OF_SIDES & given.keys()}
    given = {"gate": Gate.EVERYTHING, **given}  # so that looks have items to wait for
    return judge_look(adaptive, *sides(labels_N, before_SN, after_SN, **made), **given)


_OF_SIDES = {"slices", "disputed_N", "groups_N", "class_names", "seeds", "ids"}


def _names(*arrays: Any) -> Any:
    """Return the classes 0 to the largest of any array, None where classes have names."""
    parts = [np.asarray(array) for array in arrays]
    if any(part.dtype.kind not in "iu" for part in parts):
        return None
    return range(max(1, *(int(part.max()) for part in parts)) + 1)


def numbers(counts: Any, place: int) -> list[npt.NDArray[Any]]:
    """Return all that was counted of one error."""
    found: list[npt.NDArray[Any]] = []
    for name, value in counts._asdict().items():
        if isinstance(value, np.ndarray) and name != "part_C":
            found.append(value[place])
        elif isinstance(value, tuple) and name != "layout":
            for part in value if name == "sides" else (value,):
                found += numbers(part, place)
    return found
