"""Every form of predictions, with everything odd that people write: `python tools/forms.py`.

One set of readings is written in each form with each oddity and read again. It must come out as it
was meant, or be refused in a sentence; anything else is wrong, and there must be none.
"""

import argparse
import gzip
import io
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl

from misread.errors import DataError, JudgeError
from misread.judge import Predictions
from misread.readers.convert import from_scores
from misread.readers.read import read_predictions

NUMBERS, NAMES = (0, 1, 2, 3), ("ant", "bee", "cat", "dog")
MISSING = (None, float("nan"), "", " ", "NaN", "nan", "NA", "N/A", "null", "NULL", "<NA>", "None")
READ, REFUSED = "read", "refused"


@dataclass(frozen=True)
class Side:
    """Readings as people hold them: values as written, S rows of N predictions."""

    labels: list[Any]
    preds: list[list[Any]]
    classes: tuple[Any, ...]
    seeds: list[Any] | None
    ids: list[Any] | None
    heads: dict[str, str] = field(default_factory=dict)
    order: Sequence[int] | None = None  # of the rows of a long table
    doubled: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """S and N."""
        return len(self.preds), len(self.labels)

    @property
    def is_plain(self) -> bool:
        """True where forms without names of columns and without rows can hold it."""
        return not (self.heads or self.doubled or self.order is not None)

    def rows(self) -> dict[str, list[Any]]:
        """Return the columns of a long table."""
        n_seeds, n_images = self.size
        columns = {
            "seed": self.seeds and [seed for seed in self.seeds for _ in range(n_images)],
            "id": self.ids and self.ids * n_seeds,
            "label": self.labels * n_seeds,
            "prediction": [value for row in self.preds for value in row],
        }
        order = range(n_seeds * n_images) if self.order is None else self.order
        return {
            self.heads.get(name, name): [values[n] for n in order]
            for name, values in columns.items()
            if values
        }


