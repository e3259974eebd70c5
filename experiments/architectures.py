"""Does the architecture matter for 4→9? The tables of docs/results/architectures.md.

    misread run architectures  (two hours of one core)
    misread transfer runs/architectures --data h5:usps.h5
    cp -r runs/architectures runs/architectures-5  (the policy and the fixes get two more seeds)
    misread run architectures --seeds 42,123,456,1,2 --out runs/architectures-5
        --arms baseline,lenet5,policy,margin,fix,lenet5-policy,lenet5-margin,lenet5-fix
    python experiments/architectures.py runs/architectures runs/architectures-5  (a minute)

Reads stored evidence, of the policy and the fixes from the last folder; each network is built once
more to count its multiplications.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from shared import DOCS, asked, table, write_block

from misread.errors import StoreError
from misread.judge import Verdict
from misread.judge.means import mean_over
from misread.learn.models import build, multiplications
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence, load_evidence
from misread.study.transfer import load_transfers
from misread.study.verdict import judge_arm
from misread.wording import images, listed, number, percent, points

LEGEND = """\
Errors a seed on the confirm images, and shares of the class read as the other. Thin and thick: the
whole class under `erode` and `dilate` of 2 px."""
FIXES = """\
Against the same network without the treatment. Errors a seed as the study counts them, on *confirm*
and the held-out images together; thin: the change on *confirm* under `erode` of 2 px, with its 95%
interval."""
Pair = tuple[str, str]  # an arm, and the same network without the treatment


def main() -> None:
    """Write the tables."""
    evidence, *more = map(load_evidence, asked(__doc__, folders=True).folders)
    longer = more[0] if more else evidence  # more seeds of the treated networks
    pairs = treated(longer)
    seeds = f"{len(evidence.seeds)} seeds ({listed([str(seed) for seed in evidence.seeds])})"
    networks = [arm for arm in evidence.arms if arm not in dict(pairs)]
    write_block(
        DOCS / "results" / "architectures.md",
        "## The networks",
        costs(evidence, networks),
        f"Mean ± sd over {seeds}; seconds of one core for a training, multiplications of an image.",
        "## What they misread",
        errors(evidence, networks),
        LEGEND,
        shared(evidence, networks),
        "## The policy and two fixes on two networks",
        fixes(longer, pairs),
        FIXES,
        *(f"- **{arm}**: {verdict.reason}" for arm, _, verdict in verdicts(longer, pairs)),
    )


def treated(evidence: Evidence) -> list[Pair]:
    """Return the treated arms, each with the arm of the same network that is not."""
    study = evidence.plan.study
    plain: dict[tuple[object, ...], str] = {}
    pairs = []
    for name, arm in study.arms.items():
        if not (recipe := arm.recipe):
            continue
        network = (recipe.model, recipe.channels, recipe.batch_norm, recipe.hidden)
        if evidence.plan.policies[name] is None and not arm.treatments.margin:
            plain.setdefault(network, name)
        else:
            pairs.append((name, plain[network]))
    return pairs


def costs(evidence: Evidence, networks: list[str]) -> str:
    """Return what each network has, costs and reads, and what it reads of USPS."""
    usps = of_usps(evidence)
    rows = []
    for arm in networks:
        outcome, recipe = evidence.accuracies.arms[arm], evidence.plan.study.arms[arm].recipe
        work = multiplications(build(recipe, (28, 28, 1), 10, 1)) if recipe else 0
        seconds = (outcome.seconds_per_epoch.mean or 0) * evidence.plan.study.epochs[arm]
        rows.append(
            [
                f"{arm}: {outcome.label}",
                f"{outcome.parameters:,}",
                f"{work / 1e6:.2f} M",
                f"{seconds:.0f} s",
                f"{percent(outcome.accuracy.mean)} ± {100 * (outcome.accuracy.sd or 0):.2f}",
                spread(usps[arm]) if arm in usps else "–",
            ]
        )
    heads = ("Network", "Parameters", "Multiplications", "Seconds", "Accuracy", "USPS")
    return table(heads, rows)


def spread(values: list[float]) -> str:
    """Return a mean ± sd."""
    return f"{percent(float(np.mean(values)))} ± {100 * float(np.std(values, ddof=1)):.2f}"


def of_usps(evidence: Evidence) -> dict[str, list[float]]:
    """Return each arm's accuracy on USPS, seed by seed; none where it was not read."""
    try:
        transfers = load_transfers(evidence.folder, evidence.folder / "transfer")
    except StoreError:
        return {}
    return next((t.accuracy for t in transfers if "usps" in t.source), {})


