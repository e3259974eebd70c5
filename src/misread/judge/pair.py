"""Labels and predictions of two sides, aligned by image, class and slice."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.judge.checks import BoolArray, IntArray
from misread.judge.classes import AnyIntArray
from misread.judge.counts import Counts, count_by_part
from misread.judge.groups import Groups, group_codes
from misread.judge.layout import HeldOut
from misread.judge.measure import groups_of


@dataclass(frozen=True, eq=False)
class Pair:
    """Labels and the readings of both sides, whose images, classes and slices are the same."""

    labels_N: AnyIntArray  # [N], true classes as codes, 0 to K − 1
    before_SN: AnyIntArray  # [S,N], predicted classes
    after_TN: AnyIntArray  # [T,N]; row s of both is one seed where they are `paired`
    class_names: tuple[str, ...]  # K names
    paired: bool = True  # seeds are compared in pairs; then S = T
    groups: Groups | None = None  # which images are not independent
    disputed_N: BoolArray | None = None  # images whose label either side disputes
    seeds: tuple[int | str, ...] | None = None  # names of the pairs, as numbers where all are such
    # Views of the same or of altered images, read by the same models.
    slices: "Mapping[str, Pair]" = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()  # on how the two were brought together
    held: HeldOut | None = None  # which readings count, and their weight; None where all do

    @property
    def n_seeds(self) -> tuple[int, int]:
        """Seeds before and after."""
        return len(self.before_SN), len(self.after_TN)

    @property
    def read_N(self) -> BoolArray:
        """Images with a reading of either side that counts."""
        if self.held is None:
            return np.ones(self.labels_N.size, dtype=np.bool_)
        if self.paired:
            return np.asarray((self.held.before_SN & self.held.after_TN).any(axis=0))
        return self.held.by_some_N

    def of_images(self, chosen_N: BoolArray | IntArray) -> "Pair":
        """Return the readings of the chosen images alone, without slices."""
        return replace(
            self,
            labels_N=self.labels_N[chosen_N],
            before_SN=self.before_SN[:, chosen_N],
            after_TN=self.after_TN[:, chosen_N],
            groups=self.groups and self.groups.of(chosen_N),
            held=self.held and self.held.of(chosen_N),
            disputed_N=None if self.disputed_N is None else self.disputed_N[chosen_N],
            slices={},
        )

    def of_class(self, true: int) -> "Pair":
        """Return the readings of the images of one true class."""
        return self.of_images(self.labels_N == true)

    def count(
        self, before_SN: BoolArray, after_TN: BoolArray, part_N: IntArray | None = None
    ) -> Counts:
        """Count the readings that are an error, per part of the images, by default all together."""
        return count_by_part(
            before_SN, after_TN, part_N, paired=self.paired, groups=self.groups, held=self.held
        )

    def count_wrong(self, part_N: IntArray | None = None) -> Counts:
        """Count the readings that are wrong, per part of the images, by default all together."""
        return self.count(self.before_SN != self.labels_N, self.after_TN != self.labels_N, part_N)

    def count_cell(self, true: int, predicted: int) -> Counts:
        """Count one confusion i→j, also where it never occurs."""
        part = self.of_class(true)
        return part.count(part.before_SN == predicted, part.after_TN == predicted)

    def read_by_all(self) -> "tuple[Pair, IntArray]":
        """Return the readings of the images that all seeds read, and the places of these images.

        Where there are none, each image has its first reading, in one row.
        """
        if self.held is None:
            return self, np.arange(self.labels_N.size)
        places_N = np.flatnonzero(self.held.by_all_N)
        if places_N.size:
            part = self.of_images(places_N)
            return replace(part, held=None), places_N
        places_N = np.flatnonzero(self.held.by_some_N)
        sides = (self.held.before_SN, self.held.after_TN)
        rows = [
            preds_SN[side_SN.argmax(axis=0), np.arange(self.labels_N.size)][np.newaxis]
            for preds_SN, side_SN in zip((self.before_SN, self.after_TN), sides, strict=True)
        ]
        one = replace(self, before_SN=rows[0], after_TN=rows[1], held=None).of_images(places_N)
        return one, places_N


def with_groups(pair: Pair, groups: npt.NDArray[Any] | None) -> Pair:
    """Return the same readings with groups of images, of which the readings show how alike."""
    if groups is None:
        return pair
    codes_N = group_codes("groups", groups, pair.labels_N.size)
    wrong = pair.before_SN != pair.labels_N, pair.after_TN != pair.labels_N
    known = groups_of(pair.labels_N, codes_N, *wrong, paired=pair.paired, held=pair.held)
    return replace(pair, groups=known)
