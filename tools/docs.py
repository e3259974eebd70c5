"""Build the documentation site: `make docs`, then open site/index.html.

Its pages are README.md and its neighbours, everything in docs/, and one page per module from its
docstrings. They are gathered in build/docs/ under the same paths as in the repository, so that a
link that works there works on the site too; MkDocs then builds it as mkdocs.yml says. A warning,
such as a link to nowhere, is an error.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from generated import module_table, modules, summary

PROJECT = Path(__file__).resolve().parent.parent

# Pages outside docs/ that come along.
ROOTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "src/misread/data/mnist/SOURCES.md")
CLI = "docs/cli.md"
API = "docs/api"
# The menu, part by part; a page that is in none stands with the studies, one of docs/results/
# with the results.
MENU = {
    "Start": ("README.md",),
    "Judge your own predictions": tuple(
        f"docs/{name}.md" for name in ("judge", "view", "atlas", "power", "labels")
    ),
    "Run a study": tuple(f"docs/{name}.md" for name in ("run", "study", "trainer", "fix", "data")),
    "Results": ("docs/originals.md", "docs/results/four-nine.md", "docs/questions.md"),
    "Method": ("docs/method.md", "docs/calibration.md", "docs/adaptive.md"),
    "Reference": (CLI, "docs/benchmarks.md", f"{API}/index.md"),
    "Carry on": (
        ROOTS[1],
        *(f"docs/{name}.md" for name in ("PLANNING", "PRD", "TASKS", "decisions", "log")),
        *ROOTS[2:],
    ),
}

FENCE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1[`~]* *$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s#:]+)")  # a path to a page or picture; with a colon it is an address

API_HEAD = """# Python reference

Most readers need `Predictions`, `judge` and its `Verdict`; [Judging any classifier](../judge.md)
shows them at work. Modules stand in the order of imports: a module uses only those above it. Array
names carry their axes (`preds_SN`: S seeds × N images), numbers their unit.

"""


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Return a page with everything changed but its blocks of code."""
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def gather(project: Path, pages: Path) -> None:
    """Fill a new folder with docs/, the pages beside it and what they link to.

    A link to a module goes to its page.
    """
    shutil.copytree(project / "docs", pages / "docs", ignore=shutil.ignore_patterns("site"))
    shutil.copytree(project / "docs" / "site", pages / "assets")
    for name in ROOTS:
        _copy(project / name, pages / name)
    targets = api_pages(project)
    for page in list(pages.rglob("*.md")):
        folder = page.relative_to(pages).parent
        text = outside_fences(page.read_text("utf-8"), partial(_redirected, targets, folder))
        page.write_text(text, "utf-8")
        for link in LINK.findall(text):
            path = os.path.normpath(folder / link)
            if not path.startswith("..") and not (pages / path).exists():
                _copy(project / path, pages / path)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, where it is one."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _redirected(targets: dict[str, str], folder: Path, text: str) -> str:
    """Return text of a page in a folder, with links to modules as links to their pages."""

    def redirected(link: re.Match[str]) -> str:
        path = os.path.normpath(folder / link[1])
        return f"]({os.path.relpath(targets.get(path, path), folder)}"

    return LINK.sub(redirected, text)


def api_pages(project: Path) -> dict[str, str]:
    """Return the page of every module's path; the command line's modules share its page."""
    return {
        path: CLI if re.match(r"misread\.(cli|__main__)", name) else f"{API}/{name}.md"
        for path, name in modules(project).items()
    }


def write_api(project: Path, pages: Path) -> None:
    """Write a page per module, which mkdocstrings fills, and one that lists them."""
    targets = api_pages(project)
    (pages / API).mkdir()
    for path, name in modules(project).items():
        if targets[path] == CLI:
            continue
        body = f"# `{name}`\n\n::: {name}\n"
        if path.endswith("__init__.py") and "\n__all__ = " in (project / path).read_text("utf-8"):
            body += f"    options:\n      members: false\n\n{offers(project / path)}"
        (pages / targets[path]).write_text(body, "utf-8")
    link = lambda path, name: f"[`{name}`]({os.path.relpath(targets[path], API)})"  # noqa: E731
    (pages / API / "index.md").write_text(API_HEAD + module_table(project, link), "utf-8")


def offers(package: Path) -> str:
    """Return what a package's `__all__` takes from its modules, as a table.

    Of a package that loads its names when they are asked for, they stand in `__init__.pyi`.
    """
    stub = package.with_suffix(".pyi")
    root = next(folder for folder in package.parents if not (folder / "__init__.py").exists())
    package = stub if stub.exists() else package
    rows: dict[str, str] = {}
    offered: tuple[str, ...] = ()
    for node in ast.parse(package.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            offered = ast.literal_eval(node.value)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("misread"):
            file = root / f"{node.module.replace('.', '/')}.py"
            file = file if file.exists() else file.with_suffix("") / "__init__.py"
            for alias in node.names:
                name = alias.asname or alias.name
                text = summary(file, alias.name)  # a constant has none, and no place of its own
                link = f"[`{name}`][{node.module}.{alias.name}]" if text else f"`{name}`"
                rows[name] = f"| {link} | {text} |\n"
    lines = (rows[name] for name in offered if name in rows)
    return "".join(["| name | what it is |\n| --- | --- |\n", *lines])


def menu(pages: Path) -> list[dict[str, Any]]:
    """Return MkDocs' `nav` of all pages that are there."""
    names = sorted(path.relative_to(pages).as_posix() for path in pages.rglob("*.md"))
    parts: dict[str, list[Any]] = {
        title: [name for name in placed if name in names] for title, placed in MENU.items()
    }
    packages: dict[str, list[dict[str, str]]] = {}
    for name in sorted({*names} - {*chain(*MENU.values())}):
        folder = Path(name).parent.as_posix()
        if folder == API:
            module = Path(name).stem.removeprefix("misread.")
            packages.setdefault(module.partition(".")[0], []).append({module: name})
        else:
            parts["Results" if folder == "docs/results" else "Run a study"].append(name)
    parts["Reference"] += [{name: links} for name, links in packages.items() if len(links) > 1]
    small = [link for links in packages.values() if len(links) == 1 for link in links]
    parts["Reference"].append({"others": small})
    return [{"Start": parts.pop("Start")[0]}, *({title: part} for title, part in parts.items())]


def build(project: Path, work: Path, site: Path) -> int:
    """Build the site of a project, and return MkDocs' exit code.

    `work` is emptied and then holds the gathered pages; MkDocs empties `site` and writes it.
    """
    shutil.rmtree(work, ignore_errors=True)
    pages = work / "pages"
    gather(project, pages)
    write_api(project, pages)
    settings = {
        "INHERIT": str(PROJECT / "mkdocs.yml"),
        "docs_dir": str(pages),
        "site_dir": str(site),
        "nav": menu(pages),
    }
    (work / "mkdocs.yml").write_text(json.dumps(settings, indent=1), "utf-8")  # JSON is YAML
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(  # noqa: S603  our own arguments, no shell
        [*command, "--config-file", str(work / "mkdocs.yml")],
        env=os.environ | {"PYTHONPATH": str(project / "src"), "NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    if code := build(PROJECT, PROJECT / "build" / "docs", PROJECT / "site"):
        sys.exit(code)
    print(f"Written: {PROJECT / 'site' / 'index.html'}")
