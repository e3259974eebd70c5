"""Results as tables: one set of rows, for the page and as Markdown for the docs."""

from collections.abc import Sequence

import numpy as np

from misread.judge import CellResult, Item
from misread.judge.confusion import class_metrics
from misread.show import words
from misread.show.figures.confusion import held_up
from misread.show.figures.ledger import changes
from misread.show.verdict import Table, cell_table, target_table, verdict_word
from misread.study.evidence import Evidence
from misread.study.select import Rate
from misread.study.study import BASELINE


def effect_table(evidence: Evidence) -> Table:
    """Return the target cells before and after per arm, with and without disputed images."""
    rows = tuple(
        (arm if len(verdict.cells) == 1 else f"{arm}, {row[0]}", *row[1:], verdict.verdict)
        for arm, verdict in evidence.verdicts.items()
        for row in target_table(verdict.cells, verdict.alpha).rows
    )
    alpha = evidence.plan.study.judge.alpha
    cells = [words.target_result(evidence, arm) for arm in evidence.treated_arms]
    heads = target_table(cells, alpha).heads[1:]
    if evidence.plan.study.adaptive:  # each arm has the level of its own look
        heads = tuple("Interval of its look" if "interval" in head else head for head in heads)
    return Table(("Arm", *heads, "Verdict"), rows)


def behind_table(evidence: Evidence) -> Table:
    """Return which images make the target cell, and how it stands among the others, per arm."""
    made = {arm: cell_table(verdict) for arm, verdict in evidence.verdicts.items()}
    rows = tuple((arm, *table.rows[0][1:]) for arm, table in made.items())
    heads = next(iter(made.values())).heads if made else ("Arm",)
    return Table(("Arm", *heads[1:]), rows)


def slice_table(evidence: Evidence) -> Table:
    """Return every counter-slice item, a row each, with its change in every treated arm."""
    rows = []
    for piece, _ in words.shown_slices(evidence):
        for which in ("pair", "all"):
            items = [
                words.slice_items(evidence, arm, piece).get(which) for arm in evidence.treated_arms
            ]
            read, done = words.slice_label(evidence, piece, which)
            first = next(filter(None, items), None)
            if first is None:
                continue
            rows.append(
                (
                    f"{read}, {done}",
                    words.percent(first.before),
                    *(
                        f"{words.percent(item.after)} {words.fold(item.after, item.before)} "
                        f"{item.status}"
                        if item
                        else words.NOT_ASKED
                        for item in items
                    ),
                )
            )
    return Table(("Confirm images, altered", "Baseline", *evidence.treated_arms), tuple(rows))


def class_table(evidence: Evidence) -> Table:
    """Return accuracy, and precision and recall of the target's classes, mean ± sd over seeds."""
    rows = []
    for arm in evidence.arms:
        metrics = [
            class_metrics(evidence.counts(arm, row))
            for row in range(len(evidence.predictions[arm]))
        ]
        cells = [_spread([m.accuracy for m in metrics])]
        for k in evidence.plan.target:
            cells += [
                _spread([m.precision[k] for m in metrics]),
                _spread([m.recall[k] for m in metrics]),
            ]
        rows.append((arm, *cells))
    names = [evidence.confirm.class_names[k] for k in evidence.plan.target]
    heads = [f"{what} of {name}" for name in names for what in ("Precision", "Recall")]
    return Table(("Arm", "Accuracy", *heads), tuple(rows))


def selection_table(evidence: Evidence) -> Table:
    """Return the target and the most frequent confusions on *select*, beside *confirm*."""
    confirm = {(c["true"], c["predicted"]): c for c in evidence.summary["ranked_cells"]}
    cells = evidence.errors["cells"]
    shown = cells[:5] + [
        c for c in cells[5:] if (c["true"], c["predicted"]) == evidence.plan.target
    ]
    rows = []
    for cell in shown:
        key = (cell["true"], cell["predicted"])
        mark = " (target)" if key == evidence.plan.target else ""
        found = evidence.shrinkage(*key)
        rows.append(
            (
                words.cell_name(evidence, *key) + mark,
                f"{cell['rank']}",
                words.images(cell["mean"]),
                _rate(found.select),
                f"{cell['seeds_present']} of {cell['n_seeds']}",
                f"{confirm[key]['rank']}",
                words.images(confirm[key]["mean"]),
                _rate(found.confirm),
                words.relative(found.confirm.rate, found.select.rate),
            )
        )
    heads = (
        "Confusion",
        "Rank on select",
        "Errors per seed on select",
        "Rate on select",
        "In seeds",
        "Rank on confirm",
        "Errors per seed on confirm",
        "Rate on confirm",
        "Shrinkage",
    )
    return Table(heads, tuple(rows))


def _rate(rate: Rate) -> str:
    return f"{words.percent(rate.rate)} ({words.percent(rate.low)} to {words.percent(rate.high)})"


