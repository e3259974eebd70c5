"""Sentences on a study, for figures, pages and tables; numbers as in `misread.wording`."""

import shlex
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from misread import wording
from misread.images.mnist_c import CORRUPTIONS
from misread.judge.items import Item
from misread.judge.targets import CellResult
from misread.learn.treatments import Treatments
from misread.study.answer import next_step, plural
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence, SliceEvidence
from misread.study.file import source_of
from misread.study.workload import cost_of, minutes_of

_READ_SECONDS = 2.0  # of our CNN, for the corrupted test images of MNIST, on one core
_UNITS = {"_px": " px", "_deg": "°"}
_TREATMENTS = {"patch": "on the baseline’s model", "shift": "its boundary moved"}
NOT_ASKED = "–"  # a slice of a larger dose than the arm's


class Misreading(Enum):
    """Misreadings of a class that a counter-slice counts."""

    PAIR = auto()  # as the other class of the target
    ALL = auto()


def alarm_lines(evidence: Evidence) -> list[str]:
    """Return what about the readings is probably a mistake, and in which arms; it stands first."""
    arms: dict[str, list[str]] = {}
    for arm, verdict in evidence.verdicts.items():
        for text in verdict.warnings:
            arms.setdefault(text, []).append(arm)
    return [f"WARNING: {wording.listed(names)}: {text}" for text, names in arms.items()]


def fold(after: float, before: float) -> str:
    """Return after as a multiple of before, as in "×4.9"; "" where there was nothing before."""
    if before == 0:
        return ""
    return f"×{wording.number(after / before, decimals=1 if after / before < 10 else 0)}"


def cell_name(evidence: Evidence, true: int, predicted: int) -> str:
    """Return the name of a directed confusion, as in "4→9"."""
    names = evidence.confirm.class_names
    return f"{names[true]}→{names[predicted]}"


def target_name(evidence: Evidence) -> str:
    """Return the name of the target cell."""
    return cell_name(evidence, *evidence.target)


def targets_name(evidence: Evidence) -> str:
    """Return the names of all cells that the verdict is about, as in "4→9; 9→4"."""
    return "; ".join(cell_name(evidence, *cell) for cell in evidence.plan.cells)


def slice_items(evidence: Evidence, arm: str, piece: SliceEvidence) -> dict[Misreading, Item]:
    """Return the verdict's items on a counter-slice.

    There are none where the arm is not asked: its doses do not go so far.
    """
    view = f"{piece.view.operation} {piece.view.size_px} px"
    return {
        Misreading.ALL if item.predicted is None else Misreading.PAIR: item
        for item in evidence.verdicts[arm].collateral
        if item.slice_name == view and item.true == piece.label
    }


def slices_to_show(evidence: Evidence) -> list[tuple[SliceEvidence, Misreading]]:
    """Return the counter-slices with the misreadings to show of them.

    Those as the target's other class, unless in some arm only all misreadings of the class together
    are harmed: then that is what must be seen.
    """
    chosen = []
    for piece in evidence.slices:
        harmed = {
            misreading
            for arm in evidence.treated_arms
            for misreading, item in slice_items(evidence, arm, piece).items()
            if item.status == "harmed"
        }
        chosen.append((piece, Misreading.ALL if harmed == {Misreading.ALL} else Misreading.PAIR))
    return chosen


def slice_label(
    evidence: Evidence, piece: SliceEvidence, misreading: Misreading
) -> tuple[str, str]:
    """Return the two lines that name a counter-slice, as ("4 read as 9", "thinned …")."""
    name, reading = _reading(evidence, piece, misreading)
    return f"{name} {reading}", wording.treated(piece.view.treatment)


def slice_finding(
    evidence: Evidence, piece: SliceEvidence, misreading: Misreading, item: Item
) -> str:
    """Return a counter-slice as half a sentence, as in "4s thinned (…) are read as 9 in 8% …"."""
    name, reading = _reading(evidence, piece, misreading)
    times = fold(item.after, item.before)
    return (
        f"{plural(name)} {wording.treated(piece.view.treatment)} "
        f"are {reading} in {wording.percent(item.after)} of cases instead of "
        f"{wording.percent(item.before)}{f' ({times})' if times else ''}"
    )


def _reading(evidence: Evidence, piece: SliceEvidence, misreading: Misreading) -> tuple[str, str]:
    """Return the name of a counter-slice's class and its misreading, as ("4", "read as 9")."""
    names, reading = evidence.confirm.class_names, "misread"
    if misreading is Misreading.PAIR:
        reading = f"read as {names[other_class(evidence, piece.label)]}"
    return names[piece.label], reading


