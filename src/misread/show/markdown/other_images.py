"""Sections on what the trained models of a study read elsewhere: in other data, in corruptions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from misread import wording
from misread.data.sources import slug
from misread.files import readable_json
from misread.judge import Item
from misread.show import words
from misread.show.figures import corruptions as corrupted
from misread.show.figures.transfer import transfer_table
from misread.show.markdown.page import Beside, bullets, section
from misread.show.table import Table, markdown_table, plain
from misread.show.verdict import verdict_word
from misread.study.arms import BASELINE
from misread.study.corruptions import CLEAN, Corruptions, load_corruptions
from misread.study.evidence import Evidence
from misread.study.transfer import Transfer, load_transfers

# --- other data -----------------------------------------------------------------------------------


def transfer(evidence: Evidence, beside: Beside) -> str:
    """Tell on which other data an arm reduces the target; "" where none was read."""
    out = evidence.folder / "transfer"
    if not any(out.glob("*/transfer.json")) or not evidence.treated_arms:
        return ""
    read = sorted(load_transfers(evidence.folder, out), key=lambda other: -other.n_images)
    others = [other for other in read if other.equal is None]
    equal = next((same.equal for same in read if same.equal is not None), None)
    return section(
        "On other data",
        "The same models read data that they have never seen. **Exploratory**: target and margins "
        "are those of the plan, but the data were chosen after it, and nothing is corrected for "
        "their number. Intervals are over seeds and images; writers are not resampled.",
        f"Of the study's images that went through the same preparation {equal:.3%} of the readings "
        "stay what they were."
        if equal is not None
        else "",
        bullets([_change(other) for other in others]),
        _picture(beside, out / "transfer.png", "How each arm changes the target, by dataset"),
        *(part for other in others for part in _source(other, beside)),
        _picture(beside, out / "convention.png", "Images as they are, and as the models take them"),
    )


def _picture(beside: Beside, path: Path, title: str) -> str:
    """Return a picture that another command drew, where it is there."""
    return beside.picture(path.name, path.read_bytes(), title) if path.exists() else ""


def _change(other: Transfer) -> str:
    """Return in one sentence under which arms the target falls or rises on other data."""
    accuracy_S = other.accuracy[BASELINE]
    sd = f" ± {100 * np.std(accuracy_S, ddof=1):.2f}" if len(accuracy_S) > 1 else ""
    cell = next(iter(other.verdicts.values())).cells[0].name
    fell = wording.listed([a for a, v in other.verdicts.items() if v.cells[0].shrank(v.alpha)])
    rose = wording.listed([a for a, v in other.verdicts.items() if v.cells[0].grew(v.alpha)])
    change = f"{cell} falls under {fell}" if fell else f"no arm is shown to reduce {cell}"
    change += f"; it rises under {rose}" if rose else ""
    return (
        f"**{slug(other.source)}** ({other.n_images:,} images, the baseline reads "
        f"{np.mean(accuracy_S):.2%}{sd} rightly): {plain(change)}."
    )


def _source(other: Transfer, beside: Beside) -> Iterator[str]:
    """Yield the parts of one dataset: its table, what was harmed, and its readings."""
    cell = next(iter(other.verdicts.values())).cells[0]
    name = slug(other.source)
    heads = ("Arm", "Verdict", "Accuracy", f"{cell.name} a seed", "Change", "p", "Harmed")
    rows = [
        (arm, verdict_word(other.verdicts[arm]) if arm in other.verdicts else "", *values)
        for arm, _, *values in transfer_table(other).rows
        if arm  # the other cells of a study with several are left to the terminal
    ]
    yield f"### {name}"
    yield (
        f"The baseline makes the mistake {plain(cell.name)} on "
        f"{wording.images(cell.before_images)} of {cell.n_images:,} images a seed "
        f"({wording.percent(cell.before)})."
    )
    yield markdown_table(Table("", heads, tuple(rows)))
    yield bullets(
        [
            f"{plain(arm)} harms {plain(wording.listed([item.name for item in harmed]))}."
            for arm, verdict in other.verdicts.items()
            if (harmed := [item for item in verdict.collateral if item.status == "harmed"])
        ]
    )
    file, content = f"{name}-readings.npz", (other.folder / "readings.npz").read_bytes()
    yield f"The readings: {beside.link(file, content, file)}."


# --- corruptions ----------------------------------------------------------------------------------


def corruptions(evidence: Evidence, beside: Beside) -> str:
    """Tell how well each arm reads *confirm* corrupted; "" where it was not read so."""
    folder = evidence.folder / "corruptions" / "mnist-c"
    if not (folder / "corruptions.json").exists() or not evidence.treated_arms:
        return ""
    read = load_corruptions(folder)
    result, arms = read.robustness, list(read.verdicts)
    spans = f"{wording.level(result.alpha)} intervals are over {words.sampling_units(evidence)}"
    cell = result.cell
    heads = ("", "Accuracy, %", "Change, pp", f"{cell}, %", "Harmed")
    by_arm = []
    for arm in arms:
        table = replace(corrupted.corruption_table(read, arm), heads=heads)
        by_arm += [f"### {plain(arm)}", markdown_table(table)]
    numbers = readable_json(_numbers(read))
    return section(
        "On corrupted images",
        f"The same models read the {result.n_images:,} confirm images in each of the "
        f"{len(result.corruptions)} corruptions of MNIST-C; the number after @ is the severity. "
        f"The baseline reads {wording.percent(result.rows[CLEAN][BASELINE].accuracy.mean)} of the "
        f"clean images rightly, and {wording.percent(result.means[BASELINE].accuracy.estimate)} in "
        "the mean over the corruptions. **Exploratory**: they were chosen after the plan. Only "
        "*breaks* is corrected for how many things were looked at; *lower*, *higher*, *more* and "
        "*less* mean that the interval of that one thing leaves out 0.",
        bullets([*_in_the_mean(read), *(line for arm in arms for line in _brittle(read, arm))]),
        _picture(beside, folder / "accuracy.png", f"Accuracy and {cell} by corruption and arm"),
        markdown_table(_means(read)),
        f"{spans}. The last three columns count the items of the corruptions alone; the verdict "
        "also counts the clean images. Errors relative to the baseline's: the mean corruption "
        "error of Hendrycks & Dietterich (2019) with the baseline as the reference.",
        "### Accuracy",
        markdown_table(_accuracies(read)),
        *by_arm,
        f"All numbers: {beside.link('corruptions.json', numbers, 'corruptions.json')}.",
    )


def _items(read: Corruptions, arm: str) -> list[Item]:
    """Return the judge's items of the corruptions."""
    return [item for item in read.verdicts[arm].collateral if item.slice_name]


