"""What a worker is given to do, and the steps that it reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from misread.learn.recipe import Run
from misread.learn.views import View


class Step(StrEnum):
    """How far a worker is with its order."""

    EPOCH = "epoch"
    TRAINED = "trained"
    VIEWED = "viewed"
    READ = "read"


@dataclass(frozen=True)
class Progress:
    """A step of a run that is done; `number` counts epochs or views, `accuracy` is in [0, 1]."""

    arm: str
    seed: int
    step: Step
    number: int = 0
    accuracy: float | None = None


@dataclass(frozen=True)
class Order:
    """All that a worker needs for a run, wherever it is.

    Attributes
    ----------
    run : Run
        The run.
    stored : mapping of str to bytes
        The files of a run that is trained already, `RunFolder.trained_files`; without them it is
        trained.
    start : mapping of str to bytes
        Those of the baseline's run that training goes on from; {} for none.
    preview : tuple of View
        What is read for `preview.npz`, if anything.
    views : tuple of View
        What is read for `predictions.npz`, and of *select* for `held_out.npz`; none leaves
        *confirm* closed.
    repeat : bool
        Whether the run is trained once more, to see that its seed gives the same.
    """

    run: Run
    stored: Mapping[str, bytes] = field(default_factory=dict)
    start: Mapping[str, bytes] = field(default_factory=dict)
    preview: tuple[View, ...] = ()
    views: tuple[View, ...] = ()
    repeat: bool = False


@dataclass(frozen=True)
class Rereading:
    """All that a worker needs to let a trained model read other views."""

    run: Run
    stored: Mapping[str, bytes]
    views: tuple[View, ...]
