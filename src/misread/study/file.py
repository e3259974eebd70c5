"""The TOML file of a study: found, read, and all that is wrong with it in sentences."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from misread.data.sources import beside
from misread.errors import StudyError
from misread.learn.recipe import RECIPES, Recipe
from misread.study.questions import parse_cell, with_looks
from misread.study.study import BASELINE, Arm, Study

_ARM_KEYS = ("label", "documented", "series", "at", "policy")
_HIDDEN = {"name", "recipe_name", "smoke"}  # said by the file's name, `recipe` and --smoke


@dataclass(frozen=True)
class _Options:
    """What is said in place of a study's file; None where nothing is."""

    seeds: tuple[int, ...] | None
    arms: tuple[str, ...] | None
    recipe: str | None
    epochs: int | None
    smoke: bool


def builtin_studies() -> list[str]:
    """Return the names of the built-in studies."""
    folder = resources.files("misread") / "studies"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


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
    options = _Options(seeds, arms, recipe, epochs, smoke=smoke)
    name, folder, raw = _read(name_or_path, dataset)
    _check_kinds(name, raw)
    values = {key: value for key, value in raw.items() if key not in ("recipe", "arms")}
    values |= _arms(name, raw, options) | {"name": name, "smoke": options.smoke}
    if isinstance(values.get("target"), str):
        values["target"] = parse_cell(values["target"])
    if "trainer" in raw:
        values["trainer"] = {"folder": str(folder.resolve()), **raw["trainer"]}
    if options.seeds is not None:
        values["seeds"] = options.seeds
    elif options.smoke:
        values["seeds"] = values.get("seeds", ())[: 2 if len(values["arms"]) <= 8 else 1]
    if adaptive:
        values.setdefault("adaptive", {})
    if "adaptive" in values:
        values |= with_looks(values["adaptive"], values.get("seeds", ()), smoke=options.smoke)
    try:
        return Study(**values)
    except ValidationError as error:
        raise StudyError(_sentences(name, error, Study, ("recipe",))) from None


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


def _check_kinds(name: str, raw: Mapping[str, Any]) -> None:
    known = [*_known_keys(("",), Study), "recipe"]
    wrong = [_not_known(name, key, known) for key in raw if key not in known]
    wrong += [
        f"study {name}: {key} is {raw[key]!r}; write it as in {example}."
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
    ]
    if wrong:
        raise StudyError(" ".join(wrong))


def _arms(name: str, raw: Mapping[str, Any], options: _Options) -> dict[str, Any]:
    """Return the arms of a study and the name of their recipe; claims on other arms are dropped."""
    is_free = "trainer" in raw and not isinstance(raw.get("recipe"), str)
    recipe = raw.get("recipe", {} if is_free else "quick")
    if isinstance(recipe, dict) and options.recipe is not None:
        what = "has a trainer of its own" if is_free else "has recipes of its own"
        msg = f"study {name} {what}; leave --recipe {options.recipe} away."
        raise StudyError(msg)
    recipe = options.recipe or recipe
    common = recipe if isinstance(recipe, dict) else _recipe(recipe)
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
    chosen = tuple(named) if options.arms is None else options.arms
    if len(set(chosen)) < len(chosen):
        msg = f"study {name}: arms are {', '.join(chosen)}, but each may be named once."
        raise StudyError(msg)
    if isinstance(named, dict):
        _refuse_unknown(name, chosen, named)
    tables = dict(named) if isinstance(named, dict) else {arm: _generated(arm) for arm in chosen}
    if policy or "target" in raw:
        chosen = (BASELINE, *(arm for arm in chosen if arm != BASELINE))
        tables = {BASELINE: {}} | tables
    make = _free_arm if is_free else _arm
    arms = {arm: make(name, arm, tables[arm], common, changes) for arm in chosen}
    found: dict[str, Any] = {"arms": arms}
    found |= {"recipe_name": recipe} if isinstance(recipe, str) else {}
    if options.arms is not None and isinstance(raw.get("claims"), list):  # what can still be asked
        found["claims"] = [c for c in raw["claims"] if set(_named(c)) <= set(arms)]
    return found


