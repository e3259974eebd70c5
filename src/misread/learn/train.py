"""Train one model with Keras on *fit*, reading *select* after each epoch.

Every random choice has its own named stream (`seeds.derive`): weights and dropout in `models`, the
batch order here, the augmentation in `policy`. With one thread per process and deterministic
kernels (`set_up_backend`) the same run gives the same bits, whatever else the machine is doing.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset, to_float
from misread.data.parts import stratified_subset
from misread.errors import StudyError
from misread.images import Images
from misread.learn.engine import engine_for
from misread.learn.models import build
from misread.learn.policy import Policy, apply_draw
from misread.learn.probe import PROBE_SIZE, measure
from misread.learn.recipe import Recipe
from misread.learn.trainer import Lesson
from misread.seeds import derive
from misread.workers.arithmetic import arithmetic

READ_BATCH = 500
EPSILON = 1e-7  # Keras' own bound under a logarithm


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: a row of `history.csv`.

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


def fit(
    recipe: Recipe,
    policy: Policy | None,
    seed: int,
    train: Dataset,
    select: Dataset,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_measure: Callable[[dict[str, float]], None] = lambda _: None,
) -> tuple[Any, list[Epoch]]:
    """Train one model.

    Parameters
    ----------
    recipe, policy, seed
        What to train; no policy is the baseline.
    train, select
        The part to learn from and the part to watch; *select* never reaches the weights.
    on_epoch
        Called after each epoch.
    on_measure
        Called with each row of `measures.csv`, where the recipe says `measure`.

    Returns
    -------
    model, epochs
        The trained Keras model, uncompiled (weights only), and its history.
    """
    input_shape = (*train.images.shape[1:3], train.images.shape[3] if train.images.ndim == 4 else 1)
    keras.utils.clear_session()  # names of layers do not depend on what this worker did before
    model = build(recipe, input_shape, train.n_classes, seed)
    engine = engine_for(recipe, model, len(train), seed)
    probe = train.take(stratified_subset(train.labels_N, PROBE_SIZE if recipe.measure else 1))

    def measured(number: int) -> None:
        if recipe.measure:
            found = measure(model.get_weights(), recipe.activation, probe.images, probe.labels_N)
            on_measure({"epoch": number, **found})

    measured(0)
    epochs = []
    for number in range(recipe.epochs):
        images, treated, changed = train.images, 0, 0
        if policy is not None:
            draw = policy.draw(train.labels_N, seed, number)
            images = apply_draw(train.images, draw)
            treated = draw.n_treated
            changed = int((images != train.images).reshape(len(images), -1).any(axis=1).sum())
        began, cpu_began = time.perf_counter(), time.process_time()
        if recipe.augment is not None:
            images = recipe.augment.apply(images, seed, number)
        order_N = derive(seed, "order", number).permutation(len(train))
        loss, accuracy = engine.epoch(images, train.labels_N, order_N)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        measured(number + 1)
        probs_MK = read(model, select.images)
        prob_of_label_M = probs_MK[np.arange(len(select)), select.labels_N].astype(np.float64)
        epochs.append(
            Epoch(
                number + 1,
                loss,
                accuracy,
                float(-np.log(np.maximum(prob_of_label_M, EPSILON)).mean()),
                float((probs_MK.argmax(axis=1) == select.labels_N).mean()),
                treated,
                changed,
                seconds,
                cpu_seconds,
            )
        )
        on_epoch(epochs[-1])
    plain = keras.Model(model.input, model.output, name=model.name)  # without the optimiser
    return plain, epochs


def read(model: Any, images: Images) -> npt.NDArray[np.float32]:
    """Return the probabilities `float32 [N,K]` for images `uint8 [N,H,W]` or `[N,H,W,C]`."""
    # Called as it is, batch by batch: `predict` would first trace a graph for every new batch size.
    batches = [
        keras.ops.convert_to_numpy(
            model(to_float(images[start : start + READ_BATCH]), training=False)
        )
        for start in range(0, len(images), READ_BATCH)
    ]
    empty = np.empty((0, model.output_shape[-1]))
    return np.concatenate([empty, *batches]).astype(np.float32)


def load(path: Path) -> Any:
    """Load a `.keras` file; code inside it is never run (`safe_mode`)."""
    return keras.saving.load_model(path, compile=False, safe_mode=True)


@dataclass(frozen=True)
class KerasReader:
    """A Keras model that reads images; a `trainer.Reader`."""

    model: Any

    @property
    def n_parameters(self) -> int:
        """How many numbers the model has learnt."""
        return int(self.model.count_params())

    def __call__(self, images: Images) -> npt.NDArray[np.float32]:
        """Return the probabilities `[N,K]`."""
        return read(self.model, images)


class KerasTrainer:
    """Our own trainer; a `trainer.Trainer`."""

    def prepare(self) -> None:
        """Make this process deterministic and single-threaded."""
        set_up_backend()

    def train(self, lesson: Lesson) -> KerasReader:
        """Train one model and store it as `model.keras`."""
        run = lesson.run
        if run.recipe is None:
            msg = f"arm {run.arm} has no recipe, which our trainer needs; give it one."
            raise StudyError(msg)
        model, epochs = fit(
            run.recipe,
            run.policy,
            run.seed,
            lesson.fit,
            lesson.select,
            on_epoch=lambda epoch: lesson.on_epoch(epoch.row),
            on_measure=lesson.on_measure,
        )
        model.save(lesson.folder / "model.keras")
        lesson.facts["epoch_seconds"] = [epoch.seconds for epoch in epochs]
        lesson.facts["epoch_cpu_seconds"] = [epoch.cpu_seconds for epoch in epochs]
        return KerasReader(model)

    def load(self, folder: Path) -> KerasReader:
        """Return the stored model."""
        return KerasReader(load(folder / "model.keras"))

    def facts(self) -> dict[str, Any]:
        """Return the backend's name, and what is known of its arithmetic."""
        backend = keras.backend.backend()
        known = {"arithmetic": arithmetic().model_dump()} if backend == "tensorflow" else {}
        return {"backend": backend, **known}


trainer = KerasTrainer()
