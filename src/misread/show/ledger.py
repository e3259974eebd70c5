"""The figure of what changed for good: images that each arm broke, and images that it mended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from misread.evidence import Evidence
from misread.judge.wording import listed
from misread.show import style, words
from misread.study import BASELINE

MOST_IMAGES = 16  # per arm and kind; the rest is counted, and listed in the table
_TILE, _COLUMNS, _BLOCK = 1.18, 8, 1.95


class Change(NamedTuple):
    """One image that an arm consistently broke or mended.

    `number` is its place in the test set; readings are the most frequent ones, with their seeds.
    """

    number: int
    place: int  # in *confirm*
    true: int
    before: int
    n_before: int
    after: int
    n_after: int
    kind: str  # "broken" or "mended"
    is_target: bool


def changes(evidence: Evidence, arm: str) -> list[Change]:
    """Return what an arm broke and mended for good, the target cell's images first."""
    ledger = evidence.verdicts[arm].ledger
    found = []
    for kind, places in (("broken", ledger.broken), ("mended", ledger.mended)):
        for place in places:
            true = int(evidence.confirm.labels_N[place])
            (before, n_before), (after, n_after) = (
                Counter(evidence.predictions[side][:, place].tolist()).most_common(1)[0]
                for side in (BASELINE, arm)
            )
            wrong = after if kind == "broken" else before
            found.append(
                Change(
                    int(evidence.confirm_ids_N[place]),
                    place,
                    true,
                    before,
                    n_before,
                    after,
                    n_after,
                    kind,
                    (true, wrong) == evidence.plan.target,
                )
            )
    return sorted(found, key=lambda change: (change.kind, not change.is_target, change.number))


@style.styled
def ledger(evidence: Evidence) -> Figure:
    """Draw the images that each arm consistently broke and mended, with both readings.

    Data: `verdicts[arm].ledger` and `predictions` on *confirm*. Consistent means in at least 80% of
    the seeds. The target cell's images have bold readings.
    """
    of_arm = {arm: changes(evidence, arm) for arm in evidence.treated_arms}
    rows = {arm: found for arm, found in of_arm.items() if found}
    idle = [arm for arm, found in of_arm.items() if not found]
    lines = {arm: -(-min(len(found), MOST_IMAGES) // _COLUMNS) for arm, found in rows.items()}
    height = sum(0.42 + line * _BLOCK for line in lines.values()) + (0.4 if idle else 0)
    sheet = style.Sheet(
        11.6,
        max(height, 0.3),
        _title(of_arm),
        "Broken (orange): right in at least 80% of the seeds before and wrong in at least 80% "
        "after; mended (blue): the reverse. Below each image: the most frequent reading before → "
        f"after, with its seeds. Bold: the target {words.target_name(evidence)}.",
        evidence.plan.exploratory,
    )
    down = 0.0
    for arm, found in rows.items():
        told = f"{arm}: {_count(found, 'broken')}, {_count(found, 'mended')}"
        if len(found) > MOST_IMAGES:
            told += f" (the first {MOST_IMAGES} are drawn)"
        sheet.text(0.35, down, told, fontsize=12.5, fontweight="bold")
        down += 0.42
        for number, change in enumerate(found[:MOST_IMAGES]):
            row, along = divmod(number, _COLUMNS)
            _draw(sheet, evidence, change, 0.35 + along * (_TILE + 0.2), down + row * _BLOCK)
        down += lines[arm] * _BLOCK
    if idle:
        told = f"{listed(idle)}: nothing broken, nothing mended"
        sheet.text(0.35, down, told, fontsize=12.5, color=style.MUTED)
    return sheet.figure


def _count(found: Sequence[Change], kind: str) -> str:
    return f"{sum(change.kind == kind for change in found):,} {kind}"


def _title(of_arm: Mapping[str, Sequence[Change]]) -> str:
    if not of_arm:
        return "No arm was treated: nothing can have changed"
    told = [f"{arm} {_count(f, 'broken')}, {_count(f, 'mended')}" for arm, f in of_arm.items() if f]
    return f"For good, in images: {'; '.join(told)}" if told else "No arm changed an image for good"


def _draw(sheet: style.Sheet, evidence: Evidence, change: Change, at: float, top: float) -> None:
    names = evidence.confirm.class_names
    axes = sheet.image(at, top, _TILE, evidence.confirm.images[change.place])
    style.frame(axes, style.VERMILLION if change.kind == "broken" else style.BLUE)
    sheet.text(
        at,
        top + _TILE + 0.05,
        f"{names[change.before]} ({change.n_before}) → {names[change.after]} ({change.n_after})",
        fontsize=10.5,
        fontweight="bold" if change.is_target else "normal",
    )
    told = f"a {names[change.true]}, #{change.number}"
    sheet.text(at, top + _TILE + 0.28, told, fontsize=9, color=style.MUTED)
