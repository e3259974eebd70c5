"""`misread explain`: what the models of a study look at, and what closing a loop does to them."""

import click

from misread.cli.options import json_option, names, say, say_json, stderr
from misread.cli.progress import Bar
from misread.explain.loop import EDITS
from misread.explain.maps import Method
from misread.images.operations import OPERATIONS
from misread.show.figures import why as figures
from misread.show.style import write_png
from misread.store import locked
from misread.study.arms import BASELINE
from misread.study.evidence import load_evidence
from misread.study.explain import explain as explain_study
from misread.study.folder import finished_study
from misread.study.questions import cell_in


@click.command()
@click.argument("study")
@click.option("--cell", metavar="4:9", help="Cell to explain [default: the study's target].")
@click.option("--image", "ids", type=int, multiple=True, metavar="ID", help="A confirm image.")
@click.option(
    "--arms", callback=names, metavar="a,b", help="Arms beside the baseline [default: all]."
)
@click.option(
    "--method",
    type=click.Choice([method.value for method in Method]),
    default=Method.OCCLUSION.value,
    show_default=True,
    help="How maps are made; gradients need our trainer.",
)
@click.option(
    "--edit",
    "edits",
    type=click.Choice([*EDITS, *OPERATIONS]),
    multiple=True,
    help="Edit of the images by degrees [default: those of loops, where the classes have any].",
)
@json_option
def explain(
    study: str,
    cell: str | None,
    ids: tuple[int, ...],
    arms: tuple[str, ...] | None,
    method: str,
    edits: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show what the models of STUDY, a finished study or its folder, look at in one confusion.

    It loads the study's trainer, and so runs the code of a trainer of your own.
    """
    folder = finished_study(study)
    evidence = load_evidence(folder)
    if not evidence.plan.study.trainer.is_ours:
        say(f"Loading models with {evidence.plan.study.trainer.text}.", err=True)
    class_names = evidence.confirm.class_names
    asked = {BASELINE, *(arms or evidence.runs)}
    n_models = sum(len(runs.seeds) for arm, runs in evidence.runs.items() if arm in asked)
    with locked(folder), Bar(stderr()) as bar:
        bar.begin("asking the models", n_models, "models")
        why, maps, images = explain_study(
            evidence,
            cell=None if cell is None else cell_in(cell, class_names),
            ids=ids,
            arms=arms or (),
            method=Method(method),
            edits=edits,
            on_model=lambda: bar.advance(1),
        )
        place = folder / "explain"
        pictures = [write_png(place / "maps.png", figures.maps(why, maps, images, class_names))]
        if why.arms[BASELINE].degrees:
            pictures.append(write_png(place / "degrees.png", figures.degrees(why, class_names)))
    if as_json:
        say_json((place / "explain.json").read_text("utf-8"))
        return
    for line in figures.sentences(why, class_names):
        say(line)
    say(f"Written: {' and '.join(map(str, pictures))}, with the numbers beside them.")
    if not why.arms[BASELINE].degrees:
        say("No loop to close or open; choose an edit, as in --edit erode.")
    say(f"Next: misread report {folder}   (puts this into the study's page)")