def readings(seed: int, classes: tuple[Any, ...], n_seeds: int = 3, n_images: int = 24) -> Side:
    """Return readings of which every class occurs among labels and predictions."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n_images) % len(classes)
    rows = np.where(rng.random((n_seeds, n_images)) < 0.8, codes, rng.permutation(codes))
    return Side(
        [classes[k] for k in codes],
        [[classes[k] for k in row] for row in rows],
        classes,
        [11 + s for s in range(n_seeds)],
        [f"img_{n}" for n in rng.permutation(n_images)],
    )


# --- forms ----------------------------------------------------------------------------------------


def _npz(side: Side, folder: Path, change: Callable[[str, Any], Any] = lambda _, a: a) -> Any:
    if side.doubled or side.order is not None:
        return None
    arrays = {"labels": side.labels, "predictions": side.preds, "seeds": side.seeds}
    arrays = {k: change(k, np.array(v)) for k, v in (arrays | {"ids": side.ids}).items() if v}
    return _saved(folder, {side.heads.get(k, k): array for k, array in arrays.items()})


def _saved(folder: Path, arrays: dict[str, Any]) -> Any:
    if any(array.dtype.kind == "O" for array in arrays.values()):
        return None
    np.savez(folder / "x.npz", allow_pickle=False, **arrays)
    return read_predictions(folder / "x.npz")


def _codes(side: Side) -> tuple[Any, Any] | None:
    place = {name: k for k, name in enumerate(side.classes)}
    if not {*side.labels, *(v for row in side.preds for v in row)} <= place.keys():
        return None
    return [place[v] for v in side.labels], np.array([[place[v] for v in r] for r in side.preds])


def _scores(side: Side, folder: Path, name: str, dtype: str) -> Any:
    codes = _codes(side)
    if codes is None or not side.is_plain:
        return None
    scores = np.random.default_rng(0).random((*codes[1].shape, len(side.classes)))
    np.put_along_axis(scores, codes[1][..., None], 1.5, axis=-1)
    scores = scores * 9 - 4 if name == "logits" else scores / scores.sum(axis=-1, keepdims=True)
    names = None if side.classes == NUMBERS else side.classes
    if name == "from_scores":
        return from_scores(side.labels, scores, seeds=side.seeds, ids=side.ids, class_names=names)
    arrays = {"labels": codes[0], "seeds": side.seeds, "ids": side.ids, "class_names": names}
    arrays = {k: np.array(v) for k, v in arrays.items() if v is not None}
    return _saved(folder, arrays | {name: scores.astype(dtype)})


def _hot(side: Side, folder: Path) -> Any:
    codes = _codes(side)
    if codes is None or side.classes != NUMBERS:
        return None
    return _npz(replace(side, labels=np.eye(len(side.classes))[codes[0]].tolist()), folder)


def _text(separator: str, suffix: str) -> Callable[[Side, Path], Any]:
    def write(side: Side, folder: Path) -> Any:
        columns = side.rows()
        heads = [*columns, *([side.doubled] if side.doubled else [])]
        body = [*columns.values(), *([columns[side.doubled]] if side.doubled else [])]
        lines = [heads, *zip(*body, strict=True)]
        text = "\n".join(separator.join("" if v is None else str(v) for v in ln) for ln in lines)
        content = gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode()
        (folder / f"x{suffix}").write_bytes(content)
        return read_predictions(folder / f"x{suffix}")

    return write


def _parquet(frame: pl.DataFrame, folder: Path) -> Predictions:
    frame.write_parquet(folder / "x.parquet")
    return read_predictions(folder / "x.parquet")


def _polars(read: Callable[[pl.DataFrame, Path], Predictions]) -> Callable[[Side, Path], Any]:
    def write(side: Side, folder: Path) -> Any:
        try:
            frame = pl.DataFrame(side.rows())
        except (TypeError, pl.exceptions.PolarsError):
            return None  # a column of polars has one type
        return None if side.doubled else read(frame, folder)

    return write


def _pandas(side: Side) -> pd.DataFrame:
    frame = pd.DataFrame(side.rows())
    return pd.concat([frame, frame[[side.doubled]]], axis=1) if side.doubled else frame


def _columns(side: Side) -> dict[str, list[Any]]:
    """Return a column of predictions for each seed; {} where a wide table cannot hold them."""
    columns = dict(zip(map(str, side.seeds or []), side.preds, strict=False))
    return columns if side.is_plain and len(columns) == len(side.seeds or []) else {}


def _wide(side: Side) -> Any:
    if not (columns := _columns(side)):
        return None
    frame = pd.DataFrame(columns, index=side.ids)
    labels = pd.Series(side.labels, index=side.ids)
    turned = frame.iloc[::-1] if side.ids is not None else frame
    return Predictions.from_frame(turned, labels)


def _wide_polars(side: Side) -> Any:
    if not (columns := _columns(side)):
        return None
    try:
        ids = {} if side.ids is None else {"id": side.ids}
        return Predictions.from_frame(pl.DataFrame(ids | columns), np.array(side.labels, object))
    except (TypeError, pl.exceptions.PolarsError):
        return None


def _arrays(side: Side) -> Any:
    ids = None if side.ids is None else np.array(side.ids, object)
    if not side.is_plain:
        return None
    return Predictions.from_arrays(side.labels, side.preds, seeds=side.seeds, ids=ids)


def _as_bytes(_: str, array: Any) -> Any:
    return np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array


def _swapped(_: str, array: Any) -> Any:
    return array.astype(array.dtype.newbyteorder(">"))


def _floats(name: str, array: Any) -> Any:
    is_class = name in ("labels", "predictions")
    return array.astype(np.float16) if is_class and array.dtype.kind in "iu" else array


def _axes(name: str, array: Any) -> Any:
    return array[..., None] if name in ("labels", "predictions") else array


Form = Callable[[Side, Path], Any]
FORMS: dict[str, Form] = {
    "npz": _npz,
    "bytes": lambda side, folder: _npz(side, folder, _as_bytes),
    "big-endian": lambda side, folder: _npz(side, folder, _swapped),
    "float16": lambda side, folder: _npz(side, folder, _floats),
    "[S,N,1]": lambda side, folder: _npz(side, folder, _axes),
    "one-hot": _hot,
    "probs": lambda side, folder: _scores(side, folder, "probs", "f4"),
    "probs f2": lambda side, folder: _scores(side, folder, "probs", ">f2"),
    "logits": lambda side, folder: _scores(side, folder, "logits", "f8"),
    "from_scores": lambda side, folder: _scores(side, folder, "from_scores", "f8"),
    "csv": _text(",", ".csv"),
    "csv;": _text(";", ".csv"),
    "tsv": _text("\t", ".tsv"),
    "csv.gz": _text(",", ".csv.gz"),
    "parquet": _polars(_parquet),
    "pandas": lambda side, _: Predictions.from_frame(_pandas(side)),
    "nullable": lambda side, _: Predictions.from_frame(_pandas(side).convert_dtypes()),
    "indexed": lambda side, _: (
        None
        if "id" not in side.rows() or side.doubled
        else Predictions.from_frame(_pandas(side).set_index("id"))
    ),
    "polars": _polars(lambda frame, _: Predictions.from_frame(frame)),
    "lazy": _polars(lambda frame, _: Predictions.from_frame(frame.lazy())),
    "wide": lambda side, _: _wide(side),
    "wide polars": lambda side, _: _wide_polars(side),
    "arrays": lambda side, _: _arrays(side),
}


# --- oddities -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Oddity:
    """A way of writing readings, and what must come of it."""

    change: Callable[[Side], Side]
    must: str = READ
    classes: tuple[Any, ...] = NUMBERS


def _first(values: list[Any], value: Any) -> list[Any]:
    return [value, *values[1:]]


def _blank(values: list[Any]) -> list[Any]:
    return [f" {v}" if n % 2 else f"{v} " for n, v in enumerate(values)]


def _shuffled(side: Side) -> Side:
    n_rows = side.size[0] * side.size[1]
    return replace(side, order=np.random.default_rng(1).permutation(n_rows).tolist())


def _by_image(side: Side) -> Side:
    n_seeds, n_images = side.size
    return replace(
        side, order=np.arange(n_seeds * n_images).reshape(n_seeds, -1).T.ravel().tolist()
    )


def _one_turned(side: Side) -> Side:
    """Let the last seed list its images from the end, without ids."""
    n_seeds, n_images = side.size
    order = np.arange(n_seeds * n_images).reshape(n_seeds, -1)
    order[-1] = order[-1, ::-1]
    return replace(side, ids=None, order=order.ravel().tolist())


def _headed(**heads: str) -> Callable[[Side], Side]:
    return lambda side: replace(side, heads=heads)


def _one(part: str, value: Any) -> Callable[[Side], Side]:
    """Let the first of the labels, ids or seeds be another value."""

    def change(side: Side) -> Side:
        first: dict[str, Any] = {part: _first(getattr(side, part), value)}
        return replace(side, **first)

    return change


def _prediction(value: Any) -> Callable[[Side], Side]:
    return lambda s: replace(s, preds=[_first(s.preds[0], value), *s.preds[1:]])


ODDITIES: dict[str, Oddity] = {
    "plain numbers": Oddity(lambda s: s),
    "plain names": Oddity(lambda s: s, classes=NAMES),
    "ids are numbers": Oddity(lambda s: replace(s, ids=[7 + 3 * n for n in range(s.size[1])])),
    "ids like 4.0": Oddity(lambda s: replace(s, ids=[f"{n}.0" for n in range(s.size[1])])),
    "ids are floats": Oddity(lambda s: replace(s, ids=[float(n) for n in range(s.size[1])])),
    "no ids": Oddity(lambda s: replace(s, ids=None)),
    "no seeds": Oddity(lambda s: replace(s, seeds=None, preds=s.preds[:1])),
    "seeds are floats": Oddity(lambda s: replace(s, seeds=[float(v) for v in s.seeds or []])),
    "seeds are names": Oddity(lambda s: replace(s, seeds=[f"run {v}" for v in s.seeds or []])),
    "classes are floats": Oddity(
        lambda s: replace(
            s, labels=[float(v) for v in s.labels], preds=[[float(v) for v in r] for r in s.preds]
        )
    ),
    "numbers as texts": Oddity(
        lambda s: replace(
            s,
            labels=[str(v) for v in s.labels],
            classes=tuple(map(str, NUMBERS)),
            preds=[[str(v) for v in r] for r in s.preds],
        )
    ),
    "blanks around names": Oddity(
        lambda s: replace(s, labels=_blank(s.labels), preds=[_blank(r) for r in s.preds]),
        classes=NAMES,
    ),
    "blanks around ids": Oddity(lambda s: replace(s, ids=_blank(s.ids or []))),
    "blanks around heads": Oddity(_headed(label=" label", prediction="prediction ")),
    "rows shuffled": Oddity(_shuffled),
    "rows by image": Oddity(_by_image),
    "rows by image, no ids": Oddity(lambda s: replace(_by_image(s), ids=None)),
    "one seed turned, no ids": Oddity(_one_turned, REFUSED),
    "a column twice": Oddity(lambda s: replace(s, doubled="prediction"), REFUSED),
    "Label for label": Oddity(_headed(label="Label", labels="Labels"), REFUSED),
    "Seed for seed": Oddity(_headed(seed="Seed", seeds="Seeds"), REFUSED),
    "ID for id": Oddity(_headed(id="ID", ids="IDs"), REFUSED),
    "a class with capitals": Oddity(
        lambda s: replace(s, preds=[["Dog" if v == "dog" else v for v in r] for r in s.preds]),
        REFUSED,
        NAMES,
    ),
    "names against numbers": Oddity(
        lambda s: replace(s, labels=[NAMES[k] for k in s.labels]), REFUSED
    ),
    "a class of −1": Oddity(_one("labels", -1), REFUSED),
    "a class of 1.5": Oddity(_prediction(1.5), REFUSED),
    "an id twice": Oddity(lambda s: replace(s, ids=_first(s.ids or [], (s.ids or [])[1])), REFUSED),
    "a seed twice": Oddity(
        lambda s: replace(s, seeds=_first(s.seeds or [], (s.seeds or [])[1])), REFUSED
    ),
    **{f"label is {v!r}": Oddity(_one("labels", v), REFUSED, NAMES) for v in MISSING},
    **{f"prediction is {v!r}": Oddity(_prediction(v), REFUSED) for v in MISSING},
    **{f"id is {v!r}": Oddity(_one("ids", v), REFUSED) for v in MISSING},
    **{f"seed is {v!r}": Oddity(_one("seeds", v), REFUSED) for v in MISSING},
}


# --- what came of it ------------------------------------------------------------------------------


def meant(side: Side) -> dict[tuple[str, str], tuple[str, str]]:
    """Return label and prediction by seed and image, as a person would say them."""

    def plain(value: Any) -> str:
        text = str(value).strip()
        return text.removesuffix(".0")

    seeds = [plain(v) for v in side.seeds or range(side.size[0])]
    ids = [plain(v) for v in side.ids or range(side.size[1])]
    return {
        (seed, image): (plain(label), plain(value))
        for seed, row in zip(seeds, side.preds, strict=True)
        for image, label, value in zip(ids, side.labels, row, strict=True)
    }


def read_as(read: Predictions) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the same of what was read."""
    seeds = read.seeds or tuple(map(str, range(read.n_seeds)))
    ids = range(read.n_images) if read.ids is None else read.ids.tolist()
    names = read.class_names
    return {
        (seed, str(image)): (names[label], names[value])
        for seed, row in zip(seeds, read.preds_SN.tolist(), strict=True)
        for image, label, value in zip(ids, read.labels_N.tolist(), row, strict=True)
    }


