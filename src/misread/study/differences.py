"""From the complete runs of a comparison to evidence: how well each arm reads, and what differs.

`load_compared` gathers a study's folder into one object, which the figures and the report draw;
`conclude_comparison` writes `comparison.json`. Nothing here trains, and nothing here draws.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from misread.data.dataset import Dataset
from misread.data.parts import stratified_subset
from misread.data.sources import load
from misread.files import read_json, write_json
from misread.judge import class_metrics, confusion_counts, holm, two_way
from misread.store import RunFolder
from misread.study.claims import (
    ArmOutcome,
    ClaimOutcome,
    ClassOutcome,
    ComparisonOutcome,
    Contrast,
    Documented,
    Spread,
    Standing,
    Verdict,
    standing,
)
from misread.study.comparison import Claim, ComparisonPlan
from misread.study.plan import load_locked

Predictions = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Compared:
    """All that a finished comparison knows.

    `predictions` maps each arm to `uint8 [S,N]`, rows in the order of `seeds`; `histories`,
    `results` and `environments` to what each seed's run folder holds. `confirm` holds the images
    that were read, and `confirm_ids_N` their places in the test set.
    """

    folder: Path
    plan: ComparisonPlan
    train: Dataset
    confirm: Dataset
    confirm_ids_N: npt.NDArray[np.int64]
    predictions: dict[str, Predictions]
    histories: dict[str, tuple[list[dict[str, float]], ...]]
    results: dict[str, tuple[dict[str, Any], ...]]
    environments: dict[str, tuple[dict[str, Any], ...]]

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, in the order of the study."""
        return tuple(self.plan.study.arms)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in the order of all rows."""
        return self.plan.study.seeds

    @property
    def best(self) -> str:
        """The arm with the highest mean accuracy."""
        return max(self.arms, key=lambda arm: self.outcome.arms[arm].accuracy.mean)

    def wrong(self, arm: str) -> npt.NDArray[np.int64]:
        """Return which readings of an arm are wrong, 0 or 1, `[S,N]`."""
        wrong_SN: npt.NDArray[np.int64] = (self.predictions[arm] != self.confirm.labels_N).astype(
            np.int64
        )
        return wrong_SN

    def probs(self, arm: str, row: int) -> npt.NDArray[np.float64]:
        """Return the probabilities of an arm's seed number `row` on *confirm*, `[N,K]`."""
        run = RunFolder(self.folder, arm, self.seeds[row])
        probs_NK: npt.NDArray[np.float64] = run.predictions()["probs"][0].astype(np.float64)
        return probs_NK

    def counts(self, arm: str) -> npt.NDArray[np.int64]:
        """Return the confusion counts of an arm on *confirm*, `[S,K,K]`."""
        labels_N, n_classes = self.confirm.labels_N, self.confirm.n_classes
        return np.stack([confusion_counts(labels_N, r, n_classes) for r in self.predictions[arm]])

    @cached_property
    def outcome(self) -> ComparisonOutcome:
        """What it comes to, as in `comparison.json`."""
        study = self.plan.study
        arms = {arm: self._arm(arm) for arm in self.arms}
        order = sorted(self.arms, key=lambda arm: -arms[arm].accuracy.mean)
        pairs = [self._contrast(better, than) for better, than in combinations(order, 2)]
        tests = [[self._contrast(str(c.better), than) for than in c.than] for c in study.claims]
        corrected = iter(holm([test.p_value for own in tests for test in own]))
        return ComparisonOutcome(
            study=study.name,
            smoke=study.smoke,
            exploratory=self.plan.exploratory,
            plan_sha256=self.plan.sha256,
            n_images=len(self.confirm),
            seeds=self.seeds,
            alpha=study.judge.alpha,
            margin=study.judge.margin,
            arms=arms,
            differences=tuple(
                pair.model_copy(update={"p_holm": p})
                for pair, p in zip(pairs, holm([pair.p_value for pair in pairs]), strict=True)
            ),
            claims=tuple(
                self._claim(
                    claim,
                    arms,
                    tuple(t.model_copy(update={"p_holm": next(corrected)}) for t in own),
                )
                for claim, own in zip(study.claims, tests, strict=True)
            ),
        )

    def _arm(self, arm: str) -> ArmOutcome:
        study, results = self.plan.study, self.results[arm]
        wrong_SN = self.wrong(arm)
        accuracy_S = 1 - wrong_SN.mean(axis=1)
        error = two_way(wrong_SN, study.judge.alpha)
        fit_S = [float(result["fit_accuracy"]) for result in results]
        counts_SKK = self.counts(arm)
        metrics = [class_metrics(counts_KK) for counts_KK in counts_SKK]
        documented = study.arms[arm].documented
        seconds = [_seconds_per_epoch(machine) for machine in self.environments[arm]]
        return ArmOutcome(
            label=study.label(arm),
            parameters=int(results[0]["parameters"]),
            epochs=study.epochs[arm],
            accuracy=Standing(
                mean=float(accuracy_S.mean()),
                sd=_sd(accuracy_S),
                low=1 - error.high,
                high=min(1 - error.low, 1.0),
                per_seed=tuple(accuracy_S.tolist()),
            ),
            documented=None if documented is None else _documented(documented, accuracy_S),
            select_accuracy=spread([own[-1]["select_accuracy"] for own in self.histories[arm]]),
            fit_accuracy=spread(fit_S),
            gap=spread([fit - test for fit, test in zip(fit_S, accuracy_S, strict=True)]),
            seconds_per_epoch=spread(seconds),
            per_class=tuple(
                ClassOutcome(
                    name=name,
                    precision=spread([m.precision[k] for m in metrics]),
                    recall=spread([m.recall[k] for m in metrics]),
                )
                for k, name in enumerate(self.confirm.class_names)
            ),
            confusion_counts=tuple(map(tuple, counts_SKK.sum(axis=0).tolist())),
        )

    def _contrast(self, better: str, than: str) -> Contrast:
        """Return by how much `better` reads better than `than`, seed by seed."""
        wrong_SN, other_SN = self.wrong(better), self.wrong(than)
        effect = two_way(other_SN - wrong_SN, self.plan.study.judge.alpha)
        ahead_S = wrong_SN.sum(axis=1) < other_SN.sum(axis=1)
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
        self, claim: Claim, arms: dict[str, ArmOutcome], tests: tuple[Contrast, ...]
    ) -> ClaimOutcome:
        proof = self.plan.study.judge
        words: list[Verdict]
        if claim.arm is not None:
            accuracy = arms[claim.arm].accuracy
            words = [standing(accuracy.low, accuracy.high, claim.at_least, claim.at_least)]
        else:
            words = [
                standing(
                    test.low,
                    test.high,
                    claim.at_least,
                    claim.at_least or proof.margin,
                    certain=test.p_holm < proof.alpha,
                )
                for test in tests
            ]
        verdict: Verdict = (
            "does not hold"
            if "does not hold" in words
            else "holds"
            if set(words) == {"holds"}
            else "too small to tell here"
        )
        return ClaimOutcome(
            text=claim.text,
            arm=claim.arm,
            at_least=claim.at_least,
            verdict=verdict,
            parts=tuple(words),
            tests=tests,
        )


