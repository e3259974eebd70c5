"""`misread corruptions`: judge a fix on corrupted images."""

from pathlib import Path

import click

from misread.cli.options import print_json, reading_options, say, stderr, stdout
from misread.cli.progress import Bar, counting_views
from misread.images.corrupt import parse_corruption
from misread.show.figures.corruptions import (
    corruption_figure,
    corruption_images,
    corruption_table,
    error_sentence,
)
from misread.show.style import write_png
from misread.study.corruptions import run_corruptions
from misread.study.evidence import load_evidence
from misread.study.folder import finished_study, refuse_untrusted


@click.command()
@click.argument("study")
@click.option(
    "--severity",
    type=click.IntRange(1, 5),
    help="Severity of the corruptions that have several [default: that of MNIST-C for each].",
)
@reading_options("corruptions")
def corruptions(
    study: str, severity: int | None, out: Path | None, jobs: int | None, trust: bool, as_json: bool
) -> None:
    """Let the trained models of STUDY read corrupted images, and judge each arm there.

    STUDY is the folder of a finished study, or its name. Nothing is trained: every seed of every
    arm reads the test images in each of the fifteen corruptions of MNIST-C (noise, blur, fog, lines
    across, …), and each arm is judged against the baseline, with the corruptions as slices.
    """
    folder = finished_study(study)
    refuse_untrusted(folder, trusted=trust)
    console = stderr()
    with Bar(console) as bar:
        calls = counting_views(bar, "reading corrupted images", "corruptions × models")
        place = out or folder / "corruptions"
        result = run_corruptions(folder, place, severity, jobs=jobs, calls=calls)
    with console.status("drawing"):
        confirm = load_evidence(folder).confirm
        specs = [parse_corruption(name) for name in result.robustness.corruptions]
        written = [
            write_png(result.folder / "accuracy.png", corruption_figure(result)),
            write_png(result.folder / "images.png", corruption_images(confirm, specs)),
        ]
    if as_json:
        numbers, verdict = (
            part.model_dump(mode="json") for part in (result.robustness, result.outcome)
        )
        print_json({"folder": str(result.folder), **numbers, "verdict": verdict})
        return
    for arm in result.verdicts:
        stdout().print(corruption_table(result, arm))
    for arm in result.verdicts:
        say(error_sentence(result, arm))
    say(f"Exploratory: {result.robustness.exploratory}.")
    say(f"Written: {', '.join(map(str, written))}.")
