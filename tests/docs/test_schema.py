"""The published schema: it says what the models say, and takes what the judge writes alone."""

import copy
import importlib.util
import json

import jsonschema
import pytest
from pydantic import BaseModel

from misread.study.outcome import StudyVerdict
from verdict_cases import cases


@pytest.fixture(scope="module")
def script(project):
    spec = importlib.util.spec_from_file_location("schema_script", project / "scripts/schema.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def schema(script):
    return json.loads(script.PATH.read_text("utf-8"))


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def of_study(arms):
    return StudyVerdict(
        study="four-nine", smoke=False, exploratory="", plan_sha256="0" * 64, seeds=(1,), arms=arms
    ).model_dump(mode="json")


def test_the_published_file_is_up_to_date(script, schema):
    assert schema == script.schema(), "run python scripts/schema.py"


def test_the_check_says_so_when_it_is_not(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "PATH", tmp_path / "schema.json")
    monkeypatch.setattr(script.sys, "argv", ["schema.py", "--check"])
    assert script.main() == 1
    assert "run python scripts/schema.py" in capsys.readouterr().err
    monkeypatch.setattr(script.sys, "argv", ["schema.py"])
    assert script.main() == 0
    monkeypatch.setattr(script.sys, "argv", ["schema.py", "--check"])
    assert script.main() == 0


@pytest.mark.parametrize("name", cases())
def test_every_verdict_fits(validator, name):
    validator.validate(json.loads(cases()[name].model_dump_json()))


def test_a_study_s_file_fits(validator):
    validator.validate(of_study(cases()))


def test_every_field_is_required_and_told(schema):
    for model in schema["$defs"].values():
        assert set(model["required"]) == set(model["properties"])
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


def test_whatever_is_altered_no_longer_fits(validator):
    """Each value replaced by one of a wrong type, each key missing, each object with a key more."""
    good = of_study({"documented": cases()["harm-by-slice"]})
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


def test_a_field_without_words_is_refused(script):
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
        Bare.model_json_schema(schema_generator=script.FromDocstrings)
