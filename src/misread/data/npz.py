"""Reading NPZ archives that may come from anywhere."""

import io
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt


def arrays_of(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an NPZ archive; nothing in it is ever executed.

    Raises
    ------
    ValueError
        With the reason, in words that follow "cannot be read as NPZ": no archive, damaged, a single
        array, or pickled objects inside.
    """
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            msg = "it holds a single array"
            raise ValueError(msg)  # noqa: TRY004, TRY301  one kind of error for one kind of failure
        return dict(archive)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        pickled = "allow_pickle" in str(error)
        reason = "it is no archive of arrays, or holds pickled objects" if pickled else str(error)
        raise ValueError(reason or "it is damaged") from None
