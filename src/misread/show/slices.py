"""Slices by shape and by writer in words: tables and sentences, for the terminal and the page."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from misread import wording
from misread.images.shape import MEASURES
from misread.judge import Effect
from misread.judge.permutation import Concentration
from misread.judge.strata import ArmRate, Stratum
from misread.show.table import Table
from misread.study.slices import N_STRATA, ShapeSlices, Slices, WriterSlices


class Change(NamedTuple):
    """A change of an arm in a slice that holds up over all slices of that arm."""

    arm: str
    place: str
    effect: Effect
    q_value: float


def fifth(measure: str, stratum: int) -> str:
    """Return the name of a fifth, as in "thinnest fifth" and "thinnest fifth but one"."""
    low, high = MEASURES[measure].low, MEASURES[measure].high
    if stratum in {0, N_STRATA - 1}:
        return f"{high if stratum else low} fifth"
    if stratum == N_STRATA // 2:
        return "middle fifth"
    return f"{low if stratum < N_STRATA // 2 else high} fifth but one"


def limits(slices: ShapeSlices, stratum: int) -> str:
    """Return from where to where a fifth of the cell's class reaches, as in "1.2 to 1.8 px"."""
    if not slices.edges:
        return "–"
    low, high = (wording.number(slices.edges[k], decimals=1) for k in (stratum, stratum + 1))
    unit = MEASURES[slices.measure].unit
    return f"{low} to {high}{'' if unit == '°' else chr(0xA0)}{unit}"


def of_shape(sliced: Slices, measure: str) -> ShapeSlices:
    """Return the slices of a measure."""
    return next(slices for slices in sliced.shape if slices.measure == measure)


def true_name(sliced: Slices) -> str:
    """Return the name of the cell's true class, for "images of class …"."""
    return sliced.class_names[sliced.cell[0]]


def sampling_units(sliced: Slices) -> str:
    """Return over what the intervals are: over writers too where they are known."""
    return "seeds and images" if sliced.written is None else "seeds, writers and images"


# --- tables ---------------------------------------------------------------------------------------


def explained_table(sliced: Slices, arm: str = "") -> Table:
    """Return the measures ranked by the fifth with most errors for its size, and by chance."""
    arm = arm or sliced.baseline
    rows = tuple(
        (
            MEASURES[worst.measure].title,
            (
                f"{fifth(worst.measure, worst.stratum)}\n"
                f"{limits(of_shape(sliced, worst.measure), worst.stratum)}"
            ),
            wording.percent(worst.share),
            wording.percent(worst.chance),
            wording.p_number(worst.p_value),
            wording.p_number(worst.q_value),
        )
        for worst in sliced.explained[arm]
    )
    heads = ("Measure", "Worst fifth", "Share of errors", "By chance", "p", "q")
    return Table(f"Which slice explains {sliced.cell_name}? {arm}", heads, rows)


def rates_table(sliced: Slices, measure: str) -> Table:
    """Return the cell's rate in each fifth of a measure: a row per arm, with intervals."""
    slices, title = of_shape(sliced, measure), MEASURES[measure].title
    ends = {0: MEASURES[measure].low, N_STRATA - 1: MEASURES[measure].high}
    heads = (
        f"{ends.get(part.stratum, '')}\n{limits(slices, part.stratum)}\n{part.n_images:,}"
        for part in slices.cell
    )
    name = f"{sliced.cell_name} by {title}: rate, and its interval"
    return Table(name, (title, *heads), _rows(sliced.arms, slices.cell))


def writers_table(sliced: Slices) -> Table:
    """Return how often each kind of writer is misread: a row per arm; the cell, and all errors."""
    title = "By writer: rate, and its interval"
    if (written := sliced.written) is None or not written.cell:
        return Table(title, ("Arm",), ())
    heads = (
        f"{errors}\n{written.groups[part.stratum]}\n{part.n_images:,}"
        for errors, strata in ((sliced.cell_name, written.cell), ("all errors", written.all))
        for part in strata
    )
    return Table(title, ("Arm", *heads), _rows(sliced.arms, (*written.cell, *written.all)))


def _rows(arms: Sequence[str], strata: Sequence[Stratum]) -> tuple[tuple[str, ...], ...]:
    """Return a row per arm: its rate in each stratum, as in "0.66%", and below "0–2.53%"."""
    return tuple((arm, *(_rate(part.arms[a]) for part in strata)) for a, arm in enumerate(arms))


