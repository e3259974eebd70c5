"""What a file will take is known, and has a limit, before it is used."""

import gzip
import io
import resource
import struct
import zipfile

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.data.pictures import read_picture
from misread.errors import DataError
from misread.memory import allow, limit_bytes
from misread.readers.answers import read_answers
from misread.readers.read import read_predictions

MB = 2**20


@pytest.fixture(autouse=True)
def _little(monkeypatch):
    monkeypatch.setenv("MISREAD_MEMORY_GB", "0.03")  # 31 MB, so that bombs may be small


def zeros(shape, dtype="|u1"):
    """The bytes of an NPY file of zeros, without making them all at once."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return head.getvalue(), int(np.prod(shape)) * np.dtype(dtype).itemsize


def bomb_npz(path, **arrays):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (head, n_bytes) in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                file.write(head)
                for start in range(0, n_bytes, MB):
                    file.write(bytes(min(MB, n_bytes - start)))
    return path


def bombs(folder):
    labels = zeros((1000,), "<i8")
    yield "npz", bomb_npz(folder / "x.npz", images=zeros((100 * MB // 100, 10, 10)), labels=labels)
    yield "npz", bomb_npz(folder / "f.npz", images=zeros((1000, 64, 64), "<f8"), labels=labels)
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "x.h5", "w") as file:
        for name in ("x_train", "x_test"):
            file.create_dataset(name, (20 * MB // 64, 8, 8), "u1", chunks=(64, 8, 8))
        for name in ("y_train", "y_test"):
            file.create_dataset(name, (20 * MB // 64,), "u1", chunks=(64,))
    yield "h5", folder / "x.h5"
    idx = folder / "idx"
    idx.mkdir()
    n = 100 * MB // 64
    raw = struct.pack(">HBBIII", 0, 8, 3, n, 8, 8) + bytes(64 * n)
    (idx / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(raw))
    (idx / "train-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, n) + bytes(n))
    yield "idx", idx
    wide = ",".join(f"p{k}" for k in range(64)) + ",label\n"
    (folder / "x.csv").write_text(wide + ("0," * 64 + "1\n") * 40_000)
    yield "csv", folder / "x.csv"


def test_data_sets_that_would_take_too_much_are_refused_before_they_do(tmp_path):
    for kind, path in bombs(tmp_path):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        done = CliRunner().invoke(main, ["data", "check", f"{kind}:{path}"])
        assert done.exit_code == 2, done.output
        assert "of memory, and 0.03 are allowed" in done.output, (kind, done.output)
        assert "MISREAD_MEMORY_GB" in done.output
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000, kind


@pytest.mark.parametrize("suffix", ["npz", "csv.gz", "parquet"])
def test_predictions_likewise(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    if suffix == "npz":
        bomb_npz(path, labels=zeros((10 * MB,)), predictions=zeros((20, 10 * MB)))
    elif suffix == "csv.gz":
        path.write_bytes(gzip.compress(b"id,label,prediction\n" + b"1,2,2\n" * 8 * MB))
    else:
        n = 4 * MB
        columns = {name: pl.repeat(1, n, eager=True) for name in ("id", "label", "prediction")}
        pl.DataFrame(columns).write_parquet(path)
    done = CliRunner().invoke(main, ["judge", str(path), str(path), "--cell", "1:2"])
    assert done.exit_code == 2, done.output
    assert "allowed" in done.output


def test_a_picture_is_not_read_before_its_size_is_known(tmp_path):
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(DataError, match=r"would take 1,024\.0 GB of memory"):
        read_picture(tmp_path / "x.png")


def test_tables_beside_the_images_likewise(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,answer\n" + "1,keep\n" * MB)
    with pytest.raises(DataError, match=r"of memory, and 0.03 are allowed"):
        read_answers(path)


def test_an_array_is_counted_once(tmp_path):
    names = {"labels": zeros((12 * MB,)), "predictions": zeros((12 * MB,))}
    bomb_npz(tmp_path / "x.npz", **names)
    assert read_predictions(tmp_path / "x.npz").n_images == 12 * MB


def test_a_transparent_picture_takes_little_more_than_itself(tmp_path):
    from PIL import Image

    Image.new("RGBA", (5000, 4000), (10, 10, 10, 128)).save(tmp_path / "x.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_picture(tmp_path / "x.png").shape == (4000, 5000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000


def test_the_limit_can_be_raised_and_must_be_a_number(monkeypatch):
    with pytest.raises(DataError, match=r"would take 1\.0 GB of memory, and 0.03 are allowed"):
        allow(2**30, "x")
    monkeypatch.setenv("MISREAD_MEMORY_GB", "2")
    allow(2**30, "x")
    monkeypatch.delenv("MISREAD_MEMORY_GB")
    assert limit_bytes() == 4 * 2**30
    for wrong in ("much", "-1", "nan", "0"):
        monkeypatch.setenv("MISREAD_MEMORY_GB", wrong)
        with pytest.raises(DataError, match="give a number of gigabytes"):
            limit_bytes()