def other_class(evidence: Evidence, label: int) -> int:
    """Return the class of the target that a label is not."""
    return next(k for k in evidence.target if k != label)


def movement(cell: CellResult, alpha: float) -> str:
    """Return how the target moved, as in "4→9 fell from 6.1 to 4.0 errors per seed"."""
    verb = "fell" if cell.shrank(alpha) else "rose" if cell.grew(alpha) else "went"
    return (
        f"{cell.name} {verb} from {wording.images(cell.before_images)} to "
        f"{wording.images(cell.after_images)} errors per seed ({wording.p_value(cell.p_holm)})"
    )


def finding(evidence: Evidence, arm: str) -> str:
    """Return in one sentence what an arm did to its target and what it broke."""
    verdict = evidence.verdicts[arm]
    fall = f"{arm}: {movement(verdict.cells[0], verdict.alpha)}"
    harmed = [
        (item.effect.estimate, slice_finding(evidence, piece, misreading, item))
        for piece, misreading in slices_to_show(evidence)
        if (item := slice_items(evidence, arm, piece).get(misreading)) and item.status == "harmed"
    ]
    if harmed:
        _, worst = max(harmed, key=lambda entry: entry[0])
        return f"{fall} – but {worst}"
    if verdict.n_harmed:
        return f"{fall}; {wording.count(verdict.n_harmed, 'other thing')} got worse"
    if not verdict.n_undetermined:
        return (
            f"{fall}; all {verdict.n_items} other things that were checked stayed within their "
            "margins"
        )
    return (
        f"{fall}; of {verdict.n_items} other things none is shown to be harmed, "
        f"{verdict.n_undetermined} are undetermined"
    )


def next_command(evidence: Evidence) -> str:
    """Return the command that one would run next, with its cost; "" where there is none.

    What would decide what is open; else whether it holds on corrupted images, for those of MNIST.
    """
    study = evidence.plan.study
    name = source_of(study)
    if study.smoke:
        return f"Next: misread run {name}, the whole of it; its first line says how long it takes."
    step = next_step(name, evidence.verdicts, evidence.seeds, cost_of(study, evidence.folder))
    if step or not evidence.verdicts or study.dataset != "mnist":
        return step
    seconds = evidence.n_runs * len(CORRUPTIONS) * _READ_SECONDS
    return (
        f"Next: misread corruptions {shlex.quote(str(evidence.folder))} (does it hold on noisy, "
        f"blurred and bent images? about {minutes_of(seconds)} of one core)"
    )


def rank_phrase(rank: int) -> str:
    """Return a rank, as in "the most frequent" and "number 3"."""
    return "the most frequent" if rank == 1 else f"number {rank}"


def seed_number(evidence: Evidence) -> str:
    """Return the number of seeds, as in "10", or "5 to 20" where looks settled the arms."""
    numbers = {len(read_SN) for read_SN in evidence.predictions.values()}
    return " to ".join(map(str, sorted({min(numbers), max(numbers)})))


def seed_count(evidence: Evidence) -> str:
    """Return the number of seeds with its noun, as in "1 seed", "10 seeds" and "5 to 20 seeds"."""
    number = seed_number(evidence)
    return f"{number} seed" + ("" if number == "1" else "s")


def evidence_images(evidence: Evidence) -> str:
    """Return how many images count, as in "10,000 confirm images and 60,000 held out".

    Where *confirm* was seen before, it says that these do not decide.
    """
    side = evidence.runs[BASELINE].evidence
    n_confirm = len(evidence.confirm)
    held = f" and {side.n_images - n_confirm:,} held out" if side.n_images > n_confirm else ""
    pooled = evidence.plan.pooled
    seen = " (seen before: they do not decide)" if pooled and not pooled.weight else ""
    return f"{n_confirm:,} confirm images{seen}{held}"


def group_noun(evidence: Evidence) -> str:
    """Return what the groups of images are called, as in "writers"; "" where none count."""
    return f"{evidence.confirm.group_noun}s" if evidence.plan.grouped else ""


def sampling_units(evidence: Evidence) -> str:
    """Return over what tests and intervals hold, as in "seeds, writers and images"."""
    return wording.listed(["seeds", *filter(None, [group_noun(evidence)]), "images"])


