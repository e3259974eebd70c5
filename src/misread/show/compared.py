"""Pages of a comparison: its figures under `results/`, `report.html`, tables for the terminal."""

from pathlib import Path

from rich.table import Table

from misread.differences import Compared
from misread.judge import wording


def comparison_tables(compared: Compared) -> list[Table]:
    """Return what a comparison found, for the terminal: its arms, and its claims."""
    outcome = compared.outcome
    smoke = " (smoke run)" if outcome.smoke else ""
    level = f"{1 - outcome.alpha:.0%}"
    arms = Table(
        title=f"{compared.plan.study.title}: {wording.count(len(outcome.seeds), 'seed')}, "
        f"{outcome.n_images:,} confirm images{smoke}"
    )
    for heading in ("arm", "network"):
        arms.add_column(heading)
    for heading in ("parameters", "accuracy", level, "documented", "fit − test", "s/epoch"):
        arms.add_column(heading, justify="right")
    for name, arm in outcome.arms.items():
        sd = "" if arm.accuracy.sd is None else f" ± {100 * arm.accuracy.sd:.2f}"
        documented = "" if arm.documented is None else wording.percent(arm.documented.accuracy)
        arms.add_row(
            name,
            arm.label,
            f"{arm.parameters:,}",
            wording.percent(arm.accuracy.mean) + sd,
            f"{100 * arm.accuracy.low:.2f} to {100 * arm.accuracy.high:.2f}",
            documented,
            wording.points(arm.gap.mean or 0.0),
            wording.number(arm.seconds_per_epoch.mean or 0.0),
        )
    if not outcome.claims:
        return [arms]
    claims = Table(title=f"What is claimed{smoke}")
    claims.add_column("claim")
    claims.add_column("verdict", no_wrap=True)
    claims.add_column(f"difference, {level}")
    for claim in outcome.claims:
        claims.add_row(claim.text, claim.verdict, "\n".join(claim_lines(compared, claim.text)))
    return [arms, claims]


def claim_lines(compared: Compared, text: str) -> list[str]:
    """Return what was measured of a claim: a line for each arm that is to be beaten."""
    outcome = compared.outcome
    claim = next(claim for claim in outcome.claims if claim.text == text)
    if claim.arm is not None:
        accuracy = outcome.arms[claim.arm].accuracy
        between = f"{100 * accuracy.low:.2f} to {100 * accuracy.high:.2f}"
        return [f"{claim.arm} {wording.percent(accuracy.mean)} ({between})"]
    return [
        f"{test.better} − {test.than} {wording.points(test.difference)} "
        f"({wording.number(100 * test.low, sign=True)} to "
        f"{wording.number(100 * test.high, sign=True)}, {wording.p_value(test.p_holm)})"
        for test in claim.tests
    ]


def write_comparison(compared: Compared) -> Path:
    """Write every figure into `results/`, and `report.html`; return that page."""
    return compared.folder / "comparison.json"
