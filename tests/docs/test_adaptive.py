"""What docs/adaptive.md says of looks: its prose is its tables, and its replay the readings'."""

import numpy as np
import pytest

from markdown_pages import rows_of
from misread.judge import Adaptive, Predictions, judge_look
from misread.show.verdict import status_counts
from misread.study.arms import BASELINE
from misread.study.file import load_study
from misread.study.questions import with_looks


@pytest.fixture(scope="module")
def page(project):
    return (project / "docs/adaptive.md").read_text("utf-8")


def test_what_is_said_of_the_rules_stands_in_their_table(page):
    part = page.partition("| Rule |")[2].partition("\n\n")[0].splitlines()[2:]
    heads = ("worst", "mean", "covered", "power", "power at −60%", "seeds")
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in part]
    rules = {name: dict(zip(heads, row, strict=False)) for name, *row in rows}
    peeking, four = rules["every seed at .05"], rules["4 looks at .05"]
    plan, levels = rules["cubic, give up"], rules["cubic"]
    text = " ".join(page.split())
    for said in (
        f"finds an effect in {peeking['mean']} of all studies and in {peeking['worst']} of those",
        f"four looks do so in {four['mean']} and {four['worst']}.",
        f"they hold the truth in {peeking['covered']} of the studies of the worst kind",
        f"{levels['worst']} in the worst kind for the levels alone",
        f"With giving up it is {plan['worst']}.",
        f"{levels['seeds']} of 20 seeds; with it, {plan['seeds']}.",
        f"({rules['Pocock, give up']['power']} instead of {plan['power']} at −30%)",
        f"power {rules['anytime-valid']['power']} at −30%",
    ):
        assert said in text


def test_the_table_of_levels_is_that_of_the_plan(page):
    rows = rows_of(page, "Seeds at the look")
    plan = Adaptive()
    assert [row["Seeds at the look"] for row in rows] == [str(look) for look in plan.looks]
    for row, level in zip(rows, plan.levels(0.05), strict=True):
        assert float(row["Level of the look"]) == pytest.approx(level, rel=0.05)


def test_the_replay_is_what_the_stored_readings_give(page, project):
    """Each arm of the documented study judged as if its seeds had come look by look."""
    arrays = dict(np.load(project / "docs/results/four-nine-readings.npz", allow_pickle=False))
    study, seeds = load_study("four-nine"), arrays["seeds"].tolist()
    plan = Adaptive(**with_looks({}, seeds)["adaptive"])
    names = [key.removesuffix(" ids") for key in arrays if key.endswith(" ids")]

    def side(arm, n_seeds):
        whole = Predictions.from_arrays(
            arrays["labels"], arrays[arm][:n_seeds], groups=arrays.get("groups")
        )
        for view in dict.fromkeys(name.partition(" · ")[0] for name in names):
            parts = [name for name in names if name.partition(" · ")[0] == view]
            read = [arrays[f"{part} {arm}"][:n_seeds] for part in parts]
            ids = [arrays[f"{part} ids"] for part in parts]
            whole = whole.with_view(view, np.concatenate(read, axis=1), np.concatenate(ids))
        return whole

    def judged(arm, n_seeds, looks):
        spec = study.judge
        return judge_look(
            looks,
            side(BASELINE, n_seeds),
            side(arm, n_seeds),
            cells=[study.target],
            margins=spec.margins,
            alpha=spec.alpha,
            reduction=spec.reduction,
            arm=arm,
        )

    n_runs = []
    for row in rows_of(page, "Arm | Settled after"):
        arm = row["Arm"]
        looks = (judged(arm, n_seeds, plan) for n_seeds in plan.looks)
        verdict = next(found for found in looks if found.settled.why)
        n_runs.append(verdict.n_seeds)
        cell = verdict.cells[0]
        final = judged(arm, len(seeds), Adaptive(looks=(len(seeds),)))
        assert list(row.values())[1:] == [
            f"{verdict.n_seeds}",
            verdict.verdict,
            f"{cell.before_images:.1f} → {cell.after_images:.1f}",
            status_counts(verdict),
            f"{final.verdict} ({status_counts(final)})",
        ]
    assert len(n_runs) == len(study.treated_arms)
    most = len(seeds) * (1 + len(n_runs))
    assert f"{sum(n_runs) + max(n_runs)} runs of {most} would have been enough" in page
