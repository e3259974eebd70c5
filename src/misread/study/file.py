"""The TOML file of a study, and complaints about it in sentences."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from misread.data.sources import beside, load
from misread.errors import MisreadError, StudyError
from misread.judge import cell_of
from misread.learn.recipe import RECIPES, Recipe
from misread.learn.treatments import Treatments
from misread.study.arms import BASELINE, Arm
from misread.study.complaints import HIDDEN, StudyFileError, sentences
from misread.study.questions import Cell, parse_cell, with_looks
from misread.study.study import Study

_ARM_KEYS = ("label", "documented", "series", "at", "policy")


@dataclass(frozen=True)
class _Options:
    """Options that replace what a study's file says; None leaves it."""

    seeds: tuple[int, ...] | None
    arms: tuple[str, ...] | None
    recipe: str | None
    epochs: int | None
    adaptive: bool
    smoke: bool


def builtin_studies() -> list[str]:
    """Return the names of the built-in studies."""
    folder = resources.files("misread") / "studies"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def source_of(study: Study) -> str:
    """Return how commands name a study: a built-in one, or the file of one's own."""
    return study.name if study.name in builtin_studies() else f"{study.name}.toml"


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

    Parameters
    ----------
    name_or_path
        A name among `builtin_studies`, or the path of a TOML file.
    seeds, arms, recipe, epochs
        In place of those of the file; None leaves them.
    adaptive
        Whether arms are settled at looks; where the file names none they stand at quarters.
    smoke
        Whether everything is shrunk.
    dataset
        In place of that of the file; None leaves it.

    Raises
    ------
    StudyError
        If there is no such study, or anything in it or in the options is not allowed.
    """
    options = _Options(seeds, arms, recipe, epochs, adaptive=adaptive, smoke=smoke)
    name, folder, raw = _read(name_or_path, dataset)
    values = {key: value for key, value in raw.items() if key not in {"recipe", *HIDDEN}}
    wrong = _of_wrong_kind(name, raw)
    complaints = [f"study {name}: {why}" for key, why in HIDDEN.items() if key in raw]
    complaints += wrong.values()
    try:
        values |= _arms(name, raw, options, wrong, complaints)
    except StudyError as error:
        complaints.append(str(error))
        wrong["arms"] = ""
    if "arms" in wrong:
        values["arms"] = {}
    values |= {"name": name, "smoke": options.smoke}
    if isinstance(values.get("target"), str):
        try:
            values["target"] = _cell(values["target"], raw.get("dataset", "mnist"))
        except MisreadError as error:
            complaints.append(f"study {name}: {error}")
            wrong["target"] = ""
    if "trainer" in raw and "trainer" not in wrong:
        values["trainer"] = {"folder": str(folder.resolve()), **raw["trainer"]}
    if not {"adaptive", "seeds"} & wrong.keys():
        values |= _seeds(values, options)
    try:
        study = Study(**values)
    except ValidationError as error:
        complaints = sentences(name, error, Study, ("recipe",), said=wrong) + complaints
    if complaints:
        raise StudyFileError(name, complaints)
    return study


def _seeds(values: Mapping[str, Any], options: _Options) -> dict[str, Any]:
    """Return the seeds of a study and its looks, if any."""
    seeds = values.get("seeds", ()) if options.seeds is None else options.seeds
    if options.smoke and options.seeds is None:
        seeds = seeds[: 2 if len(values["arms"]) <= 8 else 1]
    if options.adaptive or "adaptive" in values:
        return with_looks(values.get("adaptive", {}), seeds, smoke=options.smoke)
    return {"seeds": seeds} if seeds or "seeds" in values else {}


def _cell(text: str, dataset: Any) -> Cell:
    """Return the cell that "cat:dog" names, or "4:9" by the places of two classes, from 0."""
    if ":" not in text or text.replace(":", "").replace(" ", "").isdecimal():
        return parse_cell(text)
    if not isinstance(dataset, str):
        return 0, 1  # the dataset is complained of
    return cell_of(text, load(dataset)[0].class_names)


def _read(name_or_path: str, dataset: str | None) -> tuple[str, Path, dict[str, Any]]:
    """Return a study's name, its folder and what its TOML says, unchecked; `dataset` replaces its.

    A dataset's relative path is one from the folder of the TOML file, if there is such a file, else
    from the working directory.
    """
    if name_or_path in builtin_studies():
        source = resources.files("misread") / "studies" / f"{name_or_path}.toml"
        name, folder, text = name_or_path, Path(), source.read_text("utf-8")
    else:
        path = Path(name_or_path)
        if path.suffix != ".toml" or not path.is_file():
            msg = (
                f"there is no study {name_or_path!r}; choose one of "
                f"{', '.join(builtin_studies())}, or give the path of a TOML file"
                f"{'; the folder goes with --out' if path.is_dir() else ''}."
            )
            raise StudyError(msg)
        name, folder, text = path.stem, path.parent, path.read_text("utf-8", errors="replace")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{name_or_path} is no TOML file: {error}; correct it."
        raise StudyError(msg) from None
    if dataset is not None:
        raw["dataset"] = dataset
    elif isinstance(raw.get("dataset"), str):
        raw["dataset"] = beside(raw["dataset"], folder)
    return name, folder, raw


def _of_wrong_kind(name: str, raw: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence on every setting that is of another kind than it must be."""
    return {
        key: f"study {name}: {key} is {raw[key]!r}; write it as in {example}."
        for key, kinds, example in (
            ("recipe", (str, dict), '"quick", or as a table [recipe]'),
            ("seeds", (list,), "[42, 123, 456]"),
            ("arms", (list, dict), '["baseline", "both"], or as tables [arms.NAME]'),
            ("corruptions", (list,), '["fog", "spatter@2"]'),
            ("policy", (dict,), "a table [policy]"),
            ("adaptive", (dict,), "a table [adaptive]"),
            ("trainer", (dict,), 'call = "package.module:name" in a table [trainer]'),
        )
        if key in raw and not isinstance(raw[key], kinds)
    }


