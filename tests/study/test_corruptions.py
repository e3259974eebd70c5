"""Corruptions against their definitions, and a study's models that read them."""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats
from skimage import color, transform

from arrays import View, verdict_of
from misread.cli import main
from misread.data.mnist import load_mnist
from misread.data.sources import beside, is_remote, load, origin, slug, split_name
from misread.errors import DataError, StoreError, StudyError
from misread.files import read_json, write_json
from misread.images.corrupt import Spec, corrupt, mnist_c, parse_corruption
from misread.images.mnist_c import CORRUPTIONS, clouds, zigzag_line
from misread.judge import two_way
from misread.judge.means import mean_over, mean_ratio
from misread.learn.views import in_mnist_form, load_parts, unseen
from misread.learn.work import stored_model
from misread.seeds import derive
from misread.show.figures.corruptions import corruption_figure
from misread.store import RunFolder
from misread.study.arms import BASELINE
from misread.study.conclude import conclude
from misread.study.corruptions import (
    CLEAN,
    Corruptions,
    Robustness,
    load_corruptions,
    run_corruptions,
)
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.plan import load_plan
from misread.study.reread import Calls
from misread.study.robustness import arm_mean, arm_on
from misread.study.run import run_study
from misread.study.verdict import StudyVerdict
from standin import CALL, trainer, work_here

EVERY = [Spec(kind, n + 1) for kind, c in CORRUPTIONS.items() for n in range(len(c.parameters))]


@pytest.fixture(scope="module")
def digits():
    return load_mnist()[1].images[:120]


# --- what each must be ----------------------------------------------------------------------------


@pytest.mark.parametrize("spec", EVERY, ids=lambda spec: spec.name)
def test_an_image_hangs_on_its_own_stream_alone(digits, spec):
    whole = corrupt(digits[:40], spec)
    assert whole.dtype == np.uint8
    assert whole.shape == (40, 28, 28)
    assert (whole != digits[:40]).any(axis=(1, 2)).mean() > 0.9
    ids = np.array([31, 2, 7])
    assert (corrupt(digits[ids], spec, ids) == whole[ids]).all()


RANDOM = (
    "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "rotate", "translate",
    "fog", "spatter", "dotted_line", "zigzag",
)  # fmt: skip


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_what_is_drawn_differs_by_image_and_by_part(digits, kind):
    spec, same = parse_corruption(kind), np.stack([digits[0]] * 20)
    one, other = corrupt(same, spec), corrupt(same, spec, part="train")
    assert (one != one[0]).any() == (kind in RANDOM)
    assert (one != other).any() == (kind in RANDOM)


@pytest.mark.parametrize("kind", [k for k, c in CORRUPTIONS.items() if len(c.parameters) == 5])
def test_a_higher_severity_leads_further_away(digits, kind):
    away = [
        np.abs(corrupt(digits, Spec(kind, n)).astype(int) - digits).mean() for n in (1, 2, 3, 4, 5)
    ]
    # As published: these have several parameters, not all of which grow at each step.
    back = {"fog": [3], "motion_blur": [4], "spatter": [3]}
    found = [n for n, (a, b) in enumerate(pairwise(away), start=1) if a >= b]
    assert set(found) <= set(back.get(kind, [])), away
    assert away[-1] > 1.2 * away[0]


def test_severities_are_those_of_mnist_c():
    stated = {spec.kind: spec.severity for spec in mnist_c()}
    assert len(stated) == 15
    assert [spec.name for spec in mnist_c(3)][-3:] == ["dotted_line", "zigzag", "canny_edges"]
    assert mnist_c(3)[0] == Spec("shot_noise", 3)
    several = {k: stated[k] for k, c in CORRUPTIONS.items() if len(c.parameters) > 1}
    assert several == {
        "shot_noise": 5, "impulse_noise": 4, "glass_blur": 1, "motion_blur": 1, "shear": 2,
        "scale": 3, "rotate": 2, "brightness": 5, "translate": 3, "fog": 5, "spatter": 4,
    }  # fmt: skip


# --- each against its definition ------------------------------------------------------------------


def flat(value):
    return np.full((200, 28, 28), value, np.uint8)


@pytest.mark.parametrize(("severity", "photons"), [(1, 60), (2, 25), (3, 12), (4, 5), (5, 3)])
def test_shot_noise_counts_photons(severity, photons):
    light = 102 / 255
    found = corrupt(flat(102), Spec("shot_noise", severity)) / 255
    expected = np.minimum(np.arange(400) / photons, 1)  # what is brighter than white is cut off
    weights = stats.poisson.pmf(np.arange(400), light * photons)
    mean = (weights * expected).sum()
    assert found.mean() == pytest.approx(mean, abs=0.005)
    assert found.var() == pytest.approx((weights * (expected - mean) ** 2).sum(), rel=0.02)
    assert (corrupt(flat(0), Spec("shot_noise", severity)) == 0).all()


