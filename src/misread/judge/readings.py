"""Readings of two arms that fit together."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy.typing as npt

from misread.errors import JudgeError
from misread.judge.checks import (
    BoolArray,
    IntArray,
    class_numbers,
    classes_within,
    same_images,
    whole_numbers,
)
from misread.judge.groups import Grouped, design_effect, group_codes

Cell = tuple[int, int]


@dataclass(frozen=True)
class SliceReadings:
    """The same images of one slice as read by both arms.

    Attributes
    ----------
    name : str
        What was done to the images, for example ``erode 2 px``.
    labels_M : array_like of int, shape [M]
        True classes.
    before_SM, after_SM : array_like of int, shape [S, M]
        Predicted classes by seed, in the seed order of the main readings.
    groups_M : array_like of int or str, shape [M], optional
        The group (writer, patient) of each image, where the main readings have groups.
    """

    name: str
    labels_M: npt.ArrayLike
    before_SM: npt.ArrayLike
    after_SM: npt.ArrayLike
    groups_M: npt.ArrayLike | None = None


class Readings(NamedTuple):
    """Checked labels ``[N]`` and predictions ``[S, N]`` of both arms.

    Where seeds are not `paired`, the arms may have different numbers of them. `grouped` tells which
    images are not independent, where that is known.
    """

    labels_N: IntArray
    before_SN: IntArray
    after_SN: IntArray
    paired: bool = True
    grouped: Grouped | None = None

    def of(self, chosen_N: BoolArray) -> "Readings":
        """Return the readings of the chosen images."""
        return Readings(
            self.labels_N[chosen_N],
            self.before_SN[:, chosen_N],
            self.after_SN[:, chosen_N],
            self.paired,
            self.grouped and self.grouped.of(chosen_N),
        )

    def of_class(self, true: int) -> "Readings":
        """Return the readings of the images of one true class."""
        return self.of(self.labels_N == true)

    def largest_class(self) -> int:
        """Return the largest class number that occurs."""
        return int(max(self.labels_N.max(), self.before_SN.max(), self.after_SN.max()))


def check_readings(
    where: str,
    labels_N: npt.ArrayLike,
    before_SN: npt.ArrayLike,
    after_SN: npt.ArrayLike,
    *,
    paired: bool | None = None,
    groups_N: npt.ArrayLike | None = None,
) -> Readings:
    """Return readings that fit together; `where` starts the names in messages.

    Seeds are paired by row where both sides have as many, unless `paired` says otherwise. One seed
    each is always paired: there is nothing to pair but the images.

    Raises
    ------
    JudgeError
        If shapes differ, seeds cannot be paired, a value is not a class number, or groups do not
        fit.
    """
    labels = whole_numbers(f"{where}labels", labels_N, 1)
    before = class_numbers(f"{where}predictions before", before_SN, 2)
    after = class_numbers(f"{where}predictions after", after_SN, 2)
    same_images(f"{where}predictions before", labels, before)
    same_images(f"{where}predictions after", labels, after)
    n_before, n_after = before.shape[0], after.shape[0]
    if paired and n_before != n_after:
        msg = (
            f"{where}predictions before have {n_before} seeds and those after {n_after}; pairs "
            "need the same seeds: drop the ones without a partner, or compare them unpaired."
        )
        raise JudgeError(msg)
    if paired is None or n_before == n_after == 1:
        paired = n_before == n_after
    if groups_N is None:
        return Readings(labels, before, after, paired)
    codes = group_codes(f"{where}groups", groups_N, labels.size)
    effect = design_effect(labels, codes, before != labels, after != labels)
    return Readings(labels, before, after, paired, Grouped(codes, effect))


def check_classes(where: str, readings: Readings, n_classes: int) -> None:
    """Refuse readings with a class outside ``0 … n_classes − 1``.

    Raises
    ------
    JudgeError
        If one lies outside.
    """
    classes_within(f"{where}labels", readings.labels_N, n_classes)
    classes_within(f"{where}predictions before", readings.before_SN, n_classes)
    classes_within(f"{where}predictions after", readings.after_SN, n_classes)


def pair_seeds(
    before: tuple[str, ...] | None, after: tuple[str, ...] | None, *, paired: bool | None
) -> tuple[list[int] | None, bool | None, tuple[str, ...] | None]:
    """Pair the seeds of two arms by their names.

    Parameters
    ----------
    before, after : tuple of str or None
        Names of the seeds of either arm, None where they have none.
    paired : bool or None
        What the caller wants; None leaves it to the names.

    Returns
    -------
    list of int or None
        The rows of the treated arm in the order of the baseline's; None leaves them as they are.
    bool or None
        Whether seeds are paired; None where the names do not tell.
    tuple of str or None
        The names of the pairs.

    Raises
    ------
    JudgeError
        If pairs are wanted and the names differ, or a name stands twice.
    """
    if before is None or after is None or paired is False:
        return None, paired, None
    for names in (before, after):
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            msg = f"seed {twice} stands twice; each must be a training of its own: drop one."
            raise JudgeError(msg)
    if set(before) == set(after):
        return [after.index(name) for name in before], True, before
    if paired:
        lonely = sorted(set(before) ^ set(after))
        msg = (
            f"{len(lonely)} seeds have no partner (as {lonely[0]}); pairs need the same seeds on "
            "both sides: drop those, or compare them unpaired."
        )
        raise JudgeError(msg)
    return None, False, None
