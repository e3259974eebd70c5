"""An epoch of the CNN by arithmetic: oneDNN's kernels or TensorFlow's own, AVX-512 or AVX2.

Each way trains the documented recipe's network on the same images of MNIST from the same seed, in a
process of its own with one thread. The second epoch counts, for the first one traces the graph; the
seconds are those of the processor, so that other work matters little. "As on AVX2" holds oneDNN to
what a processor without AVX-512 has; TensorFlow's own kernels are compiled for AVX in either case.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from typing import Any

from common import Cell, Table, finish, machine, options, ratio, show, spread
from misread.workers.arithmetic import Arithmetic, settings, vectors
from misread.workers.machine import thread_environment
from time_to_accuracy import FLOP, parts

N_FIT = 6_400


def child(n_fit: int) -> None:
    """Train for two epochs and print what it took, and a hash of what the model reads."""
    import tensorflow as tf

    from misread.learn import reader, train
    from misread.learn.recipe import RECIPES

    began = time.process_time()
    train.set_up_backend()
    start_up = time.process_time() - began
    fit, select, confirm = parts(1, n_fit)
    recipe = RECIPES["documented"].model_copy(update={"epochs": 2})
    model, epochs = train.fit(recipe, None, 1, fit, select.take(range(500)))
    probs = reader.read(model, confirm.images[:2000])
    square = tf.random.uniform((2048, 2048))
    rates = []
    for _ in range(4):
        began = time.process_time()
        tf.matmul(square, square).numpy()
        rates.append(2 * 2048**3 / (time.process_time() - began) / 1e9)
    print(
        json.dumps(
            {
                "seconds": epochs[-1].cpu_seconds,
                "start_up": start_up,
                "matrix": max(rates),
                "bytes": hashlib.sha256(probs.tobytes()).hexdigest()[:8],
            }
        )
    )


def run(way: Arithmetic, n_fit: int) -> dict[str, Any]:
    """Train once in a process of such an arithmetic."""
    environment = os.environ | thread_environment() | (settings(way) or {})
    command = [sys.executable, __file__, "--child", str(n_fit)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{way} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Run the benchmark."""
    if sys.argv[1:2] == ["--child"]:
        child(int(sys.argv[2]))
        return
    chosen = options(__doc__ or "")
    rounds, n_fit = (1, 1280) if chosen.quick else (2, N_FIT)
    facts = machine("keras", "tensorflow")
    ways = [
        Arithmetic(onednn=onednn, vectors=kind)
        for kind in ("AVX-512", "AVX2")
        for onednn in (True, False)
    ]
    ways = [way for way in ways if settings(way) is not None]
    results: dict[Arithmetic, list[dict[str, Any]]] = {way: [] for way in ways}
    for turn in range(rounds):
        for way in ways[:: -1 if turn % 2 else 1]:
            results[way].append(run(way, n_fit))
            print(f"round {turn + 1} of {rounds}: {way}, {results[way][-1]}", flush=True)

    def seconds_of(way: Arithmetic) -> list[float]:
        return [one["seconds"] for one in results[way]]

    slowest = ways[-1]
    rows: list[list[Cell]] = []
    for way in ways:
        rates = [FLOP * n_fit / seconds / 1e9 for seconds in seconds_of(way)]
        shares = [rate / one["matrix"] for rate, one in zip(rates, results[way], strict=True)]
        as_on = "" if way.vectors == vectors() else "as on "
        rows.append(
            [
                "oneDNN" if way.onednn else "TensorFlow's own",
                f"{as_on}{way.vectors}",
                spread([54_000 / n_fit * seconds for seconds in seconds_of(way)]),
                ratio(seconds_of(slowest), seconds_of(way)),
                spread(rates),
                spread(shares),
                " or ".join(sorted({one["bytes"] for one in results[way]})),
            ]
        )
    table = Table(
        "An epoch of 54,000 images on one core",
        f"n = {rounds} rounds in turn: median and range; measured on {n_fit:,} images",
        (
            "kernels",
            "vectors",
            "s",
            "times as fast as the last row",
            "GFLOP/s",
            "share of the matrix product's rate",
            "what it reads (hash)",
        ),
        rows,
        [
            "The same hash is the same arithmetic to the last bit; another one is another model.",
            "A worker takes oneDNN's kernels unless TF_ENABLE_ONEDNN_OPTS=0 is set.",
        ],
    )
    show(table)
    finish(
        chosen,
        "Arithmetic",
        "What TensorFlow's kernels and the processor's vector instructions cost, and that each of "
        "them trains another model from the same seed.",
        [table],
        facts,
    )


if __name__ == "__main__":
    main()
