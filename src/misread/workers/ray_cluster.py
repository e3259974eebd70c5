"""Workers on a Ray cluster: one task per run, on one CPU, with one thread.

No disk is shared. An order travels to a node with its task; what its worker reports comes back
through Ray's object store, piece by piece, as the items of a streaming generator. Ray itself tries
nothing again (`max_retries=0`): `pool.Workers` does, so that lost nodes and killed local processes
are told and counted in the same way.
"""

import importlib
import logging
import os
import queue
import socket
import threading
from collections.abc import Iterator
from typing import Any

from misread import __version__
from misread.errors import RunError, StudyError, needs_extra
from misread.workers.machine import default_jobs, thread_environment
from misread.workers.pool import Ended, Event, Lost, Reported, Work, attempt

# Handed to Ray beyond what its CPUs can do at once, so that a cluster that grows on demand sees
# the demand; not everything, since each order may hold a stored model.
AHEAD = 32
LOCAL_STORE_BYTES = 256 * 2**20  # a run sends about 2 MB

_ENDINGS = {
    "NodeDiedError": "its node was lost",
    "LocalRayletDiedError": "its node was lost",
    "ObjectLostError": "its node was lost",
    "WorkerCrashedError": "its worker was killed",
    "OutOfMemoryError": "its node ran out of memory",
}


def stream(version: str, work: Work, order: Any) -> Iterator[Event]:
    """Do one job on a node, and yield what it reports, and last how it ended.

    Training calls back, and a generator is asked: a thread of its own does the job, between them.
    """
    if version != __version__:
        msg = (
            f"a node of the cluster has misread {__version__}, but this is {version}; install the "
            "same version on every node."
        )
        yield Ended(StudyError(msg))
        return
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def do() -> None:
        events.put(attempt(work, order, lambda report: events.put(Reported(report))))

    threading.Thread(target=do, daemon=True).start()
    while True:
        event = events.get()
        yield event
        if isinstance(event, Ended):
            return


class RayPool:
    """The CPUs of a Ray cluster: that of `RAY_ADDRESS`, or one on this machine; a `pool.Pool`.

    Every node must be able to import `work`. At most `jobs` runs go on at the same time; None is
    as many as the cluster has CPUs.
    """

    def __init__(self, work: Work, jobs: int | None) -> None:
        self._work, self._jobs = work, jobs
        self._ray: Any = None
        self._task: Any = None
        self._streams: list[tuple[Any, int]] = []

    def start(self, n_jobs: int) -> None:  # noqa: ARG002  Ray starts workers as tasks come
        """Connect to the cluster, or start one on this machine.

        StudyError if Ray is not installed, there is no cluster at that address, or it refuses us.
        """
        if self._ray is not None:
            return
        address = os.environ.get("RAY_ADDRESS", "")
        local: dict[str, Any] = {
            "num_cpus": self._jobs or default_jobs(),
            "object_store_memory": LOCAL_STORE_BYTES,
            "include_dashboard": False,
        }
        where = f"at RAY_ADDRESS={address}" if address else "on this machine"
        try:
            _check_address(address)
        except (ValueError, OSError) as error:
            msg = (
                f"no Ray cluster answers {where} ({_reason(error)}); start one with `ray start "
                "--head` and set RAY_ADDRESS to its host:port, or leave RAY_ADDRESS unset for one "
                "of our own."
            )
            raise StudyError(msg) from None
        ray = _import_ray()  # takes seconds: after whatever is known without
        try:
            ray.init(
                address=address or "local",
                runtime_env={"env_vars": thread_environment()},
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
                **({} if address else local),
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            msg = (
                f"Ray does not start {where} ({_reason(error)}); look whether a cluster runs "
                "there with this version of Ray, and where it asks for a token, set "
                "RAY_AUTH_MODE=token and give this user the token (docs/cluster.md)."
            )
            raise StudyError(msg) from None
        # There is no public way to keep what Ray says of lost nodes from our standard output.
        ray._private.worker._worker_logs_enabled = False  # noqa: SLF001
        self._ray = ray
        self._task = ray.remote(num_cpus=1, max_retries=0, num_returns="streaming")(stream)

    def has_room(self) -> bool:
        """Return whether Ray should have one more task."""
        most: float = self._jobs or self._ray.cluster_resources().get("CPU", 0) + AHEAD
        return len(self._streams) < most

    def submit(self, number: int, order: Any) -> None:
        """Hand a job to Ray, which finds a free CPU for it."""
        self._streams.append((self._task.remote(__version__, self._work, order), number))

    def wait(self, seconds: float) -> list[tuple[int, Event]]:
        """Wait for something to happen, at most so long, and return what did."""
        numbers = dict(self._streams)
        ready, _ = self._ray.wait(list(numbers), timeout=seconds)
        events = [(numbers[stream], self._next(stream)) for stream in ready]
        ended = {number for number, event in events if not isinstance(event, Reported)}
        self._streams = [running for running in self._streams if running[1] not in ended]
        return events

    def _next(self, stream: Any) -> Event:
        errors = self._ray.exceptions
        try:
            event: Event = self._ray.get(next(stream))
        except errors.RayTaskError as error:  # ours are caught in `attempt`: this is before it
            reason = str(error).strip().rpartition("\n")[2]
            msg = (
                f"a node of the cluster cannot begin to work ({reason}); install misread "
                f"{__version__} there, with the same version of Python."
            )
            return Ended(RunError(msg))
        except errors.RayError as error:
            kind = type(error)
            named = [_ENDINGS[base.__name__] for base in kind.__mro__ if base.__name__ in _ENDINGS]
            return Lost(named[0] if named else f"Ray lost it ({kind.__name__})")
        return event

    def close(self) -> None:
        """Leave the cluster, which ends our tasks there; end one of our own."""
        if self._ray is not None:
            self._streams.clear()
            self._ray.shutdown()


def _check_address(address: str) -> None:
    """Connect to `address`, where Ray itself would wait for minutes if nobody listens.

    OSError if nobody does, ValueError if it is no address.
    """
    if address.startswith("ray://"):
        msg = (
            f"RAY_ADDRESS is {address}, but runs do not go through Ray's client; start this "
            "command on a machine of the cluster with RAY_ADDRESS=auto."
        )
        raise StudyError(msg)
    if address in {"", "auto", "local"}:
        return
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        msg = "that is no host:port"
        raise ValueError(msg)
    socket.create_connection((host, int(port)), timeout=10).close()


def _reason(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return reason.strip().partition("\n")[0].rstrip(".")


def _import_ray() -> Any:
    # Ray would tell its makers of every use.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with needs_extra():
        ray = importlib.import_module("ray")  # heavy, and only where it is asked for
    logging.getLogger("ray").setLevel(logging.ERROR)  # its advice would stand between the bars
    return ray
