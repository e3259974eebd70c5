"""The judge tried on studies whose answer is known: how often it is wrong, and how often it finds.

For every world, design and truth many studies are simulated (`misread.simulate.worlds`) and judged
by `misread.judge.effects.effects`, the same code that judges real ones.
"""

import hashlib
import itertools
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from misread.files import Frozen
from misread.judge.counts import count_by_part
from misread.judge.effects import Effect, effects
from misread.judge.groups import Groups
from misread.judge.layout import HeldOut
from misread.judge.measure import groups_of
from misread.judge.pooled import usual_weight
from misread.seeds import derive
from misread.simulate.worlds import WORLDS, Design, World, draw, read_by, writers_of

ALPHA = 0.05
ROOT = 1  # of all random streams here
ERRORS = (3, 8, 30, 80)
REDUCTIONS = (0.0, 0.3, 0.5)
_BATCH = 50  # studies judged at once


Key = tuple[str, bool, int, float, float, int]


class Outcome(Frozen):
    """Answers of the judge in many studies of one kind."""

    world: str  # its name
    paired: bool  # seeds were paired
    n_seeds: int  # trainings of each arm
    errors: float  # expected per training before
    reduction: float  # true and relative; 0: none
    n_images: int
    replicates: int  # studies simulated
    significant: int  # studies with p ≤ alpha
    fewer: int  # those of them with fewer errors after
    covered: int  # studies whose interval holds the truth

    @property
    def key(self) -> Key:
        """Key that no other of the same calibration has."""
        sizes = self.n_seeds, self.errors, self.reduction, self.n_images
        return self.world, self.paired, *sizes

    @property
    def rate(self) -> float:
        """The false-positive rate without an effect; the power with one."""
        count = self.fewer if self.reduction else self.significant
        return count / self.replicates

    @property
    def coverage(self) -> float:
        """Share of intervals that hold the truth."""
        return self.covered / self.replicates

    @property
    def words(self) -> str:
        """The kind of study, in words."""
        truth = f"true −{self.reduction:.0%}" if self.reduction else "no effect"
        pairs = "paired" if self.paired else "unpaired"
        return f"{self.world}, {self.n_seeds} {pairs} seeds, {self.errors:g} errors, {truth}"


class Calibration(Frozen):
    """Outcomes of one judge, and what they depend on: it can be resumed only with the same."""

    method: str  # `method_id` of the judge
    worlds: tuple[World, ...] = WORLDS  # what was simulated
    replicates: int  # studies of each kind
    root: int = ROOT  # of their random streams
    alpha: float = ALPHA  # level of tests and intervals
    seconds: float = 0.0  # processor time, added up over processes
    outcomes: tuple[Outcome, ...] = ()  # in the order of `settings`, as far as they are finished

    def same_kind(self, other: "Calibration") -> bool:
        """Say whether `other` would continue this one."""
        results: dict[str, Any] = {"seconds": 0.0, "outcomes": ()}
        return self.model_copy(update=results) == other.model_copy(update=results)

    def of(self, kinds: "Sequence[Setting]") -> "Calibration":
        """Return only the outcomes of these settings, in their order."""
        done = {outcome.key: outcome for outcome in self.outcomes}
        outcomes = tuple(done[kind.key] for kind in kinds if kind.key in done)
        return self.model_copy(update={"outcomes": outcomes})

    def with_outcome(self, outcome: Outcome, seconds: float) -> "Calibration":
        """Return this with one more outcome."""
        update = {"outcomes": (*self.outcomes, outcome), "seconds": self.seconds + seconds}
        return self.model_copy(update=update)


class Setting(NamedTuple):
    """One kind of study."""

    world: World
    design: Design

    @property
    def key(self) -> Key:
        """Key that no other of the same calibration has."""
        d = self.design
        return (self.world.name, d.paired, d.n_seeds, d.errors, d.reduction, d.n_images)

    @property
    def name(self) -> str:
        """Its random stream; it leaves out how studies are judged, so that methods compare."""
        d = self.design
        return (
            f"{self.world} seeds={d.n_seeds} errors={d.errors:g} reduction={d.reduction:g} "
            f"images={d.n_images} {'paired' if d.paired else 'unpaired'}"
            f"{f' and {d.n_select} held out' if d.n_select else ''}"
            f"{f' against {d.n_after}' if d.n_after else ''}"
        )


