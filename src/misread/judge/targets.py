"""The target cells: what the fix was meant to reduce, measured with all that is known of it."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from misread.judge.collateral import Cell, Readings, growth
from misread.judge.inference import Effect, holm, mcnemar_midp, two_way
from misread.judge.inputs import BoolArray
from misread.judge.power import images_needed, seeds_needed, smallest_detectable


class CellResult(BaseModel):
    """One target cell i→j before and after.

    Attributes
    ----------
    true, predicted, name : int, int, str
        Classes i and j, and for example ``4→9``.
    n_images : int
        Images of class i.
    before, after : float
        Rates over images and seeds, 0 to 1 of class i.
    before_images, after_images : float
        Errors per seed, mean, in images.
    before_per_seed, after_per_seed : tuple of int, length S
        Errors of each seed, in images.
    effect : Effect
        After minus before as a share of class i; negative means fewer errors. Not corrected.
    effect_undisputed : Effect or None
        The same without disputed images; None when no mask was given or nothing is left.
    p_value, p_holm : float
        The effect's p-value, and after Holm (1979) over the target cells.
    smallest_detectable, smallest_detectable_relative : float or None
        Smallest change found with 80% power at the corrected level, as a share of class i and of
        the rate before; None when too few images changed to tell.
    reduction_abs : float
        The reduction asked about, as a share of class i.
    seeds_needed, images_needed : int or None
        Seeds (with these images), or images of class i (with these seeds), that would find the
        reduction asked about; None when no number would do or none can be given.
    mcnemar_midp : float or None
        With one seed only: mid-p McNemar of the two models, which says nothing about training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    smallest_detectable: float | None
    smallest_detectable_relative: float | None
    reduction_abs: float
    seeds_needed: int | None
    images_needed: int | None
    mcnemar_midp: float | None

    def shrank(self, alpha: float) -> bool:
        """Say whether the cell fell at the corrected level."""
        return self.effect.estimate < 0 and self.p_holm <= alpha

    def grew(self, alpha: float) -> bool:
        """Say whether the cell rose at the corrected level."""
        return self.effect.estimate > 0 and self.p_holm <= alpha

    def hopeless(self, alpha: float) -> bool:
        """Say whether no reduction was shown and the one asked about could not have been.

        Where too few images changed to estimate power, the exact interval decides: it excludes
        the reduction asked about, or it does not. Without errors before, nothing was to be shown.
        """
        if self.before == 0 or self.shrank(alpha):
            return False
        if self.smallest_detectable is None:
            return self.effect.low <= -self.reduction_abs
        return self.smallest_detectable > self.reduction_abs


def measure_cells(
    readings: Readings,
    cells: Sequence[Cell],
    names: Sequence[str],
    *,
    alpha: float,
    reduction: float,
    disputed_N: BoolArray | None,
) -> list[CellResult]:
    """Return one result per target cell, in the given order.

    Parameters
    ----------
    readings : Readings
        The evaluation set; the true class of every cell occurs in it.
    cells : sequence of (true, predicted)
        The targets.
    names : sequence of str
        One per class.
    alpha : float
        Level; power is computed at ``alpha / len(cells)``, the first and strictest Holm step.
    reduction : float
        The relative reduction asked about, 0 to 1.
    disputed_N : ndarray of bool, shape [N], or None
        Images whose label is disputed.

    Returns
    -------
    list of CellResult
        With p-values corrected over the cells.
    """
    errors = []
    for true, predicted in cells:
        own = readings.of_class(true)
        errors.append((own.before_SN == predicted, own.after_SN == predicted))
    effects = [two_way(growth(*pair), alpha) for pair in errors]
    corrected = holm([effect.p_value for effect in effects])
    strict = alpha / len(cells)
    results = []
    for cell, pair, effect, p_holm in zip(cells, errors, effects, corrected, strict=True):
        before_S, after_S = (errors_SN.sum(axis=1) for errors_SN in pair)
        n_images = pair[0].shape[1]
        before = float(pair[0].mean())
        asked = before * reduction
        diff_SN = growth(*pair)
        least = smallest_detectable(diff_SN, strict)
        kept_N = None if disputed_N is None else ~disputed_N[readings.labels_N == cell[0]]
        results.append(
            CellResult(
                true=cell[0],
                predicted=cell[1],
                name=f"{names[cell[0]]}→{names[cell[1]]}",
                n_images=n_images,
                before=before,
                after=float(pair[1].mean()),
                before_images=float(before_S.mean()),
                after_images=float(after_S.mean()),
                before_per_seed=tuple(before_S.tolist()),
                after_per_seed=tuple(after_S.tolist()),
                effect=effect,
                effect_undisputed=(
                    None
                    if kept_N is None or not kept_N.any()
                    else two_way(diff_SN[:, kept_N], alpha)
                ),
                p_value=effect.p_value,
                p_holm=p_holm,
                smallest_detectable=least,
                smallest_detectable_relative=least / before if least and before else None,
                reduction_abs=asked,
                seeds_needed=seeds_needed(diff_SN, asked, strict) if asked else None,
                images_needed=images_needed(diff_SN, asked, strict) if asked else None,
                mcnemar_midp=mcnemar_midp(pair[0][0], pair[1][0]) if before_S.size == 1 else None,
            )
        )
    return results
