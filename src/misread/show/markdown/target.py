"""Sections of a study with a target: what each arm did to it, what it broke, and how it was run."""

from functools import partial

from misread import wording
from misread.judge import Item, Verdict
from misread.show import slices as by_shape
from misread.show import target as tables
from misread.show import words
from misread.show.markdown import claims
from misread.show.markdown.again import readings, run
from misread.show.markdown.other_images import corruptions, transfer
from misread.show.markdown.page import Beside, Chapter, bullets, section
from misread.show.select import loops_in_words, selection_table
from misread.show.table import Table, markdown_table, plain
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence


def chapter_of(evidence: Evidence) -> Chapter:
    """Return what a page tells of a finished study, of one without a target its claims."""
    plan = evidence.plan
    made = SECTIONS if plan.target is not None else claims.SECTIONS
    sections = {name: partial(make, evidence) for name, make in made.items()}
    name = evidence.folder.resolve().name
    return Chapter(name, plan.study.title, sections, exploratory=plan.exploratory)


def summary(evidence: Evidence, beside: Beside) -> str:
    """Tell the result: a figure, a row per arm, and the reason of each verdict."""
    parts = [words.saved_runs(evidence)]
    if evidence.treated_arms:
        parts = [beside.figure("before_after"), tables.results_markdown(evidence), *parts]
    return "\n\n".join(filter(None, parts))


def seeds(evidence: Evidence, _: Beside) -> str:
    """Tell accuracy and the errors of the target seed by seed, and which images make them."""
    accuracy_S = (evidence.predictions[BASELINE] == evidence.confirm.labels_N).mean(axis=1)
    sd = f" ± {100 * accuracy_S.std(ddof=1):.2f}" if len(accuracy_S) > 1 else ""
    return section(
        "Seed by seed",
        f"The baseline reads {accuracy_S.mean():.2%}{sd} of the {len(evidence.confirm):,} confirm "
        f"images rightly (mean{' ± sd' if sd else ''} over "
        f"{wording.count(len(accuracy_S), 'seed')}; lowest {accuracy_S.min():.2%}, highest "
        f"{accuracy_S.max():.2%}). Intervals are over {words.sampling_units(evidence)}; p is "
        "corrected over the target cells of an arm (Holm).",
        *_cells_by_seed(evidence),
    )


def _cells_by_seed(evidence: Evidence) -> list[str]:
    """Return the target cells seed by seed, and what is behind them; none without treated arms."""
    if not evidence.treated_arms:
        return []
    rows = []
    for arm, verdict in evidence.verdicts.items():
        for cell in verdict.cells:
            n = cell.n_images
            change = (
                f"{wording.images(cell.effect.estimate * n, sign=True)} "
                f"({wording.interval(cell.effect, n)}, {wording.p_value(cell.p_holm)})"
            )
            before, after = (
                ", ".join(map(str, errors_S))
                for errors_S in (cell.before_per_seed, cell.after_per_seed)
            )
            rows.append((arm, cell.name, before, after, change))
    heads = ("Arm", "Cell", "Errors of each seed before", "After", "Change a seed")
    behind = (
        "What is behind it: images by how many seeds misread them, before → after; how it stands "
        "to its reverse and among all confusions."
    )
    by_seed, by_image = Table("", heads, tuple(rows)), tables.behind_table(evidence)
    return [markdown_table(by_seed), behind, markdown_table(by_image)]


def broken(evidence: Evidence, beside: Beside) -> str:
    """Tell what each arm broke, and what it does to images that the policy's operations altered."""
    if not evidence.treated_arms:
        return ""
    return section(
        "What it broke",
        beside.figure("collateral"),
        bullets([_broken(arm, verdict) for arm, verdict in evidence.verdicts.items()]),
        *_counter_slices(evidence),
        markdown_table(tables.class_table(evidence)),
    )


def _counter_slices(evidence: Evidence) -> list[str]:
    """Return the counter-slices as a table under the images that count in them; none without."""
    if not evidence.slices:
        return []
    images = words.evidence_images(evidence)
    title = (
        f"Counter-slices, {images} under the policy's operations: share of the class misread, with "
        "the interval of its growth in percentage points and how that stands to the margin:"
    )
    return [title, markdown_table(tables.slice_table(evidence, _grown, "Images"))]


def _grown(item: Item) -> str:
    span = wording.interval(item.effect, 100, decimals=2)
    return f"{wording.percent(item.after)} ({span}) {item.status}"


