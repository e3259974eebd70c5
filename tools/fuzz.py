"""Try damaged files on every reader: `python tools/fuzz.py --seed 0 --minutes 5`.

Valid files are damaged in their bytes, within their packing (members of archives, with checksums
mended), and in their values (JSON, TOML, tables), and read. Each must be read, or refused by an
error of ours in one line, within limits of time and memory, with nothing on standard error. It
prints every distinct cause of anything else, and how far the files came; exit 1 where there is one.
"""

import argparse
import collections
import gzip
import hashlib
import io
import json
import multiprocessing as mp
import os
import platform
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
SECONDS, MORE_BYTES = 20, 3 * 2**30  # limits of one case
BATCH = 1000  # cases of one process
HEADER = re.compile(
    r"no archive|is empty|is no HDF5|no Parquet|cannot be unpacked|no text with|no TOML|JSON \("
    r"(Expecting|Extra|Invalid|Unterminated|'utf|Illegal)|no zip|not a zip|is no (PNG|IDX|gzip)|"
    r"was altered or cut|ends in|has no ending|single array|does not exist|starts with|magic"
)
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, 10**30, 1.5, float("nan"), float("inf"), "", "\0", "[red]",
    "../x", "nan", "x" * 5000, [], [1], [[1, 2], [3]], {}, {"a": 1},
)  # fmt: skip
TOKENS = (
    b"", b"nan", b"NaN", b"-1", b"1e400", b"0x1", b'"', b"\0", b"\xff\xfe", b"\xef\xbb\xbf",
    b"999999999999999999999",
    b"\r", b"\n\n", b",,", b"[", b"{", b"(", b"'", b"1.5", b"\xe2\x80\xae", b"\x1b[2J",
)  # fmt: skip


class Sample(NamedTuple):
    """A valid file by its name, and what reads it."""

    name: str
    content: bytes
    read: Callable[[Path], Any]
    weight: int = 10


# --- valid files ----------------------------------------------------------------------------------


