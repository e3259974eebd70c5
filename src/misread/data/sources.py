"""Datasets by name."""

from collections.abc import Callable

from misread.data.dataset import Dataset
from misread.data.mnist import load_mnist
from misread.errors import StudyError

Loader = Callable[[], tuple[Dataset, Dataset]]

SOURCES: dict[str, Loader] = {"mnist": load_mnist}


def load(name: str) -> tuple[Dataset, Dataset]:
    """Return the training and the test set of the dataset `name`.

    Raises
    ------
    StudyError
        If there is no such dataset.
    DataError
        If its files are damaged.
    """
    if name not in SOURCES:
        msg = f"there is no dataset {name!r}; choose one of {', '.join(SOURCES)}."
        raise StudyError(msg)
    return SOURCES[name]()
