"""The built wheel: what is in it, what it weighs, and that it works where nothing else is.

The wheel is built once. It is then installed into environments of their own, light and with the
extra `train`, with the versions that pyproject.toml fixes and without the development tools, and
used from another folder.
"""

import email
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
BIN = "Scripts" if os.name == "nt" else "bin"
IDX_KINDS = ("images-idx3", "labels-idx1")

# Installing TensorFlow takes seconds out of uv's cache, minutes without one.
pytestmark = pytest.mark.timeout(2400)


def _run(
    *command: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    called = " ".join(str(part) for part in command)
    assert done.returncode == 0, f"{called}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="session")
def uv() -> str:
    """Return the path of uv: as `make` names it, or on PATH, or as `make` brought it."""
    own = PROJECT / ".uv" / "bin" / "uv"
    found = os.environ.get("UV") or shutil.which("uv") or (str(own) if own.exists() else None)
    if found is None:
        pytest.skip("uv is not there; `make test` brings it")
    return found


@pytest.fixture(scope="session")
def uv_env() -> dict[str, str]:
    """Return the environment for uv: the Python at hand will do, and no active one interferes."""
    drop = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH"}
    env = {name: value for name, value in os.environ.items() if name not in drop}
    return env | {"UV_PYTHON_DOWNLOADS": "never"}


@pytest.fixture(scope="session")
def wheel(uv: str, uv_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--wheel", "--out-dir", folder, "--python", sys.executable)
    _run(uv, "build", *options, PROJECT, cwd=folder, env=uv_env)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def names(wheel: Path) -> list[str]:
    """Return the names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def _environment(folder: Path, wheel: Path, extras: str, uv: str, env: dict[str, str]) -> Path:
    """Give a folder that holds nothing but `venv/`, into which the wheel is installed."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    fixed = folder / "constraints.txt"
    fixed.write_text("\n".join(settings["constraint-dependencies"]) + "\n", "utf-8")
    venv = folder / "venv"
    _run(uv, "venv", "--no-project", "--python", sys.executable, venv, cwd=folder, env=env)
    options = ("--no-config", "--python", venv, "--constraint", fixed)
    _run(uv, "pip", "install", *options, f"{wheel}{extras}", cwd=folder, env=env)
    return folder


@pytest.fixture(scope="session")
def light(wheel: Path, uv: str, uv_env: dict[str, str]) -> Iterator[Path]:
    """Give a folder with the wheel as `pip install misread` brings it."""
    with tempfile.TemporaryDirectory(prefix="misread-", ignore_cleanup_errors=True) as name:
        yield _environment(Path(name), wheel, "", uv, uv_env)


@pytest.fixture(scope="session")
def elsewhere(wheel: Path, uv: str, uv_env: dict[str, str]) -> Iterator[Path]:
    """Give a folder with the wheel and what training takes.

    It is removed in the end: with TensorFlow it can take 2 GB where hard links are not possible.
    """
    with tempfile.TemporaryDirectory(prefix="misread-", ignore_cleanup_errors=True) as name:
        yield _environment(Path(name), wheel, "[train]", uv, uv_env)


def _bare(folder: Path, home: Path) -> dict[str, str]:
    """Return an environment with nothing of this one: the system's programs and an empty home."""
    path = [str(folder / "venv" / BIN), *os.defpath.split(os.pathsep)]
    home.mkdir()
    env = {"PATH": os.pathsep.join(path), "HOME": str(home), "LANG": "C.UTF-8"}
    return env | {k: os.environ[k] for k in ("SYSTEMROOT", "TMPDIR") if k in os.environ}


def test_the_wheel_holds_every_file_of_the_package(names: list[str]) -> None:
    root = PROJECT / "src"
    wanted = {
        path.relative_to(root).as_posix()
        for path in (root / "misread").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == wanted


def test_the_wheel_holds_what_is_no_code(names: list[str]) -> None:
    mnist = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in IDX_KINDS]
    wanted = {f"misread/data/mnist/{name}" for name in (*mnist, "SOURCES.md")}
    wanted |= {"misread/py.typed", "misread/studies/four-nine.toml"}
    assert wanted <= set(names)
    assert any(name.startswith("misread/show/templates/") for name in names)


def test_the_wheel_names_its_licence_and_its_command(wheel: Path, names: list[str]) -> None:
    (info,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
    with zipfile.ZipFile(wheel) as archive:
        licence = archive.read(f"{info}/licenses/LICENSE").decode()
        metadata = archive.read(f"{info}/METADATA").decode()
        commands = archive.read(f"{info}/entry_points.txt").decode()
    assert licence == (PROJECT / "LICENSE").read_text("utf-8")
    assert licence.lstrip().startswith("Apache License")
    assert "License-Expression: Apache-2.0\n" in metadata
    assert "misread = misread.cli:main" in commands


def test_what_is_uploaded_is_whole(uv: str, uv_env: dict[str, str], tmp_path: Path) -> None:
    _run(
        uv,
        "build",
        "--out-dir",
        tmp_path,
        "--python",
        sys.executable,
        PROJECT,
        cwd=tmp_path,
        env=uv_env,
    )
    (built,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert built.name == f"misread-{version}-py3-none-any.whl"
    with zipfile.ZipFile(built) as archive:
        from_source = set(archive.namelist())
        fields = email.message_from_bytes(archive.read(f"misread-{version}.dist-info/METADATA"))
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in from_source if name.startswith("misread/")} <= {
        name.removeprefix("src/") for name in inside
    }
    assert fields["Description-Content-Type"] == "text/markdown"
    assert fields["Version"] == version
    assert fields["Requires-Python"]
    assert "Programming Language :: Python :: 3.13" in fields.get_all("Classifier", [])
    assert isinstance(body := fields.get_payload(), str)
    assert "misread demo" in body


def test_the_wheel_is_complete_without_the_development_tools(
    elsewhere: Path, uv: str, uv_env: dict[str, str]
) -> None:
    venv = elsewhere / "venv"
    _run(uv, "pip", "check", "--python", venv, cwd=elsewhere, env=uv_env)
    listed = _run(
        uv, "pip", "list", "--format", "json", "--python", venv, cwd=elsewhere, env=uv_env
    )
    installed = {item["name"]: item["version"] for item in json.loads(listed.stdout)}
    assert "misread" in installed
    assert not {"pytest", "hypothesis", "mypy", "ruff"} & set(installed)
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]
    fixed = {item.partition(" ;")[0] for item in settings["constraint-dependencies"]}
    loose = {f"{name}=={version}" for name, version in installed.items()} - fixed
    assert {item.partition("==")[0] for item in loose} == {"misread"}


def test_the_wheel_runs_the_study_from_any_folder(elsewhere: Path, tmp_path: Path) -> None:
    bare = _bare(elsewhere, tmp_path / "home")
    folder = tmp_path / "some where"  # a space, as in many people's paths
    folder.mkdir()
    command = elsewhere / "venv" / BIN / "misread"
    assert "run or resume a study" in _run(command, "--help", cwd=folder, env=bare).stdout.lower()
    _run(
        command,
        "run",
        "four-nine",
        "--smoke",
        "--seeds",
        "42",
        "--jobs",
        "1",
        "--arms",
        "both",
        "--out",
        "out",
        cwd=folder,
        env=bare,
    )
    assert json.loads((folder / "out" / "verdict.json").read_bytes())
    page = (folder / "out" / "report.html").read_text("utf-8")
    assert "smoke" in page.lower()
    assert [path.name for path in folder.iterdir()] == ["out"], "something was left beside it"


HEAVY = {"tensorflow", "keras", "opencv-python-headless", "scikit-image", "h5py", "ray"}
LARGEST_MB = 500  # what `pip install misread` may weigh


def test_the_light_install_is_light(light: Path, uv: str, uv_env: dict[str, str]) -> None:
    venv = light / "venv"
    listed = _run(uv, "pip", "list", "--format", "json", "--python", venv, cwd=light, env=uv_env)
    assert not HEAVY & {item["name"] for item in json.loads(listed.stdout)}
    n_bytes = sum(p.stat().st_size for p in venv.rglob("*") if p.is_file() and not p.is_symlink())
    assert n_bytes < LARGEST_MB * 1e6


def test_the_light_install_judges_plans_and_reports(light: Path, tmp_path: Path) -> None:
    bare = _bare(light, tmp_path / "home")
    study = tmp_path / "study"
    with zipfile.ZipFile(PROJECT / "tests" / "folders" / "trial.zip") as archive:
        archive.extractall(study)  # noqa: S202  a ZIP of ours
    before, after = study / "arms" / "baseline", study / "arms" / "both"
    for words in (
        ("demo",),
        ("judge", before, after, "--cell", "4:9", "--json"),
        ("atlas", study),
        ("power", before, "--cell", "4:9"),
        ("calibrate", "--replicates", "10", "--seeds", "5", "--jobs", "1", "--json"),
        ("data", "check", "mnist"),
        ("report", study),
        ("slices", study),
    ):
        _run("misread", *words, cwd=tmp_path, env=bare)
    assert (study / "report.html").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("train", ("run", "four-nine", "--smoke", "--arms", "both", "--out", "out")),
        ("tables", ("data", "check", "h5:digits.h5")),
        ("view", ("view", ".")),
    ],
)
def test_what_needs_an_extra_names_it(
    light: Path, tmp_path: Path, extra: str, words: tuple[str, ...]
) -> None:
    done = subprocess.run(
        ["misread", *words],
        cwd=tmp_path,
        env=_bare(light, tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"pip install 'misread[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_light_install_has_the_assertions(light: Path, tmp_path: Path) -> None:
    program = "from misread.testing import assert_no_harm, assert_reduced; import misread.judge"
    _run("python", "-c", program, cwd=tmp_path, env=_bare(light, tmp_path / "home"))
