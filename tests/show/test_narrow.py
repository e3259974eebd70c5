"""A terminal of any width shows whole numbers."""

import io

import numpy as np
import pytest
from rich.console import Console

from arrays import verdict_of
from misread.show.render import verdict_table
from misread.show.select import errors_table
from misread.show.table import Table

CELLS = [
    {
        "rank": rank,
        "true": 4,
        "predicted": 9,
        "mean": 123.4,
        "sd": 5.6,
        "seeds_present": 10,
        "n_seeds": 10,
        "mean_rank": 17.5,
        "chance_rank": 45.5,
        "reverse_mean": 678.9,
        "q_rank": 0.0321,
        "asymmetry_p": 0.0456,
    }
    for rank in (1, 2)
]
ERRORS = {
    "seeds": [1],
    "accuracy": [0.9],
    "n_images_per_seed": [999],
    "smoke": False,
    "cells": CELLS,
}


def shown(table, width):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(table)
    return out.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 72, 80, 120])
def test_no_number_and_no_word_is_cut(width):
    told = shown(errors_table(ERRORS, 10), width)
    assert "…" not in told
    assert max(map(len, told.splitlines())) <= width
    if width == 20:  # where a word must break, it goes on below
        return
    words = told.replace("│", " ").replace("┃", " ").split()
    for whole in ("4→9", "123.4", "678.9", "17.5", "45.5.", ".032", ".046", "10/10", "asymmetry"):
        assert whole in words, (whole, told)


def test_a_table_that_fits_is_a_table_and_another_width_is_asked_anew():
    table = errors_table(ERRORS, 1)
    wide = shown(table, 120)
    assert wide.count("│") == 9
    assert "│" not in shown(table, 30)
    assert shown(table, 120) == wide


def test_names_that_must_not_break_keep_their_line():
    rows = (("two words", "many words that may well be broken"),)
    table = Table("title", ("arm", "told"), rows, "caption", unbroken=frozenset({0}))
    assert "two words" in shown(table, 30)
    lists = shown(table, 15)
    assert "two words" in lists
    assert lists.startswith("title")
    assert lists.rstrip().endswith("caption")


def test_one_is_not_many():
    assert "1 seed, 999 readings" in shown(errors_table(ERRORS, 1), 120)


def test_a_verdict_breaks_no_word_of_its_items():
    labels_N = np.arange(60) % 3
    after_SN = np.tile(np.where(np.arange(60) < 9, 1, labels_N), (3, 1))
    verdict = verdict_of(labels_N, np.tile(labels_N, (3, 1)), after_SN, cells=[(0, 1)])
    told = shown(verdict_table(verdict), 40)
    assert {"undetermined", "recall", "accuracy"} <= set(told.split()), told
