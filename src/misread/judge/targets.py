"""The target cells: what the fix was meant to reduce, measured with all that is known of it."""

from collections.abc import Sequence

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.atlas import CellAtlas, cell_atlas
from misread.judge.classes import Cell, NamedCell, cell_of, short
from misread.judge.counts import Counts
from misread.judge.effects import Effect, effects, holm
from misread.judge.forecast import PowerAnswer, plan_power
from misread.judge.limits import Limits, limits_of
from misread.judge.measure import rates_of
from misread.judge.pair import Pair
from misread.judge.pilot import Pilot, pilot_from_both
from misread.judge.pooled import Held, extent_of
from misread.judge.power import NONE_HELD
from misread.judge.reverse import asymmetry, both_ways
from misread.judge.terms import weights_of
from misread.judge.trade import Trade
from misread.judge.variance import changed_of, least_p


class CellResult(Frozen):
    """One target cell i→j before and after.

    Attributes
    ----------
    true, predicted, name : int, int, str
        Classes i and j, and for example ``4→9``.
    n_images : int
        Images of class i that all seeds have read, or some where there are none.
    before, after : float
        Rates over images and seeds, 0 to 1 of class i.
    before_images, after_images : float
        The rates times `n_images`: errors per seed, in images.
    before_per_seed, after_per_seed : tuple of int, length S
        Errors of each seed among the images that all have read, or where there are none, among
        those that it has held out.
    effect : Effect
        After minus before as a share of class i; negative means fewer errors. Not corrected.
    effect_undisputed : Effect or None
        The same without disputed images; None when no mask was given or nothing is left.
    p_value, p_holm : float
        The effect's p-value, and after Holm (1979) over the target cells.
    q_value : float
        The p-value after Benjamini & Hochberg (1995) over all K(K−1) cells. Exploratory.
    asymmetry : Effect or None
        Before the fix, i→j less j→i as a share of the images of both classes; None where class j
        does not occur.
    atlas_before, atlas_after : CellAtlas
        Which images make the cell in either arm.
    smallest_detectable, smallest_detectable_relative : float or None
        Smallest reduction found with 80% power at the corrected level, as a share of class i and of
        the rate before, as `misread power` has it; None where not even a fall to zero would be
        found, or there are no errors before.
    reduction_abs : float
        The reduction asked about, as a share of class i.
    seeds_needed, images_needed : int or None
        Seeds (with these images), or images of class i (with these seeds), that would find the
        reduction asked about; None when no number would do or none can be given. With groups:
        images of more groups, as many of each as now.
    mcnemar_midp : float or None
        With one seed only: mid-p McNemar of the two models, which says nothing about training.
    forecast : PowerAnswer or None
        What the design could show of the reduction asked about, with its range: the plan's, where
        there is one, else from both sides; None where there is nothing to plan with.
    both_ways : Effect or None
        Errors i→j and j→i together, after minus before, as a share of the images of both classes:
        what leans cancels in it. None where class j does not occur.
    trade : Trade or None
        Whether the fall was learned or traded for j→i; None where that is not known: without
        probabilities, without a fall, where seeds are no pairs or j→i is a target too.
    limits : Limits or None
        What limits the answer: the split of its variance, and what no training can go beyond; None
        where too little changed to tell.
    n_changed : int or None
        Images (groups in their place) that changed on balance; None in older records.
    """

    true: int
    predicted: int
    name: str
    n_images: int
    before: float
    after: float
    before_images: float
    after_images: float
    before_per_seed: tuple[int, ...]
    after_per_seed: tuple[int, ...]
    effect: Effect
    effect_undisputed: Effect | None
    p_value: float
    p_holm: float
    q_value: float
    asymmetry: Effect | None
    atlas_before: CellAtlas
    atlas_after: CellAtlas
    smallest_detectable: float | None
    smallest_detectable_relative: float | None
    reduction_abs: float
    seeds_needed: int | None
    images_needed: int | None
    mcnemar_midp: float | None
    forecast: PowerAnswer | None = None
    both_ways: Effect | None = None
    trade: Trade | None = None
    limits: Limits | None = None
    n_changed: int | None = None

    def shrank(self, alpha: float) -> bool:
        """Say whether the cell fell at the corrected level."""
        return self.effect.estimate < 0 and self.p_holm <= alpha

    def grew(self, alpha: float) -> bool:
        """Say whether the cell rose at the corrected level."""
        return self.effect.estimate > 0 and self.p_holm <= alpha

    def hopeless(self, alpha: float) -> bool:
        """Say whether no reduction was shown and the one asked about could not have been.

        Where too few images changed for a test, the exact interval decides: it excludes the
        reduction asked about, or it does not. Without errors before, nothing was to be shown.
        """
        if self.before == 0 or self.shrank(alpha):
            return False
        if self.few_changed(alpha):
            return self.effect.low <= -self.reduction_abs
        least = self.smallest_detectable
        return least is None or least > self.reduction_abs

    def few_changed(self, alpha: float) -> bool:
        """Say whether too few images changed for a test by sign flips over them to reject."""
        return self.n_changed is not None and bool(least_p(self.n_changed) > alpha)