def _generated(arm: Any) -> dict[str, str]:
    """Return the settings of an arm that the study's policy makes."""
    return {} if arm == BASELINE else {"policy": arm}


def _recipe(name: str) -> dict[str, Any]:
    if name not in RECIPES:
        msg = f"there is no recipe {name!r}; choose one of {', '.join(RECIPES)}."
        raise StudyError(msg)
    return RECIPES[name].model_dump()


def _refuse_unknown(name: str, chosen: tuple[str, ...], tables: Mapping[str, Any]) -> None:
    if not tables:
        msg = f"study {name}: there is nothing to compare; add a table [arms.NAME] for each recipe."
        raise StudyError(msg)
    unknown = [arm for arm in chosen if arm not in tables]
    if unknown:
        msg = f"study {name}: there is no arm {unknown[0]!r}; choose among {', '.join(tables)}."
        raise StudyError(msg)


def _arm(
    study: str, name: str, settings: Any, common: Mapping[str, Any], changes: Mapping[str, Any]
) -> Arm:
    about, rest = _about(study, name, settings)
    try:
        return Arm(**about, recipe=Recipe(**{**common, **rest, **changes}))
    except ValidationError as error:
        place = f"{study}, arm {name}"
        raise StudyError(_sentences(place, error, Recipe, _ARM_KEYS)) from None


def _free_arm(
    study: str, name: str, settings: Any, common: Mapping[str, Any], changes: Mapping[str, Any]
) -> Arm:
    """Return an arm with settings of any name, for another trainer than ours."""
    about, rest = _about(study, name, settings)
    try:
        return Arm(**about, settings={**common, **rest, **changes})
    except ValidationError as error:
        raise StudyError(_sentences(f"{study}, arm {name}", error, Arm)) from None


def _about(study: str, name: str, table: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the table of an arm says about it, and its settings."""
    if not isinstance(table, dict):
        msg = f"study {study}: arm {name} is {table!r}; write it as a table [arms.{name}]."
        raise StudyError(msg)
    about = {key: table[key] for key in _ARM_KEYS if key in table}
    return about, {key: value for key, value in table.items() if key not in about}


def _named(claim: Any) -> list[str]:
    if not isinstance(claim, dict):
        return []
    than = claim.get("than", ())
    others = [than] if isinstance(than, str) else than
    return [arm for arm in (claim.get("arm"), claim.get("better"), *others) if arm]


def _sentences(
    name: str, error: ValidationError, kind: type[BaseModel], more: tuple[str, ...] = ()
) -> str:
    """Return what pydantic says of a `kind`, a sentence of ours for each complaint.

    `more` names what is allowed beside the fields of `kind`.
    """
    # Unknown keys first: a key that is missing is often the same one, misspelt.
    complaints = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    return " ".join(_sentence(name, complaint, kind, more) for complaint in complaints)


def _sentence(
    name: str, complaint: Mapping[str, Any], kind: type[BaseModel], more: tuple[str, ...]
) -> str:
    where = ".".join(str(part) for part in complaint["loc"])
    if complaint["type"] == "extra_forbidden":
        known = _known_keys(complaint["loc"], kind)
        known += more if len(complaint["loc"]) == 1 else ()
        return _not_known(name, where, known)
    if complaint["type"] == "missing":
        return f"study {name}: {where!r} is missing; add it."
    what = complaint["msg"].removeprefix("Value error, ")
    what = what[0].lower() + what[1:]
    is_ours = complaint["type"] == "value_error"
    place = "" if is_ours or not where else f"{where} is {complaint['input']!r}: "
    return f"study {name}: {place}{what}{'.' if '; ' in what else '; correct it.'}"


def _not_known(name: str, key: str, known: list[str]) -> str:
    return f"study {name}: {key!r} is no setting; allowed there are {', '.join(known)}."


def _known_keys(loc: tuple[int | str, ...], kind: type[BaseModel]) -> list[str]:
    model = kind
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        inner = next(iter(get_args(inner)), inner)  # of what may be None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    hidden = _HIDDEN if model is kind else set()
    return [key for key in model.model_fields if key not in hidden]
