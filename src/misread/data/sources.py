"""Datasets by name, in one grammar for any source.

A name is `mnist`, `sklearn-digits`, or a kind and a place: `idx:DIR`, `npz:FILE`, `h5:FILE`,
`csv:FILE`, `folder:DIR`, `paper:DIR`, `openml:NAME`, `hf:OWNER/NAME`; `corrupted:NAME` is MNIST
with one of the corruptions of MNIST-C, `corrupted:NAME@SEVERITY:SOURCE` another source at another
severity. Every source gives a training and a test set; where it has none of its own, a fifth of
each class is the test set, the same on every machine.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from misread.data.dataset import Dataset
from misread.data.local import load_csv, load_h5, load_idx, load_npz, load_sklearn_digits
from misread.data.mnist import load_mnist
from misread.data.pictures import DEEP, load_folder, load_paper
from misread.data.remote import load_hf, load_openml, openml_description
from misread.errors import StudyError
from misread.images.corrupt import Spec, corrupt, parse_corruption

Loader = Callable[[str, str], tuple[Dataset, Dataset]]


class Kind(NamedTuple):
    """A kind of source."""

    grammar: str  # the form of its names
    what: str  # a description for people
    parts: str  # its training and its test set, in words
    licence: str  # the terms, as far as they are the same for all of the kind
    load: Loader  # takes the whole name and what stands after the colon, and returns both sets
    is_remote: bool = False  # fetched from the network


def load(name: str) -> tuple[Dataset, Dataset]:
    """Return the training and the test set of the dataset `name`, read once per process.

    A relative path is one from the working directory. StudyError if there is no such kind of
    dataset; DataError if its files are missing or damaged, or cannot be fetched.
    """
    return _load(name, Path.cwd())


@lru_cache(maxsize=4)
def _load(name: str, _working_folder: Path) -> tuple[Dataset, Dataset]:
    kind, rest = split_name(name)
    return KINDS[kind].load(name, rest)


def split_name(name: str) -> tuple[str, str]:
    """Return the kind of a dataset's name, and what stands after its colon.

    StudyError if there is no such kind, or its place is missing.

    >>> split_name("npz:my.npz"), split_name("mnist")
    (('npz', 'my.npz'), ('mnist', ''))
    """
    kind, colon, rest = name.partition(":")
    if not name.isprintable():
        msg = f"the name of a dataset holds what cannot be printed, {name!r}; type it again."
        raise StudyError(msg)
    if kind not in KINDS or bool(colon) != (":" in KINDS[kind].grammar) or (colon and not rest):
        known = ", ".join(k.grammar for k in KINDS.values())
        msg = f"there is no dataset {name!r}; choose one of {known}."
        raise StudyError(msg)
    if kind == _CORRUPTED:
        _corruption(rest)
    return kind, rest


def origin(name: str) -> str:
    """Return the dataset whose images these were before anything was done to them.

    >>> origin("corrupted:fog@3:npz:my.npz"), origin("corrupted:fog"), origin("mnist")
    ('npz:my.npz', 'mnist', 'mnist')
    """
    kind, rest = split_name(name)
    return origin(_corruption(rest)[1]) if kind == _CORRUPTED else name


def is_remote(name: str) -> bool:
    """Say whether a dataset is fetched from the network, unless it is in the cache already."""
    return KINDS[split_name(origin(name))[0]].is_remote


def licence(name: str) -> str:
    """Return the terms of a dataset, as its source names them.

    DataError if its source is to be asked and cannot be reached.
    """
    kind, rest = split_name(name)
    if kind != "openml":
        return KINDS[kind].licence
    return f"{openml_description(rest).get('licence') or 'not stated'}, as OpenML says"


def slug(name: str) -> str:
    """Return a dataset's name as that of a file, as in "h5-usps"; places lose their folders."""
    kind, rest = split_name(name)
    if kind == _CORRUPTED:
        spec, source = _corruption(rest)
        word = spec.name + ("" if source == _MNIST else f"-{slug(source)}")
    else:
        word = rest if is_remote(name) else Path(rest.removesuffix(DEEP)).stem
    return re.sub(r"[^\w.]+", "-", f"{kind}-{word}").strip("-.")


