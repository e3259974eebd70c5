"""The results of `misread explain`, as the folder `explain/` of a study keeps them."""

from typing import NamedTuple

from pydantic import ValidationError

from misread.explain.maps import Floats, Method
from misread.files import Frozen, read_arrays, read_json
from misread.images import Images
from misread.judge.means import Mean
from misread.study.evidence import Evidence
from misread.study.questions import Cell

_UNLIKE = 0.5  # rank correlation below which shuffled weights have destroyed a map


class Degrees(Frozen):
    """Readings of an arm as one edit goes on.

    `fall` is that of the margin from degree 0 to 1, as a share of the mean margin of both classes
    as they are, of the same model: of a surer model all margins are larger, and where one class is
    favoured, one of them is. About 1 turns the reading.
    """

    edit: str  # a key of `explain.loop.EDITS` or of `OPERATIONS`
    label: int  # the class whose images are edited
    n_images: int  # that could be edited
    degrees: tuple[float, ...]  # from 0, as it is, to 1
    as_other: tuple[Mean, ...]  # share read as the other class, at each degree
    lead: tuple[Mean, ...]  # margin of the image's class over the other, in units of the logit
    fall: Mean
    fall_less: Mean | None  # the baseline's fall less this arm's, seed by seed; None for that


class Grown(Frozen):
    """Growth of a class's errors in a counter-slice, and its part where loops did not change."""

    operation: str
    size_px: int
    label: int
    unchanged: float  # share of images that have as many loops as before the operation
    growth: Mean  # of the share read as the other class, against the baseline
    growth_unchanged: Mean  # its part on images that have as many loops as before


class ArmWhy(Frozen):
    """One arm: what changed in its maps against the baseline's, and how it takes edits.

    `p_images` has a p-value for each image, None where fewer than six pairs of seeds cannot tell;
    `pixels_held` counts the pixels whose change is more than noise. `grown` has the counter-slices
    of which the arm surely reads more as the other class.
    """

    p_images: tuple[float, ...] | None
    pixels_held: tuple[int, ...]
    degrees: tuple[Degrees, ...]
    grown: tuple[Grown, ...]


class Why(Frozen):
    """The explanation of a cell; `explain.json`.

    `sanity` is the likeness of the baseline's maps to those of shuffled weights; None where the
    trainer cannot shuffle.
    """

    study: str
    exploratory: str  # why it proves nothing by itself
    plan_sha256: str
    cell: Cell
    method: Method  # of the maps
    ids: tuple[int, ...]  # in *confirm*, those that the baseline misreads most often first
    seeds: tuple[int, ...]  # which all arms have
    sanity: float | None
    arms: dict[str, ArmWhy]  # the baseline first

    @property
    def is_sane(self) -> bool | None:
        """Return whether shuffling the weights destroys the maps; None where that was not tried."""
        return None if self.sanity is None else self.sanity < _UNLIKE


class WhyWithMaps(NamedTuple):
    """An explanation: numbers, maps `[S,N,H,W]` of each arm, and their images."""

    why: Why
    maps: dict[str, Floats]
    images: Images


def stored_why(evidence: Evidence) -> WhyWithMaps | None:
    """Return what `explain` left in a study's folder; errors as in `read_json`.

    None where it left nothing, or what is of another plan or another version.
    """
    folder = evidence.folder / "explain"
    if not (folder / "explain.json").exists():
        return None
    try:
        why = Why.model_validate(read_json(folder / "explain.json"))
    except ValidationError:
        return None
    if why.plan_sha256 != evidence.plan.sha256:
        return None
    arrays = read_arrays(folder / "explain.npz")
    return WhyWithMaps(why, {arm: arrays[arm] for arm in why.arms}, arrays["images"])
