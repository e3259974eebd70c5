"""Judge the fixes of a study on other data: its trained models read them, and the judge compares.

In the folder of the transfer every source has one of its own, in which `reread` keeps what the
models have read; beside it::

    readings.npz      all of it: labels [N], seeds [S], each arm [S,N]; one that was settled early
                      has the first seeds
    verdict.json      the judge's verdict on each treated arm, as in a study
    transfer.json     written last: what was read, and how well

Images that a study has trained on are left out, corrupted copies of them too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from misread.data.sources import load, slug
from misread.errors import StoreError
from misread.files import Arrays, Record, path_in, read_json, write_arrays, write_json
from misread.judge import Verdict
from misread.learn.views import View, load_parts, unseen
from misread.readers.read import side_of_runs
from misread.store import RunFolder, locked
from misread.study.arms import BASELINE
from misread.study.plan import Plan, load_plan, load_target_plan
from misread.study.reread import NO_CALLS, Calls, judge_again, reread
from misread.study.verdict import StudyVerdict, seeds_needed


@dataclass(frozen=True)
class Transfer:
    """Readings of one source by the models of a study.

    `equal` is the share of readings that equal those of *confirm*, where the source is the study's
    own: it shows what MNIST's form changes in images that have it already.
    """

    source: str
    n_images: int  # that were read
    sha256: tuple[str, str]  # of the source's two parts
    folder: Path
    accuracy: dict[str, list[float]]  # of each arm, seed by seed
    equal: float | None
    outcome: StudyVerdict

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each treated arm."""
        return self.outcome.arms


def run_transfer(
    folder: Path,
    source: str,
    out: Path,
    *,
    jobs: int | None = None,
    calls: Calls = NO_CALLS,
) -> Transfer:
    """Let every model of a study read a source, and judge each arm; resumable model by model.

    The source, named as in `data.sources`, has a folder below `out`. Results do not depend on
    `jobs`. RunError if models could not be read, when all
    others were; StoreError if a model is missing, or `out` cannot be written or is in use;
    DataError if the source cannot be read, or has other classes than the study; PlanError if the
    study's plan was altered, or asks for no target.
    """
    plan = load_target_plan(folder)
    study = plan.study
    data = unseen(study.dataset, source)
    place = path_in(out, slug(source)).resolve()
    stated = {
        "source": source,
        "source_sha256": [part.sha256 for part in load(source)],
        "plan_sha256": plan.sha256,
        "n_images": len(data),
    }
    needed = seeds_needed(plan, load_parts(study.dataset, study.sizes["confirm_size"]), folder)
    with locked(place):
        at, views = folder.resolve(), (View(source=source),)
        read = reread(plan, needed, at, views, place, stated, jobs=jobs, calls=calls)
        return _conclude(plan, folder, read, place, stated)


def _conclude(
    plan: Plan,
    folder: Path,
    read: dict[str, list[Arrays]],
    place: Path,
    stated: dict[str, Any],
) -> Transfer:
    names = load(plan.study.dataset)[0].class_names
    seeds = plan.study.seeds[: len(read[BASELINE])]
    sides = {
        arm: side_of_runs(runs, [str(seed) for seed in seeds[: len(runs)]], names)
        for arm, runs in read.items()
    }
    preds = {arm: side.preds_SN for arm, side in sides.items()}
    labels_N = read[BASELINE][0]["labels"]
    write_arrays(place / "readings.npz", {"labels": labels_N, "seeds": np.array(seeds), **preds})
    write_json(place / "verdict.json", judge_again(plan, sides).model_dump(mode="json"))
    # the study's own dataset, and all of its test set was read
    is_own = stated["source_sha256"] == list(plan.dataset_sha256) and not plan.study.smoke
    summary = stated | {
        "study": plan.study.name,
        "accuracy": {arm: (p == labels_N).mean(axis=1).tolist() for arm, p in preds.items()},
        "equal_to_confirm": _equal(plan, folder, read) if is_own else None,
    }
    write_json(place / "transfer.json", summary)
    return _transfer(place, summary)


def _equal(plan: Plan, folder: Path, read: dict[str, list[Arrays]]) -> float:
    """Return the share of readings that equal those of *confirm*."""
    shares = [
        (
            run["predictions"][0] == RunFolder(folder, arm, seed).predictions()["predictions"][0]
        ).mean()
        for arm, runs in read.items()
        for seed, run in zip(plan.study.seeds[: len(runs)], runs, strict=True)
    ]
    return float(np.mean(shares))


class TransferRecord(Record):
    """`transfer.json`: the fields of a `Transfer` that are not its verdict."""

    plan_sha256: str
    source: str
    n_images: int
    source_sha256: tuple[str, str]
    accuracy: dict[str, list[float]]
    equal_to_confirm: float | None


def load_transfers(folder: Path, out: Path) -> list[Transfer]:
    """Return every finished transfer of a study that is in `out`, in the order of their names.

    StoreError if there is none, or a file is damaged.
    """
    plan = load_plan(folder)
    transfers = []
    for path in sorted(out.glob("*/transfer.json")):
        stored = read_json(path, TransferRecord)
        if stored["plan_sha256"] == plan.sha256:
            transfers.append(_transfer(path.parent, stored))
    if not transfers:
        msg = f"{out} holds no finished transfer of {folder}; run `misread transfer` first."
        raise StoreError(msg)
    return transfers


def _transfer(place: Path, stored: dict[str, Any]) -> Transfer:
    try:
        outcome = StudyVerdict.model_validate(read_json(place / "verdict.json"))
    except ValidationError:
        msg = f"{place / 'verdict.json'} is of another version; run `misread transfer` again."
        raise StoreError(msg) from None
    return Transfer(
        source=stored["source"],
        n_images=stored["n_images"],
        sha256=(stored["source_sha256"][0], stored["source_sha256"][1]),
        folder=place,
        accuracy=stored["accuracy"],
        equal=stored["equal_to_confirm"],
        outcome=outcome,
    )
