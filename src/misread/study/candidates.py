"""Candidates of a search, from a TOML file; and the study that is to prove the best of them."""

import json
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from misread.errors import StudyError
from misread.learn.recipe import RECIPES
from misread.study.arms import BASELINE, Arm
from misread.study.complaints import StudyFileError
from misread.study.file import arm_of, free_arm_of
from misread.study.plan import counter_slices
from misread.study.questions import Cell
from misread.study.search import Search
from misread.study.study import Study

_EXTRA = 1.25  # times the baseline's cost from which equal cost is a control of its own


def load_candidates(study: Study, path: Path | None) -> tuple[dict[str, Arm], dict[str, str]]:
    """Return the candidates of a file, or the built-in ones, and why some cannot be tried.

    The TOML file has a table `[candidates.NAME]` for each; a policy may be named, "*" being the
    study's own. Of the built-in ones those are left out whose policy the study does not have.
    StudyError if the file is missing or no TOML, or anything in it is not allowed.
    """
    source = path or resources.files("misread") / "study" / "candidates.toml"
    try:
        tables = tomllib.loads(source.read_text("utf-8")).get("candidates")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{path} cannot be read as candidates ({error}); correct it."
        raise StudyError(msg) from None
    if not isinstance(tables, dict) or not tables:
        msg = f"{path} names no candidates; write a table [candidates.NAME] for each."
        raise StudyError(msg)
    if path is not None and BASELINE in tables:
        msg = f"{path}: the baseline is the study's own; give the candidate another name."
        raise StudyError(msg)
    arms, left_out = {}, {}
    complaints: list[str] = []
    for name, table in tables.items():
        if path is None and (why := _why_not(study, table)):
            left_out[name] = why
            continue
        try:
            arms[name] = _candidate(study, name, table)
        except StudyFileError as error:
            complaints += error.sentences
    if complaints:
        raise StudyFileError(study.name, complaints)
    if not arms:
        msg = (
            "there is nothing to try: none of the built-in candidates is for this study; name your "
            "own with --candidates FILE, as a table [candidates.NAME] for each."
        )
        raise StudyError(msg)
    return arms, left_out


def _why_not(study: Study, table: Mapping[str, Any]) -> str:
    """Return why a study cannot try a built-in candidate; "" where it can."""
    if "policy" in table and study.policy is None:
        return "the study has no policy"
    if table.get("policy", "*") not in {"*", *study.policy_names}:
        return f"the study's policy has no control {table['policy']!r} of its kind"
    if not study.trainer.is_ours and set(table) - {"label", "policy"}:
        return "the study's trainer does not know it"
    return ""


def _candidate(study: Study, name: str, table: Any) -> Arm:
    baseline = study.arms.get(BASELINE, next(iter(study.arms.values())))
    common = baseline.stated
    settings = dict(table) if isinstance(table, dict) else table
    if isinstance(settings, dict):
        times = settings.pop("epochs_times", 1)
        if not isinstance(times, int | float) or not 0 < times <= 100:
            msg = f"candidate {name}: epochs_times is {times!r}; allowed is one above 0, up to 100."
            raise StudyFileError(name, [msg])
        if times != 1 and not study.smoke:
            settings.setdefault("epochs", max(1, round(common.get("epochs", 1) * times)))
        if settings.get("policy") == "*" and study.policy is not None:
            settings["policy"] = study.policy.name
    make = free_arm_of if baseline.recipe is None else arm_of
    return make(f"{study.name}, candidate {name}", settings, common)


