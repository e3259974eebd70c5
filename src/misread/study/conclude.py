"""The JSON files of a finished study, written from its evidence."""

from pathlib import Path
from typing import Any

from misread.files import read_json, write_json
from misread.judge import class_metrics
from misread.learn.views import Parts, load_parts
from misread.store import RunFolder
from misread.study.answer import answer_of
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence, SliceEvidence, load_evidence
from misread.study.held_out import explore_half
from misread.study.plan import Plan, load_plan
from misread.study.preview import preview_numbers
from misread.study.select import Errors, errors_on_select
from misread.study.slices import NOT_PLANNED, Slices
from misread.study.verdict import StudyVerdict, seeds_needed


def conclude(folder: Path) -> Evidence:
    """Write what a finished study comes to, as JSON, and return what it was made of.

    Of a target: `errors.json` and `preview.json` anew, `experiment_summary.json`, a
    `comparison_seed_*.json` for every treated arm and seed, `verdict.json` and `slices.json`. Of
    accuracies: `comparison.json`.

    Raises
    ------
    StoreError
        If a run is missing or damaged, or the folder cannot be written.
    PlanError
        If the plan was altered.
    """
    write_from_select(folder)
    evidence = load_evidence(folder)
    study = evidence.plan.study
    if study.asks_target:
        write_json(folder / "experiment_summary.json", evidence.summary)
        for arm in evidence.treated_arms:
            for row, seed in enumerate(evidence.runs[arm].seeds):
                path = folder / arm / f"comparison_seed_{seed}.json"
                write_json(path, comparison(evidence, arm, row))
        outcome = StudyVerdict(
            answer=answer_of(evidence.verdicts),
            **evidence.plan.heading,
            seeds=evidence.seeds,
            saved=evidence.saved,
            arms=evidence.verdicts,
        )
        write_json(folder / "verdict.json", outcome.model_dump(mode="json"))
        write_slices(evidence)
    if study.asks_accuracies:
        write_json(folder / "comparison.json", evidence.accuracies.model_dump(mode="json"))
    return evidence


def write_from_select(folder: Path) -> None:
    """Write `errors.json` and `preview.json` of the seeds of the plan, where it has a target.

    Errors as in `conclude`.
    """
    plan = load_plan(folder)
    if plan.target is None:
        return
    parts = load_parts(plan.study.dataset, plan.study.sizes["confirm_size"])
    folders = [RunFolder(folder, BASELINE, seed) for seed in _seeds(plan, parts, folder)]
    explores_N = explore_half(plan.study, parts.train) if plan.pooled else None
    errors = errors_on_select(plan.study, parts.train.n_classes, folders, explores_N)
    write_json(folder / "errors.json", errors)
    preview = preview_numbers(plan.study, plan.target, parts.train, folder)
    write_json(folder / "preview.json", preview)


def _seeds(plan: Plan, parts: Parts, folder: Path) -> tuple[int, ...]:
    """Return the seeds of the baseline that count."""
    return plan.study.seeds[: seeds_needed(plan, parts, folder)[BASELINE]]


def mend_from_select(folder: Path) -> None:
    """Write `errors.json` and `preview.json` anew where they are of other seeds than the plan.

    `misread errors` or `preview` may have been asked of others since, and a report would show their
    rates as those of the study. Errors as in `conclude`.
    """
    plan = load_plan(folder)
    if plan.target is None:
        return
    parts = load_parts(plan.study.dataset, plan.study.sizes["confirm_size"])
    seeds = _seeds(plan, parts, folder)
    if read_json(folder / "errors.json", Errors)["seeds"] != list(seeds):
        write_from_select(folder)


def write_slices(evidence: Evidence) -> None:
    """Write `slices.json`, which needs no new reading."""
    write_json(evidence.folder / "slices.json", slices_as_json(evidence, evidence.sliced))


def slices_as_json(evidence: Evidence, sliced: Slices) -> dict[str, Any]:
    """Return what `slices.json` holds: the target's slices, or those of another confusion."""
    plan = evidence.plan
    exploratory = {"exploratory": plan.exploratory or NOT_PLANNED}
    return plan.heading | exploratory | sliced.model_dump(mode="json")


def comparison(evidence: Evidence, arm: str, row: int) -> dict[str, Any]:
    """Return before and after for one treated arm and seed, as in `comparison_seed_*.json`."""
    true, predicted = evidence.target
    sides: dict[str, dict[str, Any]] = {}
    for side, name in (("before", BASELINE), ("after", arm)):
        counts_KK = evidence.counts(name)[row]
        metrics = class_metrics(counts_KK)
        hit_N = (evidence.confirm.labels_N == true) & (evidence.predictions[name][row] == predicted)
        sides[side] = {
            "arm": name,
            "accuracy": metrics.accuracy,
            "target_cell": {
                "errors": int(counts_KK[true, predicted]),
                "rate": float(counts_KK[true, predicted] / counts_KK[true].sum()),
                "images": evidence.parts.confirm_ids_N[hit_N].tolist(),
            },
            "reverse_cell": {"errors": int(counts_KK[predicted, true])},
            "classes": {
                evidence.confirm.class_names[k]: {
                    "precision": metrics.precision[k],
                    "recall": metrics.recall[k],
                }
                for k in evidence.target
            },
            "slices": {
                piece.view.name: _slice_reading(evidence, piece, name, row)
                for piece in evidence.slices
            },
        }
    return {
        **evidence.plan.heading,
        "seed": evidence.seeds[row],
        "target": [true, predicted],
        **sides,
    }


def _slice_reading(evidence: Evidence, piece: SliceEvidence, arm: str, row: int) -> dict[str, Any]:
    label = piece.view.label
    other = next(k for k in evidence.target if k != label)
    read_M = piece.predictions[arm][row]
    return {
        "n_images": len(read_M),
        "errors": int((read_M != label).sum()),
        f"read_as_{other}": int((read_M == other).sum()),
    }
