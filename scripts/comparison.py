"""Write the documented results of a finished comparison: text, figures and readings.

    python scripts/comparison.py runs/dense-four runs/dense-four-long

writes `docs/results/<study>.md` from `comparison.md.j2`, its figures, and `<study>-readings.npz`:
what every arm and seed read in every image, so that anyone can compare again without training. The
second folder holds the same study, trained longer. Every number comes from the two folders.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from scipy import stats

from misread.contrast import RULE, ClaimOutcome
from misread.differences import Compared, load_compared
from misread.judge.wording import count, number, percent, points
from misread.show.compared import (
    arm_table,
    claim_lines,
    command,
    difference_table,
    documented_table,
)
from misread.show.contrasts import headline
from misread.store import write_arrays, write_atomic

ROOT = Path(__file__).resolve().parent.parent
EPOCHS = (1, 2, 3, 5, 10, 20, 30, 40)

FloatArray = npt.NDArray[np.float64]


def main() -> None:
    """Write everything for the folders named on the command line."""
    if len(sys.argv) != 3:
        sys.exit("usage: python scripts/comparison.py STUDY_FOLDER LONGER_FOLDER")
    short, long = (load_compared(Path(folder)) for folder in sys.argv[1:])
    name = short.plan.study.name
    results = ROOT / "docs" / "results"
    (results / name).mkdir(parents=True, exist_ok=True)
    for figure in sorted((short.folder / "results").glob("*.png")):
        shutil.copyfile(figure, results / name / figure.name)
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


def write_readings(short: Compared, long: Compared, path: Path) -> None:
    """Write every reading: `labels` [N], `seeds` [S], each arm [S,N], and `<arm>-long` [S,N].

    Beside them, for what else the page says: `<arm> fit` [S], the accuracy on *fit*, and
    `<arm>-long select` [S,E], the accuracy on *select* after each epoch.
    """
    arrays: dict[str, Any] = {
        "labels": short.confirm.labels_N.astype(np.uint8),
        "seeds": np.array(short.seeds),
        "seeds-long": np.array(long.seeds),
        **short.predictions,
        **{f"{arm}-long": preds_SN for arm, preds_SN in long.predictions.items()},
    }
    for arm in short.arms:
        arrays[f"{arm} fit"] = np.array(short.outcome.arms[arm].fit_accuracy.per_seed)
        arrays[f"{arm}-long fit"] = np.array(long.outcome.arms[arm].fit_accuracy.per_seed)
        arrays[f"{arm}-long select"] = on_select(long, arm)
    write_arrays(path, arrays)


def on_select(compared: Compared, arm: str) -> FloatArray:
    """Return the accuracy on *select* after each epoch, `[S,E]`."""
    return np.array([[row["select_accuracy"] for row in own] for own in compared.histories[arm]])


def context(short: Compared, long: Compared) -> dict[str, Any]:
    """Return everything that the template of the page names."""
    study = short.plan.study
    n_epochs = {next(iter(set(c.plan.study.epochs.values()))) for c in (short, long)}
    documented = [arm.documented for arm in short.outcome.arms.values() if arm.documented]
    return {
        "name": study.name,
        "title": study.title,
        "headline": headline(short),
        "n_images": f"{short.outcome.n_images:,}",
        "n_seeds": len(short.seeds),
        "n_seeds_long": len(long.seeds),
        "n_epochs": min(n_epochs),
        "n_epochs_long": max(n_epochs),
        "exploratory": [c.plan.exploratory for c in (short, long) if c.plan.exploratory],
        "claims": [
            {
                "text": claim.text,
                "verdict": claim.verdict,
                "lines": claim_lines(short, claim),
                "long": late.verdict,
                "long_lines": claim_lines(long, late),
            }
            for claim, late in zip(short.outcome.claims, long.outcome.claims, strict=True)
        ],
        "changed": changed(short.outcome.claims, long.outcome.claims),
        "rule": RULE,
        "margin": f"{number(100 * study.judge.margin)} points",
        "arms": markdown(arm_table(short)),
        "arms_long": markdown(arm_table(long)),
        "documented": markdown(documented_table(short)),
        "n_documented": len(documented),
        "n_agree": sum(bool(d.agrees) for d in documented),
        "differences": markdown(difference_table(short)),
        "epochs": markdown(epoch_table(long)),
        "arm_names": short.arms,
        "labels": {arm: study.label(arm) for arm in short.arms},
        "command": command(short),
        "command_long": command(long),
        "plans": [c.plan.sha256[:16] for c in (short, long)],
        "versions": short.environments[short.arms[0]][0]["versions"],
        "backend": short.environments[short.arms[0]][0]["backend"],
        "count": count,
    }


def changed(early: tuple[ClaimOutcome, ...], late: tuple[ClaimOutcome, ...]) -> list[str]:
    """Return the claims whose verdict is another one after longer training."""
    return [
        f"“{one.text}” ({one.verdict}, then {other.verdict})"
        for one, other in zip(early, late, strict=True)
        if one.verdict != other.verdict
    ]


def epoch_table(compared: Compared) -> dict[str, Any]:
    """Return heads and rows: accuracy on *select* by epoch, and the claims' differences there.

    Each seed reads another tenth, so seeds are independent of each other here and an interval over
    them (Student's t, paired by seed) is one over images too.
    """
    pairs = list(
        dict.fromkeys((t.better, t.than) for c in compared.outcome.claims for t in c.tests)
    )
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


def markdown(table: dict[str, Any]) -> str:
    """Return heads and rows as a Markdown table; the first column holds names."""
    heads = table["heads"]
    lines = [heads, ("---", *("---:" for _ in heads[1:])), *table["rows"]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
