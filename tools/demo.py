"""Make the readings that `misread demo` judges, from those of the study four-nine.

python tools/demo.py [FOLDER]; tests/cli/test_demo.py holds the package's files to what it makes.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.mnist import load_mnist
from misread.judge.predictions import Predictions
from misread.readers.convert import write_predictions

PROJECT = Path(__file__).resolve().parent.parent
STORED = PROJECT / "docs" / "results" / "four-nine-readings.npz"
SIDES = {"before": "baseline", "after": "documented"}
VIEWS = ("dilate 2 px", "erode 2 px")


def side_of(kept: Mapping[str, npt.NDArray[Any]], arm: str) -> Predictions:
    """Return what an arm's seeds read: the test set with its writers, and 4s and 9s changed."""
    side = Predictions.from_arrays(
        kept["labels"],
        kept[arm],
        seeds=[str(seed) for seed in kept["seeds"].tolist()],
        ids=np.arange(len(kept["labels"])),
        groups=load_mnist()[1].groups_N,
        disputed_N=kept["disputed"],
    )
    for view in VIEWS:
        parts = [f"{view} · {label}" for label in (4, 9)]
        ids = np.concatenate([kept[f"{part} ids"] for part in parts])
        preds_SM = np.concatenate([kept[f"{part} {arm}"] for part in parts], axis=1)
        side = side.with_view(view, preds_SM, ids)
    return side


def main(folder: Path) -> None:
    """Write both sides into a folder."""
    with np.load(STORED) as archive:
        kept = dict(archive)
    for name, arm in SIDES.items():
        write_predictions(side_of(kept, arm), folder / f"{name}.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else PROJECT / "src" / "misread" / "studies" / "demo")
