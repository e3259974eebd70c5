"""One table for a terminal of any width, for Markdown and for a page: the same rows in each."""

import html
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Self

from markupsafe import Markup
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from misread import wording

_WIDE = 10_000


class Tone(Enum):
    """Standing of a status, from which every rendering takes its colour."""

    PLAIN = auto()
    GOOD = auto()
    OPEN = auto()
    BAD = auto()
    STRONG = auto()  # no status, but what a reader looks for


class Toned(str):
    """Text of a cell that has a tone, whatever it reads."""

    __slots__ = ("tone",)
    tone: Tone

    def __new__(cls, text: str, tone: Tone) -> Self:
        """Return `text` with a tone."""
        toned = super().__new__(cls, text)
        toned.tone = tone
        return toned


class Frame(Enum):
    """Lines around a table in a terminal."""

    FULL = auto()
    LIGHT = auto()  # for many narrow columns
    NONE = auto()  # for a table within other text


@dataclass(frozen=True)
class Table:
    """Rows of text under heads; the title says what the rows are. Title and cells may be `Toned`.

    The first cell of each row names it. The further lines of a cell say more of the first one;
    Markdown and a page have them behind it, in brackets.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""  # what a terminal adds below
    align: str = "l"  # "l" or "r" for each of the first columns; the others are to the right
    unbroken: frozenset[int] = frozenset()  # columns whose lines do not break, from 0
    rules: frozenset[int] = frozenset()  # rows below which a terminal draws a line
    frame: Frame = Frame.FULL

    def __rich__(self) -> RichTable:
        return terminal_table(self)


_STYLES = {
    Tone.PLAIN: "",
    Tone.GOOD: "bold green",
    Tone.OPEN: "bold yellow",
    Tone.BAD: "bold red",
    Tone.STRONG: "bold",
}
_CLASSES = {Tone.GOOD: "is-reduced", Tone.BAD: "is-harmed", Tone.OPEN: "is-undetermined"}
_FRAMES: dict[Frame, dict[str, Any]] = {
    Frame.FULL: {},
    Frame.LIGHT: {
        "box": SIMPLE_HEAD,
        "title_justify": "left",
        "collapse_padding": True,
        "pad_edge": False,
    },
    Frame.NONE: {"box": None, "padding": (0, 1, 0, 0), "pad_edge": False, "header_style": "dim"},
}


def tone_of(text: str) -> Tone:
    """Return the tone of a cell."""
    return text.tone if isinstance(text, Toned) else Tone.PLAIN


def tone_style(tone: Tone) -> str:
    """Return the style of a tone in a terminal, as rich names it."""
    return _STYLES[tone]


def terminal_table(table: Table) -> RichTable:
    """Return a table for a terminal: it breaks lines between words and cuts no number short.

    Where even the longest words do not fit side by side, each row is a list of its own. It is
    coloured where the console has colours, plain text elsewhere.
    """
    grid = _Grid(
        title=Text(wording.cut(table.title), tone_style(tone_of(table.title)) or "table.title"),
        caption=Text(table.note, "table.caption"),
        **_FRAMES[table.frame],
    )
    for place, head in enumerate(table.heads):
        letter = table.align[place : place + 1] or "r"
        grid.add_column(
            Text(wording.cut(head)),
            justify="left" if letter == "l" else "right",
            no_wrap=place in table.unbroken,
            overflow="fold",
        )
    for place, row in enumerate(table.rows):
        cells = (Text(wording.cut(cell), style=tone_style(tone_of(cell))) for cell in row)
        grid.add_row(*cells, end_section=place in table.rules)
    return grid


def markdown_table(table: Table) -> str:
    """Return the lines of a Markdown table; whatever a class is called, it stays text."""
    sides = (table.align + "r" * len(table.heads))[: len(table.heads)]
    rule = " | ".join("---" if side == "l" else "---:" for side in sides)
    heads, *rows = (
        "| " + " | ".join(map(_markdown_cell, row)) + " |" for row in (table.heads, *table.rows)
    )
    return "\n".join([heads, f"| {rule} |", *rows])


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: it ends no cell and opens no tag."""
    text = re.sub(r"([\\`*\[\]~|])", r"\\\1", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
    return re.sub(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)|^>", lambda sign: html.escape(sign[0]), text)


def html_table(table: Table, caption: str = "", *, wrap: bool = False) -> Markup:
    """Return a table as a piece of a page; whatever a class is called, it stays text.

    `caption` says what the rows are, the table's title by default; `wrap` allows lines to break
    within cells.
    """
    caption = caption or table.title
    sides = ["left" if side == "l" and place else "" for place, side in enumerate(table.align)]
    sides += [""] * (len(table.heads) - len(sides))
    whole = ["whole" if place in table.unbroken else "" for place in range(len(sides))]
    heads = Markup().join(
        _html_cell(Markup('th scope="col"'), head, side)
        for head, side in zip(table.heads, sides, strict=False)
    )
    rows = Markup().join(
        Markup("<tr>{}{}</tr>\n").format(
            _html_cell(Markup('th scope="row"'), row[0]),
            Markup().join(
                _html_cell("td", cell, _CLASSES.get(tone_of(cell), ""), *classes)
                for cell, *classes in zip(row[1:], whole[1:], sides[1:], strict=False)
            ),
        )
        for row in table.rows
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{0}">\n<table{1}>\n'
        "<caption>{0}</caption>\n<thead><tr>{2}</tr></thead>\n<tbody>\n{3}</tbody>\n</table>\n</div>\n"
    ).format(caption, Markup(' class="wrap"') if wrap else "", heads, rows)


def _markdown_cell(cell: str) -> str:
    text = plain(_one_line(cell))
    return f"**{text}**" if tone_of(cell) is Tone.STRONG else text


def _html_cell(tag: str, cell: str, *classes: str) -> Markup:
    kinds = " ".join(filter(None, classes))
    look = Markup(' class="{}"').format(kinds) if kinds else ""
    return Markup("<{}{}>{}</{}>").format(tag, look, _one_line(cell), tag[:2])


def _one_line(cell: str) -> str:
    """Return a cell without breaks: its further lines in brackets behind the first."""
    first, *more = [line for line in wording.cut(cell).split("\n") if line] or [""]
    return f"{first} ({', '.join(more)})" if more else first


class _Grid(RichTable):
    """A table that becomes a list per row where a console is too narrow for it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the table, or a list for each row."""
        for column in self.columns:
            column.width = None
        wide = options.update_width(_WIDE)
        spans = [self._span(column, console, wide) for column in self.columns]
        least = [
            span.maximum if column.no_wrap else span.minimum
            for span, column in zip(spans, self.columns, strict=True)
        ]
        edges = Measurement.get(console, wide, self).maximum - sum(span.maximum for span in spans)
        room = options.max_width - edges - sum(least)
        if room < 0:
            yield from self._lists()
            return
        growths = [span.maximum - low for span, low in zip(spans, least, strict=True)]
        if room < sum(growths):
            for column, low, growth in zip(self.columns, least, growths, strict=True):
                column.width = low + growth * room // sum(growths)
        yield from super().__rich_console__(console, options)

    def _span(self, column: Column, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the longest word and the longest line of a column."""
        cells = [column.header, *column.cells]
        spans = [Measurement.get(console, options, cell) for cell in cells]
        return Measurement(max(s.minimum for s in spans), max(s.maximum for s in spans))

    def _lists(self) -> RenderResult:
        if self.title:
            yield Text.assemble((str(self.title), "italic"))
        for row in zip(*(column.cells for column in self.columns), strict=True):
            pairs = RichTable.grid("", "", padding=(0, 2, 0, 0))
            for column in pairs.columns:
                column.overflow = "fold"
            for column, cell in zip(self.columns, row, strict=True):
                if str(cell):
                    pairs.add_row(column.header, cell)
            yield Text()
            yield pairs
        if self.caption:
            yield Text()
            yield Text(str(self.caption), style="dim italic")
