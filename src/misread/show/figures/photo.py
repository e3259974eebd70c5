"""The figure and the table of a photo: what was read in it."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from misread.images.page import Page
from misread.show import draw, style
from misread.show.table import Table, Tone, Toned
from misread.study.photos import DigitReading
from misread.wording import count

_WIDTH_IN, _MARGIN_IN, _MOST_PX = 10.5, 0.35, 1400


def summary(name: str, readings: Sequence[DigitReading]) -> str:
    """Return what was read in a photo, in one sentence."""
    if not readings:
        return (
            f"{name}: no digit found; take the photo closer, in even light, with a pen that stands "
            "out from the paper."
        )
    unsure = sum(reading.unsure for reading in readings)
    return f"{name}: {count(len(readings), 'digit')} read, {unsure or 'none'} of them unsure"


def reading_table(name: str, readings: Sequence[DigitReading]) -> Table:
    """Return the readings of a photo."""
    rows = []
    for reading in readings:
        times = dict(reading.read_by)
        n_seeds, n_agree = sum(times.values()), times.pop(reading.reading, 0)
        others = [f"{n} read {other}" for other, n in times.items()]
        notes = "; ".join(["unsure"] * reading.unsure + others)
        rows.append(
            (
                str(reading.number),
                str(reading.line),
                Toned(reading.reading, Tone.STRONG),
                _percent(reading.confidence),
                f"{n_agree} of {n_seeds}",
                Toned(notes, Tone.OPEN if reading.unsure else Tone.PLAIN),
            )
        )
    heads = ("digit", "line", "reading", "confidence", "seeds that agree", "")
    return Table(summary(name, readings), heads, tuple(rows), align="rrrrrl")


def _percent(share: float) -> str:
    return ">99%" if share > 0.99 else f"{share:.0%}"


@style.styled
def page_figure(
    name: str, page: Page, readings: Sequence[DigitReading], readers: str, warning: str = ""
) -> Figure:
    """Draw a photo with a box and the reading on every digit.

    Data: the photo; `readings` of its digits; `readers` says who read.
    """
    height, width = page.photo.shape[:2]
    scale = min((_WIDTH_IN - 2 * _MARGIN_IN) / width, 13 / height)  # inches a pixel
    sheet = style.Sheet(
        _WIDTH_IN,
        height * scale + 0.45,
        summary(name, readings),
        f"{readers}. Solid and blue: confidence of at least 90%. Dashed and red: less, with the "
        "confidence.",
        warning,
    )
    axes = sheet.axes((_WIDTH_IN - width * scale) / 2, 0.1, width * scale, height * scale)
    draw_photo(axes, page.photo)
    for reading in sorted(readings, key=lambda reading: reading.unsure):  # these on top
        _box(axes, reading, page.scale, 1 / scale)
    return sheet.figure


def _box(axes: Axes, reading: DigitReading, enlarged: float, inch_px: float) -> None:
    """Draw the box of a digit with its reading."""
    left, top, wide, high = (side * enlarged for side in reading.box)
    unsure, pad = reading.unsure, 0.04 * inch_px
    colour = style.VERMILLION if unsure else style.BLUE
    corner, sides = (left - pad, top - pad), (wide + 2 * pad, high + 2 * pad)
    line: dict[str, Any] = {"lw": 1.6, "ls": draw.DASHED} if unsure else {"lw": 1.1, "ls": "solid"}
    axes.add_patch(Rectangle(corner, *sides, fill=False, ec=colour, **line))
    size = float(np.clip(high / inch_px * 72 * 0.42, 7, 15))
    label: dict[str, Any] = {
        "fontweight": "bold",
        "color": "white",
        "bbox": {"facecolor": colour, "edgecolor": "none", "boxstyle": "square,pad=0.12"},
    }
    axes.text(*corner, reading.reading, fontsize=size, va="bottom", **label)
    if unsure:
        confidence, below = _percent(reading.confidence), top + high + 2 * pad
        axes.text(left - pad, below, confidence, fontsize=0.7 * size, va="top", **label)


def draw_photo(axes: Axes, picture: npt.NDArray[np.uint8]) -> None:
    """Draw a picture in a thin frame; a large one is made smaller."""
    extent = (-0.5, picture.shape[1] - 0.5, picture.shape[0] - 0.5, -0.5)
    if max(picture.shape) > _MOST_PX:
        scale = _MOST_PX / max(picture.shape)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.asarray(small, np.uint8)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=extent)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=style.FAINT, linewidth=0.7)
