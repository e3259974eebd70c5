"""Groups of images, such as those of one writer: what the judge says when images are not alone."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from arrays import View, numbers, verdict_at_look, verdict_of
from misread.cli import main
from misread.data.mnist import load_mnist
from misread.errors import DataError, JudgeError
from misread.files import sha256_of
from misread.judge import (
    Adaptive,
    judge,
    two_way,
)
from misread.judge.counts import count_by_cell, count_by_part
from misread.judge.effects import effects
from misread.judge.groups import Groups
from misread.judge.measure import groups_of
from misread.judge.predictions import Predictions
from misread.judge.variance import mean_squares, zero_event_bound
from misread.readers.convert import write_predictions
from misread.readers.read import read_predictions
from misread.show.calibration import share
from misread.show.render import verdict_text
from misread.show.report import report_html
from misread.show.target import answer_table
from misread.simulate.calibrate import Setting, simulate
from misread.simulate.limits import LIMITS
from misread.simulate.worlds import FOURS, WORLDS, WRITER_WORLDS, Design, draw, writers_of
from misread.study.evidence import load_evidence
from misread.study.plan import load_plan, lock
from misread.study.runs import load_arm
from misread.study.verdict import judge_arm

NUMBERS = ("estimate", "se", "df", "low", "high", "p_value")
COPIES = 5


def matrix(seed, n_seeds, n_images, rate, *, same_seeds=False):
    """Return a matrix of −1, 0 and 1, most of them −1; a rate of 1 has changed everywhere."""
    rng = np.random.default_rng(seed)
    shape = (1 if same_seeds else n_seeds, n_images)
    signs = -1 if rate == 1 else rng.choice([-1, 1], shape, p=[0.8, 0.2])
    return np.repeat((rng.random(shape) < rate) * signs, n_seeds // shape[0], axis=0)


def copied(values, axis=-1):
    return np.repeat(values, COPIES, axis=axis)


def close(one, other):
    """Whether two effects agree to the last digits; n and words apart."""
    for name in NUMBERS:
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        assert a is None or a == pytest.approx(b, rel=1e-9, abs=1e-12), name


# --- the two ends: groups of one image, and copies ------------------------------------------------

STUDIES = (
    st.integers(0, 10**6),
    st.integers(1, 7),
    st.integers(2, 60),
    st.sampled_from([0, 0.01, 0.1, 0.4, 1]),
    st.booleans(),
)


@tries(max_examples=150, deadline=None)
@given(*STUDIES)
def test_copies_of_an_image_in_one_group_say_nothing_new(seed, n_seeds, n, rate, same):
    diff_SN = matrix(seed, n_seeds, n, rate, same_seeds=same)
    grouped = two_way(copied(diff_SN), groups_N=copied(np.arange(n)))
    close(two_way(diff_SN), grouped)


@tries(max_examples=100, deadline=None)
@given(*STUDIES)
def test_groups_of_one_image_each_are_no_groups(seed, n_seeds, n, rate, same):
    diff_SN = matrix(seed, n_seeds, n, rate, same_seeds=same)
    assert two_way(diff_SN, groups_N=np.random.default_rng(seed).permutation(n)) == two_way(diff_SN)


def test_copies_without_groups_say_too_much():
    diff_SN = matrix(1, 10, 60, 0.1)
    one, many = two_way(diff_SN), two_way(copied(diff_SN))
    assert many.high - many.low < 0.8 * (one.high - one.low)


@pytest.mark.parametrize("n_seeds", [(6, 4), (1, 5), (3, 3)])
def test_copies_say_nothing_new_where_seeds_are_not_paired(n_seeds):
    rng = np.random.default_rng(3)
    hard_N = rng.beta(0.2, 1, 80)
    sides = [rng.random((n, 80)) < hard_N * k for n, k in zip(n_seeds, (1, 0.6), strict=True)]
    groups = Groups(copied(np.arange(80)))
    plain = effects(count_by_part(*sides, paired=False))[0]
    twins = effects(count_by_part(*map(copied, sides), paired=False, groups=groups))[0]
    close(plain, twins)
    assert twins.method.startswith("three-way over unpaired seeds, 80 groups and images")


def study(seed=0, n_seeds=6, n=1200, rates=(0.06, 0.03)):
    """Return labels and readings of both arms; the second makes fewer of the errors 0→1."""
    rng = np.random.default_rng(seed)
    labels_N = rng.integers(3, size=n)
    hard_N = rng.beta(0.3, 1, n)
    sides = []
    for rate in rates:
        wrong_SN = rng.random((n_seeds, n)) < hard_N * rate / 0.23
        sides.append(np.where(wrong_SN, (labels_N + 1) % 3, labels_N))
    return labels_N, *sides


def plain(verdict):
    """Return a verdict's numbers without those that only groups have."""
    return verdict.model_copy(update={"n_groups": None, "design_effect": None})


