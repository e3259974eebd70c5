"""Predictions from files and folders that anyone can make; nothing in them is ever executed."""

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from misread.data.child import check_parquet
from misread.data.mnist import load_mnist
from misread.data.parts import stratified_subset
from misread.errors import DataError, JudgeError
from misread.judge.checks import refuse_repeats
from misread.judge.classes import in_order
from misread.judge.predictions import Predictions
from misread.judge.tables import KNOWN, NEEDED
from misread.memory import allow
from misread.npz import Archive
from misread.readers.archive import read_npz
from misread.readers.heads import Heads
from misread.store import check_readings

_FIRST_BYTES = 2**16  # the header of a CSV lies within


def read_predictions(
    source: str | Path,
    *,
    columns: Mapping[str, str] = MappingProxyType({}),
    on_note: Callable[[str], None] = lambda _: None,
) -> Predictions:
    """Read one side: labels, and what each seed predicted.

    Parameters
    ----------
    source : str or Path
        One of

        - an NPZ with `labels` `[N]` and `predictions` `[S,N]` or `probs` `[S,N,K]`, and if wanted
          `seeds` `[S]`, `ids` `[N]`, `class_names` `[K]`, `disputed` `[N]`, `groups` `[N]`,
          `slice` `[N]` and `held_out` `[S,N]` (which images each seed has not learnt);
          ``FILE#ARM`` takes the array `ARM` for `predictions`;
        - a CSV (also gzipped) or Parquet with the columns of `misread.readers.tables.from_columns`;
        - the folder of an arm, as `misread run` writes it: `seed_*/predictions.npz`. Of MNIST it
          comes with its writers as groups.

    columns : mapping of str to str
        Names that columns of a table have in place of ``label``, ``prediction`` and the like. Where
        these are not there, well-known names such as ``y_true`` and ``y_pred`` are taken for them.
    on_note : callable
        Called with a sentence where a column was taken by a well-known name.

    Returns
    -------
    Predictions
        Checked.

    Raises
    ------
    DataError
        If it cannot be read, or holds something else.
    """
    path, arm = Path(source), ""
    if "\0" in str(source):
        msg = f"{str(source)!r} is not a path: it holds a NUL byte; type it again."
        raise DataError(msg)
    try:
        if "#" in str(source) and not path.exists():
            text, _, arm = str(source).rpartition("#")
            path = Path(text)
        is_table = not (path.is_dir() or path.name.lower().endswith(".npz"))
        if columns and path.exists() and not is_table:
            head = next(iter(columns.values()))
            msg = (
                f"{path} is not a table and has no column {head!r}; leave out the names of columns."
            )
            raise DataError(msg)
        if path.is_dir():
            return _read_folder(path)
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise DataError(_why_not(path, error)) from None
    if is_empty:
        msg = f"{path} is empty; give a file with predictions."
        raise DataError(msg)
    name = path.name.lower()
    reader = next((read for suffix, read in _READERS.items() if name.endswith(suffix)), None)
    if reader is None:
        has = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        msg = f"{path} {has}; allowed are {', '.join(_READERS)}: convert it."
        raise DataError(msg)
    if arm and not name.endswith(".npz"):
        msg = f"{path}#{arm}: only an NPZ has arrays to choose from; leave out #{arm}."
        raise DataError(msg)
    with _about(path):
        return reader(path, arm, Heads(columns, on_note))


def _read_table(scan: Callable[[], Any], heads_as: Heads) -> Predictions:
    import polars as pl  # noqa: PLC0415  half a second that other files need not wait

    from misread.readers.tables import from_columns  # noqa: PLC0415

    try:
        frame = scan()
        heads = frame.collect_schema().names()
        names = heads_as.resolve([head.strip() for head in heads])
        refuse_repeats("columns", [name for name in names if name in KNOWN])
        head_of = dict(zip(names, heads, strict=True))
        return from_columns(names, lambda name: frame.select(head_of[name]).collect().to_series())
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).partition("\n")[0]
        msg = f"cannot be read as a table ({reason}); save it again."
        raise DataError(msg) from None


