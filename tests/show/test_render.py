"""One verdict on the terminal, in Markdown and on a page: the same rows and words in all three."""

import io
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from misread import wording
from misread.show import words
from misread.show.render import (
    verdict_brief,
    verdict_html,
    verdict_markdown,
    verdict_table,
    verdict_text,
)
from misread.show.table import Table, html_table
from misread.show.verdict import summary_of
from verdict_cases import ODD, cases, real

NAMES = list(cases())


def test_there_is_a_verdict_of_every_kind():
    assert {v.verdict for v in cases().values()} == {"REDUCED", "NOT SHOWN", "UNDERPOWERED", "HARM"}
    assert {v.design for v in cases().values()} == {
        "paired seeds", "unpaired seeds", "one seed each",
    }  # fmt: skip
    assert cases()["harm-by-slice"].cells[0].p_holm > 0.05
    assert cases()["reduced-undetermined"].qualifier == "collateral undetermined"
    assert cases()["exploratory"].exploratory


class Reader(HTMLParser):
    """Reads HTML: rows of its tables, all of its text, its tags and comments; tags must close."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.text, self.tags, self.comments, self.open = [], [], set(), [], []
        self.feed(page)
        self.close()
        assert not self.open, f"{self.open} are not closed"
        self.told = " ".join("".join(self.text).split())

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        self.tags.add(tag)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_comment(self, data):
        self.comments.append(data.strip())

    def handle_data(self, data):
        self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def from_markdown(text):
    return Reader(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def shown(table):
    return [list(row) for row in (table.heads, *table.rows)]


@pytest.mark.parametrize("name", NAMES)
def test_terminal(name, snapshot):
    text = verdict_text(cases()[name], width=80)
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert text == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_markdown(name, snapshot):
    assert verdict_markdown(cases()[name]) == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_html(name, snapshot):
    page = verdict_html(cases()[name])
    Reader(page)
    assert page == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_all_renderings_hold_the_same_rows_and_words(name):
    verdict = cases()[name]
    summary = summary_of(verdict, 1000)
    markdown = from_markdown(verdict_markdown(verdict, top=1000))
    html = Reader(verdict_html(verdict))
    terminal = " ".join(verdict_text(verdict, top=1000, width=1000).split())
    for table in (summary.targets, summary.behind, summary.items, summary.slices):
        for row in shown(table) if table.rows else []:
            plain = [" ".join(cell.split()) for cell in row]
            assert plain in [[" ".join(c.split()) for c in r] for r in markdown.rows]
            assert plain in [[" ".join(c.split()) for c in r] for r in html.rows]
    heads = summary.targets.heads[1:] + summary.behind.heads[1:]
    for row, more in zip(summary.targets.rows, summary.behind.rows, strict=True):
        values = zip(heads, row[1:] + more[1:], strict=True)
        stacked = " ".join(f"{head} {value}" for head, value in values)
        assert " ".join(f"{row[0]} {stacked}".split()) in terminal
    for row in (*summary.items.rows, *summary.slices.rows):
        assert " ".join(" ".join(row).split()) in terminal
    sentences = [
        summary.word,
        summary.reason,
        summary.exploratory,
        summary.broken,
        *summary.caveats,
    ]
    for sentence in (" ".join(s.split()) for s in sentences):
        assert sentence in terminal
        assert sentence in markdown.told
        assert sentence in html.told


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_are_the_numbers_of_the_verdict(name):
    verdict = cases()[name]
    summary = summary_of(verdict)
    for cell, row in zip(verdict.cells, summary.targets.rows, strict=True):
        told = dict(zip(summary.targets.heads, row, strict=True))
        before, after = re.findall(r"[\d.,]+(?= →|(?<=→ )[\d.,]+| of)", told["Errors per seed"])[:2]
        assert float(before.replace(",", "")) == pytest.approx(cell.before_images, abs=0.051)
        assert float(after.replace(",", "")) == pytest.approx(cell.after_images, abs=0.051)
        ends = re.findall(r"[+−]?[\d.]+", told["95% interval"])
        low, high = (float(end.replace("−", "-")) for end in ends)
        assert low == pytest.approx(cell.effect.low * cell.n_images, abs=0.051)
        assert high == pytest.approx(cell.effect.high * cell.n_images, abs=0.051)
        assert told["p (Holm)"] == wording.p_number(cell.p_holm)
    statuses = [row[1] for row in (*summary.items.rows, *summary.safe.rows)]
    assert len(statuses) == len(verdict.collateral), "no item may be dropped"
    assert statuses == sorted(statuses, key=("harmed", "undetermined", "safe", "scanned").index)


def test_what_is_exploratory_says_so_on_the_first_line():
    verdict = cases()["exploratory"]
    for text in (verdict_text(verdict), verdict_markdown(verdict)):
        assert "Exploratory: the plan was changed" in text.splitlines()[0]
    assert Reader(verdict_html(verdict)).told.startswith("Exploratory: the plan was changed")
    assert "Exploratory" not in verdict_text(cases()["reduced"])


def test_only_a_terminal_gets_colour():
    screen = io.StringIO()
    Console(file=screen, force_terminal=True, color_system="standard").print(
        verdict_table(cases()["harm-by-slice"])
    )
    assert "\x1b[1;31mHARM\x1b[0m" in screen.getvalue()
    paper = io.StringIO()
    Console(file=paper).print(verdict_table(cases()["harm-by-slice"]))
    assert "\x1b" not in paper.getvalue()


def test_a_bot_finds_its_own_comment():
    lines = verdict_markdown(cases()["harm-by-slice"]).splitlines()
    assert lines[-1] == "<!-- misread verdict documented -->"
    odd = from_markdown(verdict_markdown(cases()["odd-names"]))
    assert odd.comments[-1] == "misread verdict new-arm"


def test_odd_names_of_classes_stay_text():
    verdict = cases()["odd-names"]
    page = from_markdown(verdict_markdown(verdict, top=1000))
    assert page.tags <= {
        "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ul", "li",
        "blockquote",
    }  # fmt: skip
    assert not re.search(r"[@#]\w", verdict_markdown(verdict)), "nobody is called"
    html = verdict_html(verdict)
    assert "<b>" not in html
    assert "<new>" not in html
    names = [re.sub(r"[\n\x1b]", " ", name) for name in ODD]
    for text in (page.told, Reader(html).told, verdict_text(verdict, top=1000, width=500)):
        assert all(" ".join(name.split()) in " ".join(text.split()) for name in names)
        assert "\x1b" not in text


def test_few_items_are_written_out_and_the_rest_is_counted():
    verdict = real("swapped", 1)
    left = verdict.n_harmed + verdict.n_undetermined - 2
    for text in (verdict_text(verdict, top=2), verdict_markdown(verdict, top=2)):
        assert f"and {left} more that are not safe, and {verdict.n_safe} safe" in text
    assert "recall of 9" not in verdict_markdown(verdict, top=2)
    assert "recall of 9" in verdict_markdown(verdict)


def test_a_run_s_summary_stops_after_the_counts():
    verdict = cases()["harm-by-slice"]
    paper = io.StringIO()
    Console(file=paper, width=400).print(verdict_brief(verdict))
    lines = [line.rstrip() for line in paper.getvalue().splitlines()]
    assert lines == [
        "HARM · documented",
        verdict.reason,
        f"What it broke: {summary_of(verdict).broken}.",
    ]


def test_a_setting_is_said_as_it_is():
    assert words._setting("augment", {"rotate_deg": 0}) == "augment (rotate 0°)"
    assert words._setting("share", 0.9995) == "share 0.9995"
    assert words._at_work({"scale": 0.1, "shear": 0, "elastic_smooth_px": 4.0}) == {"scale": 0.1}


def test_a_column_of_text_is_read_from_the_left():
    page = html_table(Table("t", ("arm", "n", "why"), (("a", "1", "b"),), align="lrl"))
    assert '<th scope="col">n</th><th scope="col" class="left">why</th>' in page
    assert '<td>1</td><td class="left">b</td>' in page
