"""The way of a comparison: lock the plan, then arms × seeds. Resumable at every step.

`run_comparison` leaves a folder with complete runs and `plan.json`; `differences` then makes of it
what the pages show.
"""

from pathlib import Path

from misread.data.sources import load
from misread.learn.work import Task
from misread.store import RunFolder
from misread.study.comparison import Comparison, ComparisonPlan
from misread.study.folder import (
    Note,
    OnReport,
    Stage,
    at_work,
    refuse_another_run,
    refuse_another_study,
    select_folds,
)
from misread.study.plan import lock


def run_comparison(
    study: Comparison,
    folder: Path,
    *,
    jobs: int | None = None,
    executor: str = "local",
    on_report: OnReport = lambda _: None,
) -> ComparisonPlan:
    """Bring a comparison to its end: lock the plan, then arms × seeds. Resumable at every step.

    Parameters
    ----------
    study
        What to run.
    folder
        Where; it is created, and resumed if it holds a part of the same study.
    jobs
        Runs at the same time; None takes what fits. Results do not depend on it.
    executor
        Where the runs are done: "local", or "ray" for a Ray cluster (see docs/cluster.md).
    on_report
        As in `trial.run_study`.

    Returns
    -------
    ComparisonPlan
        The plan.

    Raises
    ------
    PlanError
        If the folder holds runs that were made differently.
    StoreError
        If the folder is in use or cannot be written.
    RunError
        If runs failed; all others are done.
    """
    folder = folder.resolve()
    with at_work(
        study,
        folder,
        jobs=jobs,
        executor=executor,
        on_report=on_report,
    ) as workers:
        train, test = load(study.dataset)
        hashes = (train.sha256, test.sha256)
        folds = select_folds(study.seeds, folder)
        tasks = [
            Task(
                RunFolder(folder, arm, seed),
                study.run(arm, seed, folds[seed], hashes),
                slices=(),
                compared=True,
            )
            for seed in study.seeds  # seed by seed: a study cut short is still balanced
            for arm in study.arms
        ]
        recipes = {name: arm.recipe for name, arm in study.arms.items()}
        refuse_another_study(folder, tasks[0].run, recipes)
        for task in tasks:  # before the lock: a study that is refused leaves the plan as it was
            refuse_another_run(task)
        plan = lock(ComparisonPlan(study=study, dataset_sha256=hashes, select_folds=folds), folder)
        if plan.exploratory and not study.smoke:
            on_report(Note(f"This study is exploratory: {plan.exploratory}."))
        on_report(Stage("arms", tuple(tasks)))
        workers.run([task for task in tasks if not task.is_done])
        return plan
