"""Answers about labels that a live page takes: each is in the file as soon as it is given."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from misread.errors import DataError
from misread.files import csv_to_bytes, write_atomic
from misread.readers.answers import Answer, read_answers
from misread.readers.metadata import csv_rows
from misread.view.inside import refuse_outside

_HEADS = ["id", "answer"]


@dataclass(frozen=True)
class Flags:
    """The file of a page's answers; several browsers may write, one after another.

    It is a CSV `id,answer`, as `misread judge --answers` takes it, made with the first answer.
    """

    path: Path
    ids: frozenset[str]  # of the images that the page shows
    _lock: Lock = field(default_factory=Lock)

    def read(self) -> dict[str, Answer]:
        """Return the answers by image, as they stand in the file.

        DataError if it is no such file, or has other columns, which would be lost; StudyError if it
        leads out of its folder.
        """
        refuse_outside(self.path.parent, self.path)
        if not self.path.exists():
            return {}
        heads, *_ = csv_rows(self.path, "the columns id and answer") or [_HEADS]
        if sorted(heads) != sorted(_HEADS):
            msg = (
                f"{self.path} has the columns {', '.join(heads)}, and flags have id and answer; "
                "give that file another name."
            )
            raise DataError(msg)
        return read_answers(self.path)

    def give(self, name: str, answer: Answer | None) -> dict[str, Answer]:
        """Write an answer about an image, or take it back with None; return all of them.

        DataError if the page shows no such image, or the file cannot be read.
        """
        if name not in self.ids:
            msg = f"the page shows no image {name!r:.80}; flag one that it shows."
            raise DataError(msg)
        with self._lock:
            answers = self.read()
            answers.pop(name, None)
            if answer is not None:
                answers[name] = answer
            rows = [{"id": image, "answer": said.value} for image, said in answers.items()]
            write_atomic(self.path, csv_to_bytes(rows) if rows else b"id,answer\n")
        return answers
