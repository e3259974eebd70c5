"""Pages of a comparison: its figures under `results/`, `report.html`, tables for the terminal."""

import base64
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from misread.files import write_atomic
from misread.show.figures.along_axis import axis_figures
from misread.show.figures.confusion import confusion_matrix
from misread.show.figures.experiment_comparison import best_arm_sentence, experiment_comparison
from misread.show.figures.samples import sample_digits, sample_predictions
from misread.show.figures.training_curves import arm_curves
from misread.show.render import environment
from misread.show.select import smoke_mark
from misread.show.study_figures import Drawn
from misread.show.style import png
from misread.show.table import Table, Tone, Toned
from misread.study.axis import answer
from misread.study.claims import RULE, ClaimOutcome, Standing
from misread.study.evidence import Evidence
from misread.study.file import builtin_studies, load_study
from misread.wording import count, number, p_value, percent, points

_TONES: dict[Standing, Tone] = {
    Standing.HOLDS: Tone.GOOD,
    Standing.FAILS: Tone.BAD,
    Standing.OPEN: Tone.OPEN,
}
DETAILED = 8  # with more arms than this, none gets figures of its own


def draw_comparison(evidence: Evidence) -> dict[str, Drawn]:
    """Draw every figure of a comparison: name → figure, the same bytes for the same evidence."""
    figures: dict[str, Callable[[], Figure]] = {
        "sample_digits": lambda: sample_digits(evidence),
        "experiment_comparison": lambda: experiment_comparison(evidence),
        "sample_predictions": lambda: sample_predictions(evidence),
    }
    drawn = {name: _drawn(draw()) for name, draw in figures.items()}
    if evidence.plan.study.axis:
        along = axis_figures(evidence, answer(evidence))
        drawn |= {name: _drawn(figure) for name, figure in along.items()}
    for arm in evidence.arms if len(evidence.arms) <= DETAILED else ():
        drawn[f"confusion_matrix_{arm}"] = _drawn(confusion_matrix(evidence, arm))
        drawn[f"training_curves_{arm}"] = _drawn(arm_curves(evidence, arm))
    return drawn


def _drawn(figure: Figure) -> Drawn:
    return Drawn(png(figure), str(figure.get_label()))