def _read_csv(path: Path, _: str, heads_as: Heads) -> Predictions:
    import polars as pl  # noqa: PLC0415

    opened = gzip.open if path.suffix.lower() == ".gz" else open
    allow(2 * path.stat().st_size, "its text")
    try:
        with opened(path, "rb") as file:
            start = file.read(_FIRST_BYTES)
            is_text = b"\0" not in start and b"\n" in start
            if is_text and opened is gzip.open:
                n_bytes = len(start)
                while chunk := file.read(2**24):
                    n_bytes += len(chunk)
                    allow(2 * n_bytes, "its text")
    except (OSError, EOFError, zlib.error) as error:
        msg = f"cannot be unpacked ({error}); save it again."
        raise DataError(msg) from None
    header, newline, _rest = start.lstrip(b"\r\n").partition(b"\n")
    if b"\0" in start or (not newline and len(start) == _FIRST_BYTES):
        msg = "this is no text with a line of column names; needed are seed, id, label, prediction."
        raise DataError(msg)
    if not header.strip(b"\xef\xbb\xbf \t\r"):
        blank = "its first line is blank; remove it, so that the column names come first."
        msg = blank if start else "it is empty; give a file with predictions."
        raise DataError(msg)
    separator, names = _columns_of(header.decode("utf-8", "replace"), heads_as)

    def scan() -> pl.LazyFrame:
        frame = pl.scan_csv(
            path,
            glob=False,
            separator=separator,
            infer_schema=False,
            with_column_names=lambda given: names if len(given) == len(names) else given,
        )
        # Rows with fields too many are noticed only where all columns are asked for.
        frame.select(pl.all().null_count()).collect()
        return frame

    return _read_table(scan, heads_as)


def _columns_of(header: str, heads_as: Heads) -> tuple[str, list[str]]:
    """Return the separator of a table and its columns' names; those that count stand there once."""
    line = header.strip("\ufeff\r\n")
    if "\r" in line:
        msg = "its first line holds a line break of another kind; needed is a line of column names."
        raise DataError(msg)
    try:
        ways = {s: next(csv.reader([line], delimiter=s), []) for s in ",;\t|"}
    except csv.Error as error:
        msg = f"its line of column names cannot be read ({error}); save it again."
        raise DataError(msg) from None
    ways = {s: [name.strip() for name in names] for s, names in ways.items()}
    separator = max(ways, key=lambda s: ({*NEEDED} <= {*heads_as.as_ours(ways[s])}, len(ways[s])))
    names = ways[separator]
    refuse_repeats("columns", [name for name in names if name in KNOWN])
    return separator, [n if names.count(n) == 1 else f"{n}#{k}" for k, n in enumerate(names)]


def _read_parquet(path: Path, _: str, heads_as: Heads) -> Predictions:
    import polars as pl  # noqa: PLC0415

    check_parquet(path, (*KNOWN, *heads_as.all_heads))
    return _read_table(lambda: pl.scan_parquet(path, glob=False), heads_as)


def _read_folder(path: Path) -> Predictions:
    folders = {part.name.removeprefix("seed_"): part for part in path.glob("seed_*")}
    seeds = in_order(folders)
    if not seeds:
        arms = sorted(part.parent.name for part in path.glob("arms/*/seed_*"))
        hint = f", such as {path}/arms/{arms[0]}" if arms else ""
        msg = (
            f"{path} is a folder without seed_*/predictions.npz; give a file, or the folder of an "
            f"arm of a study{hint}."
        )
        raise DataError(msg)
    unread = [seed for seed in seeds if not (folders[seed] / "predictions.npz").exists()]
    if unread:
        msg = (
            f"{path}: {len(unread)} of {len(seeds)} seeds have no predictions.npz yet, for example "
            f"seed_{unread[0]}; finish the study first."
        )
        raise DataError(msg)
    runs = [_read_run(folders[seed] / "predictions.npz") for seed in seeds]
    if "groups" not in runs[0]:
        groups_N = _writers(folders[seeds[0]] / "config.json")
        runs[0] |= {} if groups_N is None else {"groups": groups_N}
    with _about(path):
        side = side_of_runs(runs, seeds)
    if not (folders[seeds[0]] / "held_out.npz").exists():
        return side
    note = "The arms of a study: confirm alone counts here, and held-out images too in its verdict."
    return replace(side, notes=(note,))


