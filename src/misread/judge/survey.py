"""All that changed between two sides where no cell was named, exploratory, and what to plan.

A survey looks at every confusion at once and corrects for their number. What it finds was chosen on
the images that it was found on; only a cell that is named before other images are read can be
proved.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from misread.files import Frozen
from misread.judge.align import align
from misread.judge.checks import refuse_other_length
from misread.judge.collateral import measure_collateral
from misread.judge.effects import benjamini_hochberg
from misread.judge.items import MARGINS, Gate, Item, Margins
from misread.judge.pair import Pair
from misread.judge.predictions import Predictions
from misread.judge.warn import warnings_of

_MOST_WORTH = 3  # cells that are named as worth a plan


class Survey(Frozen):
    """Readings of one arm against those of another, over all classes and confusions.

    Attributes
    ----------
    before, after : str
        Names of the two sides.
    paired : bool
        Whether the trainings are compared seed by seed.
    n_seeds_before, n_seeds_after, n_images : int
        Trainings of the two sides, and images.
    n_groups : int or None
        Groups of the images, over which intervals hold too.
    n_otherwise : int
        Images that some seed reads otherwise on the two sides; with seeds that are not paired, that
        the sides read otherwise on the whole.
    alpha : float
        Level of intervals and of q-values.
    n_sides : int
        Treated sides that were looked at together; q-values are corrected over all of them.
    accuracy : Item
        The accuracy of the two sides; its effect is the growth of the error rate.
    improved, broke : tuple of Item
        Recalls and cells that changed at the level, after Benjamini & Hochberg (1995) over all of
        their kind and all sides; the largest change first.
    n_cells : int
        Confusions that were looked at.
    worth : tuple of Item
        Cells that are worth a plan: those that fell most with p below alpha on their own, else the
        baseline's most frequent.
    warnings : tuple of str
        What about the readings is probably a mistake.
    """

    before: str
    after: str
    paired: bool
    n_seeds_before: int
    n_seeds_after: int
    n_images: int
    n_groups: int | None
    n_otherwise: int
    alpha: float
    n_sides: int
    accuracy: Item
    improved: tuple[Item, ...]
    broke: tuple[Item, ...]
    n_cells: int
    worth: tuple[Item, ...]
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        changed = f"{len(self.improved)} improved, {len(self.broke)} broke"
        return f"Survey({self.after} against {self.before}: {changed})"

    @property
    def is_same(self) -> bool:
        """True where both sides read every image alike."""
        return self.n_otherwise == 0


def survey(
    before: Predictions,
    afters: Sequence[Predictions],
    *,
    names: Sequence[str] = ("before", "after"),
    margins: Margins = MARGINS,
    alpha: float = 0.05,
    paired: bool | None = None,
    on_note: Callable[[str], None] = lambda _: None,
) -> tuple[Survey, ...]:
    """Compare treated sides with a baseline over all confusions, without a target.

    Parameters
    ----------
    before : Predictions
        The baseline.
    afters : sequence of Predictions
        One or more treated sides.
    names : sequence of str
        What the baseline and each treated side are called.
    margins, alpha, paired, on_note
        As in `judge`.

    Returns
    -------
    tuple of Survey
        One of each treated side, in their order.

    Raises
    ------
    JudgeError
        If sides do not fit together, or there is not one name for each.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat([0, 1], 4000)
    >>> wrong = np.tile(labels, (5, 1))
    >>> wrong[:, :400] = 1
    >>> before = Predictions.from_arrays(labels, wrong)
    >>> after = Predictions.from_arrays(labels, np.tile(labels, (5, 1)))
    >>> (found,) = survey(before, [after])
    >>> [item.name for item in found.improved]
    ['recall of 0', '0→1']
    """
    refuse_other_length("names", len(names), 1 + len(afters), "side")
    pairs = [align(before, after, paired=paired) for after in afters]
    for note in dict.fromkeys(note for pair in pairs for note in pair.notes):
        on_note(note)
    asked: Any = {"margins": margins, "alpha": alpha, "gate": Gate.EVERYTHING}
    scans = [measure_collateral(pair, [], **asked).items for pair in pairs]
    if len(scans) > 1:
        scans = _corrected(scans)
    return tuple(
        _survey(pair, items, names[0], name, alpha, len(pairs))
        for pair, items, name in zip(pairs, scans, names[1:], strict=True)
    )


def _corrected(scans: Sequence[Sequence[Item]]) -> list[list[Item]]:
    """Return items with q-values over all sides: each kind of item is one family."""
    kinds = {item.kind for items in scans for item in items}
    q_values: dict[int, float] = {}
    for kind in kinds:
        family = [item for items in scans for item in items if item.kind == kind]
        more = sum(item.covers - 1 for item in family)
        corrected = benjamini_hochberg([item.effect.p_value for item in family], more)
        q_values |= {id(item): q for item, q in zip(family, corrected, strict=True)}
    return [[replace(item, q_value=q_values[id(item)]) for item in items] for items in scans]


def _survey(
    pair: Pair, items: Sequence[Item], before: str, after: str, alpha: float, n_sides: int
) -> Survey:
    accuracy, *others = (item for item in items if item.kind != "slice")
    held = [item for item in others if item.q_value <= alpha and item.effect.estimate]
    cells = [item for item in others if item.kind == "cell" and item.predicted is not None]
    fell = [c for c in cells if c.effect.estimate < 0 and c.effect.p_value <= alpha]
    worth = sorted(fell, key=_change)[:_MOST_WORTH]
    if not worth:
        frequent = (cell for cell in cells if cell.before_images)
        worth = sorted(frequent, key=lambda cell: -cell.before_images)[:_MOST_WORTH]
    return Survey(
        before=before,
        after=after,
        paired=pair.paired,
        n_seeds_before=pair.n_seeds[0],
        n_seeds_after=pair.n_seeds[1],
        n_images=int(pair.labels_N.size),
        n_groups=pair.groups and int(pair.groups.codes_N.max()) + 1,
        n_otherwise=_otherwise(pair.read_by_all()[0]),
        alpha=alpha,
        n_sides=n_sides,
        accuracy=accuracy,
        improved=tuple(sorted((i for i in held if i.effect.estimate < 0), key=_change)),
        broke=tuple(sorted((i for i in held if i.effect.estimate > 0), key=_change)),
        n_cells=sum(item.covers for item in others if item.kind == "cell"),
        worth=tuple(worth),
        warnings=warnings_of(pair),
    )


def _change(item: Item) -> tuple[bool, float]:
    """Return what orders items by images changed, recalls before cells."""
    return item.kind == "cell", -abs(item.after_images - item.before_images)


def _otherwise(pair: Pair) -> int:
    """Return on how many images the two sides differ."""
    if pair.paired and pair.n_seeds[0] == pair.n_seeds[1]:
        return int((pair.before_SN != pair.after_TN).any(axis=0).sum())
    n_classes = len(pair.class_names)
    shares = (
        [(side == k).mean(axis=0) for k in range(n_classes)]
        for side in (pair.before_SN, pair.after_TN)
    )
    return int(sum((b != a) for b, a in zip(*shares, strict=True)).astype(bool).sum())
