"""How the judge grows with images and classes, against the same analysis written the obvious way.

Measured on 2026-11-22, two x86-64 cores shared with other work, Python 3.11.7, numpy 2.4.6, polars
2.1.0, statsmodels 0.15.0, 20 seeds an arm, n = 3 a figure (median):

- 10,000 images, 10 classes: 0.08 s against 3.8 s, a ratio of 50 (3 to 65 over three pairs; in the
  first one ours loads scipy);
- 40,000 images, 30 classes: 0.26 s against 50 s, a ratio of 250 (187 to 269);
- `misread judge` as a whole process on 1,000,000 images of 1,000 classes: 27 s and 1.1 GiB from
  Parquet, 9 s and 1.1 GiB from NPZ; on 125,000 images 2.9 and 2.0 s. A million images took 23 s at
  an eighth of them and 27 s at all (Parquet), 16 and 9 s (NPZ): linear, with a start that weighs
  less and less.

Run it again: `python benchmarks/judge_scaling.py` (about ten minutes; `--quick` for two).

1. *Side by side*: both analyses of all K(K−1) cells on the same arrays, in turn, in one run: ours,
   and a loop over the cells with numpy and statsmodels (ordinary least squares on an intercept, its
   covariance clustered by seed and image, Benjamini–Hochberg). Effects must agree.
2. *Whole processes*: `misread judge` from Parquet with more and more images: seconds, peak memory.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

IntArray = npt.NDArray[Any]
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
    import statsmodels.api as sm  # noqa: PLC0415  only here
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415

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
    """Return the same of every cell, from one verdict."""
    from misread.judge import judge  # noqa: PLC0415

    verdict = judge(labels_N, before_SN, after_SN, cells=[(0, 1)], n_classes=n_classes)
    items = [item for item in verdict.collateral if item.kind == "cell" and item.effect.se]
    return {
        (item.true, item.predicted): (item.effect.estimate, item.effect.se)
        for item in items
        if item.true is not None and item.predicted is not None and item.effect.se is not None
    }


def side_by_side(sizes: list[tuple[int, int]], repeats: int) -> list[dict[str, Any]]:
    """Time both in turn and return a row per size: median seconds, and the range of the ratio."""
    rows = []
    for n_images, n_classes in sizes:
        given = readings(n_images, n_classes)
        seconds: dict[str, list[float]] = {"ours": [], "obvious": []}
        results = {}
        for _ in range(repeats):
            for name, analyse in (("ours", ours), ("obvious", obvious)):
                start = time.perf_counter()
                results[name] = analyse(*given, n_classes)
                seconds[name].append(time.perf_counter() - start)
        for cell, (estimate, _) in results["ours"].items():
            if abs(estimate - results["obvious"][cell][0]) > 1e-9:
                msg = f"cell {cell}: the two analyses disagree"
                raise SystemExit(msg)
        ratios = np.divide(seconds["obvious"], seconds["ours"])
        rows.append(
            {
                "images": n_images,
                "classes": n_classes,
                "cells": len(results["ours"]),
                "ours_seconds": float(np.median(seconds["ours"])),
                "obvious_seconds": float(np.median(seconds["obvious"])),
                "ratio": float(np.median(ratios)),
                "ratio_low": float(ratios.min()),
                "ratio_high": float(ratios.max()),
            }
        )
        tell(rows[-1])
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


def growth(sizes: list[int], n_classes: int, repeats: int) -> list[dict[str, Any]]:
    """Return a row per number of images and kind of file."""
    rows = []
    for n_images in sizes:
        for kind, write in (("parquet", write_parquet), ("npz", write_npz)):
            with tempfile.TemporaryDirectory() as folder:
                # Written by a process of its own, so that this one stays small.
                paths = write(Path(folder), n_images, n_classes)
                tries = [whole_process(paths) for _ in range(repeats)]
            seconds, memory = zip(*tries, strict=True)
            rows.append(
                {
                    "images": n_images,
                    "classes": n_classes,
                    "file": kind,
                    "seconds": float(np.median(seconds)),
                    "peak_gib": max(memory),
                    "seconds_per_million": float(np.median(seconds)) * 1e6 / n_images,
                }
            )
            tell(rows[-1])
    return rows


def tell(row: dict[str, Any]) -> None:
    """Print one row as it is measured."""
    print(
        ", ".join(f"{k} {v:,.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
    )


def main() -> None:
    """Measure and print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller sizes, one repeat")
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    options = parser.parse_args()
    repeats = 1 if options.quick else 3
    compared = [(10_000, 10), (20_000, 30)] if options.quick else [(10_000, 10), (40_000, 30)]
    grown = [50_000, 100_000] if options.quick else [125_000, 250_000, 500_000, 1_000_000]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    result = {
        "side_by_side": side_by_side(compared, repeats),
        "growth": growth(grown, 1_000, repeats),
    }
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