@pytest.mark.parametrize(("severity", "share"), [(1, 0.03), (3, 0.09), (5, 0.27)])
def test_impulse_noise_is_half_salt(severity, share):
    found = corrupt(flat(100), Spec("impulse_noise", severity))
    assert (found == 255).mean() == pytest.approx(share / 2, rel=0.05)
    assert (found == 0).mean() == pytest.approx(share / 2, rel=0.05)


def test_brightness_is_that_of_the_colour_space(digits):
    colours = color.rgb2hsv(color.gray2rgb(digits[:5] / 255))
    colours[..., 2] = np.clip(colours[..., 2] + 0.5, 0, 1)
    expected = color.rgb2gray(color.hsv2rgb(colours)) * 255
    assert np.abs(corrupt(digits[:5], Spec("brightness", 5)) - expected).max() <= 0.51


def about_the_centre(matrix):
    there = transform.AffineTransform(translation=(-13.5, -13.5)) + matrix
    return there + transform.AffineTransform(translation=(13.5, 13.5))


def shear_of_2019(angle):
    matrix = np.eye(3)
    matrix[:2, 1] = -np.sin(angle), np.cos(angle)
    return transform.AffineTransform(matrix=matrix)


@pytest.mark.parametrize(
    ("spec", "choices"),
    [
        (Spec("rotate", 2), [transform.AffineTransform(rotation=a) for a in (-0.4, 0.4)]),
        (Spec("scale", 3), [transform.AffineTransform(scale=1 / 0.7)]),
        (Spec("shear", 2), [shear_of_2019(a) for a in (-0.4, 0.4)]),
    ],
    ids=lambda value: value.name if isinstance(value, Spec) else "",
)
def test_geometry_is_that_of_scikit_image(digits, spec, choices):
    seen = set()
    for found, image in zip(corrupt(digits, spec), digits, strict=True):
        expected = [
            transform.warp(image / 255, about_the_centre(choice)) * 255 for choice in choices
        ]
        off = [np.abs(found - one).max() for one in expected]
        assert min(off) <= 0.51
        seen.add(int(np.argmin(off)))
    assert seen == set(range(len(choices)))  # to either side


def test_translation_goes_to_all_four_corners(digits):
    middle = digits.copy()
    middle[:, :3] = middle[:, -3:] = middle[:, :, :3] = middle[:, :, -3:] = 0
    seen = set()
    for found, image in zip(corrupt(middle, Spec("translate", 3)), middle, strict=True):
        ways = [(a, b) for a in (-3, 3) for b in (-3, 3)]
        (way,) = [way for way in ways if (np.roll(image, way, (0, 1)) == found).all()]
        seen.add(way)
    assert len(seen) == 4


def test_stripe_inverts_the_outer_columns(digits):
    found = corrupt(digits, Spec("stripe", 1))
    assert (found[:, :, 7:21] == digits[:, :, 7:21]).all()
    assert (found[:, :, :7] == 255 - digits[:, :, :7]).all()
    assert (found[:, :, 21:] == 255 - digits[:, :, 21:]).all()


def test_glass_moves_pixels_and_makes_none():
    spot = flat(0)
    spot[:, 14, 14] = 255
    sharp = CORRUPTIONS["glass_blur"].apply(
        spot / 255, [derive(0, "glass", n) for n in range(200)], (1e-6, 2, 1)
    )
    assert (sharp.sum(axis=(1, 2)) == 1).all()
    rows = {tuple(np.argwhere(image)[0]) for image in sharp}
    assert len(rows) > 10
    assert np.median([abs(row - 14) + abs(column - 14) for row, column in rows]) < 12


def test_motion_smears_along_a_line():
    spot = flat(0)
    spot[:, 14, 18] = 255
    found = corrupt(spot, Spec("motion_blur", 1)).astype(float)
    # Half a Gaussian of sigma 3, sampled at whole pixels: its first weight, and all of its light.
    weights = np.exp(-(np.arange(21) ** 2) / 18)
    weights /= weights.sum()
    assert np.abs(found[:, 14, 18] - 255 * weights[0]).max() <= 0.51
    assert found.sum(axis=(1, 2)) == pytest.approx(255, abs=6)
    assert not found[:, :, 19:].any()  # one way only
    down, across = np.indices((28, 28))
    share = found / found.sum(axis=(1, 2), keepdims=True)
    angle = np.degrees(
        np.arctan2((share * (down - 14)).sum((1, 2)), (share * (18 - across)).sum((1, 2)))
    )
    assert angle.min() < -38
    assert angle.max() > 38
    assert np.abs(angle).max() < 47


