"""A dataset: images, labels, and what is known of each image beside them.

Images are `uint8 [N,H,W]` or `[N,H,W,C]` at rest, 0 is black; a model sees `float32` in [0, 1] with
a channel axis (`to_float`). Labels are `int64 [N]` in [0, K).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from misread.errors import DataError
from misread.images import Ids, Images

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """Images with their labels.

    Parameters
    ----------
    name
        Its name in messages.
    images
        `uint8 [N,H,W]` or `[N,H,W,C]`.
    labels_N
        `int64 [N]`, 0 ≤ label < `len(class_names)`.
    class_names
        One name per class.
    groups_N
        `int64 [N]`, the group of each image, as its writer; or None.
    disputed_N
        `bool [N]`, True where people do not agree with the label, or None.
    group_noun
        The noun for a group, as in "writer".
    group_kinds
        Kinds of groups by name, each with the numbers of its groups, in ascending order; empty
        where none are known.
    left_out
        What its source holds besides and was not read, in words.
    origins_N
        Where each image stands in its source, `[N]`: the path of a file as text, or a row as a
        number; None where the source has the same order.

    Raises
    ------
    DataError
        If shapes, types or labels do not fit.
    """

    name: str
    images: Images
    labels_N: Labels
    class_names: tuple[str, ...]
    groups_N: Labels | None = None
    disputed_N: npt.NDArray[np.bool_] | None = None
    group_noun: str = "group"
    group_kinds: Mapping[str, range] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    origins_N: npt.NDArray[np.str_] | Labels | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim not in (3, 4):
            msg = (
                f"{self.name}: images are {self.images.dtype} with shape {self.images.shape}, but "
                "must be uint8 [N,H,W] or [N,H,W,C]; convert them first."
            )
            raise DataError(msg)
        if self.labels_N.shape != (len(self.images),):
            msg = (
                f"{self.name}: {len(self.images)} images but labels of shape "
                f"{self.labels_N.shape}; give exactly one label per image."
            )
            raise DataError(msg)
        if not np.issubdtype(self.labels_N.dtype, np.integer):
            msg = f"{self.name}: labels are {self.labels_N.dtype}, but must be integers."
            raise DataError(msg)
        if len(self.labels_N) and not (
            self.labels_N.min() >= 0 and self.labels_N.max() < self.n_classes
        ):
            msg = (
                f"{self.name}: labels run from {self.labels_N.min()} to {self.labels_N.max()}, but "
                f"must lie in 0 to {self.n_classes - 1}, the range of its {self.n_classes} "
                "class names; correct the labels or name more classes."
            )
            raise DataError(msg)
        for what, values in (("groups", self.groups_N), ("disputed flags", self.disputed_N)):
            if values is not None and values.shape != self.labels_N.shape:
                msg = (
                    f"{self.name}: {len(self.images)} images but {what} of shape {values.shape}; "
                    "give exactly one per image."
                )
                raise DataError(msg)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def n_classes(self) -> int:
        """The number of classes K."""
        return len(self.class_names)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of shape, images and labels: the identity of the content."""
        digest = hashlib.sha256(repr((self.images.shape, self.class_names)).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels_N, dtype="<i8").data)
        return digest.hexdigest()

    def take(self, ids: Ids) -> "Dataset":
        """Return the images `ids` `[M]`, in that order."""
        names = ("images", "labels_N", "groups_N", "disputed_N", "origins_N")
        arrays = {name: getattr(self, name) for name in names}
        return replace(self, **{name: a[ids] for name, a in arrays.items() if a is not None})


def to_float(images: Images) -> npt.NDArray[np.float32]:
    """Scale `uint8 [N,H,W]` or `[N,H,W,C]` to `float32 [N,H,W,C]` in [0, 1]."""
    scaled = images.astype(np.float32)
    scaled /= np.float32(255)
    return scaled if images.ndim == 4 else scaled[..., np.newaxis]
