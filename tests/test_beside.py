"""The helper that draws beside the main process: it changes who draws, never what."""

import os
import signal
import time
from functools import partial

import pytest

from misread.show.beside import Helper

NAMES = [f"figure_{number}" for number in range(8)]


def _draw(name, folder):
    (folder / f"{name}.{os.getpid()}").touch()
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


def shared(helper, function, folder):
    """Draw everything; the first figure here takes until the helper has drawn one or is lost."""
    own = painters_of(folder)

    def slow():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and helper._process.is_alive():
            if list(folder.glob(f"{NAMES[1]}.*")) and function == "painters_of":
                break
            time.sleep(0.02)
        return _draw(NAMES[-1], folder)

    own[NAMES[-1]] = slow
    return helper.draw(f"{__name__}:{function}", folder, own)


def test_two_processes_share_the_figures_and_keep_their_order(tmp_path):
    with Helper() as helper:
        drawn = shared(helper, "painters_of", tmp_path)
    assert list(drawn) == NAMES
    assert all(drawn[name][:2] == (name, tmp_path) for name in NAMES)
    assert drawn[NAMES[-1]][2] == os.getpid()
    assert drawn[NAMES[0]][2] != os.getpid()
    assert helper._process.exitcode is not None


@pytest.mark.parametrize("function", ["ends_at_the_third", "fails_at_the_third", "refuses", "none"])
def test_what_a_lost_helper_leaves_is_drawn_here(function, tmp_path, capfd):
    with Helper() as helper:
        drawn = shared(helper, function, tmp_path)
    assert list(drawn) == NAMES
    assert drawn[NAMES[2]] == (NAMES[2], tmp_path, os.getpid())
    assert not capfd.readouterr().err


def test_an_error_of_a_figure_is_met_here(tmp_path):
    own = fails_at_the_third(tmp_path)
    with Helper() as helper, pytest.raises(ZeroDivisionError):
        helper.draw(f"{__name__}:fails_at_the_third", tmp_path, own)


def test_one_core_has_no_helper(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with Helper() as helper:
        drawn = helper.draw(f"{__name__}:painters_of", tmp_path, painters_of(tmp_path))
    assert {pid for *_, pid in drawn.values()} == {os.getpid()}