def _rate(rate: ArmRate) -> str:
    low, high = wording.percent(rate.low).removesuffix("%"), wording.percent(rate.high)
    return f"{wording.percent(rate.rate)}\n{low}–{high}"


# --- sentences ------------------------------------------------------------------------------------


def explained_sentence(sliced: Slices, arm: str = "") -> str:
    """Return in one sentence which slice holds an arm's errors of the cell."""
    arm = arm or sliced.baseline
    ranked = sliced.explained[arm]
    if not ranked:
        return f"{arm} makes no error {sliced.cell_name}"
    best = ranked[0]
    place = (
        f"sorted by {MEASURES[best.measure].title}, the {fifth(best.measure, best.stratum)} of "
        f"class {true_name(sliced)}"
    )
    against = f"{wording.percent(best.chance)} by chance, q {_q_value(best.q_value)}"
    holds = f"holds {wording.percent(best.share)} of {sliced.cell_name} in arm {arm} ({against})"
    if best.q_value <= sliced.alpha:
        return f"{place[0].upper()}{place[1:]} {holds}"
    return f"No measure of shape is shown to explain {sliced.cell_name}: {place} {holds}"


def _q_value(q_value: float) -> str:
    number = wording.p_number(q_value)
    return number if number[0] in "<>" else f"= {number}"


def changes(
    sliced: Slices, strata_of: Callable[[ShapeSlices | WriterSlices], Sequence[Stratum]]
) -> list[Change]:
    """Return every change against the baseline that holds up over all slices of its arm."""
    named: list[tuple[Sequence[Stratum], Sequence[str]]] = [
        (strata_of(slices), [fifth(slices.measure, k) for k in range(N_STRATA)])
        for slices in sliced.shape
    ]
    if (written := sliced.written) is not None:
        named.append((strata_of(written), written.groups))
    return [
        Change(rate.arm, names[stratum.stratum], rate.change, rate.q_value)
        for strata, names in named
        for stratum in strata
        for rate in stratum.arms
        if rate.change and rate.q_value is not None and rate.q_value <= sliced.alpha
    ]


def changes_sentence(sliced: Slices) -> str:
    """Return in one sentence what the arms change in single slices."""
    parts = []
    for errors, held in (
        (sliced.cell_name, changes(sliced, lambda slices: slices.cell)),
        ("all errors", changes(sliced, lambda slices: slices.all)),
    ):
        places = "; ".join(
            f"{change.place} in arm {change.arm} ({wording.points(change.effect.estimate)}, "
            f"q {_q_value(change.q_value)})"
            for change in held
        )
        none = f"no arm's change of {errors} holds up in any slice"
        parts.append(f"{errors} changed in {places}" if held else none)
    joined = "; ".join(parts)
    return f"{joined[0].upper()}{joined[1:]}"


def concentration_sentence(concentration: Concentration | None, errors: str) -> str:
    """Return in one sentence in how few writers errors are."""
    if concentration is None:
        return f"There are no errors: {errors}"
    expected = wording.number(concentration.half_chance, decimals=1)
    low, high = (
        wording.number(value, decimals=0)
        for value in (concentration.half_low, concentration.half_high)
    )
    return (
        f"{wording.count(concentration.half, 'writer')} of {concentration.n_groups:,} make half of "
        f"{errors}; by chance it would be {expected} ({low} to {high}; "
        f"{wording.p_value(concentration.p_value)})"
    )


def concentration_sentences(sliced: Slices) -> list[str]:
    """Return in how few writers the cell's errors and all errors are; [] without writers."""
    if (written := sliced.written) is None:
        return []
    return [
        concentration_sentence(written.cell_concentration, sliced.cell_name),
        concentration_sentence(written.all_concentration, "all errors"),
    ]


def writers_sentence(sliced: Slices) -> str:
    """Return in one sentence whose images are misread as the cell says."""
    written = sliced.written
    if written is None:
        return "This dataset names no writers"
    if not written.cell:
        return concentration_sentence(written.cell_concentration, sliced.cell_name)
    parts = (
        f"{errors}: "
        + ", ".join(
            f"{written.groups[part.stratum]} {wording.percent(part.arms[0].rate)}"
            for part in sorted(strata, key=lambda part: -part.arms[0].rate)
        )
        for errors, strata in ((sliced.cell_name, written.cell), ("all errors", written.all))
    )
    return "; ".join(parts)
