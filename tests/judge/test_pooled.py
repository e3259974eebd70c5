"""The pooled estimate: its formula, its exact edges, and what may not change it."""

from itertools import pairwise

import numpy as np
import pytest

from misread.errors import JudgeError
from misread.judge import Predictions, judge
from misread.judge.counts import count_by_part
from misread.judge.effects import effects
from misread.judge.groups import Groups
from misread.judge.layout import HeldOut
from misread.judge.measure import measure, rates_of, upper_of
from misread.judge.terms import by_group, by_image, weights_of
from misread.judge.variance import zero_event_bound
from misread.readers.read import read_predictions
from misread.simulate.calibrate import Setting, simulate
from misread.simulate.worlds import WORLDS, Design

W = 0.4


def reads_of(n_seeds, n_confirm, tenth, n_folds=10):
    fold_N = np.repeat([-1, *range(n_folds)], [n_confirm, *[tenth] * n_folds])
    folds_S = np.arange(n_seeds) % n_folds
    return (fold_N < 0) | (folds_S[:, np.newaxis] == fold_N)


def study(rng, n_seeds=10, n_confirm=200, tenth=40, rate=0.05, **kwargs):
    reads = reads_of(n_seeds, n_confirm, tenth)
    chance_N = rng.beta(0.2, 0.2 * (1 / rate - 1), reads.shape[1])
    before, after = rng.random((2, *reads.shape)) < chance_N
    return reads, before & reads, after & reads, kwargs


def counts_of(reads, before, after, w=W, *, paired=True, groups_N=None, reads_after=None):
    held = HeldOut(reads, reads if reads_after is None else reads_after, w)
    groups = None if groups_N is None else Groups(groups_N)
    return count_by_part(before, after, paired=paired, groups=groups, held=held)


def specified(reads, before, after, w):
    """The formula of STATISTICS.md, word by word, for one tenth a seed and no groups."""
    diff = after.astype(float) - before
    confirm = reads.all(axis=0)
    n_seeds, n = reads.shape[0], int(confirm.sum())
    held = [diff[s, reads[s] & ~confirm] for s in range(n_seeds)]
    d = diff[:, confirm]
    x_S = w * d.mean(axis=1) + (1 - w) * np.array([h.mean() for h in held])
    grand = d.mean()
    ms_image = n_seeds * ((d.mean(axis=0) - grand) ** 2).sum() / (n - 1)
    rest = d - d.mean(axis=0) - d.mean(axis=1, keepdims=True) + grand
    ms_rest = (rest**2).sum() / ((n_seeds - 1) * (n - 1))
    every = np.concatenate(held)
    image = w**2 * max(ms_image - ms_rest, 0) / (n_seeds * n)
    least = image + w**2 * ms_rest / (n_seeds * n) + (1 - w) ** 2 * every.var(ddof=1) / every.size
    return x_S.mean(), max(x_S.var(ddof=1) / n_seeds + image, least)


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
def test_it_is_the_specified_estimate_and_variance(n_seeds):
    for seed in range(20):
        reads, before, after, _ = study(np.random.default_rng(seed), n_seeds)
        m = measure(counts_of(reads, before, after))
        estimate, variance = specified(reads, before, after, W)
        assert m.estimate_C[0] == pytest.approx(estimate, abs=1e-12)
        assert m.se_C[0] ** 2 == pytest.approx(variance, rel=1e-9)


def test_the_variance_is_the_sum_over_seeds_and_images():
    """Cameron, Gelbach & Miller's sums over repeated tenths, against the plain definition."""
    reads, before, after, _ = study(np.random.default_rng(3), 23)
    confirm = reads.all(axis=0)
    diff, m = after.astype(float) - before, (reads & ~confirm).sum()
    weight = np.where(confirm, W / (23 * confirm.sum()), (1 - W) / m) * reads
    means = [diff[reads & pool].mean() for pool in (confirm, ~confirm)]
    away = weight * (diff - np.where(confirm, *means))
    measured = measure(counts_of(reads, before, after))
    share = weight.sum(axis=1)
    assert measured.terms.seed[0] == pytest.approx(
        (away.sum(axis=1) ** 2).sum() / (1 - (share**2).sum()), rel=1e-9
    )
    n = int((~confirm).sum() - (~reads.any(axis=0)).sum())
    held = away[:, ~confirm]
    assert measured.terms.image_held[0] == pytest.approx(
        (held.sum(axis=0) ** 2).sum() * n / (n - 1), rel=1e-9
    )
    assert measured.terms.residual_held[0] == pytest.approx((held**2).sum() * n / (n - 1), rel=1e-9)


