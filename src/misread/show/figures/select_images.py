"""The figure of the images behind the confusions on *select*."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from misread import wording
from misread.data.dataset import Dataset
from misread.show import style
from misread.study.evidence import Evidence

_CELLS, _COLUMNS, _TILE = 8, 10, 0.92


def select_images(evidence: Evidence) -> Figure:
    """Draw the images behind the leading cells of *select*; data: `errors` and `train`."""
    return select_figure(
        evidence.errors, evidence.train, evidence.target, evidence.plan.exploratory
    )


@style.styled
def select_figure(
    errors: Mapping[str, Any],
    train: Dataset,
    target: tuple[int, int] | None = None,
    warning: str = "",
) -> Figure:
    """Draw, for each leading cell, the images that the baseline misreads so, the surest first.

    Below each image its id and the probability that the model gave to its reading. `errors` is the
    content of `errors.json`, whose ids are places in `train`; the `target` is marked.
    """
    cells = [cell for cell in errors["cells"] if cell["images"]][:_CELLS]
    names = train.class_names
    left, block = 1.75, _TILE + 0.42
    n_seeds = wording.count(len(errors["seeds"]), "seed")
    n_misread = len({image["id"] for cell in errors["cells"] for image in cell["images"]})
    sheet = style.Sheet(
        left + _COLUMNS * (_TILE + 0.12) + 0.3,
        max(0.3, len(cells) * block),
        f"The leading confusion on select is {names[cells[0]['true']]} read as "
        f"{names[cells[0]['predicted']]}: {cells[0]['mean']:.1f} errors a seed over {n_seeds}"
        if cells
        else "The baseline misreads nothing on select",
        f"The baseline on training images that it had not seen, {n_misread:,} of them misread. "
        "Below each image: its id, and the probability that the model gave to its wrong reading. "
        "The surest first.",
        warning,
    )
    for row, cell in enumerate(cells):
        down = row * block
        marked = (cell["true"], cell["predicted"]) == target
        colour = style.VERMILLION if marked else style.INK
        name = f"{names[cell['true']]}→{names[cell['predicted']]}"
        sheet.text(0.35, down + 0.12, name, size=17, bold=True, colour=colour)
        sheet.text(0.35, down + 0.47, f"{cell['mean']:.1f} a seed", size=10, colour=style.MUTED)
        seeds = f"in {cell['seeds_present']} of {n_seeds}"
        sheet.text(0.35, down + 0.65, seeds, size=10, colour=style.MUTED)
        surest = sorted(cell["images"], key=lambda image: (-image["prob_reading"], image["id"]))
        for column, image in enumerate(surest[:_COLUMNS]):
            at = left + column * (_TILE + 0.12)
            sheet.image(at, down, _TILE, train.images[image["id"]])
            note = f"#{image['id']} {image['prob_reading']:.0%}"
            sheet.text(at, down + _TILE + 0.05, note, size=8, colour=style.MUTED)
    return sheet.figure
