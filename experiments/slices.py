"""Write docs/slices.md and its figures from finished studies.

    misread run four-nine --recipe quick --out runs/four-nine-quick
    misread run four-nine --recipe documented --out runs/four-nine-documented
    python experiments/slices.py runs/four-nine-quick runs/four-nine-documented

The figures are those of the first folder. Every number comes from the folders.
"""

import sys
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from misread import wording
from misread.files import write_atomic
from misread.images.operations import OPERATIONS
from misread.images.shape import stroke_thickness_px
from misread.show import slices, words
from misread.show.figures.shape import shape
from misread.show.figures.writers import writers
from misread.show.report import command
from misread.show.style import png
from misread.show.verdict import Table
from misread.study.evidence import Evidence, load_evidence
from misread.study.study import BASELINE

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    """Write the page for the folders named on the command line."""
    if len(sys.argv) < 2:
        sys.exit("usage: python experiments/slices.py STUDY_FOLDER [STUDY_FOLDER …]")
    found = [load_evidence(Path(folder)) for folder in sys.argv[1:]]
    for name, draw in (("shape", shape), ("writers", writers)):
        write_atomic(DOCS / "figures" / f"slices-{name}.png", png(draw(found[0])))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    page = environment.get_template("slices.md.j2").render(
        studies=[told(evidence) for evidence in found],
        folders=" ".join(f"runs/{evidence.folder.name}" for evidence in found),
    )
    write_atomic(DOCS / "slices.md", page.encode())
    print("Written: docs/slices.md and its figures.")


def told(evidence: Evidence) -> dict[str, Any]:
    """Return what the page says of one study."""
    sliced = evidence.sliced
    arm = evidence.treated_arms[0]
    return {
        "folder": f"runs/{evidence.folder.name}",
        "recipe": evidence.plan.study.recipe_name,
        "command": command(evidence),
        "cell": sliced.cell_name,
        "arm": arm,
        "seeds": words.seeds_told(evidence),
        "errors": words.images(sliced.errors_per_seed[BASELINE]),
        "explained": slices.explained_told(sliced),
        "explained_arms": [
            slices.explained_told(sliced, each)
            for each in evidence.treated_arms
            if sliced.explained[each] and sliced.explained[each][0].q_value <= sliced.alpha
        ],
        "ranking": markdown(slices.explained_table(sliced)),
        "thickness": markdown(slices.rates_table(sliced, "thickness_px")),
        "changes": slices.changes_told(sliced),
        "writers": markdown(slices.writers_table(sliced)),
        "writers_told": slices.writers_told(sliced),
        "concentrated": slices.concentrations_told(sliced),
        "thin": thin(evidence, arm),
    }


def thin(evidence: Evidence, arm: str) -> dict[str, str]:
    """Return how thin images of the target's class are by nature, and thinned by 2 px."""
    true, predicted = evidence.plan.target
    own = np.flatnonzero(evidence.confirm.labels_N == true)
    images = evidence.confirm.images[own]
    natural, thinned = (
        stroke_thickness_px(each) for each in (images, OPERATIONS["erode"](images, 2))
    )
    limit = float(np.median(thinned))
    piece = next(
        each
        for each in evidence.slices
        if each.slice.label == true and (each.slice.operation, each.slice.size_px) == ("erode", 2)
    )
    few = own[natural <= limit]
    return {
        "natural": wording.number(float(np.median(natural))),
        "limit": wording.number(limit),
        "n": f"{few.size:,}",
        "n_class": f"{own.size:,}",
        **{
            side: wording.percent(float((evidence.predictions[name][:, few] == predicted).mean()))
            for side, name in (("before", BASELINE), ("after", arm))
        },
        **{
            f"thinned_{side}": wording.percent(float((piece.predictions[name] == predicted).mean()))
            for side, name in (("before", BASELINE), ("after", arm))
        },
    }


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    heads, rows = slices.flat(table)
    lines = [heads, ("---", *["---:"] * (len(heads) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
