"""The way of a study: baseline → select → lock → arms × seeds. Resumable at every step.

With looks in its plan, arms × seeds go look by look, and an arm that is settled gets no more seeds;
the baseline goes on as long as any arm does.

`run_study` leaves a folder with complete runs, `errors.json` and `plan.json`; `evidence` then makes
of it what the pages show.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from misread.data.parts import stratified_subset
from misread.data.sources import load
from misread.errors import JudgeError, StudyError
from misread.files import write_json
from misread.images.corrupt import corrupt, parse_corruption
from misread.judge import Pilot, PowerAnswer, pilot_from_counts, plan_power
from misread.learn.policy import Policy, Slice
from misread.learn.recipe import Run
from misread.learn.work import Corrupted, Task
from misread.store import RunFolder
from misread.study.folder import (
    Note,
    OnReport,
    Stage,
    at_work,
    refuse_another_run,
    refuse_another_study,
    select_folds,
)
from misread.study.plan import Plan, counter_slices, lock
from misread.study.select import errors_on_select
from misread.study.study import BASELINE, Study
from misread.study.verdict import verdict_at


def run_study(
    study: Study,
    folder: Path,
    *,
    jobs: int | None = None,
    executor: str = "local",
    on_report: OnReport = lambda _: None,
    until: str = "all",
) -> Plan | None:
    """Bring a study to its end, doing only what the folder does not hold yet.

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
        Receives a `Stage` as each stage begins, every `Progress` of the workers, and a `Note` on
        anything that people should know.
    until
        "errors" stops when the confusion is found and *confirm* is still closed, "preview" when
        the baseline models have read the augmented *select* images, "all" goes to the end.

    Returns
    -------
    Plan or None
        The plan, where it was locked.

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
        first_arm_only=until != "all",
    ) as workers:
        hashes = tuple(part.sha256 for part in load(study.dataset))
        for name in study.corruptions:  # images of another kind are refused before all work
            corrupt(load(study.dataset)[1].images[:0], parse_corruption(name))
        folds = select_folds(study.seeds, folder)

        def run_of(arm: str, policy: Policy | None, seed: int) -> Run:
            return study.run(arm, policy, seed, folds[seed], (hashes[0], hashes[1]))

        def go(title: str, tasks: list[Task]) -> None:
            on_report(Stage(title, tuple(tasks)))
            workers.run([task for task in tasks if not task.is_done])

        baseline = [
            Task(RunFolder(folder, BASELINE, seed), run_of(BASELINE, None, seed))
            for seed in study.first_seeds
        ]
        refuse_another_study(folder, baseline[0].run)
        for task in baseline:
            refuse_another_run(task)
        go("baseline", baseline)
        errors = errors_on_select(study, [task.folder for task in baseline])
        write_json(folder / "errors.json", errors)
        if until == "errors":
            return None

        target, target_from = target_of(study, errors)
        previews = preview_slices(study, target)
        if until == "preview":
            go("preview", [Task(t.folder, t.run, preview=previews) for t in baseline])
            return None

        policies = study.policies(target)
        plan = Plan(
            study=study,
            target=target,
            target_from=target_from,
            target_on_select=next(
                cell for cell in errors["cells"] if (cell["true"], cell["predicted"]) == target
            ),
            policies=policies,
            slices=tuple(counter_slices([p for p in policies.values() if p], target)),
            dataset_sha256=(hashes[0], hashes[1]),
            select_folds=folds,
            planned_power=None if study.smoke else planned_power(study, errors, target),
            grouped=load(study.dataset)[1].groups_N is not None,
        )

        def tasks_of(arms: tuple[str, ...], seeds: tuple[int, ...]) -> list[Task]:
            return [
                Task(
                    RunFolder(folder, arm, seed),
                    run_of(arm, policies[arm], seed),
                    (*plan.slices, *map(Corrupted, study.corruptions)),
                    previews if arm == BASELINE else (),
                )
                for seed in seeds  # seed by seed: a study cut short is still balanced
                for arm in arms
            ]

        every = tasks_of(tuple(policies), study.seeds)
        for task in every:  # before the lock: a study that is refused leaves the plan as it was
            refuse_another_run(task)
        plan = lock(plan, folder)
        for text in _notes(plan, every):
            on_report(Note(text))
        _by_looks(
            plan,
            folder,
            lambda own, seeds: go("arms", tasks_of(own, seeds)),
            on_report,
        )
        return plan


