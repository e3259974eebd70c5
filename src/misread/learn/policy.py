"""Policies: which operations are applied to which classes, how often and how strongly.

Drawing is apart from applying. `Policy.draw` is a pure function of (labels, seed, epoch): every
draw of every run can be replayed later without training. The numbers behind a draw do not depend on
the policy, so that two arms with the same seed treat the same images to the same size wherever both
treat the class: what differs between arms is the treatment, not the luck.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator, model_validator

from misread.data.dataset import Labels
from misread.files import Frozen
from misread.images import Images
from misread.images.operations import MAX_SIZE_PX, OPERATIONS
from misread.seeds import derive


@dataclass(frozen=True)
class Draw:
    """The operation that each image has in one epoch."""

    operation_N: npt.NDArray[np.int8]  # index into `operations`; −1 leaves an image as it is
    size_N: npt.NDArray[np.int8]  # in px; 0 where an image stays as it is
    operations: tuple[str, ...]

    @property
    def n_treated(self) -> int:
        """Number of images that an operation was drawn for (at size 1 it changes nothing)."""
        return int((self.operation_N >= 0).sum())


class Policy(Frozen):
    """A class-conditional augmentation; operation and size are drawn, each as likely."""

    operations: dict[int, tuple[str, ...]] = Field(min_length=1)  # by class
    probability: float = Field(gt=0, le=1)  # that an image of a treated class is treated
    size_px: tuple[int, int]  # smallest and largest

    @field_validator("operations")
    @classmethod
    def _known_operations(cls, value: dict[int, tuple[str, ...]]) -> dict[int, tuple[str, ...]]:
        for label, names in value.items():
            unknown = [name for name in names if name not in OPERATIONS]
            if unknown or not names:
                msg = (
                    f"class {label} names the operations {list(names)}, but needs at least one of "
                    f"{', '.join(OPERATIONS)}"
                )
                raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _sizes(self) -> "Policy":
        low, high = self.size_px
        if not 1 <= low <= high <= MAX_SIZE_PX:
            msg = f"size_px is {low} to {high}, but must be a range within 1 to {MAX_SIZE_PX}"
            raise ValueError(msg)
        return self

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The operations that occur, in the order of the registry."""
        used = {name for names in self.operations.values() for name in names}
        return tuple(name for name in OPERATIONS if name in used)

    def draw(self, labels_N: Labels, seed: int, epoch: int) -> Draw:
        """Draw the operations of an epoch, from 0, for images of these classes, `int [N]`."""
        rng = derive(seed, "augment", epoch)
        chance_N, choice_N, size_chance_N = rng.random((3, len(labels_N)))
        names = self.operation_names
        operation_N = np.full(len(labels_N), -1, dtype=np.int8)
        for label, of_class in self.operations.items():
            drawn_N = (labels_N == label) & (chance_N < self.probability)
            pick = (choice_N[drawn_N] * len(of_class)).astype(np.int64)
            operation_N[drawn_N] = np.array([names.index(name) for name in of_class])[pick]
        low, high = self.size_px
        size_N = (low + np.floor(size_chance_N * (high - low + 1))).astype(np.int8)
        return Draw(operation_N, np.where(operation_N >= 0, size_N, 0).astype(np.int8), names)


def apply_draw(images: Images, draw: Draw) -> Images:
    """Return the images `[N,H,W]` or `[N,H,W,C]` after the draw; the input stays as it was."""
    treated = images.copy()
    for index, name in enumerate(draw.operations):
        for size_px in np.unique(draw.size_N[draw.operation_N == index]):
            hit_N = (draw.operation_N == index) & (draw.size_N == size_px)
            treated[hit_N] = OPERATIONS[name](images[hit_N], int(size_px))
    return treated


def one_sided(policy: Policy, target: tuple[int, int]) -> Policy:
    """Control arm: the first treated class of the target only."""
    first = next(label for label in target if label in policy.operations)
    return policy.model_copy(update={"operations": {first: policy.operations[first]}})


def swapped(policy: Policy, target: tuple[int, int]) -> Policy:
    """Control arm: the operations of the target's two classes exchanged."""
    exchanged = {
        label: policy.operations[other]
        for label, other in (target, target[::-1])
        if other in policy.operations
    }
    return policy.model_copy(update={"operations": exchanged})


def both(policy: Policy, target: tuple[int, int]) -> Policy:
    """Control arm: every operation on both classes, at the same total probability per image."""
    return policy.model_copy(update={"operations": dict.fromkeys(target, policy.operation_names)})


Control = Callable[[Policy, tuple[int, int]], Policy]

CONTROLS: dict[str, Control] = {"one-sided": one_sided, "swapped": swapped, "both": both}


def changed(before: Images, after: Images) -> npt.NDArray[np.bool_]:
    """Return which images `[N,H,W]` or `[N,H,W,C]` differ in at least one pixel, `[N]`."""
    changed_N: npt.NDArray[np.bool_] = (before != after).reshape(len(before), -1).any(axis=1)
    return changed_N


def changed_share(draw: Draw, before: Images, after: Images) -> dict[str, float]:
    """Return the share of draws that change an image, by operation and over "all" of them.

    Only what was drawn at least once; `before` and `after` are the images of the draw.
    """
    changed_N = changed(before, after)
    treated_N = draw.operation_N >= 0
    shares = {"all": float(changed_N[treated_N].mean())} if treated_N.any() else {}
    for index, name in enumerate(draw.operations):
        hit_N = draw.operation_N == index
        if hit_N.any():
            shares[name] = float(changed_N[hit_N].mean())
    return shares
