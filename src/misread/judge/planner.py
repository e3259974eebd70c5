"""How many seeds and images a study needs, and what the present ones could show, in one answer."""

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.checks import fraction
from misread.judge.detectable import fewest
from misread.judge.pilot import Pilot
from misread.judge.power import power_of, smallest_found

HOPELESS, DOUBTFUL = 0.2, 0.5
"""Below .2 a study finds nothing four times in five, and where it does find the effect, it shows it
more than twice as large as it is (Gelman & Carlin 2014, *Perspectives on Psychological Science* 9;
at .5 it is 1.4 times); below .5 it is worse than a coin."""

SEEDS = (3, 5, 7, 10, 15, 20, 30, 50)
REDUCTIONS = (0.1, 0.2, 0.3, 0.5, 0.7)
MOST_SEEDS, MOST_IMAGES = 1_000, 10_000_000  # beyond this a number is no advice

_NOUNS = ("seeds", "images")

Range = tuple[int | None, int | None]


class PowerRow(Frozen):
    """The power with this many seeds, for each of the answer's `reductions`."""

    n_seeds: int
    power: tuple[float, ...]


class PowerAnswer(Frozen):
    """What a design can show of a reduction of one cell, and what would do.

    Attributes
    ----------
    cell, source : str
        The cell, as in ``4→9``, and where its rate comes from.
    rate, errors_per_seed : float
        Share of class i's images read as j before, and the images per seed that this makes.
    reduction : float
        The relative reduction asked about, 0 to 1.
    alpha, target : float
        Level of the two-sided test, and the power that is wanted.
    n_seeds, n_images : int
        The design: paired seeds, images of class i.
    power : float
        The chance that this design finds the reduction.
    power_range : tuple of float or None
        The same at both ends of what the pilot leaves open (80%), the lower first; None where
        nothing is known of that.
    smallest_relative, smallest_absolute : float or None
        The reduction that this design finds with the wanted power, as a share of the errors and of
        class i's images; None where not even a fall to zero would be found.
    seeds_needed, images_needed : int or None
        How many would do while the other stays; None where no number does.
    seeds_range, images_range : tuple of (int or None) or None
        The same at both ends, the fewer first.
    both_needed : tuple of int or None
        Seeds and images that would do together, both raised by the same factor; None beyond a
        hundredfold.
    reductions, table : tuple of float, tuple of PowerRow
        The power over seeds × reductions with these images.
    assumptions : tuple of str
        In sentences.
    hopeless : bool
        Whether the power is below .2.
    sentence : str
        The answer in one sentence.
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
    power: float
    power_range: tuple[float, float] | None
    smallest_relative: float | None
    smallest_absolute: float | None
    seeds_needed: int | None
    seeds_range: Range | None
    images_needed: int | None
    images_range: Range | None
    both_needed: tuple[int, int] | None
    reductions: tuple[float, ...]
    table: tuple[PowerRow, ...]
    assumptions: tuple[str, ...]
    hopeless: bool
    sentence: str

    @property
    def warning(self) -> str:
        """What to say before a study of this design trains; "" where its power is .5 or more."""
        if self.power >= DOUBTFUL:
            return ""
        fate = "is all but hopeless" if self.hopeless else "will more likely miss than find it"
        return f"This plan {fate}: {self.sentence}"


def plan_power(
    pilot: Pilot,
    *,
    cell: str,
    n_seeds: int | None = None,
    n_images: int | None = None,
    reduction: float = 0.3,
    target: float = 0.8,
    alpha: float = 0.05,
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
        The relative reduction asked about, the power wanted, the level; between 0 and 1.

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

    def seeds_for(known: Pilot) -> int | None:
        return fewest(
            lambda n: power_of(known, reduction, n, images, alpha) >= target, 2, MOST_SEEDS
        )

    def images_for(known: Pilot) -> int | None:
        return fewest(
            lambda n: power_of(known, reduction, seeds, n, alpha) >= target, 2, MOST_IMAGES
        )

    def raised(tenths: int) -> tuple[int, int]:
        return -(-seeds * tenths // 10), -(-images * tenths // 10)

    times = fewest(lambda n: power_of(pilot, reduction, *raised(n), alpha) >= target, 10, 1000)
    power = power_of(pilot, reduction, seeds, images, alpha)
    smallest = smallest_found(pilot, seeds, images, target, alpha)
    ends = pilot.ends
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
        power=power,
        power_range=ends
        and (
            power_of(ends[1], reduction, seeds, images, alpha),
            power_of(ends[0], reduction, seeds, images, alpha),
        ),
        smallest_relative=smallest,
        smallest_absolute=None if smallest is None else smallest * pilot.rate,
        seeds_needed=seeds_for(pilot),
        seeds_range=ends and (seeds_for(ends[0]), seeds_for(ends[1])),
        images_needed=images_for(pilot),
        images_range=ends and (images_for(ends[0]), images_for(ends[1])),
        both_needed=None if times is None else raised(times),
        reductions=columns,
        table=tuple(
            PowerRow(n_seeds=n, power=tuple(power_of(pilot, r, n, images, alpha) for r in columns))
            for n in sorted({*SEEDS, seeds})
        ),
        assumptions=_assumptions(pilot, seeds, alpha),
        hopeless=power < HOPELESS,
        sentence="",
    )
    return answer.model_copy(update={"sentence": _sentence(answer)})


def _assumptions(pilot: Pilot, n_seeds: int, alpha: float) -> tuple[str, ...]:
    told = [f"Both arms use the same seeds and images; two-sided test at {alpha:.3g}."]
    if pilot.both is None:
        told.append("The fix makes the error rarer by the same factor on every image.")
    if n_seeds == 1:
        told.append("One seed: the test compares two trained models and says nothing of training.")
    told += pilot.notes
    if pilot.both is not None:
        told.append("Ranges: 80% for the variance seen in the pilot.")
    elif pilot.rate_range is not None:
        told.append("Ranges: 80% for the rate seen in the pilot, the rest taken as known.")
    return tuple(told)


def _sentence(answer: PowerAnswer) -> str:
    after = answer.errors_per_seed * (1 - answer.reduction)
    design = "1 seed" if answer.n_seeds == 1 else f"{answer.n_seeds} seeds"
    told = (
        f"{design} and {answer.n_images:,} images find a fall of {answer.cell} by "
        f"{answer.reduction:.0%} (from {answer.errors_per_seed:.1f} to {after:.1f} errors a seed) "
        f"with power {power_told(answer.power)}"
    )
    if answer.power_range is not None:
        low, high = map(power_told, answer.power_range)
        told += f" ({low} to {high})" if low != high else ""
    wanted = power_told(answer.target)
    if answer.power >= answer.target:
        return f"{told}; {wanted} was asked for."
    ways = []
    if answer.seeds_needed is not None:
        ways.append(_about(answer.seeds_needed, "seeds", answer.seeds_range))
    if answer.images_needed is not None:
        ways.append(_about(answer.images_needed, "images", answer.images_range))
    if not ways and answer.both_needed is not None:
        seeds, images = (
            _about(n, noun, None) for n, noun in zip(answer.both_needed, _NOUNS, strict=True)
        )
        return f"{told}; {wanted} takes {seeds} with {images}, for neither alone would do."
    if not ways:
        return f"{told}; no number of seeds and images that can be had brings it to {wanted}."
    other = ""
    if len(ways) == 1:
        which = "images" if answer.images_needed is None else "seeds"
        other = f"; more {which} alone would not do"
    return f"{told}; {wanted} takes {' or '.join(ways)}{other}."


def _about(number: int, noun: str, between: Range | None) -> str:
    """Return a number with its range, as in "about 70 seeds (40 to 380)"."""
    told = f"about {_rounded(number):,} {noun}"
    if between is None:
        return told
    high = "or more" if between[1] is None else f"to {_rounded(between[1]):,}"
    return f"{told} ({_rounded(between[0] or number):,} {high})"


def _rounded(number: int) -> int:
    """Return `number` rounded up to two significant digits: a plan is no more exact than that."""
    step: int = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // step) * step


def power_told(power: float) -> str:
    """Return a power as in ".29", "under .01" and "over .99"."""
    if power < 0.005:
        return "under .01"
    return "over .99" if power > 0.995 else f"{power:.2f}".replace("0.", ".", 1)
