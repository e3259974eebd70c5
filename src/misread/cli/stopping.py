"""`misread calibrate --adaptive`: rules for adding seeds, tried where the answer is known."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Literal

import click

from misread.cli.options import console, side_by_side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from misread.simulate.calibrate import Setting
    from misread.simulate.stopping import Stopped


def try_rules(
    replicates: int, jobs: int | None, refused: "Sequence[str]", *, as_json: bool
) -> None:
    """Print how often each rule is wrong, how often it finds, and how many seeds it takes."""
    import json

    from rich.box import SIMPLE_HEAD

    from misread.errors import StudyError
    from misread.show import stopping as show
    from misread.show.table import Grid

    if refused:
        msg = f"--adaptive tries rules for 20 seeds and prints them; leave {refused[0]} away."
        raise StudyError(msg)
    try:
        outcomes = tried(replicates, jobs)
    except KeyboardInterrupt:
        click.echo("\nStopped. Nothing is kept.", err=True)
        sys.exit(130)
    summaries = show.summaries(outcomes)
    if as_json:
        click.echo(json.dumps([outcome.model_dump() for outcome in outcomes], indent=2))
    else:
        shown = console(stderr=False)
        for part in (show.by_rule(summaries), show.by_world(outcomes)):
            table = Grid(
                title=part.title,
                title_justify="left",
                box=SIMPLE_HEAD,
                collapse_padding=True,
                pad_edge=False,
            )
            for column, heading in enumerate(part.heads):
                justify: Literal["left", "right"] = "right" if column else "left"
                table.add_column(heading, justify=justify)
            for row in part.rows:
                table.add_row(*row)
            shown.print(table)
            shown.print()
        click.echo(show.in_short(summaries, replicates))
    if show.failed(outcomes):
        sys.exit(1)


def tried(replicates: int, jobs: int | None) -> "list[Stopped]":
    """Return how every rule does in every kind of study, with a bar while it takes."""
    import os

    from rich.progress import track

    from misread.judge.looks import Adaptive
    from misread.simulate.stopping import stopping_settings

    shown = console(stderr=True)
    wanted = stopping_settings(Adaptive().most)
    work = partial(_numbered, replicates=replicates)
    found = dict(
        track(
            side_by_side(work, list(enumerate(wanted)), jobs or os.cpu_count() or 1),
            "kinds of study",
            total=len(wanted),
            console=shown,
            transient=True,
            disable=not shown.is_terminal,
        )
    )
    return [outcome for number in range(len(wanted)) for outcome in found[number]]


def _numbered(numbered: "tuple[int, Setting]", replicates: int) -> "tuple[int, list[Stopped]]":
    from misread.simulate.stopping import rules, simulate_rules

    number, setting = numbered
    return number, simulate_rules(setting, rules(), replicates)
