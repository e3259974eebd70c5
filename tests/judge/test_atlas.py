"""Which images make a cell."""

import tracemalloc

import numpy as np
import pytest

from misread.errors import JudgeError
from misread.judge import atlas, cell_atlas, ledger


def readings():
    """Ten seeds, six fours; image n is read as 9 in the given number of seeds."""
    preds_SN = np.full((10, 7), 4)
    for image, times in enumerate([10, 8, 7, 2, 1, 0, 10]):
        preds_SN[:times, image] = 9
    return np.array([4, 4, 4, 4, 4, 4, 9]), preds_SN


def test_every_misread_image_stands_in_one_group_with_its_share():
    labels_N, preds_SN = readings()
    cell = cell_atlas(labels_N, preds_SN, 4, 9)
    groups = (cell.hard_core, cell.coin_flip, cell.flicker, cell.disputed)
    assert [[m.image for m in group] for group in groups] == [[0, 1], [2, 3], [4], []]
    assert [m.share for m in cell.coin_flip] == [0.7, 0.2]
    assert (cell.n_images, cell.errors_per_seed, cell.best_reduction) == (6, 2.8, 1)


def test_disputed_images_stand_apart_and_limit_the_reduction():
    labels_N, preds_SN = readings()
    cell = cell_atlas(labels_N, preds_SN, 4, 9, [True, False, False, True, False, True, False])
    assert [m.image for m in cell.hard_core] == [1]
    assert [m.image for m in cell.disputed] == [0, 3]
    assert cell.best_reduction == pytest.approx(16 / 28)


def test_exactly_four_fifths_is_hard_core_whatever_the_number_of_seeds():
    for n_seeds in (5, 15, 35):
        preds_SN = np.full((n_seeds, 1), 4)
        preds_SN[: 4 * n_seeds // 5] = 9
        assert len(cell_atlas([4], preds_SN, 4, 9).hard_core) == 1


def test_a_cell_without_errors_has_nothing_to_reduce():
    assert cell_atlas([4, 4], [[4, 4]], 4, 9).best_reduction is None


def test_ledger_lists_what_changed_for_good():
    labels_N = np.zeros(4, dtype=int)
    before_SN = np.array([[0, 1, 0, 1]] * 5)
    after_SN = np.array([[1, 0, 0, 1]] * 5)
    after_SN[0, 0] = 0
    assert ledger(labels_N, before_SN, after_SN).model_dump() == {"broken": (0,), "mended": (1,)}
    after_SN[1, 0] = 0
    assert ledger(labels_N, before_SN, after_SN).broken == ()


def test_bad_cells_are_refused_in_words():
    labels_N, preds_SN = readings()
    for cell in ((4, 4), (3, 9)):
        with pytest.raises(JudgeError, match="two different classes"):
            cell_atlas(labels_N, preds_SN, *cell)
    with pytest.raises(JudgeError, match="one per image"):
        cell_atlas(labels_N, preds_SN, 4, 9, [True])


def test_every_cell_is_what_the_single_cell_says():
    rng = np.random.default_rng(3)
    labels_N = rng.integers(0, 5, 300)
    wrong_SN = rng.random((8, 300)) < rng.random(300) ** 4
    preds_SN = np.where(wrong_SN, (labels_N + rng.integers(0, 3, (8, 300))) % 5, labels_N)
    disputed_N = rng.random(300) < 0.1
    cells = atlas(labels_N, preds_SN, disputed_N)
    found = {
        (i, j)
        for i in range(5)
        for j in range(5)
        if i != j and ((labels_N == i) & (preds_SN == j)).any()
    }
    assert {(cell.true, cell.predicted) for cell in cells} == found
    assert len(cells) == len(found) == 10
    for cell in cells:
        assert cell == cell_atlas(labels_N, preds_SN, cell.true, cell.predicted, disputed_N)
    errors = [(-cell.errors_per_seed, cell.true, cell.predicted) for cell in cells]
    assert errors == sorted(errors)
    assert cells[-1] == cells[9:][0]
    with pytest.raises(IndexError):
        cells[10]


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint64, np.float32])
def test_any_kind_of_number_will_do_and_stays_narrow(kind):
    labels_N, preds_SN = readings()
    cells = atlas(labels_N.astype(kind), preds_SN.astype(kind))
    assert cells[0] == cell_atlas(labels_N, preds_SN, 4, 9)
    assert ledger(labels_N.astype(kind), preds_SN.astype(kind), np.full_like(preds_SN, 4)) == (
        ledger(labels_N, preds_SN, np.full_like(preds_SN, 4))
    )


def test_where_all_is_read_rightly_no_cell_occurs():
    assert list(atlas([4, 9], [[4, 9], [4, 9]])) == []


def test_a_group_s_share_of_the_errors():
    labels_N, preds_SN = readings()
    cell = cell_atlas(labels_N, preds_SN, 4, 9)
    shares = [cell.share_of_errors(kind) for kind in cell.kinds]
    assert shares == pytest.approx([18 / 28, 9 / 28, 1 / 28, 0])
    assert cell_atlas([4], [[4], [4]], 4, 9).share_of_errors("flicker") is None


def test_one_seed_calls_nothing_hard_core():
    cell = cell_atlas([4, 4, 4], [[9, 9, 4]], 4, 9, [False, True, False])
    assert cell.hard_core == cell.coin_flip == cell.flicker == ()
    assert [m.image for m in cell.undivided] == [0]
    assert [m.image for m in cell.disputed] == [1]
    assert "one seed says nothing of chance" in cell.note
    assert list(cell.kinds) == ["misread", "disputed"]
    assert cell.best_reduction == 0.5
    assert "no image can be flicker" in cell_atlas([4], [[9]] * 5, 4, 9).note
    assert cell_atlas([4], [[9]] * 6, 4, 9).note == ""


def test_numbers_that_are_no_classes_are_refused_in_words():
    for labels_N, preds_SN in (([4, -1], [[9, 9]]), ([0, 1], [[0, 2**62]])):
        with pytest.raises(JudgeError, match="small numbers from 0 on: encode them"):
            atlas(labels_N, preds_SN)


def test_a_million_cells_take_no_more_than_what_is_read():
    rng = np.random.default_rng(0)
    n_images, n_classes = 100_000, 1000
    labels_N = rng.integers(0, n_classes, n_images).astype(np.uint16)
    preds_SN = np.tile(labels_N, (20, 1))
    for read_N in preds_SN:
        wrong = rng.random(n_images) < 0.2
        read_N[wrong] = rng.integers(0, n_classes, wrong.sum())
    tracemalloc.start()
    cells = atlas(labels_N, preds_SN)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 30 * preds_SN.nbytes  # takes 14; seeds by cells alone are 40
    assert len(cells) > 300_000
    assert cells[0].errors_per_seed >= cells[-1].errors_per_seed > 0
