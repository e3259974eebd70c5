"""Changes of maps that are more than the spread between trainings.

Under the null hypothesis an arm and the baseline of one seed could be exchanged. So the two are
exchanged within seeds, in every way or in 2,000 random ones, and a change counts where it exceeds
what the largest pixel of any image then reaches in all but a share alpha (Nichols & Holmes 2002,
*Human Brain Mapping* 15; why seeds are the null: Woerl et al. 2023).
"""

from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.seeds import derive

Floats = npt.NDArray[np.float64]
LEAST_PAIRS = 6  # with fewer, 2^S exchanges cannot reach 5%
_MOST_EXACT = 11
_RANDOM = 2000
_ROUNDING = 1e-9  # by which an exchange and its mirror image, which are equal, may differ


class MapChange(NamedTuple):
    """The change of N maps between two arms; nothing can be told from fewer than six pairs."""

    mean_NHW: Floats  # after less before, mean over seeds
    holds_NHW: npt.NDArray[np.bool_]  # pixels whose change is more than noise
    p_N: Floats  # p-value of each image's largest change, over all images; 1 where nobody can tell
    can_tell: bool


def map_change(before_SNHW: Floats, after_SNHW: Floats, alpha: float = 0.05) -> MapChange:
    """Return what changed in N maps between the S same seeds of two arms.

    A pixel's statistic is its mean change over its standard deviation, to which the median of all
    deviations is added, so that pixels of hardly any spread do not lead.
    """
    change_SNHW = after_SNHW - before_SNHW
    n_seeds, shape = len(change_SNHW), change_SNHW.shape[1:]
    mean_NHW = change_SNHW.mean(axis=0)
    if n_seeds < LEAST_PAIRS:
        return MapChange(mean_NHW, np.zeros(shape, np.bool_), np.ones(shape[0]), can_tell=False)
    flat_SM = change_SNHW.reshape(n_seeds, -1)
    squares_M = (flat_SM**2).mean(axis=0)  # the same whatever is exchanged
    typical = float(np.sqrt(np.median(squares_M[squares_M > 0]))) if squares_M.any() else 1.0
    if n_seeds <= _MOST_EXACT:
        signs_RS = np.array(list(product((1.0, -1.0), repeat=n_seeds)))
    else:
        random = derive(0, "exchange").choice((1.0, -1.0), size=(_RANDOM, n_seeds))
        signs_RS = np.concatenate([np.ones((1, n_seeds)), random])

    def statistic(mean: Floats) -> Floats:
        spread = np.sqrt(np.maximum(squares_M - mean**2, 0)) + typical
        value: Floats = np.abs(mean) / spread
        return value

    seen_M = statistic(flat_SM.mean(axis=0))
    largest_R = np.array([statistic(sign_S @ flat_SM / n_seeds).max() for sign_S in signs_RS])
    bound = np.quantile(largest_R, 1 - alpha, method="higher") * (1 + _ROUNDING)
    seen_NHW = seen_M.reshape(shape)
    of_image_N = seen_NHW.reshape(shape[0], -1).max(axis=1)
    p_N = (largest_R[:, np.newaxis] * (1 + _ROUNDING) >= of_image_N).mean(axis=0)
    return MapChange(mean_NHW, seen_NHW > bound, p_N, can_tell=True)


def relative(maps_SNHW: Floats) -> Floats:
    """Return each model's maps over their mean size, so that a surer model is no other map."""
    size_S = np.abs(maps_SNHW).mean(axis=(1, 2, 3), keepdims=True)
    share_SNHW: Floats = maps_SNHW / np.where(size_S > 0, size_S, 1.0)
    return share_SNHW


def likeness(one_NHW: Floats, other_NHW: Floats) -> float:
    """Return the mean rank correlation of maps over images, −1 to 1.

    For the sanity check of Adebayo et al. 2018: maps of a model whose weights were shuffled should
    be unlike those of the trained one.
    """
    values = []
    for one, other in zip(one_NHW, other_NHW, strict=True):
        if one.any() and other.any():
            values.append(float(np.corrcoef(_ranks(one), _ranks(other))[0, 1]))
    return float(np.mean(values)) if values else 0.0


def _ranks(values: Floats) -> npt.NDArray[np.int64]:
    return np.argsort(np.argsort(values.ravel(), kind="stable"), kind="stable")
