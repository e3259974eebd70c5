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


POWER = (
    "smallest_detectable",
    "smallest_detectable_relative",
    "seeds_needed",
    "images_needed",
    "n_changed",
)


def comparable(verdict: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict without the numbers that these versions compute otherwise.

    The ends of the intervals of items of slices: where nothing or little changed, an end is the
    zero-event bound, for which the design effect of groups is pooled over the slice. That version
    made a slice of each class under an operation; now, as in an arm's own folder, a slice is an
    operation with all classes that it was for. Power, and the part of the sentence that tells it:
    that version had Bloom's formula, now it is the power of `misread power`.
    """
    items = [
        item | {"effect": item["effect"] | {"low": None, "high": None}}
        if item["kind"] == "slice"
        else item
        for item in verdict["collateral"]
    ]
    cells = [cell | dict.fromkeys(POWER) for cell in verdict["cells"]]
    reason = verdict["reason"].partition("): ")[0]
    return verdict | {"collateral": items, "cells": cells, "reason": reason}


@pytest.mark.parametrize("name", ["trial", "adaptive", "pair"])
def test_a_study_with_a_target_is_judged_as_it_was(name: str, tmp_path: Path) -> None:
    """The verdict, its qualifier, every status, and every number but those of `comparable`."""
    folder = unpacked(name, tmp_path)
    stored = json.loads((folder / "verdict.json").read_text("utf-8"))
    evidence = load_evidence(folder)
    assert evidence.plan.sha256 == json.loads((folder / "plan.json").read_text("utf-8"))["sha256"]
    assert stored["arms"].keys() == evidence.verdicts.keys()
    for arm, verdict in evidence.verdicts.items():
        judged = comparable(verdict.model_dump(mode="json"))
        assert judged == comparable(stored["arms"][arm]), arm


@pytest.mark.parametrize("name", ["comparison", "axis"])
def test_a_study_of_accuracies_comes_to_what_it_did(name: str, tmp_path: Path) -> None:
    folder = unpacked(name, tmp_path)
    stored = json.loads((folder / "comparison.json").read_text("utf-8"))
    assert load_evidence(folder).accuracies.model_dump(mode="json") == stored
