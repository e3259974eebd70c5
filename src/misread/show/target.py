"""Tables of a study with a target, for the terminal, the page and the docs."""

from collections.abc import Callable, Sequence

import numpy as np

from misread import wording
from misread.judge import CellResult, Item
from misread.judge.confusion import class_metrics
from misread.show import words
from misread.show.cells import cell_table, target_table
from misread.show.figures.ledger import changes
from misread.show.select import smoke_mark
from misread.show.table import Table, Tone, Toned, markdown_table
from misread.show.verdict import status, verdict_word
from misread.show.words import Misreading
from misread.study.answer import item_in_words, item_rates, worst_item
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence, SliceEvidence


def answer_table(evidence: Evidence) -> Table:
    """Return a row per arm: what it does, accuracy, the target, the worst item, the verdict."""
    before = wording.percent(words.mean_accuracy(evidence, BASELINE))
    rows: list[tuple[str, ...]] = [(BASELINE, "", "", before, "")]
    for arm, verdict in evidence.verdicts.items():
        cells = [
            f"{wording.percent(cell.before)} → {wording.percent(cell.after)}"
            for cell in verdict.cells
        ]
        item = worst_item(verdict)
        worst = "all safe" if item is None else f"{item_in_words(item)}, {item_rates(item)}"
        if item is not None and item.status != "harmed":
            worst = f"perhaps {worst}"
        accuracy = wording.percent(words.mean_accuracy(evidence, arm))
        rows.append(
            (
                f"{arm}\n{words.arm_in_short(evidence, arm)}",
                status(verdict.verdict, verdict_word(verdict)),
                "; ".join(cells),
                accuracy,
                worst,
            )
        )
    title = (
        f"{evidence.plan.study.title}: {words.seed_count(evidence)}, "
        f"{words.evidence_images(evidence)}{smoke_mark(evidence.plan.study.smoke)}"
    )
    note = f"Over {words.sampling_units(evidence)}. {words.saved_runs(evidence)}".strip()
    heads = ("arm", "verdict", words.targets_name(evidence), "accuracy", "worst of the rest")
    return Table(title, heads, tuple(rows), note, "lllll", unbroken=frozenset({2}))


def effect_table(evidence: Evidence) -> Table:
    """Return the target cells before and after per arm, with and without disputed images."""
    judged = [
        (arm, verdict, cell) for arm, verdict in evidence.verdicts.items() for cell in verdict.cells
    ]
    # With looks each arm has the level of its own.
    alpha = None if evidence.plan.study.adaptive else evidence.plan.study.judge.alpha
    table = target_table([cell for _, _, cell in judged], alpha)
    rows = tuple(
        (arm if len(verdict.cells) == 1 else f"{arm}, {row[0]}", *row[1:], verdict_word(verdict))
        for (arm, verdict, _), row in zip(judged, table.rows, strict=True)
    )
    title = (
        f"Errors {words.targets_name(evidence).replace('; ', ' and ')} per seed over "
        f"{words.evidence_images(evidence)}, as a share of the class and in images, as if "
        "there were those of confirm"
    )
    return Table(title, ("Arm", *table.heads[1:], "Verdict"), rows)


def behind_table(evidence: Evidence) -> Table:
    """Return the images behind the target cell per arm, and its standing among the others."""
    tables = {arm: cell_table(verdict) for arm, verdict in evidence.verdicts.items()}
    heads = next((table.heads for table in tables.values()), ("Arm",))
    rows = tuple((arm, *table.rows[0][1:]) for arm, table in tables.items())
    return Table("What is behind it", ("Arm", *heads[1:]), rows)


def slice_table(
    evidence: Evidence, cell_of: Callable[[Item], str], head: str = "Altered images"
) -> Table:
    """Return every counter-slice item, a row each, with a cell for every treated arm."""
    rows = []
    for piece in evidence.slices:
        by_arm = [words.slice_items(evidence, arm, piece) for arm in evidence.treated_arms]
        for misreading in Misreading:
            items = [items.get(misreading) for items in by_arm]
            first = next(filter(None, items), None)
            if first is not None:
                name = ", ".join(words.slice_label(evidence, piece, misreading))
                cells = (cell_of(item) if item else words.NOT_ASKED for item in items)
                rows.append((name, wording.percent(first.before), *cells))
    return Table("Counter-slices", (head, "Baseline", *evidence.treated_arms), tuple(rows))


def slice_status(item: Item) -> str:
    """Return what an arm reads in a counter-slice, as in "8.3% ×4.9 harmed"."""
    times = words.fold(item.after, item.before)
    return status(item.status, f"{wording.percent(item.after)} {times} {item.status}")


