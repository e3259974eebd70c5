"""Pages are short, and begin with what one can do after reading them."""

import pytest


@pytest.fixture
def words(project, monkeypatch):
    monkeypatch.syspath_prepend(str(project / "tools"))
    import words

    return words


def test_the_docs_are_no_longer_than_a_reader_can_bear(words):
    of_page = words.counts()
    assert sum(of_page.values()) <= words.MOST, "run python tools/words.py, and shorten a page"


def test_every_page_begins_with_what_one_can_do_after_it(project):
    for page in (project / "docs").rglob("*.md"):
        head = page.read_text("utf-8").split("\n\n")[:3]
        assert any(part.startswith("After this page you can ") for part in head), page.name


def test_blocks_of_code_and_what_commands_write_do_not_count(words, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(
        "# Two words\n\n```bash\nls -l\n```\n\n| a | 1 |\n|---|---|\n\n"
        "<!-- misread report x -->\nnot these\n<!-- end of misread report -->\n"
    )
    (tmp_path / "docs/cli.md").write_text("nor these\n")
    assert words.counts(tmp_path) == {"README.md": 4}
