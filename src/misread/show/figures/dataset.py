"""The figure of a dataset: a contact sheet, a row of images for each class."""

import numpy as np
from matplotlib.figure import Figure

from misread.data.check import class_counts, image_words
from misread.data.dataset import Dataset
from misread.images import Images
from misread.show import draw, style

_COLUMNS = 12
_MOST_CLASSES = 40  # rows of a sheet that one still looks at


@style.styled
def dataset_figure(name: str, train: Dataset, test: Dataset) -> Figure:
    """Draw the first training images of each of the first 40 classes, with how many there are."""
    names = train.class_names[:_MOST_CLASSES]
    size, left = 0.62, 2.6
    step = size + 0.06
    some = f", of the first {len(names)} of {train.n_classes:,} classes"
    some = some if len(names) < train.n_classes else ""
    sheet = style.Sheet(
        left + _COLUMNS * step + 0.35,
        0.3 + len(names) * step + 0.3,
        f"{name.rpartition('/')[2]}: {len(train):,} + {len(test):,} images, {image_words(train)}",
        f"The first training images of each class{some}, and how many images there are to train on "
        f"and to test on.{' Bright is drawn dark, as ink.' if train.images.ndim == 3 else ''}",
    )
    counts = zip(class_counts(train).tolist(), class_counts(test).tolist(), strict=True)
    for row, (class_name, (n_train, n_test)) in enumerate(zip(names, counts, strict=False)):
        down = 0.1 + row * step
        short = class_name if len(class_name) <= 14 else class_name[:13] + "…"
        sheet.text(0.35, down + 0.19, short, size=13, bold=True)
        numbers = f"{n_train:,} + {n_test:,}"
        sheet.text(left - 0.2, down + 0.22, numbers, size=10, colour=style.MUTED, ha="right")
        first = train.images[np.flatnonzero(train.labels_N == row)[:_COLUMNS]]
        draw.tiles(sheet, map(_drawable, first), _COLUMNS, (left, down), size, step)
    return sheet.figure


def _drawable(image: Images) -> Images:
    """Return an image of two or four channels as one of three: the first, or the first three."""
    if image.ndim == 3 and image.shape[-1] in (2, 4):
        return image[..., :3] if image.shape[-1] == 4 else image[..., 0]
    return image
