"""Write docs/recipes.md: what each recipe costs and what its baseline reads, in studies that ran.

    python experiments/recipes.py runs/four-nine-documented runs/four-nine-quick …

Every baseline model of these studies of MNIST is loaded and reads thinned and thickened fours and
nines, and USPS where `../shared/data` has it. Every number comes from the studies' folders and from
these readings.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
import scipy.stats

from misread.data.dataset import Dataset
from misread.data.sources import load
from misread.files import read_arrays, read_json, write_atomic
from misread.images.operations import OPERATIONS
from misread.judge import Predictions, Verdict, judge
from misread.learn import train
from misread.learn.recipe import Recipe
from misread.store import RunFolder
from misread.study.evidence import load_evidence
from misread.study.plan import load_plan
from misread.study.study import BASELINE
from misread.study.transfer import unseen
from misread.wording import interval, number, p_value
from misread.workers.machine import thread_environment

ROOT = Path(__file__).resolve().parent.parent
USPS = ROOT.parent / "shared" / "data" / "usps" / "usps.h5"
# Products of the CNN per image: convolutions on 28×28 and 14×14, two dense layers. A training step
# takes three such products of each layer, and for the first one two.
PRODUCTS = (9 * 32 * 28 * 28, 9 * 32 * 64 * 14 * 14, 3136 * 128, 128 * 10)
MFLOP = 2 * (3 * sum(PRODUCTS) - PRODUCTS[0]) / 1e6
N_FIT = 54_000
# A seven-layer Keras CNN, 30 epochs: mean and sd of accuracy over how many trainings.
PUBLISHED = (0.9964, 0.0005, 100)
MAJORITY = 10  # seeds that vote; of two classes with equal votes the lower one is read
SLICES = (("erode", 4, 9), ("dilate", 9, 4), ("dilate", 4, 9), ("erode", 9, 4))


Read = npt.NDArray[np.integer]


@dataclass
class Measured:
    """What the baseline of one recipe read, a value per seed in every list."""

    recipe: Recipe
    accuracy: list[float] = field(default_factory=list)
    select: list[float] = field(default_factory=list)
    cells: dict[str, list[int]] = field(default_factory=lambda: {"4→9": [], "9→4": []})
    slices: dict[str, list[int]] = field(default_factory=dict)
    usps: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    disputed: list[int] = field(default_factory=list)
    majority: float = 0.0
    read: list[Read] = field(default_factory=list)
    read_slices: dict[str, list[Read]] = field(default_factory=dict)

    @property
    def tflop(self) -> float:
        """Multiplications and additions of a run's training steps, in 10¹²."""
        return self.recipe.epochs * N_FIT * MFLOP / 1e6


def main() -> None:
    """Read, and write the page."""
    if len(sys.argv) < 2:
        sys.exit("usage: python experiments/recipes.py STUDY_FOLDER...")
    train.set_up_backend()
    _, confirm = load("mnist")
    usps = unseen("mnist", f"h5:{USPS}") if USPS.exists() else None
    found: dict[str, Measured] = {}
    answers: dict[str, dict[str, str]] = {}
    for folder in map(Path, sys.argv[1:]):
        study = load_plan(folder).study
        if study.treated_arms:
            verdicts = load_evidence(folder).verdicts
            answers[study.recipe_name] = {arm: answer(own) for arm, own in verdicts.items()}
        measured = found.setdefault(study.recipe_name, Measured(study.recipe))
        for seed in study.seeds:
            add(measured, RunFolder(folder, BASELINE, seed), confirm, usps)
            print(f"{study.recipe_name} seed {seed}: {measured.accuracy[-1]:.2%}", flush=True)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    page = environment.get_template("recipes.md.j2").render(
        recipes={name: told(own, found) for name, own in found.items()},
        slices=[slice_name(*each) for each in SLICES],
        answers=answers,
        against=against(found["quick"], found["strong"], confirm) if "strong" in found else "",
        published=against_published(found["strong"].accuracy) if "strong" in found else "",
        arms=list(next(iter(answers.values()), {})),
        mflop=f"{MFLOP:.1f}",
        usps=None if usps is None else f"{len(usps):,}",
        command="python experiments/recipes.py " + " ".join(sys.argv[1:]),
    )
    write_atomic(ROOT / "docs" / "recipes.md", page.encode())
    print("Written: docs/recipes.md.")


def add(measured: Measured, run: RunFolder, confirm: Dataset, usps: Dataset | None) -> None:
    """Read with one model, and add what it gives."""
    model = train.load(run.model)
    stored = read_arrays(run.path / "predictions.npz")
    read_N, labels_N = stored["predictions"][0], stored["labels"]
    measured.read.append(read_N)
    wrong_N = read_N != labels_N
    measured.accuracy.append(float(1 - wrong_N.mean()))
    measured.wrong.append(int(wrong_N.sum()))
    if confirm.disputed_N is not None:
        measured.disputed.append(int((wrong_N & confirm.disputed_N).sum()))
    if len(measured.read) == MAJORITY:
        votes_NK = sum(np.eye(confirm.n_classes)[own_N] for own_N in measured.read)
        measured.majority = float((np.argmax(votes_NK, axis=1) == labels_N).mean())
    select = read_arrays(run.path / "select.npz")
    measured.select.append(float((select["predictions"][0] == select["labels"]).mean()))
    for true, read in ((4, 9), (9, 4)):
        hit = (labels_N == true) & (read_N == read)
        measured.cells[f"{true}→{read}"].append(int(hit.sum()))
    for operation, true, other in SLICES:
        images = OPERATIONS[operation](confirm.images[confirm.labels_N == true], 2)
        read_M = train.read(model, images).argmax(axis=1)
        name = slice_name(operation, true, other)
        measured.slices.setdefault(name, []).append(int((read_M == other).sum()))
        measured.read_slices.setdefault(name, []).append(read_M)
    if usps is not None:
        read_M = train.read(model, usps.images).argmax(axis=1)
        measured.usps.append(float((read_M == usps.labels_N).mean()))
    took = read_json(run.path / "environment.json")
    if "epoch_cpu_seconds" in took:  # older runs did not take it down
        measured.cpu_seconds.append(sum(took["epoch_cpu_seconds"]))


