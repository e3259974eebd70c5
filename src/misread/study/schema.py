"""The settings of a study's file, from the models themselves: rows for a page, a JSON schema."""

import inspect
import re
from typing import Any, NamedTuple

from misread.files import Frozen
from misread.judge import Adaptive, Margins
from misread.learn.augment import Augment
from misread.learn.recipe import RECIPES, Recipe, TrainerCall
from misread.study.arms import Arm, TargetPolicy
from misread.study.complaints import HIDDEN
from misread.study.questions import Claim, Proof
from misread.study.study import Study

# Where a model stands in the file, its name, and how a file states it.
TABLES: dict[str, type[Frozen]] = {
    "": Study,
    "[arms.NAME]": Arm,
    "[recipe]": Recipe,
    "[recipe.augment]": Augment,
    "[policy]": TargetPolicy,
    "[[claims]]": Claim,
    "[judge]": Proof,
    "[judge.margins]": Margins,
    "[adaptive]": Adaptive,
    "[trainer]": TrainerCall,
}
_NOT_STATED = {Study: HIDDEN, Arm: {"recipe", "settings"}}
_RECIPE = (
    "How models are built and trained: one of ours by name, or a table of its settings; with "
    "another trainer than ours any settings that all arms share"
)


_KINDS = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "a table",
}
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


class Row(NamedTuple):
    """A setting: its key, what it takes, its default as the file would state it, what it is."""

    key: str
    takes: str
    default: str
    about: str


def rows_of(model: type[Frozen]) -> list[Row]:
    """Return the settings of a model as a study's file states them."""
    schema, about = model.model_json_schema(), descriptions(model)
    required = schema.get("required", [])
    rows = []
    for key, stated in schema["properties"].items():
        if key in _NOT_STATED.get(model, set()):
            continue
        default = "needed" if key in required else _toml(stated.get("default"))
        rows.append(Row(key, _takes(stated, schema.get("$defs", {})), default, about[key]))
    if model is Study:
        rows.insert(4, Row("recipe", f"{', '.join(RECIPES)}, or a table", '"quick"', _RECIPE))
        rows = [_AS_STATED.get(row.key, row) for row in rows]
    return rows


_AS_STATED = {
    "target": Row(
        "target",
        'text, as in "4:9" or "cat:dog"',
        "–",
        "The cell to reduce, TRUE:PREDICTED, by class names or by their places from 0; without one "
        "the top cell on *select* is taken where there is a policy, else no target is asked for.",
    ),
    "arms": Row(
        "arms",
        "a list of names, or tables",
        "the policy's arm",
        "Ways of training: names that the policy makes, or a table [arms.NAME] for each. A target "
        "needs an arm `baseline`; where there is a policy it is there without being named.",
    ),
    "trainer": Row("trainer", "a table", "ours", "What trains, where it is not ours."),
}


def descriptions(model: type) -> dict[str, str]:
    """Return what a model's docstring says of each field, under Parameters or Attributes."""
    text = inspect.getdoc(model) or ""
    of_field: dict[str, str] = {}
    for section in re.findall(
        r"(?:Parameters|Attributes)\n-+\n(.*?)(?:\n\n\S.*\n-{3,}|\Z)", text, re.DOTALL
    ):
        names: list[str] = []
        for line in section.splitlines():
            if line and not line[0].isspace():
                names = [name.strip() for name in line.partition(" : ")[0].split(",")]
            for name in names if line[:1].isspace() else ():
                of_field[name] = f"{of_field.get(name, '')} {line.strip()}".strip()
    return of_field


def study_schema() -> dict[str, Any]:
    """Return the JSON schema of a study's file, for editors that check TOML."""
    schema = Study.model_json_schema()
    for model in TABLES.values():
        defined = schema if model is Study else schema["$defs"].get(model.__name__)
        for key, stated in (defined or {"properties": {}})["properties"].items():
            stated.pop("title", None)
            stated["description"] = descriptions(model)[key]
    names: list[str] = list(RECIPES)
    table = {"type": "object", "description": _RECIPE}
    properties = {k: v for k, v in schema["properties"].items() if k not in HIDDEN}
    arm = schema["$defs"].pop("Arm")["properties"]
    about_arm = {key: arm[key] for key in arm if key not in _NOT_STATED[Arm]}
    properties |= {
        "recipe": {"description": _RECIPE, "anyOf": [{"enum": names}, table]},
        "target": {"type": "string", "pattern": ":", "description": _AS_STATED["target"].about},
        "arms": {
            "description": _AS_STATED["arms"].about,
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {
                    "additionalProperties": {"type": "object", "properties": about_arm},
                    "type": "object",
                },
            ],
        },
    }
    claim = schema["$defs"]["Claim"]["properties"]
    claim["than"] = claim["than"] | {"type": ["array", "string"]}
    for name in ("Recipe", "Augment"):
        schema["$defs"].pop(name, None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A study of misread",
        **{key: value for key, value in schema.items() if key not in ("title", "properties")},
        "properties": properties,
        "required": ["title", "seeds"],
    }


def _takes(stated: dict[str, Any], defs: dict[str, Any]) -> str:
    """Return in words what a setting takes."""
    if "anyOf" in stated:
        kinds = [one for one in stated["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(_takes(one, defs) for one in kinds))
    if "$ref" in stated:
        return _takes(defs[stated["$ref"].rpartition("/")[2]], defs)
    if "enum" in stated or "const" in stated:
        return ", ".join(map(str, stated.get("enum", [stated.get("const")])))
    kind = stated.get("type", "")
    if kind == "array":
        inner: dict[str, Any] = stated.get("items") or {}
        inner = inner or next(iter(stated.get("prefixItems", [])), {})
        return f"a list: {_takes(inner, defs) or 'any'}"
    limits = [f"{sign} {stated[key]:g}" for key, sign in _LIMITS.items() if key in stated]
    return " ".join(filter(None, (_KINDS.get(kind, kind), ", ".join(limits))))


def _toml(value: Any) -> str:
    """Return a default as a file would state it; "–" for none."""
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
