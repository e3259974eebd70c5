"""What everyone waits for every day: the command line, MNIST, the report; and the room a run takes.

1. *Start*: `misread --help` as a process, against the same with the packages imported at once
   that its commands need later.
2. *MNIST*: ours against gzip and hashlib, one file after the other. Both check the hashes of the
   four raw files and take the identity of the content.
3. *Report*: `misread report` as a process, against one process that draws all figures, each image
   of a digit in axes of its own, as one would write it.
4. *Room*: the files of a run, and what the same readings take in full precision.

3 and 4 look at the study in `--study` [default: runs/four-nine-documented]; where that is not
there, a smoke run of ten seeds and five arms is trained first (`--quick`: of one seed, two arms).
"""

import argparse
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import numpy as np

from common import Cell, Table, finish, in_turn, machine, options, ratio, show, spread
from misread.data.mnist import FOLDER, RAW_SHA256, load_mnist
from misread.npz import arrays_of

STUDY = Path("runs/four-nine-documented")
SEEDS = "1,2,3,4,5,6,7,8,9,10"
ARMS = "documented,one-sided,swapped,both"
EAGER = """
import matplotlib.figure, numpy, polars, pydantic, rich.console, scipy.stats
from misread.cli import main
main(["--help"])
"""
SERIAL = """
import sys
from pathlib import Path
from misread.study.evidence import load_evidence
from misread.show.study_figures import draw_figures, write_figures
from misread.show.report import write_report
from misread.show.style import INK_MAP, Sheet

def image(self, left, down, size, image):
    axes = self.axes(left, down, size, size)
    axes.imshow(image.squeeze(), cmap=INK_MAP, vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color="#d3d7de", linewidth=0.7)
    return axes.patch

Sheet.image = image
evidence = load_evidence(Path(sys.argv[1]))
drawn = draw_figures(evidence)
write_figures(evidence, drawn=drawn)
write_report(evidence, drawn)
"""
FILES = {
    "model.keras": "the weights in float32, without optimiser",
    "predictions.npz": "readings of confirm and of the slices; probabilities in float16",
    "select.npz": "readings of select; probabilities in float16",
    "preview.npz": "baseline only: readings of select under each operation",
    "history.csv": "a row per epoch",
    "config.json": "what the run is",
    "environment.json": "versions and seconds",
    "result.json": "hashes, accuracy; complete",
}


def process(*arguments: str) -> Callable[[], None]:
    """Return what runs Python with these arguments, silently."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return run


def start(repeats: int) -> Table:
    """Measure the start of the command line."""
    seconds = in_turn(
        {
            "misread --help": process("-m", "misread", "--help"),
            "eager": process("-c", EAGER),
            "python": process("-c", "pass"),
        },
        repeats,
    )
    eager, ours = seconds["eager"], seconds["misread --help"]
    rows: list[list[Cell]] = [
        ["`misread --help`", spread(ours), "1"],
        ["the same, all packages imported at once", spread(eager), ratio(eager, ours)],
        ["Python alone", spread(seconds["python"]), ratio(seconds["python"], ours)],
    ]
    n = f"n = {repeats} processes each, in turn: median and range"
    return Table("Start of the command line", n, ("process", "s", "ratio to ours"), rows)


def obvious_mnist() -> tuple[str, str]:
    """Load MNIST as one would write it, with all hashes; return the identity of both parts."""
    found = []
    for prefix in ("train", "t10k"):
        raw = []
        for name in (f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"):
            raw.append(gzip.decompress((FOLDER / f"{name}.gz").read_bytes()))
            if hashlib.sha256(raw[-1]).hexdigest() != RAW_SHA256[name]:
                raise SystemExit(name)
        images = np.frombuffer(raw[0], np.uint8, offset=16).reshape(-1, 28, 28)
        labels_N = np.frombuffer(raw[1], np.uint8, offset=8).astype(np.int64)
        digest = hashlib.sha256(repr((images.shape, tuple("0123456789"))).encode())
        digest.update(images.data)
        digest.update(labels_N.data)
        found.append(digest.hexdigest())
    return found[0], found[1]


def our_mnist() -> tuple[str, str]:
    """Load MNIST afresh and return the identity of both parts."""
    load_mnist.cache_clear()
    train, test = load_mnist()
    return train.sha256, test.sha256


def loading(repeats: int) -> Table:
    """Measure the loading of MNIST."""
    if our_mnist() != obvious_mnist():
        msg = "the two ways to load MNIST disagree"
        raise SystemExit(msg)
    seconds = in_turn({"ours": our_mnist, "obvious": obvious_mnist}, repeats)
    rows: list[list[Cell]] = [
        ["ours: zlib-ng, four files at once", spread(seconds["ours"]), "1"],
        [
            "gzip and hashlib, one file after the other",
            spread(seconds["obvious"]),
            ratio(seconds["obvious"], seconds["ours"]),
        ],
    ]
    n = f"n = {repeats} each, in turn: median and range"
    notes = ["70,000 images; SHA-256 of the four raw files and of the content of both parts."]
    return Table("Loading MNIST, all hashes checked", n, ("way", "s", "ratio to ours"), rows, notes)


def report(study: Path, told: str, repeats: int) -> Table:
    """Measure the building of the report in a study's folder; its figures are written anew."""
    seconds = in_turn(
        {
            "ours": process("-m", "misread", "report", str(study)),
            "serial": process("-c", SERIAL, str(study)),
        },
        repeats,
    )
    rows: list[list[Cell]] = [
        ["`misread report`", spread(seconds["ours"]), "1"],
        [
            "one process, axes for each image",
            spread(seconds["serial"]),
            ratio(seconds["serial"], seconds["ours"]),
        ],
    ]
    n = f"n = {repeats} processes each, in turn: median and range"
    notes = [f"{told}; all figures and the page, from stored readings."]
    return Table("Building the report", n, ("way", "s", "ratio to ours"), rows, notes)