def _read_run(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of one run, without its probabilities."""
    with _about(path):
        try:
            with Archive(path) as archive:
                arrays = {name: archive.read(name) for name in archive.names if name != "probs"}
        except (ValueError, OSError) as error:
            msg = f"cannot be read as NPZ ({error}); run the study again."
            raise DataError(msg) from None
        try:
            return check_readings(arrays)
        except ValueError as error:
            msg = f"holds other readings than misread writes ({error}); run the study again."
            raise DataError(msg) from None


def _writers(config: Path) -> npt.NDArray[np.int64] | None:
    """Return the writers of the test images where an earlier version has not stored them."""
    try:
        run = json.loads(config.read_text("utf-8"))
        dataset, confirm_size = run["dataset"], int(run["confirm_size"] or 0) or None
    except (OSError, ValueError, TypeError, KeyError):
        return None  # a folder that someone else made
    if dataset != "mnist":
        return None
    test = load_mnist()[1]
    return test.take(stratified_subset(test.labels_N, confirm_size)).groups_N


def side_of_runs(
    runs: Sequence[Mapping[str, npt.NDArray[Any]]],
    seeds: Sequence[str],
    class_names: tuple[str, ...] | None = None,
) -> Predictions:
    """Return one side from an arm's runs, arrays as `RunFolder.predictions` returns them, by seed.

    Views of the same treatment become one slice, of all classes that it was for; the images of a
    slice are those of *confirm* by number. Without `class_names` classes are numbers. DataError if
    the runs did not read the same images.
    """
    first = runs[0]
    labels_N = first["labels"]
    for seed, run in zip(seeds, runs, strict=True):
        same = [n for n in first if n in ("labels", "slice_names") or n.endswith("_ids")]
        if any(not np.array_equal(first[name], run.get(name, ())) for name in same):
            msg = f"seed_{seed} did not read the same images as seed_{seeds[0]}; run them again."
            raise DataError(msg)
    rows = np.concatenate([np.atleast_2d(run["predictions"]) for run in runs])
    groups_N = first.get("groups")
    if groups_N is not None and groups_N.size != labels_N.size:
        groups_N = None
    numbers_of: dict[str, list[int]] = {}
    for number, name in enumerate(_treatments(first)):
        numbers_of.setdefault(name, []).append(number)
    slices = {
        name: [np.concatenate([run[f"slice_{k}_predictions"] for k in numbers]) for run in runs]
        for name, numbers in numbers_of.items()
    }
    largest = max(int(read.max()) for read in (labels_N, rows, *chain(*slices.values())))
    side = Predictions.from_arrays(
        labels_N,
        rows,
        class_names=class_names or range(largest + 1),
        seeds=seeds,
        disputed_N=first.get("disputed"),
        groups=groups_N,
    )
    for name, numbers in numbers_of.items():
        ids_M = np.concatenate([first[f"slice_{k}_ids"] for k in numbers])
        side = side.with_view(name, np.stack(slices[name]), ids_M)
    return side


def _treatments(run: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    """Return what was done to the images of each slice; files of before have it in the name."""
    if "slice_treatments" in run:
        return [str(name) for name in run["slice_treatments"].tolist()]
    names = run.get("slice_names", np.array([], dtype="U")).tolist()
    return [str(name).rpartition(" · ")[0] or str(name) for name in names]


_READERS: dict[str, Callable[[Path, str, Heads], Predictions]] = {
    ".npz": lambda path, arm, _: read_npz(path, arm),
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".csv.gz": _read_csv,
    ".tsv.gz": _read_csv,
    ".parquet": _read_parquet,
}


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Begin messages with the name of the file."""
    try:
        yield
    except (DataError, JudgeError) as error:
        msg = f"{path}: {error}".replace("\n", " ")
        raise DataError(msg) from None
    except OSError as error:
        raise DataError(_why_not(path, error)) from None
    except MemoryError:
        msg = f"{path} does not fit into this machine's memory; give fewer images or seeds."
        raise DataError(msg) from None


def _why_not(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist; give a file with predictions ({', '.join(_READERS)})."
    if isinstance(error, PermissionError):
        return f"{path} cannot be read: permission denied; ask for the permission or copy it."
    return f"{path} cannot be read: {error.strerror or error}; mend that."
