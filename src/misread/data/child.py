"""A first reading of Parquet and HDF5 in a child process, where a crash does no harm.

What reads them is compiled code that trusts the sizes in a file: a few damaged bytes make it ask
for 2^61 bytes of memory, end the process, or print a report, which no `except` can stop.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from misread.errors import DataError
from misread.memory import limit_bytes

_MAGIC = b"PAR1"
# A program takes the path and the most bytes; what it prints before it ends otherwise than with 0
# is why the file cannot be read.
_PARQUET = """
import sys
import polars
most = int(sys.argv[2])
try:
    frame = polars.scan_parquet(sys.argv[1], glob=False)
    names = [name for name in frame.collect_schema().names() if name.strip() in sys.argv[3:]]
    n_rows = frame.select(polars.len()).collect().item()
    if n_rows * 16 * max(1, len(names)) > most:
        sys.exit(print(f"its {n_rows:,} rows take more memory than is allowed") or 1)
    try:
        import resource
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + most + 2**31,) * 2)
    except (ImportError, OSError, ValueError):
        pass
    frame.select(polars.col(names).hash().max()).collect()
except (polars.exceptions.PolarsError, OSError) as error:
    sys.exit(print(str(error).partition("\\n")[0]) or 1)
"""
_HDF5 = """
import sys
import h5py
most = int(sys.argv[2])
def read(group, deeper):
    for key in group:
        if isinstance(group.get(key, getlink=True), h5py.HardLink):
            it = group[key]
            if isinstance(it, h5py.Dataset):
                is_stored = not (it.is_virtual or it.external)
                if is_stored and (it.size or 0) * it.dtype.itemsize <= most:
                    it[()]
            elif deeper:
                read(it, False)
try:
    if h5py.is_hdf5(sys.argv[1]):
        with h5py.File(sys.argv[1], "r") as file:
            read(file, True)
except Exception:
    pass  # the reading that follows says what it is
"""


def check_parquet(path: Path, columns: Sequence[str]) -> None:
    """Refuse a file that is no Parquet, or of which one of `columns` that it has cannot be read.

    DataError with the reason, which does not name the file.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        start = file.read(4)
        file.seek(max(size - 4, 0))
        end = file.read(4)
    if size < 12 or start != _MAGIC or end != _MAGIC:
        msg = "this is not a Parquet file, or only a part of one; save it again."
        raise DataError(msg)
    if reason := _complaint(_PARQUET, path, *columns):
        msg = f"cannot be read as Parquet ({reason}); save it again."
        raise DataError(msg)


def check_hdf5(path: Path) -> None:
    """Refuse a file, by a DataError, that crashes the library which reads it."""
    if reason := _complaint(_HDF5, path):
        msg = f"{path} cannot be read as HDF5 ({reason}); save it again with h5py."
        raise DataError(msg)


def _complaint(program: str, path: Path, *arguments: str) -> str:
    """Return why a Python program cannot read a file, in a child; "" where it can."""
    command = [sys.executable, "-P", "-c", program, str(path), str(limit_bytes()), *arguments]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  our own programs
    if not done.returncode:
        return ""
    return done.stdout.decode("utf-8", "replace").strip() or "it is damaged"
