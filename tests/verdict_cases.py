"""Verdicts of every kind, for the tests of what shows them."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from arrays import View, verdict_of
from misread.judge import Margins, Verdict

READINGS = Path(__file__).resolve().parent.parent / "docs/results/four-nine-readings.npz"
LABELS_N = np.repeat([0, 1, 2], [1000, 900, 800])
LOOSE = Margins(accuracy=0.01, recall=0.02, cell=0.02, slice=0.02)
ODD = (
    "<b>bold</b>", "a|b", "*star*", "@someone", "#7", "[red]on", "back`tick`", "under_score_",
    "two\nlines", "\x1b[31mred", "&amp;", "~~no~~",
)  # fmt: skip


def misread(
    rng: np.random.Generator, rate: float, n_seeds: int, labels_N: npt.NDArray[np.int64] = LABELS_N
) -> npt.NDArray[np.int64]:
    """Read class 0 as 1 at `rate`, everything else rightly."""
    hit_SN = (rng.random((n_seeds, labels_N.size)) < rate) & (labels_N == 0)
    return np.where(hit_SN, 1, labels_N)


@cache
def real(arm: str = "documented", n_seeds: int = 10) -> Verdict:
    """Return the verdict on an arm of the study four-nine from its stored readings."""
    with np.load(READINGS, allow_pickle=False) as archive:
        kept = dict(archive)
    parts: dict[str, list[str]] = {}
    for key in kept:
        if key.endswith(" ids"):
            parts.setdefault(key.partition(" · ")[0], []).append(key.removesuffix(" ids"))

    def joined(names: list[str], side: str) -> npt.NDArray[np.int64]:
        return np.concatenate([kept[f"{n} {side}"][:n_seeds] for n in names], axis=1)

    views = [
        View(
            view,
            np.concatenate([kept["labels"][kept[f"{n} ids"]] for n in names]),
            joined(names, "baseline"),
            joined(names, arm),
        )
        for view, names in parts.items()
    ]
    return verdict_of(
        kept["labels"],
        kept["baseline"][:n_seeds],
        kept[arm][:n_seeds],
        cells=[(4, 9)],
        slices=views,
        arm=arm,
        seeds=kept["seeds"][:n_seeds].tolist(),
    )


@cache
def cases() -> dict[str, Verdict]:
    """Return a verdict of every kind by its name."""
    rng = np.random.default_rng(1)
    clean = {"cells": [(0, 1)], "margins": LOOSE}
    half = misread(rng, 0.06, 10), misread(rng, 0.03, 10)
    labels_M = np.arange(2400) % 12
    before = np.where(rng.random((4, 2400)) < 0.05, (labels_M + 1) % 12, labels_M)
    after = np.where(rng.random((4, 2400)) < 0.05, (labels_M + 3) % 12, labels_M)
    return {
        "reduced": verdict_of(LABELS_N, *half, **clean),
        "reduced-undetermined": verdict_of(
            LABELS_N, *half, cells=[(0, 1)], margins=Margins(cell=0.003), arm="policy"
        ),
        "harm-by-slice": real("documented"),
        "underpowered": real("both"),
        "not-shown": verdict_of(LABELS_N, misread(rng, 0.1, 10), misread(rng, 0.1, 10), **clean),
        "one-seed-each": real("swapped", 1),
        "unpaired": verdict_of(LABELS_N, misread(rng, 0.06, 4), misread(rng, 0.03, 7), **clean),
        "exploratory": verdict_of(
            LABELS_N,
            misread(rng, 0.06, 3),
            misread(rng, 0.05, 3),
            **clean,
            disputed_N=np.arange(LABELS_N.size) % 100 == 0,
            exploratory="the plan was changed after confirm had been opened",
        ),
        "odd-names": verdict_of(
            labels_M, before, after, cells=[(0, 1), (2, 3)], class_names=ODD, arm="<new>|--> arm"
        ),
    }
