"""A folder that an earlier version made is still read, and judged with the same verdict."""

import json
import zipfile
from pathlib import Path

import pytest

from misread.study.differences import load_compared
from misread.study.evidence import load_evidence

FOLDERS = Path(__file__).parents[1] / "folders"


def unpacked(name: str, place: Path) -> Path:
    with zipfile.ZipFile(FOLDERS / f"{name}.zip") as archive:
        archive.extractall(place / name)
    return place / name


@pytest.mark.parametrize("name", ["trial", "adaptive", "pair"])
def test_a_study_with_a_target_is_judged_as_it_was(name: str, tmp_path: Path) -> None:
    folder = unpacked(name, tmp_path)
    stored = json.loads((folder / "verdict.json").read_text("utf-8"))
    evidence = load_evidence(folder)
    assert evidence.plan.sha256 == json.loads((folder / "plan.json").read_text("utf-8"))["sha256"]
    assert {
        arm: verdict.model_dump(mode="json") for arm, verdict in evidence.verdicts.items()
    } == stored["arms"]


@pytest.mark.parametrize("name", ["comparison", "axis"])
def test_a_study_of_accuracies_comes_to_what_it_did(name: str, tmp_path: Path) -> None:
    folder = unpacked(name, tmp_path)
    stored = json.loads((folder / "comparison.json").read_text("utf-8"))
    assert load_compared(folder).outcome.model_dump(mode="json") == stored