def test_fog_keeps_the_brightest_and_is_made_of_clouds(digits):
    map_ = clouds([derive(0, "x", n) for n in range(4)], 1.4)
    assert map_.shape == (4, 256, 256)
    assert map_.min() == 0
    assert map_.max() == 1
    near = np.abs(np.diff(map_, axis=1)).mean()
    far = np.abs(map_[:, 128:] - map_[:, :128]).mean()
    assert near < far / 3  # smooth, and rough from afar
    assert near == pytest.approx(np.abs(map_[:, 0] - map_[:, -1]).mean(), rel=0.5)  # it wraps
    assert (corrupt(flat(0)[:3], Spec("fog", 5)) == 0).all()
    found = corrupt(digits, Spec("fog", 5)) / 255
    cloud = found * 4 / 3 - digits / 255 / 3  # (x + 3 c) / 4, where the brightest pixel is white
    white = digits.max(axis=(1, 2)) == 255
    assert -0.01 < cloud[white].min() < cloud[white].max() < 1.01


def test_spatter_is_mud_of_one_colour(digits):
    clean = digits == 0
    found = corrupt(digits, Spec("spatter", 4))
    assert found[clean].max() == 63
    muddy = (found > 0) & clean
    assert 0.02 < muddy.mean() / clean.mean() < 0.3
    assert found[muddy].min() >= np.floor(0.8 * 63)


def test_lines_are_drawn_across():
    dots = corrupt(flat(0), Spec("dotted_line", 1))
    assert not dots[:, :, np.arange(28) % 4 < 2].any()
    assert (dots.max(axis=1)[:, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26]] > 0).all()
    zigzags = corrupt(flat(0), Spec("zigzag", 1))
    assert not zigzags[:, :, [0, 27]].any()
    line = zigzag_line(13, 0)
    assert (line.max(axis=0)[2:25] > 0).all()
    assert line[:, [4, 12, 20]].argmax(axis=0).tolist() == [15, 15, 15]
    assert line[:, [8, 16, 24]].argmax(axis=0).tolist() == [11, 11, 11]
    rising = zigzag_line(10, 4)  # it is turned as a whole
    assert rising[:, [4, 12, 20]].argmax(axis=0).tolist() == [12, 13, 15]


def test_edges_are_thin_and_white(digits):
    found = corrupt(digits, Spec("canny_edges", 1))
    assert set(np.unique(found)) == {0, 255}
    assert 0.02 < (found == 255).mean() < 0.25


# --- as a source ----------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """A data set of a few digits, as `npz:FILE`."""
    train, test = load_mnist()
    arrays = {
        "x_train": train.images[:200], "y_train": train.labels_N[:200],
        "x_test": test.images[:60], "y_test": test.labels_N[:60],
    }  # fmt: skip
    np.savez(tmp_path / "small.npz", **arrays)
    return f"npz:{tmp_path / 'small.npz'}"


def test_a_source_is_corrupted_part_by_part(small):
    clean, found = load(small), load(f"corrupted:spatter@2:{small}")
    spec = Spec("spatter", 2)
    assert (found[0].images == corrupt(clean[0].images, spec, part="train")).all()
    assert (found[1].images == corrupt(clean[1].images, spec)).all()
    for before, after in zip(clean, found, strict=True):
        assert (before.labels_N == after.labels_N).all()
        assert before.class_names == after.class_names
        assert before.sha256 != after.sha256
    twice = load(f"corrupted:stripe:corrupted:spatter@2:{small}")
    assert (twice[1].images == corrupt(found[1].images, Spec("stripe", 1))).all()


def test_names_of_corrupted_sources(tmp_path):
    assert origin("corrupted:fog@3:corrupted:stripe:idx:x") == "idx:x"
    assert origin("corrupted:fog") == "mnist"
    assert slug("corrupted:fog") == "corrupted-fog-5"
    assert slug("corrupted:fog@5") == "corrupted-fog-5"
    assert slug("corrupted:stripe:idx:a/b") == "corrupted-stripe-idx-b"
    assert is_remote("corrupted:fog:openml:USPS")
    assert not is_remote("corrupted:fog")
    (tmp_path / "x").mkdir()
    assert beside("corrupted:fog:idx:x", tmp_path) == f"corrupted:fog:idx:{tmp_path / 'x'}"
    assert beside("corrupted:fog", tmp_path) == "corrupted:fog"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("corrupted:", "there is no dataset 'corrupted:'"),
        ("corrupted", "there is no dataset 'corrupted'"),
        ("corrupted:frost", "there is no corruption 'frost'; choose one of shot_noise, "),
        ("corrupted:fog@6", "'fog@6' is no severity of fog; choose one from fog@1 to fog@5."),
        ("corrupted:fog@", "'fog@' is no severity of fog"),
        ("corrupted:zigzag@1", "'zigzag@1' names a severity, but zigzag has none"),
        ("corrupted:fog:usps", "there is no dataset 'usps'"),
    ],
)
def test_names_that_are_none(name, told):
    with pytest.raises(StudyError) as refused:
        split_name(name)
    assert str(refused.value).startswith(told)


