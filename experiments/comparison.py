"""Write the documented results of a finished comparison: text, figures and readings.

    python experiments/comparison.py runs/dense-four runs/dense-four-long

writes `docs/results/<study>.md` from `comparison.md.j2`, its figures, and `<study>-readings.npz`:
what every arm and seed read in every image, so that anyone can compare again without training. The
second folder, if any, holds the same study, trained longer. Every number comes from the folders.
"""

import shutil
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from scipy import stats

from misread.files import write_arrays, write_atomic
from misread.show.claims import (
    arm_table,
    claim_lines,
    command,
    difference_table,
    documented_table,
)
from misread.show.figures.experiment_comparison import headline
from misread.study.claims import RULE, ClaimOutcome
from misread.study.differences import Compared, load_compared
from misread.wording import count, number, percent, points

ROOT = Path(__file__).resolve().parent.parent
EPOCHS = (1, 2, 3, 5, 10, 20, 30, 40)

FloatArray = npt.NDArray[np.float64]


def main() -> None:
    """Write everything for the folders named on the command line."""
    if len(sys.argv) not in {2, 3}:
        sys.exit("usage: python experiments/comparison.py STUDY_FOLDER [LONGER_FOLDER]")
    short = load_compared(Path(sys.argv[1]))
    long = load_compared(Path(sys.argv[2])) if len(sys.argv) == 3 else None
    name = short.plan.study.name
    results = ROOT / "docs" / "results"
    (results / name).mkdir(parents=True, exist_ok=True)
    for figure in sorted((short.folder / "results").glob("*.png")):
        shutil.copyfile(figure, results / name / figure.name)
    if long is not None:
        for stem in ("experiment_comparison", *(f"training_curves_{arm}" for arm in long.arms)):
            source = long.folder / "results" / f"{stem}.png"
            shutil.copyfile(source, results / name / f"{stem}_long.png")
    write_readings(short, long, results / f"{name}-readings.npz")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    page = environment.get_template("comparison.md.j2").render(context(short, long))
    write_atomic(results / f"{name}.md", page.encode())
    print(f"Written: docs/results/{name}.md, its figures and its readings.")


def write_readings(short: Compared, long: Compared | None, path: Path) -> None:
    """Write every reading: `labels` [N], `seeds` [S], each arm [S,N], and `<arm>-long` [S,N].

    Beside them, for what else the page says: `<arm> fit` [S], the accuracy on *fit*, and
    `<arm> select` [S,E], the accuracy on *select* after each epoch.
    """
    arrays: dict[str, Any] = {
        "labels": short.confirm.labels_N.astype(np.uint8),
        "seeds": np.array(short.seeds),
    }
    for compared, late in ((short, ""), (long, "-long")):
        if compared is None:
            continue
        for arm in compared.arms:
            arrays[arm + late] = compared.predictions[arm]
            fit = compared.outcome.arms[arm].fit_accuracy
            arrays[f"{arm}{late} fit"] = np.array(fit.per_seed)
            arrays[f"{arm}{late} select"] = on_select(compared, arm)
    write_arrays(path, arrays)


def on_select(compared: Compared, arm: str) -> FloatArray:
    """Return the accuracy on *select* after each epoch, `[S,E]`."""
    return np.array([[row["select_accuracy"] for row in own] for own in compared.histories[arm]])


