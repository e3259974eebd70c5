"""`misread fix`: search for a fix of a study's target, and write the study that is to prove it."""

import math
import shlex
from pathlib import Path
from typing import Any

import click

from misread import wording
from misread.cli.options import file_option, say, say_json, stderr, stdout, study_options
from misread.cli.progress import StudyBar, load_with_bar
from misread.errors import StudyError
from misread.files import write_atomic
from misread.learn.order import Step
from misread.show.fix import (
    answer,
    dropped_lines,
    last_lines,
    last_table,
    next_command,
    search_page,
)
from misread.store import locked
from misread.study.candidates import load_candidates, proof_of
from misread.study.file import load_study
from misread.study.search import most_epochs, search


@click.command()
@click.argument("study")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="Time for all trainings together; costly candidates are left out for it.",
)
@file_option(
    "--candidates",
    "FILE",
    "A TOML file with a table [candidates.NAME] for each arm to try [default: built in].",
    name="candidates_file",
)
@study_options
def fix(
    study: str,
    budget: float | None,
    candidates_file: Path | None,
    out: Path | None,
    jobs: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Search for a fix of STUDY's target, and write the study that is to prove the best."""
    if budget is not None and not math.isfinite(budget):
        msg = f"--budget {budget} is no time; give minutes, for example 60, or leave it out."
        raise StudyError(msg)
    loaded = load_study(study, **options)
    candidates, no_policy = load_candidates(loaded, candidates_file)
    folder = out or Path("runs") / f"{loaded.name}-fix"
    console = stderr()
    load_with_bar(loaded.dataset, console)
    if not loaded.trainer.is_ours:
        say(f"Trainer: {loaded.trainer.text}; what is left to do runs its code.", err=True)
    say(f"Trying {len(candidates)} candidates; confirm stays closed.", err=True)
    with StudyBar(console, most_epochs(loaded, candidates), Step.TRAINED, "at most ") as bar:
        result = search(
            loaded,
            candidates,
            folder,
            left_out=no_policy,
            budget_minutes=budget,
            jobs=jobs,
            on_report=bar.on_report,
        )
    with locked(folder), stderr().status("writing the page and the proof's study"):
        proof = folder / f"{loaded.name}-proof.toml"
        whole = load_study(study, **options | {"smoke": False})
        arms = load_candidates(whole, candidates_file)[0]  # a smoke run's arms train one epoch
        write_atomic(proof, proof_of(result, whole, arms).encode())
        page = folder / "fix.html"
        labels = {name: arm.label or name for name, arm in candidates.items()}
        command = _command(click.get_current_context())
        write_atomic(page, search_page(result, loaded, labels, proof, command).encode())
    if as_json:
        say_json((folder / "fix.json").read_text("utf-8"))
        return
    say(answer(result))
    stdout().print(last_table(result))
    for line in (*last_lines(result, labels), *dropped_lines(result)):
        say(line)
    for name, why in result.left_out.items():
        say(f"Not tried: {name}, for {why}.")
    say(f"Page: {page}")
    say(next_command(result, proof))


def _command(ctx: click.Context) -> str:
    """Return the command with what decides its result: not where that goes, nor how fast."""
    stated = [ctx.params["study"]]
    for option in ctx.command.params:
        value = ctx.params[option.name or ""]
        if option.name in {"study", "out", "jobs", "as_json"} or value in {None, False}:
            continue
        text = wording.spans(value) if isinstance(value, tuple) else f"{value}"
        stated += [option.opts[0]] if value is True else [option.opts[0], text]
    return shlex.join(["misread", "fix", *stated])
