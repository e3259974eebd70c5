"""The figure of a dataset: a contact sheet, a row of images for each class."""

import numpy as np
from matplotlib.figure import Figure

from misread.data.check import class_counts, image_words
from misread.data.dataset import Dataset
from misread.show import style

_COLUMNS = 12
_MOST_CLASSES = 40  # rows of a sheet that one still looks at


@style.styled
def dataset_figure(name: str, train: Dataset, test: Dataset) -> Figure:
    """Draw the first training images of each class, with how many there are.

    Parameters
    ----------
    name
        Of the dataset.
    train, test
        Its parts.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each of the first 40 classes.
    """
    n_rows = min(train.n_classes, _MOST_CLASSES)
    size, gap, left = 0.62, 0.06, 2.6
    grey = train.images.ndim == 3
    sheet = style.Sheet(
        left + _COLUMNS * (size + gap) + 0.35,
        0.3 + n_rows * (size + gap) + 0.3,
        f"{name.rpartition('/')[2]}: {len(train):,} + {len(test):,} images, {image_words(train)}",
        f"The first training images of each class{_cut(n_rows, train.n_classes)}, and how many "
        "images there are to train on and to test on."
        + (" Bright is drawn dark, as ink." if grey else ""),
    )
    counts = zip(class_counts(train).tolist(), class_counts(test).tolist(), strict=True)
    for row, (class_name, (n_train, n_test)) in enumerate(
        zip(train.class_names[:n_rows], counts, strict=False)
    ):
        down = 0.1 + row * (size + gap)
        told = class_name if len(class_name) <= 14 else class_name[:13] + "…"
        sheet.text(0.35, down + 0.19, told, fontsize=13, fontweight="bold")
        sheet.text(
            left - 0.2,
            down + 0.22,
            f"{n_train:,} + {n_test:,}",
            fontsize=10,
            color=style.MUTED,
            ha="right",
        )
        for column, n in enumerate(np.flatnonzero(train.labels_N == row)[:_COLUMNS].tolist()):
            sheet.image(left + column * (size + gap), down, size, _drawable(train.images[n]))
    return sheet.figure


def _cut(n_rows: int, n_classes: int) -> str:
    return "" if n_rows == n_classes else f", of the first {n_rows} of {n_classes:,} classes"


def _drawable(image: np.ndarray) -> np.ndarray:
    """Return an image of two or four channels as one of three: the first, or the first three."""
    if image.ndim == 3 and image.shape[-1] in (2, 4):
        return image[..., :3] if image.shape[-1] == 4 else image[..., 0]
    return image
