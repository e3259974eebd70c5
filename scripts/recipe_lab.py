"""The laboratory in which the recipes were found: tries of settings that recipes do not have.

    echo '{"epochs": 1, "batch": 32, "lr": 0.005}' | python scripts/recipe_lab.py --seeds 0 1 2 3
    python scripts/recipe_lab.py --table

trains the CNN with each setting that comes on standard input, one line each, reads *select* (the
tenth that the seed holds out; never *confirm*) and appends what it finds to
`docs/results/recipe-search.jsonl`; `--table` writes all that is there into docs/log.md. What won
became a recipe; what did not is only here.
"""

import argparse
import json
import os
import re
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from misread.workers.machine import thread_environment

os.environ |= thread_environment()  # before TensorFlow loads
import keras
import numpy as np
import tensorflow as tf

from misread.data.mnist import load_mnist
from misread.data.parts import split
from misread.images.operations import dilate, erode
from misread.learn.augment import Augment
from misread.learn.train import set_up_backend
from misread.seeds import derive, derive_int

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / "docs" / "results" / "recipe-search.jsonl"
MARKS = ("<!-- tries: written by scripts/recipe_lab.py --table -->", "<!-- end of tries -->")
SHAPES = [(3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), (3136, 128), (128,), (128, 10), (10,)]
# What a try changes is named; this is the rest. `keep`: share of the images, those of largest loss
# so far, that epochs after the first meet. `gain1`: factor of the first layer's initial weights.
# `ema`: decay of an average of the weights, which then reads. `wd`: decoupled weight decay. `mild`:
# last epochs, with half the distortions. `erase`: side in px of a black square in half the images.
# `thick`: largest share of a dilated or eroded (2 px) image that is mixed in, to either side alike.
# `drop1`: dropout of the 3,136 features before the first dense layer. `plain`: last epochs, with
# the shift alone. `sam`: radius of sharpness-aware minimisation (Foret et al. 2021), two passes a
# step. `sgd`: 1 is stochastic gradient descent with Nesterov's momentum of .9 in Adam's place.
REST: dict[str, Any] = {
    "batch": 64,
    "batch2": None,
    "lr": 3e-3,
    "warm": 0.3,
    "sched": "cos",
    "drop": 0.3,
    "smooth": 0.0,
    "b2": 0.999,
    "aug": {},
    "ema": 0.0,
    "wd": 0.0,
    "keep": 1.0,
    "gain1": 1.0,
    "mild": 0,
    "erase": 0,
    "thick": 0.0,
    "drop1": 0.0,
    "plain": 0,
    "sam": 0.0,
    "sgd": 0,
}


