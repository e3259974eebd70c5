"""What `run` and `report` do at the end of a comparison."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from misread.cli.options import console

if TYPE_CHECKING:
    from rich.console import Console


def finish_comparison(folder: Path, shown: "Console", *, as_json: bool) -> None:
    """Write what a finished comparison comes to, its pictures and its page, and tell it."""
    from misread.show.claims import comparison_tables, write_comparison
    from misread.store import locked
    from misread.study.differences import conclude_comparison

    with locked(folder), shown.status("drawing figures and report"):
        compared = conclude_comparison(folder)
        page = write_comparison(compared)
    if as_json:
        click.echo((folder / "comparison.json").read_text("utf-8"), nl=False)
        return
    out = console(stderr=False)
    for table in comparison_tables(compared):
        out.print(table)
    click.echo(f"Report: {page}")


def report_comparison(folder: Path, shown: "Console") -> None:
    """Draw the pictures and the page of a finished comparison anew."""
    from misread.show.claims import write_comparison
    from misread.store import locked
    from misread.study.differences import load_compared

    with locked(folder), shown.status("drawing figures and report"):
        page = write_comparison(load_compared(folder))
    click.echo(f"Written: {page}.")
