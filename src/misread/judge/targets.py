"""The target cells: what the fix was meant to reduce, measured with all that is known of it."""

import math
from collections.abc import Sequence

import numpy as np

from misread.files import Frozen
from misread.judge.atlas import CellAtlas, cell_atlas
from misread.judge.classes import AnyIntArray, Cell
from misread.judge.collateral import cell_moments
from misread.judge.counts import of_differences
from misread.judge.detectable import components_of, detectable, images_for, seeds_for
from misread.judge.effects import Effect, effects, holm
from misread.judge.groups import Grouped
from misread.judge.pair import Pair


class CellResult(Frozen):
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
    q_value : float
        The p-value after Benjamini & Hochberg (1995) over all K(K−1) cells. Exploratory.
    asymmetry : Effect or None
        Before the fix, i→j less j→i as a share of the images of both classes; None where class j
        does not occur.
    atlas_before, atlas_after : CellAtlas
        Which images make the cell in either arm.
    smallest_detectable, smallest_detectable_relative : float or None
        Smallest change found with 80% power at the corrected level, as a share of class i and of
        the rate before; None when too few images changed to tell.
    reduction_abs : float
        The reduction asked about, as a share of class i.
    seeds_needed, images_needed : int or None
        Seeds (with these images), or images of class i (with these seeds), that would find the
        reduction asked about; None when no number would do or none can be given. With groups:
        images of more groups, as many of each as now.
    mcnemar_midp : float or None
        With one seed only: mid-p McNemar of the two models, which says nothing about training.
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
    pair: Pair,
    cells: Sequence[Cell],
    *,
    alpha: float,
    reduction: float,
    q_values: dict[Cell, float],
) -> list[CellResult]:
    """Return one result per target cell, in the given order.

    Parameters
    ----------
    pair : Pair
        The evaluation set; the true class of every cell occurs in it.
    cells : sequence of (true, predicted)
        The targets.
    alpha : float
        Level; power is computed at ``alpha / len(cells)``, the first and strictest Holm step.
    reduction : float
        The relative reduction asked about, 0 to 1.
    q_values : dict
        Each target's q-value in the scan of all cells.

    Returns
    -------
    list of CellResult
        With p-values corrected over the cells.
    """
    names = pair.class_names
    moments = [cell_moments(pair, *cell) for cell in cells]
    measured = [effects(one, alpha)[0] for one in moments]
    corrected = holm([effect.p_value for effect in measured])
    strict = alpha / len(cells)
    results = []
    for cell, counted, effect, p_holm in zip(cells, moments, measured, corrected, strict=True):
        n_images = int(counted.n_images_C[0])
        before_S, after_T = counted.before_CS[0], counted.after_CT[0]
        before = float(before_S.mean()) / n_images
        asked = before * reduction
        parts, n_seeds, n_units = components_of(counted, alpha)
        least = None if parts is None else detectable(parts, n_seeds, n_units, strict)
        enough = images_for(parts, n_seeds, asked, strict) if parts and asked else None
        results.append(
            CellResult(
                true=cell[0],
                predicted=cell[1],
                name=f"{names[cell[0]]}→{names[cell[1]]}",
                n_images=n_images,
                before=before,
                after=float(after_T.mean()) / n_images,
                before_images=float(before_S.mean()),
                after_images=float(after_T.mean()),
                before_per_seed=tuple(before_S.tolist()),
                after_per_seed=tuple(after_T.tolist()),
                effect=effect,
                effect_undisputed=_undisputed(pair, cell, alpha),
                p_value=effect.p_value,
                p_holm=p_holm,
                q_value=q_values[cell],
                asymmetry=asymmetry(
                    pair.labels_N, pair.before_SN, *cell, alpha=alpha, grouped=pair.grouped
                ),
                atlas_before=cell_atlas(pair.labels_N, pair.before_SN, *cell, pair.disputed_N),
                atlas_after=cell_atlas(pair.labels_N, pair.after_TN, *cell, pair.disputed_N),
                smallest_detectable=least,
                smallest_detectable_relative=least / before if least and before else None,
                reduction_abs=asked,
                seeds_needed=(
                    seeds_for(parts, n_units, asked, strict, least=min(n_seeds, 2))
                    if parts and asked
                    else None
                ),
                images_needed=enough and math.ceil(enough * n_images / n_units),
                mcnemar_midp=effect.p_value if before_S.size == after_T.size == 1 else None,
            )
        )
    return results


def asymmetry(
    labels_N: AnyIntArray,
    preds_SN: AnyIntArray,
    true: int,
    predicted: int,
    *,
    alpha: float = 0.05,
    grouped: Grouped | None = None,
) -> Effect | None:
    """Return by how much one arm makes i→j more often than j→i.

    Bowker's (1948, *JASA* 43) question for one pair of classes, held against both seeds and images
    as `two_way` does: each image of i or j counts 1 where it is read as the other one, i→j with a
    plus, j→i with a minus.

    Parameters
    ----------
    labels_N : ndarray of int, shape [N]
        True classes.
    preds_SN : ndarray of int, shape [S, N]
        Predicted classes.
    true, predicted : int
        The cell i→j.
    alpha : float
        The interval covers ``1 − alpha``.
    grouped : Grouped, optional
        Groups of images that are not independent.

    Returns
    -------
    Effect or None
        Errors i→j less errors j→i, per image of either class; positive means that i→j leads. None
        where class j does not occur.
    """
    if not (labels_N == predicted).any():
        return None
    both_N = (labels_N == true) | (labels_N == predicted)
    labels, preds = labels_N[both_N], preds_SN[:, both_N]
    there = ((labels == true) & (preds == predicted)).astype(np.int64)
    back = ((labels == predicted) & (preds == true)).astype(np.int64)
    own = grouped and grouped.of(both_N)
    return effects(of_differences(there - back, own), alpha)[0]


def _undisputed(pair: Pair, cell: Cell, alpha: float) -> Effect | None:
    """Return the effect on a cell without the images whose label is disputed."""
    if pair.disputed_N is None or not (~pair.disputed_N & (pair.labels_N == cell[0])).any():
        return None
    return effects(cell_moments(pair.of_images(~pair.disputed_N), *cell), alpha)[0]
