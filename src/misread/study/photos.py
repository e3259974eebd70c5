"""Digits on paper read by all seeds of an arm: what is read, how surely, and how many disagree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from misread.data.sources import load
from misread.errors import StudyError
from misread.files import Frozen
from misread.images import Images
from misread.images.page import Page
from misread.learn.recipe import TrainerCall
from misread.store import RunFolder
from misread.study.arms import BASELINE
from misread.study.models import models_of
from misread.study.plan import load_plan

UNSURE = 0.9  # a reading with less confidence is marked; docs/reading.md says what that catches


class DigitReading(Frozen):
    """One digit on paper, as the seeds read it."""

    number: int  # in reading order, from 1
    line: int  # on the page, from 1
    box: tuple[int, int, int, int]  # left, top, width, height on the photo, upright, in px
    reading: str  # the class with the highest mean probability over seeds
    confidence: float  # that mean probability
    disagreement: float  # share of seeds that read another class
    read_by: dict[str, int]  # number of seeds for each class that one reads, most first
    unsure: bool  # whether the confidence is below 0.9


@dataclass(frozen=True)
class Readers:
    """The trained models of an arm, one for each seed."""

    folder: Path  # of the study
    arm: str
    seeds: tuple[int, ...]
    class_names: tuple[str, ...]
    trainer: TrainerCall  # it loads them
    warning: str  # why their readings prove nothing; "" where nothing speaks against them


def newest_study(root: Path) -> Path:
    """Return the study in `root` that finished last with a baseline; StudyError if none did."""
    finished = [path for path in root.glob("*/verdict.json") if _runs(path.parent, BASELINE)]
    if not finished:
        msg = (
            f"there is no finished study in {root}/, and so no model that could read; train one "
            "with `misread run four-nine`, or name a study's folder with --from."
        )
        raise StudyError(msg)
    return max(finished, key=lambda path: path.stat().st_mtime).parent


def readers_of(folder: Path, arm: str = BASELINE) -> Readers:
    """Return the models of an arm of a study.

    StudyError if it has no such arm, or its models do not take images of MNIST's kind; StoreError
    if the folder holds no study, PlanError if its plan was altered.
    """
    plan = load_plan(folder)
    runs = _runs(folder, arm)
    if not runs:
        arms = sorted(path.name for path in (folder / "arms").glob("*") if _runs(folder, path.name))
        known = f"choose one of {', '.join(arms)}" if arms else "finish the study first"
        msg = f"{folder} has no complete runs of the arm {arm!r}; {known}."
        raise StudyError(msg)
    train, _ = load(plan.study.dataset)
    if train.images.shape[1:] != (28, 28):
        msg = (
            f"the models of {folder} take images {list(train.images.shape[1:])}, but digits on "
            "paper become [28, 28]; choose a study of MNIST or of data like it."
        )
        raise StudyError(msg)
    seeds = tuple(run.seed for run in runs)
    return Readers(folder, arm, seeds, train.class_names, plan.study.trainer, plan.exploratory)


def _runs(folder: Path, arm: str) -> list[RunFolder]:
    """Return the complete runs of an arm, by seed."""
    seeds = [
        int(path.name.removeprefix("seed_"))
        for path in (folder / "arms" / arm).glob("seed_*")
        if path.name.removeprefix("seed_").isdigit()
    ]
    runs = [RunFolder(folder, arm, seed) for seed in sorted(seeds)]
    return [run for run in runs if run.is_complete and run.has_model]


def read_images(
    readers: Readers, images: Images, on_model: Callable[[], None] = lambda: None
) -> npt.NDArray[np.float32]:
    """Return what every seed reads in `uint8 [N,28,28]`: probabilities, `float32 [S,N,K]`.

    The models run in this process, with one thread; `on_model` is called when one has read.
    """
    probs = []
    for model in models_of(readers.folder, readers.arm, readers.seeds, readers.trainer):
        probs.append(model(images))
        on_model()
    return np.stack(probs)


def read_pages(
    readers: Readers, pages: Sequence[Page], on_model: Callable[[], None] = lambda: None
) -> list[list[DigitReading]]:
    """Return the readings of each page; every model reads all pages at once, then `on_model`."""
    ends = np.cumsum([len(page.digits) for page in pages]).tolist()
    if not ends or not ends[-1]:
        return [[] for _ in pages]
    probs_SNK = read_images(readers, np.concatenate([page.images for page in pages]), on_model)
    return [
        readings_of(page, probs_SNK[:, end - len(page.digits) : end], readers.class_names)
        for page, end in zip(pages, ends, strict=True)
    ]


def readings_of(
    page: Page, probs_SNK: npt.NDArray[np.float32], class_names: tuple[str, ...]
) -> list[DigitReading]:
    """Return the reading of each digit of a page, from the probabilities of every seed."""
    mean_NK = probs_SNK.mean(axis=0, dtype=np.float64)
    votes_SN = probs_SNK.argmax(axis=2)
    readings = []
    for n, digit in enumerate(page.digits):
        read = int(mean_NK[n].argmax())
        votes_K = np.bincount(votes_SN[:, n], minlength=len(class_names))
        order = sorted(np.flatnonzero(votes_K).tolist(), key=lambda k: (-votes_K[k], k))
        readings.append(
            DigitReading(
                number=n + 1,
                line=digit.line,
                box=digit.box,
                reading=class_names[read],
                confidence=round(float(mean_NK[n, read]), 4),
                disagreement=round(float(1 - votes_K[read] / len(votes_SN)), 4),
                read_by={class_names[k]: int(votes_K[k]) for k in order},
                unsure=bool(mean_NK[n, read] < UNSURE),
            )
        )
    return readings
