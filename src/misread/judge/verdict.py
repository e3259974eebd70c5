"""One fix judged: two sides in, one typed verdict out.

The rules: HARM when a target cell grew or any collateral item is harmed; REDUCED when every target
cell shrank at the corrected level; UNDERPOWERED when that was not shown and could not have been;
NOT SHOWN when it could.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, Never

import numpy as np

from misread.files import Frozen, unstated
from misread.judge.align import align, refuse_arrays
from misread.judge.checks import fraction
from misread.judge.classes import Cell, NamedCell
from misread.judge.collateral import measure_collateral
from misread.judge.forecast import PowerAnswer
from misread.judge.groups import Groups
from misread.judge.items import MARGINS, Gate, Item, Margins, fold
from misread.judge.ledger import Ledger, ledger
from misread.judge.looks import Settled
from misread.judge.pair import Pair
from misread.judge.predictions import Predictions
from misread.judge.reason import reason_for
from misread.judge.targets import CellResult, cells_of, measure_cells
from misread.judge.trade import Bargain, Leans, trade_of
from misread.judge.warn import warnings_of

Decision = Literal["REDUCED", "NOT SHOWN", "UNDERPOWERED", "HARM"]


class Verdict(Frozen):
    """The evidence on one treated arm against the baseline.

    Attributes
    ----------
    verdict : {"REDUCED", "NOT SHOWN", "UNDERPOWERED", "HARM"}
        The decision.
    qualifier : str
        What limits it: "traded for its reverse", "collateral undetermined", "these two models
        only" or "this one model only" (of the side with a single training), several, or "".
    reason : str
        One sentence with the numbers that decided.
    arm : str
        Name of the treated arm.
    design : {"paired seeds", "unpaired seeds", "one seed each"}
        How the trainings of the two arms are compared.
    n_seeds, n_seeds_before, n_seeds_after : int
        Trainings of the arm with fewer, of the baseline, and of the treated arm.
    n_images : int
        Images of the whole evaluation set.
    seeds : tuple of int or str, or None
        The paired seeds, where known.
    class_names : tuple of str
        Names of the K classes.
    cells : tuple of CellResult
        The target cells in the order given.
    collateral : tuple of Item
        Accuracy, recalls, all other cells, all slice items; none is dropped, but of very many
        alike those that changed least share one, see `misread.judge.items.fold`.
    n_safe, n_harmed, n_undetermined : int
        How many have each status, an item counted as often as it `covers`; those that are scanned
        for harm alone, and not harmed, are none of them.
    ledger : Ledger
        Images that the fix consistently broke and mended, by their places in the labels.
    alpha, reduction, margins : float, float, Margins
        What was asked: the level, the relative reduction, and the allowed damage.
    exploratory, exploratory_why : bool, str
        Whether the result cannot count as confirmed, and why.
    settled : Settled or None
        The planned look at which the arm was judged; None where the seeds were fixed. `alpha` is
        then that look's own level.
    n_groups : int or None
        Groups (writers, patients) of the images, over which tests and intervals hold too; None
        where none were given.
    design_effect : float or None
        How many times larger groups make the variance over images of what changed, pooled over
        the classes, 1 or more; the exact bounds use it. None without groups, and where too few
        images changed to tell.
    warnings : tuple of str
        What about the readings is probably a mistake, left out of JSON where there is nothing.
    against : str
        Name of the baseline, where one was given.
    """

    verdict: Decision
    qualifier: str
    reason: str
    arm: str
    design: Literal["paired seeds", "unpaired seeds", "one seed each"]
    n_seeds: int
    n_seeds_before: int
    n_seeds_after: int
    n_images: int
    seeds: tuple[int | str, ...] | None
    class_names: tuple[str, ...]
    cells: tuple[CellResult, ...]
    collateral: tuple[Item, ...]
    n_safe: int
    n_harmed: int
    n_undetermined: int
    ledger: Ledger
    alpha: float
    reduction: float
    margins: Margins
    exploratory: bool
    exploratory_why: str
    settled: Settled | None = None
    n_groups: int | None = None
    design_effect: float | None = None
    warnings: tuple[str, ...] = ()
    against: str = unstated("")

    def __repr__(self) -> str:
        return f"Verdict({self.verdict} · {self.arm}: {self.reason})"

    @property
    def n_items(self) -> int:
        """Items that must be safe or are harmed, each counted as often as it `covers`."""
        return self.n_safe + self.n_harmed + self.n_undetermined

    @property
    def held_up(self) -> dict[Cell, float]:
        """The cells whose change holds up, with their q-values; exploratory.

        Of all K(K−1) cells, after Benjamini & Hochberg (1995) at the verdict's level.
        """
        cells: list[CellResult | Item] = [*self.cells]
        cells += [item for item in self.collateral if item.kind == "cell"]
        scanned = sorted(
            (one.true, one.predicted, one.q_value)
            for one in cells
            if one.true is not None and one.predicted is not None
        )
        return {(i, j): q for i, j, q in scanned if q <= self.alpha}


def judge(
    before: Predictions,
    after: Predictions,
    *arrays: Never,
    cells: Sequence[NamedCell],
    margins: Margins = MARGINS,
    alpha: float = 0.05,
    items_alpha: float | None = None,
    reduction: float = 0.3,
    arm: str = "after",
    against: str = "",
    exploratory: str = "",
    paired: bool | None = None,
    weight: float | None = None,
    gate: Gate = Gate.MEANT,
    planned: PowerAnswer | None = None,
    leans: Leans | None = None,
    on_note: Callable[[str], None] = lambda _: None,
    **old: Never,
) -> Verdict:
    """Judge one fix: the target cells, everything else, and one decision.

    Parameters
    ----------
    before, after : Predictions
        The baseline and the treated arm, in any order of images and seeds; see
        `misread.judge.align.align` for how they are brought together. Disputed images, groups and
        slices come with them.
    cells : sequence of str or pair
        The confusions that the fix was to reduce, chosen on other data: ``"4:9"``, ``"cat:dog"``,
        ``(4, 9)``.
    margins : Margins
        How much worse each collateral item may get.
    alpha : float
        Level of tests and intervals; Holm (1979) corrects the target cells.
    items_alpha : float, optional
        Another level for everything but the targets, as at a planned look.
    reduction : float
        The relative reduction asked about, 0 to 1, for power.
    arm, against : str
        Names of the treated arm and of the baseline.
    exploratory : str
        Why the result cannot count as confirmed; "" when it can.
    paired : bool, optional
        Whether the same seed stands for the same initial weights and batch order in both arms; by
        default as in `misread.judge.align.align`. Otherwise the analysis is unpaired, and the
        verdict says so.
    weight : float, optional
        As in `misread.judge.align.align`, where each seed has learnt some of the images.
    gate : Gate
        Which items must be safe for plain REDUCED.
    planned : PowerAnswer, optional
        What was planned before, which the verdict then quotes.
    leans : Leans, optional
        How the baseline's readings of the first cell and its reverse would change if its boundary
        were moved: what tells a fix from a trade.
    on_note : callable
        Called with each sentence on how the two sides were brought together.
    *arrays, **old
        Nothing: what earlier versions took there is refused in a sentence.

    Returns
    -------
    Verdict
        All of the evidence, frozen.

    Raises
    ------
    JudgeError
        If the sides do not fit together, seeds cannot be paired as asked, a target class does not
        occur, or an option is out of range.

    Notes
    -----
    Effects are two-way over seeds and images (Clark 1973; Cameron, Gelbach & Miller 2011), see
    `misread.judge.effects.two_way`; where images have groups, all tests and intervals hold over
    groups too.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat([0, 1], 4000)
    >>> wrong = np.tile(labels, (5, 1))
    >>> wrong[:, :400] = 1
    >>> before = Predictions.from_arrays(labels, wrong)
    >>> after = Predictions.from_arrays(labels, np.tile(labels, (5, 1)))
    >>> judge(before, after, cells=["0:1"]).verdict
    'REDUCED'
    """
    refuse_arrays(before, after, *arrays, *old)
    pair = align(before, after, paired=paired, weight=weight)
    for note in pair.notes:
        on_note(note)
    return judge_pair(
        pair,
        cells_of(cells, pair),
        margins=margins,
        alpha=alpha,
        items_alpha=alpha if items_alpha is None else items_alpha,
        reduction=reduction,
        arm=arm,
        against=against,
        exploratory=exploratory,
        gate=gate,
        planned=planned,
        leans=leans,
    )


def judge_pair(
    pair: Pair,
    cells: Sequence[Cell],
    *,
    margins: Margins,
    alpha: float,
    items_alpha: float,
    reduction: float,
    arm: str,
    exploratory: str,
    gate: Gate,
    against: str = "",
    planned: PowerAnswer | None = None,
    leans: Leans | None = None,
) -> Verdict:
    """Return the verdict on two sides that were brought together; arguments as in `judge`."""
    fraction("alpha", alpha)
    fraction("reduction", reduction)
    scan = measure_collateral(pair, cells, margins=margins, alpha=items_alpha, gate=gate)
    results = measure_cells(
        pair, cells, alpha=alpha, reduction=reduction, q_values=scan.q_values, planned=planned
    )
    if leans is not None and cells[0][::-1] not in cells:
        counted = (pair.count_cell(*cell) for cell in (cells[0], cells[0][::-1]))
        trade = trade_of(next(counted), next(counted), leans, alpha)
        results[0] = results[0].model_copy(update={"trade": trade})
    bargains = {cell.trade.answer for cell in results if cell.trade}
    n_of = Counter[str]()
    for item in scan.items:
        n_of[item.status] += item.covers
    common, places_N = pair.read_by_all()
    decision = _decide(results, n_of["harmed"], alpha)
    one_each = pair.n_seeds == (1, 1)
    limits = {
        "traded for its reverse": decision == "REDUCED" and Bargain.TRADED in bargains,
        "perhaps traded for its reverse": decision == "REDUCED" and Bargain.OPEN in bargains,
        "collateral undetermined": decision == "REDUCED" and n_of["undetermined"],
        "these two models only": one_each,
        "this one model only": min(pair.n_seeds) == 1 < max(pair.n_seeds),
    }
    return Verdict(
        verdict=decision,
        qualifier=", ".join(words for words, holds in limits.items() if holds),
        reason=reason_for(
            decision,
            results,
            scan.items,
            alpha=alpha,
            reduction=reduction,
            n_seeds=pair.n_seeds,
            paired=pair.paired,
        ),
        arm=arm,
        against=against,
        design=(
            "one seed each" if one_each else "paired seeds" if pair.paired else "unpaired seeds"
        ),
        n_seeds=min(pair.n_seeds),
        n_seeds_before=pair.n_seeds[0],
        n_seeds_after=pair.n_seeds[1],
        n_images=pair.labels_N.size,
        seeds=pair.seeds,
        class_names=pair.class_names,
        cells=tuple(results),
        collateral=fold(scan.items),
        n_safe=n_of["safe"],
        n_harmed=n_of["harmed"],
        n_undetermined=n_of["undetermined"],
        ledger=ledger(common.labels_N, common.before_SN, common.after_TN).placed(places_N),
        alpha=alpha,
        reduction=reduction,
        margins=margins,
        exploratory=bool(exploratory),
        exploratory_why=exploratory,
        n_groups=pair.groups and int(pair.groups.codes_N.max()) + 1,
        design_effect=_finite(pair.groups),
        warnings=warnings_of(pair),
    )


def _finite(grouped: Groups | None) -> float | None:
    """Return the design effect of readings, where it is known."""
    if grouped is None or not np.isfinite(grouped.design_effect):
        return None
    return float(grouped.design_effect)


def _decide(cells: Sequence[CellResult], n_harmed: int, alpha: float) -> Decision:
    if n_harmed or any(cell.grew(alpha) for cell in cells):
        return "HARM"
    left = [cell for cell in cells if not cell.shrank(alpha)]
    if not left:
        return "REDUCED"
    return "UNDERPOWERED" if any(cell.hopeless(alpha) for cell in left) else "NOT SHOWN"
