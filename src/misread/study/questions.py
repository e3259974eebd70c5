"""Questions of a study: a target with margins and looks, and claims about accuracies."""

import math
from collections.abc import Mapping, Sequence
from itertools import count, islice
from typing import Any, Self

from pydantic import Field, model_validator

from misread.errors import StudyError
from misread.files import Frozen, unstated
from misread.judge import LEAST_SEEDS, Adaptive, Margins, cell_of

Cell = tuple[int, int]


class Seen(Frozen):
    """Images that a plan was made with, or its arms tuned on.

    Parameters
    ----------
    confirm
        Whether *confirm* was.
    tenths
        Held-out tenths of the training set that were, 0 to 9.
    explore
        Whether the half that explores was, as by a search; then the other half alone proves.
    """

    confirm: bool = False
    tenths: tuple[int, ...] = ()
    explore: bool = False


class Proof(Frozen):
    """Conditions of a proof; shares are in [0, 1].

    Parameters
    ----------
    alpha
        Level of tests and intervals.
    reduction
        The smallest reduction of the target worth having.
    margins
        The most harm that counts as none.
    both_directions
        The reverse of the target is a target too: an error that is only turned round does not count
        as reduced.
    margin
        The smallest difference of accuracies worth having, where claims name none.
    pooled
        Whether held-out images of *select* count as evidence beside *confirm*.
    seen_before
        Evidence that was looked at before the plan: it does not decide.
    """

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    reduction: float = Field(default=0.3, gt=0, lt=1)
    margins: Margins = Margins()
    both_directions: bool = unstated(default=False)
    margin: float = Field(default=0.001, gt=0, lt=1)
    pooled: bool = unstated(default=True)
    seen_before: Seen = unstated(default=Seen())


class Claim(Frozen):
    """A sentence that the study tests.

    Either one arm reaches an accuracy (`arm`, `at_least`), or one arm reads better than others
    (`better`, `than`), perhaps by at least a size (`at_least`).

    Parameters
    ----------
    text
        The sentence.
    arm
        The arm whose accuracy is claimed.
    better, than
        The arm that is claimed to read better, and the arms that it is to beat.
    at_least
        The accuracy, or the difference of accuracies, as a share.
    """

    text: str
    arm: str | None = None
    better: str | None = None
    than: tuple[str, ...] = ()
    at_least: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("than"), str):
            return values | {"than": (values["than"],)}
        return values

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        differs = self.better is not None and bool(self.than) and self.arm is None
        reaches = self.arm is not None and self.at_least > 0 and not (self.better or self.than)
        if not (differs or reaches):
            msg = (
                f"the claim {self.text!r} names neither `better` and `than` nor `arm` and "
                "`at_least`; give one of these pairs"
            )
            raise ValueError(msg)
        return self

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm that the claim names."""
        return (self.arm,) if self.arm is not None else (str(self.better), *self.than)


def cells_of(target: Cell, *, both: bool) -> tuple[Cell, ...]:
    """Return the target, and its reverse after it where both are asked for."""
    return (target, target[::-1]) if both else (target,)


def parse_cell(text: str) -> Cell:
    """Return the cell that "4:9" names; StudyError if it names none."""
    true, colon, predicted = text.partition(":")
    if not (colon and true.strip().isdecimal() and predicted.strip().isdecimal()):
        msg = f"cell {text!r} is not of the form TRUE:PREDICTED; write it as in 4:9."
        raise StudyError(msg)
    if int(true) == int(predicted):
        msg = f"cell {text!r} names one class twice; a confusion has two classes, as in 4:9."
        raise StudyError(msg)
    return int(true), int(predicted)


def cell_in(text: str, class_names: tuple[str, ...]) -> Cell:
    """Return the cell that "cat:dog" names, or "4:9" by places, as a study's file takes it.

    StudyError or JudgeError if it names none.
    """
    are_places = all(part.strip().isdecimal() for part in text.split(":"))
    return parse_cell(text) if are_places else cell_of(text, class_names)


def with_looks(
    spec: Mapping[str, Any], seeds: Sequence[int], *, smoke: bool = False
) -> dict[str, Any]:
    """Return the `adaptive` and the `seeds` of a study with looks.

    `spec` is the table ``[adaptive]`` of its TOML, not checked yet. Where no looks are named, they
    stand at quarters of the seeds; a study of fewer than ten goes to 20. A smoke run looks at two
    seeds and at all, three at the least. Seeds that are missing up to the last look are filled up
    by 1, 2, … as far as they are free.

    Examples
    --------
    >>> with_looks({}, range(30))["adaptive"]
    {'looks': (8, 15, 23, 30)}
    >>> with_looks({"looks": [5, 7]}, [42, 1])["seeds"]
    (42, 1, 2, 3, 4, 5, 6)
    """
    quarters = {max(LEAST_SEEDS, math.ceil(len(seeds) * k / 4)) for k in (1, 2, 3, 4)}
    many = len(seeds) >= 2 * LEAST_SEEDS
    looks = spec.get("looks", tuple(sorted(quarters)) if many else Adaptive().looks)
    if smoke:
        looks = 2, max(3, len(seeds))
    most = looks[-1] if isinstance(looks, list | tuple) and looks else 0
    free = (seed for seed in count(1) if seed not in seeds)
    more = islice(free, max(most - len(seeds), 0)) if isinstance(most, int) else ()
    return {"adaptive": {**spec, "looks": looks}, "seeds": (*seeds, *more)}
