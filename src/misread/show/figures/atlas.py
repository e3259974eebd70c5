"""Figures of the atlas: what the leading confusions are made of."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from misread.images import Images
from misread.judge import Atlas, CellAtlas, Predictions, atlas
from misread.show import style
from misread.study.evidence import Evidence
from misread.study.study import BASELINE
from misread.wording import count, images

LEADING = 12
MOST_IMAGES = 32  # per group; the rest is counted
_ROW = 0.4
_TILE, _COLUMNS, _BLOCK = 1.18, 8, 1.86
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
        name = f"{class_names[cell.true]}→{class_names[cell.predicted]}"
        style.row_label(axes, row, name, bold=(cell.true, cell.predicted) == marked)
    return sheet.figure


@style.styled
def cell_figure(cell: CellAtlas, side: Predictions, pictures: Images, warning: str = "") -> Figure:
    """Draw the images of one cell in its groups, each with what every seed read.

    Parameters
    ----------
    cell
        The cell.
    side
        The predictions it was taken from.
    pictures
        `uint8 [N,H,W]` or `[N,H,W,C]`, in the order of `side`.
    warning
        Stands above everything.
    """
    groups = {name: members for name, members in cell.groups.items() if members}
    lines = {name: -(-min(len(m), MOST_IMAGES) // _COLUMNS) for name, m in groups.items()}
    true, predicted = (side.class_names[k] for k in (cell.true, cell.predicted))
    sheet = style.Sheet(
        0.35 + _COLUMNS * (_TILE + 0.16) + 0.3,
        sum(0.42 + line * _BLOCK for line in lines.values()) + 0.1,
        f"{true}→{predicted}: {images(cell.errors_per_seed)} errors a seed on "
        f"{count(sum(map(len, groups.values())), 'image')}",
        f"A square per seed ({side.n_seeds}); orange: read as {predicted}, grey: as another class, "
        f"pale: rightly. {cell.note[:1].upper()}{cell.note[1:]}{'.' if cell.note else ''}",
        warning,
    )
    down = 0.0
    for name, members in groups.items():
        more = f", the first {MOST_IMAGES} drawn" if len(members) > MOST_IMAGES else ""
        told = f"{name}: {len(members):,} ({cell.share_of_errors(name) or 0:.0%} of errors){more}"
        sheet.text(0.35, down, told, fontsize=12.5, fontweight="bold", color=COLOURS[name])
        down += 0.42
        for number, misread in enumerate(members[:MOST_IMAGES]):
            row, along = divmod(number, _COLUMNS)
            at, top = 0.35 + along * (_TILE + 0.16), down + row * _BLOCK
            sheet.image(at, top, _TILE, pictures[misread.image])
            named = misread.image if side.ids is None else side.ids[misread.image]
            sheet.text(at, top + _TILE + 0.045, f"#{named}", fontsize=9, color=style.MUTED)
            strip = sheet.axes(at, top + _TILE + 0.26, _TILE, 0.13)
            _strip(strip, cell, side.preds_SN[:, misread.image].tolist())
        down += lines[name] * _BLOCK
    return sheet.figure


def _strip(axes: Axes, cell: CellAtlas, read_S: Sequence[int]) -> None:
    axes.set_xlim(0, max(len(read_S), 10))
    axes.set_ylim(1, 0)
    axes.axis("off")
    colours = {cell.true: "#eef0f3", cell.predicted: style.VERMILLION}
    for s, read in enumerate(read_S):
        colour = colours.get(read, "#8a919d")
        axes.add_patch(Rectangle((s + 0.06, 0.08), 0.88, 0.84, color=colour, lw=0))


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
    return f"{name} leads with {errors}, of which {core} make {share or 0:.0%}"
