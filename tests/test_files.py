"""Files that are whole or not there, in their folder and nowhere else."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from misread.cli import main
from misread.errors import DataError, StudyError
from misread.files import file_name, path_in
from misread.readers.read import read_predictions

HOSTILE = [
    "../../x", "..", ".", "", "/etc/passwd", "a/b", "a\\b", "C:x", "con", "NUL.png", "lpt1", "a\0b",
    "x" * 5000, "ü" * 5000, "\u202egnp.exe", "\x1b[2J", "a\nb", " x ", "...", ".hidden", "a.",
    "😀" * 99,
]  # fmt: skip


@given(st.text() | st.sampled_from(HOSTILE), st.text())
def test_a_name_from_data_is_one_part_of_a_path_in_its_folder(text, ending):
    folder = Path("/a/b")
    path = path_in(folder, text, f"{text}{ending}.png")
    assert path.parent.parent == folder
    for name in path.parts[-2:]:
        assert name == file_name(name)  # once is enough
        assert name.isprintable()
        assert 0 < len(name.encode("utf-8", "replace")) <= 250
        assert not set(name) & set('/\\:*?"<>|')
        assert name[0] != "."


def test_plain_names_stay_and_long_ones_differ(tmp_path):
    assert file_name("erode-2.png") == "erode-2.png"
    assert file_name("x" * 5000 + "1.png") != file_name("x" * 5000 + "2.png")
    assert file_name("x" * 5000 + ".png").endswith(".png")
    for number, name in enumerate(HOSTILE):
        path = path_in(tmp_path, f"{number} {name}")
        path.write_bytes(b"")
    assert len(list(tmp_path.rglob("*"))) == len(HOSTILE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["judge", "{}", "{}", "--cell", "4:9"],
        ["atlas", "{}"],
        ["data", "check", "npz:{}"],
        ["data", "show", "folder:{}"],
        ["data", "check", "idx:{}"],
        ["run", "{}.toml"],
        ["run", "four-nine", "--smoke", "--out", "{}"],
        ["report", "{}"],
        ["slices", "{}"],
        ["read", "{}"],
        ["transfer", "{}", "--data", "npz:{}"],
        ["corruptions", "{}"],
        ["errors", "{}"],
        ["preview", "{}.toml"],
        ["calibrate", "--out", "{}"],
    ],
)
@pytest.mark.parametrize("path", ["x" * 5000, "a/" * 3000, "nowhere", "\u202e", "[red]"])
def test_no_path_ends_in_a_traceback(arguments, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "--smoke" in arguments and len(path) < 100:
        pytest.skip("that would train")
    if arguments[0] == "calibrate" and len(path) < 100:
        pytest.skip("that would calibrate")
    done = CliRunner().invoke(main, [part.replace("{}", path) for part in arguments])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2
    assert done.output.startswith("Usage: ") or "\nmisread: " in f"\n{done.output}", done.output


def test_a_path_with_a_nul_is_refused():
    with pytest.raises(DataError, match="is not a path"):
        read_predictions("a\0b.npz")
    from misread.data.sources import load

    with pytest.raises(StudyError, match="cannot be printed"):
        load("npz:a\0b")
