"""What else do the trainings of a fix's proofs say? For docs/results/fixes.md.

    python experiments/fixes.py --searches runs/NAME-fix … --proofs runs/NAME-proof … \
        --robust runs/edge-cases --pairs both:affine affine-margin:affine-long   (five minutes)

Nothing is trained. *Searches*: their candidates, failures first. *Proofs*: each arm against the
baseline, and the first arm against its controls, by three kinds of evidence: the target, its
reverse, and both together as a share of both classes.
*Robust*: arms against each other in the mean over the fifteen corruptions and on USPS, from what
`misread corruptions` and `misread transfer --data h5:…/usps.h5` left in that study's folder.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shared import DOCS, command, table, write_block

from misread.files import read_arrays, read_json
from misread.judge import Predictions, judge
from misread.judge.means import mean_over
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence, load_evidence
from misread.study.halving import Score
from misread.study.plan import Plan
from misread.study.runs import leans_of
from misread.study.search import Search
from misread.wording import images, interval, p_number, percent, points

Pairs = list[tuple[str, str]]
Right = npt.NDArray[np.bool_]  # [C,S,N]: C states, S seeds, N images
Groups = npt.NDArray[np.int64]

AGAINST = ("equal-cost", "placebo")  # controls that the first arm is held against too
OTHER_WEIGHTS, ALPHA = "again", 0.05
# Kinds of evidence, and the weight of confirm in each; None is that of the sizes.
EVIDENCE = {"held out": 0.0, "held out and *confirm*": None, "*confirm*": 1.0}


def main() -> None:
    """Read the folders, and write the tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--searches", type=Path, nargs="*", default=[])
    parser.add_argument("--proofs", type=Path, nargs="*", default=[])
    parser.add_argument("--robust", type=Path, nargs="*", default=[])
    parser.add_argument("--pairs", nargs="*", default=[], metavar="ARM:OTHER")
    options = parser.parse_args()
    pairs = [(arm, other) for arm, _, other in (text.partition(":") for text in options.pairs)]
    text = [f"Written by `{command()}`."]
    for folder in options.searches:
        text += [f"### The search {folder.name}", searched(folder)]
    for folder in options.proofs:
        text += [f"### The proof {folder.name}, weighed otherwise", proof(load_evidence(folder))]
    for folder in options.robust:
        text += [
            "### Edge cases against general augmentation",
            robust(load_evidence(folder), pairs),
        ]
    write_block(DOCS / "results" / "fixes.md", "\n\n".join(text))


def proof(evidence: Evidence) -> str:
    """Return the table of a proof: what each kind of evidence says of each comparison."""
    arms = [arm for arm in evidence.treated_arms if arm != OTHER_WEIGHTS]
    compared = [(arm, BASELINE) for arm in arms]
    compared += [(arms[0], other) for other in AGAINST if other in arms]
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
        leans = leans_of(evidence.runs[other], planned(evidence.plan, weight), evidence.parts)
        there, back = evidence.target, evidence.target[::-1]
        judged = [
            judge(before, after, cells=[cell], leans=leans, weight=decides if is_it else weight)
            for cell in (there, back)
        ]
        target, reverse = (verdict.cells[0] for verdict in judged)
        both = target.both_ways
        yield [
            f"{arm}, {other}",
            kind + (" (decides)" if is_it and other == BASELINE else ""),
            f"{percent(target.before)} → {percent(target.after)}",
            p_number(target.p_value),
            f"{percent(reverse.before)} → {percent(reverse.after)}",
            p_number(reverse.p_value),
            "" if both is None else f"{points(both.estimate)} ({interval(both, 100, decimals=2)})",
            "" if both is None else p_number(both.p_value),
            str(target.trade.answer) if target.trade and target.shrank(ALPHA) else "",
        ]


def weight_of(plan: Plan) -> float:
    """Return the weight that a plan gives to *confirm*."""
    return plan.pooled.weight if plan.pooled else 1.0


def planned(plan: Plan, weight: float | None) -> Plan:
    """Return the plan with this evidence: without held-out images where *confirm* stands alone."""
    return plan if weight != 1.0 else plan.model_copy(update={"pooled": None})


def side_of(evidence: Evidence, arm: str, weight: float | None) -> Predictions:
    """Return what an arm read of the images that count, without slices."""
    runs = evidence.runs[arm]
    return replace(runs.side if weight == 1.0 else runs.evidence, slices={})


def robust(evidence: Evidence, pairs: Pairs) -> str:
    """Return the tables of the arms on corrupted images and on USPS."""
    seen = read_arrays(evidence.folder / "corruptions" / "mnist-c" / "readings.npz")
    usps = read_arrays(next((evidence.folder / "transfer").glob("*usps*")) / "readings.npz")
    arms = evidence.arms
    right = {arm: seen[f"{arm} corrupted"] == seen["labels"] for arm in arms}
    right_usps = {arm: (usps[arm] == usps["labels"])[np.newaxis] for arm in arms}
    groups_N = evidence.runs[BASELINE].side.groups
    found = [
        [
            f"{arm} against {other}",
            *gain(right[arm], right[other], groups_N),
            *gain(right_usps[arm], right_usps[other]),
        ]
        for arm, other in [*pairs, *((arm, BASELINE) for arm in evidence.treated_arms)]
    ]

    def row(name: str, right: dict[str, Right]) -> list[str]:
        gains = [points(right[arm].mean() - right[other].mean()) for arm, other in pairs]
        return [name, *(percent(right[arm].mean()) for arm in arms), *gains]

    states = [
        row(str(name), {arm: right_CSN[c : c + 1] for arm, right_CSN in right.items()})
        for c, name in enumerate(seen["corruptions"])
    ]
    states += [row("mean over the fifteen", right), row("USPS", right_usps)]
    less = [f"{arm} − {other}" for arm, other in pairs]
    heads = ["Read rightly", "fifteen corruptions", "p", "USPS", "p"]
    return (
        f"{len(evidence.seeds)} seeds; 10,000 test images in each corruption, 9,298 of USPS. "
        f"Gains in points, with intervals over seeds, images and, on corruptions, writers.\n\n"
        f"{table(heads, found)}\n\n{table(['Read rightly', *arms, *less], states)}"
    )


def gain(after_CSN: Right, before_CSN: Right, groups_N: Groups | None = None) -> tuple[str, str]:
    """Return the gain of readings that are right, mean over states, in points; and its p."""
    mean = mean_over(after_CSN.mean(axis=0) - before_CSN.mean(axis=0), groups_N=groups_N)
    return f"{points(mean.estimate)} ({interval(mean, 100, decimals=2)})", p_number(mean.p_value)


def worst(score: Score) -> str:
    """Return the errors in the worst altered view."""
    return images(max(score.slices.values(), default=0.0))


def searched(folder: Path) -> str:
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
            "goes to the proof"
            if it in search.best
            else it.dropped or "breaks as much as it saves",
        ]
        for it, n_seeds in tried
    )
    heads = ["Candidate", "Seeds", search.target_name, search.reverse_name, "altered"]
    return (
        f"Search number {search.number} on this target, for {search.lowered}: {search.n_images:,} "
        "images of *explore*, errors a seed against the baseline's with the same seeds; *altered*: "
        "both directions in the worst altered view; *s*: a training on one core.\n\n"
        f"{table([*heads, 'Accuracy', 's', 'Outcome'], rows)}"
    )


if __name__ == "__main__":
    main()
