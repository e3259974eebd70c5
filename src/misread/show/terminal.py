"""Tables for the terminal; colour only where the console has it."""

from typing import Any

from rich.table import Table

from misread.evidence import Evidence

_COLOURS = {"REDUCED": "green", "HARM": "red", "UNDERPOWERED": "yellow", "NOT SHOWN": "yellow"}


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def errors_table(errors: dict[str, Any], top: int) -> Table:
    """Return the first `top` cells of `errors.json` as a table."""
    n_seeds = len(errors["seeds"])
    accuracy = sum(errors["accuracy"]) / n_seeds
    table = Table(
        title=(
            f"What the baseline misreads on select: {n_seeds} seed(s), "
            f"{sum(errors['n_images_per_seed']):,} readings, accuracy {accuracy:.2%}"
            + (" (smoke run)" if errors["smoke"] else "")
        )
    )
    for heading in ("rank", "cell", "errors a seed", "in seeds", "mean rank", "reverse"):
        table.add_column(heading, justify="right")
    table.add_column("rank p (BH)", justify="right")
    table.add_column("asymmetry p", justify="right")
    for cell in errors["cells"][:top]:
        sd = "" if cell["sd"] is None else f" ± {cell['sd']:.1f}"
        table.add_row(
            str(cell["rank"]),
            f"{cell['true']}→{cell['predicted']}",
            f"{cell['mean']:.1f}{sd}",
            f"{cell['seeds_present']}/{cell['n_seeds']}",
            f"{cell['mean_rank']:.1f} (chance {cell['chance_rank']:.1f})",
            f"{cell['reverse_mean']:.1f}",
            _p(cell["q_rank"]),
            _p(cell["asymmetry_p"]),
        )
    return table


def preview_table(preview: dict[str, Any]) -> Table:
    """Return the operations of `preview.json` as a table; the doses are its caption."""
    table = Table(
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


def verdict_table(evidence: Evidence) -> Table:
    """Return the verdicts of a study as a table."""
    true, predicted = (evidence.confirm.class_names[k] for k in evidence.plan.target)
    table = Table(
        title=f"{evidence.plan.study.title}: {len(evidence.seeds)} seed(s), "
        f"{len(evidence.confirm):,} confirm images"
        + (" (smoke run)" if evidence.plan.study.smoke else "")
    )
    table.add_column("arm")
    table.add_column("verdict")
    for heading in ("accuracy", f"{true}→{predicted} a seed", "change", "95% interval", "p"):
        table.add_column(heading, justify="right")
    table.add_column("safe / harmed / undetermined", justify="right")
    accuracy = evidence.summary["accuracy"]
    table.add_row("baseline", "", f"{accuracy['mean']:.2%}", _before(evidence), "", "", "", "")
    for arm, verdict in evidence.verdicts.items():
        cell = verdict.cells[0]
        after = (evidence.predictions[arm] == evidence.confirm.labels_N).mean()
        effect = cell.effect
        colour = _COLOURS[verdict.verdict]
        table.add_row(
            arm,
            f"[{colour}]{verdict.verdict}[/{colour}]",
            f"{after:.2%}",
            f"{cell.after_images:.1f}",
            f"{cell.after_images - cell.before_images:+.1f}",
            f"{effect.low * cell.n_images:+.1f} to {effect.high * cell.n_images:+.1f}",
            _p(cell.p_holm),
            f"{verdict.n_safe} / {verdict.n_harmed} / {verdict.n_undetermined}",
        )
    return table


def _before(evidence: Evidence) -> str:
    true, predicted = evidence.plan.target
    of_class_N = evidence.confirm.labels_N == true
    return (
        f"{(evidence.predictions['baseline'][:, of_class_N] == predicted).sum(axis=1).mean():.1f}"
    )
