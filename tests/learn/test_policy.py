import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from misread.data.mnist import load_mnist
from misread.images.operations import dilate, erode
from misread.learn.policy import CONTROLS, Policy, apply_draw, changed_share

POLICY = Policy(operations={4: ("dilate",), 9: ("erode",)}, probability=0.12, size_px=(1, 2))
LABELS = load_mnist()[0].labels_N


def test_only_treated_classes_are_drawn_at_the_stated_rate():
    draw = POLICY.draw(LABELS, seed=42, epoch=0)
    drawn_N = draw.operation_N >= 0
    assert set(LABELS[drawn_N]) == {4, 9}
    for label, name in ((4, "dilate"), (9, "erode")):
        own_N = label == LABELS
        n, rate = own_N.sum(), drawn_N[own_N].mean()
        assert abs(rate - 0.12) < 4 * np.sqrt(0.12 * 0.88 / n)
        assert set(draw.operation_N[own_N & drawn_N]) == {draw.operations.index(name)}
    assert set(draw.size_N[drawn_N]) == {1, 2}
    assert set(draw.size_N[~drawn_N]) == {0}
    assert abs((draw.size_N[drawn_N] == 2).mean() - 0.5) < 0.06


@given(st.integers(0, 1000), st.integers(0, 50))
def test_a_draw_can_be_replayed(seed, epoch):
    labels_N = LABELS[:500]
    one, two = POLICY.draw(labels_N, seed, epoch), POLICY.draw(labels_N, seed, epoch)
    assert np.array_equal(one.operation_N, two.operation_N)
    assert np.array_equal(one.size_N, two.size_N)


def test_every_epoch_and_seed_draws_afresh():
    draws = [POLICY.draw(LABELS, seed, epoch) for seed, epoch in ((1, 0), (1, 1), (2, 0))]
    assert len({draw.operation_N.tobytes() for draw in draws}) == 3


def test_arms_share_their_luck():
    # Wherever two arms both treat a class, they treat the same images to the same size.
    plain, swapped = (
        POLICY.draw(LABELS, 7, 3),
        CONTROLS["swapped"](POLICY, (4, 9)).draw(LABELS, 7, 3),
    )
    assert np.array_equal(plain.operation_N >= 0, swapped.operation_N >= 0)
    assert np.array_equal(plain.size_N, swapped.size_N)


def test_the_draw_is_what_is_applied():
    train = load_mnist()[0]
    images, labels_N = train.images[:3000], LABELS[:3000]
    draw = POLICY.draw(labels_N, 42, 0)
    treated = apply_draw(images, draw)
    for n in range(len(images)):
        operation = {-1: lambda image, _: image, 0: dilate, 1: erode}[int(draw.operation_N[n])]
        assert np.array_equal(treated[n : n + 1], operation(images[n : n + 1], int(draw.size_N[n])))


def test_the_literal_dose_does_nothing_in_half_of_its_draws_and_the_firm_one_always_acts():
    train = load_mnist()[0]
    for size_px, share in (((1, 2), 0.5), ((2, 3), 1.0)):
        draw = POLICY.model_copy(update={"size_px": size_px}).draw(LABELS, 42, 0)
        changed = changed_share(draw, train.images, apply_draw(train.images, draw))
        assert changed["all"] == pytest.approx(share, abs=0.05)


def test_the_controls():
    assert CONTROLS["one-sided"](POLICY, (4, 9)).operations == {4: ("dilate",)}
    assert CONTROLS["swapped"](POLICY, (4, 9)).operations == {4: ("erode",), 9: ("dilate",)}
    both = CONTROLS["both"](POLICY, (4, 9))
    assert both.operations == {4: ("dilate", "erode"), 9: ("dilate", "erode")}
    draw = both.draw(LABELS, 1, 0)
    drawn = draw.operation_N[draw.operation_N >= 0]
    assert abs((drawn == 0).mean() - 0.5) < 0.06
    assert draw.n_treated == POLICY.draw(LABELS, 1, 0).n_treated


def test_controls_of_a_policy_for_one_class():
    policy = POLICY.model_copy(update={"operations": {4: ("dilate",)}})
    made = {name: make(policy, (4, 9)).operations for name, make in CONTROLS.items()}
    assert made == {
        "one-sided": {4: ("dilate",)},
        "swapped": {9: ("dilate",)},
        "both": {4: ("dilate",), 9: ("dilate",)},
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operations": {4: ("blur",)}}, "dilate, erode"),
        ({"operations": {4: ()}}, "at least one of"),
        ({"operations": {}}, "at least 1 item"),
        ({"probability": 0}, "greater than 0"),
        ({"probability": 1.5}, "less than or equal to 1"),
        ({"size_px": (3, 2)}, "size_px is 3 to 2"),
        ({"size_px": (0, 2)}, "size_px is 0 to 2"),
        ({"colour": 1}, "Extra inputs"),
    ],
)
def test_policies_that_are_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        Policy(**(POLICY.model_dump() | change))
