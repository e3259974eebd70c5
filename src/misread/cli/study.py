"""`misread run`, `errors`, `preview`, `report`: run a study, and show what comes out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from misread.cli.options import console, json_option, load_with_bar
from misread.cli.progress import StudyBar
from misread.errors import StudyError
from misread.files import read_json, write_json
from misread.learn.views import Parts, load_parts
from misread.show.claims import comparison_tables, draw_comparison, write_comparison
from misread.show.markdown import claims, target
from misread.show.markdown.page import Beside, write_page
from misread.show.render import verdict_brief
from misread.show.report import write_report
from misread.show.select import errors_table, preview_table
from misread.show.study_figures import (
    Drawn,
    draw_figures,
    write_figures,
    write_preview,
    write_select,
)
from misread.show.target import study_table
from misread.store import locked
from misread.study.conclude import conclude, mend_from_select, write_slices
from misread.study.evidence import Evidence, load_evidence
from misread.study.file import load_study
from misread.study.folder import Executor
from misread.study.plan import load_plan
from misread.study.preview import preview_numbers
from misread.study.run import Until, run_study
from misread.study.select import planned_power, target_of
from misread.study.study import Study


class _Seeds(click.ParamType[tuple[int, ...]]):
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


class _Arms(click.ParamType[tuple[str, ...]]):
    name = "names"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:  # noqa: ARG002  click's signature
        return value if isinstance(value, tuple) else tuple(p.strip() for p in value.split(","))


_OPTIONS = (
    click.option(
        "--seeds",
        type=_Seeds(),
        metavar="42,123,456",
        help="Seeds of the runs; each holds out another tenth, in this order.",
    ),
    click.option("--recipe", metavar="NAME", help="Recipe: quick, documented or strong."),
    click.option(
        "--data",
        "dataset",
        metavar="SOURCE",
        help="Dataset in place of the study's; `misread data list` shows how to name one.",
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
    json_option,
)


def _study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(short_help="Run or resume a study, to its findings and report.")
@click.argument("study")
@click.option(
    "--arms", type=_Arms(), metavar="a,b", help="Arms to run; the baseline of a trial always is."
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
    loaded = load_study(study, arms=arms, **options)
    folder, _ = _run(loaded, Until.END, out, jobs, Executor(executor))
    with _drawing(folder):
        evidence = conclude(folder)
        page, _ = _draw(evidence)
    if as_json:
        results = "verdict.json" if loaded.asks_target else "comparison.json"
        click.echo((folder / results).read_text("utf-8"), nl=False)
        return
    _print_results(evidence, console(stderr=False))
    click.echo(f"Report: {page}")


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
    loaded = _with_target(load_study(study, **options))
    folder, parts = _run(loaded, Until.ERRORS, out, jobs)
    path = folder / "errors.json"
    ranked = read_json(path)
    with locked(folder):
        picture = write_select(loaded, ranked, parts.train, folder)
    if as_json:
        click.echo(path.read_text("utf-8"), nl=False)
        return
    console(stderr=False).print(errors_table(ranked, top))
    cell = target_of(loaded, ranked).cell
    answer = None if loaded.smoke else planned_power(loaded, ranked, cell, parts.confirm)
    if answer is not None:
        click.echo(answer.sentence)
    click.echo(f"Written: {path} and the images behind it, {picture}.")


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
    loaded = _with_target(load_study(study, **options))
    folder, parts = _run(loaded, Until.PREVIEW, out, jobs)
    cell = target_of(loaded, read_json(folder / "errors.json")).cell
    path = folder / "preview.json"
    with locked(folder), console(stderr=True).status("measuring and drawing"):
        numbers = preview_numbers(loaded, cell, parts.train, folder)
        write_json(path, numbers)
        picture = write_preview(loaded, cell, numbers, parts.train, folder)
    if as_json:
        click.echo(path.read_text("utf-8"), nl=False)
        return
    console(stderr=False).print(preview_table(numbers))
    click.echo(f"Written: {picture} and {path}.")


@click.command(short_help="Draw the figures and the report of a finished study anew.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--markdown",
    "markdown_page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PAGE",
    help="Write the results into this Markdown page too, with figures and readings beside it; of a "
    "page that is there only what stands between its marks.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the page's figures [default: one of the study's name beside PAGE].",
)
def report(folder: Path, markdown_page: Path | None, figures: Path | None) -> None:
    """Draw the figures and the report of a finished study's FOLDER anew."""
    load_plan(folder)  # before anything is created there
    with _drawing(folder):
        mend_from_select(folder)
        evidence = load_evidence(folder)
        asks_target = evidence.plan.target is not None
        if asks_target:
            write_slices(evidence)
        page, drawn = _draw(evidence)
        written = [page]
        if markdown_page is not None:
            chapter = (target if asks_target else claims).chapter_of(evidence)
            beside = Beside(markdown_page, figures or markdown_page.parent / chapter.name, drawn)
            written += write_page(chapter, beside)[:1]
    click.echo(f"Written: {' and '.join(map(str, written))}.")


def _with_target(study: Study) -> Study:
    """Return a study that asks for a target; refuse one of accuracies alone."""
    if not study.asks_target:
        msg = (
            f"{study.name} compares the accuracies of its arms and has no target cell; "
            f"`misread run {study.name}` takes it."
        )
        raise StudyError(msg)
    return study


def _run(
    study: Study,
    until: Until,
    out: Path | None,
    jobs: int | None,
    executor: Executor = Executor.LOCAL,
) -> tuple[Path, Parts]:
    """Run a study with a bar; return its folder and its images."""
    folder = out or Path("runs") / study.name
    shown = console(stderr=True)
    load_with_bar(study.dataset, shown)  # in this process, where a download has a bar
    if study.smoke:
        click.echo(
            "Smoke run: few images, one epoch. It shows that everything works and proves nothing.",
            err=True,
        )
    with StudyBar(shown, study, until) as bar:
        options: Any = {"jobs": jobs, "executor": executor, "on_report": bar.on_report}
        try:
            run_study(study, folder, until=until, **options)
        except KeyboardInterrupt:
            click.echo(f"\n{bar.count}.", err=True)
            raise
    return folder, load_parts(study.dataset, study.sizes["confirm_size"])


@contextmanager
def _drawing(folder: Path) -> Iterator[None]:
    """Hold a study's folder while its figures and its report are made."""
    with locked(folder), console(stderr=True).status("drawing figures and report"):
        yield


def _draw(evidence: Evidence) -> tuple[Path, dict[str, Drawn]]:
    """Write the figures and the report of a study; return the report's path and the figures."""
    if evidence.plan.target is None:
        drawn = draw_comparison(evidence)
        return write_comparison(evidence, drawn), drawn
    drawn = draw_figures(evidence)
    write_figures(evidence, drawn=drawn)
    return write_report(evidence, drawn), drawn


def _print_results(evidence: Evidence, shown: Console) -> None:
    if evidence.plan.exploratory:
        shown.print(f"Exploratory: {evidence.plan.exploratory}.", style="bold yellow", markup=False)
    if evidence.plan.target is not None:
        for verdict in evidence.verdicts.values():
            shown.print(verdict_brief(verdict), "")
        shown.print(study_table(evidence))
    if evidence.plan.study.asks_accuracies:
        for table in comparison_tables(evidence):
            shown.print(table)
