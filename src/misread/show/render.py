"""One verdict in a terminal, as a comment on a pull request, and as a piece of a page.

All three are made from the same summary, so they cannot say different things.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jinja2
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from misread import wording
from misread.judge.verdict import Verdict
from misread.show.table import (
    Frame,
    Table,
    html_table,
    markdown_table,
    plain,
    terminal_table,
    tone_of,
    tone_style,
)
from misread.show.verdict import VerdictSummary, status, summary_of

POINTS = " (growth in percentage points)"


def verdict_table(verdict: Verdict, *, top: int = 10) -> Group:
    """Return a verdict for a terminal.

    Parameters
    ----------
    verdict : Verdict
        The judge's verdict.
    top : int
        Number of items that are not safe to write out.

    Returns
    -------
    rich.console.Group
        Coloured where the console has colours, plain text elsewhere.
    """
    summary = summary_of(verdict, top)
    parts: list[RenderableType] = []
    parts += [Text(text, style="bold red") for text in summary.warnings]
    if summary.exploratory:
        parts.append(Text(summary.exploratory, style="bold yellow"))
    parts += _answer(verdict, summary)
    parts += [Text(), _stacked(summary.targets, summary.behind), Text()]
    points = POINTS if summary.items.rows else ""
    parts.append(Text(f"What it broke{points}: {summary.broken}"))
    if summary.items.rows:
        parts += [_indented(summary.items), Text(f"  {summary.rest}")]
    if summary.slices.rows:
        parts += [Text(), _indented(summary.slices)]
    parts += [Text(), _pairs(summary.facts)]
    parts += [Text(f"! {caveat}") for caveat in summary.caveats]
    return Group(*parts)


def verdict_brief(verdict: Verdict) -> Group:
    """Return the sentences of a verdict for a terminal; the caller says that it is exploratory."""
    summary = summary_of(verdict, 0)
    warnings = [Text(text, style="bold red") for text in summary.warnings]
    return Group(*warnings, *_answer(verdict, summary), Text(f"What it broke: {summary.broken}."))


def verdict_text(verdict: Verdict, *, top: int = 10, width: int = 88) -> str:
    """Return `verdict_table` as plain text of that width, without colour."""
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(verdict_table(verdict, top=top))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def answer_lines(summary: VerdictSummary) -> list[str]:
    """Return the sentences that answer first, on a terminal and on a page."""
    first = f"{summary.word} · {summary.arm}"
    return [first, *filter(None, (summary.reason, summary.settled))]


def _answer(verdict: Verdict, summary: VerdictSummary) -> list[RenderableType]:
    first, *others = answer_lines(summary)
    word = (summary.word, tone_style(tone_of(status(verdict.verdict))))
    return [Text.assemble(word, first.removeprefix(summary.word)), *map(Text, others)]


def _pairs(rows: Sequence[tuple[str, str]]) -> RichTable:
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    for name, fact in rows:
        grid.add_row(Text(name), Text(fact))
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
    return Padding(terminal_table(replace(table, title="", frame=Frame.NONE)), (0, 0, 0, 2))


def verdict_markdown(verdict: Verdict, *, top: int = 30) -> str:
    """Return a verdict as Markdown for a comment on a pull request.

    Parameters
    ----------
    verdict : Verdict
        The judge's verdict.
    top : int
        Number of items that are not safe to write out.

    Returns
    -------
    str
        The word and the sentence first, a table of the target cells, what it broke folded away,
        and last a hidden mark ``<!-- misread verdict … -->`` by which a bot finds its own comment
        again.
    """
    summary = summary_of(verdict, top)
    first = (*summary.warnings, *filter(None, (summary.exploratory,)))
    lines = [line for text in first for line in (f"**{plain(text)}**", "")]
    lines += [f"### {summary.word} · {plain(summary.arm)}", "", plain(summary.reason), ""]
    lines += [plain(summary.settled), ""] if summary.settled else []
    lines += [markdown_table(summary.targets), ""]
    lines += [f"> {plain(caveat)}\n" for caveat in summary.caveats]
    lines += ["<details>", f"<summary>What it broke{POINTS}: {summary.broken}</summary>", ""]
    if summary.items.rows:
        lines += [markdown_table(summary.items), "", f"{summary.rest}.", ""]
    if summary.slices.rows:
        lines += [markdown_table(summary.slices), ""]
    lines += [markdown_table(summary.behind), ""]
    lines += [f"- {name}: {plain(fact)}" for name, fact in summary.facts]
    mark = re.sub(r"\W+", "-", verdict.arm).strip("-")
    lines += ["", "</details>", "", f"<!-- misread verdict {mark} -->"]
    text = "\n".join(lines) + "\n"
    return re.sub(r"(?<=[@#])(?=\w)", "<!-- -->", text)  # so that it calls nobody


def verdict_html(verdict: Verdict) -> str:
    """Return a verdict as a piece of HTML: its card, the target cells, and everything it broke.

    The classes are those of `templates/report.css`; without it the piece reads well too.
    """
    page = environment().from_string(
        "{% from 'verdict.html.j2' import whole %}{{ whole(summary) }}"
    )
    return page.render(summary=summary_of(verdict))


def _visible(value: Any) -> Any:
    """Return what a template writes without signs that nobody sees; markup of ours as it is."""
    return wording.visible(value) if type(value) is str else value


def environment() -> jinja2.Environment:
    """Return the reader of the pages' templates: whatever is put in is text, never markup."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("misread.show"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    pages.globals["table"] = html_table
    return pages
