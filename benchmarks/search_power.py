"""Searches of known candidates: is what works found, and does the proof keep its level.

1. *Planted candidates*: simulated searches by the same halving as `misread fix` among eight arms
   that do nothing, one that halves the target, one that trades it for its reverse and one that
   breaks other things; how often each is among the last three.
2. *All alike*: the same with arms that all do nothing. The best of every search is proven by
   other trainings on other images; and, for comparison, on the images that chose it.
3. *Trades*: moved boundaries and fixes at no price, and what the judge calls them.

Rates, how unlike images are and how much trainings lean are those that eight baselines of a search
on MNIST showed. `python benchmarks/search_power.py` takes some minutes, `--quick` some seconds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from common import Cell, Table, finish, machine, options, show
from misread.judge.counts import Counts, count_by_part
from misread.judge.effects import effects
from misread.judge.trade import Leans, shift_for, trade_of
from misread.study.halving import LAST, ExploreReadings, Rung, halving

Array = npt.NDArray[np.float64]
Errors = npt.NDArray[np.bool_]
CELL = (0, 1)
RATES = (0.0072, 0.0036, 0.0131)  # of 0→1, 1→0 and 2→0: those of 4→9, 9→4 and the rest
LEANS = (0.2, -0.37, 0.0)  # standard deviation of the logarithm of a training's rates, in step
SIZES = (2791, 2815, 22_864)  # images of the three classes on explore
AGAIN = 0.6  # chance that an image which one training misreads is misread by another
N_PROOF, PROOF_SEEDS = 1962, 10  # fours: confirm, and as many of what ten seeds hold out
SEEDS = (2, 4, 8)
NOTHING = (1.0, 1.0, 1.0)
PLANTED = {f"nothing {n}": NOTHING for n in range(1, 9)} | {
    "half": (0.5, 1.0, 1.0),
    "trade": (0.5, 1.5, 1.0),
    "harm": (0.6, 1.0, 1.6),
}


def chances(rng: np.random.Generator, n: int, rate: float) -> Array:
    """Return the chance of each of n images to be misread: of a beta distribution."""
    total = (1 - AGAIN) / (AGAIN - rate)
    return rng.beta(rate * total, (1 - rate) * total, n)


def errors(rng: np.random.Generator, chance_M: Array, times_S: Array) -> Errors:
    """Return the errors of one class, `[S,M]`, where a training has so many times the chances."""
    return rng.random((times_S.size, chance_M.size)) < np.minimum(chance_M * times_S[:, None], 1)


def leaning(rng: np.random.Generator, n_seeds: int) -> tuple[Array, ...]:
    """Return the factors of trainings on the three rates: who errs 0→1 more errs 1→0 less."""
    z_S = rng.normal(size=n_seeds)
    return tuple(np.exp(lean * z_S - lean**2 / 2) for lean in LEANS)


class Explored:
    """What arms of known effects read of *explore*, the same training for the same seed."""

    def __init__(self, rng: np.random.Generator, factors: Mapping[str, Sequence[float]]) -> None:
        chances_M = [chances(rng, n, rate) for n, rate in zip(SIZES, RATES, strict=True)]
        self.labels_M = np.repeat(np.arange(3), SIZES)
        other_M = np.repeat([1, 0, 0], SIZES)
        self.read = {}
        for arm, times in ({"baseline": NOTHING} | dict(factors)).items():
            leans = leaning(rng, SEEDS[-1])
            wrong = [
                errors(rng, p_M, k * lean_S)
                for p_M, k, lean_S in zip(chances_M, times, leans, strict=True)
            ]
            wrong_SM = np.concatenate(wrong, axis=1)
            self.read[arm] = np.where(wrong_SM, other_M, self.labels_M)

    def readings(self, arms: Sequence[str], n_seeds: int) -> dict[str, ExploreReadings]:
        """Return the readings of the first seeds."""
        return {arm: ExploreReadings(self.labels_M, self.read[arm][:n_seeds], {}) for arm in arms}

    def search(self) -> Rung:
        """Return the last rung of a search."""
        arms = [arm for arm in self.read if arm != "baseline"]
        return list(halving(arms, SEEDS, (CELL,), self.readings))[-1]


def counted(before_SN: Errors, after_SN: Errors) -> Counts:
    """Count one error of paired seeds that all read the same images."""
    return count_by_part(before_SN, after_SN, paired=True)


def planted(n_searches: int) -> Table:
    """Return how often each candidate is among the last three, and the best."""
    last, first = Counter[str](), Counter[str]()
    for number in range(n_searches):
        rung = Explored(np.random.default_rng(number), PLANTED).search()
        names = ["nothing" if s.arm.startswith("nothing") else s.arm for s in rung.arms[:LAST]]
        last.update(set(names))
        first[names[0]] += 1
    what = {
        "half": "−50%, nothing else",
        "trade": "−50%, the reverse +50%",
        "harm": "−40%, other errors +60%",
        "nothing": "nothing (the best of eight)",
    }
    return Table(
        title="Which candidate reaches the proof",
        n=f"{n_searches} searches of 11 candidates",
        columns=("candidate does", "among the last three", "the best"),
        rows=[(told, last[k] / n_searches, first[k] / n_searches) for k, told in what.items()],
    )


def alike(n_searches: int) -> Table:
    """Return how often the proof of the best arm rejects where all do nothing."""
    factors = {f"nothing {n}": NOTHING for n in range(11)}
    rejected = np.zeros(3)
    for number in range(n_searches):
        rng = np.random.default_rng(10_000 + number)
        explored = Explored(rng, factors)
        best = explored.search().arms[0].arm
        chance_N = chances(rng, N_PROOF, RATES[0])
        before, after = (errors(rng, chance_N, leaning(rng, PROOF_SEEDS)[0]) for _ in "ba")
        of_class_M = explored.labels_M == CELL[0]
        chosen = [explored.read[arm][:, of_class_M] == CELL[1] for arm in ("baseline", best)]
        proof, flattered = (effects(counted(*pair), 0.05)[0] for pair in ((before, after), chosen))
        rejected += (
            proof.p_value <= 0.05,
            proof.p_value <= 0.05 and proof.estimate < 0,
            flattered.p_value <= 0.05 and flattered.estimate < 0,
        )
    told = (
        "proof on other images, other seeds: p ≤ .05",
        "… of them with a fall: REDUCED where all is safe",
        "the best judged on the images that chose it: a fall with p ≤ .05",
    )
    return Table(
        title="All candidates alike",
        n=f"{n_searches} searches, each with a proof of {PROOF_SEEDS} seeds",
        columns=("what", "share"),
        rows=[(words, share / n_searches) for words, share in zip(told, rejected, strict=True)],
    )


def trades(n_studies: int) -> Table:
    """Return what the judge calls moved boundaries, and fixes that cost nothing."""
    rows: list[Sequence[Cell]] = []
    for saved in (1 / 3, 1 / 2):
        for pays, told in ((0.0, "fix at no price"), (1.0, "moved boundary")):
            answers = Counter[str]()
            for number in range(n_studies):
                rng = np.random.default_rng(number)
                u, v = (
                    rng.normal(-5, 2, 1000) + rng.normal(0, 0.3, (PROOF_SEEDS, 1000))
                    for _ in range(2)
                )
                shift = shift_for(tuple(u), float((u > 0).sum() * (1 - saved)))
                target = counted(u > 0, u > shift)
                reverse = counted(v > 0, v + pays * shift > 0)
                trade = trade_of(target, reverse, Leans(tuple(u), tuple(-v)), 0.05)
                answers[trade.answer if trade else "cannot be told"] += 1
            shares = (answers[k] / n_studies for k in ("learned", "traded", "cannot be told"))
            rows.append((f"{told}, saves {saved:.0%}", *shares))
    return Table(
        title="A fix or a trade",
        n=f"{n_studies} studies of {PROOF_SEEDS} seeds, about 7 errors a seed",
        columns=("what it is", "learned", "traded", "cannot be told"),
        rows=rows,
    )


def main() -> None:
    """Measure, print, and write JSON where asked."""
    chosen, facts = options(__doc__), machine("numpy", "scipy")
    n = 20 if chosen.quick else 200
    tables = []
    for table in (planted(n), alike(5 * n), trades(n)):
        show(table)
        tables.append(table)
    what = (
        "Simulated searches by the halving of `misread fix`, with errors as rare as those of 4→9, "
        "the proof that follows, and what the judge calls a trade."
    )
    finish(chosen, "Searches and trades with a known answer", what, tables, facts)


if __name__ == "__main__":
    main()