def ledger_table(evidence: Evidence) -> Table:
    """Return every image that an arm broke or mended for good, with both readings."""
    names = evidence.confirm.class_names
    rows = [
        (
            f"#{change.number}",
            arm,
            change.kind,
            names[change.true],
            f"{names[change.before]} ({change.n_before} of {len(evidence.predictions[arm])})",
            f"{names[change.after]} ({change.n_after} of {len(evidence.predictions[arm])})",
            "yes" if change.is_target else "",
        )
        for arm in evidence.treated_arms
        for change in changes(evidence, arm)
    ]
    heads = ("Image", "Arm", "What", "Label", "Read before", "Read after", "Target")
    return Table(heads, tuple(rows))


def held_table(evidence: Evidence) -> Table:
    """Return every cell whose change holds up over all cells, in every arm."""
    rows = []
    for arm in evidence.treated_arms:
        verdict = evidence.verdicts[arm]
        found: CellResult | Item
        measured: dict[tuple[int, int | None], CellResult | Item] = {
            (c.true, c.predicted): c for c in verdict.cells
        }
        measured |= {
            (i.true, i.predicted): i
            for i in verdict.collateral
            if i.kind == "cell" and i.true is not None
        }
        for cell, q_value in held_up(evidence, arm).items():
            found = measured[cell]
            rows.append(
                (
                    words.cell_name(evidence, *cell),
                    arm,
                    words.images(found.before_images),
                    words.images(found.after_images),
                    words.interval(found.effect, found.effect.n_images),
                    words.p_number(q_value),
                )
            )
    heads = ("Cell", "Arm", "Errors per seed before", "After", "Interval of the change", "q")
    return Table(heads, tuple(rows))


def study_markdown(evidence: Evidence) -> str:
    """Return the results of a study as a Markdown section.

    Parameters
    ----------
    evidence
        A finished study.

    Returns
    -------
    str
        Title, warning where the result is exploratory, a row per arm (accuracy, target before →
        after with interval and p, the counter-slices, verdict), and each verdict's reason.
    """
    lines = [f"## {evidence.plan.study.title}", "", results_markdown(evidence), ""]
    if evidence.plan.exploratory:  # on the first line of all, as the page has it
        lines = [f"**Exploratory: {evidence.plan.exploratory}.**", "", *lines]
    return "\n".join(lines)


def results_markdown(evidence: Evidence) -> str:
    """Return `study_markdown` without its title and its warning."""
    study = evidence.plan.study
    slices = words.shown_slices(evidence)
    target = words.target_name(evidence)
    names = evidence.confirm.class_names
    labels = []
    for piece, which in slices:
        other = next(k for k in evidence.plan.target if k != piece.slice.label)
        what = names[piece.slice.label] + (f"→{names[other]}" if which == "pair" else " misread")
        labels.append(f"{what}, {piece.slice.operation} {piece.slice.size_px} px")
    heads = ["Arm", "Accuracy", f"{target} per seed", "Interval, p", *labels, "Verdict"]
    base = [
        BASELINE,
        words.percent(words.mean_accuracy(evidence, BASELINE)),
        words.images(evidence.summary["target"]["confirm"]["mean"]),
        "",
        *(_slice_rate(evidence, place, which) for place, (_, which) in enumerate(slices)),
        "",
    ]
    rows = [base]
    for arm in evidence.treated_arms:
        cell = words.target_result(evidence, arm)
        items = [words.slice_items(evidence, arm, piece).get(which) for piece, which in slices]
        rows.append(
            [
                arm,
                words.percent(words.mean_accuracy(evidence, arm)),
                (
                    f"{words.images(cell.before_images)} → {words.images(cell.after_images)} "
                    f"({words.relative(cell.after, cell.before)})"
                ),
                f"{words.interval(cell.effect, cell.n_images)}, {words.p_value(cell.p_holm)}",
                *(
                    _bold(words.percent(i.after), on=i.status == "harmed") if i else words.NOT_ASKED
                    for i in items
                ),
                _bold(verdict_word(evidence.verdicts[arm]), on=True),
            ]
        )
    lines = [
        (
            f"{words.seeds_told(evidence)}, {len(evidence.confirm):,} confirm "
            f"images, recipe `{study.recipe_name}`. Intervals are for the change in errors per "
            "seed; bold shares are harmed."
        ),
        "",
        _markdown_row(heads),
        _markdown_row(["---"] + ["---:"] * (len(heads) - 2) + ["---"]),
        *map(_markdown_row, rows),
        "",
        *(f"- **{arm}**: {verdict.reason}" for arm, verdict in evidence.verdicts.items()),
    ]
    return "\n".join(lines).rstrip()


def _slice_rate(evidence: Evidence, place: int, which: str) -> str:
    piece = evidence.slices[place]
    read_SM = piece.predictions[BASELINE]
    label = piece.slice.label
    other = next(k for k in evidence.plan.target if k != label)
    wrong_SM = read_SM == other if which == "pair" else read_SM != label
    return words.percent(float(wrong_SM.mean()))


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _bold(text: str, *, on: bool) -> str:
    return f"**{text}**" if on else text


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = words.percent(float(np.mean(known)))
    if len(known) < 2:
        return mean
    return f"{mean} ± {words.number(100 * float(np.std(known, ddof=1)))}"
