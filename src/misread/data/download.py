"""Files from the network: kept in a cache, checked by hash, resumed after a break."""

import hashlib
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from misread import __version__
from misread.errors import DataError
from misread.files import UNFINISHED, clear_errors, path_in, write_atomic
from misread.watch import count, watched

LARGEST_BYTES = 4 * 2**30  # of one file
_SUFFIXES = (".arff", ".parquet")
_CHUNK_BYTES = 2**18
_TRIES = 3  # a connection that breaks is taken up again this often before we give up
_SECONDS = 30  # without a single byte, after which a connection counts as broken


def cache_folder() -> Path:
    """Return the folder of downloads: MISREAD_CACHE, or the system's folder for such files."""
    if folder := os.environ.get("MISREAD_CACHE"):
        return Path(folder)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "misread"


def downloads() -> dict[Path, int]:
    """Return the data files that the cache holds, with their bytes."""
    paths = sorted(cache_folder().rglob("*"))
    return {p: p.stat().st_size for p in paths if p.is_file() and p.suffix in _SUFFIXES}


def fetch(url: str, name: str, *, sha256: str = "", md5: str = "", instead: str) -> Path:
    """Return a file of the network, from the cache where that holds it already.

    `name` is its path within the cache, `instead` the advice for who has no network, in words that
    follow "go online, or ". A download that breaks leaves `<name>.unfinished`, and the next try
    asks for the rest of it. DataError if it cannot be fetched, is too large, or has another hash
    than was given; StoreError if the cache cannot be written.
    """
    path = path_in(cache_folder(), *name.split("/"))
    if path.exists():
        _check_hash(path, url, sha256, md5)
        return path
    part = path.with_name(path.name + UNFINISHED)
    with clear_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _TRIES + 1):
            try:
                _go_on(url, part, path.name)
                break
            except urllib.error.HTTPError as error:
                with error:
                    why = f"refused by {_host(url)} ({error.code} {error.reason})"
                msg = f"{url} was {why}; {instead}."
                raise DataError(msg) from None
            except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
                if attempt == _TRIES:
                    raise DataError(_broken(url, part, error, instead)) from None
        _check_hash(part, url, sha256, md5)
        part.replace(path)
    _marker(part).unlink(missing_ok=True)
    return path


def fetch_json(url: str, name: str, *, instead: str) -> Any:
    """Return the content of a small JSON file; arguments and errors as in `fetch`.

    DataError also if it is no JSON.
    """
    with watched(None):  # nobody waits for it
        path = fetch(url, name, instead=instead)
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        path.unlink()
        msg = f"{url} sent no JSON; try again later, or {instead}."
        raise DataError(msg) from None


def _go_on(url: str, part: Path, name: str) -> None:
    """Fetch a file into `part`, or the rest of it if the server allows that."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        msg = f"{url} is no address of http or https; only these are fetched."
        raise DataError(msg)
    marker = _marker(part)  # says which version the part is of
    n_bytes = part.stat().st_size if part.exists() and marker.exists() else 0
    headers = {"User-Agent": f"misread/{__version__}"}
    if n_bytes:
        headers |= {"Range": f"bytes={n_bytes}-", "If-Range": marker.read_text("utf-8")}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  http or https, see above
    try:
        answer = urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310  likewise
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()  # the whole file is no longer than this part: begin anew
        _go_on(url, part, name)
        return
    with answer:
        resumed = answer.status == 206
        if not resumed:
            n_bytes = 0
            marker.unlink(missing_ok=True)
            tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            if tag and not tag.startswith("W/"):  # a weak one does not promise the same bytes
                write_atomic(marker, tag.encode())
        length = answer.headers.get("Content-Length") or ""
        total = n_bytes + int(length) if length.isdecimal() else None
        _allow(url, total or 0)
        with part.open("ab" if resumed else "wb") as file:
            while chunk := answer.read(_CHUNK_BYTES):
                file.write(chunk)
                n_bytes += len(chunk)
                _allow(url, n_bytes)
                count(f"fetching {name}", n_bytes / 1e6, total and total / 1e6, "MB")
    if total is not None and n_bytes < total:
        msg = f"{n_bytes:,} of {total:,} bytes arrived"
        raise ConnectionError(msg)


def _marker(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _allow(url: str, n_bytes: int) -> None:
    if n_bytes > LARGEST_BYTES:
        msg = (
            f"{url} is larger than {LARGEST_BYTES / 2**30:.0f} GB, which are allowed; fetch it by "
            "other means and give its folder."
        )
        raise DataError(msg)


def _check_hash(path: Path, url: str, sha256: str, md5: str) -> None:
    for kind, expected in (("sha256", sha256), ("md5", md5)):
        if not expected:
            continue
        with path.open("rb") as file:
            got = hashlib.file_digest(file, kind).hexdigest()
        if got != expected:
            path.unlink()
            _marker(path).unlink(missing_ok=True)
            msg = (
                f"what came from {url} has {kind.upper()} {got[:12]}…, but must have "
                f"{expected[:12]}…; it is damaged and was deleted: run the same command again."
            )
            raise DataError(msg)


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _broken(url: str, part: Path, error: Exception, instead: str) -> str:
    n_bytes = part.stat().st_size if part.exists() else 0
    reason = str(getattr(error, "reason", "") or error or type(error).__name__)
    if n_bytes:
        megabytes = f"{n_bytes / 1e6:,.1f} MB"
        return (
            f"the connection to {_host(url)} broke after {megabytes} ({reason}); run the same "
            "command again: it goes on from there."
        )
    return f"{_host(url)} cannot be reached ({reason}); go online, or {instead}."
