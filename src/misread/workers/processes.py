"""Workers on this machine: processes, each with one thread, one job after another.

They start anew, or fork from one that has imported what all of them need, where that is safe.

Each process has a pipe of its own. What it sent before it died is still read, and its death is seen
as the end of the pipe, so that it costs nothing but its own job; another one takes its place. A
worker that loses its parent ends itself, so that a killed study leaves nobody behind.
"""

import multiprocessing as mp
import multiprocessing.connection as mpc
import multiprocessing.context
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from misread.errors import MisreadError, RunError
from misread.workers.arithmetic import environment
from misread.workers.machine import thread_environment
from misread.workers.pool import Ended, Event, Lost, Prepare, Reported, Work, attempt

T = TypeVar("T")
R = TypeVar("R")

MOST_DEAD_STARTS = 3  # after as many in a row no other worker is started


# Of the process that workers fork from: its import ("" once it could not fork), the process that
# may ask it, and the environment that the import has read.
_forked: dict[str, str] = {}


def _context(preload: str) -> mp.context.ForkServerContext | mp.context.SpawnContext:
    """Return how workers start: from the one process that Python keeps for forks, or anew."""
    asked = {"import": preload, "process": str(os.getpid()), **thread_environment()}
    if not preload or sys.platform != "linux" or (_forked and _forked != asked):
        return mp.get_context("spawn")
    _forked.update(asked)
    context = mp.get_context("forkserver")
    context.set_forkserver_preload([preload])
    try:  # it imports nothing from the folder of now, as a worker that starts anew
        with environment(thread_environment() | {"PYTHONSAFEPATH": "1"}):
            forkserver.ensure_running()
    except OSError:  # where temporary files lie is no place for its socket
        _forked["import"] = ""
        return _context(preload)
    return context


def _serve(
    connection: "mpc.Connection[Any, Any]",
    work: Work,
    prepare: Prepare,
    log: str,
    environ: Mapping[str, str],
) -> None:
    """Live as a worker: prepare, say so, then do what comes through the pipe until it closes."""
    os.environ.clear()  # which a fork has from when the first one was made
    os.environ.update(environ)
    # What libraries say at start-up (TensorFlow: a page) goes to the log, not between the bars.
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for output in (1, 2):
        os.dup2(descriptor, output)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    parent = mp.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone
        connection.send(attempt(lambda _order, _report: prepare(), None, lambda _: None))
        while True:
            order = connection.recv()
            connection.send(attempt(work, order, lambda report: connection.send(Reported(report))))


@dataclass
class _Slot:
    """A worker process and our end of its pipe."""

    process: BaseProcess
    connection: "mpc.Connection[Any, Any]"
    is_ready: bool = False
    number: int | None = None  # the job that it has

    @property
    def ending(self) -> str:
        """The end of the process, for people."""
        self.process.join(10)
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            return f"its worker was killed by {name}" + (
                " (out of memory?)" if name == "SIGKILL" else ""
            )
        return f"its worker ended with exit code {code}"


