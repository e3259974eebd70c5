"""What does each recipe of the CNN cost, and what does its baseline read? For docs/recipes.md.

    python experiments/recipes.py runs/four-nine-documented runs/four-nine-quick …  (ten minutes)

Every baseline model of these studies of MNIST is loaded and reads thinned and thickened fours and
nines, and USPS where `../shared/data` has it. Every number comes from the studies' folders and from
these readings.
"""

import os
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.stats
from shared import DOCS, ROOT, asked, table, write_block

from misread.data.dataset import Dataset
from misread.files import read_arrays, read_json
from misread.images.operations import OPERATIONS
from misread.judge import Predictions, Verdict, judge
from misread.learn import reader, train
from misread.learn.recipe import RECIPES, Recipe
from misread.learn.views import load_parts, unseen
from misread.store import RunFolder
from misread.study.arms import BASELINE
from misread.study.evidence import load_evidence
from misread.study.plan import load_plan
from misread.wording import interval, number, p_value
from misread.workers.machine import thread_environment

USPS = ROOT.parent / "shared" / "data" / "usps" / "usps.h5"
# Products of the CNN per image: convolutions on 28×28 and 14×14, two dense layers. A training step
# takes three such products of each layer, and for the first one two.
PRODUCTS = (9 * 32 * 28 * 28, 9 * 32 * 64 * 14 * 14, 3136 * 128, 128 * 10)
MFLOP = 2 * (3 * sum(PRODUCTS) - PRODUCTS[0]) / 1e6
N_FIT = 54_000
# A seven-layer Keras CNN, 30 epochs: mean and sd of accuracy over how many trainings.
PUBLISHED = (0.9964, 0.0005, 100)
MAJORITY = 10  # seeds that vote; of two classes with equal votes the lower one is read
# Fours and nines of the test set after an operation by 2 px: name, operation, class, read as.
VIEWS = (
    ("thin 4→9", "erode", 4, 9),
    ("thick 9→4", "dilate", 9, 4),
    ("thick 4→9", "dilate", 4, 9),
    ("thin 9→4", "erode", 9, 4),
)
ABOUT = f"""\
- A training step takes {MFLOP:.1f} million multiplications and additions per image; reading and
  augmentation are not counted.
- Processor seconds depend on the machine and on what else it does; a ratio measured side by side
  stands in the [benchmarks](benchmarks.md#time-to-accuracy).
- *Thin* and *thick* are all fours and nines of the test set after erosion and dilation by 2 px;
  ranges are the smallest and the largest seed.
- The documented runs were trained by Keras' own `fit`, before the CNN had a step of its own.
- USPS is brought to MNIST's convention ([does the fix carry over?](results/transfer.md))."""

Read = npt.NDArray[np.integer]


@dataclass
class Baseline:
    """What the baseline models of one recipe read, an entry per seed: confirm, views, select."""

    recipe: Recipe
    read: list[Read] = field(default_factory=list)
    views: dict[str, list[Read]] = field(default_factory=dict)
    select: list[float] = field(default_factory=list)
    usps: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def add(self, run: RunFolder, confirm: Dataset, usps: Dataset | None) -> None:
        """Read with one model, and take what its folder has."""
        model = reader.load(run.path / "model.keras")
        self.read.append(run.predictions()["predictions"][0])
        select = read_arrays(run.path / "select.npz")
        self.select.append(float((select["predictions"][0] == select["labels"]).mean()))
        for name, operation, true, _ in VIEWS:
            images = OPERATIONS[operation](confirm.images[confirm.labels_N == true], 2)
            self.views.setdefault(name, []).append(reader.read(model, images).argmax(axis=1))
        if usps is not None:
            read_M = reader.read(model, usps.images).argmax(axis=1)
            self.usps.append(float((read_M == usps.labels_N).mean()))
        took = read_json(run.path / "environment.json")
        if "epoch_cpu_seconds" in took:  # older runs did not take it down
            self.cpu_seconds.append(sum(took["epoch_cpu_seconds"]))

    def accuracy(self, confirm: Dataset) -> list[float]:
        """Return the accuracy on *confirm* of each seed."""
        return [float((read_N == confirm.labels_N).mean()) for read_N in self.read]


