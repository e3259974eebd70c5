"""Figures, page and tables: they say what the evidence says, and the same each time."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib import get_backend, rcParams
from syrupy.assertion import SnapshotAssertion

from made_up import TARGET, changed, made_up
from misread import wording
from misread.show import style, words
from misread.show import target as tables
from misread.show.figures.preview import preview_figure
from misread.show.figures.training_curves import training_curves
from misread.show.report import command, report_html, write_report
from misread.show.study_figures import FIGURES, Drawn, draw_figures, write_figures
from misread.show.style import png
from misread.show.verdict import verdict_word
from misread.study.evidence import Evidence

VOID = {"meta", "img", "link", "br", "hr", "input"}


@pytest.fixture(scope="module")
def drawn() -> dict[str, Drawn]:
    return draw_figures(made_up())


class Page(HTMLParser):
    """Reads a page: its tags in order, its text, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.outline: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"{self.open} are not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        names = [f"{key}={value}" for key, value in attrs if key in ("id", "class")]
        if tag in {"section", "h1", "h2", "article", "figure", "details", "table", "caption", "p"}:
            self.outline.append("  " * len(self.open) + " ".join((tag, *names)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "title", "svg"} & set(self.open) and data.strip():
            self.text.append(" ".join(data.split()))


def test_every_figure_is_written_and_is_a_picture(tmp_path: Path, drawn: dict[str, Drawn]) -> None:
    paths = write_figures(made_up(), drawn, tmp_path / "figures")
    assert [path.stem for path in paths] == list(FIGURES)
    for path in paths:
        image = cv2.imread(str(path))
        assert image.shape[0] > 200
        assert image.shape[1] > 1000
        assert image.std() > 5, f"{path.name} is blank"


def test_figures_repeat_byte_by_byte_whatever_the_callers_style(
    drawn: dict[str, Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rcParams, "font.size", 30.0)
    monkeypatch.setitem(rcParams, "axes.grid", 1)
    backend = get_backend()
    for name in ("before_after", "misread_images", "ranked_cells"):
        assert png(FIGURES[name](made_up())) == drawn[name].png, name
    assert rcParams["font.size"] == 30.0, "drawing must leave the caller's style alone"
    assert get_backend() == backend


def test_a_figure_carries_no_date_and_no_program(drawn: dict[str, Drawn]) -> None:
    for figure in drawn.values():
        assert b"Software" not in figure.png
        assert b"tEXt" not in figure.png


def test_headlines_state_what_the_numbers_say(drawn: dict[str, Drawn]) -> None:
    title = drawn["before_after"].title
    item = words.slice_items(made_up(), "documented", made_up().slices[2])[words.Misreading.PAIR]
    assert item.status == "harmed"
    assert "4s thinned (erode 2 px) are read as 9" in title
    assert wording.percent(item.after) in title
    assert "documented" in drawn["collateral"].title
    assert f"{made_up().summary['target']['confirm']['mean']:.1f}" in (
        drawn["confusion_matrices"].title
    )


def test_the_page_stands_alone(tmp_path: Path, drawn: dict[str, Drawn]) -> None:
    path = write_report(changed(made_up(), folder=tmp_path), drawn)
    assert path == tmp_path / "report.html"
    html = path.read_text("utf-8")
    page = Page(html)
    bare = re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", bare, flags=re.DOTALL)
    templates = resources.files("misread.show") / "templates"
    ours = [(templates / f"{name}.js").read_text("utf-8").strip() for name in ("make", "explore")]
    assert [text.strip() for text in scripts[1:]] == ours
    assert [arm["name"] for arm in json.loads(scripts[0])["arms"]] == [*made_up().runs]
    for script in ours:
        bare = bare.replace(script, "")
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!data:|#)|<link", bare)
    assert not re.search(r"fetch|XMLHttp|import\(|innerHTML|eval|document.write", " ".join(ours))
    for tag, attributes in page.tags:
        for key in ("src", "href"):
            address = attributes.get(key)
            assert address is None or address.startswith(("data:image/png;base64,", "#")), address
        if tag == "svg":
            assert len(attributes["aria-label"] or "") > 20
            assert attributes["role"] == "img"
    ids = [str(attributes["id"]) for _, attributes in page.tags if "id" in attributes]
    marks = {name for name in ids if re.fullmatch("[mp][0-9a-f]{10}", name)}  # drawn alike if alike
    assert len(ids) - len(set(ids)) == sum(ids.count(name) - 1 for name in marks)
    assert sum(tag == "text" for tag, _ in page.tags) > 300, "text of figures is text"
    targets = set(ids)
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert {str(link).removeprefix("#") for link in links} <= targets


def test_the_page_repeats_byte_by_byte(drawn: dict[str, Drawn]) -> None:
    made_up.cache_clear()
    again = made_up()
    assert report_html(again, drawn) == report_html(made_up(), drawn)


def test_the_page_tells_every_verdict_with_its_reason(drawn: dict[str, Drawn]) -> None:
    text = " ".join(Page(report_html(made_up(), drawn)).text)
    for arm, verdict in made_up().verdicts.items():
        assert f"{arm} {verdict.verdict}" in text
        assert verdict.reason in text
        for item in verdict.collateral:
            assert item.name in text, "no item may be dropped"
    assert made_up().plan.sha256 in text
    assert command(made_up()) in text


def test_the_structure_of_the_page(drawn: dict[str, Drawn], snapshot: SnapshotAssertion) -> None:
    assert "\n".join(Page(report_html(made_up(), drawn)).outline) == snapshot


def test_what_proves_nothing_says_so_first(drawn: dict[str, Drawn]) -> None:
    why = "this is a smoke run: few images, one epoch; it proves nothing"
    evidence = made_up(exploratory=why)
    page = Page(report_html(evidence, drawn))
    assert page.text[:2] == ["Exploratory:", f"{why}."]
    assert "Exploratory" not in " ".join(Page(report_html(made_up(), drawn)).text)
    assert png(FIGURES["ranked_cells"](evidence)) != drawn["ranked_cells"].png


@pytest.mark.parametrize(
    "make",
    [
        lambda: made_up(1, ("documented",), error_rate=0.0),
        lambda: made_up(1, ("both",)),
        lambda: made_up(2, ()),
    ],
    ids=["zero errors", "one seed", "baseline only"],
)
def test_thin_evidence_is_shown_too(
    make: Callable[[], Evidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "DPI", 30)
    evidence = make()
    page = Page(report_html(evidence))
    assert {f"figure-{name}" for name in FIGURES} >= {
        str(attributes["id"]) for tag, attributes in page.tags if tag == "figure"
    }
    assert "| baseline |" in tables.results_markdown(evidence)


def test_names_of_classes_are_text_and_nothing_else() -> None:
    odd = ("<b>", "$x$", "a&b", "tab|le", *"456789")
    evidence = changed(made_up(), class_names=odd)
    html = report_html(evidence, dict.fromkeys(FIGURES, Drawn(b"", "<i>title")))
    assert "<b>" not in html
    assert "<i>" not in html
    Page(html)
    for name in ("confusion_matrices", "ranked_cells"):
        assert png(FIGURES[name](evidence))


def test_markdown_has_a_row_per_arm_with_the_numbers() -> None:
    evidence = made_up()
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in tables.results_markdown(evidence).splitlines()
        if line.startswith("| ")
    ]
    assert len({len(row) for row in rows}) == 1
    table = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[2:]}
    assert list(table) == list(evidence.arms)
    verdict = evidence.verdicts["documented"]
    row = table["documented"]
    assert row["Verdict"] == f"**{verdict_word(verdict)}**"
    cell = verdict.cells[0]
    assert row["4→9 per seed"].startswith(f"{cell.before_images:.1f} → {cell.after_images:.1f}")
    assert row["4→9, erode 2 px"].startswith("**"), "what is harmed stands out"
    assert wording.p_value(cell.p_holm) in row["Interval, p"]


def test_a_preview_needs_no_plan(tmp_path: Path) -> None:
    evidence = made_up()
    figure = preview_figure(evidence.train, TARGET, evidence.preview)
    path = style.write_png(tmp_path / "figures" / "preview.png", figure)
    assert path == tmp_path / "figures" / "preview.png"
    assert path.stat().st_size > 10_000
    ids = np.arange(200)
    assert preview_figure(evidence.train, TARGET, evidence.preview, ids=ids).get_axes()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (wording.percent(0.9912), "99.12%"),
        (wording.percent(0.0061), "0.61%"),
        (wording.percent(0.000001), "<0.01%"),
        (wording.percent(None), "–"),
        (wording.points(-0.0042), "−0.42 pp"),
        (wording.relative(3, 6), "−50%"),
        (wording.relative(3, 0), "–"),
        (words.fold(9, 2), "×4.5"),
        (words.fold(1, 0), ""),
        (wording.images(-0.04, sign=True), "0.0"),
        (wording.p_value(0.0005), "p < .001"),
        (wording.count(1, "seed"), "1 seed"),
        (wording.listed(["a"]), "a"),
        (wording.listed(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_are_written_one_way(told: str, expected: str) -> None:
    assert told == expected


def test_arms_that_train_longer_are_named_in_the_curves() -> None:
    evidence = made_up(2, ("documented",))
    assert training_curves(evidence).get_label().startswith("After 2 epochs the arms")
    runs = evidence.runs["documented"]
    short = tuple(seed[:1] for seed in runs.histories)
    vars(runs)["histories"] = short
    assert training_curves(evidence).get_label().startswith("After 1 to 2 epochs the arms")


def test_on_the_curve_of_a_trade_one_error_falls_as_the_other_rises() -> None:
    evidence = made_up()
    figure = FIGURES["trade"](evidence)
    curve = figure.get_axes()[0].get_lines()[0]
    x, y = (np.asarray(values) for values in curve.get_data())
    assert (np.diff(x) <= 0).all()
    assert (np.diff(y) >= 0).all()
    cell = evidence.verdicts["documented"].cells[0]
    assert x[0] > 100 * cell.before > x[-1] == pytest.approx(0, abs=1e-9)
    point = figure.get_axes()[0].get_lines()[1].get_data()
    assert point[0] == pytest.approx(100 * cell.before)
