"""A plan that is changed once *confirm* is open: every page and line says so first."""

import json
import re

import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.show.markdown.page import Beside, page_of
from misread.show.markdown.target import chapter_of
from misread.study.evidence import load_evidence
from standin import small_study, work_here

WHY = "the plan was changed after the confirm images had been opened"


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Run the study with this alpha, and return its folder and what was printed."""
    work_here(monkeypatch)
    path, folder = small_study(tmp_path), tmp_path / "out"
    text = path.read_text()

    def run(alpha):
        path.write_text(f"{text}\n[judge]\nalpha = {alpha}\n")
        done = CliRunner().invoke(main, ["run", str(path), "--out", str(folder)])
        assert done.exit_code == 0, done.output
        return folder, done

    return run


def visible(html):
    """Return the first line that a reader of the page sees."""

    body = html.partition("<body>")[2]
    return re.sub(r"<[^>]+>", "", body).strip().splitlines()[0]


@pytest.mark.usefixtures("no_figures")
def test_a_changed_plan_is_the_first_thing_that_is_said(told):
    folder, done = told(0.05)
    assert load_evidence(folder).plan.exploratory == ""
    assert visible((folder / "report.html").read_text("utf-8")) == "Small"
    assert "xploratory:" not in done.output
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    assert (verdict["exploratory"], verdict["arms"]["policy"]["exploratory"]) == ("", False)
    evidence = load_evidence(folder)
    page = (folder / "report.html").read_text("utf-8")
    assert evidence.plan.planned_power.sentence in page
    found = evidence.shrinkage(4, 9)
    assert found.sentence in page
    summary = json.loads((folder / "experiment_summary.json").read_text("utf-8"))
    assert summary["target"]["shrinkage"] == found.model_dump(mode="json")

    folder, done = told(0.1)
    evidence = load_evidence(folder)
    assert evidence.plan.exploratory == WHY
    assert visible((folder / "report.html").read_text("utf-8")) == f"Exploratory: {WHY}."
    assert done.stdout.splitlines()[0] == f"Exploratory: {WHY}."
    assert done.stdout.count("Exploratory") == 1
    assert f"exploratory: {WHY}" in done.stderr
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    assert verdict["exploratory"] == verdict["arms"]["policy"]["exploratory_why"] == WHY
    assert verdict["arms"]["policy"]["exploratory"] is True
    page = folder / "page.md"  # two places that ask for other sections than the verdict
    page.write_text("<!-- misread report out: run -->\n<!-- end of misread report -->\n" * 2)
    text = page_of(chapter_of(evidence), Beside(page, folder / "page", {}))
    assert text.splitlines()[2] == f"**Exploratory: {WHY}.**"
    assert text.count("Exploratory") == 1
    summary = json.loads((folder / "experiment_summary.json").read_text("utf-8"))
    assert summary["exploratory"] == WHY

    drawn = CliRunner().invoke(main, ["report", str(folder)])
    assert drawn.exit_code == 0
    assert visible((folder / "report.html").read_text("utf-8")) == f"Exploratory: {WHY}."
    table = CliRunner().invoke(main, ["atlas", str(folder), "--top", "1"])
    assert table.stdout.splitlines()[0] == f"Exploratory: {WHY}."
