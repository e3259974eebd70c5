"""Callbacks for the progress of long work: bytes that arrive, images that are made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# What is done, how much so far, of how much (None where nobody knows), and the unit.
OnCount = Callable[[str, float, float | None, str], None]
_watcher: ContextVar[OnCount | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(on_count: OnCount | None) -> Iterator[None]:
    """Call `on_count` whenever something is counted meanwhile; None for nobody."""
    token = _watcher.set(on_count)
    try:
        yield
    finally:
        _watcher.reset(token)


def count(what: str, so_far: float, of_all: float | None, unit: str) -> None:
    """Say how much is done, where somebody watches."""
    if on_count := _watcher.get():
        on_count(what, so_far, of_all, unit)
