"""Corruptions by name and severity, every image by its own random stream.

An image's corruption depends on its place in its set and on nothing else: not on the images beside
it, nor on the order in which they are asked for. Severities share a stream, so that a stronger one
is more of the same.
"""

from typing import Literal, NamedTuple

import numpy as np

from misread.errors import DataError, StudyError
from misread.images import Ids, Images
from misread.images.mnist_c import CORRUPTIONS, SIZE_PX
from misread.seeds import derive
from misread.watch import count

_ROOT = 0  # as the tenths, the corrupted images belong to the dataset, not to a run
_BATCH = 250  # images at a time


class Spec(NamedTuple):
    """A corruption at a severity."""

    kind: str  # its key in `CORRUPTIONS`
    severity: int  # from 1; always 1 where there are no severities

    @property
    def name(self) -> str:
        """Its name with the severity, as in "fog@5"; "stripe" where there are none."""
        has_more = len(CORRUPTIONS[self.kind].parameters) > 1
        return f"{self.kind}@{self.severity}" if has_more else self.kind


def parse_corruption(text: str) -> Spec:
    """Return the corruption that "fog" or "fog@3" names; without a number as in MNIST-C.

    StudyError if there is no such corruption or severity.

    >>> parse_corruption("fog"), parse_corruption("stripe").name
    (Spec(kind='fog', severity=5), 'stripe')
    """
    kind, at, number = text.partition("@")
    if kind not in CORRUPTIONS:
        msg = f"there is no corruption {kind!r}; choose one of {', '.join(CORRUPTIONS)}."
        raise StudyError(msg)
    corruption = CORRUPTIONS[kind]
    if not at:
        return Spec(kind, corruption.severity)
    most = len(corruption.parameters)
    if most == 1:
        msg = f"{text!r} names a severity, but {kind} has none; write {kind} alone."
        raise StudyError(msg)
    if number not in map(str, range(1, most + 1)):
        msg = f"{text!r} is no severity of {kind}; choose one from {kind}@1 to {kind}@{most}."
        raise StudyError(msg)
    return Spec(kind, int(number))


def mnist_c(severity: int | None = None) -> tuple[Spec, ...]:
    """Return all corruptions, as strong as in MNIST-C, or at `severity` where they have several."""
    return tuple(
        Spec(kind, severity if severity and len(one.parameters) > 1 else one.severity)
        for kind, one in CORRUPTIONS.items()
    )


def corrupt(
    images: Images, spec: Spec, ids_N: Ids | None = None, *, part: Literal["train", "test"] = "test"
) -> Images:
    """Return images `uint8 [N,28,28]`, bright ink on black, corrupted.

    Each has a random stream of its own, named by its place in its set, `ids_N` (by default 0, 1, 2,
    …), and by whether that is a training or a test set. DataError if images have another shape.
    """
    if images.shape[1:] != (SIZE_PX, SIZE_PX):
        msg = (
            f"images of shape {list(images.shape[1:])} cannot be corrupted as those of MNIST-C, "
            f"whose parameters are for grey ones of {SIZE_PX}×{SIZE_PX} px; bring them to that."
        )
        raise DataError(msg)
    corruption = CORRUPTIONS[spec.kind]
    parameter = corruption.parameters[spec.severity - 1]
    name = f"corrupt {spec.kind} {part}"
    if ids_N is None:
        ids_N = np.arange(len(images))
    corrupted = np.empty_like(images)
    for start in range(0, len(images), _BATCH):
        batch = slice(start, start + _BATCH)
        streams = [derive(_ROOT, name, index) for index in ids_N[batch].tolist()]
        pixels = corruption.apply(images[batch] / 255, streams, parameter)
        corrupted[batch] = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
        count(f"corrupting {spec.name}, {part}", start + len(streams), len(images), "images")
    return corrupted
