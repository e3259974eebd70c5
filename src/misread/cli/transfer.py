"""`misread transfer`: whether a fix carries over to data that no model has seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from misread.cli.options import console, load_shown, study_folder

if TYPE_CHECKING:
    from rich.console import Console

    from misread.study.transfer import Transfer


@click.command(short_help="Judge the fixes of a study on other data.")
@click.argument("study")
@click.option(
    "--data",
    "sources",
    multiple=True,
    required=True,
    metavar="SOURCE",
    help="Data to read, as `misread data list` tells; may be given several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the readings [default: transfer/ in that of the study].",
)
@click.option("--jobs", type=click.IntRange(1), help="Worker processes [default: what fits].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def transfer(
    study: str,
    sources: tuple[str, ...],
    out: Path | None,
    jobs: int | None,
    as_json: bool,  # noqa: FBT001  click passes flags
) -> None:
    """Let the trained models of STUDY read other data, and judge each arm there.

    STUDY is the folder of a finished study, or its name. Nothing is trained: every seed of every
    arm reads every image that it has not trained on, and each arm is judged against the baseline.
    Models of MNIST read all images but corrupted ones in MNIST's convention: a box of 20×20 px, its
    centre of mass in the middle of 28×28.
    """
    from misread.errors import StudyError

    folder = study_folder(study)
    if folder is None or not (folder / "plan.json").exists():
        msg = f"{study!r} is no folder of a finished study; run `misread run` first, or name one."
        raise StudyError(msg)
    out = out or folder / "transfer"
    shown = console(stderr=True)
    done = [_read(folder, source, out, jobs, shown) for source in sources]
    from misread.files import write_atomic
    from misread.show.figures.transfer import convention_figure, transfer_figure
    from misread.show.style import png
    from misread.study.evidence import load_evidence
    from misread.study.plan import load_plan
    from misread.study.transfer import in_convention

    with shown.status("drawing"):
        home = load_evidence(folder).verdicts
        write_atomic(out / "transfer.png", png(transfer_figure(home, done)))
        drawn = [out / "transfer.png"]
        brought = [s for s in sources if in_convention(load_plan(folder).study.dataset, s)]
        if brought:
            drawn.append(out / "convention.png")
            write_atomic(drawn[1], png(convention_figure(brought)))
    if as_json:
        import json

        click.echo(json.dumps([_told(each) for each in done], indent=2, ensure_ascii=False))
        return
    from misread.show.figures.transfer import transfer_table

    for each in done:
        console(stderr=False).print(transfer_table(each))
        if each.equal is not None:
            click.echo(
                f"{each.equal:.3%} of these readings are those of the study itself: the convention "
                "leaves images that follow it as they are."
            )
    click.echo(f"Written: {', '.join(map(str, drawn))}.")


def _read(folder: Path, source: str, out: Path, jobs: int | None, shown: "Console") -> "Transfer":
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from misread.study.plan import load_plan
    from misread.study.transfer import Reading, run_transfer
    from misread.study.verdict import seeds_needed

    n_models = sum(seeds_needed(load_plan(folder), folder).values())
    load_shown(source, shown)
    with Progress(
        TextColumn("reading {task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("models"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    ) as bar:
        task = bar.add_task(source, total=n_models)
        done = 0

        def on_report(reading: Reading) -> None:
            nonlocal done
            done += 1
            bar.update(task, completed=done)
            if not shown.is_terminal and (done % 10 == 0 or done == n_models):
                shown.print(
                    f"{source}: {done} of {n_models} models, {reading.arm} seed {reading.seed}",
                    highlight=False,
                    markup=False,
                )

        def on_note(text: str) -> None:
            shown.print(text, highlight=False, markup=False)

        return run_transfer(folder, source, out, jobs=jobs, on_report=on_report, on_note=on_note)


def _told(each: "Transfer") -> dict[str, Any]:
    return {
        "source": each.source,
        "n_images": each.n_images,
        "source_sha256": list(each.sha256),
        "folder": str(each.folder),
        "accuracy": each.accuracy,
        "equal_to_confirm": each.equal,
        "verdict": each.outcome.model_dump(mode="json"),
    }