def _arms(
    name: str,
    raw: Mapping[str, Any],
    options: _Options,
    wrong: Mapping[str, str],
    complaints: list[str],
) -> dict[str, Any]:
    """Return the arms of a study and the name of their recipe; claims on other arms are dropped.

    Complaints about an arm are added to `complaints`, and another arm stands in its place, so that
    all else can be checked too; as for the settings that are `wrong`.
    """
    instead = {key: {"name": "policy"} for key in ("policy", "trainer") if key in wrong}
    raw = {key: value for key, value in raw.items() if key not in wrong} | instead
    is_free = "trainer" in raw and not isinstance(raw.get("recipe"), str)
    recipe = raw.get("recipe", {} if is_free else "quick")
    if options.recipe and isinstance(recipe, dict):
        what = "has a trainer of its own" if is_free else "has recipes of its own"
        complaints.append(f"study {name} {what}; leave out --recipe {options.recipe}.")
    else:
        recipe = _known_recipe(options.recipe or recipe, complaints)
    common = recipe if isinstance(recipe, dict) else RECIPES[recipe].model_dump()
    changes = {"epochs": options.epochs or (1 if options.smoke else None)}
    changes = {key: value for key, value in changes.items() if value is not None}
    if is_free and options.epochs is None:  # only where its trainer is told of epochs
        tables = raw["arms"].values() if isinstance(raw.get("arms"), dict) else ()
        stated = [common, *(table for table in tables if isinstance(table, dict))]
        changes = changes if any("epochs" in table for table in stated) else {}
    policy = raw.get("policy", {})
    if not policy and not isinstance(raw.get("arms"), dict):
        msg = f"study {name}: 'policy' is missing; add it, or write the arms as tables [arms.NAME]."
        raise StudyError(msg)
    named = raw.get("arms", [policy.get("name", "policy")])
    chosen = tuple(map(str, named)) if options.arms is None else options.arms
    if len(set(chosen)) < len(chosen):
        msg = f"study {name}: arms are {', '.join(chosen)}, but each may be named once."
        raise StudyError(msg)
    if isinstance(named, dict):
        _refuse_unknown(name, chosen, named)
    made = {arm: {} if arm == BASELINE else {"policy": arm} for arm in chosen}  # by the policy
    tables = dict(named) if isinstance(named, dict) else made
    if policy or "target" in raw:
        chosen = (BASELINE, *(arm for arm in chosen if arm != BASELINE))
        tables = {BASELINE: {}} | tables
    make = free_arm_of if is_free else arm_of
    arms: dict[str, Arm] = {}
    for arm in chosen:
        try:
            arms[arm] = make(f"{name}, arm {arm}", tables[arm], common, changes)
        except StudyFileError as error:
            complaints += error.sentences
            arms[arm] = Arm(settings={"": 0}) if is_free else Arm(recipe=RECIPES["quick"])
    values: dict[str, Any] = {"arms": arms}
    values |= {"recipe_name": recipe} if isinstance(recipe, str) else {}
    if options.arms is not None and isinstance(raw.get("claims"), list):  # what can still be asked
        values["claims"] = [c for c in raw["claims"] if set(_named(c)) <= set(arms)]
    return values


