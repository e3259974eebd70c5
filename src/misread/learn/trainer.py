"""What trains and reads models, behind one contract: ours with Keras, or somebody else's.

A trainer lives in worker processes. `trainer_named` finds it by "package.module:name"; only workers
call that, for it runs the module's code.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.errors import StudyError, needs_extra
from misread.images import Images
from misread.learn.recipe import Run

KERAS = "misread.learn.train:trainer"


@dataclass(frozen=True)
class Lesson:
    """What a trainer is given for one model.

    Attributes
    ----------
    run : Run
        Arm, recipe, policy, seed.
    fit, select : Dataset
        What to learn from, and what to watch; *select* must not reach the weights.
    folder : Path
        An empty folder for the model's files: all of it is kept with the run.
    on_epoch : callable
        Takes a row of `history.csv` after each epoch: numbers by name, "epoch" from 1 and
        "select_accuracy" among them.
    on_measure : callable
        Takes a row of `measures.csv`, where the recipe says `measure`.
    """

    run: Run
    fit: Dataset
    select: Dataset
    folder: Path
    on_epoch: Callable[[Mapping[str, float]], None]
    on_measure: Callable[[Mapping[str, float]], None]


class Reader(Protocol):
    """A trained model."""

    @property
    def n_parameters(self) -> int:
        """How many numbers it has learnt."""

    def __call__(self, images: Images) -> npt.NDArray[np.float32]:
        """Return the probabilities `[N,K]` for images `uint8 [N,H,W]` or `[N,H,W,C]`."""


class Trainer(Protocol):
    """Trains models and loads them again."""

    def prepare(self) -> None:
        """Make this process ready to work, once: load libraries, which may take seconds."""

    def train(self, lesson: Lesson) -> Mapping[str, Any]:
        """Train one model and leave it in `lesson.folder`; return facts for `environment.json`."""

    def load(self, folder: Path) -> Reader:
        """Return the model that `train` left in a folder; code within it is never run."""

    def facts(self) -> Mapping[str, Any]:
        """Return what else may explain a difference between machines, as the backend."""


def trainer_named(name: str) -> Trainer:
    """Return the trainer that "package.module:name" names; its module is imported.

    Raises
    ------
    StudyError
        If there is none, or what it needs cannot start.
    """
    module, _, attribute = name.partition(":")
    try:
        with needs_extra():
            trainer: Trainer = getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError, AttributeError) as error:
        if name != KERAS:
            msg = f"there is no trainer {name} ({error}); write it as in package.module:name."
            raise StudyError(msg) from None
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        msg = (
            f"Keras cannot start with KERAS_BACKEND={backend} ({error}); install that library, or "
            "choose one of tensorflow, jax, torch that is installed."
        )
        raise StudyError(msg) from None
    return trainer
