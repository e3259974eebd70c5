"""`misread power`: how many seeds and images, before anything is trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from misread.cli.options import console, study_folder

if TYPE_CHECKING:
    from misread.judge import Pilot


class _Share(click.ParamType[float]):
    name = "share"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        text = str(value)
        try:
            return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            return self.fail(f"{value!r} is no share; write it as in 0.008 or 0.8%.", param, ctx)


@click.command(short_help="Say how many seeds and images a reduction needs.")
@click.argument("pilot", required=False)
@click.argument("after", required=False)
@click.option("--cell", metavar="4:9", help="The confusion; a study knows its own.")
@click.option("--rate", type=_Share(), metavar="0.8%", help="Instead of PILOT: errors per image.")
@click.option(
    "--errors", type=click.FloatRange(0, min_open=True), help="Instead of PILOT: errors a seed."
)
@click.option("--images", type=click.IntRange(2), help="Images of the true class in the study.")
@click.option(
    "--seeds", type=click.IntRange(1), help="Seeds of the study [default: PILOT's, or 10]."
)
@click.option(
    "--reduction", type=_Share(), default=0.3, show_default=True, help="Share of the errors to go."
)
@click.option(
    "--power", "target", type=_Share(), default=0.8, show_default=True, help="Power that is wanted."
)
@click.option("--alpha", type=_Share(), default=0.05, show_default=True)
@click.option("--figure", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw it.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def power(
    pilot: str | None,
    after: str | None,
    cell: str | None,
    rate: float | None,
    errors: float | None,
    images: int | None,
    figure: Path | None,
    as_json: bool,  # noqa: FBT001  click passes flags
    seeds: int | None,
    **wanted: float,
) -> None:
    """Say how many seeds and images a reduction needs, and what the present ones could show.

    PILOT holds predictions of the present model, as `misread judge` reads them; with AFTER, those
    of a fix that was tried. PILOT may be a study or its folder: then the baseline's errors on
    *select* count, and *confirm* stays closed. Without PILOT, give --rate, or --errors, with
    --images.
    """
    from misread.judge import plan_power

    known, name, images = _known(pilot, after, cell, rate, errors, images)
    answer = plan_power(known, cell=name, n_seeds=seeds, n_images=images, **wanted)
    if figure is not None:
        from misread.files import write_atomic
        from misread.show.figures.power import power_figure
        from misread.show.style import png

        write_atomic(figure, png(power_figure(answer, known)))
    if as_json:
        click.echo(answer.model_dump_json(indent=2))
        return
    from misread.show.figures.power import power_table, smallest_told

    click.echo(answer.sentence)
    click.echo(smallest_told(answer))
    console(stderr=False).print(power_table(answer))
    for line in answer.assumptions:
        click.echo(f"- {line}")
    if figure is not None:
        click.echo(f"Written: {figure}.")


def _known(
    pilot: str | None,
    after: str | None,
    cell: str | None,
    rate: float | None,
    errors: float | None,
    images: int | None,
) -> "tuple[Pilot, str, int | None]":
    """Return the pilot, the name of the cell, and the images of the study where they are known."""
    from misread.errors import StudyError
    from misread.judge import pilot_from_rate
    from misread.study.study import parse_cell

    sources = (("PILOT", pilot), ("--rate", rate), ("--errors", errors))
    given = [source for source, value in sources if value is not None]
    if len(given) != 1:
        msg = (
            f"the present errors come from {' and '.join(given) or 'nowhere'}; give one of PILOT, "
            "--rate and --errors."
        )
        raise StudyError(msg)
    if pilot is None:
        if images is None:
            msg = f"{given[0]} without --images; give the number of images of the true class."
            raise StudyError(msg)
        if errors is not None and errors >= images:
            msg = (
                f"--errors is {errors:g} and --images {images:,}; give the errors a seed among the "
                "images of the true class, fewer than these."
            )
            raise StudyError(msg)
        name = "the cell" if cell is None else cell.replace(":", "→")
        share = errors / images if errors is not None else rate or 0.0
        return pilot_from_rate(share), name, images
    study = study_folder(pilot)
    if study is not None and after is not None:
        msg = f"{pilot} is a study and {after} comes after it; give two files of predictions."
        raise StudyError(msg)
    if study is not None:
        return _from_study(study, None if cell is None else parse_cell(cell), images)
    if cell is None:
        msg = f"{pilot} without --cell; name the confusion, as in --cell 4:9."
        raise StudyError(msg)
    return *_from_files(pilot, after, cell), images


def _from_study(
    folder: Path, named: tuple[int, int] | None, images: int | None
) -> "tuple[Pilot, str, int | None]":
    from misread.errors import StudyError
    from misread.files import read_json
    from misread.study.plan import load_plan
    from misread.study.run import on_confirm, pilot_on_select, target_of
    from misread.study.study import load_study

    if not (folder / "errors.json").exists():
        msg = f"{folder} holds no errors.json; run `misread errors STUDY` first, or give a rate."
        raise StudyError(msg)
    errors = read_json(folder / "errors.json")
    plan = load_plan(folder) if (folder / "plan.json").exists() else None
    study = plan.study if plan else load_study(errors["study"], smoke=errors["smoke"])
    cell = named or (plan.target if plan else target_of(study, errors)[0])
    name, confirm = on_confirm(study, cell)
    return pilot_on_select(errors, cell), name, images or confirm


def _from_files(pilot: str, after: str | None, cell: str) -> "tuple[Pilot, str]":
    from misread.errors import DataError
    from misread.judge import align, cell_of, pilot_from_both, pilot_from_errors
    from misread.readers.read import read_predictions

    sides = [read_predictions(source) for source in (pilot, after) if source is not None]
    if len(sides) == 2:
        pair = align(*sides)
        if not pair.paired:
            msg = (
                f"{pilot} and {after} are not of the same seeds; a plan from both arms needs "
                "pairs: give PILOT alone."
            )
            raise DataError(msg)
        sides = [pair.before, pair.after]
    names = sides[0].class_names
    true, predicted = cell_of(cell, names)
    own_N = sides[0].labels_N == true
    if not own_N.any():
        msg = f"{pilot} has no image of class {names[true]}; name a cell of its classes."
        raise DataError(msg)
    errors = [side.preds_SN[:, own_N] == predicted for side in sides]
    told = f"{names[true]}→{names[predicted]}"
    return (pilot_from_both(*errors) if after else pilot_from_errors(errors[0])), told