def in_full(path: Path) -> int:
    """Return the bytes of an NPZ of readings in full precision: float32, int64, as `np.savez`."""
    wide = {"f": np.float32, "u": np.int64, "i": np.int64}
    arrays = arrays_of(path.read_bytes())
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        **{name: a.astype(wide.get(a.dtype.kind, a.dtype)) for name, a in arrays.items()},
    )
    return len(buffer.getvalue())


def room(study: Path, told: str) -> Table:
    """Measure the files of all runs of a study."""
    runs = sorted(path.parent for path in study.glob("arms/*/seed_*/result.json"))
    rows: list[list[Cell]] = []
    for name, what in FILES.items():
        paths = [run / name for run in runs if (run / name).exists()]
        if not paths:
            continue
        size = mean(path.stat().st_size for path in paths)
        row: list[Cell] = [f"`{name}`", what, kilobytes(size), "–", "–"]
        if name in {"select.npz", "predictions.npz"}:
            images = mean(arrays_of(path.read_bytes())["labels"].size for path in paths)
            full = mean(in_full(path) for path in paths)
            row[3:] = [f"{size / images:.1f}", f"{full / size:.1f}"]
        rows.append(row)
    total = mean(sum(file.stat().st_size for file in run.iterdir()) for run in runs)
    rows.append(["all", "a run", kilobytes(total), "–", "–"])
    heads = ("file", "what", "kB", "bytes per image", "in full precision, uncompressed: times")
    notes = [f"{told}. The study's folder in all: {kilobytes(weight(study))} kB."]
    return Table("Room on disk per run", f"Mean of {len(runs)} runs", heads, rows, notes)


def weight(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def kilobytes(size: float) -> str:
    """Return bytes in kB (1,000 bytes)."""
    return f"{size / 1000:,.1f}"


def study_of(named: Path, folder: Path, *, quick: bool) -> str:
    """Put a copy of the study to look at, or a smoke run, into `folder`; return what it is."""
    if (named / "verdict.json").exists():
        shutil.copytree(named, folder)
    else:
        seeds, arms = ("1", "documented") if quick else (SEEDS, ARMS)
        print(f"\nTraining a smoke run: seeds {seeds}, arms baseline,{arms} …", flush=True)
        process(
            *("-m", "misread", "run", "four-nine", "--smoke", "--seeds", seeds, "--arms", arms),
            *("--out", str(folder)),
        )()
    outcome = json.loads((folder / "verdict.json").read_text("utf-8"))
    kind = "A smoke run of" if outcome["smoke"] else "The study"
    size = f"{len(outcome['seeds'])} seeds × {len(outcome['arms']) + 1} arms"
    return f"{kind} {outcome['study']}, {size}"


def _study_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--study", type=Path, default=STUDY, metavar="DIR", help="a finished trial")


def main() -> None:
    """Measure and print, and write JSON where asked."""
    chosen = options(__doc__ or "", _study_option)
    often, seldom = (2, 1) if chosen.quick else (11, 3)
    facts = machine("numpy", "matplotlib", "zlib-ng")
    tables = [start(often)]
    show(tables[0])
    tables.append(loading(often))
    show(tables[-1])
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study"
        told = study_of(chosen.study, study, quick=chosen.quick)
        for table in (report(study, told, seldom), room(study, told)):
            tables.append(table)
            show(table)
    what = (
        "What everyone waits for: the start of the command line, MNIST with all its hashes, the "
        "report of a study; and the room that a run takes. The goals: 0.3 s, 0.3 s, and 20 s for "
        "the report of 10 seeds × 5 arms."
    )
    finish(chosen, "Every day: start, data, report, room", what, tables, facts)


if __name__ == "__main__":
    main()