def test_groups_of_both_kinds_are_summed_over_both():
    rng = np.random.default_rng(5)
    reads, before, after, _ = study(rng, 10)
    groups_N = rng.integers(0, 60, reads.shape[1])
    confirm = reads.all(axis=0)
    diff, m, n = after.astype(float) - before, (reads & ~confirm).sum(), int(confirm.sum())
    weight = np.where(confirm, W / (10 * n), (1 - W) / m) * reads
    means = [diff[reads & pool].mean() for pool in (confirm, ~confirm)]
    away = weight * (diff - np.where(confirm, *means))
    sums = np.stack([np.bincount(groups_N, row, 60) for row in away])
    counts = counts_of(reads, before, after, groups_N=groups_N)
    w_C = weights_of(counts)
    parts = by_group(counts, w_C, by_image(counts, w_C))
    whole = parts.image + parts.image_held
    assert whole[0] == pytest.approx((sums.sum(axis=0) ** 2).sum() * 60 / 59, rel=0.02)


@pytest.mark.parametrize("paired", [True, False])
def test_nothing_changed_gives_p_1_and_the_bound(paired):
    reads = reads_of(10, 982, 584)
    none = np.zeros(reads.shape, dtype=bool)
    m = measure(counts_of(reads, none, none, paired=paired))
    assert m.p_C[0] == 1
    assert m.estimate_C[0] == 0
    assert m.high_C[0] == pytest.approx(float(zero_event_bound(982 / W, 0.05)))
    assert m.low_C[0] == -m.high_C[0]


def test_agreement_everywhere_gives_p_1():
    reads, before, _, _ = study(np.random.default_rng(1))
    counts = counts_of(reads, before, before)
    (effect,) = effects(counts)
    assert effect.p_value == 1
    effect = effect.within(rates_of(counts)[0][0])
    assert effect.low < 0 < effect.high


def test_everything_changed_is_certain():
    reads = reads_of(5, 100, 30)
    none, all_ = np.zeros(reads.shape, dtype=bool), reads
    m = measure(counts_of(reads, none, all_))
    assert m.estimate_C[0] == pytest.approx(1)
    assert m.p_C[0] < 1e-3
    assert m.high_C[0] == 1
    assert 0.9 < m.low_C[0] < 1


def test_one_event_is_never_tighter_than_none():
    reads = reads_of(10, 982, 584)
    none = np.zeros(reads.shape, dtype=bool)
    bound = measure(counts_of(reads, none, none)).bound_C[0]
    for image in (0, 982):
        one = none.copy()
        one[:, image] = reads[:, image]
        for before, after in ((none, one), (one, none)):
            m = measure(counts_of(reads, before, after))
            assert m.p_C[0] >= 0.5
            assert m.low_C[0] <= 0 <= m.high_C[0]
            assert upper_of(m)[0] >= m.estimate_C[0] + bound


@pytest.mark.parametrize("only", ["confirm", "held out"])
def test_one_kind_of_image_needs_no_weight(only):
    rng = np.random.default_rng(2)
    reads = reads_of(10, 300, 0) if only == "confirm" else reads_of(10, 0, 60)
    before, after = (rng.random((2, *reads.shape)) < 0.05) & reads
    answers = [measure(counts_of(reads, before, after, w)) for w in (0.0, 0.4, 1.0)]
    for m in answers:
        assert m.estimate_C == pytest.approx(after.sum() / reads.sum() - before.sum() / reads.sum())
        assert m.se_C == pytest.approx(answers[0].se_C)
        assert np.isfinite(m.p_C).all()


