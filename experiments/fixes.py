"""What else do the trainings of a fix's proofs say? For docs/results/fixes.md.

    python experiments/fixes.py --searches runs/NAME-fix … --proofs runs/NAME-proof … \
        --robust runs/edge-cases --pairs both:affine affine-margin:affine-long   (five minutes)

Nothing is trained or read. *Searches*: their candidates, failures first, and what those of the
first one with four seeds or more do to other confusions (`--elsewhere 2:7`). *Proofs*: each arm
against the baseline, and the first arm against its controls, by three kinds of evidence: the
target, its reverse, and both together as a share of both classes. *Robust*: arms against each other
in the mean over the fifteen corruptions and on USPS, from what `misread corruptions` and `misread
transfer --data h5:…/usps.h5` left in that study's folder.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared import DOCS, table, write_block

from misread.data.mnist import load_mnist
from misread.files import read_arrays, read_json
from misread.judge import Predictions, judge
from misread.judge.means import mean_over
from misread.judge.targets import CellResult
from misread.show.fix import standing_of
from misread.store import RunFolder
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence, load_evidence
from misread.study.halving import Score
from misread.study.plan import Plan
from misread.study.questions import Cell, parse_cell
from misread.study.runs import leans_of
from misread.study.search import FIRST_SEED, Search
from misread.wording import images, interval, p_number, percent, points

Pairs = list[tuple[str, str]]
Right = npt.NDArray[np.bool_]  # [C,S,N]: C states, S seeds, N images
Groups = npt.NDArray[np.int64]

AGAINST = ("equal-cost", "placebo")  # controls that the first arm is held against too
OTHER_WEIGHTS, ALPHA, LEAST = "again", 0.05, 4
# Kinds of evidence, and the weight of confirm in each; None is that of the sizes.
EVIDENCE = {"held out": 0.0, "held out and *confirm*": None, "*confirm*": 1.0}


def main() -> None:
    """Read the folders, and write the tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    for name in ("searches", "proofs", "robust"):
        parser.add_argument(f"--{name}", type=Path, nargs="*", default=[])
    parser.add_argument("--elsewhere", nargs="*", default=[], metavar="TRUE:PREDICTED")
    parser.add_argument("--pairs", nargs="*", default=[], metavar="ARM:OTHER")
    options = parser.parse_args()
    pairs = [(arm, other) for arm, _, other in (text.partition(":") for text in options.pairs)]
    text: list[str] = []
    for folder in options.searches:
        text += [f"### The search {folder.name}", candidates(folder)]
        cells = options.elsewhere if folder == options.searches[0] else []
        for cell in map(parse_cell, cells):
            name = "→".join(map(str, cell))
            text += [f"### The search {folder.name} on {name}", elsewhere(folder, cell)]
    for folder in options.proofs:
        text += [f"### The trainings of {folder.name}", proof(load_evidence(folder))]
    for folder in options.robust:
        title = "### Edge cases against general augmentation: the numbers"
        text += [title, robust(load_evidence(folder), pairs)]
    write_block(DOCS / "results" / "fixes.md", *text)


def proof(evidence: Evidence) -> str:
    """Return the table of a proof: what each kind of evidence says of each comparison."""
    arms = [arm for arm in evidence.treated_arms if arm != OTHER_WEIGHTS]
    compared = [(arm, BASELINE) for arm in arms]
    compared += [(arms[0], other) for other in AGAINST if other in arms[1:]]
    true, predicted = (evidence.train.class_names[k] for k in evidence.target)
    cell, reverse = f"{true}→{predicted}", f"{predicted}→{true}"
    heads = ["Arm against", "Evidence", cell, "p", reverse, "p", "both, points", "p", cell + " was"]
    rows = (row for arm, other in compared for row in rows_of(evidence, arm, other))
    return f"{len(evidence.seeds)} seeds.\n\n{table(heads, rows)}"


def rows_of(evidence: Evidence, arm: str, other: str) -> Iterator[list[str]]:
    """Yield a row for each kind of evidence on an arm against another one."""
    decides = weight_of(evidence.plan)
    for kind, weight in EVIDENCE.items():
        is_it = weight == decides or (weight is None and decides not in {0.0, 1.0})
        if decides == 1.0 and weight != 1.0:  # the plan has no other evidence
            continue
        before, after = (side_of(evidence, name, weight) for name in (other, arm))
        leans = leans_of(evidence.runs[other], plan_with(evidence.plan, weight), evidence.parts)
        target, cells = verdict_on(
            before, after, evidence.target, leans=leans, weight=decides if is_it else weight
        )
        shown = target.trade if target.shrank(ALPHA) else None
        yield [
            f"{arm}, {other}",
            kind + (" (decides)" if is_it and other == BASELINE else ""),
            *cells,
            str(shown.answer) if shown else "",
        ]


def verdict_on(
    before: Predictions, after: Predictions, cell: Cell, **asked: Any
) -> tuple[CellResult, list[str]]:
    """Return what the judge says of a cell; and it, its reverse and both together as cells."""
    target, reverse = (
        judge(before, after, cells=[one], **asked).cells[0] for one in (cell, cell[::-1])
    )
    both = target.both_ways
    return target, [
        f"{percent(target.before)} → {percent(target.after)}",
        p_number(target.p_value),
        f"{percent(reverse.before)} → {percent(reverse.after)}",
        p_number(reverse.p_value),
        "" if both is None else f"{points(both.estimate)} ({interval(both, 100, decimals=2)})",
        "" if both is None else p_number(both.p_value),
    ]


