"""A comparison: arms are recipes, and the question is which reads better and at what cost.

The other kind of study beside the trial. It has no policy and no target cell; what it claims is
written in its TOML file before anything is measured.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from misread.errors import StudyError
from misread.files import Frozen, sha256_of
from misread.learn.recipe import Recipe, Run
from misread.study.file import is_comparison, one_sentence, read_study
from misread.study.plan import Locked
from misread.study.study import SMOKE_SIZES, ArmName, DatasetName, Seeds, Study, load_study

_LATER = ("series", "at", "axis", "fit_size")


class _Grown(Frozen):
    """What studies learnt to say later is left out where it is not said: old plans stay valid."""

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        for name in _LATER:
            if values.get(name) in (None, ""):
                values.pop(name, None)
        return values


class Arm(_Grown):
    """One of the recipes that are compared.

    Parameters
    ----------
    label
        What it is, for people; the arm's name where there is none.
    documented
        Accuracy in [0, 1] that someone else reports of one such model, or None.
    series, at
        Where the study's arms differ along an axis: the line that this arm is a point of, and its
        place on the axis.
    recipe
        How it is built and trained.
    """

    label: str = ""
    documented: float | None = Field(default=None, ge=0, le=1)
    series: str = ""
    at: float | None = None
    recipe: Recipe


class Claim(Frozen):
    """A sentence of which the study finds out whether it holds.

    Either one arm reaches an accuracy (`arm`, `at_least`), or one arm reads better than others
    (`better`, `than`), perhaps by at least a size (`at_least`).

    Parameters
    ----------
    text
        The sentence.
    arm
        The arm whose accuracy is claimed.
    better, than
        The arm that is claimed to read better, and the arms that it is to beat.
    at_least
        The accuracy, or the difference of accuracies, as a share.
    """

    text: str
    arm: str | None = None
    better: str | None = None
    than: tuple[str, ...] = ()
    at_least: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("than"), str):
            return values | {"than": (values["than"],)}
        return values

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        differs = self.better is not None and bool(self.than) and self.arm is None
        reaches = self.arm is not None and self.at_least > 0 and not (self.better or self.than)
        if not (differs or reaches):
            msg = (
                f"the claim {self.text!r} names neither `better` and `than` nor `arm` and "
                "`at_least`; give one of these pairs"
            )
            raise ValueError(msg)
        return self

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm that the claim names."""
        return (self.arm,) if self.arm is not None else (str(self.better), *self.than)


class Proof(Frozen):
    """What counts as proof: level, and the smallest difference of accuracies worth having."""

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    margin: float = Field(default=0.001, gt=0, lt=1)


class Comparison(_Grown):
    """A comparison as its TOML file and the command line state it.

    Parameters
    ----------
    name
        Name of the study: the TOML file's stem.
    title, question
        For people.
    dataset
        Name of the dataset.
    seeds
        One run per arm and seed.
    arms
        What is compared, by name.
    claims
        What is claimed of them.
    judge
        What counts as proof.
    axis
        What the places `at` of its arms are, as in "hidden layers"; "" if the arms have none.
    fit_size
        Images to train on, stratified; None means all.
    smoke
        Everything shrunk, to see that it works; proves nothing.
    """

    name: str
    title: str
    question: str = ""
    dataset: DatasetName = "mnist"
    seeds: Seeds
    arms: dict[ArmName, Arm] = Field(min_length=1)
    claims: tuple[Claim, ...] = ()
    judge: Proof = Proof()
    axis: str = ""
    fit_size: int | None = Field(default=None, ge=100)
    smoke: bool = False

    @model_validator(mode="after")
    def _claims_name_arms(self) -> Self:
        for claim in self.claims:
            unknown = [arm for arm in claim.arms if arm not in self.arms]
            if unknown:
                msg = (
                    f"the claim {claim.text!r} names {unknown[0]!r}, which is no arm; choose among "
                    f"{', '.join(self.arms)}"
                )
                raise ValueError(msg)
        return self

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """The seeds that every arm has: all of them."""
        return self.seeds

    @property
    def epochs(self) -> dict[str, int]:
        """Epochs of a run of each arm."""
        return {name: arm.recipe.epochs for name, arm in self.arms.items()}

    def label(self, arm: str) -> str:
        """Return what an arm is, for people."""
        return self.arms[arm].label or arm

    def run(self, arm: str, seed: int, select_fold: int, dataset_sha256: tuple[str, str]) -> Run:
        """Return the run of an arm and a seed that holds out tenth `select_fold`."""
        sizes = SMOKE_SIZES if self.smoke else {"fit_size": self.fit_size}
        return Run(
            dataset=self.dataset,
            dataset_sha256=dataset_sha256,
            arm=arm,
            seed=seed,
            select_fold=select_fold,
            recipe=self.arms[arm].recipe,
            policy=None,
            **sizes,
        )


