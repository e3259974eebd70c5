"""The page of a study's settings, from the models; pictures of the operations."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from misread.data.mnist import load_mnist
from misread.files import Frozen
from misread.images.operations import OPERATIONS
from misread.learn.recipe import RECIPES
from misread.study.schema import AS_STATED, NOT_STATED, TABLES, descriptions
from misread.study.study import Study

INTRO = """# Study files

After this page you can state anything that a study may be asked, in one TOML file. `python
tools/generated.py` writes the page from the models that check such files.

`misread init NAME` writes such a file with comments; `misread init NAME --data folder:pets --target
cat:dog` for your data, with `--trainer trainers:train` for [your own trainer](trainer.md). Editors
that check TOML by a schema take [study.schema.json](study.schema.json); with `--schema` it is
written beside the file, whose first line then names it.

```toml
title = "Fours read as nines"
dataset = "mnist"
seeds = [42, 123, 456]
target = "4:9"
arms = ["baseline", "strokes", "both"]

[policy]
name = "strokes"
true = ["dilate"]
predicted = ["erode"]
probability = 0.25
size_px = [2, 3]
```

All mistakes of a file are said at once. Relative paths in `dataset` and `trainer` begin at the
file's folder.
"""
AFTER = {
    "": "What may stand in `dataset`: [data from anywhere](data.md), or `misread data list`.",
    "[arms.NAME]": """Every other key is a setting of its recipe (below), in place of the one that
arms have in common; with a trainer of your own any key is allowed, and your trainer finds it in
`lesson.settings`.""",
    "[recipe]": "Of our trainer with Keras. By name: {recipes}; see [recipes](recipes.md).",
    "[policy]": """Operations are named below. Arms that a policy makes: the policy by its name, and
its controls `one-sided` (the true class alone), `swapped` (operations exchanged) and `both` (every
operation on both classes); with `-DOSE` at the end of the name for each of its doses.""",
}


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


_OTHERWISE = {  # what a file states in another form than the model
    "target": Row("target", 'text, as in "4:9" or "cat:dog"', "–", AS_STATED["target"]),
    "arms": Row("arms", "a list of names, or tables", "the policy's arm", AS_STATED["arms"]),
    "trainer": Row("trainer", "a table", "ours", "What trains, where it is not ours."),
}


def rows_of(model: type[Frozen]) -> list[Row]:
    """Return the settings of a model as a study's file states them."""
    schema, about = model.model_json_schema(), descriptions(model)
    required = schema.get("required", [])
    rows = []
    for key, stated in schema["properties"].items():
        if key in NOT_STATED.get(model, set()):
            continue
        default = "needed" if key in required else _toml(stated.get("default"))
        rows.append(Row(key, _takes(stated, schema.get("$defs", {})), default, about[key]))
    if model is Study:
        takes = f"{', '.join(RECIPES)}, or a table"
        rows.insert(4, Row("recipe", takes, '"quick"', AS_STATED["recipe"]))
        rows = [_OTHERWISE.get(row.key, row) for row in rows]
    return rows


def _takes(stated: dict[str, Any], defs: dict[str, Any]) -> str:
    """Return in words what a setting takes."""
    if "anyOf" in stated:
        kinds = [kind for kind in stated["anyOf"] if kind.get("type") != "null"]
        return " or ".join(dict.fromkeys(_takes(kind, defs) for kind in kinds))
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


def study_page(project: Path) -> str:
    """Return the page."""
    parts = [INTRO]
    for place, model in TABLES.items():
        parts.append(f"## `{place}`\n" if place else "## At the top\n")
        parts.append("| key | takes | default | is |\n|---|---|---|---|")
        for row in rows_of(model):
            about = re.sub(r"\s+", " ", row.about).replace("|", "\\|")
            takes = row.takes.replace("|", "\\|")
            parts.append(f"| `{row.key}` | {takes} | {row.default} | {about} |")
        if place in AFTER:
            parts.append(
                "\n" + AFTER[place].format(recipes=", ".join(f"`{name}`" for name in RECIPES))
            )
        parts.append("")
    parts.append("## Operations\n")
    parts.append("Each at 1, 2, 3 and 4 px, on a 4 and on a 9 of MNIST.\n")
    parts.append("| name | does | looks |\n|---|---|---|")
    for name, operation in OPERATIONS.items():
        first = (operation.__doc__ or "").strip().partition("\n\n")[0]
        does = re.sub(r"\s+", " ", first.partition("Parameters")[0])
        parts.append(f"| `{name}` | {does} | ![{name}](figures/operation-{name}.png) |")
        _draw(project / "docs" / "figures" / f"operation-{name}.png", name)
    return "\n".join(parts) + "\n"


def _draw(path: Path, name: str) -> None:
    """Write the picture of an operation, where it is not there."""
    if path.exists():
        return
    test = load_mnist()[1]
    digits = [int(np.flatnonzero(test.labels_N == label)[1]) for label in (4, 9)]
    tiles = [OPERATIONS[name](test.images[[n]], size)[0] for n in digits for size in (1, 2, 3, 4)]
    rows = np.hstack([np.pad(255 - tile, 1, constant_values=200) for tile in tiles])
    Image.fromarray(np.kron(rows, np.ones((2, 2), np.uint8))).save(path)
