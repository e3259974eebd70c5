"""Many runs: spawned worker processes, one per core, each with one thread.

`Workers` knows nothing of what the work is: it hands each task to a worker process, passes on what
that reports, and stops everything at the first failure. A worker that loses its parent ends
itself, so that a killed study leaves nobody writing into its folder.
"""

import concurrent.futures as cf
import multiprocessing as mp
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from misread.errors import StoreError

Report = Callable[[Any], None]
Work = Callable[[Any, Report], None]

_reports: Any = None  # the queue to the parent, set in each worker


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_environment() -> dict[str, str]:
    """Return the environment of a single-threaded worker; its libraries read it when they load."""
    return {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "tensorflow"),
        # Several workers share a GPU, where there is one: nobody takes all of its memory.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker(reports: Any, log: str) -> None:
    global _reports  # noqa: PLW0603  one queue per worker process, set once
    _reports = reports
    # What libraries say at start-up (TensorFlow: a page) goes to the log, not between the bars.
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    parent = mp.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _work(work: Work, task: Any) -> None:
    work(task, _reports.put)


class Workers:
    """Worker processes that live as long as the study: their start-up is paid once.

    Parameters
    ----------
    work
        A module-level function (task, report) that does one task; it may call `report` with
        anything that can be pickled.
    jobs
        Number of workers, at least 1. Results do not depend on it.
    on_report
        Called in this process with everything that a worker reports.
    log
        File that takes the workers' standard error.
    """

    def __init__(self, work: Work, jobs: int, on_report: Report, log: Path) -> None:
        self._work, self._jobs, self._on_report, self._log = work, jobs, on_report, log
        self._pool: cf.ProcessPoolExecutor | None = None
        self._reports: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers, in the middle of their work if need be.

        Every file is written atomically, so nothing finished is harmed.
        """
        if self._pool is None:
            return
        processes = list((self._pool._processes or {}).values())  # noqa: SLF001  no public way
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()

    def run(self, tasks: Sequence[Any]) -> None:
        """Do all tasks, each started in this order; return when all are done.

        Raises
        ------
        StoreError
            If a worker is killed from outside (out of memory, say).
        Exception
            Whatever the first failing task raised.
        """
        if not tasks:
            return
        try:
            with _environment(thread_environment()):
                pool = self._start()
                pending = {pool.submit(_work, self._work, task) for task in tasks}
            while pending:
                done, pending = cf.wait(pending, timeout=0.2, return_when=cf.FIRST_EXCEPTION)
                self._pass_on()
                for future in done:
                    future.result()
            self._pass_on()
        except cf.process.BrokenProcessPool as error:
            msg = (
                "a worker process was killed from outside (out of memory?); free memory or lower "
                "--jobs and run the same command again: finished runs are kept."
            )
            raise StoreError(msg) from error

    def _start(self) -> cf.ProcessPoolExecutor:
        if self._pool is None:
            context = mp.get_context("spawn")
            self._reports = context.Queue()
            self._pool = cf.ProcessPoolExecutor(
                self._jobs,
                context,
                initializer=_start_worker,
                initargs=(self._reports, str(self._log)),
            )
        return self._pool

    def _pass_on(self) -> None:
        while True:
            try:
                report = self._reports.get(timeout=0.02)
            except queue.Empty:
                return
            self._on_report(report)
