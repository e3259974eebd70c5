"""All figures of a study: drawn from evidence, written as PNG files that repeat byte by byte."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from misread.data.dataset import Dataset
from misread.files import write_atomic
from misread.show.figures.atlas import atlas
from misread.show.figures.before_after import before_after
from misread.show.figures.collateral import collateral
from misread.show.figures.confusion import confusion_matrices
from misread.show.figures.ledger import ledger
from misread.show.figures.misread_images import misread_images
from misread.show.figures.preview import preview, preview_figure
from misread.show.figures.ranked_cells import ranked_cells
from misread.show.figures.select_images import select_figure, select_images
from misread.show.figures.shape import shape
from misread.show.figures.training_curves import training_curves
from misread.show.figures.writers import writers
from misread.show.style import png
from misread.study.evidence import Evidence
from misread.study.study import SMOKE, Study


@dataclass(frozen=True)
class Drawn:
    """A figure as bytes, with its headline: the finding in one sentence."""

    png: bytes
    title: str


def draw_figures(evidence: Evidence) -> dict[str, Drawn]:
    """Draw every figure of `FIGURES`.

    Parameters
    ----------
    evidence
        A finished study.

    Returns
    -------
    dict
        Name → figure; the same evidence gives the same bytes on the same machine.
    """
    drawn = {}
    for name, draw in FIGURES.items():
        figure = draw(evidence)
        drawn[name] = Drawn(png(figure), str(figure.get_label()))
    return drawn


def write_figures(
    evidence: Evidence, folder: Path | None = None, drawn: Mapping[str, Drawn] | None = None
) -> list[Path]:
    """Write every figure as `<name>.png`.

    Parameters
    ----------
    evidence
        A finished study.
    folder
        Where; it is created. None: `figures` in the study's folder.
    drawn
        What `draw_figures` returned for it, where that was done already.

    Returns
    -------
    list
        The files.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    folder = evidence.folder / "figures" if folder is None else folder
    paths = []
    for name, figure in (draw_figures(evidence) if drawn is None else drawn).items():
        paths.append(folder / f"{name}.png")
        write_atomic(paths[-1], figure.png)
    return paths


def write_preview(
    study: Study,
    target: tuple[int, int],
    numbers: Mapping[str, Any],
    train: Dataset,
    folder: Path,
) -> Path:
    """Write `figures/preview.png` of a study that has no plan yet.

    Parameters
    ----------
    study
        The study.
    target
        The target cell.
    numbers
        As `preview_numbers` returns them.
    train
        The training set.
    folder
        The study's folder.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    warning = SMOKE if study.smoke else ""
    path = folder / "figures" / "preview.png"
    write_atomic(path, png(preview_figure(train, target, numbers, warning=warning)))
    return path


def write_select(study: Study, errors: Mapping[str, Any], train: Dataset, folder: Path) -> Path:
    """Write `figures/select_images.png` of a study that has no plan yet.

    Parameters
    ----------
    study
        The study.
    errors
        Content of its `errors.json`.
    train
        The training set.
    folder
        The study's folder.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    warning = SMOKE if study.smoke else ""
    path = folder / "figures" / "select_images.png"
    write_atomic(path, png(select_figure(errors, train, study.target, warning)))
    return path


FIGURES: dict[str, Callable[[Evidence], Figure]] = {
    "before_after": before_after,
    "collateral": collateral,
    "misread_images": misread_images,
    "atlas": atlas,
    "ledger": ledger,
    "shape": shape,
    "writers": writers,
    "confusion_matrices": confusion_matrices,
    "ranked_cells": ranked_cells,
    "select_images": select_images,
    "preview": preview,
    "training_curves": training_curves,
}
