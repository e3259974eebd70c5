"""The preview: the effect of the augmentation on images, measured before anything is trained."""

from pathlib import Path
from typing import Any

import numpy as np

from misread.data.dataset import Dataset
from misread.files import Record, read_arrays, read_json
from misread.images.loops import loop_counts
from misread.images.operations import OPERATIONS
from misread.images.shape import ink, stroke_thickness_px
from misread.learn.policy import Draw, Policy, apply_draw, changed, changed_share
from misread.learn.views import Part, views_in
from misread.store import RunFolder
from misread.study.arms import BASELINE
from misread.study.questions import Cell
from misread.study.select import Errors, preview_views
from misread.study.study import Study

_MEASURED = 500  # images on which a mean stroke thickness is taken


class PreviewShare(Record):
    """The share of draws of an arm that change an image."""

    arm: str
    size_px: tuple[int, int]
    probability: float
    drawn: int
    changed_share: dict[str, float | None]


class PreviewOperation(Record):
    """The effect of an operation on the images of a class, and on their readings."""

    operation: str
    size_px: int
    label: int
    n_images: int
    changed_share: float
    ink_before: float
    ink_after: float
    thickness_before_px: float
    thickness_after_px: float
    error_before: float
    error_after: float
    as_target_before: float
    as_target_after: float
    loop_before: float | None = None
    loop_after: float | None = None
    closed_share: float | None = None
    opened_share: float | None = None


class Preview(Record):
    """`preview.json`, as `preview_numbers` returns it."""

    smoke: bool
    shares: tuple[PreviewShare, ...]
    operations: tuple[PreviewOperation, ...]


def preview_numbers(study: Study, target: Cell, train: Dataset, folder: Path) -> dict[str, Any]:
    """Return the effect of the augmentation, as in `preview.json`; needs the baseline's readings.

    `shares`: for each arm with a policy, the share of draws that change an image, from the first
    epoch of the first seed. `operations`: for each operation, size and target class on the *select*
    images of all seeds: ink and stroke thickness before and after (the latter on about 500 images),
    the share that the baseline models misread, or read as the other target class, and the share
    with a loop, before and after. `closed_share` of the images have more loops after, and
    `opened_share` fewer (loops, too, on about 500 images).
    """
    shares = [
        _share_of_draws(arm, policy, train, study.seeds[0])
        for arm, policy in study.policies(target).items()
        if policy is not None
    ]
    seeds = read_json(folder / "errors.json", Errors)["seeds"]
    folders = [RunFolder(folder, BASELINE, seed) for seed in seeds]
    selects = [run.select() for run in folders]
    views = preview_views(study, target)
    previews = [read_arrays(run.path / "preview.npz") for run in folders] if views else []
    operations: list[dict[str, Any]] = []
    thickness_px: dict[int | None, float] = {}  # of each class as it is
    for piece in views:
        other = next(k for k in target if k != piece.label)
        ids, before, after = [], [], []
        for select, preview in zip(selects, previews, strict=True):
            number = views_in(preview, Part.SELECT).index(piece)
            of_class_M = select["labels"] == piece.label
            ids.append(select["ids"][of_class_M])
            before.append(select["predictions"][0][of_class_M])
            after.append(preview[f"slice_{number}_predictions"])
        images = train.images[np.concatenate(ids)]
        treated = OPERATIONS[piece.operation](images, piece.size_px)
        read_before, read_after = np.concatenate(before), np.concatenate(after)
        some = slice(None, None, max(1, len(images) // _MEASURED))
        loops, loops_after = loop_counts(images[some]), loop_counts(treated[some])
        if piece.label not in thickness_px:
            thickness_px[piece.label] = float(stroke_thickness_px(images[some]).mean())
        thickness_after_px = thickness_px[piece.label]
        if piece.size_px > 1:
            thickness_after_px = float(stroke_thickness_px(treated[some]).mean())
        operations.append(
            {
                "operation": piece.operation,
                "size_px": piece.size_px,
                "label": piece.label,
                "n_images": len(images),
                "changed_share": float(changed(images, treated).mean()),
                "ink_before": float(ink(images).mean()),
                "ink_after": float(ink(treated).mean()),
                "thickness_before_px": thickness_px[piece.label],
                "thickness_after_px": thickness_after_px,
                "error_before": float((read_before != piece.label).mean()),
                "error_after": float((read_after != piece.label).mean()),
                "as_target_before": float((read_before == other).mean()),
                "as_target_after": float((read_after == other).mean()),
                "loop_before": float((loops > 0).mean()),
                "loop_after": float((loops_after > 0).mean()),
                "closed_share": float((loops_after > loops).mean()),
                "opened_share": float((loops_after < loops).mean()),
            }
        )
    return {"study": study.name, "smoke": study.smoke, "shares": shares, "operations": operations}


def _share_of_draws(arm: str, policy: Policy, train: Dataset, seed: int) -> dict[str, Any]:
    draw = policy.draw(train.labels_N, seed, 0)
    drawn = np.flatnonzero(draw.operation_N >= 0)
    of_drawn = Draw(draw.operation_N[drawn], draw.size_N[drawn], draw.operations)
    share = changed_share(of_drawn, train.images[drawn], apply_draw(train.images[drawn], of_drawn))
    return {
        "arm": arm,
        "size_px": list(policy.size_px),
        "probability": policy.probability,
        "drawn": draw.n_treated,
        "changed_share": share,
    }