def test_images_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"\[8, 8\] cannot be corrupted .* 28×28 px; bring them"):
        load("corrupted:fog:sklearn-digits")


def test_a_corrupted_copy_of_a_training_image_was_seen(small):
    """The trap: it has another hash than the training set."""
    data = unseen(small, f"corrupted:stripe:{small}")
    assert len(data) == 60
    assert (data.images == load(f"corrupted:stripe:{small}")[1].images).all()
    # The other way round too, and from one corruption to another.
    assert len(unseen(f"corrupted:stripe:{small}", small)) == 60
    assert len(unseen(f"corrupted:stripe:{small}", f"corrupted:zigzag:{small}")) == 60
    assert len(unseen(f"corrupted:stripe:{small}", "mnist")) == 70_000  # of other images


def test_corrupted_images_are_not_brought_to_the_convention(small):
    assert in_mnist_form("mnist", small)
    assert in_mnist_form("corrupted:fog", small)
    assert not in_mnist_form("mnist", f"corrupted:translate:{small}")
    data = unseen("mnist", f"corrupted:translate:{small}")
    assert (data.images[-60:] == load(f"corrupted:translate:{small}")[1].images).all()


def test_a_corrupted_source_is_listed_shown_and_checked(tmp_path, small, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = f"corrupted:zigzag:{small}"
    assert "corrupted:NAME" in CliRunner().invoke(main, ["data", "list"]).output
    shown = CliRunner().invoke(main, ["data", "show", name])
    assert shown.exit_code == 0, shown.output
    assert "runs/data/corrupted-zigzag-npz-small.png" in shown.output
    assert (tmp_path / "runs/data/corrupted-zigzag-npz-small.png").exists()
    told = json.loads(CliRunner().invoke(main, ["data", "check", name, "--json"]).output)
    assert {f["check"]: f["ok"] for f in told["findings"]}["equal images"]


# --- means over corruptions -----------------------------------------------------------------------


def test_a_mean_of_one_error_is_that_of_the_judge():
    rng = np.random.default_rng(1)
    diff_SN = rng.choice([-1, 0, 1], (6, 300), p=[0.1, 0.7, 0.2])
    diff_SN[:, :40] = 1  # images that change in every seed
    expected, found = two_way(diff_SN), mean_over(diff_SN.astype(float))
    assert found.estimate == pytest.approx(expected.estimate)
    assert found.p_value == pytest.approx(expected.p_value)
    assert found.low == pytest.approx(expected.low)  # the judge's upper side is wider


@pytest.mark.parametrize("n_seeds", [3, 10])
@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_a_mean_over_groups_is_that_of_the_judge(n_seeds, spread):
    rng = np.random.default_rng(n_seeds)
    groups_N = rng.integers(0, 120, 2000)
    rate_N = 0.1 + spread * 0.3 * rng.random(120)[groups_N]
    diff_SN = (rng.random((n_seeds, 2000)) < rate_N).astype(int)
    diff_SN -= rng.random((n_seeds, 2000)) < 0.1
    expected = two_way(diff_SN, groups_N=groups_N)
    found = mean_over(diff_SN.astype(float), groups_N=groups_N)
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-6)
    alone = mean_over(diff_SN.astype(float), groups_N=np.arange(2000))
    assert alone == mean_over(diff_SN.astype(float))
    if spread and n_seeds == 10:  # with three, how trainings differ is most of it
        assert found.high - found.low > 1.1 * (alone.high - alone.low)


