"""The chance that all items are safe, and what would settle one that is open."""

import numpy as np
import pytest

from arrays import verdict_of
from misread.judge import Margins
from misread.judge.items import Settling
from misread.judge.pooled import Held
from misread.judge.safety import plan_safety, settle_together

NAMES = ("0", "1", "2")
RATES = {(0, 1): 0.01, (1, 0): 0.008, (1, 2): 0.004, (2, 0): 0.005}


def planned(n_seeds=10, n_images=1000, treatments=("dilate 2 px",), **changed):
    design = {"held": Held(), "reduction": 0.3, "margins": Margins(), "alpha": 0.05} | changed
    return plan_safety(RATES, [n_images] * 3, NAMES, (0, 1), treatments, n_seeds=n_seeds, **design)


def test_every_item_that_must_be_safe_is_counted():
    answer = planned()
    assert answer.n_items == 1 + 3 + 1 + 1 + 2  # accuracy, recalls, reverse, others, the slice
    assert answer.sober <= answer.chance <= min(1, answer.least[0][1] + 1)
    assert answer.sober <= answer.least[0][1] <= answer.least[1][1]
    assert answer.least[0][0] in answer.sentence


def test_more_evidence_and_wider_margins_raise_the_chance():
    least = planned(n_seeds=3).sober
    assert least < planned(n_seeds=10).sober < planned(n_seeds=10, n_images=4000).sober
    assert planned(held=Held(0.6, 0.5)).sober > planned().sober
    assert planned(margins=Margins(accuracy=0.0, recall=0.0)).chance == 0
    assert planned(treatments=()).sober >= planned().sober


def test_a_class_without_images_has_no_slice():
    design = {"held": Held(), "reduction": 0.3, "margins": Margins(), "alpha": 0.05}
    answer = plan_safety(RATES, [900, 0, 900], NAMES, (0, 1), ["erode 1 px"], n_seeds=5, **design)
    assert answer.n_items == 1 + 2 + 1 + 1  # accuracy, recalls, others, the slice of class 0


def test_too_few_images_for_any_margin_leave_no_chance():
    assert planned(n_images=100).chance == 0  # without an event a share of .03 is possible


def arms(n_images, n_seeds=8, seed=0):
    """Return two arms of one kind, with an error of 2% that a fix does not change."""
    rng = np.random.default_rng(seed)
    labels_N = np.repeat([0, 1], n_images)
    hard_N = rng.random(labels_N.size) < 0.05
    sides = []
    for _ in range(2):
        preds_SN = np.tile(labels_N, (n_seeds, 1))
        wrong = (rng.random(preds_SN.shape) < 0.4) & hard_N & (labels_N == 0)
        preds_SN[wrong] = 1
        sides.append(preds_SN)
    return labels_N, *sides


def recall_of(n_images, seed=0, **margins):
    labels_N, before, after = arms(n_images, seed=seed)
    verdict = verdict_of(labels_N, before, after, cells=[(1, 0)], margins=Margins(**margins))
    return next(item for item in verdict.collateral if item.name == "recall of 0")


def test_so_many_images_settle_it():
    item = recall_of(1000, seed=1, recall=0.002)
    assert item.status == "undetermined"
    assert item.settling.becomes == "safe"
    n_images = item.settling.images
    assert n_images > 1000
    assert item.settling.seeds is None or item.settling.seeds > 8
    settled = [recall_of(2 * n_images, seed=k, recall=0.002).status for k in range(10)]
    assert settled.count("safe") >= 6  # the estimate does not stay as it was
    assert recall_of(1000, recall=0.5).settling is None


def test_few_images_without_an_event_need_more_images():
    labels_N = np.repeat([0, 1], 100)
    same = np.tile(labels_N, (10, 1))
    verdict = verdict_of(labels_N, same, same, cells=[(0, 1)], margins=Margins(recall=0.01))
    item = next(item for item in verdict.collateral if item.name == "recall of 1")
    assert (item.settling.becomes, item.settling.seeds) == ("safe", None)
    assert 290 <= item.settling.images <= 320  # 3 / n below one point


@pytest.mark.parametrize(
    ("items", "together"),
    [
        ([], None),
        ([("safe", 12, 900)], ("safe", 12, 900)),
        ([("safe", 12, 900), ("safe", None, 1400)], ("safe", None, 1400)),
        ([("safe", 12, 900), ("harmed", 30, 500)], ("harmed", 30, 900)),
    ],
)
def test_several_are_settled_when_the_last_is(items, together):
    def of(one):
        return Settling(becomes=one[0], seeds=one[1], images=one[2])

    assert settle_together([of(one) for one in items]) == (together and of(together))
