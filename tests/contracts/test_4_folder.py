"""A folder that an earlier version made is still read, and judged with the same verdict."""

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest

from misread.errors import StoreError
from misread.study.baseline import baseline_predictions
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


def wrong(item: dict[str, Any]) -> float:
    """Return the error rate before."""
    before: float = item["before"]
    return 1 - before if item["kind"] in {"accuracy", "recall"} else before


def ended(effect: dict[str, Any], before: float) -> dict[str, Any]:
    """Return an effect whose interval ends where the parameter does."""
    ends = {"low": max(effect["low"], 0.0 - before), "high": min(effect["high"], 1 - before)}
    return effect | ends


def unended(effect: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return an effect without its ends, where the rate before is not stored beside it."""
    return effect and effect | {"low": None, "high": None}


def comparable(verdict: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict without the numbers that these versions compute otherwise.

    The ends of the intervals of items of slices: where nothing or little changed, an end is the
    zero-event bound, for which the design effect of groups is pooled over the slice. That version
    made a slice of each class under an operation; now, as in an arm's own folder, a slice is an
    operation with all classes that it was for. Power, and the part of the sentence that tells it:
    that version had Bloom's formula, now it is the power of `misread power`. Ends beyond what can
    be, such as a fall by more errors than there were.
    """
    items = [
        item | {"effect": item["effect"] | {"low": None, "high": None}}
        if item["kind"] == "slice"
        else item | {"effect": ended(item["effect"], wrong(item))}
        for item in verdict["collateral"]
    ]
    cells = [
        cell
        | dict.fromkeys(POWER)
        | {"effect": ended(cell["effect"], cell["before"])}
        | {"effect_undisputed": unended(cell["effect_undisputed"])}
        for cell in verdict["cells"]
    ]
    reason = verdict["reason"].partition("): ")[0]
    return verdict | {"collateral": items, "cells": cells, "reason": reason}


def as_stored(value: Any, stored: Any) -> Any:
    """Return a value without the fields that later versions have added, rounded as it was."""
    if isinstance(value, float) and isinstance(stored, float) and math.isclose(value, stored):
        return stored
    if isinstance(value, dict) and isinstance(stored, dict):
        return {k: as_stored(v, stored[k]) for k, v in value.items() if k in stored}
    if isinstance(value, list) and isinstance(stored, list):
        return [as_stored(*both) for both in zip(value, stored, strict=True)]
    return value


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
        assert as_stored(judged, was := comparable(stored["arms"][arm])) == was, arm


@pytest.mark.parametrize("name", ["comparison", "axis"])
def test_a_study_of_accuracies_comes_to_what_it_did(name: str, tmp_path: Path) -> None:
    folder = unpacked(name, tmp_path)
    stored = json.loads((folder / "comparison.json").read_text("utf-8"))
    assert as_stored(load_evidence(folder).accuracies.model_dump(mode="json"), stored) == stored


def test_errors_alone_are_read_and_a_run_without_its_config_is_refused(tmp_path: Path) -> None:
    folder = unpacked("errors", tmp_path)
    assert "on select, 2 seeds" in baseline_predictions(folder).source
    for path in folder.glob("arms/baseline/*/config.json"):
        path.unlink()
    with pytest.raises(StoreError, match=r"config\.json does not exist"):
        baseline_predictions(folder)
