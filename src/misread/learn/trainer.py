"""The contract of trainers: whatever trains and reads models, ours with Keras or another.

A trainer of one's own is a function: it takes a `Lesson` and returns a reader, which takes images
`uint8 [N,H,W]` or `[N,H,W,C]` and returns probabilities `[N,K]`. Everything else is ours. Beside
it, in the same module, a function `load(folder)` may return the reader that it left in
`lesson.folder`; without one the function is called again whenever a model is needed again, with
what it left still in that folder. A command can do the same with files. `learn.call` makes
trainers of both; see docs/trainer.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset, Labels
from misread.errors import StudyError
from misread.images import Images
from misread.learn.policy import apply_draw
from misread.learn.recipe import Run

Probs = npt.NDArray[np.float32]

_BATCH = 2000  # images that a reader is handed at a time; ours reads them in batches of its own
_SUM_MAY_MISS = 0.01  # by as much may the probabilities of an image miss 1


@dataclass(frozen=True)
class Lesson:
    """The task of a trainer: to train one model.

    Attributes
    ----------
    run : Run
        Arm, settings, recipe, policy, seed.
    fit, select : Dataset
        What to learn from, and what to watch; *select* must not reach the weights.
    folder : Path
        For the model's files: all of it is kept with the run. It is empty at first; a trainer that
        is called again for the same model finds there what it left.
    start : Path or None
        A folder with the baseline's model of the same seed, where the run goes on from it.
    on_epoch : callable
        Takes a row of `history.csv` after each epoch: numbers by name, "epoch" from 1 and
        "select_accuracy" among them. Need not be called.
    on_measure : callable
        Takes a row of `measures.csv`, where the recipe says `measure`.
    facts : dict
        What a trainer writes into it is kept in `environment.json`.
    """

    run: Run
    fit: Dataset
    select: Dataset
    folder: Path
    start: Path | None = None
    on_epoch: Callable[[Mapping[str, float]], None] = lambda _row: None
    on_measure: Callable[[Mapping[str, float]], None] = lambda _row: None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def arm(self) -> str:
        """Name of the arm."""
        return self.run.arm

    @property
    def seed(self) -> int:
        """The seed; every random choice should come from it."""
        return self.run.seed

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the arm, as the study states them."""
        return dict(self.run.settings)

    @property
    def class_names(self) -> tuple[str, ...]:
        """K names; a label is a place among them."""
        return self.fit.class_names

    @property
    def labels(self) -> Labels:
        """Classes of the images to learn from, `int [N]`, 0 to K − 1."""
        return self.fit.labels_N

    @property
    def images(self) -> Images:
        """Images to learn from, `uint8 [N,H,W]` or `[N,H,W,C]`; an arm's policy is at work."""
        return self.images_of(0)

    def images_of(self, epoch: int) -> Images:
        """Return the images to learn from in an epoch, from 0: a policy draws anew for each."""
        if self.run.policy is None:
            return self.fit.images
        return apply_draw(self.fit.images, self.run.policy.draw(self.labels, self.seed, epoch))


class Reader(Protocol):
    """A trained model.

    It may say `n_parameters`, how many numbers it has learnt, and `at_once`, that it takes all
    images in one call.
    """

    def __call__(self, images: Images) -> npt.NDArray[np.floating[Any]]:
        """Return the probabilities `[N,K]` for images `uint8 [N,H,W]` or `[N,H,W,C]`."""


class Trainer(Protocol):
    """Trains models and loads them again."""

    def prepare(self) -> None:
        """Make this process ready to work, once: load libraries, which may take seconds."""

    def train(self, lesson: Lesson) -> Reader:
        """Train one model and return what reads with it."""

    def load(self, folder: Path) -> Reader | None:
        """Return the model that `train` left in a folder; None where `train` must be called again.

        A trainer that loads is always loaded, so that a run that was resumed reads no differently.
        """

    def facts(self) -> Mapping[str, Any]:
        """Return what else may explain a difference between machines, as the backend."""


def probabilities(reader: Any, images: Images, n_classes: int) -> Probs:
    """Return what a model reads, `float32 [N,K]`, checked.

    StudyError if it reads in another form, as every model of the trainer then will; ValueError if a
    number is none or no probability.
    """
    if not callable(reader):
        msg = (
            f"the trainer gave back {reader!r:.80}, which cannot be called; give back a function "
            "that takes images and returns probabilities."
        )
        raise StudyError(msg)
    size = max(len(images), 1) if getattr(reader, "at_once", False) else _BATCH
    batches = [images[n : n + size] for n in range(0, len(images), size)]
    read = [np.asarray(reader(batch)) for batch in batches]
    for batch, probs in zip(batches, read, strict=True):
        if probs.shape != (len(batch), n_classes) or probs.dtype.kind not in "fiu":
            msg = (
                f"the model reads {len(batch)} images as {probs.dtype} {list(probs.shape)}; it "
                f"must give a probability for each image and class, [{len(batch)}, {n_classes}]."
            )
            raise StudyError(msg)
    probs_NK = np.concatenate([np.empty((0, n_classes), np.float32), *read]).astype(np.float32)
    if n_broken := int((~np.isfinite(probs_NK)).any(axis=1).sum()):
        msg = f"the model gives NaN or infinity for {n_broken} images; it must give probabilities"
        raise ValueError(msg)
    sums_N = probs_NK.sum(axis=1)
    if (probs_NK < 0).any() or (abs(sums_N - 1) > _SUM_MAY_MISS).any():
        msg = (
            "the model must give probabilities, 0 or more, that add up to 1 for each image; "
            f"the least is {probs_NK.min():.3g}, and they add up to {sums_N.min():.3g} to "
            f"{sums_N.max():.3g}"
        )
        raise ValueError(msg)
    return probs_NK
