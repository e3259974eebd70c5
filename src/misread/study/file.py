"""The TOML file of a study of any kind: found, read, and what is wrong with it in one sentence."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from misread.data.sources import beside
from misread.errors import StudyError


def builtin_studies() -> list[str]:
    """Return the names of the built-in studies."""
    folder = resources.files("misread") / "studies"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def is_comparison(raw: Mapping[str, Any]) -> bool:
    """Say whether a study's TOML compares recipes: then its arms are tables."""
    return isinstance(raw.get("arms"), dict)


def read_study(name_or_path: str, dataset: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return the name of a study and what its TOML says, unchecked; `dataset` replaces its own.

    A dataset's relative path is one from the folder of the TOML file, if there is such a file, else
    from the working directory.

    Raises
    ------
    StudyError
        If there is no such study, or it is no TOML.
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
    return name, raw


def one_sentence(
    name: str, error: ValidationError, kind: type[BaseModel], more: tuple[str, ...] = ()
) -> str:
    """Return the first complaint of pydantic about a `kind` as one sentence of ours.

    `more` names what is allowed beside the fields of `kind`.
    """
    # An unknown key first: a key that is missing is often the same one, misspelt.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = [*(more if len(first["loc"]) == 1 else ()), *_known_keys(first["loc"], kind)]
        return f"study {name}: {where!r} is no setting; allowed there are {', '.join(known)}."
    if first["type"] == "missing":
        return f"study {name}: {where!r} is missing; add it."
    what = first["msg"].removeprefix("Value error, ")
    what = what[0].lower() + what[1:]
    place = f"{where} is {first['input']!r}: " if where and first["type"] != "value_error" else ""
    return f"study {name}: {place}{what}{'.' if '; ' in what else '; correct it.'}"


def _known_keys(loc: tuple[int | str, ...], kind: type[BaseModel]) -> list[str]:
    model = kind
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        inner = next(iter(get_args(inner)), inner)  # of what may be None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    hidden = {"name", "recipe_name", "smoke"} if model is kind else set()
    return [key for key in model.model_fields if key not in hidden]
