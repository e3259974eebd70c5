"""How the judge grows with images and classes, against the same analysis written the obvious way.

1. *Side by side*: both analyses of all K(K−1) cells on the same arrays, in turn, in one run: ours,
   and a loop over the cells with numpy and statsmodels (ordinary least squares on an intercept, its
   covariance clustered by seed and image, Benjamini–Hochberg). Effects must agree.
2. *Whole processes*: `misread judge` from Parquet and NPZ with more and more images: seconds, peak
   memory.

Its figures: docs/benchmarks.md. `python benchmarks/judge_scaling.py` takes some minutes,
`--quick` some seconds.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from common import Cell, Table, finish, in_turn, machine, options, ratio, show, spread

IntArray = npt.NDArray[Any]
Given = tuple[IntArray, IntArray, IntArray]
N_SEEDS = 20
NEIGHBOURS = 20  # classes that a class is confused with


def readings(n_images: int, n_classes: int, seed: int = 0) -> tuple[IntArray, IntArray, IntArray]:
    """Return labels ``[N]`` and the predictions ``[S, N]`` of two arms; four fifths are right.

    Few images make most errors, and each class is confused with few others, as in real models.
    """
    rng = np.random.default_rng(seed)
    kind: Any = np.uint16 if n_classes > 256 else np.uint8
    labels_N: IntArray = np.sort(rng.integers(n_classes, size=n_images)).astype(kind)
    hard_N = rng.beta(0.3, 1.2, size=n_images).astype(np.float32)
    near_N3 = rng.integers(1, min(NEIGHBOURS, n_classes - 1) + 1, size=(n_images, 3))
    image_N = np.arange(n_images)
    arms = []
    for _ in "ba":
        preds_SN = np.empty((N_SEEDS, n_images), dtype=kind)
        for row_N in preds_SN:
            other_N = (labels_N + near_N3[image_N, rng.integers(3, size=n_images)]) % n_classes
            row_N[:] = np.where(rng.random(n_images, dtype=np.float32) < hard_N, other_N, labels_N)
        arms.append(preds_SN)
    return labels_N, arms[0], arms[1]


def obvious(
    labels_N: IntArray, before_SN: IntArray, after_SN: IntArray, n_classes: int
) -> dict[tuple[int, int], tuple[float, float]]:
    """Return effect and standard error of every cell that occurs, the way one would write it."""
    import statsmodels.api as sm
    from statsmodels.stats.multitest import multipletests

    found: dict[tuple[int, int], tuple[float, float]] = {}
    p_values = []
    for i in range(n_classes):
        own_N = labels_N == i
        before, after = before_SN[:, own_N], after_SN[:, own_N]
        groups = np.indices(before.shape).reshape(2, -1).T
        for j in range(n_classes):
            diff_SN = (after == j).astype(float) - (before == j).astype(float)
            if i == j or not ((after == j) | (before == j)).any():
                continue
            fit = sm.OLS(diff_SN.ravel(), np.ones(diff_SN.size)).fit(
                cov_type="cluster",
                cov_kwds={"groups": groups, "use_correction": False, "df_correction": False},
                use_t=False,
            )
            variance = max(float(fit.cov_params()[0, 0]), 1e-12)
            found[i, j] = float(fit.params[0]), variance**0.5
            p_values.append(fit.pvalues[0])
    multipletests(np.nan_to_num(p_values, nan=1.0), method="fdr_bh")
    return found


def ours(
    labels_N: IntArray, before_SN: IntArray, after_SN: IntArray, n_classes: int
) -> dict[tuple[int, int], tuple[float, float]]:
    """Return the same of every cell, as a verdict has it before it folds the many alike."""
    from misread.judge import Predictions, align
    from misread.judge.collateral import measure_collateral
    from misread.judge.items import MARGINS

    names = range(n_classes)
    before, after = (
        Predictions.from_arrays(labels_N, preds_SN, class_names=names)
        for preds_SN in (before_SN, after_SN)
    )
    scan = measure_collateral(align(before, after), [(0, 1)], margins=MARGINS, alpha=0.05)
    items = [item for item in scan.items if item.kind == "cell" and item.effect.se]
    return {
        (item.true, item.predicted): (item.effect.estimate, item.effect.se)
        for item in items
        if item.true is not None and item.predicted is not None and item.effect.se is not None
    }


def side_by_side(sizes: list[tuple[int, int]], repeats: int) -> list[list[Cell]]:
    """Time both in turn and return a row per size."""
    rows: list[list[Cell]] = []
    for n_images, n_classes in sizes:
        given = readings(n_images, n_classes)
        results: dict[str, dict[tuple[int, int], tuple[float, float]]] = {}

        def ours_again(given: Given = given, k: int = n_classes, out: Any = results) -> None:
            out["ours"] = ours(*given, k)

        def obvious_again(given: Given = given, k: int = n_classes, out: Any = results) -> None:
            out["obvious"] = obvious(*given, k)

        seconds = in_turn({"ours": ours_again, "obvious": obvious_again}, repeats)
        for cell, (estimate, _) in results["ours"].items():
            if abs(estimate - results["obvious"][cell][0]) > 1e-9:
                msg = f"cell {cell}: the two analyses disagree"
                raise SystemExit(msg)
        slow, fast = seconds["obvious"], seconds["ours"]
        times = [spread(slow), spread(fast), ratio(slow, fast)]
        rows.append([n_images, n_classes, len(results["ours"]), *times])
    return rows


def write_parquet(folder: Path, n_images: int, n_classes: int) -> list[Path]:
    """Write both arms in long form and return the paths."""
    labels_N, *arms = readings(n_images, n_classes)
    seed_R = np.repeat(np.arange(N_SEEDS, dtype=np.int64), n_images)
    id_R = np.tile(np.arange(n_images, dtype=np.int64), N_SEEDS)
    label_R = np.tile(labels_N.astype(np.int64), N_SEEDS)
    paths = []
    for name, preds_SN in zip(("before", "after"), arms, strict=True):
        columns = {
            "seed": seed_R,
            "id": id_R,
            "label": label_R,
            "prediction": preds_SN.astype(np.int64).ravel(),
        }
        paths.append(folder / f"{name}.parquet")
        pl.DataFrame(columns).write_parquet(paths[-1])
    return paths


def write_npz(folder: Path, n_images: int, n_classes: int) -> list[Path]:
    """Write both arms as NPZ and return the paths."""
    labels_N, *arms = readings(n_images, n_classes)
    paths = [folder / f"{name}.npz" for name in ("before", "after")]
    for path, preds_SN in zip(paths, arms, strict=True):
        np.savez(path, labels=labels_N, predictions=preds_SN)
    return paths


def whole_process(paths: list[Path]) -> tuple[float, float]:
    """Run `misread judge` and return its seconds and its peak memory in GiB."""
    command = [sys.executable, "-m", "misread", "judge", *map(str, paths), "--cell", "4:9"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"{' '.join(command)} ended with {process.returncode}"
        raise SystemExit(msg)
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, usage.ru_maxrss * unit / 2**30


def growth(sizes: list[int], n_classes: int, repeats: int) -> list[list[Cell]]:
    """Return a row per number of images and kind of file."""
    rows: list[list[Cell]] = []
    for n_images in sizes:
        for kind, write in (("Parquet", write_parquet), ("NPZ", write_npz)):
            with tempfile.TemporaryDirectory() as folder:
                paths = write(Path(folder), n_images, n_classes)
                tries = [whole_process(paths) for _ in range(repeats)]
            seconds, memory = zip(*tries, strict=True)
            per_million = float(np.median(seconds)) * 1e6 / n_images
            rows.append([n_images, n_classes, kind, spread(seconds), per_million, max(memory)])
    return rows


def main() -> None:
    """Measure and print, and write JSON where asked."""
    chosen = options(__doc__ or "")
    repeats = 1 if chosen.quick else 3
    compared = [(2_000, 10)] if chosen.quick else [(10_000, 10), (40_000, 30)]
    grown = [5_000] if chosen.quick else [125_000, 1_000_000]
    facts = machine("numpy", "scipy", "polars", "statsmodels")
    n = f"n = {repeats} per figure, in turn: median and range"
    tables = [
        Table(
            "All cells of a confusion matrix, with interval and test",
            n,
            ("images", "classes", "cells", "statsmodels, s", "misread, s", "ratio"),
            side_by_side(compared, repeats),
        )
    ]
    show(tables[0])
    tables.append(
        Table(
            "`misread judge` as a whole process",
            n.replace(", in turn", ""),
            ("images", "classes", "file", "s", "s per million images", "peak memory, GiB"),
            growth(grown, 1_000, repeats),
        )
    )
    show(tables[1])
    what = (
        f"Two arms of {N_SEEDS} seeds each. First: all cells of both arms by one verdict of ours, "
        "and by a loop over the cells with statsmodels (least squares, errors clustered by seed "
        "and image); their effects agree. Then: how the command grows with images."
    )
    finish(chosen, "The judge on many images and classes", what, tables, facts)


if __name__ == "__main__":
    main()
