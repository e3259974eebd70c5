"""The calibration as tables: one set of rows, for the terminal and for the docs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from misread.simulate.calibrate import Calibration, Outcome
from misread.simulate.limits import LIMITS, Miss, Summary, summarise
from misread.simulate.worlds import Clustering, World


class Part(NamedTuple):
    """The outcomes of one way to pair seeds and one truth.

    Attributes
    ----------
    title : str
        What a cell says.
    heads : tuple of str
        One per column: world, seeds, then errors per seed.
    rows : tuple of tuple of str
        One per world and number of seeds.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def share(value: float) -> str:
    """Return a rate with three decimals, as in ".034" and "1.00"."""
    return "1.00" if value >= 0.9995 else f"{value:.3f}".removeprefix("0")


def cell(outcome: Outcome) -> str:
    """Return "found / covered" of one setting."""
    return f"{share(outcome.found)} / {share(outcome.coverage)}"


def parts(calibration: Calibration) -> Iterator[Part]:
    """Yield one table per way to pair seeds and truth, in the order of the outcomes."""
    for (paired, reduction), group in groupby(
        calibration.outcomes, lambda o: (o.paired, o.reduction)
    ):
        outcomes = list(group)
        errors = sorted({o.errors for o in outcomes})
        by_row: dict[tuple[str, int], dict[float, Outcome]] = {}
        for o in outcomes:
            by_row.setdefault((o.world, o.n_seeds), {})[o.errors] = o
        pairs = "Paired" if paired else "Unpaired"
        found = f"a true −{reduction:.0%}: power" if reduction else "no effect: false positives"
        yield Part(
            f"{pairs} seeds, {found} / coverage",
            ("World", "Seeds", *(f"{count:g} errors" for count in errors)),
            tuple(
                (world, str(n), *(cell(row[e]) if e in row else "–" for e in errors))
                for (world, n), row in by_row.items()
            ),
        )


def findings(calibration: Calibration) -> Iterator[tuple[str, Summary]]:
    """Yield, per way to pair seeds, one sentence and the summary that it tells."""
    for paired in (True, False):
        summary = summarise([o for o in calibration.outcomes if o.paired == paired])
        if summary is None:
            continue
        pairs = "Paired" if paired else "Unpaired"
        sentence = (
            f"{pairs} seeds, {LIMITS.least_seeds} or more: false positives at most "
            f"{share(summary.worst.found)} ({summary.worst.told()}; limit {share(LIMITS.each)}), "
            f"{share(summary.mean)} on average (limit {share(LIMITS.mean)}); coverage at least "
            f"{share(summary.least.coverage)} ({summary.least.told()}; limit "
            f"{share(LIMITS.coverage)})."
        )
        yield sentence, summary


def in_short(calibration: Calibration) -> list[str]:
    """Return what came out, a sentence each."""
    lines = [
        line
        for sentence, summary in findings(calibration)
        for line in (sentence, *misses_told(summary))
    ]
    return [*lines, error_told(calibration)]


def misses_told(summary: Summary) -> list[str]:
    """Return the limits that are missed, then the rates that chance may have put beyond theirs."""
    told = [f"Missed: {_miss_told(miss)}." for miss in summary.misses if miss.sure]
    near = [miss for miss in summary.misses if not miss.sure]
    if near:
        worst = max(near, key=lambda miss: abs(miss.value - miss.limit))
        count = "1 rate lies" if len(near) == 1 else f"{len(near)} rates lie"
        told.append(
            f"{count} beyond the limit by no more than chance can do; the farthest: "
            f"{_miss_told(worst)}."
        )
    if not told:
        told.append("Every limit is kept.")
    above, below = summary.thresholds
    told.append(
        f"So many studies surely show a miss once false positives reach {share(above)} in one "
        f"world or coverage falls to {share(below)}; more replicates show smaller ones."
    )
    return told


def _miss_told(miss: Miss) -> str:
    return f"{miss.what}: {share(miss.value)} ± {share(miss.error)}, limit {share(miss.limit)}"


def error_told(calibration: Calibration) -> str:
    """Return the Monte-Carlo error, and what is made of it, in words."""
    n = calibration.replicates
    near, middle = ((p * (1 - p) / n) ** 0.5 for p in (0.05, 0.5))
    return (
        f"Each rate comes from {n:,} studies: its Monte-Carlo standard error is {share(near)} near "
        f".05 and .95, {share(middle)} near .5. A limit counts as missed where chance cannot "
        "explain the rate (exact binomial tests at .05, Bonferroni)."
    )


