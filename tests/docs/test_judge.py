"""docs/judge.md and its examples: what they show is what happens."""

import json
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.show import render as verdicts
from misread.show.verdict import summary_of
from verdict_cases import cases, real


def test_the_python_on_the_page_runs(project, tmp_path, monkeypatch):
    page = (project / "docs/judge.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    with np.load(project / "docs/results/four-nine-readings.npz") as kept:
        names = {
            "labels_N": kept["labels"],
            "before_SN": kept["baseline"],
            "after_SN": kept["both"],
        }
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(block, names)  # noqa: S102  our own page
    assert names["verdict"].verdict == "UNDERPOWERED"
    assert names["side"].preds_SN.shape == (3, 897)
    shutil.copy("before.npz", "baseline.npz")
    shutil.copy("before.npz", "candidate.npz")
    with pytest.raises(AssertionError, match="it is not shown that 4→9 was reduced"):
        names["test_the_fix_holds"]()
    names["test_no_new_four_nine"]()


def test_what_the_page_names_is_there(project):
    page = (project / "docs/judge.md").read_text("utf-8")
    names = set(re.findall(r"`(misread(?:\.\w+)+)", page))
    assert len(names) >= 4
    for name in names:
        pkgutil.resolve_name(name)
    for function in re.findall(r"`(verdict_\w+)`", page):
        assert hasattr(verdicts, function)


def test_every_line_of_a_verdict_is_explained(project):
    page = (project / "docs/judge.md").read_text("utf-8")
    explained = page.partition("## What the lines mean")[2].partition("## Exit codes")[0]
    for case in cases().values():
        sheet = summary_of(case)
        for head in (
            *sheet.targets.heads[1:],
            *sheet.behind.heads[1:],
            *(name for name, _ in sheet.facts),
        ):
            assert head.removeprefix("95% ").removesuffix(" (80% power)") in explained, head


@pytest.mark.parametrize("page", ["docs/results/four-nine.md"])
@pytest.mark.parametrize("arm", ["documented", "one-sided", "swapped", "both"])
def test_the_sentences_of_the_results_are_those_of_the_judge(project, page, arm):
    assert f"- **{arm}**: {real(arm).reason}\n" in (project / page).read_text("utf-8")


def test_with_its_counter_slices_the_stored_readings_give_the_verdict_of_the_study(
    project, monkeypatch
):
    page = (project / "docs/results/four-nine.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(project)
    names = {}
    exec(block, names)  # noqa: S102  our own page
    assert names["verdict"].verdict == real(names["arm"]).verdict == "HARM"


# --- the example workflow -------------------------------------------------------------------------


def parsed(lines):
    """Return what a simple YAML text says: mappings, lists, plain values and blocks after "|"."""
    if not lines:
        return None
    indent = len(lines[0]) - len(lines[0].lstrip())
    starts = [n for n, line in enumerate(lines) if len(line) - len(line.lstrip()) == indent]
    parts = [lines[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
    if lines[0].lstrip().startswith("- "):
        return [parsed([part[0].replace("- ", "  ", 1), *part[1:]]) for part in parts]
    told = {}
    for part in parts:
        key, colon, value = part[0].strip().partition(":")
        assert colon, f"{part[0]!r} is no key with a value"
        assert key not in told, f"{key} stands there twice"
        if value.strip() == "|":
            margin = min(len(line) - len(line.lstrip()) for line in part[1:])
            told[key] = "\n".join(line[margin:] for line in part[1:])
        elif value.strip():
            assert len(part) == 1, f"{part[1]!r} hangs below a value"
            told[key] = value.strip().strip('"')
        else:
            told[key] = parsed(part[1:])
    return told


@pytest.fixture
def workflow(project):
    text = (project / "docs/examples/judge.yml").read_text("utf-8")
    assert "\t" not in text
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#"]
    return parsed(lines)


def test_the_workflow_is_one(workflow):
    assert workflow["on"] == "pull_request"
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    (job,) = workflow["jobs"].values()
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step), step
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
        if "run" in step:
            script = re.sub(r"\$\{\{.*?\}\}", "x", step["run"])
            done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
            assert done.returncode == 0, done.stderr


def test_the_workflow_s_commands_do_what_it_needs(workflow, project, tmp_path, monkeypatch):
    (job,) = workflow["jobs"].values()
    examples = project / "docs/examples"
    shutil.copy(examples / "baseline.npz", tmp_path / "baseline.npz")
    shutil.copy(examples / "baseline.npz", tmp_path / "candidate.npz")
    monkeypatch.chdir(tmp_path)
    scripts = "\n".join(step["run"] for step in job["steps"] if "run" in step)
    for name in re.findall(r"[\w.]+\.py\b", scripts):
        assert (examples / name).exists(), name
    assert "pip install misread" in scripts
    (command,) = re.findall(r"^misread (.*) > verdict.md$", scripts, re.MULTILINE)
    done = CliRunner().invoke(main, shlex.split(command))
    assert done.exit_code == 0, done.output
    (mark,) = set(re.findall(r"<!-- misread verdict", scripts))
    assert done.output.splitlines()[-1].startswith(mark)
    text = (examples / "judge.yml").read_text("utf-8")
    (gate,) = re.findall(r"#   run: misread (.*)", text)
    assert CliRunner().invoke(main, shlex.split(gate)).exit_code == 1


GH = """#!/bin/bash
echo "$@" >> gh.log
case "$*" in
  *--method*) ;;
  *) cat comments 2>/dev/null || true ;;
esac
"""


def test_the_steps_of_the_workflow_one_by_one(workflow, project, tmp_path):
    """Each as GitHub runs it, in bash -e; stand-ins take notes of what would reach the network."""
    for path in (project / "docs/examples").iterdir():
        shutil.copy(path, tmp_path)
    shims = tmp_path / "shims"
    shims.mkdir()
    python = shlex.quote(sys.executable)
    for name, script in {
        "pip": "#!/bin/bash\n",
        "gh": GH,
        "misread": f'#!/bin/bash\nexec {python} -m misread "$@"\n',
        "python": f'#!/bin/bash\nexec {python} "$@"\n',
        "pytest": f'#!/bin/bash\nexec {python} -m pytest -p no:cacheprovider "$@"\n',
    }.items():
        (shims / name).write_text(script)
        (shims / name).chmod(0o755)
    summary = tmp_path / "summary.md"
    env = os.environ | {
        "PATH": f"{shims}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(summary),
        "COMMENTS": "repos/o/r/issues",
        "NUMBER": "7",
    }
    (job,) = workflow["jobs"].values()
    for step in (step for step in job["steps"] if "run" in step):
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (step["name"], done.stderr + done.stdout)
    assert summary.read_text() == (tmp_path / "verdict.md").read_text()
    assert "<!-- misread verdict" in summary.read_text()
    posted = "api --method POST repos/o/r/issues/7/comments --field body=@verdict.md"
    assert (tmp_path / "gh.log").read_text().splitlines()[-1] == posted
    (tmp_path / "comments").write_text("42\n")
    (comment,) = (step["run"] for step in job["steps"] if step.get("name") == "Comment")
    subprocess.run(["bash", "-e", "-c", comment], cwd=tmp_path, env=env, check=True)
    patched = "api --method PATCH repos/o/r/issues/comments/42 --field body=@verdict.md"
    assert (tmp_path / "gh.log").read_text().splitlines()[-1] == patched


def test_json_is_what_the_schema_says(project):
    import jsonschema

    readings = project / "docs/results/four-nine-readings.npz"
    done = CliRunner().invoke(
        main, ["judge", f"{readings}#baseline", f"{readings}#both", "--cell", "4:9", "--json"]
    )
    schema = json.loads((project / "docs/verdict.schema.json").read_text("utf-8"))
    jsonschema.validate(json.loads(done.stdout), schema)


def test_the_baseline_is_what_the_example_makes(project):
    path = project / "docs/examples/baseline.npz"
    assert path.stat().st_size < 5000
    with np.load(path) as kept:
        assert kept["predictions"].shape == (3, 897)
        assert (kept["predictions"] == kept["labels"]).mean() > 0.9
