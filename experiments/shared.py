"""What the experiments share: where pages lie, and the part of a page that an experiment writes.

The contract of an experiment `experiments/NAME.py`: its head says what it asks, the command, and
how long that takes; it needs nothing but the repository and the folders of studies that it names;
what it finds stands in docs/, between the marks `<!-- NAME: written by experiments/NAME.py -->` and
`<!-- end of NAME -->`, and what is written by hand around them stays.
"""

import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from misread.files import write_atomic

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def write_block(page: Path, text: str) -> None:
    """Write the part of a page that belongs to the experiment that runs."""
    name = Path(sys.argv[0]).stem
    begin, end = f"<!-- {name}: written by experiments/{name}.py -->", f"<!-- end of {name} -->"
    old = page.read_text("utf-8")
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    new, n_places = place.subn(lambda _: f"{begin}\n\n{text.strip()}\n\n{end}", old)
    if n_places != 1:
        sys.exit(f"{page} does not hold {begin} and {end} once each.")
    write_atomic(page, new.encode())
    print(f"Written: {page.relative_to(ROOT)}.")


def command() -> str:
    """Return the command that runs, as the page names it."""
    return f"python experiments/{Path(sys.argv[0]).name} {shlex.join(sys.argv[1:])}".rstrip()


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; the first column holds names."""
    names = list(heads)
    rule = ["---", *["---:"] * (len(names) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [names, rule, *rows])
