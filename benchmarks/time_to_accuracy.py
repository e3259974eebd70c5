"""Seconds to an accurate CNN: plain Keras, plain PyTorch, our documented and our quick recipe.

Every way trains the same network (421,642 parameters) on the same 54,000 images of MNIST and reads
the same 6,000 after each epoch; what it reads right of the test set is measured beside the clock.

1. *Plain Keras*: the documented recipe as one would write it, `model.fit` with all cores.
2. *Plain PyTorch*: the same, channels last, with all cores (only where torch is installed).
3. *misread, documented*: that recipe with our step, one run per core, all cores at once.
4. *misread, quick*: the quick recipe, one run per core, all cores at once.

A way that trains as many models as there are cores side by side is given its share of the time: the
seconds from the first to the last, over the number of models. The clock starts when the data are in
memory and a process has loaded its libraries, and includes tracing. The rate of the machine is that
of a large float32 matrix product in the same processes.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import fmean
from typing import Any

from common import Cell, Table, finish, machine, options, ratio, show, spread
from misread.wording import number
from misread.workers.machine import cores, thread_environment

GOAL = 0.9925
# Multiplications and additions of one training step, per image: three products per layer, and for
# the first one two, for nobody asks for the gradient of an image.
FORWARD = [9 * 32 * 28 * 28, 9 * 32 * 64 * 14 * 14, 3136 * 128, 128 * 10]
FLOP = 2 * (3 * sum(FORWARD) - FORWARD[0])
WAYS = {
    "keras": "plain Keras, documented",
    "torch": "plain PyTorch, documented",
    "documented": "misread, documented",
    "quick": "misread, quick",
}


def parts(seed: int, n_fit: int | None) -> tuple[Any, Any, Any]:
    """Return *fit*, *select* and *confirm* of a seed, the first cut to `n_fit` images."""
    from misread.data.mnist import load_mnist
    from misread.data.parts import split, stratified_subset

    train, confirm = load_mnist()
    fit_ids, select_ids = split(train.labels_N, seed % 10)
    fit_ids = fit_ids[stratified_subset(train.labels_N[fit_ids], n_fit)]
    return train.take(fit_ids), train.take(select_ids), confirm


def keras_epochs(seed: int, n_fit: int | None, n_epochs: int) -> Iterator[tuple[float, float]]:
    """Yield seconds and accuracy on *confirm* after each epoch: the recipe in plain Keras."""
    import keras

    fit, select, confirm = (
        (part.images[..., None].astype("float32") / 255, part.labels_N)
        for part in parts(seed, n_fit)
    )
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    began = time.perf_counter()
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    seconds = time.perf_counter() - began
    for _ in range(n_epochs):
        began = time.perf_counter()
        model.fit(*fit, batch_size=128, verbose=0, validation_data=select)
        seconds += time.perf_counter() - began
        right = model.predict(confirm[0], verbose=0, batch_size=500).argmax(axis=1) == confirm[1]
        yield seconds, float(right.mean())


def torch_epochs(seed: int, n_fit: int | None, n_epochs: int) -> Iterator[tuple[float, float]]:
    """Yield seconds and accuracy on *confirm* after each epoch: the recipe in plain PyTorch."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    fit, select, confirm = (
        (torch.from_numpy(part.images[:, None] / 255.0).float(), torch.from_numpy(part.labels_N))
        for part in parts(seed, n_fit)
    )

    def right(part: Any) -> float:
        model.eval()
        with torch.no_grad():
            read = torch.cat([model(images).argmax(1) for images in part[0].split(500)])
        model.train()
        return float((read == part[1]).float().mean())

    began = time.perf_counter()
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)),
    ).to(memory_format=torch.channels_last)
    adam, loss = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    seconds = time.perf_counter() - began
    for _ in range(n_epochs):
        began = time.perf_counter()
        for ids in torch.randperm(len(fit[0])).split(128):
            adam.zero_grad()
            images = fit[0][ids].to(memory_format=torch.channels_last)
            loss(model(images), fit[1][ids]).backward()
            adam.step()
        right(select)
        seconds += time.perf_counter() - began
        yield seconds, right(confirm)


def our_epochs(
    way: str, seed: int, n_fit: int | None, n_epochs: int
) -> Iterator[tuple[float, float]]:
    """Yield seconds and, after the last epoch, accuracy on *confirm*: a recipe of ours."""
    from misread.learn import reader, train
    from misread.learn.recipe import RECIPES

    train.set_up_backend()
    fit, select, confirm = parts(seed, n_fit)
    recipe = RECIPES[way].model_copy(update={"epochs": n_epochs})
    ends = []
    began = time.perf_counter()
    model, _ = train.fit(
        recipe, None, seed, fit, select, on_epoch=lambda _: ends.append(time.perf_counter() - began)
    )
    read_N = reader.read(model, confirm.images).argmax(axis=1)
    for end in ends:
        yield end, float((read_N == confirm.labels_N).mean()) if end == ends[-1] else 0.0


def matrix_rate(way: str) -> float:
    """Return GFLOP/s of a float32 matrix product of 2,048 × 2,048 in this process."""
    size = 2048
    if way == "torch":
        import torch

        a = torch.rand(size, size)

        def product() -> Any:
            return a @ a
    else:
        import tensorflow as tf

        b = tf.random.uniform((size, size))

        def product() -> Any:
            return tf.matmul(b, b).numpy()

    product()
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        product()
        best = max(best, 2 * size**3 / (time.perf_counter() - began) / 1e9)
    return best


