"""What it costs to hand runs out: memory of a worker, bytes per run, processes here against Ray.

1. *One run*: four-nine's arm `both` on all of MNIST in a worker of its own: its peak memory, and
   what travels to the worker and back, for that run and for a trained one that only reads.
2. *Executors*: the same small runs on one and two local processes, and on a Ray cluster of one and
   of two nodes with one CPU each, all on this machine. Workers are warm; all files are written.
"""

import argparse
import os
import pickle
import resource
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from common import Cell, Table, finish, machine, options, ratio, show, spread
from misread.data.sources import load
from misread.learn.order import Order
from misread.learn.recipe import TrainerCall
from misread.learn.views import View
from misread.learn.work import prepare, work
from misread.store import RunFolder
from misread.study.file import load_study
from misread.study.study import Study
from misread.study.task import Task
from misread.workers.pool import Pool, Report, Workers
from misread.workers.processes import LocalPool
from misread.workers.ray_cluster import RayPool

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
        Task(
            RunFolder(folder, "both", seed),
            study.run("both", policy, seed, 0, hashes),
            (View(),),
        )
        for seed in seeds
    ]


def memory_and_bytes(*, smoke: bool) -> dict[str, Any]:
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
        (task,) = tasks_of(load_study("four-nine", smoke=smoke), Path(folder), range(1))
        pool = LocalPool(weighed, partial(prepare, TrainerCall()), 1, Path(folder) / "workers.log")
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
                pool = LocalPool(
                    work, partial(prepare, TrainerCall()), jobs, Path(folder) / "workers.log"
                )
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
    """Measure and print."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--memory", action="store_true", help="only the first part")
        parser.add_argument("--rounds", type=int, default=3, help="of the executors [default: 3]")

    chosen = options(__doc__ or "", more)
    facts = machine("keras", "tensorflow", "ray")
    one = memory_and_bytes(smoke=chosen.quick)
    peak = max(one["peak_bytes"]) / 2**30
    rows: list[list[Cell]] = [
        [told, one[name]["to_worker_bytes"] / 1000, one[name]["from_worker_bytes"] / 1000]
        for told, name in (("trained and read", "run"), ("trained before, read", "trained_run"))
    ]
    tables = [
        Table(
            "One run",
            "n = 1 for the bytes, which do not vary; n = 2 runs for the memory",
            ("run", "kB to the worker", "kB back"),
            rows,
            [f"A worker takes {peak:.2f} GiB at its peak."],
        )
    ]
    show(tables[0])
    if not (chosen.memory or chosen.quick):
        found = executors(chosen.rounds)
        seconds = {name: [each["seconds"] for each in rounds] for name, rounds in found.items()}
        rows = [
            [
                name,
                spread(own),
                ratio(seconds["local, 1"], own),
                median(each["driver_cpu_seconds"] for each in found[name]) / N_RUNS * 1000,
            ]
            for name, own in seconds.items()
        ]
        heads = (
            *("executor, workers", f"s for {N_RUNS} runs", "times as fast as one local worker"),
            "ms of processor time of the driver per run",
        )
        n = f"n = {chosen.rounds} rounds in turn: median and range"
        note = (
            "Two cores carry two workers and the driver: more nodes are calculated, not measured."
        )
        tables.append(Table("Executors", n, heads, rows, [note]))
        show(tables[1])
    what = (
        "The same runs handed to local processes and to a Ray cluster of one and two nodes on this "
        "machine; what one run takes and sends."
    )
    finish(chosen, "Handing out runs", what, tables, facts)


if __name__ == "__main__":
    main()