def _known_recipe(recipe: Any, complaints: list[str]) -> Any:
    """Return a recipe, or the default in place of a name that there is not."""
    if not isinstance(recipe, str) or recipe in RECIPES:
        return recipe
    complaints.append(f"there is no recipe {recipe!r}; choose one of {', '.join(RECIPES)}.")
    return "quick"


def _refuse_unknown(name: str, chosen: tuple[str, ...], tables: Mapping[str, Any]) -> None:
    if not tables:
        msg = f"study {name}: there is nothing to compare; add a table [arms.NAME] for each recipe."
        raise StudyError(msg)
    unknown = [arm for arm in chosen if arm not in tables]
    if unknown:
        msg = f"study {name}: there is no arm {unknown[0]!r}; choose among {', '.join(tables)}."
        raise StudyError(msg)


def arm_of(
    place: str, table: Any, common: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> Arm:
    """Return an arm from its table in a TOML file, which stands at `place`.

    `common` are the settings of the recipe where the table says nothing, `changes` those that
    replace what it says. StudyError if anything in it is not allowed.
    """
    about, rest = _about(place, table)
    treated = {key: rest.pop(key) for key in Treatments.model_fields if key in rest}
    try:
        recipe = Recipe(**{**common, **rest, **(changes or {})})
        return Arm(**about, treatments=Treatments(**treated), recipe=recipe)
    except ValidationError as error:
        more = (*_ARM_KEYS, *Treatments.model_fields)
        raise StudyFileError(place, sentences(place, error, Recipe, more)) from None


def free_arm_of(
    place: str, table: Any, common: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> Arm:
    """Return an arm with settings of any name, for another trainer than ours; see `arm_of`."""
    about, rest = _about(place, table)
    try:
        return Arm(**about, settings={**common, **rest, **(changes or {})})
    except ValidationError as error:
        raise StudyFileError(place, sentences(place, error, Arm)) from None


def _about(place: str, table: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the table of an arm says about it, and its settings."""
    if not isinstance(table, dict):
        name = place.rpartition(" ")[2]
        msg = f"study {place} is {table!r}; write it as a table [arms.{name}]."
        raise StudyFileError(place, [msg])
    about = {key: table[key] for key in _ARM_KEYS if key in table}
    return about, {key: value for key, value in table.items() if key not in about}


def _named(claim: Any) -> list[str]:
    if not isinstance(claim, dict):
        return []
    than = claim.get("than", ())
    others = [than] if isinstance(than, str) else than
    return [arm for arm in (claim.get("arm"), claim.get("better"), *others) if arm]
