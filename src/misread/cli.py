"""The command line: the only place that prints, prompts or sets exit codes."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from misread import __version__
from misread.errors import MisreadError

if TYPE_CHECKING:
    from rich.console import Console

    from misread.evidence import Evidence
    from misread.study import Study


class _Group(click.Group):
    """Turns our errors into one sentence and exit code 2; Ctrl-C into a hint and 130."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # an old code page has no arrow and no minus
        try:
            return super().invoke(ctx)
        except MisreadError as error:
            click.echo(f"misread: {error}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            click.echo(
                "\nStopped. Nothing finished is lost: run the same command again to go on.",
                err=True,
            )
            sys.exit(130)


class _Numbers(click.ParamType[tuple[int, ...]]):
    name = "numbers"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            return self.fail(
                f"{value!r} is no list of whole numbers; write them as in 42,123,456.", param, ctx
            )


class _Names(click.ParamType[tuple[str, ...]]):
    name = "names"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:  # noqa: ARG002  click's signature
        return value if isinstance(value, tuple) else tuple(p.strip() for p in value.split(","))


_OPTIONS = (
    click.option(
        "--seeds",
        type=_Numbers(),
        metavar="42,123,456",
        help="Seeds of the runs; each holds out another tenth, in this order.",
    ),
    click.option("--recipe", metavar="NAME", help="Recipe: quick or documented."),
    click.option("--epochs", type=click.IntRange(1), help="Epochs, instead of the recipe's."),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of the study [default: runs/STUDY].",
    ),
    click.option(
        "--jobs", type=click.IntRange(1), help="Worker processes [default: one per core]."
    ),
    click.option("--smoke", is_flag=True, help="Shrink everything to see that it works."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON for programs."),
)


def _study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Trials for classifier fixes.

    Find what an image classifier keeps misreading, try targeted fixes, and learn, with statistics
    over training seeds and images, whether a fix worked and what it broke.
    """


@main.command()
@click.argument("study")
@click.option("--arms", type=_Names(), metavar="a,b", help="Arms besides the baseline.")
@_study_options
def run(study: str, arms: tuple[str, ...] | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001  click passes flags
    """Run or resume STUDY, a built-in study or a TOML file, to its verdict and report."""
    from misread.evidence import conclude
    from misread.show.plots import draw_figures, write_figures
    from misread.show.report import write_report
    from misread.store import locked

    _, folder, console = _go(study, arms, "all", **options)
    with locked(folder), console.status("drawing figures and report"):
        evidence = conclude(folder)
        drawn = draw_figures(evidence)
        write_figures(evidence, drawn=drawn)
        page = write_report(evidence, drawn)
    if as_json:
        click.echo((folder / "verdict.json").read_text("utf-8"), nl=False)
    else:
        _tell(evidence, page)


@main.command()
@click.argument("study")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Rows to print.")
@_study_options
def errors(study: str, top: int, as_json: bool, **options: Any) -> None:  # noqa: FBT001  click passes flags
    """Find what the baseline of STUDY keeps misreading, on *select*; *confirm* stays closed."""
    from misread.show.plots import write_select
    from misread.show.terminal import errors_table
    from misread.store import locked, read_json

    wanted, folder, _ = _go(study, None, "errors", **options)
    found = read_json(folder / "errors.json")
    with locked(folder):
        picture = write_select(wanted, found, folder)
    if as_json:
        click.echo((folder / "errors.json").read_text("utf-8"), nl=False)
    else:
        _console(stderr=False).print(errors_table(found, top))
        click.echo(f"Written: {folder / 'errors.json'} and the images behind it, {picture}.")


@main.command()
@click.argument("study")
@_study_options
def preview(study: str, as_json: bool, **options: Any) -> None:  # noqa: FBT001  click passes flags
    """Show what the augmentation of STUDY does to images, and what the baseline reads then."""
    from misread.evidence import preview_numbers
    from misread.show.plots import write_preview
    from misread.show.terminal import preview_table
    from misread.store import locked, read_json, write_json
    from misread.trial import target_of

    wanted, folder, console = _go(study, None, "preview", **options)
    target, _ = target_of(wanted, read_json(folder / "errors.json"))
    with locked(folder), console.status("measuring and drawing"):
        numbers = preview_numbers(wanted, target, folder)
        write_json(folder / "preview.json", numbers)
        picture = write_preview(wanted, target, numbers, folder)
    if as_json:
        click.echo((folder / "preview.json").read_text("utf-8"), nl=False)
    else:
        _console(stderr=False).print(preview_table(numbers))
        click.echo(f"Written: {picture} and {folder / 'preview.json'}.")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Draw the figures and the report of a finished study's FOLDER anew."""
    from misread.evidence import load_evidence
    from misread.plan import load_plan
    from misread.show.plots import draw_figures, write_figures
    from misread.show.report import write_report
    from misread.store import locked

    load_plan(folder)  # before anything is created there
    with locked(folder), _console(stderr=True).status("drawing figures and report"):
        evidence = load_evidence(folder)
        drawn = draw_figures(evidence)
        write_figures(evidence, drawn=drawn)
        page = write_report(evidence, drawn)
    click.echo(f"Written: {page}.")


