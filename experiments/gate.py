"""Does the gate still see harm, and can a fix that does none pass it? For docs/method.md.

    python experiments/gate.py [--studies 100] [--jobs 2]   (forty minutes of a core)

Ten classes, ten paired seeds; the fix halves 4→9 (5 or 8 errors a seed on 982 confirm images) and
does nothing else, or makes one item worse by 1, 2 or 3 points. Judged as version 0.1.0 did, on the
confirm images with every item gated, and as new plans are: with held-out images, all of them or,
as after a search, those of one half, and *safe* asked where it is meant. Of fixes that harm nothing
there are three times as many studies.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from shared import DOCS, asked, of_each, table, write_block

from misread.judge import Predictions, judge
from misread.judge.items import Gate
from misread.seeds import derive
from misread.simulate.worlds import WORLDS, WRITER_WORLDS, Design, World, draw, read_by, writers_of
from misread.wording import count, percent

CELL, N_CLASSES = (4, 9), 10
DESIGN = Design(10, 5, n_images=982)  # paired seeds; the fours of MNIST
ALL, HALF = 5842, 2921  # fours held out
THIN = "thin"
PLACES = (THIN, "recall")
GROWTHS = (0.01, 0.02, 0.03)  # of an error rate
SETTINGS = (WORLDS[3], WRITER_WORLDS[0])


class Harm(NamedTuple):
    """What a fix makes worse, and by how much of all its images; no place for none."""

    place: str = ""
    growth: float = 0.0

    @property
    def name(self) -> str:
        """It in words."""
        if not self.place:
            return "nothing"
        what = "thin 4s read as 9s" if self.place == THIN else "recall of 7"
        return f"{what}, {count(round(100 * self.growth), 'point')} more"


class Kind(NamedTuple):
    """One kind of study."""

    world: World
    harm: Harm
    errors: float = 5
    n_select: int = HALF

    @property
    def design(self) -> Design:
        """Its seeds and images."""
        return replace(DESIGN, errors=self.errors, n_select=self.n_select)


def main() -> None:
    """Simulate, judge twice, and write the table."""
    options = asked(__doc__, studies=100, jobs=0)
    harms = [Harm(), *(Harm(place, growth) for place in PLACES for growth in GROWTHS)]
    kinds = [Kind(world, harm) for world in SETTINGS for harm in harms]
    kinds += [Kind(world, Harm(), 8) for world in SETTINGS]
    kinds += [Kind(world, Harm(), errors, ALL) for errors in (5, 8) for world in SETTINGS]
    work = partial(judged, n_studies=options.studies)
    rows = [
        (
            kind.world.name,
            f"{kind.errors:g}",
            "all" if kind.n_select == ALL else "half",
            kind.harm.name,
            *map(percent, shares),
        )
        for kind, shares in zip(kinds, of_each(work, kinds, options.jobs), strict=True)
    ]
    said = [f"{verdict} {when}" for verdict in ("HARM", "REDUCED") for when in ("before", "now")]
    heads = ("World", "Errors", "Held out", "Made worse", *said)
    write_block(DOCS / "method.md", table(heads, rows))


def judged(kind: Kind, n_studies: int) -> list[float]:
    """Return the shares of HARM before and now, and of plain REDUCED before and now."""
    rng = derive(0, f"gate {kind}")
    counts = np.zeros(4)
    n_studies *= 1 if kind.harm.place else 3
    for _ in range(n_studies):
        before, after = study(kind, rng)
        confirm = np.flatnonzero(np.tile(read_by(kind.design).all(axis=0), N_CLASSES))
        alone = part(before, confirm), part(after, confirm)
        old = judge(alone[0], alone[1], cells=[CELL], gate=Gate.EVERYTHING)
        new = judge(before, after, cells=[CELL], gate=Gate.MEANT)
        counts += [it.verdict == "HARM" for it in (old, new)] + [
            it.verdict == "REDUCED" and not it.qualifier for it in (old, new)
        ]
    return [float(share) for share in counts / n_studies]


def part(side: Predictions, places: np.ndarray) -> Predictions:
    """Return some images of a side, and the same ones of its slice."""
    view = side.slices[THIN]
    kept = np.flatnonzero(np.isin(view.image_ids, places))
    chosen = side.of_images(places)
    return chosen.with_view(
        THIN, view.preds_SN[:, kept], np.searchsorted(places, view.image_ids[kept])
    )


def study(kind: Kind, rng: np.random.Generator) -> list[Predictions]:
    """Return both sides of one simulated study, with the slice of thin fours and nines."""
    n = kind.design.n_all
    labels_N = np.repeat(np.arange(N_CLASSES), n)
    rivals_K = (np.arange(N_CLASSES) + 1) % N_CLASSES
    rivals_K[list(CELL)] = CELL[::-1]
    read_by_SN = np.tile(read_by(kind.design), N_CLASSES)
    of_pair = np.flatnonzero(np.isin(labels_N, CELL))

    def readings(classes: tuple[int, ...], place: str) -> list[np.ndarray]:
        arms: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for label in classes:
            harmed = place == kind.harm.place and label == (CELL[0] if place == THIN else 7)
            reduction = 0.5 if label == CELL[0] and place == "recall" else 0.0
            errors = errors_of(kind, reduction, kind.harm.growth if harmed else 0.0, rng)
            for arm, wrong_SN in zip(arms, errors, strict=True):
                arm.append(np.where(wrong_SN, rivals_K[label], label))
        return [np.concatenate(arm, axis=1) for arm in arms]

    whole = readings(tuple(range(N_CLASSES)), "recall")
    thin = readings(CELL, THIN)
    groups_N = np.tile(writers_of(n), N_CLASSES)
    return [
        Predictions.from_arrays(
            labels_N, preds_SN, groups=groups_N, held_out_SN=read_by_SN
        ).with_view(THIN, preds_SM, of_pair)
        for preds_SN, preds_SM in zip(whole, thin, strict=True)
    ]


def errors_of(
    kind: Kind, reduction: float, growth: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the errors of both arms on the images of a class, `[S,N]` each."""
    if not growth:
        return list(draw(kind.world, replace(kind.design, reduction=reduction), rng))
    after = kind.errors + growth * kind.design.n_images
    worse = replace(kind.design, errors=after, reduction=1 - kind.errors / after)
    return list(draw(kind.world, worse, rng))[::-1]


if __name__ == "__main__":
    main()