def main() -> None:
    """Read, and write the page."""
    folders = asked(__doc__, folders=True).folders
    train.set_up_backend()
    study = load_plan(folders[0]).study
    confirm = load_parts(study.dataset, study.sizes["confirm_size"]).confirm
    usps = unseen("mnist", f"h5:{USPS}") if USPS.exists() else None
    recipes: dict[str, Baseline] = {}
    answers: dict[str, dict[str, str]] = {}
    for folder in folders:
        study = load_plan(folder).study
        if study.treated_arms:
            verdicts = load_evidence(folder).verdicts
            answers[study.recipe_name] = {arm: answer(verdict) for arm, verdict in verdicts.items()}
        baseline = recipes.setdefault(
            study.recipe_name, Baseline(study.arms[BASELINE].recipe or RECIPES[study.recipe_name])
        )
        for seed in study.seeds:
            baseline.add(RunFolder(folder, BASELINE, seed), confirm, usps)
            print(f"{study.recipe_name} seed {seed}", flush=True)
    columns = {name: column(one, confirm) for name, one in recipes.items()}
    heads = next(iter(columns.values()))
    write_block(
        DOCS / "recipes.md",
        table(("", *columns), ([h, *(c[h] for c in columns.values())] for h in heads)),
        "\n".join(filter(None, [ABOUT, remarks(recipes, confirm)])),
        "## The same question with each recipe",
        "Does the treatment reduce 4→9? Errors per seed, before → after.",
        table(
            ("arm", *answers),
            (
                [arm, *(column[arm] for column in answers.values())]
                for arm in next(iter(answers.values()), {})
            ),
        ),
    )


def column(one: Baseline, confirm: Dataset) -> dict[str, str]:
    """Return a recipe's column of the table."""
    accuracy, labels_N = one.accuracy(confirm), confirm.labels_N
    n, mean, sd = len(accuracy), float(np.mean(accuracy)), float(np.std(accuracy, ddof=1))
    half = float(scipy.stats.t.ppf(0.975, n - 1)) * sd / np.sqrt(n)
    tflop = one.recipe.epochs * N_FIT * MFLOP / 1e6
    wrong = [read_N != labels_N for read_N in one.read]
    votes_NK = sum(np.eye(confirm.n_classes)[read_N] for read_N in one.read[:MAJORITY])
    vote = f"{(np.argmax(votes_NK, axis=1) == labels_N).mean():.2%}"
    disputed = [(hit_N & confirm.disputed_N).sum() for hit_N in wrong]
    cells = {
        "epochs": str(one.recipe.epochs),
        "settings": settings(one.recipe),
        "training, TFLOP a run": number(tflop),
        "processor seconds a run (median)": number(float(np.median(one.cpu_seconds)))
        if one.cpu_seconds
        else "not taken down",
        "seeds": str(n),
        "accuracy on the test set, mean ± sd over seeds": f"{100 * mean:.3f} ± {100 * sd:.3f}%",
        "95% interval of that mean, over seeds": f"{100 * (mean - half):.3f} to {mean + half:.3%}",
        "accuracy of ten seeds by majority": vote if n >= MAJORITY else "fewer seeds",
        "errors a seed": f"{np.mean([hit_N.sum() for hit_N in wrong]):.1f}",
        "of them on disputed images": f"{np.mean(disputed):.1f}",
        "accuracy on *select*": f"{np.mean(one.select):.2%}",
    }
    for true, other in ((4, 9), (9, 4)):
        fours_N = labels_N == true
        hits = [int((read_N[fours_N] == other).sum()) for read_N in one.read]
        cells[f"{true}→{other} errors a seed, of {fours_N.sum():,}"] = spread(hits)
    for name, _, _, other in VIEWS:
        cells[f"{name}, a seed"] = spread([int((r_M == other).sum()) for r_M in one.views[name]])
    if one.usps:
        cells["accuracy on USPS"] = f"{np.mean(one.usps):.2%}"
    return cells


def spread(values: list[int]) -> str:
    """Return mean and range, as in "4.7 (3 to 7)"."""
    return f"{np.mean(values):.1f} ({min(values)} to {max(values)})"


