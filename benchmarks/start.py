"""What it takes until two workers with our trainer are ready: anew, or forked from one import.

Each start is a process of its own, so that nothing is imported before; processor seconds are those
of all its descendants.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

from common import Table, finish, machine, options, ratio, show, spread
from misread.learn.recipe import TrainerCall
from misread.learn.work import preload, prepare, work
from misread.workers.processes import LocalPool

WAYS = ("anew", "forked")
N_WORKERS = 2


def seconds_of_descendants() -> float:
    """Return the processor seconds that all processes below this one have taken."""
    ticks, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(words[1])
        ticks[int(folder.name)] = int(words[11]) + int(words[12])
    below = {os.getpid()}
    while more := {one for one, parent in parents.items() if parent in below} - below:
        below |= more
    return sum(ticks[one] for one in below - {os.getpid()}) / os.sysconf("SC_CLK_TCK")


def start(way: str) -> None:
    """Start workers and print seconds by the clock and of the processor until all are ready."""
    trainer, began = TrainerCall(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        module = preload(trainer) if way == "forked" else ""
        log = Path(folder) / "workers.log"
        pool = LocalPool(work, partial(prepare, trainer), N_WORKERS, log, module)
        pool.start(N_WORKERS)
        while pool.n_ready < N_WORKERS:
            pool.wait(0.05)
        print(time.perf_counter() - began, seconds_of_descendants())
        pool.close()


def main() -> None:
    """Measure and print."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--way", choices=WAYS, help="start once in this way, and no more")

    chosen = options(__doc__ or "", more)
    if chosen.way:
        start(chosen.way)
        return
    facts, repeats = machine("keras", "tensorflow"), 1 if chosen.quick else 7
    clock: dict[str, list[float]] = {way: [] for way in WAYS}
    processor: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(repeats):
        for way in WAYS[:: -1 if turn % 2 else 1]:
            command = [sys.executable, __file__, "--way", way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, of_processor = map(float, done.stdout.split())
            clock[way].append(seconds)
            processor[way].append(of_processor)
    rows = [
        [way, spread(processor[way]), ratio(processor["anew"], processor[way]), spread(clock[way])]
        for way in WAYS
    ]
    heads = ("way", "processor seconds", "times as cheap as anew", "s until ready")
    each = median(processor["forked"]) / N_WORKERS
    table = Table(
        "Two workers",
        f"n = {repeats} starts of each in turn: median and range",
        heads,
        rows,
        [f"A forked worker of two takes {each:.1f} processor seconds."],
    )
    show(table)
    what = (
        "Two workers that import Keras and TensorFlow, each for itself, and two that fork from one "
        "process that has imported them."
    )
    finish(chosen, "The start of workers", what, [table], facts)


if __name__ == "__main__":
    main()
