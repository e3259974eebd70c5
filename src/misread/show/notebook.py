"""Figures, verdicts, tables and sentences in a notebook, without a front end of our own.

Nothing here needs IPython: an object that has `_repr_mimebundle_` is shown by whoever knows that
protocol, and is plain text elsewhere. Pictures are those of the pages, byte for byte.
"""

from functools import singledispatch
from typing import Any

from matplotlib.figure import Figure

from misread.judge.verdict import Verdict
from misread.show.render import verdict_markdown, verdict_text
from misread.show.style import png
from misread.show.table import Table, markdown_table

_CSS_DPI = 96  # a browser's pixels per inch: figures have half as many again, so print well


class Display:
    """Something to look at, in every form that a notebook may ask for.

    Parameters
    ----------
    forms
        Media type → content; "text/plain" is among them.
    metadata
        Media type → what a front end should know, such as a picture's width.
    """

    def __init__(
        self, forms: dict[str, Any], metadata: dict[str, dict[str, Any]] | None = None
    ) -> None:
        self.forms, self.metadata = forms, metadata or {}

    def __repr__(self) -> str:
        return str(self.forms["text/plain"])

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        return self.forms, self.metadata


@singledispatch
def show(thing: Any) -> Display:
    """Return something to look at as a notebook shows it, as the last line of a cell.

    Parameters
    ----------
    thing : Figure, Verdict, Table or str
        A figure of `misread.show`, what the judge said, a table, or a sentence in Markdown.

    Returns
    -------
    Display
        A PNG picture or Markdown, and plain text.

    Raises
    ------
    TypeError
        If it is something else.

    Examples
    --------
    >>> show(Table("", ("cell", "errors"), (("4→9", "4.7"),)))
    | cell | errors |
    | --- | ---: |
    | 4→9 | 4.7 |
    """
    msg = f"show takes a Figure, a Verdict, a Table or a text, and got {type(thing).__name__}."
    raise TypeError(msg)


@show.register
def _figure(thing: Figure) -> Display:
    width, height = (round(_CSS_DPI * inches) for inches in thing.get_size_inches())
    title = str(thing.get_label()) or "figure"
    return Display(
        {"image/png": png(thing), "text/plain": title},
        {"image/png": {"width": width, "height": height}},
    )


@show.register
def _verdict(thing: Verdict) -> Display:
    return Display({"text/markdown": verdict_markdown(thing), "text/plain": verdict_text(thing)})


@show.register
def _table(thing: Table) -> Display:
    return _sentence(markdown_table(thing))


@show.register
def _sentence(thing: str) -> Display:
    return Display({"text/markdown": thing, "text/plain": thing})