def test_a_verdict_with_groups_of_one_image_is_the_same_to_the_byte():
    arrays = study()
    one = verdict_of(*arrays, cells=[(0, 1)])
    own = verdict_of(*arrays, cells=[(0, 1)], groups_N=np.arange(1200))
    assert own.n_groups == 1200
    assert own.design_effect == pytest.approx(1)
    assert (one.n_groups, one.design_effect) == (None, None)
    assert plain(own).model_dump_json() == one.model_dump_json()


@pytest.mark.parametrize("n_seeds", [6, 1])
def test_a_verdict_on_copies_is_that_on_the_images(n_seeds):
    """Targets, every item of the scan (also those that never occur), power and asymmetry."""
    labels_N, before_SN, after_SN = study(n_seeds=n_seeds)
    view = View("again", labels_N[:600], before_SN[:, :600], after_SN[:, 600:1200][:, ::-1])
    view = View("again", labels_N[:600], before_SN[:, :600], after_SN[:, :600])
    images = copied(np.arange(600))
    twins = View("again", *map(copied, (view.labels_M, view.before_SM, view.after_SM)), images)
    one = verdict_of(
        labels_N, before_SN, after_SN, cells=[(0, 1)], slices=[view], class_names=range(4)
    )
    own = verdict_of(
        *map(copied, (labels_N, before_SN, after_SN)),
        cells=[(0, 1)],
        slices=[twins],
        class_names=range(4),
        groups_N=copied([f"writer {n}" for n in range(1200)]),
    )
    assert own.design_effect == pytest.approx(COPIES)
    assert own.n_groups == 1200
    assert own.verdict == one.verdict
    assert [(i.name, i.status) for i in own.collateral] == [
        (i.name, i.status) for i in one.collateral
    ]
    for item, twin in zip(one.collateral, own.collateral, strict=True):
        close(item.effect, twin.effect)
        assert twin.q_value == pytest.approx(item.q_value)
    cell, same = one.cells[0], own.cells[0]
    close(cell.effect, same.effect)
    close(cell.asymmetry, same.asymmetry)
    assert same.smallest_detectable == pytest.approx(cell.smallest_detectable)
    assert same.seeds_needed == cell.seeds_needed
    if cell.images_needed is not None:
        assert same.images_needed == pytest.approx(COPIES * cell.images_needed, rel=0.01)


def test_a_planned_look_settles_copies_as_it_does_the_images():
    """Also what is left to be found by the seeds to come."""
    labels_N, before_SN, after_SN = study(n_seeds=5, n=2400, rates=(0.04, 0.035))
    adaptive = Adaptive()
    one = verdict_at_look(adaptive, labels_N, before_SN, after_SN, cells=[(0, 1)])
    own = verdict_at_look(
        adaptive,
        *map(copied, (labels_N, before_SN, after_SN)),
        cells=[(0, 1)],
        groups_N=copied(np.arange(2400)),
    )
    assert one.settled.why == own.settled.why
    assert (one.settled.chance is None) == (own.settled.chance is None)
    assert one.settled.chance is None or own.settled.chance == pytest.approx(one.settled.chance)
    assert own.cells[0].p_holm == pytest.approx(one.cells[0].p_holm)


# --- between the two ends -------------------------------------------------------------------------


