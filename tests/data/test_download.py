"""Downloads, against a real server on this machine: whole, broken, altered, absent."""

import gzip
import hashlib
import http.server
import io
import json
import os
import socket
import subprocess
import sys
import threading
from importlib import resources

import cv2
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits

from misread.cli import main
from misread.data import download as module
from misread.data.download import cache_folder, fetch
from misread.data.parts import folds
from misread.data.sources import load
from misread.errors import DataError
from misread.watch import watched

DIGITS = load_digits()
SMALL = np.rint(DIGITS.images * (255 / 16)).astype(np.uint8)


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; cuts the connection after `cut_after` bytes while `cuts` last."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = {}, []
        self.cut_after, self.cuts, self.ranges = 0, 0, True

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        if self.path not in server.files:
            self.send_error(404)
            return
        content = server.files[self.path]
        tag = f'"{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"'
        start = 0
        asked = self.headers.get("Range")
        if asked and server.ranges and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", tag)
        self.end_headers()
        rest = content[start:]
        if server.cuts:
            server.cuts -= 1
            self.wfile.write(rest[: server.cut_after])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.wfile.write(rest)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("MISREAD_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("MISREAD_OPENML", running.base)
        monkeypatch.setenv("HF_ENDPOINT", running.base)
        yield running
        running.shutdown()


CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def get(server, **options):
    options = {"sha256": SHA256, "instead": "use mnist"} | options
    return fetch(f"{server.base}/f", "a/f", **options)


def test_a_file_is_fetched_once(server):
    server.files["/f"] = CONTENT
    told = []
    with watched(lambda *step: told.append(step)):
        path = get(server)
    assert path.read_bytes() == CONTENT
    assert told[-1] == ("fetching f", 1, 1, "MB")
    assert [n for _, n, *_ in told] == sorted(n for _, n, *_ in told)
    assert get(server) == path
    assert len(server.asked) == 1
    assert [p.name for p in path.parent.iterdir()] == ["f"]


def test_a_broken_connection_is_taken_up_where_it_broke(server):
    server.files["/f"] = CONTENT
    server.cut_after, server.cuts = 300_000, 2
    assert get(server).read_bytes() == CONTENT
    assert server.asked == [("/f", None), ("/f", "bytes=300000-"), ("/f", "bytes=600000-")]


def test_what_arrived_before_a_lasting_break_is_kept_for_the_next_time(server):
    server.files["/f"] = CONTENT
    server.cut_after, server.cuts = 100_000, 3
    with pytest.raises(DataError, match=r"broke after 0\.3 MB .* goes on from there"):
        get(server)
    assert get(server).read_bytes() == CONTENT
    assert server.asked[-1] == ("/f", "bytes=300000-")


def test_a_file_that_changed_meanwhile_is_fetched_anew(server):
    server.files["/f"] = b"x" * 500_000
    server.cut_after, server.cuts = 100_000, 3
    with pytest.raises(DataError):
        get(server)
    server.files["/f"] = CONTENT
    assert get(server).read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(server):
    server.files["/f"] = CONTENT
    server.ranges = False
    server.cut_after, server.cuts = 300_000, 2
    assert get(server).read_bytes() == CONTENT


def test_a_file_that_became_shorter_is_fetched_anew(server):
    part = cache_folder() / "a" / "f.unfinished"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    tag = hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest()
    part.with_name("f.unfinished.version").write_text(f'"{tag}"')
    server.files["/f"] = CONTENT
    assert get(server).read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_altered_bytes_are_deleted(server, kind):
    server.files["/f"] = CONTENT[:-1] + b"?"
    wanted = {"sha256": "", kind: hashlib.new(kind, CONTENT).hexdigest()}
    with pytest.raises(DataError, match=f"has {kind.upper()} .* was deleted"):
        get(server, **wanted)
    assert not list(cache_folder().rglob("*.*"))
    server.files["/f"] = CONTENT
    path = get(server, **wanted)
    path.write_bytes(b"altered in the cache")
    with pytest.raises(DataError, match="it is damaged and was deleted"):
        get(server, **wanted)
    assert get(server, **wanted).read_bytes() == CONTENT


def test_what_is_too_large_or_no_http_is_not_fetched(server, monkeypatch):
    server.files["/f"] = CONTENT
    monkeypatch.setattr(module, "LARGEST_BYTES", 999_999)
    with pytest.raises(DataError, match="is larger than"):
        get(server)
    with pytest.raises(DataError, match="no address of http or https"):
        fetch("file:///etc/passwd", "x", instead="")


def test_refused_and_unreachable(server):
    with pytest.raises(DataError, match=r"was refused by 127\S+ \(404 Not Found\); use mnist"):
        get(server)
    with pytest.raises(DataError, match=r"cannot be reached .*; go online, or use mnist"):
        fetch("http://127.0.0.1:9/f", "a/f", instead="use mnist")


def test_the_cache_lies_where_the_system_keeps_such_files(monkeypatch, tmp_path):
    monkeypatch.delenv("MISREAD_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / "misread"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder().parts[-3:] == ("Library", "Caches", "misread")


# --- the services ---------------------------------------------------------------------------------


def openml(server, name="optdigits", *, quoted=False, **change):
    """Serve a dataset as OpenML does: a list, a description, an ARFF file."""
    word = "'{}'" if quoted else "{}"
    head = ["% digits", f"@RELATION {name}", ""]
    head += [f"@ATTRIBUTE {word.format(f'input {n}' if quoted else f'p{n}')} REAL"
             for n in range(64)]  # fmt: skip
    head += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    rows = [
        ",".join(f"{v:g}" for v in row) + f",{word.format(k)}"
        for row, k in zip(DIGITS.data, DIGITS.target, strict=True)
    ]
    arff = "\n".join([*head, *rows, ""]).encode()
    listing = [{"did": 9, "version": 2, "name": name}, {"did": 28, "version": 1, "name": name}]
    about = {
        "id": "28",
        "name": name,
        "licence": "Public",
        "url": f"{server.base}/data/v1/download/28/{name}.arff",
        "default_target_attribute": "class",
        "md5_checksum": hashlib.md5(arff, usedforsecurity=False).hexdigest(),
    } | change
    api = "/api/v1/json/data"
    server.files |= {
        f"{api}/list/data_name/{name}/limit/100/status/active": json.dumps(
            {"data": {"dataset": listing}}
        ).encode(),
        f"{api}/28": json.dumps({"data_set_description": about}).encode(),
        f"/data/v1/download/28/{name}.arff": arff,
    }


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("wanted", ["optdigits", "28"])
def test_openml(server, wanted, quoted):
    openml(server, quoted=quoted)
    load.__globals__["_load"].cache_clear()
    train, test = load(f"openml:{wanted}")
    held_out_N = folds(DIGITS.target, 5) == 0
    assert (test.images == SMALL[held_out_N]).all()
    assert (train.images == SMALL[~held_out_N]).all()
    assert train.class_names == tuple("0123456789")


def test_openml_as_it_answers(server):
    """What scikit-learn recorded of the service for its own tests: iris, "images" of 2×2."""
    folder = resources.files("sklearn.datasets.tests.data.openml") / "id_61"

    def recorded(start):
        (path,) = (p for p in folder.iterdir() if p.name.startswith(start))
        return gzip.decompress(path.read_bytes())

    about = json.loads(recorded("api-v1-jd-61."))
    wanted = about["data_set_description"]
    wanted["url"] = wanted["url"].replace("https://www.openml.org", server.base)
    arff = recorded("data-v1-dl-")
    wanted["md5_checksum"] = hashlib.md5(arff, usedforsecurity=False).hexdigest()  # it was cut
    server.files |= {
        "/api/v1/json/data/list/data_name/iris/limit/100/status/active": recorded(
            "api-v1-jdl-dn-iris-l-2-s-act-"
        ),
        "/api/v1/json/data/61": json.dumps(about).encode(),
        "/data/v1/download/61/iris.arff": arff,
    }
    train, test = load("openml:iris")
    assert train.class_names == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
    assert len(train) + len(test) == 150
    assert train.images.shape[1:] == (2, 2)
    assert train.images.max() == round(7.9 * 255 / 16)


def test_openml_tells_its_licence_and_shows_progress(server, tmp_path):
    openml(server)
    command = ["data", "show", "openml:optdigits", "--figure", str(tmp_path / "a.png")]
    done = subprocess.run(
        [sys.executable, "-m", "misread", *command],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    assert "fetching 28.arff, 0.3 MB" in done.stderr
    assert "Licence: Public, as OpenML says." in done.stdout


def parquet(pictures, labels, names=None):
    frame = pl.DataFrame({"image": [{"bytes": p, "path": None} for p in pictures], "label": labels})
    told = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata={"huggingface": json.dumps(told)} if names else None)
    return buffer.getvalue()


def hugging_face(server, splits, name="me/digits"):
    """Serve a dataset as Hugging Face does: a list of Parquet files, with their SHA-256."""
    entries = [{"type": "directory", "path": "default"}]
    for split, content in splits.items():
        path = f"default/{split}/0000.parquet"
        oid = hashlib.sha256(content).hexdigest()
        entries.append({"type": "file", "path": path, "lfs": {"oid": oid}})
        server.files[f"/datasets/{name}/resolve/refs%2Fconvert%2Fparquet/{path}"] = content
    tree = f"/api/datasets/{name}/tree/refs%2Fconvert%2Fparquet?recursive=true"
    server.files[tree] = json.dumps(entries).encode()


PNGS = [cv2.imencode(".png", image)[1].tobytes() for image in SMALL]


def test_hugging_face(server):
    load.__globals__["_load"].cache_clear()
    names = [f"digit {k}" for k in range(10)]
    labels = DIGITS.target.tolist()
    train, test = parquet(PNGS[:1200], labels[:1200], names), parquet(PNGS[1200:], labels[1200:])
    hugging_face(server, {"train": train, "test": test})
    server.cut_after, server.cuts = 50_000, 2
    found = load("hf:me/digits")
    assert (found[0].images == SMALL[:1200]).all()
    assert (found[1].images == SMALL[1200:]).all()
    assert found[0].class_names == tuple(names)
    assert (found[1].labels_N == labels[1200:]).all()


def told(server, name):
    load.__globals__["_load"].cache_clear()
    done = CliRunner().invoke(main, ["data", "check", name])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2, done.output
    said = [line for line in done.output.splitlines() if "] fetching " not in line]
    assert len(said) == 1, done.output
    return said[0].replace(server.base, "BASE").replace(server.base[7:], "HOST")


def test_every_refusal_has_its_sentence(server, tmp_path, monkeypatch, snapshot):
    found = {"openml, no such name": told(server, "openml:nothing")}
    openml(server, "broken", md5_checksum="0" * 32)
    found["openml, altered"] = told(server, "openml:broken").partition(" has MD5 ")[0]
    openml(server, "target", default_target_attribute="digit")
    for path in (tmp_path / "cache" / "openml").glob("28.*"):
        path.unlink()
    found["openml, no class"] = told(server, "openml:target").replace(str(tmp_path), "TMP")
    server.files["/api/v1/json/data/7"] = b"no json"
    found["openml, no json"] = told(server, "openml:7")
    server.files["/api/v1/json/data/8"] = b"{}"
    found["openml, not understood"] = told(server, "openml:8")
    hugging_face(server, {"part": b""}, "me/part")
    found["hf, no train"] = told(server, "hf:me/part")
    hugging_face(server, {"train": b"text"}, "me/text")
    found["hf, no parquet"] = told(server, "hf:me/text").replace(str(tmp_path), "TMP")
    hugging_face(server, {"train": parquet([PNGS[0], b"x"], [0, 1])}, "me/bad")
    found["hf, no picture"] = told(server, "hf:me/bad").replace(str(tmp_path), "TMP")
    buffer = io.BytesIO()
    pl.DataFrame({"text": ["a"]}).write_parquet(buffer)
    hugging_face(server, {"train": buffer.getvalue()}, "me/words")
    found["hf, no images"] = told(server, "hf:me/words").replace(str(tmp_path), "TMP")
    monkeypatch.setenv("MISREAD_OPENML", "http://127.0.0.1:9")
    found["offline"] = told(server, "openml:USPS")
    assert found == snapshot
