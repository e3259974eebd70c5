"""Workers that die, fail, cannot start: what it costs, and what is said."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from misread.errors import PlanError, RunError, StudyError
from misread.workers import machine
from misread.workers.machine import default_jobs, free_memory
from misread.workers.pool import Workers
from misread.workers.processes import LocalPool


@dataclass(frozen=True)
class Errand:
    """A job whose worker does what the words say."""

    name: str
    words: str = "done"
    trace: Path | None = None

    def order(self):
        return self


def do(order, report):
    report("begun")
    if order.trace is not None:  # one line a try
        with order.trace.open("a") as file:
            file.write("x")
    tries = order.trace.read_text() if order.trace else ""
    if order.words == "dies" or (order.words == "dies once" and tries == "x"):
        os.kill(os.getpid(), signal.SIGKILL)
    if order.words == "leaves":
        os._exit(3)
    if order.words == "fails":
        message = "no such thing\nand more"
        raise ValueError(message)
    if order.words == "cannot go on":
        message = "the dataset is another one; bring that one back."
        raise PlanError(message)
    if order.words == "waits":
        time.sleep(60)
    report(f"{order.name} {order.words}")


def nothing():
    pass


def no_keras():
    message = "Keras cannot start; install it."
    raise StudyError(message)


def die():
    os.kill(os.getpid(), signal.SIGSEGV)


def broken():
    message = "half a library"
    raise OSError(message)


class Told:
    """What came back."""

    def __init__(self, folder, prepare=nothing, jobs=2):
        self.reports, self.notes = [], []
        self.pool = LocalPool(do, prepare, jobs, folder / "workers.log")
        self.workers = Workers(
            self.pool,
            lambda job, report: self.reports.append((job.name, report)),
            self.notes.append,
            "workers.log",
        )

    def run(self, *jobs):
        with self.workers:
            self.workers.run(jobs)


def test_a_killed_worker_costs_one_run_which_is_tried_again(tmp_path):
    told = Told(tmp_path)
    told.run(*(Errand(str(n)) for n in range(3)), Errand("x", "dies once", tmp_path / "tries"))
    assert sorted(report for _, report in told.reports if report != "begun") == [
        "0 done", "1 done", "2 done", "x dies once",
    ]  # fmt: skip
    assert (tmp_path / "tries").read_text() == "xx"
    assert told.notes == [
        "x: its worker was killed by SIGKILL (out of memory?); it is tried again."
    ]


def test_what_a_worker_said_before_it_died_is_heard(tmp_path):
    told = Told(tmp_path, jobs=1)
    with pytest.raises(RunError):
        told.run(Errand("x", "dies"))
    assert told.reports == [("x", "begun")] * 3


def test_failures_are_listed_at_the_end_and_all_others_are_done(tmp_path):
    told = Told(tmp_path)
    with pytest.raises(RunError) as caught:
        told.run(
            Errand("a", "dies", tmp_path / "a"),
            Errand("b"),
            Errand("c", "fails", tmp_path / "c"),
            Errand("d", "leaves"),
            *(Errand(str(n)) for n in range(5)),
        )
    message = str(caught.value)
    assert message.startswith("3 of 9 runs failed, and 6 were done: ")
    for part in (
        "a (its worker was killed by SIGKILL (out of memory?), in each of 3 tries)",
        "c (ValueError: no such thing)",
        "d (its worker ended with exit code 3, in each of 3 tries)",
    ):
        assert part in message
    assert message.endswith(
        "What the workers said is in workers.log; mend that and run the same command again: it "
        "tries these again, and what was finished is kept."
    )
    assert (tmp_path / "a").read_text() == "xxx"
    assert (tmp_path / "c").read_text() == "x"  # the same again would fail again
    assert "c failed: ValueError: no such thing." in told.notes
    assert "in do\n    raise ValueError" in (tmp_path / "workers.log").read_text()


def test_where_nothing_works_not_everything_is_tried(tmp_path):
    told = Told(tmp_path, jobs=1)
    with pytest.raises(RunError, match=r"^3 of 50 runs failed, and none was done, 47 not tried"):
        told.run(*(Errand(str(n), "fails") for n in range(50)))


def test_what_would_hit_every_run_ends_at_once(tmp_path):
    told = Told(tmp_path, jobs=1)
    with pytest.raises(PlanError, match="the dataset is another one; bring that one back"):
        told.run(Errand("x", "cannot go on"), Errand("y"))
    assert ("y", "y done") not in told.reports


def test_workers_that_cannot_start(tmp_path):
    with pytest.raises(StudyError, match="Keras cannot start; install it"):
        Told(tmp_path, prepare=no_keras).run(Errand("x"))
    with pytest.raises(RunError, match=r"no worker can start \(OSError: half a library\)"):
        Told(tmp_path, prepare=broken).run(Errand("x"))
    with pytest.raises(RunError, match=r"no worker can start \(its worker was killed by SIGSEGV\)"):
        Told(tmp_path, prepare=die).run(Errand("x"))


def test_workers_start_before_there_is_work_and_end_with_it(tmp_path):
    told = Told(tmp_path)
    with told.workers:
        told.workers.start(0)
        assert not told.pool._slots
        told.workers.start(1)  # no more than there is to do
        processes = [slot.process for slot in told.pool._slots]
        assert [process.is_alive() for process in processes] == [True]
        told.workers.run([Errand("x"), Errand("y")])
        assert told.pool._slots[0].process is processes[0]
        processes = [slot.process for slot in told.pool._slots]
        assert len(processes) == 2
        told.pool.submit(0, Errand("z", "waits"))
    assert not any(process.is_alive() for process in processes)


def test_a_worker_that_dies_while_it_waits_is_replaced(tmp_path):
    told = Told(tmp_path, jobs=1)
    with told.workers:
        told.workers.run([Errand("x")])
        told.pool._slots[0].process.kill()
        told.workers.run([Errand("y")])
    assert ("y", "y done") in told.reports


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 8 * 2**30),
        ({"max": "max", "current": "5", "stat": ""}, 8 * 2**30),
        ({"max": str(3 * 2**30), "current": str(2**30), "stat": "anon 1\n"}, 2 * 2**30),
        (
            {"max": str(3 * 2**30), "current": str(2**31), "stat": f"inactive_file {2**30}\n"},
            2 * 2**30,
        ),
        ({"limit_in_bytes": "1000", "usage_in_bytes": "2000", "stat": "total_inactive_file 5"}, 0),
    ],
)
def test_free_memory_is_what_the_system_and_the_container_allow(tmp_path, files, free):
    (tmp_path / "proc").mkdir()
    meminfo = f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {8 * 2**20} kB\n"
    (tmp_path / "proc/meminfo").write_text(meminfo)
    for name, content in files.items():
        version_1 = "memory/" if "limit_in_bytes" in files else ""
        path = tmp_path / f"sys/fs/cgroup/{version_1}memory.{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    assert free_memory(tmp_path) == free


def test_there_are_as_many_workers_as_fit(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 4)
    for free, jobs in ((0, 1), (5 * 2**30, 2), (100 * 2**30, 4), (None, 4)):
        monkeypatch.setattr(machine, "free_memory", lambda free=free: free)
        assert default_jobs() == jobs


FORKS = """
import os, sys
from pathlib import Path
from misread.workers.processes import LocalPool

def nothing():
    pass

def start(preload):
    pool = LocalPool(print, nothing, 1, Path("log"), preload)
    pool.start(1)
    while not pool.n_ready:
        pool.wait(0.2)
    pool.close()

if __name__ == "__main__":
    start(sys.argv[1])
    if (child := os.fork()) == 0:
        start(sys.argv[1])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "the process of forks is its parent's"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no worker is a fork")
@pytest.mark.parametrize(
    ("preload", "temporary"),
    [("json", "short"), ("json", "long" * 25), ("killer", "short")],
    ids=["forks", "no place for a socket", "its import dies"],
)
def test_workers_start_anew_where_no_fork_can_be_had(tmp_path, preload, temporary):
    folder, modules, place = tmp_path / "now", tmp_path / "modules", tmp_path / temporary
    for path in (folder, modules, place):
        path.mkdir()
    (folder / "json.py").write_text("raise SystemExit  # a file that only has such a name")
    (modules / "killer.py").write_text("import os; os.abort()")
    (tmp_path / "forks.py").write_text(FORKS)
    environ = os.environ | {"PYTHONPATH": str(modules), "TMPDIR": str(place)}
    command = [sys.executable, str(tmp_path / "forks.py"), preload]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
