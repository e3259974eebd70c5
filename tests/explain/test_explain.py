"""Maps that find what was planted, changes that are more than noise, loops that open and close."""

import re
import shutil
from itertools import product

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.data.mnist import load_mnist
from misread.explain.loop import DEGREES, by_degrees, closed, opened
from misread.explain.maps import Method, integrated, maps_of, margin, occlusion
from misread.explain.noise import likeness, map_change
from misread.files import read_json
from misread.images.loops import loop_counts
from misread.show.study_figures import Drawn, why_figures
from misread.study.evidence import load_evidence
from misread.study.explain import _Answer, _Edited, _falls
from standin import nearest_mean

CELL = (4, 9)


@pytest.fixture(scope="module")
def test_set():
    return load_mnist()[1]


def of_class(test_set, label, n):
    return test_set.images[test_set.labels_N == label][:n]


def shortcut(images):
    """Read a 4 where the corner is bright, whatever else is there."""
    bright_N = images[:, 0, 0] > 128
    probs = np.full((len(images), 10), 0.01, np.float32)
    probs[bright_N, 4] = 0.9
    probs[~bright_N, 9] = 0.9
    return probs


def test_a_planted_corner_is_where_the_map_points(test_set):
    images = of_class(test_set, 4, 5).copy()
    images[:, :2, :2] = 255
    corners = set()

    def reads(shown):
        corners.update(shown[:, 0, 0].tolist())
        return shortcut(shown)

    found = occlusion(reads, images, CELL)
    assert corners == {0, 255}  # what is covered is empty
    assert (found[:, 0, 0] > 0).all()
    assert (found[:, 0, 0] == found.max(axis=(1, 2))).all()
    assert not found[:, 10:, 10:].any()


def test_a_change_of_maps_that_is_planted_is_found_and_stands_where_it_is():
    rng = np.random.default_rng(3)
    before = rng.normal(size=(8, 3, 12, 12))
    after = before + rng.normal(size=before.shape) * 0.5
    after[:, 1, 4:7, 4:7] += 3
    change = map_change(before, after)
    assert change.p_N[1] <= 0.05
    assert change.p_N[[0, 2]].min() > 0.05
    assert change.holds_NHW[1, 4:7, 4:7].all()
    assert change.holds_NHW.sum() <= 10


def null_pair(rng, n_seeds):
    """Return maps of two arms that differ by nothing but their seeds."""
    scale = rng.gamma(1, 1, (1, 4, 9, 9))  # pixels are unlike, and neighbours move together
    return rng.normal(size=(2, n_seeds, 4, 9, 9)) * scale + rng.normal(size=(2, n_seeds, 1, 1, 1))


def test_of_200_null_pairs_at_most_five_percent_show_anything():
    rng = np.random.default_rng(11)
    shown = sum(map_change(*null_pair(rng, 7)).holds_NHW.any() for _ in range(200))
    assert shown <= 10  # `experiments/null_maps.py` counts 4,000 of them, and pairs of real models


@pytest.mark.parametrize(("n_seeds", "most"), [(6, 2), (7, 6)])
def test_of_all_exchanges_of_two_arms_at_most_five_percent_show_anything(n_seeds, most):
    """Under the null all are as likely, so this is the level itself, without chance."""
    for root in range(2):
        before, after = null_pair(np.random.default_rng(root), n_seeds)
        after[:, 2, 3:5, 3:5] += root  # one pair has an effect
        shown = 0
        for flips in product((False, True), repeat=n_seeds):
            flip_SNHW = np.array(flips)[:, None, None, None]
            one, other = (
                np.where(flip_SNHW, after, before), np.where(flip_SNHW, before, after)
            )  # fmt: skip
            change = map_change(one, other)
            shown += bool(change.holds_NHW.any())
            assert change.holds_NHW.any() == (change.p_N.min() <= 0.05)
        assert shown == most <= 0.05 * 2**n_seeds


def test_a_surer_model_and_one_that_favours_a_class_rely_on_nothing_more():
    edits = [_Edited("top closed", 4, None, [0, 1]), _Edited("loop opened", 9, None, [2, 3])]
    lead_DM = [np.array([[5.0, 3], [1, 0]]), np.array([[6.0, 4], [2, -1]])]

    def falls(size, shift):
        leads = [size * lead_DM[0] + shift, size * lead_DM[1] - shift]
        return _falls([_Answer(None, leads, [])], edits)

    for before, after in zip(falls(1, 0), falls(3, 0.5), strict=True):
        assert np.allclose(before, after)
    assert falls(1, 0)[0] == pytest.approx(np.array([[4, 3]]) / 4.5)


