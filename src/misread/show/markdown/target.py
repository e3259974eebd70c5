"""Sections of a study with a target: what each arm did to it, what it broke, and how it was run."""

from functools import partial

import numpy as np

from misread.files import Arrays
from misread.judge import CellResult, Item, Verdict
from misread.show import slices as by_shape
from misread.show import target as tables
from misread.show import words
from misread.show.markdown.other_images import corruptions, transfer
from misread.show.markdown.page import Beside, Chapter, bullets, plain, section, table
from misread.show.report import command
from misread.show.verdict import Table
from misread.study.evidence import Evidence
from misread.study.study import BASELINE, JudgeSpec


def chapter_of(evidence: Evidence) -> Chapter:
    """Return what a page tells of a finished study."""
    sections = {name: partial(make, evidence) for name, make in SECTIONS.items()}
    return Chapter(evidence.folder.resolve().name, evidence.plan.study.title, sections)


def summary(evidence: Evidence, beside: Beside) -> str:
    """Tell the result: a figure, a row per arm, and the reason of each verdict."""
    parts = [words.runs_told(evidence)]
    if evidence.treated_arms:
        parts = [beside.figure("before_after"), tables.results_markdown(evidence), *parts]
    if evidence.plan.exploratory:
        parts.insert(0, f"**Exploratory: {plain(evidence.plan.exploratory)}.**")
    return "\n\n".join(filter(None, parts))


def seeds(evidence: Evidence, _: Beside) -> str:
    """Tell accuracy and the errors of the target seed by seed, and which images make them."""
    accuracy_S = (evidence.predictions[BASELINE] == evidence.confirm.labels_N).mean(axis=1)
    sd = f" ± {100 * accuracy_S.std(ddof=1):.2f}" if len(accuracy_S) > 1 else ""
    rows = [
        (
            arm,
            cell.name,
            ", ".join(map(str, cell.before_per_seed)),
            ", ".join(map(str, cell.after_per_seed)),
            _change(cell),
        )
        for arm, verdict in evidence.verdicts.items()
        for cell in verdict.cells
    ]
    heads = ("Arm", "Cell", "Errors of each seed before", "After", "Change a seed")
    behind = (
        "What is behind it: images by how many seeds misread them, before → after; how it stands "
        "to its reverse and among all confusions."
    )
    return section(
        "Seed by seed",
        f"The baseline reads {accuracy_S.mean():.2%}{sd} of the {len(evidence.confirm):,} confirm "
        f"images rightly (mean{' ± sd' if sd else ''} over {words.count(len(accuracy_S), 'seed')}; "
        f"lowest {accuracy_S.min():.2%}, highest {accuracy_S.max():.2%}). Intervals are over "
        f"{words.sampled_told(evidence)}; p is corrected over the target cells of an arm (Holm).",
        *(
            (table(Table(heads, tuple(rows))), behind, table(tables.behind_table(evidence)))
            if rows
            else ()
        ),
    )


def _change(cell: CellResult) -> str:
    """Return a cell's effect in images, as in "−1.2 (−4.2 to +1.4, p = .59)"."""
    n = cell.n_images
    return (
        f"{words.images(cell.effect.estimate * n, sign=True)} "
        f"({words.interval(cell.effect, n)}, {words.p_value(cell.p_holm)})"
    )


def broken(evidence: Evidence, beside: Beside) -> str:
    """Tell what each arm broke, and what it does to images that the policy's operations altered."""
    if not evidence.treated_arms:
        return ""
    return section(
        "What it broke",
        beside.figure("collateral"),
        bullets([_broken(arm, verdict) for arm, verdict in evidence.verdicts.items()]),
        "Counter-slices: share of the class, baseline and each arm, with status against the margin."
        if evidence.slices
        else "",
        table(tables.slice_table(evidence)) if evidence.slices else "",
        table(tables.class_table(evidence)),
    )


def _broken(arm: str, verdict: Verdict) -> str:
    """Return how many items are safe, harmed or undetermined, and which are harmed, worst first."""
    items = [item for item in verdict.collateral if item.status == "harmed"]
    items.sort(key=lambda item: -item.effect.estimate)
    rates = [
        f"{_rates(item)}, worse by {words.interval(item.effect, 100, decimals=2)} points"
        for item in items
    ]
    harmed = f" Harmed: {plain('; '.join(rates))}." if rates else ""
    fallen = [i for i in verdict.collateral if i.kind == "slice" and i.effect.high < 0]
    mended = min(fallen, key=lambda item: item.effect.estimate, default=None)
    taught = f" Surely learnt: {plain(_rates(mended))}." if mended else ""
    return (
        f"**{plain(arm)}**: {verdict.n_safe} items safe, {verdict.n_harmed} harmed, "
        f"{verdict.n_undetermined} undetermined.{harmed}{taught}"
    )


