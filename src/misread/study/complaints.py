"""Complaints about the settings of a study, in sentences of ours."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from misread.errors import StudyError

# Settings that a file does not state, and why.
HIDDEN = {
    "name": "`name` does nothing: a study is named by its file; leave it out, or rename the file.",
    "recipe_name": "`recipe_name` does nothing: the recipe is named by `recipe`; use that.",
    "smoke": "`smoke` does nothing: the option --smoke asks for it; leave it out.",
}

_MUST = {
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "int_parsing_size": "must be a smaller number",
    "finite_number": "must be a finite number",
    "string_type": "must be text in quotes",
    "string_pattern_mismatch": "must be of letters, digits, `_`, `.` and `-`, and begin with a "
    "letter or a digit",
    "too_short": "needs {min_length} or more",
    "too_long": "must be at most {max_length}",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("tuple_type", "list_type"), "must be a list, as in [1, 2]"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be a table"),
    **dict.fromkeys(("literal_error", "enum"), "must be {expected}"),
}


def sentences(
    name: str,
    error: ValidationError,
    kind: type[BaseModel],
    more: tuple[str, ...] = (),
    *,
    said: Collection[str] = (),
) -> list[str]:
    """Return a sentence for each complaint of pydantic about a `kind`.

    `name` is that of the study, with its arm where it is about one; `more` are keys that are
    allowed beside the fields of `kind`; complaints about the keys in `said` are left out.
    """
    # Unknown keys first: a key that is missing is often the same one, misspelt.
    complaints = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    done = {(key,) for key in said}
    left = [complaint for complaint in complaints if complaint["loc"][:1] not in done]
    return [_sentence(name, complaint, kind, more) for complaint in left]


class StudyFileError(StudyError):
    """All complaints about a study as one error; what arms have in common is said once."""

    def __init__(self, name: str, sentences: Sequence[str]) -> None:
        self.sentences = sentences
        said: dict[str, str] = {}
        for sentence in sentences:
            place, colon, what = sentence.partition(": ")
            if not colon or not place.startswith(f"study {name}"):
                place, what = "", sentence
            said.setdefault(what, place.removeprefix(f"study {name}").lstrip(", "))
        if len(said) == 1:
            super().__init__(sentences[0])
            return
        lines = (f"\n- {place}{': ' if place else ''}{what}" for what, place in said.items())
        super().__init__(f"study {name} has {len(said)} mistakes:{''.join(lines)}")


def _sentence(
    name: str, complaint: Mapping[str, Any], kind: type[BaseModel], more: tuple[str, ...]
) -> str:
    loc = complaint["loc"]
    where = ".".join(str(part) for part in loc)
    if complaint["type"] == "extra_forbidden":
        known = _known_keys(loc, kind)
        known += more if len(loc) == 1 else ()
        return f"study {name}: {where!r} is no setting; allowed there are {', '.join(known)}."
    if complaint["type"] == "missing" and isinstance(loc[-1], int):
        what = ".".join(str(part) for part in loc[:-1])
        return f"study {name}: {what} has too few entries; give {loc[-1] + 1}."
    if complaint["type"] == "missing":
        return f"study {name}: {where!r} is missing; add it."
    if complaint["type"] == "value_error":  # a sentence of ours
        what = complaint["msg"].removeprefix("Value error, ")
        return f"study {name}: {what}{'.' if '; ' in what else '; correct it.'}"
    must = _MUST.get(complaint["type"], "must be text, a number, true or false, a list or a table")
    what = must.format(**complaint.get("ctx", {}))
    return f"study {name}: {where} is {complaint['input']!r:.60}, but {what}; correct it."


def _known_keys(loc: tuple[int | str, ...], kind: type[BaseModel]) -> list[str]:
    """Return the keys that are allowed where a complaint points to."""
    model = kind
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        inner = next(iter(get_args(inner)), inner)  # of what may be None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        model = inner
    hidden = HIDDEN if model is kind else ()
    return [key for key in model.model_fields if key not in hidden]