def class_table(evidence: Evidence) -> Table:
    """Return accuracy, and precision and recall of the target's classes, mean ± sd over seeds."""
    rows = []
    for arm, read_SN in evidence.predictions.items():
        seeds = [class_metrics(evidence.counts(arm)[row]) for row in range(len(read_SN))]
        cells = [_spread([seed.accuracy for seed in seeds])]
        for k in evidence.target:
            cells.append(_spread([seed.precision[k] for seed in seeds]))
            cells.append(_spread([seed.recall[k] for seed in seeds]))
        rows.append((arm, *cells))
    names = [evidence.confirm.class_names[k] for k in evidence.target]
    heads = [f"{what} of {name}" for name in names for what in ("Precision", "Recall")]
    return Table("Accuracy, precision and recall", ("Arm", "Accuracy", *heads), tuple(rows))


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = wording.percent(float(np.mean(known)))
    if len(known) < 2:
        return mean
    return f"{mean} ± {wording.number(100 * float(np.std(known, ddof=1)))}"


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
    return Table("Images broken and mended for good", heads, tuple(rows))


def held_table(evidence: Evidence) -> Table:
    """Return every cell whose change holds up over all cells, in every arm."""
    rows = []
    for arm, verdict in evidence.verdicts.items():
        results: dict[tuple[int | None, int | None], CellResult | Item] = {
            (item.true, item.predicted): item for item in verdict.collateral if item.kind == "cell"
        }
        results |= {(cell.true, cell.predicted): cell for cell in verdict.cells}
        for cell, q_value in verdict.held_up.items():
            result = results[cell]
            rows.append(
                (
                    words.cell_name(evidence, *cell),
                    arm,
                    wording.images(result.before_images),
                    wording.images(result.after_images),
                    wording.interval(result.effect, result.effect.n_images),
                    wording.p_number(q_value),
                )
            )
    heads = ("Cell", "Arm", "Errors per seed before", "After", "Interval of the change", "q")
    return Table("Cells whose change holds up over all cells", heads, tuple(rows))


# --- Markdown -------------------------------------------------------------------------------------


def results_markdown(evidence: Evidence) -> str:
    """Return a row per arm (accuracy, target, counter-slices, verdict) and the reasons."""
    design = f"{words.seed_count(evidence)}, {words.evidence_images(evidence)}"
    reasons = [f"- **{arm}**: {verdict.reason}" for arm, verdict in evidence.verdicts.items()]
    return (
        f"{design}{words.recipe_name(evidence)}. Intervals are for the change in errors per seed; "
        f"bold shares are harmed.\n\n{markdown_table(_result_table(evidence))}\n\n"
        + "\n".join(reasons)
    ).rstrip()


def _result_table(evidence: Evidence) -> Table:
    slices = words.slices_to_show(evidence)
    counts_KK = evidence.counts(BASELINE).mean(axis=0)
    baseline = (
        BASELINE,
        wording.percent(words.mean_accuracy(evidence, BASELINE)),
        "; ".join(wording.images(counts_KK[cell]) for cell in evidence.plan.cells),
        "",
        *(_slice_rate(evidence, piece, misreading) for piece, misreading in slices),
        "",
    )
    rows: list[tuple[str, ...]] = [baseline]
    for arm, verdict in evidence.verdicts.items():
        items = [words.slice_items(evidence, arm, p).get(misreading) for p, misreading in slices]
        moved = [
            f"{wording.images(cell.before_images)} → {wording.images(cell.after_images)} "
            f"({wording.relative(cell.after, cell.before)})"
            for cell in verdict.cells
        ]
        spans = [
            f"{wording.interval(cell.effect, cell.n_images)}, {wording.p_value(cell.p_holm)}"
            for cell in verdict.cells
        ]
        rows.append(
            (
                arm,
                wording.percent(words.mean_accuracy(evidence, arm)),
                "; ".join(moved),
                "; ".join(spans),
                *(_result_cell(item) for item in items),
                Toned(verdict_word(verdict), Tone.STRONG),
            )
        )
    labels = [_slice_head(evidence, piece, misreading) for piece, misreading in slices]
    target = f"{words.targets_name(evidence)} per seed"
    heads = ("Arm", "Accuracy", target, "Interval, p", *labels, "Verdict")
    return Table("Results", heads, tuple(rows), align="l" + "r" * (len(heads) - 2) + "l")


def _result_cell(item: Item | None) -> str:
    if item is None:
        return words.NOT_ASKED
    share = wording.percent(item.after)
    return Toned(share, Tone.STRONG) if item.status == "harmed" else share


def _slice_head(evidence: Evidence, piece: SliceEvidence, misreading: Misreading) -> str:
    what = f"{evidence.confirm.class_names[piece.label]} misread"
    if misreading is Misreading.PAIR:
        what = words.cell_name(evidence, piece.label, words.other_class(evidence, piece.label))
    return f"{what}, {piece.view.operation} {piece.view.size_px} px"


def _slice_rate(evidence: Evidence, piece: SliceEvidence, misreading: Misreading) -> str:
    read_SM, label = piece.predictions[BASELINE], piece.label
    pair = misreading is Misreading.PAIR
    wrong_SM = read_SM == words.other_class(evidence, label) if pair else read_SM != label
    return wording.percent(float(wrong_SM.mean()))
