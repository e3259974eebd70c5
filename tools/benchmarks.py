"""Run the benchmarks and write docs/benchmarks.md from what they found: `make bench`.

    make bench                                   all of them, then the page
    make bench ARGS="--only everyday,executors"  these, then the page
    make bench ARGS="--render"                   only the page, from benchmarks/results/

What a benchmark has to do: the head of benchmarks/common.py.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "benchmarks"))
from common import cell_text  # noqa: E402  it lies beside the benchmarks

HEAD = """# Benchmarks

After this page you can say how fast misread is and how much room it takes. `make bench` writes it
from the results in `benchmarks/results/`. A claim of speed is a ratio of two ways that ran in turn
on the same machine: seconds differ from machine to machine, and from hour to hour on a shared one;
the ratio holds better. Behind a median stands its range in parentheses.

`make bench ARGS="--only NAME"` measures one of them again, `--render` only writes this page.
"""


def names(project: Path = PROJECT) -> list[str]:
    """Return the names of all benchmarks."""
    paths = (project / "benchmarks").glob("*.py")
    return sorted(path.stem for path in paths if path.stem != "common")


def result_of(name: str, project: Path = PROJECT) -> Path:
    """Return where the result of a benchmark lies."""
    return project / "benchmarks" / "results" / f"{name}.json"


def page(project: Path = PROJECT) -> str:
    """Return docs/benchmarks.md; ValueError if a result is missing or of a quick try."""
    parts = [HEAD]
    for name in names(project):
        path = result_of(name, project)
        if not path.exists():
            msg = f'{path} does not exist; run make bench ARGS="--only {name}".'
            raise ValueError(msg)
        result = json.loads(path.read_text("utf-8"))
        if result["quick"]:
            msg = f'{path} is of a quick try; run make bench ARGS="--only {name}".'
            raise ValueError(msg)
        parts.append(section(result))
    return "\n".join(parts)


def section(result: dict[str, Any]) -> str:
    """Return what the page says of one benchmark."""
    facts = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    sources = (
        f"[source](../benchmarks/{result['name']}.py), "
        f"[result](../benchmarks/results/{result['name']}.json)"
    )
    parts = [
        f"## {result['title']}\n\n{result['what']}\n",
        f"`{result['command']}` ({sources}). Measured with: {facts}.\n",
    ]
    for table in result["tables"]:
        rows = [table["columns"], ["---"] * len(table["columns"])]
        rows += [[cell_text(cell).replace("|", "\\|") for cell in row] for row in table["rows"]]
        parts.append(f"### {table['title']}\n\n{table['n']}.\n")
        parts.append("".join(f"| {' | '.join(row)} |\n" for row in rows))
        if table["notes"]:
            parts.append("".join(f"- {note}\n" for note in table["notes"]))
    return "\n".join(parts)


def main() -> None:
    """Run, and render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="A,B", help="run these benchmarks")
    parser.add_argument("--render", action="store_true", help="run none, write the page")
    options = parser.parse_args()
    known = names()
    chosen = options.only.split(",") if options.only else known
    if unknown := sorted(set(chosen) - set(known)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; choose of {', '.join(known)}.")
    if not options.render:
        for name in chosen:
            print(f"\n== benchmarks/{name}.py", flush=True)
            script = PROJECT / "benchmarks" / f"{name}.py"
            command = [sys.executable, str(script), "--json", str(result_of(name))]
            subprocess.run(command, cwd=PROJECT, check=True)  # noqa: S603  our own scripts
    path = PROJECT / "docs" / "benchmarks.md"
    try:
        now = page()
    except ValueError as error:
        sys.exit(str(error))
    path.write_text(now, "utf-8")
    print(f"Written: {path}")


if __name__ == "__main__":
    main()
