"""The figure of docs/reading.md that shows how the digits of a photo were found, step by step."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from misread.images.page import Page
from misread.show import draw, style
from misread.show.figures.photo import draw_photo
from misread.wording import count

_MARGIN_IN, _WIDTH_IN, _GAP_IN = 0.35, 3.2, 0.25
_COLUMNS = 8  # of digits as the models see them


@style.styled
def steps_figure(name: str, page: Page) -> Figure:
    """Draw the photo, the evened picture, its ink without lines, and digits as MNIST has them."""
    ink, images = page.ink, page.images[:40]
    crops = np.zeros((-(-max(1, len(images)) // _COLUMNS) * 28, _COLUMNS * 28), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, _COLUMNS)
        crops[28 * row :, 28 * column :][:28, :28] = image
    level = np.clip(ink.level / max(1.0, float(np.percentile(ink.level, 99.5))), 0, 1)
    steps: list[tuple[str, npt.NDArray[np.uint8]]] = [
        ("1  the photo", page.photo),
        ("2  light divided out, straightened", ink.even),
        ("3  ink: far from the paper", np.asarray(255 * (1 - level * ink.mask), np.uint8)),
        ("4  as the models see them", 255 - crops),
    ]
    down = _WIDTH_IN * page.photo.shape[0] / page.photo.shape[1]
    sheet = style.Sheet(
        2 * _MARGIN_IN + 4 * _WIDTH_IN + 3 * _GAP_IN,
        down + 0.5,
        f"From a photo to {count(len(page.digits), 'digit')} of 28×28",
        f"{name}, turned by {ink.tilt_deg:.1f}°.",
    )
    corners = draw.places(len(steps), len(steps), _MARGIN_IN, 0, (_WIDTH_IN + _GAP_IN, 0))
    for (head, picture), (left, _) in zip(steps, corners, strict=True):
        sheet.text(left, 0, head, bold=True)
        height = min(down, _WIDTH_IN * picture.shape[0] / picture.shape[1])
        axes = sheet.axes(left, 0.28, height * picture.shape[1] / picture.shape[0], height)
        draw_photo(axes, picture)
    return sheet.figure
