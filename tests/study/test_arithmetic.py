import json
import os
import shutil

import pytest

from misread.errors import PlanError
from misread.show.report import report_html
from misread.study.arithmetic import as_recorded, mixture, recorded
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.run import run_study
from misread.workers import arithmetic as kernels
from misread.workers.arithmetic import MOST, ONEDNN, Arithmetic, arithmetic, settings
from misread.workers.machine import thread_environment
from standin import work_here

WIDE = Arithmetic(onednn=True, vectors="AVX-512")
OURS = Arithmetic(onednn=True, vectors="AVX2")


@pytest.fixture(autouse=True)
def _on_avx2(monkeypatch):
    monkeypatch.setattr(kernels, "vectors", lambda: "AVX2")
    for name in (ONEDNN, MOST):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(small, tmp_path):
    """A finished study, whose runs were made with the arithmetic that `record` notes."""
    return shutil.copytree(small, tmp_path / "study")


def record(folder, how, pattern="arms/*/seed_*"):
    for path in folder.glob(f"{pattern}/environment.json"):
        content = json.loads(path.read_text()) | {"backend": "tensorflow"}
        if how is not None:
            content["arithmetic"] = how.model_dump()
        path.write_text(json.dumps(content))


def lose_a_run(folder):
    path = max(folder.glob("arms/*/seed_*"))
    shutil.rmtree(path)
    return path


def test_workers_take_onednn_wherever_they_are():
    assert arithmetic() == OURS
    assert thread_environment()[ONEDNN] == "1"


@pytest.mark.parametrize(
    ("most", "vectors"),
    [("AVX512_CORE_VNNI", "AVX2"), ("avx2", "AVX2"), ("AVX", "AVX"), ("", "AVX2")],
)
def test_what_a_user_allows_counts_as_far_as_the_processor_has_it(monkeypatch, most, vectors):
    monkeypatch.setenv(MOST, most)
    assert arithmetic().vectors == vectors


def test_settings_bring_back_what_was_recorded(monkeypatch):
    for there in (OURS, Arithmetic(onednn=False, vectors="AVX")):
        assert arithmetic(settings(there)) == there
    assert settings(WIDE) is None
    monkeypatch.setattr(kernels, "vectors", lambda: "AVX-512")
    assert arithmetic(settings(OURS)) == OURS


def test_a_study_goes_on_with_what_its_runs_record(folder, monkeypatch):
    record(folder, OURS)
    monkeypatch.setattr(kernels, "vectors", lambda: "AVX-512")
    with as_recorded(folder):
        assert arithmetic() == OURS
    assert MOST not in os.environ


@pytest.mark.parametrize("how", [WIDE, None])
def test_another_arithmetic_is_refused_unless_mixed(folder, how, small_toml, monkeypatch):
    record(folder, how)
    study = load_study(str(small_toml), smoke=True)
    work_here(monkeypatch)
    run_study(study, folder)  # nothing is left to do: a finished study is only read
    lost = lose_a_run(folder)
    with pytest.raises(PlanError, match="--mix-arithmetic"):
        run_study(study, folder)
    assert not lost.exists()
    run_study(study, folder, mix_arithmetic=True)
    assert (lost / "result.json").exists()


@pytest.mark.usefixtures("no_figures")
def test_a_mixture_stands_first_in_the_report(folder):
    record(folder, WIDE)
    assert mixture(folder) == ""
    record(folder, OURS, "arms/baseline/seed_*")
    assert len(recorded(folder)) == 2
    page = report_html(load_evidence(folder))
    body = page.partition("<body>")[2].strip()
    assert body.splitlines()[0].startswith('<p class="warning" role="note"><strong>Mixed arith')
    assert "oneDNN on AVX2" in mixture(folder)
