"""How often the judge is wrong where held-out images count, and in worlds it was not made for.

    python experiments/pooled.py [--studies 500] [--jobs 2]   (half an hour of a core)

For docs/method.md. Fours of MNIST: 982 that all trainings read, and 5,842 in tenths (or the half
that proves), of which each reads the one that it held out. The judge is told the writers where
there are any. Last, 4 trainings against 20.
"""

from functools import partial

import numpy as np
from shared import DOCS, asked, of_each, table, write_block

from misread.show.calibration import share
from misread.simulate.calibrate import Outcome, Setting, simulate
from misread.simulate.worlds import OTHER_WORLDS, WORLDS, WRITER_WORLDS, Design, World, WriterWorld

SEEDS, ERRORS, SELECT = (5, 10, 20), (3.0, 8.0, 30.0), (2921, 5842)
ALL_WORLDS = (*WORLDS, *WRITER_WORLDS, *OTHER_WORLDS)


def main() -> None:
    """Simulate, judge, and write the tables."""
    options = asked(__doc__, studies=500, jobs=0)
    kinds = [Setting(world, design) for world in ALL_WORLDS for design in designs()]
    work = partial(judged, n_studies=options.studies)
    outcomes = list(zip(kinds, of_each(work, kinds, options.jobs), strict=True))
    paired = [row(world, outcomes, paired=True) for world in ALL_WORLDS]
    unequal = [row(world, outcomes, paired=False) for world in ALL_WORLDS]
    null = [it.rate for kind, it in outcomes if not kind.design.reduction]
    heads = (
        "World", "False positives, mean", "at most", "fewer, at most", "more, at most",
        "coverage, at least", "with a true −50%, at least",
    )  # fmt: skip
    error = share((0.05 * 0.95 / options.studies) ** 0.5)
    write_block(
        DOCS / "method.md",
        f"{len(kinds)} kinds of study, {options.studies:,} of each; false positives are "
        f"{share(float(np.mean(null)))} on average. The Monte-Carlo standard error of a rate near "
        f".05 is {error}.",
        "Paired seeds, 5, 10 and 20:",
        table(heads, paired),
        "4 trainings before, 20 after, not paired:",
        table(heads[:-1], (it[:-1] for it in unequal)),
    )


def designs() -> list[Design]:
    """Return the kinds of study of a world."""
    null = [Design(n, e, n_select=m) for n in SEEDS for e in ERRORS for m in SELECT]
    found = [Design(n, e, 0.5, n_select=SELECT[1]) for n in SEEDS[:2] for e in ERRORS]
    against = [Design(4, e, paired=False, n_select=SELECT[1], n_after=20) for e in ERRORS]
    return null + found + against


def judged(setting: Setting, n_studies: int) -> Outcome:
    """Return how the judge does, told the writers where there are any."""
    return simulate(setting, n_studies, grouped=isinstance(setting.world, WriterWorld))


def row(world: World, outcomes: list[tuple[Setting, Outcome]], *, paired: bool) -> tuple[str, ...]:
    """Return a world's row."""
    mine = [
        (kind.design.reduction, it)
        for kind, it in outcomes
        if kind.world == world and kind.design.paired == paired
    ]
    null = [it for reduction, it in mine if not reduction]
    effect = [it for reduction, it in mine if reduction]
    fewer = [it.fewer / it.replicates for it in null]
    more = [(it.significant - it.fewer) / it.replicates for it in null]
    rates = [it.rate for it in null]
    numbers = [float(np.mean(rates)), max(rates), max(fewer), max(more)]
    numbers += [min(it.coverage for it in some) for some in (null, effect) if some]
    name = f"*{world.name}*" if world in OTHER_WORLDS else world.name
    return (name, *map(share, numbers), *([] if effect else [""]))


if __name__ == "__main__":
    main()
