"""One model against one other on the same images; nothing is said about training them again.

References
----------
Bonett & Price (2012), Adjusted Wald confidence interval for a difference of binomial proportions
based on paired data, *J. Educational and Behavioral Statistics* 37.
Fagerland, Lydersen & Laake (2013), The McNemar test for binary matched-pairs data: mid-p and
asymptotic are better than exact conditional, *BMC Medical Research Methodology* 13:91.
Rao & Scott (1992), A simple method for the analysis of clustered binary data, *Biometrics* 48.
"""

import numpy as np
import numpy.typing as npt
import scipy

from misread.judge.checks import FloatArray, IntArray, flags, whole_numbers
from misread.judge.counts import Counts
from misread.judge.terms import about
from misread.judge.variance import least_p


def images_only(counts: Counts, alpha: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return p-value, low and high for one pair of models, which both have read the same images.

    With groups the sign test is over those that changed on balance, and the counts behind the
    interval are divided by the design effect (Rao & Scott 1992).
    """
    more_C = (counts.after_CT - counts.before_CS).sum(axis=1)
    discordant_C = counts.discordant_C if counts.paired else counts.full.squares_C
    gone_C = (discordant_C - more_C) // 2
    new_C, n_C = discordant_C - gone_C, counts.n_full_C
    groups, sizes, p_C = counts.groups, counts.layout.groups, _midp(gone_C, new_C)
    if groups is None or sizes is None:
        return p_C, *_bonett_price(gone_C, new_C, n_C, alpha)
    n_groups_C, squares_C = sizes.n_full_P[counts.part_C], sizes.full_P[counts.part_C]
    mean_C = more_C / np.maximum(n_C, 1)
    between_C = about(mean_C, groups.full.squares_C, groups.full.linear_C, squares_C)
    within_C = np.maximum(discordant_C - mean_C * more_C, 1e-9)
    effect_C = np.maximum(between_C / within_C, 1.0)
    few_C = (least_p(groups.full.changed_C) > alpha) | (discordant_C == n_C)
    effect_C = np.where(few_C, n_C / np.maximum(n_groups_C, 1), effect_C)
    effect_C = np.where(n_groups_C == n_C, 1.0, effect_C)
    p_C = np.where(n_groups_C == n_C, p_C, _midp(groups.full.gone_C, groups.full.new_C))
    return p_C, *_bonett_price(gone_C / effect_C, new_C / effect_C, n_C / effect_C, alpha)


def _bonett_price(
    gone_C: FloatArray | IntArray,
    new_C: FloatArray | IntArray,
    n_C: FloatArray | IntArray,
    alpha: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the interval of Bonett & Price (2012), within −1 to 1."""
    size_C = n_C + 2
    worse_C, better_C = (new_C + 1) / size_C, (gone_C + 1) / size_C
    centre_C = worse_C - better_C
    spread_C = np.sqrt((worse_C + better_C - centre_C**2) / size_C)
    half_C = -float(scipy.special.ndtri(alpha / 2)) * spread_C
    return np.maximum(centre_C - half_C, -1.0), np.minimum(centre_C + half_C, 1.0)


def mcnemar_midp(before_N: npt.ArrayLike, after_N: npt.ArrayLike) -> float:
    """Return the two-sided mid-p McNemar p-value for two models on the same images.

    Recommended over the exact and the asymptotic test by Fagerland, Lydersen & Laake (2013). It
    compares these two trained models and says nothing about training them again.

    Parameters
    ----------
    before_N, after_N : array_like of bool, shape [N]
        Whether each model makes the error on each image.

    Returns
    -------
    float
        0 to 1; exactly 1 when the two models agree on every image.

    Raises
    ------
    JudgeError
        If the two differ in length or hold anything but true and false.
    """
    errors_before_N = whole_numbers("errors before", before_N, 1)
    after_flags_N = flags("errors after", after_N, errors_before_N.size)
    before_flags_N = flags("errors before", errors_before_N, errors_before_N.size)
    gone = int(np.count_nonzero(before_flags_N & ~after_flags_N))
    new = int(np.count_nonzero(~before_flags_N & after_flags_N))
    return float(_midp(np.array([gone]), np.array([new]))[0])


def _midp(gone_C: IntArray, new_C: IntArray) -> FloatArray:
    """Return mid-p McNemar p-values: both tails of the binomial, half of what was observed."""
    fewer_C, n_C = np.minimum(gone_C, new_C), gone_C + new_C
    as_few_C = scipy.special.bdtr(fewer_C, n_C, 0.5)
    fewer_still_C = np.where(
        fewer_C > 0, scipy.special.bdtr(np.maximum(fewer_C - 1, 0), n_C, 0.5), 0.0
    )
    p_C = np.where(gone_C == new_C, 1 - (as_few_C - fewer_still_C) / 2, as_few_C + fewer_still_C)
    p_values_C: FloatArray = np.where(n_C == 0, 1.0, p_C)
    return p_values_C
