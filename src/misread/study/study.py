"""A study: arms × seeds with one question, read from a TOML file, and the plan that locks it."""

import operator
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from misread.data.sources import split_name
from misread.errors import StudyError
from misread.files import Frozen
from misread.images.corrupt import parse_corruption
from misread.images.operations import OPERATIONS
from misread.judge import Adaptive, Margins
from misread.learn.policy import CONTROLS, Policy
from misread.learn.recipe import RECIPES, Recipe, Run
from misread.study.file import is_comparison, one_sentence, read_study
from misread.study.looks import check_looks, with_looks

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"  # of arms: they are folders
BASELINE = "baseline"
_LARGEST_SEED = 2**63 - 1  # what files of readings can hold
SMOKE = "this is a smoke run with few images and one epoch, which proves nothing"


# What a smoke run does with: images of each part.
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


def _known_corruptions(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        names = tuple(parse_corruption(name).name for name in value)
    except StudyError as error:
        raise ValueError(str(error).removesuffix(".")) from None
    if len(set(names)) < len(names):
        msg = f"corruptions are {', '.join(names)}, but each may be named once"
        raise ValueError(msg)
    return names


DatasetName = Annotated[str, AfterValidator(_known_dataset)]
Seeds = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_distinct)]
ArmName = Annotated[str, Field(pattern=_NAME)]


class PolicySpec(Frozen):
    """The policy of a study, in terms of its target cell.

    Parameters
    ----------
    name
        Name of its arm.
    true, predicted
        Operations for the target's true and predicted class.
    probability, size_px
        As in `Policy`.
    doses
        Other size ranges by name; each gives every treated arm a variant `<arm>-<dose>`.
    """

    name: str = Field(default="policy", pattern=_NAME)
    true: tuple[str, ...] = ()
    predicted: tuple[str, ...] = ()
    probability: float
    size_px: tuple[int, int]
    doses: dict[ArmName, tuple[int, int]] = Field(default_factory=dict)

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

    def resolve(self, target: tuple[int, int]) -> dict[str, Policy]:
        """Return every treated arm that can be made of this policy, by name.

        A control that would be the policy itself, or a control before it, is left out.
        """
        operations = {
            label: names
            for label, names in zip(target, (self.true, self.predicted), strict=True)
            if names
        }
        arms = {}
        for suffix, size_px in (("", self.size_px), *((f"-{k}", v) for k, v in self.doses.items())):
            policy = Policy(operations=operations, probability=self.probability, size_px=size_px)
            arms[self.name + suffix] = policy
            for name, make in CONTROLS.items():
                control = make(policy, target)
                if control not in arms.values():
                    arms[name + suffix] = control
        return arms


