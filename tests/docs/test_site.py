"""The documentation site, as `make docs` has just built it: whole, linked, alone."""

import os
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest


class Page(HTMLParser):
    """What a page of the site links to, loads, names and shows in its article."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.ids, self.shown = [], [], {""}, Counter()
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.ids.add(told.get("id") or "")
        if tag == "article":
            self.inside = True
        if tag == "a" and told.get("href"):
            self.links.append(told["href"])
        if tag == "link" and told.get("rel") != "canonical":
            self.loads.append(told["href"])
        if tag in {"script", "img", "iframe"} and told.get("src"):
            self.loads.append(told["src"])
        if self.inside:
            self.shown[tag] += 1

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "article"


@pytest.fixture(scope="module")
def site(project):
    if not (project / "site/index.html").is_file():
        pytest.skip("there is no site/; `make docs` builds it")
    return project / "site"


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_page_is_on_the_site(site, project):
    wanted = {path.relative_to(project).with_suffix("") for path in project.glob("docs/**/*.md")}
    built = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}
    assert wanted <= built
    assert {Path(name) for name in ("index", "CONTRIBUTING", "CHANGELOG")} <= built
    assert "What it is for" in (site / "docs/PRD.html").read_text("utf-8")


def test_every_link_of_the_site_leads_somewhere(pages):
    wrong = []
    for path, page in pages.items():
        if path.name == "404.html":  # a server's page: its links begin at the server's root
            continue
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = Path(os.path.normpath(path.parent / name)) if name else path
            known = pages[target].ids if target in pages else {""}
            if not target.is_file() or anchor not in known:
                wrong.append(f"{path.name}: {link}")
    assert not wrong


def test_nothing_is_fetched_from_elsewhere(site, pages):
    for path, page in pages.items():
        elsewhere = [name for name in page.loads if re.match(r"[a-z]*:?//", name)]
        assert not elsewhere, path
        if path.name != "404.html":
            missing = [name for name in page.loads if not (path.parent / name).is_file()]
            assert not missing, path
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text("utf-8"))


def test_search_works_on_pages_opened_from_a_folder(site, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no Chromium")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000")
    page = f"{(site / 'docs/method.html').as_uri()}?q=counter-slices"
    done = subprocess.run(
        [browser, *options, f"--user-data-dir={tmp_path}", "--dump-dom", page],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    found = re.search(r'md-search-result__meta">(\d+) matching documents', done.stdout)
    assert found, done.stderr[-2000:]
    assert int(found[1]) > 3


def test_the_reference_holds_every_public_function(site):
    page = (site / "docs/api/misread.judge.verdict.html").read_text("utf-8")
    for name in ("misread.judge.verdict.judge", "misread.judge.verdict.Verdict"):
        assert f'id="{name}"' in page
    assert "Holm (1979) corrects the target cells" in page
    package = (site / "docs/api/misread.judge.html").read_text("utf-8")
    assert 'href="misread.judge.verdict.html#misread.judge.verdict.judge"' in package
    assert 'href="api/misread.judge.pilot.html"' in (site / "docs/power.html").read_text("utf-8")


def test_the_site_reads_markdown_as_others_do(pages, site, project):
    """Lists, tables and code come out as in CommonMark, which shows the pages in a repository."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("gfm-like", {"linkify": False})
    for source in project.glob("docs/**/*.md"):
        built = site / source.relative_to(project).with_suffix(".html")
        wanted = Page(f"<article>{reader.render(source.read_text('utf-8'))}</article>").shown
        shown = pages[built].shown
        for tag in ("li", "tr", "h2", "h3", "img", "blockquote", "pre"):
            assert shown[tag] == wanted[tag], f"{source.name}: {shown[tag]} <{tag}>"


# --- what makes it fail ---------------------------------------------------------------------------


@pytest.fixture
def docs(site, project, monkeypatch):  # noqa: ARG001  where there is a site, its tools are there
    monkeypatch.syspath_prepend(str(project / "tools"))
    import docs

    return docs


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[fine](../README.md#one-heading) [code](../src/misread/__init__.py)", ""),
        ("[no page](nowhere.md)", "nowhere.md"),
        ("[no anchor](../README.md#another)", "another"),
    ],
)
def test_a_link_to_nowhere_is_an_error(docs, project, tmp_path, text, told, capfd):
    for name in ("docs/new", "src/misread", "tests"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copytree(project / "docs/site", tmp_path / "docs/site")
    (tmp_path / "tests/test_architecture.py").write_text("ORDER = ()\n")
    (tmp_path / "src/misread/__init__.py").write_text('"""One module."""\n')
    (tmp_path / "README.md").write_text(
        "# Start\n\n## One heading\n\n```text\n[x](gone.md)\n```\n\n[p](docs/judge.md)\n"
    )
    (tmp_path / "docs/judge.md").write_text(f"# Page\n\n{text}\n")
    (tmp_path / "docs/new/other.md").write_text("# Other\n\nWords.\n")
    code = docs.build(tmp_path, tmp_path / "work", tmp_path / "site")
    assert bool(code) == bool(told)
    assert told in "".join(capfd.readouterr())
    if not told:
        page = (tmp_path / "site/docs/judge.html").read_text("utf-8")
        assert 'href="api/misread.html"' in page
        menu = re.findall(r'href="(?:\.\./)*(?:docs/)?([\w/]+\.html)"', page)
        assert "new/other.html" in menu, "a page in a new folder finds its place in the menu"