def test_the_variance_is_that_of_sums_over_groups_of_unequal_size():
    """Cameron, Gelbach & Miller by hand: seeds plus groups minus their crossing."""
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 9, size=60)
    groups_N = np.repeat(np.arange(60), sizes)
    writer_G = rng.choice([-1, 0, 0, 0, 1], 60)
    diff_SN = np.where(rng.random((8, groups_N.size)) < 0.4, writer_G[groups_N], 0)
    effect = two_way(diff_SN, groups_N=groups_N)
    mean = diff_SN.mean()
    sums_SG = np.stack([np.bincount(groups_N, row - mean) for row in diff_SN])
    by_seed = (sums_SG.sum(axis=1) ** 2).sum() * 8 / 7
    by_group_ = (sums_SG.sum(axis=0) ** 2).sum() * 60 / 59
    seed_S = diff_SN.mean(axis=1) - mean
    rest_SG = sums_SG - np.outer(seed_S, sizes) - sums_SG.mean(axis=0)
    crossed = (rest_SG**2).sum() * 8 * 60 / 7 / 59
    assert effect.se == pytest.approx(math.sqrt(by_seed + by_group_ - crossed) / diff_SN.size)
    assert effect.se > 1.5 * two_way(diff_SN).se
    assert effect.method == "three-way over seeds, 60 groups and images, Satterthwaite t"
    ms = mean_squares(diff_SN)
    assert ms.image > ms.residual


def test_few_large_groups_count_as_few():
    """Degrees of freedom follow (Σm²)² / Σm⁴: two writers of a hundred images are not 102."""
    rng = np.random.default_rng(5)
    groups_N = np.concatenate([np.repeat([0, 1], 100), np.arange(2, 102)])
    diff_SN = np.tile(rng.choice([-1, 0, 1], 300)[None], (5, 1))
    diff_SN[:, :100], diff_SN[:, 100:200] = -1, 1
    effective = (2 * 100**2 + 100) ** 2 / (2 * 100**4 + 100)
    assert two_way(diff_SN, groups_N=groups_N).df == pytest.approx(effective - 1, rel=0.01)


@tries(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(4, 80), st.integers(2, 20))
def test_groups_narrow_nothing_that_varies(seed, n_seeds, n, n_groups):
    diff_SN = matrix(seed, n_seeds, n, 0.3)
    groups_N = np.random.default_rng(seed).integers(n_groups, size=n)
    ms = mean_squares(diff_SN)
    if ms.image > ms.residual:
        assert two_way(diff_SN, groups_N=groups_N).se >= two_way(diff_SN).se * (1 - 1e-9)


