"""The three parts of a study: *fit* trains, *select* chooses, *confirm* proves.

*Select* is one tenth of the training set, stratified by class. Which tenth it is rotates with the
seed of a study, so that ten seeds read every training image once without having seen it: one fixed
tenth names the wrong worst cell. *Confirm* is the test set, opened only by a locked plan.
"""

import numpy as np

from misread.data.dataset import Labels
from misread.errors import DataError
from misread.images import Ids
from misread.seeds import derive

N_FOLDS = 10
_ROOT = 0  # the tenths belong to the dataset, not to a run: the same for all seeds and studies


def folds(labels_N: Labels, n_folds: int = N_FOLDS) -> Labels:
    """Return the fold of each image, `int64 [N]` in [0, n_folds), stratified and deterministic.

    Within each class the images are shuffled once and dealt out like cards, each class beginning
    where the last one stopped: class counts and fold sizes differ by at most one between folds.
    """
    folds_N = np.empty(len(labels_N), dtype=np.int64)
    n_dealt = 0
    for label in np.unique(labels_N):
        ids = derive(_ROOT, "folds", int(label)).permutation(np.flatnonzero(labels_N == label))
        folds_N[ids] = (n_dealt + np.arange(len(ids))) % n_folds
        n_dealt += len(ids)
    return folds_N


def split(labels_N: Labels, fold: int, n_folds: int = N_FOLDS) -> tuple[Ids, Ids]:
    """Return the ids of *fit* and of *select*, ascending, when tenth `fold` is held out.

    Raises
    ------
    DataError
        If there is no such fold.
    """
    if not 0 <= fold < n_folds:
        msg = f"select fold {fold} does not exist; choose one from 0 to {n_folds - 1}."
        raise DataError(msg)
    held_out_N = folds(labels_N, n_folds) == fold
    return np.flatnonzero(~held_out_N), np.flatnonzero(held_out_N)


def stratified_subset(labels_N: Labels, size: int | None) -> Ids:
    """Return ascending ids of about `size` images with the classes in proportion (None: all).

    Deterministic, and nested: a smaller subset lies within a larger one of the same labels.
    """
    if size is None or size >= len(labels_N):
        return np.arange(len(labels_N))
    parts = []
    for label in np.unique(labels_N):
        ids = derive(_ROOT, "subset", int(label)).permutation(np.flatnonzero(labels_N == label))
        parts.append(ids[: max(1, round(size * len(ids) / len(labels_N)))])
    return np.sort(np.concatenate(parts))