def test_cross_validated_predictions_alone_are_judged():
    """Ten folds and nothing else: the seeds are the folds, and the images fall out of it."""
    rng = np.random.default_rng(8)
    reads = reads_of(10, 0, 100)
    before, after = (rng.random((2, *reads.shape)) < 0.1) & reads
    m = measure(counts_of(reads, before, after))
    per_fold = np.array([(after[s] * 1.0 - before[s])[reads[s]].mean() for s in range(10)])
    within = (after * 1.0 - before)[reads].var(ddof=1) / 1000
    assert m.se_C[0] ** 2 == pytest.approx(max(per_fold.var(ddof=1) / 10, within), rel=1e-6)


def test_groups_of_one_image_are_no_groups():
    reads, before, after, _ = study(np.random.default_rng(4), 20)
    one = measure(counts_of(reads, before, after))
    other = measure(counts_of(reads, before, after, groups_N=np.arange(reads.shape[1])))
    assert other.p_C == pytest.approx(one.p_C, rel=1e-9)
    assert other.high_C == pytest.approx(one.high_C, rel=1e-9)


def test_copies_that_form_a_group_change_nothing_much():
    reads, before, after, _ = study(np.random.default_rng(6), 10)
    groups_N = np.arange(reads.shape[1])
    one = measure(counts_of(reads, before, after, groups_N=groups_N))
    twice = [np.repeat(arm, 2, axis=1) for arm in (reads, before, after)]
    other = measure(counts_of(*twice, groups_N=np.repeat(groups_N, 2)))
    assert other.p_C == pytest.approx(one.p_C, rel=1e-6)
    assert other.se_C == pytest.approx(one.se_C, rel=1e-6)


def test_the_order_of_seeds_and_images_does_not_matter():
    rng = np.random.default_rng(7)
    reads, before, after, _ = study(rng, 12)
    seeds, images = rng.permutation(12), rng.permutation(reads.shape[1])
    one = measure(counts_of(reads, before, after))
    other = measure(counts_of(*(arm[seeds][:, images] for arm in (reads, before, after))))
    assert other.p_C == pytest.approx(one.p_C, rel=1e-9)
    assert other.high_C == pytest.approx(one.high_C, rel=1e-9)


@pytest.mark.parametrize("paired", [True, False])
def test_arms_exchanged_turn_the_answer_round(paired):
    reads, before, after, _ = study(np.random.default_rng(9), 10)
    one = measure(counts_of(reads, before, after, paired=paired))
    other = measure(counts_of(reads, after, before, paired=paired))
    assert other.estimate_C == pytest.approx(-one.estimate_C, abs=1e-12)
    assert other.p_C == pytest.approx(one.p_C, rel=1e-9)
    assert other.low_C == pytest.approx(-one.high_C, abs=1e-12)


def test_what_one_of_a_pair_has_not_read_does_not_count():
    reads, before, after, _ = study(np.random.default_rng(10), 10)
    fewer = reads.copy()
    fewer[3, reads[3] & ~reads.all(axis=0)] = False
    one = measure(counts_of(reads, before, after, reads_after=fewer))
    other = measure(counts_of(fewer, before & fewer, after & fewer))
    assert one.estimate_C == pytest.approx(other.estimate_C)
    assert one.p_C == pytest.approx(other.p_C)


def test_an_image_that_one_arm_alone_has_read_does_not_count_unpaired():
    rng = np.random.default_rng(11)
    reads = reads_of(20, 200, 40)
    few = reads[:4]
    before, after = rng.random((4, reads.shape[1])) < 0.05, rng.random(reads.shape) < 0.05
    m = counts_of(few, before & few, after & reads, paired=False, reads_after=reads)
    assert m.n_held_C[0] == 4 * 40
    changed = after.copy()
    changed[:, 200 + 160 :] = ~changed[:, 200 + 160 :]
    again = counts_of(few, before & few, changed & reads, paired=False, reads_after=reads)
    assert measure(m).p_C == pytest.approx(measure(again).p_C)


