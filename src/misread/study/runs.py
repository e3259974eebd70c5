"""What the finished runs of an arm hold: readings, histories, results."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.judge import Predictions
from misread.learn.views import Parts, View, views_in
from misread.readers.read import side_of_runs
from misread.store import RunFolder
from misread.study.plan import Plan

Readings = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class ArmRuns:
    """What S finished runs of an arm hold, a row per seed.

    Attributes
    ----------
    seeds, folders : tuple
        The S seeds, and their folders.
    side : Predictions
        What they read in *confirm*, and in every view of the plan as a slice.
    views : mapping of View to ndarray
        What they read in each view, `[S,M]`, and `ids`, the places of its images in *confirm*
        `[M]`.
    """

    seeds: tuple[int, ...]
    folders: tuple[RunFolder, ...]
    side: Predictions
    views: dict[View, Readings]
    ids: dict[View, npt.NDArray[np.int64]]

    @property
    def preds_SN(self) -> Readings:
        """What they read in *confirm*."""
        return self.side.preds_SN

    @cached_property
    def probs_SNK(self) -> npt.NDArray[np.float16]:
        """Their probabilities in *confirm*, read when they are asked for."""
        return np.concatenate([folder.predictions()["probs"] for folder in self.folders])

    @cached_property
    def histories(self) -> tuple[list[dict[str, float]], ...]:
        """The rows of `history.csv`."""
        return tuple(folder.history() for folder in self.folders)

    @cached_property
    def results(self) -> tuple[dict[str, Any], ...]:
        """What `result.json` holds."""
        return tuple(folder.result() for folder in self.folders)

    @cached_property
    def environments(self) -> tuple[dict[str, Any], ...]:
        """What `environment.json` holds."""
        return tuple(folder.environment() for folder in self.folders)


def load_arm(plan: Plan, parts: Parts, folder: Path, arm: str, n_seeds: int) -> ArmRuns:
    """Return what the first `n_seeds` runs of an arm hold.

    Raises
    ------
    StoreError
        If a run is missing or damaged.
    """
    seeds = plan.study.seeds[:n_seeds]
    folders = tuple(RunFolder(folder, arm, seed) for seed in seeds)
    runs = [run.predictions() for run in folders]
    confirm = parts.confirm
    known = {"groups": confirm.groups_N if plan.grouped else None, "disputed": confirm.disputed_N}
    for run in runs:
        run.pop("probs", None)
        run.pop("groups", None)
        run |= {name: values for name, values in known.items() if values is not None}
    side = side_of_runs(runs, [str(seed) for seed in seeds], confirm.class_names)
    numbers = {view: number for number, view in enumerate(views_in(runs[0]))}
    return ArmRuns(
        seeds,
        folders,
        side,
        {v: np.stack([run[f"slice_{k}_predictions"] for run in runs]) for v, k in numbers.items()},
        {v: runs[0][f"slice_{k}_ids"] for v, k in numbers.items()},
    )
