"""Write docs/questions.md from the finished studies that it answers from.

    python experiments/questions.py runs  # after `misread run activations`, `widths` and `dropout`
    python experiments/questions.py       # the page alone, from the stored results

The first takes `runs/<study>` and writes `docs/results/questions/<study>.json` and its figures. The
page is made of those files alone: every number in it is theirs, and so is every verdict. Of a study
that is not finished it takes the seeds that are, and the page says so.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from scipy import stats

from misread.files import read_json, write_atomic, write_json
from misread.show.figures.along_axis import draw_along, number_of
from misread.show.style import png
from misread.store import RunFolder
from misread.study.axis import Answers, Ratio, answer, ratio
from misread.study.claims import ClaimOutcome, Verdict, standing
from misread.study.comparison import ComparisonPlan
from misread.study.differences import load_compared
from misread.study.plan import load_locked
from misread.wording import count, listed, number, p_value, percent, points

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results" / "questions"
STUDIES = ("activations", "widths", "dropout")
PAIRS = (("w100", "w128"), ("w200", "w256"), ("w500", "w512"))
FloatArray = npt.NDArray[np.float64]
ORDER: tuple[Verdict, ...] = ("holds", "does not hold", "too small to tell here")
SAID: dict[Verdict, str] = {
    "holds": "holds",
    "does not hold": "does not hold",
    "too small to tell here": "cannot be told here",
}


def main() -> None:
    """Write the stored results of the folders below the one that is named, and the page."""
    if len(sys.argv) > 2:
        sys.exit("usage: python experiments/questions.py [FOLDER_OF_THE_STUDIES]")
    for name in STUDIES if len(sys.argv) == 2 else ():
        store(Path(sys.argv[1]) / name)
    write_atomic(ROOT / "docs" / "questions.md", page().encode())
    print("Written: docs/questions.md, from docs/results/questions.")


def store(folder: Path) -> None:
    """Write the results and the figures of a finished study."""
    study = load_locked(folder, ComparisonPlan).study
    finished = tuple(
        seed
        for seed in study.seeds
        if all(RunFolder(folder, arm, seed).is_complete for arm in study.arms)
    )
    compared = load_compared(folder, finished)
    answers = answer(compared)
    name = answers.outcome.study
    values = answers.model_dump(mode="json")
    for arm in values["outcome"]["arms"].values():  # the page has no use for these
        arm |= {"per_class": [], "confusion_counts": []}
    values["outcome"]["differences"] = []
    write_json(RESULTS / f"{name}.json", values)
    for stem, figure in draw_along(compared, answers).items():
        write_atomic(RESULTS / f"{name}_{stem}.png", png(figure))


def load_answers(name: str) -> Answers:
    """Return the stored results of a study."""
    return Answers.model_validate(read_json(RESULTS / f"{name}.json"))


def page() -> str:
    """Return the page, made of the stored results."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    studies = {name: load_answers(name) for name in STUDIES}
    text = environment.get_template("questions.md.j2").render(
        studies=studies,
        claims={name: claims(found) for name, found in studies.items()},
        n_runs={
            name: len(found.outcome.arms) * len(found.outcome.seeds)
            for name, found in studies.items()
        },
        n_claims=sum(len(found.outcome.claims) for found in studies.values()),
        n_unsettled=sum(len(claims(found)[ORDER[-1]]) for found in studies.values()),
        depths=depths(studies["activations"]),
        inner=inner(studies["activations"]),
        widths=width_rows(studies["widths"]),
        pairs=pair_rows(studies["widths"]),
        rates=rate_rows(studies["dropout"]),
        layers=layer_rows(studies["dropout"]),
        average=average(studies["dropout"]),
        margin=points(studies["dropout"].outcome.margin).lstrip("+"),
        short={
            "activations": short_activations(studies["activations"]),
            "widths": short_widths(studies["widths"]),
            "dropout": short_dropout(studies["dropout"]),
        },
        listed=listed,
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def claims(found: Answers) -> dict[Verdict, list[tuple[str, str]]]:
    """Return the claims of a study by what became of them: text, and what was measured."""
    sorted_out: dict[Verdict, list[tuple[str, str]]] = {verdict: [] for verdict in ORDER}
    for claim in found.outcome.claims:
        sorted_out[claim.verdict].append((claim.text, measured(found, claim)))
    return sorted_out


def verdict_of(found: Answers, text: str) -> str:
    """Return the verdict of the claim of this text, with what was measured."""
    (claim,) = (claim for claim in found.outcome.claims if claim.text == text)
    return f"{SAID[claim.verdict]}: {measured(found, claim)}"


def short_activations(found: Answers) -> str:
    """Return in short where ReLU is shown to read better than others, and what goes on inside."""
    told_of: dict[str, dict[str, list[float]]] = {}
    for claim in found.outcome.claims:
        for test in claim.tests:
            one, other = found.series[test.better], found.series[test.than]
            if one == "ReLU" != other:
                verdicts = told_of.setdefault(other, {})
                verdicts.setdefault(SAID[claim.verdict], []).append(found.at[test.better])
    sentences = [
        f"That ReLU reads better than {other} "
        + "; it ".join(
            f"{verdict} with {listed([f'{depth:g}' for depth in at])} hidden "
            f"layer{'' if at == [1] else 's'}"
            for verdict, at in verdicts.items()
        )
        for other, verdicts in told_of.items()
    ]
    inside = inner(found)
    gradients = [f"{row['times']} ({row['name']})" for row in inside["rows"]]
    (zeros,) = (row["zeros"] for row in inside["rows"] if row["name"] == "ReLU")
    return (
        ". ".join(sentences) + f". In networks of {inside['depth']} layers the gradient at the "
        f"first one, over that at the last, is before training {listed(gradients)}. Of ReLU's "
        f"activations {zeros.replace('→', 'are exactly 0 before training and')} after it."
    )


def short_widths(found: Answers) -> str:
    """Return in short what the widest layer brings and costs against the narrowest."""
    order = sorted(found.at, key=lambda arm: found.at[arm])
    first, last = order[0], order[-1]
    cost = number(times(found, [last], [first]).ratio)
    pairs = pair_rows(found)
    return (
        f"From {found.at[first]:g} to {found.at[last]:,.0f} units accuracy goes from "
        f"{percent(found.outcome.arms[first].accuracy.mean)} to "
        f"{percent(found.outcome.arms[last].accuracy.mean)} and a step takes {cost} times as long. "
        f"Beyond what its width explains, a power of two is {pairs['reads_word']} "
        f"({pairs['reads'].replace(' (', '; ').rstrip(')')}), and {pairs['costs_word']} "
        f"(× {pairs['costs'].replace(' (', '; ').rstrip(')')})."
    )


def short_dropout(found: Answers) -> str:
    """Return in short what .3 and .2 bring, and whether other rates are shown to be worse."""
    arms = found.outcome.arms
    best = max(arms, key=lambda arm: arms[arm].accuracy.mean)
    texts = [claim.text for claim in found.outcome.claims]
    return (
        f"“{texts[0]}” {verdict_of(found, texts[0])}. “{texts[1]}” {verdict_of(found, texts[1])}. "
        f"“{texts[2]}” {verdict_of(found, texts[2])}. The highest mean of the "
        f"{count(len(arms), 'network')} has “{arms[best].label}”, "
        f"{percent(arms[best].accuracy.mean)}; being looked for afterwards, that proves nothing. "
        f"The gap between *fit* and the test images is {points(arms['none'].gap.mean or 0)} "
        f"without dropout and {points(arms['falling'].gap.mean or 0)} with .3 and .2."
    )


def measured(found: Answers, claim: ClaimOutcome) -> str:
    """Return the difference behind a claim, as in "+0.31 pp (+0.10 to +0.52, p = .004)"."""
    n_seeds = len(found.outcome.seeds)
    return "; ".join(
        f"{points(t.difference)} ({between(t.low, t.high)}, {p_value(t.p_holm)}, ahead in "
        f"{t.seeds_ahead} of {n_seeds} seeds)"
        for t in claim.tests
    )


def between(low: float, high: float) -> str:
    """Return an interval of differences in points."""
    return f"{number(100 * low, sign=True)} to {number(100 * high, sign=True)}"


def accuracy(found: Answers, arm: str) -> str:
    """Return an accuracy with its interval."""
    own = found.outcome.arms[arm].accuracy
    return f"{percent(own.mean)} ({100 * own.low:.1f} to {100 * own.high:.1f})"


def per_step(found: Answers, arm: str) -> list[float]:
    """Return the processor seconds of a step, by seed."""
    per_seed = found.outcome.arms[arm].seconds_per_epoch.per_seed
    return [float(value or 0) / found.steps[arm] for value in per_seed]


def times(found: Answers, arms: Sequence[str], others: Sequence[str]) -> Ratio:
    """Return how many times as long a step of `arms` takes as one of `others`, pair by pair.

    Over several pairs: the geometric mean of each seed.
    """
    own, other = (
        np.exp(np.log([per_step(found, arm) for arm in names]).mean(axis=0)).tolist()
        for names in (arms, others)
    )
    return ratio(own, other, found.outcome.alpha)


def beyond_width(found: Answers, values_AS: FloatArray) -> tuple[float, float, float]:
    """Return what being a power of two adds to what the width explains, with its interval.

    Least squares, seed by seed: a cubic of the logarithm of the width, and a constant for powers
    of two. The interval is Student's t over seeds.

    Parameters
    ----------
    found
        The study of widths.
    values_AS
        What is explained, by arm and seed.
    """
    log_A = np.log2([found.at[arm] for arm in found.at])
    log_A -= log_A.mean()
    two_A = [float(found.series[arm] == "power of two") for arm in found.at]
    design_AD = np.stack([np.ones_like(log_A), log_A, log_A**2, log_A**3, np.array(two_A)], axis=1)
    added_S = np.linalg.lstsq(design_AD, values_AS, rcond=None)[0][-1]
    error = float(added_S.std(ddof=1)) / added_S.size**0.5
    half = float(stats.t.ppf(1 - found.outcome.alpha / 2, added_S.size - 1)) * error
    mean = float(added_S.mean())
    return mean, mean - half, mean + half


def told_ratio(value: Ratio) -> str:
    """Return a ratio with its interval, as in "1.31 (1.20 to 1.43)"."""
    return f"{number(value.ratio)} ({number(value.low)} to {number(value.high)})"


def depths(found: Answers) -> dict[str, Any]:
    """Return the accuracy of each activation at each depth."""
    series = list(dict.fromkeys(found.series.values()))
    rows = [
        (
            f"{depth:g}",
            [
                accuracy(found, arm)
                for name in series
                for arm in found.at
                if (found.series[arm], found.at[arm]) == (name, depth)
            ],
        )
        for depth in sorted(set(found.at.values()))
    ]
    return {"heads": series, "rows": rows}


def inner(found: Answers) -> dict[str, Any]:
    """Return what went on inside the deepest network of each activation, and what a step costs."""
    deepest = max(found.at.values())
    arms = [arm for arm in found.at if found.at[arm] == deepest]
    rows = []
    for arm in arms:
        own = found.inside[arm]
        first, last = own.gradient_norm[0], own.gradient_norm[-1]
        zeros = np.array(own.zero_share).mean(axis=0)
        pairs = [
            [a for a in found.at if found.series[a] == found.series[b]] for b in (arm, arms[0])
        ]
        cost = times(found, *pairs)
        rows.append(
            {
                "name": found.series[arm],
                "first": number_of(first[0]),
                "last": number_of(last[0]),
                "times": number(first[0] / last[0])
                if first[0] / last[0] > 0.005
                else f"{first[0] / last[0]:.1e}",
                "after": number_of(first[-1]),
                "zeros": f"{percent(float(zeros[0]))} → {percent(float(zeros[-1]))}",
                "dead": percent(float(np.array(own.dead_share)[:, -1].mean())),
                "cost": "1" if arm == arms[0] else told_ratio(cost),
                "word": ""
                if arm == arms[0]
                else "longer"
                if cost.low > 1
                else "less time"
                if cost.high < 1
                else "",
            }
        )
    return {"depth": f"{deepest:g}", "rows": rows, "reference": found.series[arms[0]]}


def width_rows(found: Answers) -> list[dict[str, str]]:
    """Return what each width reads and costs, against 128 units."""
    return [
        {
            "width": f"{found.at[arm]:g}",
            "accuracy": accuracy(found, arm),
            "gap": points(own.gap.mean or 0.0),
            "parameters": f"{own.parameters:,}",
            "cost": "1" if arm == "w128" else told_ratio(times(found, [arm], ["w128"])),
        }
        for arm, own in found.outcome.arms.items()
    ]


def pair_rows(found: Answers) -> dict[str, Any]:
    """Return what a power of two costs against the round number beside it, and beyond its width."""
    rows = []
    for less, more in PAIRS:
        size = found.outcome.arms[more].parameters / found.outcome.arms[less].parameters
        rows.append(
            {
                "pair": f"{found.at[more]:g} against {found.at[less]:g}",
                "size": number(size),
                "cost": told_ratio(times(found, [more], [less])),
            }
        )
    arms = [found.outcome.arms[arm] for arm in found.at]
    reads = beyond_width(found, np.array([arm.accuracy.per_seed for arm in arms]))
    costs = beyond_width(found, np.log([per_step(found, arm) for arm in found.at]))
    cost, low, high = np.exp(costs).tolist()
    return {
        "rows": rows,
        "reads": f"{points(reads[0])} ({between(*reads[1:])})",
        "reads_word": told(reads[1], reads[2], 0.0, ("better", "worse")),
        "costs": told_ratio(Ratio(ratio=cost, low=low, high=high)),
        "costs_word": told(low, high, 1.0, ("slower", "faster")),
    }


def told(low: float, high: float, nothing: float, words: tuple[str, str]) -> str:
    """Return what an interval shows against what would be no difference."""
    if low > nothing:
        return f"shown to be {words[0]}"
    if high < nothing:
        return f"shown to be {words[1]}"
    return f"neither shown to be {words[0]} nor {words[1]}"


def rate_rows(found: Answers) -> dict[str, Any]:
    """Return accuracy and gap by place and rate, with the arm without dropout as the first row."""
    places = [name for name in dict.fromkeys(found.series.values()) if name != "none"]
    rows = [("0", [cell(found, "none")] * len(places))]
    for rate in sorted(set(found.at.values()) - {0.0}):
        cells = []
        for place in places:
            arms = [a for a in found.at if (found.series[a], found.at[a]) == (place, rate)]
            cells.append(cell(found, arms[0]) if arms else "–")
        rows.append((f"{rate:g}", cells))
    return {"heads": places, "rows": rows}


def cell(found: Answers, arm: str) -> str:
    """Return accuracy with its interval, and the gap between fit and confirm."""
    return f"{accuracy(found, arm)}; {points(found.outcome.arms[arm].gap.mean or 0.0)}"


def layer_rows(found: Answers) -> list[tuple[str, str]]:
    """Return the arms whose two layers differ: label, and accuracy with gap."""
    return [
        (own.label, cell(found, arm))
        for arm, own in found.outcome.arms.items()
        if arm not in found.at
    ]


def average(found: Answers) -> dict[str, Any]:
    """Return how one network with dropout reads against the average of several without."""
    own = found.together
    if own is None:
        msg = "the study of dropout has no such pair of arms"
        raise ValueError(msg)
    outcome = found.outcome
    verdict = standing(own.low, own.high, 0.0, outcome.margin, certain=own.p_value < outcome.alpha)
    one = float(np.mean(own.single_by_size[0]))
    means = [float(np.mean(values)) for values in own.by_size]
    enough = [size for size, mean in enumerate(means, start=1) if mean >= one]
    return {
        "n": len(own.by_size),
        "members": outcome.arms[own.members].label,
        "single": outcome.arms[own.single].label,
        "one_without": percent(means[0]),
        "all": percent(means[-1]),
        "one": percent(one),
        "all_single": percent(own.single_by_size[-1][0]),
        "difference": f"{points(own.difference)} ({between(own.low, own.high)}, "
        f"{p_value(own.p_value)})",
        "verdict": verdict,
        "enough": enough[0] if enough else None,
    }


if __name__ == "__main__":
    main()
