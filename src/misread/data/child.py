"""A first reading of a file in a child process, where a crash does no harm.

What reads Parquet and HDF5 is compiled code that trusts the sizes in a file: a few damaged bytes
end the process, or make it print a report, which no `except` can stop.
"""

import subprocess
import sys
from pathlib import Path


def complaint(program: str, path: Path, *arguments: str) -> str | None:
    """Return why a Python program cannot read a file, in a child; None where it can.

    The program takes the path as its first argument; what it prints before it ends with another
    code than 0 is the reason.
    """
    command = [sys.executable, "-P", "-c", program, str(path), *arguments]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  our own programs
    if not done.returncode:
        return None
    return done.stdout.decode("utf-8", "replace").strip() or "it is damaged"
