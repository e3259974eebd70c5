"""The chance that all items will be *safe*, and what would settle one that is open.

Before a fix is tried, a study is drawn many times with what the baseline shows: every directed cell
has the rate that it has on *select*, its change the variance of a fix that harms nothing
(`misread.judge.pilot`), and an item is safe where its upper end, of the variance that the draw
estimates, lies below its margin. Afterwards an undetermined item has an estimate and variances of
its own, and the question is how far more seeds, or more images, would have to narrow its interval
for the margin to lie outside, if the estimate stayed as it is.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import scipy

from misread import wording
from misread.files import Frozen
from misread.judge.checks import BoolArray, FloatArray
from misread.judge.classes import Cell
from misread.judge.counts import Counts
from misread.judge.items import Margins, Settling
from misread.judge.pilot import TYPICAL, Heterogeneity, pilot_from_rate
from misread.judge.pooled import N_FOLDS, Extent, Held, split_of
from misread.judge.power import fewest
from misread.judge.terms import weights_of
from misread.judge.variance import Components, components_of, seeds_per_arm, zero_event_bound
from misread.seeds import derive

TREATED = 3.0
"""Images under an operation are misread so many times as often as clean ones: in the study
four-nine 188 against 49 and 31 against 38 (dilated), 56 against 49 and 197 against 38 (eroded)."""
UNEVEN = TYPICAL.model_copy(update={"images_alike": 0.88, "seeds_alike": 0.6, "shared": 0.07})
"""A fix that changes single images and trainings as unevenly as the calibration's world "seeds and
images": the population values behind it, by quadrature."""
_N_DRAWS = 2000
_MOST_SEEDS, _MOST_TIMES = 200, 100  # beyond this a number is no advice
_LEAST_NAMED = 3


class SafeAnswer(Frozen):
    """The planned chance that all items are safe, for a fix that harms nothing.

    Attributes
    ----------
    chance, sober : float
        0 to 1; the second where a fix changes images and trainings as unevenly as in `UNEVEN`, in
        place of what fixes did in the study four-nine.
    n_items : int
        How many must be safe.
    least : tuple of (str, float)
        Those with the smallest chance of their own, the smallest first.
    sentence : str
        The same in one sentence.
    """

    chance: float
    sober: float
    n_items: int
    least: tuple[tuple[str, float], ...]
    sentence: str

    @property
    def short(self) -> str:
        """The same in few words."""
        least = f", least surely {self.least[0][0]}" if self.least else ""
        share = f"{100 * self.chance:.0f} of 100"
        return f"That a harmless fix breaks nothing would show in {share}{least}."


class Known(NamedTuple):
    """The parts that an item's interval is made of."""

    components: Components | None  # variances of one reading
    extent: Extent  # what was read
    weight: float  # of what all seeds read


def known_of(counts: Counts, alpha: float) -> list[Known]:
    """Return what the interval of each of C errors is made of; held-out images count as tenths."""
    n_seeds = seeds_per_arm(counts.n_seeds)
    return [
        Known(components, Extent(n_seeds, n_full, n_held / min(n_seeds, N_FOLDS)), weight)
        for components, n_full, n_held, weight in zip(
            components_of(counts, alpha),
            counts.n_full_C.tolist(),
            counts.n_held_C.tolist(),
            weights_of(counts).tolist(),
            strict=True,
        )
    ]


def settle(
    estimate: float, low: float, upper: float, margin: float, known: Known, alpha: float
) -> Settling:
    """Return what would settle an item whose interval holds its margin.

    Both ends come nearer as the standard error does, and Student's t; the upper one never nearer
    than the zero-event bound. `alpha` is of the upper end one-sided, of the lower end two-sided.
    """
    safe = estimate < margin
    reach = upper - estimate if safe else estimate - low
    level = alpha if safe else alpha / 2
    now = _units(known, known.extent, level)
    bound = _bound(known, known.extent, alpha) if safe else 0.0

    def enough(extent: Extent) -> bool:
        left = reach * _units(known, extent, level) / now if now else reach  # alpha may be .5
        if bound and reach > 0:
            left = max(left, _bound(known, extent, alpha))
        return left < abs(margin - estimate)

    extent = known.extent
    seeds = None
    if extent.n_seeds > 1:
        seeds = fewest(lambda n: enough(extent.with_seeds(n)), extent.n_seeds + 1, _MOST_SEEDS)
    tenths = fewest(lambda n: enough(extent.times_images(n / 10)), 11, 10 * _MOST_TIMES)
    n_images = extent.n_full * (known.weight > 0) + extent.n_held * (known.weight < 1)
    return Settling(
        becomes="safe" if safe else "harmed",
        seeds=seeds,
        images=None if tenths is None else math.ceil(tenths / 10 * n_images),
    )