def cells_of(cells: Sequence[NamedCell], pair: Pair) -> list[Cell]:
    """Return the target cells as codes; JudgeError for none, one named twice or without images."""
    codes = [cell_of(cell, pair.class_names) for cell in cells]
    if not codes:
        msg = "no cell was given; the judge needs at least one: give for example [(4, 9)]."
        raise JudgeError(msg)
    if len(set(codes)) < len(codes):
        twice = max(codes, key=codes.count)
        name = "→".join(short(pair.class_names[k]) for k in twice)
        msg = f"{name} is named twice; name each confusion once."
        raise JudgeError(msg)
    for true, predicted in codes:
        of_class_N = pair.labels_N == true
        if not (of_class_N & pair.read_N).any():
            name, other = pair.class_names[true], pair.class_names[predicted]
            why = f"no image has the true class {name}"
            if of_class_N.any():
                why = f"no image of {name} was held out by seeds of both sides"
            msg = f"cell {name}→{other}, and {why}; choose a class that occurs."
            raise JudgeError(msg)
    return codes


def measure_cells(
    pair: Pair,
    cells: Sequence[Cell],
    *,
    alpha: float,
    reduction: float,
    q_values: dict[Cell, float],
    planned: PowerAnswer | None = None,
) -> list[CellResult]:
    """Return one result per target cell, in the given order, with p-values corrected over them.

    The true class of every cell occurs. Power is computed at ``alpha / len(cells)``, the first and
    strictest Holm step; what was `planned` for one of the cells is quoted in place of a forecast.
    """
    counted = [pair.count_cell(*cell) for cell in cells]
    measured = [effects(counts, alpha)[0] for counts in counted]
    corrected = holm([effect.p_value for effect in measured])
    return [
        _result(
            pair,
            cell,
            counts,
            effect,
            p_holm=p_holm,
            q_value=q_values[cell],
            reduction=reduction,
            strict=alpha / len(cells),
            planned=planned,
        )
        for cell, counts, effect, p_holm in zip(cells, counted, measured, corrected, strict=True)
    ]


