"""Files that are either whole or not there."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from misread.errors import StoreError

UNFINISHED = ".unfinished"

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "writing there is not allowed; choose another folder",
    errno.EPERM: "writing there is not allowed; choose another folder",
    errno.ENOTDIR: "a part of this path is a file; choose another folder",
    errno.EEXIST: "a file stands where a folder is needed; choose another folder",
}


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of a failed write to `path` into a `StoreError`."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}; mend that")
        msg = (
            f"{path} cannot be written: {reason} and run the same command again. What was "
            "finished is kept."
        )
        raise StoreError(msg) from error


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that the file is either whole or as it was before.

    Raises
    ------
    StoreError
        If the disk is full, read-only, or the folder may not be written to.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    with clear_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlive a power cut, so that files last in the order written."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