def outcome(form: str, oddity: str, seed: int = 0) -> tuple[str, str]:
    """Return "read", "refused", "wrong" or "–" where a form cannot hold an oddity, and a sentence.

    Raises
    ------
    Exception
        Anything but a refusal on purpose: a fault.
    """
    odd = ODDITIES[oddity]
    side = odd.change(readings(seed, odd.classes))
    with tempfile.TemporaryDirectory() as folder:
        try:
            read = FORMS[form](side, Path(folder))
        except (DataError, JudgeError) as error:
            sentence = str(error).replace(folder, "")
            return (REFUSED if odd.must == REFUSED else "wrong"), sentence
    if read is None:
        return "–", ""
    if odd.must == REFUSED:
        return "wrong", "read, and must be refused"
    right = read_as(read) == meant(side)
    return (READ, "") if right else ("wrong", "read as something else")


def main() -> None:
    """Print the table and what is wrong; exit 1 where anything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", action="store_true", help="print what refusals say")
    show = parser.parse_args()
    width = max(map(len, ODDITIES))
    out = io.StringIO()
    counts = {READ: 0, REFUSED: 0, "wrong": 0}
    for oddity in ODDITIES:
        marks: list[str] = []
        said: dict[str, list[str]] = {}
        for form in FORMS:
            what, sentence = outcome(form, oddity)
            counts[what] = counts.get(what, 0) + 1
            marks.append({READ: "✓", REFUSED: "R", "wrong": "!", "–": " "}[what])
            if what == "wrong" or (show.sentences and sentence):
                said.setdefault(sentence, []).append(form)
        print(f"{oddity:<{width}} {' '.join(marks)}")
        for sentence, forms in said.items():
            print(f"    {', '.join(forms)}: {sentence}", file=out)
    print(f"\nForms in their order: {', '.join(FORMS)}. ✓ read, R refused, ! wrong.")
    print(out.getvalue(), end="")
    print(", ".join(f"{n} {what}" for what, n in counts.items() if what != "–") + ".")
    sys.exit(bool(counts["wrong"]))


if __name__ == "__main__":
    main()
