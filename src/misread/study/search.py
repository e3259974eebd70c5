"""The search for a fix: many arms, few seeds; the better third goes on with more (halving).

Models learn the half of the training set that later *proves*, and read the whole half that
*explores*, which no proof counts. *Confirm* and the held-out tenths stay closed. In its folder::

    arms/ARM/seed_S/    the runs, as in a study, without `predictions.npz`
    fix.json            written last: every rung, every score, and what was dropped and why
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.errors import StudyError
from misread.files import Frozen, Record, read_arrays, read_json, unstated, write_json
from misread.judge.trade import gaps_of, logits_of, shift_for
from misread.learn.views import Part, View, load_parts
from misread.store import RunFolder
from misread.study.arms import BASELINE, Arm
from misread.study.folder import Executor, refuse_another_run, work_through, workers_of
from misread.study.halving import LAST, ExploreReadings, Rung, Score, halving, kept_of
from misread.study.plan import counter_slices
from misread.study.questions import Cell, cells_of
from misread.study.select import errors_on_select, target_of
from misread.study.study import Study
from misread.study.task import OnReport, Task, start_of
from misread.study.workload import minutes_of, relative_cost
from misread.workers.machine import default_jobs
from misread.workers.pool import Workers

FIRST_SEED = 1_000_001  # of the search: seeds that no proof is likely to take
SEEDS = (2, 4, 8)  # of the rungs
_SMOKE_SEEDS = (1, 2)


class Search(Frozen):
    """A finished search; `fix.json`.

    `shift` is the constant on the logit of the true class with which the baseline makes as many
    errors of the target as the best arm; None where it makes none.
    """

    study: str  # its baseline was to be improved
    smoke: bool
    dataset_sha256: tuple[str, str]
    target: Cell
    target_name: str
    both_directions: bool = unstated(default=False)  # errors of target and reverse were counted
    n_images: int  # of *explore*
    n_class: int  # those of them of the target's true class
    rungs: tuple[Rung, ...]  # from many arms with few seeds to few arms with more
    left_out: dict[str, str]  # arms that were not tried, and why
    shift: float | None
    placebo: Cell | None  # the leading confusion of two other classes
    number: int  # of the searches on this target, among the folders beside this one
    minutes: float  # that a proof with the study's seeds takes, by the seconds of this search

    @property
    def best(self) -> tuple[Score, ...]:
        """The arms of the last rung that save more than they harm, at most three."""
        return tuple(score for score in self.rungs[-1].arms if score.score > 0)[:LAST]

    @property
    def reverse_name(self) -> str:
        """The name of the target's reverse."""
        return "→".join(reversed(self.target_name.split("→")))

    @property
    def targets_name(self) -> str:
        """The name of the target, and of its reverse where that is one too."""
        reverse = f" and {self.reverse_name}" if self.both_directions else ""
        return self.target_name + reverse

    def errors(self, score: Score) -> float:
        """Return the errors of all targets, in images per seed."""
        return score.target + score.reverse * self.both_directions


def search(
    study: Study,
    candidates: Mapping[str, Arm],
    folder: Path,
    *,
    left_out: Mapping[str, str] | None = None,
    budget_minutes: float | None = None,
    jobs: int | None = None,
    on_report: OnReport = lambda _: None,
) -> Search:
    """Search for arms that lower a study's target, doing only what the folder does not hold yet.

    The baseline of the study is to be improved; where it names no target, its leading confusion on
    *explore* is lowered. `left_out` says what was left out before, and why. `budget_minutes`, for
    all trainings together, is divided by what the baseline was seen to take; candidates that do not
    fit are left out, the costliest first. Results do not depend on `jobs`. What is found is written
    as `fix.json` too.

    StudyError if the budget is too small for three candidates; else errors as in `run_study`.
    """
    baseline = study.arms.get(BASELINE, next(iter(study.arms.values())))
    arms = {BASELINE: baseline, **{k: v for k, v in candidates.items() if k != BASELINE}}
    stated = {"arms": arms, "claims": (), "axis": "", "adaptive": None, "target": study.target}
    tried = Study.model_validate({**dict(study), **stated})
    n_seeds = _SMOKE_SEEDS if study.smoke else SEEDS
    seeds = tuple(range(FIRST_SEED, FIRST_SEED + n_seeds[-1]))
    first = [RunFolder(folder.resolve(), arm, seed) for arm in arms for seed in seeds[: n_seeds[0]]]
    todo = [run for run in first if not run.is_trained]
    how: Any = {"jobs": jobs, "executor": Executor.LOCAL, "on_report": on_report}
    with workers_of(tried, folder, todo, **how) as workers:
        work = _Search(tried, folder.resolve(), workers, on_report, seeds, dict(left_out or {}))
        return work.go(n_seeds, budget_minutes, jobs or default_jobs())


