"""Findings of a study in words, for figures, pages and tables; numbers as in `judge.wording`."""

from misread.judge.collateral import Item
from misread.judge.targets import CellResult
from misread.study.evidence import Evidence, SliceEvidence
from misread.study.study import BASELINE
from misread.wording import (
    MINUS,
    count,
    images,
    interval,
    level,
    listed,
    number,
    p_number,
    p_value,
    percent,
    points,
    relative,
)

__all__ = [
    "DONE",
    "MINUS",
    "arm_description",
    "cell_name",
    "count",
    "fold",
    "headline",
    "images",
    "interval",
    "level",
    "listed",
    "mean_accuracy",
    "n_seeds",
    "number",
    "p_number",
    "p_value",
    "percent",
    "plural",
    "points",
    "relative",
    "runs_told",
    "seeds_told",
    "shown_slices",
    "slice_items",
    "slice_label",
    "slice_told",
    "target_name",
    "target_result",
    "treated",
    "went",
]

NOT_ASKED = "–"  # a slice of a larger dose than the arm's own
DONE = {
    "erode": "thinned",
    "dilate": "thickened",
    "cut": "cut at the foot",
    "lean": "leaned left",
}


def fold(after: float, before: float) -> str:
    """Return after as a multiple of before, as in "×4.9"; "" where there was nothing before."""
    if before == 0:
        return ""
    return f"×{number(after / before, decimals=1 if after / before < 10 else 0)}"


def cell_name(evidence: Evidence, true: int, predicted: int) -> str:
    """Return the name of a directed confusion, as in "4→9"."""
    names = evidence.confirm.class_names
    return f"{names[true]}→{names[predicted]}"


def target_name(evidence: Evidence) -> str:
    """Return the name of the target cell."""
    return cell_name(evidence, *evidence.plan.target)


def treated(operation: str, size_px: int) -> str:
    """Return what was done to an image, as in "thinned (erode 2 px)"."""
    name = f"{operation} {size_px} px"
    return f"{DONE[operation]} ({name})" if operation in DONE else f"under {name}"


def slice_items(evidence: Evidence, arm: str, piece: SliceEvidence) -> dict[str, Item]:
    """Return what the verdict says of a counter-slice.

    Returns
    -------
    dict
        "all": every misreading of the class in the slice; "pair": only those as the other class of
        the target. Nothing where the arm is not asked: its own doses do not go so far.
    """
    view = f"{piece.slice.operation} {piece.slice.size_px} px"
    own = [
        item
        for item in evidence.verdicts[arm].collateral
        if item.slice_name == view and item.true == piece.slice.label
    ]
    return {"pair" if item.predicted is not None else "all": item for item in own}


def shown_slices(evidence: Evidence) -> list[tuple[SliceEvidence, str]]:
    """Return the counter-slices, each with what to show of it: "pair" or "all" (`slice_items`).

    It is the confusion of the target's two classes, unless in some arm only all misreadings of the
    class together are harmed: then that is what must be seen.
    """
    chosen = []
    for piece in evidence.slices:
        harmed = {
            which
            for arm in evidence.treated_arms
            for which, item in slice_items(evidence, arm, piece).items()
            if item.status == "harmed"
        }
        chosen.append((piece, "all" if harmed == {"all"} else "pair"))
    return chosen


def slice_label(evidence: Evidence, piece: SliceEvidence, which: str) -> tuple[str, str]:
    """Return the two lines that say what a counter-slice asks, as ("4 read as 9", "thinned …")."""
    names = evidence.confirm.class_names
    label = piece.slice.label
    other = next(k for k in evidence.plan.target if k != label)
    read = (
        f"{names[label]} read as {names[other]}" if which == "pair" else f"{names[label]} misread"
    )
    return read, treated(piece.slice.operation, piece.slice.size_px)


def target_result(evidence: Evidence, arm: str) -> CellResult:
    """Return the target cell's result of an arm."""
    return evidence.verdicts[arm].cells[0]


def went(cell: CellResult, alpha: float) -> str:
    """Return how the target moved, as in "4→9 fell from 6.1 to 4.0 errors per seed"."""
    verb = "fell" if cell.shrank(alpha) else "rose" if cell.grew(alpha) else "went"
    return (
        f"{cell.name} {verb} from {images(cell.before_images)} to {images(cell.after_images)} "
        f"errors per seed ({p_value(cell.p_holm)})"
    )


