"""The page of a study as Markdown: its marks, and what it says against the readings beside it."""

import html
import json
import re
import zipfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from made_up import changed
from markdown_pages import hold_claims, hold_target, rows_of
from misread import wording
from misread.cli import main
from misread.errors import StoreError, StudyError
from misread.show import study_figures
from misread.show.markdown import claims
from misread.show.markdown.again import arrays_of, readings
from misread.show.markdown.page import Beside, Chapter, plain, write_page
from misread.show.markdown.target import chapter_of
from misread.show.study_figures import Drawn
from misread.study.evidence import load_evidence
from misread.wording import percent

FOLDERS = Path(__file__).parents[1] / "folders"
KEPT = ("trial", "adaptive", "pair", "comparison", "axis")


END_MARK = "<!-- end of misread report -->"


def begin(name):
    return f"<!-- misread report {name} -->"


class Pictures(defaultdict):
    """Figures of any name, for the drawing is held elsewhere."""

    def __missing__(self, name):
        return Drawn(f"PNG of {name}".encode(), f"{name}: 4→9 falls")

    def __contains__(self, name):
        return True


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    found = {}
    for name in KEPT:
        folder = tmp_path_factory.mktemp("studies") / name
        with zipfile.ZipFile(FOLDERS / f"{name}.zip") as archive:
            archive.extractall(folder)
        found[name] = load_evidence(folder)
    return found


def told(evidence):
    return chapter_of(evidence)


def written(evidence, place, folder="beside"):
    path = place / "results" / "page.md"
    paths = write_page(told(evidence), Beside(path, place / folder, Pictures()))
    return path.read_text("utf-8"), paths


# --- any page -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEPT)
def test_every_file_that_a_page_names_lies_beside_it(studies, name, tmp_path):
    text, paths = written(studies[name], tmp_path)
    linked = re.findall(r"\]\(([^)\s]+)\)", text)
    assert {(tmp_path / "results" / link).resolve() for link in linked} == {
        path.resolve() for path in paths[1:]
    }
    assert len(paths) > 4
    assert all(path.is_file() for path in paths)
    assert written(studies[name], tmp_path)[0] == text, "the same evidence gives the same bytes"


@pytest.mark.parametrize("name", KEPT)
def test_every_table_has_a_cell_for_every_head(studies, name, tmp_path):
    text, _ = written(studies[name], tmp_path)
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) >= 3
    for table in tables:
        lines = [re.split(r"(?<!\\)\|", line) for line in table.splitlines()]
        assert len({len(line) for line in lines}) == 1, table
    assert "None" not in text
    assert "nan" not in text


def test_words_around_the_marks_stay_and_only_named_sections_are_written(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        f"Mine.\n\n{begin('one: b, a')}\nold\n{END_MARK}\n\nMine too.\n\n"
        f"{begin('two')}\nof another\n{END_MARK}\n",
        "utf-8",
    )
    study = Chapter("one", "Title", {"a": lambda _: "A", "b": lambda _: "B", "c": lambda _: ""})
    for _ in range(2):
        write_page(study, Beside(path, tmp_path / "beside", {}))
        assert path.read_text("utf-8") == (
            f"Mine.\n\n{begin('one: b, a')}\n\nB\n\nA\n\n{END_MARK}\n\nMine too.\n\n"
            f"{begin('two')}\nof another\n{END_MARK}\n"
        )