def write_comparison(evidence: Evidence, drawn: Mapping[str, Drawn] | None = None) -> Path:
    """Write every figure into `results/` and the page into `report.html`; return the page.

    `drawn` is what `draw_comparison` returned for it, where that was done already.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    drawn = draw_comparison(evidence) if drawn is None else drawn
    for name, figure in drawn.items():
        write_atomic(evidence.folder / "results" / f"{name}.png", figure.png)
    page = evidence.folder / "report.html"
    write_atomic(page, comparison_html(evidence, drawn).encode())
    return page


def comparison_html(evidence: Evidence, drawn: Mapping[str, Drawn]) -> str:
    """Return the page of a comparison: one self-contained file, the same for the same evidence."""
    outcome, study = evidence.accuracies, evidence.plan.study
    detailed = [arm for arm in evidence.arms if f"confusion_matrix_{arm}" in drawn]
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            study=study,
            exploratory=outcome.exploratory,
            headline=best_arm_sentence(evidence),
            n_seeds=count(len(outcome.seeds), "seed"),
            n_images=f"{outcome.n_images:,}",
            level=f"{1 - outcome.alpha:.0%}",
            rule=RULE,
            margin=f"{number(100 * outcome.margin)} percentage points",
            claims=[
                {"text": c.text, "verdict": c.verdict, "lines": claim_lines(evidence, c)}
                for c in outcome.claims
            ],
            arms=arm_table(evidence),
            documented=documented_table(evidence),
            differences=difference_table(evidence),
            classes=[(arm, class_table(evidence, arm)) for arm in detailed],
            detailed=detailed,
            run=_how_it_ran(evidence),
            command=command(evidence),
            figures={
                name: {
                    "title": figure.title,
                    "source": "data:image/png;base64,"
                    + base64.b64encode(figure.png).decode("ascii"),
                }
                for name, figure in drawn.items()
            },
        )
    )


def arm_table(evidence: Evidence) -> Table:
    """Return what each arm reads and costs."""
    outcome = evidence.accuracies
    heads = (
        "Arm", "Network", "Parameters", "Accuracy ± sd", f"{1 - outcome.alpha:.0%} interval",
        "On fit", "Fit − confirm", "Seconds an epoch",
    )  # fmt: skip
    rows = tuple(
        (
            name,
            arm.label,
            f"{arm.parameters:,}",
            _spread(arm.accuracy.mean, arm.accuracy.sd),
            f"{100 * arm.accuracy.low:.2f} to {100 * arm.accuracy.high:.2f}%",
            percent(arm.fit_accuracy.mean),
            points(arm.gap.mean or 0.0),
            f"{arm.seconds_per_epoch.mean or 0.0:.2f}",
        )
        for name, arm in outcome.arms.items()
    )
    return Table(_title(evidence), heads, rows, align="ll")


def documented_table(evidence: Evidence) -> Table:
    """Return documented accuracies and where one more network would lie."""
    heads = ("Arm", "Documented", "Here", "One more network lies in (95%)", "Documented is within")
    rows = []
    for name, arm in evidence.accuracies.arms.items():
        if arm.documented is None:
            continue
        low, high = arm.documented.low, arm.documented.high
        between = "–" if low is None or high is None else f"{100 * low:.2f} to {100 * high:.2f}%"
        agrees = {True: "yes", False: "no", None: "–"}[arm.documented.agrees]
        measured = _spread(arm.accuracy.mean, arm.accuracy.sd)
        rows.append((name, f"{100 * arm.documented.accuracy:.2f}%", measured, between, agrees))
    return Table("Documented accuracies", heads, tuple(rows))


def difference_table(evidence: Evidence) -> Table:
    """Return all pairs of arms."""
    outcome = evidence.accuracies
    level = f"{1 - outcome.alpha:.0%} interval"
    heads = ("Pair", "Difference", level, "p (Holm)", "Seeds ahead")
    rows = tuple(
        (
            f"{pair.better} − {pair.than}",
            points(pair.difference),
            f"{number(100 * pair.low, sign=True)} to {number(100 * pair.high, sign=True)}",
            p_value(pair.p_holm).removeprefix("p ").removeprefix("= "),
            f"{pair.seeds_ahead} of {len(outcome.seeds)}",
        )
        for pair in outcome.differences
    )
    return Table("All differences", heads, rows)


def class_table(evidence: Evidence, arm: str) -> Table:
    """Return precision and recall of each class of an arm."""
    rows = tuple(
        (
            of_class.name,
            _spread(of_class.precision.mean, of_class.precision.sd),
            _spread(of_class.recall.mean, of_class.recall.sd),
        )
        for of_class in evidence.accuracies.arms[arm].per_class
    )
    return Table(arm, ("Class", "Precision ± sd", "Recall ± sd"), rows)


def _spread(mean: float | None, sd: float | None) -> str:
    return percent(mean) + ("" if sd is None else f" ± {100 * sd:.2f}")


def claim_lines(evidence: Evidence, claim: ClaimOutcome) -> list[str]:
    """Return what was measured of a claim: a line for each arm that is to be beaten."""
    outcome = evidence.accuracies
    if claim.arm is not None:
        accuracy = outcome.arms[claim.arm].accuracy
        between = f"{100 * accuracy.low:.2f} to {100 * accuracy.high:.2f}"
        return [f"{claim.arm} {percent(accuracy.mean)} ({between})"]
    n_seeds = count(len(outcome.seeds), "seed")
    return [
        f"{test.better} − {test.than} {points(test.difference)} "
        f"({number(100 * test.low, sign=True)} to {number(100 * test.high, sign=True)}, "
        f"{p_value(test.p_holm)}; ahead in {test.seeds_ahead} of {n_seeds})"
        for test in claim.tests
    ]


def comparison_tables(evidence: Evidence) -> list[Table]:
    """Return what a comparison comes to, for the terminal: its arms, and its claims."""
    outcome, arms = evidence.accuracies, arm_table(evidence)
    columns = (0, 1, 2, 3, 6, 7)  # the others stand on the page
    short = Table(
        arms.title,
        tuple(arms.heads[at] for at in columns),
        tuple(tuple(row[at] for at in columns) for row in arms.rows),
        align="ll",
    )
    if not outcome.claims:
        return [short]
    claims = Table(
        f"What is claimed{smoke_mark(outcome.smoke)}",
        ("claim", "verdict", f"measured, with {1 - outcome.alpha:.0%} interval"),
        tuple(
            (
                claim.text,
                Toned(claim.verdict, _TONES[claim.verdict]),
                "\n".join(claim_lines(evidence, claim)),
            )
            for claim in outcome.claims
        ),
        align="lll",
    )
    return [short, claims]


def _title(evidence: Evidence) -> str:
    outcome = evidence.accuracies
    return (
        f"{evidence.plan.study.title}: {count(len(outcome.seeds), 'seed')}, "
        f"{outcome.n_images:,} confirm images{smoke_mark(outcome.smoke)}"
    )


def command(evidence: Evidence) -> str:
    """Return the command that runs the same study again."""
    study = evidence.plan.study
    builtin = study.name in builtin_studies()
    usual = load_study(study.name, smoke=study.smoke) if builtin else None
    parts = ["misread", "run", study.name if builtin else f"{study.name}.toml"]
    if usual is None or usual.seeds != study.seeds:
        parts += ["--seeds", ",".join(map(str, study.seeds))]
    if usual is None or list(usual.arms) != list(study.arms):
        parts += ["--arms", ",".join(study.arms)]
    if study.smoke:
        parts.append("--smoke")
    epochs = set(study.epochs.values())
    if len(epochs) == 1 and (usual is None or usual.epochs != study.epochs):
        parts += ["--epochs", str(epochs.pop())]
    return shlex.join(parts)


def _how_it_ran(evidence: Evidence) -> list[tuple[str, str]]:
    plan, machine = evidence.plan, evidence.environment
    folds = ", ".join(f"{seed} → {fold}" for seed, fold in plan.select_folds.items())
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    threads = count(machine["threads"], "thread")
    return [
        ("Plan (SHA-256)", plan.sha256),
        ("Dataset (SHA-256 of train, test)", ", ".join(plan.dataset_sha256)),
        ("Seeds", ", ".join(map(str, evidence.seeds))),
        ("Held-out tenth of each seed", folds),
        *(
            (f"Arm {name}", _recipe(arm.recipe.model_dump(mode="json")))
            for name, arm in plan.study.arms.items()
        ),
        ("Versions", f"Python {machine['python']}, {versions}"),
        ("Machine", f"{machine['platform']}, {machine['machine']}, {threads} per run"),
        ("Backend", machine["backend"]),
    ]


def _recipe(settings: Mapping[str, Any]) -> str:
    idle = {"warmup"} if settings["schedule"] == "constant" else set()
    told = {key: value for key, value in settings.items() if key not in idle}
    return ", ".join(f"{key.replace('_', ' ')} {_setting(value)}" for key, value in told.items())


def _setting(value: Any) -> str:
    return "–".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
