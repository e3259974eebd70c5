"""`misread corruptions`: judge a fix on corrupted images."""

from pathlib import Path

import click
from rich.console import Console

from misread.cli.options import console, finished_study, json_option, print_json
from misread.cli.progress import Bar
from misread.files import write_atomic
from misread.images.corrupt import parse_corruption
from misread.images.mnist_c import CORRUPTIONS
from misread.show.figures.corruptions import (
    corruption_figure,
    corruption_images,
    corruption_table,
    error_sentence,
)
from misread.show.style import png
from misread.study.corruptions import Corruptions, run_corruptions
from misread.study.evidence import load_evidence
from misread.study.reread import Reading, n_models


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
@json_option
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
    folder = finished_study(study)
    shown = console(stderr=True)
    result = _read(folder, out or folder / "corruptions", severity, jobs, shown)
    written = [result.folder / name for name in ("accuracy.png", "images.png")]
    with shown.status("drawing"):
        confirm = load_evidence(folder).confirm
        specs = [parse_corruption(name) for name in result.robustness.corruptions]
        write_atomic(written[0], png(corruption_figure(result)))
        write_atomic(written[1], png(corruption_images(confirm, specs)))
    if as_json:
        numbers, verdict = (
            part.model_dump(mode="json") for part in (result.robustness, result.outcome)
        )
        print_json({"folder": str(result.folder), **numbers, "verdict": verdict})
        return
    for arm in result.verdicts:
        console(stderr=False).print(corruption_table(result, arm))
    for arm in result.verdicts:
        click.echo(error_sentence(result, arm))
    click.echo(f"Exploratory: {result.robustness.exploratory}.")
    click.echo(f"Written: {', '.join(map(str, written))}.")


def _read(
    folder: Path, out: Path, severity: int | None, jobs: int | None, shown: Console
) -> Corruptions:
    """Let the models of a study read every corruption, with a bar."""
    n_readings = n_models(folder) * len(CORRUPTIONS)
    done: dict[str, int] = {}
    with Bar(shown) as bar:
        bar.begin("reading corrupted images", n_readings, "corruptions × models")

        def on_view(reading: Reading, n_read: int) -> None:
            bar.advance(n_read - done.get(reading.name, 0), reading.name)
            done[reading.name] = n_read

        return run_corruptions(folder, out, severity, jobs=jobs, on_view=on_view, on_note=bar.say)
