"""The figures of the atlas: what the leading confusions are made of, and the images of one."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from misread import judge
from misread.images import Images
from misread.judge import CellAtlas, Predictions
from misread.show import draw, style
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence
from misread.wording import count, images

LEADING = 12
MOST_IMAGES = 32  # per group; the rest is counted
_ROW, _TILE, _COLUMNS, _BLOCK = 0.4, 1.18, 8, 1.86
COLOURS = {
    "hard-core": style.VERMILLION,
    "coin-flip": style.ORANGE,
    "flicker": style.SKY,
    "disputed": style.PURPLE,
    "misread": style.MUTED,
}


def atlas(evidence: Evidence) -> Figure:
    """Draw what the baseline's leading confusions on *confirm* are made of."""
    confirm = evidence.confirm
    cells = judge.atlas(confirm.labels_N, evidence.predictions[BASELINE], confirm.disputed_N)
    return atlas_figure(
        cells, confirm.class_names, marked=evidence.target, warning=evidence.plan.exploratory
    )


@style.styled
def atlas_figure(
    cells: Sequence[CellAtlas],
    class_names: Sequence[str],
    *,
    marked: tuple[int, int] | None = None,
    warning: str = "",
) -> Figure:
    """Draw the first cells as bars of errors per seed, a colour per group of images.

    `cells` come with most errors first; `LEADING` are drawn, and the `marked` one, in bold.
    """
    leading = list(cells[:LEADING])
    leading += [c for c in cells[LEADING:] if (c.true, c.predicted) == marked]
    sheet = style.Sheet(
        11.5,
        _ROW * max(len(leading), 1) + 1.15,
        _title(leading, class_names),
        "Errors per seed, by how many of the seeds misread the image so: hard core at least 80%, "
        "coin flip 20 to 80%, flicker fewer; disputed labels apart. In the bars: images.",
        warning,
    )
    if not leading:
        return sheet.figure
    marks = [draw.Mark(name, COLOURS[name], "s") for name in leading[0].kinds]
    draw.key(sheet, 1.5, 0.12, marks)
    axes = draw.row_axes(sheet, 1.5, 0.42, 9.4, _ROW * len(leading), len(leading))
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("errors per seed")
    longest = leading[0].errors_per_seed
    for row, cell in enumerate(leading):
        left = 0.0
        for name, members in cell.kinds.items():
            if not members:
                continue
            width, number = sum(misread.share for misread in members), str(len(members))
            axes.barh(row, width, 0.72, left=left, color=COLOURS[name], ec="white", lw=1.2)
            if width > 0.022 * longest * len(number):
                ink = style.INK if name in ("coin-flip", "flicker") else "white"
                middle = (left + width / 2, row + 0.02)
                axes.text(*middle, number, ha="center", va="center", fontsize=10, color=ink)
            left += width
        name = _name(cell, class_names)
        draw.row_label(axes, row, name, bold=(cell.true, cell.predicted) == marked)
    return sheet.figure


@style.styled
def cell_figure(
    cell: CellAtlas,
    side: Predictions,
    pictures: Images | Mapping[int, Images],
    warning: str = "",
    columns: int = _COLUMNS,
) -> Figure:
    """Draw the images of one cell in its groups, each with what every seed read.

    `side` is what the cell was taken from; `pictures` has its images by place, `uint8
    [H,W]` or `[H,W,C]`, drawn as many in a row as `columns`.
    """
    groups = {name: members for name, members in cell.kinds.items() if members}
    heights = {
        name: -(-min(len(members), MOST_IMAGES) // columns) * _BLOCK
        for name, members in groups.items()
    }
    note = f"{cell.note[0].upper()}{cell.note[1:]}." if cell.note else ""
    sheet = style.Sheet(
        0.35 + columns * (_TILE + 0.16) + 0.3,
        sum(0.42 + height for height in heights.values()) + 0.1,
        f"{_name(cell, side.class_names)}: {images(cell.errors_per_seed)} errors a seed on "
        f"{count(sum(map(len, groups.values())), 'image')}",
        f"A square per seed ({side.n_seeds}); orange: read as {side.class_names[cell.predicted]}, "
        f"grey: as another class, pale: rightly. {note}",
        warning,
    )
    down = 0.0
    for name, members in groups.items():
        more = f", the first {MOST_IMAGES} drawn" if len(members) > MOST_IMAGES else ""
        head = f"{name}: {len(members):,} ({cell.share_of_errors(name) or 0:.0%} of errors){more}"
        sheet.text(0.35, down, head, size=12.5, bold=True, colour=COLOURS[name])
        down += 0.42
        drawn = members[:MOST_IMAGES]
        corners = draw.places(len(drawn), columns, 0.35, down, (_TILE + 0.16, _BLOCK))
        for misread, (at, top) in zip(drawn, corners, strict=True):
            sheet.image(at, top, _TILE, pictures[misread.image])
            number = misread.image if side.ids is None else side.ids[misread.image]
            sheet.text(at, top + _TILE + 0.045, f"#{number}", size=9, colour=style.MUTED)
            strip = sheet.axes(at, top + _TILE + 0.26, _TILE, 0.13)
            read_S = side.preds_SN[:, misread.image].tolist()
            draw.seed_squares(strip, [read_S], (cell.true, cell.predicted))
        down += heights[name]
    return sheet.figure


def _name(cell: CellAtlas, class_names: Sequence[str]) -> str:
    return f"{class_names[cell.true]}→{class_names[cell.predicted]}"


def _title(leading: Sequence[CellAtlas], class_names: Sequence[str]) -> str:
    if not leading:
        return "No seed misreads anything"
    first = leading[0]
    lead = f"{_name(first, class_names)} leads with {images(first.errors_per_seed)} errors a seed"
    if first.n_seeds == 1:
        return f"{lead}; one seed says nothing of chance"
    share = first.share_of_errors("hard-core")
    core = count(len(first.hard_core), "hard-core image")
    return f"{lead}, of which {core} make {share or 0:.0%}"