def test_with_five_pairs_nothing_is_said():
    change = map_change(np.zeros((5, 1, 4, 4)), np.ones((5, 1, 4, 4)))
    assert not change.can_tell
    assert not change.holds_NHW.any()
    assert (change.mean_NHW == 1).all()


def test_likeness_is_one_for_the_same_map_and_small_for_another():
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(2, 4, 20, 20))
    assert likeness(one, one) == pytest.approx(1)
    assert abs(likeness(one, other)) < 0.1


def test_a_top_closes_by_degrees_and_a_loop_opens(test_set):
    fours, kept = by_degrees(of_class(test_set, 4, 300), closed)
    assert len(kept) > 200
    loops = [loop_counts(step) for step in fours]
    assert loops[0].mean() < 0.1
    assert (loops[-1] >= loops[0] + 0).all()
    assert (loops[-1] > loops[0]).mean() > 0.9
    grown = [int((step > 128).sum()) for step in fours]
    assert grown == sorted(grown)
    nines, kept = by_degrees(of_class(test_set, 9, 300), opened)
    assert len(kept) > 200
    assert (loop_counts(nines[-1]) < loop_counts(nines[0])).mean() > 0.95
    assert all((step <= nines[0]).all() for step in nines)
    assert len(DEGREES) == len(nines)


def test_what_cannot_be_edited_is_left_out(test_set):
    ones = of_class(test_set, 1, 50)
    assert sum(opened(image, 1.0) is None for image in ones) > 45
    assert closed(np.zeros((28, 28), np.uint8), 1.0) is None


def test_gradients_are_those_of_finite_differences_and_add_up(test_set, trainer):
    from misread.learn.models import build
    from misread.learn.recipe import RECIPES

    reader = trainer.KerasReader(build(RECIPES["quick"], (28, 28, 1), 10, 3))
    images = of_class(test_set, 4, 2)
    pixels = images / 255.0
    slopes = reader.gradients(pixels, CELL)

    def lead(values):
        probs = np.asarray(reader.model(values[..., np.newaxis].astype(np.float32)))
        return margin(probs, CELL)

    measured = (
        lead(pixels + slopes / 10) - lead(pixels - slopes / 10)
    ) * 5  # along the gradient itself
    assert np.allclose(measured, (slopes**2).sum(axis=(1, 2)), rtol=0.1)
    whole = integrated(reader.gradients, images, CELL).sum(axis=(1, 2))
    assert np.allclose(whole, lead(pixels) - lead(0 * pixels), atol=0.02)
    trained = maps_of(Method.GRADIENT, reader, images, CELL)
    shuffled = maps_of(Method.GRADIENT, reader.shuffled(1), images, CELL)
    assert likeness(trained, shuffled) < 0.9


def test_a_model_without_gradients_is_told_so(test_set):
    from misread.errors import StudyError

    model = nearest_mean(load_mnist()[0].take(np.arange(2000)), 1)
    with pytest.raises(StudyError, match="take occlusion"):
        maps_of(Method.INTEGRATED, model, of_class(test_set, 4, 1), CELL)


def test_the_command_explains_a_study_and_says_what_two_seeds_cannot_tell(small, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(small, folder)
    done = CliRunner().invoke(main, ["explain", str(folder)])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert re.match(r"With the top closed, [0-9.]+% of 4 are read as 9 instead of", lines[0])
    assert "cannot be told from 2 seeds" in done.stdout
    assert (folder / "explain" / "maps.png").exists()
    said = read_json(folder / "explain" / "explain.json")
    assert said["cell"] == [4, 9]
    drawn = {name: Drawn.of(draw()) for name, draw in why_figures(load_evidence(folder)).items()}
    for name in ("maps", "degrees"):  # the report draws them again from what is stored
        assert drawn[name].png == (folder / "explain" / f"{name}.png").read_bytes()
    before = (folder / "explain" / "explain.npz").read_bytes()
    CliRunner().invoke(main, ["explain", str(folder)])
    assert (folder / "explain" / "explain.npz").read_bytes() == before
    other = CliRunner().invoke(main, ["explain", str(folder), "--cell", "3:5", "--edit", "erode"])
    assert re.match(r"Thinned \(erode 5 px\), [0-9.]+% of 3 are read as 5 instead", other.stdout)
    why = read_json(folder / "explain" / "explain.json")
    assert [(it["edit"], it["label"]) for it in why["arms"]["baseline"]["degrees"]] == [
        ("erode", 3),
        ("erode", 5),
    ]
    assert not any(arm["grown"] for arm in why["arms"].values())  # of the target alone
    for option, words in (
        (["--cell", "4:77"], "no cell"),
        (["--image", "99999"], "no image 99999"),
    ):
        bad = CliRunner().invoke(main, ["explain", str(folder), *option])
        assert bad.exit_code == 2
        assert words in bad.stderr
