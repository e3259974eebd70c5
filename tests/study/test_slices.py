"""Slices by shape and by writer: what is measured, what the judge says of it, and what is shown."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from made_up import changed, made_up
from misread.cli import main
from misread.data.mnist import WRITERS, load_mnist
from misread.errors import JudgeError
from misread.files import read_json
from misread.images.operations import dilate, erode
from misread.images.shape import MEASURES, shapes, stroke_thickness_px
from misread.judge import benjamini_hochberg, two_way
from misread.judge.permutation import concentration, explanations
from misread.judge.strata import quantile_strata, rates_by_stratum
from misread.seeds import derive
from misread.show import slices as told
from misread.show.figures.shape import shape_figure
from misread.show.figures.writers import writers_figure
from misread.show.report import report_html
from misread.show.style import png
from misread.show.table import markdown_table
from misread.study.arms import BASELINE
from misread.study.plan import load_plan
from misread.study.slices import slice_up

# --- shape ----------------------------------------------------------------------------------------


def stroke(angle_deg=0.0, width=4, height=18):
    """A bar that leans to the right by so many degrees, `uint8 [1,28,28]`, drawn large."""
    scale = 16
    lean = np.tan(np.radians(angle_deg)) * height / 2
    middle, half = 14.0, width / 2
    corners = [
        (middle + lean - half, 14 - height / 2),
        (middle + lean + half, 14 - height / 2),
        (middle - lean + half, 14 + height / 2),
        (middle - lean - half, 14 + height / 2),
    ]
    large = np.zeros((28 * scale, 28 * scale), np.uint8)
    cv2.fillPoly(large, [np.round(np.array(corners) * scale).astype(np.int32)], 255)
    return cv2.resize(large, (28, 28), interpolation=cv2.INTER_AREA)[np.newaxis]


def sheared(images, angle_deg):
    move = np.array([[1, -np.tan(np.radians(angle_deg)), 0], [0, 1, 0]])
    move[0, 2] = -move[0, 1] * 13.5
    return np.stack([cv2.warpAffine(image, move, (28, 28)) for image in images])


@pytest.mark.parametrize("angle_deg", [-30, -10, 0, 20, 35])
def test_slant_size_and_thickness_of_a_drawn_stroke(angle_deg):
    found = {name: own_N[0] for name, own_N in shapes(stroke(angle_deg)).items()}
    assert found["slant_deg"] == pytest.approx(angle_deg, abs=1)
    assert found["height_px"] == pytest.approx(18, abs=0.7)
    assert 4 < found["width_px"] < 5, "stood upright; edges between pixels blur by half a pixel"
    assert found["area_px"] == pytest.approx(4 * 18, rel=0.04)
    thickness = 4 * np.cos(np.radians(angle_deg))
    assert found["thickness_px"] == pytest.approx(thickness, abs=0.6)
    assert 12 < found["length_px"] < 25


def test_a_row_of_ink_leans_nowhere():
    image = np.zeros((64, 64), np.uint8)
    image[32, 3:61], image[32, 1:5] = 130, 65  # its vertical spread is rounding alone
    found = {name: own_N[0] for name, own_N in shapes(image[np.newaxis]).items()}
    assert found["slant_deg"] == 0
    assert found["width_px"] == pytest.approx(58, abs=2)


def test_real_digits_lie_in_plausible_ranges_and_follow_what_is_done_to_them():
    images = load_mnist()[1].images[:300]
    found, thick, leaning = (
        {name: np.median(own_N) for name, own_N in shapes(each).items()}
        for each in (images, dilate(images, 2), sheared(images, 20))
    )
    assert 1.5 < found["thickness_px"] < 3
    assert 0 < found["slant_deg"] < 12  # right-handed people
    assert 60 < found["area_px"] < 150
    assert 25 < found["length_px"] < 60
    assert 18 < found["height_px"] <= 20
    assert 9 < found["width_px"] < 20
    assert thick["thickness_px"] == pytest.approx(found["thickness_px"] + 1, abs=0.4)
    assert leaning["slant_deg"] == pytest.approx(found["slant_deg"] + 20, abs=4)
    assert leaning["width_px"] == pytest.approx(found["width_px"], abs=0.7)


def test_an_empty_image_has_no_shape_and_of_colours_the_brightest_counts():
    empty = np.zeros((2, 28, 28), np.uint8)
    empty[1] = stroke()[0]
    measured = shapes(empty)
    assert set(measured) == set(MEASURES)
    assert all(np.isnan(own_N[0]) and not np.isnan(own_N[1]) for own_N in measured.values())
    colour = np.zeros((2, 28, 28, 3), np.uint8)
    colour[..., 1] = empty
    for name, own_N in shapes(colour).items():
        np.testing.assert_array_equal(own_N, measured[name])
    np.testing.assert_array_equal(stroke_thickness_px(empty)[1], measured["thickness_px"][1])
    assert all(own_N.size == 0 for own_N in shapes(empty[:0]).values())


# --- strata ---------------------------------------------------------------------------------------


def test_fifths_are_those_of_the_own_class():
    rng = derive(0, "fifths")
    labels_N = np.repeat([0, 1], 50)
    values_N = rng.random(100) + 100 * labels_N
    values_N[3] = np.nan
    stratum_N = quantile_strata(values_N, labels_N)
    assert stratum_N[3] == -1
    for label in (0, 1):
        counts = np.bincount(stratum_N[(labels_N == label) & (stratum_N >= 0)])
        assert counts.tolist() in ([10] * 5, [10, 10, 9, 10, 10])
    order = np.argsort(values_N[50:])
    assert (np.diff(stratum_N[50:][order]) >= 0).all()
    assert set(quantile_strata(np.full(9, 2.0), np.zeros(9, int)).tolist()) == {0}, "ties together"
    with pytest.raises(JudgeError, match="two strata or more"):
        quantile_strata(values_N, labels_N, 1)


def test_rates_and_changes_are_the_judges():
    rng = derive(0, "rates")
    strata = {name: rng.integers(-1, 3, 400) for name in ("a", "b")}
    wrong = {arm: rng.random((6, 400)) < rate for arm, rate in (("base", 0.1), ("fix", 0.04))}
    found = rates_by_stratum(strata, wrong)
    p_values, q_values = [], []
    for name, stratum_N in strata.items():
        assert [each.stratum for each in found[name]] == [0, 1, 2]
        for each in found[name]:
            own = stratum_N == each.stratum
            base, fix = each.arms
            assert each.n_images == own.sum()
            assert fix.rate == pytest.approx(wrong["fix"][:, own].mean())
            assert 0 <= fix.low < fix.rate < fix.high
            assert base.change is None
            effect = two_way(wrong["fix"][:, own].astype(int) - wrong["base"][:, own])
            assert fix.change == effect
            p_values.append(effect.p_value)
            q_values.append(fix.q_value)
    assert q_values == benjamini_hochberg(p_values), "over all strata of all measures"


def test_an_arm_with_fewer_seeds_is_held_against_the_first_ones():
    rng = derive(0, "fewer")
    base = rng.random((8, 60)) < 0.3
    fewer = rng.random((5, 60)) < 0.2
    (found,) = rates_by_stratum({"all": np.zeros(60, int)}, {"base": base, "fix": fewer})["all"]
    assert found.arms[1].change == two_way(fewer.astype(int) - base[:5])
    with pytest.raises(JudgeError, match=r"all has shape \(59,\) and 60 images were read"):
        rates_by_stratum({"all": np.zeros(59, int)}, {"base": base})
    with pytest.raises(JudgeError, match=r"after has readings \(4, 60\) and before \(3, 60\)"):
        rates_by_stratum(
            {"all": np.zeros(60, int)},
            {"before": np.zeros((3, 60), bool), "after": np.zeros((4, 60), bool)},
        )


def test_a_planted_cause_is_found_and_ranked_first():
    rng = derive(0, "planted")
    strata = {name: quantile_strata(rng.random(500), np.zeros(500, int)) for name in "abc"}
    rate_N = np.where(strata["b"] == 3, 0.2, 0.01)
    first, *others = explanations(strata, rng.random((10, 500)) < rate_N, derive(1, "draws"))
    assert (first.measure, first.stratum, first.n_images) == ("b", 3, 100)
    assert first.p_value == 1 / 5000
    assert first.share > 0.7 > first.chance > first.size == 0.2
    assert all(each.p_value > 0.01 and each.q_value >= each.p_value for each in others)
    assert explanations(strata, np.zeros((3, 500), bool), derive(1, "draws")) == ()


def null_p_values(n_studies, *, by_block, told_of_blocks):
    """p-values where nothing explains anything; shape and errors may both hang on the writer."""
    rng = derive(3, "null")
    p_values = []
    for _ in range(n_studies):
        blocks_N = np.repeat(np.arange(60), 5)
        of_writer = (rng.random(60)[blocks_N], rng.random(60)[blocks_N] < 0.1)
        value_N = of_writer[0] if by_block else rng.random(300)
        hard_N = of_writer[1] if by_block else rng.random(300) < 0.1
        wrong_SN = hard_N & (rng.random((5, 300)) < 0.7)
        strata = {"shape": quantile_strata(value_N, np.zeros(300, int))}
        blocks = blocks_N if told_of_blocks else None
        (found,) = explanations(strata, wrong_SN, rng, blocks_N=blocks, n_draws=199)
        p_values.append(found.p_value)
    return np.array(p_values)


@pytest.mark.parametrize("by_block", [False, True])
def test_where_nothing_explains_p_is_small_as_rarely_as_it_says(by_block):
    p_values = null_p_values(300, by_block=by_block, told_of_blocks=by_block)
    assert (p_values <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert 0.35 < p_values.mean() < 0.65


def test_writers_that_are_not_told_make_p_too_small():
    """Why whole writers swap: their images are alike in shape and in being misread."""
    assert (null_p_values(60, by_block=True, told_of_blocks=False) <= 0.05).mean() > 0.25


def test_errors_in_few_groups_are_told_from_groups_with_many_images():
    rng = derive(0, "few")
    groups_N = np.repeat(np.arange(90), np.r_[[60] * 10, [5] * 80])  # ten wrote most
    by_chance = concentration(groups_N, rng.random((4, 1000)) < 0.03, rng, n_draws=499)
    assert by_chance.n_groups == 90
    assert by_chance.half_low <= by_chance.half <= by_chance.half_high
    assert by_chance.p_value > 0.05
    few = np.isin(groups_N, [20, 30, 40]) & (rng.random((4, 1000)) < 0.9)
    found = concentration(groups_N, few, rng, n_draws=499)
    assert (found.half, found.n_with_errors, set(found.top)) == (2, 3, {20, 30, 40})
    assert found.half_chance > 4
    assert found.with_p == 1 / 500
    assert found.p_value <= 0.02
    assert found.share_K[-1] == pytest.approx(1)
    assert concentration(groups_N, np.zeros((4, 1000), bool), rng) is None


# --- a study --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def thin():
    """Made-up evidence: every arm errs now and then, `documented` reads the thinnest fours as 9."""
    evidence = made_up(5, ("documented", "both"))
    values = shapes(evidence.confirm.images)
    labels_N = evidence.confirm.labels_N
    thinnest = np.flatnonzero(
        (quantile_strata(values["thickness_px"], labels_N) == 0) & (labels_N == 4)
    )
    read = {arm: own_SN.copy() for arm, own_SN in evidence.predictions.items()}
    read["documented"][:, thinnest] = 9
    return changed(evidence, read)


def test_what_an_arm_does_to_thin_strokes_shows_in_its_slices(thin):
    sliced = thin.sliced
    assert sliced.arms == (BASELINE, "documented", "both")
    best = sliced.explained["documented"][0]
    assert (best.measure, best.stratum) == ("thickness_px", 0)
    assert best.q_value < 0.05
    assert "thinnest fifth of class 4 holds" in told.explained_sentence(sliced, "documented")
    assert told.explained_sentence(sliced).startswith("No measure of shape is shown to explain 4→9")
    held = told.changes(sliced, lambda slices: slices.cell)
    assert ("documented", "thinnest fifth") in {(each.arm, each.place) for each in held}
    assert all(each.arm == "documented" for each in held)
    assert "thinnest fifth in arm documented" in told.changes_sentence(sliced)
    rows = {row[0]: row for row in told.rates_table(sliced, "thickness_px").rows}
    assert rows["documented"][1].startswith("100%")


def test_kinds_of_writers_are_those_of_nist(thin, shared_data):
    import gzip

    with gzip.open(shared_data / "mnist-meta" / "qmnist-test-labels.tsv.gz", "rt") as file:
        series_N, writer_N = np.loadtxt(file, int, usecols=(1, 2), max_rows=10_000).T
    assert set(series_N) == {0, 4}
    students = WRITERS["high-school students"]
    assert np.array_equal(series_N == 4, (writer_N >= students.start) & (writer_N < students.stop))
    assert np.array_equal(writer_N, load_mnist()[1].groups_N)
    written = thin.sliced.written
    assert written.groups == ("employees", "high-school students")
    is_student_N = thin.confirm.groups_N >= 2100
    assert [each.n_images for each in written.all] == [(~is_student_N).sum(), is_student_N.sum()]
    wrong_SN = thin.predictions[BASELINE] != thin.confirm.labels_N
    assert written.all[1].arms[0].rate == pytest.approx(wrong_SN[:, is_student_N].mean())


def test_the_writers_of_the_target_are_named_with_their_images(thin):
    first = thin.sliced.written.writers[0]
    own = np.flatnonzero((thin.confirm.groups_N == first.writer) & (thin.confirm.labels_N == 4))
    hit_SM = thin.predictions[BASELINE][:, own] == 9
    assert first.n_images == own.size
    assert first.errors_per_seed == pytest.approx(hit_SM.sum() / 5)
    assert set(first.images) == set(own[hit_SM.any(axis=0)].tolist())


@pytest.mark.parametrize("n_groups", [0, 3, 40])
def test_other_data_name_few_groups_many_or_none(thin, n_groups):
    groups_N = np.arange(len(thin.confirm)) % n_groups if n_groups else None
    confirm = replace(thin.confirm, name="other", groups_N=groups_N, group_kinds={})
    sliced = slice_up(confirm, thin.predictions, (4, 9))
    if not n_groups:
        assert sliced.written is None
        assert told.writers_sentence(sliced) == "This dataset names no writers"
    else:
        named = tuple(f"group {k}" for k in range(3)) if n_groups == 3 else ()
        assert sliced.written.groups == named
        assert len(sliced.written.cell) == len(named)
        of_fours = np.unique(groups_N[confirm.labels_N == 4]).size
        assert sliced.written.cell_concentration.n_groups == of_fours
    assert png(writers_figure(sliced, confirm.images, ""))
    assert png(shape_figure(sliced, confirm.images, ""))


def test_a_confusion_that_never_happens_is_said_in_words(thin):
    sliced = slice_up(thin.confirm, thin.predictions, (0, 1))
    assert told.explained_sentence(sliced) == "baseline makes no error 0→1"
    assert told.explained_table(sliced).rows == ()
    assert png(shape_figure(sliced, thin.confirm.images, ""))
    assert png(writers_figure(sliced, thin.confirm.images, ""))


def test_the_same_readings_give_the_same_slices(thin):
    again = slice_up(thin.confirm, thin.predictions, thin.plan.target)
    assert again == thin.sliced


@pytest.mark.usefixtures("few_figures")
def test_the_report_says_that_slices_are_in_no_plan(thin):
    page = report_html(thin)
    section = page.partition('<section id="slices"')[2].partition("</section>")[0]
    assert "slices by shape and by writer are in no plan" in section
    assert "thinnest fifth in arm documented" in section
    assert "high-school students" in section
    assert "Rate of 4→9 in fifths" in section
    assert "interval over seeds, writers and images" in section
    assert "interval over seeds and images" not in section
    assert section.count("<svg role=") == 2


# --- the command ----------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner(env={"COLUMNS": "80"}).invoke(main, ["slices", *map(str, arguments)])


@pytest.mark.usefixtures("few_figures")
def test_a_finished_folder_of_old_gets_its_slices(rehearsal, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(rehearsal, old)
    (old / "slices.json").unlink()
    done = CliRunner().invoke(main, ["report", str(old)])
    assert done.exit_code == 0, done.output
    assert (old / "slices.json").read_bytes() == (rehearsal / "slices.json").read_bytes()
    for name in ("shape", "writers"):
        assert (old / "figures" / f"{name}.png").exists()
    kept = read_json(old / "slices.json")
    assert kept["plan_sha256"] == load_plan(old).sha256
    assert kept["smoke"]
    assert kept["exploratory"]


def test_the_command_tells_json_and_draws(rehearsal, tmp_path):
    done = run(rehearsal, "--figures", tmp_path / "drawn", "--by", "slant", "--arm", "both")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Exploratory: ")
    assert "by slant" in done.stdout
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {"shape.png", "writers.png"}
    kept = read_json(rehearsal / "slices.json")
    assert json.loads(run(rehearsal, "--json").stdout) == kept
    other = json.loads(run(rehearsal, "--cell", "2:7", "--json").stdout)
    assert other["cell"] == [2, 7]


def test_what_nobody_misreads_has_no_empty_table(rehearsal):
    told = run(rehearsal, "--cell", "0:1").stdout
    assert "baseline makes no error 0→1." in told
    assert "Which slice explains" not in told


def test_refusals(rehearsal, tmp_path):
    for arguments, message in (
        ((tmp_path,), "is no folder of a finished study"),
        ((rehearsal, "--by", "beauty"), "--by is 'beauty'; allowed are thickness, slant, area"),
        ((rehearsal, "--arm", "x"), "there is no arm 'x'"),
        ((rehearsal, "--cell", "4:4"), "4:4"),
    ):
        done = run(*arguments)
        assert isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == 2
        assert message in done.output
        assert len(done.output.strip().splitlines()) == 1


# --- what the docs say ----------------------------------------------------------------------------


def test_the_page_says_what_the_stored_readings_give(project):
    page = (project / "docs/results/four-nine.md").read_text("utf-8")
    own = page.partition("## Which images")[2].partition("\n## ")[0]
    kept = np.load(project / "docs/results/four-nine-readings.npz")
    arms = [BASELINE, "documented", "one-sided", "swapped", "both"]
    confirm = load_mnist()[1]
    sliced = slice_up(confirm, {arm: kept[arm] for arm in arms}, (4, 9))
    for table in (
        told.explained_table(sliced),
        told.rates_table(sliced, "thickness_px"),
        told.writers_table(sliced),
    ):
        for row in markdown_table(table).splitlines()[2:]:
            assert row in own
    for sentence in (told.explained_sentence(sliced), *told.concentration_sentences(sliced)):
        assert sentence in own


def test_what_the_page_says_of_thin_fours_is_true_of_the_images(project):
    page = " ".join((project / "docs/slices.md").read_text("utf-8").split())
    confirm = load_mnist()[1]
    images = confirm.images[confirm.labels_N == 4]
    natural, thinned = (stroke_thickness_px(some) for some in (images, erode(images, 2)))
    limit = np.median(thinned)
    few = np.flatnonzero(confirm.labels_N == 4)[natural <= limit]
    said = (
        f"is {np.median(natural):.2f} px thick; thinned by 2 px, as in the counter-slice, it is "
        f"{limit:.2f} px. Of {len(images)} clean images {few.size} are as thin as that"
    )
    assert said in page
    kept = np.load(project / "docs/results/four-nine-readings.npz")
    assert not any((kept[arm][:, few] == 9).any() for arm in ("baseline", "documented"))


def test_images_of_one_writer_count_once_in_a_stratum():
    """Five copies of each image, as of one writer, tell no more than the images did."""
    rng = np.random.default_rng(5)
    once = {arm: rng.random((6, 80)) < share for arm, share in (("base", 0.2), ("fix", 0.1))}
    five = {arm: np.repeat(wrong_SN, 5, axis=1) for arm, wrong_SN in once.items()}
    half_N = (np.arange(80) >= 40).astype(int)
    plain = rates_by_stratum({"half": half_N}, once)["half"]
    copied = {"half": np.repeat(half_N, 5)}
    with_writers = rates_by_stratum(copied, five, groups_N=np.repeat(np.arange(80), 5))["half"]
    without = rates_by_stratum(copied, five)["half"]
    for one, same, narrow in zip(plain, with_writers, without, strict=True):
        for a, b, c in zip(one.arms, same.arms, narrow.arms, strict=True):
            assert (b.low, b.high) == pytest.approx((a.low, a.high))
            assert c.high < a.high
        assert same.arms[1].change.p_value == pytest.approx(one.arms[1].change.p_value)


def test_columns_of_a_table_are_looked_through(rehearsal, tmp_path):
    run_folder = next((rehearsal / "arms/baseline").glob("seed_*"))
    n_images = len(np.load(run_folder / "predictions.npz")["labels"])
    rows = ["dark" if image % 2 else "light" for image in range(n_images)]
    table = tmp_path / "images.csv"
    table.write_text("\n".join(["light", *rows]), "utf-8")
    done = run(rehearsal, "--metadata", table, "--arm", "both", "--json")
    assert done.exit_code == 0, done.stderr
    assert [one["column"] for one in json.loads(done.stdout)["metadata"]] == ["light"]
    refused = run(rehearsal, "--metadata", tmp_path / "nothing.csv")
    assert refused.exit_code == 2
    assert "nothing.csv" in refused.stderr
