"""What a power of two brings beyond its width, for docs/questions.md, and the numbers of that page.

    misread run widths && misread run activations && misread run dropout  (about 40 minutes)
    python experiments/questions.py runs     stores what came out in docs/results/questions/
    python experiments/questions.py          writes the part of the page, from what is stored

Both take seconds. All else on the page is written by `misread report`. Of a study that is not
finished the seeds are taken that are.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats
from shared import DOCS, table, write_block

from misread.files import read_json, write_json
from misread.show.figures.along_axis import step_seconds
from misread.show.markdown.axis import ratio_words, times
from misread.store import RunFolder
from misread.study.axis import Answers, Ratio, answer
from misread.study.evidence import load_evidence
from misread.study.plan import load_plan
from misread.wording import number, points

RESULTS = DOCS / "results" / "questions"
STUDIES = ("activations", "widths", "dropout")
PAIRS = (("w100", "w128"), ("w200", "w256"), ("w500", "w512"))
FloatArray = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean over seeds with its interval."""

    mean: float
    low: float
    high: float


def main() -> None:
    """Store the results of the folders below the one that is named, or write the page's part."""
    if len(sys.argv) == 2:
        for name in STUDIES:
            store(Path(sys.argv[1]) / name)
    write_block(DOCS / "questions.md", powers_of_two(load_answers("widths")))


def store(folder: Path) -> None:
    """Write the results of a study."""
    study = load_plan(folder).study
    finished = tuple(
        seed
        for seed in study.seeds
        if all(RunFolder(folder, arm, seed).is_complete for arm in study.arms)
    )
    answers = answer(load_evidence(folder, finished))
    values = answers.model_dump(mode="json")
    for arm in values["outcome"]["arms"].values():  # the page has no use for these
        arm |= {"per_class": [], "confusion_counts": []}
    values["outcome"]["differences"] = []
    write_json(RESULTS / f"{answers.outcome.study}.json", values)


def load_answers(name: str) -> Answers:
    """Return the stored results of a study."""
    return Answers.model_validate(read_json(RESULTS / f"{name}.json"))


def beyond_width(answers: Answers, values_AS: FloatArray) -> Estimate:
    """Return what being a power of two adds to what the width explains of values by arm and seed.

    Least squares, seed by seed: a cubic of the logarithm of the width, and a constant for powers
    of two. The interval is Student's t over seeds.
    """
    log_A = np.log2([answers.at[arm] for arm in answers.at])
    log_A -= log_A.mean()
    two_A = [answers.series[arm] == "power of two" for arm in answers.at]
    design_AD = np.column_stack([np.vander(log_A, 4, increasing=True), two_A])
    added_S = np.linalg.lstsq(design_AD, values_AS, rcond=None)[0][-1]
    mean, error = float(added_S.mean()), float(added_S.std(ddof=1)) / added_S.size**0.5
    half = float(stats.t.ppf(1 - answers.outcome.alpha / 2, added_S.size - 1)) * error
    return Estimate(mean, mean - half, mean + half)


def powers_of_two(answers: Answers) -> str:
    """Return what is left to powers of two beyond the width, and what a pair of widths costs."""
    outcomes = answers.outcome.arms
    accuracy_AS = np.array([outcomes[arm].accuracy.per_seed for arm in answers.at])
    reads = beyond_width(answers, accuracy_AS)
    costs = beyond_width(answers, np.log([step_seconds(answers, arm) for arm in answers.at]))
    cost = Ratio(ratio=np.exp(costs.mean), low=np.exp(costs.low), high=np.exp(costs.high))
    low, high = (number(100 * end, sign=True) for end in reads[1:])
    pairs = [
        (
            f"{answers.at[more]:g} against {answers.at[less]:g}",
            "× " + number(outcomes[more].parameters / outcomes[less].parameters),
            "× " + ratio_words(times(answers, [more], [less])),
        )
        for less, more in PAIRS
    ]
    return (
        "A layer may read better for being wider, so that 128 against 100 says little about powers "
        "of two. What is left to them beyond the width (least squares seed by seed: a cubic of the "
        "logarithm of the width, and a constant for powers of two; interval over seeds): in "
        f"accuracy {points(reads.mean)} ({low} to {high}), "
        f"{finding(reads, ('better', 'worse'))}; in time per step × {ratio_words(cost)}, "
        f"{finding(costs, ('slower', 'faster'))}.\n\n"
        + table(("Units", "Parameters", "Time per step"), pairs)
    )


def finding(value: Estimate, words: tuple[str, str]) -> str:
    """Return what an interval shows against 0, which would be no difference."""
    if value.low > 0:
        return f"shown to be {words[0]}"
    if value.high < 0:
        return f"shown to be {words[1]}"
    return f"neither shown to be {words[0]} nor {words[1]}"


if __name__ == "__main__":
    main()
