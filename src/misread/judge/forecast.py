"""One answer to what a design can show, and to what it would take, with its range.

It is made once, from what is known before a fix is tried, and kept in the plan; verdicts, pages and
`misread power` quote it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from misread import wording
from misread.errors import JudgeError
from misread.files import Frozen, unstated
from misread.judge.checks import fraction
from misread.judge.pilot import Pilot
from misread.judge.pooled import N_FOLDS, Held
from misread.judge.power import (
    NONE_HELD,
    TARGET,
    fewest,
    images_needed,
    power_of,
    seeds_needed,
    smallest_found,
)
from misread.judge.safety import SafeAnswer

HOPELESS, DOUBTFUL = 0.2, 0.5
"""Below .2 a study finds nothing four times in five, and where it does find the effect, it shows it
more than twice as large as it is (Gelman & Carlin 2014, *Perspectives on Psychological Science* 9;
at .5 it is 1.4 times); below .5 it is worse than a coin."""
SEEDS = (3, 5, 7, 10, 15, 20, 30, 50)
REDUCTIONS = (0.1, 0.2, 0.3, 0.5, 0.7)

T = TypeVar("T")


class PowerRow(Frozen):
    """The power with a number of seeds.

    Attributes
    ----------
    n_seeds : int
        Paired seeds.
    power : tuple of float
        For each of the answer's `reductions`.
    """

    n_seeds: int
    power: tuple[float, ...]


class PowerAnswer(Frozen):
    """A reduction of one cell that a design can show, and designs that would do.

    Attributes
    ----------
    cell, source : str
        The cell, as in ``4→9``, and where its rate comes from.
    rate, errors_per_seed : float
        Share of class i's images read as j before, and the images per seed that this makes.
    reduction, alpha, target : float
        The relative reduction asked about, the level of the two-sided test, the power asked for.
    n_seeds, n_images : int
        The design: paired seeds, images of class i that all of them read.
    n_held, weight : int, float
        Images that the seeds have held out beside them, and the weight of the first.
    power, power_range : float, tuple of float or None
        The chance that this design finds the reduction; and at both ends of what the pilot leaves
        open (80%), the lower first; None where nothing is known of that.
    smallest_relative, smallest_absolute : float or None
        The reduction that this design finds with the power asked for, as a share of the errors and
        of class i's images; None where not even a fall to zero would be found.
    seeds_needed, images_needed : int or None
        How many would do while the other stays, images of either kind in proportion; None where no
        number does.
    seeds_range, images_range : tuple of (int or None) or None
        The same at both ends, the fewer first.
    both_needed : tuple of int or None
        Seeds and images that would do together, both raised by the same factor, at most 100.
    reductions, table : tuple of float, tuple of PowerRow
        The power over seeds × reductions with these images.
    assumptions, sentence : tuple of str, str
        What was taken for granted; the answer in one sentence.
    hopeless : bool
        Whether the power is below .2.
    safe : SafeAnswer or None
        The chance that all else is safe; None where nothing but the cell is known.
    """

    cell: str
    source: str
    rate: float
    errors_per_seed: float
    reduction: float
    alpha: float
    target: float
    n_seeds: int
    n_images: int
    n_held: int = 0
    weight: float = 1.0
    power: float
    power_range: tuple[float, float] | None
    smallest_relative: float | None
    smallest_absolute: float | None
    seeds_needed: int | None
    seeds_range: wording.Range | None
    images_needed: int | None
    images_range: wording.Range | None
    both_needed: tuple[int, int] | None
    reductions: tuple[float, ...]
    table: tuple[PowerRow, ...]
    assumptions: tuple[str, ...]
    hopeless: bool
    sentence: str
    safe: SafeAnswer | None = unstated(None)

    def __repr__(self) -> str:
        return f"PowerAnswer({self.sentence})"

    @property
    def held(self) -> Held:
        """Images that each seed holds out, for other designs of this kind."""
        if not self.n_held:
            return NONE_HELD
        return Held(self.n_held / min(self.n_seeds, N_FOLDS) / self.n_images, self.weight)

    @property
    def short(self) -> str:
        """The same where what it is about was said before."""
        design = f"{wording.count(self.n_seeds, 'seed')} and {self.n_images + self.n_held:,} images"
        return (
            f"{design} find a fall by {self.reduction:.0%} with power {_power(self)}, and "
            f"{_needs(self)}"
        )

    @property
    def in_full(self) -> str:
        """The sentence, and that on the chance that all else is safe."""
        return f"{self.sentence} {self.safe.sentence}" if self.safe else self.sentence

    @property
    def warning(self) -> str:
        """A sentence for before a study of this design trains; "" where its power is .5 or more."""
        if self.power >= DOUBTFUL:
            return ""
        fate = "is all but hopeless" if self.hopeless else "will more likely miss than find it"
        after = self.errors_per_seed * (1 - self.reduction)
        enough = wording.count(self.seeds_needed, "seed") if self.seeds_needed else "more images"
        return (
            f"This plan {fate}: a fix that lowers {self.cell} by {self.reduction:.0%} "
            f"({self.errors_per_seed:.1f} to {after:.1f} errors a seed) would show in "
            f"{100 * self.power:.0f} of 100 such studies; in {100 * self.target:.0f} with {enough}."
        )


def plan_power(
    pilot: Pilot,
    *,
    cell: str,
    n_seeds: int | None = None,
    n_images: int | None = None,
    reduction: float = 0.3,
    target: float = TARGET,
    alpha: float = 0.05,
    held: Held = NONE_HELD,
) -> PowerAnswer:
    """Answer how many seeds and images a reduction needs, and what a design could show.

    Parameters
    ----------
    pilot : Pilot
        What is known of the cell.
    cell : str
        Its name, as in ``4→9``.
    n_seeds, n_images : int, optional
        The design; by default the pilot's own, and 10 seeds where it has none. Images are those of
        the true class.
    reduction, target, alpha : float
        The relative reduction asked about, the power asked for, the level; between 0 and 1.
    held : Held
        What each seed has held out beside the images that all read.

    Returns
    -------
    PowerAnswer
        Seeds beyond 1,000 and images beyond 10 million are no advice and become None.

    Raises
    ------
    JudgeError
        If an argument is out of range, or neither side says how many images there are.
    """
    for name, value in (("the reduction", reduction), ("the power", target), ("alpha", alpha)):
        fraction(name, value)
    seeds = pilot.n_seeds or 10 if n_seeds is None else n_seeds
    images = pilot.n_images if n_images is None else n_images
    if images is None or images < 2 or seeds < 1:
        msg = (
            f"the design has {seeds} seeds and {'unknown' if images is None else images} images; "
            "allowed are at least 1 seed and 2 images of the true class: say how many."
        )
        raise JudgeError(msg)
    aim: Any = {"alpha": alpha, "target": target, "held": held}

    def raised(tenths: int) -> tuple[int, int]:
        return -(-seeds * tenths // 10), -(-images * tenths // 10)

    def both(n_seeds: int, n_images: int) -> tuple[int, int]:
        return n_seeds, held.total(n_seeds, n_images)

    def at_ends(of: Callable[[Pilot], T]) -> tuple[T, T] | None:
        return pilot.ends and (of(pilot.ends[0]), of(pilot.ends[1]))

    def power(known: Pilot) -> float:
        return power_of(known, reduction, seeds, images, alpha, held)

    powers = at_ends(power)
    times = fewest(
        lambda n: power_of(pilot, reduction, *raised(n), alpha, held) >= target, 10, 1000
    )
    smallest = smallest_found(pilot, seeds, images, **aim)
    columns = tuple(sorted({*REDUCTIONS, reduction}))
    answer = PowerAnswer(
        cell=cell,
        source=pilot.source,
        rate=pilot.rate,
        errors_per_seed=pilot.rate * images,
        reduction=reduction,
        alpha=alpha,
        target=target,
        n_seeds=seeds,
        n_images=images,
        n_held=held.total(seeds, images) - images * (held.weight > 0),
        weight=held.weight,
        power=power(pilot),
        power_range=powers and (powers[1], powers[0]),
        smallest_relative=smallest,
        smallest_absolute=None if smallest is None else smallest * pilot.rate,
        seeds_needed=seeds_needed(pilot, reduction, images, **aim),
        seeds_range=at_ends(lambda known: seeds_needed(known, reduction, images, **aim)),
        images_needed=images_needed(pilot, reduction, seeds, **aim),
        images_range=at_ends(lambda known: images_needed(known, reduction, seeds, **aim)),
        both_needed=None if times is None else both(*raised(times)),
        reductions=columns,
        table=tuple(
            PowerRow(
                n_seeds=n, power=tuple(power_of(pilot, r, n, images, alpha, held) for r in columns)
            )
            for n in sorted({*SEEDS, seeds})
        ),
        assumptions=_assumptions(pilot, seeds, alpha),
        hopeless=power(pilot) < HOPELESS,
        sentence="",
    )
    return answer.model_copy(update={"sentence": _sentence(answer)})


def _assumptions(pilot: Pilot, n_seeds: int, alpha: float) -> tuple[str, ...]:
    sentences = {
        f"Both arms use the same seeds and images; two-sided test at {alpha:.3g}.": True,
        "The fix makes the error rarer by the same factor on every image; a verdict measures both "
        "sides instead, and so names another smallest fall.": pilot.both is None,
        "One seed: the test compares two trained models and says nothing of training.": (
            n_seeds == 1
        ),
        **dict.fromkeys(pilot.notes, True),
        "Ranges: 80% for the variance seen in the pilot.": pilot.both is not None,
        "Ranges: 80% for the rate seen in the pilot, the rest taken as known.": (
            pilot.both is None and pilot.rate_range is not None
        ),
    }
    return tuple(sentence for sentence, holds in sentences.items() if holds)


def _sentence(answer: PowerAnswer) -> str:
    after = answer.errors_per_seed * (1 - answer.reduction)
    held = f" ({answer.n_held:,} held out)" if answer.n_held else ""
    start = (
        f"{wording.count(answer.n_seeds, 'seed')} and {answer.n_images + answer.n_held:,} images"
        f"{held} find a fall of {answer.cell} by {answer.reduction:.0%} (from "
        f"{answer.errors_per_seed:.1f} to {after:.1f} errors a seed) with power {_power(answer)}"
    )
    return f"{start}; {_needs(answer)}."


def _power(answer: PowerAnswer) -> str:
    low, high = map(wording.chance, answer.power_range or (answer.power, answer.power))
    return wording.chance(answer.power) + (f" ({low} to {high})" if low != high else "")


def _needs(answer: PowerAnswer) -> str:
    target = wording.chance(answer.target)
    if answer.power >= answer.target:
        return f"{target} was asked for"
    if answer.seeds_needed or answer.images_needed:
        needs = wording.what_would_do(
            answer.seeds_needed, answer.images_needed, answer.seeds_range, answer.images_range
        )
        return f"{target} takes {needs}"
    if answer.both_needed is None:
        return f"no number of seeds and images that can be had brings it to {target}"
    seeds, images = answer.both_needed
    return (
        f"{target} takes {wording.about(seeds, 'seed')} with {wording.about(images, 'image')}, for "
        "neither alone would do"
    )
