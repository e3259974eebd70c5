"""`misread calibrate`: the judge tried on studies whose answer is known."""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from misread.cli.options import console, side_by_side
from misread.cli.stopping import try_rules

if TYPE_CHECKING:
    from misread.simulate.calibrate import Calibration, Outcome, Setting
    from misread.simulate.worlds import Clustering

QUICK_REPLICATES = 200
QUICK_SEEDS = "5,10"


@click.command(short_help="Try the judge on studies whose answer is known.")
@click.option("--replicates", type=click.IntRange(10), help="Studies of each kind [default: 2000].")
@click.option("--seeds", metavar="5,10,20", help="Trainings per arm [default: 5,10,20].")
@click.option("--jobs", type=click.IntRange(1), help="Worker processes [default: one per core].")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Keep results; resume from here."
)
@click.option(
    "--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write the page here."
)
@click.option(
    "--readings",
    metavar="FILE.npz#ARM",
    help="Compare the worlds with real readings: all other arms in the file against ARM.",
)
@click.option(
    "--quick", is_flag=True, help=f"{QUICK_REPLICATES} studies of each kind, 5 and 10 seeds."
)
@click.option(
    "--adaptive",
    is_flag=True,
    help="Try rules for adding seeds instead, that of `misread run --adaptive` among them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def calibrate(
    replicates: int | None,
    seeds: str | None,
    jobs: int | None,
    out: Path | None,
    markdown: Path | None,
    readings: str | None,
    quick: bool,  # noqa: FBT001  click passes flags
    adaptive: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Try the judge on simulated studies whose answer is known.

    Prints how often it sees an effect where there is none, how often it finds a true −30% or −50%,
    and how often its intervals hold the truth. With 5 seeds or more, false positives must stay at
    or under .065 in each world and .055 on average, and coverage at or above .93. Exits with 1 if
    a rate is beyond its limit by more than chance can explain.
    """
    from misread.files import write_atomic
    from misread.show import calibration as show
    from misread.simulate.calibrate import settings

    count = replicates or (QUICK_REPLICATES if quick else 2_000)
    if adaptive:
        given = {"seeds": seeds, "out": out, "markdown": markdown, "readings": readings}
        try_rules(count, jobs, [f"--{name}" for name in given if given[name]], as_json=as_json)
        return
    n_seeds = _seeds(seeds or (QUICK_SEEDS if quick else "5,10,20"))
    clusterings = _clusterings(readings) if readings else {}
    wanted = settings(n_seeds)
    done = _start(out, count)
    try:
        done = _run(done, wanted, jobs, out)
    except KeyboardInterrupt:
        if out is None:
            click.echo("\nStopped. Nothing is kept without --out FILE.json.", err=True)
            sys.exit(130)
        raise
    result = done.of(wanted)
    summaries = [summary for _, summary in show.findings(result)]
    if markdown:
        page = show.markdown(
            result, clusterings, _command(result, n_seeds, readings, markdown), _versions()
        )
        write_atomic(markdown, page.encode())
    if as_json:
        click.echo(result.model_dump_json(indent=2))
    else:
        _print(result)
    if any(summary.failed for summary in summaries):
        sys.exit(1)


def _seeds(text: str) -> list[int]:
    from misread.errors import StudyError

    counts = text.replace(" ", "").split(",")
    if not all(count.isdecimal() and 1 <= int(count) <= 1_000 for count in counts):
        msg = f"--seeds {text}; give numbers of trainings from 1 to 1000, for example 5,10,20."
        raise StudyError(msg)
    return sorted({int(count) for count in counts})


def _start(out: Path | None, replicates: int) -> "Calibration":
    """Return what `out` holds of this calibration, or an empty one."""
    from pydantic import ValidationError

    from misread.errors import PlanError
    from misread.simulate.calibrate import Calibration, method_id

    fresh = Calibration(method=method_id(), replicates=replicates)
    if out is None or not out.exists():
        return fresh
    try:
        kept = Calibration.model_validate_json(out.read_bytes())
    except (OSError, ValidationError):
        msg = f"{out} holds no calibration of ours; give --out another file."
        raise PlanError(msg) from None
    if not kept.same_kind(fresh):
        msg = (
            f"{out} holds a calibration of method {kept.method} with {kept.replicates} replicates; "
            f"this one is of method {fresh.method} with {replicates}: delete it or give --out "
            "another file."
        )
        raise PlanError(msg)
    return kept


def _run(
    done: "Calibration", wanted: "Sequence[Setting]", jobs: int | None, out: Path | None
) -> "Calibration":
    """Return `done` with all that is wanted; what is finished is written at once."""
    import os

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from misread.files import write_atomic

    finished = {outcome.key for outcome in done.outcomes}
    todo = [setting for setting in wanted if setting.key not in finished]
    shown = console(stderr=True)
    bar = Progress(
        TextColumn("kinds of study"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    )
    with bar:
        kept = len(wanted) - len(todo)
        task = bar.add_task("", total=len(wanted), completed=kept)
        outcomes = _outcomes(todo, done.replicates, jobs or os.cpu_count() or 1)
        for n_done, (outcome, seconds) in enumerate(outcomes, kept + 1):
            done = done.with_outcome(outcome, seconds)
            if out is not None:
                write_atomic(out, done.model_dump_json(indent=1).encode())
            bar.advance(task)
            if not shown.is_terminal and n_done % max(len(wanted) // 10, 1) == 0:
                click.echo(f"{n_done} of {len(wanted)} kinds of study", err=True)
    return done


def _outcomes(
    todo: "Sequence[Setting]", replicates: int, jobs: int
) -> "Iterator[tuple[Outcome, float]]":
    """Yield each outcome with the seconds that it took, in the order in which they end."""
    yield from side_by_side(partial(_timed, replicates=replicates), todo, jobs)


def _timed(setting: "Setting", replicates: int) -> "tuple[Outcome, float]":
    import time

    from misread.simulate.calibrate import simulate

    began = time.process_time()
    return simulate(setting, replicates), time.process_time() - began


def _clusterings(source: str) -> "dict[str, list[Clustering]]":
    """Return how errors cluster in real readings and in worlds of the same size."""
    from misread.errors import DataError
    from misread.npz import arrays_of
    from misread.simulate.worlds import clusterings_of, clusterings_simulated

    path, _, baseline = source.rpartition("#")
    try:
        arrays = arrays_of(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path or source} cannot be read as NPZ ({reason}); give FILE.npz#ARM."
        raise DataError(msg) from None
    labels_N = arrays.get("labels")
    shape = arrays[baseline].shape if baseline in arrays else ()
    if labels_N is None or len(shape) != 2 or shape[1] != labels_N.size:
        msg = (
            f"{path} has no labels [N] and {baseline!r} [S,N]; it has {', '.join(arrays)}: name "
            "the array of the baseline's predictions after #."
        )
        raise DataError(msg)
    others = [array for name, array in arrays.items() if array.shape == shape and name != baseline]
    real = clusterings_of(labels_N, arrays[baseline], others)
    return {
        f"real readings ({len(real.rows)} comparisons)": real.rows,
        **clusterings_simulated(real),
    }


def _print(result: "Calibration") -> None:
    from rich.box import SIMPLE_HEAD

    from misread.show import calibration as show
    from misread.show.table import Grid

    shown = console(stderr=False)
    for part in show.parts(result):
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
    for line in show.in_short(result):
        click.echo(line)


def _command(result: "Calibration", n_seeds: list[int], readings: str | None, page: Path) -> str:
    """Return the command that writes the same page: without what does not change it."""
    import shlex

    given = f"--replicates {result.replicates} --seeds {','.join(map(str, n_seeds))}"
    compared = f" --readings {shlex.quote(readings)}" if readings else ""
    return f"misread calibrate {given}{compared} --markdown {page.as_posix()}"


def _versions() -> str:
    import platform

    import numpy as np
    import scipy

    return f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
