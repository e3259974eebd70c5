"""The work that is left of a study before it begins: trainings, epochs, minutes."""

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


def workload(study: Study, parts: Parts, folder: Path, n_jobs: int) -> str:
    """Return what is left to train, with the arithmetic; "" where nothing is.

    Parameters
    ----------
    study, parts
        The study and its images.
    folder
        Its folder: what is trained there is not trained again, and tells how long an epoch takes.
    n_jobs
        Trainings at the same time.
    """
    runs = [RunFolder(folder.resolve(), arm, seed) for seed in study.seeds for arm in study.arms]
    left = [run for run in runs if not run.is_trained]
    if not left:
        return ""
    lengths = {arm: _epochs(study, arm) for arm in study.arms}
    epochs = sum(lengths[run.arm] for run in left)
    n_images = study.sizes["fit_size"] or round(len(parts.train) * (1 - 1 / N_FOLDS))
    each = listed([f"{arm} {length:g}" for arm, length in lengths.items()])
    said = (
        f"{count(len(left), 'training')} to do of {len(runs)}: {count(len(study.arms), 'arm')} × "
        f"{count(len(study.seeds), 'seed')}, epochs a training: {each}."
    )
    seconds = _seconds(study, runs, n_images)
    if seconds is None or study.smoke:
        return said
    minutes = epochs * seconds / 60
    together = f", {number(minutes / n_jobs, decimals=0)} with {n_jobs} at a time" * (n_jobs > 1)
    return (
        f"{said} {epochs:g} epochs of {n_images:,} images × about {seconds:.0f} s = about "
        f"{number(max(minutes, 1), decimals=0)} min on one core{together}."
    )


def _epochs(study: Study, arm: str) -> float:
    patch = study.arms[arm].treatments.patch
    return study.arms[arm].epochs if patch is None else patch.epochs


def _seconds(study: Study, runs: list[RunFolder], n_images: int) -> float | None:
    """Return the seconds of an epoch: as measured in the folder, else of our CNN as in general."""
    trained = [run for run in runs if run.is_trained]
    if trained:
        took = [second for run in trained for second in run.environment().get("epoch_seconds", ())]
        return sum(took) / len(took) if took else None
    usual = _SECONDS.get(vectors(), max(_SECONDS.values()))
    is_usual = study.recipe is not None and study.recipe.model == "cnn" and study.dataset == "mnist"
    return usual * n_images / _IMAGES if is_usual else None


def relative_cost(study: Study, arm: str) -> float:
    """Return about how much an arm's training costs, the baseline's being 1."""
    baseline, it = study.arms[BASELINE], study.arms[arm]
    treated = it.treatments
    helpers = 0.0
    if treated.weights and treated.weights.hard:
        helpers += treated.weights.folds - 1
    if treated.teacher:
        helpers += treated.teacher.models * max(1, treated.teacher.folds - 1)
    if treated.second:
        helpers += 0.2
    length = it.epochs if treated.patch is None else treated.patch.epochs
    return (length + helpers * it.epochs) / baseline.epochs
