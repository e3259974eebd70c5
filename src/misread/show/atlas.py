"""Figures of the atlas: what the leading confusions are made of."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from misread.evidence import Evidence
from misread.judge import Atlas, CellAtlas, atlas
from misread.judge.wording import count, images, percent
from misread.show import style
from misread.study import BASELINE

LEADING = 12
_ROW = 0.4
COLOURS = {
    "hard-core": style.VERMILLION,
    "coin-flip": style.ORANGE,
    "flicker": style.SKY,
    "disputed": style.PURPLE,
    "misread": style.MUTED,
}


def overview(evidence: Evidence) -> Figure:
    """Draw what the baseline's leading confusions on *confirm* are made of.

    Data: `judge.atlas` of the baseline's predictions: errors per seed of each cell, split by how
    many seeds misread the image behind them.
    """
    confirm = evidence.confirm
    cells = atlas(confirm.labels_N, evidence.predictions[BASELINE], confirm.disputed_N)
    return atlas_figure(
        cells, confirm.class_names, marked=evidence.plan.target, warning=evidence.plan.exploratory
    )


@style.styled
def atlas_figure(
    cells: Atlas | Sequence[CellAtlas],
    class_names: Sequence[str],
    *,
    marked: tuple[int, int] | None = None,
    warning: str = "",
) -> Figure:
    """Draw the first cells as bars of errors per seed, a colour per group of images.

    Parameters
    ----------
    cells
        Cells, most errors first; `LEADING` are drawn, and the marked one.
    class_names
        One per class.
    marked
        A cell to print bold.
    warning
        Stands above everything.
    """
    shown = list(cells[:LEADING])
    if marked and marked not in [(c.true, c.predicted) for c in shown]:
        shown += [c for c in cells if (c.true, c.predicted) == marked]
    sheet = style.Sheet(
        11.5,
        _ROW * max(len(shown), 1) + 1.15,
        _title(shown, class_names),
        "Errors per seed, by how many of the seeds misread the image so: hard core at least 80%, "
        "coin flip 20 to 80%, flicker fewer; disputed labels apart. In the bars: images.",
        warning,
    )
    if not shown:
        return sheet.figure
    groups = list(shown[0].groups)
    at = 1.5
    for name in groups:
        key = sheet.axes(at, 0.04, 0.24, 0.18)
        key.set_facecolor(COLOURS[name])
        key.set_xticks([])
        key.set_yticks([])
        style.bare(key)
        sheet.text(at + 0.32, 0.02, name, fontsize=11)
        at += 1.55
    axes = sheet.axes(1.5, 0.42, 9.4, _ROW * len(shown))
    style.bare(axes, keep="bottom")
    axes.grid(visible=True, axis="x")
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlabel("errors per seed")
    longest = shown[0].errors_per_seed
    for row, cell in enumerate(shown):
        left = 0.0
        for name, members in cell.groups.items():
            width = sum(misread.share for misread in members)
            if not members:
                continue
            axes.barh(row, width, 0.72, left=left, color=COLOURS[name], ec="white", lw=1.2)
            if width > 0.022 * longest * len(str(len(members))):
                middle, dark = left + width / 2, name in ("coin-flip", "flicker")
                axes.text(
                    middle,
                    row + 0.02,
                    str(len(members)),
                    ha="center",
                    va="center",
                    fontsize=10,
                    color=style.INK if dark else "white",
                )
            left += width
        bold = (cell.true, cell.predicted) == marked
        axes.annotate(
            f"{class_names[cell.true]}→{class_names[cell.predicted]}",
            (0, row),
            xycoords=("axes fraction", "data"),
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=11.5,
            fontweight="bold" if bold else "normal",
            annotation_clip=False,
        )
    return sheet.figure


def _title(shown: Sequence[CellAtlas], class_names: Sequence[str]) -> str:
    if not shown:
        return "No seed misreads anything"
    first = shown[0]
    name = f"{class_names[first.true]}→{class_names[first.predicted]}"
    errors = f"{images(first.errors_per_seed)} errors a seed"
    if first.n_seeds == 1:
        return f"{name} leads with {errors}; one seed says nothing of chance"
    share = first.share_of_errors("hard-core")
    core = count(len(first.hard_core), "hard-core image")
    return f"{name} leads with {errors}, of which {core} make {percent(share)}"