def _rates(item: Item) -> str:
    return f"{item.name} {words.percent(item.before)} → {words.percent(item.after)}"


def images(evidence: Evidence, beside: Beside) -> str:
    """Show the misread images, and what the leading confusions are made of."""
    atlas = evidence.atlas
    best = (
        ""
        if atlas.best_reduction is None
        else f"The largest reduction of {plain(words.target_name(evidence))} still possible, with "
        f"disputed labels left as they are read: {words.percent(atlas.best_reduction)} of its "
        "errors."
    )
    return section(
        "The images",
        beside.figure("misread_images"),
        beside.figure("atlas"),
        " ".join(filter(None, [best, f"Here {atlas.note}." if atlas.note else ""])),
    )


def changed(evidence: Evidence, beside: Beside) -> str:
    """Show what each arm broke and mended for good, and which cells surely changed."""
    if not evidence.treated_arms:
        return section("What is confused", beside.figure("confusion_matrices"))
    held = tables.held_table(evidence)
    return section(
        "What changed for good",
        beside.figure("ledger"),
        beside.figure("confusion_matrices"),
        table(held)
        if held.rows
        else "No cell's change holds up over all cells: what the matrices show may all be chance.",
    )


def slices(evidence: Evidence, beside: Beside) -> str:
    """Tell which images are misread, by their shape and by who wrote them."""
    sliced = evidence.sliced
    ranked = by_shape.explained_table(sliced)
    rates = by_shape.rates_table(sliced, sliced.shape[0].measure)
    writers = by_shape.writers_table(sliced)
    few = by_shape.concentrations_told(sliced)
    others = [
        by_shape.explained_told(sliced, arm)
        for arm in evidence.treated_arms
        if sliced.explained[arm] and sliced.explained[arm][0].q_value <= sliced.alpha
    ]
    return section(
        "Which images (exploratory: these slices are in no plan)",
        " ".join(f"{plain(line)}." for line in (by_shape.explained_told(sliced), *others)),
        table(by_shape.flat(ranked)) if ranked.rows else "",
        f"Rate of {plain(sliced.cell_name)} in fifths of its class, with intervals over "
        f"{by_shape.sampled(sliced)}. {plain(by_shape.changes_told(sliced))}; corrected over all "
        "slices of an arm (Benjamini–Hochberg).",
        table(by_shape.flat(rates)),
        beside.figure("shape"),
        table(by_shape.flat(writers)) if writers.rows else "",
        bullets([f"{plain(line)}." for line in few]),
        beside.figure("writers") if few else "",
    )


def selection(evidence: Evidence, beside: Beside) -> str:
    """Tell how the target was found on *select*, and what is left of it on *confirm*."""
    plan, cells = evidence.plan, evidence.errors["cells"]
    rank = plan.target_on_select
    sentence = (
        f"On *select* ({sum(evidence.errors['n_images_per_seed']):,} readings of training images "
        f"that the reading model had not seen) {plain(words.target_name(evidence))} has rank "
        f"{rank['rank']} of {len(cells)}, appears in {rank['seeds_present']} of {rank['n_seeds']} "
        f"seeds, and has a mean rank of {rank['mean_rank']:.1f} against {rank['chance_rank']:.1f} "
        f"by chance ({words.p_value(rank['q_rank'])} after Benjamini–Hochberg). Against its "
        f"reverse, {rank['mean']:.1f} and {rank['reverse_mean']:.1f} errors a seed: "
        f"{words.p_value(rank['asymmetry_p'])}."
    )
    planned = plan.planned_power.sentence if plan.planned_power else ""
    return section(
        "How the target was chosen",
        sentence,
        bullets([plain(evidence.shrinkage(*cell).sentence) for cell in plan.cells]),
        f"Planned before the arms were trained: {plain(planned)}" if planned else "",
        table(tables.selection_table(evidence)),
        beside.figure("ranked_cells"),
        beside.figure("select_images"),
    )


def treatment(evidence: Evidence, beside: Beside) -> str:
    """Tell what each arm does to images, and what the baseline reads then."""
    if not evidence.treated_arms:
        return ""
    names = evidence.confirm.class_names
    shares = {row["arm"]: row["changed_share"].get("all") for row in evidence.preview["shares"]}
    arms = [
        f"**{plain(arm)}**: {plain(words.arm_description(evidence, arm))}"
        + (
            f"; {words.percent(shares[arm])} of its draws change an image"
            if shares.get(arm)
            else ""
        )
        for arm in evidence.treated_arms
    ]
    rows = [
        (
            f"{row['operation']} {row['size_px']} px",
            names[row["label"]],
            f"{words.percent(row['ink_before'])} → {words.percent(row['ink_after'])}",
            f"{row['thickness_before_px']:.1f} → {row['thickness_after_px']:.1f}",
            f"{words.percent(row['error_before'])} → {words.percent(row['error_after'])}",
        )
        for row in evidence.preview["operations"]
        if row["size_px"] > 1
    ]
    heads = ("Operation", "Class", "Ink", "Stroke, px", "Baseline misreads")
    return section(
        "What was done to images",
        bullets(arms),
        beside.figure("preview"),
        table(Table(heads, tuple(rows))),
    )