def settle_together(items: Sequence[Settling]) -> Settling | None:
    """Return what would settle several items at once; None where there is none."""
    if not items:
        return None
    seeds, images = ([getattr(one, name) for one in items] for name in ("seeds", "images"))
    return Settling(
        becomes="harmed" if any(one.becomes == "harmed" for one in items) else "safe",
        seeds=None if None in seeds else max(seeds),
        images=None if None in images else max(images),
    )


def plan_safety(
    rates: Mapping[Cell, float],
    images_K: Sequence[int],
    names: Sequence[str],
    target: Cell,
    treatments: Sequence[str] = (),
    *,
    n_seeds: int,
    held: Held,
    reduction: float,
    margins: Margins,
    alpha: float,
) -> SafeAnswer:
    """Return the chance that all items are safe, if a fix brings the reduction and harms nothing.

    Parameters
    ----------
    rates : mapping of (true, predicted) to float
        The baseline's directed cells; those that are not there have no error.
    images_K : sequence of int
        Images of each class that all seeds read.
    names : sequence of str
        Of the classes.
    target : (true, predicted)
        The cell to be reduced.
    treatments : sequence of str
        What is done to the images of each slice; `TREATED` times as many errors are expected there.
    n_seeds, held, reduction : int, Held, float
        The design, and the reduction that was asked about.
    margins, alpha : Margins, float
        What is allowed, and the level of the items.
    """
    shares, sober = (
        _chances(
            _Draws(n_seeds, held, alpha, spread),
            rates, images_K, names, target, treatments, reduction=reduction, margins=margins,
        )
        for spread in (TYPICAL, UNEVEN)
    )  # fmt: skip
    every, sober_every = (float(np.all(list(s.values()), axis=0).mean()) for s in (shares, sober))
    least = sorted((float(is_safe.mean()), name) for name, is_safe in sober.items())
    named = tuple((name, share) for share, name in least[:_LEAST_NAMED])
    return SafeAnswer(
        chance=every,
        sober=sober_every,
        n_items=len(shares),
        least=named,
        sentence=_sentence(every, sober_every, len(shares), named),
    )


def _chances(
    draws: "_Draws",
    rates: Mapping[Cell, float],
    images_K: Sequence[int],
    names: Sequence[str],
    target: Cell,
    treatments: Sequence[str],
    *,
    reduction: float,
    margins: Margins,
) -> dict[str, BoolArray]:
    """Return item by item in which draws it is safe."""
    total, both_ways = sum(images_K), {target, target[::-1]}
    safe: dict[str, BoolArray] = {}
    wrong, others = draws.of_cell(0.0, 1, 0.0), np.ones(_N_DRAWS, dtype=np.bool_)
    for true, n_images in enumerate(images_K):
        if not n_images:
            continue
        every = draws.of_cell(0.0, 1, 0.0)
        for predicted in range(len(names)):
            cell = (true, predicted)
            if predicted == true:
                continue
            one = draws.of_cell(rates.get(cell, 0.0), n_images, reduction * (cell == target))
            every = every.plus(one)
            if cell == target:
                continue
            is_safe = draws.safe(one, n_images, margins.cell)
            if cell in both_ways:
                safe["→".join(names[k] for k in cell)] = is_safe
            else:
                others &= is_safe
        safe[f"recall of {names[true]}"] = draws.safe(every, n_images, margins.recall)
        wrong = wrong.plus(every.times(n_images / total))
    safe["accuracy"] = draws.safe(wrong, total, margins.accuracy)
    safe["all other cells"] = others
    for treatment in treatments:
        for cell in sorted(both_ways):
            if not images_K[cell[0]]:
                continue
            one = draws.of_cell(min(TREATED * rates.get(cell, 0.0), 0.5), images_K[cell[0]], 0.0)
            name = f"{treatment} · {'→'.join(names[k] for k in cell)}"
            safe[name] = draws.safe(one, images_K[cell[0]], margins.slice)
    return safe


