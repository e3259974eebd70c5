"""Make the notebooks: from percent scripts, executed, with their pictures in them.

    make notebooks                                 all, at full size: some minutes on two cores
    make notebooks ARGS="judge_scikit_learn"       one of them
    make notebooks ARGS="--quick"                  shrunk, not kept: are they as committed?

A notebook's source is `notebooks/NAME.py` (percent format of jupytext); nobody edits the `.ipynb`.
A cell with the tag "parameters" may carry `quick="…"`, Python that runs right after it with
`--quick`. The same source gives the same file on the same machine: cells are numbered, no clock is
kept, pictures have at most 256 colours. A cell that raises, or writes to standard error, fails.
"""

import argparse
import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from PIL import Image
from traitlets.config import Config

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "notebooks"
SECONDS = 1200  # for one cell
# What TensorFlow says as it starts, for information: it has a clock and the machine in it.
CHATTER = re.compile(r"^(WARNING: All log messages before absl.*|I0000 .*)$", re.MULTILINE)
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


class NotebookError(Exception):
    """A notebook could not be made; the message says which cell and why."""


def read_source(source: Path) -> Any:
    """Return the notebook of a percent script, without outputs; cells are named by their place."""
    notebook = jupytext.read(source, fmt="py:percent")
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place:02d}"
        cell.metadata.pop("lines_to_next_cell", None)  # of the script's layout, not of the lecture
    notebook.metadata = _metadata()
    return notebook


def execute(notebook: Any, *, quick: bool = False) -> Any:
    """Return the notebook, changed: with the outputs of all its cells, run from top to bottom.

    With `quick` the shrunk parameters hold; they are part of no output. NotebookError if a cell
    raises or writes to standard error.
    """
    sources = [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        shrunk = cell.metadata.pop("quick", None)
        if quick and shrunk:
            cell.source += f"\n{shrunk}"
    with tempfile.TemporaryDirectory(prefix="kernel-") as sockets:
        # Over files, which only their owner can open; Windows has none.
        wires = {"transport": "ipc", "ip": f"{sockets}/k"} if os.name != "nt" else {}
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name=KERNEL["name"],
            resources={"metadata": {"path": str(FOLDER)}},
            record_timing=False,
            config=Config(KernelManager=wires),
        )
        try:
            client.execute(env=_environment())
        except (CellExecutionError, DeadKernelError) as error:
            raise NotebookError(re.sub(r"\x1b\[[0-9;]*m", "", str(error))) from None
    for cell, source in zip(notebook.cells, sources, strict=True):
        cell.source = source
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if _kept(cell, output)]
    notebook.metadata = _metadata()
    nbformat.validate(notebook)
    return notebook


def _metadata() -> Any:
    plain = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return nbformat.from_dict(plain)  # type: ignore[no-untyped-call]


def _environment() -> dict[str, str]:
    """Return the kernel's environment: pictures inline, libraries quiet."""
    fixed = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return {k: v for k, v in os.environ.items() if k != "MPLBACKEND"} | fixed


def _kept(cell: Any, output: Any) -> bool:
    """Keep an output, its picture made smaller; refuse what went to standard error."""
    if output.get("name") == "stderr":
        complaint = CHATTER.sub("", output["text"]).strip()
        if complaint:
            msg = f"{cell.id} writes to standard error:\n{complaint}"
            raise NotebookError(msg)
        return False
    data = output.get("data", {})
    if "image/png" in data:
        data["image/png"] = base64.b64encode(_shrunk(base64.b64decode(data["image/png"]))).decode()
    if "text/plain" in data:  # addresses of objects differ from run to run
        data["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", data["text/plain"])
    return True


def _shrunk(png: bytes) -> bytes:
    """Return a picture with a palette: a third of the size, and to the eye the same."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return min(buffer.getvalue(), png, key=len)


def make(source: Path, folder: Path, *, quick: bool = False) -> Path:
    """Execute a percent script as a notebook and write it into a folder; return the file."""
    notebook = execute(read_source(source), quick=quick)
    target = folder / f"{source.stem}.ipynb"
    text = str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]
    target.write_text(text.rstrip("\n") + "\n", "utf-8")
    return target


def check(source: Path) -> None:
    """Execute a percent script, shrunk, and hold the committed notebook to it.

    NotebookError if a cell fails, or has another source or other kinds of output.
    """
    committed = nbformat.read(source.with_suffix(".ipynb"), as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory(prefix="notebooks-") as folder:
        target = make(source, Path(folder), quick=True)
        made = nbformat.read(target, as_version=4)  # type: ignore[no-untyped-call]
    if _kinds(made) != _kinds(committed):
        msg = f"the committed notebook is another one; run make notebooks ARGS={source.stem}."
        raise NotebookError(msg)


def _kinds(notebook: Any) -> list[Any]:
    """Return each cell's source, and what kinds of output it has."""
    return [
        (c.id, c.cell_type, c.source, [sorted(o.get("data", {})) for o in c.get("outputs", [])])
        for c in notebook.cells
    ]


def main() -> int:
    """Run the command line and return its exit code."""
    known = sorted(path.stem for path in FOLDER.glob("*.py"))
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    choice = f"of {', '.join(known)}; default all"
    parser.add_argument("names", nargs="*", metavar="NAME", help=choice)
    parser.add_argument("--quick", action="store_true", help="shrunk, and not kept: do they run?")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        print(f"notebooks: no {min(unknown)!r}; choose {choice}.", file=sys.stderr)
        return 2
    for name in options.names or known:
        source = FOLDER / f"{name}.py"
        try:
            if options.quick:
                check(source)
                print(f"{name}: runs.", flush=True)
            else:
                target = make(source, FOLDER)
                print(f"{target.name}: {target.stat().st_size / 1024:,.0f} KB", flush=True)
        except NotebookError as error:
            print(f"notebooks: {name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