def slice_name(operation: str, true: int, other: int) -> str:
    """Return what a slice is, for people."""
    kind = {"erode": "thin", "dilate": "thick"}[operation]
    return f"{kind} {true}→{other}"


def told(own: Measured, every: dict[str, Measured]) -> dict[str, Any]:
    """Return a recipe's cells of the page."""
    n = len(own.accuracy)
    mean, deviation = float(np.mean(own.accuracy)), float(np.std(own.accuracy, ddof=1))
    half = float(scipy.stats.t.ppf(0.975, n - 1)) * deviation / np.sqrt(n)
    most = max(each.tflop for name, each in every.items() if name == "documented")
    return {
        "n": n,
        "settings": settings(own.recipe),
        "epochs": own.recipe.epochs,
        "tflop": number(own.tflop),
        "share": f"{own.tflop / most:.2f}",
        "cpu": number(float(np.median(own.cpu_seconds))) if own.cpu_seconds else "not taken down",
        "accuracy": f"{mean:.3%} ± {deviation:.3%}".replace("% ±", " ±"),
        "interval": f"{mean - half:.3%} to {mean + half:.3%}".replace("% to", " to"),
        "majority": f"{own.majority:.2%}" if own.majority else "fewer seeds",
        "wrong": f"{np.mean(own.wrong):.1f}",
        "disputed": f"{np.mean(own.disputed):.1f}",
        "select": f"{np.mean(own.select):.2%}",
        **{name: spread(values) for name, values in (own.cells | own.slices).items()},
        "usps": f"{np.mean(own.usps):.2%}" if own.usps else "",
    }


def answer(verdict: Verdict) -> str:
    """Return a verdict with the errors before and after, and what it harmed."""
    cell = verdict.cells[0]
    harmed = [item.name for item in verdict.collateral if item.status == "harmed"]
    broke = f"; harmed: {', '.join(harmed)}" if harmed else ""
    return (
        f"{verdict.verdict}, {number(cell.before_images)} → {number(cell.after_images)} "
        f"({p_value(cell.p_holm)}){broke}"
    )


def against(quick: Measured, strong: Measured, confirm: Dataset) -> str:
    """Return what the judge says of strong against quick, in 4→9 and in the slices."""

    def side(read: list[Any], own_N: Any = slice(None)) -> Predictions:
        groups_N = None if confirm.groups_N is None else confirm.groups_N[own_N]
        return Predictions.from_arrays(
            confirm.labels_N[own_N],
            np.stack(read),
            class_names=confirm.class_names,
            groups=groups_N,
        )

    verdict = judge(side(quick.read), side(strong.read), cells=[(4, 9)], paired=False)
    parts = [sentence("4→9", verdict)]
    for operation, true, other in SLICES:
        own_N = confirm.labels_N == true
        name = slice_name(operation, true, other)
        own = judge(
            side(quick.read_slices[name], own_N),
            side(strong.read_slices[name], own_N),
            cells=[(true, other)],
            paired=False,
        )
        parts.append(sentence(name, own))
    return "; ".join(parts)


def sentence(name: str, verdict: Verdict) -> str:
    """Return how an error differs, as in "4→9 5.4 → 1.5 (−5.0 to −2.8, p = .001)"."""
    cell = verdict.cells[0]
    effect, n = cell.effect, cell.n_images
    return (
        f"{name} {number(cell.before_images)} → {number(cell.after_images)} "
        f"({interval(effect, n)}, {p_value(effect.p_value)})"
    )


def against_published(accuracy: list[float]) -> str:
    """Return the difference from the published accuracy, by Welch's t over trainings."""
    mean, sd, n = PUBLISHED
    own = (float(np.mean(accuracy)), float(np.std(accuracy, ddof=1)), len(accuracy))
    variance, other = own[1] ** 2 / own[2], sd**2 / n
    df = (variance + other) ** 2 / (variance**2 / (own[2] - 1) + other**2 / (n - 1))
    half = float(scipy.stats.t.ppf(0.975, df)) * np.sqrt(variance + other)
    difference = own[0] - mean
    p = scipy.stats.ttest_ind_from_stats(*own, *PUBLISHED, equal_var=False).pvalue
    low, high = (number(100 * (difference + end), decimals=3, sign=True) for end in (-half, half))
    told = number(100 * difference, decimals=3, sign=True)
    return f"{told} points ({low} to {high}, {p_value(float(p))})"


def settings(recipe: Recipe) -> str:
    """Return what a recipe says, in words."""
    augment = recipe.augment.model_dump(exclude_defaults=True) if recipe.augment else {}
    parts = [
        f"batches of {recipe.batch_size}",
        f"learning rate {recipe.learning_rate:g}, {recipe.schedule}",
        f"dropout {recipe.dropout:g}",
        *([f"label smoothing {recipe.label_smoothing:g}"] if recipe.label_smoothing else []),
        *(f"{name.replace('_', ' ')} {value:g}" for name, value in augment.items()),
    ]
    return "; ".join(parts)


def spread(values: list[int]) -> str:
    """Return mean and range, as in "4.7 (3 to 7)"."""
    return f"{np.mean(values):.1f} ({min(values)} to {max(values)})"


if __name__ == "__main__":
    import os

    os.environ |= thread_environment()
    main()