class JudgeSpec(Frozen):
    """What counts as proof: level, the reduction asked about (a share), margins (shares).

    With `both_directions` the reverse of the target is a target too: an error that is only turned
    round does not count as reduced.
    """

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    reduction: float = Field(default=0.3, gt=0, lt=1)
    margins: Margins = Margins()
    # Left out where it is not asked for: plans from before there was such a thing keep their hash.
    both_directions: bool = Field(default=False, exclude_if=operator.not_)


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
    recipe
        How every arm trains.
    recipe_name
        What the recipe is called.
    seeds
        One run per arm and seed.
    target
        The cell to reduce, (true, predicted), or None to take the top cell on *select*.
    arms
        Arms to run; the baseline is always among them.
    policy, judge
        The treatment and what counts as proof.
    adaptive
        Looks at which an arm may be settled; the seeds are then those of the last look. None where
        every arm has all of the seeds.
    corruptions
        Of *confirm*, which then gate the verdict as slices; with their severities, as in "fog@5".
    smoke
        Everything shrunk, to see that it works; proves nothing.
    """

    name: str
    title: str
    question: str = ""
    dataset: DatasetName = "mnist"
    recipe: Recipe
    recipe_name: str
    seeds: Seeds
    target: tuple[int, int] | None = None
    arms: tuple[str, ...]
    policy: PolicySpec
    judge: JudgeSpec = JudgeSpec()
    adaptive: Adaptive | None = None
    corruptions: Annotated[tuple[str, ...], AfterValidator(_known_corruptions)] = ()
    smoke: bool = False

    @field_validator("target")
    @classmethod
    def _two_classes(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and (value[0] == value[1] or min(value) < 0):
            msg = f"target is {list(value)}, but must name two different classes, as in 4:9"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _known_arms(self) -> Self:
        known = [BASELINE, *self.policy.resolve(self.target or (0, 1))]
        unknown = [arm for arm in self.arms if arm not in known]
        if unknown:
            msg = f"there is no arm {unknown[0]!r}; choose among {', '.join(known)}"
            raise ValueError(msg)
        if len(set(self.arms)) < len(self.arms):
            msg = f"arms are {', '.join(self.arms)}, but each may be named once"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _looks_fit(self) -> Self:
        check_looks(self.adaptive, len(self.seeds), smoke=self.smoke)
        return self

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """The seeds of the first look; all of them where there are no looks."""
        return self.seeds[: self.adaptive.looks[0]] if self.adaptive else self.seeds

    @property
    def treated_arms(self) -> tuple[str, ...]:
        """The arms other than the baseline."""
        return tuple(arm for arm in self.arms if arm != BASELINE)

    @property
    def epochs(self) -> dict[str, int]:
        """Epochs of a run of each arm, the baseline first."""
        return dict.fromkeys(self.arms, self.recipe.epochs)

    def policies(self, target: tuple[int, int]) -> dict[str, Policy | None]:
        """Return the policy of each arm for this target; the baseline comes first, with None."""
        resolved = self.policy.resolve(target)
        return {BASELINE: None, **{arm: resolved[arm] for arm in self.treated_arms}}

    def run(
        self,
        arm: str,
        policy: Policy | None,
        seed: int,
        select_fold: int,
        dataset_sha256: tuple[str, str],
    ) -> Run:
        """Return the run of an arm and a seed that holds out tenth `select_fold`."""
        sizes: dict[str, int] = SMOKE_SIZES if self.smoke else {}
        return Run(
            dataset=self.dataset,
            dataset_sha256=dataset_sha256,
            arm=arm,
            seed=seed,
            select_fold=select_fold,
            recipe=self.recipe,
            policy=policy,
            **sizes,
        )


def parse_cell(text: str) -> tuple[int, int]:
    """Return the cell that "4:9" names.

    Raises
    ------
    StudyError
        If it does not name one.
    """
    true, colon, predicted = text.partition(":")
    if not (colon and true.strip().isdecimal() and predicted.strip().isdecimal()):
        msg = f"cell {text!r} is not of the form TRUE:PREDICTED; write it as in 4:9."
        raise StudyError(msg)
    if int(true) == int(predicted):
        msg = f"cell {text!r} names one class twice; a confusion has two classes, as in 4:9."
        raise StudyError(msg)
    return int(true), int(predicted)


def load_study(
    name_or_path: str,
    *,
    seeds: tuple[int, ...] | None = None,
    arms: tuple[str, ...] | None = None,
    recipe: str | None = None,
    epochs: int | None = None,
    adaptive: bool = False,
    smoke: bool = False,
    dataset: str | None = None,
) -> Study:
    """Read a built-in study or a TOML file; the options replace what the file says.

    Raises
    ------
    StudyError
        If there is no such study, or anything in it or in the options is not allowed.
    """
    name, raw = read_study(name_or_path, dataset)
    if is_comparison(raw):
        msg = (
            f"{name} is a comparison of recipes, which has no target cell; `misread run {name}` "
            "takes it."
        )
        raise StudyError(msg)
    raw |= {"adaptive": raw.get("adaptive", {})} if adaptive else {}
    return _build(name, raw, seeds=seeds, arms=arms, recipe=recipe, epochs=epochs, smoke=smoke)


def _build(
    name: str,
    raw: dict[str, Any],
    *,
    seeds: tuple[int, ...] | None,
    arms: tuple[str, ...] | None,
    recipe: str | None,
    epochs: int | None,
    smoke: bool,
) -> Study:
    values = dict(raw)
    _check_kinds(name, values)
    recipe_name = recipe or values.get("recipe", "quick")
    if recipe_name not in RECIPES:
        msg = f"there is no recipe {recipe_name!r}; choose one of {', '.join(RECIPES)}."
        raise StudyError(msg)
    changes: dict[str, int] = {} if epochs is None else {"epochs": epochs}
    if smoke:
        changes.setdefault("epochs", 1)
    if isinstance(values.get("target"), str):
        values["target"] = parse_cell(values["target"])
    values |= {"name": name, "recipe_name": recipe_name, "smoke": smoke}
    if arms is not None:
        values["arms"] = arms
    elif "arms" not in values:
        values["arms"] = (values.get("policy", {}).get("name", "policy"),)
    values["arms"] = (BASELINE, *(arm for arm in values["arms"] if arm != BASELINE))
    if seeds is not None:
        values["seeds"] = seeds
    elif smoke:
        values["seeds"] = values.get("seeds", ())[:2]
    if "adaptive" in values:
        values |= with_looks(values["adaptive"], values.get("seeds", ()), smoke=smoke)
    try:
        values["recipe"] = Recipe(**(RECIPES[recipe_name].model_dump() | changes))
        return Study(**values)
    except ValidationError as error:
        raise StudyError(one_sentence(name, error, Study)) from None


def _check_kinds(name: str, values: dict[str, Any]) -> None:
    for key, kind, example in (
        ("recipe", str, '"quick"'),
        ("seeds", list, "[42, 123, 456]"),
        ("arms", list, '["baseline", "both"]'),
        ("corruptions", list, '["fog", "spatter@2"]'),
        ("policy", dict, "a table [policy]"),
        ("adaptive", dict, "a table [adaptive]"),
    ):
        if key in values and not isinstance(values[key], kind):
            msg = f"study {name}: {key} is {values[key]!r}; write it as in {example}."
            raise StudyError(msg)
