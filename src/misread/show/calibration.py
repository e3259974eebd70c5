"""Calibration and rules for adding seeds: tables and sentences, for the terminal and the docs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from misread.show.table import Frame, Table, markdown_table
from misread.simulate.calibrate import Calibration, Outcome
from misread.simulate.clustering import Clustering
from misread.simulate.limits import LIMITS, Miss, Summary, beyond_chance, summarise
from misread.simulate.stopping import REDUCTIONS, Stopped
from misread.simulate.worlds import World


def share(value: float) -> str:
    """Return a rate with three decimals, as in ".034" and "1.00"."""
    return "1.00" if value >= 0.9995 else f"{value:.3f}".removeprefix("0")


# --- calibration ----------------------------------------------------------------------------------


def outcome_cell(outcome: Outcome) -> str:
    """Return "found / covered" of one setting."""
    return f"{share(outcome.rate)} / {share(outcome.coverage)}"


def calibration_tables(calibration: Calibration) -> Iterator[Table]:
    """Yield one table per way to pair seeds and truth, in the order of the outcomes."""
    for (paired, reduction), group in groupby(
        calibration.outcomes, lambda outcome: (outcome.paired, outcome.reduction)
    ):
        by_row: dict[tuple[str, int], dict[float, str]] = {}
        for outcome in group:
            row = by_row.setdefault((outcome.world, outcome.n_seeds), {})
            row[outcome.errors] = outcome_cell(outcome)
        errors = sorted({count for row in by_row.values() for count in row})
        truth = f"a true −{reduction:.0%}: power" if reduction else "no effect: false positives"
        yield Table(
            f"{_pairs(paired)} seeds, {truth} / coverage",
            ("World", "Seeds", *(f"{count:g} errors" for count in errors)),
            tuple(
                (world, str(n_seeds), *(row.get(count, "–") for count in errors))
                for (world, n_seeds), row in by_row.items()
            ),
            frame=Frame.LIGHT,
        )


def _pairs(paired: bool) -> str:  # noqa: FBT001  as stored
    return "Paired" if paired else "Unpaired"


def findings(calibration: Calibration) -> Iterator[tuple[str, Summary]]:
    """Yield, per way to pair seeds, one sentence and the summary that it states."""
    for paired in (True, False):
        summary = summarise([o for o in calibration.outcomes if o.paired == paired])
        if summary is None:
            continue
        sentence = (
            f"{_pairs(paired)} seeds, {LIMITS.least_seeds} or more: false positives at most "
            f"{share(summary.worst.rate)} ({summary.worst.words}; limit {share(LIMITS.single)}), "
            f"{share(summary.mean)} on average (limit {share(LIMITS.mean)}); coverage at least "
            f"{share(summary.least.coverage)} ({summary.least.words}; limit "
            f"{share(LIMITS.coverage)})."
        )
        yield sentence, summary


def calibration_sentences(calibration: Calibration) -> list[str]:
    """Return the results of a calibration, a sentence each."""
    lines = [
        line
        for sentence, summary in findings(calibration)
        for line in (sentence, *miss_sentences(summary))
    ]
    return [*lines, error_sentence(calibration)]


def miss_sentences(summary: Summary) -> list[str]:
    """Return the limits that are missed, then the rates that chance may have put beyond theirs."""
    lines = [f"Missed: {_miss(miss)}." for miss in summary.misses if miss.sure]
    near = [miss for miss in summary.misses if not miss.sure]
    if near:
        worst = max(near, key=lambda miss: abs(miss.value - miss.limit))
        count = "1 rate lies" if len(near) == 1 else f"{len(near)} rates lie"
        lines.append(
            f"{count} beyond the limit by no more than chance can do; the farthest: {_miss(worst)}."
        )
    above, below = summary.thresholds
    return [
        *(lines or ["Every limit is kept."]),
        (
            f"So many studies surely show a miss once false positives reach {share(above)} in one "
            f"world or coverage falls to {share(below)}; more replicates show smaller ones."
        ),
    ]


def _miss(miss: Miss) -> str:
    return f"{miss.what}: {share(miss.value)} ± {share(miss.error)}, limit {share(miss.limit)}"


def error_sentence(calibration: Calibration) -> str:
    """Return the Monte-Carlo error, and what is made of it, in words."""
    n = calibration.replicates
    near, middle = ((p * (1 - p) / n) ** 0.5 for p in (0.05, 0.5))
    return (
        f"Each rate comes from {n:,} studies: its Monte-Carlo standard error is {share(near)} near "
        f".05 and .95, {share(middle)} near .5. A limit counts as missed where chance cannot "
        "explain the rate (exact binomial tests at .05, Bonferroni)."
    )


def calibration_markdown(
    calibration: Calibration,
    clusterings: Mapping[str, Sequence[Clustering]],
    command: str,
    versions: str,
) -> str:
    """Return docs/calibration.md of a finished calibration; the same one gives the same bytes.

    `clusterings` tell of the errors in real readings and in each world; empty if no readings were
    given. `command` was typed, and `versions` were there.
    """
    whole = f"{len(calibration.outcomes)} kinds of study, {calibration.replicates:,} of each"
    blocks = [
        "# Calibration: what the judge says when the answer is known",
        "After this page you can say how often the judge is wrong, and in which kinds of study.",
        "<!-- Written by the command below. Do not edit: run it again. -->",
        f"```\n{command}\n```",
        (
            f"{whole}, in {_duration(calibration.seconds)} of processor time; {versions}; method "
            f"`{calibration.method}`. The same command gives the same numbers, whatever `--jobs`."
        ),
        "## In short",
        *(" ".join((line, *miss_sentences(summary))) for line, summary in findings(calibration)),
        error_sentence(calibration),
        "## What was simulated",
        *_simulated(calibration.worlds),
        *(["## Are the worlds like real studies?", *_realism(clusterings)] if clusterings else []),
        "## The whole table",
        (
            "Each cell is *found / covered*: the share of studies with p ≤ .05 (with a true "
            "reduction: of those that found fewer errors), and the share of 95% intervals that "
            "hold the truth. The limits are for five seeds or more."
        ),
    ]
    for table in calibration_tables(calibration):
        blocks += [f"### {table.title}", markdown_table(table)]
    return "\n\n".join(blocks) + "\n"


def _simulated(worlds: Sequence[World]) -> Iterator[str]:
    """Yield what the worlds are made of."""
    yield (
        "982 images of one class, read by two arms. The log odds of an error add up what the arm "
        "does, how difficult the image is for both arms, what a seed does to both arms of a pair, "
        "and what a training, or an image, does in one arm only: the clustering that a test must "
        "survive. All are normal, with these standard deviations; seeds and images are drawn anew "
        "in each study."
    )
    rows = tuple(
        (w.name, *(f"{value:g}" for value in (w.seed, w.shared, w.image, w.difficulty)))
        for w in worlds
    )
    heads = ("World", "Seed", "Shared by a pair", "Image", "Difficulty")
    yield markdown_table(Table("", heads, rows))
    yield (
        "So wide a difficulty lets a few images err nearly always and most never. Without an "
        "effect the arms are exchangeable; otherwise the treated arm's expected rate is smaller by "
        "the reduction named. *Errors* are per training of the baseline. Where seeds are not "
        "paired, each training has its own shared term. The code is `misread.simulate.worlds`."
    )


def _realism(clusterings: Mapping[str, Sequence[Clustering]]) -> Iterator[str]:
    """Yield the comparison, and what it says."""
    yield (
        "The first row is measured on real readings: every directed confusion with at least two "
        "errors per seed, in every arm against the baseline. The others are simulated with as many "
        "seeds, images and errors. *Seeds* and *Images* are mean squares over the residual's (1: "
        "no clustering), of the change between the arms and of the errors before. *Correlation* is "
        "that of the errors per seed in both arms of a pair; *hardest four* is the share of the "
        "errors that the four worst images make. Medians, and in brackets the middle 80%."
    )
    mean_squares = ("Seeds, change", "Images, change", "Seeds, before", "Images, before")
    heads = ("Errors of", *mean_squares, "Correlation", "Hardest four")
    rows = tuple((name, *_quantiles(values)) for name, values in clusterings.items())
    yield markdown_table(Table("", heads, rows))
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


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


# --- rules for adding seeds -----------------------------------------------------------------------


class RuleSummary(NamedTuple):
    """A rule over all kinds of study."""

    rule: str
    worst: float  # share of false positives in the worst kind
    mean: float  # on average
    coverage: float  # of the intervals where it stopped, in the worst kind, null or not
    power: tuple[float, ...]  # mean, for each true reduction
    seeds: tuple[float, ...]  # mean of an arm: without an effect, then for each true reduction


def rule_summaries(outcomes: Sequence[Stopped]) -> list[RuleSummary]:
    """Return each rule over all kinds of study, in the order of `outcomes`."""
    summaries = []
    for rule in dict.fromkeys(outcome.rule for outcome in outcomes):
        kinds = [outcome for outcome in outcomes if outcome.rule == rule]
        by_truth = [[o for o in kinds if o.reduction == truth] for truth in REDUCTIONS]
        worst = max(outcome.rate for outcome in by_truth[0])
        mean, *power = (sum(o.rate for o in part) / len(part) for part in by_truth)
        coverage = min(outcome.coverage for outcome in kinds)
        seeds = tuple(sum(o.mean_seeds for o in part) / len(part) for part in by_truth)
        summaries.append(RuleSummary(rule, worst, mean, coverage, tuple(power), seeds))
    return summaries


def rule_table(summaries: Sequence[RuleSummary]) -> Table:
    """Return a row per rule."""
    truths = [f"−{truth:.0%}" for truth in REDUCTIONS[1:]]
    return Table(
        "Rules over all kinds: false positives (worst, mean), coverage (worst), mean power; seeds",
        ("Rule", "worst", "mean", "covered", *truths, "seeds", *truths),
        tuple(
            (
                summary.rule,
                *map(share, (summary.worst, summary.mean, summary.coverage, *summary.power)),
                *(f"{seeds:.1f}" for seeds in summary.seeds),
            )
            for summary in summaries
        ),
        frame=Frame.LIGHT,
    )


def world_table(outcomes: Sequence[Stopped]) -> Table:
    """Return a row per world and number of errors, of the plan's rule beside one look at all."""
    first, last = outcomes[0].rule, outcomes[-1].rule
    cells = {(o.rule, o.world, o.errors, o.reduction): o for o in outcomes}
    rows = []
    for world, errors in dict.fromkeys((o.world, o.errors) for o in outcomes):
        row = [world, f"{errors:g}"]
        for truth in REDUCTIONS:
            fixed, planned = (cells[rule, world, errors, truth] for rule in (first, last))
            row += [f"{share(fixed.rate)}/{share(planned.rate)}", f"{planned.mean_seeds:.1f}"]
        rows.append(tuple(row))
    truths = ["no effect", *(f"−{truth:.0%}" for truth in REDUCTIONS[1:])]
    heads = [head for truth in truths for head in (truth, "seeds")]
    title = f"Found by {first} / by {last}, and mean seeds of the latter"
    return Table(title, ("World", "Errors", *heads), tuple(rows), frame=Frame.LIGHT)


