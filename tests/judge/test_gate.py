"""Which items must be safe, which are scanned for harm, and that more events are never safer."""

import numpy as np
import pytest

from arrays import View, verdict_of
from misread.judge import Margins
from misread.judge.collateral import OTHERS
from misread.judge.items import Gate

LABELS_N = np.repeat([0, 1, 2, 3], 1000)


def arms(seed=0, **after):
    """Return two arms that read 0 as 1 and 1 as 2 now and then; `after` changes the second."""
    rng = np.random.default_rng(seed)
    sides = []
    for changes in ({}, after):
        preds_SN = np.tile(LABELS_N, (8, 1))
        for (i, j), rate in ({(0, 1): 0.04, (1, 2): 0.01} | changes.get("rates", {})).items():
            preds_SN[(rng.random(preds_SN.shape) < rate) & (i == LABELS_N)] = j
        sides.append(preds_SN)
    return sides


def statuses(verdict):
    return {item.name: item.status for item in verdict.collateral}


def test_safe_is_asked_where_it_is_meant():
    before, after = arms()
    views = [View("thin", LABELS_N, before, after)]
    verdict = verdict_of(LABELS_N, before, after, cells=[(0, 1)], slices=views)
    asked = {name for name, status in statuses(verdict).items() if status != "scanned"}
    assert asked == {
        "accuracy", *(f"recall of {k}" for k in range(4)), "1→0", OTHERS,
        "thin · 0→1", "thin · 1→0",
    }  # fmt: skip
    assert verdict.n_items == len(asked)
    scanned = {name for name, status in statuses(verdict).items() if status == "scanned"}
    assert scanned == {
        *(f"{i}→{j}" for i in range(4) for j in range(4) if i != j and {i, j} != {0, 1}),
        *(f"thin · {k}" for k in range(4)),
    }


def test_all_other_cells_are_as_safe_as_the_one_that_may_have_grown_most():
    before, after = arms()
    verdict = verdict_of(LABELS_N, before, after, cells=[(0, 1)])
    items = {item.name: item for item in verdict.collateral}
    uppers = [item.upper for item in verdict.collateral if item.status == "scanned"]
    assert items[OTHERS].upper == max(uppers) == items["1→2"].upper
    tight = Margins(cell=0.9 * max(uppers))
    verdict = verdict_of(LABELS_N, before, after, cells=[(0, 1)], margins=tight)
    assert statuses(verdict)[OTHERS] == "undetermined"


def test_harm_is_found_in_what_is_scanned():
    before, after = arms(rates={(2, 3): 0.05})
    verdict = verdict_of(LABELS_N, before, after, cells=[(0, 1)])
    assert verdict.verdict == "HARM"
    assert statuses(verdict)["2→3"] == "harmed"


@pytest.mark.parametrize(("n", "status"), [(100, "undetermined"), (400, "safe")])
def test_no_event_is_as_safe_as_its_images_allow(n, status):
    """Of 100 images without an event nothing is known; no more if 3 get better and 2 worse."""
    labels_N = np.repeat([0, 1], n)
    before = np.tile(labels_N, (10, 1))
    after = before.copy()
    verdict = verdict_of(labels_N, before, after, cells=[(0, 1)], margins=Margins(recall=0.01))
    assert statuses(verdict)["recall of 1"] == status
    before[[0, 1, 2], [n, n + 1, n + 2]] = 0
    after[[3, 4], [n + 3, n + 4]] = 0
    verdict = verdict_of(labels_N, before, after, cells=[(0, 1)], margins=Margins(recall=0.01))
    assert statuses(verdict)["recall of 1"] == status


def test_plans_of_before_ask_it_of_everything():
    before, after = arms()
    verdict = verdict_of(LABELS_N, before, after, cells=[(0, 1)], gate=Gate.EVERYTHING)
    assert "scanned" not in statuses(verdict).values()
    assert OTHERS not in statuses(verdict)
    assert verdict.n_items == 1 + 4 + 11