class LocalPool:
    """Worker processes of this machine; a `pool.Pool`.

    `work` (order, report) does one job, and `prepare` is called once in each of `jobs` workers:
    both are functions of a module, and what they report can be pickled. `log` takes the workers'
    standard error. `preload` is a module that every worker will import, and whose import starts no
    thread: on Linux it is imported once, for all workers that have the same arithmetic.
    """

    def __init__(
        self, work: Work, prepare: Prepare, jobs: int, log: Path, preload: str = ""
    ) -> None:
        self._work, self._prepare, self._jobs, self._log = work, prepare, jobs, log
        self._preload, self._n_workers = preload, 0
        self._slots: list[_Slot] = []
        self._n_dead_starts = 0

    def start(self, n_jobs: int) -> None:
        """Start as many workers as so many jobs can use, or what they fork from."""
        self._n_workers = max(self._n_workers, min(n_jobs, self._jobs))
        if _context(self._preload).get_start_method() == "spawn":  # a fork waits for the import
            self._fill()

    @property
    def n_ready(self) -> int:
        """Number of workers that have started."""
        return sum(slot.is_ready for slot in self._slots)

    def has_room(self) -> bool:
        """Return whether a worker waits for a job."""
        return any(slot.is_ready and slot.number is None for slot in self._slots)

    def submit(self, number: int, order: Any) -> None:
        """Hand a job to a worker that waits for one."""
        slot = next(slot for slot in self._slots if slot.is_ready and slot.number is None)
        slot.number = number
        with suppress(OSError):  # it died a moment ago, which `wait` will find
            slot.connection.send(order)

    def wait(self, seconds: float) -> list[tuple[int, Event]]:
        """Wait for something to happen, at most so long, and return what did.

        MisreadError if workers cannot start.
        """
        self._fill()
        events: list[tuple[int, Event]] = []
        ready = mpc.wait([slot.connection for slot in self._slots], seconds)
        for slot in [slot for slot in self._slots if slot.connection in ready]:
            try:
                event: Event = slot.connection.recv()
            except (EOFError, OSError):
                event = Lost(slot.ending)
                self._replace(slot)
            if not slot.is_ready:
                self._check_start(slot, event)
            elif slot.number is not None:
                events.append((slot.number, event))
                if not isinstance(event, Reported):
                    slot.number = None
        return events

    def close(self) -> None:
        """End all workers, in the middle of their work if need be."""
        for slot in self._slots:
            slot.process.kill()
        for slot in self._slots:
            slot.process.join()
            slot.connection.close()
        self._slots.clear()
        self._n_workers = 0

    def _check_start(self, slot: _Slot, event: Event) -> None:
        """Take the first sign of a worker: it is ready, cannot work, or died as it started."""
        error = event.error if isinstance(event, Ended) else None
        if isinstance(error, MisreadError):
            raise error
        if error is None and not isinstance(event, Lost):
            slot.is_ready, self._n_dead_starts = True, 0
            return
        self._n_dead_starts += 1
        if error is not None or self._n_dead_starts == MOST_DEAD_STARTS:
            why = error or (event.why if isinstance(event, Lost) else "")
            msg = (
                f"no worker can start ({why}); what the workers said is in {self._log}: mend that "
                "and run the same command again. What was finished is kept."
            )
            raise RunError(msg)

    def _fill(self) -> None:
        while len(self._slots) < self._n_workers:
            self._slots.append(self._spawn())

    def _spawn(self) -> _Slot:
        context = _context(self._preload)
        ours, theirs = context.Pipe()
        with environment(thread_environment()):
            process = context.Process(
                target=_serve,
                args=(theirs, self._work, self._prepare, str(self._log), dict(os.environ)),
            )
            try:
                process.start()
            except (OSError, EOFError):
                if context.get_start_method() == "spawn":
                    raise
                _forked["import"] = ""  # it died, perhaps of its import: the worker will say it
                return self._spawn()
        theirs.close()  # so that the pipe ends with the worker
        return _Slot(process, ours)

    def _replace(self, slot: _Slot) -> None:
        slot.connection.close()
        self._slots[self._slots.index(slot)] = self._spawn()


def side_by_side(work: Callable[[T], R], todo: Sequence[T], jobs: int) -> Iterator[tuple[int, R]]:
    """Yield number and result of each piece of work in `jobs` processes, in the order of ending.

    For short work without tries: what one process raises is raised, and ends all.
    """
    n_processes = min(jobs, len(todo))
    if n_processes <= 1:
        yield from enumerate(map(work, todo))
        return
    pool = ProcessPoolExecutor(
        n_processes,
        mp.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),  # Ctrl-C is the parent's to handle
    )
    try:
        numbers = {pool.submit(work, one): number for number, one in enumerate(todo)}
        for future in as_completed(numbers):
            yield numbers[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)
