"""Sections of a study that compares arms: its claims, how well each arm reads, what it costs."""

import numpy as np
import scipy

from misread.judge.checks import FloatArray
from misread.show import claims as tables
from misread.show.figures.experiment_comparison import best_arm_sentence
from misread.show.markdown.axis import axis
from misread.show.markdown.page import Beside, section
from misread.show.report import comparison_command
from misread.show.study_figures import MOST_DETAILED
from misread.show.table import Table, markdown_table, plain
from misread.study.claims import RULE
from misread.study.evidence import Evidence
from misread.wording import count, number, percent, points

EPOCHS = (1, 2, 3, 5, 10, 20, 30, 40)  # those that the table of epochs names


def summary(evidence: Evidence, beside: Beside) -> str:
    """Tell the result: which arm reads best, and what becomes of each claim."""
    outcome = evidence.accuracies
    seeds, n_epochs = count(len(outcome.seeds), "seed"), set(evidence.plan.study.epochs.values())
    epochs = f"{count(n_epochs.pop(), 'epoch')}, " if len(n_epochs) == 1 else ""
    best = plain(best_arm_sentence(evidence))
    parts = [
        f"{best}. {seeds}, {epochs}{outcome.n_images:,} confirm images.",
        *_claimed(evidence),
        beside.figure("experiment_comparison"),
    ]
    return "\n\n".join(filter(None, parts))


def accuracies(evidence: Evidence, _: Beside) -> str:
    """Tell what a study with a target claims of accuracies, and what its arms cost; "" if none."""
    if not evidence.plan.study.claims:
        return ""
    best = f"{plain(best_arm_sentence(evidence))}."
    costs = markdown_table(tables.arm_table(evidence))
    return section("Accuracies", best, *_claimed(evidence), costs, SECONDS)


def _claimed(evidence: Evidence) -> list[str]:
    """Return the table of the claims and the rule they are judged by; nothing without claims."""
    outcome = evidence.accuracies
    rows = [
        (claim.text, claim.verdict, "; ".join(tables.claim_lines(evidence, claim)))
        for claim in outcome.claims
    ]
    if not rows:
        return []
    heads = ("Claim", "Verdict", f"Measured, with {1 - outcome.alpha:.0%} interval")
    rule = (
        "Differences are in percentage points of accuracy, with intervals over seeds and images; "
        f"p is corrected over all claims (Holm). {RULE} The margin is "
        f"{number(100 * outcome.margin)} points."
    )
    return [markdown_table(Table("", heads, tuple(rows))), rule]


SECONDS = (
    "Seconds are processor time of one core. *On fit* is read with dropout at rest, as the "
    "confirm images are: the gap between the two is what a network knows by heart."
)


def arms(evidence: Evidence, _: Beside) -> str:
    """Tell what each arm reads and costs, and whether documented accuracies come again."""
    parts = [markdown_table(tables.arm_table(evidence)), SECONDS]
    documented = [arm.documented for arm in evidence.accuracies.arms.values() if arm.documented]
    if documented:
        n_agree = sum(bool(accuracy.agrees) for accuracy in documented)
        agree = f"{n_agree} of {len(documented)} documented accuracies"
        parts.append(f"{agree} lie where one more network of ours would:")
        parts.append(markdown_table(tables.documented_table(evidence)))
    return section("The arms", *parts)


def differences(evidence: Evidence, _: Beside) -> str:
    """Tell all differences, the better arm first; "" of one arm, and of many."""
    if not 2 <= len(evidence.arms) <= MOST_DETAILED:
        return ""
    return section("All differences", markdown_table(tables.difference_table(evidence)))


# --- by epoch -------------------------------------------------------------------------------------


def on_select(evidence: Evidence, arm: str) -> FloatArray:
    """Return the accuracy on *select* after each epoch, `[S,E]`."""
    return np.array(
        [[row["select_accuracy"] for row in rows] for rows in evidence.runs[arm].histories]
    )


