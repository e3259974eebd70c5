"""Files that are whole or not there; canonical JSON and its hash."""

import csv
import errno
import hashlib
import importlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from misread.errors import StoreError
from misread.npz import arrays_of

Arrays = dict[str, npt.NDArray[Any]]

UNFINISHED = ".unfinished"

_LONGEST_NAME = 120  # letters of a file's name; systems allow 255 bytes
_NO_NAME = re.compile(r'[\\/:*?"<>|]|[^\S ]')  # what no system, or not every one, allows
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


class Frozen(BaseModel):
    """A record that never changes and refuses fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def _repr_html_(self) -> str | None:
        return html_of(self)


def html_of(thing: object) -> str | None:
    """Return what a notebook shows of a thing, as HTML; None where its text is all.

    `misread.show` is loaded for it by name: it stands above us, and only a notebook asks.
    """
    html: str | None = importlib.import_module("misread.show.html").html_of(thing)
    return html


def unstated(default: Any) -> Any:
    """Return a field that is left out of JSON, and so out of hashes, while it is its default.

    For what may be said and mostly is not: such a field can be added without changing what was
    written before.
    """
    return Field(default=default, exclude_if=lambda value: bool(value == default))


def file_name(text: str) -> str:
    """Return any text as the name of a file: one part of a path, of this folder, on every system.

    >>> file_name("../../x"), file_name("4"), file_name("nul"), file_name("")
    ('-..-x', '4', '_nul', '_')
    """
    name = "".join(c if c.isprintable() else "-" for c in _NO_NAME.sub("-", text))
    name = name.strip().lstrip(".").rstrip(". ")
    if len(name) > _LONGEST_NAME or len(name.encode("utf-8", "replace")) > 2 * _LONGEST_NAME:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if dot and len(ending) < 10 else ""
        kept = (stem if ending else name).encode("utf-8", "ignore")[: _LONGEST_NAME - 20]
        name = f"{kept.decode('utf-8', 'ignore')}-{digest}{ending}"
    return f"_{name}" if not name or _RESERVED.match(name) else name


def path_in(folder: Path, *names: str) -> Path:
    """Return the path below a folder that names from data stand for; it cannot leave the folder.

    A slash in the last name makes no folder; give folders as names of their own.
    """
    return folder.joinpath(*map(file_name, names))


_REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "writing there is not allowed; choose another folder",
    errno.EPERM: "writing there is not allowed; choose another folder",
    errno.ENOTDIR: "a part of this path is a file; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
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

    StoreError if the disk is full, read-only, or the folder may not be written to.
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


def sha256_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hexadecimal.

    Its keys are sorted, it has no spaces, and is UTF-8; ValueError where it has a NaN.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def readable_json(value: Any) -> bytes:
    """Return `value` as indented JSON for people; the same content gives the same bytes."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, atomically."""
    write_atomic(path, readable_json(value))


class Record(BaseModel):
    """The fields that a JSON file of ours must have; it may have others."""

    model_config = ConfigDict(extra="allow")


def read_json(path: Path, record: type[Record] = Record) -> Any:
    """Read a JSON file of ours, which is an object with the fields of `record`.

    StoreError if it is missing, may not be read, or holds something else.
    """
    try:
        content = json.loads(_bytes_of(path))
        record.model_validate(content)
    except (ValueError, RecursionError) as error:
        raise StoreError(_not_ours(path, "JSON", error)) from None
    return content


def _bytes_of(path: Path) -> bytes:
    """Return the content of a file of ours; errors as in `read_json`."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        msg = f"{path} does not exist; run the study first, or name another folder."
        raise StoreError(msg) from None
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror or error}); mend that and nothing else."
        raise StoreError(msg) from None


def _not_ours(path: Path, kind: str, error: Exception) -> str:
    """Return the sentence on a file of ours whose content is not as it was written."""
    reason = str(error).partition("\n")[0]
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"{place}: {first['msg']}" if place else first["msg"]
    return (
        f"{path} cannot be read as {kind} ({reason}); bring an unaltered copy back, or move it "
        "away and run the study again."
    )


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as a compressed NPZ, atomically; the same arrays give the same bytes."""
    write_atomic(path, arrays_to_bytes(arrays))


def arrays_to_bytes(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return arrays as the content of a compressed NPZ; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_arrays(path: Path, sha256: str | None = None) -> Arrays:
    """Read an NPZ of ours; nothing in it is ever executed. Arguments and errors: `read_checked`."""
    content = read_checked(path, sha256)
    try:
        return arrays_of(content)
    except ValueError as error:
        raise StoreError(_not_ours(path, "NPZ", error)) from None


def read_checked(path: Path, sha256: str | None) -> bytes:
    """Read a file of ours, whose SHA-256 must be this one, or None to take it as it is.

    StoreError if it is missing, may not be read, or was altered.
    """
    content = _bytes_of(path)
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        msg = (
            f"{path} was altered or cut: it is not the file that was written; bring an unaltered "
            f"copy back, or move the folder {path.parent} away and run the study again."
        )
        raise StoreError(msg)
    return content


def csv_to_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows with the same keys as the content of a CSV file; no spreadsheet runs a text.

    A text that one would take for a formula has an apostrophe before it, as spreadsheets write it.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _no_formula(value) for key, value in row.items()} for row in rows)
    return text.getvalue().encode()


_FORMULA = re.compile(r"'*[=+\-@\t\r](?![\d.]+$)")


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def as_meant(text: str) -> str:
    """Return a text of a CSV of ours without the apostrophe before what looks like a formula."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def read_rows(path: Path, sha256: str | None = None) -> list[dict[str, float]]:
    """Return the rows of a CSV of ours, all of them numbers; errors as in `read_checked`."""
    content = read_checked(path, sha256)
    try:
        lines = io.StringIO(content.decode("utf-8"), newline="")
        reader = csv.DictReader(lines, strict=True)
        rows = [{k: float(v) for k, v in row.items()} for row in reader]
    except (ValueError, TypeError, AttributeError, csv.Error) as error:
        raise StoreError(_not_ours(path, "a table of numbers", error)) from None
    if not rows or "epoch" not in rows[0]:
        raise StoreError(_not_ours(path, "a table of epochs", ValueError("it has none")))
    return rows


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what compiled code writes to standard error: notes on the machine or on a file."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
