"""Write docs/verdict.schema.json: what `misread judge --json` prints and `verdict.json` holds.

`python scripts/schema.py` writes it from the models; with `--check` it exits with 1 where the file
is out of date. Descriptions are those of the docstrings, so nothing is said twice.
"""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from misread.judge.verdict import Verdict
from misread.study.outcome import StudyVerdict

PATH = Path(__file__).resolve().parent.parent / "docs" / "verdict.schema.json"


def attributes(model: type) -> dict[str, str]:
    """Return what the section Attributes of a model's docstring says of each field.

    Names that share a line share the description, as in ``low, high : float``.
    """
    section = inspect.getdoc(model) or ""
    section = section.partition("Attributes\n----------\n")[2]
    section = re.split(r"\n\n\S.*\n-{3,}", section)[0]
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in section.splitlines():
        if line and not line[0].isspace():
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
        for name in names:
            found.setdefault(name, []).append(line.strip() if line[:1].isspace() else "")
    return {name: " ".join(filter(None, lines)) for name, lines in found.items()}


class FromDocstrings(GenerateJsonSchema):
    """Pydantic's schema, with the descriptions of numpy docstrings.

    Raises
    ------
    ValueError
        If a field has no description.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        """Return the schema of a pydantic model."""
        return self._described(super().model_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> dict[str, Any]:
        """Return the schema of a dataclass."""
        return self._described(super().dataclass_schema(schema), schema["cls"])

    @staticmethod
    def _described(told: dict[str, Any], model: type) -> dict[str, Any]:
        """Return a schema with its class's first paragraph, and every field described."""
        told["description"] = " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())
        told["required"] = list(told["properties"])  # what we write is never left out
        described = attributes(model)
        for name, field in told["properties"].items():
            if name not in described:
                msg = f"{model.__name__}.{name} is not under Attributes; describe it there."
                raise ValueError(msg)
            field.pop("title", None)
            field["description"] = described[name]
        return told


def schema() -> dict[str, Any]:
    """Return the schema of a verdict: of one arm, or of a study."""
    told = TypeAdapter(Verdict | StudyVerdict).json_schema(
        mode="serialization", schema_generator=FromDocstrings
    )
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Verdict",
        "description": "What `misread judge --json` prints, or what a study's verdict.json holds.",
        **told,
    }


def main() -> int:
    """Write the file, or check it."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if "--check" in sys.argv[1:]:
        if PATH.is_file() and PATH.read_text("utf-8") == text:
            return 0
        print(f"{PATH} is out of date; run python scripts/schema.py.", file=sys.stderr)
        return 1
    PATH.write_text(text, "utf-8")
    print(f"Written: {PATH}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
