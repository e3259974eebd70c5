"""Sections on rules for adding seeds, as `misread calibrate --adaptive` tries them."""

from collections.abc import Sequence
from functools import partial

from misread import wording
from misread.judge.looks import Adaptive
from misread.show import calibration
from misread.show.figures.stopping import adaptive
from misread.show.markdown.page import Beside, Chapter
from misread.show.style import png
from misread.show.table import Table, markdown_table
from misread.simulate.calibrate import ALPHA
from misread.simulate.stopping import Stopped


def chapter_of(outcomes: Sequence[Stopped], replicates: int) -> Chapter:
    """Return what a page tells of the rules that were tried so many times in each kind of study."""
    sections = {name: partial(make, outcomes, replicates) for name, make in SECTIONS.items()}
    return Chapter("adaptive", "Rules for adding seeds", sections, "calibrate")


def summary(outcomes: Sequence[Stopped], replicates: int, beside: Beside) -> str:
    """Tell what came out, with its figure."""
    summaries = calibration.rule_summaries(outcomes)
    picture = png(adaptive(summaries, replicates))
    title = "Bounds at each look, and mean seeds under each rule"
    options = f"--adaptive --replicates {replicates} --markdown {beside.page.as_posix()}"
    parts = [
        calibration.rule_sentence(summaries, replicates),
        f"```\nmisread calibrate {options}\n```",
        beside.picture("adaptive.png", picture, title),
    ]
    return "\n\n".join(parts)


def levels(_outcomes: Sequence[Stopped], _replicates: int, _beside: Beside) -> str:
    """Tell the level of each look: for the target, spent so far, and for everything else."""
    plan = Adaptive()
    columns = (plan.looks, plan.levels(ALPHA), plan.spent(ALPHA), plan.items_levels(ALPHA))
    rows = tuple(
        (f"{seeds}", f"{level:.2g}", wording.level(level), f"{spent:.2g}", f"{items:.2g}")
        for seeds, level, spent, items in zip(*columns, strict=True)
    )
    heads = ("Seeds at the look", "Level of the look", "Interval", "Spent so far",
             "Level of everything else")  # fmt: skip
    return markdown_table(Table("", heads, rows))


def by_rule(outcomes: Sequence[Stopped], _replicates: int, _beside: Beside) -> str:
    """Tell of every rule its false positives, coverage, power and seeds."""
    return _titled(calibration.rule_table(calibration.rule_summaries(outcomes)))


def by_world(outcomes: Sequence[Stopped], _replicates: int, _beside: Beside) -> str:
    """Tell kind by kind what the planned looks do beside one look at all seeds."""
    return _titled(calibration.world_table(outcomes))


def _titled(table: Table) -> str:
    return f"{table.title}:\n\n{markdown_table(table)}"


SECTIONS = {"summary": summary, "levels": levels, "rules": by_rule, "worlds": by_world}
