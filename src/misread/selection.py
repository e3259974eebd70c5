"""Finding the confusion: what the baseline models misread on *select*, over seeds."""

from typing import Any

import numpy as np

from misread.data.sources import load
from misread.judge.confusion import class_metrics, confusion_counts, rank_cells
from misread.store import RunFolder
from misread.study import Study


def errors_on_select(study: Study, folders: list[RunFolder]) -> dict[str, Any]:
    """Return what the baseline models misread on *select*.

    Parameters
    ----------
    study
        The study.
    folders
        Its trained baseline runs, one per seed.

    Returns
    -------
    dict
        As it goes into `errors.json`: accuracy per seed; `cells`, every directed cell in rank order
        as `CellRank`, each with the `images` behind it: id in the training set, seed, probability
        of the label and of the reading.
    """
    train, _ = load(study.dataset)
    n_classes = train.n_classes
    counts, accuracies = [], []
    images: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for folder in folders:
        read = folder.select()
        labels_M, predictions_M = read["labels"].astype(int), read["predictions"][0].astype(int)
        counts.append(confusion_counts(labels_M, predictions_M, n_classes))
        accuracies.append(class_metrics(counts[-1]).accuracy)
        for place in np.flatnonzero(labels_M != predictions_M):
            cell = (int(labels_M[place]), int(predictions_M[place]))
            images.setdefault(cell, []).append(
                {
                    "id": int(read["ids"][place]),
                    "seed": folder.seed,
                    "prob_label": round(float(read["probs"][0, place, cell[0]]), 4),
                    "prob_reading": round(float(read["probs"][0, place, cell[1]]), 4),
                }
            )
    cells = [
        cell.model_dump(mode="json") | {"images": images.get((cell.true, cell.predicted), [])}
        for cell in rank_cells(np.stack(counts))
    ]
    return {
        "study": study.name,
        "smoke": study.smoke,
        "part": "select",
        "seeds": list(study.seeds),
        "n_images_per_seed": [int(count_KK.sum()) for count_KK in counts],
        "accuracy": accuracies,
        "cells": cells,
    }