def beside(name: str, folder: Path) -> str:
    """Return a dataset's name as seen from the working directory, when `folder` holds its file.

    A relative path in a study's file is one from that file, if there is such a thing, else from
    the working directory; names of other kinds stay as they are.
    """
    kind, colon, rest = name.partition(":")
    if kind == _CORRUPTED and ":" in rest:
        corruption, _, source = rest.partition(":")
        return f"{kind}:{corruption}:{beside(source, folder)}"
    if kind not in KINDS or not colon or is_remote(name) or not rest or Path(rest).is_absolute():
        return name
    deep = DEEP if kind == "folder" and rest.endswith(DEEP) else ""
    path = (folder / rest.removesuffix(DEEP)).resolve()
    if not path.exists():
        return name
    return f"{kind}:{os.path.relpath(path) if path.is_relative_to(Path.cwd()) else path}{deep}"


def _corruption(rest: str) -> tuple[Spec, str]:
    """Return the corruption and the source that stand after `corrupted:`."""
    corruption, colon, source = rest.partition(":")
    spec, source = parse_corruption(corruption), source if colon else _MNIST
    split_name(source)
    return spec, source


def _load_corrupted(name: str, rest: str) -> tuple[Dataset, Dataset]:
    spec, source = _corruption(rest)
    train, test = load(source)
    return (
        replace(train, name=name, images=corrupt(train.images, spec, part="train")),
        replace(test, name=name, images=corrupt(test.images, spec, part="test")),
    )


_MNIST, _CORRUPTED = "mnist", "corrupted"
_FIFTH = "a fifth of each class is the test set"
_OWNER = "that of its owner"
KINDS: dict[str, Kind] = {
    _MNIST: Kind(
        "mnist",
        "handwritten digits, 28×28, within misread",
        "its own",
        "CC BY-SA 3.0 (LeCun, Cortes, Burges)",
        lambda _name, _rest: load_mnist(),
    ),
    "sklearn-digits": Kind(
        "sklearn-digits",
        "digits of 8×8 that come with scikit-learn: the test set of optdigits",
        _FIFTH,
        "CC BY 4.0 (Alpaydin & Kaynak, UCI)",
        load_sklearn_digits,
    ),
    "idx": Kind(
        "idx:DIR",
        "IDX files as those of MNIST, EMNIST, Fashion-MNIST, also .gz",
        f"files train-… and t10k-… or test-…; without these, {_FIFTH}",
        _OWNER,
        load_idx,
    ),
    "npz": Kind(
        "npz:FILE",
        "numpy archive: x_train, y_train, or images, labels",
        f"x_test, y_test; without these, {_FIFTH}",
        _OWNER,
        load_npz,
    ),
    "h5": Kind(
        "h5:FILE",
        "HDF5 with the same arrays, or groups train and test of data and target",
        f"x_test, y_test or group test; without these, {_FIFTH}",
        _OWNER,
        load_h5,
    ),
    "csv": Kind(
        "csv:FILE",
        "a row per image (also ; and tabs): pixels of a square, and a column label",
        f"FILE.tes beside FILE.tra, “test” for “train”; without these, {_FIFTH}",
        _OWNER,
        load_csv,
    ),
    "folder": Kind(
        "folder:DIR",
        "pictures (PNG, JPEG, TIFF) of one size, a subfolder for each class; deeper ones by DIR/**",
        f"subfolders train and test; without these, {_FIFTH}",
        _OWNER,
        load_folder,
    ),
    "paper": Kind(
        "paper:DIR",
        "photos of digits on paper, a subfolder for each class: every digit found is one of it",
        "a fifth of each class's photos is the test set, of a single photo a fifth of its digits",
        _OWNER,
        load_paper,
    ),
    "openml": Kind(
        "openml:NAME",
        "from OpenML: USPS, Fashion-MNIST, Kuzushiji-MNIST, optdigits, …",
        _FIFTH,
        "as OpenML says",
        load_openml,
        is_remote=True,
    ),
    _CORRUPTED: Kind(
        "corrupted:NAME",
        "MNIST with a corruption of MNIST-C (fog, spatter, stripe, …); NAME@3:SOURCE is another "
        "source, at severity 3",
        "those of the source, corrupted",
        "that of the source",
        _load_corrupted,
    ),
    "hf": Kind(
        "hf:OWNER/NAME",
        "from Hugging Face, as in hf:ylecun/mnist",
        f"its splits train and test or validation; without these, {_FIFTH}",
        "as its page says",
        load_hf,
        is_remote=True,
    ),
}
