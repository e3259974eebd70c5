"""Permutation tests that strata, or a few groups, hold more of a cell's errors than by chance.

References
----------
Pitman (1937), Significance tests which may be applied to samples from any populations,
*Supplement to JRSS* 4.
Phipson & Smyth (2010), Permutation p-values should never be zero, *Statistical Applications in
Genetics and Molecular Biology* 9:39.
Winkler, Webster, Vidaurre, Nichols & Smith (2015), Multi-level block permutation, *NeuroImage* 123.
Benjamini & Hochberg (1995), Controlling the false discovery rate, *JRSS B* 57.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.files import Frozen
from misread.judge.checks import BoolArray, FloatArray, IntArray
from misread.judge.effects import benjamini_hochberg
from misread.judge.strata import refuse_misfits

N_DRAWS = 4_999
_AT_ONCE = 2_000_000  # images of all draws that are shuffled together
_TOP = 40  # groups that a curve of concentration has at most


class Explanation(Frozen):
    """The stratum of a measure that holds most of a cell's errors for its size; shares are 0 to 1.

    By `chance` it would hold more than its `size`, for it is the worst of several strata.
    """

    measure: str  # the property by which images were dealt into strata
    stratum: int  # its number
    n_images: int  # its images
    share: float  # of the errors over all seeds
    size: float  # the share of the images that it holds
    chance: float  # mean share of the worst stratum if the measure had nothing to do with errors
    p_value: float  # chance of a stratum as bad as this
    q_value: float  # the same after Benjamini & Hochberg (1995) over the measures


class Concentration(Frozen):
    """The few groups that a cell's errors are in, against images dealt to groups by chance.

    By chance the same errors fall on any images, each group having as many images as it has; low
    and high are 2.5% and 97.5% quantiles. `half` are the groups that make half of the errors, those
    with most errors first.
    """

    n_groups: int  # that have images
    n_with_errors: int  # with an error in any seed
    with_chance: float  # its mean by chance
    with_p: float  # chance of as few
    half: int
    half_chance: float  # its mean by chance
    half_low: float
    half_high: float
    p_value: float  # chance of a `half` as small
    top: tuple[int, ...]  # with errors, most first, at most 40
    share_K: tuple[float, ...]  # of the errors in the first k groups
    chance_K: tuple[float, ...]  # its mean by chance
    low_K: tuple[float, ...]
    high_K: tuple[float, ...]


def explanations(
    strata: Mapping[str, IntArray],
    wrong_SN: BoolArray,
    rng: np.random.Generator,
    *,
    blocks_N: IntArray | None = None,
    n_draws: int = N_DRAWS,
) -> tuple[Explanation, ...]:
    """Rank measures by how far one of their strata holds more of the errors than chance gives it.

    The statistic of a measure is the largest excess of a stratum: its share of the errors less its
    share of the images, over the standard deviation ``sqrt(share · (1 − share))`` that makes strata
    of unequal size comparable. Its distribution is found by permutation (Pitman 1937): the images
    keep their strata and swap their errors, all seeds of an image together, for the seeds are
    readings of one sample of images. Where images come in blocks (those of a writer resemble each
    other), blocks of equal size swap as wholes (Winkler et al. 2015). ``p = (b + 1) / (m + 1)``
    (Phipson & Smyth 2010). The smallest p comes first, then the largest share over chance; none
    without errors.

    Parameters
    ----------
    strata : mapping of str to ndarray of int, shape [N]
        Measure → the stratum of each image of the cell's class; −1 where it has none.
    wrong_SN : ndarray of bool, shape [S, N]
        Which readings are the error; JudgeError if shapes do not fit.
    rng : numpy.random.Generator
        Draws the permutations.
    blocks_N, n_draws : ndarray of int, shape [N], optional, and int
        Block of each image, by default each is its own; and m, 1 or more.
    """
    refuse_misfits(strata, wrong_SN.shape[-1])
    times_N = wrong_SN.sum(axis=0).astype(np.float64)
    total = times_N.sum()
    columns = [
        (measure, int(number))
        for measure, stratum_N in strata.items()
        for number in np.unique(stratum_N[stratum_N >= 0])
    ]
    if total == 0 or not columns:
        return ()
    member_NC = np.stack([strata[name] == number for name, number in columns], axis=1).astype(float)
    size_C = member_NC.mean(axis=0)
    spread_C = np.sqrt(np.maximum(size_C * (1 - size_C), 1e-12))
    shuffles = _shuffles(times_N, blocks_N, rng, n_draws)
    chance_RC = np.concatenate([times_N[places_RN] @ member_NC / total for places_RN in shuffles])
    share_C = times_N @ member_NC / total
    rows = []
    for measure in dict.fromkeys(name for name, _ in columns):
        at = np.array([c for c, (name, _) in enumerate(columns) if name == measure])
        excess = (share_C[at] - size_C[at]) / spread_C[at]
        worst = int(excess.argmax())
        drawn = (chance_RC[:, at] - size_C[at]) / spread_C[at]
        p_value = (1 + int((drawn.max(axis=1) >= excess[worst] - 1e-9).sum())) / (1 + n_draws)
        chance = float(chance_RC[np.arange(n_draws), at[drawn.argmax(axis=1)]].mean())
        rows.append((int(at[worst]), chance, p_value))
    q_values = benjamini_hochberg([p_value for _, _, p_value in rows])
    ranked = [
        Explanation(
            measure=columns[c][0],
            stratum=columns[c][1],
            n_images=int(member_NC[:, c].sum()),
            share=float(share_C[c]),
            size=float(size_C[c]),
            chance=chance,
            p_value=p_value,
            q_value=q_value,
        )
        for (c, chance, p_value), q_value in zip(rows, q_values, strict=True)
    ]
    return tuple(sorted(ranked, key=lambda e: (e.p_value, e.chance - e.share)))


def concentration(
    groups_N: IntArray,
    wrong_SN: BoolArray,
    rng: np.random.Generator,
    *,
    n_draws: int = N_DRAWS,
) -> Concentration | None:
    """Return in how few groups the errors are, and in how few they would be by chance.

    By chance, the images swap their errors (all seeds of an image together), and the groups keep
    their images. A group that wrote many images has many errors by that alone, and an image that
    every seed misreads is a heavy one wherever it falls. None where there are no errors.

    Parameters
    ----------
    groups_N : ndarray of int, shape [N]
        Group (writer) of each image of the cell's class.
    wrong_SN : ndarray of bool, shape [S, N]
        Which readings are the error; JudgeError if shapes do not fit.
    rng, n_draws : numpy.random.Generator, int
        What draws the permutations, and how many, 1 or more.
    """
    refuse_misfits({"the groups": groups_N}, wrong_SN.shape[-1])
    times_N = wrong_SN.sum(axis=0).astype(np.float64)
    if not times_N.any():
        return None
    names, group_N = np.unique(groups_N, return_inverse=True)
    errors_G = np.bincount(group_N, weights=times_N, minlength=names.size)
    order = np.argsort(-errors_G, kind="stable")
    n_with = int((errors_G > 0).sum())
    n_top = min(_TOP, n_with)
    curves, half_R, with_R = [], [], []
    for places_RN in _shuffles(times_N, None, rng, n_draws):
        for places_N in places_RN:
            drawn_G = np.bincount(group_N, weights=times_N[places_N], minlength=names.size)
            with_R.append(np.count_nonzero(drawn_G))
            shares_G = _shares(drawn_G)
            half_R.append(_half(shares_G))
            curves.append(shares_G[:n_top])
    share_RK, share_K = np.stack(curves), _shares(errors_G)[:n_top]
    half = _half(_shares(errors_G))
    half_low, half_high = np.quantile(half_R, [0.025, 0.975])
    low_K, high_K = np.quantile(share_RK, [0.025, 0.975], axis=0)
    return Concentration(
        n_groups=names.size,
        n_with_errors=n_with,
        with_chance=float(np.mean(with_R)),
        with_p=(1 + int((np.array(with_R) <= n_with).sum())) / (1 + n_draws),
        half=half,
        half_chance=float(np.mean(half_R)),
        half_low=float(half_low),
        half_high=float(half_high),
        p_value=(1 + int((np.array(half_R) <= half).sum())) / (1 + n_draws),
        top=tuple(names[order[:n_top]].tolist()),
        share_K=tuple(share_K.tolist()),
        chance_K=tuple(share_RK.mean(axis=0).tolist()),
        low_K=tuple(low_K.tolist()),
        high_K=tuple(high_K.tolist()),
    )


def _shares(errors_G: npt.NDArray[Any]) -> FloatArray:
    """Return the share of the errors in the first k groups, those with most errors first."""
    shares_G: FloatArray = np.sort(errors_G)[::-1].cumsum() / errors_G.sum()
    return shares_G


def _half(shares_G: FloatArray) -> int:
    """Return the number of groups that make half of the errors."""
    return int((shares_G < 0.5 - 1e-9).sum()) + 1


def _shuffles(
    values_N: FloatArray, blocks_N: IntArray | None, rng: np.random.Generator, n_draws: int
) -> Iterator[IntArray]:
    """Yield permutations `[R,N]`: whole blocks of equal size swap, and images within a block."""
    n_images = values_N.size
    block_N = (
        np.arange(n_images) if blocks_N is None else np.unique(blocks_N, return_inverse=True)[1]
    )
    n_B = np.bincount(block_N)
    by_block = np.argsort(block_N, kind="stable")
    of_size = {m: by_block[(n_B[block_N] == m)[by_block]].reshape(-1, m) for m in np.unique(n_B)}
    left = n_draws
    while left:
        n_now = min(left, max(1, _AT_ONCE // n_images))
        places_RN = np.empty((n_now, n_images), dtype=np.int64)
        for m, members_BM in of_size.items():
            taken = rng.permuted(np.tile(np.arange(len(members_BM)), (n_now, 1)), axis=1)
            from_RBM = members_BM[taken]
            if m > 1:
                from_RBM = rng.permuted(from_RBM, axis=2)
            places_RN[:, members_BM.ravel()] = from_RBM.reshape(n_now, -1)
        yield places_RN
        left -= n_now
