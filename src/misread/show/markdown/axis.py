"""The section of arms that lie along an axis: accuracy, cost, and what goes on inside."""

from collections.abc import Sequence

import numpy as np

from misread.show.figures.along_axis import measured_series, norm_number, step_seconds
from misread.show.markdown.page import Beside, section
from misread.show.table import Table, markdown_table, plain
from misread.study.axis import Answers, Ratio, answer, ratio
from misread.study.evidence import Evidence
from misread.wording import number, p_value, percent, points


def axis(evidence: Evidence, beside: Beside) -> str:
    """Tell accuracy, cost and what goes on inside along the study's axis; "" where it has none."""
    if not evidence.plan.study.axis:
        return ""
    answers = answer(evidence)
    figures = [name for name in ("along_axis", "inside", "together") if name in beside.drawn]
    return section(
        f"Along the axis: {plain(evidence.plan.study.axis)}",
        *along(answers),
        *map(beside.figure, figures),
    )


def along(answers: Answers) -> list[str]:
    """Return the tables and sentences of the section."""
    arms, tables = answers.outcome.arms, [along_table(answers)]
    parts = [ABOUT.format(answers.fit_size), markdown_table(tables[0])]
    parts += [f"{plain(arms[a].label)}: {_cell(answers, a)}." for a in arms if a not in answers.at]
    if answers.inside:
        tables.append(inside_table(answers))
        parts += [INSIDE, markdown_table(tables[1])]
    if any("Time per step" in table.heads for table in tables):
        parts.append(TIME)
    return [*parts, *filter(None, [together_sentence(answers)])]


ABOUT = """\
Trained on {:,} images. Accuracy with its interval over seeds and images, and accuracy on *fit* less
that on *confirm*:"""

INSIDE = """\
Inside the networks that lie furthest along, on the same 500 training images: norm of the gradient
of the loss by a layer's weights (geometric mean over seeds); zeros: share of activations that are
exactly 0, before → after training; dead: units that are 0 on every image, after training."""

TIME = """\
Time per step is processor time of one core relative to the first row: networks of the same seed
trained in the same run, geometric mean over seeds with its interval, not corrected for the rows."""


def times(answers: Answers, arms: Sequence[str], others: Sequence[str]) -> Ratio:
    """Return how many times as long a step of `arms` takes as one of `others`, pair by pair.

    Over several pairs: the geometric mean of each seed.
    """
    values_S, others_S = (
        np.exp(np.log([step_seconds(answers, arm) for arm in names]).mean(axis=0)).tolist()
        for names in (arms, others)
    )
    return ratio(values_S, others_S, answers.outcome.alpha)


def ratio_words(value: Ratio) -> str:
    """Return a ratio with its interval, as in "1.31 (1.20 to 1.43)"; one seed has none."""
    if not np.isfinite(value.high):
        return number(value.ratio)
    return f"{number(value.ratio)} ({number(value.low)} to {number(value.high)})"


def _accuracy(answers: Answers, arm: str) -> str:
    value = answers.outcome.arms[arm].accuracy
    return f"{percent(value.mean)} ({100 * value.low:.1f} to {100 * value.high:.1f})"


def _cell(answers: Answers, arm: str) -> str:
    """Return accuracy with its interval, and the gap between *fit* and *confirm*."""
    return f"{_accuracy(answers, arm)}; {points(answers.outcome.arms[arm].gap.mean or 0.0)}"


def along_table(answers: Answers) -> Table:
    """Return a row per place of the axis: of its only arm, or with a column for each series."""
    places = sorted(set(answers.at.values()))
    names = list(dict.fromkeys(answers.series.values()))
    by_place = {(answers.at[arm], answers.series[arm]): arm for arm in answers.at}
    rows: list[tuple[str, ...]] = []
    if len(places) < len(by_place):
        for place in places:
            arms = [by_place.get((place, name)) for name in names]
            rows.append((f"{place:g}", *(_cell(answers, arm) if arm else "–" for arm in arms)))
        return Table("", ("At", *names), tuple(rows))
    first, *_ = in_order = sorted(answers.at, key=lambda arm: answers.at[arm])
    for arm in in_order:
        outcome = answers.outcome.arms[arm]
        rows.append(
            (
                f"{answers.at[arm]:g}",
                _accuracy(answers, arm),
                points(outcome.gap.mean or 0.0),
                f"{outcome.parameters:,}" if outcome.parameters else "–",
                "1" if arm == first else ratio_words(times(answers, [arm], [first])),
            )
        )
    heads = ("At", "Accuracy", "Fit − confirm", "Parameters", "Time per step")
    return Table("", heads, tuple(rows))


def inside_table(answers: Answers) -> Table:
    """Return what went on inside the arm of each series that lies furthest along the axis."""
    rows, series = [], measured_series(answers)
    reference = next(iter(series.values()), [])
    for name, arms in series.items():
        inside = answers.inside[arms[-1]]
        first, last = inside.gradient_norm[0], inside.gradient_norm[-1]
        zeros = np.array(inside.zero_share).mean(axis=0)
        cost = "1" if arms is reference else ratio_words(times(answers, arms, reference))
        rows.append(
            (
                name,
                norm_number(first[0]),
                norm_number(last[0]),
                norm_number(first[0] / last[0]),
                norm_number(first[-1]),
                f"{percent(float(zeros[0]))} → {percent(float(zeros[-1]))}",
                percent(float(np.array(inside.dead_share)[:, -1].mean())),
                cost,
            )
        )
    heads = ("Inside", "Gradient, first layer", "Gradient, last", "First over last")
    more = ("First, after training", "Zeros", "Dead", "Time per step")
    return Table("", (*heads, *more), tuple(rows))


def together_sentence(answers: Answers) -> str:
    """Return how one network with dropout reads against the average of several without, or ""."""
    pair = answers.together
    if pair is None:
        return ""
    labels = {arm: plain(answers.outcome.arms[arm].label) for arm in (pair.members, pair.single)}
    means = [float(np.mean(values)) for values in pair.by_size]
    single = float(np.mean(pair.single_by_size[0]))
    enough = next((size for size, mean in enumerate(means, start=1) if mean >= single), None)
    return (
        f"One network with {labels[pair.members]} reads {percent(means[0])}, the mean of the "
        f"probabilities of {len(means)} of them {percent(means[-1])}, one network with "
        f"{labels[pair.single]} {percent(single)}, the mean of {len(means)} of those "
        f"{percent(pair.single_by_size[-1][0])}. The average of {len(means)} without dropout less "
        f"one with: {points(pair.difference)} ({number(100 * pair.low, sign=True)} to "
        f"{number(100 * pair.high, sign=True)}, {p_value(pair.p_value)}, over the seeds of the "
        "network with dropout and the images). "
        + (f"On average {enough} without dropout read as well as one with."
           if enough else "Not even all of them read as well as one with dropout.")
    )  # fmt: skip