def test_groups_of_a_plan_count_in_every_interval():
    rng = np.random.default_rng(3)
    groups_N = np.repeat(np.arange(100), 20)
    hard_N = np.repeat(rng.random(100) < 0.2, 20)
    labels_N = np.tile([0, 1], 1000)
    read = {
        arm: np.where(rng.random((2, 5, 2000)) < 0.05 + more * hard_N, 1 - labels_N, labels_N)
        for arm, more in ((BASELINE, 0.2), ("both", 0.3))
    }
    own = {arm: read_CSN[0] for arm, read_CSN in read.items()}
    found, plain = (arm_on(labels_N, own, "both", (0, 1), 0.05, g) for g in (groups_N, None))
    item = verdict_of(
        labels_N, own[BASELINE], own["both"], cells=[(0, 1)], groups_N=groups_N
    ).collateral[0]  # fmt: skip
    assert (item.name, item.effect) == ("accuracy", found.change)
    assert plain.accuracy.high - plain.accuracy.low < found.accuracy.high - found.accuracy.low
    mean, alone = (arm_mean(labels_N, read, "both", 0.05, g) for g in (groups_N, None))
    for wide, narrow in zip(
        (mean.accuracy, mean.change, mean.corruption_error),
        (alone.accuracy, alone.change, alone.corruption_error),
        strict=True,
    ):
        assert wide.estimate == narrow.estimate
        assert wide.high - wide.low > narrow.high - narrow.low


def test_the_interval_of_a_ratio_holds_the_truth():
    held, truth = [], 1.25 / 2 + 0.8 / 2
    for replicate in range(200):
        rng = np.random.default_rng(replicate)
        hard_N = rng.beta(0.6, 4, 400)
        seed_S = np.exp(rng.normal(0, 0.15, (8, 1)))
        chance = np.stack([hard_N * seed_S * factor for factor in (0.5, 0.7)])
        before = rng.random(chance.shape) < chance
        after = rng.random(chance.shape) < chance * np.array([1.25, 0.8])[:, None, None]
        found = mean_ratio(after, before)
        held.append(found.low < truth < found.high)
    assert 0.91 <= np.mean(held) <= 0.99


def test_a_ratio_to_nothing_is_none():
    none = np.zeros((2, 3, 5), bool)
    assert mean_ratio(~none, none) is None
    assert mean_over(np.ones((3, 5))) == (1, 1, 1, 1)


# --- a study's models -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corrupted(rehearsal, tmp_path_factory):
    """A study's models on all fifteen, by the command line."""
    out = tmp_path_factory.mktemp("corruptions")
    command = ["corruptions", "--trust", str(rehearsal), "--out", str(out), "--jobs", "1"]
    with pytest.MonkeyPatch.context() as patch:
        work_here(patch)
        done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    return rehearsal, out, done.output


def test_every_model_reads_every_corruption(corrupted):
    rehearsal, out, said = corrupted
    plan, here = load_plan(rehearsal), out / "mnist-c"
    readings = np.load(here / "readings.npz")
    parts = load_parts(plan.study.dataset, plan.study.sizes["confirm_size"])
    confirm, ids_N = parts.confirm, parts.confirm_ids_N
    names = readings["corruptions"].tolist()
    assert names == [spec.name for spec in mnist_c()]
    for arm in plan.policies:
        assert readings[f"{arm} corrupted"].shape == (15, len(plan.study.seeds), len(confirm))
        own = [RunFolder(rehearsal, arm, seed).predictions() for seed in plan.study.seeds]
        assert (readings[arm] == np.concatenate([one["predictions"] for one in own])).all()
    assert {path.name for path in here.glob("*.png")} == {"accuracy.png", "images.png"}
    assert "both: " in said
    assert "mean of the 15" in said
    assert "Exploratory: this is a smoke run" in said
    assert len(np.unique(ids_N)) == len(confirm) < 10_000


def model_of(folder, arm, seed):
    return stored_model(trainer, RunFolder(folder, arm, seed).stored_model())


def test_the_images_are_those_of_the_whole_test_set(corrupted):
    """A part of *confirm* is corrupted as it is within the whole, and each model reads that."""
    rehearsal, out, _ = corrupted
    ids_N = load_evidence(rehearsal).parts.confirm_ids_N
    images = corrupt(load_mnist()[1].images[: ids_N[299] + 1], parse_corruption("zigzag"))
    expected = model_of(rehearsal, "both", 42)(images[ids_N[:300]]).argmax(axis=1)
    path = RunFolder(out / "mnist-c", "both", 42).path / "predictions.npz"
    found = np.load(path)
    number = found["slice_names"].tolist().index("zigzag")
    assert (found[f"slice_{number}_predictions"][:300] == expected).all()


