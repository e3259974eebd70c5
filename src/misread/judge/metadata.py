"""Errors by what else is known of the images: columns of a table beside them, ranked.

A column of many numbers is dealt into fifths of each class, any other by its values. Whatever the
columns are, they are looked through after the readings are there, so what they show is exploratory;
p-values are corrected over all columns, and how many there were is part of the answer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.checks import FloatArray, IntArray
from misread.judge.classes import Cell
from misread.judge.pair import Pair
from misread.judge.permutation import Explanation, explanations
from misread.judge.strata import Stratum, quantile_strata, rates_by_stratum
from misread.seeds import derive

_FEW_VALUES = 10  # numbers with no more distinct values than this are names
_MOST_VALUES = 20  # of a column of names; the rarer ones are one stratum
_FIFTHS = ("lowest fifth", "second", "third", "fourth", "highest fifth")
OTHERS = "others"


class ColumnSlices(Frozen):
    """Error rates by one column."""

    column: str
    names: tuple[str, ...]  # of its strata, by number
    strata: tuple[Stratum, ...]  # how often each side errs there, the baseline first
    explanation: Explanation  # the stratum that holds most of the baseline's errors for its size

    @property
    def worst(self) -> Stratum:
        """The stratum that holds most of the errors for its size."""
        return next(s for s in self.strata if s.stratum == self.explanation.stratum)


def by_metadata(
    pair: Pair,
    columns: Mapping[str, Sequence[str]],
    *,
    names: tuple[str, str] = ("before", "after"),
    cell: Cell | None = None,
    alpha: float = 0.05,
) -> tuple[ColumnSlices, ...]:
    """Return error rates by every column, the one that explains the baseline's errors best first.

    Parameters
    ----------
    pair : Pair
        Both sides; where their seeds are not paired, the baseline's rates alone.
    columns : mapping of str to sequence of str
        Column → its value for each of the N images, as text; "" where there is none.
    names : tuple of str
        Of the sides.
    cell : tuple of int, optional
        The confusion whose errors are looked at, among images of its true class; by default all
        errors.
    alpha : float
        Intervals cover 1 − alpha.

    Raises
    ------
    JudgeError
        If a column has not one value for each image.
    """
    labels_N = pair.labels_N.astype(np.int64)
    dealt = {column: _deal(column, values, labels_N) for column, values in columns.items()}
    strata = {column: stratum_N for column, (stratum_N, _) in dealt.items()}
    if cell is not None:
        strata = {column: stratum_N[labels_N == cell[0]] for column, stratum_N in strata.items()}
        pair = pair.of_class(cell[0])
    sides = {names[0]: pair.before_SN}
    sides |= {names[1]: pair.after_TN} if pair.paired else {}
    wrong = {
        name: preds_SN != pair.labels_N if cell is None else preds_SN == cell[1]
        for name, preds_SN in sides.items()
    }
    groups_N = None if pair.groups is None else pair.groups.codes_N
    rates = rates_by_stratum(strata, wrong, alpha, groups_N)
    ranked = explanations(strata, wrong[names[0]], derive(0, "metadata"), blocks_N=groups_N)
    return tuple(
        ColumnSlices(
            column=explanation.measure,
            names=dealt[explanation.measure][1],
            strata=rates[explanation.measure],
            explanation=explanation,
        )
        for explanation in ranked
    )


def _deal(
    column: str, values: Sequence[str], labels_N: IntArray
) -> tuple[IntArray, tuple[str, ...]]:
    """Return the stratum of each image, −1 without a value, and the names of the strata."""
    if len(values) != labels_N.size:
        msg = (
            f"column {column!r} has {len(values)} values for {labels_N.size} images; give one each."
        )
        raise JudgeError(msg)
    texts = [value.strip() for value in values]
    distinct = Counter(filter(None, texts))
    numbers_N = _numbers(texts)
    if numbers_N is not None and len(distinct) > _FEW_VALUES:
        return quantile_strata(numbers_N, labels_N, len(_FIFTHS)), _FIFTHS
    names = sorted(name for name, _ in distinct.most_common(_MOST_VALUES))
    place = {name: n for n, name in enumerate(names)}
    if len(distinct) > _MOST_VALUES:
        names.append(OTHERS)
    return np.array([place.get(v, len(place) if v else -1) for v in texts], np.int64), tuple(names)


def _numbers(values: Sequence[str]) -> FloatArray | None:
    """Return values as numbers, NaN without one; None where one is no number."""
    try:
        return np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return None
