"""What all tests share. Whatever is trained is made once and shared by all processes that test."""

import gc
import hashlib
import os
import random
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

PROJECT = Path(__file__).resolve().parent.parent
BEGAN = pytest.StashKey[float]()
# jsonschema reads a grammar of addresses at its import, for seconds, where this is there.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in random order")
    parser.addoption("--processor", type=int, metavar="N", help="list the N that compute the most")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("--shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)  # noqa: S311


def processor_seconds() -> float:
    """Return what this process and the children that it has waited for have computed."""
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    item.stash[BEGAN] = processor_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, object]:
    report = yield
    report.user_properties.append(("processor", processor_seconds() - item.stash[BEGAN]))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    n_tests = terminalreporter.config.getoption("--processor")
    if not n_tests:
        return
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, ())]
    seconds = {one.nodeid: dict(one.user_properties).get("processor", 0.0) for one in reports}
    terminalreporter.section(f"{sum(seconds.values()):.0f} seconds of the processor")
    for name in sorted(seconds, key=lambda name: -seconds[name])[:n_tests]:
        terminalreporter.line(f"{seconds[name]:7.1f} s  {name}")


@pytest.fixture(autouse=True)
def _draw_without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the root of the repository."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of further data sets; without it, skip."""
    folder = Path(os.environ.get("MISREAD_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: these data sets do not come with the repository")
    return folder


Once = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Return a function (name, make) that makes a folder once, and returns a copy of it.

    Each process that tests has a copy of its own: tests may build anew what is in it, but not
    change it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "shared"

    def made(name: str, make: Callable[[Path], None]) -> Path:
        shared.mkdir(exist_ok=True)
        with FileLock(shared / f"{name}.lock"):
            if not (shared / f"{name}.done").exists():
                shutil.rmtree(shared / name, ignore_errors=True)  # of one that failed
                make(shared / name)
                (shared / f"{name}.done").touch()
        copy = tmp_path_factory.mktemp(name) / name
        return Path(shutil.copytree(shared / name, copy))

    return made


@pytest.fixture(scope="session")
def smoke(once: Once) -> Path:
    """Return the folder of a finished smoke run of four-nine, trained by Keras."""
    from commands import SMOKE, misread

    def make(folder: Path) -> None:
        done = misread("run", *SMOKE, "--out", folder)
        assert done.returncode == 0, done.stderr

    return once("four-nine", make)


@pytest.fixture(scope="session")
def rehearsal(once: Once) -> Path:
    """Return the folder of the same study with the stand-in for a trainer, without its figures."""
    from misread.study.file import load_study
    from standin import rehearse

    study = load_study("four-nine", smoke=True, arms=("documented", "both"))
    return once("rehearsal", lambda folder: rehearse(study, folder))


@pytest.fixture(scope="session")
def small_toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a study of few images, whose trainer is the stand-in."""
    from standin import small_study

    return small_study(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def small(small_toml: Path) -> Path:
    """Return the folder that this study comes to when nothing disturbs it; not to be changed."""
    from misread.study.file import load_study
    from standin import rehearse

    folder = small_toml.with_name("whole")
    rehearse(load_study(str(small_toml), smoke=True), folder)
    return folder


@pytest.fixture(scope="session")
def trainer() -> ModuleType:
    """Return `learn.train`, set up once: whoever needs Keras here takes it, for threads can be set
    only before the first model."""
    from misread.learn import train

    train.set_up_backend()
    gc.freeze()  # Keras collects before each model, and what it came with is never garbage
    return train


@pytest.fixture(scope="session", autouse=True)
def _measured_once() -> Iterator[None]:
    """Let studies measure the same images once, and break the same readings down once.

    Most tests conclude a study on the same few. `study.slices.slice_up` itself stays as it is.
    """
    from misread.study import evidence, preview, slices

    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (slices, "shapes"),
            (preview, "stroke_thickness_px"),
            (evidence, "slice_up"),
        ):
            patch.setattr(module, name, remembered(getattr(module, name)))
        yield


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does its work once for equal arguments."""
    known: dict[str, Any] = {}

    def remembering(*arguments: Any, **named: Any) -> Any:
        key = repr([identity(one) for one in (*arguments, *sorted(named.items()))])
        return known[key] if key in known else known.setdefault(key, function(*arguments, **named))

    return remembering


def identity(value: Any) -> Any:
    """Return what is equal for equal images, datasets and readings of arms, and for little else."""
    if isinstance(value, np.ndarray):
        content = hashlib.sha256(np.ascontiguousarray(value).data)
        return content.hexdigest(), value.shape, value.dtype.str
    if is_dataclass(value) and not isinstance(value, type):
        return [identity(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Mapping):
        return [(name, identity(inner)) for name, inner in value.items()]
    return value


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages come without their figures, which take longer than all the rest."""
    from misread.show import study_figures  # not `draw_figures`, of which others hold the name

    monkeypatch.setattr(study_figures, "figures_of", lambda _: {})


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages come with three of their figures: of the slices, and the preview."""
    from misread.show import study_figures

    few = {name: study_figures.FIGURES[name] for name in ("shape", "writers", "preview")}
    monkeypatch.setattr(study_figures, "FIGURES", few)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a real file system of 64 KB."""
    import subprocess

    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)
