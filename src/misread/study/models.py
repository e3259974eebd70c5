"""The trained models of a study, loaded in this process one after another, with one thread."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from misread.learn.call import trainer_of
from misread.learn.recipe import TrainerCall
from misread.learn.work import stored_model
from misread.store import RunFolder


def models_of(folder: Path, arm: str, seeds: Sequence[int], trainer: TrainerCall) -> Iterator[Any]:
    """Yield the trained model of each seed of an arm, a `learn.trainer.Reader`.

    What a trainer's libraries say of the machine is dropped. It runs the trainer's code.

    Raises
    ------
    StoreError
        If a model is missing.
    StudyError
        If its trainer loads none.
    """
    with _quiet():
        loader = trainer_of(trainer)  # Keras waits until here
        loader.prepare()
    for seed in seeds:
        with _quiet():
            model = stored_model(loader, RunFolder(folder, arm, seed).stored_model())
        yield model


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what compiled code writes to standard error: TensorFlow's notes on the machine."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