def _in_the_mean(read: Corruptions) -> Iterator[str]:
    """Yield which arms read less or more well in the mean, and make more or fewer errors."""
    means = read.robustness.means.items()
    less = wording.listed([arm for arm, mean in means if mean.change and mean.change.low > 0])
    more = wording.listed([arm for arm, mean in means if mean.change and mean.change.high < 0])
    worse = f"{less} read less well" if less else "no arm is shown to read less well"
    better = f"{more} better" if more else "none better"
    yield f"**In the mean over the corruptions** {plain(worse)} than the baseline, {plain(better)}."
    ratios = [(arm, mean.corruption_error) for arm, mean in means if mean.corruption_error]
    for word, arms in (
        ("more", [arm for arm, ratio in ratios if ratio.low > 1]),
        ("fewer", [arm for arm, ratio in ratios if ratio.high < 1]),
    ):
        if arms:
            yield f"**Relative to the baseline's errors** {plain(wording.listed(arms))}: {word}."


def _brittle(read: Corruptions, arm: str) -> Iterator[str]:
    """Yield what an arm breaks, and where it reads less or more well, a sentence each."""
    items, cell = _items(read, arm), read.robustness.cell
    harmed = [item for item in items if item.status == "harmed"]
    if harmed:
        by_name: dict[str, list[str]] = {}
        for item in harmed:
            by_name.setdefault(item.slice_name, []).append(item.name.partition(" · ")[2])
        places = wording.listed([f"{name} ({', '.join(what)})" for name, what in by_name.items()])
        most = max(harmed, key=lambda item: item.effect.estimate)
        effect = most.effect
        yield (
            f"**{plain(arm)} breaks {len(harmed)} of {len(items)} things**: {plain(places)}. Most "
            f"of all {plain(most.name)}, misread in {wording.percent(most.before)} → "
            f"{wording.percent(most.after)} ({_points(effect.estimate, effect.low, effect.high)})."
        )
    of_cell = [item for item in items if item.name.endswith(f" · {cell}")]
    for name, changes in (
        (
            cell,
            {
                "more of it": [item.slice_name for item in of_cell if item.effect.low > 0],
                "less of it": [item.slice_name for item in of_cell if item.effect.high < 0],
            },
        ),
        (
            "Accuracy",
            {
                "lower": corrupted.worse_on(read, arm),
                "higher": corrupted.better_on(read, arm),
            },
        ),
    ):
        where = [f"{what} on {plain(wording.listed(on))}" for what, on in changes.items() if on]
        if where:
            yield f"**{plain(name)}**, {plain(arm)}: {'; '.join(where)}."


