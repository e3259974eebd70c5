"""The page of a study: one HTML file with everything, the same bytes for the same evidence."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from misread import wording
from misread.files import write_atomic
from misread.learn.recipe import RECIPES
from misread.show import claims, slices, words
from misread.show import target as tables
from misread.show.explore import explore_of
from misread.show.explore_study import explorable_of
from misread.show.figures.experiment_comparison import best_arm_sentence
from misread.show.figures.why import sentences
from misread.show.render import environment
from misread.show.select import selection_table
from misread.show.study_figures import Drawn, draw_figures
from misread.show.verdict import summary_of
from misread.study.answer import answer_of, next_step
from misread.study.arithmetic import mixture
from misread.study.arms import BASELINE
from misread.study.claims import RULE
from misread.study.evidence import Evidence
from misread.study.file import builtin_studies, load_study, source_of
from misread.study.folder import repeat_sentence
from misread.study.study import Study
from misread.study.why import stored_why


def write_report(evidence: Evidence, drawn: Mapping[str, Drawn] | None = None) -> Path:
    """Write `report.html` into the folder of a finished study, with the figures drawn already.

    The file is self-contained, without an address outside; one script, of our own, and whole
    without it. StoreError if the folder cannot be written.
    """
    path = evidence.folder / "report.html"
    write_atomic(path, report_html(evidence, drawn).encode())
    return path


def report_html(evidence: Evidence, drawn: Mapping[str, Drawn] | None = None) -> str:
    """Return the report as HTML. Arguments as in `write_report`."""
    figures = embedded(draw_figures(evidence) if drawn is None else drawn)
    if evidence.plan.target is None:
        page, context = "comparison.html.j2", _comparison(evidence, figures)
    else:
        page, context = "report.html.j2", _study(evidence)
    context |= {"figures": figures, "mixture": mixture(evidence.folder)}
    context["alarms"] = words.alarm_lines(evidence)
    return environment().get_template(page).render(**context)


def embedded(figures: Mapping[str, Drawn]) -> dict[str, dict[str, str]]:
    """Return figures as `figure.html.j2` takes them, by name: the title, and the SVG."""
    return {
        name: {"title": figure.title, "svg": Markup(figure.svg)}  # noqa: S704  matplotlib escapes
        for name, figure in figures.items()
    }


def _study(evidence: Evidence) -> dict[str, Any]:
    """Return everything that the page of a study with a target names, but its figures."""
    plan, sliced, atlas = evidence.plan, evidence.sliced, evidence.atlas
    why = stored_why(evidence)
    return {
        "study": plan.study,
        "target": words.target_name(evidence),
        "exploratory": plan.exploratory,
        "n_seeds": words.seed_count(evidence),
        "saved_runs": words.saved_runs(evidence),
        "groups": words.group_noun(evidence),
        "sampling_units": words.sampling_units(evidence),
        "images": words.evidence_images(evidence),
        "n_target_images": f"{int((evidence.confirm.labels_N == evidence.target[0]).sum()):,}",
        "accuracy": wording.percent(evidence.summary["accuracy"]["mean"]),
        "finding": answer_of(evidence.verdicts).rstrip(".")
        or "No arm was treated: these pages show the baseline alone",
        "next": words.next_command(evidence)
        if plan.study.smoke
        else next_step(source_of(plan.study), evidence.verdicts, evidence.seeds, None),
        "answers": tables.answer_table(evidence),
        "verdicts": [
            (summary_of(verdict), f"{words.arm_description(evidence, arm)}.")
            for arm, verdict in evidence.verdicts.items()
        ],
        "effect": tables.effect_table(evidence),
        "behind": tables.behind_table(evidence),
        "slices": tables.slice_table(evidence, tables.slice_status),
        "classes": tables.class_table(evidence),
        "selection": selection_table(evidence),
        "shrinkage": evidence.shrinkage(*evidence.target).sentence,
        "planned": plan.planned_power.in_full if plan.planned_power else "",
        "explore": explore_of(explorable_of(evidence)),
        "why": sentences(why.why, evidence.confirm.class_names) if why else [],
        "ledger": tables.ledger_table(evidence),
        "held": tables.held_table(evidence),
        "explained": slices.explained_table(sliced),
        "slice_rates": slices.rates_table(sliced, sliced.shape[0].measure),
        "slices_over": slices.sampling_units(sliced),
        "slice_changes": slices.changes_sentence(sliced),
        "written_by": slices.writers_table(sliced),
        "concentrated": slices.concentration_sentences(sliced),
        "atlas_note": atlas.note,
        "best": None if atlas.best_reduction is None else wording.percent(atlas.best_reduction),
        "chosen": "fixed in the study file"
        if plan.target_from == "study file"
        else "taken because it is the most frequent confusion of the baseline on select",
        "reduction": f"{wording.number(100 * plan.study.judge.reduction, decimals=0)}%",
        "level": wording.level(plan.study.judge.alpha),
        "run": _study_run(evidence),
        "command": command(evidence),
    }


def _comparison(evidence: Evidence, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the page of a comparison names, but its figures."""
    outcome = evidence.accuracies
    detailed = [arm for arm in evidence.arms if f"confusion_matrix_{arm}" in figures]
    return {
        "study": evidence.plan.study,
        "exploratory": outcome.exploratory,
        "finding": best_arm_sentence(evidence),
        "n_seeds": wording.count(len(outcome.seeds), "seed"),
        "n_images": f"{outcome.n_images:,}",
        "level": f"{1 - outcome.alpha:.0%}",
        "rule": RULE,
        "margin": f"{wording.number(100 * outcome.margin)} percentage points",
        "claims": [(c, claims.claim_lines(evidence, c)) for c in outcome.claims],
        "arms": claims.arm_table(evidence),
        "documented": claims.documented_table(evidence),
        "differences": claims.difference_table(evidence),
        "detailed": [(arm, claims.class_table(evidence, arm)) for arm in detailed],
        "run": _comparison_run(evidence),
        "command": comparison_command(evidence),
    }


