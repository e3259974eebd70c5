"""Verdicts as assertions, so that a model's own test suite can hold "no new 4→9".

```python
from misread.testing import assert_no_harm

def test_no_new_confusion():
    assert_no_harm("baseline.npz", "candidate.npz", cells=["4:9"])
```

Plain functions: any test runner will do, and none is imported.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from misread import wording
from misread.errors import JudgeError
from misread.judge.classes import NamedCell
from misread.judge.effects import noninferiority
from misread.judge.items import MARGINS, Margins
from misread.judge.predictions import Predictions
from misread.judge.targets import CellResult
from misread.judge.verdict import Verdict, judge
from misread.readers.read import read_predictions
from misread.show.render import verdict_text
from misread.show.verdict import worst_first

Undetermined = Literal["fail", "warn", "ok"]


class UndeterminedWarning(UserWarning):
    """Something may have got worse, and these seeds and images cannot tell."""


def assert_no_harm(
    before: Any,
    after: Any,
    cells: Sequence[NamedCell],
    *,
    labels: Any = None,
    margins: Margins = MARGINS,
    alpha: float = 0.05,
    undetermined: Undetermined = "warn",
    paired: bool | None = None,
) -> Verdict:
    """Fail where the new model makes a confusion more often, or breaks anything else.

    It fails on the verdict HARM: a cell of `cells` grew at the corrected level, or accuracy, a
    recall, another cell or a slice got worse by more than its margin, with the whole interval. A
    single new error is no harm: with one model on each side the cells are tested with mid-p McNemar
    (Fagerland, Lydersen & Laake 2013), which says nothing about training either model again.

    Parameters
    ----------
    before, after : str, Path, Predictions, frame or array
        The two sides: a file or folder as for `misread judge`; predictions; a long data frame; or
        predicted classes of shape [S, N] or [N], with `labels`.
    cells : sequence of str or pair
        The confusions to watch, as in ``["4:9", "9:4"]`` or ``[("cat", "dog")]``.
    labels : array_like, shape [N], optional
        True classes; for arrays only.
    margins : Margins
        How much worse each thing may get; the margin for cells also holds for `cells`.
    alpha : float
        Level of tests and intervals.
    undetermined : {"fail", "warn", "ok"}
        What to do where an interval reaches beyond its margin on both sides, so that neither harm
        nor its absence is shown: fail, give an `UndeterminedWarning`, or nothing.
    paired : bool, optional
        As in `misread.judge.align.align`.

    Returns
    -------
    Verdict
        All of the evidence, for further assertions.

    Raises
    ------
    AssertionError
        With the verdict in words and rows.
    MisreadError
        If the two sides cannot be read or do not fit together.
    """
    __tracebackhide__ = True  # pytest then points at the line that called
    asked = {"cells": _listed(cells), "margins": margins, "alpha": alpha, "paired": paired}
    verdict = _judged(before, after, labels, undetermined, **asked)
    if verdict.verdict == "HARM":
        msg = f"{_worse(verdict)} got worse.\n\n{verdict_text(verdict)}"
        raise AssertionError(msg)
    _tell_undetermined(verdict, undetermined)
    return verdict


def assert_reduced(
    before: Any,
    after: Any,
    cell: NamedCell,
    *,
    labels: Any = None,
    margins: Margins = MARGINS,
    alpha: float = 0.05,
    reduction: float = 0.3,
    undetermined: Undetermined = "warn",
    paired: bool | None = None,
) -> Verdict:
    """Fail unless the new models make a confusion more rarely and broke nothing.

    It passes on the verdict REDUCED alone. With few seeds and errors a true reduction often stays
    unseen; the message then says what these could have shown, and how many would do.

    `cell` is the confusion that must have become rarer, as in ``"4:9"`` or ``("cat", "dog")``, and
    `reduction`, 0 to 1, the relative one asked about, for the words on power. All other parameters,
    what it returns and what it raises are as in `assert_no_harm`.
    """
    __tracebackhide__ = True
    asked = {"cells": [cell], "margins": margins, "alpha": alpha, "paired": paired}
    verdict = _judged(before, after, labels, undetermined, reduction=reduction, **asked)
    if verdict.verdict != "REDUCED":
        names = wording.listed([cell.name for cell in verdict.cells])
        msg = f"it is not shown that {names} was reduced.\n\n{verdict_text(verdict)}"
        raise AssertionError(msg)
    _tell_undetermined(verdict, undetermined)
    return verdict


def _judged(
    before: Any, after: Any, labels: Any, undetermined: Undetermined, **asked: Any
) -> Verdict:
    """Return the verdict on two sides, whatever they came as."""
    if undetermined not in {"fail", "warn", "ok"}:
        msg = f"undetermined is {undetermined!r}; allowed are 'fail', 'warn' and 'ok': choose one."
        raise JudgeError(msg)
    arm = Path(after).name if isinstance(after, str | Path) else "after"
    return judge(_side(before, labels), _side(after, labels), arm=arm, **asked)


def _tell_undetermined(verdict: Verdict, undetermined: Undetermined) -> None:
    """Fail or warn where it is open whether a watched cell or another item got worse."""
    __tracebackhide__ = True
    margin = verdict.margins.cell
    sentences = [
        _bound(cell, margin)
        for cell in verdict.cells
        if noninferiority(cell.effect, margin) != "safe"
    ]
    if verdict.n_undetermined:
        n_items = verdict.n_safe + verdict.n_undetermined
        sentences.append(f"of {n_items:,} other items {verdict.n_undetermined:,} are undetermined")
    if not sentences or undetermined == "ok":
        return
    msg = f"Whether anything got worse is open: {'; '.join(sentences)}."
    if undetermined == "fail":
        msg = f"{msg}\n\n{verdict_text(verdict)}"
        raise AssertionError(msg)
    warnings.warn(msg, UndeterminedWarning, stacklevel=3)


def _bound(cell: CellResult, margin: float) -> str:
    high, allowed = (wording.images(share * cell.n_images) for share in (cell.effect.high, margin))
    return (
        f"{cell.name} may have grown by up to {high} images per seed "
        f"(margin {wording.number(100 * margin)}%: {allowed})"
    )


def _worse(verdict: Verdict) -> str:
    """Return what got worse: the cells that grew, then the items, the worst first."""
    harmed = worst_first(item for item in verdict.collateral if item.status == "harmed")
    names = [cell.name for cell in verdict.cells if cell.grew(verdict.alpha)]
    names += [item.name for item in harmed]
    others = [wording.count(len(names) - 3, "other thing")] if len(names) > 4 else names[3:]
    return wording.listed(names[:3] + others)


def _listed(cells: Sequence[NamedCell]) -> list[NamedCell]:
    """Return the cells as a list; JudgeError if they are none, or a single one was given bare."""
    if isinstance(cells, str) or any(not isinstance(cell, str | tuple | list) for cell in cells):
        msg = f"cells are {cells!r}; give a list of them, as in ['4:9'] or [(4, 9), (9, 4)]."
        raise JudgeError(msg)
    return list(cells)


def _side(side: Any, labels: Any) -> Predictions:
    """Return one side; JudgeError if labels are missing, or given for a side that has them."""
    is_long = {"label", "prediction"} <= set(map(str, getattr(side, "columns", ())))
    has_labels = is_long or isinstance(side, str | Path | Predictions)
    if has_labels == (labels is not None):
        what = "has labels of its own" if has_labels else "has no labels"
        do = "leave `labels` out" if has_labels else "give them as labels=[N]"
        msg = f"this side, a {type(side).__name__}, {what}; {do}."
        raise JudgeError(msg)
    if isinstance(side, Predictions):
        return side
    if isinstance(side, str | Path):
        return read_predictions(side)
    if hasattr(side, "columns"):
        return Predictions.from_frame(side, labels)
    return Predictions.from_arrays(labels, side)
