"""How often does `misread explain` see a change of maps where there is none? For docs/explain.md.

    python experiments/null_maps.py runs/four-nine-proof [--pairs 2000]  (five minutes)

Counts null pairs that show anything: simulated ones, and real ones, of a study that `misread
explain` has explained and whose arm `again` is the baseline with other weights. Its two arms are
dealt anew for each pair: any split of the same trainings is one without a difference.
"""

from collections.abc import Callable

import numpy as np
from rich.progress import track
from shared import DOCS, asked, table, write_block

from misread.explain.noise import Floats, map_change, relative
from misread.files import read_arrays
from misread.seeds import derive
from misread.wording import percent

SEEDS = (6, 7, 10)
Pair = tuple[Floats, Floats]


def main() -> None:
    """Count, and write the table."""
    options = asked(__doc__, folders=True, pairs=2000)
    stored = read_arrays(options.folders[0] / "explain" / "explain.npz")
    models_SNHW = relative(np.concatenate([stored["baseline"], stored["again"]]))
    rng = derive(0, "null pairs")
    rows = []
    for n_seeds in SEEDS:

        def simulated(n: int = n_seeds) -> Pair:
            scale = rng.gamma(1, 1, (1, 4, 9, 9))  # pixels are unlike, and move together
            both = rng.normal(size=(2, n, 4, 9, 9)) * scale + rng.normal(size=(2, n, 1, 1, 1))
            return both[0], both[1]

        def real(n: int = n_seeds) -> Pair:
            dealt = models_SNHW[rng.permutation(len(models_SNHW))]
            return dealt[:n], dealt[n : 2 * n]

        level = percent(2 * (2**n_seeds // 40) / 2**n_seeds)  # exchanges come in pairs
        for name, draw in (("simulated", simulated), (f"{len(models_SNHW)} real networks", real)):
            shown = count(draw, options.pairs, f"{name}, {n_seeds} seeds")
            share = percent(shown / options.pairs)
            rows.append((f"{name}, {n_seeds} seeds a side", f"{options.pairs:,}", share, level))
    heads = ("Null pairs", "Pairs", "Show anything", "Level of the test")
    write_block(DOCS / "explain.md", table(heads, rows))


def count(draw: Callable[[], Pair], n_pairs: int, name: str) -> int:
    """Return how many of the pairs show a change in any pixel of any image."""
    pairs = track(range(n_pairs), name)
    return sum(bool(map_change(*draw()).holds_NHW.any()) for _ in pairs)


if __name__ == "__main__":
    main()
