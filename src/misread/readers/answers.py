"""Answers of people about labels: a CSV `id,answer` with keep, wrong or unclear."""

from collections import defaultdict
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from misread.errors import DataError
from misread.files import as_meant
from misread.judge.classes import short_list
from misread.judge.predictions import Predictions
from misread.readers.metadata import csv_rows


class Answer(StrEnum):
    """An answer about a label; labels that are wrong or unclear are disputed."""

    KEEP = "keep"
    WRONG = "wrong"
    UNCLEAR = "unclear"


def read_answers(path: Path) -> dict[str, Answer]:
    """Return the answers of a file by image; rows without an answer are left out.

    DataError if it cannot be read, has no such columns, or an answer is none of the three.
    """
    heads, *rows = csv_rows(path, "the columns id and answer") or [["id", "answer"]]
    if not {"id", "answer"} <= {*heads}:
        msg = f"{path} has the columns {short_list(heads)}; it needs id and answer."
        raise DataError(msg)
    answers: dict[str, Answer] = {}
    for number, fields in enumerate(rows, start=2):
        row = defaultdict(str, zip(heads, fields, strict=False))
        answer = row["answer"].strip().lower()
        if not answer:
            continue
        if answer not in set(Answer):
            msg = f"{path}, line {number}: {answer!r} is no answer; write keep, wrong or unclear."
            raise DataError(msg)
        name = as_meant(row["id"].strip())
        if answers.setdefault(name, Answer(answer)) != answer:
            msg = (
                f"{path}, line {number}: image {name} is answered twice, and not alike; choose one."
            )
            raise DataError(msg)
    return answers


def with_answers(side: Predictions, answers: dict[str, Answer]) -> Predictions:
    """Return the same predictions, in which images answered wrong or unclear are disputed too.

    Images go by their ids, or by their places from 0 where they have none. DataError if an answer
    is about an image that is not there.
    """
    place = {str(name): n for n, name in enumerate(side.image_ids.tolist())}
    unknown = [name for name in answers if name not in place]
    if unknown:
        msg = (
            f"{len(unknown)} of {len(answers)} answers are about images that are not there, for "
            f"example {unknown[0]!r}; give answers about these images."
        )
        raise DataError(msg)
    disputed_N = (
        np.zeros(side.n_images, bool) if side.disputed_N is None else side.disputed_N.copy()
    )
    disputed_N[[place[name] for name, answer in answers.items() if answer != Answer.KEEP]] = True
    return replace(side, disputed_N=disputed_N)
