"""Treatments: what an arm does to its training beside recipe and policy; each has a file.

They compose: an arm may have several. Each says what it can and what it cannot change.
"""

from pydantic import Field

from misread.files import Frozen, unstated
from misread.learn.treatments.distort import Distort
from misread.learn.treatments.lab import Cell
from misread.learn.treatments.margin import Margin
from misread.learn.treatments.patch import Patch
from misread.learn.treatments.second import Second
from misread.learn.treatments.shift import Shift
from misread.learn.treatments.teacher import Teacher
from misread.learn.treatments.weights import Weights


class Treatments(Frozen):
    """The treatments of an arm; those that are None are not used.

    Parameters
    ----------
    weights, margin, teacher, distort, second, patch, shift
        See the classes.
    again
        Other weights and another order from the same seed and tenth, under a number from 1: a
        control, and with other treatments their repetition. 0 takes those of the seed.
    classes
        The cell that they are about in place of the target, as a placebo; None takes the target.
    """

    weights: Weights | None = unstated(None)
    margin: Margin | None = unstated(None)
    teacher: Teacher | None = unstated(None)
    distort: Distort | None = unstated(None)
    second: Second | None = unstated(None)
    patch: Patch | None = unstated(None)
    shift: Shift | None = unstated(None)
    again: int = Field(default=0, ge=0, le=1000, exclude_if=lambda value: not value)
    classes: Cell | None = unstated(None)

    def cell(self, target: Cell | None) -> Cell | None:
        """Return the cell that they are about, where the study has this target."""
        return self.classes or target

    @property
    def goes_on(self) -> bool:
        """Return whether training goes on from the baseline's model."""
        return self.patch is not None

    @property
    def about_classes(self) -> bool:
        """Return whether one of them treats two classes, so that other ones make a placebo."""
        return any((self.weights, self.margin, self.distort, self.second))
