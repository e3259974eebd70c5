"""A table beside the images: a row for each, with its id and whatever is known of it."""

import csv
from pathlib import Path

from misread.errors import DataError
from misread.judge.classes import short_list
from misread.judge.predictions import Predictions
from misread.memory import allow

_PER_BYTE = 24  # that rows of a few letters take as lists of texts, for one in the file


def csv_rows(path: Path, needed: str) -> list[list[str]]:
    """Return the rows of a CSV, without empty ones.

    DataError if it cannot be read, and that it must have what is `needed`.
    """
    try:
        allow(_PER_BYTE * path.stat().st_size, str(path))
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        msg = f"{path} cannot be read ({why}); give a CSV with {needed}."
        raise DataError(msg) from None


def read_metadata(path: Path, side: Predictions) -> dict[str, list[str]]:
    """Return the columns of a CSV in the order of a side's images.

    Rows go by the column ``id``, or where there is none by their order. Rows about other images are
    left out. DataError if it cannot be read, has no column, or an image is not there or there
    twice.
    """
    heads, *body = csv_rows(path, "a row for each image") or [[]]
    ragged = [number for number, row in enumerate(body, start=2) if len(row) != len(heads)]
    if ragged or len(heads) < 2 - ("id" not in heads):
        what = f"line {ragged[0]} has another number of fields" if ragged else "there is no column"
        msg = f"{path}: {what}; give a head line and a row for each image."
        raise DataError(msg)
    if "id" in heads:
        at = heads.index("id")
        row_of = {row[at].strip(): row for row in body}
        if len(row_of) < len(body):
            msg = f"{path} has an image twice; give each id one row."
            raise DataError(msg)
        names = [*map(str, side.image_ids.tolist())]
        missing = [name for name in names if name not in row_of]
        if missing:
            msg = f"{path} has no row for {len(missing)} images ({short_list(missing)}); add them."
            raise DataError(msg)
        body = [row_of[name] for name in names]
    if len(body) != side.n_images:
        msg = f"{path} has {len(body)} rows for {side.n_images} images; give one each, or ids."
        raise DataError(msg)
    return {head: [row[place] for row in body] for place, head in enumerate(heads) if head != "id"}
