"""`misread demo`: a real study's readings, judged and shown, in seconds and without training."""

from importlib import resources
from pathlib import Path

import click

from misread.cli.options import folder_option, say, stdout
from misread.data.mnist import load_mnist
from misread.files import write_atomic
from misread.judge import judge
from misread.readers.read import read_predictions
from misread.show.judged import Judged, judged_page
from misread.show.render import verdict_brief

ABOUT = (
    "A study of MNIST's handwritten digits: some networks take a 4 for a 9. The fix thickens the "
    "fours and thins the nines while they train. Ten networks were trained without it and ten with "
    "it, from the same ten seeds; all read the same 10,000 test images."
)
CELL = "4:9"
SIDES = ("before", "after")


@click.command()
@folder_option("--out", "Folder for the page and the readings [default: misread-demo].")
def demo(out: Path | None) -> None:
    """Judge what twenty networks read before and after a fix, and show it in a page.

    Nothing is trained. The folder then holds `demo.html` and the readings of both sides, to try the
    other commands on.
    """
    folder = Path("misread-demo") if out is None else out
    stored = resources.files("misread") / "studies" / "demo"
    for name in SIDES:
        write_atomic(folder / f"{name}.npz", (stored / f"{name}.npz").read_bytes())
    before, after = (read_predictions(str(folder / f"{name}.npz")) for name in SIDES)
    fix = "thicker fours, thinner nines"
    verdict = judge(before, after, cells=[CELL], arm=fix)
    commands = (
        f"misread judge {folder}/before.npz {folder}/after.npz --cell {CELL}",
        f"misread atlas {folder}/before.npz",
        f"misread power {folder}/before.npz --cell {CELL}",
    )
    images = load_mnist()[1].images
    judged = Judged(
        {"before": before, fix: after},
        verdicts=[verdict],
        pictures=lambda part, places: None if part else images[places],
        about=ABOUT,
        commands=commands,
    )
    page = folder / "demo.html"
    write_atomic(page, judged_page(judged).encode())
    stdout().print(f"{ABOUT}\n")
    stdout().print(verdict_brief(verdict))
    say(f"\nThe images, and what the fix broke: {page} (open it in a browser)\nType next:")
    for command in commands:
        say(f"  {command}")
