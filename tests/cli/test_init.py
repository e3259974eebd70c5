"""`misread init`: files that run as they are, and with everything that they mention."""

import json
import re
import tomllib

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.study.file import builtin_studies, load_study
from misread.study.schema import TABLES, descriptions, study_schema


@pytest.fixture
def pets(tmp_path):
    images = np.zeros((60, 6, 6, 3), np.uint8)
    np.savez(tmp_path / "pets.npz", images=images, labels=["cat", "dog", "cow"] * 20)
    return f"npz:{tmp_path}/pets.npz"


def init(*arguments):
    return CliRunner().invoke(main, ["init", *map(str, arguments)])


@pytest.mark.parametrize("options", [[], ["--target", "cat:dog"], ["--trainer", "mine:train"]])
def test_what_it_writes_is_a_study(pets, options, tmp_path):
    path = tmp_path / "mine.toml"
    data = pets if options else "mnist"
    done = init(tmp_path / "mine", "--data", data, *options)
    assert done.exit_code == 0, done.output
    assert f"misread run {path} --smoke" in " ".join(done.output.split())
    study = load_study(str(path))
    assert study.name == "mine"
    assert study.asks_target
    if "--target" in options:
        assert study.target == (0, 2)
    jsonschema.validate(tomllib.loads(path.read_text()), study_schema())
    # What stands there as a comment can be taken out of it.
    text = re.sub(r"^# (?=[a-z_]+ = |\[)", "", path.read_text(), flags=re.MULTILINE)
    if data != "mnist":
        text = re.sub(r"^corruptions.*$", "", text, flags=re.MULTILINE)
    assert text != path.read_text()
    path.write_text(re.sub(r"^seeds = .*$", "seeds = [1]", text, flags=re.MULTILINE))
    assert load_study(str(path)).adaptive is not None


def test_it_replaces_nothing_and_leaves_nothing_half_done(pets, tmp_path):
    done = init(tmp_path / "mine", "--data", pets, "--target", "cat:mouse")
    assert done.exit_code == 2
    assert "there is no class 'mouse'" in done.stderr
    assert not (tmp_path / "mine.toml").exists()
    assert init(tmp_path / "mine", "--data", pets, "--schema").exit_code == 0
    assert (tmp_path / "mine.toml").read_text().startswith("#:schema ./study.schema.json\n")
    assert json.loads((tmp_path / "study.schema.json").read_text()) == study_schema()
    done = init(tmp_path / "mine")
    assert (done.exit_code, "exists; choose another name" in done.stderr) == (2, True)


def test_the_schema_takes_every_study_that_there_is(project):
    schema = study_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    folders = (project / "src/misread/studies", project / "examples")
    paths = [path for folder in folders for path in folder.glob("*.toml")]
    assert len(paths) >= len(builtin_studies()) + 4
    for path in paths:
        jsonschema.validate(tomllib.loads(path.read_text()), schema)
    for wrong in ({"colour": 1}, {"seeds": "1"}, {"judge": {"alpha": 2}}, {"arms": 3}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"title": "x", "seeds": [1]} | wrong, schema)


def test_every_setting_is_described():
    for model in TABLES.values():
        about = descriptions(model)
        assert {*model.model_fields} <= about.keys()
        assert all(about.values())


def test_no_name_is_one_sentence():
    done = CliRunner().invoke(main, ["init", "."])
    assert done.exit_code == 2
    assert "'.' is no name of a study" in done.stderr
