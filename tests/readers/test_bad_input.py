"""Whatever is given to `misread judge`: a verdict, or one clear sentence and exit code 2."""

import gzip
import io
import os
import re
import resource
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from misread.cli import main

LABELS = np.arange(60) % 3
READ = np.array([LABELS, np.where(np.arange(60) < 9, 1, LABELS)])
HEADER = "seed,id,label,prediction\n"
ROWS = "".join(f"{s},{n},{n % 3},{READ[s, n]}\n" for s in (0, 1) for n in range(60))
TWO_GB = 2 * 2**30


def judge(before, after, *options, cell="0:1"):
    arguments = ["judge", str(before), str(after), "--cell", cell, *options]
    return CliRunner().invoke(main, arguments)


def refused(done):
    """Return the one sentence; anything but a refusal as it should be fails."""
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2, done.output
    assert done.output.startswith("misread: "), done.output
    assert done.output.count("\n") == 1, done.output
    return done.output.removeprefix("misread: ").strip()


def npz(**change):
    buffer = io.BytesIO()
    arrays = {"labels": LABELS, "predictions": READ} | change
    np.savez(buffer, **{name: value for name, value in arrays.items() if value is not None})
    return buffer.getvalue()


def parquet(**change):
    s, n = np.divmod(np.arange(120), 60)
    columns = {"seed": s, "id": n, "label": LABELS[n], "prediction": READ.ravel()} | change
    buffer = io.BytesIO()
    pl.DataFrame(columns, strict=False).write_parquet(buffer)
    return buffer.getvalue()


