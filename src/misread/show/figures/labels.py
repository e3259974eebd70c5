"""The figure of labels worth a second look."""

from matplotlib.figure import Figure

from misread import wording
from misread.errors import DataError
from misread.show import draw, style
from misread.study.labels import Questioned

_COLUMNS, _TILE = 10, 0.92


@style.styled
def labels_figure(questioned: Questioned, top: int) -> Figure:
    """Draw the images of the first labels worth a second look, with label and suggested class.

    DataError if the images are not known.
    """
    if questioned.images is None:
        msg = "the images of this file are not known; name them with --data."
        raise DataError(msg)
    ranked, names = questioned.suspects.ranked[:top], questioned.class_names
    block = _TILE + 0.5
    n_all = len(questioned.suspects.ranked)
    sheet = style.Sheet(
        0.35 + _COLUMNS * (_TILE + 0.16) + 0.3,
        max(0.3, -(-len(ranked) // _COLUMNS) * block),
        f"{wording.count(n_all, 'label')} of {questioned.suspects.n_read:,} "
        f"{'is' if n_all == 1 else 'are'} worth a second look",
        f"{questioned.about}; {wording.count(questioned.n_seeds, 'seed')}. Below each image: label "
        "→ what is read instead, the share of the readings that are not the label, and its id.",
    )
    corners = draw.places(len(ranked), _COLUMNS, 0.35, 0, (_TILE + 0.16, block))
    for suspect, (left, down) in zip(ranked, corners, strict=True):
        sheet.image(left, down, _TILE, questioned.images[suspect.image])
        note = f"{names[suspect.label]} → {names[suspect.suggested]}  {suspect.share:.0%}"
        sheet.text(left, down + _TILE + 0.04, note, size=9.5, bold=True)
        name = f"#{questioned.ids[suspect.image]}"
        sheet.text(left, down + _TILE + 0.22, name, size=8, colour=style.MUTED)
    return sheet.figure
