"""The work of a study, in trainings, epochs and minutes: by one arithmetic wherever it is said."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from misread.data.parts import N_FOLDS
from misread.learn.views import Parts
from misread.store import RunFolder
from misread.study.arms import BASELINE
from misread.study.study import Study
from misread.wording import count, listed, number
from misread.workers.arithmetic import vectors

_SECONDS = {"AVX-512": 18.4, "AVX2": 25.4}  # an epoch of 54,000 images (docs/benchmarks.md)
_IMAGES = 54_000


@dataclass(frozen=True)
class Cost:
    """Epochs and seconds of a training, by arm."""

    epochs: Mapping[str, float]  # with those of helper models
    epoch_seconds: Mapping[str, float]  # on one core; empty where nothing is known

    def seconds(self, arms: Iterable[str]) -> float | None:
        """Return the seconds that trainings of these arms take one after the other, if known."""
        if not self.epoch_seconds:
            return None
        return sum(self.epochs[arm] * self.epoch_seconds[arm] for arm in arms)

    def words(self, arms: Sequence[str], more: str = "") -> str:
        """Return how many trainings of these arms there are, with their minutes where known."""
        seconds = self.seconds(arms)
        minutes = "" if seconds is None else f", about {minutes_of(seconds)} of one core"
        return f"{count(len(arms), 'training')}{more}{minutes}"


def minutes_of(seconds: float) -> str:
    """Return minutes in words, rounded up."""
    return count(max(math.ceil(seconds / 60), 1), "minute")


def cost_of(study: Study, folder: Path, n_images: int | None = None) -> Cost:
    """Return the cost of trainings as measured in a study's folder, else what our CNN takes.

    An arm that is not trained there takes as long an epoch as the others do. What our CNN takes is
    known before anything is trained from `n_images`, those of an epoch; None: not known then.
    """
    epochs = {arm: _epochs(study, arm) for arm in study.arms}
    if study.smoke:
        return Cost(epochs, {})
    measured: dict[str, float] = {}
    for arm in (arm for arm, length in epochs.items() if length):
        runs = [run for run in _runs(study, folder, (arm,)) if run.is_trained]
        took = [float(run.environment()["train_seconds"]) for run in runs]
        if took:
            measured[arm] = sum(took) / len(took) / epochs[arm]
    general = sum(measured.values()) / len(measured) if measured else _usual(study, n_images)
    if general is None:
        return Cost(epochs, {})
    return Cost(epochs, {arm: measured.get(arm, general) for arm in study.arms})


def left_of(study: Study, folder: Path) -> list[str]:
    """Return the arms of the trainings that are left to do, one for each."""
    return [run.arm for run in _runs(study, folder, tuple(study.arms)) if not run.is_trained]


def workload(study: Study, parts: Parts, folder: Path, n_jobs: int) -> str:
    """Return what is left to train, with the arithmetic; "" where nothing is.

    What is trained in the folder is not trained again, and tells how long an epoch takes; `n_jobs`
    trainings go on at the same time.
    """
    left = left_of(study, folder)
    if not left:
        return ""
    n_images = study.sizes["fit_size"] or round(len(parts.train) * (1 - 1 / N_FOLDS))
    cost = cost_of(study, folder, n_images)
    lengths = listed([f"{arm} {length:g}" for arm, length in cost.epochs.items()])
    text = (
        f"{count(len(left), 'training')} to do of {len(study.arms) * len(study.seeds)}: "
        f"{count(len(study.arms), 'arm')} × {count(len(study.seeds), 'seed')}, epochs a training: "
        f"{lengths}."
    )
    seconds = cost.seconds(left)
    if not seconds:  # unknown, or only logits are left to shift
        return text
    epochs = sum(cost.epochs[arm] for arm in left)
    together = f", {minutes_of(seconds / n_jobs)} with {n_jobs} at a time" * (n_jobs > 1)
    return (
        f"{text} {epochs:g} epochs of {n_images:,} images × about "
        f"{number(seconds / epochs, decimals=0)} s = about {minutes_of(seconds)} of one core"
        f"{together}."
    )


def _runs(study: Study, folder: Path, arms: Sequence[str]) -> list[RunFolder]:
    return [RunFolder(folder.resolve(), arm, seed) for seed in study.seeds for arm in arms]


def _epochs(study: Study, arm: str) -> float:
    """Return the epochs of an arm's training, with those of the models that help it."""
    epochs, treatments = study.arms[arm].epochs, study.arms[arm].treatments
    helpers = 0.0
    if treatments.weights and treatments.weights.hard:
        helpers += treatments.weights.folds - 1
    if treatments.teacher:
        helpers += treatments.teacher.models * max(1, treatments.teacher.folds - 1)
    if treatments.second:
        helpers += 0.2
    return helpers * epochs + (treatments.patch.epochs if treatments.patch else epochs)


def _usual(study: Study, n_images: int | None) -> float | None:
    """Return the seconds of an epoch of our CNN on MNIST, on a processor like this one."""
    is_usual = study.recipe is not None and study.recipe.model == "cnn" and study.dataset == "mnist"
    if n_images is None or not is_usual:
        return None
    return _SECONDS.get(vectors(), max(_SECONDS.values())) * n_images / _IMAGES


def relative_cost(study: Study, arm: str) -> float:
    """Return about how much an arm's training costs, the baseline's being 1."""
    return _epochs(study, arm) / _epochs(study, BASELINE)
