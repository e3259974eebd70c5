"""Must intervals hold over writers too? The tables on writers in docs/method.md.

    python experiments/writers.py [--replicates N] RUN…  (a quarter of an hour)

Simulates studies without an effect, and with a true −30%, in a world without writers and in two
with them, and judges each with and without their groups: 10,000 of each kind without an effect,
unless told otherwise, and a fifth of that with one. Then it judges the trials in the folders RUN,
such as runs/four-nine-quick, both ways.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import track
from shared import DOCS, asked, table, write_block

from misread import wording
from misread.judge import Verdict
from misread.learn.views import load_parts
from misread.show.calibration import share
from misread.simulate.calibrate import Outcome, Setting, simulate
from misread.simulate.limits import LIMITS, standard_error
from misread.simulate.worlds import FOURS, WORLDS, WRITER_WORLDS, Design
from misread.study.arms import BASELINE
from misread.study.plan import load_plan
from misread.study.runs import load_arm
from misread.study.verdict import judge_arm, seeds_needed

SEEDS, ERRORS = (5, 10, 20), (3.0, 8.0, 30.0, 80.0)

Pair = tuple[Outcome, Outcome]  # without and with groups
Judged = tuple[str, str, Verdict, Verdict]  # run, arm, without and with groups


def main() -> None:
    """Write the tables."""
    options = asked(__doc__, folders=True, replicates=10_000)
    kinds = [
        Setting(world, Design(n_seeds, errors, reduction))
        for reduction in (0.0, 0.3)
        for world in (WORLDS[-1], *WRITER_WORLDS)
        for n_seeds in SEEDS
        for errors in ERRORS
    ]
    pairs = []
    for kind in track(kinds, "simulating"):
        n = options.replicates // 5 if kind.design.reduction else options.replicates
        pairs.append((simulate(kind, n), simulate(kind, n, grouped=True)))
    real = [row for run in track(options.folders, "judging") for row in judged(run)]
    write_block(DOCS / "method.md", *simulated(pairs), *on_real(real))


def simulated(pairs: list[Pair]) -> Iterator[str]:
    """Yield what came of the simulations, as Markdown."""
    null = [pair for pair in pairs if not pair[0].reduction]
    with_writers = [pair for pair in null if pair[0].world != WORLDS[-1].name]
    worst = [max((pair[k] for pair in with_writers), key=lambda o: o.rate) for k in (0, 1)]
    least = min((pair[1] for pair in pairs), key=lambda o: o.coverage)
    plain = [p for p in pairs if p[0].reduction and p[0].world == WORLDS[-1].name]
    loss = [one.rate - other.rate for one, other in plain]
    yield (
        f"{null[0][0].replicates:,} studies of each kind without an effect (Monte-Carlo standard "
        f"error {share(standard_error(0.05, null[0][0]))} near .05), {plain[0][0].replicates:,} "
        f"with one; {null[0][0].n_images} fours of the {sum(FOURS)} writers of MNIST's test set. "
        f"Where writers matter, the judge without them is wrong up to {share(worst[0].rate)} of "
        f"the time ({worst[0].words}), with them at most {share(worst[1].rate)} "
        f"({worst[1].words}; limit {share(LIMITS.single)}); its intervals hold the truth at least "
        f"{share(least.coverage)} of the time. Where they do not matter, asking for them costs at "
        f"most {share(max(loss))} of power, {share(float(np.mean(loss)))} on average."
    )
    for title, rows in (
        ("No effect: false positives at α = .05, without → with writers", null),
        ("A true −30%: power, without → with writers", [p for p in pairs if p[0].reduction]),
    ):
        lines: dict[tuple[str, int], list[str]] = {}
        for one, other in rows:
            line = lines.setdefault((one.world, one.n_seeds), [])
            line.append(f"{share(one.rate)} → {share(other.rate)}")
        heads = ("World", "Seeds", *(f"{errors:g} errors" for errors in ERRORS))
        yield f"**{title}**"
        yield table(heads, ((world, str(n), *cells) for (world, n), cells in lines.items()))


def judged(run: Path) -> Iterator[Judged]:
    """Yield the verdicts on each arm of a trial, without and with its writers."""
    plan = load_plan(run)
    parts = load_parts(plan.study.dataset, plan.study.sizes["confirm_size"])
    needed = seeds_needed(plan, parts, run)
    grouped = plan.model_copy(update={"grouped": True})
    sides = {arm: load_arm(grouped, parts, run, arm, n).side for arm, n in needed.items()}
    for arm in plan.study.treated_arms:
        pair = (sides[BASELINE], sides[arm])
        without = judge_arm(plan, arm, *(side.without_groups() for side in pair))
        yield run.name, arm, without, judge_arm(plan, arm, *pair)


def on_real(rows: list[Judged]) -> Iterator[str]:
    """Yield what writers change for real trials, as Markdown."""
    items = [
        (f"{one.name} ({run}, {arm})", one, other)
        for run, arm, without, grouped in rows
        for one, other in zip(without.collateral, grouped.collateral, strict=True)
    ]
    ratios = [
        (other.effect.high - other.effect.low) / (one.effect.high - one.effect.low)
        for _, one, other in items
    ]
    yield (
        f"**Real trials, without → with the {rows[0][3].n_groups} writers of *confirm***. Over all "
        f"{len(ratios):,} items beside the target, an interval becomes {np.mean(ratios):.2f} times "
        f"as wide on average (from {min(ratios):.2f} to {max(ratios):.2f}; median "
        f"{np.median(ratios):.2f})."
    )
    heads = ("Trial", "Arm", "Verdict", "Change of the target, 95%", "p", "Harmed",
             "Undetermined", "Design effect")  # fmt: skip
    yield table(heads, (_row(*row) for row in rows))
    lost = sorted({n for n, one, other in items if one.status == "harmed" != other.status})
    if lost:
        yield f"Harm that no longer stands: {'; '.join(lost)}."


def _row(run: str, arm: str, *verdicts: Verdict) -> list[str]:
    """Return what both verdicts on an arm say, where they differ without → with writers."""
    columns = [
        (
            verdict.verdict,
            wording.interval(verdict.cells[0].effect, verdict.cells[0].n_images),
            wording.p_number(verdict.cells[0].p_holm),
            str(verdict.n_harmed),
            str(verdict.n_undetermined),
        )
        for verdict in verdicts
    ]
    cells = [" → ".join(dict.fromkeys(pair)) for pair in zip(*columns, strict=True)]
    effect = verdicts[-1].design_effect
    return [run, arm, *cells, f"{effect:.2f}" if effect else "not known"]


if __name__ == "__main__":
    main()
