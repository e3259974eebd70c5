"""What all tests share."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from filelock import FileLock

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _draw_without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the root of the repository."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of further data sets beside the repository; without it, skip."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: these data sets do not come with the repository")
    return folder


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder of a finished smoke run; tests may rebuild but not change it.

    It is trained once; each process that tests has a copy of its own.
    """
    own = tmp_path_factory.mktemp("smoke") / "four-nine"
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    trained = shared / "trained" / "four-nine"
    with FileLock(shared / "trained.lock"):
        if not (trained / "report.html").exists():
            command = ["run", "four-nine", "--smoke", "--out", str(trained)]
            done = subprocess.run(
                [sys.executable, "-m", "misread", *command],
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    shutil.copytree(trained, own)
    return own


@pytest.fixture(scope="session")
def trainer() -> ModuleType:
    """Return `learn.train`, set up once: whoever needs Keras here takes it, for threads can be set
    only before the first model."""
    from misread.learn import train

    train.set_up_backend()
    return train


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a real file system of 64 KB."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)
