import errno
import multiprocessing as mp
import os
import subprocess
import sys

import numpy as np
import pytest

from misread import files
from misread.errors import StoreError
from misread.files import (
    file_sha256,
    read_arrays,
    read_json,
    write_arrays,
    write_atomic,
    write_csv,
    write_json,
)
from misread.store import RunFolder, locked


def test_a_write_is_whole_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a" / "x.json"
    write_json(path, {"old": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full; free some space"):
        write_json(path, {"new": 2})
    assert read_json(path) == {"old": 1}
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


def test_a_disk_that_really_is_full(tiny_disk):
    write_atomic(tiny_disk / "first", b"x" * 20_000)
    with pytest.raises(StoreError, match="the disk is full"):
        write_atomic(tiny_disk / "second", b"x" * 100_000)
    assert (tiny_disk / "first").read_bytes() == b"x" * 20_000
    assert sorted(p.name for p in tiny_disk.iterdir()) == ["first"]


def test_a_disk_that_really_is_read_only(tiny_disk):
    write_atomic(tiny_disk / "first", b"x")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(StoreError, match="read-only; choose another folder and run"):
        write_atomic(tiny_disk / "second", b"x")
    with pytest.raises(StoreError, match="read-only"), locked(tiny_disk / "study"):
        pass
    assert (tiny_disk / "first").read_bytes() == b"x"


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_json(tmp_path / "runs" / "x.json", 1)


def test_the_same_arrays_give_the_same_bytes(tmp_path):
    arrays = {"a": np.arange(5), "b": np.array(["x", "y"])}
    write_arrays(tmp_path / "1.npz", arrays)
    write_arrays(tmp_path / "2.npz", arrays)
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    back = read_arrays(tmp_path / "1.npz")
    assert {name: array.tolist() for name, array in back.items()} == {
        "a": [0, 1, 2, 3, 4],
        "b": ["x", "y"],
    }


def test_pickles_are_never_loaded(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{"evil": 1}], dtype=object))
    with pytest.raises(StoreError, match="cannot be read as NPZ"):
        read_arrays(tmp_path / "x.npz")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 half a zip"])
def test_damaged_arrays(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(StoreError, match="delete it and run the study again"):
        read_arrays(tmp_path / "x.npz")


def test_altered_predictions_are_found(tmp_path):
    folder = RunFolder(tmp_path, "baseline", 1)
    write_arrays(folder.path / "predictions.npz", {"labels": np.arange(3)})
    sha256 = file_sha256(folder.path / "predictions.npz")
    write_json(folder.path / "result.json", {"sha256": {"predictions.npz": sha256}})
    assert folder.is_complete
    assert folder.predictions()["labels"].tolist() == [0, 1, 2]
    write_arrays(folder.path / "predictions.npz", {"labels": np.arange(4)})
    with pytest.raises(StoreError, match=r"not the file that its result\.json describes"):
        folder.predictions()


def test_missing_and_damaged_json(tmp_path):
    with pytest.raises(StoreError, match="does not exist; run the study first"):
        read_json(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read as JSON"):
        read_json(tmp_path / "x.json")


def test_histories_keep_all_digits(tmp_path):
    folder = RunFolder(tmp_path, "baseline", 1)
    rows = [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": 1e-17}]
    write_csv(folder.path / "history.csv", rows)
    assert folder.history() == rows


def _hold(folder, held, let_go):
    with locked(folder):
        held.set()
        let_go.wait(60)


def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path):
    half = tmp_path / "arms" / "a" / ".select.npz.123.unfinished"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    (tmp_path / "arms" / "a" / "select.npz").write_bytes(b"whole")
    with locked(tmp_path):
        assert [path.name for path in half.parent.iterdir()] == ["select.npz"]


def test_one_study_one_process(tmp_path):
    context = mp.get_context("spawn")
    held, let_go = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, held, let_go))
    other.start()
    assert held.wait(60)
    with pytest.raises(StoreError, match="in use by another misread process"), locked(tmp_path):
        pass
    other.kill()  # however it dies, the system frees the lock
    other.join()
    with locked(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_nothing_is_left_behind_by_a_failed_replace(tmp_path):
    (tmp_path / "x").mkdir()  # a folder stands where the file is to go
    with pytest.raises(StoreError, match="cannot be written"):
        write_atomic(tmp_path / "x", b"1")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
