"""`misread corruptions`: judge a fix on corrupted images."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from misread.cli.options import (
    folder_option,
    jobs_option,
    json_option,
    print_json,
    say,
    stderr,
    stdout,
    trust_option,
)
from misread.cli.progress import Bar
from misread.files import write_atomic
from misread.images.corrupt import parse_corruption
from misread.show.figures.corruptions import (
    corruption_figure,
    corruption_images,
    corruption_table,
    error_sentence,
)
from misread.show.style import png
from misread.study.corruptions import Corruptions, run_corruptions
from misread.study.evidence import load_evidence
from misread.study.folder import finished_study, refuse_untrusted
from misread.study.reread import Reading


@click.command(short_help="Judge the fixes of a study on corrupted images.")
@click.argument("study")
@click.option(
    "--severity",
    type=click.IntRange(1, 5),
    help="Severity of the corruptions that have several [default: that of MNIST-C for each].",
)
@folder_option("--out", "Folder of the readings [default: corruptions/ in that of the study].")
@jobs_option
@trust_option
@json_option
def corruptions(
    study: str,
    severity: int | None,
    out: Path | None,
    jobs: int | None,
    trust: bool,  # noqa: FBT001  click passes flags
    as_json: bool,  # noqa: FBT001
) -> None:
    """Let the trained models of STUDY read corrupted images, and judge each arm there.

    STUDY is the folder of a finished study, or its name. Nothing is trained: every seed of every
    arm reads the test images in each of the fifteen corruptions of MNIST-C (noise, blur, fog, lines
    across, …), and each arm is judged against the baseline, with the corruptions as slices.
    """
    folder = finished_study(study)
    refuse_untrusted(folder, trusted=trust)
    console = stderr()
    result = _read(folder, out or folder / "corruptions", severity, jobs, console)
    written = [result.folder / name for name in ("accuracy.png", "images.png")]
    with console.status("drawing"):
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
        stdout().print(corruption_table(result, arm))
    for arm in result.verdicts:
        say(error_sentence(result, arm))
    say(f"Exploratory: {result.robustness.exploratory}.")
    say(f"Written: {', '.join(map(str, written))}.")


def _read(
    folder: Path, out: Path, severity: int | None, jobs: int | None, console: Console
) -> Corruptions:
    """Let the models of a study read every corruption, with a bar."""
    done: dict[str, int] = {}
    with Bar(console) as bar:

        def on_begin(n_views: int, n_before: int) -> None:
            bar.begin("reading corrupted images", n_views, "corruptions × models")
            bar.skip(n_before)

        def on_view(reading: Reading, n_read: int) -> None:
            bar.advance(n_read - done.get(reading.name, 0), reading.name)
            done[reading.name] = n_read

        reports: Any = {"on_begin": on_begin, "on_view": on_view, "on_note": bar.say}
        return run_corruptions(folder, out, severity, jobs=jobs, **reports)
