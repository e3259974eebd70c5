"""One forecast: the same number and range in the plan, in every verdict and in `misread power`."""

import html
import json

import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.show.report import report_html
from misread.study.conclude import conclude
from misread.study.evidence import load_evidence
from misread.study.file import load_study
from misread.study.run import run_study
from standin import work_here


@pytest.mark.usefixtures("no_figures")
def test_plan_verdict_and_command_say_the_same(small_toml, tmp_path, monkeypatch):
    work_here(monkeypatch)
    folder = tmp_path / "study"
    place = ["--out", str(folder)]
    run_study(load_study(str(small_toml), seeds=(1, 2, 3)), folder)
    conclude(folder)
    planned = json.loads((folder / "plan.json").read_text())["plan"]["planned_power"]
    for arm in json.loads((folder / "verdict.json").read_text())["arms"].values():
        cell = arm["cells"][0]
        assert cell["forecast"] == planned
        assert cell["seeds_needed"] == planned["seeds_needed"]
        if arm["verdict"] == "UNDERPOWERED":
            evidence = load_evidence(folder)
            assert evidence.plan.planned_power.short in arm["reason"]
    page = html.unescape(report_html(load_evidence(folder), {}))
    assert planned["sentence"] in page
    assert planned["safe"]["sentence"] in page
    monkeypatch.setattr("misread.show.report.next_step", lambda name, *_: f"misread run {name} …")
    page = report_html(load_evidence(folder), {})
    named = [line.split()[0] for line in page.split("misread run ")[1:]]
    assert named == [small_toml.name] * 2, "a study of one's own is run by its file"
    terminal = CliRunner().invoke(main, ["run", str(small_toml), "--seeds", "1,2,3", *place])
    assert terminal.exit_code == 0, terminal.output
    assert planned["sentence"] in " ".join(terminal.output.split())
    done = CliRunner().invoke(main, ["power", str(folder), "--json"])
    assert json.loads(done.stdout) == planned
    said = CliRunner().invoke(main, ["power", str(folder)]).output
    assert " ".join(said.split()).startswith(planned["sentence"])
    other = CliRunner().invoke(main, ["power", str(folder), "--seeds", "20", "--json"])
    assert json.loads(other.stdout)["n_seeds"] == 20
    assert json.loads(other.stdout)["weight"] == planned["weight"]