def proof_of(search: Search, study: Study, candidates: Mapping[str, Arm]) -> str:
    """Return the TOML file of the study that proves the best arms of a search, with controls.

    Beside the best arms stand, where our trainer trains, four controls: the baseline with other
    weights and order (`again`), which must be neither reduced nor harmed; trained for as long as
    the best arm takes (`equal-cost`); with a shifted logit that makes as few errors of the target
    (`shifted`), which must come out as traded; and the best arm's treatments of two other classes
    (`placebo`).
    """
    tried = ", ".join(score.arm for score in search.rungs[0].arms)
    question = (
        f"Do the arms that a search found on explore lower {search.targets_name}? It was search "
        f"number {search.number} on this target and tried {tried}."
    )
    head: dict[str, Any] = {
        "title": f"{study.title}: the proof of a fix",
        "question": question,
        "dataset": study.dataset,
        "seeds": list(study.seeds),
        "target": f"{search.target[0]}:{search.target[1]}",
    }
    seen = study.judge.seen_before.model_copy(update={"explore": True})
    judge = study.judge.model_copy(update={"seen_before": seen})
    head["judge"] = judge.model_dump(mode="json", exclude_defaults=True)
    head |= {"slices": slices} if (slices := _slices(study, search.target)) else {}
    tables, baseline = {}, study.arms[BASELINE]
    if study.recipe_name and baseline.recipe == RECIPES[study.recipe_name]:
        head["recipe"] = study.recipe_name
    elif baseline.stated:
        tables["recipe"] = _plain(baseline.stated)
    if not study.trainer.is_ours:
        tables["trainer"] = study.trainer.model_dump(mode="json") | {"folder": study.trainer.folder}
    if study.policy is not None:
        tables["policy"] = _plain(study.policy.model_dump(mode="json"))
    arms = _arms_of_proof(search, study, candidates)
    tables |= {f"arms.{name}": settings for name, settings in arms.items()}
    lines = [f"{key} = {toml(value)}" for key, value in head.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _slices(study: Study, target: Cell) -> list[list[str | int]]:
    """Return what gates every arm of a proof: the study's slices and those of its policy."""
    policies = [study.policy.resolve(target)[study.policy.name]] if study.policy else []
    views = counter_slices(policies, target, study.slices)
    pairs = dict.fromkeys((view.operation, view.size_px) for view in views)
    return [list(pair) for pair in pairs]


def _arms_of_proof(
    search: Search, study: Study, candidates: Mapping[str, Arm]
) -> dict[str, dict[str, Any]]:
    """Return the tables of a proof's arms but the baseline's: the best ones, then controls."""
    best = search.best or search.rungs[-1].arms[:1]
    baseline = study.arms[BASELINE]
    arms: dict[str, dict[str, Any]] = {}
    for score in best:
        arms[score.arm] = _settings(candidates[score.arm], baseline)
    if study.trainer.is_ours:
        arms["again"] = {"label": "the baseline with other weights", "again": 1}
    costs = [score.cost for score in best]  # seconds depend on what ran beside them
    if costs and max(costs) > _EXTRA:
        epochs = round(baseline.epochs * max(costs))
        arms["equal-cost"] = {"label": "the baseline for as long", "epochs": epochs}
    if search.shift is not None and study.trainer.is_ours:
        arms["shifted"] = {
            "label": "the baseline with a shifted logit",
            "patch": {"epochs": 0},
            "shift": {"logit": search.shift},
        }
    leading = candidates[best[0].arm].treatments
    if search.placebo and leading.about_classes:
        arms["placebo"] = arms[best[0].arm] | {
            "label": "the best arm's treatment of two other classes",
            "classes": list(search.placebo),
        }
    return arms


def _settings(arm: Arm, baseline: Arm) -> dict[str, Any]:
    """Return an arm as a study's file says it, its recipe by what differs from the baseline's."""
    of_baseline = baseline.stated
    changes = {key: v for key, v in arm.stated.items() if of_baseline.get(key) != v}
    about = {"label": arm.label, "policy": arm.policy}
    treatments = arm.treatments.model_dump(mode="json")
    return {key: value for key, value in about.items() if value} | _plain(changes | treatments)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings without those that are None, which TOML cannot say."""
    return {
        key: _plain(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def toml(value: Any) -> str:
    """Return a value as TOML: numbers, text, lists, and tables in a line."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
