"""Run a study: train, find the target, lock the plan, arms × seeds. Resumable at every step.

With looks in its plan, arms × seeds go look by look, and an arm that is settled gets no more seeds;
the baseline goes on as long as any arm does. `run_study` leaves a folder with complete runs and
`plan.json`; `evidence` then makes of it what the pages show.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from misread.files import write_json
from misread.images.corrupt import corrupt, parse_corruption
from misread.judge import PowerAnswer
from misread.judge.items import Gate
from misread.learn.call import call_of
from misread.learn.trainer import Lesson, Reader
from misread.learn.views import Part, View, load_parts
from misread.store import RunFolder
from misread.study.answer import alternatives_of
from misread.study.arms import BASELINE
from misread.study.file import source_of
from misread.study.folder import (
    Executor,
    refuse_another_run,
    refuse_another_study,
    repeat_sentence,
    select_folds,
    trainer_versions,
    work_through,
    workers_of,
)
from misread.study.held_out import explore_half, held_for, pooled_for
from misread.study.plan import Plan, counter_slices, lock
from misread.study.planned import planned_power
from misread.study.select import Target, errors_on_select, preview_views, target_of
from misread.study.study import Study
from misread.study.task import Note, OnReport, Task, start_of
from misread.study.verdict import verdict_at
from misread.study.workload import cost_of, left_of
from misread.workers.pool import Workers


class Until(StrEnum):
    """The stage to which a study is brought."""

    ERRORS = "errors"  # the confusion is found, and *confirm* is still closed
    PREVIEW = "preview"  # the baseline models have read the augmented *select* images
    END = "end"


def run_study(
    study: Study,
    folder: Path,
    *,
    jobs: int | None = None,
    executor: Executor = Executor.LOCAL,
    on_report: OnReport = lambda _: None,
    until: Until = Until.END,
    trainer: Callable[[Lesson], Reader] | None = None,
    mix_arithmetic: bool = False,
) -> Plan | None:
    """Bring a study to its end, doing only what the folder does not hold yet.

    Parameters
    ----------
    study
        The study.
    folder
        Its folder; it is created, and resumed if it holds a part of the same study.
    jobs
        Runs at the same time; None takes what fits. Results do not depend on it.
    executor
        The place of the runs: this machine, or a Ray cluster (see docs/cluster.md).
    on_report
        Receives a `Stage` as it begins, every `Progress` of the workers, and a `Note` on anything
        that people should know.
    until
        The stage to stop at; those before the end need a study that asks for a target.
    trainer
        A function that trains, in place of the study's trainer; see docs/trainer.md. Workers import
        it, so it must stand in a file, at the top level.
    mix_arithmetic
        Whether runs are trained with this machine's arithmetic where those of the folder have
        another.

    Returns
    -------
    Plan or None
        The plan, where it was locked.

    Raises
    ------
    PlanError
        If the folder holds runs that were made differently, or with another arithmetic.
    StoreError
        If the folder is in use or cannot be written.
    RunError
        If runs failed; all others are done.
    StudyError
        If the trainer is none that workers could import.
    """
    folder = folder.resolve()
    if trainer is not None:
        study = study.model_copy(update={"trainer": call_of(trainer)})
    arms = tuple(study.arms) if until == Until.END else (BASELINE,)
    todo = [
        run
        for run in (RunFolder(folder, arm, seed) for arm in arms for seed in study.first_seeds)
        if not (run.is_complete if until == Until.END else run.is_trained)
    ]
    how: Any = {"jobs": jobs, "executor": executor, "on_report": on_report}
    with workers_of(study, folder, todo, **how) as workers:
        work = _Study(study, folder, workers, on_report, mix_arithmetic=mix_arithmetic)
        return work.go(until)


def untrained(study: Study, folder: Path, until: Until) -> list[RunFolder]:
    """Return the runs of the baseline that have not come as far as `until`; nothing is trained.

    PlanError if the folder holds runs that were made differently.
    """
    parts = load_parts(study.dataset, study.sizes["confirm_size"])
    refuse_another_study(study, folder, parts.sha256)
    runs = [RunFolder(folder, BASELINE, seed) for seed in study.first_seeds]
    previews = until == Until.PREVIEW and study.policy is not None
    return [
        run
        for run in runs
        if not run.is_trained or (previews and not (run.path / "preview.npz").exists())
    ]


@dataclass
class _Study:
    """A study at work in its folder."""

    study: Study
    folder: Path
    workers: Workers
    on_report: OnReport
    mix_arithmetic: bool

    def __post_init__(self) -> None:
        self.parts = load_parts(self.study.dataset, self.study.sizes["confirm_size"])
        for name in self.study.corruptions:  # images of another kind are refused before all work
            corrupt(self.parts.confirm.images[:0], parse_corruption(name))
        self.folds = select_folds(self.study.seeds, self.folder)

    def go(self, until: Until) -> Plan | None:
        """Bring the study as far as asked; see `run_study`."""
        refuse_another_study(self.study, self.folder, self.parts.sha256)
        if not self.study.asks_target:
            return self.finish(self.plan(None, None), ())
        baseline = self.tasks((BASELINE,), self.study.first_seeds)
        for task in baseline:
            refuse_another_run(task)
        self.do("training the baseline", baseline)
        folders, train = [task.folder for task in baseline], self.parts.train
        explores_N = explore_half(self.study, train)
        errors = errors_on_select(self.study, train.n_classes, folders, explores_N)
        write_json(self.folder / "errors.json", errors)
        if until == Until.ERRORS:
            return None
        target = target_of(self.study, errors)
        previews = preview_views(self.study, target.cell)
        if until == Until.PREVIEW:
            tasks = self.tasks((BASELINE,), self.study.first_seeds, preview=previews)
            self.do("reading the augmented images", tasks)
            return None
        return self.finish(self.plan(target, errors), previews)

    def plan(self, target: Target | None, errors: dict[str, Any] | None) -> Plan:
        """Return the plan, not locked yet."""
        study, power, pooled = self.study, None, None
        policies = study.policies(target.cell if target else (0, 1))
        slices: tuple[View, ...] = ()
        if target is not None and errors is not None:
            slices = counter_slices([p for p in policies.values() if p], target.cell, study.slices)
            pooled = pooled_for(study, target.cell, self.parts, errors, self.folds)
            if not study.smoke:
                held = held_for(study, target.cell, self.parts, self.folds, pooled)
                power = planned_power(study, errors, target.cell, self.parts.confirm, held)
        return Plan(
            study=study,
            target=target and target.cell,
            target_from=target and target.source,
            target_on_select=target and target.on_select,
            policies=policies,
            slices=slices,
            dataset_sha256=self.parts.sha256,
            select_folds=self.folds,
            planned_power=power,
            pooled=pooled,
            gate=Gate.MEANT,
            grouped=target is not None and self.parts.confirm.groups_N is not None,
        )

    def finish(self, plan: Plan, previews: tuple[View, ...]) -> Plan:
        """Lock the plan, and train and read every arm, look by look where there are looks."""
        study = self.study
        everything = self.tasks(tuple(study.arms), study.seeds, plan, previews)
        for task in everything:  # before the lock: a study that is refused leaves the plan alone
            refuse_another_run(task)
        plan = lock(plan, self.folder)
        self.say(_notes(plan, everything))
        for arms, seeds in self.schedule(plan):
            self.do("training the arms", self.tasks(arms, seeds, plan, previews))
        self.say_how_it_was_trained()
        return plan

    def say_how_it_was_trained(self) -> None:
        """Say of another trainer than ours whether it repeats itself, and whether it changed."""
        if self.study.trainer.is_ours:
            return
        notes = [repeat_sentence(self.folder)]
        n_versions = trainer_versions(self.folder, self.study.arms)
        if n_versions > 1:
            notes.append(
                f"The source of {self.study.trainer.text} changed while this study was trained: "
                f"its runs are of {n_versions} versions. If that changes results, take a new "
                "folder with --out."
            )
        self.say(notes)

    def say(self, notes: Iterable[str]) -> None:
        """Report what people should know; "" is nothing."""
        for text in filter(None, notes):
            self.on_report(Note(text))

    def tasks(
        self,
        arms: Sequence[str],
        seeds: Sequence[int],
        plan: Plan | None = None,
        preview: tuple[View, ...] = (),
    ) -> list[Task]:
        """Return what is to be in the run folders; without a plan *confirm* stays closed."""
        views: tuple[View, ...] = ()
        if plan is not None:
            corrupted = tuple(View(corruption=name) for name in self.study.corruptions)
            fit = (View(part=Part.FIT),) if self.study.asks_accuracies else ()
            views = (View(), *plan.slices, *plan.held_out_slices, *corrupted, *fit)
        first = next(iter(self.study.arms)), self.study.seeds[0]
        return [
            Task(
                RunFolder(self.folder, arm, seed),
                self.study.run(
                    arm,
                    plan.policies[arm] if plan else None,
                    seed,
                    self.folds[seed],
                    self.parts.sha256,
                    plan.target if plan else None,
                ),
                views,
                preview if arm == BASELINE else (),
                repeat=(arm, seed) == first and not self.study.trainer.is_ours,
                start=start_of(self.study, self.folder, arm, seed),
            )
            for seed in seeds  # seed by seed: a study cut short is still balanced
            for arm in arms
        ]

    def do(self, title: str, tasks: list[Task]) -> None:
        """Do what is left of the tasks."""
        mix = self.mix_arithmetic
        work_through(title, tasks, self.folder, self.workers, self.on_report, mix_arithmetic=mix)

    def schedule(self, plan: Plan) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
        """Yield arms and seeds to be brought about: all at once, or as a look settles them."""
        arms, looks = tuple(plan.policies), plan.study.adaptive
        if looks is None:
            yield arms, plan.study.seeds
            return
        for n_seeds in looks.looks:
            yield arms, plan.study.seeds[:n_seeds]
            arms = (BASELINE, *self._not_settled(plan, arms, n_seeds))
            if arms == (BASELINE,):
                return

    def _not_settled(self, plan: Plan, arms: tuple[str, ...], n_seeds: int) -> Iterator[str]:
        most = plan.study.seeds
        saved = len(most) - n_seeds
        words = f"; {saved} of its {len(most)} runs saved" if saved else ""
        for arm in arms:
            if arm == BASELINE:
                continue
            verdict = verdict_at(plan, self.parts, self.folder, arm, n_seeds)
            if verdict.settled and not verdict.settled.why:
                yield arm
            else:
                self.say([f"{arm} settled after {n_seeds} seeds: {verdict.verdict}{words}."])


def _notes(plan: Plan, tasks: list[Task]) -> list[str]:
    """Return what to say before the arms are trained: what they cannot prove or hardly show."""
    if plan.study.smoke:
        return []
    notes = [f"This study is exploratory: {plan.exploratory}."] if plan.exploratory else []
    power = plan.planned_power
    if power and not all(task.is_done for task in tasks):
        notes += filter(None, (power.warning, power.safe.short if power.safe else ""))
        if power.hopeless:
            notes.append(_alternatives(plan, power, tasks[0].folder.path.parents[2]))
    return notes


def _alternatives(plan: Plan, planned: PowerAnswer, place: Path) -> str:
    """Return what to do in the place of a plan that is all but hopeless, as commands."""
    study = plan.study
    working = Path.cwd()
    return alternatives_of(
        source_of(study),
        str(place.relative_to(working) if place.is_relative_to(working) else place),
        planned,
        study.seeds,
        left_of(study, place),
        cost_of(study, place),
    )