class ComparisonPlan(Locked):
    """The locked comparison, written and hashed before *confirm* is opened."""

    KIND: ClassVar[str] = "comparison"
    kind: Literal["comparison"] = "comparison"
    study: Comparison
    dataset_sha256: tuple[str, str]
    select_folds: dict[int, int]

    @property
    def smoke(self) -> bool:
        """Whether everything was shrunk."""
        return self.study.smoke

    @property
    def question_sha256(self) -> str:
        """Hash of what is asked, whatever came before and in whatever words."""
        words: Any = {"replaces": True, "exploratory": True, "study": {"title", "question"}}
        return sha256_of(self.model_dump(mode="json", exclude=words))


def load_any(
    name_or_path: str, *, dataset: str | None = None, **options: Any
) -> Study | Comparison:
    """Read a built-in study or a TOML file of either kind; options as in `load_study`.

    Raises
    ------
    StudyError
        If there is no such study, or anything in it or in the options is not allowed.
    """
    name, raw = read_study(name_or_path, dataset)
    if not is_comparison(raw):
        return load_study(name_or_path, dataset=dataset, **options)
    if options.pop("adaptive", False):
        msg = f"{name} compares recipes, which all need the same seeds; leave --adaptive away."
        raise StudyError(msg)
    return _build(name, raw, **options)


def _build(
    name: str,
    raw: Mapping[str, Any],
    *,
    seeds: tuple[int, ...] | None = None,
    arms: tuple[str, ...] | None = None,
    recipe: str | None = None,
    epochs: int | None = None,
    smoke: bool = False,
) -> Comparison:
    if recipe is not None:
        msg = f"the arms of {name} are its recipes; leave --recipe {recipe} away."
        raise StudyError(msg)
    values = dict(raw)
    if not isinstance(values.get("seeds", []), list):
        msg = f"study {name}: seeds is {values['seeds']!r}; write it as in [42, 123, 456]."
        raise StudyError(msg)
    common = values.pop("recipe", {})
    if not isinstance(common, dict):
        msg = f"study {name}: recipe is {common!r}; in a comparison it is a table [recipe]."
        raise StudyError(msg)
    if not values["arms"]:
        msg = f"study {name}: there is nothing to compare; add a table [arms.NAME] for each recipe."
        raise StudyError(msg)
    chosen = tuple(values["arms"]) if arms is None else arms
    unknown = [arm for arm in chosen if arm not in values["arms"]]
    if unknown:
        msg = (
            f"study {name}: there is no arm {unknown[0]!r}; choose among "
            f"{', '.join(values['arms'])}."
        )
        raise StudyError(msg)
    changes = {"epochs": epochs} if epochs else {"epochs": 1} if smoke else {}
    values["arms"] = {arm: _arm(name, arm, values["arms"][arm], common, changes) for arm in chosen}
    if arms is not None and isinstance(values.get("claims"), list):  # what can still be asked
        values["claims"] = [
            claim for claim in values["claims"] if set(_named(claim)) <= set(values["arms"])
        ]
    values |= {"name": name, "smoke": smoke}
    if seeds is not None:
        values["seeds"] = seeds
    elif smoke:
        values["seeds"] = values.get("seeds", ())[: 2 if len(chosen) <= 8 else 1]
    try:
        return Comparison(**values)
    except ValidationError as error:
        raise StudyError(one_sentence(name, error, Comparison, ("recipe",))) from None


def _arm(
    study: str, name: str, settings: Any, common: Mapping[str, Any], changes: Mapping[str, Any]
) -> Arm:
    if not isinstance(settings, dict):
        msg = f"study {study}: arm {name} is {settings!r}; write it as a table [arms.{name}]."
        raise StudyError(msg)
    beside = ("label", "documented", "series", "at")
    own = {key: settings[key] for key in beside if key in settings}
    rest = {key: value for key, value in settings.items() if key not in own}
    try:
        recipe = Recipe(**{**common, **rest, **changes})
        return Arm(**own, recipe=recipe)
    except ValidationError as error:
        raise StudyError(one_sentence(f"{study}, arm {name}", error, Recipe, beside)) from None


def _named(claim: Any) -> list[str]:
    if not isinstance(claim, dict):
        return []
    than = claim.get("than", ())
    others = [than] if isinstance(than, str) else than
    return [arm for arm in (claim.get("arm"), claim.get("better"), *others) if arm]