def headline(evidence: Evidence, arm: str) -> str:
    """Return in one sentence what an arm did to its target and what it broke."""
    verdict = evidence.verdicts[arm]
    told = f"{arm}: {went(target_result(evidence, arm), verdict.alpha)}"
    harmed = [
        (item, piece, which)
        for piece, which in shown_slices(evidence)
        for name, item in slice_items(evidence, arm, piece).items()
        if name == which and item.status == "harmed"
    ]
    if not harmed:
        others = verdict.n_harmed
        if others:
            return f"{told}; {count(others, 'other thing')} got worse"
        n_items = verdict.n_items
        if not verdict.n_undetermined:
            return (
                f"{told}; all {n_items} other things that were checked stayed within their margins"
            )
        return (
            f"{told}; of {n_items} other things none is shown to be harmed, "
            f"{verdict.n_undetermined} are undetermined"
        )
    item, piece, which = max(harmed, key=lambda entry: entry[0].effect.estimate)
    return f"{told} – but {slice_told(evidence, piece, which, item)}"


def slice_told(evidence: Evidence, piece: SliceEvidence, which: str, item: Item) -> str:
    """Return a counter-slice as half a sentence, as in "4s thinned (…) are read as 9 in 8% …"."""
    names = evidence.confirm.class_names
    other = next(k for k in evidence.plan.target if k != piece.slice.label)
    reading = f"read as {names[other]}" if which == "pair" else "misread"
    times = fold(item.after, item.before)
    return (
        f"{plural(names[piece.slice.label])} {treated(piece.slice.operation, piece.slice.size_px)} "
        f"are {reading} in {percent(item.after)} of cases instead of {percent(item.before)}"
        f"{f' ({times})' if times else ''}"
    )


def plural(name: str) -> str:
    """Return a class name for several images, as in "4s" and "images of cat"."""
    return f"{name}s" if len(name) == 1 else f"images of {name}"


def n_seeds(evidence: Evidence) -> str:
    """Return how many seeds the arms have, as in "10", or "5 to 20" where looks settled them."""
    numbers = [len(read_SN) for read_SN in evidence.predictions.values()]
    fewest, most = min(numbers), max(numbers)
    return f"{most}" if fewest == most else f"{fewest} to {most}"


def seeds_told(evidence: Evidence) -> str:
    """Return the same with its noun, as in "1 seed", "10 seeds" and "5 to 20 seeds"."""
    return f"{n_seeds(evidence)} seed" + ("" if n_seeds(evidence) == "1" else "s")


def groups_told(evidence: Evidence) -> str:
    """Return what the groups of images are called, as in "writers"; "" where none count."""
    if not evidence.plan.grouped:
        return ""
    return f"{evidence.confirm.group_noun}s"


def sampled_told(evidence: Evidence) -> str:
    """Return over what tests and intervals hold, as in "seeds, writers and images"."""
    return listed(["seeds", *filter(None, [groups_told(evidence)]), "images"])


def runs_told(evidence: Evidence) -> str:
    """Return how many runs looks have saved, in a sentence; "" where the seeds were fixed."""
    adaptive, saved = evidence.plan.study.adaptive, evidence.saved
    if adaptive is None or saved is None:
        return ""
    planned = evidence.n_runs + saved
    looks = listed([f"{look}" for look in adaptive.looks])
    return (
        f"Seeds were added until each verdict was settled, looking at {looks} seeds as planned: "
        f"{evidence.n_runs} of at most {planned} runs, {saved} saved ({percent(saved / planned)})."
    )


def mean_accuracy(evidence: Evidence, arm: str) -> float:
    """Return the accuracy of an arm on *confirm*, mean over seeds."""
    right = evidence.predictions[arm] == evidence.confirm.labels_N
    return float(right.mean())


def arm_description(evidence: Evidence, arm: str) -> str:
    """Return an arm's policy in words."""
    policy = evidence.plan.policies[arm]
    if arm == BASELINE or policy is None:
        return "images as they are"
    names = evidence.confirm.class_names
    parts = [
        f"{' or '.join(operations)} on {names[label]}"
        for label, operations in policy.operations.items()
    ]
    low, high = policy.size_px
    sizes = f"{low}" if low == high else f"{low} to {high}"
    return f"{', '.join(parts)}; {sizes} px, each image with probability {policy.probability:g}"
