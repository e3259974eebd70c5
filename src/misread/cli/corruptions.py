"""`misread corruptions`: whether a fix makes models brittle where images are corrupted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from misread.cli.options import console, study_folder

if TYPE_CHECKING:
    from rich.console import Console

    from misread.study.corruptions import Corruptions, Reading


@click.command(short_help="Judge the fixes of a study on corrupted images.")
@click.argument("study")
@click.option(
    "--severity",
    type=click.IntRange(1, 5),
    help="Of corruptions that have several [default: that of MNIST-C, another for each].",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the readings [default: corruptions/ in that of the study].",
)
@click.option("--jobs", type=click.IntRange(1), help="Worker processes [default: what fits].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def corruptions(
    study: str,
    severity: int | None,
    out: Path | None,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001  click passes flags
) -> None:
    """Let the trained models of STUDY read corrupted images, and judge each arm there.

    STUDY is the folder of a finished study, or its name. Nothing is trained: every seed of every
    arm reads the test images in each of the fifteen corruptions of MNIST-C (noise, blur, fog, lines
    across, …), and each arm is judged against the baseline, with the corruptions as slices.
    """
    from misread.errors import StudyError

    folder = study_folder(study)
    if folder is None or not (folder / "plan.json").exists():
        msg = f"{study!r} is no folder of a finished study; run `misread run` first, or name one."
        raise StudyError(msg)
    out = out or folder / "corruptions"
    shown = console(stderr=True)
    found = _read(folder, out, severity, jobs, shown)
    from misread.files import write_atomic
    from misread.images.corrupt import parse_corruption
    from misread.show.figures.corruptions import corruption_figure, corruption_sheet
    from misread.show.style import png
    from misread.study.plan import load_plan
    from misread.study.verdict import confirm_of

    drawn = [found.folder / name for name in ("accuracy.png", "images.png")]
    with shown.status("drawing"):
        confirm, _ = confirm_of(load_plan(folder))
        specs = [parse_corruption(name) for name in found.told.corruptions]
        write_atomic(drawn[0], png(corruption_figure(found)))
        write_atomic(drawn[1], png(corruption_sheet(confirm, specs)))
    if as_json:
        import json

        click.echo(json.dumps(_told(found), indent=2, ensure_ascii=False))
        return
    from misread.show.figures.corruptions import corruption_error, corruption_table

    for arm in found.verdicts:
        console(stderr=False).print(corruption_table(found, arm))
    for arm in found.verdicts:
        click.echo(corruption_error(found, arm))
    click.echo(f"Exploratory: {found.told.exploratory}.")
    click.echo(f"Written: {', '.join(map(str, drawn))}.")


def _read(
    folder: Path, out: Path, severity: int | None, jobs: int | None, shown: "Console"
) -> "Corruptions":
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from misread.images.mnist_c import CORRUPTIONS
    from misread.study.corruptions import run_corruptions
    from misread.study.plan import load_plan
    from misread.study.verdict import seeds_needed

    n_models = sum(seeds_needed(load_plan(folder), folder).values())
    with Progress(
        TextColumn("reading {task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("models × corruptions"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    ) as bar:
        task = bar.add_task("…", total=n_models * len(CORRUPTIONS))
        done: dict[str, int] = {}
        whole = 0

        def on_report(reading: "Reading", n_read: int) -> None:
            nonlocal whole
            done[reading.name] = n_read
            bar.update(task, completed=sum(done.values()), description=reading.name)
            if n_read == len(CORRUPTIONS):
                whole += 1
                if not shown.is_terminal and (whole % 10 == 0 or whole == n_models):
                    text = f"{whole} of {n_models} models, {reading.name}"
                    shown.print(text, highlight=False, markup=False)

        def on_note(text: str) -> None:
            shown.print(text, highlight=False, markup=False)

        return run_corruptions(
            folder, out, severity, jobs=jobs, on_report=on_report, on_note=on_note
        )


def _told(found: "Corruptions") -> dict[str, Any]:
    return {
        "folder": str(found.folder),
        **found.told.model_dump(mode="json"),
        "verdict": found.outcome.model_dump(mode="json"),
    }