def _result(
    pair: Pair,
    cell: Cell,
    counts: Counts,
    effect: Effect,
    *,
    p_holm: float,
    q_value: float,
    reduction: float,
    strict: float,
    planned: PowerAnswer | None,
) -> CellResult:
    names, n_images = pair.class_names, int(counts.n_images_C[0])
    before, after = (float(rate_C[0]) for rate_C in rates_of(counts))
    per_seed = [counts.before_CS[0], counts.after_CT[0]]
    if not counts.n_full_C[0]:
        per_seed = [counts.held_before_CS[0], counts.held_after_CT[0]]
    common, places_N = pair.read_by_all()
    atlases = [
        cell_atlas(common.labels_N, preds_SN, *cell, common.disputed_N).placed(places_N)
        for preds_SN in (common.before_SN, common.after_TN)
    ]
    name, forecast = "→".join(names[k] for k in cell), planned
    if forecast is None or forecast.cell != name or forecast.reduction != reduction:
        forecast = None
        if 0 < before < 1:  # else there is nothing to plan with
            forecast = forecast_of(pair, cell, n_images, reduction=reduction, alpha=strict)
    smallest = None if forecast is None else forecast.smallest_relative
    return CellResult(
        true=cell[0],
        predicted=cell[1],
        name=name,
        n_images=n_images,
        before=before,
        after=after,
        before_images=before * n_images,
        after_images=after * n_images,
        before_per_seed=tuple(per_seed[0].tolist()),
        after_per_seed=tuple(per_seed[1].tolist()),
        effect=effect.within(before),
        effect_undisputed=_undisputed(pair, cell, effect.alpha),
        p_value=effect.p_value,
        p_holm=p_holm,
        q_value=q_value,
        asymmetry=asymmetry(
            common.labels_N, common.before_SN, *cell, alpha=effect.alpha, groups=common.groups
        ),
        atlas_before=atlases[0],
        atlas_after=atlases[1],
        smallest_detectable=None if smallest is None else smallest * before,
        smallest_detectable_relative=smallest,
        reduction_abs=before * reduction,
        seeds_needed=forecast and forecast.seeds_needed,
        images_needed=forecast and forecast.images_needed,
        forecast=forecast,
        mcnemar_midp=effect.p_value if pair.n_seeds == (1, 1) else None,
        limits=limits_of(
            counts, pair.of_class(cell[0]).held, int((pair.labels_N == cell[0]).sum()), atlases[0]
        ),
        both_ways=both_ways(pair, cell, effect.alpha),
        n_changed=int(changed_of(counts, weights_of(counts))[0]),
    )


def forecast_of(
    pair: Pair, cell: Cell, n_images: int, *, reduction: float, alpha: float
) -> PowerAnswer:
    """Return what a design like this one shows of a reduction, from what both sides read."""
    pilot, held = pilot_of(pair, cell), NONE_HELD
    n_seeds = pilot.n_seeds
    part = pair.of_class(cell[0])
    if part.held is not None:
        extent = extent_of(part.held, part.n_seeds, part.labels_N.size)
        n_seeds = extent.n_seeds
        share = extent.tenth / (extent.n_full or extent.n_held)
        held = Held(share, extent.weight_of(part.held.weight), extent.n_folds)
    return plan_power(
        pilot,
        cell="→".join(pair.class_names[k] for k in cell),
        n_seeds=n_seeds or 1,
        n_images=max(n_images, 2),  # of a single image no spread between images can be planned
        reduction=reduction,
        alpha=alpha,
        held=held,
    )


def pilot_of(pair: Pair, cell: Cell) -> Pilot:
    """Return what both sides tell of a cell, as `misread.judge.pilot.pilot_from_both`.

    JudgeError if there are no errors before, or nothing but errors.
    """
    part = pair.of_class(cell[0]).read_by_all()[0]
    return pilot_from_both(
        part.before_SN == cell[1],
        part.after_TN == cell[1],
        part.groups and part.groups.codes_N,
        paired=pair.paired,
    )


def _undisputed(pair: Pair, cell: Cell, alpha: float) -> Effect | None:
    """Return the effect on a cell without the images whose label is disputed."""
    if pair.disputed_N is None or not (~pair.disputed_N & (pair.labels_N == cell[0])).any():
        return None
    counts = pair.of_images(~pair.disputed_N).count_cell(*cell)
    return effects(counts, alpha)[0].within(float(rates_of(counts)[0][0]))
