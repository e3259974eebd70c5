"""Datasets from OpenML and Hugging Face, fetched once and kept.

The addresses are those of the services, or of mirrors: MISREAD_OPENML and HF_ENDPOINT.
"""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from misread.data.arrays import Raw, datasets
from misread.data.child import check_parquet
from misread.data.dataset import Dataset
from misread.data.download import fetch, fetch_json
from misread.data.pictures import decode_picture
from misread.data.tables import of_table
from misread.errors import DataError
from misread.images import Images

_OPENML = "https://www.openml.org"
_HF = "https://huggingface.co"
_BRANCH = "refs%2Fconvert%2Fparquet"  # where Hugging Face keeps every public dataset as Parquet
_ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)\s", re.IGNORECASE)
_LARGEST_PX = 4096**2  # of one image
_IMAGE, _LABEL = ("image", "img"), ("label", "fine_label", "labels")  # what columns are called
INSTEAD = (
    "use files on disk (idx:DIR, npz:FILE, folder:DIR, h5:FILE, csv:FILE) or what comes with "
    "misread and scikit-learn (mnist, sklearn-digits)"
)


def load_openml(name: str, title: str) -> tuple[Dataset, Dataset]:
    """Return the active dataset of OpenML that is called `title`, of the lowest version.

    OpenML has no test sets: a fifth of each class becomes it. Its file is checked by the MD5 that
    OpenML names. DataError if there is none, it cannot be fetched, or it is no table of square
    images.
    """
    about = openml_description(title)
    path = fetch(
        str(about["url"]),
        f"openml/{about['id']}.arff",
        md5=str(about.get("md5_checksum") or ""),
        instead=INSTEAD,
    )
    return datasets(name, _read_arff(path, str(about.get("default_target_attribute") or "class")))


def openml_description(title: str) -> dict[str, Any]:
    """Return OpenML's description of a dataset: `id`, `url`, `licence`, `md5_checksum` and more.

    DataError if there is none, or it cannot be fetched.
    """
    base = os.environ.get("MISREAD_OPENML", _OPENML).rstrip("/") + "/api/v1/json/data"
    if title.isdecimal():
        number = title
    else:
        plain = quote(title, safe="")
        listing = fetch_json(
            f"{base}/list/data_name/{plain}/limit/100/status/active",
            f"openml/{plain}.list.json",
            instead=f"check the name, or {INSTEAD}",
        )
        try:
            lowest = min(listing["data"]["dataset"], key=lambda entry: int(entry["version"]))
            number = str(int(lowest["did"]))
        except (KeyError, TypeError, ValueError):
            msg = f"OpenML has no active dataset {title!r}; check the name, or {INSTEAD}."
            raise DataError(msg) from None
    answer = fetch_json(f"{base}/{number}", f"openml/{number}.json", instead=INSTEAD)
    try:
        about = answer["data_set_description"]
        return dict(about) | {"url": about["url"], "id": int(about["id"])}
    except (KeyError, TypeError, ValueError):
        msg = f"what OpenML says of dataset {number} is not understood; {INSTEAD}."
        raise DataError(msg) from None


def _read_arff(path: Path, target: str) -> Raw:
    """Read a dense ARFF file of numbers with one nominal column."""
    import polars as pl  # noqa: PLC0415  half a second that other sources need not wait

    columns: list[str] = []
    try:
        with path.open("rb") as file:
            for line in file:
                word = line.decode("utf-8", "replace").strip()
                if word.lower().startswith("@data"):
                    break
                if match := _ATTRIBUTE.match(word):
                    columns.append(match[1].strip("'\""))
            rows = file.read()
        table = pl.read_csv(
            rows,
            has_header=False,
            new_columns=columns,
            comment_prefix="%",
            quote_char="'",
            schema_overrides={target: pl.String},
            infer_schema_length=None,
        )
        return of_table(table, target)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        msg = (
            f"{path} is no table of pixels with a class ({reason}); choose a dataset of images of "
            "one size."
        )
        raise DataError(msg) from None


