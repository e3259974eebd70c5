"""The arms of a study: ways of training, and the policy of a target that some of them have."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from misread.files import Frozen, unstated
from misread.images.operations import MAX_SIZE_PX, OPERATIONS
from misread.learn.policy import CONTROLS, Policy
from misread.learn.recipe import Recipe, epochs_of
from misread.learn.treatments import Treatments
from misread.study.questions import Cell

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"  # of arms: they are folders
BASELINE = "baseline"

ArmName = Annotated[str, Field(pattern=_NAME)]


def _known_operation(name: str) -> str:
    if name not in OPERATIONS:
        msg = f"there is no operation {name!r}; choose among {', '.join(OPERATIONS)}"
        raise ValueError(msg)
    return name


OperationName = Annotated[str, AfterValidator(_known_operation)]
SizePx = Annotated[int, Field(ge=1, le=MAX_SIZE_PX)]


class TargetPolicy(Frozen):
    """The policy of a study, in terms of its target, whatever classes that has.

    Parameters
    ----------
    name
        Name of its arm.
    true, predicted
        Operations on images of the target's true class; of its predicted class.
    probability
        Chance above 0 and at most 1 that an image of a treated class is treated in an epoch.
    size_px
        Smallest and largest size in px; each whole size between them is as likely. Size 1 does
        nothing.
    doses
        Other size ranges by name; each gives every treated arm a variant `<arm>-<dose>`.
    """

    name: str = Field(default="policy", pattern=_NAME)
    true: tuple[OperationName, ...] = ()
    predicted: tuple[OperationName, ...] = ()
    probability: float = Field(gt=0, le=1)
    size_px: tuple[SizePx, SizePx]
    doses: dict[ArmName, tuple[SizePx, SizePx]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.name in {BASELINE, *CONTROLS}:
            msg = f"the policy's name is {self.name!r}, which is taken; choose another one"
            raise ValueError(msg)
        if not (self.true or self.predicted):
            msg = (
                "the policy has neither operations for `true` nor for `predicted`; give at least "
                f"one of {', '.join(OPERATIONS)}"
            )
            raise ValueError(msg)
        return self

    def resolve(self, target: Cell) -> dict[str, Policy]:
        """Return every policy that can be made of this one, by the name of its arm.

        A control that would be the policy itself, or a control before it, is left out.
        """
        operations = {
            label: names
            for label, names in zip(target, (self.true, self.predicted), strict=True)
            if names
        }
        policies = {}
        for suffix, size_px in (("", self.size_px), *((f"-{k}", v) for k, v in self.doses.items())):
            policy = Policy(operations=operations, probability=self.probability, size_px=size_px)
            policies[self.name + suffix] = policy
            for name, make in CONTROLS.items():
                control = make(policy, target)
                if control not in policies.values():
                    policies[name + suffix] = control
        return policies


class Arm(Frozen):
    """A way of training.

    Parameters
    ----------
    recipe
        Architecture and training of its models; None where another trainer takes `settings`.
    settings
        Settings of another trainer than ours: any names, with values as JSON has them.
    policy
        The study's policy that treats its images, by the name of that policy's arm; "" for none.
    treatments
        Other treatments in training.
    label
        A label for people; "" where its name is enough.
    documented
        Accuracy in [0, 1] that someone else reports of one such model, or None.
    series, at
        The line along an axis that this arm is a point of, and its place on the axis.
    """

    recipe: Recipe | None = None
    settings: dict[str, JsonValue] = unstated({})
    policy: str = unstated("")
    treatments: Treatments = unstated(Treatments())
    label: str = unstated("")
    documented: float | None = Field(default=None, ge=0, le=1, exclude_if=lambda v: v is None)
    series: str = unstated("")
    at: float | None = unstated(None)

    @property
    def way(self) -> dict[str, Any]:
        """Its `recipe` and `settings`, as JSON has them."""
        dumped = self.model_dump(mode="json", include={"recipe", "settings"})
        return {"settings": {}} | dumped

    @property
    def stated(self) -> dict[str, Any]:
        """Settings of its recipe, or its own, by name."""
        return (self.way["recipe"] or {}) | self.settings

    @property
    def epochs(self) -> int:
        """Epochs of a run; 1 where only its trainer knows."""
        return epochs_of(self.recipe, self.settings)
