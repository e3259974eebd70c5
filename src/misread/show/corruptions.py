"""Figures and tables of corruptions: what they look like, and what they do to each arm."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table
from rich.text import Text

from misread.corruptions import CLEAN, ArmOn, Robustness
from misread.data.corrupted import Spec, corrupt, parse_corruption
from misread.data.corruptions import CORRUPTIONS
from misread.data.dataset import Dataset
from misread.show import style, words
from misread.show.verdicts import verdict_style
from misread.study import BASELINE, SMOKE

_COLOURS = (style.INK, style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE)


@style.styled
def corruption_sheet(part: Dataset, specs: Sequence[Spec]) -> Figure:
    """Draw the first image of each class, clean and in every corruption.

    Parameters
    ----------
    part
        Images `uint8 [N,28,28]` of a test set.
    specs
        A row for each.
    """
    ids = np.array([int(np.argmax(part.labels_N == k)) for k in range(min(part.n_classes, 12))])
    size, gap, left = 0.6, 0.05, 4.55
    sheet = style.Sheet(
        left + len(ids) * (size + gap) + 0.3,
        0.1 + (len(specs) + 1) * (size + gap) + 0.15,
        "What else may be wrong with a digit: the corruptions of MNIST-C",
        "The first test image of each class. The number is the severity, 1 to 5, where there are "
        "several. Bright is drawn dark, as ink.",
    )
    rows = [(CLEAN, "as it is", part.images[ids])]
    rows += [
        (spec.name, CORRUPTIONS[spec.kind].what, corrupt(part.images[ids], spec, ids))
        for spec in specs
    ]
    for row, (name, what, images) in enumerate(rows):
        down = 0.1 + row * (size + gap)
        sheet.text(0.35, down + 0.1, name, fontsize=12, fontweight="bold")
        sheet.text(0.35, down + 0.34, what, fontsize=10, color=style.MUTED)
        for column, image in enumerate(images):
            sheet.image(left + column * (size + gap), down, size, image)
    return sheet.figure