def settings(
    n_seeds: Sequence[int],
    *,
    errors: Sequence[float] = ERRORS,
    reductions: Sequence[float] = REDUCTIONS,
    paired: Sequence[bool] = (True, False),
) -> list[Setting]:
    """Return every combination of worlds, seeds, errors, reductions and ways to pair seeds.

    `n_seeds` are trainings per arm, `errors` expected ones per training before, `reductions` true
    and relative ones, 0 for none. They come in the order of the tables.
    """
    return [
        Setting(world, Design(n, float(count), reduction, pair))
        for pair in paired
        for reduction in reductions
        for world in WORLDS
        for n in n_seeds
        for count in errors
    ]


def simulate(
    setting: Setting, replicates: int, root: int = ROOT, *, grouped: bool = False
) -> Outcome:
    """Return how the judge does in `replicates` studies of one kind.

    The same `root` of the random stream gives the same studies, whatever else runs; where
    `grouped`, the judge is told which images are of one writer.
    """
    rng = derive(root, setting.name)
    truth = setting.design.effect
    significant = fewer = covered = 0
    for start in range(0, replicates, _BATCH):
        for effect in judged(setting, min(_BATCH, replicates - start), rng, grouped=grouped):
            shows = effect.p_value <= ALPHA
            significant += shows
            fewer += shows and effect.estimate < 0
            covered += effect.low <= truth <= effect.high
    design = setting.design
    return Outcome(
        world=setting.world.name,
        paired=design.paired,
        n_seeds=design.n_seeds,
        errors=design.errors,
        reduction=design.reduction,
        n_images=design.n_images,
        replicates=replicates,
        significant=significant,
        fewer=fewer,
        covered=covered,
    )


def simulate_timed(setting: Setting, replicates: int) -> tuple[Outcome, float]:
    """Return what `simulate` returns, and the seconds of processor time that it took."""
    began = time.process_time()
    return simulate(setting, replicates), time.process_time() - began


def judged(
    setting: Setting, n_studies: int, rng: np.random.Generator, *, grouped: bool = False
) -> list[Effect]:
    """Return the effects that the judge sees in `n_studies` simulated studies."""
    n_images, paired = setting.design.n_all, setting.design.paired
    studies = [draw(setting.world, setting.design, rng) for _ in range(n_studies)]
    before_SM, after_SM = (np.concatenate(arm, axis=1) for arm in zip(*studies, strict=True))
    held = None
    if setting.design.n_select:
        reads_SN, reads_TN = (read_by(setting.design, arm) for arm in range(2))
        weight = usual_weight(HeldOut(reads_SN, reads_TN, 1.0), setting.design.n_arms)
        held = HeldOut(np.tile(reads_SN, n_studies), np.tile(reads_TN, n_studies), weight)
    writers = None
    if grouped:
        writers_N, class_N = writers_of(n_images), np.zeros(n_images, dtype=np.int64)
        known = [groups_of(class_N, writers_N, *study, paired=paired) for study in studies]
        alike = np.array([groups.design_effect for groups in known])
        writers = Groups(np.tile(writers_N, n_studies), alike)
    study_M = np.repeat(np.arange(n_studies), n_images)
    counts = count_by_part(before_SM, after_SM, study_M, paired=paired, groups=writers, held=held)
    return effects(counts, ALPHA)


def method_id() -> str:
    """Return 12 hex digits that change when the judge answers otherwise on fixed studies."""
    rng = derive(ROOT, "method")
    answers = []
    for n_seeds, paired in itertools.product((2, 3, 4, 8), (True, False)):
        rate_M = rng.random(30 * 40) ** 4 * np.repeat(rng.random(30), 40)
        before_SM, after_SM = rng.random((2, n_seeds, rate_M.size)) < rate_M
        group_M = np.repeat(np.arange(30), 40)
        answers += [
            f"{effect.p_value:.6g} {effect.low:.6g} {effect.high:.6g}"
            for effect in effects(count_by_part(before_SM, after_SM, group_M, paired=paired), ALPHA)
        ]
    return hashlib.sha256("\n".join(answers).encode()).hexdigest()[:12]
