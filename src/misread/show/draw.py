"""Pieces that figures share: notes, rows, intervals, tiles of images, matrices, curves, keys."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap
from matplotlib.patches import Rectangle

from misread.judge.checks import FloatArray
from misread.judge.classes import Cell
from misread.show import style
from misread.show.style import Sheet

DASHED = (0, (3, 2))
_LEAST = 1e-4  # of a loss or a share, on a logarithmic axis


def note(
    axes: Axes,
    at: tuple[float, float],
    text: str,
    offset_pt: tuple[float, float] = (0, 0),
    *,
    coords: Any = "data",
    **options: Any,
) -> None:
    """Write at a place of axes, moved by points; also outside of them."""
    axes.annotate(
        text,
        at,
        xycoords=coords,
        xytext=offset_pt,
        textcoords="offset points",
        annotation_clip=False,
        **options,
    )


# --- rows and intervals ---------------------------------------------------------------------------


def row_axes(sheet: Sheet, left: float, down: float, width: float, height: float, n: int) -> Axes:
    """Return axes with n rows from the top, and nothing but an axis below. All in inches."""
    axes = sheet.axes(left, down, width, height)
    style.bare(axes, keep="bottom")
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_yticks([])
    return axes


def row_label(
    axes: Axes, row: float, text: str, *, bold: bool = False, colour: str = style.INK
) -> None:
    """Write the name of a row to the left of the axes."""
    look = {"fontsize": 11.5, "fontweight": "bold" if bold else "normal", "color": colour}
    at = ("axes fraction", "data")
    note(axes, (0, row), text, (-8, 0), coords=at, ha="right", va="center", **look)


def interval(
    axes: Axes,
    row: float,
    ends: tuple[float, float],
    colour: str,
    *,
    width: float = 2.6,
    limits: tuple[float, float] | None = None,
    arrow: float = 6,
) -> None:
    """Draw an interval in a row; beyond `limits` it is cut, with an arrow in its place."""
    least, most = limits or ends
    axes.plot([max(ends[0], least), min(ends[1], most)], [row, row], color=colour, lw=width)
    for is_cut, end, marker in ((ends[0] < least, least, "<"), (ends[1] > most, most, ">")):
        if is_cut:
            axes.plot([end], [row], marker, color=colour, ms=arrow, clip_on=False)


# --- marks and keys -------------------------------------------------------------------------------


class Mark(NamedTuple):
    """A mark of a figure, with its name."""

    name: str
    colour: str
    marker: str = "o"
    hollow: bool = False


BEFORE = Mark("before", style.MUTED, hollow=True)
STATUS_MARKS = tuple(
    Mark(status, style.STATUS_COLOURS[status], style.STATUS_MARKERS[status])
    for status in style.STATUS_COLOURS
)
_COLOURS = (
    style.INK,
    style.VERMILLION,
    style.BLUE,
    style.GREEN,
    style.PURPLE,
    style.ORANGE,
    style.SKY,
)
_MARKERS = "oDs^vPX"


def arm_marks(arms: Sequence[str]) -> list[Mark]:
    """Return a mark for each arm, the same in every figure of a study."""
    n = len(_COLOURS)
    return [Mark(arm, _COLOURS[k % n], _MARKERS[(k + k // n) % n]) for k, arm in enumerate(arms)]


def key(sheet: Sheet, left: float, down: float, marks: Sequence[Mark]) -> None:
    """Explain marks in a line, and in further ones where it is full.

    It begins at `left`, and the middle of its first line lies at `down`, in inches.
    """
    at = left
    for mark in marks:
        width = 0.42 + 0.085 * len(mark.name)
        if at > left and at + width > sheet.width:
            at, down = left, down + 0.24
        hollow = {"mfc": "white", "mew": 1.8} if mark.hollow else {}
        sheet.mark(at + 0.08, down, mark.marker, ms=8, color=mark.colour, **hollow)
        sheet.text(at + 0.21, down, mark.name, size=10.5, colour=style.MUTED, va="center")
        at += width


# --- tiles of images ------------------------------------------------------------------------------


def places(
    n: int, columns: int, left: float, down: float, step: tuple[float, float]
) -> Iterator[tuple[float, float]]:
    """Yield the upper left corners of n tiles, line by line, in inches.

    `step` says how far the next column and the next line lie.
    """
    for number in range(n):
        line, column = divmod(number, columns)
        yield left + column * step[0], down + line * step[1]


def tiles(
    sheet: Sheet,
    images: Iterable[npt.NDArray[np.uint8]],
    columns: int,
    corner: tuple[float, float],
    size: float,
    step: float,
) -> None:
    """Draw images of so many inches line by line from a corner on, without captions."""
    drawn = list(images)
    for image, at in zip(drawn, places(len(drawn), columns, *corner, (step, step)), strict=True):
        sheet.image(*at, size, image)


def seed_squares(
    axes: Axes, read_AS: Sequence[Sequence[int]], cell: tuple[int, int], names: Sequence[str] = ()
) -> None:
    """Draw a square for each reading of one image: a line per arm, a column per seed.

    Orange where it is read as the cell says, pale where rightly, else grey and, where `names` of
    classes are given, with the class.
    """
    true, predicted = cell
    n_seeds = max(map(len, read_AS))
    axes.set_xlim(0, max(n_seeds, 10))
    axes.set_ylim(len(read_AS), 0)
    axes.axis("off")
    squares, colours = [], []
    for row, read_S in enumerate(read_AS):
        for s, read in enumerate(read_S):
            left, right, top, bottom = s + 0.06, s + 0.94, row + 0.08, row + 0.92
            squares.append([(left, top), (right, top), (right, bottom), (left, bottom)])
            colours.append({true: "#eef0f3", predicted: style.VERMILLION}.get(read, "#8a919d"))
            if names and read not in cell and len(names[read]) == 1:
                look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 5.5}
                axes.text(s + 0.5, row + 0.54, names[read], color="white", **look)
    axes.add_collection(PolyCollection(squares, facecolors=colours, linewidths=0), autolim=False)


# --- confusion matrices ---------------------------------------------------------------------------


def matrix(
    axes: Axes,
    shades_KK: FloatArray,
    texts: Mapping[Cell, str],
    recall_K: FloatArray,
    names: Sequence[str],
    *,
    colours: Colormap,
    lowest: float = 0.0,
    size: float,
    bold: Collection[Cell] = (),
    faint: Collection[Cell] = (),
) -> None:
    """Draw a confusion matrix: rows are true classes, columns what was read.

    `shades_KK` colour the cells off the diagonal, from `lowest` to 1.15; `texts` are the numbers in
    them, those of `bold` standing out and those of `faint` standing back. The recalls, in per cent,
    stand on the diagonal.
    """
    axes.imshow(shades_KK, cmap=colours, vmin=lowest, vmax=1.15, interpolation="nearest")
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    for k, recall in enumerate(recall_K):
        axes.add_patch(Rectangle((k - 0.5, k - 0.5), 1, 1, color="#eceef2", lw=0))
        text = f"{recall:.1f}" if recall < 100 else "100"
        axes.text(k, k, text, fontsize=0.82 * size, color="#7d8490", **middle)
    for (i, j), text in texts.items():
        strong = abs(shades_KK[i, j]) > 0.93
        ink = "white" if strong else style.MUTED if (i, j) in faint else style.INK
        weight = "bold" if (i, j) in bold else "normal"
        shrunk = size * min(1, 4 / len(text))  # so that it stays within its frame
        axes.text(j, i, text, fontsize=shrunk, fontweight=weight, color=ink, **middle)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    if max(map(len, names)) > 2:
        axes.tick_params(axis="x", labelrotation=60)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)
    style.bare(axes)


def cell_frame(axes: Axes, cell: Cell, *, dashed: bool = False) -> None:
    """Draw a frame around a cell of a matrix."""
    inset = 0.0 if dashed else 0.04
    look: dict[str, Any] = {"lw": 1.8, "ls": (0, (2.2, 1.4))} if dashed else {"lw": 2.6}
    corner, side = (cell[1] - 0.5 + inset, cell[0] - 0.5 + inset), 1 - 2 * inset
    zorder = 6 if dashed else 5
    axes.add_patch(Rectangle(corner, side, side, fill=False, ec=style.INK, zorder=zorder, **look))


# --- curves ---------------------------------------------------------------------------------------


class End(NamedTuple):
    """The right end of a curve, with its name."""

    name: str
    colour: str
    value: float
    bold: bool = True


def name_ends(axes: Axes, ends: Sequence[End], *, gap: float, size: float, aside_pt: float) -> None:
    """Name what ends where, beside the axes; names that would touch are pushed apart.

    The axes' limits upwards are set. `gap` is the least distance of two names, as a share of the
    height.
    """
    low, high = axes.get_ylim()
    least = gap * (high - low)
    ends = sorted(ends, key=lambda end: end.value)
    heights = [float(end.value) for end in ends]
    for _ in range(200):
        for k in range(len(heights) - 1):
            push = (least - (heights[k + 1] - heights[k])) / 2
            if push > 0:
                heights[k] -= push
                heights[k + 1] += push
    for k in reversed(range(len(heights))):  # none above the axes
        above = heights[k + 1] - least if k + 1 < len(heights) else high
        heights[k] = min(heights[k], above)
    for k in range(len(heights)):
        below = heights[k - 1] + least if k else low
        heights[k] = max(heights[k], below)
    for end, height in zip(ends, heights, strict=True):
        look: dict[str, Any] = {"va": "center", "fontsize": size, "color": end.colour}
        look["fontweight"] = "bold" if end.bold else "normal"
        coords = ("axes fraction", "data")
        note(axes, (1, height), end.name, (aside_pt, 0), coords=coords, **look)


def scaled(values: FloatArray, key: str) -> FloatArray:
    """Return values on an axis where what remains shows.

    The logarithm of a loss, or of the errors for an accuracy (`key` ends in "accuracy"): the first
    epoch would otherwise press all that follows into a line.
    """
    is_accuracy = key.endswith("accuracy")
    logs: FloatArray = np.log10(np.maximum(1 - values if is_accuracy else values, _LEAST))
    return -logs if is_accuracy else logs


def scale_ticks(key: str, limits: tuple[float, float]) -> tuple[list[float], list[str]]:
    """Return places on such an axis, and the loss or the accuracy that stands there."""
    marks = [digit * 10.0**-power for power in range(-1, 5) for digit in (5, 2, 1)]
    if key.endswith("accuracy"):
        names = {-float(np.log10(mark)): f"{100 * (1 - mark):.4g}%" for mark in marks if mark < 1}
    else:
        names = {float(np.log10(mark)): f"{mark:g}" for mark in marks}
    inside = {at: name for at, name in names.items() if limits[0] <= at <= limits[1]}
    return list(inside), list(inside.values())


def limits_of(values: Sequence[FloatArray]) -> tuple[float, float]:
    """Return limits of an axis that hold all values, with a little room."""
    low, high = min(v.min() for v in values), max(v.max() for v in values)
    room = 0.06 * (high - low) or 0.05
    return float(low - room), float(high + room)
