"""Accuracies of the arms, what differs between them, and which claims hold.

`compare` makes of the runs of a study what its `comparison.json` holds.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.files import Frozen
from misread.judge import class_metrics, confusion_counts, holm, two_way
from misread.study.accuracy import Accuracy, Documented, Spread, accuracy, documented_as, spread
from misread.study.plan import Plan
from misread.study.questions import Claim
from misread.study.runs import ArmRuns

Ints = npt.NDArray[np.int64]


class Standing(StrEnum):
    """The standing of a claim: does it hold."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "too small to tell here"


RULE = (
    "A claim that one arm reads better than another holds where the whole interval of the "
    "difference lies above the size it names (0 if none) and the p-value, corrected over all "
    "claims by Holm's method, is below alpha. It does not hold where the whole interval lies below "
    "that size, or, where it names none, below the margin: then the difference is smaller than "
    "what is worth having, if it is there at all. Anything between is too small to tell here. Of "
    "several such differences all must hold, and one that does not is enough. A claim that an arm "
    "reaches an accuracy holds where the whole interval lies above it, and does not where it lies "
    "below."
)


class ClassOutcome(Frozen):
    """Precision and recall of one class."""

    name: str
    precision: Spread
    recall: Spread


class ArmOutcome(Frozen):
    """Accuracy and cost of one arm.

    `select_accuracy` and `fit_accuracy` are those after the last epoch, dropout at rest, on the
    held-out tenth and on the images that were learnt.
    """

    label: str  # its name, for people
    parameters: int  # of one run
    epochs: int
    accuracy: Accuracy  # on *confirm*
    documented: Documented | None  # as someone else reports it
    select_accuracy: Spread
    fit_accuracy: Spread
    gap: Spread  # accuracy on *fit* less that on *confirm*
    seconds_per_epoch: Spread  # of training on one core: median of a seed's epochs but the first
    per_class: tuple[ClassOutcome, ...]  # on *confirm*
    confusion_counts: tuple[tuple[int, ...], ...]  # true × predicted, summed over seeds


class Contrast(Frozen):
    """Advantage of one arm over another, over paired seeds and images.

    `difference`, `low` and `high` are accuracies of `better` less those of `than`, shares in
    [−1, 1]; `p_holm` is corrected over its family: all pairs of arms, or all claims. `seeds_ahead`
    counts the seeds in which `better` makes fewer errors.
    """

    better: str
    than: str
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float
    seeds_ahead: int
    note: str


class ClaimOutcome(Frozen):
    """Outcome of a claim; `tests` has a contrast for each arm that is to be beaten.

    `parts` says of each of these (or of the arm whose accuracy is claimed) whether it holds.
    """

    text: str
    arm: str | None
    at_least: float
    verdict: Standing
    parts: tuple[Standing, ...]
    tests: tuple[Contrast, ...]


class ComparisonOutcome(Frozen):
    """Outcome for each arm, all pairs of arms (the better first), and the claims."""

    study: str
    smoke: bool
    exploratory: str
    plan_sha256: str
    n_images: int
    seeds: tuple[int, ...]
    alpha: float
    margin: float
    arms: dict[str, ArmOutcome]
    differences: tuple[Contrast, ...]
    claims: tuple[ClaimOutcome, ...]


def standing(
    low: float, high: float, claimed: float, worth: float, *, certain: bool = True
) -> Standing:
    """Return whether an interval shows what is claimed; the rule in words is `RULE`.

    The claim holds if all of it lies above `claimed`, and does not if all of it lies below `worth`,
    which is at least that; neither unless the corrected p-value agrees (`certain`).
    """
    if low > claimed and certain:
        return Standing.HOLDS
    return Standing.FAILS if high < worth else Standing.OPEN