def weight_of(plan: Plan) -> float:
    """Return the weight that a plan gives to *confirm*."""
    return plan.pooled.weight if plan.pooled else 1.0


def plan_with(plan: Plan, weight: float | None) -> Plan:
    """Return the plan with this evidence: without held-out images where *confirm* stands alone."""
    return plan if weight != 1.0 else plan.model_copy(update={"pooled": None})


def side_of(evidence: Evidence, arm: str, weight: float | None) -> Predictions:
    """Return what an arm read of the images that count, without slices."""
    runs = evidence.runs[arm]
    return replace(runs.side if weight == 1.0 else runs.evidence, slices={})


def robust(evidence: Evidence, pairs: Pairs) -> str:
    """Return the tables of the arms on corrupted images and on USPS."""
    read = read_arrays(evidence.folder / "corruptions" / "mnist-c" / "readings.npz")
    usps = read_arrays(next((evidence.folder / "transfer").glob("*usps*")) / "readings.npz")
    arms = evidence.arms
    right = {arm: read[f"{arm} corrupted"] == read["labels"] for arm in arms}
    right_usps = {arm: (usps[arm] == usps["labels"])[np.newaxis] for arm in arms}
    rows = [
        [
            f"{arm} against {other}",
            *gain(right[arm], right[other], evidence.confirm.groups_N),
            *gain(right_usps[arm], right_usps[other]),
        ]
        for arm, other in [*pairs, *((arm, BASELINE) for arm in evidence.treated_arms)]
    ]

    def row(name: str, right: dict[str, Right]) -> list[str]:
        gains = [points(right[arm].mean() - right[other].mean()) for arm, other in pairs]
        return [name, *(percent(right[arm].mean()) for arm in arms), *gains]

    states = [
        row(str(name), {arm: right_CSN[c : c + 1] for arm, right_CSN in right.items()})
        for c, name in enumerate(read["corruptions"])
    ]
    states += [row("mean over the fifteen", right), row("USPS", right_usps)]
    less = [f"{arm} − {other}" for arm, other in pairs]
    heads = ["Read rightly", "fifteen corruptions", "p", "USPS", "p"]
    return (
        f"{len(evidence.seeds)} seeds; {len(read['labels']):,} test images in each corruption, and "
        f"{len(usps['labels']):,} of USPS. Gains in points, with intervals over seeds, images and, "
        "on corruptions, writers.\n\n"
        f"{table(heads, rows)}\n\n{table(['Read rightly', *arms, *less], states)}"
    )


def gain(after_CSN: Right, before_CSN: Right, groups_N: Groups | None = None) -> tuple[str, str]:
    """Return the gain of readings that are right, mean over states, in points; and its p."""
    mean = mean_over(after_CSN.mean(axis=0) - before_CSN.mean(axis=0), groups_N=groups_N)
    return f"{points(mean.estimate)} ({interval(mean, 100, decimals=2)})", p_number(mean.p_value)


def elsewhere(folder: Path, cell: Cell) -> str:
    """Return what a search's arms with four seeds or more do to another confusion on *explore*."""
    search = Search.model_validate(read_json(folder / "fix.json"))
    train_set = load_mnist()[0]
    last = {score.arm: rung.n_seeds for rung in search.rungs for score in rung.arms}

    def side(arm: str, n_seeds: int) -> Predictions:
        seeds = range(FIRST_SEED, FIRST_SEED + n_seeds)
        runs = [RunFolder(folder, arm, seed).select() for seed in seeds]
        ids_N, read_SN = runs[0]["ids"], np.concatenate([run["predictions"] for run in runs])
        taken = train_set.take(ids_N)
        return Predictions.from_arrays(taken.labels_N, read_SN, groups=taken.groups_N)

    name, reverse = f"{cell[0]}→{cell[1]}", f"{cell[1]}→{cell[0]}"
    heads = ["Arm", "Seeds", name, "p", reverse, "p", "both, points", "p"]
    rows = (
        [arm, str(n), *verdict_on(side(BASELINE, n), side(arm, n), cell)[1]]
        for arm, n in last.items()
        if n >= LEAST
    )
    return f"{search.n_images:,} images of *explore*.\n\n{table(heads, rows)}"


def worst(score: Score) -> str:
    """Return the errors in the worst altered view."""
    return images(max(score.slices.values(), default=0.0))


def candidates(folder: Path) -> str:
    """Return the table of a search, failures first."""
    search = Search.model_validate(read_json(folder / "fix.json"))
    before = {rung.n_seeds: rung.baseline for rung in search.rungs}
    tried = [
        (score, rung.n_seeds)
        for rung in search.rungs
        for score in reversed(rung.arms)
        if score.dropped or rung is search.rungs[-1]
    ]
    rows = (
        [
            it.arm,
            str(n_seeds),
            f"{images(before[n_seeds].target)} → {images(it.target)}",
            f"{images(before[n_seeds].reverse)} → {images(it.reverse)}",
            f"{worst(before[n_seeds])} → {worst(it)}",
            percent(it.accuracy),
            images(it.seconds),
            standing_of(search, it),
        ]
        for it, n_seeds in tried
    )
    heads = ["Candidate", "Seeds", search.target_name, search.reverse_name, "altered"]
    return (
        f"Search number {search.number} on this target, for {search.targets_name}: "
        f"{search.n_images:,} images of *explore*, errors a seed against the baseline's with the "
        "same seeds; *altered*: both directions in the worst altered view; *s*: a training on one "
        "core.\n\n"
        f"{table([*heads, 'Accuracy', 's', 'Outcome'], rows)}"
    )


if __name__ == "__main__":
    main()
