"""Files that are whole or not there; canonical JSON and its hash."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from misread.errors import StoreError

UNFINISHED = ".unfinished"


class Frozen(BaseModel):
    """A record that never changes and refuses fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


def canonical_json(value: Any) -> bytes:
    """Return `value` as JSON with sorted keys, no spaces, UTF-8; NaN is refused (ValueError)."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def sha256_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def readable_json(value: Any) -> bytes:
    """Return `value` as indented JSON for people; the same content gives the same bytes."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