def _broken(arm: str, verdict: Verdict) -> str:
    """Return how many items are safe, harmed or undetermined, and which are harmed, worst first."""
    items = [item for item in verdict.collateral if item.status == "harmed"]
    items.sort(key=lambda item: -item.effect.estimate)
    rates = [
        f"{_rates(item)}, worse by {wording.interval(item.effect, 100, decimals=2)} points"
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
    return f"{item.name} {wording.percent(item.before)} → {wording.percent(item.after)}"


def images(evidence: Evidence, beside: Beside) -> str:
    """Show the misread images, and what the leading confusions are made of."""
    atlas = evidence.atlas
    notes = [f"Here {atlas.note}."] if atlas.note else []
    if atlas.best_reduction is not None:
        best = (
            f"The largest reduction of {plain(words.target_name(evidence))} still possible, with "
            f"disputed labels left as they are read: {wording.percent(atlas.best_reduction)} of "
            "its errors."
        )
        notes.insert(0, best)
    figures = (beside.figure("misread_images"), beside.figure("atlas"))
    return section("The images", *figures, " ".join(notes))


def changed(evidence: Evidence, beside: Beside) -> str:
    """Show what each arm broke and mended for good, and which cells surely changed."""
    if not evidence.treated_arms:
        return section("What is confused", beside.figure("confusion_matrices"))
    held = tables.held_table(evidence)
    return section(
        "What changed for good",
        beside.figure("ledger"),
        beside.figure("confusion_matrices"),
        markdown_table(held)
        if held.rows
        else "No cell's change holds up over all cells: what the matrices show may all be chance.",
    )


def slices(evidence: Evidence, beside: Beside) -> str:
    """Tell which images are misread, by their shape and by who wrote them."""
    sliced = evidence.sliced
    ranked = by_shape.explained_table(sliced)
    rates = by_shape.rates_table(sliced, sliced.shape[0].measure)
    writers = by_shape.writers_table(sliced)
    few = by_shape.concentration_sentences(sliced)
    others = [
        by_shape.explained_sentence(sliced, arm)
        for arm in evidence.treated_arms
        if sliced.explained[arm] and sliced.explained[arm][0].q_value <= sliced.alpha
    ]
    return section(
        "Which images (exploratory: these slices are in no plan)",
        " ".join(f"{plain(line)}." for line in (by_shape.explained_sentence(sliced), *others)),
        markdown_table(ranked) if ranked.rows else "",
        f"Rate of {plain(sliced.cell_name)} in fifths of its class, with intervals over "
        f"{by_shape.sampling_units(sliced)}. {plain(by_shape.changes_sentence(sliced))}; "
        "corrected over all slices of an arm (Benjamini–Hochberg).",
        markdown_table(rates),
        beside.figure("shape"),
        markdown_table(writers) if writers.rows else "",
        bullets([f"{plain(line)}." for line in few]),
        beside.figure("writers") if few else "",
    )


def selection(evidence: Evidence, beside: Beside) -> str:
    """Tell how the target was found on *select*, and what is left of it on *confirm*."""
    plan, cells = evidence.plan, evidence.errors["cells"]
    rank = plan.target_on_select or {}
    sentence = (
        f"On *select* ({sum(evidence.errors['n_images_per_seed']):,} readings of training images "
        f"that the reading model had not seen) {plain(words.target_name(evidence))} has rank "
        f"{rank['rank']} of {len(cells)}, appears in {rank['seeds_present']} of {rank['n_seeds']} "
        f"seeds, and has a mean rank of {rank['mean_rank']:.1f} against {rank['chance_rank']:.1f} "
        f"by chance ({wording.p_value(rank['q_rank'])} after Benjamini–Hochberg). Against its "
        f"reverse, {rank['mean']:.1f} and {rank['reverse_mean']:.1f} errors a seed: "
        f"{wording.p_value(rank['asymmetry_p'])}."
    )
    planned = plan.planned_power.in_full if plan.planned_power else ""
    return section(
        "How the target was chosen",
        sentence,
        bullets([plain(evidence.shrinkage(*cell).sentence) for cell in plan.cells]),
        f"Planned before the arms were trained: {plain(planned)}" if planned else "",
        markdown_table(selection_table(evidence)),
        beside.figure("ranked_cells"),
        beside.figure("select_images"),
    )


def treatment(evidence: Evidence, beside: Beside) -> str:
    """Tell what each arm does to images, and what the baseline reads then."""
    if not evidence.treated_arms:
        return ""
    names = evidence.confirm.class_names
    shares = {row["arm"]: row["changed_share"].get("all") for row in evidence.preview["shares"]}
    arms = []
    for arm in evidence.treated_arms:
        share = shares.get(arm)
        drawn = f"; {wording.percent(share)} of its draws change an image" if share else ""
        arms.append(f"**{plain(arm)}**: {plain(words.arm_description(evidence, arm))}{drawn}")
    rows = [
        (
            f"{row['operation']} {row['size_px']} px",
            names[row["label"]],
            f"{wording.percent(row['ink_before'])} → {wording.percent(row['ink_after'])}",
            f"{row['thickness_before_px']:.1f} → {row['thickness_after_px']:.1f}",
            f"{wording.percent(row['error_before'])} → {wording.percent(row['error_after'])}",
            loops_in_words(row),
        )
        for row in evidence.preview["operations"]
        if row["size_px"] > 1
    ]
    heads = ("Operation", "Class", "Ink", "Stroke, px", "Baseline misreads", "Loops closed, opened")
    return section(
        "What was done to images",
        bullets(arms),
        beside.figure("preview"),
        markdown_table(Table("", heads, tuple(rows))),
    )


SECTIONS = {
    "summary": summary,
    "accuracies": claims.accuracies,
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
