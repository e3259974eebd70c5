"""Results of a study broken down by the shape of the images, and by who wrote them.

Computed from what the arms read in *confirm*; no model is asked again. All of it is exploratory: it
is in no plan, and it gates no verdict.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.dataset import Dataset
from misread.files import Frozen
from misread.images import Floats
from misread.images.shape import MEASURES, shapes
from misread.judge.permutation import Concentration, Explanation, concentration, explanations
from misread.judge.strata import Stratum, quantile_strata, rates_by_stratum
from misread.seeds import derive

N_STRATA = 5
NOT_PLANNED = "slices by shape and by writer are in no plan"
MOST_GROUPS = 12  # more than these are people, not kinds of people
WRITTEN_BY = "writers"
_N_EXAMPLES = 4
_N_DRAWS = 1_999  # of all errors together, where p-values need no third digit

Predictions = Mapping[str, npt.NDArray[np.integer[Any]]]
Ints = npt.NDArray[np.int64]


class ShapeSlices(Frozen):
    """One measure of shape, in fifths of each class.

    `low` and `high` are places in *confirm* of examples of the cell's class: from the 2% with the
    least of the measure, and the 2% with the most.
    """

    measure: str  # a key of `images.shape.MEASURES`
    edges: tuple[float, ...]  # least, the four limits between fifths, largest, of the cell's class
    cell: tuple[Stratum, ...]  # rate of the cell in its class, per fifth
    all: tuple[Stratum, ...]  # rate of all errors on all images, per fifth
    low: tuple[int, ...]
    high: tuple[int, ...]


class Writer(Frozen):
    """A writer with errors of the cell: images of its class, and the baseline's errors per seed."""

    writer: int
    group: str
    n_images: int
    errors_per_seed: float
    images: tuple[int, ...]  # places in *confirm* of those that any seed misreads so


class WriterSlices(Frozen):
    """Errors by the writers of the images."""

    groups: tuple[str, ...]  # kinds of writers, in the order of the strata; () where none are known
    cell: tuple[Stratum, ...]  # as in `ShapeSlices`, per group
    all: tuple[Stratum, ...]
    cell_concentration: Concentration | None  # of the baseline's errors; None where it makes none
    all_concentration: Concentration | None
    writers: tuple[Writer, ...]  # with errors of the cell, most errors first, at most 40


