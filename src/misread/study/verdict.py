"""The verdict on an arm from its runs, and the seeds that an adaptive study needs of each.

What was settled at which look is read off the complete runs, and kept nowhere else: a study that is
stopped at any moment goes on to the same result.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from misread.files import Frozen
from misread.judge import Predictions, Verdict, judge, judge_look
from misread.judge.items import Gate
from misread.judge.trade import Leans
from misread.learn.views import Parts, View
from misread.study.arms import BASELINE
from misread.study.plan import Plan
from misread.study.runs import load_arm


class StudyVerdict(Frozen):
    """The verdict on every treated arm of a study, as `verdict.json` holds it.

    Attributes
    ----------
    answer : str
        The result in one line; terminal and page begin with it too.
    study : str
        Name of the study.
    smoke : bool
        Whether everything was shrunk to see that it works; the result then proves nothing.
    exploratory : str
        Why the result cannot count as confirmed; "" when it can.
    plan_sha256 : str
        Identity of the locked plan.
    seeds : tuple of int
        The seeds of every arm; one that was settled early has the first of them.
    saved : int or None
        Runs that looks saved, of arms × seeds at most; None where the seeds were fixed.
    arms : mapping of str to Verdict
        The evidence on each treated arm, in the order of the plan.
    """

    answer: str = ""
    study: str
    smoke: bool
    exploratory: str
    plan_sha256: str
    seeds: tuple[int, ...]
    saved: int | None = None
    arms: dict[str, Verdict]


def judge_arm(
    plan: Plan,
    arm: str,
    before: Predictions,
    after: Predictions,
    *,
    leans: Leans | None = None,
) -> Verdict:
    """Return the verdict on a treated arm against the same seeds of the baseline.

    With looks in the plan it is that of the look at which there are so many seeds. The arm's policy
    says which slices gate it: every operation, up to its own largest size. `before` has as many
    seeds as `after`, or more; `leans` is of the baseline, as the judge takes it.
    """
    gating = {view.treatment for view in slices_of(plan, arm)}
    before, after = (
        replace(side, slices={name: v for name, v in side.slices.items() if name in gating})
        for side in map(_read_ones, (before.of_seeds(range(after.n_seeds)), after))
    )
    asked = asked_of(plan, arm, before.class_names) | {
        "weight": plan.pooled and plan.pooled.weight,
        "planned": plan.planned_power if plan.gate == Gate.MEANT else None,
        "leans": leans if plan.gate == Gate.MEANT else None,
    }
    if (looks := plan.study.adaptive) is None:
        return judge(before, after, **asked)
    return judge_look(looks, before, after, **asked)


def _read_ones(side: Predictions) -> Predictions:
    """Return a side without the images that none of its seeds has held out."""
    if side.held_out_SN is None:
        return side
    part = side.of_images(np.flatnonzero(side.held_out_SN.any(axis=0)))
    return replace(part, slices={name: _read_ones(view) for name, view in side.slices.items()})


def slices_of(plan: Plan, arm: str) -> tuple[View, ...]:
    """Return the views that gate the verdict on an arm: none of a dose beyond its own.

    Those that the study's file names gate every arm.
    """
    policy, named = plan.policies[arm], set(plan.study.slices)
    largest_px = policy.size_px[1] if policy else 0
    operations = tuple(
        view
        for view in plan.slices
        if view.size_px <= largest_px or (view.operation, view.size_px) in named
    )
    return operations + tuple(View(corruption=name) for name in plan.study.corruptions)


def asked_of(plan: Plan, arm: str, class_names: tuple[str, ...]) -> dict[str, Any]:
    """Return the question that a plan puts to the judge about an arm, as its arguments."""
    spec = plan.study.judge
    return {
        "cells": [(class_names[true], class_names[predicted]) for true, predicted in plan.cells],
        "margins": spec.margins,
        "alpha": spec.alpha,
        "reduction": spec.reduction,
        "arm": arm,
        "exploratory": plan.exploratory,
        "gate": plan.gate,
    }


def verdict_at(plan: Plan, parts: Parts, folder: Path, arm: str, n_seeds: int) -> Verdict:
    """Return the verdict on an arm after so many seeds; errors as in `load_arm`."""
    before, after = (
        load_arm(plan, parts, folder, name, n_seeds).evidence for name in (BASELINE, arm)
    )
    return judge_arm(plan, arm, before, after)


def seeds_needed(plan: Plan, parts: Parts, folder: Path) -> dict[str, int]:
    """Return how many seeds count of each arm: all, or those up to the look that settled it.

    The baseline has as many as the arm that needed most. Errors as in `load_arm`.
    """
    study = plan.study
    if study.adaptive is None or not study.treated_arms:
        return dict.fromkeys(plan.policies, len(study.seeds))
    needed = {}
    for arm in study.treated_arms:
        for n_seeds in study.adaptive.looks:
            needed[arm] = n_seeds
            settled = verdict_at(plan, parts, folder, arm, n_seeds).settled
            if settled and settled.why:
                break
    return {BASELINE: max(needed.values()), **needed}
