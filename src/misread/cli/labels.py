"""`misread labels`: labels that are worth a second look, and a file for the answers."""

from pathlib import Path
from typing import Any

import click

from misread import wording
from misread.cli.options import (
    figure_option,
    file_option,
    is_given,
    json_option,
    print_json,
    say,
    stdout,
)
from misread.errors import StudyError
from misread.files import csv_to_bytes, write_atomic
from misread.learn.views import Part
from misread.show.figures.labels import labels_figure
from misread.show.style import write_png
from misread.show.table import Table, terminal_table
from misread.study.folder import finished_study, study_folder
from misread.study.labels import Questioned, labels_of_file, labels_of_study

_TOPS = (15, 30, 60)  # ranks up to which disputed labels are counted


@click.command()
@click.argument("source", metavar="STUDY|FILE")
@click.option(
    "--arm", default="baseline", show_default=True, help="Arm of a study whose models read."
)
@click.option(
    "--part",
    type=click.Choice([Part.SELECT.value, Part.CONFIRM.value]),
    default=Part.SELECT.value,
    show_default=True,
    help="Of a study: training images that models had not seen, or its test images.",
)
@click.option("--data", metavar="SOURCE", help="Data whose test set a FILE is about, for pictures.")
@click.option(
    "--top", type=click.IntRange(1), default=60, show_default=True, help="Labels to list."
)
@file_option("--out", "FILE.csv", "Write them here, with an empty column `answer`.")
@figure_option("Draw their images into this file.")
@json_option
def labels(
    source: str,
    arm: str,
    part: str,
    data: str | None,
    top: int,
    out: Path | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Rank the labels that are worth a second look, from the readings of many trainings.

    STUDY|FILE is a finished study's folder or name, or a file as `misread judge` takes it. First
    come labels that all trainings read otherwise, and those off the diagonal of the confident joint
    (Northcutt et al. 2021). Fill the column `answer` of --out with keep, wrong or unclear, and give
    it to `misread judge --answers`: wrong and unclear labels are then disputed.
    """
    is_study = study_folder(source) is not None
    for name in ("data",) if is_study else ("arm", "part"):
        if is_given(name):
            why = (
                "a study and knows its images" if is_study else "no study and has no arms or parts"
            )
            msg = f"{source} is {why}; leave --{name} out."
            raise StudyError(msg)
    if is_study:
        questioned = labels_of_study(finished_study(source), arm, Part(part))
    else:
        questioned = labels_of_file(source, data)
    rows = _rows(questioned, top)
    if out is not None:
        write_atomic(out, csv_to_bytes(rows))
    if figure is not None:
        write_png(figure, labels_figure(questioned, top))
    if as_json:
        print_json(rows)
        return
    _print(questioned, rows)
    if written := [str(path) for path in (out, figure) if path is not None]:
        say(f"Written: {' and '.join(written)}.")
    if rows:
        look = "Look at them" if figure else "Look at them (--figure)"
        say(f"{look}, and answer keep, wrong or unclear in {out or 'a file (--out)'}.")


def _rows(questioned: Questioned, top: int) -> list[dict[str, Any]]:
    names = questioned.class_names
    return [
        {
            "id": questioned.ids[one.image],
            "answer": "",
            "label": names[one.label],
            "suggested": names[one.suggested],
            "share": round(one.share, 4),
            "prob_label": round(one.prob, 4),
            "prob_suggested": round(one.prob_suggested, 4),
        }
        for one in questioned.suspects.ranked[:top]
    ]


def _print(questioned: Questioned, rows: list[dict[str, Any]]) -> None:
    n_all, n_read = len(questioned.suspects.ranked), questioned.suspects.n_read
    say(
        f"{wording.count(n_all, 'label')} of {n_read:,} worth a second look, in {questioned.about} "
        f"({wording.count(questioned.n_seeds, 'seed')})."
    )
    if n_all and questioned.disputed_N is not None and (known := int(questioned.disputed_N.sum())):
        ranked = [one.image for one in questioned.suspects.ranked]
        among = (
            f"{int(questioned.disputed_N[ranked[:n]].sum())} among the first {n}"
            for n in dict.fromkeys(min(n, n_all) for n in _TOPS)
        )
        say(f"Of {wording.count(known, 'label')} disputed already: {', '.join(among)}.")
    if not rows:
        return
    heads = ("id", "label", "read as", "share of readings", "probability of the label")
    table = Table(
        "The most suspect first",
        heads,
        tuple(
            (
                str(row["id"]),
                row["label"],
                row["suggested"],
                wording.percent(row["share"]),
                f"{row['prob_label']:.3f}",
            )
            for row in rows
        ),
    )
    stdout().print(terminal_table(table))
    if len(rows) < n_all:
        say(f"The first {len(rows)}; --top {n_all} lists all.")
