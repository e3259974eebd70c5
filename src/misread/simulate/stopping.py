"""Rules for adding seeds, tried on studies whose answer is known.

For every world, number of errors and truth many studies of the most seeds are simulated
(`misread.simulate.worlds`), and each is judged by every rule, look by look, by the same code that
judges real ones. So rules are compared on the same studies.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy

from misread.files import Frozen
from misread.judge.checks import BoolArray, FloatArray, IntArray
from misread.judge.counts import Counts, count_by_part
from misread.judge.effects import effects
from misread.judge.looks import LEAST_SEEDS, Adaptive, Spending, chance_left
from misread.judge.variance import components_of
from misread.seeds import derive
from misread.simulate.calibrate import ALPHA, ROOT, Setting, settings
from misread.simulate.worlds import Design, draw

ERRORS = (5, 8, 30)
REDUCTIONS = (0.0, 0.3, 0.6)
ASKED = 0.3
_BATCH = 50  # studies judged at once


class Rule(NamedTuple):
    """Looks at a study, the level of each, and when it is given up."""

    name: str  # for tables
    looks: tuple[int, ...]  # seeds at each look
    levels: tuple[float, ...]  # two-sided, of each look
    futility: float = 0.0  # given up below this chance of still showing a reduction; 0 never


def rules() -> tuple[Rule, ...]:
    """Return the rules that are compared, the one of `--adaptive` last.

    Among them no plan at all: a look after every seed, each at .05; and the anytime-valid one, also
    after every seed: Robbins' (1970, *Annals of Mathematical Statistics* 41) normal mixture, best
    at half of the seeds, as the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha,
    Kennedy & Ramdas (2024, *Annals of Statistics* 52).
    """
    adaptive = Adaptive()
    looks, most = adaptive.looks, adaptive.most
    every = tuple(range(min(LEAST_SEEDS, most), most + 1))

    def planned(name: str, **changes: object) -> Rule:
        plan = adaptive.model_copy(update=changes)
        return Rule(name, looks, plan.levels(ALPHA), plan.futility)

    names: dict[Spending, str] = {
        "pocock": "Pocock",
        "obrien-fleming": "O'Brien–Fleming",
        "cubic": "cubic",
    }
    return (
        Rule(f"one look at {most}", (most,), (ALPHA,)),
        Rule("every seed at .05", every, (ALPHA,) * len(every)),
        Rule(f"{len(looks)} looks at .05", looks, (ALPHA,) * len(looks)),
        Rule("anytime-valid", every, _anytime(every, most / 2)),
        *(planned(name, spending=by, futility=0.0) for by, name in names.items()),
        *(planned(f"{name}, give up", spending=by) for by, name in names.items()),
    )


def _anytime(looks: Sequence[int], best: float) -> tuple[float, ...]:
    """Return the levels at which a normal mixture, tightest at `best` seeds, rejects."""
    twice = -2 * math.log(ALPHA)
    spread = (twice + math.log(twice + 1)) / best
    bounds = [
        math.sqrt((1 + 1 / (n * spread)) * math.log((n * spread + 1) / ALPHA**2)) for n in looks
    ]
    return tuple(2 * float(scipy.special.ndtr(-bound)) for bound in bounds)


class Stopped(Frozen):
    """Answers by a rule in many studies of one kind.

    Intervals are those at the look where a study stopped, at its level.
    """

    rule: str
    world: str
    errors: float  # expected per training before
    reduction: float  # true and relative; 0: none
    replicates: int  # studies simulated
    found: int  # studies that showed a change at some look
    fewer: int  # those of them with fewer errors after
    covered: int  # studies whose interval holds the truth
    seeds: int  # of an arm, over all studies

    @property
    def rate(self) -> float:
        """The false-positive rate without an effect; the power with one."""
        return (self.fewer if self.reduction else self.found) / self.replicates

    @property
    def coverage(self) -> float:
        """Share of intervals that hold the truth."""
        return self.covered / self.replicates

    @property
    def mean_seeds(self) -> float:
        """Seeds of an arm until it stops, on average."""
        return self.seeds / self.replicates


def stopping_settings(most: int) -> list[Setting]:
    """Return every kind of study that the rules are tried on, with so many seeds at most."""
    return settings([most], errors=ERRORS, reductions=REDUCTIONS, paired=[True])


def simulate_rules(
    setting: Setting, tried: Sequence[Rule], replicates: int, root: int = ROOT
) -> list[Stopped]:
    """Return how each rule does in the same `replicates` studies of one kind.

    `setting` has the most seeds, beyond which no rule looks. The same `root` of the random stream
    gives the same studies, whatever else runs.
    """
    rng = derive(root, f"stopping {setting.name}")
    looks = sorted({n for rule in tried for n in rule.looks})
    counts = {rule.name: np.zeros(4, dtype=np.int64) for rule in tried}
    for start in range(0, replicates, _BATCH):
        size = min(_BATCH, replicates - start)
        studies = [draw(setting.world, setting.design, rng) for _ in range(size)]
        before_BSN, after_BSN = (np.stack(arm) for arm in zip(*studies, strict=True))
        seen = dict(zip(looks, of_first_seeds(before_BSN, after_BSN, looks), strict=True))
        for rule in tried:
            counts[rule.name] += _stopped(rule, seen, setting.design)
    return [
        Stopped(
            rule=rule.name,
            world=setting.world.name,
            errors=setting.design.errors,
            reduction=setting.design.reduction,
            replicates=replicates,
            **dict(
                zip(("found", "fewer", "covered", "seeds"), counts[rule.name].tolist(), strict=True)
            ),
        )
        for rule in tried
    ]


def of_first_seeds(
    before_BSN: BoolArray, after_BSN: BoolArray, looks: Sequence[int]
) -> Iterator[Counts]:
    """Yield the counts of B paired studies with only the first seeds, for each number of them."""
    n_studies, _, n_images = before_BSN.shape
    study_M = np.repeat(np.arange(n_studies), n_images)
    for n in looks:
        before_SM, after_SM = (
            arm[:, :n].swapaxes(0, 1).reshape(n, -1) for arm in (before_BSN, after_BSN)
        )
        yield count_by_part(before_SM, after_SM, study_M, paired=True)


def _stopped(rule: Rule, seen: dict[int, Counts], design: Design) -> IntArray:
    """Return how many of a batch were found, found with fewer errors, covered; and the seeds."""
    goes_on = np.ones(len(next(iter(seen.values())).n_images_C), dtype=np.bool_)
    found = fewer = covered = n_seeds = 0
    for number, (n, level) in enumerate(zip(rule.looks, rule.levels, strict=True)):
        judged = effects(seen[n], level)
        shows_B = np.array([effect.p_value <= level for effect in judged])
        falls_B = np.array([effect.estimate < 0 for effect in judged])
        holds_B = np.array([effect.low <= design.effect <= effect.high for effect in judged])
        stops_B = shows_B | (number == len(rule.looks) - 1)
        if rule.futility:
            asked_B = ASKED * seen[n].before_CS.mean(axis=1) / design.n_images
            excluded_B = np.array([effect.low for effect in judged]) > -asked_B
            chances_B = _chances(seen[n], n, rule)
            stops_B |= (chances_B < rule.futility) | (excluded_B & ~np.isinf(chances_B))
        stops_B &= goes_on
        found += int((stops_B & shows_B).sum())
        fewer += int((stops_B & shows_B & falls_B).sum())
        covered += int((stops_B & holds_B).sum())
        n_seeds += n * int(stops_B.sum())
        goes_on &= ~stops_B
    return np.array([found, fewer, covered, n_seeds])


def _chances(counts: Counts, n_seeds: int, rule: Rule) -> FloatArray:
    """Return the chance that each study still shows a reduction; infinite where none is known."""
    n_images = int(counts.n_images_C[0])
    size, level = n_seeds * n_images, rule.levels[-1]
    before_B, after_B = (arm_CS.sum(axis=1) for arm_CS in (counts.before_CS, counts.after_CT))
    seeds = n_seeds, rule.looks[-1]
    rows = zip(components_of(counts, ALPHA), before_B / size, after_B / size, strict=True)
    return np.array(
        [
            np.inf
            if components is None
            else chance_left(components, n_images, after - before, ASKED * before, seeds, level)
            for components, before, after in rows
        ]
    )
