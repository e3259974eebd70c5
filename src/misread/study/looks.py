"""Looks of a study: where they stand unless it names them, and the seeds that they need."""

import math
from collections.abc import Mapping, Sequence
from itertools import count, islice
from typing import Any

from misread.judge import LEAST_SEEDS, Adaptive

_SMOKE_LOOKS = (2, 3)


def with_looks(
    spec: Mapping[str, Any], seeds: Sequence[int], *, smoke: bool = False
) -> dict[str, Any]:
    """Return what an adaptive study has instead of its own looks and seeds.

    Where no looks are named, they stand at quarters of the seeds; a study of fewer than ten goes to
    20. Seeds that are missing up to the last look are filled up by 1, 2, … as far as they are free.

    Parameters
    ----------
    spec
        The table ``[adaptive]`` of the study's TOML, not checked yet.
    seeds
        Of the study.
    smoke
        Looks are then at two and at three seeds, whatever the table says.

    Returns
    -------
    dict
        ``adaptive`` and ``seeds``.

    Examples
    --------
    >>> with_looks({}, range(30))["adaptive"]
    {'looks': (8, 15, 23, 30)}
    >>> with_looks({"looks": [5, 7]}, [42, 1])["seeds"]
    (42, 1, 2, 3, 4, 5, 6)
    """
    quarters = {max(LEAST_SEEDS, math.ceil(len(seeds) * k / 4)) for k in (1, 2, 3, 4)}
    many = len(seeds) >= 2 * LEAST_SEEDS
    looks = spec.get("looks", tuple(sorted(quarters)) if many else Adaptive().looks)
    if smoke:
        looks = _SMOKE_LOOKS
    most = looks[-1] if isinstance(looks, list | tuple) and looks else 0
    free = (seed for seed in count(1) if seed not in seeds)
    more = islice(free, max(most - len(seeds), 0)) if isinstance(most, int) else ()
    return {"adaptive": {**spec, "looks": looks}, "seeds": (*seeds, *more)}


def check_looks(adaptive: Adaptive | None, n_seeds: int, *, smoke: bool = False) -> None:
    """Refuse looks that do not fit the seeds.

    Raises
    ------
    ValueError
        If the last look is not at all of them, or the first is too early to judge.
    """
    if adaptive is None:
        return
    if adaptive.most != n_seeds:
        msg = f"the last look is at {adaptive.most} of {n_seeds} seeds; it must be at all of them"
        raise ValueError(msg)
    if adaptive.looks[0] < LEAST_SEEDS and not smoke:
        msg = (
            f"the first look is at {adaptive.looks[0]} seeds, and with so few hardly anything is "
            f"known; look first at {LEAST_SEEDS} or more"
        )
        raise ValueError(msg)