def compare(plan: Plan, confirm: Dataset, arms: Mapping[str, ArmRuns]) -> ComparisonOutcome:
    """Return what the accuracies of a study's arms, with the same seeds, come to on *confirm*."""
    study = plan.study
    wrong = {arm: runs.wrong_SN(confirm.labels_N) for arm, runs in arms.items()}
    outcomes = {arm: _arm(plan, confirm, arm, runs, wrong[arm]) for arm, runs in arms.items()}
    order = sorted(arms, key=lambda arm: -outcomes[arm].accuracy.mean)
    contrast = partial(_contrast, wrong=wrong, alpha=study.judge.alpha)
    pairs = [contrast(better, than) for better, than in combinations(order, 2)]
    tests = [[contrast(str(claim.better), than) for than in claim.than] for claim in study.claims]
    corrected = iter(holm([test.p_value for row in tests for test in row]))
    return ComparisonOutcome(
        **plan.heading,
        n_images=len(confirm),
        seeds=next(iter(arms.values())).seeds,
        alpha=study.judge.alpha,
        margin=study.judge.margin,
        arms=outcomes,
        differences=tuple(
            pair.model_copy(update={"p_holm": p})
            for pair, p in zip(pairs, holm([pair.p_value for pair in pairs]), strict=True)
        ),
        claims=tuple(
            _claim(
                plan,
                claim,
                outcomes,
                tuple(test.model_copy(update={"p_holm": next(corrected)}) for test in row),
            )
            for claim, row in zip(study.claims, tests, strict=True)
        ),
    )


def _arm(plan: Plan, confirm: Dataset, arm: str, runs: ArmRuns, wrong_SN: Ints) -> ArmOutcome:
    study = plan.study
    accuracy_S = 1 - wrong_SN.mean(axis=1)
    fit_S = [float(result["fit_accuracy"]) for result in runs.results]
    counts = [confusion_counts(confirm.labels_N, row, confirm.n_classes) for row in runs.preds_SN]
    metrics = [class_metrics(counts_KK) for counts_KK in counts]
    documented = study.arms[arm].documented
    return ArmOutcome(
        label=study.label(arm),
        parameters=int(runs.results[0]["parameters"]),
        epochs=study.epochs[arm],
        accuracy=accuracy(accuracy_S, two_way(wrong_SN, study.judge.alpha)),
        documented=None if documented is None else documented_as(documented, accuracy_S),
        select_accuracy=spread([rows[-1]["select_accuracy"] for rows in runs.histories]),
        fit_accuracy=spread(fit_S),
        gap=spread([fit - test for fit, test in zip(fit_S, accuracy_S, strict=True)]),
        seconds_per_epoch=spread([_seconds_per_epoch(machine) for machine in runs.environments]),
        per_class=tuple(
            ClassOutcome(
                name=name,
                precision=spread([m.precision[k] for m in metrics]),
                recall=spread([m.recall[k] for m in metrics]),
            )
            for k, name in enumerate(confirm.class_names)
        ),
        confusion_counts=tuple(map(tuple, np.sum(counts, axis=0).tolist())),
    )


def _contrast(better: str, than: str, wrong: Mapping[str, Ints], alpha: float) -> Contrast:
    """Return by how much `better` reads better than `than`, seed by seed."""
    effect = two_way(wrong[than] - wrong[better], alpha)
    ahead_S = wrong[better].sum(axis=1) < wrong[than].sum(axis=1)
    return Contrast(
        better=better,
        than=than,
        difference=effect.estimate,
        low=effect.low,
        high=effect.high,
        p_value=effect.p_value,
        p_holm=effect.p_value,
        seeds_ahead=int(ahead_S.sum()),
        note=effect.note,
    )


def _claim(
    plan: Plan, claim: Claim, arms: Mapping[str, ArmOutcome], tests: tuple[Contrast, ...]
) -> ClaimOutcome:
    proof = plan.study.judge
    if claim.arm is not None:
        accuracy = arms[claim.arm].accuracy
        parts = [standing(accuracy.low, accuracy.high, claim.at_least, claim.at_least)]
    else:
        worth = claim.at_least or proof.margin
        parts = [
            standing(t.low, t.high, claim.at_least, worth, certain=t.p_holm < proof.alpha)
            for t in tests
        ]
    verdict = Standing.HOLDS if set(parts) == {Standing.HOLDS} else Standing.OPEN
    return ClaimOutcome(
        text=claim.text,
        arm=claim.arm,
        at_least=claim.at_least,
        verdict=Standing.FAILS if Standing.FAILS in parts else verdict,
        parts=tuple(parts),
        tests=tests,
    )


def _seconds_per_epoch(machine: dict[str, Any]) -> float:
    """Return the median epoch; the first one also builds the graph, so it is left out.

    Where a trainer reports no epochs, all of its training.
    """
    seconds = machine.get("epoch_cpu_seconds", [machine["train_seconds"]])
    return float(np.median(seconds[1:] or seconds))
