"""Tables of what is known before an arm is trained: confusions on *select*, atlas, preview."""

from collections.abc import Mapping, Sequence
from typing import Any

from misread import wording
from misread.judge import CellAtlas, Predictions
from misread.show import words
from misread.show.table import Table
from misread.study.evidence import Evidence
from misread.study.select import Rate


def errors_table(errors: dict[str, Any], top: int) -> Table:
    """Return the first `top` cells of `errors.json`."""
    n_seeds = len(errors["seeds"])
    heads = "rank", "cell", "errors a seed", "in seeds", "mean rank", "reverse"
    return Table(
        f"What the baseline misreads on select: {wording.count(n_seeds, 'seed')}, "
        f"{sum(errors['n_images_per_seed']):,} readings, accuracy "
        f"{sum(errors['accuracy']) / n_seeds:.2%}{smoke_mark(errors['smoke'])}",
        (*heads, "rank p", "asymmetry p"),
        tuple(
            (
                str(cell["rank"]),
                f"{cell['true']}→{cell['predicted']}",
                f"{cell['mean']:.1f}" + ("" if cell["sd"] is None else f" ± {cell['sd']:.1f}"),
                f"{cell['seeds_present']}/{cell['n_seeds']}",
                f"{cell['mean_rank']:.1f}",
                f"{cell['reverse_mean']:.1f}",
                wording.p_number(cell["q_rank"]),
                wording.p_number(cell["asymmetry_p"]),
            )
            for cell in errors["cells"][:top]
        ),
        "Reverse: errors a seed the other way round. Mean rank: over the seeds; by chance it "
        f"would be {errors['cells'][0]['chance_rank']:.1f}. Rank p: of one so low by chance, "
        "corrected over all cells (Benjamini–Hochberg). Asymmetry p: of such a difference if "
        "both directions were as frequent.",
        align="r",
    )


def preview_table(preview: dict[str, Any]) -> Table:
    """Return the operations of `preview.json`; its doses are the note."""
    return Table(
        "What each operation does to the select images of the target classes"
        + smoke_mark(preview["smoke"]),
        (
            "operation",
            "class",
            "images changed",
            "ink",
            "stroke, px",
            "misread",
            "read as the other class",
            "loops closed, opened",
        ),
        tuple(
            (
                f"{row['operation']} {row['size_px']} px",
                str(row["label"]),
                f"{row['changed_share']:.0%}",
                f"{row['ink_before']:.3f} → {row['ink_after']:.3f}",
                f"{row['thickness_before_px']:.1f} → {row['thickness_after_px']:.1f}",
                f"{row['error_before']:.1%} → {row['error_after']:.1%}",
                f"{row['as_target_before']:.1%} → {row['as_target_after']:.1%}",
                loops_in_words(row),
            )
            for row in preview["operations"]
        ),
        "; ".join(
            f"{share['arm']} (size {share['size_px'][0]} to {share['size_px'][1]} px): "
            f"{share['changed_share']['all']:.0%} of draws change an image"
            for share in preview["shares"]
            if share["changed_share"]
        ),
        align="r",
    )


def loops_in_words(row: Mapping[str, Any]) -> str:
    """Return of which share of images an operation closes and opens a loop."""
    if row.get("closed_share") is None:  # of an earlier version
        return "–"
    return f"{wording.percent(row['closed_share'])}, {wording.percent(row['opened_share'])}"


def smoke_mark(smoke: bool) -> str:  # noqa: FBT001  as stored
    """Return the mark of a smoke run for a title; "" for another run."""
    return " (smoke run)" if smoke else ""


def atlas_table(cells: Sequence[CellAtlas], n_cells: int, side: Predictions) -> Table:
    """Return what confusions are made of: `cells` out of `n_cells` that occur in `side`."""
    groups = list(cells[0].kinds) if cells else []
    rows = []
    for cell in cells:
        name = f"{side.class_names[cell.true]}→{side.class_names[cell.predicted]}"
        kinds = [
            f"{len(images)} ({cell.share_of_errors(kind) or 0:.0%})" if images else "–"
            for kind, images in cell.kinds.items()
        ]
        best = "–" if cell.best_reduction is None else f"{cell.best_reduction:.0%}"
        rows.append((name, wording.images(cell.errors_per_seed), *kinds, best))
    return Table(
        f"What is misread: {wording.count(side.n_seeds, 'seed')}, "
        f"{wording.count(side.n_images, 'image')}, {wording.count(n_cells, 'confusion')}",
        ("cell", "errors a seed", *groups, "still possible"),
        tuple(rows),
        "Images, and their share of the confusion's errors. Still possible: the largest "
        "reduction while disputed labels are read as now."
        + "".join(f" Note: {note}." for note in sorted({cell.note for cell in cells} - {""})),
        align="r",
    )


def selection_table(evidence: Evidence) -> Table:
    """Return the target and the most frequent confusions on *select*, beside *confirm*."""
    target = evidence.target
    confirm = {(c["true"], c["predicted"]): c for c in evidence.summary["ranked_cells"]}
    rows = []
    for place, cell in enumerate(evidence.errors["cells"]):
        key = (cell["true"], cell["predicted"])
        if place >= 5 and key != target:
            continue
        rates = evidence.shrinkage(*key)
        rows.append(
            (
                words.cell_name(evidence, *key) + (" (target)" if key == target else ""),
                f"{cell['rank']}",
                wording.images(cell["mean"]),
                _rate(rates.select),
                f"{cell['seeds_present']} of {cell['n_seeds']}",
                f"{confirm[key]['rank']}",
                wording.images(confirm[key]["mean"]),
                _rate(rates.confirm),
                wording.relative(rates.confirm.rate, rates.select.rate),
            )
        )
    parts = ["Rank on {}", "Errors per seed on {}", "Rate on {}"]
    select, check = ([part.format(name) for part in parts] for name in ("select", "confirm"))
    heads = ("Confusion", *select, "In seeds", *check, "Shrinkage")
    return Table("Confusions on select and on confirm", heads, tuple(rows))


def _rate(rate: Rate) -> str:
    low, high = wording.percent(rate.low), wording.percent(rate.high)
    return f"{wording.percent(rate.rate)} ({low} to {high})"
