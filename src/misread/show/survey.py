"""A comparison without a target, in words and rows, for a terminal and as Markdown."""

import shlex
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from misread import wording
from misread.judge.items import Item
from misread.judge.metadata import ColumnSlices
from misread.judge.survey import Survey
from misread.show.table import Table, markdown_table, plain, terminal_table

EXPLORATORY = (
    "Exploratory: no cell was named, so what stands here was found on the images that it was found "
    "on."
)
_MOST = 12  # rows of a table


def survey_warnings(surveys: Sequence[Survey]) -> list[str]:
    """Return what about the readings is probably a mistake; it stands before everything."""
    return [
        f"WARNING: {f'{survey.after}: ' if len(surveys) > 1 else ''}{text}"
        for survey in surveys
        for text in survey.warnings
    ]


def survey_tables(surveys: Sequence[Survey]) -> list[Table]:
    """Return the tables: all sides, where there are several; what improved, and what broke."""
    tables = [_sides(surveys)] if len(surveys) > 1 else []
    for survey in surveys:
        of_side = f" in {survey.after}" if len(surveys) > 1 else ""
        for title, items in (("What improved", survey.improved), ("What broke", survey.broke)):
            if items:
                more = f" (the first {_MOST} of {len(items)})" if len(items) > _MOST else ""
                tables.append(_changes(f"{title}{of_side}{more}", items[:_MOST]))
    return tables


def next_step(surveys: Sequence[Survey]) -> str:
    """Return what to do next: the cells that are worth a plan, and the command for the first."""
    survey = max(surveys, key=lambda survey: len(survey.improved))
    if survey.is_same or not survey.worth:
        return ""
    cells = [f"{cell.name} ({wording.number(cell.before_images)} a seed)" for cell in survey.worth]
    first = survey.worth[0].name.replace("→", ":")
    sides = shlex.join((survey.before, survey.after, "--cell", first))
    return (
        f"Worth a plan: {', '.join(cells)}. Name one before you read other images, and judge "
        f"those: misread judge {sides}"
    )


def survey_terminal(surveys: Sequence[Survey]) -> Group:
    """Return surveys for a terminal."""
    parts: list[RenderableType] = [
        Text(text, style="bold red") for text in survey_warnings(surveys)
    ]
    parts += [Text(survey_sentence(survey), style="bold") for survey in surveys]
    parts.append(Text(EXPLORATORY, style="bold yellow"))
    for table in survey_tables(surveys):
        parts += [Text(), terminal_table(table)]
    parts += [Text(), Text(footing(surveys)), Text(next_step(surveys))]
    return Group(*parts)


def survey_markdown(surveys: Sequence[Survey]) -> str:
    """Return surveys as Markdown for a pull request."""
    lines = [line for text in survey_warnings(surveys) for line in (f"**{plain(text)}**", "")]
    lines += [f"### {plain(survey_sentence(survey))}" for survey in surveys]
    lines += ["", f"*{EXPLORATORY}*", ""]
    for table in survey_tables(surveys):
        lines += [f"**{plain(table.title)}**", "", markdown_table(table), ""]
    lines += [plain(footing(surveys)), "", plain(next_step(surveys))]
    return "\n".join(lines).rstrip() + "\n"


def survey_sentence(survey: Survey) -> str:
    """Return the sentence that answers first."""
    sides = f"{survey.after} against {survey.before}"
    if survey.is_same:
        return f"{sides}: both read every image alike."
    item = survey.accuracy
    low, high = -100 * item.effect.high, -100 * item.effect.low
    word = "rose" if low > 0 else "fell" if high < 0 else "did not surely change"
    fell = _n_cells(survey.improved)
    grew = _n_cells(survey.broke)
    return (
        f"{sides}: accuracy {word}, {wording.percent(item.before)} → "
        f"{wording.percent(item.after)} "
        f"({_signed(-100 * item.effect.estimate)} points, {wording.level(survey.alpha)} interval "
        f"{_signed(low)} to {_signed(high)}); "
        f"of {survey.n_cells:,} confusions {fell} fell and {grew} grew."
    )


def _n_cells(items: Sequence[Item]) -> int:
    return sum(item.kind == "cell" for item in items)


def _signed(points: float) -> str:
    return wording.number(points, sign=True)


def _sides(surveys: Sequence[Survey]) -> Table:
    heads = ("After", "Accuracy", "Change, points", "Interval", "p", "Fell", "Grew")
    rows = []
    for survey in surveys:
        item = survey.accuracy
        rows.append(
            (
                survey.after,
                wording.percent(item.after),
                _signed(-100 * item.effect.estimate),
                f"{_signed(-100 * item.effect.high)} to {_signed(-100 * item.effect.low)}",
                wording.p_number(item.q_value),
                str(_n_cells(survey.improved)),
                str(_n_cells(survey.broke)),
            )
        )
    return Table(f"All against {surveys[0].before}", heads, tuple(rows))


def _changes(title: str, items: Sequence[Item]) -> Table:
    heads = ("", "Images a seed", "Change", "Interval", "q")
    rows = []
    for item in items:
        rates = ((item.before_images, item.before), (item.after_images, item.after))
        scale = next((abs(images / rate) for images, rate in rates if images and rate), 0.0)
        sign = -1 if item.kind == "recall" else 1
        low, high = sorted((sign * scale * item.effect.low, sign * scale * item.effect.high))
        change = item.after_images - item.before_images
        rows.append(
            (
                item.name,
                f"{wording.number(item.before_images)} → {wording.number(item.after_images)}",
                wording.images(change, sign=True),
                f"{wording.images(low, sign=True)} to {wording.images(high, sign=True)}",
                wording.p_number(item.q_value),
            )
        )
    return Table(title, heads, tuple(rows))


def footing(surveys: Sequence[Survey]) -> str:
    """Return on what surveys rest: seeds, images, groups, and the correction."""
    one = surveys[0]
    seeds = (
        f"{one.n_seeds_before} and {one.n_seeds_after} seeds"
        if one.n_seeds_before != one.n_seeds_after
        else wording.count(one.n_seeds_before, "seed")
    )
    groups = f" in {one.n_groups:,} groups" if one.n_groups else ""
    sides = f" and {len(surveys)} sides" if len(surveys) > 1 else ""
    return (
        f"Over {seeds} and {one.n_images:,} images{groups}; q-values are corrected over all of a "
        f"kind{sides} (Benjamini–Hochberg)."
    )


def metadata_table(by_column: Sequence[ColumnSlices], names: tuple[str, str], errors: str) -> Table:
    """Return the columns beside the images, the one that holds most errors in a stratum first."""
    heads = ("Column", "Most errors where", "Share of errors", "of images", "q", *names)
    rows = []
    for one in by_column[:_MOST]:
        explained, arms = one.explanation, one.worst.arms
        change, q_value, changed = arms[-1].change, arms[-1].q_value, "–"
        if change is not None and q_value is not None:
            points = wording.images(100 * change.estimate, sign=True)
            changed = f"{points} points, {wording.p_number(q_value)}"
        rows.append(
            (
                one.column,
                one.names[one.worst.stratum],
                wording.percent(explained.share),
                wording.percent(explained.size),
                wording.p_number(explained.q_value),
                *[*(wording.percent(arm.rate) for arm in arms), "–"][:2],
                changed,
            )
        )
    looked = wording.count(len(by_column), "column")
    note = f"{looked} looked through, which is exploratory; q is corrected over all of them."
    title = f"{errors} by what else is known of the images"
    return Table(title, (*heads, "Change, q"), tuple(rows), note=note)