class _Drawn(NamedTuple):
    """Changes in many draws, and the variances that these estimate."""

    change: FloatArray
    variance: FloatArray

    def plus(self, other: "_Drawn") -> "_Drawn":
        """Return the changes of both together, which are of different images."""
        return _Drawn(self.change + other.change, self.variance + other.variance)

    def times(self, factor: float) -> "_Drawn":
        """Return the changes times a factor."""
        return _Drawn(self.change * factor, self.variance * factor**2)


class _Draws:
    """Studies drawn many times: changes, what their variance is estimated as, and who is safe."""

    def __init__(self, n_seeds: int, held: Held, alpha: float, spread: Heterogeneity) -> None:
        self.n_seeds, self.held, self.alpha, self.spread = n_seeds, held, alpha, spread
        self.rng = derive(1, "safety")

    def of_cell(self, rate: float, n_images: int, reduction: float) -> _Drawn:
        """Return the changes of a cell, all 0 where it has no error."""
        if rate <= 0:
            return _Drawn(np.zeros(_N_DRAWS), np.zeros(_N_DRAWS))
        extent = self.held.extent(self.n_seeds, n_images)
        pilot = pilot_from_rate(rate).model_copy(update={"spread": self.spread})
        split = split_of(pilot.change(reduction), extent, self.held.weight)
        n = max(self.n_seeds - 1, 1)
        seeds = self.rng.chisquare(n, _N_DRAWS) / n
        change = self.rng.standard_normal(_N_DRAWS) * math.sqrt(split.total) - reduction * rate
        return _Drawn(change, (split.seed + split.residual) * seeds + split.image)

    def safe(self, one: _Drawn, n_images: int, margin: float) -> BoolArray:
        """Return in which draws an item is safe."""
        extent, w = self.held.extent(self.n_seeds, n_images), self.held.weight
        t = -float(scipy.special.stdtrit(max(self.n_seeds - 1, 1), self.alpha))
        event = max(w / extent.n_full / 3, (1 - w) / extent.n_readings if w < 1 else 0.0)
        shift = np.where(one.change > 0, t**2 * event / 2, 0.0)
        reach = shift + np.sqrt(shift**2 + t**2 * one.variance)
        bound = _bound(Known(None, extent, w), extent, self.alpha)
        safe: BoolArray = one.change + np.maximum(reach, bound) < margin
        return safe


def _units(known: Known, extent: Extent, level: float) -> float:
    """Return the reach of an interval, up to what does not change with the extent."""
    variance = 0.0
    if known.components is not None:
        variance = split_of(known.components, extent, known.weight).total
    if not variance:
        return _share(extent, known.weight)
    t = -float(scipy.special.stdtrit(extent.n_seeds - 1, level)) if extent.n_seeds > 1 else 1.0
    return t * math.sqrt(variance)


def _bound(known: Known, extent: Extent, alpha: float) -> float:
    """Return the zero-event bound, one-sided."""
    return float(zero_event_bound(1 / _share(extent, known.weight), min(2 * alpha, 0.5)))


def _share(extent: Extent, weight: float) -> float:
    """Return what one image moves the estimate by, of the kind in which it moves it more."""
    full = weight / extent.n_full if weight > 0 else 0.0
    return max(full, (1 - weight) / extent.n_held if weight < 1 else 0.0)


def _sentence(chance: float, sober: float, n_items: int, least: Sequence[tuple[str, float]]) -> str:
    named = wording.listed([f"{name} ({wording.chance(share)})" for name, share in least])
    return (
        f"A fix that harms nothing has all {n_items} items safe with a chance of "
        f"{wording.chance(chance)}, of {wording.chance(sober)} if it changes single images as "
        f"unevenly as the calibration's worlds do; least sure are then {named}."
    )