class _Target(Record):
    """`fix.json` of any version: what was searched for."""

    dataset_sha256: tuple[str, str]
    target: Cell
    both_directions: bool = False


@dataclass
class _Search:
    """A search at work in its folder."""

    study: Study
    folder: Path
    workers: Workers
    on_report: OnReport
    seeds: tuple[int, ...]
    left_out: dict[str, str]
    cell: Cell = (0, 1)  # until the target is found
    views: tuple[View, ...] = ()

    def __post_init__(self) -> None:
        self.parts = load_parts(self.study.dataset, self.study.sizes["confirm_size"])

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The target, and its reverse where that is one too."""
        return cells_of(self.cell, both=self.study.judge.both_directions)

    def go(self, n_seeds: tuple[int, ...], budget: float | None, n_workers: int) -> Search:
        """Find the target, go rung by rung, and write what came out."""
        self.do("training the baseline", (BASELINE,), n_seeds[0])
        folders = self.folders(BASELINE, n_seeds[0])
        errors = errors_on_select(self.study, self.parts.train.n_classes, folders)
        self.cell = target_of(self.study, errors).cell
        policies = [p for p in self.study.policies(self.cell).values() if p]
        self.views = tuple(
            view.model_copy(update={"part": Part.SELECT})
            for view in counter_slices(policies, self.cell, self.study.slices)
        )
        arms, left_out = self.within(budget, n_seeds, n_workers)
        rungs = tuple(halving(arms, n_seeds, self.cells, self.read))
        train = self.parts.train
        explored = folders[0].select()["labels"]
        ranked = [(cell["true"], cell["predicted"]) for cell in errors["cells"]]
        outcome = Search(
            study=self.study.name,
            smoke=self.study.smoke,
            dataset_sha256=self.parts.sha256,
            target=self.cell,
            target_name="→".join(train.class_names[k] for k in self.cell),
            both_directions=self.study.judge.both_directions,
            n_images=len(explored),
            n_class=int((explored == self.cell[0]).sum()),
            rungs=rungs,
            left_out=self.left_out | left_out,
            shift=self.shift(rungs[-1].arms[0].target, n_seeds[-1]),
            placebo=next((cell for cell in ranked if not {*cell} & {*self.cell}), None),
            number=1 + self.searches_before(),
            minutes=self.minutes(rungs[-1], n_workers),
        )
        write_json(self.folder / "fix.json", outcome.model_dump(mode="json"))
        return outcome

    def within(
        self, budget: float | None, n_seeds: tuple[int, ...], n_workers: int
    ) -> tuple[list[str], dict[str, str]]:
        """Return the arms that fit into the budget, and why others do not."""
        arms = [arm for arm in self.study.arms if arm != BASELINE]
        if budget is None:
            return arms, {}
        seconds = self.seconds(BASELINE, n_seeds[0])
        costs = {arm: relative_cost(self.study, arm) for arm in arms}
        kept = sorted(arms, key=lambda arm: costs[arm])

        def minutes() -> float:
            left, total = kept, 0.0
            for number in n_seeds:
                total += number * (1 + sum(costs[arm] for arm in left))
                left = left[-kept_of(len(left)) :]  # at most: the costliest go on
            return total * seconds / n_workers / 60

        while len(kept) > LAST and minutes() > budget:
            kept.pop()
        if minutes() > budget:
            msg = (
                f"a search of {len(kept)} candidates takes about {minutes_of(60 * minutes())} "
                f"here, and the budget is {budget:g}; allow more with --budget, or name cheaper "
                "candidates."
            )
            raise StudyError(msg)
        why = f"it costs {{:.1f}} times the baseline, and the budget is {budget:g} min"
        return (
            [arm for arm in arms if arm in kept],
            {arm: why.format(costs[arm]) for arm in arms if arm not in kept},
        )

    def read(self, arms: Sequence[str], n_seeds: int) -> dict[str, ExploreReadings]:
        """Train what is left of these arms, and return their readings of *explore*."""
        self.do(f"{n_seeds} seeds of {len(arms)} arms", arms, n_seeds)
        return {arm: self.readings(arm, n_seeds) for arm in arms}

    def readings(self, arm: str, n_seeds: int) -> ExploreReadings:
        """Return what an arm reads."""
        folders = self.folders(arm, n_seeds)
        clean = [folder.select() for folder in folders]
        labels_M = clean[0]["labels"].astype(np.int64)
        slices: dict[str, npt.NDArray[np.int64]] = {}
        for s, folder in enumerate(folders if self.views else ()):
            arrays = read_arrays(folder.path / "preview.npz")
            for number, treatment in enumerate(arrays["slice_treatments"].tolist()):
                nothing = np.full((n_seeds, len(labels_M)), -1)
                read_SM = slices.setdefault(treatment, nothing)
                read_SM[s, arrays[f"slice_{number}_ids"]] = arrays[f"slice_{number}_predictions"]
        preds_SM = np.stack([run["predictions"][0] for run in clean]).astype(np.int64)
        seconds, cost = self.seconds(arm, n_seeds), relative_cost(self.study, arm)
        return ExploreReadings(labels_M, preds_SM, slices, seconds, cost)

    def folders(self, arm: str, n_seeds: int) -> list[RunFolder]:
        """Return the run folders of an arm's first seeds."""
        return [RunFolder(self.folder, arm, seed) for seed in self.seeds[:n_seeds]]

    def seconds(self, arm: str, n_seeds: int) -> float:
        """Return the seconds of a training, mean over seeds."""
        machines = [folder.environment() for folder in self.folders(arm, n_seeds)]
        return float(np.mean([machine["train_seconds"] for machine in machines]))

    def do(self, title: str, arms: Sequence[str], n_seeds: int) -> None:
        """Train what is left, and read the views that are known by then."""
        tasks = [self.task(arm, seed) for seed in self.seeds[:n_seeds] for arm in arms]
        for task in tasks:
            refuse_another_run(task)
        work_through(title, tasks, self.folder, self.workers, self.on_report)

    def task(self, arm: str, seed: int) -> Task:
        """Return a run that learns one half and reads the other; *confirm* stays closed."""
        policy = self.study.policies(self.cell)[arm]
        run = self.study.run(arm, policy, seed, 0, self.parts.sha256, self.cell)
        start = start_of(self.study, self.folder, arm, seed)
        halved = run.model_copy(update={"halves": True})
        return Task(RunFolder(self.folder, arm, seed), halved, preview=self.views, start=start)

    def shift(self, errors: float, n_seeds: int) -> float | None:
        """Return the constant with which the baseline makes `errors` of the target per seed."""
        gaps = []
        for read in (folder.select() for folder in self.folders(BASELINE, n_seeds)):
            probs_MK = read["probs"][0][read["labels"] == self.cell[0]]
            gaps.append(gaps_of(logits_of(probs_MK), *self.cell))
        if not any((seed > 0).any() for seed in gaps):
            return None
        return round(shift_for(tuple(gaps), errors * n_seeds), 4)

    def searches_before(self) -> int:
        """Return how many finished searches on this target lie in the folders beside this one."""
        count = 0
        for path in self.folder.parent.glob("*/fix.json"):
            other = _Target.model_validate(read_json(path, _Target))
            same = other.dataset_sha256 == self.parts.sha256 and path.parent != self.folder
            cells = cells_of(other.target, both=other.both_directions)
            count += same and not set(self.cells).isdisjoint(cells)
        return count

    def minutes(self, last: Rung, n_workers: int) -> float:
        """Return what a proof of the best arms takes with the study's seeds."""
        runs = [last.baseline, *last.arms[:LAST]]
        controls = 2 * last.baseline.seconds
        per_seed = sum(run.seconds for run in runs) + controls
        return len(self.study.seeds) * per_seed / n_workers / 60


def most_epochs(study: Study, candidates: Mapping[str, Arm]) -> list[int]:
    """Return the epochs of each run that a search can come to, for a progress bar."""
    n_seeds = _SMOKE_SEEDS if study.smoke else SEEDS
    left = sorted(arm.epochs for arm in candidates.values())
    runs, before = [next(iter(study.epochs.values()))] * n_seeds[-1], 0
    for number in n_seeds:
        runs += left * (number - before)
        left, before = left[-kept_of(len(left)) :], number
    return runs
