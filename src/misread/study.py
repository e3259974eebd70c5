"""A study: arms × seeds with one question, read from a TOML file, and the plan that locks it."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from misread.canonical import sha256_of
from misread.data.sources import SOURCES
from misread.errors import StudyError
from misread.judge import Margins
from misread.learn.policy import CONTROLS, Policy
from misread.learn.recipe import RECIPES, Recipe, Run

BASELINE = "baseline"
SMOKE = "this is a smoke run with few images and one epoch, which proves nothing"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PolicySpec(_Frozen):
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

    name: str = "policy"
    true: tuple[str, ...] = ()
    predicted: tuple[str, ...] = ()
    probability: float
    size_px: tuple[int, int]
    doses: dict[str, tuple[int, int]] = {}

    def resolve(self, target: tuple[int, int]) -> dict[str, Policy]:
        """Return every treated arm that can be made of this policy, by name."""
        operations = {
            label: names
            for label, names in zip(target, (self.true, self.predicted), strict=True)
            if names
        }
        arms = {}
        for suffix, size_px in (("", self.size_px), *((f"-{k}", v) for k, v in self.doses.items())):
            policy = Policy(operations=operations, probability=self.probability, size_px=size_px)
            arms[self.name + suffix] = policy
            arms |= {name + suffix: control(policy) for name, control in CONTROLS.items()}
        return arms


class JudgeSpec(_Frozen):
    """What counts as proof: level, the reduction asked about (a share), margins (shares)."""

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    reduction: float = Field(default=0.3, gt=0, le=1)
    margins: Margins = Margins()


class Study(_Frozen):
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
    smoke
        Everything shrunk, to see that it works; proves nothing.
    """

    name: str
    title: str
    question: str = ""
    dataset: str = "mnist"
    recipe: Recipe
    recipe_name: str
    seeds: tuple[int, ...] = Field(min_length=1)
    target: tuple[int, int] | None = None
    arms: tuple[str, ...]
    policy: PolicySpec
    judge: JudgeSpec = JudgeSpec()
    smoke: bool = False

    @field_validator("dataset")
    @classmethod
    def _known_dataset(cls, value: str) -> str:
        if value not in SOURCES:
            msg = f"there is no dataset {value!r}; choose one of {', '.join(SOURCES)}"
            raise ValueError(msg)
        return value

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value) or min(value) < 0:
            msg = f"seeds are {list(value)}, but must be distinct whole numbers of 0 or more"
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

    @property
    def treated_arms(self) -> tuple[str, ...]:
        """The arms other than the baseline."""
        return tuple(arm for arm in self.arms if arm != BASELINE)

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
        sizes: dict[str, int] = (
            {"fit_size": 2000, "select_size": 1000, "confirm_size": 2000} if self.smoke else {}
        )
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


class Slice(_Frozen):
    """A counter-slice: the images of one class of *confirm* under one operation at one size."""

    operation: str
    size_px: int
    label: int

    @property
    def name(self) -> str:
        """Name for people, as in "erode 2 px · 4"."""
        return f"{self.operation} {self.size_px} px · {self.label}"


def counter_slices(policies: list[Policy], target: tuple[int, int]) -> list[Slice]:
    """Return every target class under every operation and size of these policies.

    Size 1 is left out: it changes nothing, so its slice is the clean one.
    """
    pairs = {
        (name, size)
        for policy in policies
        for name in policy.operation_names
        for size in range(policy.size_px[0], policy.size_px[1] + 1)
        if size > 1
    }
    return [
        Slice(operation=name, size_px=size, label=label)
        for name, size in sorted(pairs)
        for label in target
    ]


class Plan(_Frozen):
    """The locked study, written and hashed before *confirm* is opened.

    `exploratory` is empty, or says in one sentence why what comes out proves nothing: the plan was
    changed after *confirm* had been opened, or it is a smoke run.
    """

    study: Study
    target: tuple[int, int]
    target_from: Literal["study file", "select"]
    target_on_select: dict[str, Any]
    policies: dict[str, Policy | None]
    slices: tuple[Slice, ...]
    dataset_sha256: tuple[str, str]
    select_folds: dict[int, int]
    replaces: tuple[str, ...] = ()
    exploratory: str = ""

    @property
    def question_sha256(self) -> str:
        """Hash of what is asked, whatever came before."""
        return sha256_of(self.model_dump(mode="json", exclude={"replaces", "exploratory"}))

    @property
    def sha256(self) -> str:
        """Hash of the whole plan."""
        return sha256_of(self.model_dump(mode="json"))


def builtin_studies() -> list[str]:
    """Return the names of the built-in studies."""
    folder = resources.files("misread") / "studies"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


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
    smoke: bool = False,
) -> Study:
    """Read a built-in study or a TOML file; the options replace what the file says.

    Raises
    ------
    StudyError
        If there is no such study, or anything in it or in the options is not allowed.
    """
    if name_or_path in builtin_studies():
        source = resources.files("misread") / "studies" / f"{name_or_path}.toml"
        name, text = name_or_path, source.read_text("utf-8")
    else:
        path = Path(name_or_path)
        if path.suffix != ".toml" or not path.is_file():
            msg = (
                f"there is no study {name_or_path!r}; choose one of "
                f"{', '.join(builtin_studies())}, or give the path of a TOML file."
            )
            raise StudyError(msg)
        name, text = path.stem, path.read_text("utf-8", errors="replace")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{name_or_path} is no TOML file: {error}; correct it."
        raise StudyError(msg) from None
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
    values["arms"] = (BASELINE, *(arm for arm in values.get("arms", ()) if arm != BASELINE))
    if seeds is not None:
        values["seeds"] = seeds
    elif smoke:
        values["seeds"] = values.get("seeds", ())[:2]
    try:
        values["recipe"] = Recipe(**(RECIPES[recipe_name].model_dump() | changes))
        return Study(**values)
    except ValidationError as error:
        raise StudyError(_one_sentence(name, error)) from None


def _one_sentence(name: str, error: ValidationError) -> str:
    """Return the first complaint of pydantic as one sentence of ours."""
    # An unknown key first: a key that is missing is often the same one, misspelt.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"])
        return f"study {name}: {where!r} is no setting; allowed there are {', '.join(known)}."
    if first["type"] == "missing":
        return f"study {name}: {where!r} is missing; add it."
    what = first["msg"].removeprefix("Value error, ")
    what = what[0].lower() + what[1:]
    place = f"{where} is {first['input']!r}: " if where and first["type"] != "value_error" else ""
    return f"study {name}: {place}{what}{'.' if '; ' in what else '; correct it.'}"


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Study
    for part in loc[:-1]:
        inner = (
            model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        )
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    hidden = {"name", "recipe_name", "smoke"} if model is Study else set()
    return [key for key in model.model_fields if key not in hidden]
