"""The baseline of a study as others take it: its predictions with their images, and its errors."""

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.data.sources import load
from misread.errors import StudyError
from misread.files import read_json
from misread.images import Ids, Images
from misread.judge import Pilot, PowerAnswer, Predictions
from misread.judge.pooled import Held
from misread.learn.views import load_parts
from misread.store import Config, RunFolder
from misread.study.arms import BASELINE
from misread.study.file import load_study
from misread.study.folder import select_folds
from misread.study.held_out import held_for, pooled_for
from misread.study.plan import load_plan
from misread.study.questions import cell_in
from misread.study.select import Errors, cell_on_confirm, pilot_on_select, target_of
from misread.study.study import SMOKE


@dataclass(frozen=True)
class BaselinePredictions:
    """Predictions of a study's baseline, and their images."""

    predictions: Predictions  # a row per seed; of *select* one row for all, which read other images
    images: Images
    source: str  # folder and part in words
    exploratory: str  # why nothing is proven by them; "" where nothing speaks against them


def baseline_predictions(folder: Path) -> BaselinePredictions:
    """Return what the baseline of a study predicts on *confirm*, on *select* where that is closed.

    StudyError if it has read neither; else errors as in `load_evidence`.
    """
    return _on_confirm(folder) or _on_select(folder)


def _on_confirm(folder: Path) -> BaselinePredictions | None:
    """Return the predictions on *confirm*; None while the plan or a run is missing."""
    if not (folder / "plan.json").exists():
        return None
    plan = load_plan(folder)
    planned = [RunFolder(folder, BASELINE, seed) for seed in plan.study.seeds]
    runs = list(takewhile(lambda run: run.is_complete, planned))
    if len(runs) < len(planned) and (plan.study.adaptive is None or not runs):
        return None  # a baseline with looks ends where the last arm is settled
    parts = load_parts(plan.study.dataset, plan.study.sizes["confirm_size"])
    preds_SN = np.concatenate([run.predictions()["predictions"] for run in runs])
    source = f"{folder}: the baseline on confirm."
    return _predictions_of(parts.confirm, parts.confirm_ids_N, preds_SN, source, plan.exploratory)


def _on_select(folder: Path) -> BaselinePredictions:
    """Return what all baseline seeds predict on *select*, each on its own tenth, as one row."""
    errors = _read_errors(folder, "a file")
    runs = [RunFolder(folder, BASELINE, seed) for seed in errors["seeds"]]
    parts = [run.select() for run in runs]
    train, _ = load(read_json(runs[0].path / "config.json", Config)["dataset"])
    ids_N = np.concatenate([part["ids"] for part in parts])
    source = (
        f"{folder}: the baseline on select, {len(runs)} seed{'s' * (len(runs) > 1)}, each with "
        "images of its own: their errors together, in one row."
    )
    preds_SN = np.hstack([part["predictions"] for part in parts])
    return _predictions_of(
        train.take(ids_N), ids_N, preds_SN, source, SMOKE if errors["smoke"] else ""
    )


def _predictions_of(
    taken: Dataset, ids_N: Ids, preds_SN: npt.NDArray[np.uint8], source: str, exploratory: str
) -> BaselinePredictions:
    unique = np.unique(ids_N).size == ids_N.size  # eleven seeds read a tenth twice
    predictions = Predictions(
        taken.labels_N,
        preds_SN,
        taken.class_names,
        ids=ids_N if unique else None,
        disputed_N=taken.disputed_N,
    )
    return BaselinePredictions(predictions, taken.images, source, exploratory)


def baseline_pilot(folder: Path, cell: str | None) -> tuple[Pilot, str, int, Held]:
    """Return what is known of a cell from the baseline's errors on *select*; *confirm* stays shut.

    The cell is the target where none is named, as in "4:9" or "cat:dog". The answer: its errors,
    its name, how many images of its true class *confirm* has, and what each seed holds out of them.
    StudyError if there are no errors yet, or no such cell; JudgeError if there is no such class, or
    no such error on *select*.
    """
    errors = _read_errors(folder, "a rate")
    plan = load_plan(folder) if (folder / "plan.json").exists() else None
    study = plan.study if plan else load_study(errors["study"], smoke=errors["smoke"])
    parts = load_parts(study.dataset, study.sizes["confirm_size"])
    target = (plan and plan.target) or target_of(study, errors).cell
    if cell is not None:
        target = cell_in(cell, parts.confirm.class_names)
    name, n_images = cell_on_confirm(study, target, parts.confirm)
    folds = plan.select_folds if plan else select_folds(study.seeds, folder)
    pooled = plan.pooled if plan else pooled_for(study, target, parts, errors, folds)
    held = held_for(study, target, parts, folds, pooled)
    return pilot_on_select(errors, target), name, n_images, held


def planned_answer(folder: Path) -> PowerAnswer | None:
    """Return the forecast of a locked plan, which verdicts quote; None where there is none."""
    return load_plan(folder).planned_power if (folder / "plan.json").exists() else None


def _read_errors(folder: Path, other: str) -> dict[str, Any]:
    path = folder / "errors.json"
    if not path.exists():
        msg = (
            f"{folder} holds no errors.json; run `misread errors STUDY --train` first, or give "
            f"{other}."
        )
        raise StudyError(msg)
    return dict(read_json(path, Errors))
