"""The page of judged predictions: the terminal's answer, and the images to click through."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from misread.judge import Predictions, Verdict, cell_atlas
from misread.judge.align import in_one_order
from misread.judge.classes import Cell
from misread.judge.survey import Survey
from misread.show.explore import Explorable, Pictures, explore_of
from misread.show.figures.atlas import MOST_IMAGES, cell_figure
from misread.show.render import answer_lines, environment
from misread.show.report import embedded
from misread.show.study_figures import Drawn
from misread.show.survey import (
    EXPLORATORY,
    footing,
    next_step,
    survey_sentence,
    survey_tables,
    survey_warnings,
)
from misread.show.verdict import summary_of

_COLUMNS = 4  # images side by side, so that a phone can show them


@dataclass(frozen=True)
class Judged:
    """Predictions with the verdict, or without a cell the survey, of each treated side."""

    sides: Mapping[str, Predictions]  # by name, the one before the fix first
    verdicts: Sequence[Verdict] = ()
    surveys: Sequence[Survey] = ()
    pictures: Pictures = lambda _slice, _places: None
    about: str = ""  # what the readings are
    commands: Sequence[str] = ()  # to type next


def judged_page(judged: Judged) -> str:
    """Return a page that opens offline, from `file:` too; the same bytes for the same readings."""
    names = tuple(judged.sides)
    sides = dict(zip(names, in_one_order(list(judged.sides.values())), strict=True))
    summaries = [summary_of(verdict) for verdict in judged.verdicts]
    warnings = [text for s in summaries for text in (*s.warnings, s.exploratory) if text]
    held: dict[str, Collection[Cell]] = {s.after: _held(s) for s in judged.surveys}
    for name, verdict in zip(names[1:], judged.verdicts, strict=False):
        held[name] = verdict.held_up
    cell = judged.verdicts[0].cells[0] if judged.verdicts else None
    target = None if cell is None else (cell.true, cell.predicted)
    explorable = Explorable(sides, target=target, held=held, pictures=judged.pictures)
    answers = [line for summary in summaries for line in answer_lines(summary)]
    if judged.surveys:
        answers = [*map(survey_sentence, judged.surveys), EXPLORATORY, footing(judged.surveys)]
        warnings = survey_warnings(judged.surveys)
    following = next_step(judged.surveys) if judged.surveys else ""
    figures = _cell_figures(sides, target, judged.pictures) if target else {}
    captions = {
        key: f"The images that are misread so: {name}."
        for key, name in zip(figures, names, strict=False)
    }
    page = environment().get_template("judged.html.j2")
    return page.render(
        title=" → ".join(names[:2]),
        warnings=list(dict.fromkeys(warnings)),
        answers=answers,
        about=judged.about,
        tables=survey_tables(judged.surveys) if judged.surveys else [],
        summaries=summaries,
        explore=explore_of(explorable),
        captions=captions,
        figures=embedded(figures),
        commands=[*filter(None, [following]), *judged.commands],
    )


def _held(survey: Survey) -> set[Cell]:
    return {
        (item.true, item.predicted)
        for item in (*survey.improved, *survey.broke)
        if item.kind == "cell" and item.true is not None and item.predicted is not None
    }


def _cell_figures(
    sides: Mapping[str, Predictions], cell: Cell, pictures: Pictures
) -> dict[str, Drawn]:
    """Return the images of a cell in the first two sides; nothing where they are not known."""
    figures = {}
    for key, side in zip(("before", "after"), sides.values(), strict=False):
        atlas = cell_atlas(side.labels_N, side.preds_SN, *cell, side.disputed_N)
        places = sorted(
            misread.image for members in atlas.kinds.values() for misread in members[:MOST_IMAGES]
        )
        images = pictures("", np.array(places, np.int64)) if places else None
        if images is not None:
            known = dict(zip(places, images, strict=True))
            figures[key] = Drawn.of(cell_figure(atlas, side, known, columns=_COLUMNS))
    return figures
