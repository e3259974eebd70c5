"""What it costs to hand runs out: memory of a worker, bytes per run, processes here against Ray.

Measured on 2026-11-22, two x86-64 cores shared with much other work, Python 3.11.7, Keras 3.15.1,
TensorFlow 2.21.0, Ray 2.60.0: a worker takes 1.60 GiB at its peak (n = 2 runs); a run sends 1 kB to
its worker and 1,893 kB back, a trained one 1,794 kB and 99 kB (n = 1: these do not vary). The time on
the executors has not been measured on a machine that was quiet enough to say anything.

Run it again: `python benchmarks/executors.py` (about ten minutes; `--json FILE` for the figures).

1. *Memory*: a run of four-nine's arm `both` on all of MNIST, in a worker of its own; its peak.
2. *Bytes*: what travels to the worker and back for that run, and for a trained one that only reads.
3. *Executors*: the same small runs on one and two local processes, and on a Ray cluster of one and
   of two nodes with one CPU each, all on this machine. Workers are warm; all files are written.
"""

import argparse
import json
import os
import pickle
import platform
import resource
import statistics
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from misread.data.sources import load
from misread.learn.cluster import RayPool
from misread.learn.grid import Pool, Report, Workers
from misread.learn.local import LocalPool
from misread.learn.machine import cores
from misread.runs import Order, Task, prepare, work
from misread.store import RunFolder
from misread.study import Study, load_study

N_RUNS = 4


def weighed(order: Order, report: Report) -> None:
    """Do a run and report this worker's peak memory in bytes."""
    work(order, report)
    report(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def tasks_of(study: Study, folder: Path, seeds: range) -> list[Task]:
    """Return runs of the arm `both`, each with all that a study asks of it."""
    train, test = load(study.dataset)
    policy = study.policies((4, 9))["both"]
    hashes = (train.sha256, test.sha256)
    return [
        Task(RunFolder(folder, "both", seed), study.run("both", policy, seed, 0, hashes), ())
        for seed in seeds
    ]


def memory_and_bytes() -> dict[str, Any]:
    """Measure one run on all of MNIST, and one that is trained already."""
    there: list[int] = []
    back: list[int] = []
    peaks: list[int] = []

    def take(task: Task, report: Any) -> None:
        if isinstance(report, int):
            peaks.append(report)
            return
        back[-1] += len(pickle.dumps(report))
        if isinstance(report, dict):
            task.folder.write(report)

    with tempfile.TemporaryDirectory() as folder:
        (task,) = tasks_of(load_study("four-nine"), Path(folder), range(1))
        pool = LocalPool(weighed, prepare, 1, Path(folder) / "workers.log")
        with Workers(pool, take, print, "") as workers:
            for _ in range(2):
                there.append(len(pickle.dumps(task.order())))
                back.append(0)
                workers.run([task])
                (task.folder.path / "result.json").unlink()
    return {
        "peak_bytes": peaks,
        "run": {"to_worker_bytes": there[0], "from_worker_bytes": back[0]},
        "trained_run": {"to_worker_bytes": there[1], "from_worker_bytes": back[1]},
    }


def timed(pool: Pool, study: Study) -> dict[str, float]:
    """Return seconds, and the driver's own seconds of processor time, for `N_RUNS` runs."""

    def take(task: Task, report: Any) -> None:
        if isinstance(report, dict):
            task.folder.write(report)

    with tempfile.TemporaryDirectory() as folder, Workers(pool, take, print, "") as workers:
        workers.run(tasks_of(study, Path(folder), range(1000, 1002)))  # now all of them are warm
        tasks = tasks_of(study, Path(folder), range(N_RUNS))
        began, cpu_began = time.perf_counter(), time.process_time()
        workers.run(tasks)
        return {
            "seconds": time.perf_counter() - began,
            "driver_cpu_seconds": time.process_time() - cpu_began,
        }


def executors(repeats: int) -> dict[str, list[dict[str, float]]]:
    """Time the same runs on every executor, in turn, and say so as it goes."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    study = load_study("four-nine", epochs=2, smoke=True)
    found: dict[str, list[dict[str, float]]] = {}

    def add(name: str, pool: Pool) -> None:
        found.setdefault(name, []).append(timed(pool, study))
        print(f"  {name}: {found[name][-1]['seconds']:.1f} s", flush=True)

    for _ in range(repeats):
        for jobs in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                pool = LocalPool(work, prepare, jobs, Path(folder) / "workers.log")
                add(f"local, {jobs}", pool)
        cluster: Any = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        os.environ["RAY_ADDRESS"] = cluster.address
        try:
            for nodes in (1, 2):
                if nodes == 2:
                    cluster.add_node(num_cpus=1)
                add(f"ray, {nodes}", RayPool(work, None))
        finally:
            cluster.shutdown()
    return found


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--memory", action="store_true", help="only memory and bytes")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of the executors")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "cores": cores(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("keras", "tensorflow", "ray")},
        "one_run": memory_and_bytes(),
    }
    one = figures["one_run"]
    print(f"peak memory of a worker: {max(one['peak_bytes']) / 2**30:.2f} GiB")
    for name in ("run", "trained_run"):
        sent, got = one[name]["to_worker_bytes"], one[name]["from_worker_bytes"]
        print(f"{name}: {sent / 1000:,.0f} kB to the worker, {got / 1000:,.0f} kB back")
    if not options.memory:
        figures["n_runs"] = N_RUNS
        figures["executors"] = executors(options.repeats)
        for name, rounds in figures["executors"].items():
            seconds = [each["seconds"] for each in rounds]
            driver = statistics.median(each["driver_cpu_seconds"] for each in rounds) / N_RUNS
            print(
                f"{name:8}: {N_RUNS} runs in {statistics.median(seconds):.1f} s "
                f"({min(seconds):.1f} to {max(seconds):.1f}, n = {len(seconds)}); the driver takes "
                f"{driver * 1000:.0f} ms of processor time a run"
            )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
