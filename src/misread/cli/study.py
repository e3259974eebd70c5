"""`misread run`, `errors`, `preview`, `report`: run a study, and show what comes out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from misread import wording
from misread.cli.options import file_option, names, say, say_json, stderr, stdout, study_options
from misread.cli.progress import StudyBar, load_with_bar
from misread.errors import StudyError
from misread.files import read_json, write_json
from misread.learn.order import Step
from misread.learn.views import Parts, load_parts
from misread.show import words
from misread.show.claims import comparison_tables
from misread.show.figures.preview import preview_figure
from misread.show.figures.select_images import select_figure
from misread.show.markdown.page import Beside, write_page
from misread.show.markdown.target import chapter_of
from misread.show.report import write_report
from misread.show.select import errors_table, preview_table
from misread.show.study_figures import Drawn, draw_figures, write_figures
from misread.show.style import write_png
from misread.show.target import answer_table
from misread.store import locked
from misread.study.answer import answer_of, settling_of
from misread.study.arms import BASELINE
from misread.study.conclude import conclude, mend_from_select, write_slices
from misread.study.evidence import Evidence, load_evidence
from misread.study.file import builtin_studies, load_study
from misread.study.folder import Executor, finished_study, place_in_runs, select_folds
from misread.study.held_out import held_for, pooled_for
from misread.study.plan import load_plan
from misread.study.planned import planned_power
from misread.study.preview import preview_numbers
from misread.study.run import Until, run_study, untrained
from misread.study.select import Errors, target_of
from misread.study.study import SMOKE, Study
from misread.study.workload import workload
from misread.workers.machine import default_jobs


@click.command()
@click.argument("study")
@click.option(
    "--arms", callback=names, metavar="a,b", help="Arms to run; a baseline is always among them."
)
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where the runs are done: processes of this machine, or a Ray cluster (RAY_ADDRESS).",
)
@click.option(
    "--adaptive", is_flag=True, help="Add seeds at planned looks, until each verdict is settled."
)
@click.option(
    "--mix-arithmetic",
    is_flag=True,
    help="Go on where the folder's runs were trained with another arithmetic; the report says so.",
)
@study_options
def run(
    study: str,
    arms: tuple[str, ...] | None,
    executor: str,
    mix_arithmetic: bool,
    out: Path | None,
    jobs: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run or resume STUDY, a built-in study or a TOML file, to its findings and report."""
    loaded = load_study(study, arms=arms, **options)
    folder = out or _place(study, loaded)
    how = {"executor": Executor(executor), "mix_arithmetic": mix_arithmetic}
    _run(loaded, Until.END, folder, jobs, **how)
    with _drawing(folder):
        evidence = conclude(folder)
        page, _ = _draw(evidence)
    if as_json:
        results = "verdict.json" if loaded.asks_target else "comparison.json"
        say_json((folder / results).read_text("utf-8"))
        return
    _print_results(evidence)
    say(f"Report: {page}")
    if step := words.next_command(evidence):
        say(step)


train_option = click.option(
    "--train", is_flag=True, help="Train what is missing; without it nothing is trained or moved."
)


