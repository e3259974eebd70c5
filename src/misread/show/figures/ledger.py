"""The figure of what changed for good: images that each arm broke, and images that it mended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from misread.show import draw, style, words
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence
from misread.wording import listed

MOST_IMAGES = 16  # per arm and kind; the rest is counted, and listed in the table
_TILE, _COLUMNS, _LINE = 1.18, 8, 0.21
_ROOM = 11  # letters of a class name that fit below an image; the table has all of it


class Change(NamedTuple):
    """One image that an arm broke or mended for good, with both readings and their seeds."""

    number: int  # its place in the test set
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
    images = []
    for kind, places in (("broken", ledger.broken), ("mended", ledger.mended)):
        for place in places:
            if place >= len(evidence.confirm):  # held out, and read by all where there is one seed
                continue
            true = int(evidence.confirm.labels_N[place])
            before, after = (
                _reading(evidence.predictions[side][:n_seeds, place].tolist(), true, right=right)
                for side, right in ((BASELINE, kind == "broken"), (arm, kind == "mended"))
            )
            wrong = after[0] if kind == "broken" else before[0]
            is_target = (true, wrong) == evidence.target
            number = int(evidence.parts.confirm_ids_N[place])
            images.append(Change(number, place, true, *before, *after, kind, is_target))
    return sorted(images, key=lambda change: (change.kind, not change.is_target, change.number))


def _reading(read_S: Sequence[int], true: int, *, right: bool) -> tuple[int, int]:
    """Return the class, or the most frequent wrong reading, with its seeds; of equals the first."""
    times = Counter(read_S)
    if right:
        return true, times[true]
    wrong = ((read, n) for read, n in times.items() if read != true)
    return max(wrong, key=lambda reading: (reading[1], -reading[0]))


@style.styled
def ledger(evidence: Evidence) -> Figure:
    """Draw the images that each arm broke and mended for good, with both readings."""
    by_arm = {arm: changes(evidence, arm) for arm in evidence.treated_arms}
    idle = [arm for arm, images in by_arm.items() if not images]
    drawn = {arm: _first(images) for arm, images in by_arm.items() if images}
    two_lines = max(map(len, evidence.confirm.class_names)) > 2
    block = _TILE + 0.56 + (_LINE if two_lines else 0)
    heights = {arm: -(-len(images) // _COLUMNS) * block for arm, images in drawn.items()}
    height = sum(0.57 + tall for tall in heights.values()) + (0.4 if idle else 0)
    sheet = style.Sheet(
        11.6,
        max(height, 0.3),
        _title(by_arm),
        "Broken (orange): right in at least 80% of the seeds before and wrong in at least 80% "
        "after; mended (blue): the reverse. Below each image: how it was read before → after, each "
        f"with its seeds of {words.seed_number(evidence)}; its place in the test set, its label. "
        f"Bold: the target {words.target_name(evidence)}.",
        evidence.plan.exploratory,
    )
    down = 0.0
    for arm, images in drawn.items():
        some = len(by_arm[arm]) > len(images)
        more = f" (the first {MOST_IMAGES} of each are drawn)" if some else ""
        sheet.text(0.35, down, f"{arm}: {_counts(by_arm[arm])}{more}", size=12.5, bold=True)
        down += 0.42
        corners = draw.places(len(images), _COLUMNS, 0.35, down, (_TILE + 0.2, block))
        for change, (at, top) in zip(images, corners, strict=True):
            outline = sheet.image(at, top, _TILE, evidence.confirm.images[change.place])
            style.frame(outline, style.VERMILLION if change.kind == "broken" else style.BLUE)
            _caption(sheet, evidence, change, (at, top + _TILE + 0.05), two_lines=two_lines)
        down += heights[arm] + 0.15
    if idle:
        rest = f"{listed(idle)}: nothing broken, nothing mended"
        sheet.text(0.35, down, rest, size=12.5, colour=style.MUTED)
    return sheet.figure


def _first(images: Sequence[Change]) -> list[Change]:
    """Return the first changes of each kind."""
    kinds = ([c for c in images if c.kind == kind] for kind in ("broken", "mended"))
    return [change for of_kind in kinds for change in of_kind[:MOST_IMAGES]]


def _counts(images: Sequence[Change]) -> str:
    numbers = Counter(change.kind for change in images)
    return f"{numbers['broken']:,} broken, {numbers['mended']:,} mended"


def _title(by_arm: Mapping[str, Sequence[Change]]) -> str:
    if not by_arm:
        return "No arm was treated: nothing can have changed"
    counts = [f"{arm} {_counts(images)}" for arm, images in by_arm.items() if images]
    return (
        f"For good, in images: {'; '.join(counts)}"
        if counts
        else "No arm changed an image for good"
    )


def _caption(
    sheet: style.Sheet,
    evidence: Evidence,
    change: Change,
    at: tuple[float, float],
    *,
    two_lines: bool,
) -> None:
    left, down = at
    names = [evidence.confirm.class_names[k] for k in (change.true, change.before, change.after)]
    true, before, after = (n if len(n) <= _ROOM else f"{n[: _ROOM - 1]}…" for n in names)
    lines = [f"{before} ({change.n_before}) →", f"{after} ({change.n_after})"]
    for line in lines if two_lines else [" ".join(lines)]:
        sheet.text(left, down, line, size=9.5 if two_lines else 10.5, bold=change.is_target)
        down += _LINE
    sheet.text(left, down, f"#{change.number}, {true}", size=8.5, colour=style.MUTED)
