"""What `misread explain` found of a study, as its folder `explain/` keeps it."""

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
    """What an arm reads as one edit goes on.

    Attributes
    ----------
    edit : str
        A key of `explain.loop.EDITS`.
    label : int
        The class whose images are edited.
    n_images : int
        Images that could be edited.
    degrees : tuple of float
        From 0, as it is, to 1.
    as_other : tuple of Mean
        Share read as the other class, at each degree.
    lead : tuple of Mean
        Margin of the image's class over the other, in units of the logit.
    fall : Mean
        Fall of the margin from degree 0 to 1, as a share of the mean margin of both classes as they
        are, of the same model: of a surer model all margins are larger, and where one class is
        favoured, one of them is. About 1 turns the reading.
    fall_less : Mean or None
        Fall of the baseline's less that of this arm, seed by seed; None for the baseline.
    """

    edit: str
    label: int
    n_images: int
    degrees: tuple[float, ...]
    as_other: tuple[Mean, ...]
    lead: tuple[Mean, ...]
    fall: Mean
    fall_less: Mean | None


class Grown(Frozen):
    """More of an altered class is read as the other: how much of that is where loops changed.

    Attributes
    ----------
    operation, size_px, label : str, int, int
        A counter-slice.
    unchanged : float
        Share of its images that have as many loops as before the operation.
    growth : Mean
        Share read as the other class, the arm's less the baseline's.
    growth_unchanged : Mean
        The part of it on images that have as many loops as before.
    """

    operation: str
    size_px: int
    label: int
    unchanged: float
    growth: Mean
    growth_unchanged: Mean


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
    """All of it; `explain.json`.

    Attributes
    ----------
    study, exploratory, plan_sha256 : str
        Whose models, and why it proves nothing by itself.
    cell, method : tuple of int, str
        What the maps are of, and how they were made.
    ids : tuple of int
        Images of *confirm*, those that the baseline misreads most often first.
    seeds : tuple of int
        The paired seeds.
    sanity : float or None
        Likeness of the baseline's maps to those of shuffled weights; None where the trainer cannot
        shuffle.
    arms : dict
        Name → what was found, the baseline first.
    """

    study: str
    exploratory: str
    plan_sha256: str
    cell: Cell
    method: Method
    ids: tuple[int, ...]
    seeds: tuple[int, ...]
    sanity: float | None
    arms: dict[str, ArmWhy]

    @property
    def is_sane(self) -> bool | None:
        """Whether shuffling the weights destroys the maps; None where that was not tried."""
        return None if self.sanity is None else self.sanity < _UNLIKE


class Stored(NamedTuple):
    """An explanation of earlier: numbers, maps `[S,N,H,W]` of each arm, and their images."""

    why: Why
    maps: dict[str, Floats]
    images: Images


def stored_why(evidence: Evidence) -> Stored | None:
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
    return Stored(why, {arm: arrays[arm] for arm in why.arms}, arrays["images"])