def test_each_corruption_is_a_slice_of_one_verdict(corrupted):
    rehearsal, out, _ = corrupted
    plan, found = load_plan(rehearsal), load_corruptions(out / "mnist-c")
    readings = np.load(out / "mnist-c" / "readings.npz")
    own = verdict_of(
        readings["labels"], readings["baseline"], readings["both"],
        cells=[plan.target], arm="both", margins=plan.study.judge.margins, class_names=range(10),
        slices=[
            View(name, readings["labels"], before, after)
            for name, before, after in zip(
                readings["corruptions"].tolist(), readings["baseline corrupted"],
                readings["both corrupted"], strict=True,
            )
        ],
    )  # fmt: skip
    verdict = found.verdicts["both"]
    assert verdict.verdict == own.verdict
    assert [item.status for item in verdict.collateral] == [i.status for i in own.collateral]
    assert verdict.exploratory
    items = found.items("both", "fog@5")
    assert len(items) == 12  # ten classes, the target and its reverse
    assert {item.name for item in items} >= {"fog@5 · 4", "fog@5 · 4→9", "fog@5 · 9→4"}


def test_the_numbers_are_those_of_the_readings(corrupted):
    rehearsal, out, _ = corrupted
    told = load_corruptions(out / "mnist-c").robustness
    confirm = load_evidence(rehearsal).confirm
    readings = np.load(out / "mnist-c" / "readings.npz")
    labels = readings["labels"]
    wrong = {arm: readings[f"{arm} corrupted"] != labels for arm in ("baseline", "both")}
    rate = {arm: own.mean(axis=(1, 2)) for arm, own in wrong.items()}
    assert list(told.rows) == [CLEAN, *told.corruptions]
    for number, name in enumerate(told.corruptions):
        row = told.rows[name]["both"]
        assert row.accuracy.mean == pytest.approx(1 - rate["both"][number])
        own = [readings[f"{arm} corrupted"][number] for arm in ("baseline", "both")]
        accuracy = verdict_of(labels, *own, cells=[(4, 9)], groups_N=confirm.groups_N).collateral[0]
        assert (accuracy.name, accuracy.effect) == ("accuracy", row.change)  # over writers too
        assert row.cell == (readings["both corrupted"][number][:, labels == 4] == 9).mean()
    clean = told.rows[CLEAN]["baseline"].accuracy.mean
    assert clean == pytest.approx((readings["baseline"] == labels).mean())
    mean = told.means["both"]
    assert mean.change.estimate == pytest.approx((rate["both"] - rate["baseline"]).mean())
    assert mean.change.low < mean.change.estimate < mean.change.high
    assert mean.corruption_error.estimate == pytest.approx((rate["both"] / rate["baseline"]).mean())
    assert told.means["baseline"].change is None


def made_up(n_arms):
    """Readings of three seeds and two corruptions that nobody made, and what is said of them."""
    rng = np.random.default_rng(0)
    arms = [BASELINE, *(f"treated-{n}" for n in range(1, n_arms))]
    labels_N = np.repeat([0, 1], 150)
    states = {
        name: {arm: np.where(rng.random((3, 300)) < 0.1, 1 - labels_N, labels_N) for arm in arms}
        for name in (CLEAN, "fog@5", "stripe")
    }
    read = {arm: np.stack([states["fog@5"][arm], states["stripe"][arm]]) for arm in arms}
    seeds = (1, 2, 3)
    verdicts = {
        arm: verdict_of(
            labels_N,
            states[CLEAN][BASELINE],
            states[CLEAN][arm],
            cells=[(0, 1)],
            arm=arm,
            slices=[
                View(name, labels_N, states[name][BASELINE], states[name][arm])
                for name in ("fog@5", "stripe")
            ],
        )
        for arm in arms[1:]
    }
    told = Robustness(
        study="made-up", smoke=False, exploratory="why", plan_sha256="", dataset_sha256=("", ""),
        corruptions=("fog@5", "stripe"), cell="0→1", n_images=300, n_class=150, seeds=seeds,
        alpha=0.05,
        rows={
            name: {arm: arm_on(labels_N, own, arm, (0, 1), 0.05) for arm in arms}
            for name, own in states.items()
        },
        means={arm: arm_mean(labels_N, read, arm, 0.05) for arm in arms},
    )  # fmt: skip
    outcome = StudyVerdict(
        study="made-up", smoke=False, exploratory="made up", plan_sha256="", seeds=seeds,
        arms=verdicts,
    )  # fmt: skip
    return Corruptions(Path(), told, outcome)


