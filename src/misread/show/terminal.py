"""Tables for the terminal; colour only where the console has it."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from misread.judge import CellAtlas, CellResult, Predictions
from misread.show import words
from misread.show.render import verdict_style
from misread.show.table import Grid
from misread.study.evidence import Evidence
from misread.study.study import BASELINE


def errors_table(errors: dict[str, Any], top: int) -> Grid:
    """Return the first `top` cells of `errors.json` as a table."""
    n_seeds = len(errors["seeds"])
    accuracy = sum(errors["accuracy"]) / n_seeds
    table = Grid(
        title=(
            f"What the baseline misreads on select: {words.count(n_seeds, 'seed')}, "
            f"{sum(errors['n_images_per_seed']):,} readings, accuracy {accuracy:.2%}"
            + (" (smoke run)" if errors["smoke"] else "")
        ),
        caption=(
            "Reverse: errors a seed the other way round. Mean rank: over the seeds; by chance it "
            f"would be {errors['cells'][0]['chance_rank']:.1f}. Rank p: of one so low by chance, "
            "corrected over all cells (Benjamini–Hochberg). Asymmetry p: of such a difference if "
            "both directions were as frequent."
        ),
    )
    for heading in ("rank", "cell", "errors a seed", "in seeds", "mean rank", "reverse"):
        table.add_column(heading, justify="right")
    table.add_column("rank p", justify="right")
    table.add_column("asymmetry p", justify="right")
    for cell in errors["cells"][:top]:
        sd = "" if cell["sd"] is None else f" ± {cell['sd']:.1f}"
        table.add_row(
            str(cell["rank"]),
            f"{cell['true']}→{cell['predicted']}",
            f"{cell['mean']:.1f}{sd}",
            f"{cell['seeds_present']}/{cell['n_seeds']}",
            f"{cell['mean_rank']:.1f}",
            f"{cell['reverse_mean']:.1f}",
            words.p_number(cell["q_rank"]),
            words.p_number(cell["asymmetry_p"]),
        )
    return table


def preview_table(preview: dict[str, Any]) -> Grid:
    """Return the operations of `preview.json` as a table; the doses are its caption."""
    table = Grid(
        title="What each operation does to the select images of the target classes"
        + (" (smoke run)" if preview["smoke"] else ""),
        caption="; ".join(
            f"{share['arm']} (size {share['size_px'][0]} to {share['size_px'][1]} px): "
            f"{share['changed_share']['all']:.0%} of draws change an image"
            for share in preview["shares"]
            if share["changed_share"]
        ),
    )
    for heading in ("operation", "class", "images changed", "ink", "stroke, px", "misread"):
        table.add_column(heading, justify="right")
    table.add_column("read as the other class", justify="right")
    for row in preview["operations"]:
        table.add_row(
            f"{row['operation']} {row['size_px']} px",
            str(row["label"]),
            f"{row['changed_share']:.0%}",
            f"{row['ink_before']:.3f} → {row['ink_after']:.3f}",
            f"{row['thickness_before_px']:.1f} → {row['thickness_after_px']:.1f}",
            f"{row['error_before']:.1%} → {row['error_after']:.1%}",
            f"{row['as_target_before']:.1%} → {row['as_target_after']:.1%}",
        )
    return table


def study_table(evidence: Evidence) -> Grid:
    """Return the verdicts of a study as a table."""
    target = words.target_name(evidence)
    smoke = " (smoke run)" if evidence.plan.study.smoke else ""
    table = Grid(
        title=f"{evidence.plan.study.title}: {words.seeds_told(evidence)}, "
        f"{len(evidence.confirm):,} confirm images{smoke}",
        caption=" ".join(
            filter(None, [f"Over {words.sampled_told(evidence)}.", words.runs_told(evidence)])
        ),
    )
    for heading in ("arm", "verdict"):
        table.add_column(heading, no_wrap=True)
    for heading in ("accuracy", f"{target} a seed", "change, with its interval", "p", "harmed"):
        table.add_column(heading, justify="right")
    table.add_row(
        BASELINE,
        "",
        words.percent(words.mean_accuracy(evidence, BASELINE)),
        words.images(evidence.summary["target"]["confirm"]["mean"]),
    )
    for arm, verdict in evidence.verdicts.items():
        cell, *others = verdict.cells
        table.add_row(
            arm,
            Text(verdict.verdict, style=verdict_style(verdict.verdict)),
            words.percent(words.mean_accuracy(evidence, arm)),
            *_moved(cell),
            f"{verdict.n_harmed} of {verdict.n_items}",
        )
        for other in others:
            before = words.images(other.before_images)
            after, *change = _moved(other)
            table.add_row("", f"and {other.name}", "", f"{before} → {after}", *change, "")
    return table


def _moved(cell: CellResult) -> tuple[str, str, str]:
    """Return errors a seed after the fix, their change with its interval, and the p-value."""
    change = words.images(cell.effect.estimate * cell.n_images, sign=True)
    return (
        words.images(cell.after_images),
        f"{change} ({words.interval(cell.effect, cell.n_images)})",
        words.p_number(cell.p_holm),
    )


def atlas_table(cells: Sequence[CellAtlas], n_cells: int, side: Predictions) -> Grid:
    """Return what confusions are made of: `cells` out of `n_cells` that occur in `side`."""
    notes = sorted({cell.note for cell in cells} - {""})
    table = Grid(
        title=(
            f"What is misread: {words.count(side.n_seeds, 'seed')}, "
            f"{words.count(side.n_images, 'image')}, {words.count(n_cells, 'confusion')}"
        ),
        caption="Images, and their share of the confusion's errors. Still possible: the largest "
        "reduction while disputed labels are read as now."
        + "".join(f" Note: {note}." for note in notes),
    )
    groups = list(cells[0].groups) if cells else []
    for heading in ("cell", "errors a seed", *groups, "still possible"):
        table.add_column(heading, justify="right")
    for cell in cells:
        told = [
            f"{len(images)} ({cell.share_of_errors(name) or 0:.0%})" if images else "–"
            for name, images in cell.groups.items()
        ]
        table.add_row(
            Text(f"{side.class_names[cell.true]}→{side.class_names[cell.predicted]}"),
            words.images(cell.errors_per_seed),
            *told,
            "–" if cell.best_reduction is None else f"{cell.best_reduction:.0%}",
        )
    return table