def _by_looks(
    plan: Plan,
    folder: Path,
    bring_about: Callable[[tuple[str, ...], tuple[int, ...]], None],
    on_report: OnReport,
) -> None:
    """Run arms × seeds: all at once, or look by look until every arm is settled."""
    study, left = plan.study, tuple(plan.policies)
    if study.adaptive is None:
        bring_about(left, study.seeds)
        return
    for n_seeds in study.adaptive.looks:
        bring_about(left, study.seeds[:n_seeds])
        verdicts = {a: verdict_at(plan, folder, a, n_seeds) for a in left if a != BASELINE}
        saved = study.adaptive.most - n_seeds
        told = f"; {saved} of its {study.adaptive.most} runs saved" if saved else ""
        goes_on = [BASELINE]
        for arm, verdict in verdicts.items():
            if verdict.settled and not verdict.settled.why:
                goes_on.append(arm)
            else:
                on_report(Note(f"{arm} settled after {n_seeds} seeds: {verdict.verdict}{told}."))
        left = tuple(goes_on)
        if left == (BASELINE,):
            return


def target_of(
    study: Study, errors: dict[str, Any]
) -> tuple[tuple[int, int], Literal["study file", "select"]]:
    """Return the target cell, and whether the study file names it or it is the top on *select*.

    Raises
    ------
    StudyError
        If the study file names classes that the dataset does not have.
    """
    if study.target is not None:
        if study.target not in {(cell["true"], cell["predicted"]) for cell in errors["cells"]}:
            largest = max(cell["true"] for cell in errors["cells"])
            msg = (
                f"the target {study.target[0]}:{study.target[1]} is no cell of {study.dataset!r}, "
                f"whose classes are 0 to {largest}; name another one."
            )
            raise StudyError(msg)
        return study.target, "study file"
    top = errors["cells"][0]
    return (top["true"], top["predicted"]), "select"


def _notes(plan: Plan, arms: list[Task]) -> list[str]:
    """Return what to say before the arms are trained: what they cannot prove or hardly show."""
    if plan.study.smoke:
        return []
    notes = [f"This study is exploratory: {plan.exploratory}."] if plan.exploratory else []
    if plan.planned_power and plan.planned_power.warning and not all(t.is_done for t in arms):
        notes.append(plan.planned_power.warning)
    return notes


def planned_power(
    study: Study, errors: dict[str, Any], target: tuple[int, int]
) -> PowerAnswer | None:
    """Return what a study can be expected to show of its target on *confirm*.

    The rate is that of the baseline on *select*, as in `errors.json`; of *confirm* only the labels
    are counted. Where both directions are asked, the level is that of the first step of Holm. None
    where *select* holds no such error: then no reduction can be planned.
    """
    try:
        pilot = pilot_on_select(errors, target)
    except JudgeError:
        return None
    name, n_images = on_confirm(study, target)
    alpha = study.judge.alpha
    level = study.adaptive.levels(alpha)[-1] if study.adaptive else alpha
    return plan_power(
        pilot,
        cell=name,
        n_seeds=len(study.seeds),
        n_images=n_images,
        reduction=study.judge.reduction,
        alpha=level / (2 if study.judge.both_directions else 1),
    )


def on_confirm(study: Study, cell: tuple[int, int]) -> tuple[str, int]:
    """Return the name of a cell and how many images of its true class *confirm* has.

    Only the labels are looked at.

    Raises
    ------
    StudyError
        If the dataset has no such classes.
    """
    _, test = load(study.dataset)
    if max(cell) >= test.n_classes:
        msg = (
            f"the cell {cell[0]}:{cell[1]} is none of {study.dataset!r}, whose classes are 0 to "
            f"{test.n_classes - 1}; name another one."
        )
        raise StudyError(msg)
    some_run = study.run(BASELINE, None, study.seeds[0], 0, ("", ""))
    labels_N = test.labels_N[stratified_subset(test.labels_N, some_run.confirm_size)]
    return "→".join(test.class_names[k] for k in cell), int((labels_N == cell[0]).sum())


def pilot_on_select(errors: dict[str, Any], target: tuple[int, int]) -> Pilot:
    """Return what `errors.json` tells of a cell.

    Raises
    ------
    JudgeError
        If it holds no such error.
    """
    known = [c for c in errors["cells"] if (c["true"], c["predicted"]) == target and c["rate"]]
    n_errors = round(known[0]["mean"] * known[0]["n_seeds"]) if known else 0
    n_readings = round(n_errors / known[0]["rate"]) if known else sum(errors["n_images_per_seed"])
    source = "the baseline's errors on select" + (" in a smoke run" if errors["smoke"] else "")
    return pilot_from_counts(n_errors, n_readings, len(errors["seeds"]), source)


def preview_slices(study: Study, target: tuple[int, int]) -> tuple[Slice, ...]:
    """Return the target classes under each operation and size of every dose, size 1 included."""
    policies = list(study.policy.resolve(target).values())
    sizes = range(1, 1 + max(policy.size_px[1] for policy in policies))
    names = sorted({name for policy in policies for name in policy.operation_names})
    return tuple(
        Slice(operation=name, size_px=size, label=label)
        for name in names
        for size in sizes
        for label in target
    )
