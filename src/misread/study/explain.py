"""Why a finished study's models read a cell as they do: maps, and edits of the loop by degrees.

In the folder `explain/` of the study: `explain.json` with all numbers, `explain.npz` with the maps
(ARM `[S,N,H,W]`) and the images they are of.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from misread.errors import StudyError
from misread.explain.loop import DEGREES, EDITS, by_degrees
from misread.explain.maps import Floats, Method, maps_of, margin
from misread.explain.noise import likeness, map_change
from misread.files import Frozen, read_arrays, read_json, write_arrays, write_json
from misread.images import Images
from misread.judge.means import Mean, mean_over
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence
from misread.study.models import models_of
from misread.study.questions import Cell

_MOST_IMAGES = 6  # of maps
_MOST_EDITED = 60  # images of each edit
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
        Margin of the image's own class over the other, in units of the logit.
    loss : Mean
        By how much the margin falls from degree 0 to 1.
    loss_less : Mean or None
        How much less it falls than the baseline's, seed by seed; None for the baseline.
    """

    edit: str
    label: int
    n_images: int
    degrees: tuple[float, ...]
    as_other: tuple[Mean, ...]
    lead: tuple[Mean, ...]
    loss: Mean
    loss_less: Mean | None


class ArmWhy(Frozen):
    """One arm: what changed in its maps against the baseline's, and how it takes edits.

    `p_images` has a p-value for each image, None where fewer than six pairs of seeds cannot tell;
    `pixels_held` counts the pixels whose change is more than noise.
    """

    p_images: tuple[float, ...] | None
    pixels_held: tuple[int, ...]
    degrees: tuple[Degrees, ...]


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


def explain(
    evidence: Evidence,
    *,
    cell: Cell | None = None,
    ids: Sequence[int] = (),
    arms: Sequence[str] = (),
    method: Method = Method.OCCLUSION,
    on_model: Callable[[], None] = lambda: None,
) -> tuple[Why, dict[str, Floats], Images]:
    """Explain a cell from the stored models of a finished study, and write `explain/`.

    Parameters
    ----------
    evidence
        The study; its models are loaded in this process.
    cell
        None takes the target.
    ids
        Places in *confirm*; none takes the six that the baseline misreads so most often.
    arms
        Beside the baseline; none takes all.
    method
        Of the maps.
    on_model
        Called when a model has been asked.

    Returns
    -------
    why, maps, images
        The numbers; of each arm `[S,N,H,W]`; and the images `[N,H,W]` or `[N,H,W,C]`.

    Raises
    ------
    StudyError
        If there is no such cell, arm or image, or a model gives no gradients.
    StoreError
        If a model is missing.
    """
    cell = cell or evidence.plan.target
    if cell is None or max(cell) >= evidence.confirm.n_classes or cell[0] == cell[1]:
        msg = f"there is no cell {cell}; name two classes of the study, as in --cell 4:9."
        raise StudyError(msg)
    unknown = [arm for arm in arms if arm not in evidence.runs]
    if unknown:
        msg = f"there is no arm {unknown[0]!r}; choose among {', '.join(evidence.runs)}."
        raise StudyError(msg)
    named = tuple(arm for arm in (arms or evidence.runs) if arm != BASELINE)
    images, places = _images(evidence, cell, ids)
    edits = _edits(evidence, cell)
    seeds = tuple(
        seed for seed in evidence.runs[BASELINE].seeds
        if all(seed in evidence.runs[arm].seeds for arm in named)
    )  # fmt: skip
    trainer = evidence.plan.study.trainer
    asked, sanity = {}, []
    for arm in (BASELINE, *named):
        answers = []
        for seed, model in zip(seeds, models_of(evidence.folder, arm, seeds, trainer), strict=True):
            answers.append(_ask(model, images, edits, cell, method))
            if arm == BASELINE and hasattr(model, "shuffled"):
                shuffled = maps_of(method, model.shuffled(seed), images, cell)
                sanity.append(likeness(answers[-1].maps_NHW, shuffled))
            on_model()
        asked[arm] = answers
    maps = {arm: np.stack([it.maps_NHW for it in answers]) for arm, answers in asked.items()}
    why = Why(
        study=evidence.plan.study.name,
        exploratory=evidence.plan.exploratory,
        plan_sha256=evidence.plan.sha256,
        cell=cell,
        method=method,
        ids=tuple(places),
        seeds=seeds,
        sanity=float(np.mean(sanity)) if sanity else None,
        arms={arm: _why(arm, asked, maps, edits, evidence) for arm in asked},
    )
    folder = evidence.folder / "explain"
    write_arrays(folder / "explain.npz", {"images": images, **maps})
    write_json(folder / "explain.json", why.model_dump(mode="json"))
    return why, maps, images


