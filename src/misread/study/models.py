"""The trained models of a study, loaded in this process one after another, with one thread."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from misread.files import quiet
from misread.learn.call import trainer_of
from misread.learn.recipe import TrainerCall
from misread.learn.work import stored_model
from misread.store import RunFolder


def models_of(folder: Path, arm: str, seeds: Sequence[int], trainer: TrainerCall) -> Iterator[Any]:
    """Yield the trained model of each seed of an arm, a `learn.trainer.Reader`.

    It runs the trainer's code; what its libraries say of the machine is dropped. StoreError if a
    model is missing, StudyError if its trainer loads none.
    """
    with quiet():
        loader = trainer_of(trainer)  # Keras waits until here
        loader.prepare()
    for seed in seeds:
        with quiet():
            model = stored_model(loader, RunFolder(folder, arm, seed).stored_model())
        yield model
