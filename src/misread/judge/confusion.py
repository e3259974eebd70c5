"""Confusion counts per seed: class metrics, consistent cells, cells that run one way only.

For readings of *select*, where each seed reads another tenth of the training data: seeds and images
are then not crossed, and a seed is the unit.

References
----------
Benjamini & Hochberg (1995), Controlling the false discovery rate, *JRSS B* 57.
Bowker (1948), A test for symmetry in contingency tables, *JASA* 43.
Clopper & Pearson (1934), The use of confidence or fiducial limits, *Biometrika* 26.
"""

import numpy as np
import numpy.typing as npt
import scipy

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.checks import (
    FloatArray,
    IntArray,
    classes_within,
    same_images,
    whole_numbers,
)
from misread.judge.effects import benjamini_hochberg


class CellRank(Frozen):
    """One directed confusion i→j over seeds.

    Attributes
    ----------
    true, predicted : int
        The classes i and j.
    rank : int
        Place among all cells by mean errors; 1 has the most.
    mean, sd : float
        Errors per seed and their standard deviation over seeds (ddof 1; None with one seed).
    rate : float or None
        Share of class i's images read as j, 0 to 1; None where class i does not occur.
    seeds_present, n_seeds : int
        In how many seeds the cell has an error, and of how many.
    mean_rank, chance_rank : float
        Mean over seeds of the cell's rank within the seed (ties share a mid rank), and what
        chance gives: ``(K(K−1) + 1) / 2``.
    p_rank, q_rank : float
        Chance of so low a mean rank if ranks were shuffled in every seed, exact given the ties;
        and the same after Benjamini & Hochberg (1995) over all cells. Exploratory.
    reverse_mean : float
        Mean errors per seed of j→i.
    asymmetry_p, asymmetry_method : float, str
        Two-sided p-value of i→j being as frequent as j→i, and what computed it.
    """

    true: int
    predicted: int
    rank: int
    mean: float
    sd: float | None
    rate: float | None
    seeds_present: int
    n_seeds: int
    mean_rank: float
    chance_rank: float
    p_rank: float
    q_rank: float
    reverse_mean: float
    asymmetry_p: float
    asymmetry_method: str


class ClassMetrics(Frozen):
    """Overall accuracy, and precision and recall per class; None where 0/0.

    Attributes
    ----------
    accuracy : float or None
        Share of all images read rightly, 0 to 1.
    precision, recall : tuple of float or None, length K
        Share of the images read as k that are k; share of the images of k that are read as k.
    """

    accuracy: float | None
    precision: tuple[float | None, ...]
    recall: tuple[float | None, ...]


