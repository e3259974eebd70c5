"""Many runs: spawned worker processes, one per core, each with one thread.

`run_all` knows nothing of what the work is: it hands each task to a worker, passes on what the
worker reports, and stops everything at the first failure. A worker that loses its parent ends
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
from typing import Any

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


def _start_worker(reports: Any) -> None:
    global _reports  # noqa: PLW0603  one queue per worker process, set once
    _reports = reports
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    parent = mp.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _work(work: Work, task: Any) -> None:
    work(task, _reports.put)


def run_all(work: Work, tasks: Sequence[Any], jobs: int, on_report: Report) -> None:
    """Do all tasks on `jobs` worker processes.

    Parameters
    ----------
    work
        A module-level function (task, report) that does one task; it may call `report` with
        anything that can be pickled.
    tasks
        What to do, each started in this order.
    jobs
        Number of workers, at least 1. Results do not depend on it.
    on_report
        Called in this process with everything that a worker reports.

    Raises
    ------
    StoreError
        If a worker is killed from outside (out of memory, say).
    Exception
        Whatever the first failing task raised.
    """
    if not tasks:
        return
    context = mp.get_context("spawn")
    reports = context.Queue()
    with _environment(thread_environment()):
        pool = cf.ProcessPoolExecutor(
            min(jobs, len(tasks)), context, initializer=_start_worker, initargs=(reports,)
        )
        futures = [pool.submit(_work, work, task) for task in tasks]
    workers = list((pool._processes or {}).values())  # noqa: SLF001  no public way to end them
    try:
        pending = set(futures)
        while pending:
            done, pending = cf.wait(pending, timeout=0.2, return_when=cf.FIRST_EXCEPTION)
            _pass_on(reports, on_report)
            for future in done:
                future.result()
        pool.shutdown()
        _pass_on(reports, on_report)
    except cf.process.BrokenProcessPool as error:
        msg = (
            "a worker process was killed from outside (out of memory?); free memory or lower "
            "--jobs and run the same command again: finished runs are kept."
        )
        raise StoreError(msg) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            if worker.is_alive():
                worker.kill()  # every file is written atomically: nothing finished is harmed


def _pass_on(reports: Any, on_report: Report) -> None:
    while True:
        try:
            on_report(reports.get(timeout=0.01))
        except queue.Empty:
            return
