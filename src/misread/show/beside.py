"""Figures on two cores: a helper process draws some of them beside this one.

The helper is started before this process imports what it needs to draw, or measures what is to be
drawn, so that both begin at about the same time. They take figures from the two ends of one list.
Where a helper cannot be had, is killed or fails, this process draws what is left; with the same
evidence a figure has the same bytes, whoever drew it.
"""

import multiprocessing as mp
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Helper:
    """A process that draws figures beside this one, from the files in a study's folder."""

    def __init__(self) -> None:
        self._line: Any = None
        self._process: Any = None

    def __enter__(self) -> Self:
        """Start the process, where there is a second core for it."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if (cores or 1) > 1:
            context = mp.get_context("spawn")
            self._line, other_end = context.Pipe()
            self._process = context.Process(target=_help, args=(other_end,), daemon=True)
            self._process.start()
            other_end.close()
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, in the middle of a figure if need be: it writes nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._line.close()

    def draw(
        self, painters_of: str, folder: Path, painters: Mapping[str, Callable[[], T]]
    ) -> dict[str, T]:
        """Return what all painters give, by name and in their order.

        Parameters
        ----------
        painters_of
            "module:function": gives the helper the same painters from the folder.
        folder
            The study's folder.
        painters
            What draws each figure here.
        """
        todo = deque(painters)
        drawn: dict[str, T] = {}

        def by_helper() -> None:
            try:
                self._line.send((painters_of, folder))
                self._line.recv()  # it has read the folder
                while todo:
                    name = todo.popleft()
                    try:
                        self._line.send(name)
                        drawn[name] = self._line.recv()
                    except BaseException:
                        todo.append(name)
                        raise
            except (EOFError, OSError, IndexError):
                return

        thread = threading.Thread(target=by_helper, daemon=True)
        if self._process is not None:
            thread.start()
        while len(drawn) < len(painters):
            try:
                name = todo.pop()
            except IndexError:  # the helper has the last one, and may yet give it back
                thread.join()
                continue
            drawn[name] = painters[name]()
        return {name: drawn[name] for name in painters}


def _help(line: Any) -> None:
    """Draw what the other end of `line` names, until it is closed. Runs in the helper."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    try:
        import_module("misread.show.plots")  # most of what it will need, while the parent prepares
        painters_of, folder = line.recv()
        module, _, function = painters_of.partition(":")
        here = getattr(import_module(module), function)(folder)
        line.send(None)
        while True:
            line.send(here[line.recv()]())
    except Exception:  # noqa: BLE001  the parent meets the same, and says it
        line.close()