def test_what_cannot_be_written_is_refused_and_leaves_the_page_as_it_was(tmp_path):
    path = tmp_path / "page.md"
    study = Chapter(
        "one", "Title", {"a": lambda b: b.picture("a.png", b"", "A"), "c": lambda _: ""}
    )
    for text, message in (
        ("Mine alone.\n", "has no place for one; give the name of a new page, or write these two"),
        (f"{begin('one: a, x')}\n{END_MARK}\n", "asks for the section 'x'; there are a, c"),
        (f"{begin('one: a, c')}\n{END_MARK}\n", "has nothing to say there"),
        (f"{begin('two')}\n{END_MARK}\n", "has no place for one"),
        (f"{begin('one: a')}\n\n{begin('two')}\n{END_MARK}\n", "a place for one without its end"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(StudyError, match=re.escape(message)):
            write_page(study, Beside(path, tmp_path / "beside", {}))
        assert path.read_text("utf-8") == text
        assert not (tmp_path / "beside").exists()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoreError, match="cannot be read: it is no text"):
        write_page(study, Beside(path, tmp_path / "beside", {}))


def test_the_command_on_the_page_is_the_one_that_writes_it():
    plain_one = Beside(Path("docs/a.md"), Path("docs/study"), {})
    assert plain_one.command("runs/study") == "misread report runs/study --markdown docs/a.md"
    other = Beside(Path("docs/a b.md"), Path("docs/pictures"), {})
    assert other.command("runs/study") == (
        "misread report runs/study --markdown 'docs/a b.md' --figures docs/pictures"
    )


@pytest.mark.parametrize(
    "name", ["4", "a|b", "*bold*", "_x_", "snake_case", "<b>", "a<5", "[link](x)", "`code`", "&lt;"]
)
def test_whatever_a_class_is_called_it_stays_text(name):
    from markdown_it import MarkdownIt

    shown = MarkdownIt("gfm-like", {"linkify": False}).render(f"| a |\n| - |\n| {plain(name)} |\n")
    cell = re.search(r"<td>(.*?)</td>", shown)[1]
    assert html.unescape(cell) == name


# --- a study with a target ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trial", "adaptive", "pair"])
def test_the_page_says_what_the_readings_beside_it_give(studies, name, tmp_path):
    text, paths = written(studies[name], tmp_path)
    (file,) = (path for path in paths if path.name == "beside-readings.npz")
    with np.load(file) as kept:
        read = dict(kept)
    plan = studies[name].plan
    hold_target(text, read, plan.cells, adaptive=plan.study.adaptive)
    assert [row["Arm"] for row in rows_of(text, "Arm | Accuracy")] == list(plan.policies)
    for treatment in {piece.treatment for piece in plan.slices}:
        labels_M = read[f"{treatment} labels"]
        assert {*labels_M} == {piece.label for piece in plan.slices if piece.treatment == treatment}
        for arm in plan.policies:
            assert read[f"{treatment} {arm}"].shape == (len(read[arm]), len(labels_M))


@pytest.mark.parametrize("name", ["trial", "pair"])
def test_the_python_on_the_page_gives_the_verdict_of_the_study(
    studies, name, tmp_path, monkeypatch
):
    evidence = studies[name]
    monkeypatch.chdir(tmp_path)
    write_page(told(evidence), Beside(Path("page.md"), Path("beside"), Pictures()))
    (block,) = re.findall(r"```python\n(.*?)```", Path("page.md").read_text("utf-8"), re.DOTALL)
    names = {}
    exec(block, names)  # noqa: S102  our own page
    own = evidence.verdicts[evidence.treated_arms[0]]
    assert names["verdict"].verdict == own.verdict
    assert names["verdict"].n_harmed == own.n_harmed


def test_held_out_readings_on_the_page_give_the_verdict_too(rehearsal, tmp_path, monkeypatch):
    evidence = load_evidence(rehearsal)
    assert evidence.plan.pooled
    monkeypatch.chdir(tmp_path)
    write_page(told(evidence), Beside(Path("page.md"), Path("beside"), Pictures()))
    text = Path("page.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {}
    exec(block, names)  # noqa: S102  our own page
    own, again = evidence.verdicts[evidence.treated_arms[0]], names["verdict"]
    assert [cell.effect for cell in again.cells] == [cell.effect for cell in own.cells]
    assert again.n_harmed == own.n_harmed
    assert "but for trades" in text
    command = re.search(r"^misread (judge .+)$", text, re.MULTILINE)[1]
    done = CliRunner().invoke(main, [*command.split(), "--json"])
    (cell,) = json.loads(done.stdout)["cells"]
    on_confirm = np.mean(cell["before_per_seed"]) / cell["n_images"]
    assert cell["before"] != pytest.approx(on_confirm)  # the held-out ones count there too
    for runs in evidence.runs.values():  # as a corruption, which held-out images are not read under
        some = next(iter(runs.evidence.slices.values()))
        runs.evidence.slices["fog@5"] = replace(some, held_out_SN=None)
    assert "fog@5 held_out" not in arrays_of(evidence)
    write_page(told(evidence), Beside(Path("page.md"), Path("beside"), Pictures()))
    exec(block, names)  # noqa: S102
    assert "fog@5" in str(names["verdict"])


def test_the_commands_on_the_page_leave_out_what_was_settled_early(studies, tmp_path):
    evidence = studies["adaptive"]
    last = evidence.treated_arms[-1]
    runs = evidence.runs[last]
    runs = evidence.runs | {last: replace(runs, seeds=runs.seeds[:1])}
    beside = Beside(tmp_path / "page.md", tmp_path / "beside", Pictures())
    text = readings(replace(evidence, runs=runs), beside)
    judged = re.findall(r"^misread judge .+#(.+) --cell", text, re.MULTILINE)
    assert judged == [*evidence.treated_arms[:-1]] != []


def test_other_data_and_corruptions_are_told_where_they_were_read(studies, tmp_path):
    text, _ = written(studies["pair"], tmp_path)
    assert "## On other data" not in written(studies["trial"], tmp_path / "trial")[0]
    folder = tmp_path / "beside"
    for part in text.partition("## On other data")[2].partition("\n## ")[0].split("\n### ")[1:]:
        name = part.split("\n")[0]
        with np.load(folder / f"{name}-readings.npz") as kept:
            read = dict(kept)
        for row in rows_of(part, "Arm | Verdict"):
            assert row["Accuracy"] == wording.percent((read[row["Arm"]] == read["labels"]).mean())
    numbers = json.loads((folder / "corruptions.json").read_text("utf-8"))
    part = text.partition("## On corrupted images")[2].partition("\n## ")[0]
    for row in rows_of(part, " | baseline")[:-1]:
        for arm, on in numbers["rows"][row[""]].items():
            assert row[arm].startswith(f"{100 * np.mean(on['accuracy']['per_seed']):.1f}% (")
    for row in rows_of(part, "Arm | Verdict"):
        items = numbers["judged"][row["Arm"]]["items"].values()
        counts = [row["Safe"], row["Undetermined"], row["Harmed"]]
        states = [item["status"] for item in items]
        assert counts == [str(states.count(s)) for s in ("safe", "undetermined", "harmed")]


def test_a_study_without_a_treated_arm_has_a_page(studies, tmp_path):
    from dataclasses import replace

    evidence = studies["trial"]
    study = evidence.plan.study
    arms = {"baseline": study.arms["baseline"]}
    only = {"policies": {"baseline": None}, "study": study.model_copy(update={"arms": arms})}
    plan = evidence.plan.model_copy(update=only | {"slices": ()})
    alone = replace(evidence, plan=plan, runs={"baseline": evidence.runs["baseline"]})
    text, _ = written(alone, tmp_path)
    assert "## The images" in text
    assert "## What it broke" not in text


# --- a study of claims ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["comparison", "axis"])
def test_the_page_says_what_the_readings_of_the_arms_give(studies, name, tmp_path):
    text, paths = written(studies[name], tmp_path)
    (file,) = (path for path in paths if path.name == "beside-readings.npz")
    with np.load(file) as kept:
        read = dict(kept)
    study = studies[name].plan.study
    hold_claims(text, read, study.claims)
    assert [row["Arm"] for row in rows_of(text, "Arm | Network")] == list(study.arms)
    verdicts = {row["Claim"]: row["Verdict"] for row in rows_of(text, "Claim | Verdict")}
    assert verdicts == {c.text: c.verdict for c in studies[name].accuracies.claims}
    assert ("## Along the axis" in text) == bool(study.axis)


def test_accuracy_by_epoch(studies):
    """Two seeds, three epochs: what is told is what Student's t says of paired seeds."""
    from dataclasses import replace

    from scipy import stats

    evidence = studies["comparison"]
    rng = np.random.default_rng(1)
    seeds = (1, 2, 3, 4)
    on_select = {arm: rng.uniform(0.9, 0.99, (4, 3)) for arm in evidence.arms}
    arms = {
        arm: own.model_copy(update={"recipe": own.recipe.model_copy(update={"epochs": 3})})
        for arm, own in evidence.plan.study.arms.items()
    }
    study = evidence.plan.study.model_copy(update={"seeds": seeds, "arms": arms})
    plan = evidence.plan.model_copy(update={"study": study})
    four = {a: np.repeat(own[:1], 4, axis=0) for a, own in evidence.predictions.items()}
    longer = replace(changed(evidence, four), plan=plan)
    for arm, values_SE in on_select.items():
        own = longer.runs[arm]
        rows = tuple([{"select_accuracy": value} for value in row] for row in values_SE)
        machines, results = own.environments[:1] * 4, own.results[:1] * 4
        vars(own).update(histories=rows, environments=machines, results=results)
    text = claims.epochs(longer, None)
    rows = rows_of(text, "Epochs | exp1")
    assert [row["Epochs"] for row in rows] == ["1", "2", "3"]
    (head,) = {head for head in rows[0] if head == "exp3 − exp2"}
    gap_S = on_select["exp3"][:, 1] - on_select["exp2"][:, 1]
    low, high = stats.t.interval(0.95, 3, gap_S.mean(), stats.sem(gap_S))
    assert rows[1][head] == f"{wording.points(gap_S.mean())} ± {wording.number(50 * (high - low))}"
    assert rows[2]["exp1"] == percent(on_select["exp1"][:, 2].mean())


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        ([1, 1, 1], "after every epoch"),
        ([-1, 0, -1], "after no epoch"),
        ([-1, 1, 1], "from epoch 2 on"),
        ([1, -1, 1], "after 2 of 3 epochs"),
    ],
)
def test_when_an_arm_is_ahead(gap, said):
    assert claims._ahead(np.array(gap)) == said


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trial", "comparison"])
def test_report_writes_the_page_with_its_figures(name, tmp_path, monkeypatch):
    for registry in ("FIGURES", "COMPARISON_FIGURES", "ARM_FIGURES"):
        names = getattr(study_figures, registry)
        quick = dict.fromkeys(names, lambda *_: Figure(figsize=(1, 1), label="Drawn"))
        monkeypatch.setattr(study_figures, registry, quick)
    with zipfile.ZipFile(FOLDERS / f"{name}.zip") as archive:
        archive.extractall(tmp_path / "runs" / name)
    monkeypatch.chdir(tmp_path)
    command = ["report", f"runs/{name}", "--markdown", "docs/page.md"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert done.output == f"Written: runs/{name}/report.html and docs/page.md.\n"
    text = Path("docs/page.md").read_text("utf-8")
    assert f"misread {' '.join(command)}\n" in text
    for picture in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text):
        assert Path("docs", picture).read_bytes().startswith(b"\x89PNG")
    Path("docs/page.md").write_text("Mine.\n", "utf-8")
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 2
    assert "has no place for" in refused.output
    assert Path("docs/page.md").read_text("utf-8") == "Mine.\n"