def spread(values: list[float | None] | list[float]) -> Spread:
    """Return mean and standard deviation over seeds of what is known (None: 0/0)."""
    known = [value for value in values if value is not None]
    return Spread(
        mean=float(np.mean(known)) if known else None,
        sd=_sd(np.array(known)),
        per_seed=tuple(values),
    )


def _sd(values: npt.NDArray[np.float64]) -> float | None:
    return float(values.std(ddof=1)) if values.size > 1 else None


def _documented(value: float, accuracy_S: npt.NDArray[np.float64]) -> Documented:
    """Return where one more network would lie with 95%: the prediction interval of Student's t."""
    n_seeds, sd = accuracy_S.size, _sd(accuracy_S)
    if sd is None:
        return Documented(accuracy=value, low=None, high=None)
    half = float(stats.t.ppf(0.975, n_seeds - 1)) * sd * (1 + 1 / n_seeds) ** 0.5
    mean = float(accuracy_S.mean())
    return Documented(accuracy=value, low=mean - half, high=mean + half)


def _seconds_per_epoch(machine: dict[str, Any]) -> float:
    """Return the median epoch; the first one also builds the graph, so it is left out."""
    seconds = machine["epoch_cpu_seconds"]
    return float(np.median(seconds[1:] or seconds))


def load_compared(folder: Path, seeds: tuple[int, ...] | None = None) -> Compared:
    """Gather a finished comparison, or only some seeds of it, which are finished.

    Raises
    ------
    StoreError
        If a run is missing or damaged.
    PlanError
        If the plan was altered, or is of another kind.
    """
    plan = load_locked(folder, ComparisonPlan)
    if seeds is not None:
        only = plan.study.model_copy(update={"seeds": seeds})
        plan = plan.model_copy(update={"study": only})
    study = plan.study
    train, test = load(study.dataset)
    some_run = study.run(next(iter(study.arms)), study.seeds[0], 0, plan.dataset_sha256)
    confirm_ids_N = stratified_subset(test.labels_N, some_run.confirm_size)
    runs = {arm: [RunFolder(folder, arm, seed) for seed in study.seeds] for arm in study.arms}
    return Compared(
        folder=folder,
        plan=plan,
        train=train,
        confirm=test.take(confirm_ids_N),
        confirm_ids_N=confirm_ids_N,
        predictions={
            arm: np.concatenate([run.predictions()["predictions"] for run in own])
            for arm, own in runs.items()
        },
        histories={arm: tuple(run.history() for run in own) for arm, own in runs.items()},
        results={arm: tuple(run.result() for run in own) for arm, own in runs.items()},
        environments={
            arm: tuple(read_json(run.path / "environment.json") for run in own)
            for arm, own in runs.items()
        },
    )


def conclude_comparison(folder: Path) -> Compared:
    """Write `comparison.json` of a finished comparison, and return what it was made of.

    Raises
    ------
    StoreError
        If a run is missing or damaged, or the folder cannot be written.
    """
    compared = load_compared(folder)
    write_json(folder / "comparison.json", compared.outcome.model_dump(mode="json"))
    return compared