def errors(evidence: Evidence, networks: list[str]) -> str:
    """Return how often each network confuses the target's classes, as they are, thin and thick."""
    true, predicted = evidence.target
    views = [piece for piece in evidence.slices if piece.view.size_px > 1]
    rows = []
    for arm in networks:
        read_SN, labels_N = evidence.predictions[arm], evidence.confirm.labels_N
        cells = [
            images(float((read_SN[:, labels_N == a] == b).sum(axis=1).mean()))
            for a, b in ((true, predicted), (predicted, true))
        ]
        for piece in views:
            other = predicted if piece.label == true else true
            cells.append(percent(float((piece.predictions[arm] == other).mean())))
        rows.append([arm, *cells])
    heads = [f"{true}→{predicted}", f"{predicted}→{true}"]
    heads += [
        f"{piece.label}, {'thin' if piece.view.operation == 'erode' else 'thick'}"
        for piece in views
    ]
    return table(["Network", *heads], rows)


def shared(evidence: Evidence, networks: list[str]) -> str:
    """Return which images every training of every network misreads."""
    labels_N, names = evidence.confirm.labels_N, evidence.confirm.class_names
    wrong_N: npt.NDArray[np.bool_] = np.all(
        [(evidence.predictions[arm] != labels_N).all(axis=0) for arm in networks], axis=0
    )
    label = [f"#{place} ({names[labels_N[place]]})" for place in np.flatnonzero(wrong_N)]
    return (
        f"{len(label)} of {len(labels_N):,} images are misread by every training of all networks: "
        f"{listed(label) or 'none'}."
    )


def verdicts(evidence: Evidence, pairs: list[Pair]) -> Iterator[tuple[str, str, Verdict]]:
    """Yield each treated arm, the arm of the same network, and the verdict on the pair."""
    for arm, plain in pairs:
        before, after = evidence.runs[plain].evidence, evidence.runs[arm].evidence
        verdict = evidence.verdicts[arm] if plain == BASELINE else None
        yield arm, plain, verdict or judge_arm(evidence.plan, arm, before, after)


def fixes(evidence: Evidence, pairs: list[Pair]) -> str:
    """Return what a treatment does to each network: the target, its reverse, thin and thick."""
    rows = []
    for arm, plain, verdict in verdicts(evidence, pairs):
        cells = [f"{images(c.before_images)} → {images(c.after_images)}" for c in verdict.cells]
        thin = "–"
        for piece in evidence.slices:
            if piece.label != evidence.target[0] or piece.view.operation != "erode":
                continue
            grown_SM = (piece.predictions[arm] == evidence.target[1]) * 1.0
            grown_SM -= piece.predictions[plain] == evidence.target[1]
            groups = evidence.confirm.groups_N
            mean = mean_over(grown_SM, groups_N=None if groups is None else groups[piece.ids_M])
            span = f"{number(100 * mean.low, sign=True)} to {number(100 * mean.high, sign=True)}"
            thin = f"{points(mean.estimate)} ({span})"
        accuracy = [evidence.accuracies.arms[a].accuracy.mean for a in (plain, arm)]
        change = " → ".join(percent(value) for value in accuracy)
        rows.append([f"{arm}, against {plain}", change, *cells[:2], thin, verdict.verdict])
    names = [f"{a}→{b}" for a, b in evidence.plan.cells[:2]]
    return table(["Arm", "Accuracy", *names, "Thin 4s read as 9", "Verdict"], rows)


if __name__ == "__main__":
    main()
