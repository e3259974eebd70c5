"""HTML of a verdict, a survey, an atlas, a plan's power and a study, for a notebook.

`files.Frozen` and `judge.atlas.Atlas` ask for it by name when a notebook asks them.
"""

from functools import singledispatch

from markupsafe import Markup

from misread import wording
from misread.judge.atlas import Atlas
from misread.judge.forecast import PowerAnswer
from misread.judge.survey import Survey
from misread.judge.verdict import Verdict
from misread.show.render import verdict_html
from misread.show.survey import (
    EXPLORATORY,
    next_step,
    survey_sentence,
    survey_tables,
    survey_warnings,
)
from misread.show.table import Table, html_table
from misread.study.study import Study

_MOST = 12  # rows of a table


@singledispatch
def html_of(_thing: object) -> str | None:
    """Return a piece of HTML, or None where there is nothing but the text of a thing."""
    return None


@html_of.register
def _verdict(thing: Verdict) -> str:
    return verdict_html(thing)


@html_of.register
def _survey(thing: Survey) -> str:
    first = (*survey_warnings([thing]), survey_sentence(thing))
    return Markup("{}<p>{}</p>{}<p>{}</p>").format(
        Markup().join(map(Markup("<p><b>{}</b></p>").format, first)),
        EXPLORATORY,
        Markup().join(map(html_table, survey_tables([thing]))),
        next_step([thing]),
    )


@html_of.register
def _power(thing: PowerAnswer) -> str:
    heads = ("seeds", *(f"−{share:.0%}" for share in thing.reductions))
    rows = tuple(
        (f"{row.n_seeds}", *(wording.chance(power) for power in row.power)) for row in thing.table
    )
    title = f"Power to find a reduction of {thing.cell} with {thing.n_images:,} images"
    return Markup("<p><b>{}</b></p>{}").format(
        thing.sentence, html_table(Table(title, heads, rows))
    )


@html_of.register
def _atlas(thing: Atlas) -> str:
    heads = ("cell", "errors a seed", "hard-core", "coin-flip", "flicker", "disputed")
    rows = tuple(
        (
            f"{cell.true}→{cell.predicted}",
            wording.number(cell.errors_per_seed),
            *(f"{len(part)}" for part in (cell.hard_core, cell.coin_flip, cell.flicker)),
            f"{len(cell.disputed)}",
        )
        for cell in thing[:_MOST]
    )
    title = (
        f"{len(thing)} cells, {wording.count(thing.n_seeds, 'seed')}: images by how often misread"
    )
    return str(html_table(Table(title, heads, rows)))


@html_of.register
def _study(thing: Study) -> str:
    target = "the top cell on select" if thing.asks_target else "none"
    if thing.target is not None:
        target = "→".join(map(str, thing.target))
    title = f"{thing.title}: {len(thing.arms)} arms × {len(thing.seeds)} seeds of {thing.dataset}"
    rows = tuple(
        (name, arm.label or "–", ", ".join(f"{k} {v}" for k, v in arm.stated.items()), arm.policy)
        for name, arm in thing.arms.items()
    )
    table = html_table(Table(title, ("arm", "is", "trained with", "policy"), rows))
    return Markup("{}<p>Target: {}. Trainer: {}.</p>").format(table, target, thing.trainer.text)
