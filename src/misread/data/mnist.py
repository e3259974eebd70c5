"""The embedded MNIST: four IDX files, checked by hash on every load, with writers and disputes."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

from misread.data.dataset import Dataset
from misread.errors import DataError
from misread.memory import allow

_Damaged: Any = zlib_ng.error  # a class, though its types call it an instance
FOLDER = Path(__file__).parent / "mnist"

# SHA-256 of the raw (uncompressed) files as published.
RAW_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

# Kinds of writers, by their numbers at NIST: series hsf_0 to hsf_3, and hsf_4 (Yadav & Bottou
# 2019, readme of QMNIST; LeCun et al. 1998 name the employer: the Census Bureau).
WRITERS = {"employees": range(2100), "high-school students": range(2100, 2600)}


def read_idx(path: Path, sha256: str | None = None) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzip-compressed or not, in the shape of its header.

    `sha256` is that of the raw bytes, None takes them as they are. DataError if the file is
    missing, truncated, altered, or no IDX file of unsigned bytes.
    """
    try:
        allow(path.stat().st_size, str(path))
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = _inflated(raw, str(path))
    except FileNotFoundError:
        msg = f"{path} does not exist; reinstall misread, or name a folder that holds the file."
        raise DataError(msg) from None
    except (OSError, _Damaged) as error:
        msg = f"{path} cannot be read as a gzip file ({error}); it is damaged: fetch it again."
        raise DataError(msg) from None
    if sha256 is not None and (got := hashlib.sha256(raw).hexdigest()) != sha256:
        msg = (
            f"{path} has SHA-256 {got[:12]}…, but must have {sha256[:12]}…; it is damaged or "
            "altered: fetch it again or reinstall misread."
        )
        raise DataError(msg)
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08" or len(raw) < 4 + 4 * raw[3]:
        msg = (
            f"{path} begins with {raw[:4].hex() or 'nothing'}, but an IDX file of unsigned bytes "
            "begins with 000008 and its number of axes; give such a file."
        )
        raise DataError(msg)
    start = 4 + 4 * raw[3]
    shape = tuple(np.frombuffer(raw[4:start], dtype=">u4").tolist())
    if len(raw) - start != (size := int(np.prod(shape, dtype=np.int64))):
        msg = (
            f"{path} holds {len(raw) - start} bytes of data, but its header names shape {shape}, "
            f"that is {size}; it is truncated or damaged: fetch it again."
        )
        raise DataError(msg)
    return np.frombuffer(raw, dtype=np.uint8, offset=start).reshape(shape)


def _inflated(packed: bytes, name: str) -> bytes:
    """Return the content of a gzip file, whose own checksum must agree."""
    claimed = int.from_bytes(packed[-4:], "little")  # its last field is the size of the content
    largest = 1032 * len(packed)  # no byte of a deflate stream gives more: a bound for false claims
    allow(max(1, min(claimed, largest)), name)
    stream = zlib_ng.decompressobj(31)
    content = stream.decompress(packed, max(1, min(claimed + 1, largest)))
    if not stream.eof or len(content) != claimed:
        msg = "its size is not the one that it names"
        raise OSError(msg)
    return content


def disputed_ids() -> list[int]:
    """Return the test ids for which fewer than three of five people chose the given label.

    Source: Northcutt, Athalye & Mueller, Pervasive Label Errors in Test Sets, 2021.
    """
    return [int(entry["id"]) for entry in json.loads((FOLDER / "disputed.json").read_text("utf-8"))]


@lru_cache(maxsize=1)
def load_mnist() -> tuple[Dataset, Dataset]:
    """Return MNIST's training set (60,000) and test set (10,000), both checked by hash.

    Groups are writers: the NIST writer number of each image, from QMNIST's label tables
    (Yadav & Bottou 2019). The arrays are shared between callers and read-only. DataError if an
    embedded file is missing, truncated or altered.
    """
    # Inflating and hashing wait for no lock of Python: the files are read beside one another.
    with ThreadPoolExecutor(len(RAW_SHA256)) as threads:
        read = threads.map(
            lambda name: read_idx(FOLDER / f"{name}.gz", RAW_SHA256[name]), RAW_SHA256
        )
        files = dict(zip(RAW_SHA256, read, strict=True))
    writers = np.load(FOLDER / "writers.npz", allow_pickle=False)
    parts = []
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images, labels = (
            files[f"{prefix}-{kind}-ubyte"] for kind in ("images-idx3", "labels-idx1")
        )
        disputed_N = np.zeros(len(labels), dtype=bool)
        if part == "test":
            disputed_N[disputed_ids()] = True
        dataset = Dataset(
            f"mnist-{part}",
            images,
            labels.astype(np.int64),
            tuple("0123456789"),
            groups_N=writers[f"{part}_writers"].astype(np.int64),
            disputed_N=disputed_N,
            group_noun="writer",
            group_kinds=WRITERS,
        )
        for array in (dataset.labels_N, dataset.groups_N, dataset.disputed_N):
            if array is not None:
                array.flags.writeable = False
        parts.append(dataset)
    return parts[0], parts[1]
