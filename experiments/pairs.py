"""Write docs/results/pairs.md: the studies of other pairs, and why their policies are so.

    misread run two-seven
    misread run three-five
    python experiments/pairs.py runs/two-seven runs/three-five

Every number comes from the folders: the verdicts in both directions, and from the baseline's
readings of *select* what the misread images look like beside the others of their class. The page
is written from `pairs.md.j2`, with a figure for each study, `pairs.json` (whose images they are),
and the readings of *confirm* of every arm, so that anyone can judge them again.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import numpy.typing as npt
from scipy import stats

from misread import wording
from misread.data.dataset import Dataset
from misread.files import write_arrays, write_atomic, write_json
from misread.images.operations import OPERATIONS
from misread.images.shape import MEASURES, shapes
from misread.judge import CellResult, Item, Verdict
from misread.judge.effects import benjamini_hochberg
from misread.show import style, words
from misread.study.evidence import Evidence, load_evidence

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
SHOWN = 12  # images in a row of the figure
_SIZE, _LEFT = 0.62, 2.0  # inches


class Difference(NamedTuple):
    """How the misread images of a class differ from all of it, in one measure.

    Means of the misread images, of their class, and of the class that they are read as; their
    distance from their class in its standard deviations; and the q-value over all measures of the
    cell (Mann & Whitney 1947, Benjamini & Hochberg 1995).
    """

    title: str
    unit: str
    misread: float
    own: float
    other: float
    distance: float
    q_value: float


def foot_px(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return how wide the lowest fifth of the ink is, `[N]` in px; ink is at least half bright."""
    widths = []
    for ink in images >= 128:
        lines = np.flatnonzero(ink.any(axis=1))
        height = lines[-1] + 1 - lines[0]
        columns = np.flatnonzero(ink[lines[-1] + 1 - max(1, round(height / 5)) :].any(axis=0))
        widths.append(columns[-1] + 1 - columns[0] if columns.size else 0)
    return np.array(widths, dtype=np.float64)


def measured(images: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float64]]:
    """Return every measure of shape, and the width of the foot."""
    return shapes(images) | {"foot_px": foot_px(images)}


TITLES = {name: (measure.title, measure.unit) for name, measure in MEASURES.items()} | {
    "foot_px": ("width of the lowest fifth", "px")
}


def differences(
    train: Dataset, ids: list[int], true: int, predicted: int, known: dict[int, dict[str, Any]]
) -> list[Difference]:
    """Return the measures in which the misread images differ from their class, surest first."""
    misread = measured(train.images[ids])
    for label in (true, predicted):
        if label not in known:
            known[label] = measured(train.images[train.labels_N == label])
    own, other = known[true], known[predicted]
    p_values = [stats.mannwhitneyu(misread[name], own[name]).pvalue for name in TITLES]
    found = [
        Difference(
            *TITLES[name],
            misread=float(misread[name].mean()),
            own=float(own[name].mean()),
            other=float(other[name].mean()),
            distance=float((misread[name].mean() - own[name].mean()) / own[name].std()),
            q_value=q_value,
        )
        for name, q_value in zip(TITLES, benjamini_hochberg(p_values), strict=True)
    ]
    return sorted(found, key=lambda each: each.q_value)


def misread_on_select(evidence: Evidence, true: int, predicted: int) -> list[int]:
    """Return the training images so misread by the baseline on *select*, the most often first."""
    cell = next(
        c for c in evidence.errors["cells"] if (c["true"], c["predicted"]) == (true, predicted)
    )
    return [n for n, _ in Counter(image["id"] for image in cell["images"]).most_common()]


@style.styled
def figure(evidence: Evidence, misread: dict[tuple[int, int], list[int]]) -> bytes:
    """Return a picture of both directions: misread, usual, and usual under the operations."""
    train, names = evidence.train, evidence.train.class_names
    policy = evidence.plan.policies[evidence.treated_arms[0]]
    assert policy is not None  # noqa: S101  treated arms have one
    rows: list[tuple[str, str, npt.NDArray[np.uint8]]] = []
    for (true, predicted), ids in misread.items():
        usual = train.images[np.flatnonzero(train.labels_N == true)[:SHOWN]]
        told = f"{len(ids)} images on select"
        pair = f"{names[true]} read as {names[predicted]}"
        rows.append((pair, told, train.images[ids[:SHOWN]]))
        rows.append((f"other {words.plural(names[true])}", "as they are", usual))
        for operation in policy.operations.get(true, ()):
            largest = policy.size_px[1]
            done = OPERATIONS[operation](usual, largest)
            rows.append(("the same", words.treated(operation, largest), done))
    sheet = style.Sheet(
        _LEFT + SHOWN * (_SIZE + 0.06) + 0.4,
        len(rows) * (_SIZE + 0.16) + 0.2,
        f"{evidence.plan.study.title}, and the reverse: what is misread, and what the policy does",
        "Misread by the baseline on select, beside others of the class, as they are and treated.",
    )
    for number, (title, told, images) in enumerate(rows):
        down = number * (_SIZE + 0.16)
        bold = " read as " in title
        sheet.text(0.3, down + 0.08, title, fontweight="bold" if bold else "normal")
        sheet.text(0.3, down + 0.32, told, fontsize=9, color=style.MUTED)
        for place, image in enumerate(images):
            sheet.image(_LEFT + place * (_SIZE + 0.06), down, _SIZE, image)
    return style.png(sheet.figure)


