"""Processor seconds to an answer about one fix: today's product, pooled evidence, looks, patches.

1. *Evidence*: subsets of the seeds of a finished proof are judged three times: *confirm* alone with
   the gate of version 0.1.0, where everything must be safe; *confirm* alone; and together with the
   held-out images. How many subsets are decided, and what their trainings cost.
2. *Looks*: orders of the seeds, stopped at the first planned look that settles the arm, against all
   of the seeds.
3. *Patches*: trainings of a search that go on from the baseline, against the same in full.

Nothing is trained: 1 and 2 read the folder `--proof` [default: runs/four-nine-proof] and its arm
`--arm`, 3 reads `fix.json` of `--search` [default: runs/four-nine-fix]. `--quick` judges few
subsets. Subsets share seeds, so their shares say what this study holds, not what the next will.
"""

import argparse
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import mean

import numpy as np

from common import Cell, Table, finish, machine, options, show
from misread.errors import MisreadError
from misread.files import read_json
from misread.judge import Adaptive, Predictions, Verdict
from misread.judge.items import Gate
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence, load_evidence
from misread.study.plan import Plan
from misread.study.runs import leans_of
from misread.study.verdict import judge_arm

LOOKS = (5, 10)
PATCHES = {"patch-margin": "margin", "patch-hard": "hard"}


class Proof:
    """A finished proof: its evidence, and what it cost."""

    def __init__(self, folder: Path, arm: str) -> None:
        self.evidence: Evidence = load_evidence(folder)
        self.arm, plan = arm, self.evidence.plan
        runs = self.evidence.runs
        self.n_seeds = len(self.evidence.seeds)
        self.leans = leans_of(runs[BASELINE], plan, self.evidence.parts)
        seconds = self.evidence.train_seconds
        self.seconds_S = np.add(seconds[BASELINE], seconds[arm])
        alone = plan.model_copy(update={"pooled": None})
        old = alone.model_copy(update={"gate": Gate.EVERYTHING})
        self.ways: dict[str, tuple[Plan, Callable[[str], Predictions]]] = {
            "0.1.0: confirm, everything safe": (old, lambda name: runs[name].side),
            "confirm": (alone, lambda name: runs[name].side),
            "confirm and held out": (plan, lambda name: runs[name].evidence),
        }

    def judge(self, way: str, rows: tuple[int, ...], adaptive: Adaptive | None = None) -> Verdict:
        """Return the verdict on some of the seeds, at a look where there are looks."""
        plan, side = self.ways[way]
        study = plan.study.model_copy(update={"adaptive": adaptive})
        plan = plan.model_copy(update={"study": study})
        before, after = (side(name).of_seeds(rows) for name in (BASELINE, self.arm))
        return judge_arm(plan, self.arm, before, after, leans=self.leans)


def subsets(n_seeds: int, size: int, most: int) -> list[tuple[int, ...]]:
    """Return at most so many subsets of the seeds, drawn at random."""
    every = list(combinations(range(n_seeds), size))
    rng = np.random.default_rng(size)
    return [every[k] for k in rng.permutation(len(every))[:most]]


def by_evidence(proof: Proof, most: int) -> Table:
    """Return how many subsets of each size are decided, in three ways."""
    rows: list[list[Cell]] = []
    sizes = sorted({5, 7, proof.n_seeds} if proof.n_seeds > 7 else {proof.n_seeds})
    for size in sizes:
        drawn = subsets(proof.n_seeds, size, most)
        seconds = mean(float(proof.seconds_S[list(rows)].sum()) for rows in drawn)
        for way in proof.ways:
            verdicts = [proof.judge(way, rows_of) for rows_of in drawn]
            shares = [
                mean(v.verdict == "REDUCED" and not v.qualifier for v in verdicts),
                mean(v.verdict == "REDUCED" for v in verdicts),
                mean(v.verdict in ("NOT SHOWN", "HARM") for v in verdicts),
            ]
            widths = [(e.high - e.low) / 2 for e in (v.cells[0].effect for v in verdicts)]
            half = 1000 * mean(widths)
            rows.append([size, way, len(drawn), round(seconds), *shares, half])
    return Table(
        title="Evidence: what the same trainings decide",
        n="subsets of one study's seeds; seconds of training both arms on one core",
        columns=(
            "seeds", "evidence", "subsets", "s", "plain REDUCED", "REDUCED",
            "NOT SHOWN or HARM", "half interval, ‰",
        ),
        rows=rows,
    )  # fmt: skip


def by_looks(proof: Proof, most: int) -> Table:
    """Return what looks at five and ten seeds save."""
    way, adaptive = "confirm and held out", Adaptive(looks=LOOKS)
    rng = np.random.default_rng(0)
    seconds, decided = [], []
    for _ in range(most):
        order = tuple(int(k) for k in rng.permutation(proof.n_seeds))
        for look in LOOKS:
            rows = order[:look]
            verdict = proof.judge(way, rows, adaptive)
            if verdict.settled and verdict.settled.why:
                break
        seconds.append(float(proof.seconds_S[list(rows)].sum()))
        decided.append((verdict.verdict == "REDUCED", len(rows) == LOOKS[0]))
    whole = float(proof.seconds_S.sum())
    fixed = proof.judge(way, tuple(range(proof.n_seeds)))
    return Table(
        title="Looks: stopping at five or ten seeds",
        n=f"{most} orders of the seeds",
        columns=("rule", "s", "REDUCED", "stopped at five seeds"),
        rows=[
            ["all ten seeds", round(whole), float(fixed.verdict == "REDUCED"), 0.0],
            ["looks at 5 and 10", round(mean(seconds)), *map(mean, zip(*decided, strict=True))],
        ],
    )


def by_patch(search: Path) -> Table:
    """Return what a patch costs and saves against the same treatment in full."""
    first = read_json(search / "fix.json")["rungs"][0]
    arms = {score["arm"]: score for score in first["arms"]}
    rows: list[list[Cell]] = [
        [
            name,
            round(arms[name]["seconds"], 1),
            round(arms[full]["seconds"], 1),
            arms[name]["seconds"] / arms[full]["seconds"],
            arms[name]["saved"],
            arms[full]["saved"],
        ]
        for name, full in PATCHES.items()
    ]
    return Table(
        title="Patches: going on from the baseline for a quarter of an epoch or more",
        n=f"{first['n_seeds']} seeds of a search, one core",
        columns=("patch", "s", "s in full", "ratio", "errors saved", "errors saved in full"),
        rows=rows,
        notes=["Errors of the target, images a seed of the search's half."],
    )


def main() -> None:
    """Judge, print, and write JSON where asked."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--proof", type=Path, default=Path("runs/four-nine-proof"))
        parser.add_argument("--arm", default="affine-margin")
        parser.add_argument("--search", type=Path, default=Path("runs/four-nine-fix"))

    chosen = options(__doc__, more)
    facts = machine("numpy")
    try:
        proof = Proof(chosen.proof, chosen.arm)
    except MisreadError as error:
        sys.exit(f"{error} Name a finished proof with --proof.")
    tables = []
    most = 2 if chosen.quick else 12
    for table in (by_evidence(proof, most), by_looks(proof, most), by_patch(chosen.search)):
        show(table)
        tables.append(table)
    what = (
        "How much training an answer about one fix takes, from the readings of a finished proof of "
        f"ten seeds ({chosen.arm}; 4→9 −48%, recipe `quick`): what pooled evidence, looks and "
        "patches each bring against version 0.1.0, which judged *confirm* alone after all seeds."
    )
    finish(chosen, "What an answer costs", what, tables, facts)


if __name__ == "__main__":
    main()
