"""Write the tables on writers in docs/method.md: what it takes to hold over writers too.

    python experiments/writers.py [--replicates N] RUN…

simulates studies without an effect, and with a true −30%, in a world without writers and in two
with them, and judges each with and without their groups: 10,000 of each kind without an effect,
unless told otherwise, and a fifth of that with one; a quarter of an hour. Then it judges the trials
in the folders RUN, such as runs/four-nine-quick, both ways.
"""

import argparse
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from rich.progress import track

from misread import wording
from misread.files import write_atomic
from misread.judge import Verdict
from misread.show.calibration import share
from misread.simulate.calibrate import Outcome, Setting, simulate
from misread.simulate.limits import LIMITS, standard_error
from misread.simulate.worlds import FOURS, WORLDS, WRITER_WORLDS, Design
from misread.study.plan import load_plan
from misread.study.study import BASELINE
from misread.study.verdict import confirm_of, judge_arm, read_arm, seeds_needed

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "method.md"
BEGIN = "<!-- writers: written by experiments/writers.py -->\n"
END = "<!-- end of writers -->\n"
REPLICATES = 10_000
SEEDS, ERRORS = (5, 10, 20), (3.0, 8.0, 30.0, 80.0)

Pair = tuple[Outcome, Outcome]


def main() -> None:
    """Write the tables."""
    options = argparse.ArgumentParser()
    options.add_argument("--replicates", type=int, default=REPLICATES)
    options.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    given = options.parse_args()
    kinds = [
        Setting(world, Design(n_seeds, errors, reduction))
        for reduction in (0.0, 0.3)
        for world in (WORLDS[-1], *WRITER_WORLDS)
        for n_seeds in SEEDS
        for errors in ERRORS
    ]
    found = []
    for kind in track(kinds, "simulating"):
        n = given.replicates // 5 if kind.design.reduction else given.replicates
        found.append((simulate(kind, n), simulate(kind, n, grouped=True)))
    real = [row for run in track(given.runs, "judging") for row in judged(run)]
    command = f"python experiments/writers.py {shlex.join(sys.argv[1:])}"
    told = "\n\n".join([f"```\n{command}\n```", *simulated(found), *on_real(real)])
    page = PAGE.read_text("utf-8")
    head, rest = page.split(BEGIN)
    write_atomic(PAGE, f"{head}{BEGIN}\n{told}\n\n{END}{rest.split(END)[1]}".encode())


def simulated(found: list[Pair]) -> Iterator[str]:
    """Yield what came of the simulations, as Markdown."""
    null = [pair for pair in found if not pair[0].reduction]
    with_writers = [pair for pair in null if pair[0].world != WORLDS[-1].name]
    worst = [max((pair[k] for pair in with_writers), key=lambda o: o.found) for k in (0, 1)]
    least = min((pair[1] for pair in found), key=lambda o: o.coverage)
    plain = [p for p in found if p[0].reduction and p[0].world == WORLDS[-1].name]
    loss = [one.found - other.found for one, other in plain]
    yield (
        f"{null[0][0].replicates:,} studies of each kind without an effect (Monte-Carlo standard "
        f"error {share(standard_error(0.05, null[0][0]))} near .05), {plain[0][0].replicates:,} "
        f"with one; {null[0][0].n_images} fours of the {sum(FOURS)} writers of MNIST's test set. "
        f"Where writers matter, the judge without "
        f"them is wrong up to {share(worst[0].found)} of the time ({worst[0].told()}), with them "
        f"at most {share(worst[1].found)} ({worst[1].told()}; limit {share(LIMITS.each)}); its "
        f"intervals hold the truth at least {share(least.coverage)} of the time. Where they do "
        f"not matter, asking for them costs at most {share(max(loss))} of power, "
        f"{share(float(np.mean(loss)))} on average."
    )
    for title, rows in (
        ("No effect: false positives at α = .05, without → with writers", null),
        ("A true −30%: power, without → with writers", [p for p in found if p[0].reduction]),
    ):
        yield f"**{title}**"
        heads = ("World", "Seeds", *(f"{errors:g} errors" for errors in ERRORS))
        lines: dict[tuple[str, int], list[str]] = {}
        for one, other in rows:
            line = lines.setdefault((one.world, one.n_seeds), [])
            line.append(f"{share(one.found)} → {share(other.found)}")
        yield table(heads, ((world, str(n), *cells) for (world, n), cells in lines.items()))


def judged(run: Path) -> Iterator[tuple[str, str, Verdict, Verdict]]:
    """Yield the verdicts on each arm of a trial, without and with its writers."""
    plan = load_plan(run)
    confirm = confirm_of(plan)[0]
    needed = seeds_needed(plan, run)
    before = read_arm(plan, run, BASELINE, needed[BASELINE])
    for arm in plan.study.treated_arms:
        after = read_arm(plan, run, arm, needed[arm])
        without, own = (
            judge_arm(plan.model_copy(update={"grouped": grouped}), confirm, arm, before, after)
            for grouped in (False, True)
        )
        yield run.name, arm, without, own


def on_real(rows: list[tuple[str, str, Verdict, Verdict]]) -> Iterator[str]:
    """Yield what writers change for real trials, as Markdown."""
    ratios = [
        (other.effect.high - other.effect.low) / (one.effect.high - one.effect.low)
        for _, _, without, own in rows
        for one, other in zip(without.collateral, own.collateral, strict=True)
    ]
    yield (
        f"**Real trials, without → with the {rows[0][3].n_groups} writers of *confirm***. Over all "
        f"{len(ratios):,} items beside the target, an interval becomes "
        f"{np.mean(ratios):.2f} times as wide on average (from {min(ratios):.2f} to "
        f"{max(ratios):.2f}; median {np.median(ratios):.2f})."
    )
    heads = ("Trial", "Arm", "Verdict", "Change of the target, 95%", "p", "Harmed",
             "Undetermined", "Design effect")  # fmt: skip
    yield table(
        heads,
        (
            (
                run,
                arm,
                _both(without.verdict, own.verdict),
                _both(*(wording.interval(v.cells[0].effect, v.cells[0].n_images)
                        for v in (without, own))),
                _both(*(wording.p_number(v.cells[0].p_holm) for v in (without, own))),
                _both(str(without.n_harmed), str(own.n_harmed)),
                _both(str(without.n_undetermined), str(own.n_undetermined)),
                f"{own.design_effect:.2f}" if own.design_effect else "not known",
            )
            for run, arm, without, own in rows
        ),
    )  # fmt: skip
    lost = sorted({
        f"{item.name} ({run}, {arm})"
        for run, arm, without, own in rows
        for item, same in zip(without.collateral, own.collateral, strict=True)
        if item.status == "harmed" != same.status
    })  # fmt: skip
    if lost:
        yield f"Harm that no longer stands: {'; '.join(lost)}."


def _both(one: str, other: str) -> str:
    return one if one == other else f"{one} → {other}"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table as Markdown."""
    names = list(heads)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
