"""NPZ archives that may come from anywhere, never executed."""

import io
import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.memory import Budget

_CHUNK_BYTES = 2**25
_NO_HEADER = (  # what numpy makes of one that is damaged, which it takes for Python's words
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
    tokenize.TokenError,
)
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # an archive with a password, or packed in a way that is not built in
    OverflowError,
    TypeError,
    zipfile.BadZipFile,
    zlib.error,
)


class Header(NamedTuple):
    """Shape and type of an array, as the archive states them."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool

    @property
    def n_bytes(self) -> int:
        """Its size in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


class Archive:
    """An open NPZ archive, of a file or of its content, in which nothing is ever executed.

    Nothing is read before it is asked for. Every method raises ValueError with the reason, in words
    that follow "cannot be read as NPZ".
    """

    def __init__(self, source: Path | bytes) -> None:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            start = file.read(6)
        if start[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
            single = start == b"\x93NUMPY"
            msg = "it holds a single array" if single else "it is no archive of arrays"
            raise ValueError(msg if start else "it is empty")
        with _in_words():
            self._zip = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
        files = self._zip.namelist()
        self._budget = Budget("it")
        self.names = tuple(name.removesuffix(".npy") for name in files if name.endswith(".npy"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def header(self, name: str) -> Header:
        """Return shape and type of an array."""
        with _in_words(), self._zip.open(f"{name}.npy") as file:
            return _header(file, self._zip.getinfo(f"{name}.npy").file_size, name)

    def read(self, name: str) -> npt.NDArray[Any]:
        """Return an array; all that are read together may take `memory.limit_bytes`."""
        header = self.header(name)
        try:
            self._budget.take_array(header.shape, header.dtype)
        except DataError as error:
            msg = f"with its {name!r} {list(header.shape)} of {header.dtype} {str(error)[:-1]}"
            raise ValueError(msg) from None
        with _in_words(), self._zip.open(f"{name}.npy") as file:
            array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
            if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
                native = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("=")))
                codes = native.reshape(-1).view(np.uint32)
                if codes.max() > 0x10FFFF or ((codes >= 0xD800) & (codes < 0xE000)).any():
                    msg = f"its {name!r} holds letters that do not exist"
                    raise ValueError(msg)
            return array

    def parts(self, name: str) -> Generator[npt.NDArray[Any], None, None]:
        """Yield an array in parts `[rows, last axis]`, so that it need not fit into memory."""
        header = self.header(name)
        if header.is_fortran:
            yield np.reshape(self.read(name), (-1, header.shape[-1]))
            return
        size = header.shape[-1] * header.dtype.itemsize
        rows = max(1, _CHUNK_BYTES // max(size, 1))
        if size > _CHUNK_BYTES:
            msg = f"its {name!r} {list(header.shape)} has rows of {size / 2**20:,.0f} MB"
            raise ValueError(msg)
        with _in_words(), self._zip.open(f"{name}.npy") as file:
            _header(file, None, name)
            for start in range(0, math.prod(header.shape[:-1]), rows):
                n_bytes = min(rows, math.prod(header.shape[:-1]) - start) * size
                content = file.read(n_bytes)
                if len(content) < n_bytes:
                    msg = f"its {name!r} ends too early"
                    raise ValueError(msg)
                part = np.frombuffer(content, header.dtype)
                yield part.reshape(-1, header.shape[-1])


def arrays_of(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of an NPZ archive; nothing in it is ever executed.

    ValueError with the reason, in words that follow "cannot be read as NPZ": no archive, damaged, a
    single array, or pickled objects inside.
    """
    with Archive(content) as archive:
        return {name: archive.read(name) for name in archive.names}


def _header(file: IO[bytes], n_bytes: int | None, name: str) -> Header:
    """Read the header of an array; its shape must agree with the `n_bytes` that the archive has."""
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read(file)
    except _NO_HEADER:
        msg = f"the header of its {name!r} is damaged"
        raise ValueError(msg) from None
    if dtype.hasobject:
        msg = f"its {name!r} holds pickled objects, which are never loaded"
        raise ValueError(msg)
    header = Header(shape, dtype, is_fortran)
    if n_bytes is not None and header.n_bytes + file.tell() != n_bytes:
        msg = f"its {name!r} claims shape {list(shape)}, which is not what is there"
        raise ValueError(msg)
    return header


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn whatever a damaged archive causes into a ValueError with a reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numpy, on headers as Python 2 wrote them
            yield
    except KeyError as error:
        raise ValueError(str(error)) from None
    except MemoryError:
        msg = "it does not fit into this machine's memory"
        raise ValueError(msg) from None
    except _DAMAGED as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(reason or "it is damaged") from None
