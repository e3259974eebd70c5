"""The published schema: it says what the models say, and takes what the judge writes alone."""

import copy
import json

import jsonschema
import pytest
from pydantic import BaseModel

from misread.study.verdict import StudyVerdict
from verdict_cases import cases


@pytest.fixture(scope="module")
def schema(project):
    return json.loads((project / "docs/verdict.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def of_study(arms):
    return StudyVerdict(
        study="four-nine", smoke=False, exploratory="", plan_sha256="0" * 64, seeds=(1,), arms=arms
    ).model_dump(mode="json")


@pytest.mark.parametrize("name", cases())
def test_every_verdict_fits(validator, name):
    validator.validate(json.loads(cases()[name].model_dump_json()))


def test_a_study_s_file_fits(validator):
    validator.validate(of_study(cases()))


def test_every_field_is_required_and_told(schema):
    for model in schema["$defs"].values():
        if "enum" in model:
            assert model["description"]
            continue
        left_out = {
            "safe",
            "against",
        }  # of a forecast of the cell alone; of a study, whose arms have names
        assert set(model["properties"]) - set(model["required"]) <= left_out
        assert model["description"]
        assert all(field["description"] for field in model["properties"].values())


def _paths(value, at=()):
    """Yield where every value of a JSON document stands; of a list, only the first."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*at, key))
    elif isinstance(value, list) and value:
        yield from _paths(value[0], (*at, 0))


def _short(value):
    """Return a JSON document with the first item of each list, for the others are like it.

    Lists of two are ranges, which have no other length.
    """
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    if isinstance(value, list) and len(value) != 2:
        return [_short(inner) for inner in value[:1]]
    return value


def test_whatever_is_altered_no_longer_fits(validator):
    """Each value replaced by one of a wrong type, each key missing, each object with a key more."""
    good = _short(of_study({"documented": cases()["harm-by-slice"]}))
    validator.validate(good)
    n_tried = 0
    for path in _paths(good):
        for change in ("another type", "missing", "one more"):
            bad = copy.deepcopy(good)
            holder = None
            value = bad
            for key in path:
                holder, value = value, value[key]
            if change == "another type" and holder is not None:
                holder[path[-1]] = [{"wrong": 1}] if not isinstance(value, list) else "wrong"
            elif change == "missing" and isinstance(holder, dict) and path[:-1] != ("arms",):
                del holder[path[-1]]
            elif change == "one more" and isinstance(value, dict) and path != ("arms",):
                value["one_more"] = 1
            else:
                continue
            n_tried += 1
            assert not validator.is_valid(bad), (path, change)
    assert n_tried > 100


def test_a_word_that_is_no_verdict_does_not_fit(validator):
    bad = json.loads(cases()["reduced"].model_dump_json())
    validator.validate(bad)
    assert not validator.is_valid(bad | {"verdict": "FIXED"})


def test_a_field_without_words_is_refused(project, monkeypatch):
    monkeypatch.syspath_prepend(str(project / "tools"))
    from generated import FromDocstrings

    class Bare(BaseModel):
        """A model.

        Attributes
        ----------
        told : int
            Said.
        """

        told: int
        untold: int

    with pytest.raises(ValueError, match=r"Bare.untold is not under Attributes"):
        Bare.model_json_schema(schema_generator=FromDocstrings)
