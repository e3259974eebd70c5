"""Columns of a table by other names than ours: as asked for, or as is usual elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from misread.errors import DataError
from misread.judge.classes import short_list

# By our name: what scikit-learn, Keras and others call it. A known name is never looked past.
ALIASES = {
    "label": ("y_true", "true_label", "true", "truth", "ground_truth", "target", "actual"),
    "prediction": ("y_pred", "predicted_label", "predicted", "pred", "y_hat"),
    "id": ("image_id", "sample_id"),
}


@dataclass(frozen=True)
class Heads:
    """The heads of tables as we call them."""

    columns: Mapping[str, str]  # heads by our name, as asked for
    on_note: Callable[[str], None]  # takes a sentence on columns that were taken by a usual name

    @property
    def all_heads(self) -> tuple[str, ...]:
        """Every head that may stand for one of ours."""
        return (*self.columns.values(), *(name for names in ALIASES.values() for name in names))

    def as_ours(self, heads: Sequence[str]) -> list[str]:
        """Return heads under our names; a head that is none of ours stays."""
        names = list(heads)
        for ours, head in self._places(heads).items():
            if ours in names:
                names[names.index(ours)] = f"{ours} (not asked for)"
            names[heads.index(head)] = ours
        return names

    def resolve(self, heads: Sequence[str]) -> list[str]:
        """Return heads under our names, and say which were taken by a usual name.

        DataError if one that was asked for is not there.
        """
        missing = [head for head in self.columns.values() if head not in heads]
        if missing:
            msg = f"there is no column {missing[0]!r}; there are {short_list(list(heads))}."
            raise DataError(msg)
        usual = {k: v for k, v in self._places(heads).items() if k not in self.columns}
        if usual:
            taken = ", ".join(f"{head} as {ours}" for ours, head in usual.items())
            self.on_note(f"Columns taken: {taken}.")
        return self.as_ours(heads)

    def _places(self, heads: Sequence[str]) -> dict[str, str]:
        """Return heads by our name: those asked for, and a usual one where ours is not there."""
        places = {ours: head for ours, head in self.columns.items() if head in heads}
        for ours, usual in ALIASES.items():
            hits = [head for head in heads if head.casefold() in usual]
            if ours not in places and ours not in heads and len(hits) == 1:
                places[ours] = hits[0]
        return places
