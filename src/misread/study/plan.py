"""The plan: a study that is locked, written and hashed before *confirm* is opened."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from misread.errors import PlanError
from misread.files import Frozen, read_json, sha256_of, unstated, write_json
from misread.judge import PowerAnswer
from misread.judge.items import Gate
from misread.learn.policy import Policy
from misread.learn.views import Part, View
from misread.study.arms import BASELINE
from misread.study.questions import Cell, cells_of
from misread.study.study import SMOKE, Study

_FORMAT = 2  # of plan.json; the first one had two kinds of plans, and named no number


class TargetFrom(StrEnum):
    """The origin of a plan's target."""

    FILE = "study file"
    SELECT = "select"


class Pooled(Frozen):
    """Held-out images as evidence beside *confirm*."""

    weight: float  # of *confirm* in every estimate, 0 to 1; the rest is of held-out images
    prove_only: bool  # only the half of the groups counts on which nothing was tuned
    seen_tenths: tuple[int, ...] = ()  # these do not count, for they were looked at before


class Plan(Frozen):
    """The locked study, written and hashed before *confirm* is opened.

    Older plans have no `planned_power` and no `pooled`, their gate is everything, and they are not
    `grouped`: then intervals do not hold over groups of images, as over writers.
    """

    study: Study
    target: Cell | None = unstated(None)  # (true, predicted); None where none is asked for
    target_from: TargetFrom | None = unstated(None)
    target_on_select: dict[str, Any] | None = unstated(None)  # its row in `errors.json`
    policies: dict[str, Policy | None]  # of every arm, the baseline first
    slices: tuple[View, ...] = ()  # of *confirm*; they gate the verdict
    dataset_sha256: tuple[str, str]  # of the training and of the test set
    select_folds: dict[int, int]  # the held-out tenth of each seed
    # from the baseline's errors on *select*; None in smoke runs and where there is no such error
    planned_power: PowerAnswer | None = unstated(None)
    pooled: Pooled | None = unstated(None)  # None where held-out images do not count as evidence
    gate: Gate = unstated(Gate.EVERYTHING)  # items that must be safe for plain REDUCED
    grouped: bool = unstated(default=False)
    replaces: tuple[str, ...] = ()  # hashes of the plans before, once *confirm* was opened
    exploratory: str = ""  # why the result proves nothing; "" where nothing speaks against it
    _sha256: str = PrivateAttr("")  # of a plan that an earlier version wrote in its own form

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that the verdict is about: the target first, then its reverse if asked for."""
        if self.target is None:
            return ()
        return cells_of(self.target, both=self.study.judge.both_directions)

    @property
    def heading(self) -> dict[str, Any]:
        """The first entries of every file about it: whose it is, and whether it proves anything."""
        return {
            "study": self.study.name,
            "smoke": self.study.smoke,
            "exploratory": self.exploratory,
            "plan_sha256": self.sha256,
        }

    @property
    def held_out_slices(self) -> tuple[View, ...]:
        """The slices once more, of the images that a seed has held out, where these count."""
        views = self.slices if self.pooled else ()
        return tuple(view.model_copy(update={"part": Part.SELECT}) for view in views)

    @property
    def question_sha256(self) -> str:
        """Hash of what is asked, whatever came before and in whatever words."""
        history = ("replaces", "exploratory", "target_on_select", "planned_power")
        # a locked plan is kept as it is, and a new one with these asks the same
        later = ("grouped", "pooled", "gate")
        left_out: Any = dict.fromkeys((*history, *later), True) | {"study": {"title", "question"}}
        return sha256_of(self.model_dump(mode="json", exclude=left_out))

    @property
    def sha256(self) -> str:
        """Hash of the whole plan."""
        return self._sha256 or sha256_of(self.model_dump(mode="json"))


def counter_slices(
    policies: Iterable[Policy], cell: Cell, more: Iterable[tuple[str, int]] = ()
) -> tuple[View, ...]:
    """Return both classes of a cell under every operation and size of these policies, and `more`.

    Size 1 is left out: it changes nothing, so its slice is the clean one.
    """
    pairs = {
        (name, size)
        for policy in policies
        for name in policy.operation_names
        for size in range(policy.size_px[0], policy.size_px[1] + 1)
        if size > 1
    } | set(more)
    return tuple(
        View(operation=name, size_px=size, label=label)
        for name, size in sorted(pairs)
        for label in cell
    )


def lock(plan: Plan, folder: Path) -> Plan:
    """Write `plan.json`, or keep the one that is there if it asks the same.

    A plan that asks something else replaces the old one; once *confirm* has been opened, what
    follows is exploratory, and the plan says so.
    """
    path = folder / "plan.json"
    opened = any(folder.glob("arms/*/seed_*/predictions.npz"))
    if plan.study.smoke:
        plan = plan.model_copy(update={"exploratory": SMOKE})
    stored = load_plan(folder) if path.exists() else None
    if stored is not None and stored.question_sha256 == plan.question_sha256:
        return stored
    if opened and not plan.study.smoke:
        why = "the plan was changed after the confirm images had been opened"
        if stored is None:
            why = "the confirm images had been opened before this plan was written"
        plan = plan.model_copy(update={"exploratory": why})
    if opened and stored is not None:
        plan = plan.model_copy(update={"replaces": (*stored.replaces, stored.sha256)})
    write_json(
        path,
        {
            "format": _FORMAT,
            "sha256": plan.sha256,
            "question_sha256": plan.question_sha256,
            "plan": plan.model_dump(mode="json"),
        },
    )
    return plan


def load_plan(folder: Path) -> Plan:
    """Return the locked plan of a study's folder.

    StoreError if there is none; PlanError if it was altered, or a later version wrote it.
    """
    stored = read_json(folder / "plan.json")
    try:
        raw, number = stored["plan"], stored.get("format", 1)
        if number > _FORMAT:
            msg = (
                f"{folder / 'plan.json'} was written by a later version of misread; bring this one "
                "up to date, or choose another folder."
            )
            raise PlanError(msg)
        stated = raw if number == _FORMAT else _stated_before(raw)
        if sha256_of(stated) == stored["sha256"]:
            plan = Plan.model_validate(raw if number == _FORMAT else _from_before(raw))
            if number != _FORMAT:
                plan._sha256 = stored["sha256"]  # noqa: SLF001  its own class
            return plan
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    msg = (
        f"{folder / 'plan.json'} was altered: its content is not the one that its SHA-256 names; "
        "bring the old one back, or run the study anew in another folder with --out."
    )
    raise PlanError(msg)


def load_target_plan(folder: Path) -> Plan:
    """Return the locked plan of a study with a target; PlanError without, else as `load_plan`."""
    plan = load_plan(folder)
    if plan.target is None:
        msg = f"{folder} holds a study of accuracies, which has no target; choose another folder."
        raise PlanError(msg)
    return plan


def _stated_before(raw: dict[str, Any]) -> dict[str, Any]:
    """Return what the hash of a plan in the first form was of: all that is stated there."""
    absent: dict[str, Any] = {"planned_power": None, "grouped": False}
    absent_in_study: dict[str, Any] = {"adaptive": None, "corruptions": []}
    stated = {k: v for k, v in raw.items() if k not in absent or v != absent[k]}
    study = raw["study"].items()
    stated["study"] = {
        k: v for k, v in study if k not in absent_in_study or v != absent_in_study[k]
    }
    return stated


def _from_before(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a plan in the first form as one of today; a comparison had no target and no policy."""
    plan, study = dict(raw), dict(raw["study"])
    if plan.pop("kind", "") == "comparison":
        plan["policies"] = dict.fromkeys(study["arms"])
    else:
        recipe = study.pop("recipe")
        study["arms"] = {
            name: {"recipe": recipe, "policy": "" if name == BASELINE else name}
            for name in study["arms"]
        }
    return plan | {"study": study}
