"""Does a fix make models brittle? Those of a study read *confirm* corrupted in fifteen ways.

Nothing is trained, and the study's folder is only read. In the folder of the corruptions each
severity has one of its own, `mnist-c` where every corruption is as strong as there::

    arms/<arm>/seed_<seed>/predictions.npz    what a model read: predictions [C,N], corruptions [C]
    readings.npz                              all of it: labels [N], seeds [S], corruptions [C],
                                              of each arm [S,N] and, corrupted, [C,S,N]
    verdict.json                              the judge's verdict on each treated arm
    corruptions.json                          written last: how well each arm reads

The judge is called once for each arm, with clean *confirm* as the study itself read it and the
corruptions as slices, so that each has its items: safe, harmed or undetermined.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from misread.data.dataset import Dataset
from misread.errors import StoreError, StudyError
from misread.files import read_arrays, read_json, write_arrays, write_json
from misread.images.corrupt import corrupt, mnist_c
from misread.judge import Item, Predictions, Verdict, judge
from misread.learn.work import corrupted_confirm, prepare
from misread.store import RunFolder, locked
from misread.study.outcome import StudyVerdict
from misread.study.plan import Plan, load_plan
from misread.study.reread import EXPLORATORY, read_all, refuse_others
from misread.study.robustness import CLEAN, Readings, Robustness, arm_mean, arm_on
from misread.study.study import BASELINE
from misread.study.verdict import (
    clean_side,
    confirm_of,
    groups_of,
    names_of,
    read_arm,
    seeds_needed,
)
from misread.workers.pool import Report


@dataclass(frozen=True)
class Reading:
    """What a worker is to do: let one model read every corruption. What it reads goes to `path`."""

    model: Path
    path: Path
    dataset: str
    confirm_size: int | None
    corruptions: tuple[str, ...]
    arm: str
    seed: int

    @property
    def name(self) -> str:
        """Arm and seed, for people."""
        return f"{self.arm} seed {self.seed}"

    def order(self) -> "Reading":
        """Return what a worker of this machine needs: all of it."""
        return self


@dataclass(frozen=True)
class Corruptions:
    """What the models of a study read in corrupted images: numbers, verdicts, and their folder."""

    folder: Path
    told: Robustness
    outcome: StudyVerdict

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each treated arm."""
        return self.outcome.arms

    def items(self, arm: str, corruption: str) -> list[Item]:
        """Return what the judge says of an arm on one corruption, class by class."""
        return [item for item in self.verdicts[arm].collateral if item.slice_name == corruption]


