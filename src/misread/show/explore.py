"""What the page lets one click through: every misread image with every seed of every arm."""

import io
import json
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from misread.images import Images
from misread.show.style import inline
from misread.study.evidence import Evidence

MOST_IMAGES = 1500  # inside a page; beyond, those that most seeds misread
_ACROSS = 40  # tiles of a sprite's row


def explore_of(evidence: Evidence) -> dict[str, Any] | None:
    """Return what `explore.html.j2` takes; None where no image is misread.

    Returns
    -------
    dict or None
        `data`, JSON that is safe inside a page: class names, arms with their seeds, and of each
        misread image its place in *confirm*, label, group, what each seed of each arm reads and how
        surely, in per cent; `sprite`, all these images as one PNG; `left_out`, how many misread
        images are not inside.
    """
    confirm, runs = evidence.confirm, evidence.runs
    times_N = sum((run.preds_SN != confirm.labels_N).sum(axis=0) for run in runs.values())
    misread = np.flatnonzero(np.asarray(times_N))
    if not misread.size:
        return None
    order = misread[np.argsort(-np.asarray(times_N)[misread], kind="stable")][:MOST_IMAGES]
    places = np.sort(order)
    groups, disputed = confirm.groups_N, confirm.disputed_N
    read = {}
    for arm, run in runs.items():
        preds_SM = run.preds_SN[:, places]
        sure = None  # where readings have no files behind them
        if run.folders:
            sure_SM = np.rint(100 * run.probs_SNK[:, places].max(axis=2).astype(np.float64))
            sure = sure_SM.T.astype(int).tolist()
        read[arm] = {
            "seeds": [str(seed) for seed in run.seeds],
            "as": preds_SM.T.astype(int).tolist(),
            "sure": sure,
        }
    size = confirm.images.shape[1:3]
    data = {
        "classes": list(confirm.class_names),
        "target": list(evidence.target),
        "group": confirm.group_noun,
        "ids": places.tolist(),
        "labels": confirm.labels_N[places].tolist(),
        "groups": None if groups is None else groups[places].tolist(),
        "disputed": None if disputed is None else disputed[places].astype(int).tolist(),
        "arms": read,
        "tile": {"height": size[0], "width": size[1], "across": _ACROSS},
    }
    return {
        "data": json_in_page(data),
        "sprite": inline(sprite_png(confirm.images[places])),
        "left_out": int(misread.size - places.size),
    }


def sprite_png(images: Images) -> bytes:
    """Return images `[N,H,W]` or `[N,H,W,C]` as one PNG, 40 in a row."""
    n, height, width = images.shape[:3]
    rows = -(-n // _ACROSS)
    sheet = np.zeros((rows * height, _ACROSS * width, *images.shape[3:]), np.uint8)
    for place, image in enumerate(images):
        down, across = divmod(place, _ACROSS)
        sheet[down * height :, across * width :][:height, :width] = image
    if sheet.ndim == 3 and sheet.shape[2] == 1:
        sheet = sheet[..., 0]
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "png", optimize=True)
    return file.getvalue()


def json_in_page(value: Any) -> Markup:
    """Return JSON that no text in it can leave: `<`, `>`, `&` and line separators are escaped."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  nothing in it can end the element
