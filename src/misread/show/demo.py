"""The page of `misread demo`: one verdict, the images behind it, and what to type next."""

from collections.abc import Sequence

from misread.images import Images
from misread.judge import Predictions, Verdict, cell_atlas
from misread.show.figures.atlas import cell_figure
from misread.show.render import environment
from misread.show.report import embedded
from misread.show.study_figures import Drawn
from misread.show.verdict import summary_of

ABOUT = (
    "A study of MNIST's handwritten digits: some networks take a 4 for a 9. The fix thickens the "
    "fours and thins the nines while they train. Ten networks were trained without it and ten with "
    "it, from the same ten seeds; all read the same 10,000 test images."
)

_COLUMNS = 4  # images side by side, so that a phone can show them


def demo_page(
    verdict: Verdict,
    before: Predictions,
    after: Predictions,
    pictures: Images,
    commands: Sequence[str],
) -> str:
    """Return a page that opens offline; `pictures` are the images that both sides have read."""
    sides = {"before": before, "after": after}
    true, predicted = verdict.cells[0].true, verdict.cells[0].predicted
    figures = {
        name: Drawn.of(
            cell_figure(
                cell_atlas(side.labels_N, side.preds_SN, true, predicted, side.disputed_N),
                side,
                pictures,
                columns=_COLUMNS,
            )
        )
        for name, side in sides.items()
    }
    captions = {name: f"Every test image that is misread so {name} the fix." for name in sides}
    page = environment().get_template("demo.html.j2")
    return page.render(
        summary=summary_of(verdict),
        about=ABOUT,
        captions=captions,
        figures=embedded(figures),
        commands=commands,
    )