@click.command()
@click.argument("study", metavar="STUDY|FOLDER")
@train_option
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Rows to print.")
@study_options
def errors(
    study: str,
    top: int,
    out: Path | None,
    jobs: int | None,
    train: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Find what the baseline of a study keeps misreading, on *select*; *confirm* stays closed.

    It takes a study's folder, or a study as `misread run` does.
    """
    loaded, folder = _study_and_folder(study, out, Until.ERRORS, train=train, **options)
    parts = _run(loaded, Until.ERRORS, folder, jobs)
    path = folder / "errors.json"
    ranked = read_json(path, Errors)
    with locked(folder):
        warning = SMOKE if loaded.smoke else ""
        drawn = select_figure(ranked, parts.train, loaded.target, warning)
        picture = write_png(folder / "figures" / "select_images.png", drawn)
    if as_json:
        say_json(path.read_text("utf-8"))
        return
    stdout().print(errors_table(ranked, top))
    cell = target_of(loaded, ranked).cell
    folds = select_folds(loaded.seeds, folder)
    pooled = pooled_for(loaded, cell, parts, ranked, folds)
    held = held_for(loaded, cell, parts, folds, pooled)
    answer = None if loaded.smoke else planned_power(loaded, ranked, cell, parts.confirm, held)
    if answer is not None:
        say(answer.in_full)
    say(f"Written: {path} and the images behind it, {picture}.")


@click.command()
@click.argument("study", metavar="STUDY|FOLDER")
@train_option
@study_options
def preview(
    study: str, out: Path | None, jobs: int | None, train: bool, as_json: bool, **options: Any
) -> None:
    """Show what the augmentation of a study does to images, and what the baseline reads then.

    It takes a study's folder, or a study as `misread run` does.
    """
    loaded, folder = _study_and_folder(study, out, Until.PREVIEW, train=train, **options)
    if loaded.policy is None:
        msg = (
            f"{loaded.name} has no policy whose images could be shown; its arms train differently."
        )
        raise StudyError(msg)
    parts = _run(loaded, Until.PREVIEW, folder, jobs)
    cell = target_of(loaded, read_json(folder / "errors.json", Errors)).cell
    path = folder / "preview.json"
    with locked(folder), stderr().status("measuring and drawing"):
        numbers = preview_numbers(loaded, cell, parts.train, folder)
        write_json(path, numbers)
        warning = SMOKE if loaded.smoke else ""
        drawn = preview_figure(parts.train, cell, numbers, warning=warning)
        picture = write_png(folder / "figures" / "preview.png", drawn)
    if as_json:
        say_json(path.read_text("utf-8"))
        return
    stdout().print(preview_table(numbers))
    say(f"Written: {picture} and {path}.")


@click.command()
@click.argument("study")
@file_option(
    "--markdown",
    "PAGE",
    "Write the results into this Markdown page too, with figures and readings beside it; in a page "
    "that exists, what stands between its marks is replaced.",
    name="markdown_page",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the page's figures [default: one of the study's name beside PAGE].",
)
def report(study: str, markdown_page: Path | None, figures: Path | None) -> None:
    """Draw the figures and the report of a finished STUDY anew: its folder, name or file."""
    if figures is not None and markdown_page is None:
        msg = (
            "--figures is where the figures of a Markdown page go; say with --markdown which page."
        )
        raise StudyError(msg)
    folder = finished_study(study)
    load_plan(folder)  # before anything is created there
    with _drawing(folder):
        mend_from_select(folder)
        evidence = load_evidence(folder)
        if evidence.plan.target is not None:
            write_slices(evidence)
        page, drawn = _draw(evidence)
        written = [page]
        if markdown_page is not None:
            chapter = chapter_of(evidence)
            beside = Beside(markdown_page, figures or markdown_page.parent / chapter.name, drawn)
            written += write_page(chapter, beside)[:1]
    say(f"Written: {' and '.join(map(str, written))}.")


def _study_and_folder(
    source: str, out: Path | None, until: Until, *, train: bool, **options: Any
) -> tuple[Study, Path]:
    """Return the study that a command is about, and its folder.

    StudyError if it has no target, or something would have to be trained and nobody said so.
    """
    if Path(source).is_dir():
        said = [f"--{name}" for name, value in options.items() if value]
        if out is not None or said:
            msg = f"{source} states its study; leave out {', '.join([*said, '--out'][:2])}."
            raise StudyError(msg)
        study, folder = _with_target(load_plan(Path(source)).study), Path(source)
    else:
        study = _with_target(load_study(source, **options))
        folder = out or _place(source, study)
    missing = [] if train else untrained(study, folder, until)
    if missing:
        what = "trained" if until == Until.ERRORS else "trained and asked for this"
        n_runs, n_missing = len(study.first_seeds), len(missing)
        msg = (
            f"{n_missing} of {n_runs} runs of the baseline are not {what} yet in {folder}; add "
            f"--train to do that, which takes {wording.count(study.epochs[BASELINE], 'epoch')} of "
            "training each, or name the folder of a study that has them."
        )
        raise StudyError(msg)
    return study, folder


def _with_target(study: Study) -> Study:
    """Return a study that asks for a target; refuse one of accuracies alone."""
    if not study.asks_target:
        msg = (
            f"{study.name} compares the accuracies of its arms and has no target cell; "
            f"`misread run {study.name}` takes it."
        )
        raise StudyError(msg)
    return study


def _place(name: str, study: Study) -> Path:
    """Return the folder of a study that names none, and say where it is not the usual one."""
    folder, why = place_in_runs(study, is_builtin=name in builtin_studies())
    if why:
        say(why, err=True)
    return folder


def _run(study: Study, until: Until, folder: Path, jobs: int | None, **how: Any) -> Parts:
    """Run a study with a bar; return its images."""
    console = stderr()
    load_with_bar(study.dataset, console)  # in this process, where a download has a bar
    if study.smoke:
        say(
            "Smoke run: few images, one epoch. It shows that everything works and proves nothing.",
            err=True,
        )
    if not study.trainer.is_ours:
        place = f" in {study.trainer.folder}" if study.trainer.folder else ""
        say(f"Trainer: {study.trainer.text}{place}; what is left to do runs its code.", err=True)
    parts = load_parts(study.dataset, study.sizes["confirm_size"])
    if until == Until.END and (work := workload(study, parts, folder, jobs or default_jobs())):
        say(work, err=True)
    with _bar(study, until, console) as bar:
        try:
            run_study(study, folder, until=until, jobs=jobs, on_report=bar.on_report, **how)
        except KeyboardInterrupt:
            say(f"\n{bar.count}.", err=True)
            raise
    return parts


def _bar(study: Study, until: Until, console: Console) -> StudyBar:
    """Return the bar of a study; where it stops before its arms, a trained run is complete."""
    if until == Until.END:
        seeds, arms, last_step = study.seeds, tuple(study.epochs), Step.READ
    else:
        seeds, arms, last_step = study.first_seeds, (BASELINE,), Step.TRAINED
    at_most = "at most " if len(seeds) > len(study.first_seeds) else ""
    epochs = [study.epochs[arm] for arm in arms for _ in seeds]
    return StudyBar(console, epochs, last_step, at_most)


@contextmanager
def _drawing(folder: Path) -> Iterator[None]:
    """Hold a study's folder while its figures and its report are made."""
    with locked(folder), stderr().status("drawing figures and report"):
        yield


def _draw(evidence: Evidence) -> tuple[Path, dict[str, Drawn]]:
    """Write the figures and the report of a study; return the report's path and the figures."""
    drawn = draw_figures(evidence)
    write_figures(evidence, drawn)
    return write_report(evidence, drawn), drawn


def _print_results(evidence: Evidence) -> None:
    console = stdout()
    for alarm in words.alarm_lines(evidence):
        console.print(alarm, style="bold red", markup=False)
    if evidence.plan.exploratory:
        console.print(
            f"Exploratory: {evidence.plan.exploratory}.", style="bold yellow", markup=False
        )
    if evidence.plan.target is not None:
        say(answer_of(evidence.verdicts))
        console.print(answer_table(evidence))
        if evidence.plan.planned_power and evidence.verdicts:
            say(f"Planned: {evidence.plan.planned_power.sentence}")
        for arm, verdict in evidence.verdicts.items():
            if settling := settling_of(verdict):
                say(f"What would settle {arm}: {settling}.")
    if evidence.plan.study.asks_accuracies:
        for table in comparison_tables(evidence):
            console.print(table)
