"""A trainer that takes milliseconds, for tests of what happens around training.

It reads an image as the class whose mean image is nearest, after a little noise from the seed; the
policy of an arm changes the means. It is behind the same contract as ours
(`misread.learn.trainer`), and spawned workers can import it. `small_study` writes a study for it,
of few images, `work_here` lets studies work in this process, and `rehearse` runs any study so.
"""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from misread.data.dataset import Dataset
from misread.data.mnist import load_mnist
from misread.data.parts import stratified_subset
from misread.images import Images
from misread.learn.policy import apply_draw
from misread.learn.recipe import Run, TrainerCall
from misread.learn.trainer import Lesson
from misread.seeds import derive
from misread.study.conclude import conclude
from misread.study.run import run_study
from misread.study.study import Study
from misread.workers.pool import Event, Reported, Work, attempt

CALL = "standin:trainer"
SMALL = """
title = "Small"
dataset = "npz:{folder}/digits.npz"
seeds = [1, 2]
arms = ["policy"]
target = "4:9"
recipe = "quick"
policy = {{probability = 0.5, size_px = [2, 2], true = ["dilate"], predicted = ["erode"]}}
trainer = {{call = "{call}"}}
"""


def small_study(folder: Path, text: str = SMALL) -> Path:
    """Write a study of 600 training and 300 test images of MNIST; return the path of its TOML."""
    train, test = load_mnist()
    train = train.take(stratified_subset(train.labels_N, 600))
    test = test.take(stratified_subset(test.labels_N, 300))
    np.savez(
        folder / "digits.npz",
        x_train=train.images,
        y_train=train.labels_N,
        x_test=test.images,
        y_test=test.labels_N,
    )
    path = folder / "small.toml"
    path.write_text(text.format(folder=folder, call=CALL))
    return path


def pixels(images: Images) -> npt.NDArray[np.float64]:
    return images.reshape(len(images), -1).astype(np.float64)


@dataclass(frozen=True)
class NearestMean:
    """Sums of whole numbers below 2⁵³ come out the same in any order, on any processor."""

    means_KP: npt.NDArray[np.float64]  # whole numbers

    @property
    def n_parameters(self) -> int:
        return self.means_KP.size

    def __call__(self, images: Images) -> npt.NDArray[np.float32]:
        means = self.means_KP
        scores_NK = (2 * pixels(images) @ means.T - (means**2).sum(axis=1)) / (2 * 255**2)
        scores_NK = np.exp(scores_NK - scores_NK.max(axis=1, keepdims=True))
        probs_NK: npt.NDArray[np.float32] = scores_NK / scores_NK.sum(axis=1, keepdims=True)
        return probs_NK.astype(np.float32)


def nearest_mean(data: Dataset, seed: int) -> NearestMean:
    """Return the model of these images; a class without any is never read."""
    values, labels_N = pixels(data.images), data.labels_N
    means_KP = np.full((data.n_classes, values.shape[1]), 255.0)
    for k in np.unique(labels_N):
        means_KP[k] = values[labels_N == k].mean(axis=0)
    noise = derive(seed, "weights").normal(0, 5, means_KP.shape)
    return NearestMean(np.rint(means_KP + noise))


def inside(run: Run, epoch: int) -> dict[str, float]:
    """Return what an epoch finds in the layers: numbers that differ, and mean nothing."""
    zeros = 0.5 if run.recipe.activation == "relu" else 0.0
    return {
        f"{name}_{layer}": value / (layer + epoch + run.seed)
        for layer in range(1, len(run.recipe.hidden) + 1)
        for name, value in (("gradient_norm", 1.0), ("zero_share", zeros), ("dead_share", 0.0))
    }


class StandIn:
    def prepare(self) -> None:
        pass

    def train(self, lesson: Lesson) -> NearestMean:
        run, labels_N = lesson.run, lesson.fit.labels_N
        measured = range(run.recipe.epochs + 1) if run.recipe.measure else ()
        for epoch in measured:
            lesson.on_measure({"epoch": epoch, "loss": 1 / (epoch + 1), **inside(run, epoch)})
        for epoch in range(run.recipe.epochs):
            time.sleep(float(os.environ.get("STANDIN_SECONDS", "0")))  # so that a test can kill it
            images = lesson.fit.images
            treated = 0
            if run.policy is not None:
                draw = run.policy.draw(labels_N, run.seed, epoch)
                images, treated = apply_draw(images, draw), draw.n_treated
            model = nearest_mean(replace(lesson.fit, images=images), run.seed)
            right = model(lesson.select.images).argmax(axis=1) == lesson.select.labels_N
            lesson.on_epoch(
                {
                    "epoch": epoch + 1,
                    "loss": 0.0,
                    "accuracy": 0.0,
                    "select_loss": 0.0,
                    "select_accuracy": float(right.mean()),
                    "treated": treated,
                    "changed": treated,
                }
            )
        np.save(lesson.folder / "means.npy", model.means_KP.astype(np.int16))
        lesson.facts["epoch_cpu_seconds"] = [0.0] * run.recipe.epochs
        return model

    def load(self, folder: Path) -> NearestMean:
        means_KP = np.load(folder / "means.npy", allow_pickle=False)
        return NearestMean(means_KP.astype(np.float64))

    def facts(self) -> dict[str, Any]:
        return {"backend": "stand-in"}


trainer = StandIn()


class HerePool:
    """Does every job at once, in this process; a `workers.pool.Pool`.

    `done` names the orders that were done. With `most`, it is as if Ctrl-C were pressed after so
    many of them.
    """

    done: list[Any]
    most: int | None = None

    def __init__(
        self, work: Work, _prepare: Any, _jobs: int, _log: Path, _preload: str = ""
    ) -> None:
        self._work = work
        self._events: list[tuple[int, Event]] = []

    def start(self, n_jobs: int) -> None:
        pass

    def has_room(self) -> bool:
        return not self._events

    def submit(self, number: int, order: Any) -> None:
        if len(self.done) == self.most:
            raise KeyboardInterrupt
        ended = attempt(self._work, order, lambda r: self._events.append((number, Reported(r))))
        self._events.append((number, ended))
        self.done.append(order)

    def wait(self, _seconds: float) -> list[tuple[int, Event]]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        pass


def work_here(monkeypatch: Any, most: int | None = None) -> list[Any]:
    """Let studies work in this process from now on; return the list of orders that were done."""
    pool = type("Pool", (HerePool,), {"done": [], "most": most})
    for module in ("folder", "reread"):
        monkeypatch.setattr(f"misread.study.{module}.LocalPool", pool)
    return pool.done


def rehearse(study: Study, folder: Path) -> None:
    """Bring a study to its end in this process with the stand-in, without its figures."""
    with pytest.MonkeyPatch.context() as patch:
        work_here(patch)
        run_study(study.model_copy(update={"trainer": TrainerCall(call=CALL)}), folder)
        conclude(folder)
