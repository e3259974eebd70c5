"""The figure of the images themselves: which are misread, by which seed of which arm."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from misread import wording
from misread.show import style, words
from misread.study.evidence import Evidence
from misread.study.study import BASELINE

MOST_IMAGES = 48  # the rest is counted
_TILE, _COLUMNS = 1.18, 9


@style.styled
def misread_images(evidence: Evidence) -> Figure:
    """Draw the *confirm* images that any model reads as the target cell says, the worst first.

    Data: `predictions` and `disputed_N` of *confirm*, grouped as in the baseline's `atlas`. Below
    each image a row of squares per arm and
    a square per seed: orange where it is read as the target's predicted class, grey with the class
    where it is read as another, empty where it is read rightly. Images whose label is disputed
    stand apart, in a dashed frame.
    """
    true, predicted = evidence.plan.target
    own_N = evidence.confirm.labels_N == true
    hits = {arm: (read_SN == predicted) & own_N for arm, read_SN in evidence.predictions.items()}
    base_N = hits[BASELINE].sum(axis=0)
    total_N = sum(hit_SN.sum(axis=0) for hit_SN in hits.values())
    ids = np.flatnonzero(total_N)
    ids = ids[np.lexsort((ids, -total_N[ids], -base_N[ids]))]
    arms = evidence.arms[:6]
    strip = 0.115 * len(arms) + 0.08
    block = _TILE + 0.26 + strip + 0.22
    groups = _groups(evidence, ids, base_N)
    left = 1.45
    height = sum(-(-len(group) // _COLUMNS) * block + 0.45 for _, group, _ in groups)
    always = int((base_N[ids] == len(evidence.seeds)).sum())
    name, read = (evidence.confirm.class_names[k] for k in (true, predicted))
    title = (
        f"{wording.count(len(ids), 'image')} of {int(own_N.sum()):,} are read as {read} by some "
        f"model of some arm; {always} by every seed of the baseline"
        if len(ids)
        else f"No model of any arm reads a {name} as {read}"
    )
    n_left_out = len(ids) - sum(len(group) for _, group, _ in groups)
    sheet = style.Sheet(
        left + _COLUMNS * (_TILE + 0.14) + 0.3,
        height + 0.1,
        title,
        f"Test images of class {name}, by how many baseline seeds misread them. A square per seed "
        f"({words.seed_number(evidence)}); orange: read as {read}, grey: as another class, pale: "
        "rightly."
        + (f" {wording.count(n_left_out, 'rarer image')} not shown." if n_left_out else ""),
        evidence.plan.exploratory,
    )
    down = 0.0
    for heading, group, doubted in groups:
        colour = style.PURPLE if doubted else style.INK
        sheet.text(0.35, down, heading, fontsize=12.5, fontweight="bold", color=colour)
        down += 0.45
        for start in range(0, len(group), _COLUMNS):
            _strip_labels(sheet, arms, down + _TILE + 0.26)
            for along, n in enumerate(group[start : start + _COLUMNS]):
                at = left + along * (_TILE + 0.14)
                outline = sheet.image(at, down, _TILE, evidence.confirm.images[n])
                if doubted:
                    style.frame(outline, style.PURPLE, dashed=True)
                sheet.text(
                    at,
                    down + _TILE + 0.045,
                    f"#{evidence.confirm_ids_N[n]}",
                    fontsize=9,
                    color=style.MUTED,
                )
                squares = sheet.axes(at, down + _TILE + 0.26, _TILE, 0.115 * len(arms))
                _strip(squares, evidence, arms, n)
            down += block
    return sheet.figure


def _groups(
    evidence: Evidence, ids: npt.NDArray[np.int64], base_N: npt.NDArray[np.int64]
) -> list[tuple[str, list[int], bool]]:
    """Return heading, images and whether their labels are disputed, for each group of the atlas."""
    told = {
        "hard-core": "Hard core: misread by at least 80% of the baseline's seeds",
        "coin-flip": "Coin flips: by 20 to 80% of them",
        "flicker": "Flicker: by fewer",
        "misread": "Misread by the only seed of the baseline: one seed says nothing of chance",
        "disputed": "Disputed: people do not agree on this label",
    }
    atlas = evidence.atlas
    of_group = {name: [m.image for m in misread] for name, misread in atlas.groups.items()}
    after = [n for n in ids.tolist() if not base_N[n]]  # in no seed of the baseline
    doubt_N = evidence.confirm.disputed_N
    doubted = [n for n in after if doubt_N is not None and doubt_N[n]]
    of_group["disputed"] += doubted
    parts = [(told[name], of_group[name], False) for name in of_group if name != "disputed"]
    parts.append(("Only in other arms: by no seed of the baseline", after, False))
    parts.append((told["disputed"], of_group["disputed"], True))
    groups, left = [], MOST_IMAGES
    for heading, images, is_disputed in parts:
        own = [n for n in images if is_disputed or n not in doubted]
        shown = own[: max(left, 0)]
        left -= len(shown)
        if shown:
            n_more = len(own) - len(shown)
            more = f" ({len(shown)} of {len(own)})" if n_more else f" ({len(own)})"
            groups.append((heading + more, shown, is_disputed))
    return groups


def _strip_labels(sheet: style.Sheet, arms: Sequence[str], down: float) -> None:
    for place, arm in enumerate(arms):
        sheet.text(1.35, down + 0.115 * (place + 0.5), arm, fontsize=7.5, ha="right", va="center")


def _strip(axes: Axes, evidence: Evidence, arms: Sequence[str], n: int) -> None:
    true, predicted = evidence.plan.target
    n_seeds = len(evidence.seeds)
    axes.set_xlim(0, max(n_seeds, 10))
    axes.set_ylim(len(arms), 0)
    axes.axis("off")
    squares, colours = [], []
    for row, arm in enumerate(arms):
        for s, read in enumerate(evidence.predictions[arm][:, n].tolist()):
            left, right, top, bottom = s + 0.06, s + 0.94, row + 0.08, row + 0.92
            squares.append([(left, top), (right, top), (right, bottom), (left, bottom)])
            colours.append({true: "#eef0f3", predicted: style.VERMILLION}.get(read, "#8a919d"))
            name = evidence.confirm.class_names[read]
            if read not in (true, predicted) and len(name) == 1 and n_seeds <= 12:
                axes.text(
                    s + 0.5, row + 0.54, name, ha="center", va="center", fontsize=5.5, color="white"
                )
    axes.add_collection(PolyCollection(squares, facecolors=colours, linewidths=0), autolim=False)