def child(way: str, seed: int, n_fit: int | None, n_epochs: int) -> None:
    """Train one model and print what it took; the rate is measured before."""
    if way in ("keras", "torch"):
        rate = matrix_rate(way)
        epochs = (keras_epochs if way == "keras" else torch_epochs)(seed, n_fit, n_epochs)
    else:
        from misread.learn import train

        train.set_up_backend()
        rate = matrix_rate(way)
        epochs = our_epochs(way, seed, n_fit, n_epochs)
    print(json.dumps({"rate": rate, "epochs": list(epochs)}))


def go(way: str, seeds: list[int], n_fit: int | None, n_epochs: int) -> list[dict[str, Any]]:
    """Train one model per seed, all at once, each in a process of its own."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if way in ("keras", "torch"):  # as a user has it: every core
        environment.pop("OMP_NUM_THREADS", None)
    else:
        environment |= thread_environment()
    command = [sys.executable, __file__, "--child", way, str(n_fit or 0), str(n_epochs)]
    running = [
        subprocess.Popen(
            [*command, str(seed)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for seed in seeds
    ]
    told = [process.communicate()[0] for process in running]
    for process in running:
        if process.returncode:
            sys.exit(f"{way} failed; run {' '.join(command)} {seeds[0]} to see why.")
    return [json.loads(text.splitlines()[-1]) for text in told]


def to_goal(runs: list[list[dict[str, Any]]]) -> str:
    """Return the seconds to the first epoch at which the mean over all runs reaches the goal."""
    models = [model["epochs"] for together in runs for model in together]
    side_by_side = len(runs[0])
    for number_of_epoch, epochs in enumerate(zip(*models, strict=True), start=1):
        if fmean(accuracy for _, accuracy in epochs) >= GOAL:
            seconds = fmean(seconds for seconds, _ in epochs) / side_by_side
            return f"{number(seconds)} ({number_of_epoch} epochs)"
    return "not reached"


def main() -> None:
    """Run the benchmark."""
    if sys.argv[1:2] == ["--child"]:
        numbers = [int(text) for text in sys.argv[3:]]
        child(sys.argv[2], numbers[2], numbers[0] or None, numbers[1])
        return

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--rounds", type=int, default=3, help="times round [default: 3]")

    chosen = options(__doc__ or "", more)
    facts = machine("keras", "tensorflow")
    rounds, n_fit = (1, 640) if chosen.quick else (chosen.rounds, None)
    # Ours documented is timed over two epochs: an epoch takes as long as any other.
    epochs = {"keras": 10, "torch": 10, "documented": 2, "quick": 1}
    if chosen.quick:
        epochs |= dict.fromkeys(("keras", "torch", "documented"), 1)
    ways = [way for way in WAYS if way != "torch" or importlib.util.find_spec("torch")]
    runs: dict[str, list[list[dict[str, Any]]]] = {way: [] for way in ways}
    for turn in range(rounds):
        for way in ways[:: -1 if turn % 2 else 1]:
            n_models = 1 if way in ("keras", "torch") else cores()
            seeds = [turn * n_models + k for k in range(n_models)]
            runs[way].append(go(way, seeds, n_fit, epochs[way]))
            last = runs[way][-1][0]["epochs"][-1]
            print(f"round {turn + 1} of {rounds}: {WAYS[way]}, {number(last[0])} s", flush=True)

    def seconds_of(way: str, times: float = 1) -> list[float]:
        return [
            times * max(model["epochs"][-1][0] for model in together) / len(together)
            for together in runs[way]
        ]

    images = n_fit or 54_000
    whole = {way: seconds_of(way, 5 if way == "documented" else 1) for way in ways}
    rows: list[list[Cell]] = []
    for way in ways:
        right = [model["epochs"][-1][1] for together in runs[way] for model in together]
        done = FLOP * images * epochs[way]
        rates = [done / seconds / 1e9 for seconds in seconds_of(way)]
        share = [
            rate / sum(model["rate"] for model in together)
            for rate, together in zip(rates, runs[way], strict=True)
        ]
        rows.append(
            [
                WAYS[way],
                spread(whole[way]),
                ratio(whole["keras"], whole[way]),
                "" if way == "documented" else f"{fmean(right):.2%}",
                "" if way == "documented" else to_goal(runs[way]),
                spread(rates),
                spread(share),
            ]
        )
    n_quick = sum(map(len, runs["quick"]))
    table = Table(
        "Seconds per trained model",
        f"n = {rounds} rounds in turn: median and range; {n_quick} models of quick",
        (
            "way",
            "s per model",
            "times as fast as plain Keras",
            "mean accuracy at the end",
            f"s until the mean is {GOAL:.2%}",
            "GFLOP/s",
            "share of the matrix product's rate",
        ),
        rows,
        [
            (
                f"A training step takes {FLOP / 1e6:.1f} million multiplications and additions per "
                "image; what an augmentation takes is in the seconds, and not in this count."
            ),
            "misread, documented: two epochs timed, times five.",
            (
                "The mean of so few models is uncertain by some hundredths of a point: over twenty "
                "seeds, quick stands among the [recipes](recipes.md)."
            ),
            *(() if "torch" in ways else ("PyTorch is not installed here.",)),
        ],
    )
    show(table)
    finish(
        chosen,
        "Time to accuracy",
        "The CNN of four-nine, from images in memory to a trained model: plain Keras and plain "
        "PyTorch with all cores for one model, misread with one model per core.",
        [table],
        facts,
    )


if __name__ == "__main__":
    main()