def stored_maps(evidence: Evidence) -> tuple[Cell, tuple[int, ...], dict[str, Floats]] | None:
    """Return the cell, the images and each arm's mean maps `[N,H,W]` of an earlier `explain`.

    None where the study has none, or those of another plan. Errors as in `read_json`.
    """
    folder = evidence.folder / "explain"
    if not (folder / "explain.json").exists():
        return None
    why = Why.model_validate(read_json(folder / "explain.json"))
    if why.plan_sha256 != evidence.plan.sha256:
        return None
    maps = read_arrays(folder / "explain.npz")
    return why.cell, why.ids, {arm: maps[arm].mean(axis=0) for arm in why.arms}


def _images(evidence: Evidence, cell: Cell, ids: Sequence[int]) -> tuple[Images, list[int]]:
    confirm = evidence.confirm
    outside = [place for place in ids if not 0 <= place < len(confirm)]
    if outside:
        msg = f"there is no image {outside[0]}; the confirm images are 0 to {len(confirm) - 1}."
        raise StudyError(msg)
    places = list(ids)
    if not places:
        hits_N = (evidence.predictions[BASELINE] == cell[1]).sum(axis=0)
        hits_N = np.where(confirm.labels_N == cell[0], hits_N, -1)
        order = np.argsort(-hits_N, kind="stable")[:_MOST_IMAGES]
        places = [int(place) for place in order if hits_N[place] >= 0]
    return confirm.images[places], places


class _Edited(NamedTuple):
    """Images of a class under an edit at every degree, and their places in *confirm*."""

    label: int
    images_DMHW: Images
    places: list[int]


class _Answer(NamedTuple):
    """What a model was asked: its maps, and under each edit margins and readings as the other."""

    maps_NHW: Floats
    lead_DM: dict[str, Floats]
    as_other_DM: dict[str, Floats]


def _edits(evidence: Evidence, cell: Cell) -> dict[str, _Edited]:
    """Return the edits that can be made, by name."""
    confirm = evidence.confirm
    if confirm.images.ndim != 3:
        return {}
    made = {}
    for (name, edit), label in zip(EDITS.items(), cell, strict=True):
        of_class = np.flatnonzero(confirm.labels_N == label)[:_MOST_EDITED]
        edited, kept = by_degrees(confirm.images[of_class], edit)
        if len(kept):
            made[name] = _Edited(int(label), edited, of_class[kept].tolist())
    return made


def _ask(
    model: Any, images: Images, edits: dict[str, _Edited], cell: Cell, method: Method
) -> _Answer:
    leads, others = {}, {}
    for name, edited in edits.items():
        of_class = cell if edited.label == cell[0] else cell[::-1]
        read = [model(step) for step in edited.images_DMHW]
        leads[name] = np.stack([margin(probs, of_class) for probs in read])
        others[name] = np.stack([probs.argmax(axis=1) == of_class[1] for probs in read]).astype(
            float
        )
    return _Answer(maps_of(method, model, images, cell), leads, others)


def _why(
    arm: str,
    asked: dict[str, list[_Answer]],
    maps: dict[str, Floats],
    edits: dict[str, _Edited],
    evidence: Evidence,
) -> ArmWhy:
    change, groups = map_change(maps[BASELINE], maps[arm]), evidence.confirm.groups_N
    degrees = []
    for name, edited in edits.items():
        codes = None if groups is None else groups[edited.places]

        def mean(values_SM: Floats, codes: Any = codes) -> Mean:
            return mean_over(values_SM, groups_N=codes)

        lead_SDM, base_SDM = (
            np.stack([it.lead_DM[name] for it in asked[a]]) for a in (arm, BASELINE)
        )
        other_SDM = np.stack([it.as_other_DM[name] for it in asked[arm]])
        loss_SM, base_loss_SM = (it[:, 0] - it[:, -1] for it in (lead_SDM, base_SDM))
        degrees.append(
            Degrees(
                edit=name,
                label=edited.label,
                n_images=len(edited.places),
                degrees=DEGREES,
                as_other=tuple(map(mean, other_SDM.swapaxes(0, 1))),
                lead=tuple(map(mean, lead_SDM.swapaxes(0, 1))),
                loss=mean(loss_SM),
                loss_less=None if arm == BASELINE else mean(base_loss_SM - loss_SM),
            )
        )
    return ArmWhy(
        p_images=tuple(change.p_N.tolist()) if change.can_tell and arm != BASELINE else None,
        pixels_held=tuple(change.holds_NHW.sum(axis=(1, 2)).tolist()),
        degrees=tuple(degrees),
    )
