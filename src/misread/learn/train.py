"""Train one model with Keras on *fit*, reading *select* after each epoch.

Every random choice has its own named stream (`seeds.derive`): weights and dropout in `models`, the
batch order here, the augmentation in `policy`. With one thread per process and deterministic
kernels (`set_up_backend`) the same run gives the same bits, whatever else the machine is doing.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.parts import stratified_subset
from misread.errors import StudyError
from misread.files import readable_json
from misread.images import Images
from misread.learn.engine import engine_for
from misread.learn.models import build
from misread.learn.policy import Policy, apply_draw, changed
from misread.learn.probe import PROBE_SIZE, measure
from misread.learn.reader import READING, SECOND, KerasReader, load, read
from misread.learn.recipe import Recipe
from misread.learn.trainer import Lesson
from misread.learn.treatments import Treatments
from misread.learn.treatments.aim import Aim
from misread.learn.treatments.lab import Lab
from misread.seeds import derive, derive_int
from misread.workers.arithmetic import arithmetic

EPSILON = 1e-7  # Keras' own bound under a logarithm


@dataclass(frozen=True)
class Epoch:
    """One epoch's row of `history.csv`.

    `loss` and `accuracy` are means over the training batches as they were seen (augmented, with
    dropout), accuracies are shares in [0, 1], `treated` counts the images an operation was drawn
    for and `changed` those in which it changed a pixel. `seconds` and `cpu_seconds` of training
    alone are no part of the row: they differ from time to time, the latter less, beside other work.
    """

    epoch: int
    loss: float
    accuracy: float
    select_loss: float
    select_accuracy: float
    treated: int
    changed: int
    seconds: float = field(default=0.0, compare=False)
    cpu_seconds: float = field(default=0.0, compare=False)

    @property
    def row(self) -> dict[str, float]:
        """The row of `history.csv`."""
        return {name: value for name, value in asdict(self).items() if "seconds" not in name}


def set_up_backend() -> None:
    """Make this process deterministic and single-threaded; call it before the first model.

    Workers run side by side, one per core; that gives the throughput of one process with all
    threads, and results that do not depend on the number of cores.
    """
    keras.utils.set_random_seed(0)  # nothing of ours draws from it; a stray draw stays repeatable
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf  # noqa: PLC0415  only where it is the backend

        tf.config.experimental.enable_op_determinism()
        if not tf.config.get_visible_devices("GPU"):
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
    elif keras.backend.backend() == "torch":
        import torch  # noqa: PLC0415

        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(mode=True, warn_only=True)


@dataclass(frozen=True)
class FitOptions:
    """Treatments of one training, beside its recipe and policy."""

    aim: Aim | None = None  # None is plain
    distort: Callable[[Images, int], Images] | None = None  # (images, epoch) → those of the epoch
    start: list[npt.NDArray[np.float32]] | None = None  # weights to go on from; None begins anew
    length: float | None = None  # epochs, in place of the recipe's: the last may be a part of one


def fit(
    recipe: Recipe,
    policy: Policy | None,
    seed: int,
    train: Dataset,
    select: Dataset,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_measure: Callable[[dict[str, float]], None] = lambda _: None,
    options: FitOptions = FitOptions(),
) -> tuple[Any, list[Epoch]]:
    """Train one Keras model; return it uncompiled (weights only), with its history.

    *Select* is watched and never reaches the weights. `on_epoch` is called after each epoch,
    `on_measure` with each row of `measures.csv`, where the recipe says `measure`.
    """
    input_shape = (*train.images.shape[1:3], train.images.shape[3] if train.images.ndim == 4 else 1)
    keras.utils.clear_session()  # names of layers do not depend on what this worker did before
    model = build(recipe, input_shape, train.n_classes, seed)
    if options.start is not None:
        model.set_weights(options.start)
    aim = options.aim or Aim.plain(len(train), train.n_classes)
    engine = engine_for(recipe, model, aim, seed)
    probe = train.take(stratified_subset(train.labels_N, PROBE_SIZE if recipe.measure else 1))

    def look_inside(number: int) -> None:
        if recipe.measure:
            weights = model.get_weights()
            row = measure(weights, recipe.activation, probe.images, probe.labels_N)
            on_measure({"epoch": number, **row})

    look_inside(0)
    epochs = []
    length = recipe.epochs if options.length is None else options.length
    for number in range(max(1, ceil(length))):
        images, n_treated, n_changed = train.images, 0, 0
        if policy is not None:
            draw = policy.draw(train.labels_N, seed, number)
            images = apply_draw(train.images, draw)
            n_treated, n_changed = draw.n_treated, int(changed(train.images, images).sum())
        began, cpu_began = time.perf_counter(), time.process_time()
        if options.distort is not None:
            images = options.distort(images, number)
        if recipe.augment is not None:
            images = recipe.augment.apply(images, seed, number)
        order_N = derive(seed, "order", number).permutation(len(train))
        part_N = order_N[: round(min(1.0, length - number) * len(order_N))]
        loss, accuracy = engine.epoch(images, train.labels_N, part_N) if len(part_N) else (0.0, 0.0)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        look_inside(number + 1)
        probs_MK = read(model, select.images)
        prob_of_label_M = probs_MK[np.arange(len(select)), select.labels_N].astype(np.float64)
        epochs.append(
            Epoch(
                number + 1,
                loss,
                accuracy,
                float(-np.log(np.maximum(prob_of_label_M, EPSILON)).mean()),
                float((probs_MK.argmax(axis=1) == select.labels_N).mean()),
                n_treated,
                n_changed,
                seconds,
                cpu_seconds,
            )
        )
        on_epoch(epochs[-1])
    plain = keras.Model(model.input, model.output, name=model.name)  # without the optimiser
    return plain, epochs


class KerasTrainer:
    """Our own trainer; a `trainer.Trainer`."""

    def prepare(self) -> None:
        """Make this process deterministic and single-threaded."""
        set_up_backend()

    def train(self, lesson: Lesson) -> KerasReader:
        """Train one model and store it as `model.keras`, and beside it what it reads with."""
        run, treatments, stated = lesson.run, lesson.run.treatments, lesson.run.recipe
        if stated is None:
            msg = f"arm {run.arm} has no recipe, which our trainer needs; give it one."
            raise StudyError(msg)
        seed = derive_int(run.seed, "again", treatments.again) if treatments.again else run.seed
        helpers = []

        def helper(data: Dataset, helper_seed: int) -> KerasReader:
            helpers.append(fit(stated, None, helper_seed, data, data.take(np.arange(1)))[0])
            return KerasReader(helpers[-1])

        cell = treatments.cell(run.target) or (0, 0)
        lab = Lab(lesson.fit, seed, cell, helper)
        recipe, options = _fit_options(stated, treatments, lab, lesson.start)
        model, epochs = fit(
            recipe,
            run.policy,
            seed,
            lesson.fit,
            lesson.select,
            on_epoch=lambda epoch: lesson.on_epoch(epoch.row),
            on_measure=lesson.on_measure,
            options=options,
        )
        model.save(lesson.folder / "model.keras")
        if treatments.second or treatments.shift:
            reading = {"cell": cell, "shift": treatments.shift.logit if treatments.shift else 0.0}
            (lesson.folder / READING).write_bytes(readable_json(reading))
        if treatments.second:
            treatments.second.train(lab)
            helpers[-1].save(lesson.folder / SECOND)
        lesson.facts["epoch_seconds"] = [epoch.seconds for epoch in epochs]
        lesson.facts["epoch_cpu_seconds"] = [epoch.cpu_seconds for epoch in epochs]
        if helpers:
            lesson.facts["helpers"] = len(helpers)
        return self.load(lesson.folder)

    def load(self, folder: Path) -> KerasReader:
        """Return the stored model."""
        return KerasReader.stored(folder)

    def facts(self) -> dict[str, Any]:
        """Return the backend's name, and what is known of its arithmetic."""
        backend = keras.backend.backend()
        known = {"arithmetic": arithmetic().model_dump()} if backend == "tensorflow" else {}
        return {"backend": backend, **known}


