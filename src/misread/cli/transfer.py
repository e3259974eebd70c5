"""`misread transfer`: judge a fix on data that no model has seen."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from misread.cli.options import print_json, reading_options, say, stderr, stdout
from misread.cli.progress import Bar, counting_views, load_with_bar
from misread.learn.views import in_mnist_form
from misread.show.figures.transfer import convention_figure, transfer_figure, transfer_table
from misread.show.style import write_png
from misread.study.evidence import load_evidence
from misread.study.folder import finished_study, refuse_untrusted
from misread.study.transfer import Transfer, run_transfer


@click.command()
@click.argument("study")
@click.option(
    "--data",
    "sources",
    multiple=True,
    required=True,
    metavar="SOURCE",
    help="Data to read; `misread data list` shows how to name it. May be given several times.",
)
@reading_options("transfer")
def transfer(
    study: str,
    sources: tuple[str, ...],
    out: Path | None,
    jobs: int | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Let the trained models of STUDY read other data, and judge each arm there.

    STUDY is the folder of a finished study, or its name. Nothing is trained: every seed of every
    arm reads every image that it has not trained on, and each arm is judged against the baseline.
    Models of MNIST read all images but corrupted ones in MNIST's convention: a box of 20×20 px, its
    centre of mass in the middle of 28×28.
    """
    folder = finished_study(study)
    refuse_untrusted(folder, trusted=trust)
    out = out or folder / "transfer"
    console = stderr()
    transfers = [_read(folder, source, out, jobs, console) for source in sources]
    written = [out / "transfer.png"]
    with console.status("drawing"):
        evidence = load_evidence(folder)
        write_png(written[0], transfer_figure(evidence.verdicts, transfers))
        dataset = evidence.plan.study.dataset
        if brought := [source for source in sources if in_mnist_form(dataset, source)]:
            written.append(write_png(out / "convention.png", convention_figure(brought)))
    if as_json:
        print_json([_numbers(one) for one in transfers])
        return
    for one in transfers:
        stdout().print(transfer_table(one))
        if one.equal is not None:
            say(
                f"{one.equal:.3%} of these readings are those of the study itself: the convention "
                "leaves images that follow it as they are."
            )
    say(f"Written: {', '.join(map(str, written))}.")


def _read(folder: Path, source: str, out: Path, jobs: int | None, console: Console) -> Transfer:
    """Let the models of a study read a source, with a bar."""
    load_with_bar(source, console)
    with Bar(console) as bar:
        calls = counting_views(bar, f"reading {source}", "models")
        return run_transfer(folder, source, out, jobs=jobs, calls=calls)


def _numbers(one: Transfer) -> dict[str, Any]:
    return {
        "source": one.source,
        "n_images": one.n_images,
        "source_sha256": list(one.sha256),
        "folder": str(one.folder),
        "accuracy": one.accuracy,
        "equal_to_confirm": one.equal,
        "verdict": one.outcome.model_dump(mode="json"),
    }