def _points(estimate: float, low: float, high: float) -> str:
    values = [wording.number(100 * value, sign=True) for value in (estimate, low, high)]
    return f"{values[0]} pp, {values[1]} to {values[2]}"


def _means(read: Corruptions) -> Table:
    """Return a row per arm: its verdict, its mean over the corruptions, and its items by status."""
    rows = []
    for arm, verdict in read.verdicts.items():
        mean = read.robustness.means[arm]
        change, ratio, relative = mean.change, mean.corruption_error, "–"
        if ratio:
            span = f"{100 * ratio.low:.1f} to {100 * ratio.high:.1f}"
            relative = f"{100 * ratio.estimate:.1f}% ({span})"
        numbers = Counter(item.status for item in _items(read, arm))
        rows.append(
            (
                arm,
                verdict_word(verdict),
                _points(-change.estimate, -change.high, -change.low) if change else "–",
                wording.p_number(change.p_value) if change else "–",
                relative,
                *(str(numbers[status]) for status in ("safe", "undetermined", "harmed")),
            )
        )
    heads = ("Arm", "Verdict", "Mean accuracy, change", "p", "Errors relative to the baseline's")
    return Table("", (*heads, "Safe", "Undetermined", "Harmed"), tuple(rows))


def _accuracies(read: Corruptions) -> Table:
    """Return the accuracy of every arm with its interval: clean, by corruption and in the mean."""
    result = read.robustness
    values = {
        name: [(on.accuracy.mean, on.accuracy.low, on.accuracy.high) for on in row.values()]
        for name, row in result.rows.items()
    }
    means = [mean.accuracy[:3] for mean in result.means.values()]
    values[f"mean of the {len(result.corruptions)}"] = means
    rows = tuple(
        (name, *(f"{100 * x:.1f}% ({100 * low:.1f}–{100 * high:.1f})" for x, low, high in row))
        for name, row in values.items()
    )
    return Table("", ("", *result.means), rows)


def _numbers(read: Corruptions) -> dict[str, object]:
    """Return what the section rests on: all rows and means, and each arm's items by status."""
    judged = {}
    for arm, verdict in read.verdicts.items():
        items = {
            item.name: {
                "status": item.status,
                "change": item.effect.estimate,
                "low": item.effect.low,
                "high": item.effect.high,
            }
            for item in _items(read, arm)
        }
        judged[arm] = {"verdict": verdict.verdict, "items": items}
    return {**read.robustness.model_dump(mode="json"), "judged": judged}