@pytest.mark.parametrize("n_arms", [3, 9])
def test_the_figure_draws_every_arm(n_arms):
    figure = corruption_figure(made_up(n_arms))
    written = {text.get_text() for text in figure.texts}
    written |= {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {BASELINE, *(f"treated-{n}" for n in range(1, n_arms))} <= written
    points = [
        [(line.get_color(), line.get_marker()) for line in axes.lines if len(line.get_xdata()) == 1]
        for axes in figure.axes
        if axes.get_xlabel().startswith("accuracy")
    ]
    assert len(points[0]) == 4 * n_arms  # clean, two corruptions and their mean
    assert len(set(points[0])) == n_arms


def test_what_was_read_stays_and_what_was_lost_comes_back(corrupted, monkeypatch):
    rehearsal, out, _ = corrupted
    before = {p: p.stat().st_mtime_ns for p in out.glob("*/arms/*/*/predictions.npz")}
    verdict = (out / "mnist-c" / "verdict.json").read_bytes()
    lost = RunFolder(out / "mnist-c", "both", 42).path / "predictions.npz"
    content = lost.read_bytes()
    lost.unlink()
    work_here(monkeypatch)
    told = []
    run_corruptions(
        rehearsal, out, calls=Calls(view=lambda one, n: told.append((one.model.arm, n)))
    )
    assert lost.read_bytes() == content
    assert (out / "mnist-c" / "verdict.json").read_bytes() == verdict
    assert all(p.stat().st_mtime_ns == t for p, t in before.items() if p != lost)
    assert told == [("both", n) for n in range(1, 16)]


def test_json(corrupted):
    rehearsal, out, _ = corrupted
    command = ["corruptions", "--trust", str(rehearsal), "--out", str(out), "--json"]
    told = json.loads(CliRunner().invoke(main, command).stdout)
    assert set(told["verdict"]["arms"]) == set(load_plan(rehearsal).study.treated_arms)
    assert told["rows"]["fog@5"]["both"]["accuracy"]["per_seed"]


# --- planned in a study ---------------------------------------------------------------------------

PLANNED = """
title = "Fours under corruptions"
recipe = "quick"
seeds = [1, 2]
target = "4:9"
corruptions = ["stripe", "scale@1"]
[policy]
name = "documented"
true = ["dilate"]
predicted = ["erode"]
probability = 0.4
size_px = [1, 2]
"""


@pytest.mark.usefixtures("no_figures")
def test_planned_corruptions_gate_the_verdict(tmp_path, monkeypatch):
    work_here(monkeypatch)
    (tmp_path / "planned.toml").write_text(f'trainer = {{call = "{CALL}"}}\n{PLANNED}')
    out = tmp_path / "out"
    run_study(load_study(str(tmp_path / "planned.toml"), smoke=True), out)
    conclude(out)
    plan = load_plan(out)
    assert plan.study.corruptions == ("stripe", "scale@1")
    verdict = read_json(out / "verdict.json")["arms"]["documented"]
    sliced = {item["slice_name"] for item in verdict["collateral"] if item["slice_name"]}
    assert sliced == {"dilate 2 px", "erode 2 px", "stripe", "scale@1"}
    # What the models read is the same as if it were read afterwards.
    parts = load_parts(plan.study.dataset, plan.study.sizes["confirm_size"])
    confirm, ids_N = parts.confirm, parts.confirm_ids_N
    fours_N = confirm.labels_N == 4
    ids = ids_N[fours_N]
    images = corrupt(load_mnist()[1].images[ids], parse_corruption("stripe"), ids)
    for side, arm in (("before", "baseline"), ("after", "documented")):
        models = [model_of(out, arm, seed) for seed in plan.study.seeds]
        wrong = [model(images).argmax(axis=1) != 4 for model in models]
        (item,) = (item for item in verdict["collateral"] if item["name"] == "stripe · 4")
        assert item[side] == pytest.approx(np.mean(wrong))
    assert CliRunner().invoke(main, ["report", str(out)]).exit_code == 0


def planned(tmp_path, value):
    path = tmp_path / "planned.toml"
    path.write_text(PLANNED.replace('["stripe", "scale@1"]', value))
    return load_study(str(path))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('["frost"]', "there is no corruption 'frost'; choose one of shot_noise"),
        ('["fog", "fog@5"]', "corruptions are fog@5, fog@5, but each may be named once"),
        ('"fog"', """corruptions is 'fog'; write it as in ["fog", "spatter@2"]."""),
    ],
)
def test_corruptions_that_cannot_be_planned(tmp_path, value, told):
    with pytest.raises(StudyError) as refusal:
        planned(tmp_path, value)
    assert told in str(refusal.value)


def test_a_plan_without_corruptions_keeps_its_hash(rehearsal, tmp_path):
    stored = read_json(rehearsal / "plan.json")
    stored["plan"]["study"].pop("corruptions", None)  # as it was written before there were any
    write_json(tmp_path / "plan.json", stored)
    plan = load_plan(tmp_path)
    assert plan.sha256 == stored["sha256"]
    assert plan.question_sha256 == stored["question_sha256"]
    asked = plan.model_copy(
        update={"study": plan.study.model_copy(update={"corruptions": ("fog@5",)})}
    )
    assert asked.sha256 != plan.sha256
    assert asked.question_sha256 != plan.question_sha256