def load_hf(name: str, title: str) -> tuple[Dataset, Dataset]:
    """Return the dataset of Hugging Face that is called `title`, as in "ylecun/mnist".

    Its Parquet files are read directly, so nothing of it is executed; each is checked by the
    SHA-256 that Hugging Face names. Splits `train` and `test` (or `validation`) are used, of the
    first configuration; without a second one, a fifth of each class becomes it. DataError if there
    is none, it cannot be fetched, or it has no images with one label each.
    """
    base = os.environ.get("HF_ENDPOINT", _HF).rstrip("/")
    plain = quote(title, safe="/")
    slug = re.sub(r"\W+", "-", title)
    listing = fetch_json(
        f"{base}/api/datasets/{plain}/tree/{_BRANCH}?recursive=true",
        f"hf/{slug}/files.json",
        instead=f"check the name, or {INSTEAD}",
    )
    splits: dict[str, list[dict[str, Any]]] = {}
    config = None
    for entry in sorted(listing, key=lambda e: str(e["path"])) if listing else []:
        match = re.fullmatch(r"([^/]+)/(?:partial-)?([^/]+)/[^/]+\.parquet", str(entry["path"]))
        if match and match[1] == (config := config or match[1]):
            splits.setdefault(match[2], []).append(entry)
    test = next((split for split in ("test", "validation") if split in splits), None)
    if "train" not in splits:
        msg = f"Hugging Face has no Parquet files of a split train for {title!r}; {INSTEAD}."
        raise DataError(msg)
    parts: list[Raw] = []
    names: tuple[str, ...] | None = None
    for split in ("train", *([test] if test else [])):
        paths = [
            fetch(
                f"{base}/datasets/{plain}/resolve/{_BRANCH}/{quote(str(entry['path']))}",
                f"hf/{slug}/{entry['path']}",
                sha256=str((entry.get("lfs") or {}).get("oid", "")),
                instead=INSTEAD,
            )
            for entry in splits[split]
        ]
        pictures, labels, names_of = zip(*map(_read_parquet, paths), strict=True)
        names = names or names_of[0]
        images = [picture for of_file in pictures for picture in of_file]
        if len({picture.shape for picture in images}) != 1:
            msg = f"{name}: its images differ in size or channels; choose a dataset of one size."
            raise DataError(msg)
        parts.append(Raw(np.stack(images), np.concatenate(labels)))
    return datasets(name, *parts, class_names=names)


def _read_parquet(path: Path) -> tuple[list[Images], npt.NDArray[Any], tuple[str, ...] | None]:
    """Return images and labels of a Parquet file, and the names of its classes."""
    import polars as pl  # noqa: PLC0415  as above

    try:
        check_parquet(path, (*_IMAGE, *_LABEL))
    except DataError as error:
        msg = f"{path}: {error}"
        raise DataError(msg) from None
    frame = pl.scan_parquet(path, glob=False)
    schema = frame.collect_schema()
    image, label = (next((c for c in names if c in schema), None) for names in (_IMAGE, _LABEL))
    if image is None or label is None or not isinstance(schema[image], pl.Struct):
        msg = (
            f"{path} holds {', '.join([*schema][:8])}; needed are a column image and a column "
            "label."
        )
        raise DataError(msg)
    table = frame.select(image, label).collect()  # no other column was looked at before
    contents = enumerate(table[image].struct.field("bytes"))
    pictures = [
        decode_picture(content or b"", f"{path}, image {number}", _LARGEST_PX)
        for number, content in contents
    ]
    names = None
    try:
        about = json.loads(pl.read_parquet_metadata(path)["huggingface"])
        names = tuple(map(str, about["info"]["features"][label]["names"]))
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError):
        pass  # then the labels name themselves
    return pictures, table[label].to_numpy(), names