def test_safe_is_monotone_in_evidence():
    """STATISTICS.md: 100 images without an event are undetermined; so are 3 better and 2 worse."""
    reads = np.ones((10, 100), dtype=bool)
    none = np.zeros_like(reads)
    nothing = measure(counts_of(reads, none, none, 1.0))
    before, after = none.copy(), none.copy()
    before[[0, 1, 2], [0, 1, 2]] = True
    after[[3, 4], [3, 4]] = True
    some = measure(counts_of(reads, before, after, 1.0))
    assert some.high_C[0] < 0.01  # which alone would be safe at a margin of one point
    assert upper_of(nothing)[0] > 0.01
    assert upper_of(some)[0] > 0.01


def test_more_images_without_an_event_are_never_less_safe():
    uppers = []
    for n in (50, 100, 300, 1000, 3000):
        reads = reads_of(10, n, n // 2)
        none = np.zeros(reads.shape, dtype=bool)
        uppers.append(upper_of(measure(counts_of(reads, none, none)))[0])
    assert all(b < a for a, b in pairwise(uppers))


def test_intervals_end_where_the_parameter_does():
    """Five errors cannot fall by more than five."""
    rng = np.random.default_rng(12)
    for _ in range(30):
        reads, before, after, _ = study(rng, 5, rate=0.01)
        counts = counts_of(reads, before, after)
        (effect,) = effects(counts)
        rate, rate_after = (rate_C[0] for rate_C in rates_of(counts))
        assert rate_after - rate == pytest.approx(effect.estimate, abs=1e-12)
        effect = effect.within(rate)
        assert -rate <= effect.low <= effect.estimate <= effect.high <= 1 - rate


def folds_side(labels_N, wrong_SN, fold_N, n_folds, **extra):
    """Predictions of which each seed has held out a fold; wrong means the other of two classes."""
    preds_SN = np.where(wrong_SN, 1 - labels_N, labels_N)
    held_SN = (np.arange(len(preds_SN)) % n_folds)[:, np.newaxis] == fold_N
    return Predictions.from_arrays(labels_N, preds_SN, held_out_SN=held_SN | (fold_N < 0), **extra)


def test_a_weight_is_a_share():
    labels_N = np.array([0, 1] * 10)
    side = folds_side(labels_N, np.zeros((2, 20), bool), np.arange(20) % 2, 2)
    with pytest.raises(JudgeError, match=r"weight is 1\.5; allowed is 0 to 1"):
        judge(side, side, cells=["0:1"], weight=1.5)


def test_a_class_that_all_have_read_is_planned_as_if_nothing_were_held_out():
    rng = np.random.default_rng(0)
    labels_N = np.repeat([0, 1], 90)
    fold_N = np.where(labels_N == 0, -1, np.arange(180) % 3)
    wrong = [rng.random((6, 180)) < rate for rate in (0.2, 0.1)]
    sides = [folds_side(labels_N, wrong_SN, fold_N, 3) for wrong_SN in wrong]
    whole = [Predictions.from_arrays(labels_N, side.preds_SN) for side in sides]
    one, other = (judge(*both, cells=["0:1"]).cells[0] for both in (sides, whole))
    assert one.forecast == other.forecast
    assert one.limits == other.limits


@pytest.mark.parametrize("n_after", [3, 4])
def test_what_no_seed_of_both_sides_has_held_out_is_refused_or_no_item(n_after):
    rng = np.random.default_rng(0)
    labels_N = np.arange(120) % 3

    def side(n_seeds, held_N):
        preds_SN = np.where(rng.random((n_seeds, 120)) < 0.8, labels_N, 0)
        held_SN = np.tile(held_N, (n_seeds, 1))
        return Predictions.from_arrays(labels_N, preds_SN, held_out_SN=held_SN)

    first_N, known_N = np.arange(120) < 60, labels_N != 0
    with pytest.raises(JudgeError, match="no image was held out by"):
        judge(side(3, first_N), side(n_after, ~first_N), cells=["1:0"])
    sides = side(3, known_N), side(n_after, known_N)
    with pytest.raises(JudgeError, match="no image of 0 was held out by seeds of both sides"):
        judge(*sides, cells=["0:1"])
    items = judge(*sides, cells=["1:0"]).collateral
    assert {item.true for item in items} == {None, 1, 2}


def test_what_a_seed_has_learnt_does_not_count():
    """Cross-validated predictions, alone and beside images that all have read."""
    rng = np.random.default_rng(20)
    labels_N = rng.integers(2, size=1200)
    fold_N = rng.integers(-1, 5, size=1200)
    wrong = rng.random((2, 5, 1200)) < [[[0.10]], [[0.02]]]
    for which in (fold_N, np.abs(fold_N)):
        sides = [folds_side(labels_N, w, which, 5) for w in wrong]
        verdict = judge(*sides, cells=["0:1"])
        learnt = ~sides[0].held_out_SN
        lies = [folds_side(labels_N, w ^ learnt, which, 5) for w in wrong]
        assert judge(*lies, cells=["0:1"]) == verdict
        assert verdict.cells[0].shrank(0.05)
        reads = sides[0].held_out_SN & (labels_N == 0)
        rate = (wrong[0] & reads).sum() / reads.sum()
        assert verdict.cells[0].before == pytest.approx(rate, abs=0.03)
        assert verdict.collateral[0].effect.n_held > 0


def test_every_way_in_gives_the_same_answer(tmp_path):
    """Cross-validated predictions as arrays, as NPZ, and as the rows that there are of them."""
    rng = np.random.default_rng(21)
    labels_N, fold_N = rng.integers(2, size=400), np.arange(400) % 4
    verdicts = []
    sides = [folds_side(labels_N, rng.random((4, 400)) < p, fold_N, 4) for p in (0.2, 0.05)]
    verdicts.append(judge(*sides, cells=["0:1"]))
    files = []
    for name, side in zip("ba", sides, strict=True):
        held_SN, preds_SN = side.held_out_SN, side.preds_SN
        np.savez(tmp_path / f"{name}.npz", labels=labels_N, predictions=preds_SN, held_out=held_SN)
        rows = [
            f"{s},{n:03},{labels_N[n]},{preds_SN[s, n]},1" for s, n in np.argwhere(held_SN).tolist()
        ]
        lines = ["seed,id,label,prediction,held_out", *rng.permutation(rows).tolist()]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
        files.append(name)
    for kind in ("npz", "csv"):
        read = [read_predictions(tmp_path / f"{name}.{kind}") for name in files]
        verdicts.append(judge(*read, cells=["0:1"], paired=True))
    ledgers = {verdict.ledger for verdict in verdicts[:2]}
    assert len(ledgers) == 1
    numbers = [(v.verdict, v.cells[0].effect, [i.effect for i in v.collateral]) for v in verdicts]
    assert numbers[0] == numbers[1] == numbers[2]


def test_held_out_of_another_shape_is_refused():
    with pytest.raises(JudgeError, match="held_out are bool"):
        Predictions.from_arrays([0, 1], [[0, 1]], held_out_SN=[[True], [False]])
    with pytest.raises(JudgeError, match="no reading counts"):
        Predictions.from_arrays([0, 1], [[0, 1]], held_out_SN=[[0, 0]])


@pytest.mark.parametrize("world", [WORLDS[1], WORLDS[3]], ids=lambda world: world.name)
def test_with_held_out_images_the_judge_is_as_seldom_wrong(world):
    """A small version of the table in docs/calibration.md: 400 studies, ten seeds, 5 errors."""
    null = simulate(Setting(world, Design(10, 5.0, n_select=5842)), 400)
    assert null.rate <= 0.065 + 2 * np.sqrt(0.05 * 0.95 / 400)
    assert null.coverage >= 0.93 - 2 * np.sqrt(0.05 * 0.95 / 400)
    half = simulate(Setting(world, Design(10, 5.0, 0.5, n_select=5842)), 200)
    alone = simulate(Setting(world, Design(10, 5.0, 0.5)), 200)
    assert half.rate > alone.rate + 0.1