class Lab:
    """Weights, moments and average, and a step with every knob."""

    def __init__(self) -> None:
        self.weights, self.means, self.squares, self.average = (
            [tf.Variable(tf.zeros(shape)) for shape in SHAPES] for _ in range(4)
        )

    def begin(self, seed: int, gain1: float) -> None:
        """Take the initial weights of a seed."""
        for i, shape in enumerate(SHAPES):
            value: Any = np.zeros(shape, np.float32)
            if len(shape) > 1:
                glorot = keras.initializers.GlorotUniform(seed=derive_int(seed, "weights", i // 2))
                value = np.asarray(glorot(shape)) * (gain1 if i == 0 else 1)
            for variable in (self.weights[i], self.average[i]):
                variable.assign(value)
            for variable in (self.means[i], self.squares[i]):
                variable.assign(tf.zeros(shape))

    def logits(self, images: Any, weights: Any, drops: Any = None, seed: Any = None) -> Any:
        """Return the logits `[B,10]` of images `uint8 [B,28,28]`."""
        x = tf.cast(images, tf.float32)[..., None] / 255.0
        for kernel, bias in (weights[:2], weights[2:4]):
            x = tf.nn.max_pool2d(tf.nn.conv2d(x, kernel, 1, "SAME"), 2, 2, "VALID")
            x = tf.nn.relu(tf.nn.bias_add(x, bias))
        x = tf.reshape(x, [-1, 3136])
        if drops is not None:
            x = tf.nn.experimental.stateless_dropout(x, drops[0], seed + 1)
        x = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, weights[4]), weights[5]))
        if drops is not None:
            x = tf.nn.experimental.stateless_dropout(x, drops[1], seed)
        return tf.nn.bias_add(tf.matmul(x, weights[6]), weights[7])

    def gradients(self, images: Any, wanted: Any, drops: Any, seed: Any) -> Any:
        """Return the losses `[B]` and the gradients of their mean."""
        with tf.GradientTape() as tape:
            read = self.logits(images, self.weights, drops, seed)
            losses = tf.nn.softmax_cross_entropy_with_logits(wanted, read)
            loss = tf.reduce_mean(losses)
        return losses, tape.gradient(loss, self.weights)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def epoch(
        self,
        images: Any,
        labels: Any,
        order: Any,
        bounds: Any,
        done: Any,
        rates: Any,
        how: Any,
        *,
        sam: float,
        sgd: bool,
    ) -> Any:
        """Take the steps of an epoch; return the loss of each image in the order of meeting."""
        found = tf.TensorArray(
            tf.float32, size=0, dynamic_size=True, infer_shape=False, element_shape=[None]
        )
        for i in tf.range(tf.shape(bounds)[0] - 1):
            ids = order[bounds[i] : bounds[i + 1]]
            number, rate = tf.cast(done + i + 1, tf.float32), rates[i]
            wanted = tf.one_hot(tf.gather(labels, ids), 10)
            wanted = wanted * (1 - how["smooth"]) + how["smooth"] / 10
            seed = tf.stack([how["seed"], done + i])
            x, drops = tf.gather(images, ids), (how["drop1"], how["drop"])
            losses, gradients = self.gradients(x, wanted, drops, seed)
            if sam:
                far = sam / (tf.linalg.global_norm(gradients) + 1e-12)
                steps = [far * gradient for gradient in gradients]
                for weight, step in zip(self.weights, steps, strict=True):
                    weight.assign_add(step)
                _, gradients = self.gradients(x, wanted, drops, seed)
                for weight, step in zip(self.weights, steps, strict=True):
                    weight.assign_sub(step)
            found = found.write(i, losses)
            for k, gradient in enumerate(gradients):
                weight = self.weights[k]
                if sgd:
                    tf.raw_ops.ResourceApplyKerasMomentum(
                        var=weight.handle,
                        accum=self.means[k].handle,
                        lr=rate,
                        grad=gradient,
                        momentum=0.9,
                        use_nesterov=True,
                    )
                else:
                    tf.raw_ops.ResourceApplyAdam(
                        var=weight.handle,
                        m=self.means[k].handle,
                        v=self.squares[k].handle,
                        beta1_power=tf.pow(0.9, number),
                        beta2_power=tf.pow(how["b2"], number),
                        lr=rate,
                        beta1=0.9,
                        beta2=how["b2"],
                        epsilon=1e-7,
                        grad=gradient,
                    )
                if len(SHAPES[k]) > 1:
                    weight.assign_sub(rate * how["wd"] * weight)
                if how["ema"] > 0.0:
                    self.average[k].assign_add((1.0 - how["ema"]) * (weight - self.average[k]))
        return found.concat()


