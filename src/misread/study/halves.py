"""The two halves of *select*: *explore* finds and tunes, *prove* counts as evidence.

Groups (writers; images where there are none) are dealt by a hash of dataset and group, the same in
every study. So what was tuned on one half of the writers is proven on the other.
"""

import hashlib

import numpy as np

from misread.data.dataset import Dataset
from misread.judge.checks import BoolArray
from misread.study.study import Study


def prove_half(train: Dataset) -> BoolArray:
    """Return which images of a training set are of the half that proves, `[N]`."""
    units_N = np.arange(len(train)) if train.groups_N is None else train.groups_N
    unit_U, place_N = np.unique(units_N, return_inverse=True)
    first = f"{train.sha256}/".encode()
    digests = (hashlib.sha256(first + str(unit).encode()).digest() for unit in unit_U.tolist())
    odd_U = np.array([digest[0] % 2 == 1 for digest in digests], dtype=np.bool_)
    return odd_U[place_N]


def searches(study: Study) -> bool:
    """Say whether a study finds its target itself, and proves it on held-out images too."""
    return study.target is None and study.judge.pooled


def explore_half(study: Study, train: Dataset) -> BoolArray | None:
    """Return which images of the training set a study finds its target on; None for all."""
    return ~prove_half(train) if searches(study) else None
