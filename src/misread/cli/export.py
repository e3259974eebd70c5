"""`misread export`: a finished study, for where people keep their runs."""

import json
from typing import Any

import click

from misread.cli.options import say
from misread.errors import StudyError, needs_extra
from misread.store import RunFolder
from misread.study.evidence import Evidence, load_evidence
from misread.study.folder import finished_study


@click.group()
def export() -> None:
    """Put a finished study where people keep their runs."""


@export.command(short_help="Log a finished study to MLflow.")
@click.argument("study")
@click.option(
    "--uri", metavar="URI", help="Tracking server or store [default: MLFLOW_TRACKING_URI]."
)
@click.option("--experiment", metavar="NAME", help="MLflow experiment [default: the study's name].")
@needs_extra()
def mlflow(study: str, uri: str | None, experiment: str | None) -> None:
    """Log a finished STUDY to MLflow: a run for each training, and one for the verdict.

    Each training has its settings as parameters and its curves as metrics; the run `verdict` above
    them has the verdict, the figures and the report as artifacts. What is there already of the same
    plan is left alone.
    """
    import mlflow as ml  # noqa: PLC0415  seconds, and an extra

    try:
        sentence = _export(ml, study, uri, experiment)
    except ml.MlflowException as error:
        what = " ".join(str(error).split()).rstrip(".")
        msg = f"MLflow says: {what}; give with --uri one that it takes, as sqlite:///mlflow.db."
        raise StudyError(msg) from error
    say(sentence)


def _export(ml: Any, study: str, uri: str | None, experiment: str | None) -> str:
    """Log a study, and return what was logged, and where."""
    evidence = load_evidence(finished_study(study))
    plan = evidence.plan
    client = ml.MlflowClient(tracking_uri=uri)
    name = experiment or plan.study.name
    there = client.get_experiment_by_name(name)
    number = there.experiment_id if there else client.create_experiment(name)
    known = client.search_runs([number], f"tags.`misread.plan` = '{plan.sha256}'", max_results=1)
    if known:
        msg = f"{name} in MLflow has the plan {plan.sha256[:12]} already; delete its runs first."
        raise StudyError(msg)
    parent = client.create_run(number, run_name="verdict", tags={"misread.plan": plan.sha256})
    _log_verdict(client, parent.info.run_id, evidence)
    for arm, runs in evidence.runs.items():
        for folder in runs.folders:
            tags = {"mlflow.parentRunId": parent.info.run_id, "misread.plan": plan.sha256}
            run = client.create_run(number, run_name=f"{arm} seed {folder.seed}", tags=tags)
            _log_training(client, run.info.run_id, evidence, folder)
    place = uri or ml.get_tracking_uri()
    n_runs = sum(len(runs.folders) for runs in evidence.runs.values())
    return f"Logged: {n_runs} runs and a verdict in the experiment {name}, {place}."


def _log_verdict(client: Any, run: str, evidence: Evidence) -> None:
    """Log the verdict of every arm, the figures and the report."""
    for arm, verdict in evidence.verdicts.items() if evidence.plan.target else ():
        client.set_tag(run, f"verdict.{arm}", f"{verdict.verdict}: {verdict.reason}"[:4000])
        client.log_metric(run, f"{arm}.harmed", verdict.n_harmed)
        for cell in verdict.cells:
            client.log_metric(run, f"{arm}.{cell.name.replace('→', '-')}", cell.effect.estimate)
    for pattern in ("verdict.json", "comparison.json", "plan.json", "report.html"):
        for path in evidence.folder.glob(pattern):
            client.log_artifact(run, str(path))
    for folder in ("figures", "results"):
        for path in sorted((evidence.folder / folder).glob("*.png")):
            client.log_artifact(run, str(path), artifact_path="figures")
    client.set_terminated(run)


def _log_training(client: Any, run: str, evidence: Evidence, folder: RunFolder) -> None:
    """Log one training: settings, curves, accuracy."""
    arm = evidence.plan.study.arms[folder.arm]
    stated = {"arm": folder.arm, "seed": folder.seed, "policy": arm.policy or "none", **arm.stated}
    for key, value in stated.items():
        client.log_param(run, key, value if isinstance(value, str) else json.dumps(value))
    for row in folder.history():
        for key, value in row.items():
            if key != "epoch":
                client.log_metric(run, key, value, step=int(row["epoch"]))
    client.log_metric(run, "accuracy_confirm", folder.result()["accuracy"])
    client.log_artifact(run, str(folder.path / "config.json"))
    client.set_terminated(run)
