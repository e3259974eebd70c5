"""Tables for a terminal of any width."""

from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

_WIDE = 10_000


class Grid(Table):
    """A table that breaks lines between words and cuts no number short.

    Where even the longest words do not fit side by side, each row is a list of its own.
    """

    def add_column(self, *args: Any, **kwargs: Any) -> None:
        """Add a column as `rich.table.Table` does; a word too long for it goes on below."""
        super().add_column(*args, **{"overflow": "fold", **kwargs})

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the table, or a list for each row."""
        for column in self.columns:
            column.width = None
        wide = options.update_width(_WIDE)
        spans = [self._span(column, console, wide) for column in self.columns]
        least = [
            span.maximum if c.no_wrap else span.minimum
            for span, c in zip(spans, self.columns, strict=True)
        ]
        edges = Measurement.get(console, wide, self).maximum - sum(span.maximum for span in spans)
        room = options.max_width - edges - sum(least)
        if room < 0:
            yield from self._lists()
            return
        wanted = [span.maximum - low for span, low in zip(spans, least, strict=True)]
        if room < sum(wanted):
            for column, low, more in zip(self.columns, least, wanted, strict=True):
                column.width = low + more * room // sum(wanted)
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
            told = Table.grid("", "", padding=(0, 2, 0, 0))
            for column in told.columns:
                column.overflow = "fold"
            for column, cell in zip(self.columns, row, strict=True):
                if str(cell):
                    told.add_row(column.header, cell)
            yield Text()
            yield told
        if self.caption:
            yield Text()
            yield Text(str(self.caption), style="dim italic")