class Slices(Frozen):
    """The readings of *confirm* slice by slice; `slices.json`.

    `explained` ranks the measures by how far one of their fifths holds more of an arm's errors than
    chance; it is empty where an arm makes none.
    """

    cell: tuple[int, int]  # the confusion i→j that is looked at
    class_names: tuple[str, ...]
    n_images: int  # of class i
    alpha: float  # of the intervals
    errors_per_seed: dict[str, float]  # arm → mean errors of the cell; the baseline is first
    explained: dict[str, tuple[Explanation, ...]]
    shape: tuple[ShapeSlices, ...]  # in the order of the baseline's ranking
    written: WriterSlices | None  # None where the dataset names no writers

    @property
    def cell_name(self) -> str:
        """The cell, as in "4→9"."""
        return "→".join(self.class_names[k] for k in self.cell)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, the baseline first."""
        return tuple(self.errors_per_seed)

    @property
    def baseline(self) -> str:
        """The arm that the others are held against."""
        return self.arms[0]


def slice_up(
    confirm: Dataset,
    predictions: Predictions,
    cell: tuple[int, int],
    *,
    alpha: float = 0.05,
) -> Slices:
    """Break the readings of *confirm* down by shape and by writer.

    `predictions` has `uint8 [S,N]` of each arm, the baseline first; an arm with fewer seeds has the
    first ones. The same readings give the same slices: the permutations have a stream of their own.
    """
    true, predicted = cell
    values, labels_N = shapes(confirm.images), confirm.labels_N
    of_class = np.flatnonzero(labels_N == true)
    hit = {arm: preds_SN[:, of_class] == predicted for arm, preds_SN in predictions.items()}
    wrong = {arm: preds_SN != labels_N for arm, preds_SN in predictions.items()}
    strata = {name: quantile_strata(values[name], labels_N, N_STRATA) for name in MEASURES}
    kinds, kind_N = _kinds(confirm)
    by_kind = {WRITTEN_BY: kind_N} if kinds else {}
    class_strata = {name: stratum_N[of_class] for name, stratum_N in (strata | by_kind).items()}
    writers_M = None if confirm.groups_N is None else confirm.groups_N[of_class]
    cell_rates = rates_by_stratum(class_strata, hit, alpha, writers_M)
    all_rates = rates_by_stratum(strata | by_kind, wrong, alpha, confirm.groups_N)
    of_shape = {name: class_strata[name] for name in MEASURES}
    explained = {
        arm: explanations(of_shape, hit_SM, derive(0, "slices"), blocks_N=writers_M)
        for arm, hit_SM in hit.items()
    }
    first = next(iter(predictions))
    ranked = [explanation.measure for explanation in explained[first]]
    return Slices(
        cell=cell,
        class_names=confirm.class_names,
        n_images=of_class.size,
        alpha=alpha,
        errors_per_seed={arm: float(hit_SM.sum(axis=1).mean()) for arm, hit_SM in hit.items()},
        explained=explained,
        shape=tuple(
            ShapeSlices(
                measure=name,
                edges=_edges(values[name][of_class]),
                cell=cell_rates[name],
                all=all_rates[name],
                low=_examples(values[name], of_class),
                high=_examples(-values[name], of_class),
            )
            for name in [*ranked, *(name for name in MEASURES if name not in ranked)]
        ),
        written=None
        if confirm.groups_N is None
        else WriterSlices(
            groups=kinds,
            cell=cell_rates.get(WRITTEN_BY, ()),
            all=all_rates.get(WRITTEN_BY, ()),
            cell_concentration=concentration(
                confirm.groups_N[of_class], hit[first], derive(0, "writers"), n_draws=_N_DRAWS
            ),
            all_concentration=concentration(
                confirm.groups_N, wrong[first], derive(0, "all writers"), n_draws=_N_DRAWS
            ),
            writers=_writers(
                confirm.groups_N[of_class], kinds, kind_N[of_class], hit[first], of_class
            ),
        ),
    )


def _kinds(confirm: Dataset) -> tuple[tuple[str, ...], Ints]:
    """Return kinds of writers and the kind of each image's; () and −1 where none are known."""
    unknown_N = np.full(len(confirm), -1, dtype=np.int64)
    if confirm.groups_N is None:
        return (), unknown_N
    if kinds := confirm.group_kinds:
        first_K = [numbers.start for numbers in kinds.values()]
        return tuple(kinds), np.searchsorted(first_K, confirm.groups_N, side="right") - 1
    groups, group_N = np.unique(confirm.groups_N, return_inverse=True)
    if groups.size > MOST_GROUPS:
        return (), unknown_N
    return tuple(f"group {group}" for group in groups), group_N.astype(np.int64)


def _edges(values_M: Floats) -> tuple[float, ...]:
    known_M = values_M[~np.isnan(values_M)]
    if not known_M.size:
        return ()
    return tuple(np.quantile(known_M, np.arange(N_STRATA + 1) / N_STRATA).tolist())


def _examples(values_N: Floats, of_class: Ints) -> tuple[int, ...]:
    """Return places spread over the lowest 2% of a class's images, not its oddest alone."""
    known = of_class[~np.isnan(values_N[of_class])]
    lowest = known[np.argsort(values_N[known], kind="stable")][: max(_N_EXAMPLES, known.size // 50)]
    if not lowest.size:
        return ()
    spread = np.linspace(0, lowest.size - 1, min(_N_EXAMPLES, lowest.size)).round().astype(int)
    return tuple(lowest[spread].tolist())


def _writers(
    groups_M: Ints,
    kinds: tuple[str, ...],
    kind_M: Ints,
    hit_SM: npt.NDArray[np.bool_],
    of_class: Ints,
) -> tuple[Writer, ...]:
    times_M = hit_SM.sum(axis=0)
    writers = []
    for writer in np.unique(groups_M[times_M > 0]):
        at = np.flatnonzero(groups_M == writer)
        missed = at[times_M[at] > 0]
        writers.append(
            Writer(
                writer=int(writer),
                group=kinds[kind_M[at[0]]] if kinds else "",
                n_images=at.size,
                errors_per_seed=float(times_M[at].sum() / len(hit_SM)),
                images=tuple(
                    of_class[missed[np.argsort(-times_M[missed], kind="stable")]].tolist()
                ),
            )
        )
    writers.sort(key=lambda writer: (-writer.errors_per_seed, writer.writer))
    return tuple(writers[:40])
