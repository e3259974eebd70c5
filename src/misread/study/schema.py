"""The settings of a study's file, from the models themselves: their words, and a JSON schema."""

import inspect
import re
from typing import Any

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
NOT_STATED = {Study: {*HIDDEN}, Arm: {"recipe", "settings"}}
# Settings whose words are not those of the model: a file states them in another form.
AS_STATED = {
    "recipe": "How models are built and trained: one of ours by name, or a table of its settings; "
    "with another trainer than ours any settings that all arms share",
    "target": "The cell to reduce, TRUE:PREDICTED, by class names or by their places from 0; "
    "without one the top cell on *select* is taken where there is a policy, else no target is "
    "asked for.",
    "arms": "Ways of training: names that the policy makes, or a table [arms.NAME] for each. A "
    "target needs an arm `baseline`; where there is a policy it is there without being named.",
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
    table = {"type": "object", "description": AS_STATED["recipe"]}
    properties = {k: v for k, v in schema["properties"].items() if k not in HIDDEN}
    arm = schema["$defs"].pop("Arm")["properties"]
    about_arm = {key: arm[key] for key in arm if key not in NOT_STATED[Arm]}
    properties |= {
        "recipe": {"description": AS_STATED["recipe"], "anyOf": [{"enum": names}, table]},
        "target": {"type": "string", "pattern": ":", "description": AS_STATED["target"]},
        "arms": {
            "description": AS_STATED["arms"],
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
