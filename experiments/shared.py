"""What the experiments share: what is asked, many kinds of study at once, the part of a page.

The contract of an experiment `experiments/NAME.py`: its head says what it asks, the command, and
how long that takes; it needs nothing but the repository and the folders of studies that it names;
what it finds stands in docs/, after its command, between the marks
`<!-- NAME: written by experiments/NAME.py -->` and `<!-- end of NAME -->`, and what is written by
hand around them stays.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from rich.progress import track

from misread.files import write_atomic
from misread.workers.machine import cores
from misread.workers.processes import side_by_side

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

Kind = TypeVar("Kind")
Result = TypeVar("Result")


def asked(about: str | None, *, folders: bool = False, **numbers: int) -> argparse.Namespace:
    """Return what the command line asks for: numbers by their names, and `folders` of studies."""
    parser = argparse.ArgumentParser(description=str(about).partition("\n")[0])
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    if folders:
        parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    return parser.parse_args()


def of_each(
    work: Callable[[Kind], Result], kinds: Sequence[Kind], jobs: int | None = None
) -> list[Result]:
    """Return what comes of each kind of study, in their order, with a bar."""
    done = track(side_by_side(work, kinds, jobs or cores()), "kinds of study", total=len(kinds))
    results = dict(done)
    return [results[number] for number in range(len(kinds))]


def write_block(page: Path, *parts: str) -> None:
    """Write the part of a page that belongs to the experiment that runs, after its command."""
    name = Path(sys.argv[0]).stem
    begin, end = f"<!-- {name}: written by experiments/{name}.py -->", f"<!-- end of {name} -->"
    command = shlex.join(["python", f"experiments/{name}.py", *sys.argv[1:]])
    text = "\n\n".join([begin, f"```bash\n{command}\n```", *parts, end])
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    new, n_places = place.subn(lambda _: text, page.read_text("utf-8"))
    if n_places != 1:
        sys.exit(f"{page} does not hold {begin} and {end} once each.")
    write_atomic(page, new.encode())
    print(f"Written: {page.relative_to(ROOT)}.")


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; the first column holds names."""
    names = list(heads)
    rule = ["---", *["---:"] * (len(names) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [names, rule, *rows])