def lying(shape, n_bytes=480):
    """Return an NPZ of which one header claims another shape than is there."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, claimed in (("labels", (60,)), ("predictions", shape)):
            with archive.open(f"{name}.npy", "w") as file:
                header = {"descr": "<i8", "fortran_order": False, "shape": claimed}
                np.lib.format.write_array_header_1_0(file, header)
                file.write(bytes(n_bytes))
    return buffer.getvalue()


BAD = {
    "wrong lengths.npz": npz(predictions=READ[:, :-1]),
    "rows and columns exchanged.npz": npz(predictions=READ.T),
    "NaN.npz": npz(predictions=np.where(READ == 2, np.nan, READ)),
    "NaN labels.npz": npz(labels=np.where(LABELS == 2, np.nan, LABELS)),
    "fractions.npz": npz(predictions=READ + 0.5),
    "a negative class.npz": npz(labels=LABELS - 1),
    "more classes than names.npz": npz(class_names=["a", "b"]),
    "a name twice.npz": npz(class_names=["a", "b", "a"]),
    "names that lack one.npz": npz(labels=np.array(list("abc"))[LABELS], class_names=["a", "b"]),
    "one seed name for two.npz": npz(seeds=[1]),
    "a seed twice.npz": npz(seeds=[1, 1]),
    "an id twice.npz": npz(ids=LABELS),
    "too few ids.npz": npz(ids=[1, 2]),
    "too few slices.npz": npz(slice=["a"]),
    "disputed fractions.npz": npz(disputed=LABELS / 4),
    "no labels.npz": npz(labels=None),
    "no predictions.npz": npz(predictions=None),
    "objects.npz": npz(predictions=np.array([[None] * 60])),
    "labels of objects.npz": npz(labels=np.array([{}] * 60)),
    "dates.npz": npz(labels=np.full(60, "2020-01-01", "M8[D]")),
    "no images.npz": npz(labels=LABELS[:0], predictions=READ[:, :0]),
    "no seeds.npz": npz(predictions=READ[:0]),
    "four axes.npz": npz(predictions=READ[np.newaxis, np.newaxis]),
    "a number.npz": npz(labels=np.int64(1)),
    "probabilities of nothing.npz": npz(predictions=None, probs=np.zeros((2, 60, 0))),
    "a header that claims more.npz": lying((10**6, 10**6)),
    "a header beyond all numbers.npz": lying((10**30, 10**30)),
    "an empty archive.npz": b"PK\x05\x06" + bytes(18),
    "no archive.npz": b"labels",
    "half an archive.npz": npz()[: len(npz()) // 2],
    "empty.npz": b"",
    "empty.csv": b"",
    "empty.csv.gz": gzip.compress(b""),
    "empty.parquet": b"",
    "header only.csv": HEADER.encode(),
    "a blank first line.csv": b" \r\n" + (HEADER + ROWS).encode(),
    "no rows.parquet": parquet(**{n: [] for n in ("seed", "id", "label", "prediction")}),
    "no label column.csv": (HEADER + ROWS).replace("label", "shown").encode(),
    "no column at all.parquet": io.BytesIO(b"PAR1" + bytes(20) + b"PAR1").getvalue(),
    "half a file.parquet": parquet()[:-9],
    "NaN.csv": (HEADER + ROWS).replace("1,7,1,1", "1,7,1,NaN").encode(),
    "a missing label.csv": (HEADER + ROWS).replace("1,7,1,1", "1,7,,1").encode(),
    "a missing prediction.parquet": parquet(prediction=[None, *READ.ravel()[1:].tolist()]),
    "a seed and id twice.csv": (HEADER + ROWS + "1,7,1,1\n").encode(),
    "a seed and id missing.csv": (HEADER + ROWS).replace("1,7,1,1\n", "").encode(),
    "two labels.csv": (HEADER + ROWS).replace("1,7,1,1\n", "1,7,2,1\n").encode(),
    "ragged.csv": (HEADER + ROWS).replace("1,7,1,1\n", "1,7,1,1,1,1\n").encode(),
    "no text.csv": HEADER.encode() + bytes(range(256)),
    "not packed.csv.gz": (HEADER + ROWS).encode(),
    "half packed.csv.gz": gzip.compress((HEADER + ROWS).encode())[:-20],
    "lists.parquet": parquet(label=[[0]] * 120),
    "a table.xlsx": b"PK\x03\x04",
    "no suffix": b"1",
}


@pytest.fixture(scope="module")
def folder():
    path = Path(tempfile.mkdtemp())  # not below pytest's, which others may not enter
    path.chmod(0o755)
    (path / "good.npz").write_bytes(npz())
    (path / "good.csv").write_text(HEADER + ROWS)
    for name, content in BAD.items():
        (path / name).write_bytes(content)
    yield path
    shutil.rmtree(path)


def told(folder, done):
    return refused(done).replace(str(folder), "TMP")


def test_every_bad_file_has_its_sentence(folder, snapshot):
    sentences = {name: told(folder, judge(folder / "good.npz", folder / name)) for name in BAD}
    # What other libraries say of a damaged file is theirs to change.
    theirs = re.compile(r"(cannot be [\w ]+) \((?!its? ).*?\);")
    assert {name: theirs.sub(r"\1 (…);", said) for name, said in sentences.items()} == snapshot


def test_every_other_refusal_has_its_sentence(folder, snapshot):
    good, table = folder / "good.npz", folder / "good.csv"
    words = folder / "words.npz"
    words.write_bytes(
        npz(labels=np.array(list("abc"))[LABELS], predictions=np.array(list("abc"))[READ])
    )
    other = folder / "other.npz"
    other.write_bytes(npz(labels=np.roll(LABELS, 1)))
    one = folder / "one.npz"
    one.write_bytes(npz(labels=LABELS * 0, predictions=READ * 0))
    (folder / "arms" / "both" / "seed_1").mkdir(parents=True, exist_ok=True)
    cases = {
        "a folder": judge(folder / "arms" / "both" / "seed_1", good),
        "a study": judge(folder, good),
        "an unfinished arm": judge(folder / "arms" / "both", good),
        "numbers and words": judge(good, words),
        "other labels": judge(good, other),
        "an arm of a table": judge(f"{table}#both", good),
        "one class only": judge(one, one),
        "a class that never occurs": judge(good, good, cell="0:7"),
        "a margin without a kind": judge(good, good, "--margin", "0.1"),
        "a margin of another kind": judge(good, good, "--margin", "speed=0.1"),
        "a margin beyond one": judge(good, good, "--margin", "cell=7"),
        "a margin that is no number": judge(good, good, "--margin", "cell=nan"),
        "a slice without files": judge(good, good, "--slice", "thin"),
        "a slice with one file": judge(good, good, "--slice", f"thin={good}"),
        "a slice of other seeds": judge(good, good, "--slice", f"thin={table},{one}#labels"),
        "the same cell twice": judge(good, good, "--cell", "0:1"),
    }
    assert {name: told(folder, done) for name, done in cases.items()} == snapshot


def test_of_many_arrays_those_are_named_that_could_be_meant(folder):
    many = folder / "many.npz"
    thin = {f"thin {arm}": READ[:, :9] for arm in ("before", "after")}
    many.write_bytes(npz(predictions=None, before=READ, after=READ, seeds=[1, 2], **thin))
    told = refused(judge(f"{many}#nope", many))
    assert "there is no array 'nope'; those with a column per label are: before, after. It" in told


def test_a_file_that_may_not_be_read(folder):
    secret = folder / "secret.npz"
    secret.write_bytes(npz())
    secret.chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)  # root may read anything
    try:
        done = judge(secret, folder / "good.npz")
    finally:
        os.seteuid(was)
    assert told(folder, done) == (
        "TMP/secret.npz cannot be read: permission denied; ask for the permission or copy it."
    )


@pytest.mark.parametrize(
    "start", [b"", b"PK\x03\x04", b"PAR1", b"seed;id;label;prediction", b"\x1f\x8b\x08", b"a,b\n"]
)
@pytest.mark.parametrize("suffix", [".npz", ".csv", ".csv.gz", ".parquet"])
def test_two_gigabytes_with_a_wrong_header_are_refused_at_once(tmp_path, start, suffix, folder):
    path = tmp_path / f"large{suffix}"
    path.write_bytes(start)
    os.truncate(path, TWO_GB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(judge(path, folder / "good.npz"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_an_archive_that_claims_more_than_memory(tmp_path, folder, monkeypatch):
    path = tmp_path / "large.npz"
    np.savez_compressed(path, labels=LABELS, predictions=np.zeros((2, 10**6), np.uint8))
    monkeypatch.setenv("MISREAD_MEMORY_GB", "0.001")
    assert "would take 0.0 GB of memory, and 0.001 are allowed" in refused(
        judge(path, folder / "good.npz")
    )

    def full(*_, **__):
        raise MemoryError

    monkeypatch.undo()
    monkeypatch.setattr(np.lib.format, "read_array", full)
    assert "does not fit into this machine's memory" in refused(judge(path, folder / "good.npz"))


def test_a_packed_table_that_unpacks_to_more_than_is_allowed(tmp_path, folder, monkeypatch):
    path = tmp_path / "large.csv.gz"
    path.write_bytes(gzip.compress((HEADER + ROWS + "1,7,1,1\n" * 10**5).encode()))  # 800 kB
    monkeypatch.setenv("MISREAD_MEMORY_GB", "0.001")
    assert "its text would take 0.0 GB of memory" in refused(judge(path, folder / "good.csv"))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (READ, READ, "UNDERPOWERED|NOT SHOWN"),  # all agree
        (READ * 0 + LABELS, READ * 0 + LABELS, "NOT SHOWN"),  # a cell without errors
        ((READ + 1) % 3, (READ + 2) % 3, "HARM"),  # none agree
        (READ * 0, READ * 0 + 1, "HARM"),  # one class read, then the other
        (READ[:1], READ[:1], "UNDERPOWERED|NOT SHOWN"),  # one seed each
        (READ[0], READ[1], "HARM|UNDERPOWERED|NOT SHOWN"),  # without an axis of seeds
    ],
)
def test_odd_input_has_a_verdict(tmp_path, before, after, expected):
    (tmp_path / "b.npz").write_bytes(npz(predictions=before))
    (tmp_path / "a.npz").write_bytes(npz(predictions=after))
    done = judge(tmp_path / "b.npz", tmp_path / "a.npz")
    assert done.exit_code == 0, done.output
    assert re.match(rf"(WARNING: ([^:]*: )?[^:]*[.?]\n)*({expected})", done.output), done.output
    gate = judge(tmp_path / "b.npz", tmp_path / "a.npz", "--gate")
    assert gate.exit_code == 1


def holds(done):
    """Whether a run ended as it may: with a verdict or with one sentence."""
    if done.exit_code == 0 and done.exception is None:
        assert re.match(r"([A-Z][^·]*[.?]\n)*(REDUCED|NOT SHOWN|UNDERPOWERED|HARM)", done.output)
    else:
        refused(done)


def quick(n):
    return settings(
        max_examples=n, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )


CLASSES = st.sampled_from([0, 1, 2, 3, -1, 10**6, 0.5, float("nan"), "a", "b", "", None, True])
DTYPES = st.sampled_from(
    [np.uint8, np.int64, np.uint64, np.float16, np.float64, np.bool_, "U2", "S2"]
)


@st.composite
def arrays(draw, max_axes=3):
    shape = draw(st.lists(st.sampled_from([0, 1, 2, 4]), max_size=max_axes))
    dtype = draw(DTYPES)
    values = draw(st.lists(st.integers(0, 3), min_size=1, max_size=8))
    return np.resize(np.array(values), shape).astype(dtype)


@given(
    st.fixed_dictionaries(
        {"labels": st.just(np.array([0, 1, 1, 2])) | arrays()},
        optional={
            "predictions": st.just(np.array([[0, 1, 2, 2], [0, 0, 1, 1]])) | arrays(),
            "probs": arrays(),
            "seeds": st.just([1, 2]) | arrays(1),
            "ids": st.just(["a", "b", "c", "d"]) | arrays(1),
            "class_names": st.just(["0", "1", "2", "3"]) | arrays(1),
            "disputed": arrays(1),
            "slice": st.just(["clean", "x", "x", ""]) | arrays(1),
        },
    )
)
@quick(150)
def test_any_arrays(folder, content):
    np.savez(folder / "any.npz", **content)
    holds(judge(folder / "any.npz", folder / "any.npz"))


@given(st.data(), st.sampled_from([*[".csv"] * 5, ".parquet"]))  # which starts two processes
@quick(60)
def test_any_table(folder, data, suffix):
    n = data.draw(st.integers(0, 6))
    cells = st.lists(CLASSES, min_size=n, max_size=n) | st.just([0, 1, 2, 0, 1, 2][:n])
    columns = {name: data.draw(cells) for name in ("id", "label", "prediction")}
    for name in data.draw(st.sets(st.sampled_from(["seed", "slice", "disputed", "more"]))):
        columns[name] = data.draw(cells)
    if data.draw(st.booleans()):
        columns["id"] = list(range(n))
    frame = pl.DataFrame(
        [pl.Series(k, [None if v is None else str(v) for v in vs]) for k, vs in columns.items()]
    )
    path = folder / f"any{suffix}"
    (frame.write_csv if suffix == ".csv" else frame.write_parquet)(path)
    holds(judge(path, path))


@given(st.sampled_from([".npz", ".csv", ".csv.gz", ".npz", ".csv"]), st.data())
@quick(150)
def test_any_damage(folder, suffix, data):
    text = (HEADER + ROWS).encode()
    content = damaged(data, {".npz": npz(), ".csv": text, ".csv.gz": gzip.compress(text)}[suffix])
    path = folder / f"damaged{suffix}"
    path.write_bytes(content)
    holds(judge(path, path))


@given(st.data())
@quick(10)  # each starts a process
def test_any_damage_to_parquet(folder, data):
    path = folder / "damaged.parquet"
    path.write_bytes(damaged(data, parquet()))
    holds(judge(path, path))


def damaged(data, content):
    """Return the content with some bytes changed, put in or cut out."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        way = data.draw(st.integers(0, 2))
        changed[place : place + (way != 1)] = data.draw(st.binary(max_size=3 if way else 1))
    return bytes(changed)


def test_an_arbitrary_option(folder):
    good = folder / "good.npz"

    @given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
    @example("0:1", "cell=.1", "a=,")
    @quick(40)
    def any_text(cell, margin, part):
        options = ["--margin", margin] * bool(margin) + [f"--slice={part}"] * bool(part)
        holds(judge(good, good, *options, f"--cell={cell}"))

    any_text()


def test_letters_that_do_not_exist(folder):
    names = np.array(["ant", "bee", "cat"])
    names.view(np.uint32)[0] = 0x7FFFFFFF
    (folder / "letters.npz").write_bytes(npz(class_names=names))
    assert "letters that do not exist" in refused(
        judge(folder / "good.npz", folder / "letters.npz")
    )
