"""Names and titles from data are text: no markup, nothing that steers a terminal or a page."""

import io
import json
import warnings

import numpy as np
import pytest
from click.testing import CliRunner
from rich.table import Table as RichTable

from misread import wording
from misread.cli import main
from misread.cli.options import _Plain
from misread.judge import Predictions, judge
from misread.readers.convert import write_predictions
from misread.show.figures.atlas import atlas_figure
from misread.show.render import verdict_html, verdict_markdown
from misread.show.style import png
from misread.show.table import Table

HOSTILE = (
    "[red]", "[/]", "[/red]", ":cat:", "a\x1b[2Jb", "x\u202egnp", "<script>", "$x^2$", "n\nm",
    "w" * 5000,
)  # fmt: skip
UNSEEN = ("\x1b", "\u202e", "\x07", "\x9b", "\u2066", "\x00")


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 10
    before, after = (
        np.where(rng.random((3, 200)) < right, labels, rng.integers(0, 10, (3, 200)))
        for right in (0.7, 0.9)
    )
    ids = [f"{HOSTILE[n % 10]}{n}" for n in range(200)]
    return [
        Predictions.from_arrays(labels, part, class_names=HOSTILE, ids=ids)
        for part in (before, after)
    ]


def harmless(text):
    assert not any(sign in text for sign in UNSEEN)
    assert "w" * 200 not in text
    return text


@pytest.mark.parametrize("suffix", ["npz", "csv", "parquet"])
def test_a_terminal_shows_names_as_they_are(sides, suffix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for side, name in zip(sides, ("[red]before", "[red]after"), strict=True):
        write_predictions(side, f"{name}.{suffix}")
    files = [f"[red]before.{suffix}", f"[red]after.{suffix}"]
    for cell in ("[red]:[/]", f"{HOSTILE[4]}:{HOSTILE[5]}", f"{HOSTILE[9]}:<script>"):
        done = CliRunner().invoke(main, ["judge", *files, f"--cell={cell}"])
        assert done.exit_code == 0, done.output
        said = harmless(done.output)
        assert f"[red]after.{suffix}" in said
    assert "[red]→[/]" in CliRunner().invoke(main, ["judge", *files, "--cell=[red]:[/]"]).output
    atlas = CliRunner().invoke(main, ["atlas", files[0]])
    assert atlas.exit_code == 0, atlas.output
    harmless(atlas.output)


def test_json_loses_nothing_and_shows_nothing_unseen(sides, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for side, name in zip(sides, ("b.npz", "a.npz"), strict=True):
        write_predictions(side, name)
    done = CliRunner().invoke(main, ["judge", "b.npz", "a.npz", "--cell=[red]:[/]", "--json"])
    assert tuple(json.loads(done.output)["class_names"]) == tuple(n.strip() for n in HOSTILE)
    assert not any(sign in done.output for sign in UNSEEN)


def test_pages_comments_and_figures(sides):
    verdict = judge(*sides, cells=["[red]:[/]"], arm="[/]\x1b[31m")
    for text in (verdict_html(verdict), verdict_markdown(verdict)):
        harmless(text)
        assert "<script>" not in text.replace("&lt;script&gt;", "").replace("\\<script", "")
    from misread.judge import atlas

    cells = atlas(sides[0].labels_N, sides[0].preds_SN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert png(atlas_figure(cells[:5], sides[0].class_names))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_table_and_a_console(name):
    console = _Plain()
    console.file = io.StringIO()
    console.print(Table(name, (name, "n"), ((name, "1"),)), RichTable(title=name), name)
    harmless(console.file.getvalue().replace("w" * 5000, "", 2))


def test_errors_are_one_line(tmp_path):
    (tmp_path / "x.csv").write_text("id,label,prediction\n1,a\x1b[2J,1.5\n")
    done = CliRunner().invoke(
        main, ["judge", str(tmp_path / "x.csv"), "\x1b[2J\nno.csv", "--cell=1:2"]
    )
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    harmless(done.output)


def test_long_words_are_cut_in_the_middle():
    assert wording.cut("a" * 500 + "b") == "a" * 40 + "…" + "a" * 38 + "b"
    assert wording.cut("plain words stay " * 20) == "plain words stay " * 20
