"""The figure of the images themselves: which are misread, by which seed of which arm."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from misread import wording
from misread.show import draw, style, words
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence

MOST_IMAGES = 48  # the rest is counted
_TILE, _COLUMNS, _LEFT, _SQUARE = 1.18, 9, 1.45, 0.115
_HEADINGS = {
    "hard-core": "Hard core: misread by at least 80% of the baseline's seeds",
    "coin-flip": "Coin flips: by 20 to 80% of them",
    "flicker": "Flicker: by fewer",
    "misread": "Misread by the only seed of the baseline: one seed says nothing of chance",
    "": "Only in other arms: by no seed of the baseline",
    "disputed": "Disputed: people do not agree on this label",
}
Ids = npt.NDArray[np.int64]


class _Group(NamedTuple):
    """Images of one kind; those of disputed labels stand apart."""

    heading: str
    images: list[int]
    disputed: bool


@style.styled
def misread_images(evidence: Evidence) -> Figure:
    """Draw the *confirm* images that any model reads as the target cell says, the worst first.

    Grouped as in the baseline's `atlas`, with the squares of `draw.seed_squares` below each, a row
    per arm. Images whose label is disputed stand apart, in a dashed frame.
    """
    true, predicted = evidence.target
    of_class_N = evidence.confirm.labels_N == true
    hits = {
        arm: ((read_SN == predicted) & of_class_N).sum(axis=0)
        for arm, read_SN in evidence.predictions.items()
    }
    base_N, total_N = hits[BASELINE], sum(hits.values())
    ids = np.flatnonzero(total_N)
    ids = ids[np.lexsort((ids, -total_N[ids], -base_N[ids]))]
    arms = evidence.arms[:6]
    block = _TILE + 0.26 + _SQUARE * len(arms) + 0.3
    groups = _groups(evidence, ids, base_N)
    always = int((base_N[ids] == len(evidence.seeds)).sum())
    name, read = (evidence.confirm.class_names[k] for k in (true, predicted))
    n_left_out = len(ids) - sum(len(group.images) for group in groups)
    sheet = style.Sheet(
        _LEFT + _COLUMNS * (_TILE + 0.14) + 0.3,
        sum(-(-len(group.images) // _COLUMNS) * block + 0.45 for group in groups) + 0.1,
        f"{wording.count(len(ids), 'image')} of {int(of_class_N.sum()):,} are read as {read} by "
        f"some model of some arm; {always} by every seed of the baseline"
        if len(ids)
        else f"No model of any arm reads a {name} as {read}",
        f"Test images of class {name}, by how many baseline seeds misread them. A square per seed "
        f"({words.seed_number(evidence)}); orange: read as {read}, grey: as another class, pale: "
        "rightly."
        + (f" {wording.count(n_left_out, 'rarer image')} not shown." if n_left_out else ""),
        evidence.plan.exploratory,
    )
    down = 0.0
    for group in groups:
        colour = style.PURPLE if group.disputed else style.INK
        sheet.text(0.35, down, group.heading, size=12.5, bold=True, colour=colour)
        down += 0.45
        for start in range(0, len(group.images), _COLUMNS):
            line = group.images[start : start + _COLUMNS]
            _draw_line(sheet, evidence, arms, line, down, disputed=group.disputed)
            down += block
    return sheet.figure


def _draw_line(
    sheet: style.Sheet,
    evidence: Evidence,
    arms: Sequence[str],
    images: Sequence[int],
    down: float,
    *,
    disputed: bool,
) -> None:
    below = down + _TILE + 0.26
    for place, arm in enumerate(arms):
        sheet.text(1.35, below + _SQUARE * (place + 0.5), arm, size=7.5, ha="right", va="center")
    names = evidence.confirm.class_names if len(evidence.seeds) <= 12 else ()
    corners = draw.places(len(images), _COLUMNS, _LEFT, down, (_TILE + 0.14, 0))
    for n, (at, top) in zip(images, corners, strict=True):
        outline = sheet.image(at, top, _TILE, evidence.confirm.images[n])
        if disputed:
            style.frame(outline, style.PURPLE, dashed=True)
        number = f"#{evidence.parts.confirm_ids_N[n]}"
        sheet.text(at, top + _TILE + 0.045, number, size=9, colour=style.MUTED)
        squares = sheet.axes(at, below, _TILE, _SQUARE * len(arms))
        read_AS = [evidence.predictions[arm][:, n].tolist() for arm in arms]
        draw.seed_squares(squares, read_AS, evidence.target, names)


def _groups(evidence: Evidence, ids: Ids, base_N: Ids) -> list[_Group]:
    """Return the groups of the atlas, and the images that only other arms misread."""
    groups = {
        name: [misread.image for misread in members]
        for name, members in evidence.atlas.kinds.items()
    }
    only_after = [n for n in ids.tolist() if not base_N[n]]
    disputed_N = evidence.confirm.disputed_N
    disputed = [n for n in only_after if disputed_N is not None and disputed_N[n]]
    last = groups.pop("disputed") + disputed
    groups |= {"": [n for n in only_after if n not in disputed], "disputed": last}
    drawn, left = [], MOST_IMAGES
    for name, images in groups.items():
        first = images[: max(left, 0)]
        left -= len(first)
        if first:
            some = f"{len(first)} of {len(images)}" if len(first) < len(images) else len(images)
            drawn.append(_Group(f"{_HEADINGS[name]} ({some})", first, name == "disputed"))
    return drawn