def run(evidence: Evidence, beside: Beside) -> str:
    """Tell by which commands all of it comes again, and how long it takes."""
    plan, machine = evidence.plan, evidence.environment
    seconds = float(np.median([s for values in evidence.train_seconds.values() for s in values]))
    folder = f"runs/{evidence.folder.resolve().name}"
    return section(
        "How it was run",
        f"```bash\n{command(evidence)} --out {folder}\n{beside.command(folder)}\n```",
        f"Plan `{plan.sha256[:16]}`, recipe `{plan.study.recipe_name}`; "
        f"{words.count(evidence.n_runs, 'run')}, {seconds:.0f} s of training each (median, "
        f"{words.count(machine['threads'], 'thread')}); Keras {machine['versions']['keras']} on "
        f"{machine['backend']}.",
        beside.figure("training_curves"),
    )


def readings(evidence: Evidence, beside: Beside) -> str:
    """Give what every arm and seed read in every image, to be judged again without training."""
    path, link = beside.readings(arrays_of(evidence))
    text = f"What every arm and seed read in every image: {link}."
    if not evidence.treated_arms:
        return section("The readings", text)
    target = "{}:{}".format(*evidence.plan.target)
    judge = "\n".join(
        f"misread judge {path}#{BASELINE} {path}#{arm} --cell {target}"
        for arm in evidence.treated_arms
    )
    spec, usual = evidence.plan.study.judge, JudgeSpec()
    is_usual = spec.model_copy(update={"both_directions": False}) == usual
    is_usual &= evidence.plan.study.adaptive is None
    grouped = evidence.plan.grouped
    python = AGAIN.format(
        path=path,
        arm=evidence.treated_arms[0],
        cells=list(evidence.plan.cells),
        of_slice=', read["groups"][ids]' if grouped else "",
        of_all=', groups_N=read["groups"]' if grouped else "",
    )
    return section(
        "The readings",
        f"{text} Judge them again without training:",
        f"```bash\n{judge}\n```",
        *((BOTH, python) if evidence.slices and is_usual else ()),
    )


BOTH = """\
These judge the clean images alone. With the counter-slices, which are in the same file, the verdict
is that of the study:"""

AGAIN = """\
```python
import numpy as np

from misread.judge import SliceReadings, judge

with np.load("{path}") as file:
    read = dict(file)
labels_N, arm, slices = read["labels"], "{arm}", []
for name in (key.removesuffix(" ids") for key in read if key.endswith(" ids")):
    ids, before_SM, after_SM = (read[f"{{name}} {{what}}"] for what in ("ids", "baseline", arm))
    slices.append(SliceReadings(name, labels_N[ids], before_SM, after_SM{of_slice}))
sides = labels_N, read["baseline"], read[arm]
verdict = judge(*sides, cells={cells}, slices=slices{of_all})
print(verdict.verdict, verdict.reason)
```"""


def arrays_of(evidence: Evidence) -> Arrays:
    """Return every reading: `labels` [N], `seeds` [S], arms [S,N], and of each slice the same.

    An arm that was settled early has the first of the seeds. `disputed` [N] and `groups` [N] are
    there where they are known; `SLICE ids` [M] are the places of a slice's images among the N.
    """
    confirm = evidence.confirm
    arrays: Arrays = {
        "labels": confirm.labels_N.astype(np.min_scalar_type(confirm.n_classes)),
        "seeds": np.array(evidence.seeds),
        **evidence.predictions,
    }
    if confirm.disputed_N is not None:
        arrays["disputed"] = confirm.disputed_N
    if confirm.groups_N is not None and evidence.plan.grouped:
        arrays["groups"] = confirm.groups_N.astype(np.int32)
    for piece in evidence.slices:
        arrays[f"{piece.slice.name} ids"] = piece.ids_M.astype(np.int32)
        arrays |= {f"{piece.slice.name} {arm}": r_SM for arm, r_SM in piece.predictions.items()}
    return arrays


SECTIONS = {
    "summary": summary,
    "seeds": seeds,
    "broken": broken,
    "images": images,
    "changed": changed,
    "slices": slices,
    "transfer": transfer,
    "corruptions": corruptions,
    "selection": selection,
    "treatment": treatment,
    "run": run,
    "readings": readings,
}