def cell_row(cell: CellResult) -> tuple[str, str, str]:
    """Return errors a seed before and after, their change with its interval, and p after Holm."""
    change = words.images(cell.effect.estimate * cell.n_images, sign=True)
    return (
        f"{words.images(cell.before_images)} → {words.images(cell.after_images)}",
        f"{change} ({words.interval(cell.effect, cell.n_images)})",
        words.p_number(cell.p_holm),
    )


def went(cell: CellResult, verdict: Verdict) -> str:
    """Return in a few words what is shown of a direction."""
    if cell.shrank(verdict.alpha):
        return "falls"
    if cell.grew(verdict.alpha):
        return "rises"
    return "is not shown to change"


def harm_told(item: Item) -> str:
    """Return an item of collateral, from which rate to which."""
    return f"{item.name} ({words.percent(item.before)} → {words.percent(item.after)})"


def harmed(verdict: Verdict) -> list[str]:
    """Return what was harmed, the worst first."""
    items = [item for item in verdict.collateral if item.status == "harmed"]
    return [harm_told(item) for item in sorted(items, key=lambda item: -item.effect.estimate)]


def taught(verdict: Verdict) -> str:
    """Return what fell the most in the counter-slices: what the treatment taught for certain."""
    fallen = [
        item
        for item in verdict.collateral
        if item.kind == "slice" and item.predicted is not None and item.effect.high < 0
    ]
    return harm_told(min(fallen, key=lambda item: item.effect.estimate)) if fallen else ""


def of_study(folder: Path, known: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Return all that the page says of a study; writes its figure and its readings."""
    evidence = load_evidence(folder)
    plan, names = evidence.plan, evidence.train.class_names
    name = plan.study.name
    misread = {cell: misread_on_select(evidence, *cell) for cell in plan.cells}
    write_atomic(RESULTS / "pairs" / f"{name}.png", figure(evidence, misread))
    writers_N = evidence.confirm.groups_N
    write_arrays(
        RESULTS / "pairs" / f"{name}-readings.npz",
        {
            "labels": evidence.confirm.labels_N.astype(np.uint8),
            **({} if writers_N is None else {"groups": writers_N.astype(np.int16)}),
            "seeds": np.array(evidence.seeds),
            **evidence.predictions,
        },
    )
    cell_names = [words.cell_name(evidence, *cell) for cell in plan.cells]
    verdicts = evidence.verdicts
    return {
        "name": name,
        "title": plan.study.title,
        "question": plan.study.question,
        "exploratory": plan.exploratory,
        "n_seeds": len(evidence.seeds),
        "target": "{}:{}".format(*plan.target),
        "reverse": "{}:{}".format(*plan.target[::-1]),
        "cells": cell_names,
        "argument": {
            title: {
                "images": ids,
                "true": names[cell[0]],
                "predicted": names[cell[1]],
                "differences": differences(evidence.train, ids, *cell, known),
            }
            for title, (cell, ids) in zip(cell_names, misread.items(), strict=True)
        },
        "select": [evidence.shrinkage(*cell).sentence for cell in plan.cells],
        "baseline": {
            "accuracy": words.percent(words.mean_accuracy(evidence, "baseline")),
            "errors": [words.images(c.before_images) for c in next(iter(verdicts.values())).cells],
        },
        "arms": {
            arm: {
                "verdict": verdict.verdict,
                "qualifier": verdict.qualifier,
                "reason": verdict.reason,
                "accuracy": words.percent(words.mean_accuracy(evidence, arm)),
                "cells": [cell_row(cell) for cell in verdict.cells],
                "went": [went(cell, verdict) for cell in verdict.cells],
                "harmed": harmed(verdict),
                "taught": taught(verdict),
                "counts": (verdict.n_harmed, verdict.n_undetermined, verdict.n_safe),
            }
            for arm, verdict in verdicts.items()
        },
        "policy": {
            arm: words.arm_description(evidence, arm)
            for arm, policy in plan.policies.items()
            if policy is not None
        },
    }


def main() -> None:
    """Write the page, its figures and its numbers for the folders named on the command line."""
    if len(sys.argv) < 2:
        sys.exit("usage: python experiments/pairs.py STUDY_FOLDER…")
    (RESULTS / "pairs").mkdir(parents=True, exist_ok=True)
    known: dict[int, dict[str, Any]] = {}
    studies = [of_study(Path(folder), known) for folder in sys.argv[1:]]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    environment.globals |= {
        "listed": wording.listed,
        "p_number": words.p_number,
        "number": wording.number,
    }
    fell = any("falls" in arm["went"] for each in studies for arm in each["arms"].values())
    page = environment.get_template("pairs.md.j2").render(studies=studies, fell=fell)
    write_atomic(RESULTS / "pairs.md", page.encode())
    write_json(
        RESULTS / "pairs.json",
        {
            each["name"]: {
                "n_seeds": each["n_seeds"],
                "argument": {
                    title: {"images": sorted(argued["images"])}
                    for title, argued in each["argument"].items()
                },
            }
            for each in studies
        },
    )
    print("Written: docs/results/pairs.md, pairs.json, its figures and readings.")


if __name__ == "__main__":
    main()
