"""The pictures of docs/explain.md: a map, what of a change is noise, edits of a loop by degrees.

    misread explain runs/four-nine-proof
    python experiments/why.py runs/four-nine-proof  (seconds)

The study needs the arms `again`, the baseline with other weights, and `affine-margin`.
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure
from shared import DOCS

from misread.explain.loop import DEGREES, EDITS, by_degrees
from misread.show import style
from misread.show.figures import why as figures
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence, load_evidence
from misread.study.why import WhyWithMaps, stored_why

ARMS = (BASELINE, "again", "affine-margin")


def main() -> None:
    """Draw them."""
    evidence = load_evidence(Path(sys.argv[1]))
    stored = stored_why(evidence)
    if stored is None:
        sys.exit(f"nothing explains this study yet: misread explain {sys.argv[1]}")
    names = evidence.confirm.class_names
    drawn = {
        "map": figures.maps(*of_arms(stored, ARMS[:1]), names),
        "noise": figures.maps(*of_arms(stored, ARMS), names),
        "degrees": figures.degrees(of_arms(stored, (BASELINE, "affine-margin")).why, names),
        "loop": loop(evidence, stored),
    }
    for name, figure in drawn.items():
        style.write_png(DOCS / "figures" / f"explain-{name}.png", figure)
    print("Written: docs/figures/explain-*.png.")


def of_arms(stored: WhyWithMaps, arms: tuple[str, ...], n_images: int = 3) -> WhyWithMaps:
    """Return some arms and the first images of what is stored."""
    why = stored.why
    some = {
        arm: it.model_copy(update={"p_images": p_images and p_images[:n_images]})
        for arm, it in why.arms.items()
        if arm in arms
        for p_images in [it.p_images]
    }
    less = why.model_copy(update={"arms": some, "ids": why.ids[:n_images]})
    maps = {arm: stored.maps[arm][:, :n_images] for arm in arms}
    return WhyWithMaps(less, maps, stored.images[:n_images])


@style.styled
def loop(evidence: Evidence, stored: WhyWithMaps) -> Figure:
    """Draw an image of either class at every degree of its edit."""
    title = "The top of a four is closed by degrees, the loop of a nine opened"
    sheet = style.Sheet(8.6, 3.3, title, "Degree of the edit; nothing else is changed.")
    for row, (label, edit) in enumerate(zip(stored.why.cell, EDITS.values(), strict=True)):
        of_class = evidence.confirm.images[evidence.confirm.labels_N == label][:20]
        edited_DMHW, _ = by_degrees(of_class, edit)
        for column, degree in enumerate(DEGREES):
            left = 0.4 + 1.6 * column
            sheet.image(left, 0.35 + 1.45 * row, 1.3, edited_DMHW[column, 0])
            if row == 0:
                sheet.text(left + 0.65, 0.08, f"{degree:.2f}", ha="center")
    return sheet.figure


if __name__ == "__main__":
    main()
