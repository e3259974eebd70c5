"""Explanation of a finished study's errors: maps, and edits of the loop by degrees.

In the folder `explain/` of the study: `explain.json` with all numbers, `explain.npz` with the maps
(ARM `[S,N,H,W]`) and the images they are of.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from misread.errors import StudyError
from misread.explain.loop import DEGREES, EDITS, by_degrees, edit_of
from misread.explain.maps import Floats, Method, maps_of, margin
from misread.explain.noise import likeness, map_change, relative
from misread.files import write_arrays, write_json
from misread.images import Ids, Images
from misread.images.loops import loop_counts
from misread.images.operations import OPERATIONS
from misread.judge.means import Mean, mean_over
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence
from misread.study.models import models_of
from misread.study.questions import Cell
from misread.study.why import ArmWhy, Degrees, Grown, Why, WhyWithMaps

_MOST_IMAGES = 6  # of maps
_MOST_EDITED = 60  # images of each edit
_LEAST = 1e-6  # distance of two classes, in units of the logit


def explain(
    evidence: Evidence,
    *,
    cell: Cell | None = None,
    ids: Sequence[int] = (),
    arms: Sequence[str] = (),
    method: Method = Method.OCCLUSION,
    edits: Sequence[str] = (),
    on_model: Callable[[], None] = lambda: None,
) -> WhyWithMaps:
    """Explain a cell from the stored models of a finished study, and write `explain/`.

    The models are loaded in this process; `on_model` is called when one has been asked. None, or
    nothing, takes the target as `cell`; as `ids`, places in *confirm*, the six that the baseline
    misreads so most often; all `arms`, to which the baseline comes; and as `edits`, keys of
    `explain.loop.EDITS` or of `OPERATIONS`, those of loops, of each class of which half of the
    images can be edited so.

    StudyError if there is no such cell, arm, image or edit, or a model gives no gradients;
    StoreError if a model is missing.
    """
    cell, plan = cell or evidence.plan.target, evidence.plan
    if cell is None or max(cell) >= evidence.confirm.n_classes or cell[0] == cell[1]:
        msg = f"there is no cell {cell}; name two classes of the study, as in --cell 4:9."
        raise StudyError(msg)
    unknown = [arm for arm in arms if arm not in evidence.runs]
    if unknown:
        msg = f"there is no arm {unknown[0]!r}; choose among {', '.join(evidence.runs)}."
        raise StudyError(msg)
    named = tuple(arm for arm in (arms or evidence.runs) if arm != BASELINE)
    images, places = _images(evidence, cell, ids)
    edited = _edited(evidence, cell, edits)
    seeds = tuple(
        seed for seed in evidence.runs[BASELINE].seeds
        if all(seed in evidence.runs[arm].seeds for arm in named)
    )  # fmt: skip
    asked, sanity = {}, []
    for arm in (BASELINE, *named):
        answers = []
        models = models_of(evidence.folder, arm, seeds, plan.study.trainer)
        for seed, model in zip(seeds, models, strict=True):
            answers.append(_ask(model, images, edited, cell, method))
            if arm == BASELINE and hasattr(model, "shuffled"):
                shuffled = maps_of(method, model.shuffled(seed), images, cell)
                sanity.append(likeness(answers[-1].maps_NHW, shuffled))
            on_model()
        asked[arm] = answers
    maps = {
        arm: np.stack([answer.maps_NHW for answer in answers]) for arm, answers in asked.items()
    }
    why = Why(
        study=plan.study.name,
        exploratory=plan.exploratory,
        plan_sha256=plan.sha256,
        cell=cell,
        method=method,
        ids=tuple(places),
        seeds=seeds,
        sanity=float(np.mean(sanity)) if sanity else None,
        arms={arm: _why(arm, cell, asked, maps, edited, evidence) for arm in asked},
    )
    folder = evidence.folder / "explain"
    write_arrays(folder / "explain.npz", {"images": images, **maps})
    write_json(folder / "explain.json", why.model_dump(mode="json"))
    return WhyWithMaps(why, maps, images)


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

    name: str
    label: int
    images_DMHW: Images
    places: list[int]


class _Answer(NamedTuple):
    """Answers of a model: its maps, and under each edit margins and readings as the other class."""

    maps_NHW: Floats
    lead_DM: list[Floats]
    as_other_DM: list[Floats]


def _edited(evidence: Evidence, cell: Cell, names: Sequence[str]) -> list[_Edited]:
    """Return the edits that can be made of images of the two classes."""
    confirm, made = evidence.confirm, []
    makes = {name: edit_of(name) for name in names or EDITS}
    for label in cell:
        places = np.flatnonzero(confirm.labels_N == label)[:_MOST_EDITED]
        for name, edit in makes.items():
            if name in EDITS and confirm.images.ndim != 3:
                continue
            images, kept = by_degrees(confirm.images[places], edit)
            if len(kept) > (0 if names else len(places) / 2):
                made.append(_Edited(name, label, images, places[kept].tolist()))
    return made


def _ask(
    model: Any, images: Images, edits: Sequence[_Edited], cell: Cell, method: Method
) -> _Answer:
    leads, others = [], []
    for edited in edits:
        of_class = cell if edited.label == cell[0] else cell[::-1]
        read = [model(step) for step in edited.images_DMHW]
        leads.append(np.stack([margin(probs, of_class) for probs in read]))
        turned = [probs.argmax(axis=1) == of_class[1] for probs in read]
        others.append(np.stack(turned).astype(float))
    return _Answer(maps_of(method, model, images, cell), leads, others)


def _why(
    arm: str,
    cell: Cell,
    asked: dict[str, list[_Answer]],
    maps: dict[str, Floats],
    edits: Sequence[_Edited],
    evidence: Evidence,
) -> ArmWhy:
    change = map_change(relative(maps[BASELINE]), relative(maps[arm]))
    degrees: list[Degrees] = []
    falls, base_falls = (_falls(asked[a], edits) if edits else [] for a in (arm, BASELINE))
    for number, edited in enumerate(edits):
        mean = _over(evidence, edited.places)
        lead_SDM = np.stack([answer.lead_DM[number] for answer in asked[arm]])
        other_SDM = np.stack([answer.as_other_DM[number] for answer in asked[arm]])
        fall_SM = falls[number]
        degrees.append(
            Degrees(
                edit=edited.name,
                label=edited.label,
                n_images=len(edited.places),
                degrees=DEGREES,
                as_other=tuple(map(mean, other_SDM.swapaxes(0, 1))),
                lead=tuple(map(mean, lead_SDM.swapaxes(0, 1))),
                fall=mean(fall_SM),
                fall_less=None if arm == BASELINE else mean(base_falls[number] - fall_SM),
            )
        )
    return ArmWhy(
        p_images=tuple(change.p_N.tolist()) if change.can_tell and arm != BASELINE else None,
        pixels_held=tuple(change.holds_NHW.sum(axis=(1, 2)).tolist()),
        degrees=tuple(degrees),
        grown=() if arm == BASELINE else tuple(_grown(arm, cell, evidence)),
    )


def _falls(answers: Sequence[_Answer], edits: Sequence[_Edited]) -> list[Floats]:
    """Return the fall of the margin under each edit, `[S,M]`, over its distance of a model.

    That is the mean margin of the classes as they are, each image's class over the other: neither
    a surer model nor one that favours a class changes it by that alone.
    """
    leads = [
        np.stack([answer.lead_DM[number] for answer in answers]) for number in range(len(edits))
    ]
    by_label = {edited.label: lead_SDM for edited, lead_SDM in zip(edits, leads, strict=True)}
    middles = [lead_SDM[:, 0].mean(axis=1) for lead_SDM in by_label.values()]
    distance_S = np.maximum(np.abs(np.mean(middles, axis=0)), _LEAST)[:, np.newaxis]
    return [(lead_SDM[:, 0] - lead_SDM[:, -1]) / distance_S for lead_SDM in leads]


def _grown(arm: str, cell: Cell, evidence: Evidence) -> Iterator[Grown]:
    """Yield the counter-slices of which an arm surely reads more as the other class."""
    for piece in evidence.slices:
        if {piece.label, *cell} != set(evidence.target):
            continue
        other = next(k for k in cell if k != piece.label)
        after_SM, before_SM = piece.predictions[arm], piece.predictions[BASELINE]
        grown_SM = (after_SM == other) * 1.0 - (before_SM[: len(after_SM)] == other)
        mean = _over(evidence, piece.ids_M)
        growth = mean(grown_SM)
        if growth.low <= 0:
            continue
        images = evidence.confirm.images[piece.ids_M]
        altered = OPERATIONS[piece.view.operation](images, piece.view.size_px)
        same_M = loop_counts(altered) == loop_counts(images)
        yield Grown(
            operation=piece.view.operation,
            size_px=piece.view.size_px,
            label=piece.label,
            unchanged=float(same_M.mean()),
            growth=growth,
            growth_unchanged=mean(grown_SM * same_M),
        )


def _over(evidence: Evidence, places: Sequence[int] | Ids) -> Callable[[Floats], Mean]:
    """Return the mean of `[S,M]` over seeds and these places of *confirm*, with its interval."""
    groups_N = evidence.confirm.groups_N
    codes_M = None if groups_N is None else groups_N[np.asarray(places)]
    return lambda values_SM: mean_over(values_SM, groups_N=codes_M)
