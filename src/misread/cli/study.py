"""The commands that run a study and show what it found."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from misread.cli.options import console, load_shown

if TYPE_CHECKING:
    from rich.console import Console

    from misread.study.comparison import Comparison
    from misread.study.evidence import Evidence
    from misread.study.study import Study


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
    click.option("--recipe", metavar="NAME", help="Recipe: quick, documented or strong."),
    click.option(
        "--data",
        "dataset",
        metavar="SOURCE",
        help="Dataset instead of the study's, as `misread data list` tells.",
    ),
    click.option("--epochs", type=click.IntRange(1), help="Epochs, instead of the recipe's."),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of the study [default: runs/STUDY].",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1),
        help="Runs at the same time; each takes a core and up to 2 GiB of memory [default: what "
        "fits].",
    ),
    click.option("--smoke", is_flag=True, help="Shrink everything to see that it works."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON for programs."),
)


def _study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(short_help="Run or resume a study, to its findings and report.")
@click.argument("study")
@click.option(
    "--arms", type=_Names(), metavar="a,b", help="Arms to run; the baseline of a trial always is."
)
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where the runs are done: processes of this machine, or a Ray cluster (RAY_ADDRESS).",
)
@click.option(
    "--adaptive",
    is_flag=True,
    help="Add seeds until each verdict is settled, at looks that are planned before.",
)
@_study_options
def run(
    study: str,
    arms: tuple[str, ...] | None,
    executor: str,
    out: Path | None,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001  click passes flags
    **options: Any,
) -> None:
    """Run or resume STUDY, a built-in study or a TOML file, to its findings and report."""
    from misread.study.comparison import Comparison, load_any

    wanted = load_any(study, arms=arms, **options)
    folder, shown = _go(wanted, "all", out, jobs, executor)
    # Only now, for the workers start before these are loaded (see `_go`).
    from misread.cli.comparing import finish_comparison
    from misread.show.report import write_report
    from misread.show.study_figures import draw_figures, write_figures
    from misread.store import locked
    from misread.study.evidence import conclude

    if isinstance(wanted, Comparison):
        finish_comparison(folder, shown, as_json=as_json)
        return
    with locked(folder), shown.status("drawing figures and report"):
        evidence = conclude(folder)
        drawn = draw_figures(evidence)
        write_figures(evidence, drawn=drawn)
        page = write_report(evidence, drawn)
    if as_json:
        click.echo((folder / "verdict.json").read_text("utf-8"), nl=False)
    else:
        _tell(evidence, page)


@click.command(short_help="Find what the baseline of a study keeps misreading.")
@click.argument("study")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Rows to print.")
@_study_options
def errors(
    study: str,
    top: int,
    out: Path | None,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001  click passes flags
    **options: Any,
) -> None:
    """Find what the baseline of STUDY keeps misreading, on *select*; *confirm* stays closed."""
    from misread.files import read_json
    from misread.show.study_figures import write_select
    from misread.show.terminal import errors_table
    from misread.store import locked
    from misread.study.run import planned_power, target_of
    from misread.study.study import load_study

    wanted = load_study(study, **options)
    folder, _ = _go(wanted, "errors", out, jobs)
    found = read_json(folder / "errors.json")
    with locked(folder):
        picture = write_select(wanted, found, folder)
    if as_json:
        click.echo((folder / "errors.json").read_text("utf-8"), nl=False)
    else:
        console(stderr=False).print(errors_table(found, top))
        told = None if wanted.smoke else planned_power(wanted, found, target_of(wanted, found)[0])
        if told is not None:
            click.echo(told.sentence)
        click.echo(f"Written: {folder / 'errors.json'} and the images behind it, {picture}.")


@click.command(short_help="Show what the augmentation of a study does to images.")
@click.argument("study")
@_study_options
def preview(
    study: str,
    out: Path | None,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001  click passes flags
    **options: Any,
) -> None:
    """Show what the augmentation of STUDY does to images, and what the baseline reads then."""
    from misread.files import read_json, write_json
    from misread.show.study_figures import write_preview
    from misread.show.terminal import preview_table
    from misread.store import locked
    from misread.study.preview import preview_numbers
    from misread.study.run import target_of
    from misread.study.study import load_study

    wanted = load_study(study, **options)
    folder, shown = _go(wanted, "preview", out, jobs)
    target, _ = target_of(wanted, read_json(folder / "errors.json"))
    with locked(folder), shown.status("measuring and drawing"):
        numbers = preview_numbers(wanted, target, folder)
        write_json(folder / "preview.json", numbers)
        picture = write_preview(wanted, target, numbers, folder)
    if as_json:
        click.echo((folder / "preview.json").read_text("utf-8"), nl=False)
    else:
        console(stderr=False).print(preview_table(numbers))
        click.echo(f"Written: {picture} and {folder / 'preview.json'}.")


@click.command(short_help="Draw the figures and the report of a finished study anew.")
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Draw the figures and the report of a finished study's FOLDER anew."""
    from misread.cli.comparing import report_comparison
    from misread.show.report import write_report
    from misread.show.study_figures import draw_figures, write_figures
    from misread.store import locked
    from misread.study.evidence import load_evidence, write_from_select, write_slices
    from misread.study.plan import kind_of, load_plan

    if kind_of(folder) == "comparison":
        report_comparison(folder, console(stderr=True))
        return
    load_plan(folder)  # before anything is created there
    with locked(folder), console(stderr=True).status("drawing figures and report"):
        write_from_select(folder, only_if_others=True)
        evidence = load_evidence(folder)
        write_slices(evidence)
        drawn = draw_figures(evidence)
        write_figures(evidence, drawn=drawn)
        page = write_report(evidence, drawn)
    click.echo(f"Written: {page}.")


def _go(
    study: "Study | Comparison",
    until: str,
    out: Path | None,
    jobs: int | None,
    executor: str = "local",
) -> "tuple[Path, Console]":
    from misread.cli.progress import Watch
    from misread.study.comparing import run_comparison
    from misread.study.comparison import Comparison
    from misread.study.folder import Stage
    from misread.study.run import run_study

    folder = out or Path("runs") / study.name
    shown = console(stderr=True)
    load_shown(study.dataset, shown)  # here, where a download has a bar, and not in a worker

    def on_report(report: Any) -> None:
        watch.on_report(report)
        if isinstance(report, Stage) and until == "all":  # loads the pages while workers start
            import misread.show.report  # noqa: F401

    if study.smoke:
        click.echo(
            "Smoke run: few images, one epoch. It shows that everything works and proves nothing.",
            err=True,
        )
    with Watch(study, shown, baseline_only=until != "all") as watch:
        how: Any = {"jobs": jobs, "executor": executor, "on_report": on_report}
        try:
            if isinstance(study, Comparison):
                run_comparison(study, folder, **how)
            else:
                run_study(study, folder, until=until, **how)
        except KeyboardInterrupt:
            click.echo(f"\n{watch.told}.", err=True)
            raise
    return folder, shown


def _tell(evidence: "Evidence", page: Path) -> None:
    from misread.show.render import verdict_table
    from misread.show.terminal import study_table

    out = console(stderr=False)
    if evidence.plan.exploratory:
        out.print(f"Exploratory: {evidence.plan.exploratory}.", style="bold yellow", markup=False)
    for verdict in evidence.verdicts.values():
        out.print(verdict_table(verdict, details=False), "")
    out.print(study_table(evidence))
    click.echo(f"Report: {page}")
