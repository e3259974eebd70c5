"""Two sides brought together: by id, by seed, by class name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from misread.errors import JudgeError
from misread.judge import judge
from misread.judge.align import align
from misread.judge.classes import cell_of
from misread.judge.predictions import Predictions

IDS = [f"i{n}" for n in range(60)]


def side(seeds=("1", "2", "3"), ids=IDS, **change):
    labels = np.arange(60) % 3
    given = {"seeds": seeds, "ids": ids} | change
    n_seeds = given.pop("n_seeds", len(given["seeds"] or ("",) * 3))
    preds = (labels + (np.arange(n_seeds)[:, np.newaxis] + np.arange(60)) % 7 // 6) % 3
    return Predictions.from_arrays(labels, preds, **given)


def shuffled(one, seed):
    rng = np.random.default_rng(seed)
    images, rows = rng.permutation(one.n_images), rng.permutation(one.n_seeds)
    return Predictions(
        one.labels_N[images],
        one.preds_SN[rows][:, images],
        one.class_names,
        tuple(one.seeds[s] for s in rows),
        one.ids[images],
    )


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_order_of_images_and_seeds_changes_nothing(seed):
    before, after = side(), side(n_seeds=3)
    thin = Predictions(before.labels_N, before.preds_SN[::-1], before.class_names, before.seeds)
    before, after = before.with_slice("thin", thin), after.with_slice("thin", thin)
    mixed = shuffled(side(), seed).with_slice("thin", thin)
    pair = align(before, mixed)
    assert pair.paired
    assert not pair.notes
    assert np.array_equal(pair.after_TN, after.preds_SN)
    assert np.array_equal(pair.slices["thin"].after_TN, thin.preds_SN)


def test_a_slice_and_the_rest_are_called_by_their_names():
    rest, part = (Predictions.from_arrays([a, "b"], [[a, "b"]]) for a in ("cat", "Cat"))
    with pytest.raises(JudgeError, match="'cat' in the rest and 'Cat' in slice “thin”"):
        rest.with_slice("thin", part)


def test_classes_of_both_sides_are_united():
    before = Predictions.from_arrays(["cat", "dog"], [["cat", "cat"]])
    after = Predictions.from_arrays(["cat", "dog"], [["cat", "ape"]])
    pair = align(before, after)
    assert pair.class_names == ("ape", "cat", "dog")
    assert pair.labels_N.tolist() == [1, 2]
    assert (pair.before_SN.tolist(), pair.after_TN.tolist()) == ([[1, 1]], [[1, 0]])
    ten = Predictions.from_arrays(["9", "10"], [["10", "9"]], class_names=["9", "10"])
    assert align(ten, Predictions.from_arrays([9, 10], [[9, 9]])).labels_N.tolist() == [
        9,
        10,
    ]


@pytest.mark.parametrize(
    ("before", "after", "paired", "expected", "note"),
    [
        (side(), side(("3", "1", "2")), None, True, ""),
        (side(), side(("4", "5")), None, False, "seeds 1, 2, 3 before and seeds 4, 5 after"),
        (side(), side(("2", "3", "4")), None, False, "compared unpaired"),
        (side(None), side(None), None, True, ""),
        (side(None), side(None, n_seeds=2), None, False, "3 unnamed seeds"),
        (side(), side(None), None, True, "paired in this order"),
        (side(("1",)), side(("2",)), None, True, ""),
        (side(), side(("4", "5", "6")), True, True, ""),
        (side(), side(), False, False, ""),
    ],
)
def test_seeds(before, after, paired, expected, note):
    pair = align(before, after, paired=paired)
    assert pair.paired == expected
    assert note in " ".join(pair.notes)
    assert bool(pair.notes) == bool(note)


def test_images_without_ids_are_matched_by_position():
    pair = align(side(), side(ids=None))
    assert pair.notes == ("There are no ids after, so images are matched by position.",)


@pytest.mark.parametrize(
    ("after", "paired", "told"),
    [
        (side(("2", "3", "4")), True, "cannot be paired"),
        (side(("4", "5")), True, "cannot be paired"),
        (side(ids=[*IDS[1:], "i60"]), None, "1 of 60 ids before are not there .* example i0"),
        (side(ids=[*IDS[1:], "i60"]), None, "and 1 of 60 ids after are not there .* example i60"),
        (Predictions.from_arrays([0, 1], [[0, 1]] * 3), None, "60 images before and 2 after"),
        (side(ids=["i1", "i0", *IDS[2:]]), None, "on 2 of 60 images, for example id i0: 0 and 1"),
        (Predictions.from_arrays(["cat"] * 60, [["dog"] * 60] * 3), None, "numbers before .* word"),
        (side().with_slice("thin", side()), None, "slice “thin” is there after only"),
    ],
)  # fmt: skip
def test_sides_that_do_not_fit(after, paired, told):
    with pytest.raises(JudgeError, match=told):
        align(side(), after, paired=paired)


def test_a_slice_must_be_read_by_the_same_models():
    for part, told in (
        (side(("7", "8", "9")), "was read by seeds 7, 8, 9 and the rest by seeds 1, 2, 3"),
        (side(None, n_seeds=2), "was read by 2 unnamed seeds"),
    ):
        with pytest.raises(JudgeError, match=told):
            side().with_slice("thin", part)
    for name in ("clean", ""):
        with pytest.raises(JudgeError, match="allowed is a new name"):
            side().with_slice(name, side())


@pytest.mark.parametrize(
    ("cell", "names", "expected"),
    [
        ("4:9", tuple("0123456789"), (4, 9)),
        ((4, 9), tuple("0123456789"), (4, 9)),
        (("4", "9"), tuple("0123456789"), (4, 9)),
        ("cat : dog", ("cat", "dog"), (0, 1)),
        ((0, 1), ("cat", "dog"), (0, 1)),
        ((7, 5), ("5", "7"), (1, 0)),
        ("a:b:c", ("a:b", "c"), (0, 1)),
        ("a:b:c:d", ("a:b", "c:d", "a"), (0, 1)),
        ((np.int64(1), np.str_("a")), ("a", "b"), (1, 0)),
    ],
)
def test_cells_by_name(cell, names, expected):
    assert cell_of(cell, names) == expected


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("cat", "not of the form"),
        ("cat:ape", "there is no class 'ape'; the classes are cat, dog, cat:dog, dog:cat"),
        ("cat:dog:cat", "can be read as cat→dog:cat and as cat:dog→cat"),
        ((0, 9), "there is no class '9'"),
        ((0, 0), "names one class twice"),
        (("cat",), "does not name two classes"),
    ],
)
def test_cells_that_are_none(cell, told):
    with pytest.raises(JudgeError, match=told):
        cell_of(cell, ("cat", "dog", "cat:dog", "dog:cat"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"labels_N": [0, 1, 3]}, "labels hold class 3; allowed are 0 to 2"),
        ({"preds_SN": [[0, 1, -1]]}, "predictions hold class -1"),
        ({"preds_SN": [[0, 1]]}, "predictions are .1,2. and labels .3."),
        ({"preds_SN": [[0, 1], [1]]}, "rows of unequal length"),
        ({"labels_N": []}, "labels have shape .0."),
        ({"preds_SN": [[0, np.nan, 1]]}, "1 of 3 values that are NaN .* first at .0, 1."),
        ({"preds_SN": [[0, 0.5, 1]]}, "no whole number"),
        ({"preds_SN": [[0, None, 1]]}, "lack 1 of 3 values, the first at .0, 1."),
        (
            {"class_names": ["a", "b", "a"]},
            "class names that occur more than once: 1, for example a",
        ),
        ({"seeds": [1, 2]}, "seeds: 2 given and 1 needed"),
        ({"ids": [1, 1, 2]}, "ids that occur more than once: 1, for example 1 .2 times."),
        ({"disputed_N": [0, 1]}, "disputed has 2 values"),
    ],
)
def test_arrays_that_do_not_fit(change, told):
    good = {"labels_N": [0, 1, 2], "preds_SN": [[0, 1, 2]], "class_names": ["a", "b", "c"]}
    with pytest.raises(JudgeError, match=told):
        Predictions.from_arrays(**(good | change))


def test_numbers_and_names_give_the_same_verdict():
    words = ("ape", "bee", "cat")
    by_number = side(), side(n_seeds=3)
    by_name = [Predictions(s.labels_N, s.preds_SN, words, s.seeds, s.ids) for s in by_number]
    plain = judge(*by_number, cells=["0:1"])
    named = judge(*by_name, cells=["ape:bee"])
    assert [c.effect for c in plain.cells] == [c.effect for c in named.cells]
    assert named.cells[0].name == "ape→bee"
