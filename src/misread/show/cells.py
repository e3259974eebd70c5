"""The target cells of a verdict as tables."""

from collections.abc import Sequence

from misread import wording
from misread.judge.targets import CellResult
from misread.judge.verdict import Verdict
from misread.show.table import Table


def target_table(cells: Sequence[CellResult], alpha: float | None) -> Table:
    """Return a row per target cell: errors, change, interval, p, and what could have been found.

    `alpha` is None where each cell has the level of its look.
    """
    heads: tuple[str, ...] = (
        "Cell",
        "Errors per seed",
        "Rate",
        "Change",
        "Interval of its look" if alpha is None else f"{wording.level(alpha)} interval",
        "p (Holm)",
        "Smallest detectable (80% power)",
    )
    rows = [(wording.one_line(cell.name), *_target_row(cell)) for cell in cells]
    if any(map(_n_disputed, cells)):
        heads = (*heads, "Without disputed images")
        rows = [(*row, _without_disputed(cell)) for row, cell in zip(rows, cells, strict=True)]
    return Table("The target cells before and after, in images per seed", heads, tuple(rows))


def _target_row(cell: CellResult) -> tuple[str, ...]:
    """Return a target cell's numbers, in the order of `target_table`'s heads from the second on."""
    n = cell.n_images
    before, after = wording.images(cell.before_images), wording.images(cell.after_images)
    change = wording.images(cell.effect.estimate * n, sign=True)
    return (
        f"{before} → {after} of {wording.count(n, 'image')}",
        f"{wording.percent(cell.before)} → {wording.percent(cell.after)}",
        f"{change} ({wording.relative(cell.after, cell.before)})",
        wording.interval(cell.effect, n),
        wording.p_number(cell.p_holm),
        _least(cell),
    )


def _least(cell: CellResult) -> str:
    """Return the smallest reduction that would be found with 80% power."""
    least, relative = cell.smallest_detectable, cell.smallest_detectable_relative
    if cell.before == 0 or (least is None and cell.n_changed is None):
        return "cannot be said"
    if least is None or (relative is not None and relative > 1):
        return "not even all of them"
    share = f" ({wording.number(100 * relative, decimals=0)}%)" if relative else ""
    return f"{wording.images(least * cell.n_images)}{share}"


def _n_disputed(cell: CellResult) -> int:
    return 0 if cell.effect_undisputed is None else cell.n_images - cell.effect_undisputed.n_images


def _without_disputed(cell: CellResult) -> str:
    """Return the change without disputed images, as in "3 left out: −0.4, −2.2 to +1.3, p = .6"."""
    effect, n_disputed = cell.effect_undisputed, _n_disputed(cell)
    if effect is None or not n_disputed:
        return "none are disputed"
    change = wording.images(effect.estimate * effect.n_images, sign=True)
    span = wording.interval(effect, effect.n_images)
    return f"{n_disputed:,} left out: {change}, {span}, {wording.p_value(effect.p_value)}"


def cell_table(verdict: Verdict) -> Table:
    """Return a row per target cell: its images, its reverse, and its q-value among all cells."""
    heads = ("Cell", "Images behind it", "Against its reverse before", "q (all cells, exploratory)")
    rows = tuple(
        (
            wording.one_line(cell.name),
            _images_behind(cell),
            _against_reverse(cell, verdict.class_names),
            wording.p_number(cell.q_value),
        )
        for cell in verdict.cells
    )
    return Table("What is behind the target cells", heads, rows)


def _images_behind(cell: CellResult) -> str:
    """Return the images that make a cell, as in "1 → 0 hard-core, 4 → 3 coin-flip, …"."""
    before, after = cell.atlas_before, cell.atlas_after
    if min(before.n_seeds, after.n_seeds) == 1:
        return "cannot be told from one seed"
    return ", ".join(
        f"{len(images):,} → {len(after.kinds[name]):,} {name}"
        for name, images in before.kinds.items()
    )


def _against_reverse(cell: CellResult, class_names: Sequence[str]) -> str:
    """Return by how much i→j leads j→i, as in "+0.9 over 9→4 (−1.0 to +2.8), p = .31"."""
    lead = cell.asymmetry
    if lead is None:
        return "the other class does not occur"
    n = lead.n_images
    reverse = f"{class_names[cell.predicted]}→{class_names[cell.true]}"
    return wording.one_line(
        f"{wording.images(lead.estimate * n, sign=True)} over {reverse} "
        f"({wording.interval(lead, n)}), {wording.p_value(lead.p_value)}"
    )