def settings(recipe: Recipe) -> str:
    """Return what a recipe says, in words."""
    augment = recipe.augment.model_dump(exclude_defaults=True) if recipe.augment else {}
    smoothing = recipe.label_smoothing
    parts = [
        f"batches of {recipe.batch_size}",
        f"learning rate {recipe.learning_rate:g}, {recipe.schedule}",
        f"dropout {recipe.dropout:g}",
        *([f"label smoothing {smoothing:g}"] if smoothing else []),
        *(f"{name.replace('_', ' ')} {value:g}" for name, value in augment.items()),
    ]
    return "; ".join(parts)


def answer(verdict: Verdict) -> str:
    """Return a verdict with the errors before and after, and what it harmed."""
    cell = verdict.cells[0]
    harmed = [item.name for item in verdict.collateral if item.status == "harmed"]
    broke = f"; harmed: {', '.join(harmed)}" if harmed else ""
    return (
        f"{verdict.verdict}, {number(cell.before_images)} → {number(cell.after_images)} "
        f"({p_value(cell.p_holm)}){broke}"
    )


def remarks(recipes: dict[str, Baseline], confirm: Dataset) -> str:
    """Return what is told of the recipe `strong`, where it is there."""
    if not {"quick", "strong"} <= recipes.keys():
        return ""
    quick, strong = recipes["quick"], recipes["strong"]
    whole = np.ones(len(confirm), dtype=bool)
    parts = [against("4→9", (4, 9), confirm, whole, quick.read, strong.read)]
    for name, _, true, other in VIEWS:
        part_N = confirm.labels_N == true
        sides = quick.views[name], strong.views[name]
        parts.append(against(name, (true, other), confirm, part_N, *sides))
    mean, sd, n = PUBLISHED
    published = against_published(strong.accuracy(confirm))
    return (
        f"- **strong** against the best that we know to be published of a Keras CNN ({n} trainings "
        f"of seven layers, 30 epochs: {100 * mean:.2f} ± {sd:.2%}): {published}, by Welch's t.\n"
        "- **strong against quick**, by the judge, over unpaired seeds, writers and images, a "
        f"seed: {'; '.join(parts)}."
    )


def against(
    name: str,
    cell: tuple[int, int],
    confirm: Dataset,
    part_N: npt.NDArray[np.bool_],
    *sides: list[Read],
) -> str:
    """Return how an error differs, as in "4→9 5.4 → 1.5 (−5.0 to −2.8, p = .001)"."""
    groups_N = None if confirm.groups_N is None else confirm.groups_N[part_N]
    before, after = (
        Predictions.from_arrays(
            confirm.labels_N[part_N],
            np.stack(read),
            class_names=confirm.class_names,
            groups=groups_N,
        )
        for read in sides
    )
    verdict = judge(before, after, cells=[cell], paired=False)
    result = verdict.cells[0]
    change = f"{interval(result.effect, result.n_images)}, {p_value(result.effect.p_value)}"
    return f"{name} {number(result.before_images)} → {number(result.after_images)} ({change})"


def against_published(accuracy: list[float]) -> str:
    """Return the difference from the published accuracy, by Welch's t over trainings."""
    mean, sd, n = PUBLISHED
    ours = (float(np.mean(accuracy)), float(np.std(accuracy, ddof=1)), len(accuracy))
    variance, other = ours[1] ** 2 / ours[2], sd**2 / n
    df = (variance + other) ** 2 / (variance**2 / (ours[2] - 1) + other**2 / (n - 1))
    half = float(scipy.stats.t.ppf(0.975, df)) * np.sqrt(variance + other)
    p = scipy.stats.ttest_ind_from_stats(*ours, *PUBLISHED, equal_var=False).pvalue
    values = (ours[0] - mean, ours[0] - mean - half, ours[0] - mean + half)
    difference, low, high = (number(100 * v, decimals=3, sign=True) for v in values)
    return f"{difference} points ({low} to {high}, {p_value(float(p))})"


if __name__ == "__main__":
    os.environ |= thread_environment()
    main()
