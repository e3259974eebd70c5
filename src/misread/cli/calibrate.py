"""`misread calibrate`: the judge tried on studies whose answer is known."""

import platform
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import click
import numpy as np
import scipy
from pydantic import ValidationError

from misread import wording
from misread.cli.options import (
    file_option,
    json_option,
    print_json,
    say,
    say_json,
    stderr,
    stdout,
    whole_numbers,
)
from misread.cli.progress import Bar
from misread.errors import DataError, PlanError, StudyError
from misread.files import write_atomic
from misread.judge.looks import Adaptive
from misread.npz import arrays_of
from misread.show import calibration as pages
from misread.show.markdown.page import Beside, write_page
from misread.show.markdown.rules import chapter_of
from misread.show.table import Table
from misread.simulate.calibrate import Calibration, Setting, method_id, settings, simulate_timed
from misread.simulate.clustering import Clustering, clusterings_of, clusterings_simulated
from misread.simulate.stopping import Stopped, rules, simulate_rules, stopping_settings
from misread.workers.machine import cores
from misread.workers.processes import side_by_side

QUICK_REPLICATES = 200
QUICK_SEEDS, SEEDS, MOST_SEEDS = (5, 10), (5, 10, 20), 1000


@click.command()
@click.option("--replicates", type=click.IntRange(10), help="Studies of each kind [default: 2000].")
@click.option(
    "--seeds",
    callback=whole_numbers,
    metavar="5,10,20",
    help="Trainings per arm [default: 5,10,20].",
)
@click.option("--jobs", type=click.IntRange(1), help="Worker processes [default: one per core].")
@file_option("--out", "FILE", "Keep results; resume from here.")
@file_option("--markdown", "FILE", "Write the page here.")
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
@json_option
def calibrate(
    replicates: int | None,
    seeds: tuple[int, ...] | None,
    jobs: int | None,
    out: Path | None,
    markdown: Path | None,
    readings: str | None,
    quick: bool,
    adaptive: bool,
    as_json: bool,
) -> None:
    """Try the judge on simulated studies whose answer is known.

    Prints how often it sees an effect where there is none, how often it finds a true −30% or −50%,
    and how often its intervals hold the truth. With 5 seeds or more, false positives must stay at
    or under .065 in each world and .055 on average, and coverage at or above .93. Exits with 1 if
    a rate is beyond its limit by more than chance can explain.
    """
    count = replicates or (QUICK_REPLICATES if quick else 2_000)
    if adaptive:
        options = {"seeds": seeds, "out": out, "readings": readings}
        for name in filter(options.get, options):
            msg = f"--adaptive tries rules for 20 seeds and keeps none; leave out --{name}."
            raise StudyError(msg)
        outcomes = try_rules(count, jobs)
        if markdown:
            beside = Beside(markdown, markdown.parent / "figures", {})
            write_page(chapter_of(outcomes, count), beside)
        sys.exit(_report_rules(outcomes, count, as_json=as_json))
    n_seeds = sorted(set(seeds or (QUICK_SEEDS if quick else SEEDS)))
    if not 1 <= n_seeds[0] <= n_seeds[-1] <= MOST_SEEDS:
        msg = f"--seeds is {wording.spans(n_seeds)}; give numbers from 1 to {MOST_SEEDS}, as 5,10."
        raise StudyError(msg)
    clusterings = _clusterings(readings) if readings else {}
    result = _calibrate(_start(out, count), settings(n_seeds), jobs, out)
    if markdown:
        command = _command(count, n_seeds, readings, markdown)
        page = pages.calibration_markdown(result, clusterings, command, _versions())
        write_atomic(markdown, page.encode())
    sys.exit(_report(result, as_json=as_json))


def _report(result: Calibration, *, as_json: bool) -> int:
    """Print a calibration, and return the exit code."""
    if as_json:
        say_json(result.model_dump_json(indent=2))
    else:
        _print(pages.calibration_tables(result))
        for line in pages.calibration_sentences(result):
            say(line)
    return int(any(summary.failed for _, summary in pages.findings(result)))


def _report_rules(outcomes: list[Stopped], replicates: int, *, as_json: bool) -> int:
    """Print how often each rule is wrong, how often it finds, and how many seeds it takes."""
    if as_json:
        print_json([outcome.model_dump() for outcome in outcomes])
    else:
        summaries = pages.rule_summaries(outcomes)
        _print((pages.rule_table(summaries), pages.world_table(outcomes)))
        say(pages.rule_sentence(summaries, replicates))
    return int(pages.rule_misses(outcomes))


def _start(out: Path | None, replicates: int) -> Calibration:
    """Return what `out` holds of this calibration, or an empty one."""
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


def _calibrate(
    kept: Calibration, asked: list[Setting], jobs: int | None, out: Path | None
) -> Calibration:
    """Return all that is asked for; with `out`, whatever is finished is written at once."""
    finished = {outcome.key for outcome in kept.outcomes}
    todo = [setting for setting in asked if setting.key not in finished]
    work = partial(simulate_timed, replicates=kept.replicates)
    unkept = nullcontext() if out else _unkept("Nothing is kept without --out FILE.json.")
    with unkept, Bar(stderr()) as bar:
        bar.begin("calibrating", len(asked), "kinds of study")
        bar.skip(len(asked) - len(todo))
        for _, (outcome, seconds) in side_by_side(work, todo, jobs or cores()):
            kept = kept.with_outcome(outcome, seconds)
            if out is not None:
                write_atomic(out, kept.model_dump_json(indent=1).encode())
            bar.advance(1)
    return kept.of(asked)


def try_rules(replicates: int, jobs: int | None) -> list[Stopped]:
    """Return how every rule for adding seeds does in every kind of study, with a bar."""
    todo = stopping_settings(Adaptive().most)
    work = partial(simulate_rules, tried=rules(), replicates=replicates)
    stopped: dict[int, list[Stopped]] = {}
    with _unkept("Nothing is kept."), Bar(stderr()) as bar:
        bar.begin("trying rules", len(todo), "kinds of study")
        for number, results in side_by_side(work, todo, jobs or cores()):
            stopped[number] = results
            bar.advance(1)
    return [outcome for number in range(len(todo)) for outcome in stopped[number]]


@contextmanager
def _unkept(sentence: str) -> Iterator[None]:
    """End with a sentence where work that is not kept is stopped."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\nStopped. {sentence}", err=True)
        sys.exit(130)


def _clusterings(source: str) -> dict[str, list[Clustering]]:
    """Return how errors cluster in real readings and in worlds of the same size."""
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


def _print(tables: Iterable[Table]) -> None:
    console = stdout()
    for table in tables:
        console.print(table)
        console.print()


def _command(replicates: int, n_seeds: list[int], readings: str | None, page: Path) -> str:
    """Return the command that writes the same page: without what does not change it."""
    options = f"--replicates {replicates} --seeds {','.join(map(str, n_seeds))}"
    evidence = f" --readings {shlex.quote(readings)}" if readings else ""
    return f"misread calibrate {options}{evidence} --markdown {page.as_posix()}"


def _versions() -> str:
    return f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
