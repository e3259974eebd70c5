"""Slices by shape and by writer in words: tables and sentences, for the terminal and the page."""

from collections.abc import Sequence
from typing import NamedTuple

from misread import wording
from misread.images.shape import MEASURES
from misread.judge import Effect
from misread.judge.permutation import Concentration
from misread.judge.strata import ArmRate, Stratum
from misread.show.verdict import Table
from misread.study.slices import N_STRATA, ShapeSlices, Slices


class Change(NamedTuple):
    """A change of an arm in a slice that holds up over all slices of that arm."""

    arm: str
    where: str
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
    return next(own for own in sliced.shape if own.measure == measure)


def true_name(sliced: Slices) -> str:
    """Return the name of the cell's true class, for "images of class …"."""
    return sliced.class_names[sliced.cell[0]]


def explained_told(sliced: Slices, arm: str = "") -> str:
    """Return in one sentence which slice holds an arm's errors of the cell."""
    arm = arm or sliced.baseline
    ranked = sliced.explained[arm]
    if not ranked:
        return f"{arm} makes no error {sliced.cell_name}"
    best = ranked[0]
    where = (
        f"sorted by {MEASURES[best.measure].title}, the {fifth(best.measure, best.stratum)} of "
        f"class {true_name(sliced)}"
    )
    against = f"{wording.percent(best.chance)} by chance, q {_number(best.q_value)}"
    found = f"holds {wording.percent(best.share)} of {sliced.cell_name} in arm {arm} ({against})"
    if best.q_value <= sliced.alpha:
        return f"{where[0].upper()}{where[1:]} {found}"
    return f"No measure of shape is shown to explain {sliced.cell_name}: {where} {found}"


def _number(q_value: float) -> str:
    told = wording.p_number(q_value)
    return told if told[0] in "<>" else f"= {told}"


def explained_table(sliced: Slices, arm: str = "") -> Table:
    """Return the measures ranked: the fifth with most errors for its size, found and by chance."""
    rows = []
    for found in sliced.explained[arm or sliced.baseline]:
        own = of_shape(sliced, found.measure)
        rows.append(
            (
                MEASURES[found.measure].title,
                f"{fifth(found.measure, found.stratum)}\n{limits(own, found.stratum)}",
                wording.percent(found.share),
                wording.percent(found.chance),
                wording.p_number(found.p_value),
                wording.p_number(found.q_value),
            )
        )
    heads = ("Measure", "Worst fifth", "Share of errors", "By chance", "p", "q")
    return Table(heads, tuple(rows))


def rates_table(sliced: Slices, measure: str) -> Table:
    """Return the cell's rate in each fifth of a measure: a row per arm, with intervals."""
    own = of_shape(sliced, measure)
    ends = {0: MEASURES[measure].low, N_STRATA - 1: MEASURES[measure].high}
    heads = (
        f"{ends.get(each.stratum, '')}\n{limits(own, each.stratum)}\n{each.n_images:,}"
        for each in own.cell
    )
    return Table((MEASURES[measure].title, *heads), _by_arm(sliced.arms, own.cell))


def sampled(sliced: Slices) -> str:
    """Return over what the intervals are: over writers too where they are known."""
    return "seeds and images" if sliced.written is None else "seeds, writers and images"


def writers_table(sliced: Slices) -> Table:
    """Return how often each kind of writer is misread: a row per arm; the cell, and all errors."""
    if (written := sliced.written) is None or not written.cell:
        return Table(("Arm",), ())
    heads = (
        f"{error}\n{written.groups[each.stratum]}\n{each.n_images:,}"
        for error, strata in ((sliced.cell_name, written.cell), ("all errors", written.all))
        for each in strata
    )
    return Table(("Arm", *heads), _by_arm(sliced.arms, (*written.cell, *written.all)))


def _by_arm(arms: Sequence[str], strata: Sequence[Stratum]) -> tuple[tuple[str, ...], ...]:
    """Return a row per arm: its rate in each stratum, as in "0.66%", and below "0–2.53%"."""
    return tuple((arm, *(_rate(each.arms[a]) for each in strata)) for a, arm in enumerate(arms))


def _rate(rate: ArmRate) -> str:
    low, high = wording.percent(rate.low).removesuffix("%"), wording.percent(rate.high)
    return f"{wording.percent(rate.rate)}\n{low}–{high}"


def flat(table: Table) -> Table:
    """Return a table for a page: what stands below in a cell stands in brackets behind."""

    def line(cell: str) -> str:
        first, *below = filter(None, cell.split("\n")) if cell else [""]
        return f"{first} ({', '.join(below)})" if below else first

    return Table(tuple(map(line, table.heads)), tuple(tuple(map(line, r)) for r in table.rows))


def changes(sliced: Slices, *, of_cell: bool) -> list[Change]:
    """Return every change against the baseline that holds up over all slices of its arm."""
    named: list[tuple[Sequence[Stratum], Sequence[str]]] = [
        (own.cell if of_cell else own.all, [fifth(own.measure, k) for k in range(N_STRATA)])
        for own in sliced.shape
    ]
    if (written := sliced.written) is not None:
        named.append((written.cell if of_cell else written.all, written.groups))
    return [
        Change(rate.arm, names[stratum.stratum], rate.change, rate.q_value)
        for strata, names in named
        for stratum in strata
        for rate in stratum.arms
        if rate.change and rate.q_value is not None and rate.q_value <= sliced.alpha
    ]


def changes_told(sliced: Slices) -> str:
    """Return in one sentence what the arms change in single slices."""
    told = []
    for of_cell, error in ((True, sliced.cell_name), (False, "all errors")):
        held = changes(sliced, of_cell=of_cell)
        if not held:
            told.append(f"no arm's change of {error} holds up in any slice")
            continue
        listed = "; ".join(
            f"{each.where} in arm {each.arm} ({wording.points(each.effect.estimate)}, "
            f"q {_number(each.q_value)})"
            for each in held
        )
        told.append(f"{error} changed in {listed}")
    joined = "; ".join(told)
    return f"{joined[0].upper()}{joined[1:]}"


def concentration_told(found: Concentration | None, error: str) -> str:
    """Return in one sentence in how few writers errors are."""
    if found is None:
        return f"There are no errors: {error}"
    expected = wording.number(found.half_chance, decimals=1)
    low, high = (wording.number(v, decimals=0) for v in (found.half_low, found.half_high))
    return (
        f"{wording.count(found.half, 'writer')} of {found.n_groups:,} make half of {error}; by "
        f"chance it would be {expected} ({low} to {high}; {wording.p_value(found.p_value)})"
    )


def writers_told(sliced: Slices) -> str:
    """Return in one sentence whose images are misread as the cell says."""
    written = sliced.written
    if written is None:
        return "This dataset names no writers"
    if not written.cell:
        return concentration_told(written.cell_concentration, sliced.cell_name)
    told = (
        f"{error}: "
        + ", ".join(
            f"{written.groups[each.stratum]} {wording.percent(each.arms[0].rate)}"
            for each in sorted(strata, key=lambda each: -each.arms[0].rate)
        )
        for error, strata in ((sliced.cell_name, written.cell), ("all errors", written.all))
    )
    return "; ".join(told)


def concentrations_told(sliced: Slices) -> list[str]:
    """Return in how few writers the cell's errors and all errors are; [] without writers."""
    if (written := sliced.written) is None:
        return []
    return [
        concentration_told(written.cell_concentration, sliced.cell_name),
        concentration_told(written.all_concentration, "all errors"),
    ]
