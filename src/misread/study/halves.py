"""The two halves of *select*: *explore* finds and tunes, *prove* counts as evidence.

Groups (writers; images where there are none) are dealt by a hash of dataset and group, the same in
every study. So what was tuned on one half of the writers is proven on the other.
"""

from misread.data.dataset import Dataset
from misread.data.parts import prove_half
from misread.judge.checks import BoolArray
from misread.study.study import Study


def searches(study: Study) -> bool:
    """Return whether only one half proves: the other one found the target, or the arms."""
    explored = study.target is None or study.judge.seen_before.explore
    return explored and study.judge.pooled


def explore_half(study: Study, train: Dataset) -> BoolArray | None:
    """Return which images of the training set a study finds its target on; None for all."""
    return ~prove_half(train) if searches(study) else None
