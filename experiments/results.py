"""Write the documented results of a finished study: text, figures and readings.

    python experiments/results.py runs/four-nine-documented

writes `docs/results/<study>.md` from `results.md.j2`, its figures, `<study>-readings.npz` (what
every arm and seed read in every image, so that anyone can judge it again without training), and the
block between the marks in README.md. Every number comes from the study's folder.
"""

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import scipy.stats

from misread.files import write_arrays, write_atomic
from misread.judge import CellResult, two_way
from misread.show import target as tables
from misread.show import words
from misread.show.report import command
from misread.study.evidence import Evidence, load_evidence
from misread.study.study import BASELINE

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTED_ACCURACY = 0.9925  # what the study that we rebuild reports, over three seeds
MARKS = ("<!-- results: written by experiments/results.py -->", "<!-- end of results -->")


def main() -> None:
    """Write everything for the study's folder named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python experiments/results.py STUDY_FOLDER")
    evidence = load_evidence(Path(sys.argv[1]))
    name = evidence.plan.study.name
    results = ROOT / "docs" / "results"
    (results / name).mkdir(parents=True, exist_ok=True)
    shown = (Path(__file__).parent / "results.md.j2").read_text("utf-8")
    for figure in sorted((evidence.folder / "figures").glob("*.png")):
        if f"/{figure.name}" in shown:
            shutil.copyfile(figure, results / name / figure.name)
    write_readings(evidence, results / f"{name}-readings.npz")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    page = environment.get_template("results.md.j2").render(context(evidence))
    write_atomic(results / f"{name}.md", page.encode())
    readme = ROOT / "README.md"
    block = f"{MARKS[0]}\n{summary(evidence)}\n{MARKS[1]}"
    between = f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}"
    text = re.sub(between, lambda _: block, readme.read_text("utf-8"), flags=re.DOTALL)
    write_atomic(readme, text.encode())
    print(f"Written: docs/results/{name}.md, its figures and readings, and README.md.")


def write_readings(evidence: Evidence, path: Path) -> None:
    """Write every reading: `labels` [N], `disputed` [N], `seeds` [S], arms [S,N], slices."""
    arrays = {
        "labels": evidence.confirm.labels_N.astype(np.uint8),
        "seeds": np.array(evidence.seeds),
        **evidence.predictions,
    }
    if evidence.confirm.disputed_N is not None:
        arrays["disputed"] = evidence.confirm.disputed_N
    for piece in evidence.slices:
        arrays[f"{piece.slice.name} ids"] = piece.ids_M.astype(np.uint16)
        for arm, read_SM in piece.predictions.items():
            arrays[f"{piece.slice.name} {arm}"] = read_SM
    write_arrays(path, arrays)


def summary(evidence: Evidence) -> str:
    """Return the block of the README: headline figure, table, where to read more."""
    name = evidence.plan.study.name
    told = words.headline(evidence, evidence.treated_arms[0])
    lines = [
        f"![{told}](docs/results/{name}/before_after.png)",
        "",
        tables.study_markdown(evidence).split("\n", 2)[2].rstrip(),
        "",
        *([writers, ""] if (writers := over_writers(evidence)) else []),
        (
            f"Made by `{command(evidence)}`. With the null results, all figures and the readings "
            f"of every seed: [docs/results/{name}.md](docs/results/{name}.md)."
        ),
    ]
    return "\n".join(lines)


def over_writers(evidence: Evidence) -> str:
    """Return what changes where writers count too, for a plan from before they did; else ""."""
    plan = evidence.plan
    if plan.grouped or evidence.confirm.groups_N is None:
        return ""
    grouped = replace(evidence, plan=plan.model_copy(update={"grouped": True})).verdicts
    changed = []
    for arm, before in evidence.verdicts.items():
        after = grouped[arm]
        lost = [
            f"{now.name} grows by {100 * now.effect.estimate:.2f} points, but for certain only by "
            f"{100 * now.effect.low:.3f}, and the margin is {100 * now.margin:g}"
            for was, now in zip(before.collateral, after.collateral, strict=True)
            if was.status == "harmed" != now.status
        ]
        if before.verdict != after.verdict:
            because = f" ({words.listed(lost)})" if lost else ""
            changed.append(f"{arm} {before.verdict} → {after.verdict}{because}")
    told = words.listed(changed) if changed else "every verdict stays"
    rest = "; the other verdicts stay" if changed and len(changed) < len(grouped) else ""
    return (
        "The plan was locked before the judge knew writers. Judged over seeds, writers and images, "
        f"as new plans are: {told}{rest}."
    )


def context(evidence: Evidence) -> dict[str, Any]:
    """Return everything that the template of the page names."""
    plan, errors = evidence.plan, evidence.errors
    first = words.target_result(evidence, evidence.treated_arms[0])
    return {
        "name": plan.study.name,
        "title": plan.study.title,
        "cell": words.target_name(evidence),
        "target": "{}:{}".format(*plan.target),
        "arms": evidence.treated_arms,
        "n_seeds": len(evidence.seeds),
        "n_runs": len(evidence.seeds) * len(evidence.arms),
        "n_cells": len(errors["cells"]),
        "n_select": f"{sum(errors['n_images_per_seed']):,}",
        "accuracy": accuracy(evidence),
        "first": first,
        "zeros": sum(after == 0 for after in first.after_per_seed),
        "slices": slices(evidence),
        "table": tables.study_markdown(evidence).rstrip(),
        "collateral": collateral(evidence),
        "over_writers": over_writers(evidence),
        "top": [f"{c['true']}→{c['predicted']} ({c['mean']:.1f})" for c in errors["cells"][:6]],
        "select": plan.target_on_select,
        "shrinkage": evidence.shrinkage(*plan.target).sentence,
        "confirm": evidence.summary["target"]["confirm"],
        "preview": evidence.preview,
        "folder": f"runs/{evidence.folder.name}",
        "command": command(evidence),
        "plan": plan.sha256,
        "seconds": float(np.median([s for own in evidence.train_seconds.values() for s in own])),
        "versions": evidence.environment["versions"],
        "backend": evidence.environment["backend"],
        "images": words.images,
        "percent": words.percent,
        "p_value": words.p_value,
        "change": change,
    }


def change(cell: CellResult) -> str:
    """Return a cell's effect in images, as in "−1.2 images (95% interval …, p = …)"."""
    n = cell.n_images
    return (
        f"{words.images(cell.effect.estimate * n, sign=True)} images (95% interval "
        f"{words.interval(cell.effect, n)}, {words.p_value(cell.p_holm)})"
    )


