"""Arms along an axis: their costs, what goes on inside, averages of networks."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import scipy

from misread.files import Frozen
from misread.images import Floats
from misread.judge import two_way
from misread.study.claims import ComparisonOutcome
from misread.study.evidence import Evidence
from misread.study.plan import load_plan


class Ratio(Frozen):
    """Ratio of two measurements: geometric mean, and its interval."""

    ratio: float
    low: float
    high: float


def ratio(values_S: Sequence[float], others_S: Sequence[float], alpha: float = 0.05) -> Ratio:
    """Return the ratio of values to others, all positive, which were measured pair by pair.

    The interval covers ``1 − alpha``: Student's t of the logarithms over S; with one pair it has no
    end.

    Examples
    --------
    >>> ratio([2.0, 4.0], [1.0, 2.0])
    Ratio(ratio=2.0, low=2.0, high=2.0)
    """
    logs_S = np.log(values_S) - np.log(others_S)
    mean = float(logs_S.mean())
    if logs_S.size == 1:
        return Ratio(ratio=float(np.exp(mean)), low=0.0, high=float("inf"))
    error = float(logs_S.std(ddof=1)) / logs_S.size**0.5
    half = float(scipy.stats.t.ppf(1 - alpha / 2, logs_S.size - 1)) * error
    low, middle, high = np.exp([mean - half, mean, mean + half]).tolist()
    return Ratio(ratio=middle, low=low, high=high)


class Inside(Frozen):
    """Measurements inside the networks of an arm: a row per hidden layer, a column per epoch.

    Before the first epoch and after each; geometric means over seeds of the gradient norms, means
    of the shares. Columns of `learn.probe.measure`.
    """

    gradient_norm: tuple[tuple[float, ...], ...]
    zero_share: tuple[tuple[float, ...], ...]
    dead_share: tuple[tuple[float, ...], ...]


def inside(evidence: Evidence, arm: str) -> Inside | None:
    """Return the measurements inside the networks of an arm; None where there are none."""
    rows_S = [folder.measures() for folder in evidence.runs[arm].folders]
    if not all(rows_S):
        return None
    recipe = evidence.plan.study.arms[arm].recipe
    n_layers = len(recipe.hidden) if recipe else 0

    def mean(name: str, *, geometric: bool = False) -> tuple[tuple[float, ...], ...]:
        layers = []
        for layer in range(1, n_layers + 1):
            values_SE = np.array([[row[f"{name}_{layer}"] for row in rows] for rows in rows_S])
            if geometric:
                values_SE = np.log(np.maximum(values_SE, 1e-30))
            mean_E: Floats = values_SE.mean(axis=0)
            layers.append(tuple((np.exp(mean_E) if geometric else mean_E).tolist()))
        return tuple(layers)

    return Inside(
        gradient_norm=mean("gradient_norm", geometric=True),
        zero_share=mean("zero_share"),
        dead_share=mean("dead_share"),
    )


def read_together(probs_SNK: Floats) -> npt.NDArray[np.int64]:
    """Return what the average of several networks reads, `int64 [N]`: the highest mean probability.

    Hansen & Salamon (1990), Neural network ensembles, *IEEE PAMI* 12.
    """
    read_N: npt.NDArray[np.int64] = probs_SNK.mean(axis=0).argmax(axis=1)
    return read_N


def together_by_size(
    probs_SNK: Floats, labels_N: npt.NDArray[np.int64]
) -> tuple[tuple[float, ...], ...]:
    """Return, for each k from 1 to S, the accuracy of the average of every choice of k networks."""
    n_networks = len(probs_SNK)
    return tuple(
        tuple(
            float((read_together(probs_SNK[list(chosen)]) == labels_N).mean())
            for chosen in combinations(range(n_networks), size)
        )
        for size in range(1, n_networks + 1)
    )


class Together(Frozen):
    """One network of an arm against the average of all networks of another.

    `by_size` is as `together_by_size` returns it, for `members` and for `single`. `difference` is
    the accuracy of the average of all members less that of one network of `single`, with an
    interval over the seeds of `single` and the images: the members are taken as they are.
    """

    members: str
    single: str
    by_size: tuple[tuple[float, ...], ...]
    single_by_size: tuple[tuple[float, ...], ...]
    difference: float
    low: float
    high: float
    p_value: float


def together(evidence: Evidence, members: str, single: str) -> Together:
    """Return how one network of `single` reads against the average of all of `members`."""
    labels_N = evidence.confirm.labels_N
    probs = {arm: evidence.runs[arm].probs_SNK.astype(np.float64) for arm in (members, single)}
    wrong_N = (read_together(probs[members]) != labels_N).astype(np.int64)
    effect = two_way(evidence.wrong(single) - wrong_N, evidence.plan.study.judge.alpha)
    return Together(
        members=members,
        single=single,
        by_size=together_by_size(probs[members], labels_N),
        single_by_size=together_by_size(probs[single], labels_N),
        difference=effect.estimate,
        low=effect.low,
        high=effect.high,
        p_value=effect.p_value,
    )


def without_dropout(evidence: Evidence) -> tuple[str, str] | None:
    """Return the pair of arms that shows what dropout brings against an average, or None.

    The arm without dropout, and the arm with it that the first claim of such a pair names.
    """
    arms = evidence.plan.study.arms
    drops = {
        name: bool(arm.recipe and (arm.recipe.input_dropout or any(arm.recipe.dropouts)))
        for name, arm in arms.items()
    }
    for claim in evidence.plan.study.claims:
        for than in claim.than:
            if claim.better is not None and drops[claim.better] and not drops[than]:
                return than, claim.better
    return None


class Answers(Frozen):
    """Data of the pages of a study with an axis; `series`, `at`, `steps` are by arm."""

    outcome: ComparisonOutcome  # as in `comparison.json`
    fit_size: int  # images that each network was trained on
    steps: dict[str, int]  # of the optimiser in one epoch; 1 where only its trainer knows
    series: dict[str, str]  # of the arms that lie along the axis
    at: dict[str, float]
    inside: dict[str, Inside]  # of the arms that were measured
    together: Together | None  # where the study has arms with and without dropout
    machine: dict[str, str]  # backend and versions
    planned_seeds: tuple[int, ...]  # more than those of the outcome while the study goes on


def answer(evidence: Evidence) -> Answers:
    """Return the data of the pages of a study with an axis."""
    study, environment = evidence.plan.study, evidence.environment
    backend, versions = environment["backend"], environment["versions"]
    fit_size = study.sizes["fit_size"] or len(evidence.train) * 9 // 10
    pair = without_dropout(evidence)
    measured = {arm: inside(evidence, arm) for arm in study.arms}
    return Answers(
        outcome=evidence.accuracies,
        fit_size=fit_size,
        steps={
            name: -(-fit_size // arm.recipe.batch_size) if arm.recipe else 1
            for name, arm in study.arms.items()
        },
        series={name: arm.series for name, arm in study.arms.items() if arm.at is not None},
        at={name: arm.at for name, arm in study.arms.items() if arm.at is not None},
        inside={arm: layers for arm, layers in measured.items() if layers is not None},
        together=None if pair is None else together(evidence, *pair),
        machine={
            "python": environment["python"],
            "platform": environment["platform"],
            "backend": f"{backend} {versions.get(backend, '')}".strip(),
            "keras": versions.get("keras", ""),
        },
        planned_seeds=load_plan(evidence.folder).study.seeds,
    )