def samples() -> list[Sample]:
    """Return a valid file for every reader."""
    import h5py
    import polars as pl
    from PIL import Image

    from misread.data.local import read_images
    from misread.data.pictures import decode_picture
    from misread.judge import judge
    from misread.judge.predictions import Predictions
    from misread.readers.answers import read_answers, with_answers
    from misread.readers.metadata import read_metadata
    from misread.readers.read import read_predictions
    from misread.study.file import load_study

    rng = np.random.default_rng(0)
    labels = np.arange(40) % 4
    preds = np.where(rng.random((3, 40)) < 0.8, labels, rng.integers(0, 4, (3, 40)))
    probs = np.eye(4, dtype=np.float32)[preds] * 0.7 + 0.1
    images = rng.integers(0, 256, (40, 6, 6)).astype(np.uint8)
    words = np.array(["ant", "bee", "cat", "dog"])
    sides = {
        "labels": labels,
        "predictions": preds,
        "seeds": np.arange(3),
        "ids": np.arange(40) + 7,
        "groups": labels,
        "disputed": labels == 3,
        "slice": np.array(["clean", "x"])[(np.arange(40) > 30).astype(int)],
    }
    sets = {"x_train": images[:32], "y_train": labels[:32], "x_test": images[32:] / 255.0,
            "y_test": labels[32:], "class_names": words}  # fmt: skip
    s, n = np.divmod(np.arange(120), 40)
    table = pl.DataFrame(
        {"seed": s, "id": n, "label": words[labels[n]], "prediction": words[preds.ravel()],
         "disputed": labels[n] % 2, "group": labels[n]}
    )  # fmt: skip
    text = table.write_csv().encode()

    def judged(path: Path) -> Any:
        side = read_predictions(path)
        if zlib.crc32(path.read_bytes()) % 4:  # judging takes most of the time
            return side
        return judge(side, side, cells=[(side.class_names[0], side.class_names[1])])

    def loaded(kind: str) -> Callable[[Path], Any]:
        from misread.data.check import check_dataset
        from misread.data.sources import KINDS

        def read(path: Path) -> Any:
            place = str(path.parent if kind in ("idx", "folder") else path)
            return check_dataset(*KINDS[kind].load(f"{kind}:{place}", place))

        return read

    def npz(**arrays: Any) -> bytes:
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **arrays)
        return file.getvalue()

    def h5(**arrays: Any) -> bytes:
        file = io.BytesIO()
        with h5py.File(file, "w") as store:
            for name, array in arrays.items():
                plain = array.astype("S") if array.dtype.kind == "U" else array
                store.create_dataset(name, data=plain, compression="gzip")
        return bytes(file.getvalue())

    def idx(array: Any) -> bytes:
        head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        return head + bytes(array.astype(np.uint8).tobytes())

    def picture(kind: str, mode: str) -> bytes:
        file = io.BytesIO()
        Image.fromarray(images[0]).resize((24, 24)).convert(mode).save(file, kind)
        return file.getvalue()

    pixels = pl.DataFrame(
        {"label": labels} | {f"p{k}": images[:, k // 6, k % 6] for k in range(36)}
    )
    parquet = io.BytesIO()
    table.write_parquet(parquet)
    side = Predictions.from_arrays(labels, preds)
    said = "id,answer\n" + "".join(f"{n},{('keep', 'wrong', '')[n % 3]}\n" for n in range(40))
    plain_idx = idx(images)
    return [
        Sample("x.npz", npz(**sides), judged, 20),
        Sample("p.npz", npz(labels=labels, probs=probs, class_names=words), judged),
        Sample("l.npz", npz(labels=words[labels], logits=probs, class_names=words), judged),
        Sample("x.csv", text, judged, 20),
        Sample("x.csv.gz", gzip.compress(text), judged),
        Sample("x.tsv", text.replace(b",", b"\t"), judged, 5),
        Sample("x.parquet", parquet.getvalue(), judged, 1),
        Sample("a.csv", said.encode(), lambda path: with_answers(side, read_answers(path)), 3),
        Sample("m.csv", said.encode(), lambda path: read_metadata(path, side), 3),
        Sample("d.npz", npz(**sets), loaded("npz"), 20),
        Sample("i.npz", npz(images=images, labels=labels), lambda path: read_images(path, 40), 5),
        Sample("d.h5", h5(**sets), loaded("h5"), 20),
        Sample("d.csv", pixels.write_csv().encode(), loaded("csv"), 10),
        Sample("train-images-idx3-ubyte", plain_idx, loaded("idx"), 10),
        Sample("train-images-idx3-ubyte.gz", gzip.compress(plain_idx), loaded("idx"), 5),
        Sample("train-labels-idx1-ubyte", idx(labels), loaded("idx"), 5),
        *(
            Sample(f"x.{kind.lower()}", picture(kind, mode),
                   lambda path: decode_picture(path.read_bytes(), str(path)), 4)
            for kind, mode in (("PNG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "RGB"),
                               ("TIFF", "RGB"))
        ),
        Sample("study.toml", (PROJECT / "src/misread/studies/four-nine.toml").read_bytes(),
               lambda path: load_study(str(path)), 15),
        *_of_folders(),
    ]  # fmt: skip


def _of_folders() -> Iterator[Sample]:
    """Yield the files of a study's folder, each read with the rest of it as it was."""
    from misread.study.evidence import load_evidence

    whole = Path(tempfile.mkdtemp(prefix="misread-fuzz-"))
    with zipfile.ZipFile(PROJECT / "tests/folders/trial.zip") as archive:
        archive.extractall(whole)
    (plan,) = whole.rglob("plan.json")
    home = plan.parent
    run = "arms/documented/seed_42"
    names = ["plan.json", "errors.json", "preview.json"]
    names += [f"{run}/{path.name}" for path in sorted((home / run).iterdir())]

    def reader(name: str) -> Callable[[Path], Any]:
        def read(path: Path) -> Any:
            there, before = home / name, (home / name).read_bytes()
            result = home / run / "result.json"
            kept = result.read_bytes()
            try:
                there.write_bytes(path.read_bytes())
                if there.name != "result.json" and there.parent == result.parent:
                    stated = json.loads(kept)  # as if whoever altered it had mended the hash
                    stated["sha256"][there.name] = hashlib.sha256(there.read_bytes()).hexdigest()
                    result.write_text(json.dumps(stated))
                evidence = load_evidence(home)
                for runs in evidence.runs.values():
                    _ = runs.histories, runs.results, runs.environments, runs.probs_SNK.shape
                return evidence
            finally:
                result.write_bytes(kept)
                there.write_bytes(before)

        return read

    for name in names:
        if (home / name).exists():
            yield Sample(Path(name).name, (home / name).read_bytes(), reader(name), 4)


# --- damage ---------------------------------------------------------------------------------------


def damaged(content: bytes, name: str, random: Random) -> bytes:
    """Return content with one to four things changed, mostly within its packing."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        way = (lambda c, r: _within(c, name, r)) if random.random() < 0.7 else _bytes
        try:
            content = way(content, random)
        except Exception:  # noqa: BLE001  what is damaged already may not be unpacked again
            content = _bytes(content, random)
    return content


def _bytes(content: bytes, random: Random) -> bytes:
    if not content:
        return bytes(random.randrange(256) for _ in range(random.randrange(20)))
    place, start = random.randrange(len(content)), random.randrange(len(content))
    rest = content[place:]
    number = random.choice((0, 1, 255, 2**16, 2**31, 2**32 - 1))
    changed = random.choice(
        (
            bytes([rest[0] ^ 1 << random.randrange(8)]) + rest[1:],
            b"",
            rest[random.randrange(1, 9) :],
            random.choice(TOKENS) + rest[random.randrange(3) :],
            number.to_bytes(4, random.choice(("big", "little"))) + rest[4:],
            content[start : start + random.randrange(64)] + rest,
            rest[:40] * random.randrange(2, 5) + rest,
        )
    )
    return content[:place] + changed


def _within(content: bytes, name: str, random: Random) -> bytes:
    """Change something below the packing: a member, a header, a value."""
    if name.endswith(".gz"):
        return gzip.compress(_within(gzip.decompress(content), name[:-3], random))
    if name.endswith(".npz"):
        return _member(content, random)
    if name.endswith(".json"):
        return json.dumps(_value(json.loads(content), random)).encode()
    if name.endswith(".toml"):
        return _toml(content, random)
    if name.endswith((".csv", ".tsv")):
        return _cell(content, random)
    if name.endswith(".png"):
        return _chunk(content, random)
    if "idx" in name and random.random() < 0.5:
        place = random.randrange(16)
        return content[:place] + bytes([random.choice((0, 1, 2, 7, 9, 255))]) + content[place + 1 :]
    return _bytes(content, random)


def _member(content: bytes, random: Random) -> bytes:
    """Change an array of an archive: its header, its type, its axes, its values, its name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(list(members))
    way = random.randrange(6)
    if way == 0:
        members[name] = _bytes(members[name], random)
    elif way == 1:
        head, body = members[name][:128], members[name][128:]
        members[name] = _bytes(head, random) + body
    elif way == 2:
        members[f"{random.choice(('x', name, 'labels', 'slice_0_ids'))}.npy"] = members.pop(name)
    elif way == 3:
        del members[name]
    else:
        array = np.load(io.BytesIO(members[name]), allow_pickle=False)
        file = io.BytesIO()
        np.save(file, _array(array, random), allow_pickle=False)
        members[name] = file.getvalue()
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, member in members.items():
            archive.writestr(name, member)
    return packed.getvalue()


def _few(shape: tuple[int, ...], random: Random) -> Any:
    return np.random.default_rng(random.randrange(99)).random(shape) < 0.1


def _array(array: Any, random: Random) -> Any:
    changed: list[Callable[[], Any]] = [
        lambda: array[:-1],
        lambda: array[..., None],
        lambda: array[None],
        lambda: array[:0],
        lambda: array.reshape(-1)[0],
        lambda: array.astype(random.choice(("f2", "f8", ">i4", "u1", "S4", "U4", "?", "c16"))),
        lambda: np.repeat(array, random.choice((2, 3)), axis=0),
        lambda: np.where(_few(array.shape, random), random.choice((-1, 255, 2**40)), array),
        lambda: array.astype("f8") + random.choice((0.5, np.nan, np.inf, 1e300)),
        lambda: array.astype("M8[D]"),
        lambda: np.zeros(len(array), [("a", "i4"), ("b", "f8")]),
        lambda: np.full(array.shape, random.choice(("", "nan", "[red]", "x" * 300, "\u202e"))),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return random.choice(changed)()


def _value(value: Any, random: Random) -> Any:
    """Change, drop or add one value somewhere in JSON."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        if random.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: _value(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        place = random.randrange(min(len(value), 3))
        return [*value[:place], _value(value[place], random), *value[place + 1 :]]
    return random.choice(VALUES)


def _toml(content: bytes, random: Random) -> bytes:
    lines = content.decode("utf-8", "replace").splitlines()
    place = random.randrange(len(lines))
    key, equals, _ = lines[place].partition("=")
    value = random.choice(VALUES)
    written = (
        json.dumps(value).replace("null", '""').replace("NaN", "nan").replace("Infinity", "inf")
    )
    lines[place] = f"{key}= {written}" if equals and random.random() < 0.8 else random.choice(lines)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _cell(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\n")
    place = random.choice((0, random.randrange(len(lines))))
    separator = b"\t" if b"\t" in lines[0] else b","
    cells = lines[place].split(separator)
    column = random.randrange(len(cells))
    cell = cells[column]
    other = random.choice((b"id", b"label", b"x")) if place == 0 else cell + b".0"
    ways: tuple[list[bytes], ...] = [random.choice(TOKENS)], [cell, cell], [], [other]
    cells[column : column + 1] = random.choice(ways)
    lines[place] = separator.join(cells)
    return b"\n".join(lines)


def _chunk(content: bytes, random: Random) -> bytes:
    """Change a chunk of a PNG and mend its checksum."""
    chunks, place = [], 8
    while place + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, place)
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += 12 + size
    number = random.randrange(len(chunks))
    kind, body = chunks[number]
    chunks[number] = (kind, _bytes(body, random))
    if random.random() < 0.2:
        chunks.insert(number, chunks[random.randrange(len(chunks))])
    return content[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


# --- trying ---------------------------------------------------------------------------------------


def attempt(sample: Sample, content: bytes, folder: Path) -> tuple[str, str]:
    """Return "read", "header" or "later" where it was refused, or "fault", and the cause."""
    from misread.errors import MisreadError

    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    path = folder / sample.name
    path.write_bytes(content)
    if "idx" in sample.name:
        for other in _OTHERS.values():
            if other.name.split("-")[1] != sample.name.split("-")[1]:
                (folder / other.name).write_bytes(other.content)
    try:
        sample.read(path)
    except MisreadError as error:
        said = str(error).replace(str(folder), "")
        if "\n" in said.strip() and "mistakes:\n- " not in said:  # a study has a line for each
            return "fault", f"a sentence of several lines: {said[:80]!r}"
        return ("header" if HEADER.search(said) else "later"), said[:60]
    except Exception as error:  # noqa: BLE001  whatever it is, it is what is looked for
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if "/misread/" in f.filename] or frames
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
        return "fault", f"{type(error).__name__} at {place} ({sample.name}): {str(error)[:90]!r}"
    return "read", ""


_OTHERS: dict[str, Sample] = {}


def batch(seed: int, first: int, n_cases: int, only: str, pipe: Any) -> None:
    """Try cases in a process of its own, under limits; report each before and after it."""
    every = [s for s in samples() if only in s.name]
    _OTHERS.update({s.name: s for s in samples() if "idx" in s.name and not s.name.endswith("gz")})
    folder, errors = Path(tempfile.mkdtemp()), tempfile.TemporaryFile()
    os.dup2(errors.fileno(), 2)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MORE_BYTES,) * 2)
    weights = [s.weight for s in every]

    def late(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    for number in range(first, first + n_cases):
        random = Random(f"{seed}-{number}")
        (sample,) = random.choices(every, weights)
        content = damaged(sample.content, sample.name, random)
        pipe.send(("begun", number, sample.name))
        errors.truncate(0)
        signal.alarm(SECONDS)
        try:
            what, cause = attempt(sample, content, folder)
        except TimeoutError:
            what, cause = "fault", f"more than {SECONDS} s ({sample.name})"
        finally:
            signal.alarm(0)
        errors.seek(0)
        if noise := errors.read(200):
            what, cause = "fault", f"on standard error ({sample.name}): {noise[:80]!r}"
        if what == "fault" and (kept := os.environ.get("MISREAD_FUZZ_KEEP")):
            (Path(kept) / f"{seed}-{number}-{sample.name}").write_bytes(content)
        pipe.send((what, number, cause))
    shutil.rmtree(folder)
    pipe.send(("end", 0, ""))


def run(
    seed: int, minutes: float, most: int, only: str
) -> tuple[collections.Counter[str], dict[str, list[int]]]:
    """Try cases for so long; return how many came how far, and which were faulty, by cause."""
    counts: collections.Counter[str] = collections.Counter()
    causes: dict[str, list[int]] = {}
    end, number = time.monotonic() + 60 * minutes, 0
    context = mp.get_context("spawn")
    while time.monotonic() < end and number < most:
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(
            target=batch, args=(seed, number, min(BATCH, most - number), only, theirs)
        )
        child.start()
        theirs.close()
        at, name = number, "start"
        while True:
            try:
                what, at_, said = mine.recv()
            except EOFError:
                cause = f"the process died of it, exit {child.exitcode or '?'} ({name})"
                counts["fault"] += 1
                causes.setdefault(cause, []).append(at)
                number = at + 1
                break
            if what == "begun":
                at, name = at_, said
            elif what == "end":
                number = at + 1
                break
            else:
                counts[what] += 1
                if what == "fault":
                    causes.setdefault(re.sub(r"\d{3,}", "…", said), []).append(at_)
            if time.monotonic() > end:
                number = most
                child.terminate()
                break
        child.join()
    return counts, causes


def main() -> None:
    """Try, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--cases", type=int, default=10**9, help="the most cases")
    parser.add_argument("--only", default="", help="only files with this in their name")
    asked = parser.parse_args()
    counts, causes = run(asked.seed, asked.minutes, asked.cases, asked.only)
    for cause, numbers in sorted(causes.items(), key=lambda item: -len(item[1])):
        print(f"{len(numbers):>6} × {cause}; case {numbers[0]}")
    total = max(counts.total(), 1)
    deep = counts["read"] + counts["later"]
    print(
        f"{counts.total():,} cases, seed {asked.seed}: {counts['read']:,} read, "
        f"{counts['header']:,} refused at the header, {counts['later']:,} later "
        f"({100 * deep / total:.0f}% got past the header), {counts['fault']:,} faults of "
        f"{len(causes)} causes."
    )
    from importlib.metadata import version

    names = ("misread", "numpy", "polars", "h5py", "opencv-python-headless", "pillow", "pydantic")
    print(f"Python {platform.python_version()}, {', '.join(f'{n} {version(n)}' for n in names)}.")
    sys.exit(bool(causes) or 10 * deep < 3 * total)


if __name__ == "__main__":
    main()
