"""The report: one HTML file with everything in it, the same bytes for the same evidence."""

import base64
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from misread import wording
from misread.files import write_atomic
from misread.learn.recipe import RECIPES
from misread.show import slices, words
from misread.show import target as tables
from misread.show.render import environment
from misread.show.select import selection_table
from misread.show.study_figures import Drawn, draw_figures
from misread.show.verdict import summary_of
from misread.study.evidence import Evidence
from misread.study.file import builtin_studies
from misread.study.study import BASELINE


def write_report(evidence: Evidence, drawn: Mapping[str, Drawn] | None = None) -> Path:
    """Write `report.html` into the study's folder.

    Parameters
    ----------
    evidence
        A finished study.
    drawn
        What `draw_figures` returned for it, where that was done already.

    Returns
    -------
    Path
        The file: self-contained, no script, no address outside.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    path = evidence.folder / "report.html"
    write_atomic(path, report_html(evidence, drawn).encode())
    return path


def report_html(evidence: Evidence, drawn: Mapping[str, Drawn] | None = None) -> str:
    """Return the report as HTML. Arguments as in `write_report`."""
    figures = draw_figures(evidence) if drawn is None else drawn
    return environment().get_template("report.html.j2").render(_context(evidence, figures))


def _context(evidence: Evidence, figures: Mapping[str, Drawn]) -> dict[str, Any]:
    plan = evidence.plan
    target = words.target_name(evidence)
    return {
        "study": plan.study,
        "target": target,
        "exploratory": plan.exploratory,
        "n_seeds": words.seed_count(evidence),
        "runs_told": words.saved_runs(evidence),
        "groups": words.group_noun(evidence),
        "sampled": words.sampling_units(evidence),
        "n_images": f"{len(evidence.confirm):,}",
        "n_target_images": f"{int((evidence.confirm.labels_N == evidence.target[0]).sum()):,}",
        "accuracy": wording.percent(evidence.summary["accuracy"]["mean"]),
        "headline": words.finding(evidence, evidence.treated_arms[0])
        if evidence.treated_arms
        else "No arm was treated: these pages show the baseline alone",
        "verdicts": [
            (summary_of(verdict), f"{words.arm_description(evidence, arm)}.")
            for arm, verdict in evidence.verdicts.items()
        ],
        "effect": tables.effect_table(evidence),
        "behind": tables.behind_table(evidence),
        "slices": tables.slice_table(evidence),
        "classes": tables.class_table(evidence),
        "selection": selection_table(evidence),
        "shrinkage": evidence.shrinkage(*evidence.target).sentence,
        "planned": plan.planned_power.sentence if plan.planned_power else "",
        "ledger": tables.ledger_table(evidence),
        "held": tables.held_table(evidence),
        "explained": slices.explained_table(evidence.sliced),
        "slice_rates": slices.rates_table(evidence.sliced, evidence.sliced.shape[0].measure),
        "slices_over": slices.sampling_units(evidence.sliced),
        "slice_changes": slices.changes_sentence(evidence.sliced),
        "written_by": slices.writers_table(evidence.sliced),
        "concentrated": slices.concentration_sentences(evidence.sliced),
        "atlas_note": evidence.atlas.note,
        "best": None
        if evidence.atlas.best_reduction is None
        else wording.percent(evidence.atlas.best_reduction),
        "chosen": "fixed in the study file"
        if plan.target_from == "study file"
        else "taken because it is the most frequent confusion of the baseline on select",
        "reduction": f"{wording.number(100 * plan.study.judge.reduction, decimals=0)}%",
        "level": wording.level(plan.study.judge.alpha),
        "run": _how_it_ran(evidence),
        "command": command(evidence),
        "figures": {
            name: {
                "title": figure.title,
                "source": "data:image/png;base64," + base64.b64encode(figure.png).decode("ascii"),
            }
            for name, figure in figures.items()
        },
    }


def _how_it_ran(evidence: Evidence) -> list[tuple[str, str]]:
    plan, machine = evidence.plan, evidence.environment
    recipe = plan.study.recipe
    folds = ", ".join(f"{seed} → {fold}" for seed, fold in plan.select_folds.items())
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    schedule: str = recipe.schedule
    if schedule == "one-cycle":
        schedule += f" (warm-up over {wording.percent(recipe.warmup)} of the steps)"
    return [
        ("Plan (SHA-256)", plan.sha256),
        ("Dataset (SHA-256 of train, test)", ", ".join(plan.dataset_sha256)),
        ("Seeds", ", ".join(map(str, evidence.seeds))),
        ("Held-out tenth of each seed", folds),
        (
            f"Recipe {plan.study.recipe_name}",
            (
                f"{recipe.model}, {wording.count(recipe.epochs, 'epoch')}, batches of "
                f"{recipe.batch_size}, {schedule} learning rate {recipe.learning_rate:g}, "
                f"dropout {recipe.dropout:g}"
            ),
        ),
        *((f"Arm {arm}", words.arm_description(evidence, arm)) for arm in evidence.arms),
        ("Versions", f"Python {machine['python']}, {versions}"),
        (
            "Machine",
            (
                f"{machine['platform']}, {machine['machine']}, backend {machine['backend']}, "
                f"{wording.count(machine['threads'], 'thread')} per run"
            ),
        ),
        (
            "Seconds of training per seed (mean)",
            ", ".join(
                f"{arm} {wording.number(sum(own) / len(own), decimals=1)}"
                for arm, own in evidence.train_seconds.items()
            ),
        ),
    ]


def command(evidence: Evidence) -> str:
    """Return the command that runs the same study again."""
    study = evidence.plan.study
    name = study.name if study.name in builtin_studies() else f"{study.name}.toml"
    parts = ["misread", "run", name]
    parts += ["--seeds", ",".join(map(str, study.seeds))]
    if study.adaptive:
        parts.append("--adaptive")
    parts += ["--arms", ",".join(evidence.treated_arms or (BASELINE,))]
    parts += ["--recipe", study.recipe_name]
    if name in builtin_studies() and study.dataset != "mnist":
        parts += ["--data", study.dataset]
    if study.smoke:
        parts.append("--smoke")
    if study.recipe.epochs != (1 if study.smoke else RECIPES[study.recipe_name].epochs):
        parts += ["--epochs", str(study.recipe.epochs)]
    return shlex.join(parts)
