"""Named, stable random streams.

Every random choice draws from a stream that is named after what it decides ("weights", "order",
"augment"…), so that adding a choice never moves another one, and two arms with the same seed share
all the streams that do not belong to their difference.
"""

import hashlib

import numpy as np


def derive(root: int, name: str, index: int = 0) -> np.random.Generator:
    """Return the random stream that decides `name`, number `index`, of the seed `root`.

    The index, at least 0 as the seed is, tells apart several such streams: an epoch, a layer. It is
    PCG64, seeded by numpy's SeedSequence: the same on every platform.

    >>> int(derive(42, "order", 3).integers(1000)) == int(derive(42, "order", 3).integers(1000))
    True
    """
    digest = hashlib.sha256(name.encode()).digest()[:16]
    entropy = [root, *np.frombuffer(digest, dtype="<u4").tolist(), index]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def derive_int(root: int, name: str, index: int = 0) -> int:
    """Return a seed in [0, 2³¹) for a library that takes its seeds as integers."""
    return int(derive(root, name, index).integers(2**31))
