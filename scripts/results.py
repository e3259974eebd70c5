"""Write the documented results of a finished study: text, figures and readings.

    python scripts/results.py runs/four-nine-documented

writes `docs/results/<study>.md`, its figures and `docs/results/<study>-readings.npz` (what every
arm and seed read in every image, so that anyone can judge it again without training), and the
block between the marks in README.md. Every number comes from the study's folder.
"""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import scipy.stats

from misread.evidence import Evidence, load_evidence
from misread.judge import two_way
from misread.show import tables, words
from misread.show.report import command
from misread.store import write_arrays, write_atomic
from misread.study import BASELINE

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ("before_after", "collateral", "misread_images", "ranked_cells", "confusion_matrices",
           "training_curves", "preview")  # fmt: skip
DOCUMENTED_ACCURACY = 0.9925  # what the study that we rebuild reports, over three seeds
DOCUMENTED_ERRORS = (3, 0)  # and its 4→9 errors before and after
MARKS = ("<!-- results: written by scripts/results.py -->", "<!-- end of results -->")


def main() -> None:
    """Write everything for the study's folder named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/results.py STUDY_FOLDER")
    evidence = load_evidence(Path(sys.argv[1]))
    name = evidence.plan.study.name
    results = ROOT / "docs" / "results"
    (results / name).mkdir(parents=True, exist_ok=True)
    for figure in FIGURES:
        shutil.copyfile(
            evidence.folder / "figures" / f"{figure}.png", results / name / f"{figure}.png"
        )
    write_readings(evidence, results / f"{name}-readings.npz")
    write_atomic(results / f"{name}.md", page(evidence).encode())
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    block = f"{MARKS[0]}\n{summary(evidence)}\n{MARKS[1]}"
    replaced = re.sub(
        f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", lambda _: block, text, flags=re.DOTALL
    )
    write_atomic(readme, replaced.encode())
    print(f"Written: docs/results/{name}.md, its figures and readings, and README.md.")


def write_readings(evidence: Evidence, path: Path) -> None:
    """Write every reading as `uint8`: `labels` [N], `seeds` [S], and each arm [S,N]."""
    slices = {
        f"{piece.slice.name} {arm}": read_SM
        for piece in evidence.slices
        for arm, read_SM in piece.predictions.items()
    }
    ids = {f"{piece.slice.name} ids": piece.ids_M.astype(np.uint16) for piece in evidence.slices}
    write_arrays(
        path,
        {
            "labels": evidence.confirm.labels_N.astype(np.uint8),
            "seeds": np.array(evidence.seeds),
            **evidence.predictions,
            **ids,
            **slices,
        },
    )


def summary(evidence: Evidence) -> str:
    """Return the block of the README: headline figure, table, where to read more."""
    name = evidence.plan.study.name
    return "\n".join(
        [
            f"![{words.headline(evidence, evidence.treated_arms[0])}](docs/results/{name}/before_after.png)",
            "",
            tables.verdict_markdown(evidence).split("\n", 2)[2].rstrip(),
            "",
            f"Made by `{command(evidence)}`; all of it, with the null results and the readings of "
            f"every seed: [docs/results/{name}.md](docs/results/{name}.md).",
        ]
    )


def page(evidence: Evidence) -> str:
    """Return the results page."""
    name = evidence.plan.study.name
    parts = [
        f"# {evidence.plan.study.title}: what {len(evidence.seeds)} seeds say",
        "",
        *answers(evidence),
        "",
        f"![Before and after]({name}/before_after.png)",
        "",
        tables.verdict_markdown(evidence).rstrip(),
        "",
        "## What it broke",
        "",
        f"![Non-inferiority of everything else]({name}/collateral.png)",
        "",
        *collateral(evidence),
        "",
        "## The images",
        "",
        f"![The misread images with what each seed read]({name}/misread_images.png)",
        "",
        f"![Confusion matrices]({name}/confusion_matrices.png)",
        "",
        "## How the confusion was found",
        "",
        *selection(evidence),
        "",
        f"![Ranked cells on select]({name}/ranked_cells.png)",
        "",
        "## What the augmentation does",
        "",
        *augmentation(evidence),
        "",
        f"![Preview of the augmentation]({name}/preview.png)",
        "",
        "## Training",
        "",
        f"![Training curves]({name}/training_curves.png)",
        "",
        *how(evidence),
    ]
    return "\n".join(parts) + "\n"


def answers(evidence: Evidence) -> list[str]:
    """Return the answers to the questions of the original study, one bullet each."""
    true, predicted = evidence.plan.target
    cell = words.target_name(evidence)
    accuracy = [a for a in evidence.summary["accuracy"]["per_seed"] if a is not None]
    mean, n_seeds = float(np.mean(accuracy)), len(accuracy)
    sd = float(np.std(accuracy, ddof=1))
    half = float(scipy.stats.t.ppf(0.975, n_seeds - 1)) * sd / n_seeds**0.5
    low, high = mean - half, mean + half
    holds = low <= DOCUMENTED_ACCURACY <= high
    labels_N = evidence.confirm.labels_N
    read_SN = evidence.predictions[BASELINE]
    errors_S = ((labels_N == true) & (read_SN == predicted)).sum(axis=1)
    lines = [
        f"- **Does 99.25% reproduce? {'Yes' if holds else 'No'}.** The baseline reads "
        f"{mean:.2%} ± {100 * sd:.2f} of the test set rightly (mean ± sd over {n_seeds} seeds; 95% "
        f"interval of the mean over seeds {low:.3%} to {high:.3%}; lowest {min(accuracy):.2%}, "
        f"highest {max(accuracy):.2%}).",
    ]
    arm = evidence.treated_arms[0]
    verdict = evidence.verdicts[arm]
    result = verdict.cells[0]
    after_S = result.after_per_seed
    zeros = sum(after == 0 for after in after_S)
    lines.append(
        f"- **Does {cell} fall from {DOCUMENTED_ERRORS[0]} to {DOCUMENTED_ERRORS[1]}? "
        f"{'In every seed' if zeros == n_seeds else f'In {zeros} of {n_seeds} seeds to zero'}.** "
        f"The baseline makes {result.before_images:.1f} such errors a seed ({min(errors_S)} to "
        f"{max(errors_S)}), the documented policy {result.after_images:.1f} ({min(after_S)} to "
        f"{max(after_S)}): a change of {words.images(result.effect.estimate * result.n_images, sign=True)} "
        f"images (95% interval {words.interval(result.effect, result.n_images)}, "
        f"p {words.p_value(result.p_holm).removeprefix('p ')}). Seed by seed, before: "
        f"{', '.join(map(str, result.before_per_seed))}; after: {', '.join(map(str, after_S))}."
    )
    for piece in evidence.slices:
        if piece.slice.label != true:
            continue
        what = f"{words.treated(piece.slice.operation, piece.slice.size_px)} {true}s"
        changes = []
        for other in evidence.treated_arms:
            before_SM, after_SM = piece.predictions[BASELINE], piece.predictions[other]
            diff = (after_SM == predicted).astype(int) - (before_SM == predicted).astype(int)
            effect, n = two_way(diff, evidence.plan.study.judge.alpha), piece.ids_M.size
            changes.append(
                f"{other} {(after_SM == predicted).sum(axis=1).mean():.1f} "
                f"({words.images(effect.estimate * n, sign=True)}, {words.interval(effect, n)})"
            )
        base = (piece.predictions[BASELINE] == predicted).sum(axis=1).mean()
        lines.append(
            f"- **{what[0].upper()}{what[1:]} read as {predicted}** ({piece.slice.name}, "
            f"{piece.ids_M.size} images a seed): baseline {base:.1f}; {'; '.join(changes)}."
        )
    return lines


def collateral(evidence: Evidence) -> list[str]:
    """Return what is harmed and undetermined, by arm."""
    lines = []
    for arm, verdict in evidence.verdicts.items():
        harmed = [item for item in verdict.collateral if item.status == "harmed"]
        told = "; ".join(
            f"{item.name} {words.percent(item.before)} → {words.percent(item.after)} "
            f"(change for the worse {words.interval(item.effect, 100, decimals=2)} points)"
            for item in harmed
        )
        lines.append(
            f"- **{arm}**: {verdict.n_safe} items safe, {verdict.n_harmed} harmed, "
            f"{verdict.n_undetermined} undetermined." + (f" Harmed: {told}." if told else "")
        )
    return lines


def selection(evidence: Evidence) -> list[str]:
    """Return how the target ranks on *select*, and its rate there and on *confirm*."""
    target, cells = evidence.plan.target_on_select, evidence.errors["cells"]
    top = ", ".join(f"{c['true']}→{c['predicted']} ({c['mean']:.1f})" for c in cells[:6])
    confirm = evidence.summary["target"]["confirm"]
    return [
        f"On *select* ({sum(evidence.errors['n_images_per_seed']):,} readings of training images "
        f"that the reading model had not seen) the cells with most errors a seed are {top}. The "
        f"target {words.target_name(evidence)} has rank {target['rank']} of {len(cells)}, appears "
        f"in {target['seeds_present']} of {target['n_seeds']} seeds, and its mean rank "
        f"{target['mean_rank']:.1f} against {target['chance_rank']:.1f} by chance has "
        f"{words.p_value(target['q_rank'])} after Benjamini–Hochberg. Asymmetry against its reverse "
        f"({target['mean']:.1f} against {target['reverse_mean']:.1f} a seed): "
        f"{words.p_value(target['asymmetry_p'])}. Its rate is {words.percent(target['rate'])} on "
        f"*select* and {words.percent(confirm['rate'])} on *confirm*.",
    ]


def augmentation(evidence: Evidence) -> list[str]:
    """Return what the draws and the operations change."""
    lines = [
        f"- `{s['arm']}`, kernel {s['size_px'][0]} to {s['size_px'][1]} px: "
        f"{s['changed_share']['all']:.1%} of the draws change the image."
        for s in evidence.preview["shares"]
        if s["changed_share"]
    ]
    lines += [
        f"- {o['operation']} {o['size_px']} px on {o['label']}s: ink {o['ink_before']:.3f} → "
        f"{o['ink_after']:.3f}, stroke {o['thickness_before_px']:.1f} → "
        f"{o['thickness_after_px']:.1f} px; the baseline misreads {words.percent(o['error_before'])} "
        f"→ {words.percent(o['error_after'])}."
        for o in evidence.preview["operations"]
        if o["size_px"] > 1
    ]
    return lines


def how(evidence: Evidence) -> list[str]:
    """Return the command, the plan and the cost."""
    seconds = [s for own in evidence.train_seconds.values() for s in own]
    name = evidence.plan.study.name
    return [
        "## How it was run",
        "",
        "```bash",
        command(evidence),
        f"python scripts/results.py runs/{evidence.folder.name}  # writes this page",
        "```",
        "",
        f"Plan `{evidence.plan.sha256[:16]}`, {len(seconds)} runs of {np.median(seconds):.0f} s of "
        f"training each (median, one thread, {evidence.environment['platform'].split('-')[0]}, "
        f"Keras {evidence.environment['versions']['keras']} on {evidence.environment['backend']}).",
        "",
        f"The readings of every arm, seed and image are in [{name}-readings.npz]({name}-readings.npz). "
        "Judge them again without training:",
        "",
        "```bash",
        *(
            f"misread judge docs/results/{name}-readings.npz#baseline "
            f"docs/results/{name}-readings.npz#{arm} --cell "
            f"{evidence.plan.target[0]}:{evidence.plan.target[1]}"
            for arm in evidence.treated_arms
        ),
        "```",
    ]


if __name__ == "__main__":
    main()