def rule_sentence(summaries: Sequence[RuleSummary], replicates: int) -> str:
    """Return what the rules come to, in sentences."""
    fixed, peeking, planned = summaries[0], summaries[1], summaries[-1]
    saved = [1 - seeds / fixed.seeds[0] for seeds in planned.seeds]
    lost = fixed.power[0] - planned.power[0]
    return (
        f"Judged after {peeking.rule}, false positives reach {share(peeking.worst)} "
        f"({share(peeking.mean)} on average). As planned by --adaptive they are at most "
        f"{share(planned.worst)} ({share(planned.mean)} on average; limits {share(LIMITS.single)} "
        f"and {share(LIMITS.mean)}), and {saved[0]:.0%} of an arm's seeds are saved where there is "
        f"no effect, {saved[1]:.0%} at a true −{REDUCTIONS[1]:.0%}, {saved[2]:.0%} at "
        f"−{REDUCTIONS[2]:.0%}, for {share(lost)} of the power at −{REDUCTIONS[1]:.0%}. Each kind "
        f"of study was simulated {replicates:,} times."
    )


def rule_misses(outcomes: Sequence[Stopped]) -> bool:
    """Return True if the plan's rule surely misses a limit of the calibration."""
    kinds = [outcome for outcome in outcomes if outcome.rule == outcomes[-1].rule]
    null = [outcome.rate for outcome in kinds if not outcome.reduction]
    above, _ = beyond_chance(kinds[0].replicates, len(null))
    _, below = beyond_chance(kinds[0].replicates, len(kinds))
    mean = sum(null) / len(null)
    return max(null) >= above or mean > LIMITS.mean or min(o.coverage for o in kinds) <= below