def saved_runs(evidence: Evidence) -> str:
    """Return in a sentence the number of runs that looks saved; "" where seeds were fixed."""
    adaptive, saved = evidence.plan.study.adaptive, evidence.saved
    if adaptive is None or saved is None:
        return ""
    planned = evidence.n_runs + saved
    looks = wording.listed([f"{look}" for look in adaptive.looks])
    return (
        f"Seeds were added until each verdict was settled, looking at {looks} seeds as planned: "
        f"{evidence.n_runs} of at most {planned} runs, {saved} saved "
        f"({wording.percent(saved / planned)})."
    )


def mean_accuracy(evidence: Evidence, arm: str) -> float:
    """Return the accuracy of an arm on *confirm*, mean over seeds."""
    return float((evidence.predictions[arm] == evidence.confirm.labels_N).mean())


def recipe_name(evidence: Evidence) -> str:
    """Return the recipe that arms share for a sentence, as in ", recipe `quick`"; or ""."""
    name = evidence.plan.study.recipe_name
    return f", recipe `{name}`" if name else ""


def trained_by(evidence: Evidence) -> str:
    """Return what trained, in words."""
    machine, trainer = evidence.environment, evidence.plan.study.trainer
    if trainer.is_ours:
        return f"Keras {machine['versions']['keras']} on {machine['backend']}"
    return f"the trainer `{trainer.text}`"


def arm_description(evidence: Evidence, arm: str) -> str:
    """Return in words what an arm does differently: its policy, its treatments, its settings."""
    policy, operations, others = evidence.plan.policies[arm], *_differences(evidence, arm)
    parts = [operations, *others]
    if policy is not None:
        low, high = policy.size_px
        sizes = f"{low}" if low == high else f"{low} to {high}"
        parts[0] += f"; {sizes} px, each image with probability {policy.probability:g}"
    return "; ".join(filter(None, parts)) or "images as they are"


def arm_in_short(evidence: Evidence, arm: str) -> str:
    """Return what an arm does in a cell of a table: its label, else all that differs."""
    operations, others = _differences(evidence, arm)
    parts = filter(None, (operations, *others))
    return evidence.plan.study.arms[arm].label or "; ".join(parts) or "images as they are"


def _differences(evidence: Evidence, arm: str) -> tuple[str, list[str]]:
    """Return the operations of an arm's policy, and its other treatments and settings."""
    policy, arms = evidence.plan.policies[arm], evidence.plan.study.arms
    names, it = evidence.confirm.class_names, arms[arm]
    operations = "" if policy is None else ", ".join(
        f"{' or '.join(operations)} on {names[label]}"
        for label, operations in policy.operations.items()
    )  # fmt: skip
    usual = arms[BASELINE].stated if arm != BASELINE else it.stated | dict.fromkeys(it.settings)
    differing = {key: value for key, value in it.stated.items() if usual.get(key) != value}
    others = treatment_words(it.treatments, names)
    for key, value in differing.items():
        before = usual.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            differing[key] = {k: v for k, v in value.items() if before.get(k) != v}
        elif isinstance(value, dict):
            differing[key] = _at_work(value)
    return operations, others + [_setting(key, value) for key, value in differing.items()]


def _setting(key: str, value: Any) -> str:
    """Return a setting in words, as in "epochs 3" and "augment (shift 1 px, rotate 10°)"."""
    if not isinstance(value, dict):
        name, _, unit = key.rpartition("_") if key.endswith(tuple(_UNITS)) else (key, "", "")
        number = f"{value:g}" if isinstance(value, float) else value
        return f"{name.replace('_', ' ')} {number}{_UNITS.get('_' + unit, '')}"
    said = ", ".join(_setting(k, v) for k, v in value.items())
    name = _TREATMENTS.get(key, key)
    return f"{name} ({said})" if said else name


def _at_work(table: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a whole table that do something."""
    idle = set() if table.get("elastic_px") else {"elastic_smooth_px"}
    return {key: value for key, value in table.items() if value and key not in idle}


def treatment_words(treatments: Treatments, names: Sequence[str]) -> list[str]:
    """Return each treatment of an arm with its settings, as in "margin (true 2)"."""
    said = treatments.model_dump(mode="json", exclude_defaults=True)
    classes = said.pop("classes", None)
    words = [_setting(name, settings) for name, settings in said.items()]
    if classes is not None:
        words.append(f"about {' and '.join(names[k] for k in classes)} in the target’s place")
    return words
