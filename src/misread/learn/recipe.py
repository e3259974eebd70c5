"""Recipes: architecture and training hyper-parameters, as data; what trains, and a run."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import (
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from misread.files import Frozen, unstated
from misread.learn.augment import Augment
from misread.learn.policy import Policy
from misread.learn.treatments import Treatments

KERAS = "misread.learn.train:trainer"
PLACEHOLDERS = ("{arm}", "{seed}", "{folder}")  # of a command

Rate = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1)]

START, END = 1 / 25, 1e-4  # of the one-cycle schedule, as shares of its peak

# Settings that only one architecture has. They are no part of the identity of the others, so that a
# new setting of one leaves the runs of the others as they are.
_ONLY_OF: dict[str, set[str]] = {
    "cnn": {"dropout", "channels", "batch_norm"},
    "lenet5": set(),
    "dense": {"hidden", "activation", "dropouts", "input_dropout"},
}
_NOT_OF = {model: set().union(*_ONLY_OF.values()) - names for model, names in _ONLY_OF.items()}


class Recipe(Frozen):
    """Architecture and training of a model; its canonical JSON is part of a run's identity.

    Parameters
    ----------
    model
        Name of the architecture, a key of `models.MODELS`.
    epochs
        Passes over *fit*.
    batch_size
        Images per optimiser step.
    schedule
        "constant": the learning rate stays; "one-cycle": it rises linearly over the first
        `warmup` of all steps from `learning_rate / 25` to `learning_rate` and falls along a cosine
        to `learning_rate / 10,000` (Smith & Topin 2018).
    learning_rate
        Adam's step size (Kingma & Ba 2015); with "one-cycle" its peak.
    warmup
        Share of all steps, in (0, 1); only with "one-cycle".
    dropout
        Rate in [0, 1) before the last layer (Srivastava et al. 2014); only of "cnn".
    channels
        Of each convolution of "cnn", from the image on; a pooling by two follows each.
    batch_norm
        Whether each convolution of "cnn" is normalised by its batch (Ioffe & Szegedy 2015).
    label_smoothing
        Share in [0, 1) of each label that is spread over all classes (Szegedy et al. 2016).
    augment
        Distortions of every image before it is learnt from, or None.
    hidden
        Width of each hidden layer of "dense", from the image on; none is softmax regression.
    activation
        Of each hidden layer of "dense".
    dropouts
        Rate in [0, 1) after each hidden layer of "dense"; none at all is 0 everywhere.
    input_dropout
        Rate in [0, 1) of the pixels of "dense".
    measure
        Whether gradients and activations of "dense" are measured before the first epoch and after
        each (`learn.probe`); the weights do not depend on it.
    """

    model: Literal["cnn", "lenet5", "dense"] = "cnn"
    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(ge=1)
    schedule: Literal["constant", "one-cycle"]
    learning_rate: float = Field(gt=0)
    warmup: float = Field(default=0.3, gt=0, lt=1)
    dropout: Rate = 0.0
    channels: Annotated[tuple[Width, ...], Field(min_length=1)] = unstated((32, 64))
    batch_norm: bool = unstated(default=False)
    label_smoothing: Rate = unstated(0.0)
    augment: Augment | None = unstated(None)
    hidden: tuple[Width, ...] = ()
    activation: Literal["relu", "sigmoid", "tanh", "gelu"] = "relu"
    dropouts: tuple[Rate, ...] = ()
    input_dropout: Rate = 0.0
    measure: bool = unstated(default=False)

    @model_validator(mode="after")
    def _fits_the_model(self) -> Self:
        strange = sorted(_NOT_OF[self.model] & self.model_fields_set)
        if strange:
            msg = f"{strange[0]} is no setting of the model {self.model!r}; leave it out"
            raise ValueError(msg)
        if self.model == "dense" and "hidden" not in self.model_fields_set:
            msg = (
                "the model 'dense' needs its hidden layers; write their widths, as in "
                "hidden = [256, 128]"
            )
            raise ValueError(msg)
        if self.dropouts and len(self.dropouts) != len(self.hidden):
            msg = (
                f"dropouts are {list(self.dropouts)} for {len(self.hidden)} hidden layers; give "
                "one rate per layer, 0 for none"
            )
            raise ValueError(msg)
        if self.measure and self.model != "dense":
            msg = "measure is only for the model 'dense'; leave it out"
            raise ValueError(msg)
        return self

    @model_serializer(mode="wrap")
    def _own_settings(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        return {name: v for name, v in values.items() if name not in _NOT_OF[self.model]}


RECIPES: dict[str, Recipe] = {
    # The study that we rebuild.
    "documented": Recipe(
        epochs=10, batch_size=128, schedule="constant", learning_rate=1e-3, dropout=0.5
    ),
    # The same accuracy in a tenth of the operations: one epoch (docs/log.md).
    "quick": Recipe(
        epochs=1,
        batch_size=32,
        schedule="one-cycle",
        learning_rate=5e-3,
        dropout=0.1,
        label_smoothing=0.05,
        augment=Augment(shift_px=1),
    ),
    # The most accurate that we found for this network within 30 epochs.
    "strong": Recipe(
        epochs=20,
        batch_size=64,
        schedule="one-cycle",
        learning_rate=3e-3,
        dropout=0.3,
        label_smoothing=0.05,
        augment=Augment(shift_px=1, rotate_deg=10, scale=0.1, shear=0.1),
    ),
}


def epochs_of(recipe: Recipe | None, settings: Mapping[str, Any]) -> int:
    """Return the epochs that a recipe or settings state; 1 where only the trainer knows."""
    stated = recipe.epochs if recipe else settings.get("epochs", 1)
    return stated if isinstance(stated, int) and stated > 0 else 1


def learning_rates(recipe: Recipe, n_images: int) -> npt.NDArray[np.float32]:
    """Return the learning rate of each optimiser step of a run, `float32 [steps]`.

    An epoch has `n_images`; its last batch may be smaller.
    """
    steps = recipe.epochs * -(-n_images // recipe.batch_size)
    if recipe.schedule == "constant":
        return np.full(steps, recipe.learning_rate, dtype=np.float32)
    warmup = max(1, round(recipe.warmup * steps))
    done = np.arange(steps)
    rising = START + (1 - START) * done / warmup
    share = np.clip((done - warmup) / max(1, steps - warmup), 0, 1)
    falling = END + (1 - END) * (1 + np.cos(np.pi * share)) / 2
    rates = recipe.learning_rate * np.where(done < warmup, rising, falling)
    return rates.astype(np.float32)


class TrainerCall(Frozen):
    """A trainer: ours with Keras, a Python function, or a command; see docs/trainer.md.

    Parameters
    ----------
    call
        A function or an object, as "package.module:name".
    command
        A program with its arguments, in place of `call`; `{arm}`, `{seed}` and `{folder}` in it are
        filled in.
    folder
        Where the module or the program is looked for; no part of a run's identity.
    """

    call: str = unstated(KERAS)
    command: tuple[str, ...] = unstated(())
    folder: str = Field(default="", exclude=True)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.command and self.call != KERAS:
            msg = "the trainer has a `call` and a `command`; give one of them"
            raise ValueError(msg)
        if not re.fullmatch(r"[\w.]+:[\w.]+", self.call):
            msg = f"the trainer's call is {self.call!r}; write it as in package.module:name"
            raise ValueError(msg)
        strange = set(re.findall(r"\{\w*\}", " ".join(self.command))) - {*PLACEHOLDERS}
        if strange or (self.command and "{folder}" not in " ".join(self.command)):
            msg = (
                f"the trainer's command is {self.text!r}; it must name {{folder}}, where it finds "
                f"what it is given, and may name {{arm}} and {{seed}}, and no other such word"
            )
            raise ValueError(msg)
        return self

    @property
    def is_ours(self) -> bool:
        """Return whether it is the trainer that comes with misread."""
        return self.call == KERAS and not self.command

    @property
    def text(self) -> str:
        """The command or the call, for people."""
        return " ".join(self.command) or self.call


class Run(Frozen):
    """One run: everything that its result depends on. Its canonical JSON is its identity.

    With `halves` it learns the half of the training set that *proves* and reads that which
    *explores*, in place of nine tenths and a tenth; so a search does.
    """

    dataset: str
    dataset_sha256: tuple[str, str]  # of the training and of the test set
    arm: str
    seed: int = Field(ge=0)
    select_fold: int = Field(ge=0)  # the held-out tenth of the training set, the same in every arm
    recipe: Recipe | None  # None where another trainer has settings of its own
    policy: Policy | None
    settings: dict[str, JsonValue] = unstated({})  # for another trainer
    trainer: TrainerCall = unstated(TrainerCall())
    target: tuple[int, int] | None = unstated(None)  # (true, predicted) of the treatments, if any
    treatments: Treatments = unstated(Treatments())
    halves: bool = unstated(default=False)
    fit_size: int | None = None  # images of each part that are used, stratified; None is all
    select_size: int | None = None
    confirm_size: int | None = None

    @property
    def epochs(self) -> int:
        """Epochs as `epochs_of` gives them."""
        return epochs_of(self.recipe, self.settings)
