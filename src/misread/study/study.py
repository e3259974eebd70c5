"""A study: arms × seeds of one dataset, with its questions."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from misread.data.sources import split_name
from misread.errors import StudyError
from misread.files import Frozen, unstated
from misread.images.corrupt import parse_corruption
from misread.images.operations import MAX_SIZE_PX
from misread.judge import LEAST_SEEDS, Adaptive
from misread.learn.policy import Policy
from misread.learn.recipe import Recipe, Run, TrainerCall
from misread.learn.treatments import Treatments
from misread.study.arms import BASELINE, Arm, ArmName, OperationName, TargetPolicy
from misread.study.questions import Cell, Claim, Proof

_LARGEST_SEED = 2**63 - 1  # what files of readings can hold
SMOKE = "this is a smoke run with few images and one epoch, which proves nothing"
# Images of each part that a smoke run does with.
SMOKE_SIZES = {"fit_size": 2000, "select_size": 1000, "confirm_size": 2000}


def _known_dataset(value: str) -> str:
    try:
        split_name(value)
    except StudyError as error:
        raise ValueError(str(error).removesuffix(".")) from None
    return value


def _distinct(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(value)) < len(value) or min(value) < 0 or max(value) > _LARGEST_SEED:
        msg = (
            f"seeds are {list(value)}, but must be distinct whole numbers from 0 to "
            f"{_LARGEST_SEED:,}"
        )
        raise ValueError(msg)
    return value


def _known_corruption(value: str) -> str:
    try:
        return parse_corruption(value).name
    except StudyError as error:
        raise ValueError(str(error).removesuffix(".")) from None


def _named_once(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) < len(value):
        msg = f"corruptions are {', '.join(value)}, but each may be named once"
        raise ValueError(msg)
    return value


DatasetName = Annotated[str, AfterValidator(_known_dataset)]
Slice = tuple[OperationName, Annotated[int, Field(ge=2, le=MAX_SIZE_PX)]]
Corruption = Annotated[str, AfterValidator(_known_corruption)]
Seeds = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_distinct)]


class Study(Frozen):
    """A study as its TOML file and the command line state it.

    Parameters
    ----------
    name
        Name of the study: the TOML file's stem.
    title, question
        For people.
    dataset
        Name of the dataset.
    recipe_name
        Name of the recipe that its arms have in common; "" where they have none.
    seeds
        One run per arm and seed.
    arms
        By name; the baseline first, where a target is asked for.
    policy
        The treatment of a target, or None.
    target
        The cell to reduce, (true, predicted); None takes the top cell on *select* where there is a
        policy, else no target is asked for.
    claims
        Claims about the accuracies of its arms.
    axis
        Meaning of the places `at` of its arms, as in "hidden layers"; "" if they have none.
    judge
        Conditions of a proof.
    adaptive
        Looks at which an arm may be settled; the seeds are then those of the last look. None where
        every arm has all of the seeds.
    slices
        Operations and sizes in px, under which both classes of the target gate the verdict beside
        those that a policy brings.
    corruptions
        Of *confirm*, which then gate the verdict as slices; with their severities, as in "fog@5".
    fit_size
        Images to train on, stratified; None takes all.
    trainer
        The trainer; another one than ours by `call` or by `command`.
    smoke
        Everything shrunk, to see that it works; proves nothing.
    """

    name: str
    title: str
    question: str = ""
    dataset: DatasetName = "mnist"
    recipe_name: str = unstated("")
    seeds: Seeds
    arms: dict[ArmName, Arm] = Field(min_length=1)
    policy: TargetPolicy | None = unstated(None)
    target: Cell | None = unstated(None)
    claims: tuple[Claim, ...] = unstated(())
    axis: str = unstated("")
    judge: Proof = Proof()
    adaptive: Adaptive | None = unstated(None)
    slices: tuple[Slice, ...] = unstated(())
    corruptions: Annotated[tuple[Corruption, ...], AfterValidator(_named_once)] = unstated(())
    fit_size: int | None = Field(default=None, ge=100, exclude_if=lambda v: v is None)
    trainer: TrainerCall = unstated(TrainerCall())
    smoke: bool = False

    @field_validator("target")
    @classmethod
    def _two_classes(cls, value: Cell | None) -> Cell | None:
        if value is not None and (value[0] == value[1] or min(value) < 0):
            msg = f"target is {list(value)}, but must name two different classes, as in 4:9"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _arms_are_known(self) -> Self:
        for name, arm in self.arms.items():
            if arm.policy and arm.policy not in self.policy_names:
                known = ", ".join([BASELINE, *self.policy_names])
                msg = f"there is no arm {name!r}; choose among {known}"
                if name != arm.policy:
                    msg = f"arm {name} has the policy {arm.policy!r}; choose among {known}"
                raise ValueError(msg)
        if self.asks_target and next(iter(self.arms)) != BASELINE:
            msg = f"a target needs an arm {BASELINE!r} to compare with; add it as the first"
            raise ValueError(msg)
        for claim in self.claims:
            unknown = [arm for arm in claim.arms if arm not in self.arms]
            if unknown:
                msg = (
                    f"the claim {claim.text!r} names {unknown[0]!r}, which is no arm; choose among "
                    f"{', '.join(self.arms)}"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _trainer_fits(self) -> Self:
        without = [name for name, arm in self.arms.items() if arm.recipe is None]
        if self.trainer.is_ours and without:
            msg = f"arm {without[0]} has no recipe, which our trainer needs; give it one"
            raise ValueError(msg)
        treated = [name for name, arm in self.arms.items() if arm.treatments != Treatments()]
        if not self.trainer.is_ours and treated:
            msg = f"arm {treated[0]} has treatments, which only our trainer knows; leave them out"
            raise ValueError(msg)
        free = [name for name, arm in self.arms.items() if arm.settings]
        if self.trainer.is_ours and free:
            msg = f"arm {free[0]} has settings for another trainer, and none is named; name one"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _looks_fit(self) -> Self:
        msg, n_seeds = "", len(self.seeds)
        if self.adaptive is None:
            return self
        if not self.asks_target:
            msg = "looks need a target, and none is asked for; leave `adaptive` out"
        elif (most := self.adaptive.most) != n_seeds:
            msg = f"the last look is at {most} of {n_seeds} seeds; it must be at all of them"
        elif (first := self.adaptive.looks[0]) < LEAST_SEEDS and not self.smoke:
            msg = (
                f"the first look is at {first} seeds, and with so few hardly anything is known; "
                f"look first at {LEAST_SEEDS} or more"
            )
        if msg:
            raise ValueError(msg)
        return self

    def __repr__(self) -> str:
        return f"Study({self.name}: {', '.join(self.arms)} × {len(self.seeds)} seeds)"

    @property
    def asks_target(self) -> bool:
        """Return whether it asks for the reduction of a target cell."""
        return self.policy is not None or self.target is not None

    @property
    def asks_accuracies(self) -> bool:
        """Return whether it compares accuracies of its arms: with claims, an axis, or no target."""
        return bool(self.claims or self.axis) or not self.asks_target

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """The seeds of the first look; all of them where there are no looks."""
        return self.seeds[: self.adaptive.looks[0]] if self.adaptive else self.seeds

    @property
    def treated_arms(self) -> tuple[str, ...]:
        """The arms other than the baseline."""
        return tuple(arm for arm in self.arms if arm != BASELINE)

    @property
    def policy_names(self) -> tuple[str, ...]:
        """The policies that arms may have: its own and the controls of its kind; () without one."""
        return tuple(self.policy.resolve(self.target or (0, 1))) if self.policy else ()

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of its first arm, which a target's other arms share unless they state more."""
        return next(iter(self.arms.values())).recipe

    @property
    def epochs(self) -> dict[str, int]:
        """Epochs of a run of each arm."""
        return {name: arm.epochs for name, arm in self.arms.items()}

    @property
    def sizes(self) -> dict[str, int | None]:
        """Images of each part that are used, None for all, as a `Run` names them."""
        none: dict[str, int | None] = dict.fromkeys(SMOKE_SIZES)
        return none | (SMOKE_SIZES if self.smoke else {"fit_size": self.fit_size})

    def label(self, arm: str) -> str:
        """Return what an arm is, for people."""
        return self.arms[arm].label or arm

    def policies(self, target: Cell) -> dict[str, Policy | None]:
        """Return the policy of every arm for a target; None where it has none."""
        resolved = self.policy.resolve(target) if self.policy else {}
        return {name: resolved.get(arm.policy) for name, arm in self.arms.items()}

    def run(
        self,
        arm: str,
        policy: Policy | None,
        seed: int,
        select_fold: int,
        dataset_sha256: tuple[str, str],
        target: Cell | None = None,
    ) -> Run:
        """Return the run of an arm and a seed that holds out tenth `select_fold`."""
        treatments = self.arms[arm].treatments
        return Run(
            dataset=self.dataset,
            dataset_sha256=dataset_sha256,
            arm=arm,
            seed=seed,
            select_fold=select_fold,
            recipe=self.arms[arm].recipe,
            policy=policy,
            settings=self.arms[arm].settings,
            trainer=self.trainer,
            target=None if treatments == Treatments() else treatments.cell(target),
            treatments=treatments,
            **self.sizes,
        )