def run_corruptions(
    folder: Path,
    out: Path,
    severity: int | None = None,
    *,
    jobs: int | None = None,
    on_report: Callable[[Reading, int], None] = lambda *_: None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Corruptions:
    """Let every model of a study read *confirm* corrupted, and judge each arm; resumable.

    Parameters
    ----------
    folder
        Of the finished study.
    out
        Folder of the corruptions; a severity has one below it.
    severity
        1 to 5, of those corruptions that have several; None takes that of MNIST-C for each.
    jobs
        Worker processes; None takes what fits. Results do not depend on it.
    on_report
        Called with a `Reading` and how many of its corruptions are read, also for earlier tries.
    on_note
        Called with a sentence for people when a reading is tried again or fails.

    Raises
    ------
    RunError
        If models could not be read; all others were.
    StoreError
        If a model is missing, or `out` cannot be written or is in use.
    StudyError
        If there is no such severity.
    DataError
        If the study's images are not of MNIST's kind.
    PlanError
        If the study's plan was altered.
    """
    if severity is not None and not 1 <= severity <= 5:
        msg = f"there is no severity {severity}; choose one from 1 to 5."
        raise StudyError(msg)
    plan = load_plan(folder)
    confirm, _ = confirm_of(plan)
    names = tuple(spec.name for spec in mnist_c(severity))
    here = (out / ("mnist-c" if severity is None else f"severity-{severity}")).resolve()
    stated = {
        "corruptions": list(names),
        "source_sha256": list(plan.dataset_sha256),
        "plan_sha256": plan.sha256,
    }
    some_run = plan.study.run(BASELINE, None, plan.study.seeds[0], 0, plan.dataset_sha256)
    size = some_run.confirm_size
    corrupt(confirm.images[:0], mnist_c()[0])  # images of another kind are refused before all work
    needed = seeds_needed(plan, folder)
    tasks = [
        Reading(
            RunFolder(folder.resolve(), arm, seed).model,
            RunFolder(here, arm, seed).path / "predictions.npz",
            plan.study.dataset,
            size,
            names,
            arm,
            seed,
        )
        for arm in plan.policies
        for seed in plan.study.seeds[: needed[arm]]
    ]

    def take(task: Reading, report: Any) -> None:
        if isinstance(report, int):
            on_report(task, report)
        else:
            write_arrays(task.path, report)

    with locked(here):
        refuse_others(here, stated)
        write_json(here / "source.json", stated)
        for task in tasks:
            if task.path.exists():
                on_report(task, len(names))
        read_all(tasks, read_corruptions, take, here, jobs, on_note)
        return _conclude(plan, folder, confirm, here, names, needed)


def read_corruptions(task: Reading, report: Report) -> None:
    """Let one model read every corruption, in a worker.

    Reports how many are done, and last the arrays of `predictions.npz`.
    """
    prepare()
    trainer = importlib.import_module("misread.learn.train")
    model = trainer.load(task.model)
    read = []
    for number, name in enumerate(task.corruptions):
        images = corrupted_confirm(task.dataset, task.confirm_size, name)
        probs_NK = trainer.read(model, images)
        read.append(probs_NK.argmax(axis=1).astype(np.min_scalar_type(probs_NK.shape[1] - 1)))
        if number + 1 < len(task.corruptions):
            report(number + 1)
    report({"predictions": np.stack(read), "corruptions": np.array(task.corruptions, dtype="U")})
    report(len(read))


def load_corruptions(here: Path) -> Corruptions:
    """Return the finished readings of a severity from its folder.

    Raises
    ------
    StoreError
        If they are not finished, or a file is damaged.
    """
    try:
        return Corruptions(
            here,
            Robustness.model_validate(read_json(here / "corruptions.json")),
            StudyVerdict.model_validate(read_json(here / "verdict.json")),
        )
    except ValidationError:
        msg = f"{here} is of another version; run `misread corruptions` again."
        raise StoreError(msg) from None


def _conclude(
    plan: Plan,
    folder: Path,
    confirm: Dataset,
    here: Path,
    names: tuple[str, ...],
    needed: dict[str, int],
) -> Corruptions:
    clean = {arm: read_arm(plan, folder, arm, n).preds_SN for arm, n in needed.items()}
    read: dict[str, Readings] = {
        arm: np.stack(
            [
                read_arrays(RunFolder(here, arm, seed).path / "predictions.npz")["predictions"]
                for seed in plan.study.seeds[:n_seeds]
            ],
            axis=1,
        )
        for arm, n_seeds in needed.items()
    }
    labels_N, seeds = confirm.labels_N, plan.study.seeds[: needed[BASELINE]]
    kept = labels_N.astype(np.min_scalar_type(confirm.n_classes - 1))
    arrays = {"labels": kept, "seeds": np.array(seeds), "corruptions": np.array(names, dtype="U")}
    write_arrays(
        here / "readings.npz",
        arrays | clean | {f"{arm} corrupted": own for arm, own in read.items()},
    )
    why = plan.exploratory or EXPLORATORY
    outcome = StudyVerdict(
        study=plan.study.name,
        smoke=plan.smoke,
        exploratory=why,
        plan_sha256=plan.sha256,
        seeds=seeds,
        arms={
            arm: _judge(plan, confirm, names, arm, (clean, read), why)
            for arm in plan.study.treated_arms
        },
    )
    write_json(here / "verdict.json", outcome.model_dump(mode="json"))
    alpha, (true, predicted) = plan.study.judge.alpha, plan.target
    groups_N = groups_of(plan, confirm)
    states = {CLEAN: clean}
    states |= {name: {arm: own[c] for arm, own in read.items()} for c, name in enumerate(names)}
    told = Robustness(
        study=plan.study.name,
        smoke=plan.smoke,
        exploratory=why,
        plan_sha256=plan.sha256,
        dataset_sha256=plan.dataset_sha256,
        corruptions=names,
        cell=f"{confirm.class_names[true]}→{confirm.class_names[predicted]}",
        n_images=len(confirm),
        n_class=int((labels_N == true).sum()),
        seeds=seeds,
        alpha=alpha,
        rows={
            name: {arm: arm_on(labels_N, own, arm, plan.target, alpha, groups_N) for arm in own}
            for name, own in states.items()
        },
        means={arm: arm_mean(labels_N, read, arm, alpha, groups_N) for arm in read},
    )
    write_json(here / "corruptions.json", told.model_dump(mode="json"))
    return load_corruptions(here)


def _judge(
    plan: Plan,
    confirm: Dataset,
    names: tuple[str, ...],
    arm: str,
    read: tuple[dict[str, Readings], dict[str, Readings]],
    why: str,
) -> Verdict:
    (clean, corrupted), spec = read, plan.study.judge
    n_seeds = len(clean[arm])

    def side(name: str) -> Predictions:
        whole = clean_side(plan, confirm, clean[name][:n_seeds])
        for corruption, read_SN in zip(names, corrupted[name], strict=True):
            whole = whole.with_view(corruption, read_SN[:n_seeds])
        return whole

    return judge(
        side(BASELINE),
        side(arm),
        cells=[names_of(cell, confirm) for cell in plan.cells],
        margins=spec.margins,
        alpha=spec.alpha,
        reduction=spec.reduction,
        arm=arm,
        exploratory=why,
    )