def accuracy(evidence: Evidence) -> dict[str, Any]:
    """Return the baseline's accuracy over seeds, and where a mean of three such seeds lies."""
    accuracy_S = (evidence.predictions[BASELINE] == evidence.confirm.labels_N).mean(axis=1)
    mean, sd = accuracy_S.mean(), accuracy_S.std(ddof=1)
    n_seeds, three = len(accuracy_S), 3  # the documented figure is itself a mean of three seeds
    half = scipy.stats.t.ppf(0.975, n_seeds - 1) * sd * (1 / n_seeds + 1 / three) ** 0.5
    return {
        "mean": f"{mean:.2%}",
        "sd": f"{100 * sd:.2f}",
        "low": f"{mean - half:.2%}",
        "high": f"{mean + half:.2%}",
        "least": f"{accuracy_S.min():.2%}",
        "most": f"{accuracy_S.max():.2%}",
        "holds": mean - half <= DOCUMENTED_ACCURACY <= mean + half,
    }


def slices(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the counter-slices of the target's true class: how often it is read as the other."""
    true, predicted = evidence.plan.target
    told = []
    for piece in evidence.slices:
        if piece.slice.label != true:
            continue
        before_SM = piece.predictions[BASELINE] == predicted
        arms = []
        for arm in evidence.treated_arms:
            after_SM = piece.predictions[arm] == predicted
            effect = two_way(after_SM.astype(int) - before_SM.astype(int))
            change = words.interval(effect, len(piece.ids_M))
            arms.append(f"{arm} {after_SM.sum(axis=1).mean():.1f} (change {change})")
        treated = words.treated(piece.slice.operation, piece.slice.size_px)
        told.append(
            {
                "what": f"What do {true}s {treated} do? Read as {predicted}",
                "n_images": len(piece.ids_M),
                "before": f"{before_SM.sum(axis=1).mean():.1f}",
                "arms": arms,
            }
        )
    return told


def collateral(evidence: Evidence) -> list[dict[str, Any]]:
    """Return what is harmed, by arm, and how much is safe or undetermined."""
    return [
        {
            "name": arm,
            "safe": verdict.n_safe,
            "undetermined": verdict.n_undetermined,
            "harmed": [
                f"{item.name} {words.percent(item.before)} → {words.percent(item.after)} "
                f"(worse by {words.interval(item.effect, 100, decimals=2)} points)"
                for item in verdict.collateral
                if item.status == "harmed"
            ],
        }
        for arm, verdict in evidence.verdicts.items()
    ]


if __name__ == "__main__":
    main()