@tries(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_both_ways_of_counting_groups_agree(seed, n_before, n_after, paired):
    rng = np.random.default_rng(seed)
    n_after = n_before if paired else n_after
    labels_N, groups_N = rng.integers(4, size=60), rng.integers(9, size=60)
    sides = [rng.integers(4, size=(n, 60)) for n in (n_before, n_after)]
    grouped = Groups(groups_N, 1.7)
    cells = count_by_cell(labels_N, *sides, 4, paired=paired, groups=grouped)
    for place, (i, j) in enumerate(zip(*cells[:2], strict=True)):
        own_N = labels_N == i
        hits = [side[:, own_N] == j for side in sides]
        dense = count_by_part(*hits, paired=paired, groups=grouped.of(own_N))
        for one, other in zip(
            numbers(cells[2].groups, place), numbers(dense.groups, 0), strict=True
        ):
            assert np.array_equal(one, other)


def test_many_images_of_one_writer_are_one_event():
    diff_SN = np.zeros((10, 982), int)
    diff_SN[:, :8] = -1
    alone = two_way(diff_SN)
    effect = two_way(diff_SN, groups_N=np.repeat(np.arange(491), 2).clip(4))
    own = two_way(diff_SN, groups_N=np.concatenate([np.zeros(8, int), np.arange(1, 975)]))
    assert alone.p_value < 0.05
    assert own.p_value >= 0.5
    assert own.low <= own.estimate - zero_event_bound(975, 0.05)
    assert own.high >= 0
    assert "Only 1 of 975 groups changed on balance" in own.note
    assert "exact bounds over groups" in own.note
    assert effect.p_value >= 0.5


def test_without_a_change_the_bound_is_over_groups_unless_more_is_known():
    nothing_SN, groups_N = np.zeros((5, 900), int), np.repeat(np.arange(300), 3)
    assert two_way(nothing_SN, groups_N=groups_N).high == zero_event_bound(300, 0.05)
    labels_N = np.repeat([0, 1], 900)
    before = np.tile(labels_N, (5, 1))
    after = before.copy()
    after[:, 900:1000:3] = 0  # class 1: one image in each of many groups
    known = verdict_of(labels_N, before, after, cells=[(1, 0)], groups_N=np.tile(groups_N, 2))
    assert known.design_effect == pytest.approx(1, abs=0.05)
    never = next(item for item in known.collateral if item.name == "0→1")
    assert never.effect.high == pytest.approx(zero_event_bound(900 / known.design_effect, 0.05))
    assert never.effect.method == "zero-event bound over images in 300 groups"
    after[:, 900:] = before[:, 900:]
    after[:, 900:903] = 0  # three images: nothing is known of how alike images are
    unknown = verdict_of(labels_N, before, after, cells=[(1, 0)], groups_N=np.tile(groups_N, 2))
    never = next(item for item in unknown.collateral if item.name == "0→1")
    assert unknown.design_effect is None
    assert never.effect.high == zero_event_bound(300, 0.05)


def test_one_pair_of_models_is_asked_group_by_group():
    diff_N = np.zeros(400, int)
    diff_N[:20] = -1  # ten writers, two images each
    effect = two_way(diff_N[None], groups_N=np.repeat(np.arange(200), 2))
    same = two_way(diff_N[None, ::2])
    close(same, effect)
    assert effect.p_value > two_way(diff_N[None]).p_value


# --- worlds with writers --------------------------------------------------------------------------


def test_the_writers_of_the_worlds_are_those_of_the_fours_in_mnist():
    test = load_mnist()[1]
    own = np.unique(test.groups_N[test.labels_N == 4], return_counts=True)[1]
    assert tuple(np.bincount(own)[1:]) == FOURS
    assert np.array_equal(np.sort(np.bincount(writers_of(982))), np.sort(own))
    assert writers_of(2000).max() == 2 * own.size + np.flatnonzero(np.cumsum(np.sort(own)) >= 36)[0]


@pytest.mark.parametrize("paired", [True, False])
def test_writers_make_false_alarms_unless_the_judge_is_told_of_them(paired):
    kind = Setting(WRITER_WORLDS[1], Design(20, 30, paired=paired))
    without, own = (simulate(kind, 300, grouped=grouped) for grouped in (False, True))
    assert without.rate > 2 * LIMITS.single
    assert own.rate <= LIMITS.single + 3 * math.sqrt(LIMITS.single / 300)
    assert own.coverage > 0.91


def test_without_writers_it_costs_little_to_ask_for_them():
    kind = Setting(WORLDS[3], Design(10, 30, 0.3))
    without, own = (simulate(kind, 300, grouped=grouped) for grouped in (False, True))
    assert without.rate - 0.03 <= own.rate <= without.rate


def test_the_design_effect_is_one_without_and_more_with_writers():
    rng = np.random.default_rng(6)
    none_N, groups_N = np.zeros(982, int), writers_of(982)
    apart = rng.random((2, 10, 982)) < 0.05
    hit_G = rng.random((2, 1, 268)) < 0.05
    together = np.repeat(hit_G[..., groups_N], 10, axis=1)
    assert groups_of(none_N, groups_N, *apart).design_effect == pytest.approx(1, abs=0.3)
    sizes = np.bincount(groups_N)
    size = (sizes**2).sum() / 982
    assert groups_of(none_N, groups_N, *together).design_effect == pytest.approx(size, rel=0.4)
    assert groups_of(none_N, groups_N, apart[0], apart[0]).design_effect == math.inf


def test_the_mild_world_is_like_the_writers_of_mnist(project):
    """Design effects of the errors of one arm, and of what changed between two."""
    with np.load(project / "docs/results/four-nine-readings.npz") as file:
        labels_N = file["labels"].astype(int)
        wrong = {a: file[a] != labels_N for a in ("baseline", "documented", "one-sided", "both")}
    groups_N = np.unique(load_mnist()[1].groups_N, return_inverse=True)[1]
    base_SN = wrong.pop("baseline")
    none_SN = np.zeros_like(base_SN)
    errors = groups_of(labels_N, groups_N, none_SN, base_SN).design_effect
    changes = [groups_of(labels_N, groups_N, base_SN, own).design_effect for own in wrong.values()]
    rng, own_N, class_N = np.random.default_rng(7), writers_of(982), np.zeros(982, int)
    studies = [draw(WRITER_WORLDS[0], Design(10, 8), rng) for _ in range(150)]
    alone = [groups_of(class_N, own_N, np.zeros_like(one), one).design_effect for one, _ in studies]
    both = np.array([groups_of(class_N, own_N, *study).design_effect for study in studies])
    assert 1.1 < errors < 1.5
    assert np.mean(alone) == pytest.approx(errors, abs=0.12)
    assert both[np.isfinite(both)].mean() == pytest.approx(np.mean(changes), abs=0.12)


def test_the_page_holds_what_comes_out_today(project):
    page = (project / "docs/method.md").read_text("utf-8")
    command = re.search(r"^python experiments/writers.py(.*)$", page, re.MULTILINE)[1]
    again = f"run python experiments/writers.py{command} again"
    replicates = int(
        re.search(r"^([\d,]+) studies of each kind", page, re.MULTILINE)[1].replace(",", "")
    )
    assert replicates >= 2_000, again
    rates = re.findall(r"→ (\.\d{3})", page.split("**No effect")[1].split("**A true")[0])
    assert len(rates) == 36
    assert max(map(float, rates)) <= LIMITS.single, again
    table = page.split("**A true")[1]
    row = re.search(r"^\| strong writers \| 5 \|(.*)\|$", table, re.MULTILINE)[1].split("|")
    kind = Setting(WRITER_WORLDS[1], Design(5, 8.0, 0.3))
    told = [share(simulate(kind, replicates // 5, grouped=g).rate) for g in (False, True)]
    assert row[1].strip() == " → ".join(told), again


# --- files, folders, commands ---------------------------------------------------------------------


@pytest.fixture
def sides():
    labels_N, before_SN, after_SN = study(n=300)
    groups = np.array([f"hand {n // 3}" for n in range(300)])
    seeds = list(range(6))
    return tuple(
        Predictions.from_arrays(labels_N, preds, seeds=seeds, ids=np.arange(300), groups=groups)
        for preds in (before_SN, after_SN)
    )


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_groups_come_with_files_of_every_kind(sides, suffix, tmp_path):
    paths = [tmp_path / f"{name}{suffix}" for name in ("before", "after")]
    whole = [side.with_slice("thin", side) for side in sides]
    for side, path in zip(whole, paths, strict=True):
        write_predictions(side, path)
    back = [read_predictions(path) for path in paths]
    for side in back:
        assert side.groups.tolist() == whole[0].groups.tolist()
        assert side.slices["thin"].groups.tolist() == whole[0].groups.tolist()
    verdict = judge(*back, cells=["0:1"])
    assert verdict.n_groups == 100
    done = CliRunner().invoke(main, ["judge", *map(str, paths), "--cell", "0:1", "--json"])
    assert json.loads(done.stdout)["cells"][0]["effect"]["method"].startswith("three-way")
    command = ["judge", *map(str, paths), "--cell", "0:1", "--no-groups", "--json"]
    without = json.loads(CliRunner().invoke(main, command).stdout)
    assert without["n_groups"] is None
    assert without["cells"][0]["effect"]["method"].startswith("two-way")


def test_groups_of_one_side_do_and_move_with_the_images(sides):
    before, after = sides
    order = np.random.default_rng(0).permutation(300)
    mixed = Predictions(
        after.labels_N[order],
        after.preds_SN[:, order],
        after.class_names,
        after.seeds,
        after.ids[order],
        groups=after.groups[order],
    )
    whole = judge(before, after, cells=["0:1"])
    assert judge(before, mixed, cells=["0:1"]) == whole
    assert judge(before.without_groups(), mixed, cells=["0:1"]) == whole
    told = verdict_text(whole)
    assert "300 images in 100 groups; intervals hold over seeds, groups and images" in " ".join(
        told.split()
    )


def test_groups_that_do_not_fit_are_refused_in_one_sentence(sides, tmp_path, snapshot):
    before, after = sides
    labels_N, wrong = before.labels_N, after.groups.copy()
    wrong[7] = "hand 99"
    other = Predictions(
        labels_N, after.preds_SN, after.class_names, after.seeds, after.ids, groups=wrong
    )
    told = {}

    def refused(name, act):
        with pytest.raises((JudgeError, DataError)) as caught:
            act()
        told[name] = str(caught.value).replace(str(tmp_path), "TMP")

    refused("other groups", lambda: judge(before, other, cells=["0:1"]))
    arrays = (labels_N, before.preds_SN, after.preds_SN)
    refused("too few", lambda: verdict_of(*arrays, cells=[(0, 1)], groups_N=[1, 2, 3]))
    refused("two axes", lambda: verdict_of(*arrays, cells=[(0, 1)], groups_N=[[1, 2], [3, 4]]))
    holes = np.full(300, np.nan)
    refused("missing", lambda: verdict_of(*arrays, cells=[(0, 1)], groups_N=holes))
    view = View("thin", *arrays)
    refused(
        "a slice without",
        lambda: verdict_of(*arrays, cells=[(0, 1)], groups_N=before.groups, slices=[view]),
    )
    view = View("thin", *arrays, before.groups)
    refused("a slice alone", lambda: verdict_of(*arrays, cells=[(0, 1)], slices=[view]))
    np.savez(tmp_path / "few.npz", labels=labels_N, predictions=before.preds_SN, groups=[1, 2])
    refused("an NPZ with too few", lambda: read_predictions(tmp_path / "few.npz"))
    write_predictions(before, tmp_path / "long.csv")
    frame = pl.read_csv(tmp_path / "long.csv", infer_schema=False)
    moved = pl.when(pl.int_range(pl.len()) == 310).then(pl.lit("no one")).otherwise("group")
    frame.with_columns(moved.alias("group")).write_csv(tmp_path / "two.csv")
    refused("an image of two groups", lambda: read_predictions(tmp_path / "two.csv"))
    assert told == snapshot


# --- trials ---------------------------------------------------------------------------------------


def test_a_trial_on_mnist_holds_over_writers_and_says_so(rehearsal):
    plan = load_plan(rehearsal)
    assert plan.grouped
    evidence = load_evidence(rehearsal)
    verdict = next(iter(evidence.verdicts.values()))
    assert verdict.n_groups > np.unique(evidence.confirm.groups_N).size  # with those held out
    assert "seeds, writers and images" in report_html(evidence)
    assert "seeds, writers and images" in answer_table(evidence).note


def test_a_trial_with_corruptions_holds_over_writers_there_too(rehearsal):
    plan, evidence = load_plan(rehearsal), load_evidence(rehearsal)
    sides = [evidence.runs[arm].side for arm in ("baseline", "documented")]
    foggy = [side.with_slice("fog", replace(side, slices={}, disputed_N=None)) for side in sides]
    study = plan.study.model_copy(update={"corruptions": ("fog",)})
    verdict = judge_arm(plan.model_copy(update={"study": study}), "documented", *foggy)
    own = {item.name: item.effect for item in verdict.collateral}
    assert own["fog · 4"].method == own["recall of 4"].method
    assert "groups" in own["fog · 4"].method


def test_the_folder_of_an_arm_comes_with_its_writers(rehearsal):
    arms = [read_predictions(rehearsal / "arms" / arm) for arm in ("baseline", "documented")]
    evidence = load_evidence(rehearsal)
    assert np.array_equal(arms[0].groups, evidence.confirm.groups_N)
    for name, part in arms[0].slices.items():
        assert np.array_equal(part.groups, evidence.confirm.groups_N[part.ids]), name
    assert judge(*arms, cells=["4:9"]).n_groups == np.unique(evidence.confirm.groups_N).size


def test_a_plan_locked_without_groups_keeps_its_hash_and_is_judged_without(rehearsal, tmp_path):
    plan = load_plan(rehearsal)
    old = plan.model_copy(update={"grouped": False})
    told = old.model_dump(mode="json")
    assert "grouped" not in told
    assert sha256_of(told) == old.sha256 != plan.sha256
    assert type(plan).model_validate(told) == old
    assert old.question_sha256 == plan.question_sha256
    hashes = {"sha256": old.sha256, "question_sha256": old.question_sha256}
    (tmp_path / "plan.json").write_text(json.dumps({"format": 2, **hashes, "plan": told}))
    assert lock(plan, tmp_path) == old  # the same study run again keeps the plan that it has
    parts = load_evidence(rehearsal).parts
    for kept, is_grouped in ((old, False), (plan, True)):
        sides = [
            load_arm(kept, parts, rehearsal, arm, 2).side for arm in ("baseline", "documented")
        ]
        assert bool(judge_arm(kept, "documented", *sides).n_groups) is is_grouped
