"""What a comparison comes to, as its `comparison.json` holds it, and when a claim holds."""

from typing import Literal

from misread.files import Frozen

Verdict = Literal["holds", "does not hold", "too small to tell here"]

RULE = (
    "A claim that one arm reads better than another holds where the whole interval of the "
    "difference lies above the size it names (0 if none) and the p-value, corrected over all "
    "claims by Holm's method, is below alpha. It does not hold where the whole interval lies below "
    "that size, or, where it names none, below the margin: then the difference is smaller than "
    "what is worth having, if it is there at all. Anything between is too small to tell here. Of "
    "several such differences all must hold, and one that does not is enough. A claim that an arm "
    "reaches an accuracy holds where the whole interval lies above it, and does not where it lies "
    "below."
)


class Spread(Frozen):
    """Mean and standard deviation over seeds (ddof 1; None with one seed), and each seed."""

    mean: float | None
    sd: float | None
    per_seed: tuple[float | None, ...]


class Standing(Frozen):
    """Accuracy of an arm, with an interval over seeds and images (`judge.two_way` of its errors).

    All are shares in [0, 1]; `sd` is over seeds (ddof 1; None with one seed).
    """

    mean: float
    sd: float | None
    low: float
    high: float
    per_seed: tuple[float, ...]


class Documented(Frozen):
    """An accuracy that someone else reports of one model, and where one more of ours would lie.

    `low` to `high` is the 95% prediction interval over seeds on the same test images (Student's t);
    None with one seed.
    """

    accuracy: float
    low: float | None
    high: float | None

    @property
    def agrees(self) -> bool | None:
        """Whether the documented accuracy lies within; None where that is not known."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.accuracy <= self.high


class ClassOutcome(Frozen):
    """Precision and recall of one class."""

    name: str
    precision: Spread
    recall: Spread


class ArmOutcome(Frozen):
    """What one arm reads and costs.

    Parameters
    ----------
    label
        What it is, for people.
    parameters, epochs
        Of one run.
    accuracy
        On *confirm*.
    documented
        What someone else reports of it, or None.
    select_accuracy, fit_accuracy
        After the last epoch, dropout at rest: on the held-out tenth and on what was trained on.
    gap
        Accuracy on *fit* less that on *confirm*.
    seconds_per_epoch
        Processor time of training alone on one core, median over the epochs of a seed but the
        first.
    per_class
        Precision and recall on *confirm*.
    confusion_counts
        Images by true (row) and predicted (column) class, summed over seeds.
    """

    label: str
    parameters: int
    epochs: int
    accuracy: Standing
    documented: Documented | None
    select_accuracy: Spread
    fit_accuracy: Spread
    gap: Spread
    seconds_per_epoch: Spread
    per_class: tuple[ClassOutcome, ...]
    confusion_counts: tuple[tuple[int, ...], ...]


class Contrast(Frozen):
    """By how much one arm reads better than another, over paired seeds and images.

    `difference`, `low` and `high` are accuracies of `better` less those of `than`, shares in
    [−1, 1]; `p_holm` is corrected over its family: all pairs of arms, or all claims. `seeds_ahead`
    counts the seeds in which `better` makes fewer errors.
    """

    better: str
    than: str
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float
    seeds_ahead: int
    note: str


class ClaimOutcome(Frozen):
    """Whether a claim holds; `tests` has a contrast for each arm that is to be beaten.

    `parts` says of each of these (or of the arm whose accuracy is claimed) whether it holds.
    """

    text: str
    arm: str | None
    at_least: float
    verdict: Verdict
    parts: tuple[Verdict, ...]
    tests: tuple[Contrast, ...]


class ComparisonOutcome(Frozen):
    """All of it: each arm, all pairs of arms (the better first), and the claims."""

    study: str
    smoke: bool
    exploratory: str
    plan_sha256: str
    n_images: int
    seeds: tuple[int, ...]
    alpha: float
    margin: float
    arms: dict[str, ArmOutcome]
    differences: tuple[Contrast, ...]
    claims: tuple[ClaimOutcome, ...]


def standing(
    low: float, high: float, claimed: float, worth: float, *, certain: bool = True
) -> Verdict:
    """Say whether an interval shows what is claimed; the rule in words is `RULE`.

    Parameters
    ----------
    low, high
        The interval.
    claimed
        Holds if all of it lies above this.
    worth
        Does not hold if all of it lies below this; at least `claimed`.
    certain
        Whether the corrected p-value agrees.
    """
    if low > claimed and certain:
        return "holds"
    return "does not hold" if high < worth else "too small to tell here"
