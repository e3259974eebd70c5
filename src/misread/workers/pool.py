"""Many runs: each job goes to a worker, and one that is lost with its worker is tried again.

`Workers` knows neither what the work is nor where it is done. It hands jobs to a pool (`processes`
of this machine, or a `ray_cluster`), passes on what they report, and keeps the books: a job whose
worker is killed is tried again, one that fails is told at the end, and everything stops at once
only where every job would fail alike.
"""

import sys
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from misread.errors import MisreadError, RunError

TRIES = 3
MOST_FAILURES = 3  # after as many without a single success no other job is begun

Report = Callable[[Any], None]
Work = Callable[[Any, Report], object]
Prepare = Callable[[], object]


class Job(Protocol):
    """Something to be done by a worker."""

    @property
    def name(self) -> str:
        """Its name, for people."""

    def order(self) -> Any:
        """Return what a worker needs to do it: picklable, and complete in itself."""


@dataclass(frozen=True)
class Reported:
    """A worker reported something in the middle of its job."""

    report: Any


@dataclass(frozen=True)
class Ended:
    """A worker is through with its job: `error` is None, one that stops everything, or words."""

    error: MisreadError | str | None = None


@dataclass(frozen=True)
class Lost:
    """A worker was lost in the middle of its job; `why` is for people."""

    why: str


Event = Reported | Ended | Lost


class Pool(Protocol):
    """A place where jobs are done. It knows them by numbers, and forgets them when they end."""

    def start(self, n_jobs: int) -> None:
        """Begin to start the workers that so many jobs can use; the rest, if any, start later."""

    def has_room(self) -> bool:
        """Return whether a job can be handed out now."""

    def submit(self, number: int, order: Any) -> None:
        """Hand out a job."""

    def wait(self, seconds: float) -> list[tuple[int, Event]]:
        """Wait for something to happen, at most so long, and return what did."""

    def close(self) -> None:
        """End all workers, in the middle of their work if need be."""


def attempt(work: Work, order: Any, report: Report) -> Ended:
    """Do one job, in a worker, and return how it ended.

    A `MisreadError` is something that its user can mend and that hits every job alike. Anything
    else is the failure of this job; where in the code goes to standard error, the workers' log.
    """
    try:
        work(order, report)
    except MisreadError as error:
        return Ended(error)
    except Exception as error:  # noqa: BLE001  whatever it is, the other jobs go on
        traceback.print_exc()
        sys.stderr.flush()
        first_line = str(error).strip().partition("\n")[0]
        return Ended(f"{type(error).__name__}: {first_line}"[:300])
    return Ended()


@dataclass(frozen=True)
class Workers:
    """Workers that live as long as the study: their start-up is paid once.

    `on_report` is called in this process with a job and with everything that its worker reports, in
    order; `on_note` with a sentence for people when a job is tried again or fails. `log` says, for
    people, where the output of the workers is.
    """

    pool: Pool
    on_report: Callable[[Any, Any], None]
    on_note: Callable[[str], None]
    log: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers; every file is written atomically, so nothing finished is harmed."""
        self.pool.close()

    def start(self, n_jobs: int) -> None:
        """Begin to start the workers for so many jobs, before it is known what these are."""
        if n_jobs:
            self.pool.start(n_jobs)

    def run(self, jobs: Sequence[Job]) -> None:
        """Do all jobs, begun in this order; return when all are done.

        RunError when all are through, if some failed or lost their workers three times; at once, if
        three failed and none was done. Whatever a job raises of MisreadError is raised at once.
        """
        self.start(len(jobs))
        todo, running = deque(range(len(jobs))), set[int]()
        tries = [0] * len(jobs)
        failed: dict[str, str] = {}
        n_done = 0
        while (todo or running) and (n_done or len(failed) < MOST_FAILURES):
            while todo and self.pool.has_room():
                number = todo.popleft()
                tries[number] += 1
                running.add(number)
                self.pool.submit(number, jobs[number].order())
            for number, event in self.pool.wait(0.2):
                name = jobs[number].name
                if isinstance(event, Reported):
                    self.on_report(jobs[number], event.report)
                    continue
                running.remove(number)
                if isinstance(event, Lost) and tries[number] < TRIES:
                    self.on_note(f"{name}: {event.why}; it is tried again.")
                    todo.appendleft(number)
                elif isinstance(event, Lost):
                    failed[name] = f"{event.why}, in each of {TRIES} tries"
                elif isinstance(event.error, MisreadError):
                    raise event.error
                elif event.error is not None:
                    self.on_note(f"{name} failed: {event.error}.")
                    failed[name] = event.error
                else:
                    n_done += 1
        if failed:
            raise RunError(self._sentence(failed, n_done, len(todo) + len(running)))

    def _sentence(self, failed: dict[str, str], n_done: int, n_left: int) -> str:
        others = f"{n_done or 'none'} {'were' if n_done > 1 else 'was'} done"
        if n_left:
            others += f", {n_left} not tried any more"
        named = "; ".join(f"{name} ({why})" for name, why in failed.items())
        return (
            f"{len(failed)} of {len(failed) + n_done + n_left} runs failed, and {others}: {named}. "
            f"What the workers said is in {self.log}; mend that and run the same command again: "
            "it tries these again, and what was finished is kept."
        )
