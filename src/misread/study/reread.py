"""The trained models of a study read other views: resumed, never mixed, judged, stored.

Nothing is trained, and the study's folder is only read. What every model has read is kept in a
folder of its own::

    source.json                               what is read there, and by the models of which plan
    arms/<arm>/seed_<seed>/predictions.npz    what a model has read
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from misread.errors import StoreError
from misread.files import Arrays, read_arrays, read_json, write_arrays, write_json
from misread.judge import Predictions, judge
from misread.learn.order import Order, Progress
from misread.learn.recipe import Run, TrainerCall
from misread.learn.views import View, views_in
from misread.learn.work import preload, prepare, read_again
from misread.store import RunFolder
from misread.study.arithmetic import as_recorded
from misread.study.arms import BASELINE
from misread.study.plan import Plan
from misread.study.verdict import StudyVerdict, asked_of
from misread.workers.machine import default_jobs
from misread.workers.pool import Workers
from misread.workers.processes import LocalPool

EXPLORATORY = "these data were chosen after the plan had been locked"


@dataclass(frozen=True)
class Rereading:
    """One model that is to read views; what it reads is written into `place`."""

    model: RunFolder
    place: RunFolder
    trainer: TrainerCall
    views: tuple[View, ...]

    @property
    def name(self) -> str:
        """Arm and seed, for people."""
        return f"{self.model.arm} seed {self.model.seed}"

    @property
    def path(self) -> Path:
        """The file of what the model has read."""
        return self.place.path / "predictions.npz"

    @property
    def is_done(self) -> bool:
        """Return whether all views have been read."""
        if not self.path.exists():
            return False
        if len(self.views) == 1 and self.views[0].is_whole:
            return True
        arrays = read_arrays(self.path)
        return "slice_names" in arrays and set(self.views) <= set(views_in(arrays))

    def order(self) -> Order:
        """Return what a worker needs.

        StoreError if the run is not of the trainer that the study's plan states, or has no model.
        """
        stored = self.model.stored_model()
        try:
            run = Run.model_validate(self.model.config())
        except ValidationError as error:
            msg = (
                f"{self.model.path / 'config.json'} is no run of this version "
                f"({error.errors()[0]['msg']}); bring an unaltered copy back."
            )
            raise StoreError(msg) from None
        if run.trainer != self.trainer:
            msg = f"{self.model.path} is of another trainer than its study's plan; train it again."
            raise StoreError(msg)
        return Order(run, stored, views=self.views)


class Calls(NamedTuple):
    """Calls as models read views."""

    begin: Callable[[int, int], None] = lambda *_: None  # once: all views, and those read before
    view: Callable[[Rereading, int], None] = lambda *_: None  # a model, and its views read so far
    note: Callable[[str], None] = lambda _: None  # when a reading is tried again or fails


NO_CALLS = Calls()


def reread(
    plan: Plan,
    needed: Mapping[str, int],
    folder: Path,
    views: tuple[View, ...],
    place: Path,
    stated: dict[str, Any],
    *,
    jobs: int | None,
    calls: Calls,
) -> dict[str, list[Arrays]]:
    """Let every model of a study read views, as far as it has not; return what they read.

    `needed` says how many seeds count of each arm. The readings are in `place`, and `stated` is the
    content of `source.json` there: `source_sha256` and `plan_sha256` among it.

    It returns, by arm, the arrays of `predictions.npz`, seed by seed. RunError if models could not
    be read, when all others were; StoreError if a model is missing, or `place` holds readings of
    something else.
    """
    trainer = plan.study.trainer
    readings = [
        Rereading(RunFolder(folder, arm, seed), RunFolder(place, arm, seed), trainer, views)
        for arm in plan.policies
        for seed in plan.study.seeds[: needed[arm]]
    ]
    refuse_others(place, stated)
    write_json(place / "source.json", stated)
    todo = [reading for reading in readings if not reading.is_done]
    calls.begin(len(views) * len(readings), len(views) * (len(readings) - len(todo)))

    def take(reading: Rereading, report: Any) -> None:
        if isinstance(report, Progress):
            calls.view(reading, report.number)
        else:
            write_arrays(reading.path, report)

    log = place / "workers.log"
    n_jobs = jobs or default_jobs()
    pool = LocalPool(read_again, partial(prepare, trainer), n_jobs, log, preload(trainer))
    with as_recorded(folder), Workers(pool, take, calls.note, str(log)) as workers:
        workers.run(todo)
    log.unlink(missing_ok=True)  # it stays where something failed
    return {
        arm: [read_arrays(reading.path) for reading in readings if reading.model.arm == arm]
        for arm in plan.policies
    }


def refuse_others(place: Path, stated: dict[str, Any]) -> None:
    """Refuse to mix: the readings of a folder are of one study and one content.

    StoreError if `source.json` in the folder states another one.
    """
    path = place / "source.json"
    if not path.exists():
        return
    there = read_json(path)
    differing = [k for k in ("source_sha256", "plan_sha256") if there.get(k) != stated[k]]
    if differing:
        what = "data" if "source_sha256" in differing else "models"
        msg = (
            f"{place} holds readings of other {what} under this name; delete it, or choose another "
            "folder with --out."
        )
        raise StoreError(msg)


def judge_again(plan: Plan, sides: Mapping[str, Predictions]) -> StudyVerdict:
    """Return the verdict on every treated arm from what it read again; exploratory by its nature.

    `sides` has the baseline first; an arm with fewer seeds has the first of them.
    """
    before, why = sides[BASELINE], {"exploratory": plan.exploratory or EXPLORATORY}
    return StudyVerdict(
        **plan.heading | why,
        seeds=plan.study.seeds[: before.n_seeds],
        arms={
            arm: judge(
                before.of_seeds(range(side.n_seeds)),
                side,
                **asked_of(plan, arm, side.class_names) | why,
            )
            for arm, side in sides.items()
            if arm != BASELINE
        },
    )