@main.command()
@click.argument("before")
@click.argument("after")
@click.option("--cell", "cells", multiple=True, required=True, metavar="4:9", help="Target cell.")
@click.option("--alpha", type=click.FloatRange(0, 0.5), default=0.05, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--gate", is_flag=True, help="Exit with 1 unless the verdict is REDUCED.")
def judge(
    before: str,
    after: str,
    cells: tuple[str, ...],
    alpha: float,
    as_json: bool,  # noqa: FBT001  click passes flags
    gate: bool,  # noqa: FBT001
) -> None:
    """Judge the predictions AFTER a fix against those BEFORE it; needs no training.

    Each side is an NPZ file with `labels` [N] and `predictions` [S,N] (or `probs` [S,N,K]);
    FILE#ARM takes the array `ARM` [S,N] instead. The same row of both sides is the same seed.
    """
    from misread.data.readings import read_predictions
    from misread.errors import DataError
    from misread.judge import judge as decide
    from misread.study import parse_cell

    labels_N, before_SN = read_predictions(before)
    labels_after_N, after_SN = read_predictions(after)
    if labels_N.shape != labels_after_N.shape or (labels_N != labels_after_N).any():
        msg = (
            f"{before} and {after} do not hold the same labels; judge predictions of the same "
            "images in the same order."
        )
        raise DataError(msg)
    verdict = decide(
        labels_N,
        before_SN,
        after_SN,
        cells=[parse_cell(cell) for cell in cells],
        alpha=alpha,
        arm=after,
    )
    if as_json:
        click.echo(verdict.model_dump_json(indent=2))
    else:
        qualifier = f" ({verdict.qualifier})" if verdict.qualifier else ""
        click.echo(f"{verdict.verdict}{qualifier}: {verdict.reason}")
    if gate and verdict.verdict != "REDUCED":
        sys.exit(1)


def _go(
    name: str,
    arms: tuple[str, ...] | None,
    until: str,
    *,
    out: Path | None,
    jobs: int | None,
    **options: Any,
) -> "tuple[Study, Path, Console]":
    from misread.progress import Watch
    from misread.study import load_study
    from misread.trial import run_study

    study = load_study(name, arms=arms, **options)
    folder = out or Path("runs") / study.name
    console = _console(stderr=True)
    if study.smoke:
        click.echo(
            "Smoke run: few images, one epoch. It shows that everything works and proves nothing.",
            err=True,
        )
    with Watch(study, console, baseline_only=until != "all") as watch:
        try:
            run_study(study, folder, jobs=jobs, on_report=watch.on_report, until=until)
        except KeyboardInterrupt:
            click.echo(f"\n{watch.told}.", err=True)
            raise
    return study, folder, console


def _tell(evidence: "Evidence", page: Path) -> None:
    from misread.show.terminal import verdict_table

    _console(stderr=False).print(verdict_table(evidence))
    for arm, verdict in evidence.verdicts.items():
        qualifier = f" ({verdict.qualifier})" if verdict.qualifier else ""
        click.echo(f"{arm}: {verdict.verdict}{qualifier}. {verdict.reason}")
    if evidence.plan.exploratory:
        click.echo(f"Exploratory: {evidence.plan.exploratory}.")
    click.echo(f"Report: {page}")


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=False)
