"""Which verdicts on the documented study moved when it was trained again? For four-nine-again.md.

    python experiments/again.py runs/four-nine-again   (two minutes)

The first trainings, from docs/results/four-nine-readings.npz, and those in the folder, judged as
version 0.1.0 did (*confirm* alone, every item gated), over writers too, and as new plans are: with
the images that each seed held out, and *safe* asked where it is meant.
"""

from collections.abc import Iterator, Mapping

from shared import DOCS, asked, table, write_block

from misread.data.mnist import load_mnist
from misread.files import read_arrays
from misread.judge import Predictions, Verdict, judge
from misread.judge.items import Gate
from misread.study.arms import BASELINE
from misread.study.evidence import load_evidence
from misread.study.runs import leans_of
from misread.study.verdict import judge_arm
from misread.wording import p_number, percent

CELL = (4, 9)
ONCE_AND_AGAIN = ("First trainings", "over writers", "Trained again", "over writers")
HEADS = ("Arm", *ONCE_AND_AGAIN, "with held-out images (the plan)")


def main() -> None:
    """Judge, and write the table."""
    evidence = load_evidence(asked(__doc__, folders=True).folders[0])
    first = dict(stored([BASELINE, *evidence.treated_arms]))
    again = {arm: runs.side for arm, runs in evidence.runs.items()}
    rows = []
    for arm in evidence.treated_arms:
        one, other = (evidence.runs[name] for name in (BASELINE, arm))
        leans = leans_of(one, evidence.plan, evidence.parts)
        verdict = judge_arm(evidence.plan, arm, one.evidence, other.evidence, leans=leans)
        rows.append([arm, *before(first, arm), *before(again, arm), words(verdict)])
    write_block(DOCS / "results" / "four-nine-again.md", table(HEADS, rows))


def stored(arms: list[str]) -> Iterator[tuple[str, Predictions]]:
    """Yield the arms of the first trainings, with their counter-slices and the writers."""
    read = read_arrays(DOCS / "results" / "four-nine-readings.npz")
    groups_N = load_mnist()[1].groups_N
    views = [key.removesuffix(" ids") for key in read if key.endswith(" ids")]
    for arm in arms:
        side = Predictions.from_arrays(read["labels"], read[arm], groups=groups_N)
        for view in views:
            side = side.with_view(view, read[f"{view} {arm}"], read[f"{view} ids"])
        yield arm, side


def before(sides: Mapping[str, Predictions], arm: str) -> Iterator[str]:
    """Yield what was said of an arm on *confirm*, and what is with its writers."""
    one, other = sides[BASELINE], sides[arm]
    for pair in ((one.without_groups(), other.without_groups()), (one, other)):
        yield words(judge(*pair, cells=[CELL], gate=Gate.EVERYTHING))


def words(verdict: Verdict) -> str:
    """Return a verdict with the change of its target, and what it harms."""
    target = verdict.cells[0]
    said = f"{verdict.verdict}{f', {verdict.qualifier}' if verdict.qualifier else ''}"
    change = f"{percent(target.before)} → {percent(target.after)}, p = {p_number(target.p_value)}"
    harmed = [item.name for item in verdict.collateral if item.status == "harmed"]
    return "; ".join([f"{said}: {change}", *(f"harms {name}" for name in harmed)])


if __name__ == "__main__":
    main()
