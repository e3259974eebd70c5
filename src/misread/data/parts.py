"""The three parts of a study: *fit* trains, *select* chooses, *confirm* proves.

*Select* is one tenth of the training set, stratified by class. Which tenth it is rotates with the
seed of a study, so that ten seeds read every training image once without having seen it: one fixed
tenth names the wrong worst cell. *Confirm* is the test set, opened only by a locked plan.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset, Labels
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


def split(labels_N: Labels, fold: int) -> tuple[Ids, Ids]:
    """Return the ids of *fit* and of *select*, ascending, when tenth `fold` is held out.

    DataError if there is no such fold.
    """
    if not 0 <= fold < N_FOLDS:
        msg = f"select fold {fold} does not exist; choose one from 0 to {N_FOLDS - 1}."
        raise DataError(msg)
    held_out_N = folds(labels_N) == fold
    return np.flatnonzero(~held_out_N), np.flatnonzero(held_out_N)


def prove_half(train: Dataset) -> npt.NDArray[np.bool_]:
    """Return which images of a training set are of the half that proves, `[N]`.

    The other half *explores*: finds and tunes. Groups (writers; images where there are none) are
    dealt by a hash of dataset and group, the same in every study, so that what was tuned on one
    half of the writers is proven on the other.
    """
    units_N = np.arange(len(train)) if train.groups_N is None else train.groups_N
    unit_U, place_N = np.unique(units_N, return_inverse=True)
    first = f"{train.sha256}/".encode()
    digests = (hashlib.sha256(first + str(unit).encode()).digest() for unit in unit_U.tolist())
    odd_U = np.array([digest[0] % 2 == 1 for digest in digests], dtype=np.bool_)
    return odd_U[place_N]


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