def context(short: Compared, long: Compared | None) -> dict[str, Any]:
    """Return everything that the template of the page names."""
    study, studies = short.plan.study, [c for c in (short, long) if c is not None]
    n_epochs = [max(compared.plan.study.epochs.values()) for compared in studies]
    late_claims = long.outcome.claims if long else ()
    documented = [arm.documented for arm in short.outcome.arms.values() if arm.documented]
    return {
        "name": study.name,
        "title": study.title,
        "headline": headline(short),
        "n_images": f"{short.outcome.n_images:,}",
        "n_seeds": len(short.seeds),
        "n_seeds_long": len(studies[-1].seeds),
        "n_epochs": n_epochs[0],
        "n_epochs_long": n_epochs[-1],
        "has_long": long is not None,
        "exploratory": [c.plan.exploratory for c in studies if c.plan.exploratory],
        "claims": [
            {
                "text": claim.text,
                "verdict": claim.verdict,
                "lines": claim_lines(short, claim),
                "long": late and late.verdict,
                "long_lines": claim_lines(long, late) if long and late else [],
            }
            for claim, late in zip_longest(short.outcome.claims, late_claims)
        ],
        "changed": changed(short.outcome.claims, late_claims),
        "rule": RULE,
        "margin": f"{number(100 * study.judge.margin)} points",
        "arms": markdown(arm_table(short)),
        "arms_long": markdown(arm_table(studies[-1])),
        "documented": markdown(documented_table(short)),
        "n_documented": len(documented),
        "n_agree": sum(bool(d.agrees) for d in documented),
        "differences": markdown(difference_table(short)),
        "epochs": markdown(epoch_table(studies[-1])),
        "ahead": ahead(studies[-1]),
        "arm_names": short.arms,
        "labels": {arm: study.label(arm) for arm in short.arms},
        "command": command(short),
        "command_long": command(studies[-1]),
        "plans": [c.plan.sha256[:16] for c in studies],
        "versions": short.environments[short.arms[0]][0]["versions"],
        "backend": short.environments[short.arms[0]][0]["backend"],
        "count": count,
    }


def changed(early: tuple[ClaimOutcome, ...], late: tuple[ClaimOutcome, ...]) -> list[str]:
    """Return the claims whose verdict is another one after longer training."""
    return [
        f"“{one.text}” ({one.verdict}, then {other.verdict})"
        for one, other in zip(early, late, strict=False)
        if one.verdict != other.verdict
    ]


def epoch_table(compared: Compared) -> dict[str, Any]:
    """Return heads and rows: accuracy on *select* by epoch, and the claims' differences there.

    Each seed reads another tenth, so seeds are independent of each other here and an interval over
    them (Student's t, paired by seed) is one over images too.
    """
    pairs = pairs_of(compared)
    read = {arm: on_select(compared, arm) for arm in compared.arms}
    rows = []
    for epoch in EPOCHS:
        if epoch > read[compared.arms[0]].shape[1]:
            break
        at = {arm: values_SE[:, epoch - 1] for arm, values_SE in read.items()}
        told = [percent(float(at[arm].mean())) for arm in compared.arms]
        for better, than in pairs:
            gap_S = at[better] - at[than]
            half = stats.t.ppf(0.975, gap_S.size - 1) * gap_S.std(ddof=1) / gap_S.size**0.5
            told.append(f"{points(float(gap_S.mean()))} ± {number(100 * float(half))}")
        rows.append((str(epoch), *told))
    heads = ("Epochs", *compared.arms, *(f"{better} − {than}" for better, than in pairs))
    return {"heads": heads, "rows": rows}


def pairs_of(compared: Compared) -> list[tuple[str, str]]:
    """Return the pairs (better, than) that claims are about."""
    claims = compared.outcome.claims
    return list(dict.fromkeys((test.better, test.than) for own in claims for test in own.tests))


def ahead(compared: Compared) -> list[str]:
    """Return for each pair that a claim is about when the one is ahead of the other on *select*."""
    told = []
    for better, than in pairs_of(compared):
        gap_E = (on_select(compared, better) - on_select(compared, than)).mean(axis=0)
        epochs = np.flatnonzero(gap_E > 0) + 1
        behind = np.flatnonzero(gap_E <= 0) + 1
        when = (
            "after every epoch"
            if behind.size == 0
            else "after no epoch"
            if epochs.size == 0
            else f"from epoch {epochs[0]} on"
            if epochs[0] > behind[-1]
            else f"after {epochs.size} of {gap_E.size} epochs"
        )
        told.append(f"{better} is ahead of {than} {when}")
    return told


def markdown(table: dict[str, Any]) -> str:
    """Return heads and rows as a Markdown table; the first column holds names."""
    heads = table["heads"]
    lines = [heads, ("---", *("---:" for _ in heads[1:])), *table["rows"]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
