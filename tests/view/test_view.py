"""A live page: who may ask, what is written, what is never read, and how it ends."""

import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from commands import begin
from live import Asked, served
from misread.cli import main
from misread.errors import DataError, StudyError
from misread.learn.views import load_parts
from misread.readers.answers import Answer, read_answers
from misread.store import RunFolder, locked
from misread.study.plan import load_plan
from misread.view.app import listening
from misread.view.models import MOST_DRAWN_BYTES, drawn_digit, models_in, photographed_digits
from misread.view.site import site_of


@pytest.fixture(scope="module")
def folder(rehearsal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished study with its page, whose trainer is not ours."""
    from live import with_page

    return with_page(rehearsal, tmp_path_factory.mktemp("view") / "study")


@pytest.fixture(scope="module")
def ask(folder: Path) -> Iterator[Asked]:
    with served(site_of(str(folder))) as asked:
        yield asked


def test_only_its_own_page_on_this_machine_is_answered(ask):
    assert ask("GET", "/")[0] == 200
    assert ask("GET", "/", Host=f"localhost:{ask.port}")[0] == 200
    for name in ("evil.example", f"evil.example:{ask.port}", "127.0.0.1", "127.0.0.1:1", ""):
        assert ask("GET", "/", Host=name)[0] in (400, 403), name
    flag = json.dumps({"id": "1", "answer": "wrong"}).encode()
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{ask.port}", ""):
        assert ask("POST", "/flags", flag, Origin=origin)[0] == 403, origin
    assert ask("GET", "/flags", Origin="http://evil.example")[0] == 403
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", ask.port), timeout=5)


def test_nothing_but_the_page_is_served_and_no_script_but_ours_runs(ask):
    for path in (
        "/plan.json",
        "/report.html",
        "/../plan.json",
        "/%2e%2e/plan.json",
        "//etc/passwd",
    ):
        assert ask("GET", path)[0] == 404, path
    _, content, headers = ask("GET", "/")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.count("sha256-") == content.count(b"<script>") == 3
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert headers["cache-control"] == "no-store"


def test_uploads_have_a_limit_and_bad_ones_a_sentence(ask, folder):
    status, content, _ = ask("POST", "/read?kind=drawing&arm=baseline", b"x" * 10)
    assert (status, json.loads(content)["error"].startswith("there are no models")) == (422, True)
    status, content, _ = ask("POST", "/flags", b"x" * 20_000)
    assert (status, "more than 0.01 MB" in json.loads(content)["error"]) == (413, True)
    for bad in (b"", b"[]", b'{"id": "1"}', b'{"id": "nobody", "answer": "wrong"}', b"\xff"):
        status, content, _ = ask("POST", "/flags", bad)
        assert status == 422, bad
        assert json.loads(content)["error"].endswith((".", '"".'))
    assert not (folder / "flags.csv").exists()


def test_a_flag_is_written_at_once_and_comes_back_as_disputed(folder, tmp_path):
    from misread.readers.answers import with_answers
    from misread.readers.read import read_predictions

    copy = shutil.copytree(folder, tmp_path / "study")
    site = site_of(str(copy))
    names = sorted(site.flags.ids)[:40]
    with served(site) as ask, locked(copy):  # as a study that runs does

        def flag(name: str, answer: str = "wrong") -> dict[str, str]:
            body = json.dumps({"id": name, "answer": answer}).encode()
            status, content, _ = ask("POST", "/flags", body)
            assert status == 200, content
            return json.loads(content)

        assert flag(names[0]) == {names[0]: "wrong"}
        assert (copy / "flags.csv").read_text() == f"id,answer\n{names[0]},wrong\n"
        assert flag(names[0], "keep") == {names[0]: "keep"}
        assert flag(names[0], "") == {}
        with ThreadPoolExecutor(8) as browsers:
            list(browsers.map(flag, names))
        assert json.loads(ask("GET", "/flags")[1]) == dict.fromkeys(names, "wrong")
    answers = read_answers(copy / "flags.csv")
    assert answers == dict.fromkeys(names, Answer.WRONG)
    side = with_answers(read_predictions(str(copy / "arms" / "baseline")), answers)
    assert {str(name) for name in side.image_ids[side.disputed_N]} >= set(names)


def test_a_file_of_flags_with_more_columns_is_not_overwritten(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "study")
    (copy / "flags.csv").write_text("id,answer,label\n1,wrong,4\n")
    with pytest.raises(DataError, match="id, answer, label"):
        site_of(str(copy))


@pytest.mark.parametrize("name", ["report.html", "flags.csv", "arms/baseline/seed_42/means"])
def test_no_link_leads_out_of_the_folder(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / "study")
    outside = tmp_path / "outside"
    outside.write_text("id,answer\n")
    (copy / name).parent.mkdir(parents=True, exist_ok=True)
    (copy / name).unlink(missing_ok=True)
    (copy / name).symlink_to(outside)
    with pytest.raises(StudyError, match="leads out of"):
        site_of(str(copy))
    (copy / name).unlink()
    (copy / name).write_text("id,answer\n")
    (copy / "within.html").symlink_to(copy / name)
    if name != "report.html":
        site_of(str(copy))


def test_a_strangers_trainer_is_never_run(folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "standin", raising=False)
    site = site_of(str(folder))
    assert site.models is None
    assert "standin:trainer, code of whoever made the study, which is never run here" in site.html
    assert "standin" not in sys.modules


def test_a_page_alone_can_be_flagged_and_others_are_refused(folder, tmp_path):
    page = tmp_path / "it.html"
    text = (folder / "report.html").read_text("utf-8")
    page.write_text(text, "utf-8")
    site = site_of(str(page))
    assert site.models is None
    assert site.flags.path == tmp_path / "it.flags.csv"
    for name, content, why in (
        ("a stranger's", "<title>x</title>", "no page that misread wrote"),
        ("another script", text.replace("</main>", "<script>x</script></main>"), "another version"),
        ("no page", "\0\xff", "no page that misread wrote"),
        ("damaged", text.replace('"parts"', '"pats"'), "is damaged"),
    ):
        page.write_text(content, "latin-1" if name == "no page" else "utf-8")
        with pytest.raises(DataError, match=why):
            site_of(str(page))
    with pytest.raises(StudyError, match="no folder of a finished study"):
        site_of(str(tmp_path))


def test_drawings_and_photos_become_digits_as_mnist_has_them():
    import cv2

    drawing = np.full((280, 280), 255, np.uint8)
    cv2.line(drawing, (140, 40), (130, 240), 0, 22)
    (one,) = drawn_digit(cv2.imencode(".png", drawing)[1].tobytes())
    assert one.shape == (28, 28)
    assert one.max() == 255
    rows = np.flatnonzero(one.max(axis=1) > 30)
    assert (rows[0], rows[-1]) == (4, 23)
    with pytest.raises(DataError, match="nothing is drawn"):
        drawn_digit(cv2.imencode(".png", np.full((28, 28), 255, np.uint8))[1].tobytes())
    for wrong in (b"", b"\x89PNG\r\n\x1a\n", b"GIF89a"):
        with pytest.raises(DataError):
            drawn_digit(wrong)
        with pytest.raises(DataError, match="the photo"):
            photographed_digits(wrong)
    assert len(cv2.imencode(".png", drawing)[1]) < MOST_DRAWN_BYTES


@pytest.mark.usefixtures("trainer")
def test_stored_models_read_here_as_they_did_in_the_study(smoke):
    models = models_in(smoke)
    assert [*models.arms] == ["baseline", "documented", "both"]
    images = load_parts("mnist", load_plan(smoke).study.sizes["confirm_size"]).confirm.images[:5]
    for reading, image in zip(models.read(images, ["baseline", "both"]), range(5), strict=True):
        for arm in reading["arms"]:
            runs = [RunFolder(smoke, arm["name"], int(seed)) for seed in arm["seeds"]]
            stored = [int(run.predictions()["predictions"][0, image]) for run in runs]
            assert arm["read"] == list(map(str, stored))
    with pytest.raises(StudyError, match="no arm nobody"):
        models.read(images, ["nobody"])


def test_a_busy_port_gives_one_sentence(folder):
    with listening(0) as other:
        port = str(other.getsockname()[1])
        done = CliRunner().invoke(main, ["view", str(folder), "--port", port])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"misread: port {port} cannot be used (")
    assert done.stderr.count("\n") == 1


def test_without_the_extra_it_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "misread.cli.view", raising=False)
    monkeypatch.delitem(sys.modules, "misread.view.app", raising=False)
    done = CliRunner().invoke(main, ["view", str(folder)])
    assert done.exit_code == 2
    assert "pip install 'misread[view]'" in done.stderr


def test_ctrl_c_ends_it_cleanly_even_while_a_browser_is_connected(folder):
    process = begin("view", folder, "--port", "0")
    first = process.stdout.readline()
    port = int(first.partition("127.0.0.1:")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as kept:
        kept.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert kept.recv(100).startswith(b"HTTP/1.1 200")
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("Ended.\n")
