"""Memory limit for files, estimated from their headers before they are loaded."""

import math
import os
from typing import Any

import numpy as np

from misread.errors import DataError

VARIABLE = "MISREAD_MEMORY_GB"
_DEFAULT_GB = 4.0


def limit_bytes() -> int:
    """Return how much the files of a command may take: 4 GB, or what `MISREAD_MEMORY_GB` says.

    DataError if that is no number.
    """
    text = os.environ.get(VARIABLE, "")
    try:
        gigabytes = float(text or _DEFAULT_GB)
    except ValueError:
        gigabytes = -1
    if not 0 < gigabytes < 2**20:
        msg = f"{VARIABLE} is {text!r}; give a number of gigabytes, as in 16."
        raise DataError(msg)
    return int(gigabytes * 2**30)


def allow(n_bytes: int, what: str) -> None:
    """Refuse what would take more than is allowed.

    DataError with the size, and how to raise the limit.
    """
    if n_bytes > (most := limit_bytes()):
        msg = (
            f"{what} would take {n_bytes / 2**30:,.1f} GB of memory, and {most / 2**30:,.3g} are "
            f"allowed; make it smaller, or set {VARIABLE}."
        )
        raise DataError(msg)


class Budget:
    """The memory that the parts of one thing take together; `what` is its name in messages."""

    def __init__(self, what: str) -> None:
        self._what, self._taken = what, 0

    def take(self, n_bytes: int) -> None:
        """Count what a further part will take; errors as in `allow`."""
        self._taken += n_bytes
        allow(self._taken, self._what)

    def take_array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Count an array with what it takes to make bytes, numbers or names of it."""
        more = 24 if dtype.kind in "fUS" else dtype.itemsize if dtype.itemsize > 1 else 0
        self.take(math.prod(map(int, shape)) * (dtype.itemsize + more))