def confusion_counts(labels_N: npt.ArrayLike, preds_N: npt.ArrayLike, n_classes: int) -> IntArray:
    """Count images by true (row) and predicted (column) class.

    Parameters
    ----------
    labels_N, preds_N : array_like of int, shape [N]
        True and predicted classes, 0 to ``n_classes − 1``.
    n_classes : int
        K, at least 2.

    Returns
    -------
    ndarray of int64, shape [K, K]
        Images; the sum is N.

    Raises
    ------
    JudgeError
        If shapes differ, the arrays are empty, or a class is out of range.
    """
    _at_least_two(n_classes)
    true_N = classes_within("labels", whole_numbers("labels", labels_N, 1), n_classes)
    read_N = classes_within("predictions", whole_numbers("predictions", preds_N, 1), n_classes)
    same_images("predictions", true_N, read_N)
    flat = np.bincount(true_N * n_classes + read_N, minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


def class_metrics(counts_KK: npt.ArrayLike) -> ClassMetrics:
    """Return accuracy, precision and recall of one confusion matrix.

    Parameters
    ----------
    counts_KK : array_like of int, shape [K, K]
        Rows true, columns predicted, in images.

    Returns
    -------
    ClassMetrics
        Shares, 0 to 1; None where there is nothing to divide by.

    Raises
    ------
    JudgeError
        If the matrix is not square or holds negative or fractional counts.
    """
    counts = _square_counts(whole_numbers("counts", counts_KK, 2)[np.newaxis])[0]
    right = counts.diagonal()
    return ClassMetrics(
        accuracy=_share(int(right.sum()), int(counts.sum())),
        precision=tuple(map(_share, right.tolist(), counts.sum(axis=0).tolist())),
        recall=tuple(map(_share, right.tolist(), counts.sum(axis=1).tolist())),
    )


def rank_cells(counts_SKK: npt.ArrayLike) -> list[CellRank]:
    """Rank all K(K−1) directed confusions by their mean errors per seed.

    Parameters
    ----------
    counts_SKK : array_like of int, shape [S, K, K]
        One confusion matrix per seed, rows true, columns predicted, in images.

    Returns
    -------
    list of CellRank
        Most errors first; ties go by mean rank, then by true and predicted class. Ranks are
        tested by the exact sum of S independent draws from each seed's own mid ranks; asymmetry
        by a t test over per-seed differences from three seeds on, else by the exact binomial
        test on pooled counts (the two-cell case of Bowker 1948).

    Raises
    ------
    JudgeError
        If the shape is not [S, K, K] or counts are negative or fractional.
    """
    try:
        counts = np.asarray(counts_SKK)
    except ValueError as error:
        msg = "counts: matrices of unequal size; give one K × K matrix per seed."
        raise JudgeError(msg) from error
    if counts.ndim != 3:
        msg = (
            f"counts has shape {counts.shape}; it needs [seeds, true, predicted]: stack the seeds."
        )
        raise JudgeError(msg)
    flat = whole_numbers("counts", counts.reshape(counts.shape[0], -1), 2)
    counts = _square_counts(flat.reshape(counts.shape))
    n_seeds, n_classes, _ = counts.shape
    off_diagonal = ~np.eye(n_classes, dtype=bool)
    true_C, predicted_C = np.nonzero(off_diagonal)
    counts_SC = counts[:, true_C, predicted_C]
    reverse_SC = counts[:, predicted_C, true_C]
    ranks_SC: FloatArray = scipy.stats.rankdata(-counts_SC, method="average", axis=1)
    p_C = _rank_p_values(ranks_SC)
    q_C = benjamini_hochberg(p_C.tolist())
    images_K = counts.sum(axis=(0, 2))
    order = np.lexsort((predicted_C, true_C, ranks_SC.sum(axis=0), -counts_SC.sum(axis=0)))
    ranked = []
    for rank, cell in enumerate(order.tolist(), start=1):
        forth_S, back_S = counts_SC[:, cell], reverse_SC[:, cell]
        asymmetry_p, method = _asymmetry(forth_S, back_S)
        true = int(true_C[cell])
        ranked.append(
            CellRank(
                true=true,
                predicted=int(predicted_C[cell]),
                rank=rank,
                mean=float(forth_S.mean()),
                sd=float(forth_S.std(ddof=1)) if n_seeds > 1 else None,
                rate=_share(int(forth_S.sum()), int(images_K[true])),
                seeds_present=int(np.count_nonzero(forth_S)),
                n_seeds=n_seeds,
                mean_rank=float(ranks_SC[:, cell].mean()),
                chance_rank=(true_C.size + 1) / 2,
                p_rank=float(p_C[cell]),
                q_rank=q_C[cell],
                reverse_mean=float(back_S.mean()),
                asymmetry_p=asymmetry_p,
                asymmetry_method=method,
            )
        )
    return ranked


def _rank_p_values(ranks_SC: FloatArray) -> FloatArray:
    """Return P(sum of ranks ≤ observed) per cell, exact for independent shuffles per seed.

    Mid ranks are whole after doubling, so the null distribution of the sum is a convolution over
    seeds of each seed's few distinct ranks; every term is positive, so small tails stay exact.
    """
    doubled_SC = np.rint(2 * ranks_SC).astype(np.int64)
    n_cells = doubled_SC.shape[1]
    chance = np.ones(1)
    for doubled_C in doubled_SC:
        grown = np.zeros(chance.size + int(doubled_C.max()))
        for value, times in zip(*np.unique(doubled_C, return_counts=True), strict=True):
            grown[value : value + chance.size] += chance * (times / n_cells)
        chance = grown
    cumulative: FloatArray = np.minimum(np.cumsum(chance), 1.0)
    p_values_C: FloatArray = cumulative[doubled_SC.sum(axis=0)]
    return p_values_C


def _asymmetry(forth_S: IntArray, back_S: IntArray) -> tuple[float, str]:
    """Return the p-value of i→j against j→i and the name of the method."""
    gap_S = forth_S - back_S
    if gap_S.size >= 3 and np.ptp(gap_S) > 0:
        se = float(gap_S.std(ddof=1)) / np.sqrt(gap_S.size)
        p_value = float(2 * scipy.special.stdtr(gap_S.size - 1, -abs(float(gap_S.mean())) / se))
        return p_value, f"t over {gap_S.size} seeds"
    forth, both = int(forth_S.sum()), int(forth_S.sum() + back_S.sum())
    method = "exact binomial on pooled counts; says nothing about training"
    if both == 0:
        return 1.0, method
    return min(1.0, 2 * float(scipy.special.bdtr(min(forth, both - forth), both, 0.5))), method


def _square_counts(counts: IntArray) -> IntArray:
    """Return ``[S, K, K]`` counts when they are square, of two or more classes, not negative."""
    if counts.shape[-1] != counts.shape[-2]:
        msg = f"counts has shape {counts.shape[-2:]} per seed; rows and columns must be the same K."
        raise JudgeError(msg)
    _at_least_two(counts.shape[-1])
    if (counts < 0).any():
        msg = f"counts holds {int(counts.min())}; a count of images cannot be negative: recount."
        raise JudgeError(msg)
    return counts


def _at_least_two(n_classes: int) -> None:
    if n_classes < 2:
        msg = f"{n_classes} classes; a confusion needs at least 2: raise n_classes."
        raise JudgeError(msg)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
