"""A page as it was read: the photo with its readings, the table of them, and how it was found."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from misread.images.page import Page
from misread.show import style
from misread.show.table import Table, Tone, Toned
from misread.study.photos import Reading
from misread.wording import count

_WIDTH_IN = 10.5
_MARGIN_IN = 0.35


def summary(name: str, readings: Sequence[Reading]) -> str:
    """Return what was read in a photo, in one sentence."""
    if not readings:
        return (
            f"{name}: no digit found; take the photo closer, in even light, with a pen that stands "
            "out from the paper."
        )
    unsure = sum(reading.unsure for reading in readings)
    return f"{name}: {count(len(readings), 'digit')} read, {unsure or 'none'} of them unsure"


def reading_table(name: str, readings: Sequence[Reading]) -> Table:
    """Return the readings of a photo."""
    rows = []
    for reading in readings:
        n_seeds = sum(reading.read_by.values())
        others = [
            f"{n} read {other}" for other, n in reading.read_by.items() if other != reading.reading
        ]
        notes = "; ".join(["unsure"] * reading.unsure + others)
        rows.append(
            (
                str(reading.number),
                str(reading.line),
                Toned(reading.reading, Tone.STRONG),
                _percent(reading.confidence),
                f"{reading.read_by.get(reading.reading, 0)} of {n_seeds}",
                Toned(notes, Tone.OPEN) if reading.unsure else notes,
            )
        )
    heads = ("digit", "line", "reading", "confidence", "seeds that agree", "")
    return Table(summary(name, readings), heads, tuple(rows), align="rrrrrl")


def _percent(share: float) -> str:
    return ">99%" if share > 0.99 else f"{share:.0%}"


@style.styled
def page_figure(
    name: str, page: Page, readings: Sequence[Reading], told: str, warning: str = ""
) -> Figure:
    """Draw a photo with a box and the reading on every digit.

    Data: the photo; `readings` of its digits; `told` says who read.
    """
    height, width = page.photo.shape[:2]
    inner = _WIDTH_IN - 2 * _MARGIN_IN
    scale = min(inner / width, 13 / height)  # inches a pixel
    down = height * scale
    sheet = style.Sheet(
        _WIDTH_IN,
        down + 0.45,
        summary(name, readings),
        f"{told}. Solid and blue: confidence of at least 90%. Dashed and red: less, with the "
        "confidence.",
        warning,
    )
    axes = sheet.axes((_WIDTH_IN - width * scale) / 2, 0.1, width * scale, down)
    _photo(axes, page.photo)
    for reading in sorted(readings, key=lambda reading: reading.unsure):  # these on top
        left, top, wide, high = (side * page.scale for side in reading.box)
        colour = style.VERMILLION if reading.unsure else style.BLUE
        pad = 0.04 / scale
        axes.add_patch(
            Rectangle(
                (left - pad, top - pad),
                wide + 2 * pad,
                high + 2 * pad,
                fill=False,
                edgecolor=colour,
                linewidth=1.6 if reading.unsure else 1.1,
                linestyle=(0, (3, 2)) if reading.unsure else "solid",
            )
        )
        size = float(np.clip(high * scale * 72 * 0.42, 7, 15))
        label: dict[str, Any] = {
            "fontweight": "bold",
            "color": "white",
            "bbox": {"facecolor": colour, "edgecolor": "none", "boxstyle": "square,pad=0.12"},
        }
        axes.text(left - pad, top - pad, reading.reading, fontsize=size, va="bottom", **label)
        if reading.unsure:
            under = top + high + 2 * pad
            told_percent = _percent(reading.confidence)
            axes.text(left - pad, under, told_percent, fontsize=0.7 * size, va="top", **label)
    return sheet.figure


@style.styled
def steps_figure(name: str, page: Page) -> Figure:
    """Draw how the digits of a photo were found, step by step.

    Data: the photo, the evened picture, its ink without lines, and the first digits as MNIST has
    them.
    """
    ink = page.ink
    images = page.images[:40]
    columns = 8
    rows = -(-max(1, len(images)) // columns)
    crops = np.zeros((rows * 28, columns * 28), np.uint8)
    for n, image in enumerate(images):
        y, x = divmod(n, columns)
        crops[28 * y : 28 * y + 28, 28 * x : 28 * x + 28] = image
    level = np.clip(ink.level / max(1.0, float(np.percentile(ink.level, 99.5))), 0, 1)
    shown: list[tuple[str, npt.NDArray[np.uint8]]] = [
        ("1  the photo", page.photo),
        ("2  light divided out, straightened", ink.even),
        ("3  ink: far from the paper", np.asarray(255 * (1 - level * ink.mask), np.uint8)),
        ("4  as the models see them", 255 - crops),
    ]
    width, gap = 3.2, 0.25
    down = width * page.photo.shape[0] / page.photo.shape[1]
    sheet = style.Sheet(
        2 * _MARGIN_IN + 4 * width + 3 * gap,
        down + 0.5,
        f"From a photo to {count(len(page.digits), 'digit')} of 28×28",
        f"{name}, turned by {ink.tilt_deg:.1f}°.",
    )
    for n, (told, picture) in enumerate(shown):
        left = _MARGIN_IN + n * (width + gap)
        sheet.text(left, 0, told, fontsize=11, fontweight="bold")
        own = min(down, width * picture.shape[0] / picture.shape[1])
        axes = sheet.axes(left, 0.28, own * picture.shape[1] / picture.shape[0], own)
        _photo(axes, picture)
    return sheet.figure


def _photo(axes: Axes, picture: npt.NDArray[np.uint8]) -> None:
    if max(picture.shape) > 1400:
        scale = 1400 / max(picture.shape)
        extent = (-0.5, picture.shape[1] - 0.5, picture.shape[0] - 0.5, -0.5)
        picture = np.asarray(
            cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=extent)
    else:
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(style.FAINT)
        spine.set_linewidth(0.7)
