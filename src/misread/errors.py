"""Every error that misread raises on purpose.

The command line makes one sentence and exit code 2 of it, without a traceback. A message says what
was received, what is allowed, and what to do, in that order.
"""

from collections.abc import Iterator
from contextlib import contextmanager

EXTRAS = {
    "keras": "train",
    "tensorflow": "train",
    "cv2": "train",
    "skimage": "train",
    "polars": "tables",
    "h5py": "tables",
    "ray": "ray",
    "mlflow": "mlflow",
    "sqlalchemy": "mlflow",
    "starlette": "view",
    "uvicorn": "view",
}


class MisreadError(Exception):
    """Base of all errors that a user can mend."""


class DataError(MisreadError):
    """A dataset or a file of readings is not what it should be."""


class StudyError(MisreadError):
    """A study file, an option or a name is not allowed."""


class PlanError(MisreadError):
    """Something else was asked for than the folder already holds."""


class StoreError(MisreadError):
    """A folder cannot be written, is full, or is in use."""


class RunError(MisreadError):
    """Runs failed, or no worker can start."""


class JudgeError(MisreadError):
    """Predictions from which no evidence can be drawn."""


class ExtraError(MisreadError):
    """A package is not installed that an extra of misread brings."""


@contextmanager
def needs_extra() -> Iterator[None]:
    """Raise `ExtraError`, which names the extra, where a package of one is not installed.

    Also a decorator. Another module that is missing raises what it did.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in EXTRAS:
            raise
        msg = (
            f"this needs {package}, which is not installed; "
            f"type: pip install 'misread[{EXTRAS[package]}]'"
        )
        raise ExtraError(msg) from error
