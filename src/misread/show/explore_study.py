"""A finished study as its page lets one click through it: operations, maps, what holds up."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.explain.noise import relative
from misread.images import Ids, Images
from misread.images.operations import OPERATIONS
from misread.show.explore import Explorable
from misread.study.evidence import Evidence
from misread.study.why import stored_why

_BLUE, _ORANGE = np.array([0, 114, 178]), np.array([213, 94, 0])


def explorable_of(evidence: Evidence) -> Explorable:
    """Return a study's readings of *confirm* and of its counter-slices, with their images."""
    confirm = evidence.confirm
    operations = {piece.view.treatment: piece.view for piece in evidence.slices}
    sides = {}
    for arm, run in evidence.runs.items():
        side = replace(run.side, groups=confirm.groups_N)
        if run.folders:  # else readings have no files behind them
            side = replace(side, sure_SN=run.probs_SNK.max(axis=2))
        sides[arm] = side
    slices = next(iter(sides.values())).slices

    def pictures(name: str, places: Ids) -> Images | None:
        if not name:
            return confirm.images[places]
        view = operations.get(name)
        if view is None or not view.operation:
            return None
        images = confirm.images[slices[name].image_ids[places]]
        return OPERATIONS[view.operation](images, view.size_px) if len(images) else images

    stored = stored_why(evidence)
    maps: dict[str, Any] = {}
    if stored is not None and stored.why.cell == evidence.plan.target:
        means = {arm: relative(it).mean(axis=0) for arm, it in stored.maps.items()}
        most = max(float(np.abs(maps_NHW).max()) for maps_NHW in means.values()) or 1.0
        maps = {
            "map_ids": stored.why.ids,
            "maps": {arm: _coloured(maps_NHW / most) for arm, maps_NHW in means.items()},
        }
    return Explorable(
        sides,
        target=evidence.plan.target,
        held={arm: verdict.held_up for arm, verdict in evidence.verdicts.items()},
        noun=confirm.group_noun or "group",
        pictures=pictures,
        **maps,
    )


def _coloured(maps_NHW: npt.NDArray[np.float64]) -> Images:
    """Return maps from -1 to 1 in colours: white at 0, blue above and orange below."""
    share = np.abs(maps_NHW)[..., None]
    colours = np.where(maps_NHW[..., None] > 0, _BLUE, _ORANGE)
    coloured: Images = np.rint(255 * (1 - share) + colours * share).astype(np.uint8)
    return coloured
