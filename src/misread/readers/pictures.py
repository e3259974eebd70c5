"""The images that predictions are of, from a file beside them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from misread.data.local import read_images
from misread.errors import DataError
from misread.images import Ids, Images
from misread.judge import Predictions


def pictures_of(path: Path, side: Predictions) -> Callable[[Ids | None], Images]:
    """Return what reads the images of a side at ascending places; None reads all of them.

    DataError if the file holds something else, or nobody knows which picture is which.
    """
    if not side.in_file_order:
        msg = (
            "the seeds list the images in several orders, so nobody knows which picture is which; "
            "sort the rows of the predictions by seed and picture."
        )
        raise DataError(msg)
    read_images(path, side.n_images, np.zeros(0, np.int64))
    return lambda places: read_images(path, side.n_images, places)
