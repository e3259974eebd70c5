"""A trade is not a fix: the exchange of the baseline's curve, and the answer."""

import numpy as np
import pytest

from arrays import verdict_of
from misread.judge import Margins, Predictions, judge
from misread.judge.counts import count_by_part
from misread.judge.trade import (
    Bargain,
    Leans,
    backs_of,
    exchange_of,
    gaps_of,
    shift_for,
    trade_of,
)
from misread.judge.variance import zero_event_bound

LOGITS = np.array([[1.0, 3.0, 0.0], [4.0, 1.0, 0.0], [1.0, 2.0, 5.0]])


def test_a_gap_is_the_shift_below_which_an_image_is_misread():
    gaps = gaps_of(LOGITS, 0, 1)
    assert gaps.tolist() == [2.0, -3.0, -np.inf]
    for shift in (-4.0, 0.0, 1.9, 2.1):
        moved = LOGITS + np.array([shift, 0, 0])
        assert (moved.argmax(axis=1) == 1).tolist() == (gaps > shift).tolist()


def test_a_back_is_the_shift_above_which_another_class_is_misread():
    backs = backs_of(LOGITS, 0)
    for shift in (-4.0, 0.0, 2.1, 4.1):
        moved = LOGITS + np.array([shift, 0, 0])
        assert (moved.argmax(axis=1) == 0).tolist() == (backs < shift).tolist()


def test_a_shift_leaves_as_many_errors_as_asked():
    rng = np.random.default_rng(1)
    gaps = tuple(rng.normal(-2, 1, 400) for _ in range(5))
    for n_errors in (0, 3, 20):
        shift = shift_for(gaps, n_errors)
        assert sum((gap > shift).sum() for gap in gaps) == n_errors


def counted(before, after):
    """Count one error of paired seeds that all read."""
    return count_by_part(before, after, paired=True)


def trade(pay, n_seeds=10, fall=0.5, seed=0):
    """A made study: margins of both classes, half of the target gone, `pay` of the price paid."""
    rng = np.random.default_rng(seed)
    n = 3000
    u = rng.normal(-4, 2, n) + rng.normal(0, 0.3, (n_seeds, n))
    v = rng.normal(-4, 2, n) + rng.normal(0, 0.3, (n_seeds, n))
    after_u = u - fall * 2 + rng.normal(0, 0.1, u.shape)
    after_v = v + fall * 2 * pay + rng.normal(0, 0.1, v.shape)
    target, reverse = counted(u > 0, after_u > 0), counted(v > 0, after_v > 0)
    return trade_of(target, reverse, Leans(tuple(u), tuple(-v)), 0.05)


@pytest.mark.parametrize(("pay", "answer"), [(0.0, "learned"), (1.0, "traded"), (1.5, "traded")])
def test_a_fix_and_a_moved_boundary_are_told_apart(pay, answer):
    assert trade(pay).answer == answer


def test_the_shift_itself_is_a_trade():
    rng = np.random.default_rng(3)
    u, v = rng.normal(-4, 2, (10, 2000)), rng.normal(-4, 2, (10, 2000))
    shift = shift_for(tuple(u), (u > 0).sum() / 2)
    target, reverse = counted(u > 0, u > shift), counted(v > 0, v + shift > 0)
    made = trade_of(target, reverse, Leans(tuple(u), tuple(-v)), 0.05)
    assert made.answer == Bargain.TRADED
    assert made.excess == pytest.approx(0, abs=1e-3)
    assert made.low < 0 < made.high


def moved(seed, drop=1 / 3, n=1000, n_seeds=10):
    """About five errors a seed, of which a moved boundary saves a third."""
    rng = np.random.default_rng(seed)
    u, v = (rng.normal(-5, 2, n) + rng.normal(0, 0.3, (n_seeds, n)) for _ in "uv")
    shift = shift_for(tuple(u), (u > 0).sum() * (1 - drop))
    target, reverse = counted(u > 0, u > shift), counted(v > 0, v + shift > 0)
    return trade_of(target, reverse, Leans(tuple(u), tuple(-v)), 0.05)


def test_a_small_fall_is_called_a_trade_too():
    """A bound for no event at all was wider than the price, though the reverse had events."""
    answers = [moved(seed).answer for seed in range(20)]
    assert answers.count(Bargain.TRADED) >= 10  # with that bound none was
    assert Bargain.LEARNED not in answers


def test_no_event_of_the_reverse_leaves_open_what_its_bound_does():
    u, none = np.tile(np.r_[np.ones(8), np.full(992, -9.0)], (5, 1)), np.zeros((5, 1000), bool)
    after = np.where(np.arange(1000) < 6, -1, u)
    leans = Leans(tuple(u), tuple(np.full_like(u, 0.5)))
    made = trade_of(counted(u > 0, after > 0), counted(none, none), leans, 0.05)
    assert made.high - made.excess >= zero_event_bound(1000, 0.05)


def test_without_such_errors_it_is_not_known():
    none = Leans((np.full(9, -1.0),), (np.zeros(9),))
    assert exchange_of(none, 0.5) is None
    counts = counted(*np.zeros((2, 5, 100), dtype=bool))
    assert trade_of(counts, counts, none, 0.05) is None


def test_a_trade_is_never_plain_reduced():
    """The baseline with its boundary moved, judged: its target shrank, and it is no fix."""
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], 3000)
    sign = np.where(labels == 0, 1, -1)
    z = sign * 4 + rng.normal(0, 2, 6000) + rng.normal(0, 0.3, (8, 6000))
    leans = Leans(tuple(-z[:, labels == 0]), tuple(-z[:, labels == 1]))
    shift = shift_for(leans.gaps, sum((gap > 0).sum() for gap in leans.gaps) / 2)
    before, after = ((z + c <= 0).astype(int) for c in (0.0, shift))
    sides = [Predictions.from_arrays(labels, preds) for preds in (before, after)]
    cell = judge(*sides, cells=["0:1"], leans=leans).cells[0]
    assert cell.shrank(0.05)
    assert cell.trade is not None
    assert cell.trade.answer == Bargain.TRADED
    loose = {"accuracy": 1, "recall": 1, "cell": 1, "slice": 1}
    verdict = judge(*sides, cells=["0:1"], leans=leans, margins=Margins(**loose))
    assert (verdict.verdict, verdict.qualifier) == ("REDUCED", "traded for its reverse")
    assert "it is a trade: 1→0 rose" in verdict.reason
    assert cell.both_ways.estimate > 0  # moving a boundary from its best place costs
    assert verdict_of(labels, before, after, cells=[(0, 1)]).cells[0].trade is None
