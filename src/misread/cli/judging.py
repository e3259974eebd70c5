"""`misread judge`: a verdict from predictions alone."""

import sys

import click


@click.command()
@click.argument("before")
@click.argument("after")
@click.option("--cell", "cells", multiple=True, required=True, metavar="4:9", help="Target cell.")
@click.option("--alpha", type=click.FloatRange(0, 0.5), default=0.05, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--gate", is_flag=True, help="Exit with 1 unless the verdict is REDUCED.")
def judge(
    before: str,
    after: str,
    cells: tuple[str, ...],
    alpha: float,
    as_json: bool,  # noqa: FBT001  click passes flags
    gate: bool,  # noqa: FBT001
) -> None:
    """Judge the predictions AFTER a fix against those BEFORE it; needs no training.

    Each side is an NPZ file with `labels` [N] and `predictions` [S,N] (or `probs` [S,N,K]);
    FILE#ARM takes the array `ARM` [S,N] instead. The same row of both sides is the same seed.
    """
    from misread.data.readings import read_predictions
    from misread.errors import DataError
    from misread.judge import judge as decide
    from misread.study import parse_cell

    labels_N, before_SN = read_predictions(before)
    labels_after_N, after_SN = read_predictions(after)
    if labels_N.shape != labels_after_N.shape or (labels_N != labels_after_N).any():
        msg = (
            f"{before} and {after} do not hold the same labels; judge predictions of the same "
            "images in the same order."
        )
        raise DataError(msg)
    verdict = decide(
        labels_N,
        before_SN,
        after_SN,
        cells=[parse_cell(cell) for cell in cells],
        alpha=alpha,
        arm=after,
    )
    if as_json:
        click.echo(verdict.model_dump_json(indent=2))
    else:
        qualifier = f" ({verdict.qualifier})" if verdict.qualifier else ""
        click.echo(f"{verdict.verdict}{qualifier}: {verdict.reason}")
    if gate and verdict.verdict != "REDUCED":
        sys.exit(1)
