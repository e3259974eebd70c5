import errno
import hashlib
import multiprocessing as mp
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from misread import files
from misread.errors import StoreError
from misread.files import (
    csv_to_bytes,
    read_arrays,
    read_json,
    write_arrays,
    write_atomic,
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
    with pytest.raises(StoreError, match="move it away and run the study again"):
        read_arrays(tmp_path / "x.npz")


READ = {
    "labels": np.arange(3),
    "predictions": np.arange(3)[np.newaxis],
    "probs": np.eye(3, dtype=np.float16)[np.newaxis],
    "ids": np.arange(3),
    "slice_names": np.array([], "U1"),
}
HELD_OUT = {
    "slice_names": np.array(["x"]),
    "slice_0_ids": np.array([2]),
    "slice_0_predictions": np.array([1]),
}


@pytest.fixture
def run(tmp_path):
    """A complete run with the hashes of its files."""
    folder = RunFolder(tmp_path, "baseline", 1)
    config = {"arm": "baseline", "seed": 1, "dataset": "mnist", "select_fold": 0}
    write_json(folder.path / "config.json", config | {"confirm_size": None})
    write_atomic(folder.path / "history.csv", csv_to_bytes([{"epoch": 1, "loss": 0.5}]))
    write_atomic(folder.path / "model.keras", b"model")
    write_atomic(folder.path / "measures.csv", csv_to_bytes([{"epoch": 0, "zero_share_1": 0.5}]))
    for name in ("select.npz", "predictions.npz"):
        write_arrays(folder.path / name, READ)
    write_arrays(folder.path / "held_out.npz", HELD_OUT)
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.path.iterdir()
    }
    model = {"model.keras": hashes.pop("model.keras")}
    write_json(folder.path / "environment.json", {"train_seconds": 1.0, "model_sha256": model})
    write_json(
        folder.path / "result.json",
        {"accuracy": 1.0, "slices": [], "sha256": hashes},
    )
    return folder


USES = {
    "config.json": RunFolder.trained_files,
    "history.csv": RunFolder.history,
    "measures.csv": RunFolder.measures,
    "select.npz": RunFolder.select,
    "held_out.npz": lambda run: run.held_out(READ),
    "predictions.npz": RunFolder.predictions,
    "model.keras": RunFolder.stored_model,
}


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b"x" + b[1:], lambda _: b""])
def test_an_altered_or_cut_file_of_a_run_is_named_when_it_is_used(run, name, change):
    assert USES[name](run)
    path = run.path / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(StoreError, match=f"{name} was altered or cut"):
        USES[name](run)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("result.json", "[]", "valid dictionary"),
        ("result.json", "{}", "accuracy: Field required"),
        ("result.json", '{"accuracy": 1, "slices": [], "sha256": 3}', "sha256: Input should be"),
        ("result.json", "[" * 10**5, "cannot be read as JSON"),
        ("environment.json", '{"train_seconds": "long"}', "train_seconds: Input should be"),
        ("config.json", '{"arm": 3}', "arm: Input should be a valid string"),
    ],
)
def test_every_json_of_a_run_has_a_shape(run, name, content, words):
    (run.path / name).write_text(content)
    use = {
        "result.json": run.result,
        "environment.json": run.environment,
        "config.json": run.config,
    }
    with pytest.raises(StoreError, match=f"{name} cannot be read as JSON .*{words}|{words}"):
        use[name]()


@pytest.mark.parametrize(
    "content", [b"", b"epoch\n", b"loss\n1\n", b"epoch,loss\n1\n", b"epoch\n\xff\n", b"epoch\nx\n"]
)
def test_a_history_is_a_table_of_numbers(run, content):
    (run.path / "history.csv").write_bytes(content)
    (run.path / "result.json").unlink()
    with pytest.raises(StoreError, match=r"history\.csv cannot be read as"):
        run.history()


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.arange(6).reshape(2, 3)},
        {"predictions": np.arange(3)},
        {"predictions": np.zeros((1, 3))},
        {"probs": np.zeros((1, 2, 3), np.float16)},
        {"slice_names": np.array(["x"])},
        {"slice_names": np.array(["x"]), "slice_0_ids": np.array([9]),
         "slice_0_predictions": np.array([1])},
    ],
)  # fmt: skip
def test_arrays_of_other_axes_are_refused(run, change):
    (run.path / "result.json").unlink()
    write_arrays(run.path / "select.npz", READ | change)
    with pytest.raises(StoreError, match="holds other readings than misread writes"):
        run.select()
    write_arrays(run.path / "held_out.npz", HELD_OUT | {"slice_0_ids": np.array([9])})
    with pytest.raises(StoreError, match="slice 0 is not of its images"):
        run.held_out(READ)


@pytest.mark.parametrize("name", ["plan.json", "result.json"])
def test_what_may_not_be_read_is_never_to_be_deleted(tmp_path, name, monkeypatch):
    (tmp_path / name).write_text("{}")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(StoreError, match=r"Permission denied.*mend that and nothing else"):
        read_json(tmp_path / name)


def test_missing_and_damaged_json(tmp_path):
    with pytest.raises(StoreError, match="does not exist; run the study first"):
        read_json(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read as JSON"):
        read_json(tmp_path / "x.json")


def test_histories_keep_all_digits(tmp_path):
    folder = RunFolder(tmp_path, "baseline", 1)
    rows = [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": 1e-17}]
    write_atomic(folder.path / "history.csv", csv_to_bytes(rows))
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