def epochs(evidence: Evidence, _: Beside) -> str:
    """Tell accuracy on *select* while training, with the differences behind the claims.

    Each seed reads another tenth, so seeds are independent of each other there, and an interval
    over them (Student's t, paired by seed) is one over images too.
    """
    n_epochs = min(evidence.plan.study.epochs.values())
    pairs = list(
        dict.fromkeys((t.better, t.than) for c in evidence.accuracies.claims for t in c.tests)
    )
    if n_epochs < 2 or len(evidence.seeds) < 2 or len(evidence.arms) > MOST_DETAILED:
        return ""
    read = {arm: on_select(evidence, arm) for arm in evidence.arms}
    rows = []
    for epoch in (epoch for epoch in EPOCHS if epoch <= n_epochs):
        means = [percent(float(values_SE[:, epoch - 1].mean())) for values_SE in read.values()]
        gaps = [read[better][:, epoch - 1] - read[than][:, epoch - 1] for better, than in pairs]
        rows.append((str(epoch), *means, *map(_mean_with_half, gaps)))
    heads = ("Epochs", *evidence.arms, *(f"{better} − {than}" for better, than in pairs))
    ahead = [
        f"{better} is ahead of {than} {_ahead((read[better] - read[than]).mean(axis=0))}"
        for better, than in pairs
    ]
    return section(
        "By epoch",
        "Accuracy on *select* (a tenth of the training images that the network did not see, "
        "another tenth for each seed) while training, with the differences behind the claims, "
        f"paired by seed (95% interval over {count(len(evidence.seeds), 'seed')}):",
        markdown_table(Table("", heads, tuple(rows))),
        f"On average over seeds, {plain('; '.join(ahead))}." if ahead else "",
    )


def _mean_with_half(gap_S: FloatArray) -> str:
    """Return a mean difference and half of its interval, as in "+0.30 pp ± 0.12"."""
    half = scipy.stats.t.ppf(0.975, gap_S.size - 1) * gap_S.std(ddof=1) / gap_S.size**0.5
    return f"{points(float(gap_S.mean()))} ± {number(100 * float(half))}"


def _ahead(gap_E: FloatArray) -> str:
    """Return after which epochs a mean difference is above 0."""
    ahead, behind = np.flatnonzero(gap_E > 0) + 1, np.flatnonzero(gap_E <= 0) + 1
    if behind.size == 0:
        return "after every epoch"
    if ahead.size == 0:
        return "after no epoch"
    if ahead[0] > behind[-1]:
        return f"from epoch {ahead[0]} on"
    return f"after {ahead.size} of {gap_E.size} epochs"


# --- arm by arm, and how it was run ---------------------------------------------------------------


def networks(evidence: Evidence, beside: Beside) -> str:
    """Show how each arm was trained and what it confuses; "" where there are many arms."""
    parts = []
    for arm in (arm for arm in evidence.arms if f"confusion_matrix_{arm}" in beside.drawn):
        figures = [
            beside.figure(f"{name}_{arm}") for name in ("training_curves", "confusion_matrix")
        ]
        parts += [f"### {plain(arm)}: {plain(evidence.plan.study.label(arm))}", *figures]
    return section("Arm by arm", *parts) if parts else ""


def images(_: Evidence, beside: Beside) -> str:
    """Show samples of each class, and what the best arm makes of them."""
    return section(
        "The images", beside.figure("sample_digits"), beside.figure("sample_predictions")
    )


def run(evidence: Evidence, beside: Beside) -> str:
    """Tell by which commands all of it comes again, and give the readings."""
    machine, confirm = evidence.environment, evidence.confirm
    folder = f"runs/{evidence.folder.resolve().name}"
    arrays = {
        "labels": confirm.labels_N.astype(np.min_scalar_type(confirm.n_classes)),
        "seeds": np.array(evidence.seeds),
        **evidence.predictions,
    }
    for arm in evidence.arms:
        fit = evidence.accuracies.arms[arm].fit_accuracy
        arrays |= {f"{arm} fit": np.array(fit.per_seed), f"{arm} select": on_select(evidence, arm)}
    _path, link = beside.readings(arrays)
    commands = f"{comparison_command(evidence)} --out {folder}\n{beside.command(folder)}"
    return section(
        "How it was run",
        f"```bash\n{commands}\n```",
        f"Plan `{evidence.plan.sha256[:16]}`; Keras {machine['versions']['keras']} on "
        f"{machine['backend']}. The readings of every arm, seed and image, with the accuracy on "
        f"*fit* and, by epoch, on *select*: {link}.",
    )


SECTIONS = {
    "summary": summary,
    "arms": arms,
    "differences": differences,
    "epochs": epochs,
    "axis": axis,
    "networks": networks,
    "images": images,
    "run": run,
}
