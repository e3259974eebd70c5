"""Names from outside are only ever text: page, SVG, JSON inside, terminal, Markdown, CSV."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from misread.files import csv_to_bytes
from misread.judge import Predictions, Verdict, judge
from misread.readers.answers import Answer, read_answers
from misread.show.judged import Judged, judged_page
from misread.show.render import verdict_html, verdict_markdown, verdict_table
from misread.view.flags import Flags

NAMES = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "<!--<svg onload=alert(4)>",
    "]]></style><b>",
    "&lt;i&gt; &amp;",
    "{{ 7 * 7 }} $x^2$ %s",
    "\x1b[2J\x1b]0;title\x07",
    "dog\u202egnp.exe",
    "\u2066turned\u2069",
    "=HYPERLINK(1)",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "a|b `c` **d** [e](javascript:alert(5))",
    "javascript:alert(6)",
)
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
BEFORE, AFTER = "before <b>\x1b[31m\u202e", "after </script>"


@pytest.fixture(scope="module")
def sides() -> dict[str, Predictions]:
    n_classes = len(NAMES)
    labels_N = np.repeat(np.arange(n_classes), 40)
    ids = [f"{NAMES[k]}{n}" for n, k in enumerate(labels_N)]

    def side(n_wrong: int) -> Predictions:
        preds_SN = np.tile(labels_N, (4, 1))
        for k in range(n_classes):
            preds_SN[:, 40 * k : 40 * k + n_wrong] = (k + 1) % n_classes
        names = {"class_names": NAMES, "ids": ids, "seeds": NAMES[:4]}
        groups = [NAMES[n % n_classes] for n in range(labels_N.size)]
        return Predictions.from_arrays(labels_N, preds_SN, groups=groups, **names)

    return {BEFORE: side(12), AFTER: side(3)}


@pytest.fixture(scope="module")
def verdict(sides: dict[str, Predictions]) -> Verdict:
    return judge(*sides.values(), cells=[(NAMES[0], NAMES[1])], arm=AFTER)


class Tags(HTMLParser):
    """Collects the tags of a page, and the names of their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]


@pytest.fixture(scope="module")
def page(sides: dict[str, Predictions], verdict: Verdict) -> str:
    images = np.zeros((len(NAMES) * 40, 8, 8), np.uint8)
    judged = Judged(sides, verdicts=[verdict], pictures=lambda _, places: images[places])
    return judged_page(judged)


def test_a_page_with_its_figures_has_no_tag_but_ours(page):
    it = Tags(page)
    assert it.tags.count("script") == 3  # the data, and two of ours
    assert it.tags.count("svg") == 2, "a figure for each side"
    assert not {"img", "iframe", "b", "i", "object"} & set(it.tags)
    for key, value in it.attributes:
        assert not key.startswith("on"), key
        assert key not in ("href", "src") or value.startswith("#"), value
    assert all(sign.isprintable() or sign == "\n" for sign in page)
    assert "&amp;lt;i&amp;gt;" in page, "what was written is what is read"


def test_json_in_a_page_holds_every_name_and_cannot_be_left(page):
    text = re.search(r'id="explore-data">(.*?)</script>', page, re.DOTALL)[1]
    assert not set("<>&") & set(text)
    data = json.loads(text)
    assert data["classes"][:7] == list(NAMES[:7])
    assert data["classes"][7:9] == ["�[2J�]0;title�", "dog�gnp.exe"]
    part = data["parts"][0]
    assert {name.rstrip("0123456789") for name in part["names"]} <= {
        name.rstrip("0123456789") for name in NAMES
    }
    assert "\x1b" in "".join(part["names"]), "ids stay whole, for flags"
    assert all(name.isprintable() for name in part["ids"])


def test_a_terminal_is_not_steered(verdict):
    from misread.cli.options import _Plain

    console = _Plain()
    text = io.StringIO()
    console.file, console.width = text, 200
    assert isinstance(console, Console)
    console.print(verdict_table(verdict))
    assert all(sign.isprintable() or sign == "\n" for sign in text.getvalue())
    assert "<script>alert(1)</script>" in text.getvalue()


def test_markdown_and_a_piece_of_html_show_names_as_text(verdict):
    for text in (verdict_markdown(verdict), verdict_html(verdict)):
        assert all(sign.isprintable() or sign == "\n" for sign in text)
        bare = re.sub(r"`[^`]*`", "", text)
        assert not {"script", "img", "svg", "b", "i"} & set(Tags(bare).tags)
    assert "](javascript" not in re.sub(r"`[^`]*`", "", verdict_markdown(verdict))


def test_a_csv_has_no_formulas_and_ids_come_back_as_they_were(tmp_path):
    rows = [{"id": name, "answer": "wrong"} for name in (*NAMES, "'=1", "-5", "+0.5", "7")]
    content = csv_to_bytes(rows)
    for (name, _), row in zip(
        list(csv.reader(io.StringIO(content.decode())))[1:], rows, strict=True
    ):
        assert not name.startswith(FORMULAS) or re.fullmatch(r"[-+][\d.]+", name), row
    path = tmp_path / "answers.csv"
    path.write_bytes(content)
    assert list(read_answers(path)) == [row["id"] for row in rows]
    flags = Flags(tmp_path / "flags.csv", frozenset(NAMES))
    for name in NAMES:
        flags.give(name, Answer.UNCLEAR)
    assert flags.read() == dict.fromkeys(NAMES, Answer.UNCLEAR)
