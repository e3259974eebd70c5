"""The helper that draws beside the main process: it changes who draws, never what."""

import os
import signal
import time
from functools import partial

import pytest

from misread.show.beside import Helper

NAMES = [f"figure_{number}" for number in range(8)]


def _draw(name, folder):
    time.sleep(0.02)
    return name, folder, os.getpid()


def painters_of(folder):
    """What the helper draws; it imports this module by its name."""
    return {name: partial(_draw, name, folder) for name in NAMES}


def ends_at_the_third(folder):
    def end():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    return painters_of(folder) | {NAMES[2]: end}


def fails_at_the_third(folder):
    return painters_of(folder) | {NAMES[2]: lambda: 1 / 0}


def refuses(folder):
    raise ValueError(folder)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)


def test_two_processes_share_the_figures_and_keep_their_order(tmp_path):
    with Helper(f"{__name__}:painters_of") as helper:
        own = painters_of(tmp_path)
        # The first one drawn here takes until the helper has had time to import and to begin.
        own[NAMES[-1]] = lambda: (time.sleep(3), _draw(NAMES[-1], tmp_path))[1]
        drawn = helper.draw(tmp_path, own)
    assert list(drawn) == NAMES
    assert all(drawn[name][:2] == (name, tmp_path) for name in NAMES)
    assert drawn[NAMES[-1]][2] == os.getpid()
    assert drawn[NAMES[0]][2] != os.getpid()
    assert helper._process.exitcode is not None


@pytest.mark.parametrize("function", ["ends_at_the_third", "fails_at_the_third", "refuses", "none"])
def test_what_a_lost_helper_leaves_is_drawn_here(function, tmp_path, capfd):
    with Helper(f"{__name__}:{function}") as helper:
        own = painters_of(tmp_path)
        own[NAMES[-1]] = lambda: (time.sleep(3), _draw(NAMES[-1], tmp_path))[1]
        drawn = helper.draw(tmp_path, own)
    assert list(drawn) == NAMES
    assert drawn[NAMES[2]] == (NAMES[2], tmp_path, os.getpid())
    assert not capfd.readouterr().err


def test_an_error_of_a_figure_is_met_here(tmp_path):
    own = fails_at_the_third(tmp_path)
    with Helper(f"{__name__}:fails_at_the_third") as helper, pytest.raises(ZeroDivisionError):
        helper.draw(tmp_path, own)


def test_one_core_has_no_helper(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with Helper(f"{__name__}:painters_of") as helper:
        drawn = helper.draw(tmp_path, painters_of(tmp_path))
    assert {pid for *_, pid in drawn.values()} == {os.getpid()}
