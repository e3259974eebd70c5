"""The registry of a study's figures: name of a PNG → its drawing, for both kinds of study."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from misread.files import write_atomic
from misread.show.figures import why
from misread.show.figures.along_axis import along_axis, inside, together
from misread.show.figures.atlas import atlas
from misread.show.figures.before_after import before_after
from misread.show.figures.collateral import collateral
from misread.show.figures.confusion import confusion_matrices, confusion_matrix
from misread.show.figures.experiment_comparison import experiment_comparison
from misread.show.figures.ledger import ledger
from misread.show.figures.misread_images import misread_images
from misread.show.figures.preview import preview
from misread.show.figures.ranked_cells import ranked_cells
from misread.show.figures.samples import sample_digits, sample_predictions
from misread.show.figures.select_images import select_images
from misread.show.figures.shape import shape
from misread.show.figures.trade import has_trade, trade
from misread.show.figures.training_curves import arm_curves, has_curves, training_curves
from misread.show.figures.writers import writers
from misread.show.style import png, svg
from misread.study.arms import BASELINE
from misread.study.axis import answer
from misread.study.evidence import Evidence
from misread.study.why import stored_why

MOST_DETAILED = 8  # with more arms than this, none has figures of its own


@dataclass(frozen=True)
class Drawn:
    """A figure as a PNG's bytes, with its title, the finding in one sentence, and as an SVG."""

    png: bytes
    title: str
    svg: str = ""

    @classmethod
    def of(cls, figure: Figure) -> "Drawn":
        """Return a figure as bytes, with its title."""
        return cls(png(figure), str(figure.get_label()), svg(figure))


def figures_of(evidence: Evidence) -> dict[str, Callable[[], Figure]]:
    """Return the drawing of every figure of a finished study's page, by name."""
    if evidence.plan.target is not None:
        drawable = {
            "preview": bool(evidence.preview["operations"]),
            "training_curves": has_curves(evidence),
            "trade": has_trade(evidence),
        }
        names = (name for name in FIGURES if drawable.get(name, True))
        return {name: partial(FIGURES[name], evidence) for name in names} | why_figures(evidence)
    figures = {name: partial(draw, evidence) for name, draw in COMPARISON_FIGURES.items()}
    return figures | axis_figures(evidence) | arm_figures(evidence)


def why_figures(evidence: Evidence) -> dict[str, Callable[[], Figure]]:
    """Return the drawings of what `misread explain` left in the folder; none where it did not."""
    stored = stored_why(evidence)
    if stored is None:
        return {}
    names = evidence.confirm.class_names
    figures: dict[str, Callable[[], Figure]] = {"maps": partial(why.maps, *stored, names)}
    if stored.why.arms[BASELINE].degrees:
        figures["degrees"] = partial(why.degrees, stored.why, names)
    return figures


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
        if name != "training_curves" or has_curves(evidence)
    }


def draw_figures(evidence: Evidence) -> dict[str, Drawn]:
    """Draw every figure of a finished study; the same evidence gives the same bytes."""
    return {name: Drawn.of(draw()) for name, draw in figures_of(evidence).items()}


def write_figures(
    evidence: Evidence, drawn: Mapping[str, Drawn], folder: Path | None = None
) -> list[Path]:
    """Write every figure as `<name>.png`, and return the files.

    By default into `figures` in the study's folder, or `results` where it asks for no target.
    StoreError if the folder cannot be written.
    """
    folder = folder or evidence.folder / ("figures" if evidence.plan.target else "results")
    paths = [folder / f"{name}.png" for name in drawn]
    for path, figure in zip(paths, drawn.values(), strict=True):
        write_atomic(path, figure.png)
    return paths


# A figure is called as the function that draws it; pages have them in this order.
FIGURES: dict[str, Callable[[Evidence], Figure]] = {
    draw.__name__: draw
    for draw in (
        *(before_after, trade, collateral, misread_images, atlas, ledger, shape, writers),
        *(confusion_matrices, ranked_cells, select_images, preview, training_curves),
    )
}
COMPARISON_FIGURES: dict[str, Callable[[Evidence], Figure]] = {
    draw.__name__: draw for draw in (sample_digits, experiment_comparison, sample_predictions)
}
ARM_FIGURES: dict[str, Callable[[Evidence, str], Figure]] = {
    "confusion_matrix": confusion_matrix,
    "training_curves": arm_curves,
}
