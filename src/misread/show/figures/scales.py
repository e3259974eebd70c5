"""Axes on which what remains shows: the logarithm of a loss, or of the errors for an accuracy.

The first epoch would otherwise press all that follows into a line.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_LEAST = 1e-4


def scaled(values: FloatArray, key: str) -> FloatArray:
    """Return values as they stand on the axis; `key` ends in "accuracy" where they are shares."""
    on_axis: FloatArray = np.log10(np.maximum(values, _LEAST))
    if key.endswith("accuracy"):
        on_axis = -np.log10(np.maximum(1 - values, _LEAST))
    return on_axis


def ticks(key: str, limits: tuple[float, float]) -> tuple[list[float], list[str]]:
    """Return places on the axis and what they mean."""
    marks = [digit * 10.0**-power for power in range(-1, 5) for digit in (5, 2, 1)]
    if key.endswith("accuracy"):
        told = {-float(np.log10(mark)): f"{100 * (1 - mark):.4g}%" for mark in marks if mark < 1}
    else:
        told = {float(np.log10(mark)): f"{mark:g}" for mark in marks}
    inside = {at: text for at, text in told.items() if limits[0] <= at <= limits[1]}
    return list(inside), list(inside.values())


def limits_of(values: Sequence[FloatArray]) -> tuple[float, float]:
    """Return limits of an axis that hold all values, with a little room."""
    low, high = min(v.min() for v in values), max(v.max() for v in values)
    room = 0.06 * (high - low) or 0.05
    return float(low - room), float(high + room)
