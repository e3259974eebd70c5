"""Scores of the arms of a search, and the halving that lets the better third go on.

References
----------
Jamieson & Talwalkar (2016), Non-stochastic best arm identification and hyperparameter optimization,
*AISTATS*: successive halving.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from misread.files import Frozen
from misread.study.arms import BASELINE
from misread.study.questions import Cell

LAST = 3  # arms that reach the last rung at least


class Score(Frozen):
    """Errors of an arm on *explore* against the same seeds of the baseline, in images per seed.

    `saved` are errors of the target, of both cells where both are targets. `harm` is the growth of
    the reverse where it is no target, of the worst slice and of all other errors.
    """

    arm: str
    target: float
    reverse: float
    elsewhere: float  # all errors but those of target and reverse
    slices: dict[str, float]  # of target and reverse, in each altered view
    saved: float
    harm: float
    harmed: str  # what grew most, in words; "" where nothing did
    accuracy: float  # share of *explore* that is read rightly
    seconds: float  # of a training on one core, helpers included
    cost: float  # of a training by its epochs, the baseline's being 1
    dropped: str = ""  # why it did not go on; "" where it did

    @property
    def score(self) -> float:
        """The rank of the arm: errors saved less harm."""
        return self.saved - self.harm


class Rung(Frozen):
    """The arms that were tried with so many seeds: the best first, the baseline apart."""

    n_seeds: int
    baseline: Score
    arms: tuple[Score, ...]


@dataclass(frozen=True)
class ExploreReadings:
    """Predictions of an arm on *explore*, in S seeds; seconds and cost as in `Score`."""

    labels_M: npt.NDArray[np.int64]
    preds_SM: npt.NDArray[np.int64]
    slices: Mapping[str, npt.NDArray[np.int64]]  # of views, `[S,M]`; −1 where one lacks an image
    seconds: float = 0.0
    cost: float = 1.0

    def errors(self, cell: Cell, view: str = "") -> float:
        """Return the errors of a cell, in images per seed."""
        read_SM = self.slices[view] if view else self.preds_SM
        return float((read_SM[:, self.labels_M == cell[0]] == cell[1]).sum(axis=1).mean())


def score(arm: str, read: ExploreReadings, before: ExploreReadings, cells: Sequence[Cell]) -> Score:
    """Return what an arm saves of its targets against the baseline, `before`, with its seeds."""
    cell, reverse = cells[0], cells[0][::-1]

    def rest(side: ExploreReadings) -> float:
        wrong = float((side.preds_SM != side.labels_M).sum(axis=1).mean())
        return wrong - side.errors(cell) - side.errors(reverse)

    slices = {v: read.errors(cell, v) + read.errors(reverse, v) for v in read.slices}
    grown = {
        f"{view} images": errors - before.errors(cell, view) - before.errors(reverse, view)
        for view, errors in slices.items()
    }
    worst = max(grown, key=lambda view: grown[view], default="")
    harms = {"other errors": rest(read) - rest(before)}
    if worst:
        harms[worst] = grown[worst]
    if reverse not in cells:
        harms["the reverse"] = read.errors(reverse) - before.errors(reverse)
    harms = {name: growth for name, growth in harms.items() if growth > 0}
    return Score(
        arm=arm,
        target=read.errors(cell),
        reverse=read.errors(reverse),
        elsewhere=rest(read),
        slices=slices,
        saved=sum(before.errors(one) - read.errors(one) for one in cells),
        harm=sum(harms.values()),
        harmed=max(harms, key=lambda name: harms[name], default=""),
        accuracy=float((read.preds_SM == read.labels_M).mean()),
        seconds=read.seconds,
        cost=read.cost,
    )


def halving(
    arms: Sequence[str],
    seeds: Sequence[int],
    cells: Sequence[Cell],
    read: Callable[[Sequence[str], int], Mapping[str, ExploreReadings]],
) -> Iterator[Rung]:
    """Yield rung after rung: every arm with few seeds, the better third with more, at least three.

    `seeds` are the numbers of seeds of the rungs, `cells` the target, and its reverse where both
    are. `read` takes arms and a number of seeds; the baseline is among the arms that it returns.
    """
    left = list(arms)
    for place, n_seeds in enumerate(seeds):
        readings = read((BASELINE, *left), n_seeds)
        before = readings[BASELINE]
        scores = [score(arm, readings[arm], before, cells) for arm in left]
        scores.sort(key=lambda s: (-s.score, s.cost))
        is_last = place + 1 == len(seeds)
        n_kept = len(scores) if is_last else kept_of(len(scores))
        left = [s.arm for s in scores[:n_kept]]
        scores[n_kept:] = [s.model_copy(update={"dropped": balance_of(s)}) for s in scores[n_kept:]]
        baseline = score(BASELINE, before, before, cells)
        yield Rung(n_seeds=n_seeds, baseline=baseline, arms=tuple(scores))


def kept_of(n_arms: int) -> int:
    """Return how many of so many arms go on: a third, at least three."""
    return max(LAST, ceil(n_arms / 3))


def balance_of(it: Score) -> str:
    """Return what an arm saves and what it breaks, in words."""
    saves = f"saves {it.saved:.1f} images a seed" if it.saved > 0 else "does not lower the target"
    return f"{saves}, breaks {it.harm:.1f} (most: {it.harmed})" if it.harm else saves
