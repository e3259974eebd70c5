"""Which images make a cell."""

import numpy as np
import pytest

from misread.errors import JudgeError
from misread.judge import cell_atlas, ledger


def readings():
    """Ten seeds, six fours; image n is read as 9 in the given number of seeds."""
    preds_SN = np.full((10, 7), 4)
    for image, times in enumerate([10, 8, 7, 2, 1, 0, 10]):
        preds_SN[:times, image] = 9
    return np.array([4, 4, 4, 4, 4, 4, 9]), preds_SN


def test_every_misread_image_stands_in_one_group_with_its_share():
    labels_N, preds_SN = readings()
    atlas = cell_atlas(labels_N, preds_SN, 4, 9)
    groups = (atlas.hard_core, atlas.coin_flip, atlas.flicker, atlas.disputed)
    assert [[m.image for m in group] for group in groups] == [[0, 1], [2, 3], [4], []]
    assert [m.share for m in atlas.coin_flip] == [0.7, 0.2]
    assert (atlas.n_images, atlas.errors_per_seed, atlas.best_reduction) == (6, 2.8, 1)


def test_disputed_images_stand_apart_and_limit_the_reduction():
    labels_N, preds_SN = readings()
    atlas = cell_atlas(labels_N, preds_SN, 4, 9, [True, False, False, True, False, True, False])
    assert [m.image for m in atlas.hard_core] == [1]
    assert [m.image for m in atlas.disputed] == [0, 3]
    assert atlas.best_reduction == pytest.approx(16 / 28)


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
