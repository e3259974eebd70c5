"""A first reading of an HDF5 file, on which its library may crash."""

from pathlib import Path

from misread.data.child import complaint
from misread.errors import DataError
from misread.memory import limit_bytes

_TRY = """
import sys
import h5py
most = int(sys.argv[2])
def read(group, deeper):
    for key in group:
        if isinstance(group.get(key, getlink=True), h5py.HardLink):
            it = group[key]
            if isinstance(it, h5py.Dataset):
                is_here = not (it.is_virtual or it.external)
                if is_here and (it.size or 0) * it.dtype.itemsize <= most:
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


def check_hdf5(path: Path) -> None:
    """Refuse a file that crashes the library which reads it.

    DataError if it does.
    """
    reason = complaint(_TRY, path, str(limit_bytes()))
    if reason is not None:
        msg = f"{path} cannot be read as HDF5 ({reason}); write it anew with h5py."
        raise DataError(msg)
