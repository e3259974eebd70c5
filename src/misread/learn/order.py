"""Orders to workers, and the steps that workers report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from misread.learn.recipe import Run
from misread.learn.views import View


class Step(StrEnum):
    """A step of an order that is done."""

    EPOCH = "epoch"
    TRAINED = "trained"
    VIEWED = "viewed"
    READ = "read"


@dataclass(frozen=True)
class Progress:
    """The step that a run has come to; `number` counts epochs or views."""

    arm: str
    seed: int
    step: Step
    number: int = 0
    accuracy: float | None = None  # in [0, 1]


@dataclass(frozen=True)
class Order:
    """All that a worker needs for a run, or to let its model read more views, wherever it is."""

    run: Run
    # the files of the run, `RunFolder.trained_files`; {} has it trained
    stored: Mapping[str, bytes] = field(default_factory=dict)
    # those of the baseline's run that training goes on from; {} for none
    start: Mapping[str, bytes] = field(default_factory=dict)
    preview: tuple[View, ...] = ()  # read for `preview.npz`
    # read for `predictions.npz`, and of *select* for `held_out.npz`; () leaves *confirm* closed
    views: tuple[View, ...] = ()
    repeat: bool = False  # trained once more, to see that its seed gives the same
