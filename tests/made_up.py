"""Evidence that no training made: readings of real images with errors drawn at random."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.mnist import load_mnist
from misread.data.parts import stratified_subset
from misread.judge import confusion_counts, rank_cells
from misread.judge.trade import Leans
from misread.learn.views import Parts
from misread.readers.read import side_of_runs
from misread.seeds import derive
from misread.study.evidence import Evidence
from misread.study.file import load_study
from misread.study.plan import Plan, TargetFrom, counter_slices
from misread.study.runs import ArmRuns
from misread.study.select import preview_views

TARGET = (4, 9)


@lru_cache
def made_up(
    n_seeds: int = 3,
    arms: tuple[str, ...] = ("documented", "both"),
    *,
    error_rate: float = 0.02,
    exploratory: str = "",
) -> Evidence:
    """Return evidence with made-up readings of 600 real images.

    The documented arm reads eroded fours as nines in a third of the cases, the others do not.
    """
    rng = derive(0, "show tests")
    train, test = load_mnist()
    train, confirm = (part.take(stratified_subset(part.labels_N, 600)) for part in (train, test))
    study = load_study("four-nine", seeds=tuple(range(n_seeds)), arms=arms, epochs=2)
    policies = study.policies(TARGET)
    labels_N = confirm.labels_N

    def readings(own_M: npt.NDArray[np.int64], rate: float, wrong: int) -> npt.NDArray[np.uint8]:
        hit_SM = (rng.random((n_seeds, own_M.size)) < rate) & (own_M != wrong)
        return np.where(hit_SM, wrong, own_M).astype(np.uint8)

    slices = counter_slices([policy for policy in policies.values() if policy], TARGET)
    pieces = []
    for piece in slices:
        ids_M = np.flatnonzero(labels_N == piece.label)
        bad = {"documented"} if (piece.operation, piece.label) == ("erode", 4) else set()
        other = TARGET[1 - TARGET.index(piece.label)]
        pieces.append(
            {
                arm: readings(labels_N[ids_M], 17 * error_rate if arm in bad else error_rate, other)
                for arm in policies
            }
        )
    predictions = {arm: readings(labels_N, error_rate, 9) for arm in policies}
    counts_SKK = np.stack([confusion_counts(labels_N, row, 10) for row in predictions["baseline"]])
    cells = [
        cell.model_dump(mode="json")
        | {
            "images": [
                {"id": 0, "seed": seed, "prob_label": 0.2, "prob_reading": 0.7}
                for seed, counts_KK in enumerate(counts_SKK)
                for _ in range(int(counts_KK[cell.true, cell.predicted]))
            ]
        }
        for cell in rank_cells(counts_SKK)
    ]
    target = next(cell for cell in cells if (cell["true"], cell["predicted"]) == TARGET)
    operations = [
        {
            "operation": piece.operation,
            "size_px": piece.size_px,
            "label": piece.label,
            "n_images": 60,
            "changed_share": float(piece.size_px > 1),
            "ink_before": 0.12,
            "ink_after": 0.12 * piece.size_px,
            "thickness_before_px": 2.2,
            "thickness_after_px": 2.2 * piece.size_px,
            "error_before": error_rate,
            "error_after": error_rate * piece.size_px,
            "as_target_before": error_rate / 2,
            "as_target_after": error_rate * piece.size_px / 2,
        }
        for piece in preview_views(study, TARGET)
    ]
    shares = [
        {
            "arm": arm,
            "size_px": list(policy.size_px),
            "probability": policy.probability,
            "drawn": 140,
            "changed_share": {"all": 0.51},
        }
        for arm, policy in study.policy.resolve(TARGET).items()
    ]
    epochs = [
        {
            "epoch": epoch,
            "loss": 1 / epoch,
            "accuracy": 1 - 0.1 / epoch,
            "select_loss": 0.5 / epoch,
            "select_accuracy": 1 - 0.05 / epoch,
            "treated": 0,
            "changed": 0,
        }
        for epoch in (1.0, 2.0)
    ]
    plan = Plan(
        study=study,
        target=TARGET,
        target_from=TargetFrom.FILE,
        target_on_select=target,
        policies=policies,
        slices=tuple(slices),
        dataset_sha256=("0" * 64, "1" * 64),
        select_folds={seed: seed % 10 for seed in study.seeds},
        exploratory=exploratory,
    )
    names = [view.name for view in slices]
    environment = {
        "python": "3.11.7",
        "platform": "Linux",
        "machine": "x86_64",
        "backend": "tensorflow",
        "threads": 1,
        "versions": {"misread": "0.1.0", "keras": "3.15.1"},
        "train_seconds": 12.5,
    }
    ids = {view: np.flatnonzero(labels_N == view.label) for view in slices}
    runs = {}
    for arm in policies:
        arrays = [
            {
                "labels": labels_N,
                "predictions": predictions[arm][row][np.newaxis],
                "disputed": confirm.disputed_N,
                "slice_names": np.array(names),
                "slice_treatments": np.array([view.treatment for view in slices]),
                **{f"slice_{k}_ids": ids[view] for k, view in enumerate(slices)},
                **{f"slice_{k}_predictions": own[arm][row] for k, own in enumerate(pieces)},
            }
            for row in range(n_seeds)
        ]
        side = side_of_runs(arrays, [str(seed) for seed in study.seeds], confirm.class_names)
        views = {view: own[arm] for view, own in zip(slices, pieces, strict=True)}
        runs[arm] = ArmRuns(study.seeds, (), side, views, ids)
        vars(runs[arm]).update(
            histories=(epochs,) * n_seeds, environments=(environment,) * n_seeds, results=()
        )
    evidence = Evidence(
        folder=Path("nowhere"),
        plan=plan,
        parts=Parts(train, confirm, np.arange(len(confirm)), plan.dataset_sha256),
        runs=runs,
        errors={
            "part": "select",
            "seeds": list(study.seeds),
            "accuracy": [0.98] * n_seeds,
            "cells": cells,
        },
        preview={"study": study.name, "smoke": False, "shares": shares, "operations": operations},
    )
    vars(evidence)["select_sizes_SK"] = counts_SKK.sum(axis=2)
    vars(evidence)["leans"] = leans(confirm.labels_N, runs["baseline"].side.preds_SN)
    return evidence


def leans(labels_N: npt.NDArray[Any], preds_SN: npt.NDArray[Any]) -> Leans:
    """Return margins that go with readings: on the side that was read, at random."""
    rng = np.random.default_rng(5)
    sides = []
    for label, other, sign in ((*TARGET, 1), (*TARGET[::-1], -1)):
        read_SM = preds_SN[:, labels_N == label]
        size_SM = rng.exponential(2, read_SM.shape)
        sides.append(tuple(sign * np.where(read_SM == other, size_SM, -size_SM)))
    return Leans(*sides)


def changed(
    evidence: Evidence,
    predictions: Mapping[str, npt.NDArray[Any]] | None = None,
    class_names: tuple[str, ...] | None = None,
    confirm_ids_N: npt.NDArray[np.int64] | None = None,
    folder: Path | None = None,
) -> Evidence:
    """Return the evidence with other readings, class names, places or folder.

    Readings of another number of seeds have no slices, and seeds 0, 1, 2, …; with other readings
    nothing is known of the images that seeds held out.
    """
    parts, runs = evidence.parts, {}
    names = class_names or parts.confirm.class_names
    parts = Parts(
        replace(parts.train, class_names=names),
        replace(parts.confirm, class_names=names),
        parts.confirm_ids_N if confirm_ids_N is None else confirm_ids_N,
        parts.sha256,
    )
    for arm, own in evidence.runs.items():
        side, seeds = own.side, own.seeds
        if predictions is not None and len(predictions[arm]) != len(seeds):
            seeds = tuple(range(len(predictions[arm])))
            side = replace(side, seeds=tuple(map(str, seeds)), slices={}, preds_SN=predictions[arm])
        elif predictions is not None:
            side = replace(side, preds_SN=predictions[arm])
        slices = {name: replace(part, class_names=names) for name, part in side.slices.items()}
        side = replace(side, class_names=names, slices=slices)
        pooled = own.pooled if predictions is None else None
        runs[arm] = replace(own, side=side, seeds=seeds, pooled=pooled)
        kept = ("histories", "environments", "results")
        vars(runs[arm]).update({name: getattr(own, name) for name in kept})
    other = replace(evidence, folder=folder or evidence.folder, parts=parts, runs=runs)
    if evidence.errors:
        vars(other)["select_sizes_SK"] = evidence.select_sizes_SK
    return other
