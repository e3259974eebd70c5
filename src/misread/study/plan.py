"""The plan: a study that is locked, written and hashed before *confirm* is opened."""

from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import ValidationError

from misread.errors import PlanError
from misread.files import Frozen, read_json, sha256_of, write_json
from misread.judge import PowerAnswer
from misread.learn.policy import Policy, Slice
from misread.study.study import SMOKE, Study


def counter_slices(policies: list[Policy], target: tuple[int, int]) -> list[Slice]:
    """Return every target class under every operation and size of these policies.

    Size 1 is left out: it changes nothing, so its slice is the clean one.
    """
    pairs = {
        (name, size)
        for policy in policies
        for name in policy.operation_names
        for size in range(policy.size_px[0], policy.size_px[1] + 1)
        if size > 1
    }
    return [
        Slice(operation=name, size_px=size, label=label)
        for name, size in sorted(pairs)
        for label in target
    ]


class Locked(Frozen):
    """What every kind of plan has: a study, what it replaces, and why it may prove nothing."""

    KIND: ClassVar[str]
    replaces: tuple[str, ...] = ()
    exploratory: str = ""

    @property
    def smoke(self) -> bool:
        """Whether everything was shrunk."""
        raise NotImplementedError

    @property
    def question_sha256(self) -> str:
        """Hash of what is asked, whatever came before and in whatever words."""
        raise NotImplementedError

    @property
    def sha256(self) -> str:
        """Hash of the whole plan."""
        return sha256_of(self.model_dump(mode="json"))


class Plan(Locked):
    """The locked study, written and hashed before *confirm* is opened.

    `exploratory` is empty, or says in one sentence why what comes out proves nothing: the plan was
    changed after *confirm* had been opened, or it is a smoke run. `planned_power` is what the plan
    could be expected to show, from the baseline's errors on *select*; None where that is not known:
    in smoke runs, in plans from before it was told, and where *select* has no such error. `grouped`
    says that intervals hold over groups of images too, as over writers; it is true of new plans
    where the dataset knows groups, and a plan that was locked without is judged without.
    """

    KIND: ClassVar[str] = "trial"
    study: Study
    target: tuple[int, int]
    target_from: Literal["study file", "select"]
    target_on_select: dict[str, Any]
    policies: dict[str, Policy | None]
    slices: tuple[Slice, ...]
    dataset_sha256: tuple[str, str]
    select_folds: dict[int, int]
    planned_power: PowerAnswer | None = None
    grouped: bool = False

    @property
    def smoke(self) -> bool:
        """Whether everything was shrunk."""
        return self.study.smoke

    @property
    def cells(self) -> tuple[tuple[int, int], ...]:
        """The cells that the verdict is about: the target first, then its reverse if asked for."""
        both = self.study.judge.both_directions
        return (self.target, self.target[::-1]) if both else (self.target,)

    @property
    def question_sha256(self) -> str:
        """Hash of what is asked, whatever came before and in whatever words."""
        return sha256_of(
            self.model_dump(
                mode="json",
                exclude={
                    "replaces": True,
                    "exploratory": True,
                    "target_on_select": True,
                    "planned_power": True,
                    "grouped": True,  # a locked plan is kept as it is, and a new one asks the same
                    "study": {"title", "question"} | self._absent,
                },
            )
        )

    @property
    def sha256(self) -> str:
        """Hash of the whole plan; what it leaves out is left out, as before there was any."""
        absent: dict[str, Any] = {"study": self._absent}
        if self.planned_power is None:
            absent["planned_power"] = True
        if not self.grouped:
            absent["grouped"] = True
        return sha256_of(self.model_dump(mode="json", exclude=absent))

    @property
    def _absent(self) -> set[str]:
        optional = {"adaptive": self.study.adaptive, "corruptions": self.study.corruptions}
        return {name for name, value in optional.items() if not value}


P = TypeVar("P", bound=Locked)


def lock(plan: P, folder: Path) -> P:
    """Write `plan.json`, or keep the one that is there if it asks the same.

    A plan that asks something else replaces the old one; once *confirm* has been opened, what
    follows is exploratory, and the plan says so.
    """
    path = folder / "plan.json"
    opened = any(folder.glob("arms/*/seed_*/predictions.npz"))
    if plan.smoke:
        plan = plan.model_copy(update={"exploratory": SMOKE})
    stored = load_locked(folder, type(plan)) if path.exists() else None
    if stored is not None and stored.question_sha256 == plan.question_sha256:
        return stored
    if opened and not plan.smoke:
        why = "the plan was changed after the confirm images had been opened"
        if stored is None:
            why = "the confirm images had been opened before this plan was written"
        plan = plan.model_copy(update={"exploratory": why})
    if opened and stored is not None:
        plan = plan.model_copy(update={"replaces": (*stored.replaces, stored.sha256)})
    write_json(
        path,
        {
            "sha256": plan.sha256,
            "question_sha256": plan.question_sha256,
            "plan": plan.model_dump(mode="json"),
        },
    )
    return plan


def kind_of(folder: Path) -> str:
    """Return of which kind the plan in a study's folder is: "trial" or "comparison".

    Raises
    ------
    StoreError
        If there is none.
    """
    stored = read_json(folder / "plan.json")
    plan = stored.get("plan") if isinstance(stored, dict) else None
    return str(plan.get("kind", Plan.KIND)) if isinstance(plan, dict) else Plan.KIND


def load_plan(folder: Path) -> Plan:
    """Return the locked plan of a trial's folder; errors as in `load_locked`."""
    return load_locked(folder, Plan)


def load_locked(folder: Path, kind: type[P]) -> P:
    """Return the locked plan of a study's folder.

    Raises
    ------
    StoreError
        If there is none.
    PlanError
        If it was altered by hand, or is of another kind.
    """
    stored = read_json(folder / "plan.json")
    if kind_of(folder) != kind.KIND:
        msg = f"{folder} holds a {kind_of(folder)}, no {kind.KIND}; choose another folder."
        raise PlanError(msg)
    try:
        plan = kind.model_validate(stored["plan"])
        if plan.sha256 == stored["sha256"]:
            return plan
    except (KeyError, TypeError, ValidationError):
        pass
    msg = (
        f"{folder / 'plan.json'} was altered: its content is not the one that its SHA-256 names; "
        "bring the old one back, or run the study anew in another folder with --out."
    )
    raise PlanError(msg)
