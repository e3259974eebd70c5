"""What the benchmarks share: the machine, alternatives timed in turn, results for people and pages.

The contract of a benchmark `benchmarks/NAME.py`:

- `python benchmarks/NAME.py` measures and prints for people as it goes; `--quick` does so on small
  sizes, to see that it works; `--json FILE` also writes what it found (`options`, `finish`).
- Its docstring says what is compared with what. Its figures stand in
  `benchmarks/results/NAME.json`, written by `make bench ARGS="--only NAME"`, which then writes
  docs/benchmarks.md from all results.
- A claim of speed is a ratio: both ways run in turn, in one process or as one kind of process,
  several times (`in_turn`), and the ratio is taken pair by pair (`ratio`).
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import median

from misread.wording import number

Cell = str | int | float
VECTORS = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"), ("asimd", "NEON"))


@dataclass(frozen=True)
class Table:
    """One table of a result.

    Parameters
    ----------
    title
        What it shows, as a heading.
    n
        How often each figure was measured, in words.
    columns
        Heads, with units.
    rows
        One list of cells per row; floats are shown with three significant digits.
    notes
        Sentences below the table.
    """

    title: str
    n: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()


def options(
    doc: str, more: Callable[[argparse.ArgumentParser], None] | None = None
) -> argparse.Namespace:
    """Return the options of a benchmark: `quick`, `json` (a path or None), and what `more` adds."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON too")
    if more is not None:
        more(parser)
    return parser.parse_args()


def in_turn(
    alternatives: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, list[float]]:
    """Time the alternatives one after the other, `repeats` times round; return their seconds.

    What slows the machine for a while then slows all of them; every second round runs backwards.
    """
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(repeats):
        for name in list(alternatives)[:: -1 if turn % 2 else 1]:
            start = time.perf_counter()
            alternatives[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def spread(values: Sequence[float]) -> str:
    """Return median and range, as in "0.15 (0.14 to 0.19)"."""
    low, high = number(min(values)), number(max(values))
    return number(median(values)) + (f" ({low} to {high})" if low != high else "")


def ratio(slow: Sequence[float], fast: Sequence[float]) -> str:
    """Return how many times as long `slow` took as `fast`, pair by pair: median and range."""
    return spread([own / other for own, other in zip(slow, fast, strict=True)])


def machine(*packages: str) -> dict[str, str]:
    """Return the class of this machine, without its name, and the versions of `packages`."""
    flags = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
    words = set(flags.split())
    vectors = next((told for flag, told in VECTORS if flag in words), "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {
        "cores": str(cores),
        "processor": f"{platform.machine()}{f' with {vectors}' if vectors else ''}",
        "system": platform.system(),
        "Python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }
    if threads := os.environ.get("OMP_NUM_THREADS"):
        facts["OMP_NUM_THREADS"] = threads
    if hasattr(os, "getloadavg"):
        facts["load of other work"] = f"{os.getloadavg()[0]:.1f}"
    return facts


def show(table: Table) -> None:
    """Print a table for people."""
    rows = [list(table.columns), *([cell_text(cell) for cell in row] for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{table.title} ({table.n})")
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    for note in table.notes:
        print(f"- {note}")


def cell_text(cell: Cell) -> str:
    """Return a cell as it is shown."""
    if isinstance(cell, float):
        return number(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell


def finish(
    chosen: argparse.Namespace,
    title: str,
    what: str,
    tables: Sequence[Table],
    facts: Mapping[str, str],
) -> None:
    """Write the result as JSON where asked.

    Parameters
    ----------
    chosen
        What `options` returned.
    title
        The benchmark in a few words: its heading on the page.
    what
        What is compared with what, and on what, in plain sentences.
    tables
        What was found; printed before by `show`.
    facts
        What `machine` returned before the first measurement.
    """
    if chosen.json is None:
        return
    name = Path(sys.argv[0]).stem
    result = {
        "name": name,
        "title": title,
        "what": what,
        "command": f"python benchmarks/{name}.py{' --quick' if chosen.quick else ''}",
        "quick": chosen.quick,
        "machine": dict(facts),
        "tables": [asdict(table) for table in tables],
    }
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