# --- what the docs say ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(project):
    return json.loads((project / "docs/results/corruptions/corruptions.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def page(project):
    return (project / "docs/results/corruptions.md").read_text("utf-8")


def table(page, heading):
    part = page.partition(f"# {heading}\n")[2].partition("\n#")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    cells = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {first: rest for first, *rest in cells}


def test_the_page_says_what_the_stored_numbers_give(told, page):
    accuracy = table(page, "Accuracy")
    assert list(accuracy) == [*told["rows"], "mean of the 15"]
    for name, row in told["rows"].items():
        for cell, own in zip(accuracy[name], row.values(), strict=True):
            mean = np.mean(own["accuracy"]["per_seed"])
            assert cell.startswith(f"{100 * mean:.1f}% (")
    for arm, judged in told["judged"].items():
        rows = table(page, arm)
        for name in told["corruptions"]:
            before, after = told["rows"][name]["baseline"], told["rows"][name][arm]
            harmed = [
                item for full, item in judged["items"].items()
                if full.startswith(f"{name} · ") and item["status"] == "harmed"
            ]  # fmt: skip
            seeds = [np.mean(own["accuracy"]["per_seed"]) for own in (before, after)]
            assert rows[name][0] == " → ".join(f"{100 * mean:.2f}" for mean in seeds)
            assert rows[name][2] == " → ".join(
                f"{100 * own['cell']:.2f}" for own in (before, after)
            )
            assert rows[name][3] == f"{len(harmed)}/12"
        n_harmed = sum(item["status"] == "harmed" for item in judged["items"].values())
        assert len(judged["items"]) == 180
        assert (f"**{arm} breaks {n_harmed} of 180 things**" in page) == bool(n_harmed)


def test_the_mean_corruption_error_is_that_of_the_stored_numbers(told, page):
    corrupted = [told["rows"][name] for name in told["corruptions"]]
    for arm in told["judged"]:
        wrong = [[1 - row[a]["accuracy"]["mean"] for row in corrupted] for a in (arm, "baseline")]
        ratio = np.mean(np.divide(*wrong))
        assert ratio == pytest.approx(told["means"][arm]["corruption_error"][0])
        (line,) = (line for line in page.splitlines() if line.startswith(f"| {arm} | "))
        assert f"| {100 * ratio:.1f}% (" in line


def test_the_docs_name_every_corruption_with_its_parameters(project):
    rows = table((project / "docs/corruptions.md").read_text("utf-8"), "The fifteen")
    assert [name.strip("`") for name in rows] == list(CORRUPTIONS)
    for name, (_, severities, severity) in rows.items():
        found = CORRUPTIONS[name.strip("`")]
        if len(found.parameters) == 1:
            assert (severities, severity) == ("", "")
            continue
        assert int(severity) == found.severity
        written = [float(number) for number in re.findall(r"[\d.]+", severities)]
        assert written == np.ravel(found.parameters).tolist()


def refused(*arguments):
    done = CliRunner().invoke(main, ["corruptions", "--trust", *map(str, arguments)])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2
    return done.output.strip()


def test_refusals(corrupted, tmp_path):
    rehearsal, _, _ = corrupted
    assert "is no folder of a finished study" in refused(tmp_path)
    assert "6 is not in the range 1<=x<=5" in refused(rehearsal, "--severity", "6")
    with pytest.raises(StudyError, match="there is no severity 0; choose one from 1 to 5"):
        run_corruptions(rehearsal, tmp_path, 0)
    mixed = tmp_path / "severity-3"
    mixed.mkdir()
    write_json(mixed / "source.json", {"source_sha256": ["a", "b"], "plan_sha256": "c"})
    assert "holds readings of other data" in refused(rehearsal, "--severity", 3, "--out", tmp_path)
    bare = tmp_path / "bare"
    shutil.copytree(rehearsal, bare)
    shutil.rmtree(RunFolder(bare, "both", 42).path / "model")
    assert "holds no model; finish the study first" in refused(bare, "--jobs", 1)
    with pytest.raises(StoreError, match="does not exist"):
        load_corruptions(tmp_path)
    old = read_json(corrupted[1] / "mnist-c" / "corruptions.json")
    write_json(tmp_path / "old" / "corruptions.json", old | {"rows": 3})
    with pytest.raises(StoreError, match="is of another version; run `misread corruptions` again"):
        load_corruptions(tmp_path / "old")
