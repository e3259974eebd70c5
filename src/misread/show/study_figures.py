"""The registry of a study's figures: name of a PNG → its drawing, for both kinds of study."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from misread.data.dataset import Dataset
from misread.files import write_atomic
from misread.show.figures.along_axis import along_axis, inside, together
from misread.show.figures.atlas import atlas
from misread.show.figures.before_after import before_after
from misread.show.figures.collateral import collateral
from misread.show.figures.confusion import confusion_matrices, confusion_matrix
from misread.show.figures.experiment_comparison import experiment_comparison
from misread.show.figures.ledger import ledger
from misread.show.figures.misread_images import misread_images
from misread.show.figures.preview import preview, preview_figure
from misread.show.figures.ranked_cells import ranked_cells
from misread.show.figures.samples import sample_digits, sample_predictions
from misread.show.figures.select_images import select_figure, select_images
from misread.show.figures.shape import shape
from misread.show.figures.training_curves import arm_curves, training_curves
from misread.show.figures.writers import writers
from misread.show.style import png
from misread.study.axis import answer
from misread.study.evidence import Evidence
from misread.study.study import SMOKE, Study

MOST_DETAILED = 8  # with more arms than this, none has figures of its own


@dataclass(frozen=True)
class Drawn:
    """A figure as bytes, with its title: the finding in one sentence."""

    png: bytes
    title: str


def figures_of(evidence: Evidence) -> dict[str, Callable[[], Figure]]:
    """Return the drawing of every figure of a finished study's page, by name."""
    if evidence.plan.target is not None:
        return {name: partial(draw, evidence) for name, draw in FIGURES.items()}
    figures = {name: partial(draw, evidence) for name, draw in COMPARISON_FIGURES.items()}
    return figures | axis_figures(evidence) | arm_figures(evidence)


def axis_figures(evidence: Evidence) -> dict[str, Callable[[], Figure]]:
    """Return the drawing of every figure along a study's axis; none where it has none."""
    if not evidence.plan.study.axis:
        return {}
    answers = answer(evidence)
    figures: dict[str, Callable[[], Figure]] = {
        "along_axis": partial(along_axis, evidence, answers)
    }
    if answers.inside:
        figures["inside"] = partial(inside, answers)
    if answers.together is not None:
        figures["together"] = partial(together, evidence, answers.together)
    return figures


def arm_figures(evidence: Evidence) -> dict[str, Callable[[], Figure]]:
    """Return the drawing of every arm's figures; none where there are too many arms."""
    arms = evidence.arms if len(evidence.arms) <= MOST_DETAILED else ()
    return {
        f"{name}_{arm}": partial(draw, evidence, arm)
        for arm in arms
        for name, draw in ARM_FIGURES.items()
    }


def draw_figures(evidence: Evidence) -> dict[str, Drawn]:
    """Draw every figure of a finished study.

    Parameters
    ----------
    evidence
        The study.

    Returns
    -------
    dict
        Name → figure; the same evidence gives the same bytes on the same machine.
    """
    drawn = {}
    for name, draw in figures_of(evidence).items():
        figure = draw()
        drawn[name] = Drawn(png(figure), str(figure.get_label()))
    return drawn


def write_figures(
    evidence: Evidence,
    folder: Path | None = None,
    drawn: Mapping[str, Drawn] | None = None,
) -> list[Path]:
    """Write every figure as `<name>.png`.

    Parameters
    ----------
    evidence
        A finished study.
    folder
        Where; it is created. None: `figures` in the study's folder, or `results` where it asks for
        no target.
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
    name = "results" if evidence.plan.target is None else "figures"
    folder = evidence.folder / name if folder is None else folder
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
        As `study.preview.preview_numbers` returns them.
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
    path = folder / "figures" / "preview.png"
    figure = preview_figure(train, target, numbers, warning=SMOKE if study.smoke else "")
    write_atomic(path, png(figure))
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
    path = folder / "figures" / "select_images.png"
    figure = select_figure(errors, train, study.target, SMOKE if study.smoke else "")
    write_atomic(path, png(figure))
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
COMPARISON_FIGURES: dict[str, Callable[[Evidence], Figure]] = {
    "sample_digits": sample_digits,
    "experiment_comparison": experiment_comparison,
    "sample_predictions": sample_predictions,
}
ARM_FIGURES: dict[str, Callable[[Evidence, str], Figure]] = {
    "confusion_matrix": confusion_matrix,
    "training_curves": arm_curves,
}