def _fit_options(
    recipe: Recipe, treatments: Treatments, lab: Lab, start: Path | None
) -> tuple[Recipe, FitOptions]:
    """Return the recipe to train with, which of a patch is another one, and the options."""
    aim = Aim.plain(len(lab.fit), lab.fit.n_classes)
    if treatments.weights:
        aim = replace(aim, weights_N=treatments.weights.of(lab))
    if (teacher := treatments.teacher) is not None:
        aim = replace(aim, teacher_NK=teacher.probs(lab), teacher_share=teacher.share)
    if treatments.margin:
        aim = replace(aim, push_KK=treatments.margin.push(lab.fit.n_classes, lab.cell))
    distort, patch = treatments.distort, treatments.patch
    options = FitOptions(aim, partial(distort.of, lab) if distort else None)
    if patch is None:
        return recipe, options
    if start is None:
        msg = "a patch goes on from the baseline's model, and there is none; train that one first."
        raise StudyError(msg)
    rate = patch.learning_rate or recipe.learning_rate / 10
    changes = {"epochs": max(1, ceil(patch.epochs)), "schedule": "constant", "learning_rate": rate}
    weights = load(start / "model.keras").get_weights()
    return recipe.model_copy(update=changes), replace(options, start=weights, length=patch.epochs)


trainer = KerasTrainer()
