"""The finished runs of an arm: readings, histories, results."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset, Labels
from misread.data.parts import prove_half
from misread.judge import Predictions
from misread.judge.trade import Leans, backs_of, gaps_of, logits_of
from misread.learn.views import Part, Parts, View, views_in
from misread.readers.read import side_of_runs
from misread.store import RunFolder
from misread.study.plan import Plan, Pooled

Readings = npt.NDArray[np.integer[Any]]
_Read = tuple[npt.NDArray[np.int64], Readings]  # places in the training set, and predictions


@dataclass(frozen=True)
class ArmRuns:
    """S finished runs of an arm, a row per seed."""

    seeds: tuple[int, ...]
    folders: tuple[RunFolder, ...]
    side: Predictions  # of *confirm*, and of every view of the plan as a slice
    views: dict[View, Readings]  # predictions in each view, `[S,M]`
    ids: dict[View, npt.NDArray[np.int64]]  # places of a view's images in *confirm*, `[M]`
    pooled: Predictions | None = None  # with held-out images, where the plan counts them

    @property
    def evidence(self) -> Predictions:
        """All predictions that count."""
        return self.pooled or self.side

    @property
    def preds_SN(self) -> Readings:
        """Predictions on *confirm*."""
        return self.side.preds_SN

    def wrong_SN(self, labels_N: Labels) -> npt.NDArray[np.int64]:
        """Return which predictions on *confirm* are wrong, 0 or 1."""
        wrong_SN: npt.NDArray[np.int64] = (self.preds_SN != labels_N).astype(np.int64)
        return wrong_SN

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
        """Contents of `result.json`."""
        return tuple(folder.result() for folder in self.folders)

    @cached_property
    def environments(self) -> tuple[dict[str, Any], ...]:
        """Contents of `environment.json`."""
        return tuple(folder.environment() for folder in self.folders)


def load_arm(plan: Plan, parts: Parts, folder: Path, arm: str, n_seeds: int) -> ArmRuns:
    """Return what the first `n_seeds` runs of an arm hold; StoreError if one is lost or damaged."""
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
    # a run may be from before the plan changed, and hold views that other arms do not
    planned = [*(view.treatment for view in plan.slices), *plan.study.corruptions]
    slices = {name: part for name, part in side.slices.items() if name in planned}
    side = replace(side, slices=slices)
    numbers = {view: number for number, view in enumerate(views_in(runs[0]))}
    return ArmRuns(
        seeds,
        folders,
        side,
        {v: np.stack([run[f"slice_{k}_predictions"] for run in runs]) for v, k in numbers.items()},
        {v: runs[0][f"slice_{k}_ids"] for v, k in numbers.items()},
        with_held_out(side, plan, plan.pooled, parts, folders) if plan.pooled else None,
    )


def with_held_out(
    side: Predictions, plan: Plan, pooled: Pooled, parts: Parts, folders: Sequence[RunFolder]
) -> Predictions:
    """Return what an arm read in *confirm* together with what each seed has held out.

    Errors as in `load_arm`.
    """
    train = parts.train
    counts_N = prove_half(train) if pooled.prove_only else np.ones(len(train), dtype=np.bool_)

    def counted(folder: RunFolder, ids_M: npt.NDArray[np.int64], preds_M: Readings) -> _Read:
        is_unseen = plan.select_folds[folder.seed] not in pooled.seen_tenths
        kept_M = counts_N[ids_M] & is_unseen
        return ids_M[kept_M], preds_M[kept_M]

    selects = [folder.select() for folder in folders]
    clean = [
        counted(folder, select["ids"], select["predictions"][0])
        for folder, select in zip(folders, selects, strict=True)
    ]
    whole = _joined(replace(side, slices={}), clean, train, plan)
    read_of: dict[str, list[list[_Read]]] = {}
    for row, (folder, select) in enumerate(zip(folders, selects, strict=True)):
        arrays = folder.held_out(select) if plan.held_out_slices else {}
        for number, view in enumerate(views_in(arrays, Part.SELECT) if arrays else ()):
            rows = read_of.setdefault(view.treatment, [[] for _ in folders])
            ids_M = select["ids"][arrays[f"slice_{number}_ids"]]
            preds_M = arrays[f"slice_{number}_predictions"]
            rows[row].append(counted(folder, ids_M, preds_M))
    for name, part in side.slices.items():
        read = [
            (np.concatenate([ids for ids, _ in row]), np.concatenate([p for _, p in row]))
            for row in read_of.get(name, ())
        ]
        whole = whole.with_slice(name, _joined(part, read, train, plan) if read else part)
    return whole


def _joined(side: Predictions, read: Sequence[_Read], train: Dataset, plan: Plan) -> Predictions:
    """Return a side with the images behind it that its seeds have held out."""
    ids_M = np.unique(np.concatenate([ids for ids, _ in read]))
    if not ids_M.size:
        return side
    preds_SM = np.zeros((len(read), ids_M.size), dtype=side.preds_SN.dtype)
    held_SM = np.zeros(preds_SM.shape, dtype=np.bool_)
    for row, (ids, preds) in enumerate(read):
        places = np.searchsorted(ids_M, ids)
        preds_SM[row, places], held_SM[row, places] = preds, True
    taken = train.take(ids_M)

    def joined(one: Any, other: Any) -> Any:
        return None if one is None or other is None else np.concatenate([one, other])

    disputed_N = side.disputed_N if taken.disputed_N is not None else None
    return Predictions(
        np.concatenate([side.labels_N, taken.labels_N.astype(side.labels_N.dtype)]),
        np.concatenate([side.preds_SN, preds_SM], axis=1),
        side.class_names,
        side.seeds,
        disputed_N=joined(disputed_N, taken.disputed_N),
        groups=joined(side.groups, taken.groups_N if plan.grouped else None),
        held_out_SN=np.concatenate([np.ones(side.preds_SN.shape, dtype=np.bool_), held_SM], axis=1),
    )


def leans_of(runs: ArmRuns, plan: Plan, parts: Parts) -> Leans | None:
    """Return how the target's readings would change if an arm's boundary were moved.

    None where the plan has no target or the runs no probabilities. Errors as in `load_arm`.
    """
    if plan.target is None:
        return None
    true, predicted = plan.target
    counts_N = np.ones(len(parts.train), dtype=np.bool_)
    if plan.pooled is None or plan.pooled.prove_only:
        counts_N = prove_half(parts.train) if plan.pooled else ~counts_N
    gaps, backs = [], []
    for folder in runs.folders:
        confirm, select = folder.predictions(), folder.select()
        if not ("probs" in confirm and "probs" in select):
            return None
        unseen = plan.pooled and plan.select_folds[folder.seed] not in plan.pooled.seen_tenths
        kept_M = counts_N[select["ids"]] & bool(unseen)
        labels = np.concatenate([confirm["labels"], select["labels"][kept_M]])
        probs = np.concatenate([confirm["probs"][0], select["probs"][0, kept_M]])
        logits = logits_of(probs)
        gaps.append(gaps_of(logits[labels == true], true, predicted))
        backs.append(backs_of(logits[labels == predicted], true))
    return Leans(tuple(gaps), tuple(backs))
