"""One verdict on the terminal, as a comment on a pull request, and as a piece of a page.

All three are made from the same `Sheet`, so they cannot say different things.
"""

import html
import io
import re
from collections.abc import Sequence

import jinja2
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from misread.judge.verdict import Verdict
from misread.show.table import Grid
from misread.show.verdict import Table, sheet_of

POINTS = " (growth in percentage points)"
_COLOURS = {"REDUCED": "green", "HARM": "red", "UNDERPOWERED": "yellow", "NOT SHOWN": "yellow"}
_STATUS_COLOURS = {"harmed": "red", "undetermined": "yellow"}


def verdict_style(decision: str) -> str:
    """Return the colour of a verdict's word on a terminal."""
    return f"bold {_COLOURS[decision]}"


def verdict_table(verdict: Verdict, *, top: int = 10, details: bool = True) -> Group:
    """Return a verdict for the terminal.

    Parameters
    ----------
    verdict : Verdict
        What the judge said.
    top : int
        How many of the items that are not safe to write out.
    details : bool
        False stops after the sentence and the counts of items, and leaves it to the caller to say
        that the result is exploratory.

    Returns
    -------
    rich.console.Group
        Coloured where the console has colours, plain text elsewhere.
    """
    sheet = sheet_of(verdict, top)
    parts: list[RenderableType] = []
    if sheet.exploratory and details:  # without details whoever prints several says it once
        parts.append(Text(sheet.exploratory, style="bold yellow"))
    parts.append(
        Text.assemble((sheet.word, verdict_style(sheet.decision)), f" · {sheet.arm}"),
    )
    parts.append(Text(sheet.reason))
    if sheet.settled:
        parts.append(Text(sheet.settled))
    if not details:
        return Group(*parts, Text(f"What it broke: {sheet.broken}."))
    told = f"What it broke: {sheet.broken}"
    parts += [Text(), _stacked(sheet.targets, sheet.behind), Text()]
    if sheet.items.rows:
        parts += [Text(told + POINTS), _indented(sheet.items), Text(f"  {sheet.rest}")]
    else:
        parts.append(Text(told))
    if sheet.slices.rows:
        parts += [Text(), _indented(sheet.slices)]
    parts += [Text(), _pairs(sheet.facts)]
    parts += [Text(f"! {caveat}") for caveat in sheet.caveats]
    return Group(*parts)


def verdict_text(verdict: Verdict, *, top: int = 10, width: int = 88) -> str:
    """Return `verdict_table` as plain text of that width, without colour."""
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(verdict_table(verdict, top=top))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _pairs(rows: Sequence[tuple[str, str]]) -> RichTable:
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    for name, told in rows:
        grid.add_row(Text(name), Text(told))
    return grid


def _stacked(*tables: Table) -> RichTable:
    """Return tables of the same cells with a block per cell, for a terminal is narrow."""
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    for rows in zip(*(table.rows for table in tables), strict=True):
        label = rows[0][0]
        for table, row in zip(tables, rows, strict=True):
            for head, value in zip(table.heads[1:], row[1:], strict=True):
                grid.add_row(Text(label, style="bold"), Text(head), Text(value))
                label = ""
    return grid


def _indented(table: Table) -> Padding:
    grid = Grid(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for place, head in enumerate(table.heads):
        grid.add_column(Text(head), justify="left" if place == 0 else "right")
    for row in table.rows:
        grid.add_row(*(Text(value, style=_STATUS_COLOURS.get(value, "")) for value in row))
    return Padding(grid, (0, 0, 0, 2))


def verdict_markdown(verdict: Verdict, *, top: int = 30) -> str:
    """Return a verdict as Markdown for a comment on a pull request.

    Parameters
    ----------
    verdict : Verdict
        What the judge said.
    top : int
        How many of the items that are not safe to write out.

    Returns
    -------
    str
        The word and the sentence first, a table of the target cells, what it broke folded away,
        and last a hidden mark ``<!-- misread verdict … -->`` by which a bot finds its own comment
        again.
    """
    sheet = sheet_of(verdict, top)
    lines = [f"**{_escaped(sheet.exploratory)}**", ""] if sheet.exploratory else []
    lines += [f"### {sheet.word} · {_escaped(sheet.arm)}", "", _escaped(sheet.reason), ""]
    lines += [_escaped(sheet.settled), ""] if sheet.settled else []
    lines += [*markdown_table(sheet.targets), ""]
    lines += [f"> {_escaped(caveat)}\n" for caveat in sheet.caveats]
    lines += ["<details>", f"<summary>What it broke: {sheet.broken}{POINTS}</summary>", ""]
    if sheet.items.rows:
        lines += [*markdown_table(sheet.items), "", f"{sheet.rest}.", ""]
    if sheet.slices.rows:
        lines += [*markdown_table(sheet.slices), ""]
    lines += [*markdown_table(sheet.behind), ""]
    lines += [f"- {name}: {_escaped(told)}" for name, told in sheet.facts]
    mark = re.sub(r"\W+", "-", sheet.arm).strip("-")
    lines += ["", "</details>", "", f"<!-- misread verdict {mark} -->"]
    return "\n".join(lines) + "\n"


def markdown_table(table: Table) -> list[str]:
    """Return the lines of a Markdown table; whatever a class is called, it stays text."""
    rule = ["---"] + ["---:"] * (len(table.heads) - 1)
    rows = [table.heads, *table.rows]
    lines = ["| " + " | ".join(map(_escaped, row)) + " |" for row in rows]
    return [lines[0], "| " + " | ".join(rule) + " |", *lines[1:]]


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is: it ends no cell, opens no tag, calls nobody."""
    text = re.sub(r"([\\`*_\[\]~|])", r"\\\1", html.escape(text, quote=False))
    return re.sub(r"(?<=[@#])(?=\w)", "<!-- -->", text)


def verdict_html(verdict: Verdict) -> str:
    """Return a verdict as a piece of HTML: its card, the target cells, and everything it broke.

    The classes are those of `templates/report.css`; without it the piece reads well too.
    """
    page = environment().from_string("{% from 'verdict.html.j2' import whole %}{{ whole(sheet) }}")
    return page.render(sheet=sheet_of(verdict))


def environment() -> jinja2.Environment:
    """Return how the pages' templates are read: whatever is put in is text, never markup."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("misread.show"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
