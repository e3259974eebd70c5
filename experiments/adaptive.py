"""Write docs/adaptive.md and its figure: why peeking inflates errors, and what looks save.

    python experiments/adaptive.py [REPLICATES]

simulates every rule for adding seeds (2,000 studies of each kind unless told otherwise; minutes),
draws docs/figures/adaptive.png, and judges the readings in docs/results/four-nine-readings.npz
again as if their seeds had come look by look. Every number of the page comes from this.
"""

import sys
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from misread import wording
from misread.cli.calibrate import try_rules
from misread.files import write_atomic
from misread.judge import Adaptive, Predictions, judge_look
from misread.npz import arrays_of
from misread.show import calibration as show
from misread.show.calibration import share
from misread.show.figures.stopping import stopping_figure
from misread.show.style import png
from misread.show.table import Table, markdown_table
from misread.show.verdict import status_counts
from misread.simulate.calibrate import ALPHA
from misread.study.looks import with_looks
from misread.study.study import BASELINE, load_study

ROOT = Path(__file__).resolve().parent.parent
READINGS = ROOT / "docs" / "results" / "four-nine-readings.npz"
REPLICATES = 2_000


def main() -> None:
    """Write the page and the figure."""
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATES
    outcomes = try_rules(replicates, None)
    found = show.rule_summaries(outcomes)
    figure = png(stopping_figure(found, replicates))
    write_atomic(ROOT / "docs" / "figures" / "adaptive.png", figure)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    plan = Adaptive()
    page = environment.get_template("adaptive.md.j2").render(
        replicates=f"{replicates:,}",
        command=f"python experiments/adaptive.py{f' {replicates}' if sys.argv[1:] else ''}",
        share=share,
        rules={one.rule: one for one in found},
        fixed=found[0],
        peeking=found[1],
        four=found[2],
        own=found[-1],
        in_short=show.rule_sentence(found, replicates),
        by_rule=markdown_table(show.rule_table(found)),
        by_world=markdown_table(show.world_table(outcomes)),
        plan=markdown_table(_plan(plan)),
        items=wording.listed([share(level) for level in plan.items_levels(ALPHA)]),
        most=plan.most,
        replay=replay(),
    )
    write_atomic(ROOT / "docs" / "adaptive.md", page.encode())
    print("Written: docs/adaptive.md and docs/figures/adaptive.png.")


def _plan(plan: Adaptive) -> Table:
    levels, spent = plan.levels(ALPHA), plan.spent(ALPHA)
    rows = zip(plan.looks, levels, spent, strict=True)
    return Table(
        "",
        ("Seeds at the look", "Level of the look", "Interval", "Spent so far"),
        tuple((f"{n}", f"{a:.2g}", wording.level(a), f"{s:.2g}") for n, a, s in rows),
    )


def replay() -> dict[str, Any]:
    """Return at which look each arm of the documented study would have settled."""
    arrays = arrays_of(READINGS.read_bytes())
    seeds = arrays["seeds"].tolist()
    study = load_study("four-nine")
    plan = Adaptive(**with_looks({}, seeds)["adaptive"])
    rows, needed = [], []
    for arm in study.treated_arms:
        for n_seeds in plan.looks:
            verdict = _judged(arrays, arm, n_seeds, plan)
            if verdict.settled and verdict.settled.why:
                break
        final = _judged(arrays, arm, len(seeds), Adaptive(looks=(len(seeds),)))
        needed.append(n_seeds)
        cell = verdict.cells[0]
        rows.append(
            (
                arm,
                f"{n_seeds}",
                verdict.verdict,
                f"{cell.before_images:.1f} → {cell.after_images:.1f}",
                status_counts(verdict),
                f"{final.verdict} ({status_counts(final)})",
            )
        )
    heads = ("Arm", "Settled after", "Verdict", "4→9 a seed", "What it broke", "With all seeds")
    runs, most = sum(needed) + max(needed), len(seeds) * (1 + len(needed))
    return {
        "table": markdown_table(Table("", heads, tuple(rows))),
        "looks": wording.listed([f"{n}" for n in plan.looks]),
        "runs": runs,
        "most": most,
        "saved": wording.percent(1 - runs / most),
        "same": sum(row[2] == row[5].split(" (")[0] for row in rows),
        "arms": len(rows),
    }


def _judged(arrays: dict[str, Any], arm: str, n_seeds: int, plan: Adaptive) -> Any:
    study = load_study("four-nine")
    names = [key.removesuffix(" ids") for key in arrays if key.endswith(" ids")]
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(name.partition(" · ")[0], []).append(name)

    def side(which: str) -> Predictions:
        whole = Predictions.from_arrays(arrays["labels"], arrays[which][:n_seeds])
        for view, own in parts.items():
            read_SM = np.concatenate([arrays[f"{n} {which}"][:n_seeds] for n in own], axis=1)
            whole = whole.with_view(
                view, read_SM, np.concatenate([arrays[f"{n} ids"] for n in own])
            )
        return whole

    return judge_look(
        plan,
        side(BASELINE),
        side(arm),
        cells=[study.target or (4, 9)],
        margins=study.judge.margins,
        alpha=study.judge.alpha,
        reduction=study.judge.reduction,
        arm=arm,
    )


if __name__ == "__main__":
    main()
