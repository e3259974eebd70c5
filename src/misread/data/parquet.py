"""A first reading of a Parquet file, where a crash does no harm.

polars trusts the sizes in a Parquet file: a few damaged bytes make it ask for 2^61 bytes of memory,
which aborts the whole process, or panic with a report on standard error that no `except` can
silence. So a child process reads the columns first.
"""

from collections.abc import Sequence
from pathlib import Path

from misread.data.child import complaint
from misread.errors import DataError
from misread.memory import limit_bytes

_MAGIC = b"PAR1"
_TRY = """
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


def check_parquet(path: Path, columns: Sequence[str]) -> None:
    """Refuse a file that is no Parquet, or of which one of `columns` cannot be read.

    Parameters
    ----------
    path : Path
        A file that is not empty.
    columns : sequence of str
        Columns that will be read, as far as the file has them.

    Raises
    ------
    DataError
        If it cannot be read; with the reason, where there is one.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        start = file.read(4)
        file.seek(max(size - 4, 0))
        end = file.read(4)
    if size < 12 or start != _MAGIC or end != _MAGIC:
        msg = "this is no Parquet file, or only a part of one; write it anew."
        raise DataError(msg)
    reason = complaint(_TRY, path, str(limit_bytes()), *columns)
    if reason is not None:
        msg = f"cannot be read as Parquet ({reason}); write it anew."
        raise DataError(msg)