def attempt(lab: Lab, setting: dict[str, Any], seed: int) -> dict[str, Any]:
    """Train with one setting and seed, and read *select*."""
    train, _ = load_mnist()
    fit_ids, select_ids = split(train.labels_N, seed % 10)
    fit, select = train.take(fit_ids), train.take(select_ids)
    how = REST | setting
    lab.begin(seed, how["gain1"])
    sizes = [
        (len(fit) if e == 0 else round(len(fit) * how["keep"]), how["batch2"] if e else None)
        for e in range(how["epochs"])
    ]
    batches = [batch2 or how["batch"] for _, batch2 in sizes]
    n_steps = [-(-size // batch) for (size, _), batch in zip(sizes, batches, strict=True)]
    knobs = {name: tf.constant(how[name], tf.float32) for name in ("drop", "smooth", "b2")}
    knobs |= {name: tf.constant(how[name], tf.float32) for name in ("ema", "wd", "drop1")}
    knobs["seed"] = tf.constant(derive_int(seed, "dropout"), tf.int32)
    done, losses_N, began = 0, np.zeros(len(fit)), time.process_time()
    for number, ((size, _), batch) in enumerate(zip(sizes, batches, strict=True)):
        order = derive(seed, "order", number).permutation(len(fit))
        if size < len(fit):
            order = order[np.sort(np.argsort(-losses_N[order], kind="stable")[:size])]
        bounds = np.append(np.arange(0, size, batch), size).astype(np.int32)
        rates = learning_rates(how, done, n_steps[number], sum(n_steps))
        rates *= np.sqrt(batch / how["batch"])
        losses_N[order] = lab.epoch(
            tf.constant(distorted(fit.images, how, seed, number)),
            tf.constant(fit.labels_N),
            tf.constant(order),
            tf.constant(bounds),
            tf.constant(done, tf.int32),
            tf.constant(rates.astype(np.float32)),
            knobs,
            sam=how["sam"],
            sgd=bool(how["sgd"]),
        ).numpy()
        done += n_steps[number]
    seconds = time.process_time() - began
    told: dict[str, Any] = {"setting": setting, "seed": seed}
    told["select"], told["loss"] = read(lab, lab.average if how["ema"] else lab.weights, select)
    if how["ema"]:
        told["without_ema"], told["loss_without_ema"] = read(lab, lab.weights, select)
    return told | {"cpu_seconds": round(seconds, 1)}


def distorted(images: Any, how: dict[str, Any], seed: int, number: int) -> Any:
    """Return the images as an epoch meets them."""
    aug = how["aug"]
    if number >= how["epochs"] - how["mild"]:
        aug = {name: value if name == "shift_px" else value / 2 for name, value in aug.items()}
    if how["thick"]:
        mixed_N = derive(seed, "thick", number).uniform(-how["thick"], how["thick"], len(images))
        bent = np.where((mixed_N > 0)[:, None, None], dilate(images, 2), erode(images, 2))
        share_N11 = np.abs(mixed_N)[:, None, None]
        images = np.rint(images * (1 - share_N11) + bent * share_N11).astype(np.uint8)
    if number >= how["epochs"] - how["plain"]:
        aug = {"shift_px": aug.get("shift_px", 0)}
    images = Augment(**aug).apply(images, seed, number)
    if how["erase"]:
        rng = derive(seed, "erase", number)
        corners = rng.integers(1 - how["erase"], images.shape[1], (len(images), 2))
        images = images.copy()
        for i in np.flatnonzero(rng.random(len(images)) < 0.5):
            top, left = corners[i]
            images[i, max(0, top) : top + how["erase"], max(0, left) : left + how["erase"]] = 0
    return images


def read(lab: Lab, weights: Any, select: Any) -> tuple[float, float]:
    """Return the share of *select* read right, and the mean cross-entropy."""
    parts = np.array_split(select.images, 12)
    logits = np.concatenate([lab.logits(part, weights).numpy() for part in parts])
    labels_N = select.labels_N.astype(np.int32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels_N, logits)
    right = float((logits.argmax(1) == select.labels_N).mean())
    return right, round(float(np.mean(losses)), 5)


def learning_rates(how: dict[str, Any], done: int, n_now: int, n_all: int) -> Any:
    """Return the learning rate of each step of an epoch."""
    steps = np.arange(done, done + n_now)
    rising = max(1, round(how["warm"] * n_all))
    share = np.clip((steps - rising) / max(1, n_all - rising), 0, 1)
    falling = (1 + np.cos(np.pi * share)) / 2 if how["sched"] == "cos" else 1 - share
    rates = np.where(steps < rising, 0.04 + 0.96 * steps / rising, 1e-4 + (1 - 1e-4) * falling)
    return how["lr"] * rates


def write_table() -> None:
    """Write all tries into docs/log.md, by epochs and mean."""
    tries: dict[str, dict[int, float]] = defaultdict(dict)
    for line in FOUND.read_text("utf-8").splitlines():
        one = json.loads(line)
        tries[json.dumps(one["setting"], sort_keys=True)][one["seed"]] = one["select"]
    rows = [
        (json.loads(text), float(np.mean(list(own.values()))), len(own))
        for text, own in tries.items()
    ]
    rows.sort(key=lambda row: (row[0]["epochs"], -row[1]))
    lines = [
        "| epochs | other settings | seeds | read right of *select* |",
        "| --- | --- | --- | --- |",
    ]
    for setting, mean, n in rows:
        flat = {key: value for key, value in setting.items() if key not in ("epochs", "aug")}
        words = [
            f"{key} {value:g}" if isinstance(value, float | int) else f"{key} {value}"
            for key, value in (flat | setting.get("aug", {})).items()
        ]
        lines.append(f"| {setting['epochs']} | {', '.join(words) or '—'} | {n} | {mean:.2%} |")
    path = ROOT / "docs" / "log.md"
    block = "\n".join((MARKS[0], *lines, MARKS[1]))
    between = f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}"
    path.write_text(
        re.sub(between, lambda _: block, path.read_text("utf-8"), flags=re.DOTALL), "utf-8"
    )


def main() -> None:
    """Try what standard input names, or write the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--table", action="store_true", help="write docs/log.md from what is there")
    asked = parser.parse_args()
    if asked.table:
        write_table()
        return
    set_up_backend()
    lab = Lab()
    for line in sys.stdin:
        for seed in asked.seeds:
            told = json.dumps(attempt(lab, json.loads(line), seed))
            print(told, flush=True)
            with FOUND.open("a", encoding="utf-8") as file:
                file.write(told + "\n")


if __name__ == "__main__":
    main()
