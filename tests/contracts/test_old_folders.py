"""A folder that an earlier version made is still read, and judged with the same verdict."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from misread.study.evidence import load_evidence

FOLDERS = Path(__file__).parents[1] / "folders"


def unpacked(name: str, place: Path) -> Path:
    with zipfile.ZipFile(FOLDERS / f"{name}.zip") as archive:
        archive.extractall(place / name)
    return place / name


def without_slice_bounds(verdict: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict without the ends of the intervals of items of slices.

    Where nothing or little changed, an end is the zero-event bound, for which the design effect of
    groups is pooled over the slice. That version made a slice of each class under an operation;
    now, as in an arm's own folder, a slice is an operation with all classes that it was for.
    """
    items = [
        item | {"effect": item["effect"] | {"low": None, "high": None}}
        if item["kind"] == "slice"
        else item
        for item in verdict["collateral"]
    ]
    return verdict | {"collateral": items}


@pytest.mark.parametrize("name", ["trial", "adaptive", "pair"])
def test_a_study_with_a_target_is_judged_as_it_was(name: str, tmp_path: Path) -> None:
    """The verdict, its qualifier, every status and every number but those bounds."""
    folder = unpacked(name, tmp_path)
    stored = json.loads((folder / "verdict.json").read_text("utf-8"))
    evidence = load_evidence(folder)
    assert evidence.plan.sha256 == json.loads((folder / "plan.json").read_text("utf-8"))["sha256"]
    assert stored["arms"].keys() == evidence.verdicts.keys()
    for arm, verdict in evidence.verdicts.items():
        judged = without_slice_bounds(verdict.model_dump(mode="json"))
        assert judged == without_slice_bounds(stored["arms"][arm]), arm


@pytest.mark.parametrize("name", ["comparison", "axis"])
def test_a_study_of_accuracies_comes_to_what_it_did(name: str, tmp_path: Path) -> None:
    folder = unpacked(name, tmp_path)
    stored = json.loads((folder / "comparison.json").read_text("utf-8"))
    assert load_evidence(folder).accuracies.model_dump(mode="json") == stored