def markdown(
    calibration: Calibration,
    clusterings: Mapping[str, Sequence[Clustering]],
    command: str,
    versions: str,
) -> str:
    """Return docs/calibration.md.

    Parameters
    ----------
    calibration : Calibration
        Finished.
    clusterings : mapping of str to sequence of Clustering
        How errors cluster, in real readings and in each world; empty if no readings were given.
    command : str
        What was typed.
    versions : str
        What it ran with.

    Returns
    -------
    str
        A page that ends with a newline; the same calibration gives the same bytes.
    """
    whole = f"{len(calibration.outcomes)} kinds of study, {calibration.replicates:,} of each"
    blocks = [
        "# Calibration: what the judge says when the answer is known",
        "<!-- Written by the command below. Do not edit: run it again. -->",
        f"```\n{command}\n```",
        (
            f"{whole}, in {_duration(calibration.seconds)} of processor time; {versions}; method "
            f"`{calibration.method}`. The same command gives the same numbers, whatever `--jobs`."
        ),
        "## In short",
        *(
            " ".join((sentence, *misses_told(summary)))
            for sentence, summary in findings(calibration)
        ),
        error_told(calibration),
        "## What was simulated",
        _simulated(calibration.worlds),
        *(["## Are the worlds like real studies?", *_realism(clusterings)] if clusterings else []),
        "## The whole table",
        (
            "Each cell is *found / covered*: the share of studies with p ≤ .05 (with a true "
            "reduction: of those that found fewer errors), and the share of 95% intervals that "
            "hold the truth. The limits are for five seeds or more."
        ),
    ]
    for part in parts(calibration):
        blocks += [f"### {part.title}", _table(part.heads, part.rows)]
    return "\n\n".join(blocks) + "\n"


def _simulated(worlds: Sequence[World]) -> str:
    heads = ("World", "Seed", "Shared by a pair", "Image", "Difficulty")
    rows = [
        (w.name, *(f"{value:g}" for value in (w.seed, w.shared, w.image, w.difficulty)))
        for w in worlds
    ]
    return (
        "982 images of one class, read by two arms. The log odds of an error add up what the arm "
        "does, how difficult the image is for both arms, what a seed does to both arms of a pair, "
        "and what a training, or an image, does in one arm only: the clustering that a test must "
        "survive. All are normal, with these standard deviations; seeds and images are drawn anew "
        "in each study.\n\n" + _table(heads, rows) + "\n\n"
        "So wide a difficulty lets a few images err nearly always and most never. Without an "
        "effect the arms are exchangeable; otherwise the treated arm's expected rate is smaller by "
        "the reduction named. *Errors* are per training of the baseline. Where seeds are not "
        "paired, each training has its own shared term. The code is `misread.simulate.worlds`."
    )


def _realism(clusterings: Mapping[str, Sequence[Clustering]]) -> Iterator[str]:
    """Yield the comparison, and what it says."""
    heads = (
        "Errors of",
        "Seeds, change",
        "Images, change",
        "Seeds, before",
        "Images, before",
        "Correlation",
        "Hardest four",
    )
    yield (
        "The first row is measured on real readings: every directed confusion with at least two "
        "errors per seed, in every arm against the baseline. The others are simulated with as many "
        "seeds, images and errors. *Seeds* and *Images* are mean squares over the residual's (1: "
        "no clustering), of the change between the arms and of the errors before. *Correlation* is "
        "that of the errors per seed in both arms of a pair; *hardest four* is the share of the "
        "errors that the four worst images make. Medians, and in brackets the middle 80%."
    )
    yield _table(heads, [(name, *_quantiles(rows)) for name, rows in clusterings.items()])
    (_, real), *_, (name, last) = clusterings.items()
    middle = np.nanmedian(real, axis=0)
    low, high = np.nanquantile(last, (0.1, 0.9), axis=0)
    n_inside = int(np.count_nonzero((low <= middle) & (middle <= high)))
    yield (
        f"{n_inside} of the {len(middle)} real medians lie within the middle 80% of the {name}: "
        "the four worlds range from no clustering to this much."
    )


def _quantiles(rows: Sequence[Clustering]) -> Iterator[str]:
    for column in zip(*rows, strict=True):
        low, middle, high = np.nanquantile(column, (0.1, 0.5, 0.9))
        yield f"{middle:.2f} ({low:.2f} to {high:.2f})".replace("-", "−")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