# --- how it was run -------------------------------------------------------------------------------


def _study_run(evidence: Evidence) -> list[tuple[str, str]]:
    plan, machine = evidence.plan, evidence.environment
    backend = (
        f"{machine['platform']}, {machine['machine']}, backend {machine['backend']}, "
        f"{wording.count(machine['threads'], 'thread')} per run"
    )
    return [
        *_plan(evidence),
        *_recipe(plan.study),
        *_trainer(evidence),
        *((f"Arm {arm}", words.arm_description(evidence, arm)) for arm in evidence.arms),
        ("Versions", _versions(machine)),
        ("Machine", backend),
    ]


def _comparison_run(evidence: Evidence) -> list[tuple[str, str]]:
    plan, machine = evidence.plan, evidence.environment
    threads = wording.count(machine["threads"], "thread")
    return [
        *_plan(evidence),
        *((f"Arm {name}", _settings(arm.stated)) for name, arm in plan.study.arms.items()),
        *_trainer(evidence),
        ("Versions", _versions(machine)),
        ("Machine", f"{machine['platform']}, {machine['machine']}, {threads} per run"),
        ("Backend", machine["backend"]),
    ]


def _plan(evidence: Evidence) -> list[tuple[str, str]]:
    plan = evidence.plan
    folds = (f"{seed} → {fold}" for seed, fold in plan.select_folds.items())
    return [
        ("Plan (SHA-256)", plan.sha256),
        ("Dataset (SHA-256 of train, test)", ", ".join(plan.dataset_sha256)),
        ("Seeds", ", ".join(map(str, evidence.seeds))),
        ("Held-out tenth of each seed", ", ".join(folds)),
    ]


def _versions(machine: Mapping[str, Any]) -> str:
    versions = (f"{name} {version}" for name, version in machine["versions"].items())
    return ", ".join((f"Python {machine['python']}", *versions))


def _recipe(study: Study) -> list[tuple[str, str]]:
    """Return the recipe that the arms of a target share, where they have one of ours."""
    recipe = study.recipe
    if recipe is None:
        return []
    schedule: str = recipe.schedule
    if schedule == "one-cycle":
        schedule += f" (warm-up over {wording.percent(recipe.warmup)} of the steps)"
    settings = (
        f"{recipe.model}, {wording.count(recipe.epochs, 'epoch')}, batches of {recipe.batch_size}, "
        f"{schedule} learning rate {recipe.learning_rate:g}, dropout {recipe.dropout:g}"
    )
    return [(f"Recipe {study.recipe_name}", settings)]


def _trainer(evidence: Evidence) -> list[tuple[str, str]]:
    """Return what trained, where it is not ours, and how well a seed of it repeats itself."""
    trainer = evidence.plan.study.trainer
    if trainer.is_ours:
        return []
    return [("Trainer", trainer.text), ("Repeated", repeat_sentence(evidence.folder))]


def _settings(settings: Mapping[str, Any]) -> str:
    idle = {"warmup"} if settings.get("schedule") == "constant" else set()
    return ", ".join(
        f"{key.replace('_', ' ')} {_setting(value)}"
        for key, value in settings.items()
        if key not in idle
    )


def _setting(value: Any) -> str:
    return "–".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def command(evidence: Evidence) -> str:
    """Return the command that runs the same study again."""
    study = evidence.plan.study
    name = source_of(study)
    parts = ["misread", "run", name, "--seeds", wording.spans(study.seeds)]
    if study.adaptive:
        parts.append("--adaptive")
    parts += ["--arms", ",".join(evidence.treated_arms or (BASELINE,))]
    if study.recipe_name:
        parts += ["--recipe", study.recipe_name]
    if name in builtin_studies() and study.dataset != "mnist":
        parts += ["--data", study.dataset]
    if study.smoke:
        parts.append("--smoke")
    usual = RECIPES.get(study.recipe_name)
    if study.recipe and usual and study.recipe.epochs != (1 if study.smoke else usual.epochs):
        parts += ["--epochs", str(study.recipe.epochs)]
    return shlex.join(parts)


def comparison_command(evidence: Evidence) -> str:
    """Return the command that runs the same comparison again."""
    study = evidence.plan.study
    builtin = study.name in builtin_studies()
    usual = load_study(study.name, smoke=study.smoke) if builtin else None
    parts = ["misread", "run", source_of(study)]
    if usual is None or usual.seeds != study.seeds:
        parts += ["--seeds", wording.spans(study.seeds)]
    if usual is None or list(usual.arms) != list(study.arms):
        parts += ["--arms", ",".join(study.arms)]
    if study.smoke:
        parts.append("--smoke")
    epochs = set(study.epochs.values())
    if len(epochs) == 1 and (usual is None or usual.epochs != study.epochs):
        parts += ["--epochs", str(epochs.pop())]
    return shlex.join(parts)
