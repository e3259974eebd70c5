"""Tables of a study that compares arms: what each reads and costs, differences, claims."""

from misread.show.select import smoke_mark
from misread.show.table import Table, Tone, Toned
from misread.study.accuracy import Accuracy, Spread
from misread.study.claims import ClaimOutcome, Standing
from misread.study.evidence import Evidence
from misread.wording import count, number, p_number, p_value, percent, points

_TONES: dict[Standing, Tone] = {
    Standing.HOLDS: Tone.GOOD,
    Standing.FAILS: Tone.BAD,
    Standing.OPEN: Tone.OPEN,
}


def arm_table(evidence: Evidence) -> Table:
    """Return what each arm reads and costs."""
    outcome = evidence.accuracies
    title = (
        f"{evidence.plan.study.title}: {count(len(outcome.seeds), 'seed')}, "
        f"{outcome.n_images:,} confirm images{smoke_mark(outcome.smoke)}"
    )
    heads = (
        "Arm", "Network", "Parameters", "Accuracy ± sd", f"{1 - outcome.alpha:.0%} interval",
        "On fit", "Fit − confirm", "Seconds an epoch",
    )  # fmt: skip
    rows = tuple(
        (
            name,
            arm.label,
            f"{arm.parameters:,}" if arm.parameters else "–",
            _spread(arm.accuracy),
            f"{100 * arm.accuracy.low:.2f} to {100 * arm.accuracy.high:.2f}%",
            percent(arm.fit_accuracy.mean),
            points(arm.gap.mean or 0.0),
            f"{arm.seconds_per_epoch.mean or 0.0:.2f}",
        )
        for name, arm in outcome.arms.items()
    )
    return Table(title, heads, rows, align="ll")


def documented_table(evidence: Evidence) -> Table:
    """Return documented accuracies and where one more network would lie."""
    rows = []
    for name, arm in evidence.accuracies.arms.items():
        if arm.documented is None:
            continue
        low, high = arm.documented.low, arm.documented.high
        span = "–" if low is None or high is None else f"{100 * low:.2f} to {100 * high:.2f}%"
        agrees = {True: "yes", False: "no", None: "–"}[arm.documented.agrees]
        documented = f"{100 * arm.documented.accuracy:.2f}%"
        rows.append((name, documented, _spread(arm.accuracy), span, agrees))
    heads = ("Arm", "Documented", "Here", "One more network lies in (95%)", "Documented is within")
    return Table("Documented accuracies", heads, tuple(rows))


def difference_table(evidence: Evidence) -> Table:
    """Return all pairs of arms, the better one first."""
    outcome = evidence.accuracies
    rows = tuple(
        (
            f"{pair.better} − {pair.than}",
            points(pair.difference),
            f"{number(100 * pair.low, sign=True)} to {number(100 * pair.high, sign=True)}",
            p_number(pair.p_holm),
            f"{pair.seeds_ahead} of {len(outcome.seeds)}",
        )
        for pair in outcome.differences
    )
    level = f"{1 - outcome.alpha:.0%} interval"
    return Table("Differences", ("Pair", "Difference", level, "p (Holm)", "Seeds ahead"), rows)


def class_table(evidence: Evidence, arm: str) -> Table:
    """Return precision and recall of each class of an arm."""
    rows = tuple(
        (c.name, _spread(c.precision), _spread(c.recall))
        for c in evidence.accuracies.arms[arm].per_class
    )
    return Table(f"Classes of {arm}", ("Class", "Precision ± sd", "Recall ± sd"), rows)


def _spread(value: Spread | Accuracy) -> str:
    return percent(value.mean) + ("" if value.sd is None else f" ± {100 * value.sd:.2f}")


def claim_lines(evidence: Evidence, claim: ClaimOutcome) -> list[str]:
    """Return what was measured of a claim: a line for each arm that is to be beaten."""
    outcome = evidence.accuracies
    if claim.arm is not None:
        accuracy = outcome.arms[claim.arm].accuracy
        span = f"{100 * accuracy.low:.2f} to {100 * accuracy.high:.2f}"
        return [f"{claim.arm} {percent(accuracy.mean)} ({span})"]
    n_seeds = count(len(outcome.seeds), "seed")
    return [
        f"{test.better} − {test.than} {points(test.difference)} "
        f"({number(100 * test.low, sign=True)} to {number(100 * test.high, sign=True)}, "
        f"{p_value(test.p_holm)}; ahead in {test.seeds_ahead} of {n_seeds})"
        for test in claim.tests
    ]


def comparison_tables(evidence: Evidence) -> list[Table]:
    """Return what a comparison comes to, for the terminal: its arms, and its claims."""
    outcome, arms = evidence.accuracies, arm_table(evidence)
    columns = (0, 1, 2, 3, 6, 7)  # the others stand on the page
    heads, *rows = (tuple(row[column] for column in columns) for row in (arms.heads, *arms.rows))
    tables = [Table(arms.title, heads, tuple(rows), align="ll")]
    claims = []
    for claim in outcome.claims:
        verdict = Toned(claim.verdict, _TONES[claim.verdict])
        claims.append((claim.text, verdict, "\n".join(claim_lines(evidence, claim))))
    if claims:
        level = f"measured, with {1 - outcome.alpha:.0%} interval"
        title = f"What is claimed{smoke_mark(outcome.smoke)}"
        tables.append(Table(title, ("claim", "verdict", level), tuple(claims), align="lll"))
    return tables
