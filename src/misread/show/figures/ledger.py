"""The figure of what changed for good: images that each arm broke, and images that it mended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from misread.show import style, words
from misread.study.evidence import Evidence
from misread.study.study import BASELINE
from misread.wording import listed

MOST_IMAGES = 16  # per arm and kind; the rest is counted, and listed in the table
_TILE, _COLUMNS, _LINE = 1.18, 8, 0.21
_ROOM = 11  # letters of a class name that fit below an image; the table has all of it


class Change(NamedTuple):
    """One image that an arm consistently broke or mended.

    `number` is its place in the test set. Where it is right, the reading is its class, elsewhere
    the most frequent wrong one; each with its seeds.
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
    ledger, n_seeds = evidence.verdicts[arm].ledger, len(evidence.predictions[arm])
    found = []
    for kind, places in (("broken", ledger.broken), ("mended", ledger.mended)):
        for place in places:
            true = int(evidence.confirm.labels_N[place])
            (before, n_before), (after, n_after) = (
                _reading(evidence.predictions[side][:n_seeds, place].tolist(), true, right=right)
                for side, right in ((BASELINE, kind == "broken"), (arm, kind == "mended"))
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


def _reading(read_S: Sequence[int], true: int, *, right: bool) -> tuple[int, int]:
    """Return what stands for S readings, and in how many seeds it was read.

    Where an image is wrong in most seeds its class can still lead, when the wrong readings differ
    among themselves; of those that are equally frequent the smallest class stands.
    """
    times = Counter(read_S)
    if right:
        return true, times[true]
    return max(
        ((read, n) for read, n in times.items() if read != true),
        key=lambda found: (found[1], -found[0]),
    )


@style.styled
def ledger(evidence: Evidence) -> Figure:
    """Draw the images that each arm consistently broke and mended, with both readings.

    Data: `verdicts[arm].ledger` and `predictions` on *confirm*. Consistent means in at least 80% of
    the seeds. The target cell's images have bold readings.
    """
    of_arm = {arm: changes(evidence, arm) for arm in evidence.treated_arms}
    rows = {arm: found for arm, found in of_arm.items() if found}
    idle = [arm for arm, found in of_arm.items() if not found]
    drawn = {arm: _drawn(found) for arm, found in rows.items()}
    two_lines = max(map(len, evidence.confirm.class_names)) > 2
    block = _TILE + 0.56 + (_LINE if two_lines else 0)
    lines = {arm: -(-len(shown) // _COLUMNS) for arm, shown in drawn.items()}
    height = sum(0.57 + line * block for line in lines.values()) + (0.4 if idle else 0)
    sheet = style.Sheet(
        11.6,
        max(height, 0.3),
        _title(of_arm),
        "Broken (orange): right in at least 80% of the seeds before and wrong in at least 80% "
        "after; mended (blue): the reverse. Below each image: how it was read before → after, "
        f"each with its seeds of {words.seed_number(evidence)}; its place in the test set, its "
        "label. "
        f"Bold: the target {words.target_name(evidence)}.",
        evidence.plan.exploratory,
    )
    down = 0.0
    for arm, found in rows.items():
        told = f"{arm}: {_count(found, 'broken')}, {_count(found, 'mended')}"
        if len(found) > len(drawn[arm]):
            told += f" (the first {MOST_IMAGES} of each are drawn)"
        sheet.text(0.35, down, told, fontsize=12.5, fontweight="bold")
        down += 0.42
        for number, change in enumerate(drawn[arm]):
            row, along = divmod(number, _COLUMNS)
            at = (0.35 + along * (_TILE + 0.2), down + row * block)
            _draw(sheet, evidence, change, at, two_lines=two_lines)
        down += lines[arm] * block + 0.15
    if idle:
        told = f"{listed(idle)}: nothing broken, nothing mended"
        sheet.text(0.35, down, told, fontsize=12.5, color=style.MUTED)
    return sheet.figure


def _drawn(found: Sequence[Change]) -> list[Change]:
    """Return the first changes of each kind."""
    kinds = ([c for c in found if c.kind == kind] for kind in ("broken", "mended"))
    return [change for own in kinds for change in own[:MOST_IMAGES]]


def _count(found: Sequence[Change], kind: str) -> str:
    return f"{sum(change.kind == kind for change in found):,} {kind}"


def _title(of_arm: Mapping[str, Sequence[Change]]) -> str:
    if not of_arm:
        return "No arm was treated: nothing can have changed"
    told = [f"{arm} {_count(f, 'broken')}, {_count(f, 'mended')}" for arm, f in of_arm.items() if f]
    return f"For good, in images: {'; '.join(told)}" if told else "No arm changed an image for good"


def _draw(
    sheet: style.Sheet,
    evidence: Evidence,
    change: Change,
    at: tuple[float, float],
    *,
    two_lines: bool,
) -> None:
    left, top = at
    outline = sheet.image(left, top, _TILE, evidence.confirm.images[change.place])
    style.frame(outline, style.VERMILLION if change.kind == "broken" else style.BLUE)
    true, before, after = (
        name if len(name) <= _ROOM else name[: _ROOM - 1] + "…"
        for name in (
            evidence.confirm.class_names[k] for k in (change.true, change.before, change.after)
        )
    )
    told = [f"{before} ({change.n_before}) →", f"{after} ({change.n_after})"]
    down = top + _TILE + 0.05
    for line in told if two_lines else [" ".join(told)]:
        sheet.text(
            left,
            down,
            line,
            fontsize=9.5 if two_lines else 10.5,
            fontweight="bold" if change.is_target else "normal",
        )
        down += _LINE
    sheet.text(left, down, f"#{change.number}, {true}", fontsize=8.5, color=style.MUTED)
